//! One slot that is fed a sample a second.

use std::sync::LazyLock;
use std::time::Duration;

use crate::config::DetectionRules;
use crate::detection::testing::Noise;
use crate::detection::*;
use crate::model::{Mono, Timestamp, Zone};

pub(super) const SECOND_NS: u64 = 1_000_000_000;
/// The only slot, and the only context that a line may follow.
pub(super) const SLOT: Slot = Slot(0);
pub(super) const CONTEXT: ContextId = ContextId(0);
/// Level and spread of the signal that a known line is charted against.
pub(super) const LEVEL: f64 = 100.0;
pub(super) const SPREAD: f64 = 2.0;

/// One false alarm a month at 1 Hz, a shift of one sigma.
static MONTHLY: LazyLock<ChartDesign> =
    LazyLock::new(|| design(&DetectionRules::default(), Duration::from_secs(1)).unwrap());

pub(super) fn monthly(learn_samples: u32) -> ChartDesign {
    ChartDesign {
        learn_samples,
        ..*MONTHLY
    }
}

/// The slot, its clock and its noise.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) bank: Bank,
    pub(super) at_ns: u64,
    pub(super) noise: Noise,
}

impl Line {
    /// A slot of `design` in a context that settles for `settle_s` seconds, with noise of lag-1 correlation `phi`.
    pub(super) fn new(design: ChartDesign, settle_s: u64, phi: f64) -> Self {
        let plan = ContextPlan {
            slots: vec![SLOT],
            settle: Duration::from_secs(settle_s),
        };
        Self {
            bank: Bank::new(&[design], &[plan]),
            at_ns: 0,
            noise: Noise::new(7, phi),
        }
    }

    /// A slot that learns.
    pub(super) fn learning(learn_samples: u32) -> Self {
        Self::new(monthly(learn_samples), 30, 0.0)
    }

    /// A slot whose model is known: [`LEVEL`], [`SPREAD`], lag-1 correlation `phi`.
    pub(super) fn known(phi: f64) -> Self {
        let mut line = Self::new(monthly(300), 30, phi);
        assert!(line.bank.arm(SLOT, Model::known(LEVEL, SPREAD, phi)));
        line
    }

    pub(super) const fn now(&self) -> Mono {
        Mono::from_nanos(self.at_ns)
    }

    /// Lets time pass without a sample.
    pub(super) const fn wait(&mut self, seconds: u64) {
        self.at_ns += seconds * SECOND_NS;
    }

    pub(super) fn feed_at(&mut self, value: f64, at_ns: u64) -> Vec<Finding> {
        let mut out = Vec::new();
        let input = Input {
            slot: SLOT,
            value,
            at: Mono::from_nanos(at_ns),
        };
        let wall = Timestamp::from_nanos(i64::try_from(at_ns).unwrap_or(i64::MAX));
        self.bank
            .step(&[input], DayTime::at(wall, &Zone::UTC), &mut out);
        out
    }

    pub(super) fn feed(&mut self, value: f64) -> Vec<Finding> {
        self.wait(1);
        self.feed_at(value, self.at_ns)
    }

    /// Feeds `count` values made of the unit noise and the number of the sample.
    pub(super) fn feed_many(
        &mut self,
        count: u32,
        value: impl Fn(f64, u32) -> f64,
    ) -> Vec<Finding> {
        let mut found = Vec::new();
        for i in 0..count {
            let noise = self.noise.next();
            found.extend(self.feed(value(noise, i)));
        }
        found
    }

    /// Feeds the known signal, `sigmas` standard deviations off.
    pub(super) fn run(&mut self, count: u32, sigmas: f64) -> Vec<Finding> {
        self.feed_many(count, |noise, _| LEVEL + SPREAD * (noise + sigmas))
    }

    pub(super) fn state(&self) -> SlotState {
        self.bank.slot_state(SLOT).unwrap()
    }

    pub(super) fn announce(
        &mut self,
        what: impl FnOnce(&mut Bank, Mono, &mut Vec<Finding>),
    ) -> Vec<Finding> {
        let mut out = Vec::new();
        what(&mut self.bank, Mono::from_nanos(self.at_ns), &mut out);
        out
    }
}

pub(super) fn changes(found: &[Finding]) -> Vec<Change> {
    found.iter().map(|f| f.change).collect()
}
