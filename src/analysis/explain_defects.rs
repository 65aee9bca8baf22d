//! From defects to what went along while their units were made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attribution::Found;
use super::counts::Categories;
use super::error::AnalysisError;
use super::explain::{ExplainQuestion, Explained, WINDOWS_MAX, less};
use super::link::Linker;
use super::plant::Plant;
use super::process::span_of;
use crate::config::WorkUnit;
use crate::model::Timestamp;
use crate::production::atoms::Atom;
use crate::production::span::{Span, union};
use crate::quality::defects::UNCLASSIFIED;
use crate::quality::{TransportLag, UnitSpan, windows_of_units};

/// Asks what went along with defects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainDefects {
    /// Where and when units are made that become defective.
    pub how: ExplainQuestion,
    /// How long a unit is in the making: so much before a defect counts to its window.
    pub making: Duration,
    /// Defects of this category and of those below it only; `unclassified` for those without.
    pub category: Option<String>,
}

/// What one work unit has made: its defects and its pieces.
pub(super) struct Made<'a> {
    pub(super) unit: &'a WorkUnit,
    pub(super) found: &'a [Found],
    pub(super) atoms: &'a [Atom],
}

/// What went along with the defects of one work unit; `None` when it has none. The reference is the time of the shifts
/// that made the same product, less that of any defect.
pub(super) fn explain(
    question: &ExplainDefects,
    plant: &Plant<'_>,
    made: &Made<'_>,
    now: Timestamp,
) -> Result<Option<Explained>, AnalysisError> {
    let how = &question.how;
    let lag = TransportLag::new(how.lag_min, how.lag_max)?;
    let categories = Categories::of(question.category.as_deref(), plant)?;
    let found: Vec<&Found> = made
        .found
        .iter()
        .filter(|found| categories.contain(&found.category))
        .collect();
    if found.is_empty() {
        return Ok(None);
    }
    let unit = match &how.made_at {
        Some(name) => plant.work_unit(name)?,
        None => made.unit,
    };
    let units: Vec<UnitSpan> = found
        .iter()
        .map(|of| made_in(of, question.making))
        .collect();
    let mut windows = windows_of_units(&units, lag);
    let out: Vec<Span> = windows.iter().map(span_of).collect();
    let left_out = windows.len().saturating_sub(WINDOWS_MAX);
    windows.drain(..left_out);
    let product_of: BTreeMap<Timestamp, Option<Arc<str>>> =
        found.iter().map(|of| (of.at, of.product.clone())).collect();
    let mut linkers: BTreeMap<Option<Arc<str>>, Linker<'_>> = BTreeMap::new();
    let mut links = Vec::with_capacity(windows.len());
    for window in &windows {
        let last = window.to.saturating_add(how.lag_min);
        let product = product_of.range(..=last).next_back();
        let product = product.and_then(|(_, product)| product.clone());
        if !linkers.contains_key(&product) {
            let spans = less(&shifts_of(made.atoms, product.as_deref(), how), &out);
            linkers.insert(
                product.clone(),
                Linker::of(plant, unit, (&spans, &[]), now)?,
            );
        }
        if let Some(linker) = linkers.get_mut(&product) {
            links.push(linker.link(window)?);
        }
    }
    let reference = less(&shifts_of(made.atoms, None, how), &out);
    let worked = made.atoms.iter().filter(|atom| atom.output.pieces > 0.0);
    let made_shifts: BTreeSet<_> = worked.map(|atom| &atom.key.shift).collect();
    let reference = (made_shifts.len(), &reference[..]);
    let explained = Explained::of(unit, how, reference, (links, left_out));
    Ok(Some(explained))
}

/// When a defective unit was in the making.
fn made_in(found: &Found, making: Duration) -> UnitSpan {
    UnitSpan {
        unit: match found.category.as_str() {
            "" => UNCLASSIFIED.to_owned(),
            category => category.to_owned(),
        },
        from: found.at.saturating_sub(making),
        to: found.at,
    }
}

/// The shifts in which a product was made, or any, moved to where it was made; in order and without overlap.
fn shifts_of(atoms: &[Atom], product: Option<&str>, how: &ExplainQuestion) -> Vec<Span> {
    let own = atoms.iter().filter(|atom| {
        let is_own = product.is_none() || atom.key.product.as_deref() == product;
        is_own && atom.output.pieces > 0.0
    });
    let moved = own.map(|atom| how.moved(atom.credit));
    union(&moved.collect::<Vec<_>>())
}
