//! First-pass and rolled throughput yield, defects per unit and per million opportunities.

use super::span::ratio;

/// Pieces of one process step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepCount {
    /// Name of the step.
    pub step: String,
    /// Pieces that entered it.
    pub input: f64,
    /// Pieces scrapped in it.
    pub scrap: f64,
    /// Pieces that needed rework.
    pub rework: f64,
}

impl StepCount {
    /// First-pass yield: share that was neither scrapped nor reworked.
    pub fn fpy(&self) -> Option<f64> {
        ratio(self.input - self.scrap - self.rework, self.input)
    }
}

/// Yields of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteYield {
    /// First-pass yield of each step.
    pub fpy: Vec<Option<f64>>,
    /// Rolled throughput yield: product of the first-pass yields.
    pub rolled: Option<f64>,
    /// `rolled ^ (1 / steps)`: the yield of a step, on average.
    pub normalized: Option<f64>,
    /// Pieces that left the last step by pieces that entered the first.
    pub last: Option<f64>,
}

/// Of the steps of a route, in order. A step that nothing entered leaves the route's yields without a value.
pub fn route_yield(steps: &[StepCount]) -> RouteYield {
    let fpy: Vec<Option<f64>> = steps.iter().map(StepCount::fpy).collect();
    let product = fpy.iter().copied().try_fold(1.0, |p, f| Some(p * f?));
    let rolled = product.filter(|_| !steps.is_empty());
    let normalized = rolled
        .filter(|rolled| *rolled >= 0.0)
        .map(|rolled| rolled.powf(1.0 / steps.len() as f64));
    let ends = steps.first().zip(steps.last());
    RouteYield {
        fpy,
        rolled,
        normalized,
        last: ends.and_then(|(first, last)| ratio(last.input - last.scrap, first.input)),
    }
}

/// Defects per unit.
pub fn dpu(defects: f64, units: f64) -> Option<f64> {
    ratio(defects, units)
}

/// Defects per million opportunities: `DPU / opportunities per unit * 1e6`.
pub fn dpmo(defects: f64, units: f64, opportunities_per_unit: f64) -> Option<f64> {
    ratio(dpu(defects, units)? * 1e6, opportunities_per_unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(input: f64, scrap: f64, rework: f64) -> StepCount {
        StepCount {
            step: "s".to_owned(),
            input,
            scrap,
            rework,
        }
    }

    #[test]
    fn yields_roll_over_the_steps() {
        let route = route_yield(&[step(100.0, 10.0, 0.0), step(90.0, 0.0, 9.0)]);
        assert_eq!(route.fpy, [Some(0.9), Some(0.9)]);
        assert!((route.rolled.unwrap() - 0.81).abs() < 1e-12);
        assert!((route.normalized.unwrap() - 0.9).abs() < 1e-12);
        assert_eq!(route.last, Some(0.9));
    }

    #[test]
    fn a_step_without_input_has_no_yield() {
        let route = route_yield(&[step(100.0, 10.0, 0.0), step(0.0, 0.0, 0.0)]);
        assert_eq!((route.rolled, route.normalized), (None, None));
        assert_eq!(route.fpy, [Some(0.9), None]);
        let none = route_yield(&[]);
        assert_eq!((none.rolled, none.last), (None, None));
        assert_eq!(route_yield(&[step(1.0, 2.0, 0.0)]).normalized, None);
    }

    #[test]
    fn defects_are_per_unit_and_opportunity() {
        assert_eq!(dpmo(60.0, 1_000.0, 12.0), Some(5_000.0));
        assert_eq!(dpmo(60.0, 0.0, 12.0), None);
        assert_eq!(dpmo(60.0, 10.0, 0.0), None);
    }
}
