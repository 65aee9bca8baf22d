//! From the file as written to a checked plan; every fault is collected, with its line and column.

mod calendar;
mod faults;
mod machine;
#[cfg(test)]
mod tests;

use std::path::Path;

use jiff::tz::TimeZone;

use self::faults::{Faults, is_word, place};
use super::plan::Plan;
use super::raw::{RawEffect, RawPlan};
use crate::longrun::number::float;
use crate::longrun::plan::{Effect, LateScrapRules, Reasons, RecordingRules};
use crate::scenario::ScenarioError;

/// Most machines of a plan: their numbers are digits of an order.
const MACHINES_MAX: usize = 64;

/// Names that other tables refer to.
struct Names {
    shifts: Vec<String>,
    crews: Vec<String>,
    products: Vec<String>,
    machines: Vec<String>,
}

impl Plan {
    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Read {
            path: file.clone(),
            source,
        })?;
        let mut plan = Self::parse(&file, &text)?;
        if plan.name.is_empty() {
            let stem = path.file_stem().unwrap_or_default();
            plan.name = stem.to_string_lossy().into_owned();
        }
        Ok(plan)
    }

    /// Reads and checks a text; `file` stands in front of each fault.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let raw: RawPlan = toml::from_str(text).map_err(|error| {
            let (line, column) = place(text, error.span().map_or(0, |span| span.start));
            let what = error.message();
            ScenarioError::Faults(vec![format!("{file}:{line}:{column}: {what}")])
        })?;
        let mut faults = Faults::new(file, text);
        let plan = check(&raw, &mut faults);
        faults.into_result(plan)
    }
}

fn check(raw: &RawPlan, faults: &mut Faults<'_>) -> Plan {
    let names = Names {
        shifts: faults.names("shift", raw.shift.iter().map(|one| &one.name), 16),
        crews: faults.names("crew", raw.crew.iter().map(|one| &one.name), 16),
        products: faults.names("product", raw.product.iter().map(|one| &one.name), 8),
        machines: faults.names("machine", raw.machine.iter().map(|one| &one.name), 48),
    };
    let needed = [
        ("shift", names.shifts.len(), usize::MAX),
        ("product", names.products.len(), usize::MAX),
        ("machine", names.machines.len(), MACHINES_MAX),
    ];
    for (what, count, most) in needed {
        if count == 0 {
            faults.add(0, format!("at least one [[{what}]] is needed"));
        } else if count > most {
            faults.add(
                0,
                format!("{count} of [[{what}]] are too many; allowed: up to {most}"),
            );
        }
    }
    let sample_ms = sample_ms(raw, faults);
    let shifts = calendar::shifts(&raw.shift, &names, faults);
    let full = shifts
        .iter()
        .map(|shift| shift.headcount)
        .max()
        .unwrap_or(1);
    Plan {
        name: raw.name.clone().unwrap_or_default(),
        seed: raw.seed.unwrap_or(1),
        sample_ms,
        microstop_ms: microstop_ms(raw, sample_ms, faults),
        zone: zone(raw, faults),
        crews: calendar::crews(&raw.crew, faults),
        rotation: calendar::rotation(raw, &names, faults),
        staffing: calendar::staffing(&raw.staffing, f64::from(full), faults),
        shifts,
        effects: raw
            .effect
            .iter()
            .map(|one| effect(one, &names, faults))
            .collect(),
        breaks: calendar::breaks(&raw.r#break, &names, faults),
        maintenance: calendar::maintenance(&raw.maintenance, &names, faults),
        closed: calendar::closed(&raw.closed, &names, faults),
        products: machine::products(&raw.product, faults),
        orders: machine::orders(&raw.orders, faults),
        changeover: machine::changeover(&raw.changeover, faults),
        machines: raw
            .machine
            .iter()
            .map(|one| machine::machine(one, &names, faults))
            .collect(),
        recording: recording(raw, faults),
        reasons: reasons(raw, faults),
        late_scrap: late_scrap(raw, faults),
    }
}

fn sample_ms(raw: &RawPlan, faults: &mut Faults<'_>) -> i64 {
    let sample_ms = faults.span_ms("sample", raw.sample.as_ref(), 5_000);
    if 60_000 % sample_ms == 0 {
        return sample_ms;
    }
    let at = raw.sample.as_ref().map_or(0, |text| text.span().start);
    let what = "sample must divide a minute; write e.g. \"2s\", \"5s\", \"10s\"";
    faults.add(at, what.to_owned());
    5_000
}

/// A minor stop must be seen in at least one sample, and end before it is a malfunction.
fn microstop_ms(raw: &RawPlan, sample_ms: i64, faults: &mut Faults<'_>) -> i64 {
    let microstop_ms = faults.span_ms("microstop", raw.microstop.as_ref(), 300_000);
    if microstop_ms % sample_ms != 0 || microstop_ms < 2 * sample_ms {
        let at = raw.microstop.as_ref().map_or(0, |text| text.span().start);
        faults.add(
            at,
            "microstop must be at least two samples, and whole samples".to_owned(),
        );
    }
    microstop_ms
}

fn zone(raw: &RawPlan, faults: &mut Faults<'_>) -> TimeZone {
    let Some(text) = &raw.time_zone else {
        return TimeZone::UTC;
    };
    TimeZone::get(text.get_ref()).unwrap_or_else(|_| {
        let what = format!(
            "time_zone = \"{}\" is unknown; write an IANA name, e.g. \"Europe/Berlin\"",
            text.get_ref()
        );
        faults.add(text.span().start, what);
        TimeZone::UTC
    })
}

fn effect(raw: &RawEffect, names: &Names, faults: &mut Faults<'_>) -> Effect {
    let mut known = |key: &str, text: &Option<_>, names: &[String]| {
        text.as_ref()
            .and_then(|text| faults.known(key, text, names))
    };
    let shift = known("effect.shift", &raw.shift, &names.shifts);
    let crew = known("effect.crew", &raw.crew, &names.crews);
    let machine = known("effect.machine", &raw.machine, &names.machines);
    let product = known("effect.product", &raw.product, &names.products);
    let mut number = |key: &str, value: &Option<_>, default, allowed| {
        faults.number(key, value.as_ref(), default, allowed)
    };
    Effect {
        label: raw.label.clone(),
        shift,
        crew,
        machine,
        product,
        cycle_percent: number(
            "effect.cycle_percent",
            &raw.cycle_percent,
            0.0,
            -50.0..=500.0,
        ),
        minor_stops_per_hour: number(
            "effect.minor_stops_per_hour",
            &raw.minor_stops_per_hour,
            0.0,
            -100.0..=100.0,
        ),
        failure_factor: number(
            "effect.failure_factor",
            &raw.failure_factor,
            1.0,
            0.0..=100.0,
        ),
        scrap_factor: number("effect.scrap_factor", &raw.scrap_factor, 1.0, 0.0..=100.0),
        rework_factor: number("effect.rework_factor", &raw.rework_factor, 1.0, 0.0..=100.0),
        setup_percent: number(
            "effect.setup_percent",
            &raw.setup_percent,
            0.0,
            -90.0..=500.0,
        ),
    }
}

fn recording(raw: &RawPlan, faults: &mut Faults<'_>) -> RecordingRules {
    let raw = &raw.recording;
    let [
        gaps_per_week,
        bad_per_week,
        restarts_per_month,
        backsteps_per_month,
    ] = [
        ("gaps_per_week", &raw.gaps_per_week, 200.0),
        ("bad_per_week", &raw.bad_per_week, 200.0),
        ("restarts_per_month", &raw.restarts_per_month, 60.0),
        ("backsteps_per_month", &raw.backsteps_per_month, 200.0),
    ]
    .map(|(key, value, most)| {
        faults.number(&format!("recording.{key}"), value.as_ref(), 0.0, 0.0..=most)
    });
    RecordingRules {
        gaps_per_week,
        gap_ms: float(faults.span_ms("recording.gap", raw.gap.as_ref(), 300_000)),
        bad_per_week,
        bad_ms: float(faults.span_ms("recording.bad", raw.bad.as_ref(), 180_000)),
        restarts_per_month,
        backsteps_per_month,
    }
}

fn reasons(raw: &RawPlan, faults: &mut Faults<'_>) -> Reasons {
    let raw = &raw.reasons;
    let list = |written: &Option<Vec<toml::Spanned<String>>>,
                default: &[&str],
                faults: &mut Faults<'_>| {
        let Some(written) = written else {
            return default.iter().map(|one| (*one).to_owned()).collect();
        };
        for path in written {
            let text = path.get_ref();
            let fits = |level| is_word(level, 48);
            if text.split('/').count() > 3 || !text.split('/').all(fits) {
                let what = format!(
                    "reason \"{text}\" is no path; write up to three levels of A-Z a-z 0-9 _ -, e.g. \"mechanical/bearing\""
                );
                faults.add(path.span().start, what);
            }
        }
        written.iter().map(|path| path.get_ref().clone()).collect()
    };
    Reasons {
        malfunction: list(
            &raw.malfunction,
            &["mechanical/wear", "electrical/sensor", "tool/break"],
            faults,
        ),
        minor_stop: list(&raw.minor_stop, &["jam", "sensor/dirty"], faults),
        external: list(
            &raw.external,
            &["material/missing", "downstream/full"],
            faults,
        ),
        coded_share: faults.number(
            "reasons.coded_share",
            raw.coded_share.as_ref(),
            0.9,
            0.0..=1.0,
        ),
        minor_coded_share: faults.number(
            "reasons.minor_coded_share",
            raw.minor_coded_share.as_ref(),
            0.1,
            0.0..=1.0,
        ),
        edited_share: faults.number(
            "reasons.edited_share",
            raw.edited_share.as_ref(),
            0.05,
            0.0..=1.0,
        ),
    }
}

fn late_scrap(raw: &RawPlan, faults: &mut Faults<'_>) -> LateScrapRules {
    let raw = &raw.late_scrap;
    let days_min = faults.number(
        "late_scrap.days_min",
        raw.days_min.as_ref(),
        1.0,
        0.0..=90.0,
    );
    let days_max = faults.upper(
        ("late_scrap.days_max", raw.days_max.as_ref()),
        ("days_min", days_min),
        3.0,
        0.0..=90.0,
    );
    LateScrapRules {
        per_million: faults.number(
            "late_scrap.per_million",
            raw.per_million.as_ref(),
            0.0,
            0.0..=500_000.0,
        ),
        days_min,
        days_max,
    }
}
