//! Defects counted, ranked and followed over time.

use super::*;
use crate::model::Timestamp;
use crate::quality::error::QualityError;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour * 3_600_000)
}

fn origin(machine: &str, shift: &str) -> Origin {
    Origin {
        machine: Some(machine.to_owned()),
        product: None,
        shift: Some(shift.to_owned()),
    }
}

fn defect(hour: i64, category: &str, count: u64, machine: &str) -> DefectRecord {
    DefectRecord {
        at: at(hour),
        category: category.to_owned(),
        count,
        origin: origin(machine, "early"),
    }
}

fn made(hour: i64, units: f64, machine: &str) -> Production {
    Production {
        at: at(hour),
        units,
        origin: origin(machine, "early"),
    }
}

fn scope(level: usize) -> TallyScope {
    TallyScope {
        tree: CategoryTree::new(&[
            ("scratch", "surface"),
            ("dent", "surface"),
            ("deep", "dent"),
        ])
        .unwrap(),
        level,
        opportunities_per_unit: Some(4.0),
    }
}

#[test]
fn categories_rank_by_count_and_then_by_name() {
    let defects = [
        defect(0, "porosity", 3, "a"),
        defect(1, "scratch", 5, "a"),
        defect(2, " ", 2, "a"),
        defect(3, "deep", 3, "b"),
        defect(4, "burr", 0, "b"),
    ];
    let got = summarise(&defects, &[made(0, 130.0, "a")], &scope(0)).unwrap();
    let names: Vec<(&str, u64)> = got
        .pareto
        .iter()
        .map(|row| (row.category.as_str(), row.count))
        .collect();
    assert_eq!(
        names,
        [
            ("scratch", 5),
            ("deep", 3),
            ("porosity", 3),
            (UNCLASSIFIED, 2)
        ]
    );
    assert_eq!(
        (got.defects, got.dpu, got.dpmo),
        (13, Some(0.1), Some(25_000.0))
    );
    assert_eq!(got.coded_share, Some(11.0 / 13.0));
    assert!((got.pareto[1].cumulative_share - 8.0 / 13.0).abs() < 1e-12);
    assert!((got.pareto.last().unwrap().cumulative_share - 1.0).abs() < 1e-12);
    assert_eq!(got.pareto[1].parent.as_deref(), Some("dent"));
    let roots = summarise(&defects, &[], &scope(1)).unwrap();
    assert_eq!(
        (roots.pareto[0].category.as_str(), roots.pareto[0].count),
        ("surface", 8)
    );
    assert_eq!(
        (roots.dpu, roots.dpmo, roots.pareto[0].dpu),
        (None, None, None)
    );
}

#[test]
fn no_defect_is_a_summary_too() {
    let got = summarise(&[], &[made(0, 10.0, "a")], &scope(0)).unwrap();
    assert_eq!(
        (got.dpu, got.coded_share, got.pareto.len()),
        (Some(0.0), None, 0)
    );
}

#[test]
fn counts_beyond_the_range_of_numbers_stay_counts() {
    let defects = [defect(0, "a", u64::MAX, "m"), defect(0, "b", u64::MAX, "m")];
    let got = summarise(&defects, &[made(0, 1.0, "m")], &scope(0)).unwrap();
    assert_eq!(got.defects, u64::MAX);
    assert!(got.pareto.iter().all(|row| row.share <= 1.0));
}

#[test]
fn nonsense_production_is_refused() {
    for units in [f64::NAN, -1.0, f64::INFINITY] {
        let error = summarise(&[], &[made(0, units, "a")], &scope(0)).unwrap_err();
        assert!(matches!(error, QualityError::NotAllowed { index: 0, .. }));
    }
    let huge = [made(0, f64::MAX, "a"), made(0, f64::MAX, "a")];
    assert!(summarise(&[], &huge, &scope(0)).is_err());
    let mut none = scope(0);
    none.opportunities_per_unit = Some(0.0);
    assert!(matches!(
        summarise(&[], &[], &none),
        Err(QualityError::Setting { .. })
    ));
}

#[test]
fn a_breakdown_shows_rates_against_the_average() {
    let defects = [
        defect(0, "dent", 6, "a"),
        defect(0, "scratch", 2, "a"),
        defect(1, "dent", 2, "b"),
    ];
    let production = [made(0, 100.0, "a"), made(0, 100.0, "b"), made(0, 50.0, "c")];
    let rows = breakdown(&defects, &production, &scope(0), Dimension::Machine).unwrap();
    let brief: Vec<_> = rows
        .iter()
        .map(|row| (row.name.as_deref(), row.defects, row.dpu, row.times_overall))
        .collect();
    assert_eq!(brief[0], (Some("a"), 8, Some(0.08), Some(2.0)));
    assert_eq!(brief[1], (Some("b"), 2, Some(0.02), Some(0.5)));
    assert_eq!(brief[2], (Some("c"), 0, Some(0.0), Some(0.0)));
    assert_eq!(
        rows[0].categories,
        [("dent".to_owned(), 6), ("scratch".to_owned(), 2)]
    );
    let products = breakdown(&defects, &production, &scope(0), Dimension::Product).unwrap();
    assert_eq!((products.len(), products[0].name.as_deref()), (1, None));
    let shifts = breakdown(&defects, &[], &scope(0), Dimension::Shift).unwrap();
    assert_eq!(
        (shifts[0].dpu, shifts[0].times_overall, shifts[0].share),
        (None, None, Some(1.0))
    );
}

#[test]
fn a_tree_has_three_levels_and_no_circle() {
    let check = |pairs: &[(&str, &str)], allowed: bool| {
        assert_eq!(CategoryTree::new(pairs).is_ok(), allowed, "{pairs:?}");
    };
    check(&[("a", "b"), ("b", "c")], true);
    check(&[("a", "b"), ("a", "b")], true);
    check(&[("a", "b"), ("b", "c"), ("c", "d")], false);
    check(&[("a", "b"), ("b", "a")], false);
    check(&[("a", "a")], false);
    check(&[("a", "b"), ("a", "c")], false);
    check(&[("", "b")], false);
    let tree = scope(0).tree;
    assert_eq!(tree.at_level("deep", 1), "surface");
    assert_eq!(tree.at_level("deep", 2), "dent");
    assert_eq!(tree.at_level("deep", 9), "deep");
    assert_eq!(tree.at_level("deep", 0), "surface");
    assert_eq!(tree.at_level("  ", 1), UNCLASSIFIED);
    assert_eq!(tree.parent("surface"), None);
}

fn counts(defects: &[u64]) -> Vec<PeriodCount> {
    defects
        .iter()
        .map(|defects| PeriodCount {
            defects: *defects,
            units: 100.0,
        })
        .collect()
}

#[track_caller]
fn trend(defects: &[u64], expected: TrendVerdict) -> Trend {
    let got = rate_trend(&counts(defects));
    assert_eq!(got.verdict, expected, "{got:?}");
    let backwards: Vec<u64> = defects.iter().rev().copied().collect();
    let mirrored = rate_trend(&counts(&backwards));
    let same = mirrored
        .p
        .zip(got.p)
        .is_none_or(|(a, b)| (a - b).abs() < 1e-9);
    assert!(same, "{mirrored:?}");
    got
}

#[test]
fn a_rate_that_rises_is_said_to_rise() {
    trend(&[2, 3, 3, 5, 6, 8, 9, 12], TrendVerdict::Rising);
    trend(&[12, 9, 8, 6, 5, 3, 3, 2], TrendVerdict::Falling);
    trend(&[5, 7, 6, 5, 6, 7, 5, 6], TrendVerdict::NoTrend);
    trend(&[2, 3, 3, 5, 6], TrendVerdict::TooFew);
    trend(&[1, 1, 1, 1, 1, 1, 1], TrendVerdict::TooFew);
    trend(&[], TrendVerdict::TooFew);
}

#[test]
fn the_factor_per_period_is_the_growth_of_the_rate() {
    // 8 doubling periods: 4, 8, ..., 512.
    let doubling: Vec<u64> = (2..10).map(|i| 1 << i).collect();
    let got = trend(&doubling, TrendVerdict::Rising);
    assert!(
        (got.factor_per_period.unwrap() - 2.0).abs() < 1e-6,
        "{got:?}"
    );
    assert!((got.dispersion.unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn the_score_test_agrees_with_a_calculation_by_hand() {
    // Times 0..5, equal exposure: mean 2.5, variance 35 / 12. Lean of (1,1,2,3,3,4): 2.5 (4-1) + 1.5 (3-1) + 0.5 (3-2) = 11.
    let got = rate_trend(&counts(&[1, 1, 2, 3, 3, 4]));
    let z = 11.0 / (14.0_f64 * 35.0 / 12.0).sqrt();
    let expected = crate::quality::distribution::normal_two_sided(z);
    assert!((got.p.unwrap() - expected).abs() < 1e-12, "{got:?}");
}

#[test]
fn periods_that_scatter_wildly_hide_a_trend() {
    let got = trend(&[1, 40, 2, 60, 3, 5, 70, 2, 90, 8], TrendVerdict::NoTrend);
    assert!(got.dispersion.unwrap() > 10.0);
}

#[test]
fn exposure_explains_what_it_explains() {
    let growing: Vec<PeriodCount> = (1..=10)
        .map(|i| PeriodCount {
            defects: i * 3,
            units: i as f64 * 50.0,
        })
        .collect();
    assert_eq!(rate_trend(&growing).verdict, TrendVerdict::NoTrend);
    let mut gaps = counts(&[2, 3, 3, 5, 6, 8, 9, 12]);
    gaps[3].units = 0.0;
    gaps[4].units = f64::NAN;
    assert_eq!(
        (rate_trend(&gaps).periods, rate_trend(&gaps).defects),
        (6, 37)
    );
}

#[test]
fn a_single_bad_period_is_no_trend_and_has_no_factor() {
    let got = trend(&[0, 0, 0, 0, 0, 0, 0, 30], TrendVerdict::NoTrend);
    assert_eq!(got.factor_per_period, None);
    let steep = rate_trend(&counts(&[0, 0, 0, 0, 0, 0, 1, u64::MAX]));
    assert!(steep.factor_per_period.is_none_or(f64::is_finite));
}

#[test]
fn every_category_has_its_own_trend_and_is_corrected_for_the_others() {
    let periods: Vec<Period> = (0..8)
        .map(|i| Period {
            from: at(i * 8),
            to: at(i * 8 + 8),
        })
        .collect();
    let production: Vec<Production> = (0..8).map(|i| made(i * 8, 100.0, "a")).collect();
    let rising = [2, 3, 3, 5, 6, 8, 9, 12];
    let mut defects: Vec<DefectRecord> = Vec::new();
    for (hour, count) in (0..).map(|i| i * 8).zip(rising) {
        defects.push(defect(hour, "deep", count, "a"));
        defects.push(defect(hour + 1, "porosity", 5 + count % 2, "a"));
    }
    defects.push(defect(9_999, "late", 50, "a"));
    let got = category_trends(&defects, &production, &scope(1), &periods).unwrap();
    let verdicts: Vec<(&str, TrendVerdict)> = got
        .iter()
        .map(|(name, trend)| (name.as_str(), trend.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("porosity", TrendVerdict::NoTrend),
            ("surface", TrendVerdict::Rising)
        ]
    );
    let surface = got["surface"];
    assert!((surface.q.unwrap() - 2.0 * surface.p.unwrap()).abs() < 1e-12);
    let many = vec![periods[0]; 10_001];
    assert!(category_trends(&defects, &production, &scope(1), &many).is_err());
}

#[test]
fn a_report_holds_counts_breakdowns_and_trends() {
    let periods: Vec<Period> = (0..8)
        .map(|i| Period {
            from: at(i * 8),
            to: at(i * 8 + 8),
        })
        .collect();
    let production: Vec<Production> = (0..8).map(|i| made(i * 8, 100.0, "a")).collect();
    let rising = [2, 3, 3, 5, 6, 8, 9, 12];
    let mut defects: Vec<DefectRecord> = (0..)
        .map(|i| i * 8)
        .zip(rising)
        .map(|(hour, count)| defect(hour, "deep", count, "a"))
        .collect();
    defects.push(defect(1, "burr", 1, "b"));
    let report = DefectsReport::of(&defects, &production, &scope(0), &periods).unwrap();
    let text = serde_json::to_value(&report).unwrap();
    assert_eq!((&text["schema"], &text["defects"]), (&1.into(), &49.into()));
    assert_eq!(text["pareto"][0]["trend"]["verdict"], "rising");
    assert_eq!(text["pareto"][1]["trend"]["verdict"], "too_few");
    assert_eq!(text["by_machine"][0]["categories"][0][0], "deep");
    assert_eq!(
        (
            report.by_machine.len(),
            report.by_product.len(),
            report.by_shift.len()
        ),
        (2, 1, 1)
    );
    let read: DefectsReport = serde_json::from_value(text).unwrap();
    assert_eq!(read, report);
    let none = DefectsReport::of(&defects, &production, &scope(0), &[]).unwrap();
    assert_eq!(none.pareto[0].trend, None);
}

#[test]
fn a_category_is_below_itself_and_all_above_it() {
    let tree = scope(0).tree;
    for (category, above, expected) in [
        ("deep", "surface", true),
        (" deep ", "dent", true),
        ("dent", "dent", true),
        ("dent", "deep", false),
        ("porosity", "surface", false),
    ] {
        assert_eq!(
            tree.is_below(category, above),
            expected,
            "{category}, {above}"
        );
    }
}
