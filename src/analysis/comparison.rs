//! Shifts, crews, machines and products compared at the same circumstances.
//!
//! One record is one production day, shift, work unit and product; what was made and how, and under which circumstances.
//! Circumstances that planning gives (people, machine, product, changeovers) are adjusted for; what a shift does itself
//! (minor stops, breakdowns, scrap) is conduct, and only looked at in the hints.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::account::account;
use super::error::AnalysisError;
use super::period::Period;
use super::plant::Plant;
use crate::compare::{Factor, Frame, NewProducts, Outcome, Report, Request, compare};
use crate::config::Config;
use crate::history::Reader;
use crate::model::Timestamp;
use crate::production::atoms::Atom;
use crate::production::calendar::ShiftKey;
use crate::production::elements::{Element, Elements, Output};
use crate::production::kpi::{Figures, Rules};

/// Shortest production of a record: less says nothing about a rate.
const BUSY_S_MIN: f64 = 600.0;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Pieces per hour of production time.
    Rate,
    /// Overall equipment effectiveness.
    Oee,
    /// Share of pieces scrapped.
    Scrap,
    /// Seconds per piece of production time, by the ideal cycle: 1 is as fast as ideal.
    Cycle,
    /// Stops, minor ones included, per hour of planned busy time.
    Stops,
}

/// What is compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Shifts by name.
    Shift,
    /// Crews.
    Crew,
    /// Work units.
    WorkUnit,
    /// Products.
    Product,
    /// Before and from a moment on.
    Period,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompareQuestion {
    /// Of when.
    pub period: Period,
    /// Names of work units; all when none are named.
    pub work_units: Vec<String>,
    /// What is compared.
    pub of: Metric,
    /// Between what.
    pub by: Group,
    /// For [`Group::Period`]: the second period begins on this production day.
    pub since: Option<String>,
    /// Levels to compare, the first is the base; all when it is empty.
    pub levels: Vec<String>,
    /// Smallest difference that matters, in the unit of the metric.
    pub relevance: Option<f64>,
    /// Circumstances that are not adjusted for: `headcount`, `experience`, `machine`, `product`, `changeovers`, `crew`.
    pub without: Vec<String>,
}

/// Answers a question about a comparison.
pub(super) fn compare_periods(
    question: &CompareQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<Report, AnalysisError> {
    let plant = Plant::load(config, reader)?;
    let span = plant.span(&question.period, now)?;
    let mut records = Records::default();
    for unit in plant.work_units(&question.work_units)? {
        let account = account(&plant, unit, (span, now))?;
        let shifts = plant.calendar_of(unit)?;
        let people: BTreeMap<ShiftKey, People> = shifts
            .instances(span.start, span.end)
            .map(|shift| {
                let people = People {
                    crew: shift.crew(),
                    headcount: shift.staffing.headcount,
                    experience: shift.staffing.experience_share,
                };
                (shift.key, people)
            })
            .collect();
        let mut stops: BTreeMap<ShiftKey, [f64; 2]> = BTreeMap::new();
        for stop in account.stops {
            let place = usize::from(stop.downtime.element == Element::Minor);
            let counts = matches!(stop.downtime.element, Element::Stop | Element::Minor);
            if let Some(shift) = stop.shift.filter(|_| counts)
                && let Some(count) = stops.entry(shift).or_default().get_mut(place)
            {
                *count += 1.0;
            }
        }
        records.add_unit(&unit.name, &account.atoms, &people, &stops);
    }
    let frame = records.frame(question)?;
    let request = request(question, &records);
    Ok(compare(&request, &frame)?)
}

/// People of a shift, as counts.
#[derive(Debug, Clone, Default)]
struct People {
    crew: String,
    headcount: Option<u32>,
    experience: Option<f64>,
}

/// One record.
#[derive(Debug, Clone)]
struct Record {
    day: String,
    shift: String,
    machine: String,
    product: String,
    people: People,
    elements: Elements,
    output: Output,
    /// Stops of the whole shift on the machine, by the record's part of its time: breakdowns, minor ones.
    stops: [f64; 2],
}

#[derive(Debug, Default)]
struct Records(Vec<Record>);

impl Records {
    fn add_unit(
        &mut self,
        unit: &str,
        atoms: &[Atom],
        people: &BTreeMap<ShiftKey, People>,
        stops: &BTreeMap<ShiftKey, [f64; 2]>,
    ) {
        let mut runs: BTreeMap<(ShiftKey, Option<std::sync::Arc<str>>), Record> = BTreeMap::new();
        let mut busy: BTreeMap<&ShiftKey, f64> = BTreeMap::new();
        for atom in atoms {
            *busy.entry(&atom.key.shift).or_default() += atom.elements.pbt().as_secs_f64();
            let key = (atom.key.shift.clone(), atom.key.product.clone());
            let record = runs.entry(key).or_insert_with(|| Record {
                day: atom.production_day.to_string(),
                shift: atom.key.shift.shift.to_string(),
                machine: unit.to_owned(),
                product: atom.key.product.as_deref().unwrap_or_default().to_owned(),
                people: people.get(&atom.key.shift).cloned().unwrap_or_default(),
                elements: Elements::default(),
                output: Output::default(),
                stops: [0.0; 2],
            });
            record.elements += &atom.elements;
            record.output += &atom.output;
        }
        for ((shift, _), mut record) in runs {
            let part = record.elements.pbt().as_secs_f64()
                / busy.get(&shift).copied().unwrap_or(1.0).max(1.0);
            let of_shift = stops.get(&shift).copied().unwrap_or_default();
            record.stops = of_shift.map(|count| (count * part).round());
            let is_told =
                !record.product.is_empty() && record.elements.run.as_secs_f64() >= BUSY_S_MIN;
            if is_told {
                self.0.push(record);
            }
        }
    }

    fn frame(&self, question: &CompareQuestion) -> Result<Frame, AnalysisError> {
        let numbers = |value: fn(&Record) -> f64| self.0.iter().map(value).collect::<Vec<f64>>();
        let labels = |value: fn(&Record) -> &str| self.0.iter().map(value).collect::<Vec<&str>>();
        let since = question.since.as_deref().unwrap_or_default();
        let period = |record: &Record| {
            if record.day.as_str() < since {
                "before"
            } else {
                "since"
            }
        };
        let periods: Vec<&str> = self.0.iter().map(period).collect();
        let frame = Frame::new()
            .with_labels("day", &labels(|record| &record.day))
            .and_then(|frame| frame.with_labels("shift", &labels(|record| &record.shift)))
            .and_then(|frame| frame.with_labels("machine", &labels(|record| &record.machine)))
            .and_then(|frame| frame.with_labels("product", &labels(|record| &record.product)))
            .and_then(|frame| frame.with_labels("crew", &labels(|record| &record.people.crew)))
            .and_then(|frame| frame.with_labels("period", &periods))
            .and_then(|frame| {
                frame.with_numbers(
                    "headcount",
                    numbers(|record| record.people.headcount.map_or(f64::NAN, f64::from)),
                )
            })
            .and_then(|frame| {
                frame.with_numbers(
                    "experience",
                    numbers(|record| record.people.experience.unwrap_or(f64::NAN)),
                )
            })?;
        Ok(self.figures(frame)?)
    }

    /// What was made, and how.
    fn figures(&self, frame: Frame) -> Result<Frame, crate::compare::CompareError> {
        let numbers = |value: fn(&Record) -> f64| self.0.iter().map(value).collect::<Vec<f64>>();
        let hours = |time: std::time::Duration| time.as_secs_f64() / 3_600.0;
        let run_h: Vec<f64> = self
            .0
            .iter()
            .map(|record| hours(record.elements.run))
            .collect();
        let busy_h: Vec<f64> = self
            .0
            .iter()
            .map(|record| hours(record.elements.pbt()))
            .collect();
        let rate = |record: &Record| record.output.pieces / hours(record.elements.run);
        let per_busy_h = |place: usize| -> Vec<f64> {
            let rate = |record: &Record| {
                record.stops.get(place).copied().unwrap_or(0.0) / hours(record.elements.pbt())
            };
            self.0.iter().map(rate).collect()
        };
        let setup_share = |record: &Record| {
            record.elements.setup.as_secs_f64() / record.elements.pbt().as_secs_f64()
        };
        frame
            .with_numbers("run_h", run_h)?
            .with_numbers("busy_h", busy_h)?
            .with_numbers("rate", self.0.iter().map(rate).collect())?
            .with_numbers(
                "oee",
                numbers(|record| {
                    Figures::of(&record.elements, &record.output, Rules::default())
                        .oee
                        .unwrap_or(f64::NAN)
                }),
            )?
            .with_numbers(
                "slowness",
                numbers(|record| record.elements.run.as_secs_f64() / record.output.standard_s),
            )?
            .with_numbers("pieces", numbers(|record| record.output.pieces.round()))?
            .with_numbers("scrap", numbers(|record| record.output.scrap.round()))?
            .with_numbers("stops", numbers(|record| record.stops.iter().sum()))?
            .with_numbers("changeovers", self.0.iter().map(setup_share).collect())?
            .with_numbers("breakdowns_per_h", per_busy_h(0))?
            .with_numbers("minor_stops_per_h", per_busy_h(1))
    }

    fn knows(&self, value: impl Fn(&Record) -> bool) -> bool {
        self.0.iter().any(value)
    }
}

fn request(question: &CompareQuestion, records: &Records) -> Request {
    let group = match question.by {
        Group::Shift => "shift",
        Group::Crew => "crew",
        Group::WorkUnit => "machine",
        Group::Product => "product",
        Group::Period => "period",
    };
    let (outcome, unit) = outcome(question.of);
    let is_wanted =
        |name: &str| name != group && !question.without.iter().any(|without| without == name);
    let mut context = Vec::new();
    if is_wanted("headcount") && records.knows(|record| record.people.headcount.is_some()) {
        context.push(Factor::numeric("headcount").explains("staffing"));
    }
    if is_wanted("experience") && records.knows(|record| record.people.experience.is_some()) {
        context.push(Factor::numeric("experience").explains("staffing"));
    }
    if is_wanted("machine") {
        context.push(Factor::categorical("machine").explains("equipment"));
    }
    if is_wanted("product") {
        context.push(Factor::categorical("product").explains("product"));
    }
    if is_wanted("changeovers") && question.of == Metric::Oee {
        context.push(Factor::numeric("changeovers").explains("changeovers"));
    }
    let conduct = ["minor_stops_per_h", "breakdowns_per_h"];
    let conduct = conduct
        .into_iter()
        .filter(|_| question.of != Metric::Stops)
        .map(Factor::numeric);
    let has_crews = is_wanted("crew") && records.knows(|record| !record.people.crew.is_empty());
    Request {
        unit: unit.to_owned(),
        levels: question.levels.clone(),
        context,
        conduct: conduct.collect(),
        crew: has_crews.then(|| "crew".to_owned()),
        relevance: question.relevance,
        new_products: (question.by != Group::Product).then(|| NewProducts {
            product: "product".to_owned(),
            parts: "pieces".to_owned(),
        }),
        ..Request::new(outcome, group, "day")
    }
}

fn outcome(of: Metric) -> (Outcome, &'static str) {
    let name = str::to_owned;
    match of {
        Metric::Rate => {
            let (value, exposure) = (name("rate"), Some(name("run_h")));
            (Outcome::Rate { value, exposure }, "parts/h")
        }
        Metric::Oee => {
            let (value, exposure) = (name("oee"), Some(name("busy_h")));
            (Outcome::Rate { value, exposure }, "")
        }
        Metric::Scrap => {
            let (count, trials) = (name("scrap"), name("pieces"));
            (Outcome::Proportion { count, trials }, "")
        }
        Metric::Cycle => {
            let (value, exposure) = (name("slowness"), Some(name("run_h")));
            (Outcome::Duration { value, exposure }, "ideal cycles")
        }
        Metric::Stops => {
            let (events, exposure) = (name("stops"), name("busy_h"));
            (Outcome::Count { events, exposure }, "per h")
        }
    }
}
