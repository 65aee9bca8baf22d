//! `andon backtest`: detectors over labelled data, with scores.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::Outcome;
use super::check::faults_text;
use super::output::{Align, Table, complain, print, print_json};
use super::progress::Bar;
use crate::backtest::score::{Group, KindScore, Tally};
use crate::backtest::{BacktestError, Report, Request, backtest, summary_json};
use crate::clock::SystemClock;
use crate::config::load_profile;
use crate::model::with_causes;

/// Run detectors over labelled recordings and score what they say.
///
/// DATASET holds data/**/*.csv[.gz], separated by comma or semicolon: a time column `t_s` (seconds), timestamp or datetime
/// (UTC), perhaps mode and `cycle_start`, and values in every other column (an empty cell or NaN is none; anomaly,
/// changepoint, label, `is_anomaly` and class are ignored). DATASET/segments.csv holds the labels:
/// file,start,end,kind and perhaps class; rows counted from 0, class one of anomaly, legit, gap. Without it there are no scores.
///
/// Writes index,alarm,score per row to DIR under the name of each recording, and summary.json. A row alarms exactly when
/// its score is 1 or more.
///
/// Exit code 64 when the profile or the data set has a fault; nothing is written then.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The data set: a folder with data/ and segments.csv.
    #[arg(value_name = "DATASET")]
    dataset: PathBuf,
    /// What the detectors are told about it; see config/backtest.
    #[arg(short, long, value_name = "FILE")]
    profile: PathBuf,
    /// Directory for the results.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// Learn from this normal recording, not from the start of each; every row of the others is scored.
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let profile = match load_profile(&args.profile) {
        Ok(profile) => profile,
        Err(error) => {
            complain(&faults_text(&error));
            return Outcome::Usage;
        }
    };
    let request = Request {
        dataset: args.dataset.clone(),
        profile,
        train: args.train.clone(),
        out: args.out.clone(),
        clock: Arc::new(SystemClock::start()),
    };
    let mut bar = Bar::new(true);
    let done = backtest(&request, &mut |progress| {
        let share = (progress.bytes, progress.bytes_total);
        bar.show(share, progress.values, progress.elapsed);
    });
    bar.clear();
    match done {
        Ok(report) => finish(args, &report),
        Err(error) => {
            complain(&format!("{}\n", with_causes(&error)));
            match error {
                BacktestError::Dataset(_) | BacktestError::OutInData(_) => Outcome::Usage,
                BacktestError::Output { .. }
                | BacktestError::Thread(_)
                | BacktestError::Panicked => Outcome::Failed,
            }
        }
    }
}

fn finish(args: &Args, report: &Report) -> Outcome {
    for note in &report.notes {
        complain(&format!("{note}\n"));
    }
    let printed = if args.json {
        let mut summary = summary_json(report);
        if let Some(fields) = summary.as_object_mut() {
            let took = report.took.as_secs_f64();
            fields.insert("seconds".to_owned(), json!(took));
            fields.insert("values".to_owned(), json!(report.values));
        }
        print_json(&summary)
    } else {
        print(&report_text(report))
    };
    match printed {
        Ok(()) => Outcome::Clean,
        Err(error) => {
            complain(&format!("andon: print the summary: {error}\n"));
            Outcome::Failed
        }
    }
}

fn report_text(report: &Report) -> String {
    let summary = &report.summary;
    let families = summary.families.iter();
    let mut groups: Vec<(&str, &Group)> = families.map(|(name, g)| (name.as_str(), g)).collect();
    groups.push(("all", &summary.overall));
    if report.is_labelled && summary.with_anomalies.files < summary.overall.files {
        groups.push(("with anomalies", &summary.with_anomalies));
    }
    let files = summary.files.iter();
    let files: Vec<(&str, &Group)> = files.map(|(name, group)| (name.as_str(), group)).collect();
    let seconds = report.took.as_secs_f64();
    let speed = report.values as f64 / seconds.max(f64::MIN_POSITIVE);
    let took = format!(
        "{} values in {seconds:.2} s, {speed:.0} values/s\n",
        report.values
    );
    let tables = if report.is_labelled {
        vec![
            groups_text("file", &files),
            kinds_text(&summary.kinds),
            groups_text("family", &groups),
        ]
    } else {
        vec![alarms_text("file", &files), alarms_text("family", &groups)]
    };
    format!("{}\n{took}", tables.join("\n"))
}

/// Scores of groups, a line each.
fn groups_text(what: &str, groups: &[(&str, &Group)]) -> String {
    let names = [
        "scored", "found", "of", "false", "per 10k", "legit", "of", "gaps", "of", "delay", "prec",
        "recall", "F1", "FAR %", "MAR %", "NAB",
    ];
    let numbers = names.map(|name| (name, Align::Right));
    let mut table = Table::new(&[&[(what, Align::Left)][..], &numbers].concat());
    for (name, group) in groups {
        let points = &group.points;
        let mut cells = vec![(*name).to_owned(), points.total().to_string()];
        cells.extend(tally(group.anomalies));
        cells.push(group.false_events.to_string());
        cells.push(fixed(group.false_events_per_10k(), 2));
        cells.extend(tally(group.legit));
        cells.extend(tally(group.gaps));
        cells.push(fixed(group.median_delay(), 1));
        let ratios = [points.precision(), points.recall(), points.f1()];
        cells.extend(ratios.map(|ratio| fixed(ratio, 3)));
        cells.extend([points.far(), points.mar()].map(|ratio| fixed(ratio.map(|r| 100.0 * r), 2)));
        cells.push(fixed(group.nab(), 2));
        table.row(cells);
    }
    table.render()
}

fn kinds_text(kinds: &[KindScore]) -> String {
    let names = ["hit", "of", "delay", "MAR %"].map(|name| (name, Align::Right));
    let labels = [("kind", Align::Left), ("class", Align::Left)];
    let mut table = Table::new(&[&labels[..], &names].concat());
    for kind in kinds {
        let mut cells = vec![kind.kind.clone(), kind.class.as_str().to_owned()];
        cells.extend(tally(kind.segments));
        cells.push(fixed(kind.median_delay(), 1));
        cells.push(fixed(kind.mar().map(|ratio| 100.0 * ratio), 2));
        table.row(cells);
    }
    table.render()
}

/// What there is to say of alarms without labels.
fn alarms_text(what: &str, groups: &[(&str, &Group)]) -> String {
    let names = ["scored", "events", "alarm rows"].map(|name| (name, Align::Right));
    let mut table = Table::new(&[&[(what, Align::Left)][..], &names].concat());
    for (name, group) in groups {
        let points = &group.points;
        let counts = [points.total(), group.events, points.alarms()];
        let cells = counts.map(|count| count.to_string());
        table.row(std::iter::once((*name).to_owned()).chain(cells));
    }
    table.render()
}

fn tally(tally: Tally) -> [String; 2] {
    [tally.hit.to_string(), tally.total.to_string()]
}

/// A number with so many decimals, or a dash for none.
fn fixed(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}
