//! `andon spc`: quality charts of a measured tag, or of counts.

use serde_json::Value;

use super::Outcome;
use super::ask::{self, Failure, Of, Source, number, word};
use super::explain::{ExplainArgs, explained};
use super::limits::{self as kept, LimitArgs};
use super::output::{Align, Table};
use crate::analysis::{Counted, CountsOf, CountsPer, LimitsQuestion, Question, SpcQuestion};

/// Chart a measured tag, or counts: limits, points out of control, run rules, capability.
///
/// One chart for each product and machine. Limits of specification come from the products that were taken in
/// (`andon intake`), or from here. Control limits are those that were frozen or tried out and are in force when the period
/// begins; where there are none, or with --relearn or --learn-until, they are learned from the period. With `--of`, rejects
/// or defects are charted on the pieces of each shift.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("charted").required(true).args(["tag", "counted"]))]
pub(super) struct Args {
    /// The tag, as press1.width.
    tag: Option<String>,
    #[command(flatten)]
    counts: Counts,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    of: Of,
    /// Kind of chart: `xbar_r`, `xbar_s`, `i_mr`, ewma, cusum; of counts p, np, c, u, `laney_p`, `laney_u`, g,
    /// `time_between`; chosen by the data when left out.
    #[arg(long, value_name = "KIND")]
    chart: Option<String>,
    /// Readings of a subgroup.
    #[arg(long, value_name = "COUNT", default_value = "1")]
    subgroup: usize,
    /// Run rules: standard, nelson, `western_electric`, `limits_only`, none, or numbers as 1,2,5.
    #[arg(long, value_name = "RULES")]
    rules: Option<String>,
    /// Lower specification limit.
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    lsl: Option<f64>,
    /// Upper specification limit.
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    usl: Option<f64>,
    /// Nominal value.
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    target: Option<f64>,
    /// Learn the limits from what is before this moment only, whatever is in force.
    #[arg(long, value_name = "TIME")]
    learn_until: Option<String>,
    /// A reading is a change of the value: for a station that shows the last measurement until the next.
    #[arg(long)]
    changes_only: bool,
    /// One chart for all products.
    #[arg(long)]
    pooled: bool,
    /// The chart of this product only.
    #[arg(long, value_name = "PRODUCT", conflicts_with_all = ["pooled", "from_nominal"])]
    product: Option<String>,
    /// Deviations from the nominal value of each product, all on one chart: for short runs.
    #[arg(long, conflicts_with = "pooled")]
    from_nominal: bool,
    #[command(flatten)]
    kept: LimitArgs,
    #[command(flatten)]
    explain: ExplainArgs,
}

/// Counts in place of a tag.
#[derive(Debug, clap::Args)]
struct Counts {
    /// Chart scrap or rework of the pieces, or defects that were taken in, in place of a tag.
    #[arg(
        long = "of",
        value_enum,
        conflicts_with_all = ["subgroup", "lsl", "usl", "target", "changes_only", "from_nominal"]
    )]
    counted: Option<Counted>,
    /// Work units whose counts are charted; all when none are named.
    #[arg(long, value_name = "NAME", num_args = 1.., conflicts_with = "tag")]
    work_unit: Vec<String>,
    /// What one sample of counts is made of.
    #[arg(long, value_enum, default_value = "shift", conflicts_with = "tag")]
    per: CountsPer,
    /// Defects of this category, and those below it, only.
    #[arg(long, value_name = "CODE", conflicts_with = "tag")]
    category: Option<String>,
}

impl Counts {
    fn question(&self) -> Option<CountsOf> {
        Some(CountsOf {
            of: self.counted?,
            per: self.per,
            work_units: self.work_unit.clone(),
            category: self.category.clone(),
        })
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    if args.kept.limits {
        let question = Question::Limits(LimitsQuestion {
            tag: args.tag.clone().unwrap_or_default(),
            counts: args.counts.question(),
        });
        return ask::run(&args.source, &question, kept::listed);
    }
    let question = question(args);
    if let Some(change) = args.kept.change(&question) {
        return kept::change(&args.source, &change);
    }
    ask::run(&args.source, &Question::Spc(Box::new(question)), |answer| {
        text(&answer)
    })
}

fn question(args: &Args) -> SpcQuestion {
    SpcQuestion {
        tag: args.tag.clone().unwrap_or_default(),
        counts: args.counts.question(),
        period: args.of.period(),
        chart: args.chart.clone(),
        subgroup: args.subgroup,
        rules: args.rules.clone(),
        lsl: args.lsl,
        usl: args.usl,
        target: args.target,
        learn_until: args.learn_until.clone(),
        changes_only: args.changes_only,
        pooled: args.pooled,
        product: args.product.clone(),
        from_nominal: args.from_nominal,
        learn: args.kept.learn(),
        explain: args.explain.question(),
    }
}

fn text(reports: &Value) -> Result<String, Failure> {
    let reports = reports
        .as_array()
        .ok_or("the answer is no list of charts")?;
    let mut text = String::new();
    for report in reports {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&head(report));
        text.push_str(&limits(report));
        text.push_str(&signals(report));
        text.push_str(&capability(report));
        text.push_str(&explained(&report["explained"], "signal"));
        for warning in report["warnings"].as_array().into_iter().flatten() {
            text.extend([format!("note: {}\n", word(&warning["text"]))]);
        }
    }
    Ok(text)
}

fn digits(value: &Value) -> String {
    number(value.as_f64(), 5)
}

fn head(report: &Value) -> String {
    let phase = &report["phase"];
    let of: Vec<&str> = [&report["product"], &report["machine"]]
        .into_iter()
        .filter_map(Value::as_str)
        .filter(|name| !name.is_empty())
        .collect();
    let in_control = if report["in_control"] == true {
        "in control"
    } else {
        "out of control"
    };
    format!(
        "{} ({}): {} chart, {}; {}, {} subgroups; {in_control}\n",
        word(&report["characteristic"]),
        of.join(", "),
        word(&report["chart"]),
        word(&report["chart_reason"]),
        in_words(phase),
        phase["subgroups"],
    )
}

/// Where the limits come from.
fn in_words(phase: &Value) -> String {
    let name = word(&phase["name"]);
    if phase["version"].is_null() {
        return name.to_owned();
    }
    let kind = if phase["frozen"] == true {
        "frozen"
    } else {
        "trial"
    };
    format!(
        "{name} by version {} ({kind}, in force from {})",
        phase["version"],
        word(&phase["since"])
    )
}

/// Limits of the last point of each panel: with subgroups of one size they are those of all.
fn limits(report: &Value) -> String {
    let mut table = Table::new(&[
        ("panel", Align::Left),
        ("points", Align::Right),
        ("LCL", Align::Right),
        ("centre", Align::Right),
        ("UCL", Align::Right),
        ("rules", Align::Left),
    ]);
    for panel in report["panels"].as_array().into_iter().flatten() {
        let points = panel["points"].as_array();
        let last = points.and_then(|points| points.last());
        let limit = |key: &str| last.map_or_else(|| "-".to_owned(), |point| digits(&point[key]));
        let rules: Vec<&str> = panel["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        table.row([
            word(&panel["statistic"]).to_owned(),
            points.map_or(0, Vec::len).to_string(),
            limit("lcl"),
            limit("center"),
            limit("ucl"),
            rules.join(" "),
        ]);
    }
    table.render()
}

fn signals(report: &Value) -> String {
    const SHOWN: usize = 20;
    let Some(signals) = report["signals"]
        .as_array()
        .filter(|signals| !signals.is_empty())
    else {
        return String::new();
    };
    let mut table = Table::new(&[
        ("signal", Align::Left),
        ("at", Align::Left),
        ("point", Align::Right),
        ("rule", Align::Left),
        ("meaning", Align::Left),
    ]);
    for signal in signals.iter().take(SHOWN) {
        table.row([
            word(&signal["statistic"]).to_owned(),
            word(&signal["at"]).to_owned(),
            signal["index"].to_string(),
            word(&signal["rule"]).to_owned(),
            word(&signal["meaning"]).to_owned(),
        ]);
    }
    let mut text = table.render();
    if signals.len() > SHOWN {
        text.extend([format!("and {} more\n", signals.len() - SHOWN)]);
    }
    text
}

fn capability(report: &Value) -> String {
    let of = &report["capability"];
    if of.is_null() {
        return String::new();
    }
    let index = |side: &str, key: &str| {
        of.pointer(&format!("/{side}/{key}"))
            .map_or_else(|| "-".to_owned(), digits)
    };
    let interval = |side: &str| {
        let ends = of
            .pointer(&format!("/{side}/least_ci"))
            .and_then(Value::as_array);
        ends.map_or_else(String::new, |ends| {
            let ends: Vec<String> = ends.iter().map(digits).collect();
            format!(" ({})", ends.join(" to "))
        })
    };
    let mut text = format!(
        "capability, n = {}: Cp {} Cpk {}{}, Pp {} Ppk {}{}; {}\n",
        of["n"],
        index("within", "potential"),
        index("within", "least"),
        interval("within"),
        index("overall", "potential"),
        index("overall", "least"),
        interval("overall"),
        word(&of["standing"]),
    );
    for note in of["notes"].as_array().into_iter().flatten() {
        text.extend([format!("note: {}\n", word(&note["text"]))]);
    }
    text
}
