//! What is stated, and stated again, of two presses on a real history.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::accountant::Accountant;
use super::oee::{GroupBy, OeeQuestion, oee};
use super::period::Period;
use super::stored::{LATE_REJECTS, LateRejectsV1, StatementV2, event, stated, statement_event};
use crate::config::{Config, FileFault, FileSource, parse};
use crate::history::{Event, SeriesSpec, Settings, Writer};
use crate::model::{Quality, Timestamp, Value};
use crate::production::counter::CounterRules;

const PLANT: &str = r#"
[gateway]
id = "gw"
asset = "plant"

[history]
raw = "48h"

[[calendar.shift]]
name = "early"
start = "06:00"
end = "14:00"

[[device]]
name = "a"
asset = "a"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"
unit = 1

[[device.tag]]
name = "state"
address = "holding:0"
type = "u16"
rate = "60s"

[[device]]
name = "b"
asset = "b"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"
unit = 2

[[device.tag]]
name = "state"
address = "holding:0"
type = "u16"
rate = "60s"

[[work_unit]]
name = "a"
state = "a.state"

[[work_unit]]
name = "b"
state = "b.state"
"#;

/// Midnight of the first day, seconds since the epoch: 2026-05-05.
const MIDNIGHT_S: i64 = 1_777_939_200;

fn hour(hour: i64) -> Timestamp {
    Timestamp::from_millis((MIDNIGHT_S + hour * 3_600) * 1_000)
}

struct NoFiles;

impl FileSource for NoFiles {
    fn text(&self, _path: &Path) -> Result<String, FileFault> {
        Err(FileFault::Missing)
    }

    fn secret(&self, _path: &Path) -> Result<String, FileFault> {
        Err(FileFault::Missing)
    }

    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}

/// The plant and its history: both presses ran from 6 to 14 on two days.
fn plant() -> (tempfile::TempDir, Config, Writer) {
    let config = parse(PLANT, "plant.toml", &NoFiles).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(dir.path(), Settings::new("UTC"), hour(0)).unwrap();
    let names = ["a.state", "b.state"].map(SeriesSpec::named);
    let series = writer.register(&names).unwrap();
    for minute in (0..48 * 60).filter(|minute| (360..840).contains(&(minute % 1_440))) {
        let at = hour(0).saturating_add(Duration::from_mins(minute));
        for id in &series {
            writer.put(*id, at, &Value::Int(6), Quality::Good);
        }
    }
    writer.flush().unwrap();
    (dir, config, writer)
}

fn subjects(events: &[Event]) -> Vec<(&str, Timestamp)> {
    let which = events.iter();
    which
        .map(|event| (event.subject.as_str(), event.time))
        .collect()
}

#[test]
fn figures_that_were_not_written_are_stated_again() {
    let (_dir, config, writer) = plant();
    let mut accountant = Accountant::new(Arc::new(config));
    let now = hour(48);
    let both = [
        ("a", hour(6)),
        ("a", hour(30)),
        ("b", hour(6)),
        ("b", hour(30)),
    ];
    for _try in 0..2 {
        let stated = accountant.state(&writer.reader(), now).unwrap();
        assert_eq!(subjects(&stated.events), both);
    }
    let stated = accountant.state(&writer.reader(), now).unwrap();
    accountant.written(stated);
    assert!(!accountant.is_due(now));
    let again = accountant.state(&writer.reader(), now).unwrap();
    assert!(again.events.is_empty());
}

#[test]
fn a_work_unit_that_cannot_be_stated_does_not_hold_up_the_others() {
    let (_dir, mut config, writer) = plant();
    let [first, _] = &mut config.production.work_units[..] else {
        panic!("two work units");
    };
    first.counter = CounterRules::new(f64::NAN, None);
    let mut accountant = Accountant::new(Arc::new(config));
    let now = hour(48);
    let stated = accountant.state(&writer.reader(), now).unwrap();
    assert_eq!(subjects(&stated.events), [("b", hour(6)), ("b", hour(30))]);
    let (unit, why) = stated.failed.as_ref().unwrap();
    assert_eq!(
        (&**unit, &*why.to_string()),
        ("a", "account for work unit `a`")
    );
    accountant.written(stated);
    assert!(!accountant.is_due(now));
    let retry = now.saturating_add(Duration::from_mins(1));
    assert!(accountant.is_due(retry));
    let again = accountant.state(&writer.reader(), retry).unwrap();
    assert!(again.events.is_empty() && again.failed.is_some());
}

/// A statement of press `a` on the first day that cannot be read, by an accountant of a later version perhaps.
fn strange_statement(accountant: &mut Accountant, writer: &Writer) -> StatementV2 {
    let events = accountant.state(&writer.reader(), hour(24)).unwrap().events;
    let mut statement = stated(&events[0]).unwrap();
    for atom in &mut statement.atoms.atoms {
        atom.marks = 1 << 15;
    }
    statement
}

fn late_reject() -> Event {
    let late = LateRejectsV1 {
        work_unit: "a".to_owned(),
        origin_ns: hour(8).as_nanos(),
        product: None,
        order: None,
        scrap: 1.0,
        rework: 0.0,
    };
    event(LATE_REJECTS, hour(20), "a late".to_owned(), &late)
}

#[test]
fn what_cannot_be_read_is_not_written_over_and_is_told() {
    let (_dir, config, mut writer) = plant();
    let mut accountant = Accountant::new(Arc::new(config.clone()));
    let strange = strange_statement(&mut accountant, &writer);
    writer
        .put_event(statement_event(hour(6), "a".to_owned(), &strange))
        .unwrap();
    writer.put_event(late_reject()).unwrap();
    writer.flush().unwrap();
    // Ten days later no samples are kept to state it anew.
    let later = hour(240);
    let restated = accountant
        .restate(&writer.reader(), &[late_reject()], later)
        .unwrap();
    assert!(restated.events.is_empty());
    assert_eq!(
        restated.refused,
        ["a in 2026-05-05 early: its figures were stated and cannot be read"]
    );
    let question = OeeQuestion {
        period: Period {
            from: "2026-05-05".to_owned(),
            to: Some("2026-05-06".to_owned()),
        },
        work_units: vec!["a".to_owned()],
        by: GroupBy::WorkUnit,
        model: None,
        level: None,
    };
    let answer = oee(&question, &config, &writer.reader(), later).unwrap();
    assert_eq!(answer.unreadable, ["a in 2026-05-05 early"]);
    // While samples are kept it is stated anew.
    let restated = accountant
        .restate(&writer.reader(), &[late_reject()], hour(26))
        .unwrap();
    assert_eq!(subjects(&restated.events), [("a", hour(6))]);
    assert_eq!(
        restated.refused,
        [
            "a: rejects of no product in 2026-05-05 early: nothing of that was made; made were no pieces at all"
        ]
    );
    assert!(stated(&restated.events[0]).unwrap().atoms.read().is_ok());
}

#[test]
fn what_is_said_of_a_time_outside_every_shift_is_told() {
    let (_dir, config, writer) = plant();
    let accountant = Accountant::new(Arc::new(config));
    let late = LateRejectsV1 {
        work_unit: "b".to_owned(),
        origin_ns: hour(15).as_nanos(),
        product: None,
        order: None,
        scrap: 1.0,
        rework: 0.0,
    };
    let taken = [event(LATE_REJECTS, hour(20), "b late".to_owned(), &late)];
    let restated = accountant
        .restate(&writer.reader(), &taken, hour(26))
        .unwrap();
    assert_eq!(
        restated.refused,
        ["b at 2026-05-05T15:00:00.000Z: in no shift"]
    );
}
