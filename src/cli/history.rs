//! `andon history …`: samples and roll-ups of the past.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Outcome;
use super::ask::{self, Failure, Of, Source, open};
use super::check::load_or_complain;
use super::export::{Export, export};
use super::output::{Align, Table, complain, print, print_json};
use super::progress::Bar;
use crate::analysis::{Question, SamplesQuestion};
use crate::clock::{Clock, SystemClock};
use crate::config::format_duration;
use crate::model::with_causes;
use crate::replay::{ImportReport, ImportRequest, import};

/// The plant's memory: ask it, copy it out, bring past data in, check it.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show tags over time: statistics per step, single samples, or the trend.
    Query(Query),
    /// Write tags over time to a file or standard output, as CSV or JSON.
    Export(Export),
    /// Bring past data in from CSV, long or wide, as `andon replay` reads it; the gateway must be stopped.
    Import(Import),
    /// Read everything, report damage, compare roll-ups with what they are of; the gateway must be stopped.
    Verify(Source),
    /// What it holds: size, tags, oldest and newest per tier; the gateway must be stopped.
    Status(Source),
}

/// What is asked of tags.
#[derive(Debug, clap::Args)]
pub(super) struct Query {
    /// Tags.
    #[arg(required = true)]
    tag: Vec<String>,
    #[command(flatten)]
    pub(super) source: Source,
    #[command(flatten)]
    of: Of,
    /// Length of a step: auto, a duration as 15min, 1d, 1w or 1mo by the plant's calendar; raw for single samples;
    /// trend for the slope over years.
    #[arg(long, default_value = "auto")]
    step: String,
    /// Statistics per step: mean, min, max, std, count, `weighted_mean`, first, last, p95.
    #[arg(long, value_delimiter = ',', default_value = "mean,min,max,count")]
    aggregate: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// Recordings.
    #[arg(required = true)]
    input: Vec<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// Go on when a recording names tags that the configuration does not have.
    #[arg(long)]
    ignore_unknown: bool,
}

pub(super) fn run(command: &Command) -> Outcome {
    match command {
        Command::Query(query) => ask::run(
            &query.source,
            &Question::Samples(query.question()),
            |answer| Ok(table(&answer)),
        ),
        Command::Export(to) => done(export(to)),
        Command::Import(from) => done(import_all(from)),
        Command::Verify(source) => done(verify(source)),
        Command::Status(source) => done(status(source)),
    }
}

fn done(result: Result<Outcome, Failure>) -> Outcome {
    result.unwrap_or_else(|error| {
        complain(&format!("andon: {}\n", with_causes(error.as_ref())));
        Outcome::Failed
    })
}

impl Query {
    pub(super) fn question(&self) -> SamplesQuestion {
        SamplesQuestion {
            tags: self.tag.clone(),
            period: self.of.period(),
            step: self.step.clone(),
            aggregates: self.aggregate.clone(),
        }
    }
}

/// Rows of an answer: keys of the first row are the columns.
pub(super) fn rows(answer: &Value) -> (Vec<String>, Vec<Vec<String>>) {
    let mut columns = vec!["tag".to_owned()];
    let mut rows = Vec::new();
    let series = answer["series"]
        .as_array()
        .or_else(|| answer["trends"].as_array());
    for series in series.into_iter().flatten() {
        let own = series["rows"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![series.clone()]);
        for row in &own {
            let Value::Object(fields) = row else {
                continue;
            };
            let mut fields: Vec<(&String, &Value)> =
                fields.iter().filter(|(key, _)| *key != "tag").collect();
            fields.sort_by_key(|(key, _)| rank(key));
            let (keys, cells): (Vec<&String>, Vec<String>) = fields
                .into_iter()
                .map(|(key, value)| (key, cell(value)))
                .unzip();
            if columns.len() == 1 {
                columns.extend(keys.into_iter().cloned());
            }
            rows.push([vec![cell(&series["tag"])], cells].concat());
        }
    }
    (columns, rows)
}

/// Times stand first, and what is to be said of a row last.
fn rank(key: &str) -> u8 {
    match key {
        "time" | "from" => 0,
        "to" => 1,
        "coverage" => 3,
        "gap" | "quality" | "why" => 4,
        _ => 2,
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table(answer: &Value) -> String {
    let (columns, rows) = rows(answer);
    let heads: Vec<(&str, Align)> = columns
        .iter()
        .map(|name| (name.as_str(), Align::Left))
        .collect();
    let mut table = Table::new(&heads);
    for row in rows {
        table.row(row);
    }
    let mut text = format!(
        "from the {} tier, step {}\n",
        cell(&answer["tier"]),
        cell(&answer["step"])
    );
    if answer["approximate"] == true {
        text.push_str("percentiles are estimates from roll-ups\n");
    }
    text.push_str(&table.render());
    text.extend(cut_off(answer).iter().map(|what| format!("{what}\n")));
    text
}

/// Tags of which an answer has only the first samples.
fn cut_off(answer: &Value) -> Vec<String> {
    let series = answer["series"].as_array().into_iter().flatten();
    let cut = series.filter(|series| series["truncated"] == true);
    cut.map(|series| {
        let rows = series["rows"].as_array().map_or(0, Vec::len);
        let tag = cell(&series["tag"]);
        format!("{tag}: cut off after {rows} samples; ask for a shorter time")
    })
    .collect()
}

fn import_all(from: &Import) -> Result<Outcome, Failure> {
    let Some(config) = load_or_complain(&from.source.config) else {
        return Ok(Outcome::Usage);
    };
    let config = Arc::new(config);
    let directory = from
        .source
        .history
        .clone()
        .unwrap_or_else(|| config.gateway.data_dir.clone());
    let _lock = crate::buffer::lock(&directory)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let sizes: Option<u64> = from
        .input
        .iter()
        .map(|path| std::fs::metadata(path).ok().map(|file| file.len()))
        .sum();
    let kept = config.history.raw;
    let mut bar = Bar::new(sizes.is_some());
    let request = ImportRequest {
        config,
        inputs: from.input.clone(),
        directory,
        ignore_unknown: from.ignore_unknown,
        clock,
    };
    let imported = import(&request, &mut |progress| {
        bar.show(
            (progress.bytes, sizes.unwrap_or(0)),
            progress.values,
            progress.elapsed,
        );
    });
    bar.clear();
    let imported = match imported {
        Err(error) if error.is_of_the_request() => {
            complain(&format!("{}\n", with_causes(&error)));
            return Ok(Outcome::Usage);
        }
        other => other?,
    };
    tell(&imported, kept, from.source.json)?;
    Ok(if imported.faults.count() == 0 {
        Outcome::Clean
    } else {
        Outcome::Failed
    })
}

/// Tells what was imported, and what of it is kept in part or not at all.
fn tell(imported: &ImportReport, kept: Duration, is_json: bool) -> Result<(), Failure> {
    for text in &imported.unknown {
        complain(&format!("ignored: {text}\n"));
    }
    if imported.faults.count() > 0 {
        complain(&format!("{}\n", imported.faults.text()));
    }
    if imported.rolled_up > 0 {
        complain(&format!(
            "{} values are older than single samples are kept ([history] raw = \"{}\"): they are in steps of a minute and longer only, and no figures of shifts are stated of them, as andon replay --history does\n",
            imported.rolled_up,
            format_duration(kept),
        ));
    }
    let seconds = imported.took.as_secs_f64();
    if is_json {
        return Ok(print_json(&json!({
            "rows": imported.rows,
            "values": imported.values,
            "rolled_up": imported.rolled_up,
            "unreadable": imported.faults.count(),
            "ignored": imported.unknown,
            "seconds": seconds,
        }))?);
    }
    let speed = imported.values as f64 / seconds.max(1e-3);
    Ok(print(&format!(
        "{} values of {} rows in {seconds:.1} s, {speed:.0} values/s\n",
        imported.values, imported.rows
    ))?)
}

fn verify(source: &Source) -> Result<Outcome, Failure> {
    let Some(config) = load_or_complain(&source.config) else {
        return Ok(Outcome::Usage);
    };
    let (historian, _) = open(&Arc::new(config), source.history.as_deref())?;
    let report = historian.reader().verify(&mut |_share| true)?;
    let faults: Vec<Value> = report
        .faults
        .iter()
        .map(|fault| json!({ "tier": fault.tier.as_str(), "from": fault.from.to_string(), "what": fault.what }))
        .collect();
    if source.json {
        print_json(&json!({
            "blocks": report.blocks,
            "damaged": report.damaged,
            "compared": report.compared,
            "disagreeing": report.disagreeing,
            "faults": faults,
        }))?;
    } else {
        for fault in &report.faults {
            print(&format!(
                "{} from {}: {}\n",
                fault.tier.as_str(),
                fault.from,
                fault.what
            ))?;
        }
        print(&format!(
            "{} blocks, {} damaged; {} roll-ups compared, {} disagree\n",
            report.blocks, report.damaged, report.compared, report.disagreeing
        ))?;
    }
    Ok(if report.is_sound() {
        Outcome::Clean
    } else {
        Outcome::CheckFailed
    })
}

fn status(source: &Source) -> Result<Outcome, Failure> {
    let Some(config) = load_or_complain(&source.config) else {
        return Ok(Outcome::Usage);
    };
    let (historian, _) = open(&Arc::new(config), source.history.as_deref())?;
    let held = historian.reader().statistics()?;
    let tiers: Vec<Value> = held
        .tiers
        .iter()
        .map(|tier| {
            json!({
                "tier": tier.tier.as_str(),
                "chunks": tier.chunks,
                "bytes": tier.bytes,
                "oldest": tier.oldest.map(|time| time.to_string()),
                "newest": tier.newest.map(|time| time.to_string()),
            })
        })
        .collect();
    if source.json {
        print_json(&json!({
            "file_bytes": held.file_bytes,
            "tags": held.series,
            "events": held.events,
            "damaged": held.damaged,
            "tiers": tiers,
        }))?;
        return Ok(Outcome::Clean);
    }
    print(&format!(
        "{} tags, {} events, {} bytes on disk\n",
        held.series, held.events, held.file_bytes
    ))?;
    let mut table = Table::new(&[
        ("tier", Align::Left),
        ("chunks", Align::Right),
        ("bytes", Align::Right),
        ("oldest", Align::Left),
        ("newest", Align::Left),
    ]);
    for tier in &tiers {
        table.row(["tier", "chunks", "bytes", "oldest", "newest"].map(|key| cell(&tier[key])));
    }
    print(&table.render())?;
    Ok(Outcome::Clean)
}
