//! Figures that change after they were stated: rejects found later, reasons said later, facts that came later.
//!
//! Nothing is overwritten silently: a restatement has the next revision and says what changed.

use std::sync::Arc;

use super::atoms::{Atom, AtomKey, Mark};
use super::span::ratio;
use crate::model::Timestamp;

/// Rejects found downstream or after the shift; booked to the work unit and shift that made them.
#[derive(Debug, Clone, PartialEq)]
pub struct LateRejects {
    /// Where they were made. A product or an order that nobody said is what was made then: see [`origin`].
    pub origin: AtomKey,
    /// What was allocated at the moment they were made, where that is known.
    pub allocated: Option<AtomKey>,
    /// Pieces to scrap.
    pub scrap: f64,
    /// Pieces to rework.
    pub rework: f64,
    /// When they were found.
    pub found_at: Timestamp,
}

/// Why figures were stated again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Rejects found later.
    LateRejects {
        /// When.
        found_at: Timestamp,
    },
    /// An operator said another reason.
    ReasonEdit {
        /// When.
        at: Timestamp,
    },
    /// Facts that came late, or were corrected.
    Facts,
}

/// A number that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// Its name; times in seconds end in `_s`.
    pub field: String,
    /// Before.
    pub old: f64,
    /// After.
    pub new: f64,
}

/// An atom, stated again.
#[derive(Debug, Clone, PartialEq)]
pub struct Restatement {
    /// With the next revision.
    pub atom: Atom,
    /// Why.
    pub cause: Cause,
    /// What changed; empty when only marks did.
    pub changes: Vec<Changed>,
}

/// Why figures cannot be stated again.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RestateError {
    /// The new figures are of something else.
    #[error(
        "figures of {unit} in {shift} cannot be restated by those of another unit, shift, product or order"
    )]
    OtherKey {
        /// Of what.
        unit: String,
        /// When.
        shift: String,
    },
    /// More or less than can be.
    #[error(
        "{scrap} to scrap and {rework} to rework of {good} good pieces in {shift}; 0 to all of them are allowed"
    )]
    Pieces {
        /// To scrap.
        scrap: f64,
        /// To rework.
        rework: f64,
        /// Good until now.
        good: f64,
        /// When.
        shift: String,
    },
    /// Nothing like it was made.
    #[error("rejects of {what} in {shift}: nothing of that was made; made were {made}")]
    NotMade {
        /// Product and order as they were said.
        what: String,
        /// When.
        shift: String,
        /// What could have been said.
        made: String,
    },
    /// It can be of more than one.
    #[error("rejects of {what} in {shift} may be of {made}: product and order must say which")]
    Ambiguous {
        /// Product and order as they were said.
        what: String,
        /// When.
        shift: String,
        /// What it may be of.
        made: String,
    },
}

/// The one of `atoms` that late rejects are booked to: that with their key, else the only one of their shift that made
/// pieces and that a product or an order which nobody said may mean, else the one of those that was allocated then.
pub fn origin<'a>(
    atoms: impl IntoIterator<Item = &'a Atom>,
    late: &LateRejects,
) -> Result<&'a Atom, RestateError> {
    let said = &late.origin;
    let of_shift = atoms.into_iter().filter(|atom| {
        atom.key.unit == said.unit && atom.key.shift == said.shift && atom.output.pieces > 0.0
    });
    let made: Vec<&Atom> = of_shift.collect();
    if let Some(same) = made.iter().find(|atom| atom.key == *said) {
        return Ok(same);
    }
    let may_be = |said: &Option<Arc<str>>, made: &Option<Arc<str>>| said.is_none() || said == made;
    let is_meant =
        |key: &AtomKey| may_be(&said.product, &key.product) && may_be(&said.order, &key.order);
    let meant: Vec<&Atom> = made
        .iter()
        .copied()
        .filter(|atom| is_meant(&atom.key))
        .collect();
    if let [one] = meant[..] {
        return Ok(one);
    }
    let then = meant
        .iter()
        .find(|atom| late.allocated.as_ref() == Some(&atom.key));
    then.copied().ok_or_else(|| no_origin(said, &made, &meant))
}

/// Why nothing in `made` is what `said` means: none is, or more than one.
fn no_origin(said: &AtomKey, made: &[&Atom], meant: &[&Atom]) -> RestateError {
    let list = |atoms: &[&Atom]| {
        let names: Vec<String> = atoms.iter().map(|atom| what(&atom.key)).collect();
        names.join("; ")
    };
    let (what, shift) = (what(said), said.shift.to_string());
    if !meant.is_empty() {
        let made = list(meant);
        return RestateError::Ambiguous { what, shift, made };
    }
    let made = match made {
        [] => "no pieces at all".to_owned(),
        made => list(made),
    };
    RestateError::NotMade { what, shift, made }
}

/// Product and order in words.
fn what(key: &AtomKey) -> String {
    match (&key.product, &key.order) {
        (None, None) => "no product".to_owned(),
        (Some(product), None) => format!("product {product}"),
        (None, Some(order)) => format!("order {order}"),
        (Some(product), Some(order)) => format!("product {product}, order {order}"),
    }
}

/// Books `late` to the one of `atoms` that it is of. The pieces take the mean ideal cycle of the atom.
pub fn late_rejects(atoms: &[Atom], late: &LateRejects) -> Result<Restatement, RestateError> {
    let atom = origin(atoms, late)?;
    let mut new = atom.clone();
    book(&mut new, late)?;
    let cause = Cause::LateRejects {
        found_at: late.found_at,
    };
    Ok(next(atom, new, cause))
}

/// Adds rejects without a new revision, for figures that are being stated.
pub(super) fn book(atom: &mut Atom, late: &LateRejects) -> Result<(), RestateError> {
    let good = atom.output.good();
    let rejected = late.scrap + late.rework;
    let fits = late.scrap >= 0.0 && late.rework >= 0.0 && rejected <= good;
    if !fits {
        return Err(RestateError::Pieces {
            scrap: late.scrap,
            rework: late.rework,
            good,
            shift: atom.key.shift.to_string(),
        });
    }
    // Only the part that has an ideal cycle is in the standard times.
    let rated = atom.output.pieces - atom.output.unrated;
    let share = ratio(rated, atom.output.pieces).unwrap_or(0.0);
    atom.output.standard_good_s -= atom.mean_pru_s().unwrap_or(0.0) * share * rejected;
    atom.output.scrap += late.scrap;
    atom.output.rework += late.rework;
    atom.marks.insert(Mark::LateRejects);
    Ok(())
}

/// Replaces `old` by `new`, computed again from facts; `None` when nothing changed.
pub fn restate(old: &Atom, new: Atom, cause: Cause) -> Result<Option<Restatement>, RestateError> {
    if old.key != new.key {
        return Err(other_key(old));
    }
    let restated = next(old, new, cause);
    let is_same = restated.changes.is_empty()
        && restated.atom.marks == old.marks
        && restated.atom.ideal == old.ideal;
    Ok((!is_same).then_some(restated))
}

fn next(old: &Atom, new: Atom, cause: Cause) -> Restatement {
    let changes = changes(old, &new);
    let revision = old.revision.saturating_add(1);
    Restatement {
        atom: Atom { revision, ..new },
        cause,
        changes,
    }
}

fn changes(old: &Atom, new: &Atom) -> Vec<Changed> {
    let times = |atom: &Atom| {
        let named = atom.elements.named();
        named.map(|(name, time)| (format!("{name}_s"), time.as_secs_f64()))
    };
    let pieces = |atom: &Atom| {
        let named = atom.output.named();
        named.map(|(name, number)| (name.to_owned(), number))
    };
    let before = times(old).into_iter().chain(pieces(old));
    let after = times(new).into_iter().chain(pieces(new));
    let pairs = before.zip(after);
    pairs
        .filter(|((_, old), (_, new))| old.to_bits() != new.to_bits())
        .map(|((field, old), (_, new))| Changed { field, old, new })
        .collect()
}

fn other_key(atom: &Atom) -> RestateError {
    RestateError::OtherKey {
        unit: atom.key.unit.to_string(),
        shift: atom.key.shift.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::atoms::tests::atom;
    use super::*;

    fn late(atom: &Atom, scrap: f64, rework: f64) -> LateRejects {
        LateRejects {
            origin: atom.key.clone(),
            allocated: None,
            scrap,
            rework,
            found_at: Timestamp::from_millis(90_000_000),
        }
    }

    #[test]
    fn late_scrap_belongs_to_the_shift_that_made_it() {
        let atom = atom("a", "X");
        let restated = late_rejects(std::slice::from_ref(&atom), &late(&atom, 3.0, 1.0)).unwrap();
        assert_eq!(
            (restated.atom.revision, restated.atom.key.clone()),
            (2, atom.key.clone())
        );
        let changes: Vec<_> = restated
            .changes
            .iter()
            .map(|c| (&*c.field, c.old, c.new))
            .collect();
        assert_eq!(
            changes,
            [
                ("scrap", 0.0, 3.0),
                ("rework", 0.0, 1.0),
                ("standard_good_s", 36_000.0, 34_560.0)
            ]
        );
        let found_at = Timestamp::from_millis(90_000_000);
        assert_eq!(restated.cause, Cause::LateRejects { found_at });
    }

    #[track_caller]
    fn check_refused(atom: &Atom, late: &LateRejects, wanted: &str) {
        assert_eq!(
            late_rejects(std::slice::from_ref(atom), late)
                .unwrap_err()
                .to_string(),
            wanted
        );
    }

    #[test]
    fn more_than_was_made_cannot_be_rejected() {
        let atom = atom("a", "X");
        check_refused(
            &atom,
            &late(&atom, 100.0, 1.0),
            "100 to scrap and 1 to rework of 100 good pieces in 2026-05-04 early; 0 to all of them are allowed",
        );
        check_refused(
            &atom,
            &late(&atom, f64::NAN, 0.0),
            "NaN to scrap and 0 to rework of 100 good pieces in 2026-05-04 early; 0 to all of them are allowed",
        );
        let other = super::super::atoms::tests::atom("b", "X");
        let wanted = "figures of a in 2026-05-04 early cannot be restated by those of another unit, shift, product or order";
        assert_eq!(
            restate(&atom, other, Cause::Facts).unwrap_err().to_string(),
            wanted
        );
    }

    #[test]
    fn rejects_are_of_what_can_be_meant() {
        let of = |product: Option<&str>, order: Option<&str>, pieces: f64| {
            let mut atom = atom("a", "X");
            atom.key.product = product.map(Into::into);
            atom.key.order = order.map(Into::into);
            atom.output.pieces = pieces;
            atom
        };
        let atoms = [
            of(None, None, 0.0),
            of(Some("X"), Some("1"), 10.0),
            of(Some("Y"), Some("2"), 10.0),
            of(Some("Y"), Some("3"), 10.0),
        ];
        let find = |product, order| {
            let said = late(&of(product, order, 0.0), 1.0, 0.0);
            let found = origin(&atoms, &said);
            found
                .map(|atom| atom.key.order.as_deref().unwrap_or_default())
                .map_err(|why| why.to_string())
        };
        let ambiguous = |what: &str, made: &str| {
            Err(format!(
                "rejects of {what} in 2026-05-04 early may be of {made}: product and order must say which"
            ))
        };
        let not_made = |what: &str, made: &str| {
            Err(format!(
                "rejects of {what} in 2026-05-04 early: nothing of that was made; made were {made}"
            ))
        };
        let all = "product X, order 1; product Y, order 2; product Y, order 3";
        assert_eq!(find(Some("X"), Some("1")), Ok("1"));
        assert_eq!(find(Some("X"), None), Ok("1"));
        assert_eq!(find(None, Some("3")), Ok("3"));
        assert_eq!(
            find(Some("Y"), None),
            ambiguous("product Y", "product Y, order 2; product Y, order 3")
        );
        assert_eq!(find(None, None), ambiguous("no product", all));
        assert_eq!(
            find(Some("X"), Some("2")),
            not_made("product X, order 2", all)
        );
        let said = late(&of(None, Some("1"), 0.0), 1.0, 0.0);
        let why = origin(&atoms[..1], &said).map_err(|why| why.to_string());
        assert_eq!(why, Err("rejects of order 1 in 2026-05-04 early: nothing of that was made; made were no pieces at all".to_owned()));
        let others = [atom("b", "X")];
        assert!(origin(&others, &said).is_err());
        let then = LateRejects {
            allocated: Some(atoms[3].key.clone()),
            ..late(&of(Some("Y"), None, 0.0), 1.0, 0.0)
        };
        assert_eq!(origin(&atoms, &then), Ok(&atoms[3]));
    }

    #[test]
    fn what_was_made_without_a_product_is_meant_first() {
        let mut unallocated = atom("a", "X");
        unallocated.key.product = None;
        unallocated.key.order = None;
        let atoms = [atom("a", "X"), unallocated.clone()];
        assert_eq!(
            origin(&atoms, &late(&unallocated, 1.0, 0.0)),
            Ok(&unallocated)
        );
    }

    #[test]
    fn pieces_without_an_ideal_cycle_lose_no_standard_time() {
        let mut atom = atom("a", "X");
        atom.output = super::super::elements::Output::of(None, 10.0, 0.0, 0.0);
        let restated = late_rejects(std::slice::from_ref(&atom), &late(&atom, 1.0, 0.0)).unwrap();
        assert_eq!(restated.changes.len(), 1);
    }

    #[test]
    fn a_mark_alone_is_a_restatement() {
        let old = atom("a", "X");
        let mut new = old.clone();
        new.marks.insert(Mark::Block);
        let restated = restate(&old, new, Cause::Facts).unwrap().unwrap();
        assert_eq!((restated.atom.revision, restated.changes.len()), (2, 0));
    }
}
