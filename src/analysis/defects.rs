//! Defects of a period: by category, machine, product and shift, per unit made, and whether they become more.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::account::account;
use super::attribution::{Found, attribute, rows_of};
use super::error::AnalysisError;
use super::explain::Explained;
use super::explain_defects::{ExplainDefects, Made, explain};
use super::period::{Per, Period};
use super::plant::Plant;
use crate::config::{Config, DefectCategories, WorkUnit};
use crate::history::Reader;
use crate::model::Timestamp;
use crate::production::atoms::Atom;
use crate::production::span::Span;
use crate::quality::defects::{
    CategoryTree, DefectRecord, DefectsReport, LEVELS_MAX, Origin, Period as TrendPeriod,
    Production, TallyScope,
};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefectsQuestion {
    /// Of when; defects count to the time in which their unit was made.
    pub period: Period,
    /// Names of work units; all when none are named.
    pub work_units: Vec<String>,
    /// Level of the tree to count on, 1 at the top to 3; the categories as they were given when it is left out.
    pub level: Option<usize>,
    /// Opportunities for a defect on one unit, above 0; without it there is no DPMO.
    pub opportunities_per_unit: Option<f64>,
    /// What a trend is followed over.
    pub per: Per,
    /// Whether to tell what went along with defects.
    pub explain: Option<ExplainDefects>,
}

/// Defects of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefectsAnswer {
    /// First moment.
    pub from: String,
    /// First moment after.
    pub to: String,
    /// What trends are followed over.
    pub per: Per,
    /// Work units asked for.
    pub work_units: usize,
    /// Shifts of work units whose pieces are not stated yet and may change.
    pub provisional: usize,
    /// Categories in words, by code, where the configuration has words for them.
    pub labels: BTreeMap<String, String>,
    /// What was counted.
    #[serde(flatten)]
    pub report: DefectsReport,
    /// What went along with defects, by work unit, where that was asked for.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub explained: Vec<Explained>,
}

/// Answers a question about defects.
pub(super) fn defects(
    question: &DefectsQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<DefectsAnswer, AnalysisError> {
    check_level(question.level)?;
    let plant = Plant::load(config, reader)?;
    let span = plant.span(&question.period, now)?;
    let rows = rows_of(&plant, span)?;
    let units = plant.work_units(&question.work_units)?;
    let (mut records, mut production, mut provisional) = (Vec::new(), Vec::new(), 0);
    let mut explained = Vec::new();
    for unit in &units {
        let account = account(&plant, unit, (span, now))?;
        let found = attribute(&plant, unit, &account.atoms, &rows)?;
        if let Some(asked) = &question.explain {
            let (found, atoms) = (&found[..], &account.atoms[..]);
            explained.extend(explain(asked, &plant, &Made { unit, found, atoms }, now)?);
        }
        records.extend(found.into_iter().map(|found| record(unit, found)));
        production.extend(account.atoms.iter().map(|atom| made(unit, atom)));
        provisional += account.provisional;
    }
    let scope = TallyScope {
        tree: tree(config.production.defects.as_ref(), &records)?,
        level: question.level.unwrap_or(0),
        opportunities_per_unit: question.opportunities_per_unit,
    };
    let periods = trend_periods(&plant, &units, span, question.per)?;
    let report =
        DefectsReport::of(&records, &production, &scope, &periods).map_err(AnalysisError::from)?;
    Ok(DefectsAnswer {
        from: span.start.to_string(),
        to: span.end.to_string(),
        per: question.per,
        work_units: units.len(),
        provisional,
        labels: labels(config.production.defects.as_ref(), &report),
        report,
        explained,
    })
}

fn check_level(level: Option<usize>) -> Result<(), AnalysisError> {
    let refused = level.filter(|level| !(1..=LEVELS_MAX).contains(level));
    refused.map_or(Ok(()), |level| {
        Err(AnalysisError::Unknown {
            what: "level of categories",
            name: level.to_string(),
            allowed: format!("1 at the top to {LEVELS_MAX}"),
        })
    })
}

fn record(unit: &WorkUnit, found: Found) -> DefectRecord {
    DefectRecord {
        at: found.at,
        category: found.category,
        count: found.count,
        origin: Origin {
            machine: Some(unit.name.clone()),
            product: found.product.as_deref().map(str::to_owned),
            shift: found.shift.map(|shift| shift.key.shift.to_string()),
        },
    }
}

fn made(unit: &WorkUnit, atom: &Atom) -> Production {
    Production {
        at: atom.credit.start,
        units: atom.output.pieces,
        origin: Origin {
            machine: Some(unit.name.clone()),
            product: atom.key.product.as_deref().map(str::to_owned),
            shift: Some(atom.key.shift.shift.to_string()),
        },
    }
}

/// The configured tree; without one, categories may be paths as `surface/scratch`.
fn tree(
    configured: Option<&DefectCategories>,
    records: &[DefectRecord],
) -> Result<CategoryTree, AnalysisError> {
    let tree = if let Some(categories) = configured {
        category_tree(categories)
    } else {
        let codes = records.iter().map(|record| record.category.as_str());
        CategoryTree::new(&codes.flat_map(steps).collect::<Vec<_>>())
    };
    Ok(tree?)
}

/// The tree of the configuration.
pub(super) fn category_tree(
    categories: &DefectCategories,
) -> Result<CategoryTree, crate::quality::QualityError> {
    let below = categories
        .iter()
        .filter_map(|(code, of)| Some((code, of.parent.as_deref()?)));
    CategoryTree::new(&below.collect::<Vec<_>>())
}

/// The path from a category to its top, as pairs of child and parent. What lies deeper than a tree may be stands on the
/// last level.
fn steps(category: &str) -> Vec<(&str, &str)> {
    let cuts: Vec<usize> = category.match_indices('/').map(|(cut, _)| cut).collect();
    let parts_are_named = category.split('/').all(|part| !part.trim().is_empty());
    if !parts_are_named {
        return Vec::new();
    }
    let mut tops: Vec<&str> = cuts
        .iter()
        .take(LEVELS_MAX - 1)
        .filter_map(|cut| category.get(..*cut))
        .collect();
    tops.push(category);
    let below = tops.iter().skip(1);
    below
        .zip(&tops)
        .map(|(child, parent)| (*child, *parent))
        .collect()
}

/// Days, weeks or months of production from the first to the last, so that each is as far from the next in time. One
/// without a shift is empty.
fn trend_periods(
    plant: &Plant<'_>,
    units: &[&WorkUnit],
    span: Span,
    per: Per,
) -> Result<Vec<TrendPeriod>, AnalysisError> {
    let mut worked: BTreeMap<Date, Span> = BTreeMap::new();
    for unit in units {
        for shift in plant.calendar_of(unit)?.instances(span.start, span.end) {
            let credit = shift.credit;
            let period = worked
                .entry(per.first_day(shift.production_day))
                .or_insert(credit);
            *period = period.hull(&credit);
        }
    }
    let (Some(first), Some(last)) = (worked.keys().next(), worked.keys().next_back()) else {
        return Ok(Vec::new());
    };
    let (mut day, last) = (*first, *last);
    let mut periods: Vec<TrendPeriod> = Vec::new();
    while day <= last {
        let before = periods.last().map_or(span.start, |before| before.to);
        let period = worked.get(&day).copied();
        let period = period.unwrap_or_else(|| Span::new(before, before));
        periods.push(TrendPeriod {
            from: period.start,
            to: period.end.max(before),
        });
        let Some(next) = per.next(day) else {
            break;
        };
        day = next;
    }
    Ok(periods)
}

fn labels(
    configured: Option<&DefectCategories>,
    report: &DefectsReport,
) -> BTreeMap<String, String> {
    let labels = configured.into_iter().flat_map(DefectCategories::iter);
    let counted = |code: &str| report.pareto.iter().any(|row| row.category == code);
    labels
        .filter(|(code, _)| counted(code))
        .map(|(code, of)| (code.to_owned(), of.label.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(category: &str, expected: &[&str]) {
        let tree = CategoryTree::new(&steps(category)).unwrap();
        let levels: Vec<&str> = (1..=LEVELS_MAX)
            .map(|level| tree.at_level(category, level))
            .collect();
        assert_eq!(levels, expected);
    }

    #[test]
    fn without_a_tree_a_category_may_be_a_path() {
        check("burr", &["burr", "burr", "burr"]);
        check("surface/dent", &["surface", "surface/dent", "surface/dent"]);
        check(
            "surface/dent/deep",
            &["surface", "surface/dent", "surface/dent/deep"],
        );
        check("a/b/c/d", &["a", "a/b", "a/b/c/d"]);
        for odd in ["/", "a/", "/a", "a//b"] {
            check(odd, &[odd, odd, odd]);
        }
    }
}
