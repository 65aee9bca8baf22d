//! Charts beyond the computed cases of the reference suite: sizes that change, gaps, set-ups, hostile series.

use super::*;
use crate::model::Timestamp;
use crate::quality::error::QualityError;
use crate::quality::rules::{Rule, RuleSet, Side};

fn fit(kind: ChartKind, series: &Series) -> Result<Limits, QualityError> {
    Limits::fit(kind, series, &WeightedDesign::default())
}

fn drawn(kind: ChartKind, series: &Series) -> Chart {
    fit(kind, series)
        .unwrap()
        .draw(series, &RuleSet::limits_only())
        .unwrap()
}

#[track_caller]
fn near(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{got}, expected {expected}"
    );
}

fn limits_at(chart: &Chart, panel: usize, index: usize) -> (f64, f64, f64) {
    let point = chart.panels[panel].points[index];
    (point.lcl.unwrap(), point.center, point.ucl.unwrap())
}

#[test]
fn each_subgroup_has_the_limits_of_its_size() {
    let groups: [&[f64]; 5] = [
        &[9.0, 11.0],
        &[8.0, 10.0, 12.0],
        &[],
        &[10.0],
        &[9.0, 10.0, 10.0, 11.0],
    ];
    let series = Series::subgroups(&groups);
    let limits = fit(ChartKind::XbarS, &series).unwrap();
    let Limits::XbarS(fitted) = limits else {
        panic!("{limits:?}")
    };
    // Variances 2, 4, 2 / 3 with 1, 2, 3 degrees of freedom.
    near(fitted.pooled_sigma, 2.0_f64.sqrt());
    assert_eq!((fitted.n, fitted.k, fitted.mean_deviation), (None, 4, None));
    near(fitted.center, 10.0);
    let chart = drawn(ChartKind::XbarS, &series);
    for (index, size) in [(0, 2.0), (1, 3.0), (3, 1.0), (4, 4.0_f64)] {
        let (_, center, ucl) = limits_at(&chart, 0, index);
        near(ucl - center, 3.0 * 2.0_f64.sqrt() / size.sqrt());
    }
    assert_eq!(
        (
            chart.panels[0].points[2].value,
            chart.panels[0].points[2].ucl
        ),
        (None, None)
    );
    let spread = chart.panel(Statistic::Deviation).unwrap();
    assert_eq!(spread.points[3].value, None);
    near(
        spread.points[0].center,
        2.0_f64.sqrt() * (2.0 / std::f64::consts::PI).sqrt(),
    );
    assert!(matches!(
        fit(ChartKind::XbarR, &series),
        Err(QualityError::UnequalSizes {
            index: 1,
            instead: ChartKind::XbarS,
            ..
        })
    ));
}

#[test]
fn a_lost_reading_in_phase_two_changes_the_limits_of_its_point_only() {
    let phase_one = Series::subgroups(&[
        [1.0, 2.0, 3.0, 4.0],
        [2.0, 3.0, 4.0, 5.0],
        [1.0, 3.0, 3.0, 4.0],
    ]);
    let limits = fit(ChartKind::XbarR, &phase_one).unwrap();
    let phase_two: [&[f64]; 3] = [&[2.0, 3.0, 4.0], &[2.0], &[2.0, 3.0, 3.0, 4.0]];
    let chart = limits
        .draw(&Series::subgroups(&phase_two), &RuleSet::standard())
        .unwrap();
    let Limits::XbarR(fitted) = limits else {
        panic!("{limits:?}")
    };
    let range = chart.panel(Statistic::Range).unwrap();
    near(
        range.points[0].center,
        1.692_568_750_643 * fitted.sigma_within,
    );
    assert_eq!(range.points[1].value, None);
    near(range.points[2].center, fitted.mean_range.unwrap());
    assert!(limits.within().unwrap().df > 0.0);
}

#[test]
fn more_than_twenty_five_readings_have_no_range_chart_but_one_of_deviations() {
    let group: Vec<f64> = (0..30).map(f64::from).collect();
    let series = Series::subgroups(&[group.clone(), group]);
    assert_eq!(
        fit(ChartKind::XbarR, &series),
        Err(QualityError::SubgroupSize(30))
    );
    assert!(fit(ChartKind::XbarS, &series).is_ok());
}

#[test]
fn a_gap_or_a_set_up_breaks_the_moving_range() {
    let mut series =
        Series::individuals(&[Some(1.0), Some(3.0), None, Some(9.0), Some(8.0), Some(20.0)]);
    if let Series::Measured(groups) = &mut series {
        groups[5].after_break = true;
    }
    let Ok(Limits::IndividualsMr(fitted)) = fit(ChartKind::IndividualsMr, &series) else {
        panic!()
    };
    // Moving ranges 2 and 1 only.
    assert_eq!((fitted.k, fitted.pairs), (5, 2));
    near(fitted.mean_moving_range, 1.5);
    let chart = drawn(ChartKind::IndividualsMr, &series);
    let ranges: Vec<Option<f64>> = chart.panels[1]
        .points
        .iter()
        .map(|point| point.value)
        .collect();
    assert_eq!(ranges, [None, Some(2.0), None, None, Some(1.0), None]);
    near(limits_at(&chart, 1, 1).2 / 1.5, 3.266_531_919_288_6);
}

#[test]
fn individuals_take_one_reading_per_point() {
    let pairs = Series::subgroups(&[[1.0, 2.0], [2.0, 3.0]]);
    assert!(matches!(
        fit(ChartKind::IndividualsMr, &pairs),
        Err(QualityError::WrongData { .. })
    ));
    let single = Series::individuals(&[Some(1.0), Some(2.0)]);
    let limits = fit(ChartKind::IndividualsMr, &single).unwrap();
    assert!(limits.draw(&pairs, &RuleSet::none()).is_err());
    let apart = Series::individuals(&[Some(1.0), None, Some(2.0)]);
    assert!(matches!(
        fit(ChartKind::IndividualsMr, &apart),
        Err(QualityError::TooFew { .. })
    ));
}

#[test]
fn counts_on_a_limit_are_no_signal_and_zero_neither() {
    // c = 4: limits 0 and 10.
    let series = Series::counts(&[4, 4, 10, 0, 2, 4, 4, 4], &[1.0; 8]);
    let chart = drawn(ChartKind::C, &series);
    assert_eq!(limits_at(&chart, 0, 0), (0.0, 4.0, 10.0));
    assert!(chart.is_in_control());
    let over = fit(ChartKind::C, &series).unwrap();
    let next = over
        .draw(
            &Series::counts(&[11, 10], &[1.0; 2]),
            &RuleSet::limits_only(),
        )
        .unwrap();
    assert_eq!(next.panels[0].signals_of(Rule::Nelson1), [0]);
    assert_eq!(next.panels[0].signals[0].side, Some(Side::Above));
}

#[test]
fn shares_stay_between_zero_and_one() {
    let chart = drawn(ChartKind::P, &Series::counts(&[9, 10, 10, 10], &[10.0; 4]));
    let (lcl, center, ucl) = limits_at(&chart, 0, 0);
    assert!(lcl > 0.0 && center < 1.0);
    near(ucl, 1.0);
    assert!(chart.is_in_control());
    let np = drawn(ChartKind::Np, &Series::counts(&[9, 10, 10, 10], &[10.0; 4]));
    near(limits_at(&np, 0, 0).2, 10.0);
    let none = drawn(ChartKind::P, &Series::counts(&[0, 0, 0], &[10.0; 3]));
    assert_eq!(limits_at(&none, 0, 0), (0.0, 0.0, 0.0));
    assert!(none.is_in_control());
}

#[test]
fn a_sample_of_nothing_is_no_point() {
    let series = Series::counts(&[3, 0, 5], &[50.0, 0.0, 50.0]);
    for kind in [ChartKind::P, ChartKind::Np, ChartKind::U, ChartKind::C] {
        let chart = drawn(kind, &series);
        let points = &chart.panels[0].points;
        assert_eq!((points[1].value, points[1].ucl), (None, None), "{kind}");
        assert!(points[0].value.is_some(), "{kind}");
    }
}

#[test]
fn charts_of_counts_refuse_what_cannot_be() {
    let too_many = Series::counts(&[11, 1], &[10.0, 10.0]);
    let error = fit(ChartKind::P, &too_many).unwrap_err();
    assert_eq!(
        error,
        QualityError::MoreThanInspected {
            events: 11,
            size: 10.0,
            index: 0
        }
    );
    assert!(fit(ChartKind::U, &too_many).is_ok());
    let sizes = Series::counts(&[1, 1], &[10.0, 20.0]);
    for (kind, instead) in [(ChartKind::Np, ChartKind::P), (ChartKind::C, ChartKind::U)] {
        let error = fit(kind, &sizes).unwrap_err();
        assert!(
            matches!(error, QualityError::UnequalSizes { instead: other, .. } if other == instead)
        );
    }
    for size in [f64::NAN, -1.0, f64::INFINITY] {
        assert!(fit(ChartKind::U, &Series::counts(&[1, 1], &[1.0, size])).is_err());
    }
    assert!(fit(ChartKind::U, &Series::counts(&[1], &[1.0])).is_err());
    assert!(fit(ChartKind::U, &Series::counts(&[1, 1], &[f64::MAX; 2])).is_err());
    assert!(fit(ChartKind::U, &Series::counts(&[u64::MAX, 1], &[5e-324; 2])).is_err());
    let limits = fit(ChartKind::P, &sizes).unwrap();
    assert!(limits.draw(&too_many, &RuleSet::none()).is_err());
}

#[test]
fn every_chart_refuses_the_other_kind_of_data() {
    let counted = Series::counts(&[5, 6, 7, 5], &[100.0; 4]);
    let measured = Series::individuals(&[Some(5.0), Some(6.0), Some(7.0), Some(5.0)]);
    for kind in ChartKind::ALL {
        let (own, other) = if kind.is_for_counts() {
            (&counted, &measured)
        } else {
            (&measured, &counted)
        };
        assert!(
            matches!(fit(kind, other), Err(QualityError::WrongData { .. })),
            "{kind}"
        );
        if matches!(kind, ChartKind::XbarR | ChartKind::XbarS) {
            continue;
        }
        let limits = fit(kind, own).unwrap();
        assert_eq!(limits.kind(), kind);
        assert!(limits.draw(own, &RuleSet::nelson()).is_ok(), "{kind}");
        assert!(
            matches!(
                limits.draw(other, &RuleSet::none()),
                Err(QualityError::WrongData { .. })
            ),
            "{kind}"
        );
    }
}

#[test]
fn laney_limits_are_those_of_p_and_u_widened_by_their_own_scatter() {
    let events = [20, 45, 18, 50, 22, 48, 15, 52];
    let series = Series::counts(&events, &[400.0; 8]);
    for (kind, plain) in [
        (ChartKind::LaneyP, ChartKind::P),
        (ChartKind::LaneyU, ChartKind::U),
    ] {
        let (wide, narrow) = (drawn(kind, &series), drawn(plain, &series));
        let (_, center, upper) = limits_at(&wide, 0, 0);
        let (_, same, lower) = limits_at(&narrow, 0, 0);
        near(center, same);
        let units = kind == ChartKind::LaneyP;
        let Series::Counted(counts) = &series else {
            panic!()
        };
        let widening = dispersion_ratio(counts, units).unwrap().sqrt();
        near((upper - center) / (lower - same), widening);
        assert!(widening > 2.0 && wide.is_in_control() && !narrow.is_in_control());
    }
    assert_eq!(
        dispersion_ratio(&[Count::new(0, 5.0), Count::new(0, 5.0)], true),
        None
    );
    assert_eq!(dispersion_ratio(&[], false), None);
}

#[test]
fn the_g_chart_has_the_limits_of_a_geometric_distribution() {
    let series = Series::individuals(&[Some(30.0), Some(50.0), None, Some(40.0)]);
    let chart = drawn(ChartKind::G, &series);
    let (lcl, center, ucl) = limits_at(&chart, 0, 0);
    near(center, 40.0);
    near(ucl, 40.0 + 3.0 * (40.0_f64 * 41.0).sqrt());
    near(lcl, 0.0);
    assert!(fit(ChartKind::G, &Series::individuals(&[Some(1.0)])).is_err());
    assert!(fit(ChartKind::G, &Series::individuals(&[Some(1.0), Some(-1.0)])).is_err());
    assert!(
        fit(
            ChartKind::G,
            &Series::individuals(&[Some(1e200), Some(1e200)])
        )
        .is_err()
    );
}

#[test]
fn times_between_events_have_a_limit_for_becoming_more_frequent() {
    let hours = [40.0, 55.0, 38.0, 60.0, 44.0, 52.0, 47.0, 58.0, 0.01, 0.0];
    let (learn, next) = hours.split_at(8);
    let values: Vec<Option<f64>> = learn.iter().copied().map(Some).collect();
    let limits = fit(ChartKind::TimeBetween, &Series::individuals(&values)).unwrap();
    let next: Vec<Option<f64>> = next.iter().copied().map(Some).collect();
    let chart = limits
        .draw(&Series::individuals(&next), &RuleSet::limits_only())
        .unwrap();
    let (lcl, center, ucl) = limits_at(&chart, 0, 0);
    assert!(0.0 < lcl && lcl < center && center < ucl);
    assert_eq!(chart.panels[0].signals_of(Rule::Nelson1), [0, 1]);
    assert!(chart.panels[0].points[0].z.unwrap() < -3.0);
    // Zones are those of the transformed times.
    near(
        center.powf(1.0 / 3.6),
        f64::midpoint(ucl.powf(1.0 / 3.6), lcl.powf(1.0 / 3.6)),
    );
}

#[test]
fn good_units_between_events_add_up() {
    let counts = [
        Count::new(0, 50.0),
        Count::new(1, 51.0),
        Count::new(0, 20.0),
        Count::new(2, 32.0),
    ];
    let between = counts_between(&counts);
    let values: Vec<(usize, f64)> = between
        .iter()
        .map(|(index, group)| (*index, group.readings[0]))
        .collect();
    assert_eq!(values, [(1, 75.0), (3, 55.0), (3, 10.0)]);
    let mut broken = counts;
    broken[2].after_break = true;
    let after = counts_between(&broken);
    assert_eq!(
        (after[1].1.readings[0], after[1].1.after_break),
        (30.0, true)
    );
    assert_eq!(counts_between(&[Count::new(u64::MAX, 1.0)]).len(), 100_000);
    assert!(counts_between(&[Count::new(0, f64::NAN)]).is_empty());
}

#[test]
fn hours_between_events_begin_with_the_second() {
    let at = |hour: i64| Timestamp::from_millis(hour * 3_600_000);
    let times = [at(0), at(5), at(6), at(10), at(12), at(20)];
    let mut counts = [
        Count::new(1, 1.0),
        Count::new(0, 1.0),
        Count::new(1, 1.0),
        Count::new(2, 1.0),
        Count::new(1, 1.0),
        Count::new(1, 1.0),
    ];
    let values = |counts: &[Count]| -> Vec<(usize, f64)> {
        hours_between(&times, counts)
            .iter()
            .map(|(index, group)| (*index, group.readings[0]))
            .collect()
    };
    assert_eq!(
        values(&counts),
        [(2, 6.0), (3, 2.0), (3, 2.0), (4, 2.0), (5, 8.0)]
    );
    counts[4].after_break = true;
    assert_eq!(values(&counts), [(2, 6.0), (3, 2.0), (3, 2.0), (5, 8.0)]);
    counts[5].events = u64::MAX;
    assert_eq!(hours_between(&times, &counts).len(), 100_000);
}

fn design(target: f64, sigma: f64) -> WeightedDesign {
    WeightedDesign {
        target: Some(target),
        sigma: Some(sigma),
        ..WeightedDesign::default()
    }
}

#[test]
fn a_cusum_begins_anew_after_a_signal_and_dates_the_change() {
    let values: Vec<Option<f64>> = [0.0, 0.2, -1.0, 2.5, 2.5, 2.5, 0.0, 0.0, 3.0]
        .into_iter()
        .map(Some)
        .collect();
    let series = Series::individuals(&values);
    let limits = Limits::fit(ChartKind::Cusum, &series, &design(0.0, 1.0)).unwrap();
    let chart = limits.draw(&series, &RuleSet::nelson()).unwrap();
    let high = chart.panel(Statistic::CusumHigh).unwrap();
    let sums: Vec<f64> = high.points.iter().filter_map(|point| point.value).collect();
    assert_eq!(sums, [0.0, 0.0, 0.0, 2.0, 4.0, 6.0, 0.0, 0.0, 2.5]);
    assert_eq!(high.signals.len(), 1);
    // The last point at which the sum was 0 is the third: the shift came after it.
    assert_eq!(
        (
            high.signals[0].from,
            high.signals[0].index,
            high.signals[0].side
        ),
        (2, 5, Some(Side::Above))
    );
    let Limits::Cusum(mut cusum) = limits else {
        panic!()
    };
    cusum.reset_after_signal = false;
    let Series::Measured(groups) = &series else {
        panic!()
    };
    let run = cusum.run(groups);
    assert_eq!(run.high[8], Some(7.5));
    near(cusum.decision_interval(), 5.0);
    near(cusum.allowance(), 0.5);
    assert_eq!(
        cusum.shown_target().total_cmp(&0.0),
        std::cmp::Ordering::Equal
    );
}

#[test]
fn a_missing_value_holds_and_a_set_up_restarts_sums_and_averages() {
    let mut series = Series::individuals(&[Some(2.0), None, Some(2.0), Some(2.0)]);
    let run = |series: &Series, kind| {
        let limits = Limits::fit(kind, series, &design(0.0, 1.0)).unwrap();
        let chart = limits.draw(series, &RuleSet::none()).unwrap();
        let values: Vec<Option<f64>> = chart.panels[0]
            .points
            .iter()
            .map(|point| point.value)
            .collect();
        values
    };
    assert_eq!(
        run(&series, ChartKind::Cusum),
        [Some(1.5), None, Some(3.0), Some(4.5)]
    );
    let average = run(&series, ChartKind::Ewma);
    assert_eq!(
        (average[1], average[2].map(|value| (value * 100.0).round())),
        (None, Some(72.0))
    );
    if let Series::Measured(groups) = &mut series {
        groups[3].after_break = true;
    }
    assert_eq!(run(&series, ChartKind::Cusum)[3], Some(1.5));
    assert_eq!(run(&series, ChartKind::Ewma)[3], Some(0.4));
}

#[test]
fn exact_limits_of_an_ewma_widen_to_the_asymptotic_ones() {
    let series = Series::individuals(&[Some(0.0); 60]);
    let limits = Limits::fit(ChartKind::Ewma, &series, &design(0.0, 1.0)).unwrap();
    let chart = limits.draw(&series, &RuleSet::none()).unwrap();
    near(limits_at(&chart, 0, 0).2, 2.86 * 0.2);
    near(limits_at(&chart, 0, 59).2, 2.86 * (0.2_f64 / 1.8).sqrt());
    let points = &chart.panels[0].points;
    assert!(points.windows(2).all(|pair| pair[0].ucl <= pair[1].ucl));
}

#[test]
fn a_shift_seen_by_an_ewma_is_dated_to_where_the_average_left_the_target() {
    let values: Vec<Option<f64>> = (0..20)
        .map(|i| Some(if i < 10 { -0.1 } else { 1.5 }))
        .collect();
    let series = Series::individuals(&values);
    let limits = Limits::fit(ChartKind::Ewma, &series, &design(0.0, 1.0)).unwrap();
    let chart = limits.draw(&series, &RuleSet::none()).unwrap();
    let first = chart.panels[0].signals[0];
    assert_eq!(
        (first.rule, first.from, first.side),
        (Rule::Ewma, 10, Some(Side::Above))
    );
    assert!(first.index < 16);
}

#[test]
fn charts_that_weigh_the_past_take_target_and_sigma_from_the_data_when_not_given() {
    let singles = Series::individuals(&[Some(1.0), Some(3.0), Some(2.0)]);
    let Ok(Limits::Ewma(ewma)) = fit(ChartKind::Ewma, &singles) else {
        panic!()
    };
    near(ewma.target, 2.0);
    near(ewma.sigma, 1.5 / std::f64::consts::FRAC_2_SQRT_PI);
    let groups: [&[f64]; 3] = [&[1.0, 3.0], &[1.0, 2.0, 3.0], &[2.0, 2.0]];
    let Ok(Limits::Cusum(cusum)) = fit(ChartKind::Cusum, &Series::subgroups(&groups)) else {
        panic!()
    };
    assert_eq!(cusum.scale, CusumScale::StandardError);
    assert!(matches!(
        fit(
            ChartKind::Cusum,
            &Series::individuals(&[Some(1.0), Some(1.0)])
        ),
        Err(QualityError::Setting { name: "sigma", .. })
    ));
}

#[test]
fn settings_outside_their_range_are_refused() {
    let series = Series::individuals(&[Some(1.0), Some(3.0), Some(2.0)]);
    let refused = |kind, change: &dyn Fn(&mut WeightedDesign), name: &str| {
        let mut design = design(0.0, 1.0);
        change(&mut design);
        match Limits::fit(kind, &series, &design) {
            Err(QualityError::Setting { name: got, .. }) => assert_eq!(got, name),
            other => panic!("{name}: {other:?}"),
        }
    };
    refused(ChartKind::Ewma, &|design| design.lambda = 0.0, "lambda");
    refused(
        ChartKind::Ewma,
        &|design| design.lambda = f64::NAN,
        "lambda",
    );
    refused(ChartKind::Ewma, &|design| design.limit_l = -1.0, "limit_l");
    refused(
        ChartKind::Ewma,
        &|design| design.sigma = Some(f64::INFINITY),
        "sigma",
    );
    refused(
        ChartKind::Ewma,
        &|design| design.target = Some(f64::NAN),
        "target",
    );
    refused(ChartKind::Cusum, &|design| design.k = -0.1, "k");
    refused(ChartKind::Cusum, &|design| design.h = 0.0, "h");
    refused(
        ChartKind::Cusum,
        &|design| design.sigma = Some(0.0),
        "sigma",
    );
    refused(
        ChartKind::Cusum,
        &|design| design.target = Some(f64::INFINITY),
        "target",
    );
    let zero = CusumLimits {
        target: 0.0,
        sigma: 1.0,
        k: 0.5,
        h: 5.0,
        scale: CusumScale::Data { n: 0 },
        reset_after_signal: false,
    };
    assert!(zero.checked().is_err());
}

#[test]
fn readings_that_are_no_numbers_are_refused_with_their_place() {
    for bad in [f64::NAN, f64::INFINITY] {
        let series = Series::subgroups(&[[1.0, 2.0], [1.0, bad]]);
        for kind in [ChartKind::XbarR, ChartKind::XbarS, ChartKind::Ewma] {
            assert!(
                matches!(
                    fit(kind, &series),
                    Err(QualityError::NotAllowed { index: 1, .. })
                ),
                "{kind}"
            );
        }
    }
    let wide = Series::subgroups(&[[f64::MAX, f64::MIN], [f64::MAX, f64::MIN]]);
    assert!(fit(ChartKind::XbarR, &wide).is_err());
    assert!(fit(ChartKind::XbarS, &wide).is_err());
    assert!(fit(ChartKind::XbarR, &Series::subgroups::<[f64; 2]>(&[])).is_err());
}

fn nominal(product: &str, nominal: f64, readings: &[f64]) -> NominalGroup {
    NominalGroup {
        product: product.to_owned(),
        nominal,
        group: Subgroup::new(readings),
    }
}

#[test]
fn short_runs_share_a_chart_of_deviations_while_they_scatter_alike() {
    let small = nominal("small", 10.0, &[10.1, 9.9, 10.0, 10.1, 9.9]);
    let large = nominal("large", 50.0, &[50.1, 49.9, 50.2, 49.8, 50.0]);
    let groups = [small.clone(), large.clone()];
    let Series::Measured(deviations) = deviations_from_nominal(&groups).unwrap() else {
        panic!()
    };
    near(deviations[1].readings[0], 0.1);
    assert_eq!(spreads_differ(&groups), None);
    let wild = nominal("wild", 5.0, &[4.0, 6.0, 5.5, 4.2, 5.9]);
    let (low, high, times) = spreads_differ(&[small, large, wild]).unwrap();
    assert_eq!((low.as_str(), high.as_str()), ("small", "wild"));
    assert!(times > 8.0);
    assert!(deviations_from_nominal(&[nominal("x", f64::MAX, &[f64::MIN])]).is_err());
    assert_eq!(spreads_differ(&[]), None);
}
