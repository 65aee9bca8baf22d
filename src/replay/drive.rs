//! Drives the chain by the time of the data.

use std::sync::Arc;
use std::time::Duration;

use super::merge::{Chunk, Scan};
use super::stopwatch::Stopwatch;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::{Mono, Now, Timestamp};
use crate::pipeline::task::{RecordSink, hand_on};
use crate::pipeline::{Chain, ChainCounters, Outputs, Parts};

/// Data time between ticks: the chain's shortest interval, on the whole second.
const TICK: Duration = Duration::from_secs(1);
/// Where a jump over a silence lands: on the last whole minute before the next row, so that intervals of summaries
/// are back on their grid.
const LANDING_NS: i64 = 60_000_000_000;
/// A silence is lived through for this long at least: the longest that a chattering alarm waits to be cleared.
const SILENCE_MIN: Duration = Duration::from_mins(11);
/// And for this long at most.
const SILENCE_MAX: Duration = Duration::from_hours(1);

/// A chain whose time is that of a recording.
#[derive(Debug)]
pub(super) struct Drive<'c> {
    chain: Chain,
    first: Timestamp,
    last: Timestamp,
    next_tick: Timestamp,
    /// A silence beyond this is jumped.
    silence: Duration,
    ticking: Stopwatch<'c>,
    out: Outputs,
}

impl<'c> Drive<'c> {
    /// A chain that begins at the time of the first row; `clock` is for the time that its ticks take.
    pub(super) fn new(parts: Parts, first: Timestamp, clock: &'c dyn Clock) -> Self {
        let silence = silence_of(&parts.config);
        let chain = Chain::new(parts, now(first, first));
        Self {
            chain,
            first,
            last: first,
            next_tick: tick_after(first),
            silence,
            ticking: Stopwatch::new(clock),
            out: Outputs::default(),
        }
    }

    /// Takes the scans of a chunk.
    pub(super) fn take<S: RecordSink>(&mut self, chunk: &mut Chunk, sink: &mut S) {
        let mut begin = 0;
        for Scan { at, end } in chunk.scans.iter().copied() {
            if at >= self.next_tick {
                self.pass(at, sink);
            }
            let now = now(self.first, at);
            if let Some(samples) = chunk.samples.get_mut(begin..end) {
                self.chain.scan(now.mono, samples, now, &mut self.out);
            }
            self.last = at;
            begin = end;
            if !self.out.is_empty() {
                hand_on(&mut self.out, sink);
            }
        }
    }

    /// Hands on everything that is still being gathered.
    pub(super) fn finish<S: RecordSink>(&mut self, sink: &mut S) {
        let now = now(self.first, self.last);
        self.chain.tick(now, &mut self.out);
        self.chain.finish(now, &mut self.out);
        hand_on(&mut self.out, sink);
    }

    /// Time of the first and of the last scan.
    pub(super) const fn span(&self) -> (Timestamp, Timestamp) {
        (self.first, self.last)
    }

    /// Time that ticks took so far.
    pub(super) const fn ticking(&self) -> Duration {
        self.ticking.total
    }

    /// Totals of the chain.
    pub(super) const fn counters(&self) -> ChainCounters {
        self.chain.counters()
    }

    /// Alerts that stand at the end.
    pub(super) fn standing(&self) -> usize {
        self.chain.alarms().active().count()
    }

    /// Lets time pass up to `until`: a tick per second, with a jump once nothing more can happen.
    fn pass<S: RecordSink>(&mut self, until: Timestamp, sink: &mut S) {
        let jump_at = self.next_tick.saturating_add(self.silence);
        while self.next_tick <= until {
            let now = now(self.first, self.next_tick);
            let (chain, out) = (&mut self.chain, &mut self.out);
            self.ticking.time(|| chain.tick(now, out));
            if !self.out.is_empty() {
                hand_on(&mut self.out, sink);
            }
            let next = self.next_tick.saturating_add(TICK);
            let landing = until.as_nanos() - until.as_nanos().rem_euclid(LANDING_NS);
            self.next_tick = if next > jump_at {
                next.max(Timestamp::from_nanos(landing))
            } else {
                next
            };
        }
    }
}

fn silence_of(config: &Arc<Config>) -> Duration {
    let clears = config.alerting.clear_after.saturating_add(TICK);
    clears.clamp(SILENCE_MIN, SILENCE_MAX)
}

const fn now(first: Timestamp, at: Timestamp) -> Now {
    Now {
        mono: Mono::from_nanos(at.as_nanos().abs_diff(first.as_nanos())),
        wall: at,
    }
}

/// The first whole second after `time`.
fn tick_after(time: Timestamp) -> Timestamp {
    let tick_ns = i64::try_from(TICK.as_nanos()).unwrap_or(i64::MAX);
    let into = time.as_nanos().rem_euclid(tick_ns);
    Timestamp::from_nanos(time.as_nanos() - into).saturating_add(TICK)
}
