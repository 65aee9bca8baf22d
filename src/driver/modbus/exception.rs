//! What a device means by an exception code. Pure.

use crate::model::Reason;

/// What an exception code says about the values asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The device does not offer them.
    Refused,
    /// They cannot be had now.
    Bad(Reason),
    /// A gateway got no answer from the unit.
    UnitSilent,
}

/// After Modbus Application Protocol V1.1b3, §7.
pub(super) const fn meaning(exception: u8) -> Meaning {
    match exception {
        1..=3 => Meaning::Refused,
        4 | 8 => Meaning::Bad(Reason::DeviceFailure),
        10 | 11 => Meaning::UnitSilent,
        _ => Meaning::Bad(Reason::CommFailure),
    }
}

/// Stands for a block that is never answered by a device that answers elsewhere; not a code of the protocol.
pub(super) const NO_ANSWER: u8 = 0;

/// An exception code in words.
pub(super) fn describe(exception: u8) -> String {
    if exception == NO_ANSWER {
        return "no answer, while the device answers elsewhere".to_owned();
    }
    let words = match exception {
        1 => "illegal function",
        2 => "illegal data address",
        3 => "illegal data value",
        4 => "device failure",
        5 => "acknowledged, not ready",
        6 => "device busy",
        8 => "memory parity error",
        10 => "gateway path unavailable",
        11 => "the unit behind the gateway does not answer",
        _ => "unknown refusal",
    };
    format!("{words} (exception {exception})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_failures_and_passing_trouble_are_told_apart() {
        for code in 0..=u8::MAX {
            let expected = match code {
                1..=3 => Meaning::Refused,
                4 | 8 => Meaning::Bad(Reason::DeviceFailure),
                10 | 11 => Meaning::UnitSilent,
                _ => Meaning::Bad(Reason::CommFailure),
            };
            assert_eq!(meaning(code), expected, "{code}");
        }
    }

    #[test]
    fn every_code_reads_as_words_with_its_number() {
        let expect = |code: u8, text: &str| assert_eq!(describe(code), text);
        expect(1, "illegal function (exception 1)");
        expect(2, "illegal data address (exception 2)");
        expect(3, "illegal data value (exception 3)");
        expect(4, "device failure (exception 4)");
        expect(5, "acknowledged, not ready (exception 5)");
        expect(6, "device busy (exception 6)");
        expect(8, "memory parity error (exception 8)");
        expect(10, "gateway path unavailable (exception 10)");
        expect(
            11,
            "the unit behind the gateway does not answer (exception 11)",
        );
        expect(0, "no answer, while the device answers elsewhere");
        expect(99, "unknown refusal (exception 99)");
    }
}
