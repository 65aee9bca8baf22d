//! Products that are too new to be judged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Of;
use super::groups::{Group, UNNAMED};
use crate::analysis::account::statements;
use crate::analysis::error::AnalysisError;
use crate::analysis::plant::Plant;
use crate::production::product::Maturity;
use crate::production::span::Span;

/// A product that was not made for longer is as good as new.
const MATURITY: Duration = Duration::from_hours(24 * 400);

/// How much of a product was made.
#[derive(Default)]
struct Made {
    /// Work unit and shift.
    shifts: BTreeSet<(String, String)>,
    pieces: f64,
}

/// Marks products that were made in too few shifts, or too few pieces of, before the period's end to be judged.
pub(super) fn mark_new_products(
    plant: &Plant<'_>,
    known: &[Of<'_>],
    span: Span,
    groups: &mut BTreeMap<String, Group>,
) -> Result<(), AnalysisError> {
    let mut made: BTreeMap<String, Made> = BTreeMap::new();
    let mut note = |product: Option<&str>, shift: String, unit: &str, pieces: f64| {
        let made = made
            .entry(product.unwrap_or(UNNAMED).to_owned())
            .or_default();
        made.shifts.insert((unit.to_owned(), shift));
        made.pieces += pieces;
    };
    for of in known {
        let before = Span::new(span.start.saturating_sub(MATURITY), span.start);
        for statement in statements(plant, of.unit, before)?.into_values() {
            for atom in statement.atoms.atoms {
                let shift = format!("{} {}", atom.date, atom.shift);
                let pieces = atom.output.first().copied().unwrap_or(0.0);
                note(atom.product.as_deref(), shift, &of.unit.name, pieces);
            }
        }
        for atom in &of.account.atoms {
            let product = atom.key.product.as_deref();
            note(
                product,
                atom.key.shift.to_string(),
                &of.unit.name,
                atom.output.pieces,
            );
        }
    }
    for (product, made) in made {
        let group = groups.get_mut(&product).filter(|_| product != UNNAMED);
        if let Some(group) =
            group.filter(|_| Maturity::of(made.shifts.len(), made.pieces) == Maturity::Provisional)
        {
            group.marks.insert("new_product");
        }
    }
    Ok(())
}
