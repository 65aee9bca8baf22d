//! A run: simulate every machine, write the files.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Serialize;

use super::calendar::{Calendar, DAYS_MAX};
use super::ledger::ledger;
use super::machine::simulate;
use super::number::float;
use super::plan::Plan;
use super::recording::{Defects, defects};
use super::tables::tables;
use super::timeline::Timeline;
use super::values::write_values;

/// Most parts of a run, by the shortest ideal cycle: they are held in memory, 16 bytes each.
const PARTS_MAX: f64 = 60_000_000.0;
/// Most samples of all machines together: their temperatures are held in memory, 4 bytes each.
const SAMPLES_MAX: f64 = 200_000_000.0;
const DAY_MS: f64 = 86_400_000.0;

/// Why a run was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Too long, or nothing at all.
    #[error("record {days} days: allowed are 1 to {most} for this plan")]
    Days {
        /// What was asked for.
        days: u32,
        /// The most.
        most: u32,
    },
    /// A date or local time beyond the calendar.
    #[error("lay out the calendar of the run")]
    Calendar(#[from] jiff::Error),
    /// A file cannot be written.
    #[error("write {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Rows of `values.csv`, without its header.
    pub rows: u64,
    /// Parts of all machines.
    pub parts: u64,
    /// Unplanned stops of all machines.
    pub stops: u64,
}

/// Simulates `days` production days from `first` on and writes every file into `out`, which is created.
///
/// # Errors
/// Too many days, dates beyond the calendar, or a file that cannot be written.
pub fn record(plan: &Plan, first: Date, days: u32, out: &Path) -> Result<Recorded, RecordError> {
    let most = days_max(plan);
    if !(1..=most).contains(&days) {
        return Err(RecordError::Days { days, most });
    }
    let calendar = Calendar::new(plan, first, days)?;
    let recorded: Vec<(Timeline, Defects)> = plan
        .machines
        .iter()
        .enumerate()
        .map(|(number, machine)| {
            let timeline = simulate(plan, &calendar, number);
            let defects = defects(plan, &calendar, machine, &timeline);
            (timeline, defects)
        })
        .collect();
    write(out, "", |_| std::fs::create_dir_all(out))?;
    let mut events = Vec::new();
    write(out, "values.csv", |path| {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        events = write_values(&mut file, plan, &calendar, &recorded)?;
        file.flush()
    })?;
    let timelines: Vec<&Timeline> = recorded.iter().map(|(timeline, _)| timeline).collect();
    for (name, text) in tables(plan, &calendar, &timelines)? {
        write(out, name, |path| std::fs::write(path, text))?;
    }
    let ledger = ledger(plan, &calendar, &recorded, &events);
    write(out, "ledger.json", |path| {
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer_pretty(&mut file, &ledger)?;
        file.write_all(b"\n")?;
        file.flush()
    })?;
    let total = |of: &dyn Fn(&Timeline) -> usize| -> u64 {
        timelines
            .iter()
            .map(|timeline| u64::try_from(of(timeline)).unwrap_or(0))
            .sum()
    };
    Ok(Recorded {
        rows: u64::try_from((calendar.to - calendar.from) / plan.sample_ms + 1).unwrap_or(0),
        parts: total(&|timeline| timeline.parts.len()),
        stops: total(&|timeline| timeline.stops.len()),
    })
}

/// The longest run whose parts and samples fit in memory.
fn days_max(plan: &Plan) -> u32 {
    let cycles = plan
        .products
        .iter()
        .flat_map(|product| &product.versions)
        .map(|(_, cycle_ms)| *cycle_ms);
    let shortest_ms = float(cycles.min().unwrap_or(1_000)) / 2.0;
    let per_day = |each_ms: f64| (plan.machines.len() as f64 * DAY_MS / each_ms).max(1.0);
    let by_parts = PARTS_MAX / per_day(shortest_ms);
    let by_samples = SAMPLES_MAX / per_day(float(plan.sample_ms));
    let days = super::number::count(by_parts.min(by_samples));
    u32::try_from(days).unwrap_or(DAYS_MAX).clamp(1, DAYS_MAX)
}

fn write(
    out: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<(), RecordError> {
    let path = out.join(name);
    fill(&path).map_err(|source| RecordError::Write { path, source })
}
