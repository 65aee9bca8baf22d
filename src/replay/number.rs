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

/// The number that `line` begins with and its length, when a separator follows within eight bytes and nothing but
/// digits, a minus and a point stand before it. Otherwise nothing, and [`parse_number`] has to look.
///
/// Wide recordings have thousands of such cells in a row. Eight bytes are looked at as one integer, as in D. Lemire,
/// "Number parsing at a gigabyte per second", Software: Practice and Experience 51 (2021): no branch depends on how
/// long a number is, which no processor can foretell.
#[inline]
pub(super) fn leading_number(line: &[u8], separator: u8) -> Option<(f64, usize)> {
    let bytes = u64::from_le_bytes(*line.first_chunk()?);
    let length = first(bytes, separator);
    let is_negative = line.first() == Some(&b'-');
    let sign = u32::from(is_negative);
    let (text, rest) = (bytes >> (8 * sign), length - sign);
    let point = first(text, b'.');
    let has_point = point < rest;
    let count = rest - u32::from(has_point);
    if length == 8 || count == 0 {
        return None;
    }
    let before = if has_point {
        (1 << (8 * point)) - 1
    } else {
        u64::MAX
    };
    let digits = (text & before) | ((text >> 8) & !before);
    let mantissa = digits_of(digits, count)?;
    let power = POWERS.get(count.saturating_sub(point) as usize)?;
    let value = f64::from(mantissa) / power;
    Some((if is_negative { -value } else { value }, length as usize))
}

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Which byte, from the lowest, is the first of this kind; 8 when none is.
#[inline]
const fn first(bytes: u64, kind: u8) -> u32 {
    let other = bytes ^ (ONES * kind as u64);
    // Above the first byte that is zero a borrow may light further bits, below it none.
    let is_zero = other.wrapping_sub(ONES) & !other & (ONES << 7);
    is_zero.trailing_zeros() / 8
}

/// The number of the lowest `count` bytes, 1 to 8, when all of them are digits.
#[inline]
fn digits_of(bytes: u64, count: u32) -> Option<u32> {
    let places = 8 * (8 - count);
    // Digits that are not there become leading zeros.
    let digits = (bytes << places) ^ ((ONES * u64::from(b'0')) << places);
    if (digits.wrapping_add(ONES * 0x76) | digits) & (ONES << 7) != 0 {
        return None;
    }
    let pairs = (digits.wrapping_mul(10 * 256 + 1) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(100 * 65_536 + 1) >> 16) & 0x0000_FFFF_0000_FFFF;
    u32::try_from(fours.wrapping_mul((10_000 << 32) + 1) >> 32).ok()
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

    #[track_caller]
    fn check_leading(line: &str, expected: Option<(f64, usize)>) {
        assert_eq!(leading_number(line.as_bytes(), b','), expected, "{line:?}");
    }

    #[test]
    fn a_short_number_is_read_at_once() {
        check_leading("71.25,71.5", Some((71.25, 5)));
        check_leading("0,1.5,2.5", Some((0.0, 1)));
        check_leading("-1.5,.....", Some((-1.5, 4)));
        check_leading("1234567,", Some((1_234_567.0, 7)));
        check_leading(".5,5.,-.5,", Some((0.5, 2)));
        check_leading("5.,-.5,7,8", Some((5.0, 2)));
        let (zero, length) = leading_number(b"-0,......", b',').unwrap();
        assert!(zero == 0.0 && zero.is_sign_negative() && length == 2);
    }

    #[test]
    fn what_is_not_short_or_no_number_is_left_to_others() {
        for line in [
            "12345678,",
            "1.5,2.5",
            ",1.5,2.5,",
            "-,1.5,2.5",
            ".,1.5,2.5",
            "-.,1.5,2",
            "1.2.3,4,5",
            "1e3,1.5,2",
            "+7,1.5,2.5",
            "\"7\",1.5,2",
            " 7,1.5,2.5",
            "--1,1.5,2",
            "1-1,1.5,2",
            "1\u{fe},1.5,2",
            "1;2;3;4;5",
        ] {
            check_leading(line, None);
        }
    }

    proptest! {
        #[test]
        fn a_leading_number_is_what_the_cell_says(line in "[-+]?[0-9]{0,5}[.]?[0-9]{0,5},[-0-9.,]{8}") {
            let cell = line.split(',').next().unwrap();
            if let Some((value, length)) = leading_number(line.as_bytes(), b',') {
                prop_assert_eq!(parse_number(cell.as_bytes(), false).map(f64::to_bits), Some(value.to_bits()));
                prop_assert_eq!(length, cell.len());
            }
        }

        #[test]
        fn every_plain_cell_is_read_at_once(line in "-?[0-9]{1,3}[.][0-9]{0,2},[-0-9.,]{8}") {
            prop_assert!(leading_number(line.as_bytes(), b',').is_some());
        }

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
            leading_number(&bytes, b',');
        }
    }
}
