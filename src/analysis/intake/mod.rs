//! Master data and corrections that people and other systems bring, as CSV: what a table is, its header says.
//!
//! | table | columns (others are ignored) |
//! |---|---|
//! | products | `product, ideal_cycle_s, valid_from`, perhaps `family, characteristic, nominal, lsl, usl` |
//! | orders | `order, product, quantity, work_unit, planned_start`, perhaps `planned_end, actual_start, actual_end` |
//! | roster | `shift, start, headcount`, perhaps `crew, experience_share` |
//! | reasons | `entered_at, work_unit, stop_start, reason`, perhaps `role` |
//! | late scrap | `found_at, work_unit, origin_time, count`, perhaps `product, order, rework` |
//! | defects | `found_at, work_unit, category, count`, perhaps `made_at, product, order, unit` (serial number or lot) |
//! | planned stops | `work_unit, start, end, kind`, perhaps `label`; kinds are `maintenance`, `break` and `other` |
//!
//! Times are RFC 3339 with zone. `machine` may stand for `work_unit`. A row that cannot be used is a fault of its own; the
//! others are taken. Taking the same table twice changes nothing: a row takes the place of an earlier one with the same time
//! and subject. Two such rows of one table that say different things are a mistake, and the second is a fault.

mod defects;
mod planning;
mod remarks;
mod row;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::row::Row;
use crate::analysis::process::moment;
use crate::analysis::stored::{
    LATE_REJECTS, LateRejectsV1, PLANNED_STOP, PlannedStopV1, ReasonV1, content,
};
use crate::config::{Config, WorkUnit};
use crate::history::{Event, EventKind};
use crate::model::Timestamp;
use crate::production::span::Span;

/// Faults that are kept with their text.
const FAULTS_MAX: usize = 20;

/// What a table has brought.
#[derive(Debug, Default)]
pub struct Intake {
    /// Kind of table.
    pub table: &'static str,
    /// Rows that can be used.
    pub events: Vec<Event>,
    /// Rows that cannot: how many, and the first of them.
    pub refused: usize,
    /// The first of them.
    pub faults: Vec<IntakeFault>,
}

/// What was taken in, as a command tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenIn {
    /// Kind of table.
    pub table: String,
    /// Rows taken.
    pub taken: usize,
    /// Rows refused.
    pub refused: usize,
    /// The first of those.
    pub faults: Vec<IntakeFault>,
    /// Shifts whose figures were stated again.
    pub restated: usize,
    /// What was taken and is in no figure, in words.
    #[serde(default)]
    pub unused: Vec<String>,
}

/// Time and subject.
type Identity = (Timestamp, String);

impl Intake {
    fn refuse(&mut self, line: u64, what: String) {
        self.refused += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(IntakeFault { line, what });
        }
    }

    /// What a command tells of it; nothing is restated yet.
    pub fn told(&self) -> TakenIn {
        TakenIn {
            table: self.table.to_owned(),
            taken: self.events.len(),
            refused: self.refused,
            faults: self.faults.clone(),
            restated: 0,
            unused: Vec::new(),
        }
    }
}

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeFault {
    /// Line in the file, the header is line 1.
    pub line: u64,
    /// What is wrong, and what is allowed.
    pub what: String,
}

/// How a table is read.
struct Table {
    name: &'static str,
    needs: &'static [&'static str],
    /// Columns that say which row it is.
    identity: &'static str,
    read: fn(&Row<'_>) -> Result<Event, String>,
}

/// The first whose columns are all there is taken, so those with more columns stand first.
const TABLES: [Table; 7] = [
    Table {
        name: "late scrap",
        needs: &["found_at", "work_unit", "origin_time", "count"],
        identity: "found_at, work_unit, origin_time, product, order",
        read: remarks::late_scrap,
    },
    Table {
        name: "defects",
        needs: &["found_at", "work_unit", "category", "count"],
        identity: "found_at, work_unit, category, product, order, unit, made_at",
        read: defects::read,
    },
    Table {
        name: "reasons",
        needs: &["entered_at", "work_unit", "stop_start", "reason"],
        identity: "entered_at, work_unit, stop_start",
        read: remarks::reason,
    },
    Table {
        name: "orders",
        needs: &["order", "product", "quantity", "work_unit", "planned_start"],
        identity: "order, work_unit, planned_start",
        read: planning::order,
    },
    Table {
        name: "products",
        needs: &["product", "ideal_cycle_s", "valid_from"],
        identity: "product, valid_from",
        read: planning::product,
    },
    Table {
        name: "roster",
        needs: &["shift", "start", "headcount"],
        identity: "shift, start",
        read: planning::roster,
    },
    Table {
        name: "planned stops",
        needs: &["work_unit", "start", "end", "kind"],
        identity: "work_unit, start",
        read: remarks::planned_stop,
    },
];

/// Reads one table; the error says why it is none.
pub fn read_intake(text: &[u8], config: &Config) -> Result<Intake, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text);
    let header = reader
        .headers()
        .map_err(|error| format!("the header cannot be read: {error}"))?;
    let columns: BTreeMap<String, usize> = header
        .iter()
        .enumerate()
        .map(|(place, name)| (canonical(name), place))
        .collect();
    let has_all = |table: &&Table| {
        table
            .needs
            .iter()
            .all(|column| columns.contains_key(*column))
    };
    let table = TABLES
        .iter()
        .find(has_all)
        .ok_or_else(|| unknown_table(header))?;
    let mut intake = Intake {
        table: table.name,
        ..Intake::default()
    };
    let mut lines: BTreeMap<Identity, (u64, usize)> = BTreeMap::new();
    for record in reader.records() {
        let position = record.as_ref().ok().and_then(csv::StringRecord::position);
        let line = position.map_or(0, csv::Position::line);
        let read = match &record {
            Ok(record) => {
                let row = Row {
                    columns: &columns,
                    record,
                    config,
                };
                (table.read)(&row)
            }
            Err(error) => Err(error.to_string()),
        };
        let read = read.and_then(|event| {
            let which = (event.time, event.subject.clone());
            let (first, place) = *lines.entry(which).or_insert((line, intake.events.len()));
            match intake.events.get(place) {
                Some(before) if *before != event => Err(format!(
                    "line {first} says something else of the same {}",
                    table.identity
                )),
                _ => Ok(event),
            }
        });
        match read {
            Ok(event) => intake.events.push(event),
            Err(what) => intake.refuse(line, what),
        }
    }
    Ok(intake)
}

fn canonical(name: &str) -> String {
    let name = name.to_lowercase();
    if name == "machine" {
        "work_unit".to_owned()
    } else {
        name
    }
}

fn unknown_table(header: &csv::StringRecord) -> String {
    let found: Vec<&str> = header.iter().collect();
    let allowed = TABLES
        .iter()
        .map(|table| format!("{} ({})", table.name, table.needs.join(", ")));
    let allowed: Vec<String> = allowed.collect();
    format!(
        "the columns {} are those of no table; allowed: {}",
        found.join(", "),
        allowed.join("; ")
    )
}

/// From when on products were brought that `events` say something new about.
pub(super) fn products(events: &[Event]) -> Vec<(&str, Timestamp)> {
    let products = events
        .iter()
        .filter(|event| event.kind == EventKind::PRODUCT);
    products
        .map(|event| (event.subject.as_str(), event.time))
        .collect()
}

/// Something that was said of one moment of a work unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    /// Of when: begin of a stop, or when rejects were made.
    pub(super) of: Timestamp,
    /// When it was said.
    pub(super) at: Timestamp,
    /// Whether it is the reason of a stop.
    pub(super) is_reason: bool,
}

/// What events say of moments of a work unit: reasons and late rejects.
pub(super) fn moments(events: &[Event], unit: &WorkUnit) -> Vec<Said> {
    let said = |event: &Event| {
        let of = *concerned(std::slice::from_ref(event), unit).first()?;
        let is_reason = event.kind == EventKind::REASON_EDIT;
        (is_reason || event.kind == LATE_REJECTS).then_some(Said {
            of: of.start,
            at: event.time,
            is_reason,
        })
    };
    events.iter().filter_map(said).collect()
}

/// Times of a work unit that events say something new about.
pub(super) fn concerned(events: &[Event], unit: &WorkUnit) -> Vec<Span> {
    let moment = |at_ns| moment(Timestamp::from_nanos(at_ns));
    let span = |event: &Event| match event.kind {
        EventKind::REASON_EDIT => content::<ReasonV1>(event)
            .filter(|said| said.work_unit(&event.subject) == unit.name)
            .map(|said| moment(said.stop_start_ns)),
        LATE_REJECTS => content::<LateRejectsV1>(event)
            .filter(|late| late.work_unit == unit.name)
            .map(|late| moment(late.origin_ns)),
        PLANNED_STOP if event.subject == unit.name => content::<PlannedStopV1>(event)
            .map(|stop| Span::new(event.time, Timestamp::from_nanos(stop.end_ns))),
        _ => None,
    };
    events.iter().filter_map(span).collect()
}
