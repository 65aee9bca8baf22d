//! Counts of a plant as samples of attribute charts: scrap or rework of the pieces of a shift, or defects on them.
//!
//! A sample is what a machine made of a product in a shift, or on a production day. Unlike with measurements, a change of
//! product between two samples is no break: each sample holds set-ups of its own.

use std::collections::BTreeMap;

use clap::ValueEnum;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::account::account;
use super::attribution::{Found, attribute, rows_of};
use super::defects::category_tree;
use super::error::AnalysisError;
use super::plant::{Fact, Plant};
use super::stored::DefectsV1;
use crate::config::WorkUnit;
use crate::model::{Timestamp, whole};
use crate::production::atoms::Atom;
use crate::production::span::Span;
use crate::quality::CountOf;
use crate::quality::defects::{CategoryTree, UNCLASSIFIED};
use crate::quality::study::{Observation, Sample};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// Pieces scrapped.
    Scrap,
    /// Pieces to be reworked.
    Rework,
    /// Defects that were taken in; a piece may have several.
    Defects,
}

/// What one sample is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CountsPer {
    /// A shift.
    #[default]
    Shift,
    /// A production day.
    Day,
}

/// Counts that are charted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountsOf {
    /// What is counted.
    pub of: Counted,
    /// What one sample is made of.
    pub per: CountsPer,
    /// Names of work units; all when none are named.
    pub work_units: Vec<String>,
    /// Defects of this category and of those below it only; `unclassified` for those without.
    pub category: Option<String>,
}

impl Counted {
    const fn name(self) -> &'static str {
        match self {
            Self::Scrap => "scrap",
            Self::Rework => "rework",
            Self::Defects => "defects",
        }
    }
}

impl CountsOf {
    /// What its charts are called.
    pub(super) fn characteristic(&self) -> String {
        let category = self.category.iter().map(|category| format!(" {category}"));
        std::iter::once(self.of.name().to_owned())
            .chain(category)
            .collect()
    }

    /// What the chart takes its events for.
    pub(super) const fn counts(&self) -> CountOf {
        match self.of {
            Counted::Scrap | Counted::Rework => CountOf::NonconformingUnits,
            Counted::Defects => CountOf::Defects,
        }
    }
}

/// Product and machine.
pub(super) type StratumKey = (String, String);
/// Samples by product and machine.
pub(super) type Strata = BTreeMap<StratumKey, Vec<Observation>>;
/// When the pieces of each sample were made, by the sample's time.
pub(super) type Sampled = BTreeMap<StratumKey, BTreeMap<Timestamp, Span>>;

/// Samples, and what is not in them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) strata: Strata,
    pub(super) sampled: Sampled,
    /// What could be in none, in words.
    pub(super) asides: Vec<String>,
}

/// Reads the counts of a span; with `pooled` one series for all products of a machine.
pub(super) fn counts(
    question: &CountsOf,
    plant: &Plant<'_>,
    (span, now): (Span, Timestamp),
    pooled: bool,
) -> Result<Counts, AnalysisError> {
    let is_of_defects = question.of == Counted::Defects;
    if let Some(category) = question.category.as_deref().filter(|_| !is_of_defects) {
        return Err(AnalysisError::Unknown {
            what: "category of defects",
            name: category.to_owned(),
            allowed: format!("none; {} is not told by category", question.of.name()),
        });
    }
    let categories = Categories::of(question.category.as_deref(), plant)?;
    let rows = if is_of_defects {
        rows_of(plant, span)?
    } else {
        Vec::new()
    };
    let mut counts = Counts::default();
    for unit in plant.work_units(&question.work_units)? {
        let account = account(plant, unit, (span, now))?;
        let found = attributed(plant, unit, (&account.atoms, &rows), &categories)?;
        let mut tally = Tally::new(question, &account.atoms, pooled);
        for atom in &account.atoms {
            tally.add_pieces(atom);
        }
        for found in &found {
            tally.add_defects(found);
        }
        // Where nothing counts rejects, none is no figure.
        if is_of_defects || is_counted(question.of, unit) || tally.has_events() {
            tally.into_counts(unit, &mut counts);
        }
    }
    if counts.strata.is_empty() {
        return Err(AnalysisError::Refused(nothing(question, span)));
    }
    Ok(counts)
}

const fn is_counted(of: Counted, unit: &WorkUnit) -> bool {
    match of {
        Counted::Scrap => unit.scrap.is_some(),
        Counted::Rework => unit.rework.is_some(),
        Counted::Defects => true,
    }
}

fn nothing(question: &CountsOf, span: Span) -> String {
    let (of, from, to) = (question.of.name(), span.start, span.end);
    let counter = match question.of {
        Counted::Defects => String::new(),
        Counted::Scrap | Counted::Rework => {
            format!(" of a work unit that counts {of} ({of} = \"<tag>\" in [[work_unit]])")
        }
    };
    format!("there is no piece{counter} from {from} to {to}")
}

fn attributed(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    (atoms, rows): (&[Atom], &[Fact<DefectsV1>]),
    categories: &Categories,
) -> Result<Vec<Found>, AnalysisError> {
    let mut found = attribute(plant, unit, atoms, rows)?;
    found.retain(|found| categories.contain(&found.category));
    Ok(found)
}

/// The categories that are asked for.
pub(super) struct Categories {
    tree: CategoryTree,
    asked: Option<String>,
}

impl Categories {
    /// All, or one with those below it; one that the configuration does not know is refused.
    pub(super) fn of(asked: Option<&str>, plant: &Plant<'_>) -> Result<Self, AnalysisError> {
        let configured = plant.config.production.defects.as_ref();
        if let (Some(category), Some(known)) = (asked, configured)
            && category != UNCLASSIFIED
            && !known.contains(category)
        {
            return Err(AnalysisError::Unknown {
                what: "category of defects",
                name: category.to_owned(),
                allowed: format!("the code of a [[defect]]{}", known.near(category)),
            });
        }
        Ok(Self {
            tree: configured
                .map(category_tree)
                .transpose()?
                .unwrap_or_default(),
            asked: asked.map(str::to_owned),
        })
    }

    pub(super) fn contain(&self, category: &str) -> bool {
        let Some(asked) = self.asked.as_deref() else {
            return true;
        };
        let category = if category.is_empty() {
            UNCLASSIFIED
        } else {
            category
        };
        // Without a tree, a category may be a path.
        let is_below = category
            .strip_prefix(asked)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_below || self.tree.is_below(category, asked)
    }
}

/// Events and pieces of one sample.
#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    events: f64,
    pieces: f64,
    /// Of the shifts that made its pieces.
    span: Option<Span>,
}

/// The samples of one work unit.
struct Tally<'a> {
    question: &'a CountsOf,
    pooled: bool,
    /// First moment of each production day.
    days: BTreeMap<Date, Timestamp>,
    samples: BTreeMap<(String, Timestamp), Counter>,
    /// Defects that were made outside all shifts, by product.
    outside: BTreeMap<String, u64>,
}

impl<'a> Tally<'a> {
    fn new(question: &'a CountsOf, atoms: &[Atom], pooled: bool) -> Self {
        let mut days: BTreeMap<Date, Timestamp> = BTreeMap::new();
        for atom in atoms {
            let first = days.entry(atom.production_day).or_insert(atom.credit.start);
            *first = atom.credit.start.min(*first);
        }
        Self {
            question,
            pooled,
            days,
            samples: BTreeMap::new(),
            outside: BTreeMap::new(),
        }
    }

    fn product(&self, product: Option<&str>) -> String {
        let product = product.filter(|_| !self.pooled);
        product.unwrap_or_default().to_owned()
    }

    fn sample(&mut self, product: Option<&str>, start: Timestamp, day: Date) -> &mut Counter {
        let at = match self.question.per {
            CountsPer::Shift => start,
            CountsPer::Day => self.days.get(&day).copied().unwrap_or(start),
        };
        let product = self.product(product);
        self.samples.entry((product, at)).or_default()
    }

    fn add_pieces(&mut self, atom: &Atom) {
        let events = match self.question.of {
            Counted::Scrap => atom.output.scrap,
            Counted::Rework => atom.output.rework,
            Counted::Defects => 0.0,
        };
        let product = atom.key.product.as_deref();
        let sample = self.sample(product, atom.credit.start, atom.production_day);
        sample.events += events;
        sample.pieces += atom.output.pieces;
        if atom.output.pieces > 0.0 {
            let span = sample.span.get_or_insert(atom.credit);
            *span = span.hull(&atom.credit);
        }
    }

    fn add_defects(&mut self, found: &Found) {
        let product = found.product.as_deref();
        match &found.shift {
            Some(shift) => {
                let sample = self.sample(product, shift.credit.start, shift.production_day);
                sample.events += found.count as f64;
            }
            None => *self.outside.entry(self.product(product)).or_default() += found.count,
        }
    }

    fn has_events(&self) -> bool {
        self.samples.values().any(|sample| sample.events > 0.0)
    }

    fn into_counts(self, unit: &WorkUnit, counts: &mut Counts) {
        let of = self.question;
        let mut beyond: BTreeMap<String, f64> = BTreeMap::new();
        for (product, count) in self.outside {
            *beyond.entry(product).or_default() += count as f64;
        }
        for ((product, at), sample) in self.samples {
            let key = (product.clone(), unit.name.clone());
            if let Some(span) = sample.span {
                let sampled = counts.sampled.entry(key.clone()).or_default();
                sampled.insert(at, span);
            }
            match sample.read(of.counts()) {
                Some(sample) => counts.strata.entry(key).or_default().push(Observation {
                    at,
                    product,
                    machine: unit.name.clone(),
                    sample,
                    after_break: false,
                    nominal: None,
                }),
                None => *beyond.entry(product).or_default() += sample.events,
            }
        }
        for (product, events) in beyond.into_iter().filter(|(_, events)| *events > 0.0) {
            let product = if product.is_empty() { "-" } else { &product };
            counts.asides.push(format!(
                "{events:.0} of {} of {product} on {} were made where fewer pieces, or none, are known; they are left out",
                of.of.name(),
                unit.name
            ));
        }
    }
}

impl Counter {
    /// The sample; `None` without pieces, or with more rejects than pieces.
    fn read(self, of: CountOf) -> Option<Sample> {
        let is_of_units = of == CountOf::NonconformingUnits;
        if self.pieces <= 0.0 || (is_of_units && self.events > self.pieces) {
            return None;
        }
        // A boundary of shifts splits counts into fractions; rounded up they could be more than the pieces.
        let rounded = self.events.max(0.0).round();
        let events = if is_of_units && rounded > self.pieces {
            self.events.max(0.0).floor()
        } else {
            rounded
        };
        Some(Sample::Count {
            events: whole(events),
            size: self.pieces,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(of: CountOf, (events, pieces): (f64, f64), expected: Option<(u64, f64)>) {
        let sample = Counter {
            events,
            pieces,
            span: None,
        }
        .read(of);
        let expected = expected.map(|(events, size)| Sample::Count { events, size });
        assert_eq!(sample, expected);
    }

    #[test]
    fn a_sample_never_has_more_rejects_than_pieces() {
        let units = CountOf::NonconformingUnits;
        check(units, (3.0, 480.0), Some((3, 480.0)));
        check(units, (2.6, 480.5), Some((3, 480.5)));
        // A boundary of shifts has split two scrapped pieces.
        check(units, (1.6, 1.8), Some((1, 1.8)));
        check(units, (3.0, 2.0), None);
        check(units, (0.0, 0.0), None);
        check(CountOf::Defects, (3.0, 2.0), Some((3, 2.0)));
        check(CountOf::Defects, (3.0, 0.0), None);
    }

    #[track_caller]
    fn check_category(asked: &str, category: &str, expected: bool) {
        let categories = Categories {
            tree: CategoryTree::new(&[("scratch", "surface"), ("deep", "scratch")]).unwrap(),
            asked: Some(asked.to_owned()),
        };
        assert_eq!(categories.contain(category), expected, "{category}");
    }

    #[test]
    fn a_category_is_charted_with_those_below_it() {
        check_category("surface", "surface", true);
        check_category("surface", "deep", true);
        check_category("deep", "surface", false);
        check_category("surface", "porosity", false);
        check_category("surface", "surface/odd", true);
        check_category("surface", "surfaces", false);
        check_category("unclassified", "", true);
        check_category("surface", "", false);
    }
}
