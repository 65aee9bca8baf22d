//! Quality charts of a tag that carries measurements: each change of its value, or each sample, is a reading.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::counts::{Counts, CountsOf, counts};
use super::error::AnalysisError;
use super::gather::{Cursor, texts};
use super::oee::span_of;
use super::period::Period;
use super::plant::Plant;
use crate::config::{Config, WorkUnit};
use crate::history::{Export, Reader};
use crate::model::{TagId, Timestamp, Value};
use crate::production::span::Span;
use crate::quality::capability::Specification;
use crate::quality::charts::ChartKind;
use crate::quality::rules::RuleSet;
use crate::quality::study::{
    Observation, Sample, SpcReport, Study, WarningReport, run_study, strata,
};

/// Readings of a study at most.
const READINGS_MAX: usize = 200_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpcQuestion {
    /// The tag that is charted; empty where counts are.
    pub tag: String,
    /// Counts that are charted in its place.
    pub counts: Option<CountsOf>,
    /// Of when.
    pub period: Period,
    /// Kind of chart as `xbar_r`, `i_mr`; chosen by the data when it is left out.
    pub chart: Option<String>,
    /// Readings of a subgroup, 1 for single readings.
    pub subgroup: usize,
    /// Run rules as `nelson`, `western_electric`, `limits_only`, or a list as `1,2,5`; the usual ones of the chart when
    /// they are left out.
    pub rules: Option<String>,
    /// Lower specification limit.
    pub lsl: Option<f64>,
    /// Upper specification limit.
    pub usl: Option<f64>,
    /// Nominal value.
    pub target: Option<f64>,
    /// Limits are learned from what is before this; from everything when it is left out.
    pub learn_until: Option<String>,
    /// A reading is a change of the value only: a station that shows the last measurement until the next.
    pub changes_only: bool,
    /// One chart for all products.
    pub pooled: bool,
}

/// Answers a question about quality charts: one report for each product and machine.
pub(super) fn spc(
    question: &SpcQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<Vec<SpcReport>, AnalysisError> {
    let plant = Plant::load(config, reader)?;
    let calendar = config.production.calendar.as_ref();
    let span = if calendar.is_some() {
        span_of(&question.period, &plant, now)?
    } else {
        let span = question.period.span(None, &config.gateway.time_zone, now);
        span.map_err(|error| AnalysisError::Refused(error.to_string()))?
    };
    let Counts { strata, asides } = match &question.counts {
        Some(of) => counts(of, &plant, (span, now), question.pooled)?,
        None => measured(question, &plant, span)?,
    };
    let mut reports = Vec::new();
    let mut refused = Vec::new();
    for ((product, machine), observations) in strata {
        let study = study(question, &plant, &product)?;
        match run_study(&study, &observations) {
            Ok(studied) => reports.push(studied.report),
            Err(error) => refused.push(format!("{product} on {machine}: {error}")),
        }
    }
    // One product that was hardly made does not keep the others from being charted.
    match reports.first_mut() {
        Some(first) => first.warnings.extend(notes(refused, asides)),
        None if !refused.is_empty() => return Err(AnalysisError::Refused(refused.join("; "))),
        None => {}
    }
    if reports.is_empty() {
        let what = format!(
            "`{}` has no Good reading from {} to {}",
            question.tag, span.start, span.end
        );
        return Err(AnalysisError::Refused(what));
    }
    Ok(reports)
}

/// What is in no chart, told with the first.
fn notes(refused: Vec<String>, asides: Vec<String>) -> impl Iterator<Item = WarningReport> {
    let of_refused = refused.into_iter().map(|text| WarningReport {
        code: "not_charted",
        text: format!("not charted: {text}"),
    });
    of_refused.chain(asides.into_iter().map(|text| WarningReport {
        code: "counts_left_out",
        text,
    }))
}

/// Readings of the tag by product and machine.
fn measured(
    question: &SpcQuestion,
    plant: &Plant<'_>,
    span: Span,
) -> Result<Counts, AnalysisError> {
    let tag = find_tag(plant.config, &question.tag)?;
    let unit = work_unit_of(plant.config, tag);
    let observations = observations(question, plant, (tag, unit), span)?;
    Ok(Counts {
        strata: strata(&observations),
        ..Counts::default()
    })
}

fn find_tag(config: &Config, name: &str) -> Result<TagId, AnalysisError> {
    let tags = (0..).map(TagId).zip(&config.tags);
    let found = tags.into_iter().find(|(_, tag)| tag.name == name);
    found.map(|(id, _)| id).ok_or_else(|| {
        let names = config.tags.iter().map(|tag| tag.name.as_str());
        let near = crate::config::did_you_mean(name, names);
        AnalysisError::Unknown {
            what: "tag",
            name: name.to_owned(),
            allowed: format!("a tag of the configuration{near}"),
        }
    })
}

/// The work unit at whose place a tag stands.
fn work_unit_of(config: &Config, id: TagId) -> Option<&WorkUnit> {
    let tag = config.tag(id)?;
    let asset = config.asset(tag);
    let units = config.production.work_units.iter();
    units
        .filter(|unit| asset.is_within(&unit.asset))
        .max_by_key(|unit| unit.asset.to_string().len())
}

/// What a product is studied by: each has its own limits of specification.
fn study(question: &SpcQuestion, plant: &Plant<'_>, product: &str) -> Result<Study, AnalysisError> {
    let chart = question.chart.as_deref().map(|name| {
        ChartKind::parse(name).ok_or_else(|| AnalysisError::Unknown {
            what: "chart",
            name: name.to_owned(),
            allowed: "xbar_r, xbar_s, i_mr, ewma, cusum; of counts p, np, c, u, laney_p, laney_u, g, time_between"
                .to_owned(),
        })
    });
    let rules = question.rules.as_deref().map(|name| {
        RuleSet::parse(name).ok_or_else(|| AnalysisError::Unknown {
            what: "set of run rules",
            name: name.to_owned(),
            allowed: "standard, nelson, western_electric, limits_only, none, or rules as 1,2,5,6"
                .to_owned(),
        })
    });
    let is_of_counts = question.counts.is_some();
    let measured = plant.specs.get(product).filter(|spec| {
        let name = question
            .tag
            .rsplit_once('.')
            .map_or(question.tag.as_str(), |(_, name)| name);
        spec.characteristic == name && !is_of_counts
    });
    let lsl = question.lsl.or(measured.and_then(|spec| spec.lsl));
    let usl = question.usl.or(measured.and_then(|spec| spec.usl));
    let target = question.target.or(measured.and_then(|spec| spec.nominal));
    let specification = (lsl.is_some() || usl.is_some())
        .then(|| Specification::new(lsl, usl, target))
        .transpose()
        .map_err(|error| AnalysisError::Refused(error.to_string()))?;
    Ok(Study {
        chart: chart.transpose()?,
        rules: rules.transpose()?,
        specification,
        learn_until: question.learn_until.as_deref().map(moment).transpose()?,
        ..match &question.counts {
            Some(of) => Study {
                counts: of.counts(),
                ..Study::of(&of.characteristic())
            },
            None => Study::of(&question.tag),
        }
    })
}

fn moment(text: &str) -> Result<Timestamp, AnalysisError> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| AnalysisError::Unknown {
        what: "moment",
        name: text.to_owned(),
        allowed: "RFC 3339 as 2026-03-29T06:00:00Z".to_owned(),
    })
}

/// Readings in subgroups of one product each.
fn observations(
    question: &SpcQuestion,
    plant: &Plant<'_>,
    (tag, unit): (TagId, Option<&WorkUnit>),
    span: Span,
) -> Result<Vec<Observation>, AnalysisError> {
    let readings = readings(question, plant, tag, span)?;
    let product_tag = unit
        .and_then(|unit| unit.product)
        .filter(|_| !question.pooled);
    let products = texts(plant, product_tag, span)?;
    let machine = unit.map_or_else(String::new, |unit| unit.name.clone());
    let size = question.subgroup.max(1);
    let mut observations: Vec<Observation> = Vec::new();
    let mut group: Vec<f64> = Vec::new();
    let mut product = Cursor::new(&products);
    let mut before = None;
    for (at, value) in readings {
        let now = product.at(at);
        if before != now {
            // A subgroup is of one product; what was begun of the other is too small to be one.
            group.clear();
        }
        group.push(value);
        if group.len() == size {
            observations.push(Observation {
                at,
                product: now.as_deref().unwrap_or_default().to_owned(),
                machine: machine.clone(),
                sample: Sample::Readings(std::mem::take(&mut group)),
                after_break: false,
                nominal: None,
            });
        }
        before = now;
    }
    Ok(observations)
}

fn readings(
    question: &SpcQuestion,
    plant: &Plant<'_>,
    tag: TagId,
    span: Span,
) -> Result<Vec<(Timestamp, f64)>, AnalysisError> {
    let name = plant.config.tag(tag).map_or("", |tag| tag.name.as_str());
    let export = Export {
        name,
        from: span.start,
        to: span.end,
    };
    let mut readings: Vec<(Timestamp, f64)> = Vec::new();
    let mut visit = |at: Timestamp, value: Value, quality: crate::model::Quality| {
        let number = value
            .as_f64()
            .filter(|number| quality.is_good() && number.is_finite());
        if let Some(number) = number {
            let is_new = readings
                .last()
                .is_none_or(|(_, before)| before.to_bits() != number.to_bits());
            if is_new || !question.changes_only {
                readings.push((at, number));
            }
        }
        if readings.len() > READINGS_MAX {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    plant.reader.export_samples(&export, &mut visit)?;
    if readings.len() > READINGS_MAX {
        return Err(AnalysisError::TooMany {
            tag: name.to_owned(),
            limit: READINGS_MAX,
        });
    }
    Ok(readings)
}
