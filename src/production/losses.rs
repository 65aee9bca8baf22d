//! The six big losses (Nakajima 1988), by the time they take from the planned busy time.
//!
//! Their sum with the fully productive time, external waits, idle and unknown time is PBT, in both loss models.

use super::elements::{Elements, Output};

/// Seconds of planned busy time by what became of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SixLosses {
    /// 1: stops that are no minor stops.
    pub breakdowns_s: f64,
    /// 2: setup and adjustment.
    pub setup_s: f64,
    /// 3: minor stops.
    pub minor_stops_s: f64,
    /// 4: producing time without the standard time of the pieces; negative when they were faster.
    pub reduced_speed_s: f64,
    /// 5: standard time of scrap and rework in steady state.
    pub process_defects_s: f64,
    /// 6: standard time of scrap and rework after a setup.
    pub startup_rejects_s: f64,
    /// FPT: standard time of good pieces.
    pub fully_productive_s: f64,
    /// Starved or blocked; not one of the six.
    pub external_s: f64,
    /// No order; not one of the six.
    pub idle_s: f64,
    /// No usable data; not one of the six.
    pub unknown_s: f64,
}

impl SixLosses {
    /// `None` when some pieces have no ideal cycle: their losses cannot be told from each other.
    pub fn of(elements: &Elements, output: &Output) -> Option<Self> {
        let run_s = elements.run.as_secs_f64();
        (output.unrated == 0.0).then_some(Self {
            breakdowns_s: elements.stop.as_secs_f64(),
            setup_s: elements.setup.as_secs_f64(),
            minor_stops_s: elements.minor.as_secs_f64(),
            reduced_speed_s: run_s - output.standard_s,
            process_defects_s: output.standard_s - output.standard_good_s - output.startup_s,
            startup_rejects_s: output.startup_s,
            fully_productive_s: output.standard_good_s,
            external_s: elements.external.as_secs_f64(),
            idle_s: elements.idle.as_secs_f64(),
            unknown_s: elements.unknown.as_secs_f64(),
        })
    }

    /// The six with their names in reports, in their usual order.
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("breakdowns", self.breakdowns_s),
            ("setup", self.setup_s),
            ("minor_stops", self.minor_stops_s),
            ("reduced_speed", self.reduced_speed_s),
            ("process_defects", self.process_defects_s),
            ("startup_rejects", self.startup_rejects_s),
        ]
    }

    /// All parts together: the planned busy time.
    pub fn total_s(&self) -> f64 {
        let six: f64 = self.named().iter().map(|(_, seconds)| seconds).sum();
        six + self.fully_productive_s + self.external_s + self.idle_s + self.unknown_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::production::kpi::{Figures, LossModel, Rules};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn pieces_without_an_ideal_cycle_leave_no_losses() {
        let output = Output::of(None, 1.0, 0.0, 0.0);
        assert_eq!(SixLosses::of(&Elements::default(), &output), None);
    }

    proptest! {
        /// Losses, productive time and what is no loss make up the planned busy time; speed and minor stops together are
        /// what the model `tpm` calls performance loss.
        #[test]
        fn losses_add_up_to_the_busy_time(
            times in prop::array::uniform7(0_u64..100_000),
            pru in 0.01_f64..100.0,
            pieces in 0_u32..10_000,
            shares in prop::array::uniform3(0.0_f64..0.3),
        ) {
            let [run, setup, stop, minor, external, idle, unknown] = times.map(Duration::from_secs);
            let elements = Elements { run, setup, stop, minor, external, idle, unknown, ..Elements::default() };
            let pieces = f64::from(pieces);
            let mut output = Output::of(Some(pru), pieces, pieces * shares[0], pieces * shares[1]);
            output.startup = output.scrap * shares[2];
            output.startup_s = output.startup * pru;
            let losses = SixLosses::of(&elements, &output).unwrap();
            let pbt = elements.pbt().as_secs_f64();
            prop_assert!((losses.total_s() - pbt).abs() <= 1e-9 * (pbt + output.standard_s));
            let rules = Rules { model: LossModel::Tpm, ..Rules::default() };
            let tpm = Figures::of(&elements, &output, rules).speed_loss_s.unwrap();
            let both = losses.reduced_speed_s + losses.minor_stops_s;
            prop_assert!((tpm - both).abs() <= 1e-6);
        }
    }
}
