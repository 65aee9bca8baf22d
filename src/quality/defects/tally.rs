//! Counts, shares and rates of defects.

use std::collections::BTreeMap;

use super::{CategoryTree, UNCLASSIFIED};
use crate::model::Timestamp;
use crate::quality::error::QualityError;
use crate::quality::number::ratio;

/// Where something was made; what is not known is `None`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Origin {
    /// The machine.
    pub machine: Option<String>,
    /// The product.
    pub product: Option<String>,
    /// The shift.
    pub shift: Option<String>,
}

/// Defects found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefectRecord {
    /// When the defective unit was made; else when it was found.
    pub at: Timestamp,
    /// The category; nothing where it was not coded.
    pub category: String,
    /// How many.
    pub count: u64,
    /// Where the unit was made.
    pub origin: Origin,
}

/// Units made.
#[derive(Debug, Clone, PartialEq)]
pub struct Production {
    /// When.
    pub at: Timestamp,
    /// How many; finite and not negative.
    pub units: f64,
    /// Where.
    pub origin: Origin,
}

/// How defects are counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TallyScope {
    /// The categories.
    pub tree: CategoryTree,
    /// Level to count on, 1 for the roots; 0 for the categories as they were recorded.
    pub level: usize,
    /// Opportunities for a defect on one unit, above 0; without it there is no DPMO.
    pub opportunities_per_unit: Option<f64>,
}

impl TallyScope {
    /// The category that a record is counted as.
    pub(super) fn category<'a>(&'a self, record: &'a DefectRecord) -> &'a str {
        match (self.level, record.category.trim()) {
            (_, "") => UNCLASSIFIED,
            (0, category) => category,
            (level, category) => self.tree.at_level(category, level),
        }
    }
}

/// One category in a Pareto chart.
#[derive(Debug, Clone, PartialEq)]
pub struct ParetoRow {
    /// The category.
    pub category: String,
    /// What it is below.
    pub parent: Option<String>,
    /// Defects.
    pub count: u64,
    /// Share of all defects, 0 to 1.
    pub share: f64,
    /// Share of this and all rows before it.
    pub cumulative_share: f64,
    /// Defects per unit; `None` where no unit was made.
    pub dpu: Option<f64>,
    /// Defects per million opportunities.
    pub dpmo: Option<f64>,
}

/// All defects of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct DefectSummary {
    /// Defects.
    pub defects: u64,
    /// Units made.
    pub units: f64,
    /// Defects per unit; `None` where no unit was made.
    pub dpu: Option<f64>,
    /// Defects per million opportunities; `None` without units or opportunities.
    pub dpmo: Option<f64>,
    /// Share of defects with a category; `None` without defects.
    pub coded_share: Option<f64>,
    /// By category, the most frequent first, ties by name.
    pub pareto: Vec<ParetoRow>,
}

/// Counts defects by category.
pub fn summarise(
    defects: &[DefectRecord],
    production: &[Production],
    scope: &TallyScope,
) -> Result<DefectSummary, QualityError> {
    let units = total_units(production)?;
    let opportunities = opportunities(scope, units)?;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for record in defects.iter().filter(|record| record.count > 0) {
        let count = counts.entry(scope.category(record)).or_default();
        *count = count.saturating_add(record.count);
    }
    let total = counts
        .values()
        .fold(0_u64, |sum, count| sum.saturating_add(*count));
    let uncoded = counts.get(UNCLASSIFIED).copied().unwrap_or_default();
    let mut ordered: Vec<(&str, u64)> = counts.into_iter().collect();
    // Stable: names stay in order among equals.
    ordered.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut sum = 0_u64;
    let pareto = ordered.into_iter().map(|(category, count)| {
        sum = sum.saturating_add(count);
        ParetoRow {
            category: category.to_owned(),
            parent: scope.tree.parent(category).map(str::to_owned),
            count,
            share: count as f64 / total as f64,
            cumulative_share: sum as f64 / total as f64,
            dpu: ratio(count as f64, units),
            dpmo: per_million(count, opportunities),
        }
    });
    Ok(DefectSummary {
        pareto: pareto.collect(),
        defects: total,
        units,
        dpu: ratio(total as f64, units),
        dpmo: per_million(total, opportunities),
        coded_share: ratio(total.saturating_sub(uncoded) as f64, total as f64),
    })
}

fn opportunities(scope: &TallyScope, units: f64) -> Result<Option<f64>, QualityError> {
    match scope.opportunities_per_unit {
        Some(value) if !(value > 0.0 && value.is_finite()) => Err(QualityError::Setting {
            name: "opportunities per unit",
            value,
            allowed: "above 0 is",
        }),
        per_unit => Ok(per_unit.map(|per_unit| per_unit * units)),
    }
}

fn per_million(count: u64, opportunities: Option<f64>) -> Option<f64> {
    ratio(count as f64 * 1e6, opportunities?)
}

pub(super) fn total_units(production: &[Production]) -> Result<f64, QualityError> {
    let bad = |made: &Production| !(made.units.is_finite() && made.units >= 0.0);
    let what = "the number of units";
    if let Some(index) = production.iter().position(bad) {
        return Err(QualityError::NotAllowed { what, index });
    }
    let units: f64 = production.iter().map(|made| made.units).sum();
    if units.is_finite() {
        Ok(units)
    } else {
        Err(QualityError::NotAllowed { what, index: 0 })
    }
}

/// What to break defects down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Machine.
    Machine,
    /// Product.
    Product,
    /// Shift.
    Shift,
}

impl Dimension {
    fn of(self, origin: &Origin) -> Option<&str> {
        match self {
            Self::Machine => origin.machine.as_deref(),
            Self::Product => origin.product.as_deref(),
            Self::Shift => origin.shift.as_deref(),
        }
    }
}

/// Defects of one machine, product or shift.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakdownRow {
    /// Its name; `None` of records that do not say.
    pub name: Option<String>,
    /// Defects.
    pub defects: u64,
    /// Units made.
    pub units: f64,
    /// Share of all defects, 0 to 1; `None` without defects.
    pub share: Option<f64>,
    /// Defects per unit; `None` where no unit was made.
    pub dpu: Option<f64>,
    /// Defects per unit over that of everything together; 1 is the average.
    pub times_overall: Option<f64>,
    /// By category, the most frequent first, ties by name.
    pub categories: Vec<(String, u64)>,
}

/// Defects by category.
type Counts<'a> = BTreeMap<&'a str, u64>;

/// Breaks defects down, most defects first, ties by name. Different products and machines have different rates by nature:
/// the rows show where to look, not whose fault it is.
pub fn breakdown(
    defects: &[DefectRecord],
    production: &[Production],
    scope: &TallyScope,
    by: Dimension,
) -> Result<Vec<BreakdownRow>, QualityError> {
    let all_units = total_units(production)?;
    let mut rows: BTreeMap<Option<&str>, (f64, Counts<'_>)> = BTreeMap::new();
    for made in production {
        rows.entry(by.of(&made.origin)).or_default().0 += made.units;
    }
    for record in defects.iter().filter(|record| record.count > 0) {
        let categories = &mut rows.entry(by.of(&record.origin)).or_default().1;
        let count = categories.entry(scope.category(record)).or_default();
        *count = count.saturating_add(record.count);
    }
    let counted = |counts: &Counts<'_>| {
        counts
            .values()
            .fold(0_u64, |sum, count| sum.saturating_add(*count))
    };
    let total = rows.values().fold(0_u64, |sum, (_, counts)| {
        sum.saturating_add(counted(counts))
    });
    let overall = ratio(total as f64, all_units);
    let mut rows: Vec<BreakdownRow> = rows
        .into_iter()
        .map(|(name, (units, counts))| {
            let defects = counted(&counts);
            let dpu = ratio(defects as f64, units);
            let mut categories: Vec<(String, u64)> = counts
                .into_iter()
                .map(|(category, count)| (category.to_owned(), count))
                .collect();
            categories.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            BreakdownRow {
                name: name.map(str::to_owned),
                defects,
                units,
                share: ratio(defects as f64, total as f64),
                dpu,
                times_overall: dpu
                    .zip(overall)
                    .and_then(|(own, overall)| ratio(own, overall)),
                categories,
            }
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.defects));
    Ok(rows)
}
