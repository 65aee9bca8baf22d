//! Control limits that are kept: learned once, frozen or tried out, and in force from a moment on.
//!
//! The rules are those of [`LimitBook`]: frozen limits take enough data, and an approved change to be replaced.

use serde::{Deserialize, Serialize};

use super::books::{BookKey, Books, version_of};
use super::charting::Charting;
use super::counts::CountsOf;
use super::error::AnalysisError;
use super::spc::SpcQuestion;
use super::stored::{LIMITS, LimitsFactV1, event};
use crate::config::Config;
use crate::history::{Event, Reader};
use crate::model::{Role, Timestamp};
use crate::quality::phase::{
    ChangeRecord, FreezeRule, LimitBook, LimitsV1, ParametersV1, PhaseOne, StratumKey,
};
use crate::quality::study::run_study;

/// Of the answer; a reader refuses what it does not know.
const SCHEMA: u32 = 1;

/// Asks for the versions of the limits of a tag, or of counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsQuestion {
    /// The tag that is charted; empty where counts are.
    pub tag: String,
    /// Counts that are charted in its place.
    pub counts: Option<CountsOf>,
}

/// Asks to learn limits from a period, and to keep them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitsChange {
    /// What they are learned from; says by whom in [`SpcQuestion::learn`].
    pub question: SpcQuestion,
    /// Whether they are frozen; else they are trial limits.
    pub frozen: bool,
    /// Why.
    pub why: String,
    /// Reference of the approved process change.
    pub approval: Option<String>,
}

/// Versions of limits, or what a change has brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitsAnswer {
    /// Version of this form.
    pub schema: u32,
    /// The tag that is charted, or what is counted.
    pub tag: String,
    /// By product and machine, oldest first.
    pub versions: Vec<LimitsRow>,
    /// Products of a change whose limits were not kept, and why.
    pub refused: Vec<RefusedLimits>,
}

/// One version of limits. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitsRow {
    /// The product; `several` for deviations from nominal, empty for all.
    pub product: String,
    /// The machine.
    pub machine: String,
    /// What shares the chart: `product`, `pooled` or `nominal`; of counts `product per shift` and the like.
    pub scope: String,
    /// 1 for the first.
    pub version: u32,
    /// Whether they are frozen.
    pub frozen: bool,
    /// In force from.
    pub since: String,
    /// When they were written down.
    pub recorded: String,
    /// Role or function that made them.
    pub by: String,
    /// Why.
    pub why: String,
    /// Reference of the approved process change.
    pub approval: Option<String>,
    /// First moment of the readings that made them.
    pub from: String,
    /// First moment after these.
    pub to: String,
    /// Readings of a subgroup.
    pub subgroup: u64,
    /// Whether a reading is a change of the value only.
    pub changes_only: bool,
    /// Kind of chart, and the numbers it is drawn from.
    pub limits: ParametersV1,
    /// Centre line.
    pub center: f64,
    /// Standard deviation of a reading; null of counts, where it depends on the sample.
    pub sigma: Option<f64>,
    /// Samples that made them.
    pub subgroups: u64,
    /// Readings or units in these.
    pub observations: Option<u64>,
    /// Points left out, with their causes.
    pub excluded: Vec<ExcludedPoint>,
    /// Points beyond a limit without a recorded cause.
    pub unexplained: u64,
}

/// A point left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludedPoint {
    /// When.
    pub at: String,
    /// Why.
    pub cause: String,
}

/// Limits that were not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLimits {
    /// The product.
    pub product: String,
    /// The machine.
    pub machine: String,
    /// Why not.
    pub why: String,
}

/// What a change of limits brings.
#[derive(Debug)]
pub struct NewLimits {
    /// To be written to the history.
    pub events: Vec<Event>,
    /// What a command tells.
    pub answer: LimitsAnswer,
}

/// Lists the versions of the limits of a tag.
pub(super) fn limits(
    question: &LimitsQuestion,
    config: &Config,
    reader: &Reader,
) -> Result<LimitsAnswer, AnalysisError> {
    let tag = if let Some(of) = &question.counts {
        of.characteristic()
    } else {
        super::spc::find_tag(config, &question.tag)?;
        question.tag.clone()
    };
    let books = Books::read(reader, &tag)?;
    let facts = books.0.values().flat_map(|book| &book.facts);
    Ok(LimitsAnswer {
        schema: SCHEMA,
        tag,
        versions: facts.filter_map(row).collect(),
        refused: Vec::new(),
    })
}

fn row(fact: &LimitsFactV1) -> Option<LimitsRow> {
    let version = version_of(fact)?;
    let time = |nanos: i64| Timestamp::from_nanos(nanos).to_string();
    let (center, sigma) = level(&version.limits);
    let excluded = version.excluded.iter().map(|cause| ExcludedPoint {
        at: time(cause.point_at_ns),
        cause: cause.cause.clone(),
    });
    Some(LimitsRow {
        product: fact.limits.product.clone(),
        machine: fact.limits.machine.clone(),
        scope: fact.scope.clone(),
        version: version.version,
        frozen: version.frozen,
        since: time(version.at_ns),
        recorded: time(fact.recorded_ns),
        by: version.by.clone(),
        why: version.why.clone(),
        approval: version.approval.clone(),
        from: time(fact.from_ns),
        to: time(fact.to_ns),
        subgroup: fact.subgroup,
        changes_only: fact.changes_only,
        limits: version.limits,
        center,
        sigma,
        subgroups: version.subgroups,
        observations: version.observations,
        excluded: excluded.collect(),
        unexplained: version.unexplained,
    })
}

/// Centre line, and the standard deviation of one reading where it does not depend on the sample.
const fn level(limits: &ParametersV1) -> (f64, Option<f64>) {
    match limits {
        ParametersV1::XbarR(of) | ParametersV1::XbarS(of) => (of.center, Some(of.sigma_within)),
        ParametersV1::IMr(of) => (of.center, Some(of.sigma_within)),
        ParametersV1::P(of)
        | ParametersV1::Np(of)
        | ParametersV1::C(of)
        | ParametersV1::U(of)
        | ParametersV1::LaneyP(of)
        | ParametersV1::LaneyU(of) => (of.rate, None),
        ParametersV1::G(of) => (of.center, None),
        ParametersV1::TimeBetween(of) => (of.center, Some(of.sigma)),
        ParametersV1::Ewma(of) => (of.target, Some(of.sigma)),
        ParametersV1::Cusum(of) => (of.target, Some(of.sigma)),
    }
}

/// Learns limits and makes the events that keep them; nothing is written here. They are in force from the end of what
/// they are learned from.
pub fn change_limits(
    change: &LimitsChange,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<NewLimits, AnalysisError> {
    let question = &change.question;
    let charting = Charting::of(question, config, reader, now)?;
    let books = Books::read(reader, &question.characteristic())?;
    let record = record(change, charting.learned_to(question)?)?;
    let causes = charting.causes(question, now)?;
    let mut new = NewLimits {
        events: Vec::new(),
        answer: LimitsAnswer {
            schema: SCHEMA,
            tag: question.characteristic(),
            versions: Vec::new(),
            refused: Vec::new(),
        },
    };
    for (stratum, observations) in &charting.strata {
        let mut study = charting.study(question, &stratum.0)?;
        study.causes.clone_from(&causes);
        let key = question.book_key(stratum);
        let learned = run_study(&study, observations).map(|studied| studied.learned);
        let kept = match learned {
            Ok(Some(learned)) => add(&books, (&key, question), change.frozen, learned, &record),
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        match kept {
            Ok(limits) => {
                let fact = LimitsFactV1 {
                    recorded_ns: now.as_nanos(),
                    from_ns: charting.span.start.as_nanos(),
                    to_ns: record.at().as_nanos(),
                    scope: key.scope.clone(),
                    subgroup: question.subgroup.max(1) as u64,
                    changes_only: question.changes_only,
                    limits,
                };
                new.answer.versions.extend(row(&fact));
                new.events
                    .push(event(LIMITS, record.at(), subject(question, &fact), &fact));
            }
            Err(error) => new.answer.refused.push(RefusedLimits {
                product: key.product,
                machine: key.machine,
                why: error.to_string(),
            }),
        }
    }
    Ok(new)
}

/// Who makes a change, when and why.
fn record(change: &LimitsChange, at: Timestamp) -> Result<ChangeRecord, AnalysisError> {
    let by = change.question.role()?;
    let record = ChangeRecord::new(at, by.as_str(), &change.why)?;
    match &change.approval {
        Some(reference) => Ok(record.approved(reference)?),
        None => Ok(record),
    }
}

/// The version that follows those of the book, as the only one of its document.
fn add(
    books: &Books,
    (key, question): (&BookKey, &SpcQuestion),
    frozen: bool,
    learned: PhaseOne,
    record: &ChangeRecord,
) -> Result<LimitsV1, crate::quality::QualityError> {
    let known = books.0.get(key).map(|book| book.versions.clone());
    let mut book = known.unwrap_or_else(|| {
        LimitBook::new(StratumKey {
            product: key.product.clone(),
            machine: key.machine.clone(),
            characteristic: question.characteristic(),
        })
    });
    if frozen {
        book.freeze(learned, record.clone(), FreezeRule::default())?;
    } else {
        book.try_out(learned, record.clone())?;
    }
    let mut limits = LimitsV1::from(&book);
    limits
        .versions
        .drain(..limits.versions.len().saturating_sub(1));
    Ok(limits)
}

fn subject(question: &SpcQuestion, fact: &LimitsFactV1) -> String {
    format!(
        "{}|{}|{}|{}|{}",
        question.characteristic(),
        fact.limits.machine,
        fact.scope,
        fact.limits.product,
        version_of(fact).map_or(0, |version| version.version)
    )
}

impl SpcQuestion {
    /// Who leaves out points or makes limits: a role or a function, never the name of a person.
    pub(super) fn role(&self) -> Result<Role, AnalysisError> {
        let by = self.learn.by.as_deref().unwrap_or_default();
        Role::parse(by).map_err(|_no_role| AnalysisError::Unknown {
            what: "role for --by",
            name: by.to_owned(),
            allowed: "a role or function as process-engineering, 1 to 32 of a-z 0-9 _ -; no name of a person"
                .to_owned(),
        })
    }
}
