//! What is planned: products, orders, and who works a shift.

use std::collections::BTreeSet;
use std::time::Duration;

use super::row::Row;
use crate::analysis::period::date_of;
use crate::analysis::stored::{OrderV1, ProductV1, RosterV1, event};
use crate::config::did_you_mean;
use crate::history::{Event, EventKind};
use crate::model::whole;
use crate::production::product::is_ideal_cycle;

/// So long before its shift the people of a roster may begin.
const EARLY_MAX: Duration = Duration::from_hours(4);
/// Most pieces of an order.
const QUANTITY_MAX: f64 = 1e12;

/// Reads a row of products.
pub(super) fn product(row: &Row<'_>) -> Result<Event, String> {
    let ideal_cycle_s = row.number("ideal_cycle_s")?;
    if !is_ideal_cycle(ideal_cycle_s) {
        return Err(format!(
            "ideal_cycle_s = {ideal_cycle_s} must be greater than 0 and at most a year"
        ));
    }
    let (lsl, usl) = (row.optional_number("lsl")?, row.optional_number("usl")?);
    if let (Some(lsl), Some(usl)) = (lsl, usl)
        && lsl >= usl
    {
        return Err(format!("lsl = {lsl} must be below usl = {usl}"));
    }
    let product = ProductV1 {
        family: row.optional("family").unwrap_or_default(),
        ideal_cycle_s,
        characteristic: row.optional("characteristic").unwrap_or_default(),
        nominal: row.optional_number("nominal")?,
        lsl,
        usl,
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
    let quantity = row.number("quantity")?;
    if !(quantity > 0.0 && quantity <= QUANTITY_MAX) {
        return Err(format!(
            "quantity = {quantity} must be greater than 0 and at most {QUANTITY_MAX:e}"
        ));
    }
    let order = OrderV1 {
        product: row.text("product")?,
        quantity,
        work_unit: row.work_unit()?,
        planned_end_ns: row.optional_time("planned_end")?,
        actual_start_ns: row.optional_time("actual_start")?,
        actual_end_ns: row.optional_time("actual_end")?,
    };
    let subject = order.subject(&row.text("order")?);
    let planned_start = row.time("planned_start")?;
    Ok(event(EventKind::ORDER, planned_start, subject, &order))
}

/// Reads a row of the roster. Its shift has the start that the calendar says, so that a corrected row takes the place of
/// the one before.
pub(super) fn roster(row: &Row<'_>) -> Result<Event, String> {
    let told = row.time("start")?;
    let shift = row.text("shift")?;
    let date = date_of(told, &row.config.gateway.time_zone);
    let crew = row.optional("crew");
    let mut start = told;
    if let Some(calendar) = &row.config.production.calendar {
        known("shift", &shift, &calendar.shift_names())?;
        if let (Some(crew), Some(crews)) = (&crew, calendar.crew_names()) {
            known("crew", crew, &crews)?;
        }
        let units = &row.config.production.work_units;
        if let Some(instance) = calendar.shift_on(date, &shift, units) {
            let planned = instance.present;
            let earliest = planned.start.saturating_sub(EARLY_MAX);
            if !(earliest..planned.end).contains(&told) {
                return Err(format!(
                    "start = {told} is not that of {shift} on {date}, which is from {} to {}",
                    planned.start, planned.end
                ));
            }
            start = planned.start;
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
    let date = date.to_string();
    let roster = RosterV1 {
        headcount: headcount.and_then(|count| u32::try_from(whole(count)).ok()),
        crew,
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

fn known(column: &str, name: &str, names: &BTreeSet<&str>) -> Result<(), String> {
    if names.contains(name) {
        return Ok(());
    }
    let near = did_you_mean(name, names.iter().copied());
    let allowed: Vec<&str> = names.iter().copied().collect();
    let allowed = allowed.join(", ");
    Err(format!(
        "{column} = {name} is none of the calendar; allowed: {allowed}{near}"
    ))
}
