//! The history is killed at random moments under load; then everything that was reported as committed must be there, and
//! no roll-up may disagree with its samples.
//!
//! ```text
//! cargo run --release --example history_kill -- [KILLS] [SEED] [DIR]
//! ```
//!
//! The program runs itself as the child that writes. A day of the plant passes in a few hundred commits, so that packing,
//! deriving and expiring are killed as often as committing. Exit code 101: a promise was broken, with words.
//! SIGKILL says nothing about power cuts: the page cache survives it.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a trial fails by panicking, prints its figures, and lives in real time"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use andon::history::{Retention, SeriesId, SeriesSpec, Settings, Writer};
use andon::model::{Quality, Reason, Timestamp, Value};

/// Series that are written.
const SERIES: u32 = 12;
/// Samples of each series in a commit.
const SAMPLES: i64 = 60;
/// Seconds between them.
const APART_S: u64 = 5;
/// The plant's time at commit 0.
const START_MS: i64 = 1_773_000_000_000;
/// The child lives this long at most.
const LIFE_MS: std::ops::Range<u64> = 5..200;
/// A store is filled on for so many rounds before a new one is begun.
const ROUNDS: u64 = 25;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |i: usize| args.get(i).map(String::as_str);
    if arg(0) == Some("child") {
        let dir = PathBuf::from(arg(1).expect("the child is told where"));
        return child(&dir);
    }
    let kills = arg(0).map_or(500, |n| n.parse().expect("KILLS is a number"));
    let seed = arg(1).map_or(1, |n| n.parse().expect("SEED is a number"));
    let dir = arg(2).map_or_else(
        || std::env::temp_dir().join("andon-history-kill"),
        PathBuf::from,
    );
    parent(kills, seed, &dir);
}

fn settings() -> Settings {
    let day = Duration::from_hours(24);
    Settings {
        retention: Retention {
            raw: 2 * day,
            minute: 20 * day,
            ..Retention::default()
        },
        ..Settings::new("Europe/Berlin")
    }
}

/// The plant's time after a number of commits.
fn time_of(commit: u64) -> Timestamp {
    let commit = i64::try_from(commit).expect("few commits");
    Timestamp::from_millis(START_MS + commit * SAMPLES * 5_000)
}

/// The samples of a commit: a function of its number, so that the parent knows them.
fn samples_of(commit: u64) -> Vec<(u32, Timestamp, Value, Quality)> {
    let mut samples = Vec::new();
    for series in 0..SERIES {
        for second in 0..SAMPLES {
            let off = Duration::from_secs(u64::try_from(second).expect("not negative") * APART_S);
            let mut time = time_of(commit).saturating_add(off);
            // Every seventh commit brings a series late, by up to three hours, over what was there.
            if commit % 7 == u64::from(series % 7) && commit > 200 {
                time = time.saturating_sub(Duration::from_mins(commit % 180));
            }
            let value = f64::from(series) * 10.0
                + f64::from(u32::try_from(commit * 31 + off.as_secs() % 9).expect("small") % 100)
                    / 10.0;
            let quality = if (commit + u64::from(series)).is_multiple_of(41) {
                Quality::Bad(Reason::CommFailure)
            } else {
                Quality::Good
            };
            samples.push((series, time, Value::Float(value), quality));
        }
    }
    samples
}

fn names() -> Vec<SeriesSpec> {
    let spec = |n: u32| SeriesSpec {
        hold: Duration::from_secs(3 * APART_S),
        ..SeriesSpec::named(&format!("line1.tag{n}"))
    };
    (0..SERIES).map(spec).collect()
}

/// Writes until it is killed; says `ack N` when commit N is durable.
fn child(dir: &Path) {
    let first = next_commit(dir);
    let mut writer = Writer::open(dir, settings(), time_of(first)).expect("opens");
    let ids = writer.register(&names()).expect("names are written");
    let mut out = std::io::stdout().lock();
    for commit in first.. {
        for (series, time, value, quality) in samples_of(commit) {
            let id = ids
                .get(usize::try_from(series).expect("small"))
                .copied()
                .unwrap_or(SeriesId(0));
            writer.put(id, time, &value, quality);
        }
        writer.flush().expect("commits");
        writeln!(out, "ack {commit}")
            .and_then(|()| out.flush())
            .expect("the parent listens");
        while writer
            .maintain(time_of(commit + 1), 5)
            .expect("upkeep works")
            .more
        {}
        if commit % 20 == 19 {
            writer.settle(time_of(commit + 1)).expect("upkeep works");
        }
    }
}

/// Where a store goes on: kept beside it by the parent.
fn next_commit(dir: &Path) -> u64 {
    let text = std::fs::read_to_string(dir.join("next")).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

fn parent(kills: u64, seed: u64, dir: &Path) {
    println!("{kills} kills, seed {seed}, in {}", dir.display());
    let mut random = fastrand::Rng::with_seed(seed);
    let started = Instant::now();
    let (mut acked, mut compared, mut open_max) = (0, 0, Duration::ZERO);
    for round in 0..kills {
        if round % ROUNDS == 0 {
            drop(std::fs::remove_dir_all(dir));
            std::fs::create_dir_all(dir).expect("the folder can be made");
        }
        let first = next_commit(dir);
        let next = run_and_kill(dir, random.u64(LIFE_MS)).unwrap_or(first);
        acked += next - first;
        let checked = check(dir, next, round % ROUNDS == ROUNDS - 1 || round % 5 == 0);
        compared += checked.1;
        open_max = open_max.max(checked.2);
        // The commit after the last acknowledged one may be there, whole: the next child writes the same again.
        std::fs::write(dir.join("next"), next.to_string()).expect("the folder is writable");
        if round % 50 == 49 {
            eprintln!(
                "{} kills, {acked} commits, {:?}",
                round + 1,
                started.elapsed()
            );
        }
    }
    drop(std::fs::remove_dir_all(dir));
    println!(
        "{kills} kills survived: {acked} acknowledged commits all there, {compared} roll-ups agree with their samples, \
         slowest open {open_max:?}, {:?} in all",
        started.elapsed()
    );
}

/// Runs the child, kills it, and returns the number after its last acknowledged commit.
fn run_and_kill(dir: &Path, life_ms: u64) -> Option<u64> {
    let program = std::env::current_exe().expect("this program has a path");
    let mut child = Command::new(program)
        .arg("child")
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let out = child.stdout.take().expect("its output is piped");
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(out).lines().map_while(Result::ok);
        lines
            .filter_map(|line| line.strip_prefix("ack ")?.parse::<u64>().ok())
            .last()
    });
    // The clock of its life starts when it could have opened the store.
    std::thread::sleep(Duration::from_millis(life_ms));
    child.kill().expect("it can be killed");
    let status = child.wait().expect("it ends");
    assert!(
        !status.success() && status.code().is_none(),
        "the child ended by itself: {status}"
    );
    reader
        .join()
        .expect("its output is read")
        .map(|last| last + 1)
}

/// Opens the store and compares it with what was acknowledged.
fn check(dir: &Path, next: u64, verify: bool) -> (u64, u64, Duration) {
    let now = time_of(next);
    let started = Instant::now();
    let mut writer = Writer::open(dir, settings(), now).expect("opens after a kill");
    let opened = started.elapsed();
    let reader = writer.reader();
    let series = reader.series().expect("series are read");
    if next == 0 {
        return (0, 0, opened);
    }
    // The last commits of a series must be there to the sample; with late ones applied in order.
    let mut expected: BTreeMap<(u32, i64), (Value, Quality)> = BTreeMap::new();
    for commit in next.saturating_sub(400)..next {
        for (series, time, value, quality) in samples_of(commit) {
            expected.insert((series, time.as_nanos()), (value, quality));
        }
    }
    let kept_from = now.saturating_sub(Duration::from_hours(5));
    let mut maybe: BTreeMap<(u32, i64), (Value, Quality)> = BTreeMap::new();
    for (series, time, value, quality) in samples_of(next) {
        maybe.insert((series, time.as_nanos()), (value, quality));
    }
    for (id, spec) in &series {
        let number = id.0 - 1;
        let found = reader
            .samples(
                &spec.name,
                kept_from,
                Timestamp::from_nanos(i64::MAX),
                usize::MAX,
            )
            .expect("samples are read");
        let found: BTreeMap<i64, (Value, Quality)> = found
            .samples
            .into_iter()
            .map(|(time, value, quality)| (time.as_nanos(), (value, quality)))
            .collect();
        let range = (number, kept_from.as_nanos())..(number + 1, i64::MIN);
        for ((_, time), sample) in expected.range(range) {
            let there = found.get(time);
            let newer = maybe.get(&(number, *time));
            assert!(
                there == Some(sample) || (newer.is_some() && there == newer),
                "{}: sample at {} is {there:?}, acknowledged as {sample:?}",
                spec.name,
                Timestamp::from_nanos(*time)
            );
        }
    }
    if verify {
        writer.settle(now).expect("upkeep works after a kill");
        let report = reader.verify(&mut |_| true).expect("is verified");
        assert!(report.is_sound(), "{report:#?}");
        return (next, report.compared, opened);
    }
    let report = reader.verify(&mut |_| true).expect("is verified");
    assert!(report.is_sound(), "{report:#?}");
    (next, report.compared, opened)
}
