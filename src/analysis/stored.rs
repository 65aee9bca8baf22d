//! What is kept in the history beside the samples: master data that people or other systems bring, and the stated figures
//! of each shift.
//!
//! Each is an event; its content is a version byte (1, for statements 2) and postcard in field order. Fields are never
//! changed: a later form has another version, and earlier ones are read for good.
//!
//! | event kind | time | subject | content |
//! |---|---|---|---|
//! | product | valid from | product | [`ProductV1`] |
//! | order | planned start | `order|work unit` | [`OrderV1`] |
//! | staffing | start of the shift | `date.shift` | [`RosterV1`] |
//! | reason edit | when it was said | `work unit|start of the stop` | [`ReasonV1`] |
//! | late rejects | when they were found | `work unit origin product order` | [`LateRejectsV1`] |
//! | planned stop | its start | work unit | [`PlannedStopV1`] |
//! | defects | when they were found | `work unit category product order unit made at` | [`DefectsV1`] |
//! | atoms | start of the shift | work unit | [`StatementV2`]; [`StatementV1`] before changeovers were kept |
//! | limits | in force from | `tag|machine|scope|product|version` | [`LimitsFactV1`] |

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::history::{Event, EventKind};
use crate::model::Timestamp;
use crate::production::stored::AtomsV1;
use crate::quality::phase::LimitsV1;

/// Rejects that were found after they were made.
pub(super) const LATE_REJECTS: EventKind = EventKind(12);
/// A planned stop of one work unit.
pub(super) const PLANNED_STOP: EventKind = EventKind(13);
/// Defects that were found, by category.
pub(super) const DEFECTS: EventKind = EventKind(16);
/// A version of control limits.
pub(super) const LIMITS: EventKind = EventKind(20);
/// First byte of every content but statements.
const VERSION: u8 = 1;
/// First byte of statements.
const STATEMENT_VERSION: u8 = 2;

/// A product, or a new ideal cycle of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ProductV1 {
    pub(super) family: String,
    /// Seconds per piece.
    pub(super) ideal_cycle_s: f64,
    /// What is measured of it; empty for nothing.
    pub(super) characteristic: String,
    pub(super) nominal: Option<f64>,
    pub(super) lsl: Option<f64>,
    pub(super) usl: Option<f64>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct OrderV1 {
    pub(super) product: String,
    pub(super) quantity: f64,
    pub(super) work_unit: String,
    pub(super) planned_end_ns: Option<i64>,
    pub(super) actual_start_ns: Option<i64>,
    pub(super) actual_end_ns: Option<i64>,
}

impl OrderV1 {
    /// Subject of the event of `order`.
    pub(super) fn subject(&self, order: &str) -> String {
        format!("{order}|{}", self.work_unit)
    }

    /// The order that an event with `subject` is about.
    pub(super) fn order<'a>(&self, subject: &'a str) -> &'a str {
        before(subject, &self.work_unit)
    }
}

/// What stands before `|last` in a subject; all of it where that is not its end.
fn before<'a>(subject: &'a str, last: &str) -> &'a str {
    let rest = subject.strip_suffix(last);
    rest.and_then(|rest| rest.strip_suffix('|'))
        .unwrap_or(subject)
}

/// Who worked a shift: counts and the crew, no persons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RosterV1 {
    /// Local date on which the shift starts.
    pub(super) date: String,
    pub(super) shift: String,
    pub(super) crew: Option<String>,
    pub(super) headcount: Option<u32>,
    pub(super) experience_share: Option<f64>,
}

/// What a person says about a stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ReasonV1 {
    pub(super) stop_start_ns: i64,
    pub(super) role: String,
    /// None takes a reason back.
    pub(super) reason: Option<String>,
}

impl ReasonV1 {
    /// Subject of the event of a reason given to a stop of `work_unit`.
    pub(super) fn subject(&self, work_unit: &str) -> String {
        format!("{work_unit}|{}", self.stop_start_ns)
    }

    /// The work unit that an event with `subject` is about.
    pub(super) fn work_unit<'a>(&self, subject: &'a str) -> &'a str {
        before(subject, &self.stop_start_ns.to_string())
    }
}

/// Rejects that were found after the shift that made them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LateRejectsV1 {
    pub(super) work_unit: String,
    /// When they were made.
    pub(super) origin_ns: i64,
    pub(super) product: Option<String>,
    pub(super) order: Option<String>,
    pub(super) scrap: f64,
    pub(super) rework: f64,
}

/// Planned maintenance, a meeting, a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PlannedStopV1 {
    pub(super) end_ns: i64,
    /// Whether machines in maintenance mode are in planned maintenance meanwhile.
    pub(super) is_maintenance: bool,
    pub(super) label: String,
}

/// Defects of one category that were found together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DefectsV1 {
    pub(super) work_unit: String,
    /// When the defective units were made; none where nobody says.
    pub(super) made_ns: Option<i64>,
    pub(super) product: Option<String>,
    pub(super) order: Option<String>,
    /// Serial number or lot.
    pub(super) unit: Option<String>,
    /// Empty where it was not coded.
    pub(super) category: String,
    /// 0 takes back what was said before.
    pub(super) count: u64,
}

/// The stated figures of a work unit in a shift, as they were kept first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct StatementV1 {
    atoms: AtomsV1,
    stops: Vec<StopV1>,
    cycles: Vec<CyclesV1>,
    booked: Vec<(i64, String)>,
}

/// The stated figures of a work unit in a shift.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct StatementV2 {
    pub(super) atoms: AtomsV1,
    pub(super) stops: Vec<StopV1>,
    pub(super) cycles: Vec<CyclesV1>,
    /// Late rejects that are in it, as time and subject of their events.
    pub(super) booked: Vec<(i64, String)>,
    /// None for what was stated as [`StatementV1`].
    pub(super) course: Option<CourseV2>,
}

impl From<StatementV1> for StatementV2 {
    fn from(before: StatementV1) -> Self {
        Self {
            atoms: before.atoms,
            stops: before.stops,
            cycles: before.cycles,
            booked: before.booked,
            course: None,
        }
    }
}

/// What happened in the course of a shift and is in no sum.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct CourseV2 {
    /// Changeovers that ended in it.
    pub(super) changeovers: Vec<ChangeoverV2>,
    /// Its first and last part, and what is between.
    pub(super) handover: Option<(PartV2, PartV2)>,
    /// Orders that were allocated in it, each with first moment and first moment after the last.
    pub(super) orders: Vec<(String, i64, i64)>,
    /// Time in maintenance mode without a planned order, and with one.
    pub(super) maintenance_ns: (u64, u64),
}

/// A changeover.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ChangeoverV2 {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
    pub(super) scrap: f64,
    pub(super) rework: f64,
    /// As those of an atom.
    pub(super) times_ns: [u64; 9],
}

/// A part of a shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PartV2 {
    pub(super) pieces: f64,
    pub(super) standard_s: f64,
    pub(super) unrated: f64,
    pub(super) length_ns: u64,
}

/// A downtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StopV1 {
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
    /// Name of its element.
    pub(super) element: String,
    pub(super) reason: Option<String>,
    pub(super) counted_ns: u64,
    pub(super) is_open: bool,
}

/// Cycle times of a product: all of them, or as many as [`CyclesV1::KEPT_MAX`] spread over the shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CyclesV1 {
    pub(super) product: Option<String>,
    /// End of the piece, and its cycle in seconds.
    pub(super) cycles: Vec<(i64, f32)>,
}

/// A version of control limits, with what its readings were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LimitsFactV1 {
    /// When it was written down, which may be later than it came in force.
    pub(super) recorded_ns: i64,
    /// First moment of the readings that made it.
    pub(super) from_ns: i64,
    /// First moment after them.
    pub(super) to_ns: i64,
    /// What shares the chart: `product`, `pooled` or `nominal`; of counts `product per shift` and the like.
    pub(super) scope: String,
    /// Readings of a subgroup.
    pub(super) subgroup: u64,
    /// Whether a reading is a change of the value only.
    pub(super) changes_only: bool,
    /// The limits: one version, whose layout is [`LimitsV1`]'s.
    pub(super) limits: LimitsV1,
}

impl CyclesV1 {
    /// More tell no more about the distribution: the median of 64 is known to an eighth of a standard deviation.
    pub(super) const KEPT_MAX: usize = 64;
}

/// An event with `content`.
pub(super) fn event<T: Serialize>(
    kind: EventKind,
    time: Timestamp,
    subject: String,
    content: &T,
) -> Event {
    versioned(VERSION, (kind, time, subject), content)
}

/// The event of a statement.
pub(super) fn statement_event(
    shift_start: Timestamp,
    work_unit: String,
    statement: &StatementV2,
) -> Event {
    let which = (EventKind::ATOMS, shift_start, work_unit);
    versioned(STATEMENT_VERSION, which, statement)
}

fn versioned<T: Serialize>(
    version: u8,
    (kind, time, subject): (EventKind, Timestamp, String),
    content: &T,
) -> Event {
    // Plain structures of numbers and text always encode.
    let bytes = postcard::to_stdvec(&(version, content)).unwrap_or_default();
    Event {
        kind,
        time,
        subject,
        content: Some(bytes),
    }
}

/// The content of an event; `None` when it is damaged or of another version.
pub(super) fn content<T: DeserializeOwned>(event: &Event) -> Option<T> {
    let (version, content) = postcard::from_bytes::<(u8, T)>(event.content.as_ref()?).ok()?;
    (version == VERSION).then_some(content)
}

/// A statement of any version; `None` when it is damaged or of a later one.
pub(super) fn stated(event: &Event) -> Option<StatementV2> {
    let bytes = event.content.as_ref()?;
    if *bytes.first()? != STATEMENT_VERSION {
        return content::<StatementV1>(event).map(StatementV2::from);
    }
    let (_, statement) = postcard::from_bytes::<(u8, StatementV2)>(bytes).ok()?;
    Some(statement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_the_first_version_are_read_for_good() {
        let start = Timestamp::from_millis(1_000);
        // Version 1, no atoms, no stops, cycles of product A with one of 12.5 s, one late reject that is booked.
        let bytes = [
            &[1, 0, 0, 1, 1, 1, b'A', 1, 14][..],
            &12.5_f32.to_le_bytes(),
            &[1, 6, 1, b'r'],
        ];
        let before = Event {
            kind: EventKind::ATOMS,
            time: start,
            subject: "press".to_owned(),
            content: Some(bytes.concat()),
        };
        let read = stated(&before).unwrap();
        assert_eq!(read.cycles[0].cycles, [(7, 12.5)]);
        assert_eq!(read.booked, [(3, "r".to_owned())]);
        assert_eq!(read.course, None);

        let again = StatementV2 {
            course: Some(CourseV2::default()),
            ..read
        };
        let after = statement_event(start, "press".to_owned(), &again);
        assert_eq!(after.content.as_ref().map(|bytes| bytes[0]), Some(2));
        assert_eq!(stated(&after), Some(again));
    }

    #[test]
    fn a_subject_says_what_the_content_does_not() {
        let reason = ReasonV1 {
            stop_start_ns: -7,
            role: String::new(),
            reason: None,
        };
        let subject = reason.subject("press|1");
        assert_eq!(
            (&*subject, reason.work_unit(&subject)),
            ("press|1|-7", "press|1")
        );
        assert_eq!(reason.work_unit("press"), "press");
    }

    #[test]
    fn what_is_damaged_or_later_is_no_statement() {
        for content in [None, Some(Vec::new()), Some(vec![2, 9]), Some(vec![3, 0])] {
            let event = Event {
                kind: EventKind::ATOMS,
                time: Timestamp::from_millis(0),
                subject: "press".to_owned(),
                content,
            };
            assert_eq!(stated(&event), None, "{event:?}");
        }
    }
}
