//! From what an operator wants (how rarely a false alarm, how small a shift) to what a chart needs (k, h, lambda, L).

use std::collections::BTreeMap;
use std::time::Duration;

use super::arl::{cusum_arl, ewma_arl};
use crate::config::{DetectionRules, Level, Profile, format_duration};

/// Charts per slot that share the false-alarm budget: the two-sided CUSUM, the EWMA, the two CUSUMs of squares and the
/// spikes.
pub const CHARTS: f64 = 5.0;
/// Smallest allowance: a CUSUM without one never comes to rest.
const K_MIN: f64 = 0.02;
/// Allowance of a CUSUM of squares that finds a growth of the variance to 2.5 times fastest:
/// `ln(v) v / (v - 1)` (Hawkins 1981).
pub(super) const SPREAD_ALLOWANCE: f64 = 1.527_151;
/// Below this many samples between false alarms a chart alarms all day; the wish is refused.
const ARL0_MIN: f64 = 100.0;
/// Above this the run-length equations lose their digits; it is 100 years between false alarms at 100 samples per second.
const ARL0_MAX: f64 = 2e12;
/// Relative accuracy of the run length that a design is solved to.
const ARL_TOLERANCE: f64 = 1e-5;
/// Newton steps for a design; it needs about six, and at the longest run lengths rounding ends its progress.
const STEPS_MAX: usize = 15;
/// Fixed-point steps for Siegmund's equation; each is one logarithm.
const SIEGMUND_STEPS: usize = 40;

/// What the charts of a slot are built with. All limits are for independent normal data; a slot widens them by what it
/// learns of its signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChartDesign {
    /// Expected time between samples.
    pub period: Duration,
    /// Good samples that make the baseline.
    pub learn_samples: u32,
    /// Mean number of samples between false alarms, of each of the two charts.
    pub arl0: f64,
    /// Allowance of the CUSUM in standard deviations: half the shift to be found fastest.
    pub k: f64,
    /// Limit of the CUSUM in standard deviations.
    pub h: f64,
    /// Smoothing factor of the EWMA, in (0, 1].
    pub lambda: f64,
    /// Limit of the EWMA in its asymptotic standard deviations.
    pub limit_l: f64,
    /// Mean number of samples until the CUSUM finds the shift it is designed for.
    pub delay_samples: f64,
    /// What the signal repeats.
    pub profile: Profile,
    /// Whether the signal has a normal level.
    pub level: Level,
    /// Whether a value that stands still is looked for; not where a validation rule does so already.
    pub finds_stuck: bool,
}

/// Allowance of the CUSUM on innovations: a shift of the level shows in them by `sqrt((1 - phi) / (1 + phi))` of its
/// size in independent ones; `error` is how far the learned level may be off, in standard deviations.
pub(super) fn residual_k(design: &ChartDesign, phi: f64, error: f64) -> f64 {
    let share = ((1.0 - phi) / (1.0 + phi)).sqrt();
    ((design.k + error) * share).max(K_MIN)
}

/// Why no chart can be designed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// The false-alarm rate leaves too few or too many samples between false alarms.
    #[error(
        "mean time between false alarms of {mean_time:?} at one sample per {period:?} is {samples:.3e} samples; 20 to 4e11 can be designed for"
    )]
    FalseAlarms {
        /// The wish.
        mean_time: Duration,
        /// The sampling period.
        period: Duration,
        /// Their ratio.
        samples: f64,
    },
    /// The shift is not one a chart can be tuned to.
    #[error("a shift of {0} standard deviations cannot be designed for; 0.25 to 5 can")]
    Shift(f64),
    /// No chart finds the shift so fast with so few false alarms.
    #[error(
        "a shift of {shift} standard deviations is found after {} on average, not within {}; allow more time, more false alarms, or a larger shift",
        format_duration(*delay), format_duration(*within)
    )]
    Within {
        /// The shift.
        shift: f64,
        /// The wish.
        within: Duration,
        /// What can be reached.
        delay: Duration,
    },
}

impl ChartDesign {
    /// Mean number of samples until CUSUM or EWMA finds a shift, whichever is faster on its own, in independent normal
    /// data on a known baseline.
    pub fn expected_delay(&self, shift: f64) -> f64 {
        let cusum = cusum_arl(self.k, self.h, shift);
        cusum.min(ewma_arl(self.lambda, self.limit_l, shift))
    }
}

/// Designs the charts for `rules` on a tag sampled every `period`.
///
/// Costs about a millisecond; use [`Designer`] for many tags.
pub fn design(rules: &DetectionRules, period: Duration) -> Result<ChartDesign, DesignError> {
    let shift = rules.shift_sigma;
    if !(0.25..=5.0).contains(&shift) {
        return Err(DesignError::Shift(shift));
    }
    let mean_time = rules.mean_time_between_false_alarms;
    let samples = mean_time.as_secs_f64() / period.as_secs_f64();
    let arl0 = samples * CHARTS;
    if !(ARL0_MIN..=ARL0_MAX).contains(&arl0) {
        return Err(DesignError::FalseAlarms {
            mean_time,
            period,
            samples,
        });
    }
    let k = shift / 2.0;
    let lambda = lambda_for(shift);
    let h = cusum_limit(k, arl0);
    let made = ChartDesign {
        period,
        learn_samples: rules.learn_samples,
        arl0,
        k,
        h,
        lambda,
        limit_l: ewma_limit(lambda, arl0),
        delay_samples: cusum_arl(k, h, shift),
        profile: rules.profile,
        level: rules.level,
        finds_stuck: true,
    };
    let delay = period.mul_f64(made.expected_delay(shift));
    match rules.within {
        Some(within) if delay > within => Err(DesignError::Within {
            shift,
            within,
            delay: legible(delay),
        }),
        _ => Ok(made),
    }
}

/// Rounded up to what a person reads: seconds above ten of them, else milliseconds.
fn legible(time: Duration) -> Duration {
    const TEN: Duration = Duration::from_secs(10);
    if time > TEN {
        Duration::from_secs(time.as_secs() + 1)
    } else {
        Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Designs charts for many tags; equal wishes are solved once.
#[derive(Debug, Clone, Default)]
pub struct Designer {
    known: BTreeMap<Wish, ChartDesign>,
}

/// What a design depends on: mean time between false alarms, period, bits of the shift, and the time to find it in.
type Wish = (u128, u128, u64, Option<Duration>);

impl Designer {
    /// [`design`], remembered.
    pub fn design(
        &mut self,
        rules: &DetectionRules,
        period: Duration,
    ) -> Result<ChartDesign, DesignError> {
        let key = (
            rules.mean_time_between_false_alarms.as_nanos(),
            period.as_nanos(),
            rules.shift_sigma.to_bits(),
            rules.within,
        );
        let learn_samples = rules.learn_samples;
        if let Some(known) = self.known.get(&key) {
            return Ok(ChartDesign {
                learn_samples,
                profile: rules.profile,
                level: rules.level,
                ..*known
            });
        }
        let new = design(rules, period)?;
        self.known.insert(key, new);
        Ok(new)
    }
}

/// The EWMA is the second chart: it rivals the CUSUM at small shifts and is the faster one at large shifts of a
/// persistent signal. The steps follow the smallest ARL1 per shift at an ARL0 of 1e6 in
/// `tests/reference/design_limits.csv`.
fn lambda_for(shift: f64) -> f64 {
    match shift {
        s if s <= 1.25 => 0.05,
        s if s <= 1.75 => 0.1,
        s if s <= 2.5 => 0.2,
        _ => 0.4,
    }
}

/// The CUSUM limit h at which the two-sided in-control run length is `arl0`.
///
/// Starts from Siegmund's closed form (1985, eq. 2.57) and corrects it on the exact run length, whose logarithm grows
/// by about 2k per unit of h.
pub(super) fn cusum_limit(k: f64, arl0: f64) -> f64 {
    let first = siegmund_b(k, arl0, 1.0) - 1.166;
    newton(first.max(0.05), 0.05, |h| {
        ((arl0 / cusum_arl(k, h, 0.0)).ln(), 2.0 * k)
    })
}

/// The EWMA limit L at which the two-sided in-control run length is `arl0`.
///
/// The logarithm of the run length grows by about L per unit of L, as the normal tail does.
pub(super) fn ewma_limit(lambda: f64, arl0: f64) -> f64 {
    let first = (2.0 * (arl0 * lambda).max(2.0).ln()).sqrt();
    newton(first, 0.2, |l| {
        ((arl0 / ewma_arl(lambda, l, 0.0)).ln(), l.max(1.0))
    })
}

/// Moves a limit up by `missing / slope` until the logarithm of the run length is right.
fn newton(first: f64, floor: f64, gap: impl Fn(f64) -> (f64, f64)) -> f64 {
    let mut limit = first;
    for _ in 0..STEPS_MAX {
        let (missing, slope) = gap(limit);
        if missing.abs() < ARL_TOLERANCE {
            break;
        }
        limit = (limit + (missing / slope).clamp(-1.0, 1.0)).max(floor);
    }
    limit
}

/// `b` of Siegmund's approximation `ARL0 = (e^(2kb) - 2kb - 1) / (4 k^2)` for the two-sided CUSUM, in Brownian motion
/// whose variance per sample is `tau2` instead of 1: `x = 2kb / tau2` solves `e^x - x - 1 = 4 k^2 ARL0 / tau2`.
pub(super) fn siegmund_b(k: f64, arl0: f64, tau2: f64) -> f64 {
    let target = 4.0 * k * k * arl0 / tau2;
    let mut x = (target + 1.0).ln();
    for _ in 0..SIEGMUND_STEPS {
        x = (target + 1.0 + x).ln();
    }
    x * tau2 / (2.0 * k)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(mean_time_s: u64, shift_sigma: f64) -> DetectionRules {
        DetectionRules {
            mean_time_between_false_alarms: Duration::from_secs(mean_time_s),
            shift_sigma,
            learn_samples: 300,
            within: None,
            profile: Profile::None,
            level: Level::Fixed,
        }
    }

    #[test]
    fn one_per_month_at_one_hertz_needs_wide_limits() {
        let made = design(&rules(2_592_000, 1.0), Duration::from_secs(1)).unwrap();
        // A fifth of the budget each: a little above the tabulated 1e7 (h 14.96, L 5.215); both grow by the logarithm.
        assert!((15.20..15.24).contains(&made.h), "{made:?}");
        assert!((5.25..5.28).contains(&made.limit_l), "{made:?}");
        assert!((30.0..32.0).contains(&made.delay_samples), "{made:?}");
        assert_eq!((made.k, made.lambda), (0.5, 0.05));
    }

    #[test]
    fn larger_shifts_get_a_faster_ewma() {
        for (shift, lambda) in [(0.5, 0.05), (1.5, 0.1), (2.0, 0.2), (4.0, 0.4)] {
            let made = design(&rules(86_400, shift), Duration::from_secs(1)).unwrap();
            assert_eq!(made.lambda.to_bits(), f64::to_bits(lambda), "{shift}");
        }
    }

    #[test]
    fn wishes_that_cannot_be_met_are_refused() {
        let second = Duration::from_secs(1);
        let refused = |mean_time_s, shift| design(&rules(mean_time_s, shift), second).unwrap_err();
        assert_eq!(refused(1_000_000, 0.1), DesignError::Shift(0.1));
        assert!(matches!(
            refused(1_000_000, f64::NAN),
            DesignError::Shift(_)
        ));
        assert_eq!(
            refused(10, 1.0).to_string(),
            "mean time between false alarms of 10s at one sample per 1s is 1.000e1 samples; 20 to 4e11 can be designed for"
        );
        assert_eq!(
            refused(1_000_000, 6.0).to_string(),
            "a shift of 6 standard deviations cannot be designed for; 0.25 to 5 can"
        );
        assert!(design(&rules(1_000, 1.0), Duration::ZERO).is_err());
    }

    #[test]
    fn a_shift_must_be_found_within_the_time_that_is_wished() {
        let within = |seconds| {
            let rules = DetectionRules {
                within: Some(Duration::from_secs(seconds)),
                ..rules(2_592_000, 1.0)
            };
            design(&rules, Duration::from_secs(1))
        };
        assert!(within(60).is_ok());
        let refused = within(20).unwrap_err().to_string();
        assert!(
            refused.starts_with("a shift of 1 standard deviations is found after ")
                && refused.contains(" on average, not within 20s; allow more time"),
            "{refused}"
        );
    }

    #[test]
    fn delays_are_told_as_people_read_them() {
        for (ms, expected) in [(350, "350ms"), (9_000, "9s"), (30_809, "31s")] {
            assert_eq!(
                format_duration(legible(Duration::from_millis(ms))),
                expected
            );
        }
    }

    #[test]
    fn the_extremes_of_the_rules_still_give_limits() {
        for (mean_time_s, shift) in [
            (20, 0.25),
            (20, 5.0),
            (400_000_000_000, 0.25),
            (400_000_000_000, 5.0),
        ] {
            let made = design(&rules(mean_time_s, shift), Duration::from_secs(1)).unwrap();
            let real = cusum_arl(made.k, made.h, 0.0) / made.arl0;
            assert!(
                (real - 1.0).abs() < 0.05,
                "{mean_time_s} {shift} {made:?} {real}"
            );
            let real = ewma_arl(made.lambda, made.limit_l, 0.0) / made.arl0;
            assert!(
                (real - 1.0).abs() < 0.05,
                "{mean_time_s} {shift} {made:?} {real}"
            );
        }
    }

    #[test]
    fn a_designer_solves_equal_wishes_once_and_keeps_the_learning_length_apart() {
        let mut designer = Designer::default();
        let first = designer
            .design(&rules(86_400, 1.0), Duration::from_secs(1))
            .unwrap();
        let longer = DetectionRules {
            learn_samples: 900,
            ..rules(86_400, 1.0)
        };
        let second = designer.design(&longer, Duration::from_secs(1)).unwrap();
        assert_eq!(designer.known.len(), 1);
        assert_eq!(
            second,
            ChartDesign {
                learn_samples: 900,
                ..first
            }
        );
        assert!(
            designer
                .design(&rules(1, 1.0), Duration::from_secs(1))
                .is_err()
        );
    }
}
