use super::super::{Covariance, Factor, Outcome, Request, Verdict, compare, compare_metrics};
use super::plant::{Plant, request};

/// In how many of `runs` the first pair's interval holds `truth`.
fn covered(runs: u64, truth: f64, plant: impl Fn(u64) -> Plant) -> u64 {
    let holds = |seed: &u64| {
        let report = plant(*seed).plain_report();
        let pair = report.pairs[0].estimate.as_ref().unwrap();
        pair.low <= truth && truth <= pair.high
    };
    (0..runs).filter(holds).count() as u64
}

/// 300 runs at 95 %: 285 expected, standard deviation 3.8.
#[test]
fn the_interval_holds_the_planted_effect_as_often_as_it_says() {
    let plant = |seed| Plant::new(seed).shifts(&[("day", 0.0), ("night", -2.0)]);
    let held = covered(300, -2.0, plant);
    assert!((273..=297).contains(&held), "{held} of 300");
}

#[test]
fn ups_and_downs_common_to_a_shift_of_a_day_widen_the_interval() {
    let plant = |seed| Plant {
        day_noise: 4.0,
        per_shift: 4,
        noise: 1.0,
        ..Plant::new(seed)
    };
    let report = plant(1).report();
    let pair = report.pairs[0].estimate.as_ref().unwrap();
    assert_eq!(pair.reported, Covariance::ClusterByDay);
    let clustered = pair.cluster_by_day.as_ref().unwrap().inference.se;
    assert!(clustered > 1.5 * pair.classical.inference.se);
    let held = covered(300, 0.0, plant);
    assert!((270..=297).contains(&held), "{held} of 300");
}

/// With three levels and 200 runs 10 false families are expected, standard deviation 3.1.
#[test]
fn equal_shifts_are_rarely_told_apart() {
    let shifts = [("day", 0.0), ("evening", 0.0), ("night", 0.0)];
    let false_ones = (0..200)
        .map(|seed| Plant::new(seed).shifts(&shifts).plain_report())
        .filter(|report| report.verdict == Verdict::Difference)
        .count();
    assert!(false_ones <= 19, "{false_ones} of 200");
}

#[test]
fn a_raw_gap_that_staffing_explains_is_no_difference() {
    let report = Plant::new(3).report();
    let pair = &report.pairs[0];
    assert!(pair.raw_difference.unwrap() < -4.0);
    assert_eq!(pair.verdict, Verdict::NoEvidence);
    assert!(
        pair.sentence
            .starts_with("No evidence that night differs from day in rate")
    );
    let made = &report.decomposition[0];
    let staffing = &made.intervals["staffing"];
    assert!(staffing.high < -1.0 && staffing.low > -7.0, "{staffing:?}");
    assert!((made.pooled.parts["staffing"] - staffing.estimate).abs() < 1e-12);
    let unexplained = &made.intervals["unexplained"];
    assert!(unexplained.low < 0.0 && unexplained.high > 0.0);
    assert_eq!(made.draws, 1000);
}

#[test]
fn parts_and_rest_add_up_to_the_gap() {
    let report = Plant::new(4)
        .shifts(&[("day", 0.0), ("night", 3.0)])
        .report();
    let made = &report.decomposition[0];
    for one in [
        Some(&made.pooled),
        made.coef_of_a.as_ref(),
        made.coef_of_b.as_ref(),
    ] {
        let one = one.unwrap();
        assert!((one.parts.values().sum::<f64>() - one.total).abs() < 1e-9);
        assert!((one.total + one.unexplained - made.gap).abs() < 1e-9);
    }
    let adjusted = report.pairs[0].estimate.as_ref().unwrap().difference;
    assert!(
        (made.pooled.unexplained - adjusted).abs() < 1e-9,
        "the level has its own term"
    );
}

#[test]
fn the_threshold_decides_between_a_difference_and_one_that_does_not_matter() {
    let plant = Plant {
        days: 300,
        ..Plant::new(5)
    }
    .shifts(&[("day", 0.0), ("night", -1.0)]);
    let frame = plant.frame();
    let verdict = |relevance| {
        let report = compare(
            &Request {
                relevance,
                ..request()
            },
            &frame,
        )
        .unwrap();
        report.pairs[0].verdict
    };
    assert_eq!(verdict(None), Verdict::Difference);
    assert_eq!(verdict(Some(0.5)), Verdict::Difference);
    assert_eq!(verdict(Some(1.2)), Verdict::Inconclusive);
    assert_eq!(verdict(Some(5.0)), Verdict::NoEvidence);
}

#[test]
fn an_open_question_says_how_many_records_would_settle_it() {
    let plant = Plant {
        days: 15,
        ..Plant::new(6)
    };
    let request = Request {
        relevance: Some(1.0),
        ..request()
    };
    let report = compare(&request, &plant.frame()).unwrap();
    let pair = &report.pairs[0];
    assert_eq!(pair.verdict, Verdict::Inconclusive);
    assert!(pair.sentence.contains("stays open"), "{}", pair.sentence);
    // 16 s^2 with s between 4 and 9 parts/h within a shift.
    assert!(
        (250..1300).contains(&pair.needed_records.unwrap()),
        "{:?}",
        pair.needed_records
    );
}

#[test]
fn few_days_get_errors_without_days_and_a_note() {
    let report = Plant {
        days: 20,
        ..Plant::new(7)
    }
    .report();
    assert_eq!(
        report.pairs[0].estimate.as_ref().unwrap().reported,
        Covariance::Hc3
    );
    assert!(report.notes[0].starts_with("Too few production days"));
    let report = Plant {
        days: 20,
        per_shift: 1,
        ..Plant::new(7)
    }
    .report();
    assert!(
        report.pairs.iter().all(|pair| pair.estimate.is_none()),
        "40 records, 5 coefficients"
    );
}

#[test]
fn levels_are_set_against_their_mean() {
    let shifts = [("day", 0.0), ("evening", 0.0), ("night", -4.0)];
    let report = Plant::new(8).shifts(&shifts).report();
    let of = |at: usize| report.levels[at].versus_mean.as_ref().unwrap();
    assert!(of(2).difference < 0.0 && of(2).p_holm < 0.001 && of(2).high < 0.0);
    assert!(of(0).difference > 0.0);
    let sum: f64 = (0..3)
        .map(|at| of(at).difference * report.levels[at].exposure)
        .sum();
    assert!(sum.abs() < 1e-6, "weighted by exposure they cancel");
}

#[test]
fn crews_that_rotate_are_adjusted_for_and_random_beside() {
    let plant = Plant::new(9).shifts(&[("day", 0.0), ("night", -3.0)]);
    let report = compare(
        &Request {
            crew: Some("crew".into()),
            ..request()
        },
        &plant.frame(),
    )
    .unwrap();
    let model = report.model.as_ref().unwrap();
    assert!(
        model
            .coefficients
            .iter()
            .any(|one| one.term == "crew[T.C1]")
    );
    assert_eq!(
        model.formula,
        "rate ~ shift + operators + C(machine) + C(product) + C(crew)"
    );
    let random = report.random_crew.as_ref().unwrap();
    assert_eq!(random.crews, 4);
    assert!((random.effects[0].effect + 3.0).abs() < 1.5);
    assert!(
        random.crew_variance < 1.0,
        "the crews are alike: {}",
        random.crew_variance
    );
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.starts_with("4 crews are too few"))
    );
    assert_eq!(
        report.without_crew.as_ref().unwrap().covariance,
        Covariance::ClusterByDay
    );
}

#[test]
fn hours_weigh_the_records() {
    let frame = Plant::new(10).frame();
    let heavy: Vec<f64> = (0..frame.len())
        .map(|at| if at % 3 == 0 { 16.0 } else { 2.0 })
        .collect();
    let frame = frame.with_numbers("weight", heavy).unwrap();
    let weighted = |exposure: Option<&str>| {
        let exposure = exposure.map(str::to_owned);
        let outcome = Outcome::Rate {
            value: "rate".into(),
            exposure,
        };
        compare(
            &Request {
                outcome,
                ..request()
            },
            &frame,
        )
        .unwrap()
    };
    let mean = |exposure| weighted(exposure).levels[0].raw.unwrap().estimate;
    assert!(
        (mean(None) - mean(Some("hours"))).abs() < 1e-9,
        "constant hours change nothing"
    );
    assert!((mean(None) - mean(Some("weight"))).abs() > 1e-3);
}

#[test]
fn a_difference_that_may_be_chance_among_many_metrics_is_taken_back() {
    let plant = Plant {
        noise: 3.0,
        ..Plant::new(11)
    };
    let mut frame = plant.frame();
    let mut requests = Vec::new();
    for at in 0..40_u64 {
        let mut random = fastrand::Rng::with_seed(at);
        let name = format!("metric{at}");
        let strong = at == 0;
        let values = (0..frame.len()).map(|row| {
            let night = if row % 4 > 1 && strong { 5.0 } else { 0.0 };
            night + super::plant::normal(&mut random)
        });
        frame = frame.with_numbers(&name, values.collect()).unwrap();
        let outcome = Outcome::Rate {
            value: name,
            exposure: None,
        };
        requests.push(Request {
            outcome,
            ..request()
        });
    }
    let alone = requests
        .iter()
        .map(|request| compare(request, &frame).unwrap());
    let alone = alone
        .filter(|report| report.verdict == Verdict::Difference)
        .count();
    let reports = compare_metrics(&requests, &frame).unwrap();
    let together: Vec<_> = reports
        .iter()
        .filter(|report| report.verdict == Verdict::Difference)
        .collect();
    assert!(alone > 1, "one in twenty is chance");
    assert_eq!(together.len(), 1);
    assert_eq!(together[0].outcome, "metric0");
    assert!(
        reports
            .iter()
            .all(|report| report.pairs[0].q_across_metrics.is_some())
    );
    let taken_back =
        |report: &&super::super::Report| report.sentences[0].ends_with("may be chance.");
    assert_eq!(reports.iter().filter(taken_back).count(), alone - 1);
}

#[test]
fn the_same_data_give_the_same_report() {
    let plant = Plant::new(12).shifts(&[("day", 0.0), ("night", -3.0)]);
    assert_eq!(plant.report(), plant.report());
}

#[test]
fn a_numeric_context_factor_without_a_part_stays_out_of_the_decomposition() {
    let request = Request {
        context: vec![Factor::numeric("operators")],
        ..request()
    };
    let report = compare(&request, &Plant::new(13).frame()).unwrap();
    assert!(report.decomposition.is_empty());
    assert!(report.pairs[0].sentence.contains("The raw gap is"));
}

#[test]
fn slopes_that_one_level_does_not_show_are_not_borrowed() {
    let plant = Plant::new(14);
    let frame = plant.frame();
    let mut random = fastrand::Rng::with_seed(14);
    // The day always has 20 degrees, the night anything.
    let heat = (0..frame.len()).map(|row| match row % 4 {
        0 | 1 => 20.0,
        _ => 15.0 + 10.0 * random.f64() + 2.0,
    });
    let frame = frame.with_numbers("heat", heat.collect()).unwrap();
    let mut request = request();
    request
        .context
        .push(Factor::numeric("heat").explains("climate"));
    let report = compare(&request, &frame).unwrap();
    let made = &report.decomposition[0];
    assert_eq!(made.coef_of_a, None);
    assert!(made.coef_of_b.is_some() && made.pooled.parts.contains_key("climate"));
}

#[test]
fn incomplete_records_are_counted_and_left_out() {
    let frame = Plant::new(15).frame();
    let gaps: Vec<&str> = (0..frame.len())
        .map(|row| match row % 24 {
            0 => "",
            of if of % 4 > 1 => "night",
            _ => "day",
        })
        .collect();
    let frame = frame.with_labels("kind", &gaps).unwrap();
    let request = Request {
        group: "kind".into(),
        ..request()
    };
    let report = compare(&request, &frame).unwrap();
    assert_eq!((report.records.incomplete, report.records.used), (10, 230));
    assert_eq!(report.notes, ["10 incomplete records are left out."]);
}
