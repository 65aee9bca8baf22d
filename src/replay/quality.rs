//! Qualities as recordings write them.

use crate::driver::opcua::quality_of_code;
use crate::model::{Quality, Reason};

/// What [`parse_quality`] accepts, for messages.
pub(super) const ALLOWED: &str = "good, uncertain[:reason], bad[:reason], an OPC UA status code \
     (0x80000000) or an OPC DA quality (192, 0xC0); a plain 0 is Good in OPC UA and Bad in OPC DA, so it must be \
     written 0x00000000 or bad";

/// Reads `good`, `uncertain[:reason]` and `bad[:reason]` in any case (reasons: [`Reason::as_str`]), an OPC UA
/// status code, or an OPC DA quality of one byte, decimal or hexadecimal.
///
/// A number with a value of one byte is an OPC DA quality, whose two highest bits decide (0xC0 = 192 Good, 0x40
/// Uncertain, 0x00 Bad, OPC DA 3.0 §6.8); `0x` with eight digits is always an OPC UA code. A plain `0` means Good
/// in one and Bad in the other world: it is refused rather than guessed.
pub fn parse_quality(text: &[u8]) -> Option<Quality> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (word, reason) = match text.split_once(':') {
        Some((word, reason)) => (word, Some(reason.trim())),
        None => (text, None),
    };
    let is = |expected: &str| word.trim().eq_ignore_ascii_case(expected);
    match reason {
        None if is("good") => Some(Quality::Good),
        _ if is("uncertain") => named(reason).map(Quality::Uncertain),
        _ if is("bad") => named(reason).map(Quality::Bad),
        None => number(text),
        Some(_) => None,
    }
}

fn named(reason: Option<&str>) -> Option<Reason> {
    let Some(name) = reason else {
        return Some(Reason::Unspecified);
    };
    let is_meant = |reason: &Reason| reason.as_str().eq_ignore_ascii_case(name);
    Reason::ALL.into_iter().find(is_meant)
}

fn number(text: &str) -> Option<Quality> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let code = match hex {
        Some(digits) if is_digits(digits) => u32::from_str_radix(digits, 16).ok()?,
        None if is_digits(text) => text.parse().ok()?,
        _ => return None,
    };
    let is_status_code = hex.is_some_and(|digits| digits.len() == 8);
    match code {
        0 if !is_status_code => None,
        1..=255 if !is_status_code => Some(match code & 0xC0 {
            0xC0 => Quality::Good,
            0x40 => Quality::Uncertain(Reason::Unspecified),
            _ => Quality::Bad(Reason::Unspecified),
        }),
        _ => Some(quality_of_code(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Quality>) {
        assert_eq!(parse_quality(text.as_bytes()), expected, "{text:?}");
    }

    #[test]
    fn names_are_read_in_any_case() {
        check("good", Some(Quality::Good));
        check(" Good ", Some(Quality::Good));
        check("BAD", Some(Quality::Bad(Reason::Unspecified)));
        check("uncertain", Some(Quality::Uncertain(Reason::Unspecified)));
        check("bad:comm_failure", Some(Quality::Bad(Reason::CommFailure)));
        check("Uncertain: stuck", Some(Quality::Uncertain(Reason::Stuck)));
        check("bad:tired", None);
        check("good:stuck", None);
        check("fine", None);
        check("", None);
    }

    #[test]
    fn numbers_are_opc_da_or_opc_ua() {
        check("192", Some(Quality::Good));
        check("0xC0", Some(Quality::Good));
        check("216", Some(Quality::Good));
        check("64", Some(Quality::Uncertain(Reason::Unspecified)));
        check("24", Some(Quality::Bad(Reason::Unspecified)));
        check("0", None);
        check("0x0", None);
        check("0x00000000", Some(Quality::Good));
        check("0x80000000", Some(Quality::Bad(Reason::Unspecified)));
        check("0x808C0000", Some(Quality::Bad(Reason::SensorFailure)));
        check("2156658688", Some(Quality::Bad(Reason::SensorFailure)));
        check("0x40900000", Some(Quality::Uncertain(Reason::LastKnown)));
        check("0x+8", None);
        check("+192", None);
        check("-1", None);
        check("99999999999", None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..30)) {
            parse_quality(&bytes);
        }

        #[test]
        fn every_quality_is_read_back(code in any::<u8>()) {
            if let Some(quality) = Quality::from_code(code) {
                let text = crate::record::json::quality_text(code).to_string();
                prop_assert_eq!(parse_quality(text.as_bytes()), Some(quality));
            }
        }
    }
}
