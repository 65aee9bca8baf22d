//! Properties of any facts.

use super::*;

fn categories() -> impl Strategy<Value = Category> {
    prop::sample::select(&Category::ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The atoms of two shifts, assembled apart, are those assembled together; POT is the scheduled time, and no piece
    /// is lost or counted twice.
    #[test]
    fn shifts_assembled_apart_are_shifts_assembled_together(
        changes in prop::collection::vec((-2_000_i64..70_000, categories()), 0..30),
        orders in prop::collection::vec((-2_000_i64..70_000, 0_usize..4), 0..8),
        counts in prop::collection::vec((1_i64..1_500, 0_u32..400), 0..60),
    ) {
        let mut plant = Plant::new(&[]);
        plant.changes = changes.iter().map(|(second, category)| change(*second, *category)).collect();
        plant.changes.sort_by_key(|change| change.at);
        let products = [None, Some("A"), Some("B"), Some("Z")];
        plant.allocations = orders.iter().map(|(second, p)| allocation(*second, products[*p])).collect();
        plant.allocations.sort_by_key(|(at, _)| *at);
        let (mut second, mut value) = (-3_000, 0.0);
        for (step, pieces) in &counts {
            second += step;
            value += f64::from(*pieces);
            plant.main.push(Reading::good(at(second), value));
        }
        let both = plant.assemble(span(0, 57_600));
        let mut apart = plant.assemble(span(0, 28_800)).atoms;
        apart.extend(plant.assemble(span(28_800, 57_600)).atoms);
        apart.sort_by(|a, b| a.key.cmp(&b.key));
        prop_assert_eq!(&both.atoms, &apart);
        let total = Totals::of(&both.atoms);
        prop_assert_eq!(total.elements.pot().as_secs(), 57_600);
        prop_assert_eq!(total.atoms, both.atoms.len());

        let wide = plant.assemble(span(-20_000, 200_000));
        let made = Totals::of(&wide.atoms).output.pieces + wide.unscheduled.output.pieces;
        let mut counter = Counter::new(CounterRules::new(1.0, None)).unwrap();
        let counted: f64 = plant.main.iter().filter_map(|r| counter.step(r).counted).map(|c| c.pieces).sum();
        prop_assert!((made - counted).abs() < 1e-6, "{} of {}", made, counted);
    }
}

fn hostile_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => (-5_000_i64..70_000).prop_map(at),
        1 => any::<i64>().prop_map(Timestamp::from_nanos),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 0]).prop_map(Timestamp::from_nanos),
    ]
}

fn hostile_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        0.0..5_000.0,
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever a device and its clock say: no panic, no number that is none, POT as scheduled.
    #[test]
    fn hostile_facts_do_no_harm(
        mut states in prop::collection::vec((hostile_time(), -2_i64..20, any::<bool>()), 0..20),
        mut orders in prop::collection::vec((hostile_time(), 0_usize..3), 0..5),
        mut modes in prop::collection::vec((hostile_time(), 0_i64..5), 0..5),
        readings in prop::collection::vec((hostile_time(), hostile_value()), 0..40),
        edits in prop::collection::vec((hostile_time(), hostile_time()), 0..5),
        late in prop::collection::vec(hostile_value(), 0..3),
        planned in prop::collection::vec((hostile_time(), hostile_time()), 0..3),
        age in prop::option::of(0_u64..u64::MAX),
    ) {
        states.sort_by_key(|(at, ..)| *at);
        orders.sort_by_key(|(at, _)| *at);
        modes.sort_by_key(|(at, _)| *at);
        let mut plant = Plant::new(&[]);
        plant.changes = states
            .iter()
            .map(|(at, code, is_good)| StateChange {
                at: *at,
                state: MachineState::Code(*code),
                quality: if *is_good { Quality::Good } else { Quality::Bad(Reason::Unspecified) },
            })
            .collect();
        let products = [None, Some("A"), Some("B")];
        plant.allocations = orders.iter().map(|(at, p)| (*at, allocation(0, products[*p]).1)).collect();
        plant.main = readings.iter().map(|(at, value)| Reading::good(*at, *value)).collect();
        plant.scrap = plant.main.iter().rev().copied().collect();
        let modes: Vec<_> = modes.iter().map(|(at, n)| (*at, Mode::from_packml(*n))).collect();
        let edits: Vec<_> = edits
            .iter()
            .map(|(start, said)| ReasonEdit { stop_start: *start, at: *said, ..edit(0, 0, "trip") })
            .collect();
        let planned: Vec<Span> = planned.iter().map(|(start, end)| Span::new(*start, *end)).collect();
        let window = span(0, 57_600);
        let keys = plant.assemble(window).atoms;
        let late: Vec<_> = keys
            .iter()
            .zip(&late)
            .map(|(atom, scrap)| LateRejects {
                origin: atom.key.clone(),
                allocated: None,
                scrap: *scrap,
                rework: 0.0,
                found_at: at(0),
            })
            .collect();
        let facts = Facts {
            modes: &modes,
            edits: &edits,
            late_rejects: &late,
            planned: &planned,
            ..plant.facts(window)
        };
        let settings = Settings {
            state_age_max: age.map(Duration::from_nanos),
            startup: Startup::Pieces(3.0),
            ..plant.settings()
        };
        let got = assemble(&facts, &settings).unwrap();
        let total = Totals::of(&got.atoms);
        prop_assert_eq!(total.elements.pot().as_secs(), 57_600);
        prop_assert!(total.output.named().iter().all(|(_, number)| number.is_finite()));
        prop_assert!(got.cycles.iter().flat_map(|c| &c.cycles).all(|c| c.pieces > 0.0));
    }
}
