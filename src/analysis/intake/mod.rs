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
//! others are taken. Taking the same table twice changes nothing: a row is identified by its time and subject.

mod defects;
mod planning;
mod remarks;
mod row;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::row::Row;
use crate::analysis::stored::{LATE_REJECTS, LateRejectsV1, PLANNED_STOP, ReasonV1, content};
use crate::config::{Config, WorkUnit};
use crate::history::{Event, EventKind};
use crate::model::Timestamp;

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
}

impl Intake {
    /// What a command tells of it; nothing is restated yet.
    pub fn told(&self) -> TakenIn {
        TakenIn {
            table: self.table.to_owned(),
            taken: self.events.len(),
            refused: self.refused,
            faults: self.faults.clone(),
            restated: 0,
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
    read: fn(&Row<'_>) -> Result<Event, String>,
}

/// The first whose columns are all there is taken, so those with more columns stand first.
const TABLES: [Table; 7] = [
    Table {
        name: "late scrap",
        needs: &["found_at", "work_unit", "origin_time", "count"],
        read: remarks::late_scrap,
    },
    Table {
        name: "defects",
        needs: &["found_at", "work_unit", "category", "count"],
        read: defects::read,
    },
    Table {
        name: "reasons",
        needs: &["entered_at", "work_unit", "stop_start", "reason"],
        read: remarks::reason,
    },
    Table {
        name: "orders",
        needs: &["order", "product", "quantity", "work_unit", "planned_start"],
        read: planning::order,
    },
    Table {
        name: "products",
        needs: &["product", "ideal_cycle_s", "valid_from"],
        read: planning::product,
    },
    Table {
        name: "roster",
        needs: &["shift", "start", "headcount"],
        read: planning::roster,
    },
    Table {
        name: "planned stops",
        needs: &["work_unit", "start", "end", "kind"],
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
    for record in reader.records() {
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
        match read {
            Ok(event) => intake.events.push(event),
            Err(what) => {
                intake.refused += 1;
                if intake.faults.len() < FAULTS_MAX {
                    let position = record
                        .ok()
                        .and_then(|record| record.position().map(csv::Position::line));
                    intake.faults.push(IntakeFault {
                        line: position.unwrap_or(0),
                        what,
                    });
                }
            }
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

/// Moments of a work unit that events say something new about.
pub(super) fn concerned(events: &[Event], unit: &WorkUnit) -> Vec<Timestamp> {
    let moment = |event: &Event| match event.kind {
        EventKind::REASON_EDIT if event.subject == unit.name => {
            content::<ReasonV1>(event).map(|said| Timestamp::from_nanos(said.stop_start_ns))
        }
        LATE_REJECTS => content::<LateRejectsV1>(event)
            .filter(|late| late.work_unit == unit.name)
            .map(|late| Timestamp::from_nanos(late.origin_ns)),
        PLANNED_STOP if event.subject == unit.name => Some(event.time),
        _ => None,
    };
    events.iter().filter_map(moment).collect()
}
