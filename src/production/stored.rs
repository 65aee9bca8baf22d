//! Atoms as they are stored and sent.
//!
//! ```text
//! AtomV1  unit, date, shift, product?, order?          which one
//!         production_day, start_ns, end_ns             its shift
//!         times_ns [9]   planned run setup stop minor external idle unknown unscheduled
//!         output   [8]   pieces scrap rework standard_s standard_good_s startup startup_s unrated
//!         ideal? (version, seconds per piece), revision, marks (bit n is mark number n)
//! ```
//!
//! Dates are ISO 8601, times nanoseconds. A reader refuses what is not an atom; a later version is a type of its own.

use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::atoms::{Atom, AtomKey, Mark};
use super::calendar::ShiftKey;
use super::elements::{Elements, Output};
use super::span::Span;
use crate::model::{AssetPath, AssetPathError, Timestamp};

/// Atoms of any number of work units and shifts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AtomsV1 {
    /// The atoms.
    pub atoms: Vec<AtomV1>,
}

/// One atom. See the module for the meaning of its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtomV1 {
    /// Path of the work unit.
    pub unit: String,
    /// Local date on which its shift starts.
    pub date: String,
    /// Name of the shift.
    pub shift: String,
    /// Product.
    pub product: Option<String>,
    /// Order.
    pub order: Option<String>,
    /// Production day of the shift.
    pub production_day: String,
    /// First moment that is credited to the shift.
    pub start_ns: i64,
    /// First moment after.
    pub end_ns: i64,
    /// Times in nanoseconds.
    pub times_ns: [u64; 9],
    /// Pieces and standard times.
    pub output: [f64; 8],
    /// Version and seconds per piece of the ideal cycle.
    pub ideal: Option<(u32, f64)>,
    /// Number of the statement.
    pub revision: u32,
    /// Set of marks.
    pub marks: u16,
}

/// Why stored atoms cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredAtomError {
    /// The unit is no path.
    #[error("unit of a stored atom")]
    Unit(#[source] AssetPathError),
    /// A date is none.
    #[error("date `{date}` of a stored atom")]
    Date {
        /// The text.
        date: String,
        /// Why not.
        #[source]
        source: jiff::Error,
    },
    /// A number that cannot be.
    #[error("{0} of a stored atom is not a number")]
    Number(&'static str),
    /// Marks of a later version.
    #[error("marks {0:#b} of a stored atom are not known")]
    Marks(u16),
}

impl From<&[Atom]> for AtomsV1 {
    fn from(atoms: &[Atom]) -> Self {
        Self {
            atoms: atoms.iter().map(AtomV1::from).collect(),
        }
    }
}

impl AtomsV1 {
    /// The atoms, or why one of them is none.
    pub fn read(&self) -> Result<Vec<Atom>, StoredAtomError> {
        self.atoms.iter().map(AtomV1::read).collect()
    }
}

impl From<&Atom> for AtomV1 {
    fn from(atom: &Atom) -> Self {
        let text = |part: &Option<std::sync::Arc<str>>| part.as_ref().map(ToString::to_string);
        let marks = atom.marks.iter();
        Self {
            unit: atom.key.unit.to_string(),
            date: atom.key.shift.date.to_string(),
            shift: atom.key.shift.shift.to_string(),
            product: text(&atom.key.product),
            order: text(&atom.key.order),
            production_day: atom.production_day.to_string(),
            start_ns: atom.credit.start.as_nanos(),
            end_ns: atom.credit.end.as_nanos(),
            times_ns: times_ns(&atom.elements),
            output: atom.output.named().map(|(_, number)| number),
            ideal: atom.ideal,
            revision: atom.revision,
            marks: marks.fold(0, |set, mark| set | bit(*mark)),
        }
    }
}

impl AtomV1 {
    /// The atom, or why it is none.
    pub fn read(&self) -> Result<Atom, StoredAtomError> {
        let known = Mark::ALL.iter().fold(0, |set, mark| set | bit(*mark));
        if self.marks & !known != 0 {
            return Err(StoredAtomError::Marks(self.marks));
        }
        if self.output.iter().any(|number| !number.is_finite()) {
            return Err(StoredAtomError::Number("output"));
        }
        if self.ideal.is_some_and(|(_, pru)| !pru.is_finite()) {
            return Err(StoredAtomError::Number("ideal cycle"));
        }
        let shift = ShiftKey {
            date: date(&self.date)?,
            shift: self.shift.as_str().into(),
        };
        let start = Timestamp::from_nanos(self.start_ns);
        let marks = Mark::ALL.into_iter().filter(|m| self.marks & bit(*m) != 0);
        Ok(Atom {
            key: AtomKey {
                unit: AssetPath::parse(&self.unit).map_err(StoredAtomError::Unit)?,
                shift,
                product: self.product.as_deref().map(Into::into),
                order: self.order.as_deref().map(Into::into),
            },
            production_day: date(&self.production_day)?,
            credit: Span::new(start, Timestamp::from_nanos(self.end_ns)),
            elements: elements(self.times_ns),
            output: output(self.output),
            ideal: self.ideal,
            revision: self.revision,
            marks: marks.collect(),
        })
    }
}

fn date(text: &str) -> Result<Date, StoredAtomError> {
    text.parse().map_err(|source| StoredAtomError::Date {
        date: text.to_owned(),
        source,
    })
}

/// A time as it is stored. A shift lasts a day, so its times fit.
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn bit(mark: Mark) -> u16 {
    1 << mark as u8
}

/// Times as they are stored, in nanoseconds, in the order of [`Elements::named`].
pub fn times_ns(elements: &Elements) -> [u64; 9] {
    elements.named().map(|(_, time)| nanos(time))
}

/// The inverse of [`times_ns`].
pub fn elements(times_ns: [u64; 9]) -> Elements {
    let times = times_ns.map(Duration::from_nanos);
    let [
        planned,
        run,
        setup,
        stop,
        minor,
        external,
        idle,
        unknown,
        unscheduled,
    ] = times;
    Elements {
        planned,
        run,
        setup,
        stop,
        minor,
        external,
        idle,
        unknown,
        unscheduled,
    }
}

/// In the order of [`Output::named`].
fn output(numbers: [f64; 8]) -> Output {
    let [
        pieces,
        scrap,
        rework,
        standard_s,
        standard_good_s,
        startup,
        startup_s,
        unrated,
    ] = numbers;
    Output {
        pieces,
        scrap,
        rework,
        standard_s,
        standard_good_s,
        startup,
        startup_s,
        unrated,
    }
}

#[cfg(test)]
mod tests {
    use super::super::atoms::tests::atom;
    use super::*;

    fn atoms() -> Vec<Atom> {
        let mut second = atom("site/line/b", "Y");
        second.key.product = None;
        second.key.order = Some("4711".into());
        second.marks = Mark::ALL.into();
        second.output.startup = 0.5;
        second.elements.unknown = Duration::from_nanos(7);
        vec![atom("site/line/a", "X"), second]
    }

    #[test]
    fn stored_atoms_are_read_as_they_were() {
        let stored = AtomsV1::from(&atoms()[..]);
        let bytes = postcard::to_stdvec(&stored).unwrap();
        assert!(bytes.len() < 400, "{} bytes", bytes.len());
        let read: AtomsV1 = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(read.read().unwrap(), atoms());
        let json = serde_json::to_string(&stored).unwrap();
        let read: AtomsV1 = serde_json::from_str(&json).unwrap();
        assert_eq!(read.read().unwrap(), atoms());
    }

    #[track_caller]
    fn check_refused(damage: impl FnOnce(&mut AtomV1), wanted: &str) {
        let mut stored = AtomV1::from(&atoms()[0]);
        damage(&mut stored);
        assert_eq!(stored.read().unwrap_err().to_string(), wanted);
    }

    #[test]
    fn what_is_no_atom_is_refused() {
        check_refused(|a| a.unit = "a//b".to_owned(), "unit of a stored atom");
        check_refused(
            |a| a.date = "soon".to_owned(),
            "date `soon` of a stored atom",
        );
        check_refused(
            |a| a.production_day = "2026-02-30".to_owned(),
            "date `2026-02-30` of a stored atom",
        );
        check_refused(
            |a| a.output[2] = f64::NAN,
            "output of a stored atom is not a number",
        );
        check_refused(
            |a| a.ideal = Some((1, f64::INFINITY)),
            "ideal cycle of a stored atom is not a number",
        );
        check_refused(
            |a| a.marks = 1 << 15,
            "marks 0b1000000000000000 of a stored atom are not known",
        );
    }

    #[test]
    fn a_stored_atom_is_what_is_drawn() {
        let stored = AtomV1::from(&atoms()[0]);
        assert_eq!(
            serde_json::to_string(&stored).unwrap(),
            concat!(
                r#"{"unit":"site/line/a","date":"2026-05-04","shift":"early","product":"X","order":null,"#,
                r#""production_day":"2026-05-04","start_ns":0,"end_ns":36000000000000,"#,
                r#""times_ns":[0,36000000000000,0,0,0,0,0,0,0],"#,
                r#""output":[100.0,0.0,0.0,36000.0,36000.0,0.0,0.0,0.0],"#,
                r#""ideal":[1,360.0],"revision":1,"marks":4}"#
            )
        );
    }
}
