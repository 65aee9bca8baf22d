//! Control limits of `andon spc`: learned and kept, and listed.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::Outcome;
use super::ask::{Failure, Source, open, running};
use super::check::load_or_complain;
use super::output::{Align, Table, complain, print, print_json};
use crate::analysis::{
    Exclusion, Learn, LimitsAnswer, LimitsChange, LimitsRow, SpcQuestion, change_limits,
};
use crate::config::Config;
use crate::control::Request;
use crate::model::with_causes;

/// What is done about control limits.
#[derive(Debug, clap::Args)]
pub(super) struct LimitArgs {
    /// List the versions of the limits.
    #[arg(long, conflicts_with_all = ["freeze", "try_out", "relearn"])]
    pub(super) limits: bool,
    #[command(flatten)]
    keep: Keep,
    /// Who makes the limits or leaves out points: a role or function as process-engineering, not the name of a person.
    #[arg(long, value_name = "ROLE")]
    by: Option<String>,
    /// Learn the limits from the period, whatever is in force.
    #[arg(long)]
    relearn: bool,
    /// Leave the point at this time out of the limits, for an assignable cause; with --freeze, --try-out or --relearn.
    #[arg(long, value_name = "TIME=CAUSE", value_parser = exclusion, requires = "by")]
    exclude: Vec<Exclusion>,
}

/// Whether limits are kept, and as what.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("kept").args(["freeze", "try_out"]))]
struct Keep {
    /// Learn limits from the period and freeze them: 20 subgroups with 100 readings at least. They are in force from the
    /// end of the period, or from --learn-until.
    #[arg(long, requires_all = ["by", "why"], conflicts_with_all = ["try_out", "relearn"])]
    freeze: bool,
    /// Learn trial limits from the period and keep them; they may rest on less, and be replaced.
    #[arg(long, requires_all = ["by", "why"], conflicts_with = "relearn")]
    try_out: bool,
    /// Why the limits are made; with --freeze or --try-out.
    #[arg(long, value_name = "TEXT", requires = "kept")]
    why: Option<String>,
    /// Reference of the approved process change, without which frozen limits are not replaced.
    #[arg(long, value_name = "REF", requires = "kept")]
    approval: Option<String>,
}

fn exclusion(text: &str) -> Result<Exclusion, String> {
    let (at, cause) = text
        .split_once('=')
        .ok_or("allowed: a time and a cause as 2026-03-29T06:00:00Z=\"tool broke\"")?;
    Ok(Exclusion {
        at: at.trim().to_owned(),
        cause: cause.trim().to_owned(),
    })
}

impl LimitArgs {
    /// How limits are learned.
    pub(super) fn learn(&self) -> Learn {
        Learn {
            anew: self.relearn,
            exclude: self.exclude.clone(),
            by: self.by.clone(),
        }
    }

    /// Whether limits are to be learned and kept; then as what.
    pub(super) fn change(&self, question: &SpcQuestion) -> Option<LimitsChange> {
        (self.keep.freeze || self.keep.try_out).then(|| LimitsChange {
            question: question.clone(),
            frozen: self.keep.freeze,
            why: self.keep.why.clone().unwrap_or_default(),
            approval: self.keep.approval.clone(),
        })
    }
}

/// Learns limits and keeps them. Failed when those of some product are refused; the others are kept.
pub(super) fn change(source: &Source, change: &LimitsChange) -> Outcome {
    let Some(config) = load_or_complain(&source.config) else {
        return Outcome::Usage;
    };
    let kept = keep(&Arc::new(config), source.history.as_deref(), change);
    let told = kept.and_then(|answer| {
        let is_whole = answer.refused.is_empty();
        if source.json {
            print_json(&serde_json::to_value(&answer)?)?;
        } else if !answer.versions.is_empty() {
            print(&text(&answer))?;
        }
        for refused in &answer.refused {
            let of = of(&refused.product, &refused.machine);
            complain(&format!(
                "andon: limits{of} are not kept: {}\n",
                refused.why
            ));
        }
        Ok(is_whole)
    });
    match told {
        Ok(true) => Outcome::Clean,
        Ok(false) => Outcome::Failed,
        Err(error) => {
            complain(&format!("andon: {}\n", with_causes(error.as_ref())));
            Outcome::Failed
        }
    }
}

fn keep(
    config: &Arc<Config>,
    history: Option<&Path>,
    change: &LimitsChange,
) -> Result<LimitsAnswer, Failure> {
    let request = || Request::Limits {
        change: Box::new(change.clone()),
    };
    if let Some(told) = running(config, history, request)? {
        return Ok(serde_json::from_value(told)?);
    }
    let (mut historian, now) = open(config, history)?;
    let new = change_limits(change, config, &historian.reader(), now)?;
    historian.admit(&new.events, now)?;
    Ok(new.answer)
}

/// The list of versions.
pub(super) fn listed(answer: Value) -> Result<String, Failure> {
    Ok(text(&serde_json::from_value(answer)?))
}

fn of(product: &str, machine: &str) -> String {
    match (product, machine) {
        ("", "") => String::new(),
        ("", name) | (name, "") => format!(" of {name}"),
        (product, machine) => format!(" of {product} on {machine}"),
    }
}

fn text(answer: &LimitsAnswer) -> String {
    if answer.versions.is_empty() {
        return format!("{}: no limits are kept\n", answer.tag);
    }
    let mut table = Table::new(&[
        ("limits of", Align::Left),
        ("version", Align::Right),
        ("kind", Align::Left),
        ("in force from", Align::Left),
        ("centre", Align::Right),
        ("sigma", Align::Right),
        ("samples", Align::Right),
        ("excluded", Align::Right),
        ("by", Align::Left),
        ("approval", Align::Left),
        ("why", Align::Left),
    ]);
    for row in &answer.versions {
        table.row(cells(&answer.tag, row));
    }
    let mut text = table.render();
    for row in &answer.versions {
        for point in &row.excluded {
            text.extend([format!(
                "version {}{} leaves out {}: {}\n",
                row.version,
                of(&row.product, &row.machine),
                point.at,
                point.cause
            )]);
        }
    }
    text
}

fn cells(tag: &str, row: &LimitsRow) -> [String; 11] {
    let kind = if row.frozen { "frozen" } else { "trial" };
    let number = |value: f64| format!("{value:.5}");
    [
        format!("{tag}{}", of(&row.product, &row.machine)),
        row.version.to_string(),
        kind.to_owned(),
        row.since.clone(),
        number(row.center),
        row.sigma.map_or_else(|| "-".to_owned(), number),
        row.subgroups.to_string(),
        row.excluded.len().to_string(),
        row.by.clone(),
        row.approval.clone().unwrap_or_else(|| "-".to_owned()),
        row.why.clone(),
    ]
}
