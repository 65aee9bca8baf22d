//! Times: states, orders, stops, shifts.

use super::*;

#[test]
fn a_shift_becomes_an_atom_with_its_times_and_pieces() {
    let mut plant = Plant::new(&[
        (-50, Category::Run),
        (200, Category::Stop),
        (230, Category::Run),
        (400, Category::Stop),
        (500, Category::Run),
    ]);
    plant.main = counter(-10, 1_000, &[10, 20, 30, 700]);
    plant.scrap = counter(-10, 1_000, &[700]);
    let got = plant.assemble(span(0, 1_000));
    let [atom] = &got.atoms[..] else {
        panic!("{got:#?}")
    };
    // planned, run, setup, stop, minor, external, idle, unknown, unscheduled
    assert_eq!(seconds(atom), [0, 870, 0, 100, 30, 0, 0, 0, 0]);
    assert_eq!((atom.output.pieces, atom.output.scrap), (4.0, 1.0));
    assert_eq!(
        (atom.output.standard_s, atom.output.standard_good_s),
        (20.0, 15.0)
    );
    assert_eq!((atom.ideal, atom.revision), (Some((1, 5.0)), 1));
    assert_eq!(atom.mean_pru_s(), Some(5.0));
    assert_eq!(atom.key.order.as_deref(), Some("order-A"));
    // The shift goes on after the window.
    assert_eq!(Vec::from_iter(atom.marks.clone()), [Mark::Partial]);
    let stops: Vec<_> = got
        .stops
        .iter()
        .map(|s| (s.downtime.element, s.downtime.counted.as_secs()))
        .collect();
    assert_eq!(stops, [(Element::Minor, 30), (Element::Stop, 100)]);
    assert_eq!(&*got.stops[0].shift.as_ref().unwrap().shift, "a");
    assert_eq!(got.failures().len(), 1);
    assert_eq!(Some(got.handovers[0].transition.pieces), Some(4.0));
}

#[test]
fn what_nobody_tells_is_unknown() {
    let mut plant = Plant::new(&[(100, Category::Run)]);
    assert_eq!(
        seconds(&plant.assemble(span(0, 1_000)).atoms[0]),
        [0, 900, 0, 0, 0, 0, 0, 100, 0]
    );
    plant.changes.push(StateChange {
        quality: Quality::Bad(Reason::CommFailure),
        ..change(600, Category::Run)
    });
    plant.changes.push(change(700, Category::Run));
    assert_eq!(
        seconds(&plant.assemble(span(0, 1_000)).atoms[0]),
        [0, 800, 0, 0, 0, 0, 0, 200, 0]
    );
    plant.changes.clear();
    let got = plant.assemble(span(0, 1_000));
    assert_eq!(seconds(&got.atoms[0]), [0, 0, 0, 0, 0, 0, 0, 1_000, 0]);
    assert_eq!(got.stops.len(), 1);
}

#[test]
fn a_state_that_is_not_repeated_is_lost() {
    let plant = Plant::new(&[
        (0, Category::Run),
        (10, Category::Run),
        (500, Category::Run),
    ]);
    let settings = Settings {
        state_age_max: Some(Duration::from_mins(1)),
        ..plant.settings()
    };
    let got = assemble(&plant.facts(span(0, 1_000)), &settings).unwrap();
    assert_eq!(seconds(&got.atoms[0]), [0, 130, 0, 0, 0, 0, 0, 870, 0]);
}

#[test]
fn a_stop_that_has_not_ended_is_open() {
    let mut plant = Plant::new(&[(0, Category::Run), (900, Category::Stop)]);
    let is_open = |plant: &Plant| {
        let stops = plant.assemble(span(0, 1_000)).stops;
        (stops[0].downtime.is_open, stops[0].downtime.element)
    };
    assert_eq!(is_open(&plant), (true, Element::Stop));
    plant.changes.push(change(1_000, Category::Run));
    assert_eq!(is_open(&plant), (false, Element::Stop));
    // Forty seconds in the window, and over a minute in all.
    plant.changes = vec![
        change(0, Category::Run),
        change(960, Category::Stop),
        change(1_030, Category::Run),
    ];
    assert_eq!(is_open(&plant), (false, Element::Stop));
    plant.changes[2].at = at(1_010);
    assert_eq!(is_open(&plant), (false, Element::Minor));
}

#[test]
fn stops_that_follow_each_other_are_one_with_the_first_reason() {
    let mut plant = Plant::new(&[(0, Category::Run)]);
    let code = |second, code| StateChange {
        state: MachineState::Code(code),
        ..change(second, Category::Run)
    };
    // Execute, aborting, aborted, clearing, stopped, resetting, execute.
    plant.changes = [
        (0, 6),
        (100, 8),
        (110, 9),
        (140, 1),
        (150, 2),
        (190, 15),
        (200, 6),
    ]
    .map(|(second, number)| code(second, number))
    .into();
    let reasons = [
        (at(0), None),
        (at(102), Some(Arc::from("guard"))),
        (at(120), Some(Arc::from("drive"))),
        (at(195), None),
    ];
    let facts = Facts {
        reasons: &reasons,
        ..plant.facts(span(0, 1_000))
    };
    let got = assemble(&facts, &plant.settings()).unwrap();
    assert_eq!(got.stops.len(), 1);
    let stop = &got.stops[0].downtime;
    assert_eq!((stop.span, stop.element), (span(100, 200), Element::Stop));
    assert_eq!(stop.reason.as_deref(), Some("guard"));
}

#[test]
fn an_order_decides_what_a_halt_is() {
    let mut plant = Plant::new(&[]);
    plant.changes = vec![StateChange {
        state: MachineState::Code(2),
        ..change(0, Category::Run)
    }];
    plant.allocations = vec![allocation(300, Some("A")), allocation(700, None)];
    let got = plant.assemble(span(0, 1_000));
    let sums: Vec<_> = got
        .atoms
        .iter()
        .map(|a| {
            (
                a.key.product.as_deref(),
                a.elements.idle.as_secs(),
                a.elements.stop.as_secs(),
            )
        })
        .collect();
    assert_eq!(sums, [(None, 600, 0), (Some("A"), 0, 400)]);
    // Where nobody tells of orders, one is taken to be there.
    plant.allocations.clear();
    let got = plant.assemble(span(0, 1_000));
    assert_eq!(got.atoms[0].elements.stop.as_secs(), 1_000);
}

#[test]
fn a_minor_stop_that_lasts_until_the_break_is_still_one() {
    let code = |second, code| StateChange {
        state: MachineState::Code(code),
        ..change(second, Category::Run)
    };
    let mut plant = Plant::new(&[(0, Category::Run)]);
    let minor = |plant: &Plant| {
        let facts = Facts {
            planned: &[span(500, 700)],
            ..plant.facts(span(0, 1_000))
        };
        let assembled = assemble(&facts, &plant.settings()).unwrap();
        let elements = &assembled.atoms[0].elements;
        (elements.minor.as_secs(), elements.stop.as_secs())
    };
    // Execute, held, and stopped in the break.
    plant.changes = [(0, 6), (470, 11), (500, 2), (700, 6)]
        .map(|(at, to)| code(at, to))
        .into();
    assert_eq!(minor(&plant), (30, 0));
    // A machine that stays held through the break was held for long.
    plant.changes.remove(2);
    assert_eq!(minor(&plant), (0, 30));
}

#[test]
fn breaks_and_planned_stops_are_planned_time() {
    let plant = Plant::new(&[
        (0, Category::Run),
        (100, Category::Stop),
        (500, Category::Run),
    ]);
    let facts = Facts {
        planned: &[span(50, 300)],
        ..plant.facts(span(0, 1_000))
    };
    let got = assemble(&facts, &plant.settings()).unwrap();
    assert_eq!(seconds(&got.atoms[0]), [200, 600, 0, 200, 0, 0, 0, 0, 0]);
}

#[test]
fn a_handover_is_scheduled_once_and_a_short_night_is_short() {
    let mut plant = Plant::new(&[(-90_000, Category::Run)]);
    let clock = |hour, minute| jiff::civil::time(hour, minute, 0, 0);
    let shifts = vec![
        ShiftDef::new("day", clock(6, 0), clock(18, 30)),
        ShiftDef::new("night", clock(18, 0), clock(6, 30)),
    ];
    let mut made = CalendarDefinition::new(Zone::named("Europe/Berlin").unwrap(), shifts);
    made.handover = Duration::from_mins(30);
    plant.calendar = Calendar::new(made).unwrap();
    // Noon to noon; in the second day summer time begins.
    for (start, hours) in [("2026-03-27T11:00:00Z", 24), ("2026-03-28T11:00:00Z", 23)] {
        let start: jiff::Timestamp = start.parse().unwrap();
        let start = Timestamp::from_millis(start.as_millisecond());
        let window = Span::new(start, start.saturating_add(Duration::from_hours(hours)));
        let got = plant.assemble(window);
        assert_eq!(
            Totals::of(&got.atoms).elements.pot(),
            Duration::from_hours(hours)
        );
        // The night is credited from 18:30 to 06:30.
        let night = got.atoms.iter().find(|a| &*a.key.shift.shift == "night");
        let pot = night.unwrap().elements.pot();
        assert_eq!(pot, Duration::from_hours(hours - 12));
    }
}
