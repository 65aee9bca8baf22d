//! Equality with another implementation, and quantiles against tables.

use super::super::quantile::{normal, pearson3, student};
use super::plant::Watch;

/// Simulated: AR(1) tags with common causes, one wandering, one still; 300 rows to learn from, then a shift of `t2` and
/// a turned sign of `t0`. The ratios come from an implementation in Python with numpy.
const CASE: &str = include_str!("../../../../tests/reference/group_case.csv");

#[test]
fn both_charts_agree_with_the_reference() {
    let mut watch = Watch::new(6, 2_000.0, 300);
    let mut charted = 0;
    for line in CASE.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let row: Vec<f64> = fields[..6].iter().map(|f| f.parse().unwrap()).collect();
        let Some(got) = watch.step(&row) else {
            assert_eq!(fields[6], "", "not armed");
            continue;
        };
        let expected = |column: usize| fields[column].parse::<f64>().unwrap();
        let (level, pattern) = (expected(6), expected(7));
        assert!((got.level - level).abs() < 1e-8, "{got:?}, not {level}");
        assert!(
            (got.pattern - pattern).abs() < 1e-8,
            "{got:?}, not {pattern}"
        );
        let first = watch.group.contributions()[0].tag;
        assert_eq!(first.to_string(), fields[8]);
        charted += 1;
    }
    assert_eq!(charted, 110);
}

fn check_quantile(got: f64, expected: f64) {
    assert!(
        (got / expected - 1.0).abs() < 1e-6,
        "{got}, expected {expected}"
    );
}

/// 4.587 and 3.385 stand in every table of Student's t; the tails beyond come from bisection on the incomplete beta
/// function by continued fraction.
#[test]
fn quantiles_match_tables() {
    check_quantile(normal(0.025), 1.959_963_984_540_054);
    check_quantile(normal(1e-9), 5.997_807_015_007_687);
    check_quantile(student(0.0005, 10.0), 4.586_893_858_702_634);
    check_quantile(student(0.001, 30.0), 3.385_184_866_829_303);
    check_quantile(student(1e-6, 133.3), 4.972_139_324_502_194);
    check_quantile(student(1e-9, 400.0), 6.139_200_891_706_377);
    check_quantile(student(1e-14, 10.0), 64.346_790_453_350_68);
    check_quantile(student(1e-14, 4_000.0), 7.679_184_430_550_103);
    check_quantile(student(0.025, f64::NAN), 1.959_963_984_540_054);
}

/// A chi-square with 8 degrees of freedom has mean 8, variance 16 and skewness 1, and exceeds 26.12 once in 1,000;
/// Wilson and Hilferty's cube is good to 1 %.
#[test]
fn pearson3_is_near_the_chi_square_and_never_falls_with_skewness() {
    let got = pearson3(0.001, 8.0, 16.0, 1.0);
    assert!((got / 26.12 - 1.0).abs() < 0.01, "{got}");
    for tail in [0.2, 0.01, 1e-6] {
        let at = |skewness: f64| pearson3(tail, 0.0, 1.0, skewness);
        assert!(at(100.0) >= at(10.0), "{tail}");
        assert!(at(100.0) > 0.0, "{tail}");
    }
}
