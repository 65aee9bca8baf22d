//! How many slots are in each phase, kept while they move on.

/// How many slots are in each phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Collecting a first baseline.
    pub learning: usize,
    /// Charts run while the baseline improves.
    pub provisional: usize,
    /// Charts run on a known baseline.
    pub armed: usize,
}

impl Phases {
    /// A slot has learned its first baseline.
    pub(super) const fn graduate(&mut self, is_armed: bool) {
        self.learning -= 1;
        *self.charted(is_armed) += 1;
    }

    /// A slot has forgotten its baseline, which counted as known or not, and learns.
    pub(super) const fn begin_again(&mut self, was_armed: bool) {
        *self.charted(was_armed) -= 1;
        self.learning += 1;
    }

    /// A slot knows its baseline better than before, or worse: a mode that is new is known least of all. The pair says
    /// whether it counted as known, and whether it does now.
    pub(super) const fn recount(&mut self, (was_armed, is_armed): (bool, bool)) {
        *self.charted(was_armed) -= 1;
        *self.charted(is_armed) += 1;
    }

    /// Slots with a baseline that counts as known, or does not yet.
    const fn charted(&mut self, is_armed: bool) -> &mut usize {
        if is_armed {
            &mut self.armed
        } else {
            &mut self.provisional
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::config::DetectionRules;
    use crate::detection::testing::Noise;
    use crate::detection::{Bank, ContextId, ContextPlan, DayTime, Input, ModeId, Slot, design};
    use crate::model::Mono;

    const CONTEXT: ContextId = ContextId(0);

    struct Line {
        bank: Bank,
        noise: Noise,
        at: Mono,
    }

    impl Line {
        fn learning() -> Self {
            let chart = design(&DetectionRules::default(), Duration::from_secs(1)).unwrap();
            let context = ContextPlan {
                slots: vec![Slot(0)],
                settle: Duration::ZERO,
            };
            Self {
                bank: Bank::new(&[chart], &[context]),
                noise: Noise::new(1, 0.0),
                at: Mono::default(),
            }
        }

        fn feed(&mut self, count: usize, level: f64) {
            let day = DayTime {
                second: 0.0,
                is_weekend: false,
            };
            for _ in 0..count {
                self.at = self.at.saturating_add(Duration::from_secs(1));
                let input = Input {
                    slot: Slot(0),
                    value: level + 2.0 * self.noise.next(),
                    at: self.at,
                };
                self.bank.step(&[input], day, &mut Vec::new());
            }
        }

        /// Slots that learn, are provisional, are armed.
        fn phases(&self) -> [usize; 3] {
            let phases = self.bank.phases();
            [phases.learning, phases.provisional, phases.armed]
        }
    }

    #[test]
    fn a_new_mode_makes_an_armed_slot_provisional_until_it_is_known() {
        let mut line = Line::learning();
        assert_eq!(line.phases(), [1, 0, 0]);
        line.feed(6_000, 100.0);
        assert_eq!(line.phases(), [0, 0, 1]);
        let (bank, at) = (&mut line.bank, line.at);
        bank.change_mode(CONTEXT, ModeId(1), at, &mut Vec::new());
        line.feed(400, 140.0);
        assert_eq!(line.phases(), [0, 1, 0]);
        line.feed(6_000, 140.0);
        assert_eq!(line.phases(), [0, 0, 1]);
    }
}
