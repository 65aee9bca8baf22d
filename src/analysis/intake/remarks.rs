//! What people say of production: reasons of stops, rejects that were found late, and planned stops.

use super::row::Row;
use crate::analysis::stored::{
    LATE_REJECTS, LateRejectsV1, PLANNED_STOP, PlannedStopV1, ReasonV1, event,
};
use crate::history::{Event, EventKind};
use crate::model::Role;

/// Who gives a reason unless the table says so.
const ROLE_DEFAULT: &str = "operator";

/// Reads a row of reasons.
pub(super) fn reason(row: &Row<'_>) -> Result<Event, String> {
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
    let subject = said.subject(&row.work_unit()?);
    let entered_at = row.time("entered_at")?;
    Ok(event(EventKind::REASON_EDIT, entered_at, subject, &said))
}

/// Reads a row of late scrap.
pub(super) fn late_scrap(row: &Row<'_>) -> Result<Event, String> {
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

/// Reads a row of planned stops.
pub(super) fn planned_stop(row: &Row<'_>) -> Result<Event, String> {
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
