//! Quality charts of a tag that carries measurements: each change of its value, or each sample, is a reading.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::books::Books;
use super::charting::Charting;
use super::counts::CountsOf;
use super::error::AnalysisError;
use super::explain::{ExplainQuestion, Explained};
use super::gather::{Cursor, MARGIN, texts};
use super::monitoring;
use super::period::Period;
use super::plant::Plant;
use super::stored::ProductV1;
use crate::config::{Config, WorkUnit};
use crate::history::{Export, Reader};
use crate::model::{TagId, Timestamp, Value};
use crate::production::span::Span;
use crate::quality::capability::Specification;
use crate::quality::charts::ChartKind;
use crate::quality::rules::RuleSet;
use crate::quality::study::{Observation, Sample, SpcReport, Study, WarningReport, run_study};

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
    /// The chart of this product only.
    pub product: Option<String>,
    /// Deviations from each product's nominal value on one chart: short runs.
    pub from_nominal: bool,
    /// How limits are learned.
    pub learn: Learn,
    /// Whether to tell what went along with signals, and where.
    pub explain: Option<ExplainQuestion>,
}

impl SpcQuestion {
    /// What limits are kept by, besides product and machine.
    pub(super) fn characteristic(&self) -> String {
        let counts = self.counts.as_ref();
        counts.map_or_else(|| self.tag.clone(), CountsOf::characteristic)
    }
}

/// How limits are learned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Learn {
    /// From the period, whatever is in force.
    pub anew: bool,
    /// Less these points.
    pub exclude: Vec<Exclusion>,
    /// Role or function that leaves them out, or makes limits.
    pub by: Option<String>,
}

/// A point that is left out of the limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// Its time as the report gives it, RFC 3339.
    pub at: String,
    /// Its assignable cause.
    pub cause: String,
}

/// A chart, and what went along with its signals where that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpcAnswer {
    /// The chart.
    #[serde(flatten)]
    pub report: SpcReport,
    /// What went along with its signals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<Explained>,
}

/// Answers a question about quality charts: one report for each product and machine.
pub(super) fn spc(
    question: &SpcQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<Vec<SpcAnswer>, AnalysisError> {
    let charting = Charting::of(question, config, reader, now)?;
    let learns = question.learn.anew || question.learn_until.is_some();
    if !learns && !question.learn.exclude.is_empty() {
        let what = "points are left out of limits that are learned; allowed with --relearn, --freeze or --try-out";
        return Err(AnalysisError::Refused(what.to_owned()));
    }
    let books = if learns {
        Books::default()
    } else {
        Books::read(reader, &question.characteristic())?
    };
    let causes = charting.causes(question, now)?;
    let mut reports: Vec<SpcAnswer> = Vec::new();
    let mut refused = Vec::new();
    for (key, observations) in &charting.strata {
        let mut study = charting.study(question, &key.0)?;
        study.causes.clone_from(&causes);
        let book = books.0.get(&question.book_key(key));
        if let Some((version, fact)) = book.and_then(|book| book.in_force_at(charting.span.start)) {
            monitoring::check_fits(question, fact, version)?;
            study.causes.clone_from(&version.learned.excluded);
            study.in_force = Some(version.clone());
        }
        let mut studied = match run_study(&study, observations) {
            Ok(studied) => studied,
            Err(error) => {
                refused.push(format!("{} on {}: {error}", key.0, key.1));
                continue;
            }
        };
        let later = book.and_then(|book| monitoring::later_version(book, charting.span));
        let changed = changed_specification(question, &charting, &key.0);
        studied
            .report
            .warnings
            .extend(later.into_iter().chain(changed));
        let explain = question.explain.as_ref();
        let explained = explain.map(|explain| match question.counts {
            Some(_) => charting.explain_counts(explain, key, &studied, now),
            None => charting.explain(explain, &studied, observations, now),
        });
        reports.push(SpcAnswer {
            explained: explained.transpose()?,
            report: studied.report,
        });
    }
    // One product that was hardly made does not keep the others from being charted.
    match reports.first_mut() {
        Some(first) => first
            .report
            .warnings
            .extend(notes(refused, &charting.asides)),
        None => return Err(AnalysisError::Refused(refused.join("; "))),
    }
    Ok(reports)
}

/// What is in no chart, told with the first.
fn notes(refused: Vec<String>, asides: &[String]) -> impl Iterator<Item = WarningReport> {
    let of_refused = refused.into_iter().map(|text| WarningReport {
        code: "not_charted",
        text: format!("not charted: {text}"),
    });
    of_refused.chain(asides.iter().map(|text| WarningReport {
        code: "counts_left_out",
        text: text.clone(),
    }))
}

/// What the products table says of this tag for the time before `end`: what holds last.
pub(super) fn measured<'p>(
    question: &SpcQuestion,
    plant: &'p Plant<'_>,
    product: &str,
    end: Timestamp,
) -> Option<&'p ProductV1> {
    let specs = plant.specs_of(product).iter();
    let valid = specs.filter(|(from, spec)| *from < end && is_of(question, spec));
    valid.map(|(_, spec)| spec).next_back()
}

fn is_of(question: &SpcQuestion, spec: &ProductV1) -> bool {
    let name = question.tag.rsplit_once('.');
    let name = name.map_or(question.tag.as_str(), |(_, name)| name);
    spec.characteristic == name && question.counts.is_none()
}

/// That the limits of specification have changed within the period.
fn changed_specification(
    question: &SpcQuestion,
    charting: &Charting<'_>,
    product: &str,
) -> Option<WarningReport> {
    let limits = |spec: &ProductV1| (spec.lsl, spec.usl, spec.nominal);
    let specs = charting.plant.specs_of(product).iter();
    let own: Vec<_> = specs.filter(|(_, spec)| is_of(question, spec)).collect();
    let changes = own.windows(2).filter_map(|pair| match pair {
        [(_, before), (from, after)] if limits(before) != limits(after) => Some(*from),
        _ => None,
    });
    let span = charting.span;
    let mut within = changes.filter(|from| span.start < *from && *from < span.end);
    let last = within.next_back()?;
    Some(WarningReport {
        code: "changed_specification",
        text: format!(
            "the limits of specification that hold from {last} on are applied to the whole period; other ones held before"
        ),
    })
}

pub(super) fn find_tag(config: &Config, name: &str) -> Result<TagId, AnalysisError> {
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
pub(super) fn work_unit_of(config: &Config, id: TagId) -> Option<&WorkUnit> {
    let tag = config.tag(id)?;
    let asset = config.asset(tag);
    let units = config.production.work_units.iter();
    units
        .filter(|unit| asset.is_within(&unit.asset))
        .max_by_key(|unit| unit.asset.to_string().len())
}

/// What a product is studied by before `end`: each has its own limits of specification.
pub(super) fn study(
    question: &SpcQuestion,
    plant: &Plant<'_>,
    product: &str,
    end: Timestamp,
) -> Result<Study, AnalysisError> {
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
    // Limits of one product say nothing of the deviations of several.
    let measured = measured(question, plant, product, end).filter(|_| !question.from_nominal);
    let lsl = question.lsl.or(measured.and_then(|spec| spec.lsl));
    let usl = question.usl.or(measured.and_then(|spec| spec.usl));
    let target = question.target.or(measured.and_then(|spec| spec.nominal));
    let specification = (lsl.is_some() || usl.is_some())
        .then(|| Specification::new(lsl, usl, target))
        .transpose()?;
    Ok(Study {
        chart: chart.transpose()?,
        rules: rules.transpose()?,
        specification,
        learn_until: question.learn_until.as_deref().map(moment).transpose()?,
        from_nominal: question.from_nominal,
        ..match &question.counts {
            Some(of) => Study {
                counts: of.counts(),
                ..Study::of(&of.characteristic())
            },
            None => Study::of(&question.tag),
        }
    })
}

pub(super) fn moment(text: &str) -> Result<Timestamp, AnalysisError> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| AnalysisError::Unknown {
        what: "moment",
        name: text.to_owned(),
        allowed: "RFC 3339 as 2026-03-29T06:00:00Z".to_owned(),
    })
}

/// Readings in subgroups of one product each.
pub(super) fn observations(
    question: &SpcQuestion,
    plant: &Plant<'_>,
    (tag, unit): (TagId, Option<&WorkUnit>),
    span: Span,
) -> Result<Vec<Observation>, AnalysisError> {
    let readings = readings(question, plant, tag, span)?;
    let product_tag = unit
        .and_then(|unit| unit.product)
        .filter(|_| !question.pooled);
    // A product that is told on change only was told before.
    let told_from = span.start.saturating_sub(MARGIN);
    let products = texts(plant, product_tag, Span::new(told_from, span.end))?;
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
