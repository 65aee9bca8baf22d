//! What is planned: products, orders, and who works a shift.

use std::collections::BTreeSet;

use super::row::Row;
use crate::analysis::period::date_of;
use crate::analysis::stored::{OrderV1, ProductV1, RosterV1, event};
use crate::history::{Event, EventKind};
use crate::model::whole;
use crate::production::calendar::{CalendarDefinition, Change};

/// Reads a row of products.
pub(super) fn product(row: &Row<'_>) -> Result<Event, String> {
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

/// Reads a row of orders.
pub(super) fn order(row: &Row<'_>) -> Result<Event, String> {
    let order = OrderV1 {
        product: row.text("product")?,
        quantity: row.number("quantity")?,
        work_unit: row.work_unit()?,
        planned_end_ns: row.optional_time("planned_end")?,
        actual_start_ns: row.optional_time("actual_start")?,
        actual_end_ns: row.optional_time("actual_end")?,
    };
    let subject = order.subject(&row.text("order")?);
    let planned_start = row.time("planned_start")?;
    Ok(event(EventKind::ORDER, planned_start, subject, &order))
}

/// Reads a row of the roster.
pub(super) fn roster(row: &Row<'_>) -> Result<Event, String> {
    let start = row.time("start")?;
    let shift = row.text("shift")?;
    if let Some(calendar) = &row.config.production.calendar {
        let known = shift_names(calendar.plant.definition());
        if !known.contains(shift.as_str()) {
            let allowed: Vec<&str> = known.into_iter().collect();
            let allowed = allowed.join(", ");
            return Err(format!(
                "shift = {shift} is none of the calendar; allowed: {allowed}"
            ));
        }
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
        headcount: headcount.and_then(|count| u32::try_from(whole(count)).ok()),
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

/// Shifts of the rule, and those that take place by exception.
fn shift_names(calendar: &CalendarDefinition) -> BTreeSet<&str> {
    let ruled = calendar.shifts.iter().map(|shift| shift.name.as_str());
    let extra = calendar
        .exceptions
        .iter()
        .filter_map(|exception| match &exception.change {
            Change::Extra { shift, .. } => Some(shift.as_str()),
            _ => None,
        });
    ruled.chain(extra).collect()
}
