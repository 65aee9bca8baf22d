use super::super::{Factor, Frame, NewProducts, Outcome, Report, Request, Verdict, compare};
use super::plant::{Plant, normal, poisson, request};

/// Records of two shifts over 60 days on two machines: events with this rate per unit of size.
fn events(
    seed: u64,
    size: f64,
    rate: impl Fn(bool, bool, &mut fastrand::Rng) -> f64,
    draw: impl Fn(&mut fastrand::Rng, f64, f64) -> f64,
) -> Frame {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut day, mut shift, mut machine) = (Vec::new(), Vec::new(), Vec::new());
    let (mut count, mut sizes) = (Vec::new(), Vec::new());
    for row in 0..240 {
        let night = row % 4 > 1;
        let second = random.f64() < if night { 0.7 } else { 0.3 };
        let rate = rate(night, second, &mut random);
        day.push(format!("{:03}", row / 4));
        shift.push(if night { "night" } else { "day" });
        machine.push(if second { "M2" } else { "M1" });
        count.push(draw(&mut random, size, rate));
        sizes.push(size);
    }
    Frame::new()
        .with_labels("day", &day)
        .and_then(|frame| frame.with_labels("shift", &shift))
        .and_then(|frame| frame.with_labels("machine", &machine))
        .and_then(|frame| frame.with_numbers("count", count))
        .and_then(|frame| frame.with_numbers("size", sizes))
        .unwrap()
}

fn binomial(random: &mut fastrand::Rng, trials: f64, p: f64) -> f64 {
    let units = (1_u32..)
        .map(f64::from)
        .take_while(|unit: &f64| *unit <= trials);
    units.filter(|_| random.f64() < p).count() as f64
}

fn counts(random: &mut fastrand::Rng, exposure: f64, rate: f64) -> f64 {
    poisson(random, exposure * rate)
}

fn scrap(frame: &Frame) -> Report {
    let outcome = Outcome::Proportion {
        count: "count".into(),
        trials: "size".into(),
    };
    run(outcome, frame)
}

fn stops(frame: &Frame) -> Report {
    let outcome = Outcome::Count {
        events: "count".into(),
        exposure: "size".into(),
    };
    run(outcome, frame)
}

fn run(outcome: Outcome, frame: &Frame) -> Report {
    let context = vec![Factor::categorical("machine")];
    compare(
        &Request {
            context,
            ..Request::new(outcome, "shift", "day")
        },
        frame,
    )
    .unwrap()
}

fn method(report: &Report) -> &'static str {
    report.model.as_ref().unwrap().method
}

#[test]
fn a_worse_machine_is_not_the_night_shift() {
    let rate = |_: bool, second: bool, _: &mut fastrand::Rng| if second { 0.06 } else { 0.02 };
    let report = scrap(&events(1, 300.0, rate, binomial));
    assert_eq!(method(&report), "binomial logit");
    assert_eq!(report.verdict, Verdict::NoEvidence);
    let made = &report.composition[0];
    assert!(made.gap > 0.008, "{made:?}");
    assert!((made.composition.estimate + made.rate.estimate - made.gap).abs() < 1e-12);
    assert!(
        made.composition.low > 0.0,
        "the machines explain it: {made:?}"
    );
    assert!(made.rate.low < 0.0 && made.rate.high > 0.0, "{made:?}");
    assert!((made.matched_share - 1.0).abs() < 1e-12);
    assert_eq!(made.draws, 1000);
}

#[test]
fn a_planted_odds_ratio_is_found() {
    let rate = |night: bool, second: bool, _: &mut fastrand::Rng| {
        let log = -3.5 + if night { 0.5 } else { 0.0 } + if second { 0.7 } else { 0.0 };
        1.0 / (1.0 + f64::exp(-log))
    };
    let report = scrap(&events(2, 300.0, rate, binomial));
    let pair = report.pairs[0].estimate.as_ref().unwrap();
    assert_eq!(report.verdict, Verdict::Difference);
    assert!((pair.contrast - 0.5).abs() < 0.15, "{pair:?}");
    assert!((pair.ratio.unwrap() - pair.contrast.exp()).abs() < 1e-12);
    assert!(pair.difference > 0.0 && pair.low > 0.0);
    assert!(
        report.sentences[0].contains("percentage points above day"),
        "{:?}",
        report.sentences
    );
}

#[test]
fn over_dispersed_scrap_widens_the_errors() {
    let rate = |_: bool, _: bool, random: &mut fastrand::Rng| {
        1.0 / (1.0 + (3.0 - 0.8 * normal(random)).exp())
    };
    let report = scrap(&events(3, 300.0, rate, binomial));
    assert_eq!(method(&report), "quasi-binomial logit");
    let model = report.model.as_ref().unwrap();
    assert!(model.dispersion.unwrap() > 1.5);
    assert!(model.coefficients[0].classical.df.is_some());
}

#[test]
fn a_shift_without_any_scrap_gets_a_finite_estimate_and_a_note() {
    let rate = |night: bool, _: bool, _: &mut fastrand::Rng| if night { 0.0 } else { 0.02 };
    let report = scrap(&events(4, 300.0, rate, binomial));
    assert!(report.model.as_ref().unwrap().penalised);
    assert!(report.notes[0].contains("Firth"));
    let pair = report.pairs[0].estimate.as_ref().unwrap();
    assert!(pair.contrast < -3.0 && pair.contrast.is_finite());
    assert_eq!(report.verdict, Verdict::Difference);
    assert!(
        report.levels[1].raw.unwrap().high < 0.001,
        "Wilson's interval has a width at 0"
    );
}

#[test]
fn without_any_event_there_is_no_difference() {
    let none = |_: bool, _: bool, _: &mut fastrand::Rng| 0.0;
    for report in [
        scrap(&events(5, 300.0, none, binomial)),
        stops(&events(5, 8.0, none, counts)),
    ] {
        assert_eq!(report.verdict, Verdict::NoEvidence);
        let pair = report.pairs[0].estimate.as_ref().unwrap();
        assert!(pair.difference.abs() < 1e-3 && pair.low.is_finite());
    }
    let all = |_: bool, _: bool, _: &mut fastrand::Rng| 1.0;
    assert_eq!(
        scrap(&events(5, 50.0, all, binomial)).verdict,
        Verdict::NoEvidence
    );
}

#[test]
fn stops_per_hour_are_compared_as_a_ratio() {
    let rate = |night: bool, second: bool, _: &mut fastrand::Rng| {
        0.5 * if night { 1.5 } else { 1.0 } * if second { 2.0 } else { 1.0 }
    };
    let report = stops(&events(6, 8.0, rate, counts));
    assert_eq!(method(&report), "Poisson log");
    let pair = report.pairs[0].estimate.as_ref().unwrap();
    assert!((pair.ratio.unwrap() - 1.5).abs() < 0.25, "{pair:?}");
    assert_eq!(report.verdict, Verdict::Difference);
    let raw = report.levels[0].raw.unwrap();
    assert!(raw.low < raw.estimate && raw.estimate < raw.high);
}

/// 100 runs at 5 %: 5 expected, standard deviation 2.2.
#[test]
fn stops_that_come_in_bursts_are_no_false_difference() {
    let rate = |_: bool, _: bool, random: &mut fastrand::Rng| 0.6 * (0.9 * normal(random)).exp();
    let report = stops(&events(7, 8.0, rate, counts));
    assert_eq!(method(&report), "negative binomial log");
    let is_false =
        |seed: &u64| stops(&events(*seed, 8.0, rate, counts)).verdict == Verdict::Difference;
    let false_ones = (0..100).filter(is_false).count();
    assert!(false_ones <= 12, "{false_ones} of 100");
}

#[test]
fn cycle_times_are_compared_by_their_ratio() {
    let frame = Plant {
        noise: 0.1,
        ..Plant::new(30)
    }
    .frame();
    let mut random = fastrand::Rng::with_seed(30);
    let cycle = (0..frame.len()).map(|row| {
        let night = if row % 4 > 1 { 1.1_f64 } else { 1.0 };
        30.0 * night * (0.05 * normal(&mut random)).exp()
    });
    let frame = frame.with_numbers("cycle", cycle.collect()).unwrap();
    let outcome = Outcome::Duration {
        value: "cycle".into(),
        exposure: None,
    };
    let request = Request {
        outcome,
        unit: "s".into(),
        ..request()
    };
    let report = compare(&request, &frame).unwrap();
    let pair = report.pairs[0].estimate.as_ref().unwrap();
    assert!((pair.ratio.unwrap() - 1.1).abs() < 0.03);
    assert!((pair.difference - 3.0).abs() < 1.0, "{pair:?}");
    assert!((report.levels[0].raw.unwrap().estimate - 30.0).abs() < 1.0);
    assert_eq!(report.kind, "duration");
    assert!(report.decomposition[0].gap > 0.05, "of logarithms");
}

#[test]
fn products_that_are_new_are_left_out_of_a_comparison_of_shifts() {
    let plant = Plant::new(31);
    let frame = plant.frame();
    let new = |row: usize| row < 6;
    let item: Vec<&str> = (0..frame.len())
        .map(|row| if new(row) { "new" } else { "old" })
        .collect();
    let parts = vec![700.0; frame.len()];
    let frame = frame
        .with_labels("item", &item)
        .unwrap()
        .with_numbers("parts", parts)
        .unwrap();
    let new_products = Some(NewProducts {
        product: "item".into(),
        parts: "parts".into(),
    });
    let request = Request {
        new_products,
        ..request()
    };
    let report = compare(&request, &frame).unwrap();
    assert_eq!(
        report.records.new_product, 0,
        "two days, three shift runs, enough parts"
    );
    let by_item = Request {
        group: "item".into(),
        ..request
    };
    let report = compare(&by_item, &frame).unwrap();
    assert_eq!(report.levels[0].not_compared, Some(Verdict::NewProduct));
    assert!(report.levels[0].raw.is_some());
    assert_eq!(report.verdict, Verdict::NewProduct);
}

#[test]
fn a_product_with_few_parts_is_new() {
    let plant = Plant::new(32);
    let frame = plant.frame();
    let item: Vec<&str> = (0..frame.len())
        .map(|row| if row % 20 == 0 { "new" } else { "old" })
        .collect();
    let parts = (0..frame.len())
        .map(|row| if row % 20 == 0 { 41.0 } else { 700.0 })
        .collect();
    let frame = frame
        .with_labels("item", &item)
        .unwrap()
        .with_numbers("parts", parts)
        .unwrap();
    let new_products = Some(NewProducts {
        product: "item".into(),
        parts: "parts".into(),
    });
    let report = compare(
        &Request {
            new_products,
            ..request()
        },
        &frame,
    )
    .unwrap();
    assert_eq!(report.records.new_product, 12);
    assert_eq!(report.records.used, 228);
    assert!(report.notes[0].contains("12 records of new products"));
}

#[test]
fn cells_of_several_factors_are_taken_together_and_alone() {
    let rate = |_: bool, second: bool, _: &mut fastrand::Rng| if second { 0.06 } else { 0.02 };
    let frame = events(8, 100.0, rate, binomial);
    // Only the night has the combination of M2 and the odd batch.
    let machine = frame.labels("machine").unwrap().into_owned();
    let batch: Vec<&str> = (0..frame.len())
        .map(|row| {
            let second = machine.codes[row] == Some(1);
            let odd = if row % 4 > 1 {
                row % 8 == 3
            } else {
                row % 8 == 1 && !second
            };
            if odd { "odd" } else { "even" }
        })
        .collect();
    let frame = frame.with_labels("batch", &batch).unwrap();
    let outcome = Outcome::Proportion {
        count: "count".into(),
        trials: "size".into(),
    };
    let context = vec![
        Factor::categorical("machine"),
        Factor::categorical("batch"),
        Factor::numeric("size"),
    ];
    let request = Request {
        context,
        ..Request::new(outcome, "shift", "day")
    };
    let report = compare(&request, &frame).unwrap();
    let sets: Vec<&[String]> = report
        .composition
        .iter()
        .map(|one| &one.factors[..])
        .collect();
    assert_eq!(sets.len(), 3);
    assert_eq!(sets[0], ["machine", "batch"]);
    let joint = &report.composition[0];
    assert!(
        joint.matched_share < 1.0 && joint.matched_share > 0.8,
        "{joint:?}"
    );
    assert_eq!(
        report.model.as_ref().unwrap().aliased,
        ["size"],
        "always 100"
    );
}
