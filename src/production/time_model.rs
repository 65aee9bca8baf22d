//! Every second of a work unit in a window gets exactly one element (ISO 22400-2; Andon's definition of the unknown).
//!
//! - Everything is half open and clipped to the window and the shifts.
//! - Where intervals overlap the later one of the list wins; the time is reported as overlapped.
//! - In a planned stop everything but producing and setup is planned time: a machine that runs through a break adds that
//!   time back to PBT.
//! - A stop is minor when its whole length, unclipped, is strictly below the threshold.
//! - Scheduled time without an interval and outside planned stops is unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::elements::{Element, Elements};
use super::span::{Span, union};
use super::state::Category;
use crate::model::Timestamp;

/// Time that a machine spent in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// When; may reach outside the window.
    pub span: Span,
    /// What its time counts to.
    pub category: Category,
    /// Why, where it is known.
    pub reason: Option<Arc<str>>,
}

/// What the time of a work unit is judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule<'a> {
    /// Reporting window.
    pub window: Span,
    /// Shifts; may overlap and be in any order.
    pub shifts: &'a [Span],
    /// Planned stops.
    pub planned: &'a [Span],
    /// A stop shorter than this is a minor stop; zero for none.
    pub microstop: Duration,
}

/// A stretch of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// When.
    pub span: Span,
    /// What.
    pub element: Element,
    /// Index of the interval it comes from; none for time without one.
    pub interval: Option<usize>,
}

/// The time model of a work unit in a window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimeModel {
    /// In order, without overlap; they cover the scheduled time.
    pub pieces: Vec<Piece>,
    /// Time that more than one interval claimed: a fault in the data.
    pub overlapped: Duration,
}

/// Downtime for one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downtime {
    /// Its whole length, unclipped.
    pub span: Span,
    /// [`Element::Stop`], [`Element::Minor`], [`Element::External`], [`Element::Idle`] or [`Element::Unknown`].
    pub element: Element,
    /// Why, where it is known.
    pub reason: Option<Arc<str>>,
    /// Time of it that counts: inside shifts and window, outside planned stops.
    pub counted: Duration,
    /// Whether it had not ended when the data ended.
    pub is_open: bool,
}

/// Gives every second its element. Takes `n log n` of the number of spans.
pub fn time_model(intervals: &[Interval], schedule: &Schedule<'_>) -> TimeModel {
    let mut marks = Vec::with_capacity(2 * intervals.len());
    let mut push = |span: Span, what: Mark| {
        let span = span.clip(&schedule.window);
        if !span.is_empty() {
            marks.push((span.start, what, true));
            marks.push((span.end, what, false));
        }
    };
    for span in union(schedule.shifts) {
        push(span, Mark::Shift);
    }
    for span in union(schedule.planned) {
        push(span, Mark::Planned);
    }
    for (place, interval) in intervals.iter().enumerate() {
        push(interval.span, Mark::Interval(place));
    }
    marks.sort_unstable();
    let mut sweep = Sweep::default();
    let mut model = TimeModel::default();
    let mut since = schedule.window.start;
    for (time, what, begins) in marks {
        let span = Span::new(since, time);
        if !span.is_empty() {
            sweep.emit(span, intervals, schedule.microstop, &mut model);
            since = time;
        }
        sweep.turn(what, begins);
    }
    model
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Shift,
    Planned,
    Interval(usize),
}

#[derive(Debug, Default)]
struct Sweep {
    in_shift: bool,
    in_planned: bool,
    active: BTreeSet<usize>,
}

impl Sweep {
    fn turn(&mut self, what: Mark, begins: bool) {
        match what {
            Mark::Shift => self.in_shift = begins,
            Mark::Planned => self.in_planned = begins,
            Mark::Interval(place) if begins => {
                self.active.insert(place);
            }
            Mark::Interval(place) => {
                self.active.remove(&place);
            }
        }
    }

    fn emit(&self, span: Span, all: &[Interval], microstop: Duration, model: &mut TimeModel) {
        if self.active.len() > 1 {
            model.overlapped = model.overlapped.saturating_add(span.length());
        }
        let top = self.active.last().copied();
        let known = top
            .and_then(|place| Some((place, all.get(place)?)))
            .filter(|(_, interval)| interval.category != Category::Unknown);
        let Some(element) = self.element(known.map(|(_, interval)| interval), microstop) else {
            return;
        };
        let place = known.map(|(place, _)| place);
        match model.pieces.last_mut() {
            Some(last)
                if last.span.end == span.start
                    && last.element == element
                    && last.interval == place =>
            {
                last.span.end = span.end;
            }
            _ => model.pieces.push(Piece {
                span,
                element,
                interval: place,
            }),
        }
    }

    /// `None` for time that is not scheduled.
    fn element(&self, interval: Option<&Interval>, microstop: Duration) -> Option<Element> {
        let category = interval.map_or(Category::Unknown, |i| i.category);
        if !self.in_shift {
            return (category == Category::Run).then_some(Element::Unscheduled);
        }
        let is_minor = || interval.is_some_and(|i| i.span.length() < microstop);
        Some(match category {
            Category::Run => Element::Run,
            Category::Setup => Element::Setup,
            _ if self.in_planned => Element::Planned,
            Category::Planned => Element::Planned,
            Category::Stop if is_minor() => Element::Minor,
            Category::Stop => Element::Stop,
            Category::External => Element::External,
            Category::Idle => Element::Idle,
            Category::Unknown => Element::Unknown,
        })
    }
}

impl TimeModel {
    /// Sums of the elements.
    pub fn elements(&self) -> Elements {
        let mut sum = Elements::default();
        for piece in &self.pieces {
            sum.add(piece.element, piece.span.length());
        }
        sum
    }

    /// Downtimes in order of their first counted moment: one for each interval, and one for each separate gap.
    /// `open_end` is when the data ended: what reaches it has not ended.
    pub fn downtimes(&self, intervals: &[Interval], open_end: Option<Timestamp>) -> Vec<Downtime> {
        let mut downtimes: Vec<Downtime> = Vec::new();
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        let is_open = |span: Span| open_end.is_some_and(|end| span.end >= end);
        for piece in self.pieces.iter().filter(|p| p.element.is_downtime()) {
            let interval = piece.interval.and_then(|i| intervals.get(i));
            let known = piece.interval.and_then(|i| places.get(&i)).copied();
            if let Some(downtime) = known.and_then(|place| downtimes.get_mut(place)) {
                downtime.counted = downtime.counted.saturating_add(piece.span.length());
                continue;
            }
            if let Some(place) = piece.interval {
                places.insert(place, downtimes.len());
            }
            let span = interval.map_or(piece.span, |i| i.span);
            downtimes.push(Downtime {
                span,
                element: piece.element,
                reason: interval.and_then(|i| i.reason.clone()),
                counted: piece.span.length(),
                is_open: is_open(span),
            });
        }
        downtimes
    }
}

impl Element {
    /// Whether its time is listed in a Pareto of downtime.
    pub const fn is_downtime(self) -> bool {
        matches!(
            self,
            Self::Stop | Self::Minor | Self::External | Self::Idle | Self::Unknown
        )
    }

    /// The name of a downtime without a reason.
    pub const fn downtime_name(self) -> &'static str {
        match self {
            Self::Minor => "micro",
            Self::External => "external",
            Self::Idle => "idle",
            Self::Unknown => "unknown",
            _ => "stop",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(start: i64, end: i64) -> Span {
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        Span::new(at(start), at(end))
    }

    fn interval(start: i64, end: i64, category: Category) -> Interval {
        Interval {
            span: span(start, end),
            category,
            reason: None,
        }
    }

    /// Seconds of planned, run, setup, stop, minor, external, idle, unknown, unscheduled; one shift 100 to 200 with a
    /// planned stop 150 to 160 in a window 0 to 300; minor below 10.
    #[track_caller]
    fn check(intervals: &[(i64, i64, Category)], wanted: [u64; 9]) -> TimeModel {
        let intervals: Vec<Interval> = intervals
            .iter()
            .map(|(start, end, category)| interval(*start, *end, *category))
            .collect();
        let schedule = Schedule {
            window: span(0, 300),
            shifts: &[span(100, 200)],
            planned: &[span(150, 160)],
            microstop: Duration::from_secs(10),
        };
        let model = time_model(&intervals, &schedule);
        let sums = model.elements().named();
        assert_eq!(
            sums.map(|(_, time)| time.as_secs()),
            wanted,
            "{intervals:?}"
        );
        model
    }

    #[test]
    fn scheduled_time_without_an_interval_is_unknown() {
        check(&[], [10, 0, 0, 0, 0, 0, 0, 90, 0]);
        check(
            &[(0, 300, Category::Unknown)],
            [10, 0, 0, 0, 0, 0, 0, 90, 0],
        );
    }

    #[test]
    fn a_machine_that_runs_through_a_break_adds_it_back() {
        check(&[(100, 200, Category::Run)], [0, 100, 0, 0, 0, 0, 0, 0, 0]);
        check(
            &[(100, 200, Category::Setup)],
            [0, 0, 100, 0, 0, 0, 0, 0, 0],
        );
        check(&[(100, 200, Category::Stop)], [10, 0, 0, 90, 0, 0, 0, 0, 0]);
        check(
            &[(100, 200, Category::External)],
            [10, 0, 0, 0, 0, 90, 0, 0, 0],
        );
        check(&[(100, 200, Category::Idle)], [10, 0, 0, 0, 0, 0, 90, 0, 0]);
        check(
            &[(100, 200, Category::Planned)],
            [100, 0, 0, 0, 0, 0, 0, 0, 0],
        );
    }

    #[test]
    fn running_outside_every_shift_is_not_scheduled() {
        check(&[(0, 300, Category::Run)], [0, 100, 0, 0, 0, 0, 0, 0, 200]);
        check(&[(0, 300, Category::Stop)], [10, 0, 0, 90, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_stop_is_minor_by_its_whole_length() {
        check(&[(100, 109, Category::Stop)], [10, 0, 0, 0, 9, 0, 0, 81, 0]);
        check(
            &[(100, 110, Category::Stop)],
            [10, 0, 0, 10, 0, 0, 0, 80, 0],
        );
        // Three seconds in the shift, ten in all.
        check(&[(93, 103, Category::Stop)], [10, 0, 0, 3, 0, 0, 0, 87, 0]);
        check(&[(94, 103, Category::Stop)], [10, 0, 0, 0, 3, 0, 0, 87, 0]);
    }

    #[test]
    fn the_last_writer_wins_and_the_overlap_is_told() {
        let model = check(
            &[(100, 200, Category::Run), (120, 140, Category::Stop)],
            [0, 80, 0, 20, 0, 0, 0, 0, 0],
        );
        assert_eq!(model.overlapped, Duration::from_secs(20));
        let model = check(
            &[(120, 140, Category::Stop), (100, 200, Category::Run)],
            [0, 100, 0, 0, 0, 0, 0, 0, 0],
        );
        assert_eq!(model.overlapped, Duration::from_secs(20));
        let model = check(
            &[(200, 100, Category::Stop), (100, 100, Category::Run)],
            [10, 0, 0, 0, 0, 0, 0, 90, 0],
        );
        assert_eq!(model.overlapped, Duration::ZERO);
    }

    #[test]
    fn one_interval_is_one_downtime_and_every_gap_another() {
        let intervals = [
            interval(140, 170, Category::Stop),
            interval(180, 190, Category::Idle),
        ];
        let schedule = Schedule {
            window: span(0, 300),
            shifts: &[span(100, 200)],
            planned: &[span(150, 160)],
            microstop: Duration::ZERO,
        };
        let model = time_model(&intervals, &schedule);
        let downtimes = model.downtimes(&intervals, Some(span(0, 190).end));
        let got: Vec<_> = downtimes
            .iter()
            .map(|d| (d.element.downtime_name(), d.counted.as_secs(), d.is_open))
            .collect();
        assert_eq!(
            got,
            [
                ("unknown", 40, false),
                ("stop", 20, false),
                ("unknown", 10, false),
                ("idle", 10, true),
                ("unknown", 10, true)
            ]
        );
        assert_eq!(downtimes[1].span, span(140, 170));
    }

    proptest! {
        /// Whatever is written, POT is the scheduled time, and no second is counted twice.
        #[test]
        fn every_second_has_one_element(
            intervals in prop::collection::vec((0_i64..400, 0_i64..400, 0_usize..7), 0..30),
            shifts in prop::collection::vec((0_i64..400, 0_i64..400), 0..5),
            planned in prop::collection::vec((0_i64..400, 0_i64..400), 0..5),
        ) {
            let intervals: Vec<Interval> = intervals
                .iter()
                .map(|(start, end, category)| interval(*start, *end, Category::ALL[*category]))
                .collect();
            let spans = |all: &[(i64, i64)]| -> Vec<Span> {
                all.iter().map(|(start, end)| span(*start, *end)).collect()
            };
            let (shifts, planned) = (spans(&shifts), spans(&planned));
            let window = span(50, 350);
            let schedule = Schedule { window, shifts: &shifts, planned: &planned, microstop: Duration::from_secs(20) };
            let model = time_model(&intervals, &schedule);
            let scheduled: Duration = union(&shifts).iter().map(|s| s.clip(&window).length()).sum();
            prop_assert_eq!(model.elements().pot(), scheduled);
            for pair in model.pieces.windows(2) {
                prop_assert!(pair[0].span.end <= pair[1].span.start);
            }
            let counted: Duration = model.downtimes(&intervals, None).iter().map(|d| d.counted).sum();
            let sum = model.elements();
            prop_assert_eq!(counted, sum.stop + sum.minor + sum.external + sum.idle + sum.unknown);
        }
    }
}
