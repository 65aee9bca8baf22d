//! Rows counted one by one.

use std::ops::AddAssign;

/// How many rows were judged rightly and wrongly. Ratios of nothing are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Points {
    /// Anomalous rows that alarm.
    pub hits: u64,
    /// Normal rows that alarm.
    pub false_alarms: u64,
    /// Anomalous rows that do not alarm.
    pub misses: u64,
    /// Normal rows that do not alarm.
    pub quiet: u64,
}

impl Points {
    /// Counts rows: whether each is anomalous, and whether it alarms.
    pub fn of(rows: impl Iterator<Item = (bool, bool)>) -> Self {
        let mut points = Self::default();
        for row in rows {
            match row {
                (true, true) => points.hits += 1,
                (true, false) => points.misses += 1,
                (false, true) => points.false_alarms += 1,
                (false, false) => points.quiet += 1,
            }
        }
        points
    }

    /// All rows.
    pub const fn total(&self) -> u64 {
        self.hits + self.false_alarms + self.misses + self.quiet
    }

    /// Rows that alarm.
    pub const fn alarms(&self) -> u64 {
        self.hits + self.false_alarms
    }

    /// Of the rows that alarm, the share that is anomalous.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.hits, self.alarms())
    }

    /// Of the anomalous rows, the share that alarms.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.hits, self.hits + self.misses)
    }

    /// The harmonic mean of precision and recall: `2 hits / (2 hits + false alarms + misses)`.
    pub fn f1(&self) -> Option<f64> {
        ratio(
            2 * self.hits,
            2 * self.hits + self.false_alarms + self.misses,
        )
    }

    /// False alarm rate: of the normal rows, the share that alarms.
    pub fn far(&self) -> Option<f64> {
        ratio(self.false_alarms, self.false_alarms + self.quiet)
    }

    /// Missed alarm rate: of the anomalous rows, the share that does not alarm.
    pub fn mar(&self) -> Option<f64> {
        ratio(self.misses, self.hits + self.misses)
    }
}

impl AddAssign for Points {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.false_alarms += other.false_alarms;
        self.misses += other.misses;
        self.quiet += other.quiet;
    }
}

pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Option<f64>, expected: f64) {
        assert!((value.unwrap() - expected).abs() < 1e-12, "{value:?}");
    }

    #[test]
    fn ratios_are_those_of_the_textbook() {
        // 10 anomalous rows, 6 of them found; 90 normal rows, 3 of them alarming.
        let points = Points {
            hits: 6,
            false_alarms: 3,
            misses: 4,
            quiet: 87,
        };
        check(points.precision(), 2.0 / 3.0);
        check(points.recall(), 0.6);
        check(points.f1(), 12.0 / 19.0);
        check(points.far(), 1.0 / 30.0);
        check(points.mar(), 0.4);
        assert_eq!(points.total(), 100);
    }

    #[test]
    fn ratios_of_nothing_are_none() {
        let none = Points::default();
        let ratios = [
            none.precision(),
            none.recall(),
            none.f1(),
            none.far(),
            none.mar(),
        ];
        assert_eq!(ratios, [None; 5]);
    }
}
