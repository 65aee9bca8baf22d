//! Defects with the product and the shift that made them.
//!
//! A defect belongs to the moment in which its unit was made, and where nobody says that, to the one in which it was
//! found. The product is that of the row, else the only one that the shift made (for the order of the row, where it names
//! one), else the one that was allocated at that moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::error::AnalysisError;
use super::gather::{Cursor, Texts, texts};
use super::plant::{EVER, Fact, Plant, all, arc};
use super::stored::{DEFECTS, DefectsV1, content};
use crate::config::WorkUnit;
use crate::history::{EventKind, EventQuery};
use crate::model::Timestamp;
use crate::production::atoms::Atom;
use crate::production::calendar::{ShiftInstance, ShiftKey};
use crate::production::span::Span;

/// Most rows of defects of a question.
const ROWS_MAX: usize = 2_000_000;
/// How far before a shift its product is looked for.
const MARGIN: Duration = Duration::from_hours(24);

/// Defects of one category with their origin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// When the defective units were made; when they were found where nobody says.
    pub(super) at: Timestamp,
    /// Empty where it was not coded.
    pub(super) category: String,
    pub(super) count: u64,
    pub(super) product: Option<Arc<str>>,
    /// None outside all shifts of the work unit.
    pub(super) shift: Option<ShiftInstance>,
}

/// Rows of defects that were made in `span`: found then or later.
pub(super) fn rows_of(
    plant: &Plant<'_>,
    span: Span,
) -> Result<Vec<Fact<DefectsV1>>, AnalysisError> {
    let query = EventQuery {
        kinds: vec![DEFECTS],
        subject: None,
        from: span.start,
        to: EVER.1,
        limit: ROWS_MAX,
    };
    let events = all(plant.reader, query, "rows of defects")?;
    let made_then = events.into_iter().filter_map(|event| {
        let said: DefectsV1 = content(&event)?;
        let at = made_at(event.time, &said);
        (said.count > 0 && span.contains(at)).then_some((event.time, event.subject, said))
    });
    Ok(made_then.collect())
}

fn made_at(found_at: Timestamp, said: &DefectsV1) -> Timestamp {
    said.made_ns.map_or(found_at, Timestamp::from_nanos)
}

/// The defects among `rows` that `unit` made, whose pieces are in `atoms`.
pub(super) fn attribute(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    atoms: &[Atom],
    rows: &[Fact<DefectsV1>],
) -> Result<Vec<Found>, AnalysisError> {
    let calendar = plant.calendar_of(unit)?;
    let mut products = Products::of(plant, unit, atoms);
    let own = rows.iter().filter(|(.., said)| said.work_unit == unit.name);
    let mut found = Vec::new();
    for (found_at, _, said) in own {
        let at = made_at(*found_at, said);
        let shift = calendar.at(at);
        let product = match (said.product.as_deref().and_then(arc), &shift) {
            (Some(product), _) => Some(product),
            (None, Some(shift)) => products.at(at, shift, said.order.as_deref())?,
            (None, None) => None,
        };
        found.push(Found {
            at,
            category: said.category.clone(),
            count: said.count,
            product,
            shift,
        });
    }
    Ok(found)
}

/// A product, and the order that it was made for.
type Made<'a> = (&'a Arc<str>, Option<&'a str>);

/// What a work unit made when.
struct Products<'a> {
    plant: &'a Plant<'a>,
    unit: &'a WorkUnit,
    /// Product and order of what was made.
    made: BTreeMap<&'a ShiftKey, Vec<Made<'a>>>,
    /// What was allocated, of shifts that were looked at.
    allocated: BTreeMap<ShiftKey, Texts>,
}

impl<'a> Products<'a> {
    fn of(plant: &'a Plant<'a>, unit: &'a WorkUnit, atoms: &'a [Atom]) -> Self {
        let mut made: BTreeMap<&ShiftKey, Vec<_>> = BTreeMap::new();
        for atom in atoms.iter().filter(|atom| atom.output.pieces > 0.0) {
            if let Some(product) = &atom.key.product {
                let of_shift = made.entry(&atom.key.shift).or_default();
                of_shift.push((product, atom.key.order.as_deref()));
            }
        }
        Self {
            plant,
            unit,
            made,
            allocated: BTreeMap::new(),
        }
    }

    fn at(
        &mut self,
        at: Timestamp,
        shift: &ShiftInstance,
        order: Option<&str>,
    ) -> Result<Option<Arc<str>>, AnalysisError> {
        let made = self.made.get(&shift.key).into_iter().flatten();
        let fits = made.filter(|(_, of_order)| order.is_none() || *of_order == order);
        let products: BTreeSet<&Arc<str>> = fits.map(|(product, _)| *product).collect();
        if let (1, Some(only)) = (products.len(), products.first()) {
            return Ok(Some(Arc::clone(only)));
        }
        if !self.allocated.contains_key(&shift.key) {
            let changes = allocated(self.plant, self.unit, shift)?;
            self.allocated.insert(shift.key.clone(), changes);
        }
        let changes = self.allocated.get(&shift.key);
        Ok(changes.and_then(|changes| Cursor::new(changes).at(at)))
    }
}

/// Changes of the product tag in a shift and the day before: from samples, else from what is kept once they are gone.
fn allocated(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    shift: &ShiftInstance,
) -> Result<Texts, AnalysisError> {
    let around = Span::new(shift.credit.start.saturating_sub(MARGIN), shift.credit.end);
    let sampled = texts(plant, unit.product, around)?;
    let tag = unit.product.and_then(|tag| plant.config.tag(tag));
    let (true, Some(tag)) = (sampled.is_empty(), tag) else {
        return Ok(sampled);
    };
    let query = EventQuery {
        kinds: vec![EventKind::TEXT],
        subject: Some(tag.name.clone()),
        from: around.start,
        to: around.end,
        limit: ROWS_MAX,
    };
    let events = all(plant.reader, query, "changes of the product")?;
    let change = |event: crate::history::Event| {
        let text = String::from_utf8(event.content?).ok()?;
        Some((event.time, arc(&text)))
    };
    Ok(events.into_iter().filter_map(change).collect())
}
