//! Compact summaries: per tag and interval the counts by quality, and mean, min, max and standard deviation
//! of the Good values (Welford 1962, numerically stable in one pass).

use std::collections::BTreeMap;
use std::time::Duration;

use super::Catalog;
use crate::config::Tag;
use crate::model::{Mono, Now, Quality, Reason, Sample, TagId, Value};
use crate::record::{BodyV1, StatsV1, SummaryItemV1, SummaryV1, ValueV1};

/// Items per record: about 3 KB, well inside what the buffer stores inline.
const ITEMS_PER_RECORD: usize = 64;

/// Summaries of every tag that asks for them.
#[derive(Debug)]
pub struct Summaries {
    accumulators: Vec<Option<Accumulator>>,
    windows: Vec<Window>,
}

/// One interval length; its tags are grouped by asset.
#[derive(Debug)]
struct Window {
    interval: Duration,
    begun: Mono,
    ends: Mono,
    tags_by_asset: Vec<(usize, Vec<TagId>)>,
}

#[derive(Debug, Clone)]
struct Accumulator {
    good: u32,
    uncertain: u32,
    bad: u32,
    numeric: u32,
    mean: f64,
    m2: f64,
    min: f64,
    max: f64,
    last: Value,
    last_quality: Quality,
}

impl Summaries {
    /// Accumulators for the tags of a configuration; the first intervals begin at `now`.
    pub fn new(tags: &[Tag], catalog: &Catalog, now: Now) -> Self {
        let mut by_interval: BTreeMap<Duration, BTreeMap<usize, Vec<TagId>>> = BTreeMap::new();
        let mut accumulators = Vec::with_capacity(tags.len());
        for (id, tag) in (0..).map(TagId).zip(tags) {
            accumulators.push(tag.publish.summary.map(|_| Accumulator::new()));
            if let Some(interval) = tag.publish.summary {
                let assets = by_interval.entry(interval).or_default();
                assets.entry(catalog.asset_index(id)).or_default().push(id);
            }
        }
        let window = |(interval, assets): (Duration, BTreeMap<usize, Vec<TagId>>)| Window {
            interval,
            begun: now.mono,
            ends: next_boundary(now, interval),
            tags_by_asset: assets.into_iter().collect(),
        };
        Self {
            accumulators,
            windows: by_interval.into_iter().map(window).collect(),
        }
    }

    /// Counts one sample.
    pub fn add(&mut self, sample: &Sample) {
        if let Some(Some(accumulator)) = self.accumulators.get_mut(sample.tag.index()) {
            accumulator.add(sample);
        }
    }

    /// When the next interval ends; the chain need not be ticked for summaries before.
    pub fn next_end(&self) -> Option<Mono> {
        self.windows.iter().map(|window| window.ends).min()
    }

    /// Emits the summaries of every interval that has ended at `now`.
    pub fn flush_due(&mut self, now: Now, catalog: &Catalog, out: &mut Vec<BodyV1>) {
        for window in &mut self.windows {
            if window.ends <= now.mono {
                flush(window, &mut self.accumulators, (now, catalog), out);
            }
        }
    }

    /// Emits what has been gathered so far, at shut-down or at the end of a recording.
    pub fn flush_all(&mut self, now: Now, catalog: &Catalog, out: &mut Vec<BodyV1>) {
        for window in &mut self.windows {
            flush(window, &mut self.accumulators, (now, catalog), out);
        }
    }
}

fn flush(
    window: &mut Window,
    accumulators: &mut [Option<Accumulator>],
    (now, catalog): (Now, &Catalog),
    out: &mut Vec<BodyV1>,
) {
    // The start is derived from monotonic time, so that a stepped wall clock cannot make an interval
    // negative or a day long.
    let from = now.wall.saturating_sub(now.mono.since(window.begun));
    for (asset, tags) in &window.tags_by_asset {
        let path = catalog.assets().get(*asset).map_or("", String::as_str);
        for chunk in tags.chunks(ITEMS_PER_RECORD) {
            let item = |tag: &TagId| {
                let accumulator = accumulators.get_mut(tag.index())?.as_mut()?;
                Some(accumulator.take(catalog.number(*tag)))
            };
            let mut items = Vec::with_capacity(chunk.len());
            items.extend(chunk.iter().filter_map(item));
            out.push(BodyV1::Summary(SummaryV1 {
                asset: path.to_owned(),
                from_ms: from.as_millis(),
                to_ms: now.wall.as_millis(),
                items,
            }));
        }
    }
    window.begun = now.mono;
    window.ends = next_boundary(now, window.interval);
}

/// The next multiple of `interval` on the wall clock, but at least half an interval away.
fn next_boundary(now: Now, interval: Duration) -> Mono {
    let interval_ns = i64::try_from(interval.as_nanos())
        .unwrap_or(i64::MAX)
        .max(1);
    let left = interval_ns - now.wall.as_nanos().rem_euclid(interval_ns);
    let left = if left < interval_ns / 2 {
        left + interval_ns
    } else {
        left
    };
    now.mono
        .saturating_add(Duration::from_nanos(left.unsigned_abs()))
}

impl Accumulator {
    const fn new() -> Self {
        Self {
            good: 0,
            uncertain: 0,
            bad: 0,
            numeric: 0,
            mean: 0.0,
            m2: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            last: Value::Missing,
            last_quality: Quality::Bad(Reason::Unspecified),
        }
    }

    fn add(&mut self, sample: &Sample) {
        match sample.quality {
            Quality::Good => {
                self.good = self.good.saturating_add(1);
                if let Some(x) = sample.value.as_f64() {
                    self.add_number(x);
                }
            }
            Quality::Uncertain(_) => self.uncertain = self.uncertain.saturating_add(1),
            Quality::Bad(_) => self.bad = self.bad.saturating_add(1),
        }
        self.keep(&sample.value);
        self.last_quality = sample.quality;
    }

    /// Remembers a value. Cloning it would copy as many bytes as the longest text has, for every number.
    fn keep(&mut self, value: &Value) {
        match value {
            Value::Missing => {}
            Value::Float(x) => self.last = Value::Float(*x),
            Value::Int(n) => self.last = Value::Int(*n),
            Value::Bool(b) => self.last = Value::Bool(*b),
            Value::Text(text) => self.last = Value::Text(text.clone()),
        }
    }

    fn add_number(&mut self, x: f64) {
        self.numeric = self.numeric.saturating_add(1);
        let delta = x - self.mean;
        self.mean += delta / f64::from(self.numeric);
        self.m2 += delta * (x - self.mean);
        // Plain comparisons: no NaN comes here, and of two zeros the first stays on every processor.
        if x < self.min {
            self.min = x;
        }
        if x > self.max {
            self.max = x;
        }
    }

    /// The interval's item; the last value is kept for the next interval.
    fn take(&mut self, number: u32) -> SummaryItemV1 {
        let stats = (self.numeric > 0).then(|| StatsV1 {
            mean: self.mean,
            min: self.min,
            max: self.max,
            std: if self.numeric > 1 {
                (self.m2 / f64::from(self.numeric - 1)).max(0.0).sqrt()
            } else {
                0.0
            },
        });
        let item = SummaryItemV1 {
            tag: number,
            good: self.good,
            uncertain: self.uncertain,
            bad: self.bad,
            stats,
            last: ValueV1::from(&self.last),
            last_quality: self.last_quality.code(),
        };
        let last = std::mem::replace(&mut self.last, Value::Missing);
        *self = Self {
            last,
            last_quality: self.last_quality,
            ..Self::new()
        };
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::pipeline::testing;
    use proptest::prelude::*;

    fn good(tag: u32, value: f64) -> Sample {
        Sample {
            tag: TagId(tag),
            time: Timestamp::default(),
            value: Value::Float(value),
            quality: Quality::Good,
        }
    }

    fn now(mono_s: u64, wall_s: i64) -> Now {
        Now {
            mono: Mono::from_nanos(mono_s * 1_000_000_000),
            wall: Timestamp::from_millis(wall_s * 1000),
        }
    }

    fn fixture(tags: u32) -> (Summaries, Catalog) {
        let config = testing::config(tags);
        let catalog = Catalog::new(&config, (100..100 + tags).collect());
        (
            Summaries::new(&config.tags, &catalog, now(0, 1007)),
            catalog,
        )
    }

    fn items(bodies: &[BodyV1]) -> Vec<&SummaryItemV1> {
        let mut items = Vec::new();
        for body in bodies {
            let BodyV1::Summary(summary) = body else {
                panic!("{body:?}")
            };
            items.extend(&summary.items);
        }
        items
    }

    #[test]
    fn intervals_end_on_the_wall_clock_grid_and_count_by_quality() {
        let (mut summaries, catalog) = fixture(2);
        // 1007 s + 3 s would make an interval shorter than half of 10 s: the first one is 13 s long.
        assert_eq!(summaries.next_end(), Some(now(13, 0).mono));
        for x in [1.0, 2.0, 6.0] {
            summaries.add(&good(0, x));
        }
        summaries.add(&Sample {
            quality: Quality::Bad(Reason::CommFailure),
            value: Value::Missing,
            ..good(0, 0.0)
        });
        summaries.add(&Sample {
            quality: Quality::Uncertain(Reason::Stuck),
            ..good(0, 9.0)
        });
        let mut out = Vec::new();
        summaries.flush_due(now(12, 1019), &catalog, &mut out);
        assert!(out.is_empty());
        summaries.flush_due(now(13, 1020), &catalog, &mut out);
        let BodyV1::Summary(summary) = &out[0] else {
            panic!("{out:?}")
        };
        assert_eq!((summary.from_ms, summary.to_ms), (1_007_000, 1_020_000));
        let item = &summary.items[0];
        assert_eq!(
            (item.tag, item.good, item.uncertain, item.bad),
            (100, 3, 1, 1)
        );
        let stats = item.stats.unwrap();
        assert_eq!((stats.mean, stats.min, stats.max), (3.0, 1.0, 6.0));
        assert!((stats.std - 7.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(item.last, ValueV1::F32(9.0));
        assert_eq!((summary.items[1].good, summary.items[1].stats), (0, None));
        assert_eq!(summaries.next_end(), Some(now(23, 0).mono));
    }

    #[test]
    fn a_silent_tag_still_appears_with_its_last_value() {
        let (mut summaries, catalog) = fixture(1);
        summaries.add(&good(0, 5.0));
        let mut out = Vec::new();
        summaries.flush_all(now(5, 1012), &catalog, &mut out);
        summaries.flush_all(now(15, 1022), &catalog, &mut out);
        let items = items(&out);
        assert_eq!((items[1].good, &items[1].last), (0, &ValueV1::F32(5.0)));
    }

    #[test]
    fn a_wall_step_back_does_not_turn_an_interval_around() {
        let (mut summaries, catalog) = fixture(1);
        let mut out = Vec::new();
        summaries.flush_due(now(13, 500), &catalog, &mut out);
        let BodyV1::Summary(summary) = &out[0] else {
            panic!("{out:?}")
        };
        assert_eq!(summary.to_ms - summary.from_ms, 13_000);
    }

    #[test]
    fn many_tags_are_split_into_small_records() {
        let (mut summaries, catalog) = fixture(200);
        let mut out = Vec::new();
        summaries.flush_all(now(10, 1010), &catalog, &mut out);
        assert_eq!(out.len(), 4);
        assert_eq!(items(&out).len(), 200);
    }

    proptest! {
        #[test]
        fn statistics_agree_with_two_passes(values in proptest::collection::vec(-1e6..1e6_f64, 2..200)) {
            let (mut summaries, catalog) = fixture(1);
            for x in &values {
                summaries.add(&good(0, *x));
            }
            let mut out = Vec::new();
            summaries.flush_all(now(1, 1008), &catalog, &mut out);
            let stats = items(&out)[0].stats.unwrap();
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let var = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
            prop_assert!((stats.mean - mean).abs() < 1e-6);
            prop_assert!((stats.std - var.sqrt()).abs() < 1e-6 * var.sqrt().max(1.0));
        }
    }
}
