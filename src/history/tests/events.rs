//! Events, and texts as events.

use super::*;
use crate::model::ShortText;

fn event(kind: EventKind, ms: i64, subject: &str, content: &str) -> Event {
    Event {
        kind,
        time: at(ms),
        subject: subject.to_owned(),
        content: Some(content.as_bytes().to_vec()),
    }
}

fn contents(
    plant: &Plant,
    kinds: &[EventKind],
    subject: Option<&str>,
    ms: std::ops::Range<i64>,
) -> Vec<String> {
    let query = EventQuery {
        kinds: kinds.to_vec(),
        subject: subject.map(str::to_owned),
        from: at(ms.start),
        to: at(ms.end),
        limit: 100,
    };
    let events = plant.writer.reader().events(&query).unwrap();
    events
        .into_iter()
        .map(|event| String::from_utf8(event.content.unwrap()).unwrap())
        .collect()
}

#[test]
fn events_are_found_by_kind_subject_and_time_and_replaced_by_key() {
    let mut plant = Plant::new();
    for event in [
        event(EventKind::ALERT, 1, "press", "a1"),
        event(EventKind::ALERT, 3, "oven", "a3"),
        event(EventKind::ATOMS, 2, "press", "v1"),
        event(EventKind::ATOMS, 2, "press", "v2"),
    ] {
        plant.writer.put_event(event).unwrap();
    }
    let commit = plant.writer.commit(at(10)).unwrap().unwrap();
    assert_eq!((commit.samples, commit.events), (0, 4));
    let both = [EventKind::ALERT, EventKind::ATOMS];
    assert_eq!(contents(&plant, &both, None, 0..10), ["a1", "a3", "v2"]);
    assert_eq!(contents(&plant, &both, Some("press"), 0..10), ["a1", "v2"]);
    assert_eq!(contents(&plant, &both, None, 2..3), ["v2"]);
    assert_eq!(contents(&plant, &both, None, 3..3), [""; 0]);
    plant.writer.remove_event(EventKind::ALERT, at(3), "oven");
    plant.writer.flush().unwrap();
    assert_eq!(contents(&plant, &both, None, 0..10), ["a1", "v2"]);
    assert!(
        plant
            .writer
            .put_event(event(EventKind::NOTE, 0, &"x".repeat(513), ""))
            .is_err()
    );
}

#[test]
fn a_text_stays_as_an_event_when_it_changes() {
    let mut plant = Plant::new();
    let text = |text: &str| Value::Text(ShortText::try_from(text).unwrap());
    for (second, state) in [
        (0, "RUN"),
        (1, "RUN"),
        (2, "STOP"),
        (3_600, "STOP"),
        (3_601, "RUN"),
    ] {
        plant
            .writer
            .put(plant.id, at(second * 1_000), &text(state), Quality::Good);
    }
    plant.writer.settle(at(DAY_MS)).unwrap();
    assert_eq!(
        contents(&plant, &[EventKind::TEXT], Some("t"), 0..DAY_MS),
        ["RUN", "STOP", "STOP", "RUN"]
    );
    // A late sample changes what was written.
    plant
        .writer
        .put(plant.id, at(1_000), &text("IDLE"), Quality::Good);
    plant.writer.settle(at(DAY_MS)).unwrap();
    let found = contents(&plant, &[EventKind::TEXT], Some("t"), 0..HOUR_MS);
    assert_eq!(found, ["RUN", "IDLE", "STOP"]);
    let answer = plant.query(
        0,
        HOUR_MS,
        Step::Fixed(Duration::from_hours(1)),
        &[Aggregate::Mean],
    );
    assert_eq!(
        (answer.series[0].value(0, 0), answer.series[0].gap(0)),
        (None, Some(Gap::NoGoodValue))
    );
}

#[test]
fn old_events_go_when_they_are_not_kept_for_good() {
    let keep = Settings {
        retention: Retention {
            events: Some(Duration::from_hours(48)),
            ..Retention::default()
        },
        ..settings()
    };
    let mut plant = Plant::with(keep, at(0));
    for hour in [0, 30, 60] {
        plant
            .writer
            .put_event(event(EventKind::NOTE, hour * HOUR_MS, "x", "n"))
            .unwrap();
    }
    for hour in [20, 40, 60, 70] {
        plant.writer.settle(at(hour * HOUR_MS)).unwrap();
    }
    assert_eq!(
        contents(&plant, &[EventKind::NOTE], None, 0..DAY_MS * 9).len(),
        2
    );
}
