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

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::analysis::period::date_of;
use crate::analysis::stored::{
    LATE_REJECTS, LateRejectsV1, OrderV1, PLANNED_STOP, PlannedStopV1, ProductV1, ReasonV1,
    RosterV1, content, event,
};
use crate::config::{Config, WorkUnit};
use crate::history::{Event, EventKind};
use crate::model::{Role, Timestamp};

/// Faults that are kept with their text.
const FAULTS_MAX: usize = 20;
/// Who gives a reason unless the table says so.
const ROLE_DEFAULT: &str = "operator";

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
        read: read_late,
    },
    Table {
        name: "defects",
        needs: &["found_at", "work_unit", "category", "count"],
        read: defects::read,
    },
    Table {
        name: "reasons",
        needs: &["entered_at", "work_unit", "stop_start", "reason"],
        read: read_reason,
    },
    Table {
        name: "orders",
        needs: &["order", "product", "quantity", "work_unit", "planned_start"],
        read: read_order,
    },
    Table {
        name: "products",
        needs: &["product", "ideal_cycle_s", "valid_from"],
        read: read_product,
    },
    Table {
        name: "roster",
        needs: &["shift", "start", "headcount"],
        read: read_roster,
    },
    Table {
        name: "planned stops",
        needs: &["work_unit", "start", "end", "kind"],
        read: read_planned,
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

/// One row.
struct Row<'a> {
    columns: &'a BTreeMap<String, usize>,
    record: &'a csv::StringRecord,
    config: &'a Config,
}

impl Row<'_> {
    /// A cell; `None` when it is empty or its column is not there.
    fn cell(&self, column: &str) -> Option<&str> {
        let place = self.columns.get(column)?;
        self.record.get(*place).filter(|text| !text.is_empty())
    }

    fn text(&self, column: &str) -> Result<String, String> {
        let text = self
            .cell(column)
            .ok_or_else(|| format!("{column} is empty"))?;
        Ok(text.to_owned())
    }

    fn optional(&self, column: &str) -> Option<String> {
        self.cell(column).map(str::to_owned)
    }

    fn time(&self, column: &str) -> Result<Timestamp, String> {
        parse_time(&self.text(column)?, column)
    }

    fn optional_time(&self, column: &str) -> Result<Option<i64>, String> {
        let time = self
            .cell(column)
            .map(|text| parse_time(text, column))
            .transpose()?;
        Ok(time.map(Timestamp::as_nanos))
    }

    fn number(&self, column: &str) -> Result<f64, String> {
        parse_number(&self.text(column)?, column)
    }

    fn optional_number(&self, column: &str) -> Result<Option<f64>, String> {
        self.cell(column)
            .map(|text| parse_number(text, column))
            .transpose()
    }

    /// The name of a work unit that there is.
    fn work_unit(&self) -> Result<String, String> {
        let name = self.text("work_unit")?;
        let units = &self.config.production.work_units;
        if units.iter().any(|unit| unit.name == name) {
            return Ok(name);
        }
        let near = crate::config::did_you_mean(&name, units.iter().map(|unit| unit.name.as_str()));
        Err(format!(
            "work_unit = {name} is none of the configuration{near}"
        ))
    }
}

fn parse_time(text: &str, column: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        format!("{column} = {text} is no time; allowed: RFC 3339 as 2026-03-29T06:00:00Z")
    })
}

fn parse_number(text: &str, column: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("{column} = {text} is not a number"))
}

fn read_product(row: &Row<'_>) -> Result<Event, String> {
    let ideal_cycle_s = row.number("ideal_cycle_s")?;
    if ideal_cycle_s <= 0.0 {
        return Err(format!(
            "ideal_cycle_s = {ideal_cycle_s} must be greater than 0"
        ));
    }
    let product = ProductV1 {
        family: row.optional("family").unwrap_or_default(),
        ideal_cycle_s,
        characteristic: row.optional("characteristic").unwrap_or_default(),
        nominal: row.optional_number("nominal")?,
        lsl: row.optional_number("lsl")?,
        usl: row.optional_number("usl")?,
    };
    Ok(event(
        EventKind::PRODUCT,
        row.time("valid_from")?,
        row.text("product")?,
        &product,
    ))
}

fn read_order(row: &Row<'_>) -> Result<Event, String> {
    let order = OrderV1 {
        product: row.text("product")?,
        quantity: row.number("quantity")?,
        work_unit: row.work_unit()?,
        planned_end_ns: row.optional_time("planned_end")?,
        actual_start_ns: row.optional_time("actual_start")?,
        actual_end_ns: row.optional_time("actual_end")?,
    };
    Ok(event(
        EventKind::ORDER,
        row.time("planned_start")?,
        row.text("order")?,
        &order,
    ))
}

fn read_roster(row: &Row<'_>) -> Result<Event, String> {
    let start = row.time("start")?;
    let shift = row.text("shift")?;
    let calendar = row.config.production.calendar.as_ref();
    let defined = calendar.map(|calendar| calendar.plant.definition());
    if let Some(definition) = defined
        && !definition.shifts.iter().any(|known| known.name == shift)
        && definition.exceptions.is_empty()
    {
        let known: Vec<&str> = definition
            .shifts
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        return Err(format!(
            "shift = {shift} is none of the calendar; allowed: {}",
            known.join(", ")
        ));
    }
    let share = row.optional_number("experience_share")?;
    if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
        return Err(format!("experience_share = {share} is outside 0 to 1"));
    }
    let headcount = row.optional_number("headcount")?;
    if let Some(count) =
        headcount.filter(|count| count.fract() != 0.0 || !(0.0..1e6).contains(count))
    {
        return Err(format!("headcount = {count} is no number of people"));
    }
    let date = date_of(start, &row.config.gateway.time_zone).to_string();
    let roster = RosterV1 {
        headcount: row.cell("headcount").and_then(|text| text.parse().ok()),
        crew: row.optional("crew"),
        experience_share: share,
        date: date.clone(),
        shift: shift.clone(),
    };
    Ok(event(
        EventKind::STAFFING,
        start,
        format!("{date}.{shift}"),
        &roster,
    ))
}

fn read_reason(row: &Row<'_>) -> Result<Event, String> {
    let role = row
        .optional("role")
        .unwrap_or_else(|| ROLE_DEFAULT.to_owned());
    Role::parse(&role).map_err(|error| format!("role = {role}: {error}"))?;
    let reason = row.optional("reason").filter(|reason| reason != "-");
    let tree = row.config.production.reasons.as_ref();
    if let (Some(tree), Some(reason)) = (tree, &reason)
        && !tree.contains(reason)
    {
        return Err(format!("reason = {reason} is not the code of a [[reason]]"));
    }
    let said = ReasonV1 {
        stop_start_ns: row.time("stop_start")?.as_nanos(),
        role,
        reason,
    };
    Ok(event(
        EventKind::REASON_EDIT,
        row.time("entered_at")?,
        row.work_unit()?,
        &said,
    ))
}

fn read_late(row: &Row<'_>) -> Result<Event, String> {
    let (found_at, origin) = (row.time("found_at")?, row.time("origin_time")?);
    if found_at < origin {
        return Err("found_at is before origin_time".to_owned());
    }
    let late = LateRejectsV1 {
        work_unit: row.work_unit()?,
        origin_ns: origin.as_nanos(),
        product: row.optional("product"),
        order: row.optional("order"),
        scrap: row.number("count")?,
        rework: row.optional_number("rework")?.unwrap_or(0.0),
    };
    if late.scrap < 0.0 || late.rework < 0.0 {
        return Err("count and rework must be 0 or greater".to_owned());
    }
    let (product, order) = (late.product.as_deref(), late.order.as_deref());
    let subject = format!(
        "{} {origin} {} {}",
        late.work_unit,
        product.unwrap_or("-"),
        order.unwrap_or("-")
    );
    Ok(event(LATE_REJECTS, found_at, subject, &late))
}

fn read_planned(row: &Row<'_>) -> Result<Event, String> {
    let (start, end) = (row.time("start")?, row.time("end")?);
    if end <= start {
        return Err("end is not after start".to_owned());
    }
    let kind = row.text("kind")?;
    let is_maintenance = match kind.as_str() {
        "maintenance" => true,
        "break" | "other" | "no_plan" => false,
        _ => {
            return Err(format!(
                "kind = {kind} is unknown; allowed: maintenance, break, other"
            ));
        }
    };
    let stop = PlannedStopV1 {
        end_ns: end.as_nanos(),
        is_maintenance,
        label: row.optional("label").unwrap_or_default(),
    };
    Ok(event(PLANNED_STOP, start, row.work_unit()?, &stop))
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
