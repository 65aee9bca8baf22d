//! The scores of several recordings together.

use super::Class;
use super::file::FileScore;
use super::nab::Nab;
use super::points::Points;

/// Recordings scored together: counts are added, ratios are those of the sums.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// Recordings.
    pub files: u64,
    /// All rows, those that taught included.
    pub rows: u64,
    /// Anomaly segments, and those of them that were found.
    pub anomalies: Tally,
    /// Legitimate segments, and those of them that were flagged.
    pub legit: Tally,
    /// Gap segments, and those of them that were flagged.
    pub gaps: Tally,
    /// Runs of alarm rows.
    pub events: u64,
    /// Those of them that touch no segment.
    pub false_events: u64,
    /// The scored rows.
    pub points: Points,
    nab: Nab,
    delays: Vec<usize>,
}

/// Of how many, how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// With at least one alarm row.
    pub hit: u64,
    /// All.
    pub total: u64,
}

impl Tally {
    pub(super) const fn count(&mut self, is_hit: bool) {
        self.hit += is_hit as u64;
        self.total += 1;
    }
}

impl Group {
    /// Adds a recording.
    pub fn add(&mut self, file: &FileScore) {
        self.files += 1;
        self.rows += file.rows;
        self.events += file.events;
        self.false_events += file.false_events;
        self.points += file.points;
        self.nab += file.nab;
        for segment in &file.segments {
            let tally = match segment.class {
                Class::Anomaly => {
                    self.delays.extend(segment.delay);
                    &mut self.anomalies
                }
                Class::Legit => &mut self.legit,
                Class::Gap => &mut self.gaps,
            };
            tally.count(segment.delay.is_some());
        }
    }

    /// False events per 10,000 scored rows.
    pub fn false_events_per_10k(&self) -> Option<f64> {
        let rows = self.points.total();
        (rows > 0).then(|| self.false_events as f64 * 1e4 / rows as f64)
    }

    /// Median delay of the anomalies that were found, in rows.
    pub fn median_delay(&self) -> Option<f64> {
        median(&self.delays)
    }

    /// NAB score, standard profile.
    pub fn nab(&self) -> Option<f64> {
        self.nab.score()
    }
}

/// The median; of an even number, half-way between the middle two.
pub(super) fn median(delays: &[usize]) -> Option<f64> {
    let mut sorted = delays.to_vec();
    sorted.sort_unstable();
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper as f64);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some(f64::midpoint(lower as f64, upper as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::score::Segment;

    #[test]
    fn counts_of_recordings_add_up() {
        let segment = |start, end, class| Segment {
            start,
            end,
            kind: "k".into(),
            class,
        };
        let mut alarms = vec![false; 100];
        alarms[25] = true;
        alarms[60] = true;
        let first = FileScore::new(
            20,
            &alarms,
            &[
                segment(24, 29, Class::Anomaly),
                segment(40, 49, Class::Legit),
            ],
        );
        let second = FileScore::new(
            20,
            &alarms,
            &[segment(50, 69, Class::Anomaly), segment(60, 60, Class::Gap)],
        );
        let mut group = Group::default();
        group.add(&first);
        group.add(&second);
        assert_eq!((group.files, group.rows, group.events), (2, 200, 4));
        assert_eq!(group.anomalies, Tally { hit: 2, total: 2 });
        assert_eq!(group.legit, Tally { hit: 0, total: 1 });
        assert_eq!(group.gaps, Tally { hit: 1, total: 1 });
        // Delays 1 and 10; row 60 of the first and row 25 of the second are false, in 160 scored rows.
        assert_eq!(group.median_delay(), Some(5.5));
        assert_eq!(group.false_events_per_10k(), Some(125.0));
    }

    #[test]
    fn medians_of_odd_even_and_no_delays() {
        assert_eq!(median(&[7, 1, 3]), Some(3.0));
        assert_eq!(median(&[7, 1, 3, 4]), Some(3.5));
        assert_eq!(median(&[]), None);
    }
}
