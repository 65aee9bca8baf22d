//! The scores of a whole data set: overall, per family, per kind of segment, per recording.

use std::collections::BTreeMap;

use super::Class;
use super::file::{FileScore, SegmentScore};
use super::group::{Group, Tally, median};
use super::points::ratio;

/// The scores of a data set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Everything.
    pub overall: Group,
    /// Only the recordings that have an anomaly segment. Published scores of SKAB pool these and leave out its recording
    /// without anomalies.
    pub with_anomalies: Group,
    /// By family, in the order of their names.
    pub families: BTreeMap<String, Group>,
    /// By kind of segment, in the order of class and name; numbers in names count as numbers.
    pub kinds: Vec<KindScore>,
    /// By recording, in the order they were added.
    pub files: Vec<(String, Group)>,
}

/// What became of the segments of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindScore {
    /// The kind.
    pub kind: String,
    /// The class.
    pub class: Class,
    /// Segments, and those of them that were found or flagged.
    pub segments: Tally,
    rows: u64,
    quiet_rows: u64,
    delays: Vec<usize>,
}

impl KindScore {
    /// Median delay of those that were found or flagged, in rows.
    pub fn median_delay(&self) -> Option<f64> {
        median(&self.delays)
    }

    /// Of their rows, the share that does not alarm.
    pub fn mar(&self) -> Option<f64> {
        ratio(self.quiet_rows, self.rows)
    }

    fn add(&mut self, segment: &SegmentScore) {
        self.segments.count(segment.delay.is_some());
        self.rows += segment.rows;
        self.quiet_rows += segment.quiet_rows;
        self.delays.extend(segment.delay);
    }
}

impl Summary {
    /// Adds a recording.
    pub fn add(&mut self, name: &str, family: &str, score: &FileScore) {
        self.overall.add(score);
        let is_anomaly = |segment: &SegmentScore| segment.class == Class::Anomaly;
        if score.segments.iter().any(is_anomaly) {
            self.with_anomalies.add(score);
        }
        self.families
            .entry(family.to_owned())
            .or_default()
            .add(score);
        let mut file = Group::default();
        file.add(score);
        self.files.push((name.to_owned(), file));
        for segment in &score.segments {
            self.kind(segment).add(segment);
        }
    }

    /// The line of a segment's kind, made in its place where it is not there yet.
    fn kind(&mut self, segment: &SegmentScore) -> &mut KindScore {
        let wanted = order(segment.class, &segment.kind);
        let place = self
            .kinds
            .binary_search_by(|known| order(known.class, &known.kind).cmp(&wanted));
        let place = place.unwrap_or_else(|place| {
            let new = KindScore {
                kind: segment.kind.clone(),
                class: segment.class,
                segments: Tally::default(),
                rows: 0,
                quiet_rows: 0,
                delays: Vec::new(),
            };
            self.kinds.insert(place, new);
            place
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "the place was found or made just now"
        )]
        &mut self.kinds[place]
    }
}

/// Class, then name, in which a number at the end counts as a number: `IDV5` is before `IDV11`.
fn order(class: Class, kind: &str) -> (Class, &str, u64, &str) {
    let name = kind.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = kind.strip_prefix(name).and_then(|n| n.parse().ok());
    (class, name, number.unwrap_or(0), kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::score::Segment;

    #[test]
    fn scores_are_told_by_family_kind_and_recording() {
        let score = |kind: &str, class, alarm: usize| {
            let mut alarms = vec![false; 20];
            alarms[alarm] = true;
            let segment = Segment {
                start: 10,
                end: 14,
                kind: kind.into(),
                class,
            };
            FileScore::new(5, &alarms, &[segment])
        };
        let mut summary = Summary::default();
        summary.add("a/1.csv", "a", &score("IDV11", Class::Anomaly, 12));
        summary.add("a/2.csv", "a", &score("IDV5", Class::Anomaly, 18));
        summary.add("b/1.csv", "b", &score("IDV5", Class::Anomaly, 10));
        summary.add("b/2.csv", "b", &score("change", Class::Legit, 7));
        assert_eq!(summary.overall.files, 4);
        assert_eq!(summary.with_anomalies.files, 3);
        assert_eq!(summary.with_anomalies.anomalies, summary.overall.anomalies);
        assert_eq!(summary.with_anomalies.points.total(), 3 * 15);
        assert_eq!(
            (summary.with_anomalies.events, summary.overall.events),
            (3, 4),
            "the alarm of the recording without anomalies is not among them"
        );
        assert_eq!(summary.families["a"].anomalies, Tally { hit: 1, total: 2 });
        assert_eq!(summary.families["b"].anomalies, Tally { hit: 1, total: 1 });
        let names: Vec<&str> = summary
            .files
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["a/1.csv", "a/2.csv", "b/1.csv", "b/2.csv"]);
        let kinds: Vec<(&str, u64, u64)> = summary
            .kinds
            .iter()
            .map(|k| (k.kind.as_str(), k.segments.hit, k.segments.total))
            .collect();
        assert_eq!(kinds, [("IDV5", 1, 2), ("IDV11", 1, 1), ("change", 0, 1)]);
        assert_eq!(summary.kinds[0].median_delay(), Some(0.0));
        assert_eq!(summary.kinds[0].mar(), Some(0.9), "9 of 10 rows are quiet");
    }
}
