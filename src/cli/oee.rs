//! `andon oee`: production figures of a period.

use super::Outcome;
use super::ask::{self, Of, Source, hours, number, percent};
use super::output::{Align, Table};
use crate::analysis::{Figure, GroupBy, OeeAnswer, OeeQuestion, OeeRow, Question};

/// Show OEE and its parts, losses and downtime of a period.
///
/// A figure stands with the share of time that data covers; where data is missing, what it would be if all of that time
/// was downtime, and if all of it was production. Ratios are in percent, times in hours and minutes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    of: Of,
    /// Work units; all when none are named.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    work_unit: Vec<String>,
    /// By what.
    #[arg(long, value_enum, default_value = "work-unit")]
    by: GroupBy,
    /// Whether minor stops lower availability (iso22400) or effectiveness (tpm); as configured when left out.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Group downtime by this level of the reason tree, 1 at the top.
    #[arg(long, value_name = "LEVEL")]
    level: Option<usize>,
    /// Causes of downtime to show.
    #[arg(long, value_name = "COUNT", default_value = "10")]
    causes: usize,
}

pub(super) fn run(args: &Args) -> Outcome {
    let question = OeeQuestion {
        period: args.of.period(),
        work_units: args.work_unit.clone(),
        by: args.by,
        model: args.model.clone(),
        level: args.level,
    };
    ask::run(&args.source, &Question::Oee(question), |answer| {
        Ok(text(&serde_json::from_value(answer)?, args.causes))
    })
}

fn text(answer: &OeeAnswer, causes: usize) -> String {
    let mut text = format!(
        "{} to {}, loss model {}",
        answer.from, answer.to, answer.model
    );
    text.extend([format!(
        "; {} of {} work units scheduled",
        answer.scheduled, answer.work_units
    )]);
    if answer.provisional > 0 {
        text.extend([format!("; {} shifts not stated yet", answer.provisional)]);
    }
    text.push_str("\n\n");
    text.push_str(&figures(answer));
    text.push('\n');
    let is_line = |row: &&OeeRow| row.line.is_some();
    if answer
        .rows
        .iter()
        .chain([&answer.total])
        .any(|row| is_line(&row))
    {
        text.push_str(&lines(answer));
        text.push('\n');
    }
    text.push_str(&losses(answer));
    if !answer.pareto.is_empty() {
        text.push('\n');
        text.push_str(&pareto(answer, causes));
    }
    let refused = answer.refused_reasons.iter().chain(&answer.refused_rejects);
    text.extend(refused.map(|why| format!("refused: {why}\n")));
    let unreadable = answer.unreadable.iter();
    text.extend(unreadable.map(|which| format!("left out, its figures cannot be read: {which}\n")));
    text
}

fn figures(answer: &OeeAnswer) -> String {
    let columns = [
        "OEE", "A", "E", "Q", "FPY", "NEE", "covered", "if down", "if run", "busy", "run",
        "pieces", "good", "scrap", "cycle s",
    ];
    let numbers = columns.map(|name| (name, Align::Right));
    let mut table = Table::new(
        &[
            &[("", Align::Left)][..],
            &numbers,
            &[("notes", Align::Left)],
        ]
        .concat(),
    );
    for row in answer.rows.iter().chain([&answer.total]) {
        let bounds = |bound: Option<f64>| {
            if row.oee.low == row.oee.high {
                String::new()
            } else {
                percent(bound)
            }
        };
        table.row([
            row.group.clone(),
            percent(row.oee.value),
            percent(row.availability.value),
            percent(row.effectiveness.value),
            percent(row.quality_ratio.value),
            percent(row.first_pass_yield),
            percent(row.nee.value),
            percent(row.coverage),
            bounds(row.oee.low),
            bounds(row.oee.high),
            hours(row.pbt_s),
            hours(row.apt_s),
            number(Some(row.pieces), 0),
            number(Some(row.good), 0),
            number(Some(row.scrap), 0),
            number(row.cycle.cycle_median_s, 2),
            notes(row),
        ]);
    }
    table.render()
}

/// Serial lines, and their steps in order.
fn lines(answer: &OeeAnswer) -> String {
    let columns = [
        "scheduled",
        "pieces",
        "scrap",
        "rework",
        "FPY",
        "RTY",
        "per step",
        "final",
        "fall-off",
        "good per h",
        "OEE",
    ];
    let numbers = columns.map(|name| (name, Align::Right));
    let words = [("serial line", Align::Left)];
    let end = [("bottleneck", Align::Left)];
    let mut table = Table::new(&[&words[..], &numbers, &end].concat());
    for row in answer.rows.iter().chain([&answer.total]) {
        let Some(line) = &row.line else {
            continue;
        };
        let oee = line.bottleneck_oee.as_ref();
        let bottleneck = line.bottleneck.as_ref();
        table.row([
            row.group.clone(),
            format!("{} of {}", row.scheduled, row.work_units),
            number(line.steps.first().map(|step| step.pieces), 0),
            number(Some(row.scrap), 0),
            number(Some(row.rework), 0),
            String::new(),
            percent(row.rolled_throughput_yield),
            percent(line.normalized_yield),
            percent(line.final_yield),
            percent(line.fall_off),
            number(line.throughput_per_h, 1),
            percent(oee.and_then(|oee| oee.value)),
            bottleneck.map_or_else(
                || "not known".to_owned(),
                |name| format!("{name}, {} s", number(line.bottleneck_s, 2)),
            ),
        ]);
        for step in &line.steps {
            table.row([
                format!("  {}", step.work_unit),
                String::new(),
                number(Some(step.pieces), 0),
                number(Some(step.scrap), 0),
                number(Some(step.rework), 0),
                percent(step.first_pass_yield),
            ]);
        }
    }
    table.render()
}

/// Why there is no figure, what speaks against one, and whether it was stated again.
fn notes(row: &OeeRow) -> String {
    let why = |figure: &Figure| figure.why.clone();
    let mut notes: Vec<String> = why(&row.oee).into_iter().collect();
    notes.extend(row.flags.iter().map(|flag| flag.replace('_', " ")));
    let doubts = ["no_ideal_cycle", "effectiveness_above_1"];
    let is_doubted = row.flags.iter().any(|flag| doubts.contains(&flag.as_str()));
    if let Some(proposed) = row.ideal_proposal.filter(|_| is_doubted) {
        notes.push(format!(
            "its cycles propose an ideal one of {:.1} to {:.1} s",
            proposed.p05_s, proposed.p10_s
        ));
    }
    if row.scheduled < row.work_units {
        notes.push(format!("{} of {} scheduled", row.scheduled, row.work_units));
    }
    if row.revision > 1 {
        notes.push(format!("revision {}", row.revision));
    }
    notes.join(", ")
}

fn losses(answer: &OeeAnswer) -> String {
    let columns = [
        "setup", "stops", "minor", "external", "idle", "no data", "slow", "rejects", "start-up",
        "failures", "MTBF", "MTTR min",
    ];
    let numbers = columns.map(|name| (name, Align::Right));
    let mut table = Table::new(&[&[("lost time", Align::Left)][..], &numbers].concat());
    for row in answer.rows.iter().chain([&answer.total]) {
        let loss = |name: &str| {
            row.losses
                .get(name)
                .map_or_else(|| "-".to_owned(), |s| signed_hours(*s))
        };
        let mtbf = match (row.mtbf_s, row.mtbf_min_s) {
            (Some(mtbf), _) => hours(mtbf),
            (None, Some(least)) => format!(">{}", hours(least)),
            (None, None) => "-".to_owned(),
        };
        table.row([
            row.group.clone(),
            hours(row.setup_s),
            hours(row.stop_s),
            hours(row.minor_stop_s),
            hours(row.external_s),
            hours(row.idle_s),
            hours(row.unknown_s),
            loss("reduced_speed"),
            loss("process_defects"),
            loss("startup_rejects"),
            row.failures.to_string(),
            mtbf,
            number(row.mttr_s.map(|seconds| seconds / 60.0), 1),
        ]);
    }
    table.render()
}

fn signed_hours(seconds: f64) -> String {
    if seconds < -30.0 {
        format!("-{}", hours(-seconds))
    } else {
        hours(seconds.max(0.0))
    }
}

fn pareto(answer: &OeeAnswer, causes: usize) -> String {
    let numbers =
        ["time", "stops", "share", "cumulative", "MTTR min"].map(|name| (name, Align::Right));
    let mut table = Table::new(&[&[("downtime by cause", Align::Left)][..], &numbers].concat());
    for cause in answer.pareto.iter().take(causes) {
        table.row([
            cause.reason.clone(),
            hours(cause.seconds),
            cause.count.to_string(),
            percent(cause.share),
            percent(cause.cumulative),
            number(cause.mttr_s.map(|seconds| seconds / 60.0), 1),
        ]);
    }
    let mut text = table.render();
    let more = answer.pareto.len().saturating_sub(causes);
    if more > 0 {
        text.extend([format!("and {more} more\n")]);
    }
    text.extend([format!(
        "{} % of downtime has a reason\n",
        percent(answer.coded)
    )]);
    text
}
