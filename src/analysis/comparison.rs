//! Shifts, crews, machines and products compared at the same circumstances.
//!
//! One record is one production day, shift, work unit and product; what was made and how, and under which circumstances.
//! Circumstances that planning gives (people, machine, product, changeovers) are adjusted for; what a shift does itself
//! (minor stops, breakdowns, scrap) is conduct, and only looked at in the hints.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::account::account;
use super::error::AnalysisError;
use super::period::Period;
use super::plant::Plant;
use super::records::{People, Records};
use crate::compare::{Factor, NewProducts, Outcome, Report, Request, compare_metrics};
use crate::config::Config;
use crate::history::Reader;
use crate::model::Timestamp;
use crate::production::calendar::ShiftKey;
use crate::production::elements::Element;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
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
    /// What is compared: at least one, each once.
    pub of: Vec<Metric>,
    /// Between what.
    pub by: Group,
    /// For [`Group::Period`]: the second period begins on this production day.
    pub since: Option<String>,
    /// Levels to compare, the first is the base; all when it is empty.
    pub levels: Vec<String>,
    /// Smallest difference that matters, in the unit of the metric; of one metric only.
    pub relevance: Option<f64>,
    /// Circumstances that are not adjusted for: `headcount`, `experience`, `machine`, `product`, `changeovers`, `crew`.
    pub without: Vec<String>,
}

/// Answers a question about a comparison, one report for each metric. Among several the share of false differences is
/// bounded.
pub(super) fn compare_periods(
    question: &CompareQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<Vec<Report>, AnalysisError> {
    check(question)?;
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
    let frame = records.frame(question.since.as_deref())?;
    let requests = question
        .of
        .iter()
        .map(|of| request(*of, question, &records));
    Ok(compare_metrics(&requests.collect::<Vec<_>>(), &frame)?)
}

/// Circumstances that may be left out.
const CIRCUMSTANCES: [&str; 6] = [
    "headcount",
    "experience",
    "machine",
    "product",
    "changeovers",
    "crew",
];

/// A name that means nothing would change nothing, and a day that is none would cut anywhere.
fn check(question: &CompareQuestion) -> Result<(), AnalysisError> {
    let unknown = |what, name: &str, allowed: String| {
        Err(AnalysisError::Unknown {
            what,
            name: name.to_owned(),
            allowed,
        })
    };
    let metrics: BTreeSet<Metric> = question.of.iter().copied().collect();
    if metrics.is_empty() || metrics.len() < question.of.len() {
        let why = "what is compared is named once each: rate, oee, scrap, cycle, stops";
        return Err(AnalysisError::Refused(why.to_owned()));
    }
    if metrics.len() > 1 && question.relevance.is_some() {
        let why = "--relevance is in the unit of what is compared; allowed: with one --of";
        return Err(AnalysisError::Refused(why.to_owned()));
    }
    let is_known = |name: &&String| CIRCUMSTANCES.contains(&name.as_str());
    if let Some(name) = question.without.iter().find(|name| !is_known(name)) {
        return unknown("circumstance", name, CIRCUMSTANCES.join(", "));
    }
    match &question.since {
        Some(since) if since.parse::<Date>().is_err() => {
            unknown("production day", since, "a day as 2026-03-29".to_owned())
        }
        None if question.by == Group::Period => Err(AnalysisError::Refused(
            "periods are told apart by --since, the first production day of the second".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn request(of: Metric, question: &CompareQuestion, records: &Records) -> Request {
    let group = match question.by {
        Group::Shift => "shift",
        Group::Crew => "crew",
        Group::WorkUnit => "machine",
        Group::Product => "product",
        Group::Period => "period",
    };
    let (outcome, unit) = outcome(of);
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
    if is_wanted("changeovers") && of == Metric::Oee {
        context.push(Factor::numeric("changeovers").explains("changeovers"));
    }
    let conduct = ["minor_stops_per_h", "breakdowns_per_h"];
    let conduct = conduct
        .into_iter()
        .filter(|_| of != Metric::Stops)
        .map(Factor::numeric);
    let has_crews = is_wanted("crew") && records.knows(|record| !record.people.crew.is_empty());
    Request {
        unit: unit.to_owned(),
        levels: question.levels.clone(),
        context,
        conduct: conduct.collect(),
        crew: has_crews.then(|| "crew".to_owned()),
        relevance: question.relevance,
        persons: BTreeMap::from([("crew".to_owned(), records.persons())]),
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

#[cfg(test)]
mod tests {
    use super::super::records::Record;
    use super::*;
    use crate::production::elements::{Elements, Output};

    fn question(by: Group, since: Option<&str>, without: &[&str]) -> CompareQuestion {
        CompareQuestion {
            period: Period {
                from: "7d".to_owned(),
                to: None,
            },
            work_units: Vec::new(),
            of: vec![Metric::Rate],
            by,
            since: since.map(str::to_owned),
            levels: Vec::new(),
            relevance: None,
            without: without.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[track_caller]
    fn refused(question: &CompareQuestion, why: &str) {
        let error = check(question).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn what_would_mean_nothing_is_refused() {
        let misspelt = question(Group::Shift, None, &["crew", "machines"]);
        refused(&misspelt, "\"machines\"; allowed: headcount, experience");
        let no_day = question(Group::Period, Some("yesterday"), &[]);
        refused(&no_day, "\"yesterday\"; allowed: a day as 2026-03-29");
        refused(&question(Group::Period, None, &[]), "--since");
        let many = |of: &[Metric], relevance| CompareQuestion {
            of: of.to_vec(),
            relevance,
            ..question(Group::Shift, None, &[])
        };
        refused(&many(&[], None), "named once each: rate, oee");
        refused(&many(&[Metric::Oee, Metric::Oee], None), "named once each");
        refused(
            &many(&[Metric::Oee, Metric::Rate], Some(1.0)),
            "with one --of",
        );
        assert!(check(&many(&[Metric::Oee, Metric::Rate], None)).is_ok());
        let good = question(Group::Period, Some("2026-03-29"), &["crew"]);
        assert!(check(&good).is_ok());
    }

    #[test]
    fn a_crew_is_as_many_as_were_ever_there() {
        let record = |crew: &str, headcount| Record {
            day: "2026-03-29".to_owned(),
            shift: "early".to_owned(),
            machine: "press".to_owned(),
            product: "A".to_owned(),
            people: People {
                crew: crew.to_owned(),
                headcount,
                experience: None,
            },
            elements: Elements::default(),
            output: Output::default(),
            stops: [0.0; 2],
        };
        let records = Records(vec![
            record("north", Some(3)),
            record("north", Some(4)),
            record("south", Some(9)),
            record("", Some(2)),
            record("west", None),
        ]);
        let request = request(Metric::Rate, &question(Group::Crew, None, &[]), &records);
        let crews = &request.persons["crew"];
        assert_eq!(crews.len(), 2, "{crews:?}");
        assert_eq!((crews["north"], crews["south"]), (4, 9));
    }
}
