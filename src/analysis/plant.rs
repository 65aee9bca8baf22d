//! The plant as it is known when a question is asked: its configuration, and the master data that was taken in.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::error::AnalysisError;
use super::period::Period;
use super::stored::{
    LATE_REJECTS, LateRejectsV1, PLANNED_STOP, PlannedStopV1, ProductV1, ReasonV1, RosterV1,
    content,
};
use crate::config::{Config, ShiftCalendar, WorkUnit};
use crate::history::{Event, EventKind, EventQuery, Reader};
use crate::model::Timestamp;
use crate::production::calendar::{Calendar, CalendarError, Change, Exception, RosterEntry};
use crate::production::product::{Catalogue, IdealCycle, Product, is_ideal_cycle};
use crate::production::span::Span;

/// Most master data of a kind.
const FACTS_MAX: usize = 2_000_000;
/// A time before and after every other.
pub(super) const EVER: (Timestamp, Timestamp) = (
    Timestamp::from_nanos(i64::MIN),
    Timestamp::from_nanos(i64::MAX),
);

/// Time and subject of something that was taken in, and what it says.
pub(super) type Fact<T> = (Timestamp, String, T);

/// Configuration and master data.
#[derive(Debug)]
pub(super) struct Plant<'a> {
    pub(super) config: &'a Config,
    pub(super) reader: &'a Reader,
    pub(super) catalogue: Catalogue,
    calendars: Calendars,
    /// What was said of each product, with the time from which it holds, in order of it.
    specs: BTreeMap<String, Vec<(Timestamp, ProductV1)>>,
    /// With the work unit in place of the subject.
    pub(super) reasons: Vec<Fact<ReasonV1>>,
    pub(super) late: Vec<Fact<LateRejectsV1>>,
    pub(super) planned: Vec<Fact<PlannedStopV1>>,
}

impl<'a> Plant<'a> {
    /// Reads the master data.
    pub(super) fn load(config: &'a Config, reader: &'a Reader) -> Result<Self, AnalysisError> {
        let read = |kind| events(reader, kind);
        let products: Vec<Fact<ProductV1>> = facts(read(EventKind::PRODUCT)?);
        let roster = roster(config, &read(EventKind::STAFFING)?);
        let catalogue = catalogue(config, &products)?;
        let mut specs: BTreeMap<String, Vec<(Timestamp, ProductV1)>> = BTreeMap::new();
        for (valid_from, id, product) in products {
            specs.entry(id).or_default().push((valid_from, product));
        }
        Ok(Self {
            config,
            reader,
            catalogue,
            calendars: Calendars::new(config, &roster)?,
            specs,
            reasons: facts(read(EventKind::REASON_EDIT)?)
                .into_iter()
                .map(|(at, subject, said): Fact<ReasonV1>| {
                    (at, said.work_unit(&subject).to_owned(), said)
                })
                .collect(),
            late: facts(read(LATE_REJECTS)?),
            planned: facts(read(PLANNED_STOP)?),
        })
    }

    /// What was said of a product, and from when on it holds, in order of time.
    pub(super) fn specs_of(&self, product: &str) -> &[(Timestamp, ProductV1)] {
        self.specs.get(product).map_or(&[], Vec::as_slice)
    }

    /// The shifts of one work unit, with the people who worked them.
    pub(super) fn calendar_of(&self, unit: &WorkUnit) -> Result<&Calendar, AnalysisError> {
        let own = self.calendars.own.get(&unit.name);
        own.map(Arc::as_ref).ok_or(AnalysisError::NoCalendar)
    }

    /// The shifts of the plant, with the people who worked them.
    pub(super) fn calendar(&self) -> Result<&Calendar, AnalysisError> {
        let plant = self.calendars.plant.as_deref();
        plant.ok_or(AnalysisError::NoCalendar)
    }

    /// Planned stops of one work unit besides the breaks of its shifts.
    pub(super) fn planned_of(&self, unit: &WorkUnit) -> Vec<Span> {
        let own = self
            .planned
            .iter()
            .filter(|(_, name, _)| *name == unit.name);
        own.map(|(start, _, stop)| Span::new(*start, Timestamp::from_nanos(stop.end_ns)))
            .collect()
    }

    /// The span of a period, by the shifts of the plant.
    pub(super) fn span(&self, period: &Period, now: Timestamp) -> Result<Span, AnalysisError> {
        let zone = &self.config.gateway.time_zone;
        Ok(period.span(Some(self.calendar()?), zone, now)?)
    }

    /// The work units of these names; all when none are named.
    pub(super) fn work_units(&self, names: &[String]) -> Result<Vec<&'a WorkUnit>, AnalysisError> {
        let all = &self.config.production.work_units;
        if all.is_empty() {
            return Err(AnalysisError::NoWorkUnits);
        }
        if names.is_empty() {
            return Ok(all.iter().collect());
        }
        names.iter().map(|name| self.work_unit(name)).collect()
    }

    /// The work unit of this name.
    pub(super) fn work_unit(&self, name: &str) -> Result<&'a WorkUnit, AnalysisError> {
        let all = &self.config.production.work_units;
        let names = || all.iter().map(|unit| unit.name.as_str());
        let unit = all.iter().find(|unit| unit.name == name);
        unit.ok_or_else(|| AnalysisError::Unknown {
            what: "work unit",
            name: name.to_owned(),
            allowed: names().collect::<Vec<_>>().join(", "),
        })
    }
}

/// Shifts with the people who worked them; none without a calendar.
#[derive(Debug, Default)]
struct Calendars {
    plant: Option<Arc<Calendar>>,
    /// By work unit; machines with the same shifts share them.
    own: BTreeMap<String, Arc<Calendar>>,
}

impl Calendars {
    fn new(config: &Config, roster: &[RosterV1]) -> Result<Self, AnalysisError> {
        let Some(shifts) = &config.production.calendar else {
            return Ok(Self::default());
        };
        let crews = crews(config, roster);
        let roster: Vec<RosterEntry> = roster.iter().filter_map(roster_entry).collect();
        let plant = Arc::new(staffed(&shifts.plant, &roster, &crews)?);
        let mut known = vec![(shifts.plant.clone(), Arc::clone(&plant))];
        let mut own = BTreeMap::new();
        for unit in &config.production.work_units {
            let calendar = shifts.of(&unit.name, &unit.shifts);
            let same = known.iter().find(|(planned, _)| *planned == calendar);
            let with_people = match same {
                Some((_, with_people)) => Arc::clone(with_people),
                None => Arc::new(staffed(&calendar, &roster, &crews)?),
            };
            own.insert(unit.name.clone(), Arc::clone(&with_people));
            known.push((calendar, with_people));
        }
        Ok(Self {
            plant: Some(plant),
            own,
        })
    }
}

fn staffed(
    calendar: &Calendar,
    roster: &[RosterEntry],
    crews: &[Exception],
) -> Result<Calendar, AnalysisError> {
    let mut definition = calendar.definition().clone();
    // What is told of a shift that did not take place here belongs to other machines.
    let takes_place = |date, name: &str| {
        let shifts = calendar.on(date);
        shifts.iter().any(|shift| *shift.key.shift == *name)
    };
    let here = roster
        .iter()
        .filter(|entry| takes_place(entry.date, &entry.shift));
    definition.roster = here.cloned().collect();
    let crews = crews.iter().filter(|exception| match &exception.change {
        Change::Crew { shift, .. } => takes_place(exception.date, shift),
        _ => false,
    });
    definition.exceptions.extend(crews.cloned());
    Calendar::new(definition).map_err(|errors| {
        let first = errors.into_iter().next();
        AnalysisError::Roster(first.unwrap_or(CalendarError::Shifts(0)))
    })
}

/// Events with their content; those that cannot be read are left out.
pub(super) fn facts<T: DeserializeOwned>(events: Vec<Event>) -> Vec<Fact<T>> {
    let fact = |event: Event| {
        let said = content(&event)?;
        Some((event.time, event.subject, said))
    };
    events.into_iter().filter_map(fact).collect()
}

/// All events of a kind.
pub(super) fn events(reader: &Reader, kind: EventKind) -> Result<Vec<Event>, AnalysisError> {
    let (from, to) = EVER;
    let query = EventQuery {
        kinds: vec![kind],
        subject: None,
        from,
        to,
        limit: FACTS_MAX,
    };
    all(reader, query, "facts of one kind")
}

/// The events of a query for one kind; more than its limit are refused.
pub(super) fn all(
    reader: &Reader,
    query: EventQuery,
    what: &'static str,
) -> Result<Vec<Event>, AnalysisError> {
    let limit = query.limit;
    let found = reader.events(&EventQuery {
        limit: limit.saturating_add(1),
        ..query
    })?;
    if found.len() > limit {
        return Err(AnalysisError::TooManyEvents { what, limit });
    }
    Ok(found)
}

/// Products of the configuration with the ideal cycles that were taken in; what was taken in wins from its time on.
fn catalogue(config: &Config, taken: &[Fact<ProductV1>]) -> Result<Catalogue, AnalysisError> {
    let configured = config.production.products.iter();
    let mut products: BTreeMap<String, Product> = configured
        .map(|product| (product.id.clone(), product.clone()))
        .collect();
    // Those that were taken in when more was allowed are left out.
    let taken = taken
        .iter()
        .filter(|(.., version)| is_ideal_cycle(version.ideal_cycle_s));
    for (valid_from, id, version) in taken {
        let product = products.entry(id.clone()).or_insert_with(|| Product {
            id: id.clone(),
            family: None,
            ideal: Vec::new(),
        });
        if !version.family.is_empty() {
            product.family = Some(version.family.clone());
        }
        product
            .ideal
            .retain(|ideal| ideal.valid_from != *valid_from);
        let newest = product
            .ideal
            .iter()
            .map(|ideal| ideal.version)
            .max()
            .unwrap_or(0);
        product.ideal.push(IdealCycle {
            version: newest.saturating_add(1),
            valid_from: *valid_from,
            pru_s: version.ideal_cycle_s,
        });
    }
    for unit in &config.production.work_units {
        if let Some(cycle) = unit.ideal_cycle {
            let product = own_product(&unit.name);
            products.insert(
                product.clone(),
                Product {
                    id: product,
                    family: None,
                    ideal: vec![IdealCycle {
                        version: 1,
                        valid_from: EVER.0,
                        pru_s: cycle.as_secs_f64(),
                    }],
                },
            );
        }
    }
    Ok(Catalogue::new(products.into_values().collect())?)
}

/// What a work unit makes that has no tag for its product.
pub(super) fn own_product(work_unit: &str) -> String {
    format!("product of {work_unit}")
}

fn roster_entry(row: &RosterV1) -> Option<RosterEntry> {
    Some(RosterEntry {
        date: row.date.parse().ok()?,
        shift: row.shift.clone(),
        headcount: row.headcount,
        experience_share: row.experience_share,
    })
}

/// What was told last of each shift. A crew that the pattern has no longer is that of nobody.
fn roster(config: &Config, events: &[Event]) -> Vec<RosterV1> {
    let calendar = config.production.calendar.as_ref();
    let crews = calendar.and_then(ShiftCalendar::crew_names);
    let is_known = |crew: &String| {
        crews
            .as_ref()
            .is_none_or(|crews| crews.contains(crew.as_str()))
    };
    let mut last: BTreeMap<(String, String), RosterV1> = BTreeMap::new();
    for mut row in events.iter().filter_map(content::<RosterV1>) {
        row.crew = row.crew.filter(is_known);
        last.insert((row.date.clone(), row.shift.clone()), row);
    }
    last.into_values().collect()
}

/// Crews that worked another shift than the pattern says, or any shift where there is no pattern.
fn crews(config: &Config, roster: &[RosterV1]) -> Vec<Exception> {
    let Some(shifts) = &config.production.calendar else {
        return Vec::new();
    };
    let differs = |row: &&RosterV1| {
        let (Some(crew), Ok(date)) = (&row.crew, row.date.parse()) else {
            return false;
        };
        let planned = shifts.plant.on(date);
        let shift = planned.iter().find(|shift| *shift.key.shift == *row.shift);
        shift.is_some_and(|shift| !shift.crews.iter().any(|planned| **planned == **crew))
    };
    let exception = |row: &RosterV1| {
        Some(Exception {
            date: row.date.parse().ok()?,
            reason: "roster".to_owned(),
            change: Change::Crew {
                shift: row.shift.clone(),
                crew: row.crew.clone()?,
            },
        })
    };
    roster
        .iter()
        .filter(differs)
        .filter_map(exception)
        .collect()
}

/// A shared text.
pub(super) fn arc(text: &str) -> Option<Arc<str>> {
    let text = text.trim();
    (!text.is_empty()).then(|| Arc::from(text))
}
