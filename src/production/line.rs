//! Figures of several work units: an area, a serial line, a partial shutdown.
//!
//! Ratios of machines are neither averaged nor multiplied. An area is the sum of its atoms; a serial line may also be
//! judged by its bottleneck.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::atoms::{Atom, Totals};
use super::span::ratio;
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

/// OEE of a serial line by its bottleneck: good pieces at the end of the line times the ideal cycle of the bottleneck, by
/// the line's planned busy time.
pub fn bottleneck_oee(line_good: f64, bottleneck_pru_s: f64, line_pbt: Duration) -> Option<f64> {
    ratio(line_good * bottleneck_pru_s, line_pbt.as_secs_f64())
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

    #[test]
    fn a_line_is_judged_by_its_bottleneck() {
        assert_eq!(
            bottleneck_oee(80.0, 360.0, Duration::from_hours(10)),
            Some(0.8)
        );
        assert_eq!(bottleneck_oee(80.0, 360.0, Duration::ZERO), None);
    }
}
