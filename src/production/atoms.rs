//! What every report is a sum of: times and pieces of one work unit in one shift, for one product and order.
//!
//! Five years of fifty machines with three shifts a day and three rows each are 0.8 million atoms; no report reads raw
//! data again. Figures are made from sums of atoms, never from figures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use super::calendar::ShiftKey;
use super::elements::{Elements, Output};
use super::kpi::{Figures, Headline, Kpi, LossModel, Rules, headline};
use super::span::{Span, ratio};
use crate::model::AssetPath;

/// Which atom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AtomKey {
    /// The work unit.
    pub unit: AssetPath,
    /// The shift that the time and the output are credited to.
    pub shift: ShiftKey,
    /// What was made; `None` while nothing was allocated.
    pub product: Option<Arc<str>>,
    /// For what order.
    pub order: Option<Arc<str>>,
}

/// Times and pieces that can be added up.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// Which one.
    pub key: AtomKey,
    /// The production day of its shift.
    pub production_day: Date,
    /// When output was credited to its shift.
    pub credit: Span,
    /// Times.
    pub elements: Elements,
    /// Pieces.
    pub output: Output,
    /// Version and seconds per piece of the ideal cycle in use; the last one where it changed.
    pub ideal: Option<(u32, f64)>,
    /// Number of the statement, from 1; a restatement is one more.
    pub revision: u32,
    /// What a reader must know about it.
    pub marks: BTreeSet<Mark>,
}

/// What a reader must know about an atom. The numbers are stored: never renumber; at most 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Mark {
    /// A count over its border was split by run time.
    Interpolated = 0,
    /// Pieces of a long gap between readings were booked as a block.
    Block = 1,
    /// The data covers a part of the shift only: it is not over, or was cut.
    Partial = 2,
    /// The ideal cycle changed within it.
    MixedIdeal = 3,
    /// A counter was set forward; pieces may be missing.
    CounterRebased = 4,
    /// Rejects were found after the shift.
    LateRejects = 5,
}

impl Mark {
    /// Every mark, by number.
    pub const ALL: [Self; 6] = [
        Self::Interpolated,
        Self::Block,
        Self::Partial,
        Self::MixedIdeal,
        Self::CounterRebased,
        Self::LateRejects,
    ];

    /// The name used in JSON and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interpolated => "interpolated",
            Self::Block => "block",
            Self::Partial => "partial",
            Self::MixedIdeal => "mixed_ideal",
            Self::CounterRebased => "counter_rebased",
            Self::LateRejects => "late_rejects",
        }
    }
}

impl Atom {
    /// Seconds per piece on average of what has an ideal cycle.
    pub fn mean_pru_s(&self) -> Option<f64> {
        let rated = self.output.pieces - self.output.unrated;
        ratio(self.output.standard_s, rated).filter(|pru| *pru > 0.0)
    }
}

/// A sum of atoms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Totals {
    /// Times.
    pub elements: Elements,
    /// Pieces.
    pub output: Output,
    /// Atoms in it.
    pub atoms: usize,
    /// Marks that some atom in it has.
    pub marks: BTreeSet<Mark>,
}

impl Totals {
    /// The sum of `atoms`.
    pub fn of<'a>(atoms: impl IntoIterator<Item = &'a Atom>) -> Self {
        let mut totals = Self::default();
        for atom in atoms {
            totals.add(atom);
        }
        totals
    }

    /// Sums of `atoms` by what `group` says, as shift, product or day.
    pub fn by<'a, K: Ord>(
        atoms: impl IntoIterator<Item = &'a Atom>,
        group: impl Fn(&Atom) -> K,
    ) -> BTreeMap<K, Self> {
        let mut sums: BTreeMap<K, Self> = BTreeMap::new();
        for atom in atoms {
            sums.entry(group(atom)).or_default().add(atom);
        }
        sums
    }

    /// Its figures, by `rules`.
    pub fn figures(&self, rules: Rules) -> Figures {
        Figures::of(&self.elements, &self.output, rules)
    }

    /// One of its figures as it is shown.
    pub fn headline(&self, kpi: Kpi, model: LossModel) -> Headline {
        headline(kpi, &self.elements, &self.output, model)
    }

    /// Adds an atom.
    pub fn add(&mut self, atom: &Atom) {
        self.elements += &atom.elements;
        self.output += &atom.output;
        self.atoms += 1;
        self.marks.extend(&atom.marks);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::Timestamp;
    use std::time::Duration;

    /// An atom of `unit`: ten hours of running, a hundred pieces of 360 s.
    pub(crate) fn atom(unit: &str, product: &str) -> Atom {
        Atom {
            key: AtomKey {
                unit: AssetPath::parse(unit).unwrap(),
                shift: ShiftKey {
                    date: jiff::civil::date(2026, 5, 4),
                    shift: "early".into(),
                },
                product: Some(product.into()),
                order: None,
            },
            production_day: jiff::civil::date(2026, 5, 4),
            credit: Span::new(
                Timestamp::from_millis(0),
                Timestamp::from_millis(36_000_000),
            ),
            elements: Elements {
                run: Duration::from_hours(10),
                ..Elements::default()
            },
            output: Output::of(Some(360.0), 100.0, 0.0, 0.0),
            ideal: Some((1, 360.0)),
            revision: 1,
            marks: BTreeSet::from([Mark::Partial]),
        }
    }

    #[test]
    fn atoms_add_up_by_any_group() {
        let atoms = [atom("a", "X"), atom("b", "X"), atom("b", "Y")];
        let total = Totals::of(&atoms);
        assert_eq!((total.atoms, total.output.pieces), (3, 300.0));
        assert_eq!(total.elements.pot(), Duration::from_hours(30));
        assert_eq!(total.marks, BTreeSet::from([Mark::Partial]));
        let by_product = Totals::by(&atoms, |atom| atom.key.product.clone());
        let pieces: Vec<f64> = by_product.values().map(|t| t.output.pieces).collect();
        assert_eq!(pieces, [200.0, 100.0]);
        assert_eq!(Totals::of([]), Totals::default());
        assert_eq!(total.figures(Rules::default()).oee, Some(1.0));
        let oee = total.headline(Kpi::Oee, LossModel::Tpm);
        assert_eq!((oee.value, oee.coverage), (Ok(1.0), Some(1.0)));
    }

    #[test]
    fn marks_have_names_and_numbers() {
        for (number, mark) in (0..).zip(Mark::ALL) {
            assert_eq!(mark as u8, number);
            assert!(!mark.as_str().is_empty());
        }
    }
}
