//! The bank: every slot's learning phase, charts and alarm state, stepped in batches.

use std::mem::replace;

use super::baseline::Baseline;
use super::charts::{Charts, Reading};
use super::design::ChartDesign;
use super::finding::{Change, Chart, Finding, severity_of};
use super::learner::Learner;
use super::limits::Limits;
use super::nursery::Nursery;
use super::refine::Refiner;
use crate::model::{Mono, Severity};

/// A statistic below this share of its limit is quiet: it clears an alarm and may teach the baseline.
const QUIET_RATIO: f32 = 0.5;
/// Quiet samples in a row that clear an alarm.
const QUIET_SAMPLES: u8 = 5;

/// Index of a detected tag in the bank: dense, in the order of the designs given to [`Bank::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

impl Slot {
    /// As an index into per-slot tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One Good value for one slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input {
    /// Which slot.
    pub slot: Slot,
    /// The value in the tag's unit; ignored unless finite.
    pub value: f64,
    /// When it was sampled; ignored unless later than the slot's last one.
    pub at: Mono,
}

/// How far a slot is, for status and explanations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SlotState {
    /// Collecting its first baseline; nothing can alarm.
    Learning {
        /// Good samples collected.
        have: usize,
        /// Good samples needed before anything is estimated.
        need: usize,
        /// The signal did not move enough for a baseline last time.
        is_still: bool,
    },
    /// Charts run with wider limits while the baseline improves.
    Provisional {
        /// The baseline so far.
        baseline: Baseline,
        /// The learning phase that was asked for is not over: nothing can alarm.
        is_muted: bool,
    },
    /// Charts run; the baseline is frozen.
    Armed {
        /// The baseline.
        baseline: Baseline,
    },
}

/// How many slots are in each phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Collecting a first baseline.
    pub learning: usize,
    /// Charts run while the baseline improves.
    pub provisional: usize,
    /// Charts run on a frozen baseline.
    pub armed: usize,
}

impl Phases {
    const fn of(&mut self, mode: Mode) -> &mut usize {
        match mode {
            Mode::Learning => &mut self.learning,
            Mode::Provisional => &mut self.provisional,
            Mode::Armed => &mut self.armed,
        }
    }
}

/// Where a slot's baseline comes from at present.
#[derive(Debug, Clone)]
enum Stage {
    Learning(Learner),
    Provisional(Box<Refiner>),
    Armed(Box<Baseline>),
}

/// The stage in one byte, so that an armed slot touches nothing else of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Learning,
    Provisional,
    Armed,
}

/// Alarm state of a slot.
#[derive(Debug, Clone, Copy, Default)]
struct Raised {
    /// Direction and the highest severity reported.
    active: Option<(bool, Severity)>,
    quiet: u8,
}

/// EWMA and two-sided CUSUM for many tags.
#[derive(Debug, Clone)]
pub struct Bank {
    charts: Charts,
    raised: Vec<Raised>,
    modes: Vec<Mode>,
    phases: Phases,
    stages: Vec<Stage>,
    nursery: Nursery,
    designs: Vec<ChartDesign>,
}

impl Bank {
    /// One slot per design, all learning.
    pub fn new(designs: &[ChartDesign]) -> Self {
        let mut charts = Charts::default();
        for design in designs {
            charts.push(design);
        }
        let (nursery, places) = Nursery::new(designs.iter().map(Learner::need));
        let stage = |place| Stage::Learning(Learner::new(place));
        Self {
            charts,
            raised: vec![Raised::default(); designs.len()],
            modes: vec![Mode::Learning; designs.len()],
            phases: Phases {
                learning: designs.len(),
                ..Phases::default()
            },
            stages: places.into_iter().map(stage).collect(),
            nursery,
            designs: designs.to_vec(),
        }
    }

    /// Skips learning: arms a slot with a baseline known from before and starts its charts afresh, which ends an open
    /// alarm without a finding. Meant for the start of a run. Returns false, and changes nothing, when the
    /// slot does not exist or no chart can stand on the baseline.
    pub fn arm(&mut self, slot: Slot, baseline: &Baseline) -> bool {
        let index = slot.index();
        let Some(design) = self.designs.get(index) else {
            return false;
        };
        if !baseline.is_usable() {
            return false;
        }
        let limits = Limits::new(design, baseline);
        self.charts.set(index, baseline.mean, &limits);
        self.charts.reset(index);
        if let Some(raised) = self.raised.get_mut(index) {
            *raised = Raised::default();
        }
        let entered = self.enter(index, Mode::Armed, Stage::Armed(Box::new(*baseline)));
        entered.is_some()
    }

    /// Takes a batch of Good samples; what changed is appended to `out`, at most two findings per input.
    pub fn step(&mut self, inputs: &[Input], out: &mut Vec<Finding>) {
        for input in inputs {
            self.step_one(input, out);
        }
    }

    /// How far a slot is; `None` when it does not exist.
    pub fn slot_state(&self, slot: Slot) -> Option<SlotState> {
        Some(match self.stages.get(slot.index())? {
            Stage::Learning(learner) => {
                let (have, need) = learner.progress();
                SlotState::Learning {
                    have,
                    need,
                    is_still: learner.is_still(),
                }
            }
            Stage::Provisional(refiner) => SlotState::Provisional {
                baseline: *refiner.baseline(),
                is_muted: refiner.is_muted(),
            },
            Stage::Armed(baseline) => SlotState::Armed {
                baseline: **baseline,
            },
        })
    }

    /// The largest statistic of a slot over its limit, as of its last sample: above 1 a chart is beyond its limit.
    pub fn ratio(&self, slot: Slot) -> Option<f64> {
        self.charts.worst(slot.index()).map(f64::from)
    }

    /// How many slots are in each phase.
    pub const fn phases(&self) -> Phases {
        self.phases
    }

    #[inline]
    fn step_one(&mut self, input: &Input, out: &mut Vec<Finding>) {
        if !input.value.is_finite() {
            return;
        }
        let slot = input.slot.index();
        let Some(missing) = self.charts.arrive(slot, input.at) else {
            return;
        };
        let mode = self.modes.get(slot).copied();
        if mode == Some(Mode::Learning) {
            self.learn(slot, input.value);
            return;
        }
        if missing > 0 {
            self.charts.fade(slot, missing);
        }
        let reading = self.charts.advance(slot, input.value);
        let Some(reading) = reading else { return };
        let is_muted = self.refine(slot, mode, &reading);
        if !is_muted
            && let Some(raised) = self.raised.get_mut(slot)
            && (reading.worst() > 1.0 || raised.active.is_some())
        {
            judge(raised, &self.charts, &reading, input, out);
        }
    }

    fn learn(&mut self, slot: usize, value: f64) {
        if let Some(Stage::Learning(learner)) = self.stages.get_mut(slot)
            && let Some(design) = self.designs.get(slot)
            && let Some(estimate) =
                learner.observe(value, self.nursery.room(learner.place()), design)
        {
            let baseline = &estimate.baseline;
            self.charts
                .set(slot, baseline.mean, &Limits::new(design, baseline));
            let refiner = Refiner::new(estimate, design);
            self.enter(
                slot,
                Mode::Provisional,
                Stage::Provisional(Box::new(refiner)),
            );
        }
    }

    /// Lets a provisional slot learn from a quiet sample. Returns whether the slot must stay silent. Of an armed slot
    /// nothing is touched.
    #[inline]
    fn refine(&mut self, slot: usize, mode: Option<Mode>, reading: &Reading) -> bool {
        if mode == Some(Mode::Provisional)
            && let Some(Stage::Provisional(refiner)) = self.stages.get_mut(slot)
        {
            let is_muted = refiner.is_muted();
            if !is_muted && reading.worst() > QUIET_RATIO {
                refiner.skip();
                return false;
            }
            let deviation = f64::from(reading.z) * self.charts.scale(slot);
            if let Some(baseline) = refiner.observe(deviation)
                && let Some(design) = self.designs.get(slot)
            {
                self.charts
                    .set(slot, baseline.mean, &Limits::new(design, &baseline));
                if is_muted && !refiner.is_muted() {
                    self.charts.reset(slot);
                }
                if refiner.is_done() {
                    self.enter(slot, Mode::Armed, Stage::Armed(Box::new(baseline)));
                }
            }
            return is_muted;
        }
        false
    }

    /// Moves a slot into another phase; `None` when there is no such slot.
    fn enter(&mut self, slot: usize, mode: Mode, stage: Stage) -> Option<()> {
        let old_mode = replace(self.modes.get_mut(slot)?, mode);
        let old_stage = replace(self.stages.get_mut(slot)?, stage);
        *self.phases.of(old_mode) -= 1;
        *self.phases.of(mode) += 1;
        if let Stage::Learning(learner) = old_stage {
            self.nursery.leave(learner.place());
        }
        Some(())
    }
}

/// Moves a slot's alarm state on; called when a chart is beyond its limit or an alarm is active.
fn judge(
    raised: &mut Raised,
    charts: &Charts,
    reading: &Reading,
    input: &Input,
    out: &mut Vec<Finding>,
) {
    let finding = |change, upward| finding(charts, reading, input, change, upward);
    if let Some((upward, severity)) = raised.active {
        let (_, ratio) = loudest(reading, upward);
        let (_, opposite) = loudest(reading, !upward);
        raised.quiet = if reading.worst() < QUIET_RATIO {
            raised.quiet + 1
        } else {
            0
        };
        if raised.quiet >= QUIET_SAMPLES || (opposite > 1.0 && ratio < 1.0) {
            out.push(finding(Change::Cleared, upward));
            *raised = Raised::default();
        } else if severity_of(f64::from(ratio)) > severity {
            raised.active = Some((upward, severity_of(f64::from(ratio))));
            out.push(finding(Change::Worse, upward));
        }
    }
    if raised.active.is_none() && reading.worst() > 1.0 {
        let upward = loudest(reading, true).1 >= loudest(reading, false).1;
        let found = finding(Change::Raised, upward);
        raised.active = Some((upward, found.severity()));
        out.push(found);
    }
}

/// The chart of a direction with the larger ratio.
fn loudest(reading: &Reading, upward: bool) -> (Chart, f32) {
    let (cusum, ewma) = if upward {
        (reading.cusum_high, reading.ewma)
    } else {
        (reading.cusum_low, -reading.ewma)
    };
    match (upward, ewma > cusum) {
        (true, true) => (Chart::EwmaHigh, ewma),
        (true, false) => (Chart::CusumHigh, cusum),
        (false, true) => (Chart::EwmaLow, ewma),
        (false, false) => (Chart::CusumLow, cusum),
    }
}

fn finding(
    charts: &Charts,
    reading: &Reading,
    input: &Input,
    change: Change,
    upward: bool,
) -> Finding {
    let slot = input.slot.index();
    let (chart, ratio) = loudest(reading, upward);
    let sigmas = match chart {
        Chart::CusumHigh | Chart::CusumLow => charts.cusum_shift(slot, upward),
        Chart::EwmaHigh | Chart::EwmaLow => charts.ewma_shift(slot),
    };
    Finding {
        slot: input.slot,
        change,
        chart,
        ratio: f64::from(ratio),
        sigmas,
        normal: charts.mean(slot),
        sigma: charts.scale(slot),
        value: input.value,
        onset: charts.onset(slot, upward),
    }
}
