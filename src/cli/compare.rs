//! `andon compare`: shifts, crews, machines and products at the same circumstances.

use serde_json::Value;

use super::Outcome;
use super::ask::{self, Of, Source, number};
use super::output::{Align, Table};
use crate::analysis::{CompareBy, CompareQuestion, Metric, Question};

/// Compare shifts, crews, machines, products or periods fairly.
///
/// Differences in staffing, equipment and products are adjusted for; what a shift does itself is not. Raw and adjusted
/// figures stand side by side, with how sure the difference is and what explains the raw gap.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    of_when: Of,
    /// What is compared. Of several, each is judged as one among all: what may be chance among so many is none.
    #[arg(long, value_enum, default_value = "rate", num_args = 1..)]
    of: Vec<Metric>,
    /// Between what.
    #[arg(long, value_enum, default_value = "shift")]
    by: CompareBy,
    /// With --by period: the second period begins on this production day.
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// Levels to compare, the first is the base; all when none are named.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    level: Vec<String>,
    /// Work units; all when none are named.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    work_unit: Vec<String>,
    /// Smallest difference that matters, in the unit of what is compared, which is one then.
    #[arg(long, value_name = "SIZE")]
    relevance: Option<f64>,
    /// Circumstances not to adjust for: headcount, experience, machine, product, changeovers, crew.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    without: Vec<String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let question = CompareQuestion {
        period: args.of_when.period(),
        work_units: args.work_unit.clone(),
        of: args.of.clone(),
        by: args.by,
        since: args.since.clone(),
        levels: args.level.clone(),
        relevance: args.relevance,
        without: args.without.clone(),
    };
    ask::run(&args.source, &Question::Compare(question), |answer| {
        let reports = answer.as_array().into_iter().flatten();
        Ok(reports.map(text).collect::<Vec<_>>().join("\n"))
    })
}

fn text(report: &Value) -> String {
    let mut text = String::new();
    for sentence in report["sentences"].as_array().into_iter().flatten() {
        text.push_str(sentence.as_str().unwrap_or_default());
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&levels(report));
    text.push('\n');
    text.push_str(&pairs(report));
    for (title, key) in [("", "hints"), ("note: ", "notes")] {
        for line in report[key].as_array().into_iter().flatten() {
            let line = line.as_str().or_else(|| line["sentence"].as_str());
            text.extend([title, line.unwrap_or_default(), "\n"]);
        }
    }
    text
}

/// A number inside of an object.
fn at(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer).and_then(Value::as_f64)
}

fn levels(report: &Value) -> String {
    let columns = ["records", "days", "raw", "adjusted", "low", "high"];
    let numbers = columns.map(|name| (name, Align::Right));
    let unit = report["unit"].as_str().unwrap_or_default();
    let title = format!(
        "{} ({unit})",
        report["outcome"].as_str().unwrap_or_default()
    );
    let mut table = Table::new(&[&[(title.as_str(), Align::Left)][..], &numbers].concat());
    for level in report["levels"].as_array().into_iter().flatten() {
        table.row([
            level["level"].as_str().unwrap_or_default().to_owned(),
            level["records"].to_string(),
            level["days"].to_string(),
            number(at(level, "/raw/estimate"), 4),
            number(at(level, "/adjusted/estimate"), 4),
            number(at(level, "/adjusted/low"), 4),
            number(at(level, "/adjusted/high"), 4),
        ]);
    }
    table.render()
}

fn pairs(report: &Value) -> String {
    let columns = ["raw", "adjusted", "low", "high", "p (Tukey)"];
    let numbers = columns.map(|name| (name, Align::Right));
    let mut table = Table::new(
        &[
            &[("difference", Align::Left)][..],
            &numbers,
            &[("verdict", Align::Left)],
        ]
        .concat(),
    );
    for pair in report["pairs"].as_array().into_iter().flatten() {
        let estimate = &pair["estimate"];
        let reported = match estimate["reported"].as_str() {
            Some("cluster_by_day") => &estimate["cluster_by_day"],
            Some("hc3") => &estimate["hc3"],
            _ => &estimate["classical"],
        };
        let name = |key: &str| pair[key].as_str().unwrap_or_default();
        table.row([
            format!("{} - {}", name("b"), name("a")),
            number(pair["raw_difference"].as_f64(), 4),
            number(estimate["difference"].as_f64(), 4),
            number(estimate["low"].as_f64(), 4),
            number(estimate["high"].as_f64(), 4),
            number(reported["p_tukey"].as_f64(), 4),
            name("verdict").replace('_', " "),
        ]);
    }
    table.render()
}
