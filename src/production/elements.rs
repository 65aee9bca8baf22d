//! The additive parts of production figures: times by the model of ISO 22400-2, and pieces.
//!
//! ```text
//! POT planned operation time
//!  ├ PDOT planned stops
//!  └ PBT planned busy time
//!     ├ ADOT idle: no order
//!     ├ APT producing, AUST setup
//!     ├ ADET delay: stops, minor stops, external (starved or blocked)
//!     └ unknown: no usable data; not in the standard, never hidden
//! ```
//!
//! Sums of them over machines, products and time are right; ratios are made from sums only.

use std::ops::AddAssign;
use std::time::Duration;

/// What a second of scheduled time is; one of the first eight for every second of POT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// Planned stop.
    Planned,
    /// Producing.
    Run,
    /// Setup.
    Setup,
    /// Stop for a cause of its own that is no minor stop.
    Stop,
    /// Minor stop.
    Minor,
    /// Starved or blocked.
    External,
    /// No order.
    Idle,
    /// No usable data.
    Unknown,
    /// Producing outside every shift: not part of POT.
    Unscheduled,
}

/// Times of a work unit, exact to the nanosecond. Any combination is valid: POT and PBT are sums of the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Elements {
    /// PDOT: planned stops.
    pub planned: Duration,
    /// Producing; APT of the loss model `iso22400`.
    pub run: Duration,
    /// AUST: setup.
    pub setup: Duration,
    /// ADET for causes of its own, without minor stops.
    pub stop: Duration,
    /// ADET in minor stops.
    pub minor: Duration,
    /// ADET for causes outside: starved or blocked.
    pub external: Duration,
    /// ADOT: no order.
    pub idle: Duration,
    /// No usable data.
    pub unknown: Duration,
    /// Producing outside every shift; in none of the sums.
    pub unscheduled: Duration,
}

impl Elements {
    /// Adds `time` of one element.
    pub fn add(&mut self, element: Element, time: Duration) {
        let part = match element {
            Element::Planned => &mut self.planned,
            Element::Run => &mut self.run,
            Element::Setup => &mut self.setup,
            Element::Stop => &mut self.stop,
            Element::Minor => &mut self.minor,
            Element::External => &mut self.external,
            Element::Idle => &mut self.idle,
            Element::Unknown => &mut self.unknown,
            Element::Unscheduled => &mut self.unscheduled,
        };
        *part = part.saturating_add(time);
    }

    /// POT: planned operation time.
    pub fn pot(&self) -> Duration {
        self.planned.saturating_add(self.pbt())
    }

    /// PBT: planned busy time, POT without planned stops.
    pub fn pbt(&self) -> Duration {
        let parts = [
            self.run,
            self.setup,
            self.stop,
            self.minor,
            self.external,
            self.idle,
            self.unknown,
        ];
        parts
            .into_iter()
            .fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Each element with its name in reports and its time, in the order of the time model.
    pub fn named(&self) -> [(&'static str, Duration); 9] {
        [
            ("planned", self.planned),
            ("run", self.run),
            ("setup", self.setup),
            ("stop", self.stop),
            ("minor", self.minor),
            ("external", self.external),
            ("idle", self.idle),
            ("unknown", self.unknown),
            ("unscheduled", self.unscheduled),
        ]
    }
}

impl AddAssign<&Self> for Elements {
    fn add_assign(&mut self, other: &Self) {
        const EACH: [Element; 9] = [
            Element::Planned,
            Element::Run,
            Element::Setup,
            Element::Stop,
            Element::Minor,
            Element::External,
            Element::Idle,
            Element::Unknown,
            Element::Unscheduled,
        ];
        for (element, (_, time)) in EACH.into_iter().zip(other.named()) {
            self.add(element, time);
        }
    }
}

/// Pieces of a work unit with the time they should have taken. Fractions come from counts that a boundary splits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Output {
    /// PQ: pieces made.
    pub pieces: f64,
    /// SQ: scrapped.
    pub scrap: f64,
    /// RQ: to be reworked.
    pub rework: f64,
    /// Sum of PRU * PQ, in seconds.
    pub standard_s: f64,
    /// Sum of PRU * GQ, in seconds.
    pub standard_good_s: f64,
    /// Part of scrap and rework that is start-up after a setup.
    pub startup: f64,
    /// Its sum of PRU, in seconds.
    pub startup_s: f64,
    /// Part of the pieces that has no ideal cycle: they are in none of the standard times.
    pub unrated: f64,
}

impl Output {
    /// Pieces of one product with ideal cycle `pru_s` in seconds per piece.
    pub fn of(pru_s: Option<f64>, pieces: f64, scrap: f64, rework: f64) -> Self {
        let good = pieces - scrap - rework;
        Self {
            pieces,
            scrap,
            rework,
            standard_s: pru_s.map_or(0.0, |pru| pru * pieces),
            standard_good_s: pru_s.map_or(0.0, |pru| pru * good),
            startup: 0.0,
            startup_s: 0.0,
            unrated: if pru_s.is_some() { 0.0 } else { pieces },
        }
    }

    /// GQ: good at first pass, PQ - SQ - RQ.
    pub fn good(&self) -> f64 {
        self.pieces - self.scrap - self.rework
    }

    /// Each number with its name in reports.
    pub fn named(&self) -> [(&'static str, f64); 8] {
        [
            ("pieces", self.pieces),
            ("scrap", self.scrap),
            ("rework", self.rework),
            ("standard_s", self.standard_s),
            ("standard_good_s", self.standard_good_s),
            ("startup", self.startup),
            ("startup_s", self.startup_s),
            ("unrated", self.unrated),
        ]
    }
}

impl AddAssign<&Self> for Output {
    fn add_assign(&mut self, other: &Self) {
        self.pieces += other.pieces;
        self.scrap += other.scrap;
        self.rework += other.rework;
        self.standard_s += other.standard_s;
        self.standard_good_s += other.standard_good_s;
        self.startup += other.startup;
        self.startup_s += other.startup_s;
        self.unrated += other.unrated;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planned_busy_time_is_what_is_not_planned() {
        let mut all = Elements::default();
        let each = Duration::from_secs(10);
        for element in [
            Element::Planned,
            Element::Run,
            Element::Setup,
            Element::Stop,
            Element::Minor,
            Element::External,
            Element::Idle,
            Element::Unknown,
            Element::Unscheduled,
        ] {
            all.add(element, each);
        }
        assert_eq!((all.pot().as_secs(), all.pbt().as_secs()), (80, 70));
        let mut twice = all;
        twice += &all;
        assert!(twice.named().iter().all(|(_, time)| time.as_secs() == 20));
    }

    #[test]
    fn pieces_without_an_ideal_cycle_are_counted_apart() {
        let mut sum = Output::of(Some(2.0), 10.0, 1.0, 2.0);
        sum += &Output::of(None, 5.0, 1.0, 0.0);
        assert_eq!(
            Some(sum.named().map(|(_, n)| n)),
            Some([15.0, 2.0, 2.0, 20.0, 14.0, 0.0, 0.0, 5.0])
        );
        assert_eq!(sum.good().to_bits(), 11.0_f64.to_bits());
    }
}
