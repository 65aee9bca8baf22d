//! Figures: of a whole shift, stated again, and refused.

use super::*;

#[test]
fn a_reason_said_later_restates_the_shift() {
    let mut plant = Plant::new(&[
        (0, Category::Run),
        (100, Category::Stop),
        (300, Category::Run),
    ]);
    plant.reasons = Some(reason::tests::tree());
    let before = plant.assemble(span(0, 1_000));
    let edits = [
        edit(100, 2_000, "no_material"),
        edit(100, 1_000, "trip"),
        edit(101, 1_000, "trip"),
        edit(100, 1_500, "gremlin"),
        edit(0, 1_500, "trip"),
    ];
    let facts = Facts {
        edits: &edits,
        ..plant.facts(span(0, 1_000))
    };
    let after = assemble(&facts, &plant.settings()).unwrap();
    let said: Vec<_> = after
        .revisions
        .iter()
        .map(|r| (r.revision, r.old.as_deref(), r.new.as_deref()))
        .collect();
    assert_eq!(
        said,
        [
            (1, None, Some("trip")),
            (2, Some("trip"), Some("no_material"))
        ]
    );
    assert_eq!(after.refused_edits.len(), 3);
    let cause = Cause::ReasonEdit { at: at(2_000) };
    let restated = restate(&before.atoms[0], after.atoms[0].clone(), cause)
        .unwrap()
        .unwrap();
    assert_eq!(restated.atom.revision, 2);
    let changes: Vec<_> = restated
        .changes
        .iter()
        .map(|c| (c.field.as_str(), c.old, c.new))
        .collect();
    assert_eq!(
        changes,
        [("stop_s", 200.0, 0.0), ("external_s", 0.0, 200.0)]
    );
    assert_eq!(
        restate(&before.atoms[0], before.atoms[0].clone(), cause),
        Ok(None)
    );
}

#[test]
fn late_rejects_are_booked_where_they_were_made() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    plant.main = counter(0, 1_000, &[100, 200, 300]);
    let origin = plant.assemble(span(0, 1_000)).atoms[0].key.clone();
    let late = |scrap| LateRejects {
        origin: origin.clone(),
        allocated: None,
        scrap,
        rework: 0.0,
        found_at: at(90_000),
    };
    let mut unsaid = late(1.0);
    unsaid.origin.order = None;
    let mut another_shift = late(1.0);
    another_shift.origin.shift.shift = "elsewhen".into();
    let mut another_order = late(1.0);
    another_order.origin.order = Some("another".into());
    let rejects = [late(1.0), late(3.0), unsaid, another_shift, another_order];
    let facts = Facts {
        late_rejects: &rejects,
        ..plant.facts(span(0, 1_000))
    };
    let got = assemble(&facts, &plant.settings()).unwrap();
    let output = got.atoms[0].output;
    assert_eq!((output.scrap, output.standard_good_s), (2.0, 5.0));
    assert!(got.atoms[0].marks.contains(&Mark::LateRejects));
    let refused: Vec<usize> = got
        .refused_rejects
        .iter()
        .map(|(place, _)| *place)
        .collect();
    assert_eq!(refused, [1, 4]);
}

#[test]
fn impossible_facts_are_refused() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    let refused = |plant: &Plant, window| {
        let error = assemble(&plant.facts(window), &plant.settings()).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        refused(&plant, span(0, 0)),
        "a window from 2026-05-04T00:00:00.000Z to 2026-05-04T00:00:00.000Z; more than none and at most ten years are allowed"
    );
    let all = Span::new(
        Timestamp::from_nanos(i64::MIN),
        Timestamp::from_nanos(i64::MAX),
    );
    assert!(refused(&plant, all).starts_with("a window from"));
    let settings = Settings {
        counter: CounterRules::new(f64::NAN, None),
        ..plant.settings()
    };
    let error = assemble(&plant.facts(span(0, 10)), &settings).unwrap_err();
    assert_eq!(error.to_string(), "counters cannot be read");
    plant.changes.push(change(-10, Category::Stop));
    assert_eq!(
        refused(&plant, span(0, 10)),
        "the states of the work unit are not in order of time"
    );
}

/// Case oee-02 of the reference, as a machine would tell it.
#[test]
fn a_whole_shift_has_the_figures_of_the_reference_case() {
    let mut plant = Plant::new(&[
        (0, Category::Run),
        (5_400, Category::Stop),
        (5_520, Category::Run),
        (9_000, Category::Setup),
        (10_800, Category::Run),
        (14_400, Category::Planned),
        (16_200, Category::Run),
        (19_800, Category::Stop),
        (21_300, Category::Run),
        (24_000, Category::External),
        (24_900, Category::Run),
        (27_300, Category::Stop),
        (27_390, Category::Run),
        (28_200, Category::Idle),
    ]);
    let product = |id: &str, pru_s| Product {
        id: id.to_owned(),
        family: None,
        ideal: vec![IdealCycle {
            version: 1,
            valid_from: at(-1),
            pru_s,
        }],
    };
    plant.catalogue = Catalogue::new(vec![product("A", 12.0), product("B", 8.5)]).unwrap();
    plant.allocations = vec![allocation(0, Some("A")), allocation(9_000, Some("B"))];
    let readings = |a: f64, b: f64| {
        let values = [(0, 0.0), (9_000, a), (10_800, a), (28_200, a + b)];
        values.map(|(second, value)| Reading::good(at(second), value))
    };
    plant.main = readings(690.0, 1_430.0).into();
    plant.scrap = readings(9.0, 22.0).into();
    let rework = readings(6.0, 4.0);
    let facts = plant.facts(span(0, 28_800));
    let counts = Counts {
        rework: &rework,
        ..facts.counts
    };
    let settings = Settings {
        microstop: Duration::from_mins(5),
        ..plant.settings()
    };
    let got = assemble(&Facts { counts, ..facts }, &settings).unwrap();
    let total = Totals::of(&got.atoms);
    let close = |got: Option<f64>, wanted: f64| assert!((got.unwrap() - wanted).abs() < 1e-9);
    for (model, availability) in [
        (LossModel::Iso22400, 0.814_444_444_444_444_4),
        (LossModel::Tpm, 0.822_222_222_222_222_2),
    ] {
        let figures = total.figures(Rules {
            model,
            ..Rules::default()
        });
        close(figures.availability, availability);
        close(figures.oee, 0.742);
        close(figures.quality_ratio, 0.980_376_804_502_079_8);
    }
    let losses = SixLosses::of(&total.elements, &total.output).unwrap();
    close(Some(losses.total_s()), 27_000.0);
}
