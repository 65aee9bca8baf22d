//! Studies from samples to reports.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::Timestamp;
use crate::quality::advice::CountOf;
use crate::quality::capability::Specification;
use crate::quality::charts::{ChartKind, Statistic};
use crate::quality::error::QualityError;
use crate::quality::phase::{AssignableCause, ChangeRecord, FreezeRule, LimitBook, StratumKey};
use crate::quality::rules::RuleSet;
use crate::quality::window::{TransportLag, windows_of_signals};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(1_772_344_800_000 + minute * 60_000)
}

fn sample(minute: i64, sample: Sample) -> Observation {
    Observation {
        at: at(minute),
        product: "P-100".to_owned(),
        machine: "press1".to_owned(),
        sample,
        after_break: false,
        nominal: None,
    }
}

/// A number between -1 and 1 that looks random and is the same in every run.
fn noise(seed: u32) -> f64 {
    let mixed = seed
        .wrapping_mul(2_654_435_761)
        .rotate_left(13)
        .wrapping_mul(2_246_822_519);
    f64::from(mixed ^ (mixed >> 15)) / f64::from(u32::MAX) * 2.0 - 1.0
}

fn groups(count: u32, size: u32, shift_from: u32) -> Vec<Observation> {
    let group = |i: u32| {
        let level = if i >= shift_from { 10.3 } else { 10.0 };
        // Sums of three are nearly normal.
        let reading = |j: u32| {
            level
                + 0.1
                    * (0..3)
                        .map(|part| noise(i * 97 + j * 13 + part * 7_919))
                        .sum::<f64>()
        };
        Sample::Readings((0..size).map(reading).collect())
    };
    (0..count)
        .map(|i| sample(i64::from(i) * 30, group(i)))
        .collect()
}

fn counts(events: &[u64], size: f64) -> Vec<Observation> {
    let one = |(minute, events): (i64, &u64)| {
        sample(
            minute,
            Sample::Count {
                events: *events,
                size,
            },
        )
    };
    (0..).map(|i| i * 60).zip(events).map(one).collect()
}

fn codes(report: &SpcReport) -> Vec<&'static str> {
    report.warnings.iter().map(|warning| warning.code).collect()
}

fn specified(lsl: f64, usl: f64) -> Study {
    let mut study = Study::of("bore diameter");
    study.specification = Some(Specification::new(Some(lsl), Some(usl), None).unwrap());
    study
}

#[test]
fn samples_become_a_report_that_says_which_chart_and_why() {
    let studied = run_study(&specified(9.0, 11.0), &groups(30, 5, 99)).unwrap();
    let report = &studied.report;
    assert_eq!(
        (report.chart.as_str(), report.phase.name),
        ("xbar_r", "learned")
    );
    assert!(report.chart_reason.contains("subgroups of 5"));
    assert_eq!(
        (report.phase.subgroups, report.phase.observations),
        (30, Some(150))
    );
    assert_eq!(
        report
            .panels
            .iter()
            .map(|panel| panel.statistic)
            .collect::<Vec<_>>(),
        ["mean", "range"]
    );
    assert_eq!(report.panels[0].points[2].at, "2026-03-01T07:00:00.000Z");
    let capability = report.capability.as_ref().unwrap();
    assert_eq!((capability.n, capability.standing), (150, "full"));
    assert_eq!(capability.within.is_some(), report.in_control);
    let text = serde_json::to_value(report).unwrap();
    assert_eq!(text["schema"], 1);
    assert_eq!(text["limits"]["xbar_r"]["n"], 5);
    assert!(
        studied
            .learned
            .unwrap()
            .check(FreezeRule::default())
            .is_ok()
    );
}

#[test]
fn a_shift_is_a_signal_with_its_time_and_window_and_withholds_cpk() {
    let mut study = specified(9.0, 11.0);
    study.learn_until = Some(at(19 * 30));
    let studied = run_study(&study, &groups(26, 5, 20)).unwrap();
    let report = &studied.report;
    assert!(!report.in_control);
    assert_eq!(report.phase.subgroups, 20);
    let first = report
        .signals
        .iter()
        .find(|signal| signal.rule == "nelson_1")
        .unwrap();
    assert_eq!((first.index, first.side), (20, Some("above")));
    assert_eq!(
        (first.statistic, first.at.as_str()),
        ("mean", at(600).to_string().as_str())
    );
    let capability = report.capability.as_ref().unwrap();
    assert!(capability.within.is_none() && capability.overall.is_some());
    assert!(
        capability
            .notes
            .iter()
            .any(|note| note.code == "out_of_control")
    );
    let signals = &studied.chart.panel(Statistic::Mean).unwrap().signals;
    let lag = TransportLag::new(Duration::ZERO, Duration::from_mins(1)).unwrap();
    let windows = studied.windows(lag);
    assert!(windows.len() <= windows_of_signals((&studied.times, &[]), signals, lag).len());
    assert!(
        windows
            .iter()
            .any(|window| window.from <= at(570) && window.to >= at(600))
    );
}

#[test]
fn frozen_limits_are_drawn_against_and_stay() {
    let learned = run_study(&Study::of("bore"), &groups(25, 5, 99))
        .unwrap()
        .learned
        .unwrap();
    let key = StratumKey {
        product: "P-100".to_owned(),
        machine: "press1".to_owned(),
        characteristic: "bore".to_owned(),
    };
    let mut book = LimitBook::new(key);
    let change = ChangeRecord::new(at(0), "A. Kaya", "release").unwrap();
    book.freeze(learned.clone(), change, FreezeRule::default())
        .unwrap();
    let mut study = specified(9.0, 11.0);
    study.in_force = book.in_force_at(at(900)).cloned();
    let studied = run_study(&study, &groups(6, 5, 3)).unwrap();
    let phase = &studied.report.phase;
    assert_eq!(
        (phase.name, phase.version, phase.frozen, phase.subgroups),
        ("monitoring", Some(1), true, 25)
    );
    assert!(phase.since.is_some() && studied.learned.is_none());
    assert!(!codes(&studied.report).contains(&"trial_limits"));
    assert!(
        studied
            .report
            .signals
            .iter()
            .any(|signal| signal.index >= 3)
    );
    assert!(studied.report.chart_reason.contains("version 1"));
    assert_eq!(studied.report.panels[0].rules, learned.rules.names());
    // A single new sample has no spread of its own between subgroups, but is drawn.
    let one = run_study(&study, &groups(1, 5, 99)).unwrap();
    assert_eq!(one.report.panels[0].points.len(), 1);
    assert!(run_study(&study, &counts(&[1, 2], 50.0)).is_err());
}

#[test]
fn a_point_with_a_cause_is_shown_as_left_out() {
    let mut samples = groups(22, 5, 99);
    samples[4].sample = Sample::Readings(vec![50.0; 5]);
    let mut study = Study::of("bore");
    let without_cause = run_study(&study, &samples).unwrap().report;
    assert!(codes(&without_cause).contains(&"unexplained_points"));
    study.causes =
        vec![AssignableCause::new(at(120), "gauge dropped", "M. Weber", at(130)).unwrap()];
    let report = run_study(&study, &samples).unwrap().report;
    assert_eq!(report.excluded[0].cause, "gauge dropped");
    let point = &report.panels[0].points[4];
    assert!(point.excluded && point.value == Some(50.0) && point.z.is_some_and(|z| z > 3.0));
    let explained = report
        .signals
        .iter()
        .find(|signal| signal.index == 4)
        .unwrap();
    assert!(explained.explained && explained.rule == "nelson_1");
    assert_eq!(
        report.in_control,
        report.signals.iter().all(|signal| signal.explained)
    );
    assert_eq!(report.phase.subgroups, 21);
    assert!(!codes(&report).contains(&"unexplained_points"));
}

#[test]
fn what_is_not_a_number_counts_as_missing_and_is_told() {
    let values = [1.0, f64::NAN, 2.0, 1.5, f64::INFINITY, 1.8, 1.2];
    let samples: Vec<Observation> = (0..)
        .zip(values)
        .map(|(minute, value)| sample(minute, Sample::Readings(vec![value])))
        .collect();
    let report = run_study(&Study::of("torque"), &samples).unwrap().report;
    assert_eq!(
        (report.chart.as_str(), report.phase.name),
        ("i_mr", "trial")
    );
    assert_eq!(
        codes(&report),
        ["trial_limits", "readings_dropped", "points_missing"]
    );
    assert_eq!(report.panels[1].points[3].value, Some(0.5));
    assert_eq!(report.panels[1].points[2].value, None);
}

#[test]
fn the_order_of_samples_does_not_matter() {
    let mut samples = groups(20, 4, 12);
    let expected = run_study(&Study::of("bore"), &samples).unwrap();
    samples.reverse();
    assert_eq!(run_study(&Study::of("bore"), &samples).unwrap(), expected);
}

#[test]
fn rare_events_are_charted_by_what_lies_between_them() {
    let events = [0, 1, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0];
    let study = Study::of("leak");
    let auto = run_study(&study, &counts(&events, 200.0)).unwrap().report;
    assert_eq!((auto.chart.as_str(), auto.panels[0].points.len()), ("g", 5));
    assert_eq!(auto.panels[0].points[0].at, at(60).to_string());
    let mut times = study.clone();
    times.chart = Some(ChartKind::TimeBetween);
    let hours = run_study(&times, &counts(&events, 200.0)).unwrap().report;
    assert_eq!(hours.panels[0].points[0].value, Some(1.5));
    assert_eq!(hours.capability, None);
    assert!(!codes(&hours).contains(&"frequent_events"));
    let often = run_study(&times, &counts(&[3, 2, 4, 0, 5, 3, 2], 200.0)).unwrap();
    assert!(codes(&often.report).contains(&"frequent_events"));
    let mut plain = study;
    plain.chart = Some(ChartKind::P);
    let report = run_study(&plain, &counts(&events, 200.0)).unwrap().report;
    assert!(codes(&report).contains(&"rare_events"));
    assert!(report.chart_reason.starts_with("as asked; g would fit"));
}

#[test]
fn counts_that_scatter_more_than_chance_are_told() {
    let events = [20, 45, 18, 50, 22, 48, 15, 52, 21, 47];
    let mut study = Study::of("scratch");
    study.counts = CountOf::Defects;
    let auto = run_study(&study, &counts(&events, 400.0)).unwrap().report;
    assert_eq!(auto.chart, "laney_u");
    assert!(auto.dispersion_ratio.unwrap() > 2.0 && !codes(&auto).contains(&"dispersion"));
    study.chart = Some(ChartKind::C);
    study.rules = Some(RuleSet::nelson());
    let plain = run_study(&study, &counts(&events, 400.0)).unwrap().report;
    assert!(codes(&plain).contains(&"dispersion"));
    assert_eq!(plain.panels[0].rules, RuleSet::attributes().names());
}

#[test]
fn every_chart_can_be_asked_for() {
    let measured = groups(25, 1, 99);
    let several = groups(25, 12, 99);
    let counted = counts(&[8, 9, 12, 7, 10, 11, 9, 8], 100.0);
    for kind in ChartKind::ALL {
        let mut study = Study::of("any");
        study.chart = Some(kind);
        let samples = match kind {
            ChartKind::XbarR | ChartKind::XbarS => &several,
            kind if kind.is_for_counts() => &counted,
            _ => &measured,
        };
        let report = run_study(&study, samples).unwrap().report;
        assert_eq!(report.chart, kind.name());
        assert!(!report.panels[0].points.is_empty());
        assert_eq!(
            codes(&report).contains(&"large_subgroups"),
            kind == ChartKind::XbarR
        );
        let weighs = matches!(kind, ChartKind::Ewma | ChartKind::Cusum);
        assert!(!(weighs && report.autocorrelation.is_some()));
    }
}

#[test]
fn charts_without_width_say_so() {
    let flat: Vec<Observation> = (0..20)
        .map(|i| sample(i, Sample::Readings(vec![5.0])))
        .collect();
    for kind in [
        ChartKind::IndividualsMr,
        ChartKind::Ewma,
        ChartKind::TimeBetween,
    ] {
        let mut study = specified(4.0, 6.0);
        study.chart = Some(kind);
        let report = run_study(&study, &flat).unwrap().report;
        assert!(codes(&report).contains(&"no_variation"), "{kind}");
        assert!(report.in_control, "{kind}");
    }
    let none = counts(&[0; 10], 50.0);
    for kind in [ChartKind::P, ChartKind::U] {
        let mut study = Study::of("leak");
        study.chart = Some(kind);
        assert!(codes(&run_study(&study, &none).unwrap().report).contains(&"no_variation"));
    }
    let zero: Vec<Observation> = (0..5)
        .map(|i| sample(i, Sample::Readings(vec![0.0])))
        .collect();
    let mut study = Study::of("leak");
    study.chart = Some(ChartKind::G);
    assert!(codes(&run_study(&study, &zero).unwrap().report).contains(&"no_variation"));
    let equal: Vec<Observation> = (0..9)
        .map(|i| sample(i, Sample::Readings(vec![5.0; 4])))
        .collect();
    let report = run_study(&specified(4.0, 6.0), &equal).unwrap().report;
    assert_eq!(report.capability.unwrap().standing, "withheld");
}

#[test]
fn a_drifting_process_is_told_to_be_autocorrelated() {
    let drift: Vec<Observation> = (0..60)
        .map(|i| sample(i, Sample::Readings(vec![(i as f64 / 9.0).sin() + 5.0])))
        .collect();
    let report = run_study(&Study::of("temperature"), &drift).unwrap().report;
    assert!(report.autocorrelation.unwrap() > 0.3);
    assert!(codes(&report).contains(&"autocorrelated"));
}

#[test]
fn products_and_machines_are_charted_apart() {
    let mut samples = groups(6, 3, 99);
    samples[2].product = "P-200".to_owned();
    samples[3].product = "P-200".to_owned();
    samples[5].machine = "press2".to_owned();
    let error = run_study(&Study::of("bore"), &samples).unwrap_err();
    assert!(matches!(error, QualityError::MixedStrata { .. }), "{error}");
    let strata = strata(&samples);
    let brief: Vec<(&str, &str, Vec<bool>)> = strata
        .iter()
        .map(|((product, machine), own)| {
            (
                product.as_str(),
                machine.as_str(),
                own.iter().map(|sample| sample.after_break).collect(),
            )
        })
        .collect();
    assert_eq!(
        brief,
        [
            ("P-100", "press1", vec![false, false, true]),
            ("P-100", "press2", vec![false]),
            ("P-200", "press1", vec![true, false]),
        ]
    );
    let study = Study::of("bore");
    let studied = strata.values().map(|own| run_study(&study, own).is_ok());
    assert_eq!(studied.collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn short_runs_share_a_chart_of_deviations() {
    let mut samples = groups(24, 1, 99);
    for (index, sample) in samples.iter_mut().enumerate() {
        let (product, nominal) = if index % 6 < 3 {
            ("A", 0.0)
        } else {
            ("B", 40.0)
        };
        sample.product = product.to_owned();
        sample.nominal = Some(10.0 + nominal);
        if let Sample::Readings(readings) = &mut sample.sample {
            for reading in readings {
                *reading += nominal;
            }
        }
    }
    let mut study = specified(-0.5, 0.5);
    study.from_nominal = true;
    let report = run_study(&study, &samples).unwrap().report;
    assert_eq!(
        (report.product.as_str(), report.chart.as_str()),
        ("several", "i_mr")
    );
    assert!(
        report.panels[0]
            .points
            .iter()
            .all(|point| point.value.unwrap().abs() < 0.31)
    );
    for sample in samples.iter_mut().filter(|sample| sample.product == "B") {
        if let Sample::Readings(readings) = &mut sample.sample {
            for reading in readings {
                *reading = 50.0 + (*reading - 50.0) * 5.0;
            }
        }
    }
    assert!(codes(&run_study(&study, &samples).unwrap().report).contains(&"spreads_differ"));
    samples[3].nominal = None;
    assert!(matches!(
        run_study(&study, &samples),
        Err(QualityError::NotAllowed { index: 3, .. })
    ));
}

#[test]
fn readings_and_counts_do_not_mix() {
    assert!(run_study(&Study::of("bore"), &[]).is_err());
    let reading = sample(0, Sample::Readings(vec![1.0]));
    let count = sample(
        1,
        Sample::Count {
            events: 1,
            size: 5.0,
        },
    );
    for samples in [[reading.clone(), count.clone()], [count, reading]] {
        let mut samples = samples;
        (samples[0].at, samples[1].at) = (at(0), at(1));
        assert!(matches!(
            run_study(&Study::of("bore"), &samples),
            Err(QualityError::NotAllowed { index: 1, .. })
        ));
    }
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let reading = prop_oneof![
        8 => -1e3..1e3_f64,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(0.0),
        1 => any::<f64>(),
    ];
    prop::collection::vec(reading, 0..5).prop_map(Sample::Readings)
}

fn any_count() -> impl Strategy<Value = Sample> {
    let size = prop_oneof![4 => 0.0..200.0_f64, 1 => Just(0.0), 1 => any::<f64>()];
    (prop_oneof![5 => 0..50_u64, 1 => 0..5_000_u64], size)
        .prop_map(|(events, size)| Sample::Count { events, size })
}

fn any_samples() -> impl Strategy<Value = Vec<Observation>> {
    let lists = prop_oneof![
        prop::collection::vec(any_sample(), 0..40),
        prop::collection::vec(any_count(), 0..40),
    ];
    (lists, any::<u64>()).prop_map(|(samples, breaks)| {
        let one = |(index, own): (usize, Sample)| Observation {
            after_break: (breaks >> (index % 64)) & 3 == 3,
            ..sample(i64::try_from(index).unwrap() * 7 % 50, own)
        };
        samples.into_iter().enumerate().map(one).collect()
    })
}

/// JSON has no infinity: it is looked for before a report becomes that.
fn all_finite(report: &SpcReport) -> bool {
    let text = format!("{report:?}");
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    !words.any(|word| ["inf", "NaN"].contains(&word))
}

proptest! {
    #[test]
    fn no_series_brings_a_study_down(samples in any_samples(), kind in prop::sample::select(ChartKind::ALL.to_vec()), auto: bool) {
        let mut study = specified(-10.0, 10.0);
        study.chart = (!auto).then_some(kind);
        study.rules = Some(RuleSet::nelson());
        if let Ok(studied) = run_study(&study, &samples) {
            // Not a number differs from itself.
            prop_assert_eq!(&studied, &studied.clone());
            prop_assert!(all_finite(&studied.report));
            for panel in &studied.report.panels {
                for point in &panel.points {
                    prop_assert!(point.lcl.zip(point.ucl).is_none_or(|(lcl, ucl)| lcl <= ucl));
                    prop_assert!(point.center.is_finite());
                    prop_assert!([point.value, point.lcl, point.ucl, point.z].into_iter().flatten().all(f64::is_finite));
                }
            }
            for signal in &studied.report.signals {
                prop_assert!(signal.from_index <= signal.index);
            }
        }
    }
}
