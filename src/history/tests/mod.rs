//! The history as a whole.

#![expect(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of tests are small, and what is exact is compared as such"
)]

mod events;
mod model;
mod old;
mod reopened;
mod robust;
mod rows;

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::model::{Quality, Timestamp, Value};

/// 2026-03-28 00:00 UTC: the day before the clocks of Berlin change.
const START_MS: i64 = 1_774_656_000_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START_MS + ms)
}

fn settings() -> Settings {
    Settings {
        retention: Retention {
            raw: Duration::from_hours(90 * 24),
            ..Retention::default()
        },
        cache_bytes: 1 << 20,
        ..Settings::new("Europe/Berlin")
    }
}

/// A history with one series, `t`, whose samples stand for ten seconds.
struct Plant {
    dir: TempDir,
    writer: Writer,
    id: SeriesId,
}

impl Plant {
    #[track_caller]
    fn assert_sound(&self) {
        let report = self.writer.reader().verify(&mut |_| true).unwrap();
        assert!(report.is_sound(), "{report:#?}");
    }

    fn new() -> Self {
        Self::with(settings(), at(0))
    }

    fn with(settings: Settings, now: Timestamp) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::open(dir.path(), settings, now).unwrap();
        Self::of(dir, writer)
    }

    fn of(dir: TempDir, mut writer: Writer) -> Self {
        let spec = SeriesSpec {
            hold: Duration::from_secs(10),
            ..SeriesSpec::named("t")
        };
        let id = writer.register(&[spec]).unwrap()[0];
        Self { dir, writer, id }
    }

    fn put(&mut self, ms: i64, value: f64) {
        self.writer
            .put(self.id, at(ms), &Value::Float(value), Quality::Good);
    }

    fn query(&self, from_ms: i64, to_ms: i64, step: Step, aggregates: &[Aggregate]) -> Answer {
        let query = Query {
            series: vec!["t".to_owned()],
            from: at(from_ms),
            to: at(to_ms),
            step,
            aggregates: aggregates.to_vec(),
        };
        self.writer.reader().query(&query).unwrap()
    }

    fn reopen(self, settings: Settings, now: Timestamp) -> Self {
        let Self { dir, writer, id } = self;
        drop(writer);
        let writer = Writer::open(dir.path(), settings, now).unwrap();
        Self { dir, writer, id }
    }
}
