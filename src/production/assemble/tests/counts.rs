//! Pieces: borders, gaps, products, start-up, cycles.

use super::*;

#[test]
fn a_count_over_a_border_is_split_by_run_time() {
    // Runs 30 s before the shift changes at 28800 and 10 s after, in a count of 60 s.
    let mut plant = Plant::new(&[
        (0, Category::Run),
        (28_800, Category::Stop),
        (28_820, Category::Run),
    ]);
    plant.main = vec![
        Reading::good(at(28_770), 0.0),
        Reading::good(at(28_830), 8.0),
    ];
    let got = plant.assemble(span(0, 2 * 28_800));
    let pieces: Vec<f64> = got.atoms.iter().map(|a| a.output.pieces).collect();
    assert_eq!(pieces, [6.0, 2.0]);
    assert!(
        got.atoms
            .iter()
            .all(|a| a.marks.contains(&Mark::Interpolated))
    );
    // The same from either side.
    for (window, pieces) in [(span(0, 28_800), 6.0), (span(28_800, 57_600), 2.0)] {
        assert_eq!(
            Some(plant.assemble(window).atoms[0].output.pieces),
            Some(pieces)
        );
    }
    // Without run time by elapsed time.
    plant.changes = vec![change(0, Category::Stop)];
    let pieces: Vec<f64> = plant
        .assemble(span(0, 57_600))
        .atoms
        .iter()
        .map(|a| a.output.pieces)
        .collect();
    assert_eq!(pieces, [4.0, 4.0]);
}

#[test]
fn a_long_gap_is_booked_as_a_block_where_the_machine_ran_longest() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    plant.main = vec![
        Reading::good(at(28_000), 0.0),
        Reading::good(at(29_000), 300.0),
    ];
    let got = plant.assemble(span(0, 57_600));
    let pieces: Vec<f64> = got.atoms.iter().map(|a| a.output.pieces).collect();
    assert_eq!(pieces, [300.0, 0.0]);
    assert!(got.atoms[0].marks.contains(&Mark::Block));
    assert_eq!(got.blocks[0].span, span(28_000, 29_000));
    // The other side of the border does not count it again.
    let next = &plant.assemble(span(28_800, 57_600)).atoms[0];
    assert_eq!(Some(next.output.pieces), Some(0.0));
}

#[test]
fn each_product_has_its_atom_and_its_ideal_cycle() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    plant.allocations = vec![
        allocation(0, Some("A")),
        allocation(400, Some("B")),
        allocation(900, Some("Z")),
    ];
    plant.main = counter(0, 1_000, &[100, 200, 500, 601, 700, 950]);
    let got = plant.assemble(span(0, 1_000));
    let atoms: Vec<_> = got
        .atoms
        .iter()
        .map(|a| {
            (
                a.key.product.as_deref().unwrap(),
                a.output.pieces,
                a.output.standard_s,
                a.output.unrated,
            )
        })
        .collect();
    // B: one piece of 2 s, and two of 4 s from 600 on.
    assert_eq!(
        atoms,
        [
            ("A", 2.0, 10.0, 0.0),
            ("B", 3.0, 10.0, 0.0),
            ("Z", 1.0, 0.0, 1.0)
        ]
    );
    assert!(got.atoms[1].marks.contains(&Mark::MixedIdeal));
    assert_eq!(got.atoms[1].ideal, Some((2, 4.0)));
    let changes: Vec<_> = got
        .changeovers
        .iter()
        .map(|c| (&*c.from, &*c.to, c.span))
        .collect();
    assert_eq!(
        changes,
        [("A", "B", span(200, 500)), ("B", "Z", span(700, 950))]
    );
}

#[test]
fn a_changeover_needs_a_good_piece_and_its_rejects_are_start_up() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    plant.allocations = vec![allocation(0, Some("A")), allocation(400, Some("B"))];
    // Two of B are rejects, one told with the piece and one later.
    plant.main = counter(0, 1_000, &[100, 200, 450, 500, 550, 600, 800]);
    plant.scrap = counter(0, 1_000, &[450, 503, 810]);
    let got = plant.assemble(span(0, 1_000));
    let change = &got.changeovers[0];
    assert_eq!(
        (change.span, change.scrap, change.rework),
        (span(200, 550), 2.0, 0.0)
    );
    // All of it inside the shift, and running.
    assert_eq!(change.elements.run, Duration::from_secs(350));
    assert_eq!(change.busy(), Duration::from_secs(350));
    let b = &got.atoms[1].output;
    assert_eq!(
        (b.pieces, b.scrap, b.startup, b.startup_s),
        (5.0, 3.0, 2.0, 4.0)
    );
}

#[test]
fn start_up_lasts_for_a_time_or_a_number_of_pieces() {
    let mut plant = Plant::new(&[(0, Category::Setup), (100, Category::Run)]);
    plant.main = counter(0, 1_000, &[110, 120, 130, 140, 150]);
    plant.scrap = counter(0, 1_000, &[50, 110, 120, 140]);
    let startup = |startup| {
        let settings = Settings {
            startup,
            ..plant.settings()
        };
        let got = assemble(&plant.facts(span(0, 1_000)), &settings).unwrap();
        got.atoms[0].output.startup
    };
    assert_eq!(Some(startup(Startup::Time(Duration::ZERO))), Some(1.0));
    assert_eq!(
        Some(startup(Startup::Time(Duration::from_secs(15)))),
        Some(2.0)
    );
    assert_eq!(Some(startup(Startup::Pieces(0.0))), Some(1.0));
    assert_eq!(Some(startup(Startup::Pieces(2.0))), Some(3.0));
    assert_eq!(Some(startup(Startup::Pieces(f64::INFINITY))), Some(4.0));
}

#[test]
fn manual_mode_in_a_changeover_is_setup() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    plant.allocations = vec![allocation(0, Some("A")), allocation(400, Some("B"))];
    plant.main = counter(0, 1_000, &[100, 200]);
    let modes = [
        (at(150), Mode::Manual),
        (at(600), Mode::Production),
        (at(900), Mode::Maintenance),
    ];
    let facts = Facts {
        modes: &modes,
        ..plant.facts(span(0, 1_000))
    };
    let got = assemble(&facts, &plant.settings()).unwrap();
    let total = Totals::of(&got.atoms).elements;
    // A stop until the last good piece of A, then setup; the changeover has not ended.
    let times = [total.stop, total.minor, total.setup, total.run].map(|t| t.as_secs());
    assert_eq!(times, [100, 50, 400, 450]);
    let maintenance = (got.maintenance[0].corrective, got.maintenance[0].planned);
    assert_eq!(maintenance, (Duration::from_secs(100), Duration::ZERO));
    let work_orders = [(at(0), WorkOrder::Planned), (at(960), WorkOrder::None)];
    let facts = Facts {
        work_orders: &work_orders,
        ..facts
    };
    let got = assemble(&facts, &plant.settings()).unwrap();
    let maintenance = (got.maintenance[0].corrective, got.maintenance[0].planned);
    assert_eq!(
        maintenance,
        (Duration::from_secs(40), Duration::from_mins(1))
    );
    assert_eq!(
        Totals::of(&got.atoms).elements.planned,
        Duration::from_mins(1)
    );
}

#[test]
fn good_counters_make_pieces_with_the_rejects() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    plant.main = counter(0, 1_000, &[100, 200, 300]);
    plant.scrap = counter(0, 1_000, &[150]);
    let rework = counter(0, 1_000, &[250, 260]);
    let facts = plant.facts(span(0, 1_000));
    let counts = Counts {
        main_counts: MainCounter::Good,
        rework: &rework,
        ..facts.counts
    };
    let good = assemble(&Facts { counts, ..facts }, &plant.settings()).unwrap();
    let output = good.atoms[0].output;
    assert_eq!(
        (output.pieces, output.scrap, output.rework, output.good()),
        (6.0, 1.0, 2.0, 3.0)
    );
    assert_eq!((output.standard_s, output.standard_good_s), (30.0, 15.0));
    let counts = Counts {
        main_counts: MainCounter::All,
        ..counts
    };
    let all = assemble(&Facts { counts, ..facts }, &plant.settings()).unwrap();
    assert_eq!(
        (all.atoms[0].output.pieces, all.atoms[0].output.good()),
        (3.0, 0.0)
    );
}

#[test]
fn what_is_made_outside_every_shift_is_told_apart() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    // The second shift ends at 57600.
    plant.main = counter(57_500, 58_000, &[57_550, 57_700, 57_800]);
    let got = plant.assemble(span(28_800, 58_000));
    assert_eq!(got.atoms.len(), 1);
    assert_eq!(Some(got.atoms[0].output.pieces), Some(1.0));
    assert_eq!(Some(got.unscheduled.output.pieces), Some(2.0));
    assert_eq!(got.unscheduled.run.as_secs(), 400);
    assert!(got.atoms[0].marks.is_empty());
}

#[test]
fn what_is_odd_about_counters_is_told() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    plant.main = counter(0, 10, &[]);
    plant.main.push(Reading::good(at(20), 9_000.0));
    plant.main.push(Reading::good(at(30), 9_001.0));
    plant.main.extend((40..1_900).map(|second| Reading {
        quality: Quality::Bad(Reason::CommFailure),
        ..Reading::good(at(second), 0.0)
    }));
    let got = plant.assemble(span(0, 2_000));
    let counts: Vec<_> = got
        .counters
        .counts
        .iter()
        .map(|((_, e), n)| (*e, *n))
        .collect();
    assert_eq!(
        counts,
        [
            (CounterEvent::BadQuality, 1_860),
            (CounterEvent::Spike, 1),
            (CounterEvent::Rebased, 1)
        ]
    );
    assert_eq!(got.counters.first.len(), 1_000);
    assert!(got.atoms[0].marks.contains(&Mark::CounterRebased));
}

#[test]
fn cycles_of_a_product_leave_out_what_was_disturbed() {
    let mut plant = Plant::new(&[
        (0, Category::Run),
        (305, Category::Stop),
        (400, Category::Run),
    ]);
    plant.allocations = vec![allocation(0, Some("A")), allocation(550, Some("B"))];
    plant.main = counter(0, 1_000, &[100, 200, 300, 420, 520, 620, 720, 820]);
    let got = plant.assemble(span(0, 1_000));
    let ends = |product: &str| -> Vec<Timestamp> {
        let cycles = got
            .cycles
            .iter()
            .find(|c| c.product.as_deref() == Some(product));
        cycles.unwrap().cycles.iter().map(|c| c.span.end).collect()
    };
    assert_eq!(ends("A"), [at(200), at(520)]);
    assert_eq!(ends("B"), [at(720), at(820)]);
}

#[test]
fn counters_of_rejects_may_have_rules_of_their_own() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    plant.main = counter(0, 1_000, &[100, 200, 300]);
    plant.scrap = vec![Reading::good(at(0), 255.0), Reading::good(at(400), 1.0)];
    let settings = Settings {
        rejects: Some(CounterRules::new(1.0, Some(256.0))),
        ..plant.settings()
    };
    let got = assemble(&plant.facts(span(0, 1_000)), &settings).unwrap();
    assert_eq!(Some(got.atoms[0].output.scrap), Some(2.0));
}
