//! `andon changeovers`: how long it takes from one product to another.

use super::Outcome;
use super::ask::{self, Of, Source, number};
use super::output::{Align, Table};
use crate::analysis::{ChangeoversAnswer, ChangeoversQuestion, Question};

/// List changeovers, and how long they take by the two products.
///
/// A changeover lasts from the last good piece of a product to the first good piece of the next; times are in minutes.
/// `busy` leaves out breaks, nights off and what else was planned, and is what the summary is of.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Work units; all when none are named.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    work_unit: Vec<String>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    of: Of,
}

pub(super) fn run(args: &Args) -> Outcome {
    let question = ChangeoversQuestion {
        period: args.of.period(),
        work_units: args.work_unit.clone(),
    };
    ask::run(&args.source, &Question::Changeovers(question), |answer| {
        Ok(text(&serde_json::from_value(answer)?))
    })
}

fn minutes(seconds: f64) -> String {
    number(Some(seconds / 60.0), 1)
}

fn text(answer: &ChangeoversAnswer) -> String {
    let mut text = format!("{} to {}\n", answer.from, answer.to);
    if answer.unknown_shifts > 0 {
        text.extend([format!(
            "changeovers of {} shifts are not known: their figures were stated before changeovers were kept\n",
            answer.unknown_shifts
        )]);
    }
    if answer.changeovers.is_empty() {
        text.push_str("no changeover\n");
        return text;
    }
    text.push('\n');
    text.push_str(&kinds(answer));
    text.push('\n');
    text.push_str(&each(answer));
    text
}

fn kinds(answer: &ChangeoversAnswer) -> String {
    let numbers = [
        "count",
        "median",
        "longest",
        "total",
        "of it setup",
        "scrap",
    ];
    let numbers = numbers.map(|name| (name, Align::Right));
    let products = [("from", Align::Left), ("to", Align::Left)];
    let mut table = Table::new(&[&products[..], &numbers].concat());
    for kind in &answer.kinds {
        table.row([
            kind.from.clone(),
            kind.to.clone(),
            kind.count.to_string(),
            minutes(kind.median_s),
            minutes(kind.longest_s),
            minutes(kind.total_s),
            minutes(kind.setup_s),
            number(Some(kind.scrap), 0),
        ]);
    }
    table.render()
}

fn each(answer: &ChangeoversAnswer) -> String {
    let words = ["work unit", "from", "to", "start", "end"].map(|name| (name, Align::Left));
    let numbers = [
        "length", "busy", "setup", "stops", "idle", "no data", "scrap", "rework",
    ];
    let numbers = numbers.map(|name| (name, Align::Right));
    let mut table = Table::new(&[&words[..], &numbers].concat());
    for one in &answer.changeovers {
        table.row([
            one.work_unit.clone(),
            one.from.clone(),
            one.to.clone(),
            one.start.clone(),
            one.end.clone(),
            minutes(one.length_s),
            minutes(one.busy_s),
            minutes(one.setup_s),
            minutes(one.stop_s),
            minutes(one.idle_s),
            minutes(one.unknown_s),
            number(Some(one.scrap), 0),
            number(Some(one.rework), 0),
        ]);
    }
    table.render()
}
