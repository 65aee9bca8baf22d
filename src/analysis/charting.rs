//! What a quality chart is drawn from: the readings of a tag in a period, or counts of its shifts, by product.

use std::collections::BTreeMap;
use std::time::Duration;

use super::books::BookKey;
use super::counts::{Counts, CountsOf, CountsPer, Sampled, Strata, counts};
use super::error::AnalysisError;
use super::plant::Plant;
use super::spc::{self, Exclusion, SpcQuestion};
use crate::config::{Config, WorkUnit};
use crate::history::Reader;
use crate::model::{TagId, Timestamp};
use crate::production::span::Span;
use crate::quality::phase::AssignableCause;
use crate::quality::study::{Observation, Study, strata};

/// Stands for the product of a chart that several share.
const SEVERAL: &str = "several";

/// What is charted: the readings of a tag in a period, or counts, by product.
pub(super) struct Charting<'a> {
    pub(super) plant: Plant<'a>,
    pub(super) span: Span,
    /// The tag, unless counts are charted.
    pub(super) tag: Option<TagId>,
    /// Where the tag stands.
    pub(super) unit: Option<&'a WorkUnit>,
    /// By product and machine; never empty.
    pub(super) strata: Strata,
    /// Of counts: when the pieces of each sample were made.
    pub(super) sampled: Sampled,
    /// What could be in none of them, in words.
    pub(super) asides: Vec<String>,
}

impl<'a> Charting<'a> {
    /// Fetches the readings.
    pub(super) fn of(
        question: &SpcQuestion,
        config: &'a Config,
        reader: &'a Reader,
        now: Timestamp,
    ) -> Result<Self, AnalysisError> {
        let plant = Plant::load(config, reader)?;
        let span = if config.production.calendar.is_some() {
            plant.span(&question.period, now)?
        } else {
            question.period.span(None, &config.gateway.time_zone, now)?
        };
        let mut charting = Self {
            plant,
            span,
            tag: None,
            unit: None,
            strata: BTreeMap::new(),
            sampled: BTreeMap::new(),
            asides: Vec::new(),
        };
        match &question.counts {
            Some(of) => charting.count(of, question.pooled, now)?,
            None => charting.measure(question)?,
        }
        if let Some(wanted) = &question.product {
            charting.strata.retain(|(product, _), _| product == wanted);
        }
        if charting.strata.is_empty() {
            return Err(AnalysisError::Refused(nothing(question, span)));
        }
        Ok(charting)
    }

    fn count(&mut self, of: &CountsOf, pooled: bool, now: Timestamp) -> Result<(), AnalysisError> {
        let Counts {
            strata,
            sampled,
            asides,
        } = counts(of, &self.plant, (self.span, now), pooled)?;
        (self.strata, self.sampled, self.asides) = (strata, sampled, asides);
        Ok(())
    }

    fn measure(&mut self, question: &SpcQuestion) -> Result<(), AnalysisError> {
        let tag = spc::find_tag(self.plant.config, &question.tag)?;
        self.tag = Some(tag);
        self.unit = spc::work_unit_of(self.plant.config, tag);
        let observations = spc::observations(question, &self.plant, (tag, self.unit), self.span)?;
        self.strata = if question.from_nominal {
            of_machines(nominal(question, &self.plant, observations)?)
        } else {
            strata(&observations)
        };
        Ok(())
    }

    /// What a product is studied by.
    pub(super) fn study(
        &self,
        question: &SpcQuestion,
        product: &str,
    ) -> Result<Study, AnalysisError> {
        spc::study(question, &self.plant, product, self.span.end)
    }

    /// Moment after the readings that limits are learned from.
    pub(super) fn learned_to(&self, question: &SpcQuestion) -> Result<Timestamp, AnalysisError> {
        let until = question
            .learn_until
            .as_deref()
            .map(spc::moment)
            .transpose()?;
        Ok(until.map_or(self.span.end, |until| until.min(self.span.end)))
    }

    /// The points that are left out, each with its cause. Their times are those of points, to the millisecond.
    pub(super) fn causes(
        &self,
        question: &SpcQuestion,
        now: Timestamp,
    ) -> Result<Vec<AssignableCause>, AnalysisError> {
        let points = self.strata.values().flatten();
        let points: Vec<Timestamp> = points.map(|point| point.at).collect();
        let cause = |exclusion: &Exclusion| {
            let at = spc::moment(&exclusion.at)?;
            let by = question.role()?;
            let near = points
                .iter()
                .min_by_key(|point| point.nanos_since(at).abs());
            let near = near.copied().unwrap_or_default();
            if near.as_millis() != at.as_millis() {
                return Err(AnalysisError::Unknown {
                    what: "point to exclude at",
                    name: exclusion.at.clone(),
                    allowed: format!("the time of a point of the chart; the nearest is {near}"),
                });
            }
            let cause = AssignableCause::new(near, &exclusion.cause, by.as_str(), now);
            cause.map_err(AnalysisError::from)
        };
        question.learn.exclude.iter().map(cause).collect()
    }
}

impl SpcQuestion {
    /// What the limits of a product on a machine are kept by.
    pub(super) fn book_key(&self, (product, machine): &(String, String)) -> BookKey {
        let scope = match (self.from_nominal, self.pooled) {
            (true, _) => "nominal",
            (false, true) => "pooled",
            (false, false) => "product",
        };
        let per = match self.counts.as_ref().map(|of| of.per) {
            Some(CountsPer::Shift) => " per shift",
            Some(CountsPer::Day) => " per day",
            None => "",
        };
        BookKey {
            scope: format!("{scope}{per}"),
            product: product.clone(),
            machine: machine.clone(),
        }
    }
}

fn nothing(question: &SpcQuestion, span: Span) -> String {
    let of = question.product.as_ref();
    let of = of.map_or_else(String::new, |product| format!(" of product `{product}`"));
    let (what, from, to) = (question.characteristic(), span.start, span.end);
    let reading = if question.counts.is_some() {
        "no sample"
    } else {
        "no Good reading"
    };
    format!("`{what}` has {reading}{of} from {from} to {to}")
}

/// All products of a machine together.
fn of_machines(observations: Vec<Observation>) -> Strata {
    let mut split = Strata::new();
    for observation in observations {
        let key = (SEVERAL.to_owned(), observation.machine.clone());
        split.entry(key).or_default().push(observation);
    }
    split
}

/// The readings with the nominal value of their product.
fn nominal(
    question: &SpcQuestion,
    plant: &Plant<'_>,
    observations: Vec<Observation>,
) -> Result<Vec<Observation>, AnalysisError> {
    let with_nominal = |observation: Observation| {
        let after = observation.at.saturating_add(Duration::from_nanos(1));
        let spec = spc::measured(question, plant, &observation.product, after);
        let nominal = spec.and_then(|spec| spec.nominal);
        let nominal = nominal.ok_or_else(|| {
            AnalysisError::Refused(format!(
                "product `{}`, made at {}, has no nominal value of `{}`; allowed: products whose table (andon intake) gives characteristic and nominal",
                observation.product, observation.at, question.tag
            ))
        })?;
        Ok(Observation {
            nominal: Some(nominal),
            ..observation
        })
    };
    observations.into_iter().map(with_nominal).collect()
}
