//! Defects: how many of which kind, where, and whether they become more.
//!
//! Categories form a tree of at most three levels; a defect without a category is counted as `unclassified`, never
//! dropped. With `D` defects on `N` units of `o` opportunities each: `DPU = D / N`, `DPMO = DPU / o * 1e6`. The trend of a
//! category is tested as that of a Poisson rate over periods, with the scatter of the periods where it is larger than
//! chance; without enough periods or defects it says so instead of a verdict.

mod category;
mod report;
mod tally;
mod trend;

#[cfg(test)]
mod tests;

pub use category::{CategoryTree, LEVELS_MAX, UNCLASSIFIED};
pub use report::{CategoryReport, DefectsReport, OriginReport, TrendReport};
pub use tally::{
    BreakdownRow, DefectRecord, DefectSummary, Dimension, Origin, ParetoRow, Production,
    TallyScope, breakdown, summarise,
};
pub use trend::{Period, PeriodCount, Trend, TrendVerdict, category_trends, rate_trend};
