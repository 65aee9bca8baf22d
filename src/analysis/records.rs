//! What a machine made of a product in a shift, with the people of the shift: the records of a comparison.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::error::AnalysisError;
use crate::compare::{CompareError, Frame};
use crate::production::atoms::Atom;
use crate::production::calendar::ShiftKey;
use crate::production::elements::{Elements, Output};
use crate::production::kpi::{Figures, Rules};

/// Shortest production of a record: less says nothing about a rate.
const BUSY_S_MIN: f64 = 600.0;

/// People of a shift, as counts.
#[derive(Debug, Clone, Default)]
pub(super) struct People {
    pub(super) crew: String,
    pub(super) headcount: Option<u32>,
    pub(super) experience: Option<f64>,
}

/// One record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) day: String,
    pub(super) shift: String,
    pub(super) machine: String,
    pub(super) product: String,
    pub(super) people: People,
    pub(super) elements: Elements,
    pub(super) output: Output,
    /// Stops of the whole shift on the machine, by the record's part of its time: breakdowns, minor ones.
    pub(super) stops: [f64; 2],
}

#[derive(Debug, Default)]
pub(super) struct Records(pub(super) Vec<Record>);

impl Records {
    pub(super) fn add_unit(
        &mut self,
        unit: &str,
        atoms: &[Atom],
        people: &BTreeMap<ShiftKey, People>,
        stops: &BTreeMap<ShiftKey, [f64; 2]>,
    ) {
        let mut runs: BTreeMap<(ShiftKey, Option<Arc<str>>), Record> = BTreeMap::new();
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

    pub(super) fn frame(&self, since: Option<&str>) -> Result<Frame, AnalysisError> {
        let numbers = |value: fn(&Record) -> f64| self.0.iter().map(value).collect::<Vec<f64>>();
        let labels = |value: fn(&Record) -> &str| self.0.iter().map(value).collect::<Vec<&str>>();
        let since = since.unwrap_or_default();
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
    fn figures(&self, frame: Frame) -> Result<Frame, CompareError> {
        let numbers = |value: fn(&Record) -> f64| self.0.iter().map(value).collect::<Vec<f64>>();
        let hours = |time: Duration| time.as_secs_f64() / 3_600.0;
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

    /// How many persons a crew is: as many as were ever there.
    pub(super) fn persons(&self) -> BTreeMap<String, u32> {
        let mut crews: BTreeMap<String, u32> = BTreeMap::new();
        let told = self
            .0
            .iter()
            .filter(|record| !record.people.crew.is_empty());
        for People {
            crew, headcount, ..
        } in told.map(|record| &record.people)
        {
            if let Some(count) = headcount {
                let most = crews.entry(crew.clone()).or_default();
                *most = (*most).max(*count);
            }
        }
        crews
    }

    pub(super) fn knows(&self, value: impl Fn(&Record) -> bool) -> bool {
        self.0.iter().any(value)
    }
}
