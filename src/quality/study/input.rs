//! What a study is made of.

use std::collections::BTreeMap;

use crate::model::Timestamp;
use crate::quality::advice::CountOf;
use crate::quality::capability::Specification;
use crate::quality::charts::{ChartKind, WeightedDesign};
use crate::quality::phase::{AssignableCause, FreezeRule, LimitVersion};
use crate::quality::rules::RuleSet;

/// What was measured or counted.
#[derive(Debug, Clone, PartialEq)]
pub enum Sample {
    /// Readings of one subgroup; nothing where the value is missing.
    Readings(Vec<f64>),
    /// Events in so many units, or on so much area.
    Count {
        /// Nonconforming units, or defects.
        events: u64,
        /// Units inspected, or area.
        size: f64,
    },
}

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// When the units were made.
    pub at: Timestamp,
    /// The product.
    pub product: String,
    /// The machine.
    pub machine: String,
    /// What was measured or counted.
    pub sample: Sample,
    /// Whether the process was set up anew before it.
    pub after_break: bool,
    /// Nominal value of the product, for charts of short runs.
    pub nominal: Option<f64>,
}

/// What is to be studied and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The characteristic, e.g. `bore diameter`.
    pub characteristic: String,
    /// The chart; `None` for the one that fits the data.
    pub chart: Option<ChartKind>,
    /// Settings of EWMA and CUSUM.
    pub design: WeightedDesign,
    /// Run rules of the level; `None` for the default of the chart.
    pub rules: Option<RuleSet>,
    /// What counts count.
    pub counts: CountOf,
    /// What is allowed; without it there is no capability. Of deviations where `from_nominal`.
    pub specification: Option<Specification>,
    /// Confidence of intervals, in (0, 1).
    pub confidence: f64,
    /// Points to leave out of the limits, with their causes.
    pub causes: Vec<AssignableCause>,
    /// Limits in force; `None` to learn them from the samples.
    pub in_force: Option<LimitVersion>,
    /// Samples up to this time make the limits, later ones are only drawn; `None` for all.
    pub learn_until: Option<Timestamp>,
    /// What it takes to freeze limits.
    pub freeze: FreezeRule,
    /// Whether deviations from each product's nominal value are charted, several products together.
    pub from_nominal: bool,
}

impl Study {
    /// A study of a characteristic with everything by default.
    pub fn of(characteristic: &str) -> Self {
        Self {
            characteristic: characteristic.to_owned(),
            chart: None,
            design: WeightedDesign::default(),
            rules: None,
            counts: CountOf::NonconformingUnits,
            specification: None,
            confidence: 0.95,
            causes: Vec::new(),
            in_force: None,
            learn_until: None,
            freeze: FreezeRule::default(),
            from_nominal: false,
        }
    }
}

/// Splits samples by product and machine, each in order of time. A sample comes after a break where its machine made
/// another product before it.
pub fn strata(observations: &[Observation]) -> BTreeMap<(String, String), Vec<Observation>> {
    let mut ordered: Vec<&Observation> = observations.iter().collect();
    ordered.sort_by_key(|observation| observation.at);
    let mut last_on: BTreeMap<&str, &str> = BTreeMap::new();
    let mut strata: BTreeMap<(String, String), Vec<Observation>> = BTreeMap::new();
    for observation in ordered {
        let before = last_on.insert(&observation.machine, &observation.product);
        let changed = before.is_some_and(|product| product != observation.product);
        let key = (observation.product.clone(), observation.machine.clone());
        strata.entry(key).or_default().push(Observation {
            after_break: observation.after_break || changed,
            ..observation.clone()
        });
    }
    strata
}
