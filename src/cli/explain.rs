//! What went along with points out of control or defects, for `--explain` of `andon spc` and `andon defects`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::ask::word;
use crate::analysis::ExplainQuestion;
use crate::config::parse_duration;

/// Process values of a window in the table; all of them are in the JSON.
const VALUES_SHOWN: usize = 5;
/// Alerts, stops and states of a window in the table, each.
const FACTS_SHOWN: usize = 5;

/// Whether and how signals or defects are explained.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// Tell what went along with each signal or defect while its units were made: product and order, alerts, stops, and the process
    /// values that were furthest from their reference. It ranks what went along; it proves no cause.
    #[arg(long)]
    explain: bool,
    /// Time from where a unit is made to where it is measured, as 90s or 60s..2min.
    #[arg(long, value_name = "MIN..MAX", value_parser = lag, requires = "explain", default_value = "0s")]
    lag: (Duration, Duration),
    /// Work unit that makes what is measured or defective; that of the tag, or that of the defect, when it is left out.
    #[arg(long, value_name = "WORK_UNIT", requires = "explain")]
    made_at: Option<String>,
}

fn lag(text: &str) -> Result<(Duration, Duration), String> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let parse = |part: &str| {
        parse_duration(part).ok_or_else(|| {
            format!("\"{part}\" is no duration; allowed: one as 90s, or two as 60s..2min")
        })
    };
    let (min, max) = (parse(min)?, parse(max)?);
    if min > max {
        return Err("the first duration is the shortest".to_owned());
    }
    Ok((min, max))
}

impl ExplainArgs {
    /// What is asked, if anything.
    pub(super) fn question(&self) -> Option<ExplainQuestion> {
        self.explain.then(|| ExplainQuestion {
            lag_min: self.lag.0,
            lag_max: self.lag.1,
            made_at: self.made_at.clone(),
        })
    }
}

/// What went along with the signals of a chart, or with defects, in words; nothing where it was not asked for. `noun` is
/// what a window is of.
pub(super) fn explained(of: &Value, noun: &str) -> String {
    let Some(windows) = of["windows"].as_array() else {
        return String::new();
    };
    if windows.is_empty() {
        return format!("no {noun} without a recorded cause to explain\n");
    }
    let mut lines = Vec::new();
    if let Some(earlier) = of["left_out"].as_u64().filter(|count| *count > 0) {
        lines.push(format!("{earlier} earlier windows are not explained"));
    }
    for one in windows {
        lines.extend(window(one, word(&of["work_unit"]), noun));
    }
    lines.push(format!("note: {}", word(&of["note"])));
    lines.join("\n") + "\n"
}

fn window(of: &Value, work_unit: &str, noun: &str) -> Vec<String> {
    let signals = of["of"].as_array().map_or(&[][..], Vec::as_slice);
    // A signal is told as its rule and its point; which points they are stands in the list of signals. A defect is told
    // as its category.
    let rule = |signal| {
        let signal = word(signal);
        signal.split_once(' ').map_or(signal, |(rule, _)| rule)
    };
    let rules: BTreeSet<&str> = signals.iter().map(rule).collect();
    let rules: Vec<&str> = rules.into_iter().collect();
    let count = signals.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut lines = vec![format!(
        "{work_unit} from {} to {} ({count} {noun}{plural}: {}): product {}, order {}",
        word(&of["from"]),
        word(&of["to"]),
        rules.join(", "),
        word(&of["product"]),
        word(&of["order"])
    )];
    for (key, name) in [("alerts", "alert"), ("detections", "detection")] {
        lines.extend(facts(of, key, |fact| {
            let (since, what) = (word(&fact["since"]), word(&fact["message"]));
            format!("  {name} since {since}: {what}")
        }));
    }
    lines.extend(facts(of, "stops", |fact| {
        format!(
            "  {} from {} to {}, reason {}",
            word(&fact["element"]),
            word(&fact["from"]),
            word(&fact["to"]),
            word(&fact["reason"])
        )
    }));
    lines.extend(facts(of, "states", |fact| {
        let (at, state) = (word(&fact["at"]), word(&fact["state"]));
        format!("  state {state} ({}) since {at}", word(&fact["category"]))
    }));
    let ranked = of["values"].as_array().into_iter().flatten();
    let told = ranked.filter(|value| {
        !value["standardised"].is_null() || value["note"] == "constant_in_reference_only"
    });
    lines.extend(
        told.take(VALUES_SHOWN)
            .map(|value| format!("  {}", word(&value["text"]))),
    );
    lines
}

/// The first facts of a kind, and how many there are besides.
fn facts(of: &Value, key: &str, line: impl Fn(&Value) -> String) -> Vec<String> {
    let all = of[key].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines: Vec<String> = all.iter().take(FACTS_SHOWN).map(line).collect();
    if all.len() > FACTS_SHOWN {
        lines.push(format!("  and {} more {key}", all.len() - FACTS_SHOWN));
    }
    lines
}
