//! `andon defects`: defects of a period by category and origin.

use std::time::Duration;

use serde_json::Value;

use super::Outcome;
use super::ask::{self, Of, Source, number, percent};
use super::explain::{ExplainArgs, explained};
use super::output::{Align, Table};
use crate::analysis::{DefectsAnswer, DefectsQuestion, ExplainDefects, Per, Question};
use crate::config::parse_duration;
use crate::quality::defects::{CategoryReport, OriginReport, TrendReport, TrendVerdict};

/// Most frequent categories that are shown of a machine, a product or a shift.
const CATEGORIES_SHOWN: usize = 3;

/// Show defects by category, machine, product and shift, per unit made, and which become more.
///
/// Defects are taken in as a table (`andon intake`); units are the pieces that the work units made. A defect counts to the
/// time in which its unit was made.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Work units; all when none are named.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    work_unit: Vec<String>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    of: Of,
    /// Level of the categories to count on, 1 at the top; as they were given when left out.
    #[arg(long, value_name = "LEVEL")]
    level: Option<usize>,
    /// Opportunities for a defect on one unit, for defects per million opportunities.
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    opportunities: Option<f64>,
    /// What a trend is followed over.
    #[arg(long, value_enum, default_value = "day")]
    per: Per,
    #[command(flatten)]
    explain: ExplainArgs,
    /// How long a unit is in the making: so much of the time before a defect is looked at.
    #[arg(long, value_name = "DURATION", value_parser = making, requires = "explain", default_value = "10min")]
    making: Duration,
    /// Explain defects of this category, and of those below it, only.
    #[arg(long, value_name = "CODE", requires = "explain")]
    category: Option<String>,
}

fn making(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "allowed: a duration as 90s or 10min".to_owned())
}

pub(super) fn run(args: &Args) -> Outcome {
    let question = DefectsQuestion {
        period: args.of.period(),
        work_units: args.work_unit.clone(),
        level: args.level,
        opportunities_per_unit: args.opportunities,
        per: args.per,
        explain: args.explain.question().map(|how| ExplainDefects {
            how,
            making: args.making,
            category: args.category.clone(),
        }),
    };
    ask::run(&args.source, &Question::Defects(question), |answer| {
        let windows = answer
            .get("explained")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let windows: String = windows.map(|of| explained(of, "defect")).collect();
        let mut told = text(&serde_json::from_value(answer)?);
        if !windows.is_empty() {
            told.push('\n');
        }
        Ok(told + &windows)
    })
}

fn text(answer: &DefectsAnswer) -> String {
    let report = &answer.report;
    let mut text = format!(
        "{} to {}; {} defects on {:.0} units: {} per unit",
        answer.from,
        answer.to,
        report.defects,
        report.units,
        number(report.dpu, 4),
    );
    if report.dpmo.is_some() {
        let dpmo = number(report.dpmo, 0);
        text.extend([format!(", {dpmo} per million opportunities")]);
    }
    if answer.provisional > 0 {
        text.extend([format!("; {} shifts not stated yet", answer.provisional)]);
    }
    text.push('\n');
    if report.pareto.is_empty() {
        text.push_str("no defect was taken in of this time\n");
        return text;
    }
    text.push('\n');
    text.push_str(&pareto(answer));
    text.extend([format!(
        "{} % of defects have a category\n",
        percent(report.coded_share)
    )]);
    for (title, rows) in [
        ("machine", &report.by_machine),
        ("product", &report.by_product),
        ("shift", &report.by_shift),
    ] {
        text.push('\n');
        text.push_str(&origins(title, rows));
    }
    text
}

fn pareto(answer: &DefectsAnswer) -> String {
    let numbers =
        ["defects", "share", "cumulative", "DPU", "DPMO"].map(|name| (name, Align::Right));
    let mut table = Table::new(
        &[
            &[("category", Align::Left)][..],
            &numbers,
            &[("trend", Align::Left)],
        ]
        .concat(),
    );
    for row in &answer.report.pareto {
        table.row([
            named(answer, row),
            row.count.to_string(),
            percent(Some(row.share)),
            percent(Some(row.cumulative_share)),
            number(row.dpu, 5),
            number(row.dpmo, 0),
            row.trend
                .map_or_else(String::new, |trend| words(&trend, answer.per)),
        ]);
    }
    table.render()
}

/// The code, with its label where that says more.
fn named(answer: &DefectsAnswer, row: &CategoryReport) -> String {
    let label = answer.labels.get(&row.category);
    match label.filter(|label| **label != row.category) {
        Some(label) => format!("{} ({label})", row.category),
        None => row.category.clone(),
    }
}

/// A trend in plain words.
fn words(trend: &TrendReport, per: Per) -> String {
    let per = per.name();
    let verdict = match trend.verdict {
        TrendVerdict::Rising => "rising",
        TrendVerdict::Falling => "falling",
        TrendVerdict::NoTrend => return "no trend".to_owned(),
        TrendVerdict::TooFew => {
            return format!(
                "too little to tell ({} defects, {} {per}s with production)",
                trend.defects, trend.periods
            );
        }
    };
    let change = trend.factor_per_period.map_or_else(String::new, |factor| {
        format!(" by {:.1} % a {per}", 100.0 * (factor - 1.0).abs())
    });
    let chance = trend.q.map_or_else(String::new, |q| {
        if q < 0.001 {
            " (by chance: below 0.1 %)".to_owned()
        } else {
            format!(" (by chance: {} %)", percent(Some(q)))
        }
    });
    format!("{verdict}{change}{chance}")
}

fn origins(title: &str, rows: &[OriginReport]) -> String {
    let numbers = ["defects", "share", "units", "DPU", "times average"];
    let numbers = numbers.map(|name| (name, Align::Right));
    let mut table = Table::new(
        &[
            &[(title, Align::Left)][..],
            &numbers,
            &[("most frequent", Align::Left)],
        ]
        .concat(),
    );
    for row in rows {
        let frequent = row.categories.iter().take(CATEGORIES_SHOWN);
        let frequent: Vec<String> = frequent
            .map(|(category, count)| format!("{category} {count}"))
            .collect();
        table.row([
            row.name.clone().unwrap_or_else(|| "-".to_owned()),
            row.defects.to_string(),
            percent(row.share),
            number(Some(row.units), 0),
            number(row.dpu, 5),
            number(row.times_overall, 2),
            frequent.join(", "),
        ]);
    }
    table.render()
}
