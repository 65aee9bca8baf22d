//! Shifts, crews, staff, breaks and days without work.

use jiff::civil::Weekday;

use super::Names;
use super::faults::Faults;
use crate::longrun::plan::{Break, Closed, Crew, Maintenance, Rotation, ShiftDef, Staffing};
use crate::longrun::raw::{
    RawBreak, RawClosed, RawCrew, RawMaintenance, RawPlan, RawShift, RawStaffing,
};

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

pub(super) fn shifts(raw: &[RawShift], names: &Names, faults: &mut Faults<'_>) -> Vec<ShiftDef> {
    let shifts: Vec<ShiftDef> = raw.iter().map(|one| shift(one, names, faults)).collect();
    let minutes = |time: jiff::civil::Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
    let first = shifts.first().map_or(0, |shift| minutes(shift.start));
    // When the one before ends; the last one has to end before the first begins again.
    let mut free_from = 0;
    for (one, written) in shifts.iter().zip(raw) {
        let start = minutes(one.start);
        let length = (minutes(one.end) - minutes(one.start)).rem_euclid(1_440);
        let length = if length == 0 { 1_440 } else { length };
        if start < free_from || start + length > first + 1_440 {
            let what = format!(
                "shift \"{}\" overlaps another; list them in the order of the day, each starting when the one before has ended",
                one.name
            );
            faults.add(written.start.span().start, what);
        }
        free_from = start + length;
    }
    shifts
}

fn shift(raw: &RawShift, names: &Names, faults: &mut Faults<'_>) -> ShiftDef {
    let days = raw.days.as_ref().map_or_else(
        || WEEK.to_vec(),
        |days| {
            days.iter()
                .map(|day| faults.weekday("shift.days", day))
                .collect()
        },
    );
    let mut mix = vec![1.0; names.products.len()];
    for (product, weight) in &raw.mix {
        let Some(number) = faults.known("shift.mix", product, &names.products) else {
            continue;
        };
        if let Some(place) = mix.get_mut(number) {
            *place = faults.number("shift.mix", Some(weight), 1.0, 0.0..=1_000.0);
        }
    }
    ShiftDef {
        name: raw.name.get_ref().clone(),
        start: faults.time("shift.start", &raw.start),
        end: faults.time("shift.end", &raw.end),
        days,
        headcount: faults.number("shift.headcount", raw.headcount.as_ref(), 10, 1..=10_000),
        crew: raw
            .crew
            .as_ref()
            .and_then(|crew| faults.known("shift.crew", crew, &names.crews)),
        mix,
    }
}

pub(super) fn crews(raw: &[RawCrew], faults: &mut Faults<'_>) -> Vec<Crew> {
    raw.iter()
        .map(|crew| Crew {
            name: crew.name.get_ref().clone(),
            experience: faults.number("crew.experience", crew.experience.as_ref(), 0.6, 0.0..=1.0),
        })
        .collect()
}

/// On every day of the cycle each shift has at most one crew, and over the cycle each has some.
pub(super) fn rotation(raw: &RawPlan, names: &Names, faults: &mut Faults<'_>) -> Option<Rotation> {
    let rotation = raw.rotation.as_ref()?;
    let mut cycle = Vec::new();
    for entry in rotation.cycle.get_ref() {
        match entry.get_ref().as_str() {
            "off" => cycle.push(None),
            _ => cycle.push(faults.known("rotation.cycle (or \"off\")", entry, &names.shifts)),
        }
    }
    let at = rotation.cycle.span().start;
    if cycle.is_empty() || cycle.len() > 366 {
        faults.add(at, "rotation.cycle must have 1 to 366 days".to_owned());
        return None;
    }
    let offset_days = *rotation.offset_days.get_ref();
    for day in 0..cycle.len() {
        for shift in 0..names.shifts.len() {
            let works = |crew: &usize| {
                let offset = usize::try_from(offset_days).unwrap_or(0) % cycle.len();
                cycle.get((day + crew * offset) % cycle.len()) == Some(&Some(shift))
            };
            let count = (0..names.crews.len()).filter(works).count();
            if count > 1 {
                let name = names.shifts.get(shift).map_or("", String::as_str);
                let what = format!(
                    "on day {day} of rotation.cycle {count} crews work shift \"{name}\"; one is allowed"
                );
                faults.add(at, what);
            }
        }
    }
    Some(Rotation {
        anchor: faults.date("rotation.anchor", &rotation.anchor)?,
        offset_days,
        cycle,
    })
}

pub(super) fn staffing(raw: &RawStaffing, full: f64, faults: &mut Faults<'_>) -> Staffing {
    let mut number = |key: &str, value: &Option<_>, default, allowed| {
        faults.number(key, value.as_ref(), default, allowed)
    };
    Staffing {
        full_headcount: number(
            "staffing.full_headcount",
            &raw.full_headcount,
            full,
            1.0..=10_000.0,
        ),
        absence: number("staffing.absence", &raw.absence, 0.0, 0.0..=0.9),
        cycle_percent_per_missing: number(
            "staffing.cycle_percent_per_missing",
            &raw.cycle_percent_per_missing,
            0.0,
            0.0..=50.0,
        ),
        setup_percent_per_missing: number(
            "staffing.setup_percent_per_missing",
            &raw.setup_percent_per_missing,
            0.0,
            0.0..=100.0,
        ),
        experience_reference: number(
            "staffing.experience_reference",
            &raw.experience_reference,
            0.6,
            0.0..=1.0,
        ),
        cycle_percent_per_10_points: number(
            "staffing.cycle_percent_per_10_points",
            &raw.cycle_percent_per_10_points,
            0.0,
            0.0..=9.0,
        ),
    }
}

pub(super) fn breaks(raw: &[RawBreak], names: &Names, faults: &mut Faults<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    for one in raw {
        let shift = faults.known("break.shift", &one.shift, &names.shifts);
        let start = faults.time("break.start", &one.start);
        let span_ms = minutes(faults, "break.for", &one.r#for);
        let machines =
            faults.each_known("break.machines", one.machines.as_deref(), &names.machines);
        if let Some(shift) = shift {
            breaks.push(Break {
                shift,
                start,
                span_ms,
                machines,
            });
        }
    }
    breaks
}

pub(super) fn maintenance(
    raw: &[RawMaintenance],
    names: &Names,
    faults: &mut Faults<'_>,
) -> Vec<Maintenance> {
    raw.iter()
        .map(|one| Maintenance {
            day: faults.weekday("maintenance.day", &one.day),
            start: faults.time("maintenance.start", &one.start),
            span_ms: minutes(faults, "maintenance.for", &one.r#for),
            machines: faults.each_known(
                "maintenance.machines",
                one.machines.as_deref(),
                &names.machines,
            ),
        })
        .collect()
}

/// Planned windows are whole minutes, so that they stand on every sampling grid.
fn minutes(faults: &mut Faults<'_>, key: &str, text: &toml::Spanned<String>) -> i64 {
    let span_ms = faults.span_ms(key, Some(text), 60_000);
    if span_ms % 60_000 == 0 {
        return span_ms;
    }
    let what = format!("{key} = \"{}\" must be whole minutes", text.get_ref());
    faults.add(text.span().start, what);
    60_000
}

pub(super) fn closed(raw: &[RawClosed], names: &Names, faults: &mut Faults<'_>) -> Vec<Closed> {
    let mut closed = Vec::new();
    for one in raw {
        let date = faults.date("closed.date", &one.date);
        let machines =
            faults.each_known("closed.machines", one.machines.as_deref(), &names.machines);
        let shifts = faults.each_known("closed.shifts", one.shifts.as_deref(), &names.shifts);
        if let Some(date) = date {
            closed.push(Closed {
                date,
                label: one.label.clone(),
                machines,
                shifts,
            });
        }
    }
    closed
}
