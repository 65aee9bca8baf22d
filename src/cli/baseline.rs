//! `andon baseline …`: what a gateway has learned, what a person decides about it, and how it travels.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Outcome;
use super::ask::{Failure, ask_running, is_idle};
use super::check::load_or_complain;
use super::output::{Align, Table, complain, print, print_json};
use crate::baseline::{self, Baselines};
use crate::buffer;
use crate::config::Config;
use crate::control::Request;
use crate::model::with_causes;
use crate::pipeline::{BaselineStatus, Decision};

/// Learned baselines: look at them, decide about them, take them to another gateway.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what has been learned: phase, age, level and spread per mode, alarms whose level may be the new normal.
    List(Args),
    /// The level that a standing alarm of a tag shows is normal from now on; the alarm ends.
    Accept(Named),
    /// The level that was proposed is not normal: the alarm stands and is not proposed again.
    Reject(Named),
    /// Forget what was learned of a tag or group and learn anew, as after a repair; its alarm ends.
    Relearn(Named),
    /// Write the baselines of a running or stopped gateway to a file.
    Export(Export),
    /// Take baselines over from a file; the gateway must be stopped.
    Import(Import),
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration of the gateway.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// Name of the tag, as `press1.temp`, or of the group.
    name: String,
    #[command(flatten)]
    args: Args,
}

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// File to write.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    args: Args,
}

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// File to read.
    file: PathBuf,
    #[command(flatten)]
    args: Args,
}

pub(super) fn run(command: &Command) -> Outcome {
    let args = match command {
        Command::List(args) => args,
        Command::Accept(named) | Command::Reject(named) | Command::Relearn(named) => &named.args,
        Command::Export(export) => &export.args,
        Command::Import(import) => &import.args,
    };
    let Some(config) = load_or_complain(&args.config) else {
        return Outcome::Usage;
    };
    let done = match command {
        Command::List(_) => {
            ask_running(&config.gateway.data_dir, Request::BaselineList).map(Told::Baselines)
        }
        Command::Accept(named) => decide(&config, Decision::Accept, named),
        Command::Reject(named) => decide(&config, Decision::Reject, named),
        Command::Relearn(named) => decide(&config, Decision::Relearn, named),
        Command::Export(to) => export(&config, &to.out),
        Command::Import(from) => import(&config, &from.file),
    };
    match done.and_then(|told| told.print(args.json)) {
        Ok(()) => Outcome::Clean,
        Err(error) => {
            complain(&format!("andon: {}\n", with_causes(error.as_ref())));
            Outcome::Failed
        }
    }
}

/// What a command has to say.
enum Told {
    /// One baseline or a list of them.
    Baselines(Value),
    /// A sentence, and the same for machines.
    Done(String, Value),
}

impl Told {
    fn print(self, is_json: bool) -> Result<(), Failure> {
        match self {
            Self::Baselines(value) | Self::Done(_, value) if is_json => print_json(&value)?,
            Self::Baselines(value) => print(&text(value))?,
            Self::Done(sentence, _) => print(&format!("{sentence}\n"))?,
        }
        Ok(())
    }
}

fn decide(config: &Config, decision: Decision, named: &Named) -> Result<Told, Failure> {
    let name = named.name.clone();
    ask_running(
        &config.gateway.data_dir,
        Request::BaselineDecide { decision, name },
    )
    .map(Told::Baselines)
}

/// A running gateway is asked to write its baselines first.
fn export(config: &Config, out: &Path) -> Result<Told, Failure> {
    let data_dir = &config.gateway.data_dir;
    match ask_running(data_dir, Request::BaselineKeep) {
        Ok(_) => {}
        Err(error) if is_idle(error.as_ref()) => {}
        Err(error) => return Err(error),
    }
    let path = data_dir.join(baseline::FILE);
    if !path.exists() {
        return Err(format!("`{}` has no baselines yet", data_dir.display()).into());
    }
    let baselines = baseline::read(&path)?.finished();
    baseline::write(out, &baselines)?;
    let (tags, groups) = (baselines.tags.len(), baselines.groups.len());
    Ok(Told::Done(
        format!(
            "Baselines of {tags} tags and {groups} groups are in {}.",
            out.display()
        ),
        json!({"file": out, "tags": tags, "groups": groups}),
    ))
}

fn import(config: &Config, file: &Path) -> Result<Told, Failure> {
    let guests = baseline::read(file)?.finished();
    let data_dir = &config.gateway.data_dir;
    let _lock = buffer::lock(data_dir)?;
    let path = data_dir.join(baseline::FILE);
    let home = if path.exists() {
        baseline::read(&path)?
    } else {
        Baselines::default()
    };
    let (baselines, merged) = baseline::merge(home, guests, config);
    baseline::save(data_dir, &baselines)?;
    Ok(Told::Done(
        format!(
            "{} baselines were taken over and count from the next start; {} do not fit this configuration (no such tag \
             or group, or another rate, profile, scaling or context).",
            merged.taken, merged.unfit
        ),
        serde_json::to_value(merged)?,
    ))
}

/// One baseline or a list of them as a table.
fn text(answer: Value) -> String {
    let list = if answer.is_array() {
        answer
    } else {
        Value::Array(vec![answer])
    };
    let Ok(list) = serde_json::from_value::<Vec<BaselineStatus>>(list) else {
        return "the gateway answered in a form that this program does not know\n".to_owned();
    };
    let mut table = Table::new(&[
        ("tag or group", Align::Left),
        ("phase", Align::Left),
        ("since", Align::Left),
        ("mode", Align::Left),
        ("level", Align::Right),
        ("spread", Align::Right),
        ("samples", Align::Right),
        ("alarm", Align::Left),
    ]);
    for status in list {
        let alarm = match (&status.alarm, status.is_proposed) {
            (Some(chart), true) => format!("{chart}, may be the new normal"),
            (Some(chart), false) => chart.clone(),
            (None, _) => String::new(),
        };
        let since = status.since.unwrap_or_default();
        let row = |[mode, level, spread, samples]: [String; 4]| {
            let (name, phase) = (status.name.clone(), status.phase.clone());
            let (since, alarm) = (since.clone(), alarm.clone());
            [name, phase, since, mode, level, spread, samples, alarm]
        };
        let none = String::new;
        if let Some((have, need)) = status.learning {
            table.row(row([none(), none(), none(), format!("{have} of {need}")]));
        } else if status.levels.is_empty() {
            table.row(row([none(), none(), none(), none()]));
        }
        for level in status.levels {
            table.row(row([
                level.mode,
                format!("{:.6}", level.level),
                format!("{:.6}", level.spread),
                format!("{:.0}", level.samples),
            ]));
        }
    }
    table.render()
}
