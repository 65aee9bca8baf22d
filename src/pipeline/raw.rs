//! Single values upstream: all of them, or by exception with a deadband and a heartbeat that bounds silence.

use std::time::Duration;

use super::Catalog;
use crate::config::{RawMode, Tag};
use crate::model::{Mono, Quality, Sample, Value};
use crate::record::{BodyV1, PointV1, RawV1, ValueV1};

/// Points per record: about 3 KB, well inside what the buffer stores inline.
const POINTS_PER_RECORD: usize = 256;

/// Selects the values that are reported and packs them per asset.
#[derive(Debug)]
pub struct RawReporter {
    rules: Vec<Rule>,
    builders: Vec<Builder>,
    hold: Duration,
    oldest: Option<Mono>,
}

/// What is reported of a tag.
#[derive(Debug)]
enum Rule {
    Nothing,
    Everything,
    Changes(Box<Exception>),
}

/// Report by exception, and what it compares with.
#[derive(Debug)]
struct Exception {
    deadband: f64,
    heartbeat: Duration,
    last: Option<Reported>,
}

#[derive(Debug)]
struct Reported {
    value: Value,
    quality: Quality,
    at: Mono,
}

#[derive(Debug, Default)]
struct Builder {
    base_ns: i64,
    points: Vec<PointV1>,
}

impl RawReporter {
    /// A reporter for the tags of a configuration; points wait at most `hold` for company.
    pub fn new(tags: &[Tag], catalog: &Catalog, hold: Duration) -> Self {
        Self {
            rules: tags.iter().map(|tag| Rule::of(tag.publish.raw)).collect(),
            builders: catalog
                .assets()
                .iter()
                .map(|_| Builder::default())
                .collect(),
            hold,
            oldest: None,
        }
    }

    /// Takes one sample; a full record is emitted at once.
    pub fn offer(&mut self, sample: &Sample, at: Mono, catalog: &Catalog, out: &mut Vec<BodyV1>) {
        if !self.reports(sample, at) {
            return;
        }
        let asset = catalog.asset_index(sample.tag);
        let Some(builder) = self.builders.get_mut(asset) else {
            return;
        };
        if builder.points.is_empty() {
            builder.base_ns = sample.time.as_nanos();
            builder.points.reserve(POINTS_PER_RECORD);
        }
        builder.points.push(PointV1 {
            tag: catalog.number(sample.tag),
            offset_ns: sample.time.as_nanos().saturating_sub(builder.base_ns),
            value: ValueV1::from(&sample.value),
            quality: sample.quality.code(),
        });
        if builder.points.len() >= POINTS_PER_RECORD {
            emit(builder, asset, catalog, out);
        } else if self.oldest.is_none() {
            self.oldest = Some(at);
        }
    }

    /// Emits what has waited long enough.
    pub fn flush_due(&mut self, now: Mono, catalog: &Catalog, out: &mut Vec<BodyV1>) {
        if self
            .oldest
            .is_some_and(|oldest| now.since(oldest) >= self.hold)
        {
            self.flush_all(catalog, out);
        }
    }

    /// Emits everything.
    pub fn flush_all(&mut self, catalog: &Catalog, out: &mut Vec<BodyV1>) {
        for (asset, builder) in self.builders.iter_mut().enumerate() {
            if !builder.points.is_empty() {
                emit(builder, asset, catalog, out);
            }
        }
        self.oldest = None;
    }

    fn reports(&mut self, sample: &Sample, at: Mono) -> bool {
        match self.rules.get_mut(sample.tag.index()) {
            None | Some(Rule::Nothing) => false,
            Some(Rule::Everything) => true,
            Some(Rule::Changes(exception)) => exception.reports(sample, at),
        }
    }
}

impl Rule {
    fn of(mode: RawMode) -> Self {
        match mode {
            RawMode::Off => Self::Nothing,
            RawMode::All => Self::Everything,
            RawMode::OnChange {
                deadband,
                heartbeat,
            } => Self::Changes(Box::new(Exception {
                deadband,
                heartbeat,
                last: None,
            })),
        }
    }
}

impl Exception {
    fn reports(&mut self, sample: &Sample, at: Mono) -> bool {
        let due = self.last.as_ref().is_none_or(|last| {
            last.quality != sample.quality
                || at.since(last.at) >= self.heartbeat
                || changed(&last.value, &sample.value, self.deadband)
        });
        if due {
            self.last = Some(Reported {
                value: sample.value.clone(),
                quality: sample.quality,
                at,
            });
        }
        due
    }
}

/// Whether a value left the deadband around the one reported last.
fn changed(before: &Value, now: &Value, deadband: f64) -> bool {
    match (before.as_f64(), now.as_f64()) {
        (Some(before), Some(now)) => (now - before).abs() > deadband,
        _ => before != now,
    }
}

fn emit(builder: &mut Builder, asset: usize, catalog: &Catalog, out: &mut Vec<BodyV1>) {
    out.push(BodyV1::Raw(RawV1 {
        asset: catalog.assets().get(asset).cloned().unwrap_or_default(),
        base_ns: builder.base_ns,
        points: std::mem::take(&mut builder.points),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Reason, TagId, Timestamp};
    use crate::pipeline::testing;

    fn sample(value: f64, second: i64) -> Sample {
        Sample {
            tag: TagId(0),
            time: Timestamp::from_millis(second * 1000),
            value: Value::Float(value),
            quality: Quality::Good,
        }
    }

    struct Fixture {
        reporter: RawReporter,
        catalog: Catalog,
    }

    impl Fixture {
        fn new(mode: RawMode) -> Self {
            let mut config = testing::config(2);
            config.tags[0].publish.raw = mode;
            let catalog = Catalog::new(&config, vec![7, 8]);
            let hold = Duration::from_millis(100);
            Self {
                reporter: RawReporter::new(&config.tags, &catalog, hold),
                catalog,
            }
        }

        /// The values reported when one sample a second is offered.
        fn reported(&mut self, samples: &[Sample]) -> Vec<ValueV1> {
            let mut out = Vec::new();
            for (second, sample) in (0_u64..).zip(samples) {
                let at = Mono::from_nanos(second * 1_000_000_000);
                self.reporter.offer(sample, at, &self.catalog, &mut out);
            }
            self.reporter.flush_all(&self.catalog, &mut out);
            let points = |body: BodyV1| match body {
                BodyV1::Raw(raw) => raw.points,
                other => panic!("{other:?}"),
            };
            out.into_iter()
                .flat_map(points)
                .map(|point| point.value)
                .collect()
        }
    }

    fn by_exception() -> RawMode {
        RawMode::OnChange {
            deadband: 1.0,
            heartbeat: Duration::from_secs(5),
        }
    }

    #[track_caller]
    fn check(mode: RawMode, values: &[f64], expected: &[f32]) {
        let samples: Vec<Sample> = (0..).zip(values).map(|(s, x)| sample(*x, s)).collect();
        let expected: Vec<ValueV1> = expected.iter().map(|x| ValueV1::F32(*x)).collect();
        assert_eq!(Fixture::new(mode).reported(&samples), expected);
    }

    #[test]
    fn what_is_reported_follows_the_mode() {
        check(RawMode::All, &[1.0, 1.0, 1.0], &[1.0, 1.0, 1.0]);
        check(RawMode::Off, &[1.0, 2.0], &[]);
        check(by_exception(), &[1.0, 1.5, 2.0, 2.5, 2.75], &[1.0, 2.5]);
        check(by_exception(), &[0.0, 1.0, -1.0, -1.5], &[0.0, -1.5]);
    }

    #[test]
    fn the_heartbeat_bounds_silence() {
        check(by_exception(), &[3.0; 12], &[3.0, 3.0, 3.0]);
    }

    #[test]
    fn a_change_of_quality_is_always_reported() {
        let bad = Sample {
            quality: Quality::Bad(Reason::CommFailure),
            value: Value::Missing,
            ..sample(0.0, 1)
        };
        let reported = Fixture::new(by_exception()).reported(&[
            sample(1.0, 0),
            bad.clone(),
            bad,
            sample(1.0, 3),
        ]);
        assert_eq!(
            reported,
            [ValueV1::F32(1.0), ValueV1::Missing, ValueV1::F32(1.0)]
        );
    }

    #[test]
    fn points_wait_for_company_but_not_longer_than_the_hold() {
        let mut fixture = Fixture::new(RawMode::All);
        let mut out = Vec::new();
        let ms = |n: u64| Mono::from_nanos(n * 1_000_000);
        fixture
            .reporter
            .offer(&sample(1.0, 0), ms(0), &fixture.catalog, &mut out);
        fixture
            .reporter
            .flush_due(ms(99), &fixture.catalog, &mut out);
        assert!(out.is_empty());
        fixture
            .reporter
            .flush_due(ms(100), &fixture.catalog, &mut out);
        assert_eq!(out.len(), 1);
        fixture
            .reporter
            .flush_due(ms(300), &fixture.catalog, &mut out);
        assert_eq!(out.len(), 1, "nothing new, nothing sent");
    }

    #[test]
    fn a_full_record_leaves_at_once() {
        let mut fixture = Fixture::new(RawMode::All);
        let mut out = Vec::new();
        for n in 0..600 {
            fixture
                .reporter
                .offer(&sample(0.5, n), Mono::default(), &fixture.catalog, &mut out);
        }
        assert_eq!(out.len(), 2);
        let BodyV1::Raw(raw) = &out[1] else {
            panic!("{out:?}")
        };
        assert_eq!(
            (raw.base_ns, raw.points[1].offset_ns),
            (256_000_000_000, 1_000_000_000)
        );
    }
}
