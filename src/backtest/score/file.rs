//! The score of one recording.

use super::nab::Nab;
use super::points::Points;
use super::{Class, Segment};

/// What became of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentScore {
    /// Its kind.
    pub kind: String,
    /// Its class.
    pub class: Class,
    /// Rows from its first to its first alarm row; none when no row alarms.
    pub delay: Option<usize>,
    /// Its scored rows.
    pub rows: u64,
    /// Those of them that do not alarm.
    pub quiet_rows: u64,
}

/// The score of one recording.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileScore {
    /// All rows, those that taught included.
    pub rows: u64,
    /// Segments with a scored row.
    pub segments: Vec<SegmentScore>,
    /// Runs of alarm rows.
    pub events: u64,
    /// Those of them that touch no segment.
    pub false_events: u64,
    /// The scored rows.
    pub points: Points,
    /// By the rules of NAB.
    pub nab: Nab,
}

impl FileScore {
    /// Scores `alarms`, one per row, of which the first `learn` taught; `segments` come in the order of their starts.
    pub fn new(learn: usize, alarms: &[bool], segments: &[Segment]) -> Self {
        let scored: Vec<(usize, &Segment)> = segments
            .iter()
            .filter(|segment| segment.end >= learn)
            .map(|segment| (segment.start.max(learn), segment))
            .collect();
        let events = events(learn, alarms);
        let is_false = |(first, last): &&(usize, usize)| {
            let mut touched = scored.iter();
            !touched.any(|(start, segment)| *start <= *last && segment.end >= *first)
        };
        let windows: Vec<(usize, usize)> = scored
            .iter()
            .filter(|(_, segment)| segment.class == Class::Anomaly)
            .map(|(start, segment)| (*start, segment.end))
            .collect();
        let detections: Vec<usize> = events.iter().map(|(first, _)| *first).collect();
        Self {
            rows: alarms.len() as u64,
            segments: scored
                .iter()
                .map(|(start, segment)| judge(*start, segment, alarms))
                .collect(),
            events: events.len() as u64,
            false_events: events.iter().filter(is_false).count() as u64,
            points: points(learn, alarms, &windows),
            nab: Nab::of(&detections, &windows),
        }
    }
}

/// First and last row of every run of alarm rows.
fn events(learn: usize, alarms: &[bool]) -> Vec<(usize, usize)> {
    let mut events: Vec<(usize, usize)> = Vec::new();
    let rows = alarms.iter().enumerate().skip(learn);
    for (row, _) in rows.filter(|(_, alarm)| **alarm) {
        match events.last_mut() {
            Some((_, last)) if *last + 1 == row => *last = row,
            _ => events.push((row, row)),
        }
    }
    events
}

fn judge(start: usize, segment: &Segment, alarms: &[bool]) -> SegmentScore {
    let rows = alarms.get(start..=segment.end).unwrap_or_default();
    SegmentScore {
        kind: segment.kind.clone(),
        class: segment.class,
        delay: rows.iter().position(|alarm| *alarm),
        rows: rows.len() as u64,
        quiet_rows: rows.iter().filter(|alarm| !**alarm).count() as u64,
    }
}

fn points(learn: usize, alarms: &[bool], windows: &[(usize, usize)]) -> Points {
    let mut is_anomalous = vec![false; alarms.len()];
    for (first, last) in windows {
        if let Some(rows) = is_anomalous.get_mut(*first..=*last) {
            rows.fill(true);
        }
    }
    let rows = is_anomalous.into_iter().zip(alarms.iter().copied());
    Points::of(rows.skip(learn))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as a drawing: `#` alarms.
    fn alarms(drawing: &str) -> Vec<bool> {
        drawing.chars().map(|c| c == '#').collect()
    }

    fn segment(start: usize, end: usize, class: Class) -> Segment {
        Segment {
            start,
            end,
            kind: "step".into(),
            class,
        }
    }

    #[test]
    fn a_segment_is_found_by_one_row_and_the_delay_counts_from_its_start() {
        let score = FileScore::new(
            2,
            &alarms("....#....#....##...."),
            &[
                segment(8, 11, Class::Anomaly),
                segment(12, 13, Class::Anomaly),
                segment(15, 18, Class::Legit),
            ],
        );
        let delays: Vec<Option<usize>> = score.segments.iter().map(|s| s.delay).collect();
        assert_eq!(delays, [Some(1), None, Some(0)]);
        let rows: Vec<(u64, u64)> = score
            .segments
            .iter()
            .map(|s| (s.rows, s.quiet_rows))
            .collect();
        assert_eq!(rows, [(4, 3), (2, 2), (4, 3)]);
        // Row 4 is false; row 9 touches an anomaly, rows 14 and 15 a legitimate change.
        assert_eq!((score.events, score.false_events), (3, 1));
        let points = Points {
            hits: 1,
            false_alarms: 3,
            misses: 5,
            quiet: 9,
        };
        assert_eq!(score.points, points);
        assert_eq!(score.points.total(), 18, "two of twenty rows taught");
    }

    #[test]
    fn an_event_is_one_run_however_long_and_touches_what_it_overlaps() {
        let gap = [segment(5, 5, Class::Gap)];
        let score = |drawing: &str| FileScore::new(0, &alarms(drawing), &gap);
        let counts = |drawing: &str| (score(drawing).events, score(drawing).false_events);
        assert_eq!(
            counts("..##..####"),
            (2, 2),
            "next to a segment is beside it"
        );
        assert_eq!(counts("..#######."), (1, 0));
        assert_eq!(counts("#.#.#....."), (3, 3));
        assert_eq!(counts(".........."), (0, 0));
    }

    #[test]
    fn what_lies_among_the_learning_rows_is_not_scored() {
        let segments = [
            segment(0, 3, Class::Anomaly),
            segment(3, 7, Class::Anomaly),
            segment(8, 8, Class::Gap),
        ];
        let score = FileScore::new(5, &alarms("##....#..."), &segments);
        assert_eq!(score.segments.len(), 2);
        assert_eq!(
            score.segments[0].delay,
            Some(1),
            "from the first scored row"
        );
        assert_eq!(score.segments[0].rows, 3);
        assert_eq!((score.events, score.false_events), (1, 0));
        assert_eq!(score.points.total(), 5);
        let all_learned = FileScore::new(10, &alarms("##....#..."), &segments);
        assert_eq!((all_learned.events, all_learned.points.total()), (0, 0));
        assert!(all_learned.segments.is_empty());
    }

    #[test]
    fn only_the_first_row_of_an_event_is_a_detection_for_nab() {
        let window = [segment(10, 13, Class::Anomaly)];
        let score = |drawing: &str| FileScore::new(0, &alarms(drawing), &window).nab.score();
        assert!((score("..........####......").unwrap() - 100.0).abs() < 1e-9);
        // The alarm stood before the window: no detection in it, and a false one before it.
        assert!((score(".........######.....").unwrap() + 5.5).abs() < 1e-9);
    }

    #[test]
    fn rows_in_two_segments_count_once() {
        let both = [segment(2, 5, Class::Anomaly), segment(4, 7, Class::Anomaly)];
        let score = FileScore::new(0, &alarms("....#....."), &both);
        assert_eq!((score.points.hits, score.points.misses), (1, 5));
        assert!(score.segments.iter().all(|s| s.delay.is_some()));
    }
}
