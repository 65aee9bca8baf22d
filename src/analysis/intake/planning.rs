//! What is planned: products, orders, and who works a shift.

use super::row::Row;
use crate::analysis::period::date_of;
use crate::analysis::stored::{OrderV1, ProductV1, RosterV1, event};
use crate::history::{Event, EventKind};

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
    Ok(event(
        EventKind::ORDER,
        row.time("planned_start")?,
        row.text("order")?,
        &order,
    ))
}

/// Reads a row of the roster.
pub(super) fn roster(row: &Row<'_>) -> Result<Event, String> {
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
