//! Figures that change after they were stated: rejects found later, reasons said later, facts that came later.
//!
//! Nothing is overwritten silently: a restatement has the next revision and says what changed.

use super::atoms::{Atom, AtomKey, Mark};
use super::span::ratio;
use crate::model::Timestamp;

/// Rejects found downstream or after the shift; booked to the work unit and shift that made them.
#[derive(Debug, Clone, PartialEq)]
pub struct LateRejects {
    /// Where they were made.
    pub origin: AtomKey,
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
}

/// Books `late` to `atom`, which it must be of. The pieces take the mean ideal cycle of the atom.
pub fn late_rejects(atom: &Atom, late: &LateRejects) -> Result<Restatement, RestateError> {
    if late.origin != atom.key {
        return Err(other_key(atom));
    }
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
            scrap,
            rework,
            found_at: Timestamp::from_millis(90_000_000),
        }
    }

    #[test]
    fn late_scrap_belongs_to_the_shift_that_made_it() {
        let atom = atom("a", "X");
        let restated = late_rejects(&atom, &late(&atom, 3.0, 1.0)).unwrap();
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
        assert_eq!(late_rejects(atom, late).unwrap_err().to_string(), wanted);
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
        check_refused(&atom, &late(&other, 1.0, 0.0), wanted);
        assert_eq!(
            restate(&atom, other, Cause::Facts).unwrap_err().to_string(),
            wanted
        );
    }

    #[test]
    fn pieces_without_an_ideal_cycle_lose_no_standard_time() {
        let mut atom = atom("a", "X");
        atom.output = super::super::elements::Output::of(None, 10.0, 0.0, 0.0);
        let restated = late_rejects(&atom, &late(&atom, 1.0, 0.0)).unwrap();
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
