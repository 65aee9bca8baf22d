//! Decimal numbers, fast.

/// Powers of ten that double precision holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// Integers up to here are exact in double precision.
const EXACT_MAX: u64 = 1 << 53;

/// The number that a text stands for, correctly rounded; `NaN` and infinities included. With `decimal_comma` the
/// fraction may follow a comma.
///
/// Most recorded numbers are short. When both the digits and the power of ten are exact in double precision, one
/// division rounds correctly (W. D. Clinger, "How to read floating point numbers accurately", PLDI 1990, §3);
/// everything else goes the standard library's way.
pub fn parse_number(text: &[u8], decimal_comma: bool) -> Option<f64> {
    short(text, decimal_comma).or_else(|| general(text, decimal_comma))
}

fn short(text: &[u8], decimal_comma: bool) -> Option<f64> {
    let (is_negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.len() > 17 {
        return None;
    }
    let mut mantissa: u64 = 0;
    let mut after_point = None;
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            b'.' if after_point.is_none() => after_point = Some(at + 1),
            b',' if decimal_comma && after_point.is_none() => after_point = Some(at + 1),
            _ => return None,
        }
    }
    let decimals = after_point.map_or(0, |at| digits.len() - at);
    let has_digits = digits.len() > usize::from(after_point.is_some());
    let power = POWERS.get(decimals)?;
    if mantissa > EXACT_MAX || !has_digits {
        return None;
    }
    let value = mantissa as f64 / power;
    Some(if is_negative { -value } else { value })
}

fn general(text: &[u8], decimal_comma: bool) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(_) if decimal_comma && !text.contains('.') => text.replacen(',', ".", 1).parse().ok(),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<f64>) {
        assert_eq!(parse_number(text.as_bytes(), false), expected, "{text:?}");
    }

    #[test]
    fn numbers_of_every_length_are_read() {
        check("0", Some(0.0));
        check("-0.5", Some(-0.5));
        check("+7", Some(7.0));
        check(".5", Some(0.5));
        check("5.", Some(5.0));
        check("71.25", Some(71.25));
        check("9007199254740993", Some(9_007_199_254_740_992.0));
        check("0.1234567890123456789", Some(0.123_456_789_012_345_68));
        check("1e3", Some(1000.0));
        check("-2.5E-3", Some(-0.0025));
        check("inf", Some(f64::INFINITY));
        assert!(parse_number(b"NaN", false).unwrap().is_nan());
        assert!(parse_number(b"-0", false).unwrap().is_sign_negative());
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in [
            "", "-", ".", "-.", "1.2.3", "1,5", "0x10", "12 ", "bad", "--1", "\u{fe}",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_decimal_comma_is_read_where_it_may_be() {
        assert_eq!(parse_number(b"12,5", true), Some(12.5));
        assert_eq!(
            parse_number(b"-1,00000000000000000000000001", true),
            Some(-1.0)
        );
        assert_eq!(parse_number(b"12.5", true), Some(12.5));
        assert_eq!(parse_number(b"1.234,5", true), None);
        assert_eq!(parse_number(b"1,234,5", true), None);
    }

    proptest! {
        #[test]
        fn every_number_is_rounded_as_the_standard_library_does(text in "[-+]?[0-9]{0,12}[.]?[0-9]{0,12}") {
            let expected: Option<f64> = text.parse().ok();
            prop_assert_eq!(parse_number(text.as_bytes(), false), expected);
        }

        #[test]
        fn every_finite_number_comes_back(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            prop_assert_eq!(parse_number(x.to_string().as_bytes(), false), Some(x));
            prop_assert_eq!(parse_number(format!("{x:e}").as_bytes(), true), Some(x));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), comma: bool) {
            parse_number(&bytes, comma);
        }
    }
}
