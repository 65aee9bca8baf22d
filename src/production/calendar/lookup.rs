//! The checked calendar and what it answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time, date};

use super::super::span::Span;
use super::{
    Break, CalendarDefinition, CalendarError, Change, DayAnchor, HeadcountSource, RosterEntry,
    ShiftInstance, ShiftKey, ShiftKind, Staffing, check,
};
use crate::model::Timestamp;

/// Shifts of a plant or a line, checked. See the module for what it promises.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    definition: CalendarDefinition,
    exceptions: BTreeMap<Date, Vec<usize>>,
    roster: BTreeMap<ShiftKey, RosterEntry>,
    names: Vec<Arc<str>>,
}

/// A shift by the clocks of the plant, before it becomes true time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Nominal {
    pub(super) key: ShiftKey,
    start: DateTime,
    end: DateTime,
    crews: Vec<Arc<str>>,
    kind: ShiftKind,
}

impl Nominal {
    fn new(key: ShiftKey, start: Time, end: Time, kind: ShiftKind) -> Option<Self> {
        let (start, end) = within(key.date, start, start, end)?;
        Some(Self {
            key,
            start,
            end,
            crews: Vec::new(),
            kind,
        })
    }

    /// Seconds by the clock since a fixed date.
    pub(super) fn start_s(&self) -> i64 {
        second_of(self.start)
    }

    /// As [`Nominal::start_s`], of the end.
    pub(super) fn end_s(&self) -> i64 {
        second_of(self.end)
    }
}

/// `from` to `to` of the shift that starts on `date` at `start`; times before that start are on the next date.
fn within(date: Date, start: Time, from: Time, to: Time) -> Option<(DateTime, DateTime)> {
    let next = date.tomorrow().ok()?;
    let first = if from < start { next } else { date };
    let same_day = first == date && to > from;
    let last = if same_day { date } else { next };
    Some((first.to_datetime(from), last.to_datetime(to)))
}

impl Calendar {
    /// Checks `definition`; every fault is told.
    pub fn new(definition: CalendarDefinition) -> Result<Self, Vec<CalendarError>> {
        let faults = check::definition(&definition);
        if !faults.is_empty() {
            return Err(faults);
        }
        let names = definition.shifts.iter().map(|s| Arc::from(s.name.as_str()));
        let names: Vec<Arc<str>> = names.collect();
        let mut exceptions: BTreeMap<Date, Vec<usize>> = BTreeMap::new();
        for (place, exception) in definition.exceptions.iter().enumerate() {
            exceptions.entry(exception.date).or_default().push(place);
        }
        let roster = definition.roster.iter().map(|entry| {
            let shift = Arc::from(entry.shift.as_str());
            let date = entry.date;
            (ShiftKey { date, shift }, entry.clone())
        });
        let calendar = Self {
            roster: roster.collect(),
            names,
            exceptions,
            definition,
        };
        let faults = check::expanded(&calendar);
        if faults.is_empty() {
            Ok(calendar)
        } else {
            Err(faults)
        }
    }

    /// What it was made of.
    pub fn definition(&self) -> &CalendarDefinition {
        &self.definition
    }

    /// Shifts that some moment from `from` up to, without, `to` is credited to, in order of their start.
    pub fn instances(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = ShiftInstance> + use<'_> {
        let wanted = Span::new(from, to);
        self.dates(wanted)
            .flat_map(|date| self.on(date))
            .filter(move |shift| shift.credit.overlaps(&wanted))
    }

    /// The shift that output at `time` is credited to.
    pub fn at(&self, time: Timestamp) -> Option<ShiftInstance> {
        self.around(time).find(|shift| shift.credit.contains(time))
    }

    /// Shifts that start on a local date.
    pub fn on(&self, date: Date) -> Vec<ShiftInstance> {
        let mut covered = Timestamp::from_nanos(i64::MIN);
        let before = date
            .yesterday()
            .map_or_else(|_| Vec::new(), |d| self.nominal(d));
        for shift in before.iter().filter_map(|n| self.present(n)) {
            covered = covered.max(shift.end);
        }
        let mut shifts = Vec::new();
        for nominal in self.nominal(date) {
            let Some(present) = self.present(&nominal) else {
                continue;
            };
            let credit = Span::new(present.start.max(covered), present.end);
            covered = covered.max(present.end);
            shifts.push(self.instance(nominal, present, credit));
        }
        shifts
    }

    /// The production day and shifts of it, by [`DayAnchor`].
    pub fn production_day(&self, day: Date) -> Vec<ShiftInstance> {
        let dates = [day.yesterday(), Ok(day), day.tomorrow()];
        let all = dates.into_iter().flatten().flat_map(|date| self.on(date));
        all.filter(|shift| shift.production_day == day).collect()
    }

    fn around(&self, time: Timestamp) -> impl Iterator<Item = ShiftInstance> + use<'_> {
        let next = time.saturating_add(std::time::Duration::from_nanos(1));
        self.dates(Span::new(time, next))
            .flat_map(|date| self.on(date))
    }

    /// Local dates on which a shift may start that has to do with `wanted`.
    fn dates(&self, wanted: Span) -> impl Iterator<Item = Date> + use<> {
        let local = |time| self.definition.zone.date_time(time).map(DateTime::date);
        let ends = local(wanted.start).zip(local(wanted.end));
        let (first, last) = match ends {
            Some((first, last)) if !wanted.is_empty() => (first, last),
            _ => (Date::MAX, Date::MIN),
        };
        // A shift lasts a day at most, and a skipped hour moves it by a few hours at most.
        let first = first.yesterday().unwrap_or(first);
        let first = first.yesterday().unwrap_or(first);
        let days = first.series(jiff::Span::new().days(1));
        days.take_while(move |day| *day <= last)
    }

    /// Shifts that start on `date`, by the clock, in order.
    pub(super) fn nominal(&self, date: Date) -> Vec<Nominal> {
        self.nominal_before(date, usize::MAX)
    }

    /// As [`Calendar::nominal`], with the exceptions before the one at `place` only.
    pub(super) fn nominal_before(&self, date: Date, place: usize) -> Vec<Nominal> {
        let mut shifts = self.by_rule(date);
        let places = self.exceptions.get(&date).into_iter().flatten();
        for place in places.filter(|p| **p < place) {
            if let Some(exception) = self.definition.exceptions.get(*place) {
                apply(&mut shifts, date, &exception.change);
            }
        }
        shifts.sort_by_key(|shift| (shift.start, shift.end));
        shifts
    }

    fn by_rule(&self, date: Date) -> Vec<Nominal> {
        let mut shifts = Vec::new();
        for (def, name) in self.definition.shifts.iter().zip(&self.names) {
            let shift = Arc::clone(name);
            let key = ShiftKey { date, shift };
            let crews = self.crews(&def.name, date);
            let takes_place = crews.as_ref().is_none_or(|crews| !crews.is_empty());
            if !takes_place || !def.weekdays.contains(date.weekday()) {
                continue;
            }
            if let Some(nominal) = Nominal::new(key, def.start, def.end, ShiftKind::Regular) {
                let crews = crews.unwrap_or_default();
                shifts.push(Nominal { crews, ..nominal });
            }
        }
        shifts
    }

    /// Who works a shift by the rotation; `None` for a shift that it has no code for.
    fn crews(&self, shift: &str, date: Date) -> Option<Vec<Arc<str>>> {
        let rotation = self.definition.rotation.as_ref()?;
        let has_code = rotation.shifts.values().any(|name| name == shift);
        let worked = rotation
            .pattern
            .on(rotation.start, date)
            .filter(|(_, code)| rotation.shifts.get(code).is_some_and(|name| name == shift))
            .map(|(crew, _)| Arc::clone(crew));
        has_code.then(|| worked.collect())
    }

    fn present(&self, nominal: &Nominal) -> Option<Span> {
        self.true_time(nominal.start, nominal.end)
    }

    fn true_time(&self, start: DateTime, end: DateTime) -> Option<Span> {
        let zone = &self.definition.zone;
        let span = Span::new(zone.instant(start)?, zone.instant(end)?);
        (!span.is_empty()).then_some(span)
    }

    fn instance(&self, nominal: Nominal, present: Span, credit: Span) -> ShiftInstance {
        ShiftInstance {
            production_day: self.day_of(&nominal),
            breaks: self.breaks(&nominal, &present),
            staffing: self.staffing(&nominal.key),
            transition: self.definition.transition,
            key: nominal.key,
            crews: nominal.crews,
            kind: nominal.kind,
            present,
            credit,
        }
    }

    fn day_of(&self, nominal: &Nominal) -> Date {
        let day_before = |date: Date| date.yesterday().unwrap_or(date);
        let (start, end) = (nominal.start, nominal.end);
        match self.definition.production_day {
            DayAnchor::End if end.time() == Time::midnight() => day_before(end.date()),
            DayAnchor::End => end.date(),
            DayAnchor::FixedTime(time) if start.time() < time => day_before(start.date()),
            DayAnchor::Start | DayAnchor::FixedTime(_) => start.date(),
        }
    }

    fn breaks(&self, nominal: &Nominal, present: &Span) -> Vec<Span> {
        let shifts = &self.definition.shifts;
        let def = shifts.iter().find(|def| *def.name == *nominal.key.shift);
        let breaks: &[Break] = def.map_or(&[], |def| &def.breaks);
        let anchor = def.map_or(nominal.start.time(), |def| def.start);
        let spans = breaks.iter().filter_map(|b| {
            let (start, end) = within(nominal.key.date, anchor, b.start, b.end)?;
            let span = self.true_time(start, end)?.clip(present);
            (!span.is_empty()).then_some(span)
        });
        let mut spans: Vec<Span> = spans.collect();
        spans.sort_unstable();
        spans
    }

    fn staffing(&self, key: &ShiftKey) -> Staffing {
        let shifts = &self.definition.shifts;
        let def = shifts.iter().find(|def| *def.name == *key.shift);
        let planned = def.and_then(|def| def.planned_headcount);
        let entry = self.roster.get(key);
        let present = entry.and_then(|entry| entry.headcount);
        let source = match (present, planned) {
            (Some(_), _) => HeadcountSource::Roster,
            (None, Some(_)) => HeadcountSource::Planned,
            (None, None) => HeadcountSource::Unknown,
        };
        Staffing {
            headcount: present.or(planned),
            planned,
            source,
            experience_share: entry.and_then(|entry| entry.experience_share),
        }
    }

    /// Names of all shifts, those of extra ones included.
    pub(super) fn shift_names(&self) -> impl Iterator<Item = &str> {
        let extra = self
            .definition
            .exceptions
            .iter()
            .filter_map(|e| match &e.change {
                Change::Extra { shift, .. } => Some(shift.as_str()),
                _ => None,
            });
        self.names.iter().map(|name| &**name).chain(extra)
    }
}

fn apply(shifts: &mut Vec<Nominal>, date: Date, change: &Change) {
    match change {
        Change::Closed => shifts.clear(),
        Change::Cancelled { shift } => shifts.retain(|s| *s.key.shift != **shift),
        Change::Extra { shift, start, end } => {
            let shift = Arc::from(shift.as_str());
            let key = ShiftKey { date, shift };
            shifts.extend(Nominal::new(key, *start, *end, ShiftKind::Extra));
        }
        Change::Times { shift, start, end } => {
            for s in shifts.iter_mut().filter(|s| *s.key.shift == **shift) {
                if let Some(moved) = Nominal::new(s.key.clone(), *start, *end, ShiftKind::Changed) {
                    (s.start, s.end, s.kind) = (moved.start, moved.end, moved.kind);
                }
            }
        }
        Change::Crew { shift, crew } => {
            for s in shifts.iter_mut().filter(|s| *s.key.shift == **shift) {
                s.crews = vec![Arc::from(crew.as_str())];
                s.kind = s.kind.max(ShiftKind::Changed);
            }
        }
    }
}

/// Seconds since midnight by the clock.
pub(super) fn second_of_day(time: Time) -> i64 {
    i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

fn second_of(local: DateTime) -> i64 {
    let days = date(2000, 1, 1)
        .until(local.date())
        .map_or(0, |distance| i64::from(distance.get_days()));
    days * 86_400 + second_of_day(local.time())
}
