//! Short runs: deviations from the nominal value of each product on one chart (Farnum 1992; Wheeler 1991).
//!
//! Allowed while the products scatter alike; [`spreads_differ`] says when not.

use super::{Series, Subgroup};
use crate::quality::error::QualityError;
use crate::quality::number::finite;

/// Largest quotient of two products' standard deviations that still go on one chart.
const SPREAD_RATIO_MAX: f64 = 2.0;
/// Degrees of freedom a product needs before its spread is compared.
const SPREAD_DF_MIN: usize = 4;

/// A subgroup with the nominal value its readings were made to.
#[derive(Debug, Clone, PartialEq)]
pub struct NominalGroup {
    /// The product.
    pub product: String,
    /// Its nominal value.
    pub nominal: f64,
    /// The readings.
    pub group: Subgroup,
}

/// Readings less their nominal values, in the order of production. Going from one product to another is no break here:
/// the point of the chart is to follow the process over it. A set-up that is marked as one stays one.
pub fn deviations_from_nominal(groups: &[NominalGroup]) -> Result<Series, QualityError> {
    let mut series = Vec::with_capacity(groups.len());
    for (index, entry) in groups.iter().enumerate() {
        let readings: Option<Vec<f64>> = entry
            .group
            .readings
            .iter()
            .map(|reading| finite(reading - entry.nominal))
            .collect();
        let what = "the deviation from nominal";
        series.push(Subgroup {
            readings: readings.ok_or(QualityError::NotAllowed { what, index })?,
            after_break: entry.group.after_break,
        });
    }
    Ok(Series::Measured(series))
}

/// The products with the smallest and largest standard deviation around their own mean, and how many times as large the
/// latter is, when it is more than twice: their deviations must be standardised before they share a chart.
pub fn spreads_differ(groups: &[NominalGroup]) -> Option<(String, String, f64)> {
    let mut readings: std::collections::BTreeMap<&str, Vec<f64>> =
        std::collections::BTreeMap::new();
    for entry in groups {
        let own = readings.entry(&entry.product).or_default();
        own.extend(
            entry
                .group
                .readings
                .iter()
                .map(|reading| reading - entry.nominal),
        );
    }
    let spread = |values: &Vec<f64>| {
        let enough = values.len() > SPREAD_DF_MIN;
        crate::quality::number::deviation(values).filter(|_| enough)
    };
    let spreads: Vec<(&str, f64)> = readings
        .iter()
        .filter_map(|(product, values)| Some((*product, spread(values)?)))
        .collect();
    let (small, low) = spreads.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let (large, high) = spreads.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let times = finite(high / low)?;
    (times > SPREAD_RATIO_MAX).then(|| ((*small).to_owned(), (*large).to_owned(), times))
}
