//! Production figures of a period, by work unit, line, shift, crew, product, order or time.
//!
//! [`oee`] works out each work unit, [`groups`] puts them together, [`row`] shows what came of it.

mod causes;
mod forms;
mod groups;
mod new_products;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use self::causes::pareto;
pub use self::forms::{Figure, GroupBy, IdealProposal, OeeAnswer, OeeQuestion, OeeRow, Ratios};
use self::groups::{Group, gather_groups, line_of};
use self::new_products::mark_new_products;
use self::row::Shown;
use super::account::{Account, account};
use super::error::AnalysisError;
use super::plant::Plant;
use crate::config::{Config, WorkUnit};
use crate::history::Reader;
use crate::model::{AssetPath, Timestamp};
use crate::production::atoms::Atom;
use crate::production::calendar::ShiftKey;
use crate::production::kpi::LossModel;
use crate::production::line::area;
use crate::production::span::Span;

/// Of the answer; a reader refuses what it does not know.
const SCHEMA: u32 = 1;

/// What is known of a work unit in the period.
struct Of<'a> {
    unit: &'a WorkUnit,
    account: Account,
    crews: BTreeMap<ShiftKey, String>,
}

/// Answers a question about production figures.
pub(super) fn oee(
    question: &OeeQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<OeeAnswer, AnalysisError> {
    let model = loss_model(question.model.as_deref(), config)?;
    let plant = Plant::load(config, reader)?;
    let span = plant.span(&question.period, now)?;
    let units = plant.work_units(&question.work_units)?;
    let mut known = Vec::with_capacity(units.len());
    for unit in units {
        known.push(Of {
            unit,
            account: account(&plant, unit, (span, now))?,
            crews: crews_of(&plant, unit, span)?,
        });
    }
    let assets: BTreeSet<AssetPath> = known.iter().map(|of| of.unit.asset.clone()).collect();
    let all: Vec<Atom> = known
        .iter()
        .flat_map(|of| of.account.atoms.iter().cloned())
        .collect();
    let area = area(&assets, &all);
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut total = Group::default();
    for of in &known {
        let lines = &config.production.lines;
        gather_groups(of, (question.by, lines), &mut groups, &mut total);
    }
    if question.by == GroupBy::Product {
        mark_new_products(&plant, &known, span, &mut groups)?;
    }
    let shown = Shown {
        model,
        span,
        by: question.by,
        lines: &config.production.lines,
    };
    let asked = |name: &str| {
        let units = known.iter().map(|of| of.unit);
        match question.by {
            GroupBy::WorkUnit => 1,
            GroupBy::Line => units
                .filter(|unit| line_of(unit, shown.lines) == name)
                .count(),
            _ => units.count(),
        }
    };
    let rows = groups
        .iter()
        .map(|(name, group)| group.row(name, &shown).among(asked(name)));
    let (pareto, coded) = pareto(&known, config, question.level);
    let refused = known.iter().flat_map(|of| &of.account.refused_edits);
    Ok(OeeAnswer {
        schema: SCHEMA,
        from: span.start.to_string(),
        to: span.end.to_string(),
        model: model.as_str().to_owned(),
        work_units: area.units,
        scheduled: area.scheduled,
        provisional: known.iter().map(|of| of.account.provisional).sum(),
        rows: rows.collect(),
        total: total.row("all", &shown).among(area.units),
        pareto,
        coded,
        refused_reasons: refused.map(|(_, why)| why.to_string()).collect(),
        refused_rejects: told(&known, |account| &account.refused_rejects, ": "),
        unreadable: told(&known, |account| &account.unreadable, " in "),
    })
}

/// What is to be told of each work unit, after its name.
fn told<T: Display>(known: &[Of<'_>], of: fn(&Account) -> &[T], between: &str) -> Vec<String> {
    let each = known.iter().flat_map(|Of { unit, account, .. }| {
        let what = of(account).iter();
        what.map(move |what| format!("{}{between}{what}", unit.name))
    });
    each.collect()
}

/// The loss model that is asked for, else that of the configuration.
pub(super) fn loss_model(asked: Option<&str>, config: &Config) -> Result<LossModel, AnalysisError> {
    match asked {
        None => Ok(config.production.oee_model),
        Some(name) => LossModel::from_name(name).ok_or_else(|| AnalysisError::Unknown {
            what: "loss model",
            name: name.to_owned(),
            allowed: "iso22400, tpm".to_owned(),
        }),
    }
}

/// The crew of each shift of a work unit.
fn crews_of(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    span: Span,
) -> Result<BTreeMap<ShiftKey, String>, AnalysisError> {
    let calendar = plant.calendar_of(unit)?;
    let shifts = calendar.instances(span.start, span.end);
    Ok(shifts
        .map(|shift| (shift.key.clone(), shift.crew()))
        .collect())
}
