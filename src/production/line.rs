//! Figures of several work units: an area, a serial line, a partial shutdown.
//!
//! Ratios of machines are neither averaged nor multiplied. An area is the sum of its atoms; a serial line is also judged
//! by its bottleneck: good pieces at its end times the ideal cycle of the bottleneck, by its planned busy time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::atoms::{Atom, Totals};
use super::elements::Output;
use super::kpi::{Headline, Kpi, LossModel, Rules, headline};
use super::span::ratio;
use super::yields::{RouteYield, StepCount, route_yield};
use crate::model::AssetPath;

/// Figures of several work units.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// Sum over the units that were scheduled.
    pub totals: Totals,
    /// Units that were scheduled.
    pub scheduled: usize,
    /// Units there are: "n of m machines scheduled".
    pub units: usize,
}

/// The sum of `atoms` of `units`. Units without planned operation time are in neither numerator nor denominator; atoms
/// of other units are left out.
pub fn area(units: &BTreeSet<AssetPath>, atoms: &[Atom]) -> Area {
    let mut planned: BTreeMap<&AssetPath, Duration> = BTreeMap::new();
    for atom in atoms.iter().filter(|atom| units.contains(&atom.key.unit)) {
        let sum = planned.entry(&atom.key.unit).or_default();
        *sum = sum.saturating_add(atom.elements.pot());
    }
    planned.retain(|_, pot| !pot.is_zero());
    Area {
        totals: Totals::of(atoms.iter().filter(|a| planned.contains_key(&a.key.unit))),
        scheduled: planned.len(),
        units: units.len(),
    }
}

/// A work unit of a serial line.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name.
    pub unit: String,
    /// All it made.
    pub total: Totals,
    /// What it made, by product.
    pub products: BTreeMap<Option<Arc<str>>, Output>,
}

impl Step {
    /// A work unit that made nothing.
    pub fn new(unit: &str) -> Self {
        Self {
            unit: unit.to_owned(),
            total: Totals::default(),
            products: BTreeMap::new(),
        }
    }

    /// Adds an atom of it.
    pub fn add(&mut self, atom: &Atom) {
        self.total.add(atom);
        *self.products.entry(atom.key.product.clone()).or_default() += &atom.output;
    }

    /// Its ideal cycle for a product, in seconds; that of all it made where it names products otherwise.
    fn ideal_s(&self, product: Option<&Arc<str>>) -> Option<f64> {
        let own = self.products.get(&product.cloned());
        own.and_then(mean_pru_s)
            .or_else(|| mean_pru_s(&self.total.output))
    }
}

fn mean_pru_s(made: &Output) -> Option<f64> {
    ratio(made.standard_s, made.pieces - made.unrated).filter(|pru| *pru > 0.0)
}

/// Figures of a serial line.
#[derive(Debug, Clone, PartialEq)]
pub struct SerialLine {
    /// Yields of its route.
    pub yields: RouteYield,
    /// Scrap of all steps by what entered the first (fall-off ratio of ISO 22400-2).
    pub fall_off: Option<f64>,
    /// The step whose ideal cycles would have taken longest for what left the line; of several the last.
    pub bottleneck: Option<usize>,
    /// Ideal cycle of the bottleneck, in seconds per good piece that left the line.
    pub bottleneck_s: Option<f64>,
    /// Good pieces that left the line.
    pub good: f64,
    /// Those by the planned busy time of the bottleneck, an hour; without time that has no data.
    pub throughput_per_h: Option<f64>,
    /// OEE by the bottleneck; `None` where no bottleneck is known.
    pub oee: Option<Headline>,
}

/// Of the steps of a line, in the order of its route. For each product the longest ideal cycle of a step counts, and the
/// busy time is that of the bottleneck. Where a step that made something has no ideal cycle the bottleneck is not known.
pub fn serial_line(steps: &[Step], model: LossModel) -> SerialLine {
    let counts: Vec<StepCount> = steps.iter().map(count).collect();
    let scrap = counts.iter().fold(0.0, |sum, step| sum + step.scrap);
    let entered = counts.first().map_or(0.0, |step| step.input);
    let made = steps.last().map(|step| &step.products);
    let made: Vec<(Option<&Arc<str>>, f64)> = made
        .into_iter()
        .flatten()
        .map(|(product, output)| (product.as_ref(), output.good()))
        .filter(|(_, good)| *good > 0.0)
        .collect();
    let good = made.iter().fold(0.0, |sum, (_, good)| sum + good);
    let loads: Option<Vec<f64>> = steps.iter().map(|step| load(step, &made)).collect();
    let bottleneck = loads.as_deref().and_then(heaviest);
    let standard_s = made.iter().try_fold(0.0, |sum, (product, good)| {
        let ideal = steps.iter().filter_map(|step| step.ideal_s(*product));
        Some(sum + good * ideal.reduce(f64::max)?)
    });
    let slowest = bottleneck
        .and_then(|place| steps.get(place))
        .zip(standard_s);
    let output = Output {
        pieces: good,
        standard_s: standard_s.unwrap_or(0.0),
        standard_good_s: standard_s.unwrap_or(0.0),
        ..Output::default()
    };
    let busy_s = slowest.map(|(step, _)| {
        let rules = Rules {
            model,
            ..Rules::default()
        };
        step.total.figures(rules).pbt_effective_s
    });
    SerialLine {
        yields: route_yield(&counts),
        fall_off: ratio(scrap, entered),
        bottleneck,
        bottleneck_s: slowest.and_then(|(_, standard_s)| ratio(standard_s, good)),
        good,
        throughput_per_h: busy_s.and_then(|busy_s| ratio(good * 3_600.0, busy_s)),
        oee: slowest.map(|(step, _)| headline(Kpi::Oee, &step.total.elements, &output, model)),
    }
}

fn count(step: &Step) -> StepCount {
    let output = &step.total.output;
    StepCount {
        step: step.unit.clone(),
        input: output.pieces,
        scrap: output.scrap,
        rework: output.rework,
    }
}

/// What a step would have taken for what left the line, in seconds.
fn load(step: &Step, made: &[(Option<&Arc<str>>, f64)]) -> Option<f64> {
    made.iter().try_fold(0.0, |sum, (product, good)| {
        Some(sum + good * step.ideal_s(*product)?)
    })
}

/// Place of the largest of some loads above zero, the last of several.
fn heaviest(loads: &[f64]) -> Option<usize> {
    let loaded = loads.iter().enumerate().filter(|(_, load)| **load > 0.0);
    let most = loaded.max_by(|(_, a), (_, b)| a.total_cmp(b));
    most.map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::super::atoms::tests::atom;
    use super::super::elements::Elements;
    use super::*;

    #[test]
    fn units_that_are_not_scheduled_drop_out() {
        let names = ["a", "b", "c"].map(|name| AssetPath::parse(name).unwrap());
        let mut off = atom("b", "X");
        off.elements = Elements::default();
        let atoms = [atom("a", "X"), off, atom("elsewhere", "X")];
        let area = area(&names.into_iter().collect(), &atoms);
        assert_eq!((area.scheduled, area.units), (1, 3));
        assert_eq!(area.totals.output.pieces.to_bits(), 100.0_f64.to_bits());
    }

    /// Ten busy hours in which each of `products` was made: ideal cycle, pieces, scrap.
    fn step(unit: &str, products: &[(&str, f64, f64, f64)]) -> Step {
        let mut step = Step::new(unit);
        for (product, pru_s, pieces, scrap) in products {
            let mut atom = atom(unit, product);
            atom.elements = Elements::default();
            atom.output = Output::of(Some(*pru_s), *pieces, *scrap, 0.0);
            step.add(&atom);
        }
        step.total.elements.run = Duration::from_hours(10);
        step
    }

    #[test]
    fn a_line_is_judged_by_its_bottleneck() {
        // 80 good pieces leave; the press takes longest. 80 * 360 s are eight of ten hours.
        let line = serial_line(
            &[
                step("saw", &[("A", 100.0, 100.0, 10.0)]),
                step("press", &[("A", 360.0, 90.0, 5.0)]),
                step("pack", &[("A", 200.0, 85.0, 5.0)]),
            ],
            LossModel::Iso22400,
        );
        assert_eq!((line.bottleneck, line.bottleneck_s), (Some(1), Some(360.0)));
        assert_eq!((line.good, line.throughput_per_h), (80.0, Some(8.0)));
        assert_eq!(line.oee.unwrap().value, Ok(0.8));
        assert_eq!(line.fall_off, Some(0.2));
        let rolled = 0.9 * (85.0 / 90.0) * (80.0 / 85.0);
        assert!((line.yields.rolled.unwrap() - rolled).abs() < 1e-12);
    }

    #[test]
    fn each_product_has_the_longest_of_its_ideal_cycles() {
        // A is slow on the saw (40 * 360 s), B on the press (20 * 720 s): 28,800 s of ten hours. The press would have
        // taken 40 * 100 + 20 * 720 = 18,400 s, the saw 40 * 360 + 20 * 90 = 16,200 s.
        let line = serial_line(
            &[
                step("saw", &[("A", 360.0, 40.0, 0.0), ("B", 90.0, 20.0, 0.0)]),
                step("press", &[("A", 100.0, 40.0, 0.0), ("B", 720.0, 20.0, 0.0)]),
            ],
            LossModel::Iso22400,
        );
        assert_eq!(line.bottleneck, Some(1));
        assert_eq!(line.bottleneck_s, Some(480.0));
        assert_eq!(line.oee.unwrap().value, Ok(0.8));
    }

    #[test]
    fn without_pieces_or_ideal_cycles_no_bottleneck_is_known() {
        let check = |steps: &[Step]| {
            let line = serial_line(steps, LossModel::Iso22400);
            assert_eq!((line.bottleneck, line.oee), (None, None), "{steps:?}");
        };
        check(&[]);
        check(&[step("saw", &[]), step("press", &[])]);
        let mut unrated = step("saw", &[]);
        unrated.total.output = Output::of(None, 9.0, 0.0, 0.0);
        check(&[unrated, step("press", &[("A", 60.0, 9.0, 0.0)])]);
    }
}
