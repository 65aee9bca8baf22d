//! `andon baseline …`: what the running gateway has learned, and what a person decides about it.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Outcome;
use super::check::load_or_complain;
use super::input::chain;
use super::output::{Align, Table, complain, print, print_json};
use crate::control::{self, Request};
use crate::pipeline::BaselineStatus;

/// Learned baselines of a running gateway.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what has been learned: phase, level and spread per mode, alarms whose level may be the new normal.
    List(Args),
    /// The level that a standing alarm of a tag shows is normal from now on; the alarm ends.
    Accept(AcceptArgs),
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
pub(super) struct AcceptArgs {
    /// Name of the tag, as `press1.temp`.
    tag: String,
    #[command(flatten)]
    args: Args,
}

pub(super) fn run(command: &Command) -> Outcome {
    let (args, request) = match command {
        Command::List(args) => (args, Request::BaselineList),
        Command::Accept(accept) => {
            let tag = accept.tag.clone();
            (&accept.args, Request::BaselineAccept { tag })
        }
    };
    let Some(config) = load_or_complain(&args.config) else {
        return Outcome::Usage;
    };
    let answer = match ask(&config.gateway.data_dir, request) {
        Ok(answer) => answer,
        Err(error) => {
            complain(&format!("andon: {}\n", chain(error.as_ref())));
            return Outcome::Failed;
        }
    };
    let printed = if args.json {
        print_json(&answer)
    } else {
        print(&text(answer))
    };
    match printed {
        Ok(()) => Outcome::Clean,
        Err(error) => {
            complain(&format!("andon: cannot print: {error}\n"));
            Outcome::Failed
        }
    }
}

fn ask(data_dir: &Path, request: Request) -> Result<Value, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(control::ask(data_dir, request))?)
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
        ("tag", Align::Left),
        ("phase", Align::Left),
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
        if let Some((have, need)) = status.learning {
            let progress = format!("{have} of {need}");
            let none = String::new();
            let cells = [
                &status.tag,
                &status.phase,
                &none,
                &none,
                &none,
                &progress,
                &alarm,
            ];
            table.row(cells.map(Clone::clone));
        }
        for level in status.levels {
            table.row([
                status.tag.clone(),
                status.phase.clone(),
                level.mode,
                format!("{:.6}", level.level),
                format!("{:.6}", level.spread),
                format!("{:.0}", level.samples),
                alarm.clone(),
            ]);
        }
    }
    table.render()
}
