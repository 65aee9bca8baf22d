//! `andon replay`: recorded samples through the same chain at full speed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Outcome;
use super::check::load_or_complain;
use super::output::{Align, Table, complain, print, print_json};
use super::progress::Bar;
use crate::app::design_charts;
use crate::clock::{Clock, SystemClock};
use crate::config::format_duration;
use crate::model::with_causes;
use crate::replay::{Report, Request, replay};

/// Run recorded samples through the same chain at full speed.
///
/// Reads long CSV (time,tag,value and perhaps quality) and wide CSV (a time column and one column per tag; an empty cell is no
/// sample), separated by comma, semicolon or tab, plain or gzip; several files are merged by time. Times are
/// RFC 3339, "YYYY-MM-DD HH:MM:SS[.fff]" in UTC, or Unix s, ms, us or ns (told by magnitude). Writes alerts.jsonl,
/// summaries.jsonl and, for tags with raw publishing, raw.jsonl.
///
/// The summary tells which share of all work was decoding, detection (values through validation, detection and
/// alerting) and the rest (making summaries, writing); they go side by side.
///
/// Exit code 0 when everything could be read, 1 when some cells could not (the rest is written), 64 when an input
/// cannot be used at all or names unknown tags (nothing is written).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Recordings; `-` is standard input.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required = true)]
    input: Vec<PathBuf>,
    /// Directory for the results.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// Keep samples, alerts and the figures of shifts in a history in this directory besides, for `andon oee`, `spc`,
    /// `compare` and the other questions about the past with the same option.
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// Go on when a recording names tags that the configuration does not have.
    #[arg(long)]
    ignore_unknown: bool,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let Some(config) = load_or_complain(&args.config) else {
        return Outcome::Usage;
    };
    let designs = match design_charts(&config) {
        Ok(designs) => designs,
        Err(error) => {
            complain(&format!("andon: {}\n", with_causes(&error)));
            return Outcome::Usage;
        }
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let request = Request {
        config: Arc::new(config),
        designs,
        inputs: args.input.clone(),
        out: args.out.clone(),
        history: args.history.clone(),
        ignore_unknown: args.ignore_unknown,
        clock,
    };
    let bytes_total = bytes_of(&args.input);
    let mut bar = Bar::new(bytes_total.is_some());
    let replayed = replay(request, &mut |progress| {
        let share = (progress.bytes, bytes_total.unwrap_or(0));
        bar.show(share, progress.values, progress.elapsed);
    });
    bar.clear();
    match replayed {
        Ok(report) => finish(args, &report),
        Err(error) => {
            complain(&format!("{}\n", with_causes(&error)));
            if error.is_of_the_request() {
                Outcome::Usage
            } else {
                Outcome::Failed
            }
        }
    }
}

fn finish(args: &Args, report: &Report) -> Outcome {
    for text in &report.unknown {
        complain(&format!("ignored: {text}\n"));
    }
    if report.faults.count() > 0 {
        complain(&format!("{}\n", report.faults.text()));
    }
    let printed = if args.json {
        print_json(&report_json(report))
    } else {
        print(&report_text(report))
    };
    match printed {
        Ok(()) if report.faults.count() == 0 => Outcome::Clean,
        Ok(()) => Outcome::Failed,
        Err(error) => {
            complain(&format!("andon: print the summary: {error}\n"));
            Outcome::Failed
        }
    }
}

fn report_text(report: &Report) -> String {
    let mut facts = Table::new(&[("", Align::Left), ("", Align::Left)]);
    let mut fact = |name: &str, text: String| facts.row([name.to_owned(), text]);
    let counters = &report.counters;
    let seconds = &report.seconds;
    fact("rows", report.rows.to_string());
    let by_quality = format!(
        "{} ({} good, {} uncertain, {} bad)",
        report.values(),
        counters.good,
        counters.uncertain,
        counters.bad
    );
    fact("values", by_quality);
    if let Some((first, last)) = report.span {
        let length = Duration::from_nanos(last.as_nanos().abs_diff(first.as_nanos()));
        let text = format!("{first} to {last} ({})", format_duration(length));
        fact("span", text);
    }
    if let Some(place) = &report.first_out_of_order {
        let text = format!("{} rows, first at {place}", report.out_of_order);
        fact("back in time", text);
    }
    fact("unreadable", report.faults.count().to_string());
    let speed = report.values() as f64 / seconds.wall.max(f64::MIN_POSITIVE);
    let wall = format!("{:.2} s, {speed:.0} values/s", seconds.wall);
    fact("took", wall);
    let work = format!(
        "decoding {:.2} s, chain {:.2} s, writing {:.2} s, side by side",
        seconds.decode, seconds.chain, seconds.write
    );
    fact("work", work);
    let shares = seconds.shares();
    let [decode, detect, rest] = [shares.decode, shares.detect, shares.rest].map(|x| 100.0 * x);
    let of_work = format!(
        "decoding {decode:.0} %, detection {detect:.0} %, the rest {rest:.0} % of all work"
    );
    fact("shares", of_work);
    let standing = format!(
        "{} raised, {} stand at the end",
        counters.alerts_raised, report.standing
    );
    fact("alerts", standing);
    let mut text = facts.render().trim_start().to_owned();
    text.push_str(&alerts_text(report));
    text
}

fn alerts_text(report: &Report) -> String {
    let mut text = String::new();
    if !report.alerts.by_kind.is_empty() {
        let columns = ["raised", "worse", "cleared"].map(|name| (name, Align::Right));
        let mut table = Table::new(&[&[("kind", Align::Left)][..], &columns].concat());
        for (kind, n) in &report.alerts.by_kind {
            let counts = [n.raised, n.changed, n.cleared].map(|n| n.to_string());
            table.row([(*kind).to_owned()].into_iter().chain(counts));
        }
        text.push('\n');
        text.push_str(&table.render());
    }
    if !report.alerts.by_role.is_empty() {
        let mut table = Table::new(&[("role", Align::Left), ("told", Align::Right)]);
        for (role, told) in &report.alerts.by_role {
            table.row([role.clone(), told.to_string()]);
        }
        text.push('\n');
        text.push_str(&table.render());
    }
    text
}

fn report_json(report: &Report) -> serde_json::Value {
    let (seconds, shares) = (&report.seconds, report.seconds.shares());
    let kinds: serde_json::Map<_, _> = report
        .alerts
        .by_kind
        .iter()
        .map(|(kind, n)| {
            let counts = json!({ "raised": n.raised, "changed": n.changed, "cleared": n.cleared });
            ((*kind).to_owned(), counts)
        })
        .collect();
    let faults: Vec<_> = report
        .faults
        .first()
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({
        "rows": report.rows,
        "values": report.values(),
        "good": report.counters.good,
        "uncertain": report.counters.uncertain,
        "bad": report.counters.bad,
        "detected": report.counters.detected,
        "from": report.span.map(|(first, _)| first.to_string()),
        "to": report.span.map(|(_, last)| last.to_string()),
        "out_of_order": report.out_of_order,
        "first_out_of_order": report.first_out_of_order,
        "unreadable": report.faults.count(),
        "faults": faults,
        "ignored": report.unknown,
        "alerts": {
            "raised": report.counters.alerts_raised,
            "standing": report.standing,
            "by_kind": kinds,
            "by_role": report.alerts.by_role,
        },
        "written": {
            "alerts": report.written.alerts,
            "summaries": report.written.summaries,
            "raw": report.written.raw,
        },
        "seconds": {
            "wall": seconds.wall,
            "decode": seconds.decode,
            "chain": seconds.chain,
            "detect": seconds.detect(),
            "write": seconds.write,
        },
        "shares": {
            "decode": shares.decode,
            "detect": shares.detect,
            "rest": shares.rest,
        },
        "values_per_s": report.values() as f64 / seconds.wall.max(f64::MIN_POSITIVE),
    })
}

/// The size of all inputs; none when one is standard input.
fn bytes_of(inputs: &[PathBuf]) -> Option<u64> {
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
    let has_size = !inputs.iter().any(|path| path == Path::new("-"));
    has_size.then(|| inputs.iter().map(size).sum())
}
