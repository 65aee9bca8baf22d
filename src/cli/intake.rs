//! `andon intake`: master data and corrections that people and other systems bring.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::Outcome;
use super::ask::{Failure, Source, open, running};
use super::check::load_or_complain;
use super::output::{complain, print, print_json};
use crate::analysis::{TakenIn, read_intake};
use crate::config::Config;
use crate::control::Request;
use crate::model::with_causes;

/// Take in products, orders, rosters, reasons of stops, late scrap, defects and planned stops from CSV.
///
/// The header says what a table is: products (product, `ideal_cycle_s`, `valid_from`), orders (order, product, quantity,
/// `work_unit`, `planned_start`), roster (shift, start, headcount), reasons (`entered_at`, `work_unit`, `stop_start`, reason),
/// late scrap (`found_at`, `work_unit`, `origin_time`, count), defects (`found_at`, `work_unit`, category, count), planned
/// stops (`work_unit`, start, end, kind). Taking the same table twice changes nothing. Shifts whose figures were stated are stated again with the next revision.
///
/// Exit code 0 when every row was taken, 1 when some were refused (the others are taken) or can be in no figure, 64 when a
/// file is no table.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Tables.
    #[arg(required = true)]
    file: Vec<PathBuf>,
    #[command(flatten)]
    source: Source,
}

pub(super) fn run(args: &Args) -> Outcome {
    let Some(config) = load_or_complain(&args.source.config) else {
        return Outcome::Usage;
    };
    let config = Arc::new(config);
    let mut told = Vec::new();
    let mut outcome = Outcome::Clean;
    for file in &args.file {
        match take_in(&config, args.source.history.as_deref(), file) {
            Ok(taken) => {
                if taken.refused > 0 || !taken.unused.is_empty() {
                    outcome = Outcome::Failed;
                }
                told.push((file, taken));
            }
            Err(error) => {
                complain(&format!(
                    "andon: {}: {}\n",
                    file.display(),
                    with_causes(error.as_ref())
                ));
                return Outcome::Usage;
            }
        }
    }
    match say(&told, args.source.json) {
        Ok(()) => outcome,
        Err(error) => {
            complain(&format!("andon: {}\n", with_causes(error.as_ref())));
            Outcome::Failed
        }
    }
}

fn take_in(config: &Arc<Config>, history: Option<&Path>, file: &Path) -> Result<TakenIn, Failure> {
    let bytes = std::fs::read(file)?;
    let table = String::from_utf8(bytes).map_err(|_error| "the file is not UTF-8 text")?;
    let request = || Request::Intake {
        table: table.clone(),
    };
    if let Some(told) = running(config, history, request)? {
        return Ok(serde_json::from_value(told)?);
    }
    let intake = read_intake(table.as_bytes(), config)?;
    let (mut historian, now) = open(config, history)?;
    let admitted = historian.admit(&intake.events, now)?;
    let mut told = intake.told();
    (told.restated, told.unused) = (admitted.restated, admitted.unused);
    Ok(told)
}

fn say(told: &[(&PathBuf, TakenIn)], is_json: bool) -> Result<(), Failure> {
    if is_json {
        let all: Result<Vec<Value>, _> = told
            .iter()
            .map(|(_, taken)| serde_json::to_value(taken))
            .collect();
        print_json(&Value::Array(all?))?;
        return Ok(());
    }
    for (file, taken) in told {
        for fault in &taken.faults {
            complain(&format!(
                "{}:{}: {}\n",
                file.display(),
                fault.line,
                fault.what
            ));
        }
        for unused in &taken.unused {
            complain(&format!(
                "{}: taken, but in no figure: {unused}\n",
                file.display()
            ));
        }
        let refused = if taken.refused > 0 {
            format!(", {} refused", taken.refused)
        } else {
            String::new()
        };
        let restated = if taken.restated > 0 {
            format!("; {} shifts stated again", taken.restated)
        } else {
            String::new()
        };
        print(&format!(
            "{}: {} rows of {}{refused}{restated}\n",
            file.display(),
            taken.taken,
            taken.table
        ))?;
    }
    Ok(())
}
