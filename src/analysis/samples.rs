//! Samples, roll-ups and trends of tags, as JSON.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::AnalysisError;
use super::period::Period;
use crate::config::{Config, parse_duration};
use crate::history::{Aggregate, Answer, Export, Gap, Query, Reader, Samples, Step, TrendOptions};
use crate::model::{Quality, Timestamp, Value as Measured};
use crate::production::span::Span;

/// Of the answer; a reader refuses what it does not know.
const SCHEMA: u32 = 1;
/// Rows of single samples in one answer.
const RAW_MAX: usize = 200_000;
/// Buckets of an automatic step unless asked otherwise.
const POINTS: usize = 200;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplesQuestion {
    /// Names of tags.
    pub tags: Vec<String>,
    /// Of when.
    pub period: Period,
    /// `auto`, `raw`, `trend`, a duration as `15min`, `1d`, or `1w`, `1mo` by the plant's calendar.
    pub step: String,
    /// Statistics per step: `mean`, `min`, `max`, `std`, `count`, `weighted_mean`, `first`, `last`, `p95`.
    pub aggregates: Vec<String>,
}

/// Answers a question about samples.
pub(super) fn samples(
    question: &SamplesQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<Value, AnalysisError> {
    let step = question.step.as_str();
    let rolled_by = match step {
        "raw" | "trend" => None,
        step => Some(parse_step(step)?),
    };
    // Steps of days are days of the clock, and then the days of the period are as well.
    let of_clock = matches!(
        rolled_by,
        Some(Step::Days(_) | Step::Weeks(_) | Step::Months(_))
    );
    let shifts = config.production.calendar.as_ref();
    let calendar = shifts.map(|shifts| &shifts.plant).filter(|_| !of_clock);
    let span = question
        .period
        .span(calendar, &config.gateway.time_zone, now)?;
    match rolled_by {
        Some(step) => rolled(question, reader, span, step),
        None if step == "raw" => raw(question, reader, span),
        None => trend(question, reader, span),
    }
}

/// A step as people write it.
fn parse_step(text: &str) -> Result<Step, AnalysisError> {
    let count = |suffix: &str| {
        let number = text.strip_suffix(suffix)?;
        number.parse::<u32>().ok().filter(|n| *n > 0)
    };
    if text == "auto" {
        return Ok(Step::Auto(POINTS));
    }
    if let Some(months) = count("mo") {
        return Ok(Step::Months(months));
    }
    if let Some(weeks) = count("w") {
        return Ok(Step::Weeks(weeks));
    }
    if let Some(days) = count("d") {
        return Ok(Step::Days(days));
    }
    parse_duration(text)
        .filter(|step| *step >= Duration::from_secs(1))
        .map(Step::Fixed)
        .ok_or_else(|| AnalysisError::Unknown {
            what: "step",
            name: text.to_owned(),
            allowed: "auto, raw, trend, a duration of a second or more as 15min, or 1d, 1w, 1mo"
                .to_owned(),
        })
}

fn parse_aggregates(names: &[String]) -> Result<Vec<Aggregate>, AnalysisError> {
    let parse = |name: &String| {
        Aggregate::parse(name).ok_or_else(|| AnalysisError::Unknown {
            what: "statistic",
            name: name.clone(),
            allowed: "mean, min, max, std, count, weighted_mean, first, last, and p0 to p100"
                .to_owned(),
        })
    };
    names.iter().map(parse).collect()
}

fn rolled(
    question: &SamplesQuestion,
    reader: &Reader,
    span: Span,
    step: Step,
) -> Result<Value, AnalysisError> {
    let answer = reader.query(&Query {
        series: question.tags.clone(),
        from: span.start,
        to: span.end,
        step,
        aggregates: parse_aggregates(&question.aggregates)?,
    })?;
    Ok(json!({
        "schema": SCHEMA,
        "tier": answer.tier.as_str(),
        "step": answer.step.name(),
        "approximate": answer.approximate,
        "damaged_blocks": answer.damaged_blocks,
        "series": series_json(&answer),
    }))
}

fn series_json(answer: &Answer) -> Vec<Value> {
    let series = answer.series.iter().map(|series| {
        let rows = (0..answer.buckets()).map(|bucket| {
            let mut row = Map::new();
            row.insert("from".to_owned(), time(answer.edges.get(bucket)));
            row.insert("to".to_owned(), time(answer.edges.get(bucket + 1)));
            for (column, aggregate) in answer.aggregates.iter().enumerate() {
                row.insert(aggregate.name(), json!(series.value(column, bucket)));
            }
            row.insert("coverage".to_owned(), json!(series.coverage(bucket)));
            row.insert("gap".to_owned(), json!(series.gap(bucket).map(Gap::as_str)));
            Value::Object(row)
        });
        json!({
            "tag": series.name,
            "unit": series.unit,
            "asset": series.asset,
            "rows": rows.collect::<Vec<_>>(),
        })
    });
    series.collect()
}

fn time(edge: Option<&Timestamp>) -> Value {
    json!(edge.map(Timestamp::to_string))
}

fn raw(question: &SamplesQuestion, reader: &Reader, span: Span) -> Result<Value, AnalysisError> {
    let mut series = Vec::with_capacity(question.tags.len());
    for tag in &question.tags {
        let found = reader.samples(tag, span.start, span.end, RAW_MAX)?;
        series.push(raw_json(tag, &found));
    }
    Ok(json!({ "schema": SCHEMA, "tier": "raw", "step": "raw", "series": series }))
}

fn raw_json(tag: &str, found: &Samples) -> Value {
    let rows = found.samples.iter().map(|(at, value, quality)| {
        json!({
            "time": at.to_string(),
            "value": measured(value),
            "quality": quality_text(*quality),
        })
    });
    let damaged = found
        .damaged
        .iter()
        .map(|(from, to)| json!({ "from": from.to_string(), "to": to.to_string() }));
    json!({
        "tag": tag,
        "rows": rows.collect::<Vec<_>>(),
        "truncated": found.truncated,
        "next": next(found),
        "kept_from": found.kept_from.to_string(),
        "damaged": damaged.collect::<Vec<_>>(),
    })
}

/// Where samples were cut off, the moment to go on from, to the nanosecond.
fn next(found: &Samples) -> Option<String> {
    let (last, ..) = found.samples.last().filter(|_| found.truncated)?;
    let next = i128::from(last.as_nanos()) + 1;
    Some(jiff::Timestamp::from_nanosecond(next).ok()?.to_string())
}

/// `good`, or why not.
const fn quality_text(quality: Quality) -> &'static str {
    match (quality, quality.reason()) {
        (Quality::Good, _) | (_, None) => "good",
        (_, Some(reason)) => reason.as_str(),
    }
}

fn measured(value: &Measured) -> Value {
    match value {
        Measured::Missing => Value::Null,
        Measured::Float(number) => json!(number),
        Measured::Int(number) => json!(number),
        Measured::Bool(flag) => json!(flag),
        Measured::Text(text) => json!(text.as_str()),
    }
}

fn trend(question: &SamplesQuestion, reader: &Reader, span: Span) -> Result<Value, AnalysisError> {
    let mut trends = Vec::with_capacity(question.tags.len());
    for tag in &question.tags {
        let export = Export {
            name: tag,
            from: span.start,
            to: span.end,
        };
        let found = reader.trend(&export, TrendOptions::default())?;
        trends.push(match found {
            Ok(trend) => json!({
                "tag": tag,
                "per_year": trend.per_year,
                "low": trend.low,
                "high": trend.high,
                "confidence": TrendOptions::default().confidence,
                "start_value": trend.start_value,
                "end_value": trend.end_value,
                "points": trend.points,
                "step_days": trend.step_days,
                "missing": trend.missing,
                "yearly": trend.yearly,
                "weekly": trend.weekly,
                "significant": trend.is_significant(),
                "why": null,
            }),
            Err(why) => json!({ "tag": tag, "per_year": null, "why": why.to_string() }),
        });
    }
    Ok(json!({ "schema": SCHEMA, "tier": "day", "step": "trend", "trends": trends }))
}
