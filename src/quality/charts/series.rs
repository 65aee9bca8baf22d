//! What a chart is drawn of.

use crate::quality::error::QualityError;
use crate::quality::number::{mean, range, variance};

/// Readings taken together; one reading for individuals, none where the value is missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subgroup {
    /// The readings.
    pub readings: Vec<f64>,
    /// Whether the process was set up anew before them: no moving range and no run rule reaches over it.
    pub after_break: bool,
}

impl Subgroup {
    /// Readings with no break before them.
    pub fn new(readings: &[f64]) -> Self {
        Self {
            readings: readings.to_vec(),
            after_break: false,
        }
    }

    pub(crate) fn mean(&self) -> Option<f64> {
        mean(&self.readings)
    }

    pub(crate) fn range(&self) -> Option<f64> {
        range(&self.readings)
    }

    pub(crate) fn variance(&self) -> Option<f64> {
        variance(&self.readings)
    }

    pub(crate) fn size(&self) -> usize {
        self.readings.len()
    }
}

/// Events counted in one sample.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Count {
    /// Nonconforming units, or defects.
    pub events: u64,
    /// Units inspected, or area of opportunity; may be fractional for defects. 0: nothing was inspected, no point.
    pub size: f64,
    /// Whether the process was set up anew before it.
    pub after_break: bool,
}

impl Count {
    /// A count with no break before it.
    pub const fn new(events: u64, size: f64) -> Self {
        Self {
            events,
            size,
            after_break: false,
        }
    }

    /// Events per unit; `None` where nothing was inspected.
    pub(crate) fn rate(&self) -> Option<f64> {
        (self.size > 0.0).then(|| self.events as f64 / self.size)
    }
}

/// A series in the order of production.
#[derive(Debug, Clone, PartialEq)]
pub enum Series {
    /// Measured values.
    Measured(Vec<Subgroup>),
    /// Counted events.
    Counted(Vec<Count>),
}

impl Series {
    /// Single readings, `None` where one is missing.
    pub fn individuals(values: &[Option<f64>]) -> Self {
        let one = |value: &Option<f64>| Subgroup::new(value.as_slice());
        Self::Measured(values.iter().map(one).collect())
    }

    /// Subgroups without a break between them.
    pub fn subgroups<G: AsRef<[f64]>>(groups: &[G]) -> Self {
        Self::Measured(
            groups
                .iter()
                .map(|group| Subgroup::new(group.as_ref()))
                .collect(),
        )
    }

    /// Counts with their sizes, as far as both lists reach.
    pub fn counts(events: &[u64], sizes: &[f64]) -> Self {
        let pairs = events.iter().zip(sizes);
        Self::Counted(
            pairs
                .map(|(events, size)| Count::new(*events, *size))
                .collect(),
        )
    }

    /// Samples in it, missing ones included.
    pub fn len(&self) -> usize {
        match self {
            Self::Measured(groups) => groups.len(),
            Self::Counted(counts) => counts.len(),
        }
    }

    /// Whether it holds no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// This series followed by another of the same kind.
    pub fn followed_by(mut self, next: &Self) -> Result<Self, QualityError> {
        match (&mut self, next) {
            (Self::Measured(own), Self::Measured(other)) => own.extend_from_slice(other),
            (Self::Counted(own), Self::Counted(other)) => own.extend_from_slice(other),
            _ => {
                return Err(QualityError::NotRecorded {
                    record: "a series",
                    missing: "samples of one kind only",
                });
            }
        }
        Ok(self)
    }

    pub(crate) fn breaks(&self) -> Vec<bool> {
        match self {
            Self::Measured(groups) => groups.iter().map(|group| group.after_break).collect(),
            Self::Counted(counts) => counts.iter().map(|count| count.after_break).collect(),
        }
    }
}

/// Refuses readings that are infinite or not a number.
pub(crate) fn check_readings(groups: &[Subgroup]) -> Result<(), QualityError> {
    let bad = |group: &Subgroup| group.readings.iter().any(|value| !value.is_finite());
    match groups.iter().position(bad) {
        Some(index) => Err(QualityError::NotAllowed {
            what: "the reading",
            index,
        }),
        None => Ok(()),
    }
}

/// Refuses sizes that are infinite, negative or not a number.
pub(crate) fn check_sizes(counts: &[Count]) -> Result<(), QualityError> {
    let bad = |count: &Count| !(count.size.is_finite() && count.size >= 0.0);
    match counts.iter().position(bad) {
        Some(index) => Err(QualityError::NotAllowed {
            what: "the sample size",
            index,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_two_kinds_do_not_join() {
        let measured = Series::individuals(&[Some(1.0), None]);
        let counted = Series::counts(&[1, 2], &[10.0]);
        assert_eq!((measured.len(), counted.len()), (2, 1));
        assert!(measured.clone().followed_by(&counted).is_err());
        assert_eq!(counted.clone().followed_by(&counted).unwrap().len(), 2);
        assert_eq!(measured.clone().followed_by(&measured).unwrap().len(), 4);
        assert!(Series::individuals(&[]).is_empty());
    }
}
