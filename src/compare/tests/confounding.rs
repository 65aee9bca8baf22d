use std::collections::BTreeMap;

use super::super::{Factor, Frame, Request, Verdict, compare};
use super::plant::{Plant, request};

/// A column of labels made from the labels of each record's shift and row.
fn with(frame: Frame, plant: &Plant, name: &str, label: impl Fn(&str, usize) -> String) -> Frame {
    let labels: Vec<String> = (0..frame.len())
        .map(|row| {
            let shift = row / plant.per_shift % plant.shifts.len();
            label(plant.shifts[shift].0, row)
        })
        .collect();
    frame.with_labels(name, &labels).unwrap()
}

#[test]
fn crews_that_never_rotate_cannot_be_told_from_the_shift() {
    let plant = Plant::new(20).shifts(&[("day", 0.0), ("night", -10.0)]);
    let frame = with(plant.frame(), &plant, "team", |shift, row| {
        format!("{shift}{}", row % 2)
    });
    let request = Request {
        crew: Some("team".into()),
        ..request()
    };
    let report = compare(&request, &frame).unwrap();
    assert_eq!(report.verdict, Verdict::ConfoundedWithCrew);
    let pair = &report.pairs[0];
    assert_eq!(pair.verdict, Verdict::ConfoundedWithCrew);
    assert!(pair.estimate.is_none() && pair.raw_difference.is_some());
    assert!(
        report.sentences[0].contains("team never changes the shift"),
        "{:?}",
        report.sentences
    );
    assert!(report.model.is_none() && report.hints.is_empty());
}

#[test]
fn one_level_with_its_own_crew_is_left_out_and_the_others_are_compared() {
    let shifts = [("day", 0.0), ("evening", 0.0), ("night", -10.0)];
    let plant = Plant::new(21).shifts(&shifts);
    let frame = with(plant.frame(), &plant, "team", |shift, row| match shift {
        "night" => "N".to_owned(),
        _ => format!("T{}", row / 7 % 2),
    });
    let report = compare(
        &Request {
            crew: Some("team".into()),
            ..request()
        },
        &frame,
    )
    .unwrap();
    let verdicts: Vec<Verdict> = report.pairs.iter().map(|pair| pair.verdict).collect();
    let crew = Verdict::ConfoundedWithCrew;
    assert_eq!(verdicts, [Verdict::NoEvidence, crew, crew]);
    assert_eq!(report.levels[2].not_compared, Some(crew));
    assert!(report.levels[2].adjusted.is_none() && report.levels[2].raw.is_some());
    assert_eq!(report.records.levels_not_compared, 120);
    assert_eq!(report.records.used, 240);
}

#[test]
fn a_machine_that_goes_with_the_shift_is_not_blamed_on_the_shift() {
    let plant = Plant::new(22).shifts(&[("day", 0.0), ("night", -10.0)]);
    let frame = with(plant.frame(), &plant, "press", |shift, _| {
        format!("press of {shift}")
    });
    let mut request = request();
    request.context.push(Factor::categorical("press"));
    let report = compare(&request, &frame).unwrap();
    assert_eq!(report.verdict, Verdict::Confounded);
    assert!(
        report.sentences[0].contains("press goes with the shift"),
        "{:?}",
        report.sentences
    );
}

#[test]
fn a_number_that_goes_with_the_shift_is_not_blamed_on_the_shift() {
    let plant = Plant::new(23).shifts(&[("day", 0.0), ("night", -10.0)]);
    let frame = plant.frame();
    let light = (0..frame.len())
        .map(|row| if row % 4 > 1 { 300.0 } else { 900.0 })
        .collect();
    let frame = frame.with_numbers("light", light).unwrap();
    let mut request = request();
    request.context.push(Factor::numeric("light"));
    let report = compare(&request, &frame).unwrap();
    assert_eq!(report.verdict, Verdict::Confounded);
}

#[test]
fn factors_that_only_together_go_with_the_shift_are_found() {
    let plant = Plant::new(24);
    let frame = plant.frame();
    let night = |row: usize| f64::from(u8::from(row % 4 > 1));
    let first: Vec<f64> = (0..frame.len()).map(|row| (row * 7 % 11) as f64).collect();
    let second = first
        .iter()
        .enumerate()
        .map(|(row, x)| night(row) - x)
        .collect();
    let frame = frame
        .with_numbers("u", first)
        .unwrap()
        .with_numbers("v", second)
        .unwrap();
    let mut request = request();
    request
        .context
        .extend([Factor::numeric("u"), Factor::numeric("v")]);
    let report = compare(&request, &frame).unwrap();
    assert_eq!(report.verdict, Verdict::Confounded);
    assert!(report.sentences[0].contains("together go with the shift"));
}

#[test]
fn a_factor_that_another_spans_is_dropped_and_named() {
    let plant = Plant::new(25);
    let frame = plant.frame();
    let rows = frame.len();
    let frame = frame.with_numbers("constant", vec![4.0; rows]).unwrap();
    let frame = with(frame, &plant, "one", |_, _| "same".to_owned());
    let mut request = request();
    request
        .context
        .extend([Factor::numeric("constant"), Factor::categorical("one")]);
    let report = compare(&request, &frame).unwrap();
    assert_eq!(report.model.as_ref().unwrap().aliased, ["constant"]);
    assert!(report.pairs[0].estimate.is_some());
}

#[test]
fn circumstances_that_one_shift_never_had_are_left_out() {
    let plant = Plant::new(26);
    let frame = with(plant.frame(), &plant, "line", |shift, row| {
        let special = shift == "night" && row % 8 == 3;
        if special { "L9" } else { "L1" }.to_owned()
    });
    let mut request = request();
    request.context.push(Factor::categorical("line"));
    let report = compare(&request, &frame).unwrap();
    assert_eq!(report.records.outside_support, 30);
    assert_eq!(report.records.used, 210);
    assert!(
        report.notes[0].contains("not every level had (line L9)"),
        "{:?}",
        report.notes
    );
    assert!(report.pairs[0].estimate.is_some());
}

#[test]
fn too_little_in_common_gives_no_verdict() {
    let plant = Plant::new(27).shifts(&[("day", 0.0), ("night", -9.0)]);
    let frame = with(plant.frame(), &plant, "line", |shift, row| match row % 10 {
        0 | 3 => "shared".to_owned(),
        _ => shift.to_owned(),
    });
    let mut request = request();
    request.context.push(Factor::categorical("line"));
    let report = compare(&request, &frame).unwrap();
    assert_eq!(report.verdict, Verdict::NoCommonSupport);
    assert!(report.pairs.iter().all(|pair| pair.estimate.is_none()));
}

#[test]
fn small_crews_are_pooled_and_never_named() {
    let plant = Plant::new(28);
    let sizes = |sizes: &[(&str, u32)]| -> BTreeMap<String, BTreeMap<String, u32>> {
        let sizes = sizes
            .iter()
            .map(|(crew, size)| ((*crew).to_owned(), *size))
            .collect();
        BTreeMap::from([("crew".to_owned(), sizes)])
    };
    let report = |persons| {
        let request = Request {
            crew: Some("crew".into()),
            persons,
            ..request()
        };
        compare(&request, &plant.frame()).unwrap()
    };
    let text = |report| format!("{report:?}");
    let pooled = report(sizes(&[("C1", 3), ("C2", 4), ("C3", 9)]));
    assert!(text(pooled.clone()).contains("crew[T.(small groups)]"));
    assert!(!text(pooled).contains("C1]"));
    let left_out = report(sizes(&[("C1", 3)]));
    assert!(!text(left_out.clone()).contains("C1]"));
    assert_eq!(
        left_out.records.incomplete, 64,
        "their records are not used either"
    );
}

#[test]
fn a_crew_of_fewer_than_five_is_not_compared() {
    let plant = Plant::new(29);
    let sizes = BTreeMap::from([("C1".to_owned(), 4), ("C2".to_owned(), 5)]);
    let persons = BTreeMap::from([("crew".to_owned(), sizes)]);
    let request = Request {
        group: "crew".into(),
        persons,
        ..request()
    };
    let report = compare(&request, &plant.frame()).unwrap();
    let level = &report.levels[1];
    assert_eq!(
        (level.not_compared, level.raw),
        (Some(Verdict::TooFewPersons), None)
    );
    assert_eq!((level.records, level.days), (0, 0));
    assert_eq!(report.records.few_persons, 64);
    assert!(
        report.pairs[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("fewer than five persons")
    );
}

#[test]
fn an_adjustment_beyond_what_a_level_has_shown_is_noted() {
    let plant = Plant::new(33);
    let frame = plant.frame();
    let mut random = fastrand::Rng::with_seed(33);
    let heat = |row: usize| if row % 4 > 1 { 40.0 } else { 20.0 };
    let heat = (0..frame.len())
        .map(|row| heat(row) + 21.0 * random.f64())
        .collect();
    let frame = frame.with_numbers("heat", heat).unwrap();
    let mut request = request();
    request.context.push(Factor::numeric("heat"));
    let report = compare(&request, &frame).unwrap();
    let note = report
        .notes
        .iter()
        .find(|note| note.contains("value of heat"));
    assert!(note.unwrap().starts_with("Only "), "{:?}", report.notes);
    assert!(report.pairs[0].estimate.is_some());
}

#[test]
fn crews_that_stay_in_one_shift_are_counted() {
    let plant = Plant::new(34);
    let frame = with(plant.frame(), &plant, "team", |shift, row| match row % 5 {
        0 => format!("only {shift}"),
        _ => format!("T{}", row % 3),
    });
    let request = Request {
        crew: Some("team".into()),
        ..request()
    };
    let report = compare(&request, &frame).unwrap();
    let note = "2 of 5 crews are in one shift only; the difference rests on the others.";
    assert!(
        report.notes.iter().any(|of| of == note),
        "{:?}",
        report.notes
    );
}
