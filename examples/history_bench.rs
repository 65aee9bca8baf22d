//! How large years of history are, and how fast they are read.
//!
//! ```text
//! cargo run --release --example history_bench -- [--years 5] [--tags 1000] [--dir DIR] [--rows FILE] [--keep] [--reuse]
//! ```
//!
//! Fills the 1-min tier with the roll-ups of 60 samples a minute through [`Writer::import_rollups`], which derives the
//! hours and days; the samples themselves would be kept for a week. A second thread makes them up meanwhile; the time of
//! the import is that of the writing thread alone. Prints sizes and times, with `--json FILE` as one object. `--keep` leaves
//! the store, `--reuse` asks one that was left.
//!
//! `--rows FILE` writes the same roll-ups for `tests/compare/history_duckdb.py`, which reads them from a pipe and so
//! needs no second copy on the disk. They come in blocks of one tag in order of time, little-endian: the tag and the number
//! of rows (u32 each), then column after column: second (i64), count (u16), minimum, maximum and mean (f64 each).
//!
//! The tags are what a plant has: of each twenty, six temperatures, four pressures, flows or currents with noise, three set
//! values, three counters, three states, one 12-bit vibration level. Values have the resolution of their instrument.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, prints its figures, and measures real time"
)]

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use andon::history::{
    Aggregate, Export, Query, Reader, Rollup, SeriesSpec, Settings, Step, Tier, TrendOptions,
    Writer,
};
use andon::model::Timestamp;

/// When the data ends: 2026-03-01.
const END_MS: i64 = 1_772_323_200_000;
const MINUTE_MS: i64 = 60_000;
const YEAR_MINUTES: i64 = 525_960;
/// Minutes that are made up at once: a month, 5 MB.
const BATCH: usize = 43_200;
/// A query is asked so often again; the fastest counts.
const AGAIN: usize = 3;
/// Batches that wait for the writer.
const BATCHES_WAITING: usize = 4;

struct Args {
    years: f64,
    tags: u32,
    dir: PathBuf,
    rows: Option<PathBuf>,
    keep: bool,
    reuse: bool,
    json: Option<PathBuf>,
}

fn main() {
    let args = arguments();
    let now = Timestamp::from_millis(END_MS + 8 * 86_400_000);
    let mut figures = Vec::new();
    if !args.reuse {
        drop(std::fs::remove_dir_all(&args.dir));
        std::fs::create_dir_all(&args.dir).expect("the folder can be made");
        let import_s = fill(&args, now);
        let rows = minutes(&args) as f64 * f64::from(args.tags);
        figures.push(("import_s".to_owned(), import_s));
        figures.push(("rows_per_s".to_owned(), rows / import_s));
        compact(&args, now, &mut figures);
    }
    let started = Instant::now();
    let writer = Writer::open(&args.dir, Settings::new("Europe/Berlin"), now).expect("opens");
    figures.push(("open_ms".to_owned(), ms(started)));
    let reader = writer.reader();
    sizes(&reader, &args, &mut figures);
    queries(&reader, &args, &mut figures);
    for (name, figure) in &figures {
        println!("{name:>40} {figure:>14.3}");
    }
    if let Some(path) = &args.json {
        let body: Vec<String> = figures
            .iter()
            .map(|(name, figure)| format!("\"{name}\": {figure}"))
            .collect();
        std::fs::write(path, format!("{{{}}}\n", body.join(", ")))
            .expect("the figures can be written");
    }
    drop((reader, writer));
    if !args.keep {
        std::fs::remove_dir_all(&args.dir).expect("the folder can be removed");
    }
}

/// Gives back what copying pages on writing has left free.
fn compact(args: &Args, now: Timestamp, figures: &mut Vec<(String, f64)>) {
    let mut writer = Writer::open(&args.dir, Settings::new("Europe/Berlin"), now).expect("opens");
    let size = |writer: &Writer| {
        writer
            .reader()
            .statistics()
            .expect("statistics are read")
            .file_bytes as f64
            / 1e9
    };
    figures.push(("file_gb_before_compact".to_owned(), size(&writer)));
    let started = Instant::now();
    writer.compact().expect("compacts");
    figures.push(("compact_s".to_owned(), ms(started) / 1e3));
    drop(writer);
    // The store cuts its file when it is opened and closed again.
    drop(Writer::open(&args.dir, Settings::new("Europe/Berlin"), now).expect("opens"));
}

fn arguments() -> Args {
    let mut args = Args {
        years: 5.0,
        tags: 1_000,
        dir: std::env::temp_dir().join("andon-history-bench"),
        rows: None,
        keep: false,
        reuse: false,
        json: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("the option has a value");
        match word.as_str() {
            "--years" => args.years = value().parse().expect("--years is a number"),
            "--tags" => args.tags = value().parse().expect("--tags is a number"),
            "--dir" => args.dir = PathBuf::from(value()),
            "--json" => args.json = Some(PathBuf::from(value())),
            "--rows" => args.rows = Some(PathBuf::from(value())),
            "--keep" => args.keep = true,
            "--reuse" => args.reuse = true,
            other => {
                eprintln!("unknown option {other}");
                std::process::exit(64);
            }
        }
    }
    args
}

#[expect(clippy::cast_possible_truncation, reason = "a few million minutes")]
fn minutes(args: &Args) -> i64 {
    (args.years * YEAR_MINUTES as f64) as i64
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn name(tag: u32) -> String {
    format!("hall1.line{}.tag{tag:04}", tag % 10)
}

fn fill(args: &Args, now: Timestamp) -> f64 {
    let mut writer = Writer::open(&args.dir, Settings::new("Europe/Berlin"), now).expect("opens");
    let specs: Vec<SeriesSpec> = (0..args.tags)
        .map(|tag| SeriesSpec::named(&name(tag)))
        .collect();
    let ids = writer.register(&specs).expect("names are written");
    let mut rows = args.rows.as_ref().map(|path| {
        let mut options = std::fs::OpenOptions::new();
        // A pipe is there already; a file need not be.
        options.write(true).create(true).truncate(true);
        options.open(path).expect("the rows can be written")
    });
    let (mut waited, started) = (Duration::ZERO, Instant::now());
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(BATCHES_WAITING);
        scope.spawn(move || make_up(args, &sender));
        for (tag, id) in (0..args.tags).zip(ids) {
            let batches = std::iter::from_fn(|| {
                let begun = Instant::now();
                let batch: Vec<(Timestamp, Rollup)> = receiver.recv().expect("all is made up");
                if let Some(rows) = rows.as_mut().filter(|_| !batch.is_empty()) {
                    write_block(rows, tag, &batch);
                }
                waited += begun.elapsed();
                (!batch.is_empty()).then_some(batch)
            });
            writer
                .import_rollups(id, batches.flatten(), &mut |_| true)
                .expect("imports");
            if tag % 50 == 49 {
                eprintln!("{} tags, {:.0} s", tag + 1, started.elapsed().as_secs_f64());
            }
        }
    });
    started.elapsed().saturating_sub(waited).as_secs_f64()
}

/// Sends the roll-ups of tag after tag in batches; an empty one ends a tag.
fn make_up(args: &Args, sender: &std::sync::mpsc::SyncSender<Vec<(Timestamp, Rollup)>>) {
    for tag in 0..args.tags {
        let mut signal = Signal::new(tag, minutes(args));
        loop {
            let batch: Vec<_> = signal.by_ref().take(BATCH).collect();
            let is_last = batch.is_empty();
            sender.send(batch).expect("the writer takes it");
            if is_last {
                break;
            }
        }
    }
}

/// Writes rows of one tag as the module's documentation says.
fn write_block(out: &mut impl Write, tag: u32, rows: &[(Timestamp, Rollup)]) {
    let mut block = Vec::with_capacity(8 + rows.len() * 34);
    let count = u32::try_from(rows.len()).expect("a batch is small");
    block.extend(tag.to_le_bytes());
    block.extend(count.to_le_bytes());
    block.extend(
        rows.iter()
            .flat_map(|(time, _)| (time.as_millis() / 1_000).to_le_bytes()),
    );
    block.extend(rows.iter().flat_map(|(_, row)| {
        let count = u16::try_from(row.n).expect("sixty samples a minute");
        count.to_le_bytes()
    }));
    for column in [
        |row: &Rollup| row.min,
        |row: &Rollup| row.max,
        |row: &Rollup| row.mean,
    ] {
        block.extend(rows.iter().flat_map(|(_, row)| column(row).to_le_bytes()));
    }
    out.write_all(&block)
        .expect("the reader of the rows takes them");
}

fn sizes(reader: &Reader, args: &Args, figures: &mut Vec<(String, f64)>) {
    let statistics = reader.statistics().expect("statistics are read");
    let rows = minutes(args) as f64 * f64::from(args.tags);
    figures.push(("file_gb".to_owned(), statistics.file_bytes as f64 / 1e9));
    figures.push((
        "bytes_per_minute_row".to_owned(),
        statistics.file_bytes as f64 / rows,
    ));
    let five_years = statistics.file_bytes as f64 / rows * 5.0 * YEAR_MINUTES as f64 * 1_000.0;
    figures.push(("gb_for_5_years_of_1000_tags".to_owned(), five_years / 1e9));
    for tier in &statistics.tiers {
        figures.push((
            format!("payload_mb_{}", tier.tier.as_str()),
            tier.bytes as f64 / 1e6,
        ));
    }
}

/// Milliseconds of one query.
fn time(reader: &Reader, query: &Query) -> f64 {
    let started = Instant::now();
    let answer = reader.query(query).expect("answers");
    assert!(answer.buckets() > 0);
    ms(started)
}

fn queries(reader: &Reader, args: &Args, figures: &mut Vec<(String, f64)>) {
    let to = Timestamp::from_millis(END_MS);
    let year = to.saturating_sub(Duration::from_hours(8_760));
    let all: Vec<String> = (0..args.tags).map(name).collect();
    let one = vec![name(3)];
    let usual = vec![Aggregate::Mean, Aggregate::Min, Aggregate::Max];
    let mut run = |what: &str, series: &[String], step: Step, aggregates: &[Aggregate]| {
        let query = Query {
            series: series.to_vec(),
            from: year,
            to,
            step,
            aggregates: aggregates.to_vec(),
        };
        figures.push((format!("{what}_first_ms"), time(reader, &query)));
        let again = (0..AGAIN).map(|_turn| time(reader, &query));
        figures.push((format!("{what}_again_ms"), again.fold(f64::MAX, f64::min)));
    };
    run("one_tag_1y_1000_points", &one, Step::Auto(1_000), &usual);
    run(
        "one_tag_1y_1min",
        &one,
        Step::Fixed(Duration::from_mins(1)),
        &usual,
    );
    run(
        "one_tag_1y_hourly",
        &one,
        Step::Fixed(Duration::from_hours(1)),
        &usual,
    );
    run(
        "one_tag_1y_p95_daily",
        &one,
        Step::Days(1),
        &[Aggregate::Percentile(95.0)],
    );
    run(
        "all_tags_1y_hourly_mean",
        &all,
        Step::Fixed(Duration::from_hours(1)),
        &[Aggregate::Mean],
    );
    run(
        "all_tags_1y_hourly",
        &all,
        Step::Fixed(Duration::from_hours(1)),
        &usual,
    );
    run("all_tags_1y_daily", &all, Step::Days(1), &usual);
    run("all_tags_1y_monthly", &all, Step::Months(1), &usual);
    let started = Instant::now();
    let export = Export {
        name: one.first().map_or("", String::as_str),
        from: Timestamp::from_millis(0),
        to,
    };
    let mut rows = 0u32;
    reader
        .export_rollups(&export, Tier::Minute, &mut |_, _| rows += 1)
        .expect("exports");
    figures.push(("export_one_tag_all_minutes_ms".to_owned(), ms(started)));
    let started = Instant::now();
    let trend = reader
        .trend(&export, TrendOptions::default())
        .expect("is read");
    figures.push(("trend_all_years_ms".to_owned(), ms(started)));
    eprintln!("{rows} rows exported; trend {trend:?}");
}

/// Roll-ups of a signal minute by minute, each of 60 samples, on the grid of its instrument.
struct Signal {
    random: fastrand::Rng,
    kind: u32,
    minute: i64,
    end: i64,
    /// Level in units of the resolution.
    level: f64,
    total: i64,
    wait: i64,
    last: i64,
}

impl Signal {
    fn new(tag: u32, minutes: i64) -> Self {
        let end = END_MS / MINUTE_MS;
        let level = match tag % 20 {
            0..=5 => 600.0,
            6..=9 => 4_500.0,
            10..=12 => 720.0,
            19 => 2_000.0,
            _ => 0.0,
        };
        Self {
            random: fastrand::Rng::with_seed(u64::from(tag) + 1),
            kind: tag % 20,
            minute: end - minutes,
            end,
            level,
            total: 0,
            wait: 0,
            last: 0,
        }
    }

    fn normal(&mut self) -> f64 {
        // Irwin-Hall with four terms of 16 bits: enough of a bell, and quick.
        let bits = self.random.u64(..);
        let sum: u64 = [0, 16, 32, 48]
            .map(|shift| (bits >> shift) & 0xffff)
            .iter()
            .sum();
        sum as f64 * (1.732 / 65_536.0) - 3.464
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "levels of instruments are small"
    )]
    fn units(&mut self) -> i64 {
        match self.kind {
            // A temperature that wanders slowly, resolution 0.1, noise below it.
            0..=5 => {
                self.level += self.normal() * 0.02;
                (self.level + self.normal() * 0.4) as i64
            }
            // Pressure, flow, current: noise of three resolutions around a load that changes with the hour.
            6..=9 => {
                let noise = self.normal() * 3.0;
                (self.level + noise) as i64
            }
            10..=12 => self.level as i64,
            // A counter: a piece every few seconds while the machine runs.
            13..=15 => {
                if self.wait <= 0 && self.random.u8(..7) == 0 {
                    self.total += 1;
                }
                self.total
            }
            // A state.
            16..=18 => i64::from(self.wait <= 0),
            // Vibration, 12 bit.
            _ => (self.level + self.normal() * 60.0) as i64,
        }
    }

    fn scale(&self) -> f64 {
        match self.kind {
            0..=5 | 10..=12 => 10.0,
            6..=9 => 100.0,
            _ => 1.0,
        }
    }
}

impl Iterator for Signal {
    type Item = (Timestamp, Rollup);

    fn next(&mut self) -> Option<Self::Item> {
        if self.minute >= self.end {
            return None;
        }
        let start_ms = self.minute * MINUTE_MS;
        self.minute += 1;
        self.wait -= 1;
        if self.random.u16(..600) == 0 {
            self.wait = self.random.i64(1..60);
            self.level += self.normal() * if self.kind < 6 { 2.0 } else { 40.0 };
            self.level = self.level.clamp(100.0, 9_000.0);
        }
        // An hour a month is missing.
        if self.minute % 43_200 < 60 {
            return self.next_after_gap();
        }
        let scale = self.scale();
        let (mut sum, mut squares, mut min, mut max) = (0i64, 0i64, i64::MAX, i64::MIN);
        let mut first = None;
        for _second in 0..60 {
            let units = self.units();
            first.get_or_insert(units);
            (sum, squares) = (sum + units, squares + units * units);
            (min, max) = (min.min(units), max.max(units));
            self.last = units;
        }
        let mean = sum as f64 / 60.0;
        let m2 = (60 * squares - sum * sum) as f64 / 60.0;
        let row = Rollup {
            good: 60,
            n: 60,
            covered_ms: 60_000,
            weighted_ms: 60_000,
            min: min as f64 / scale,
            max: max as f64 / scale,
            mean: mean / scale,
            m2: m2 / (scale * scale),
            integral: mean / scale * 60_000.0,
            first: first.unwrap_or(0) as f64 / scale,
            last: self.last as f64 / scale,
            first_ms: start_ms,
            last_ms: start_ms + 59_000,
            ..Rollup::default()
        };
        Some((Timestamp::from_millis(start_ms), row))
    }
}

impl Signal {
    fn next_after_gap(&mut self) -> Option<(Timestamp, Rollup)> {
        self.minute += 60;
        self.next()
    }
}
