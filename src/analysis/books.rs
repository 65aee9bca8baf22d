//! The control limits of a tag as they are kept: each version is an event of its own and is never edited.

use std::collections::BTreeMap;

use super::error::AnalysisError;
use super::plant::events;
use super::stored::{LIMITS, LimitsFactV1, content};
use crate::history::{Event, Reader};
use crate::model::Timestamp;
use crate::quality::phase::{LimitBook, LimitVersion, LimitsV1, StratumKey, VersionV1};

/// What limits belong to, besides the tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BookKey {
    /// What shares the chart: `product`, `pooled` or `nominal`.
    pub(super) scope: String,
    pub(super) product: String,
    pub(super) machine: String,
}

/// Versions of one product and machine, each with what its readings were.
#[derive(Debug)]
pub(super) struct Book {
    /// One for each version, in their order.
    pub(super) facts: Vec<LimitsFactV1>,
    pub(super) versions: LimitBook,
}

impl Book {
    /// The version in force at a time, and what its readings were.
    pub(super) fn in_force_at(&self, time: Timestamp) -> Option<(&LimitVersion, &LimitsFactV1)> {
        let version = self.versions.in_force_at(time)?;
        let mut pairs = self.versions.versions().iter().zip(&self.facts);
        pairs.find(|(known, _)| known.version == version.version)
    }
}

/// All limits of a tag.
#[derive(Debug, Default)]
pub(super) struct Books(pub(super) BTreeMap<BookKey, Book>);

impl Books {
    /// Reads the limits of a tag. Damaged ones are an error: to chart without them would show a process in control that
    /// is not.
    pub(super) fn read(reader: &Reader, tag: &str) -> Result<Self, AnalysisError> {
        let mut found: BTreeMap<BookKey, Vec<(Event, LimitsFactV1)>> = BTreeMap::new();
        for event in events(reader, LIMITS)? {
            let own = event.subject.strip_prefix(tag);
            if !own.is_some_and(|rest| rest.starts_with(' ')) {
                continue;
            }
            let fact: LimitsFactV1 = content(&event)
                .ok_or_else(|| unreadable(&event, "damaged, or of a later layout"))?;
            if fact.limits.versions.len() != 1 {
                return Err(unreadable(&event, "an event holds one version"));
            }
            let key = BookKey {
                scope: fact.scope.clone(),
                product: fact.limits.product.clone(),
                machine: fact.limits.machine.clone(),
            };
            found.entry(key).or_default().push((event, fact));
        }
        let books = found
            .into_iter()
            .map(|(key, facts)| Ok((key, book(facts)?)));
        books.collect::<Result<_, AnalysisError>>().map(Self)
    }
}

fn unreadable(event: &Event, why: &str) -> AnalysisError {
    AnalysisError::StoredLimits {
        subject: event.subject.clone(),
        at: event.time,
        why: why.to_owned(),
    }
}

/// One book of its versions, which are checked again.
fn book(mut facts: Vec<(Event, LimitsFactV1)>) -> Result<Book, AnalysisError> {
    facts.sort_by_key(|(_, fact)| version_of(fact).map_or(0, |version| version.version));
    let mut whole: Option<LimitsV1> = None;
    for (event, fact) in &facts {
        match &mut whole {
            None => whole = Some(fact.limits.clone()),
            Some(whole) => whole.versions.extend(fact.limits.versions.iter().cloned()),
        }
        // Checked one by one, so that the error names the version.
        let until_here = whole.clone().map(LimitBook::try_from).transpose();
        until_here.map_err(|error| unreadable(event, &error.to_string()))?;
    }
    let versions = whole.map(LimitBook::try_from).transpose();
    let versions = versions.map_err(|error| AnalysisError::Refused(error.to_string()))?;
    Ok(Book {
        versions: versions.unwrap_or_else(|| LimitBook::new(nobody())),
        facts: facts.into_iter().map(|(_, fact)| fact).collect(),
    })
}

const fn nobody() -> StratumKey {
    StratumKey {
        product: String::new(),
        machine: String::new(),
        characteristic: String::new(),
    }
}

pub(super) fn version_of(fact: &LimitsFactV1) -> Option<&VersionV1> {
    fact.limits.versions.first()
}
