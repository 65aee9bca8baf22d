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
    /// What shares the chart: `product`, `pooled` or `nominal`; of counts `product per shift` and the like.
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
            if !own.is_some_and(|rest| rest.starts_with('|')) {
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
    let versions = whole.map(LimitBook::try_from).transpose()?;
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

#[cfg(test)]
mod tests {
    use super::super::stored::event;
    use super::*;
    use crate::history::{Settings, Writer};
    use crate::quality::phase::{IndividualsV1, ParametersV1};

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_millis(hour * 3_600_000)
    }

    fn version(version: u32, hour: i64) -> LimitsFactV1 {
        let limits = ParametersV1::IMr(IndividualsV1 {
            k: 100,
            pairs: 99,
            center: 10.0,
            mean_moving_range: 0.1,
            sigma_within: 0.09,
        });
        LimitsFactV1 {
            recorded_ns: at(hour).as_nanos(),
            from_ns: 0,
            to_ns: at(hour).as_nanos(),
            scope: "product".to_owned(),
            subgroup: 1,
            changes_only: false,
            limits: LimitsV1 {
                schema: 1,
                product: "A".to_owned(),
                machine: "press".to_owned(),
                characteristic: "press.width".to_owned(),
                versions: vec![VersionV1 {
                    version,
                    frozen: true,
                    at_ns: at(hour).as_nanos(),
                    by: "quality".to_owned(),
                    why: "release".to_owned(),
                    approval: None,
                    rules: vec!["nelson_1".to_owned()],
                    subgroups: 100,
                    observations: Some(100),
                    unexplained: 0,
                    excluded: Vec::new(),
                    limits,
                }],
            },
        }
    }

    fn stored(subject: &str, fact: &LimitsFactV1) -> Event {
        let since = version_of(fact).map_or(0, |version| version.at_ns);
        event(
            LIMITS,
            Timestamp::from_nanos(since),
            subject.to_owned(),
            fact,
        )
    }

    /// The limits of the width out of a history on disk that holds `events`.
    fn read(events: Vec<Event>) -> Result<Books, AnalysisError> {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(dir.path(), Settings::new("UTC"), at(100)).unwrap();
        for event in events {
            writer.put_event(event).unwrap();
        }
        writer.flush().unwrap();
        Books::read(&writer.reader(), "press.width")
    }

    const SUBJECT: &str = "press.width|press|product|A|1";

    #[track_caller]
    fn refused(event: Event, why: &str) {
        let error = read(vec![event]).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(
            error.contains(SUBJECT) && error.contains("--relearn"),
            "{error}"
        );
    }

    #[test]
    fn versions_come_back_in_order_and_those_of_other_tags_do_not() {
        let mut other = stored("press.width2|press|product|A|1", &version(1, 1));
        other.content = Some(vec![9]);
        let second = stored("press.width|press|product|A|2", &version(2, 3));
        let books = read(vec![second, stored(SUBJECT, &version(1, 1)), other]).unwrap();
        let [book] = books.0.values().collect::<Vec<_>>()[..] else {
            panic!("{books:?}");
        };
        let in_force = |hour| {
            book.in_force_at(at(hour))
                .map(|(version, _)| version.version)
        };
        assert_eq!(
            [0, 1, 2, 3].map(in_force),
            [None, Some(1), Some(1), Some(2)]
        );
    }

    #[test]
    fn limits_that_cannot_be_read_are_an_error() {
        let with = |change: &dyn Fn(&mut LimitsFactV1)| {
            let mut fact = version(1, 1);
            change(&mut fact);
            stored(SUBJECT, &fact)
        };
        let bytes = |content: &[u8]| Event {
            content: Some(content.to_vec()),
            ..stored(SUBJECT, &version(1, 1))
        };
        refused(bytes(&[]), "damaged, or of a later layout");
        refused(bytes(&[1, 2, 3]), "damaged, or of a later layout");
        let mut later = stored(SUBJECT, &version(1, 1)).content.unwrap();
        later[0] = 2;
        refused(bytes(&later), "damaged, or of a later layout");
        let cut = later.len() / 2;
        later[0] = 1;
        refused(bytes(&later[..cut]), "damaged, or of a later layout");
        refused(
            with(&|fact| fact.limits.versions.clear()),
            "an event holds one version",
        );
        refused(with(&|fact| fact.limits.schema = 2), "the layout is not 1");
        refused(
            with(&|fact| fact.limits.versions[0].by.clear()),
            "who made it",
        );
        refused(
            with(&|fact| fact.limits.versions[0].rules = vec!["nelson_9".to_owned()]),
            "a run rule is not known",
        );
        let nan = |fact: &mut LimitsFactV1| {
            if let ParametersV1::IMr(of) = &mut fact.limits.versions[0].limits {
                of.sigma_within = f64::NAN;
            }
        };
        refused(with(&nan), "stored limits");
    }
}
