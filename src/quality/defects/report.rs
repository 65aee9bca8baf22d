//! The report of defects: a format of its own, made to be written as JSON or as tables.

use serde::{Deserialize, Serialize};

use super::tally::{
    BreakdownRow, DefectRecord, DefectSummary, Dimension, ParetoRow, Production, TallyScope,
    breakdown, summarise,
};
use super::trend::{Period, Trend, TrendVerdict, category_trends};
use crate::quality::error::QualityError;

/// Layout of the report.
const SCHEMA: u32 = 1;

/// Defects of a time, layout 1. What does not exist is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefectsReport {
    /// 1.
    pub schema: u32,
    /// Defects.
    pub defects: u64,
    /// Units made.
    pub units: f64,
    /// Defects per unit.
    pub dpu: Option<f64>,
    /// Defects per million opportunities.
    pub dpmo: Option<f64>,
    /// Share of defects with a category.
    pub coded_share: Option<f64>,
    /// By category, the most frequent first.
    pub pareto: Vec<CategoryReport>,
    /// By machine, most defects first.
    pub by_machine: Vec<OriginReport>,
    /// By product.
    pub by_product: Vec<OriginReport>,
    /// By shift.
    pub by_shift: Vec<OriginReport>,
}

/// One category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryReport {
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
    /// Defects per unit.
    pub dpu: Option<f64>,
    /// Defects per million opportunities.
    pub dpmo: Option<f64>,
    /// Its trend; null without periods or with no defect in them.
    pub trend: Option<TrendReport>,
}

/// The trend of a category.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrendReport {
    /// `rising`, `falling`, `no_trend` or `too_few`.
    pub verdict: TrendVerdict,
    /// Periods with production.
    pub periods: usize,
    /// Defects in them.
    pub defects: u64,
    /// Probability of a trend as strong by chance.
    pub p: Option<f64>,
    /// The same, corrected for the number of categories.
    pub q: Option<f64>,
    /// Factor by which the rate changes per period.
    pub factor_per_period: Option<f64>,
    /// Scatter of the periods over that of chance.
    pub dispersion: Option<f64>,
}

/// One machine, product or shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OriginReport {
    /// Its name; null of records that do not say.
    pub name: Option<String>,
    /// Defects.
    pub defects: u64,
    /// Units made.
    pub units: f64,
    /// Share of all defects.
    pub share: Option<f64>,
    /// Defects per unit.
    pub dpu: Option<f64>,
    /// Defects per unit over that of everything together.
    pub times_overall: Option<f64>,
    /// Defects by category, the most frequent first.
    pub categories: Vec<(String, u64)>,
}

impl DefectsReport {
    /// Counts, breaks down and tests defects. `periods` are equally long, in order of time, and may be none.
    pub fn of(
        defects: &[DefectRecord],
        production: &[Production],
        scope: &TallyScope,
        periods: &[Period],
    ) -> Result<Self, QualityError> {
        let DefectSummary {
            defects: total,
            units,
            dpu,
            dpmo,
            coded_share,
            pareto,
        } = summarise(defects, production, scope)?;
        let trends = category_trends(defects, production, scope, periods)?;
        let by = |dimension| -> Result<Vec<OriginReport>, QualityError> {
            let rows = breakdown(defects, production, scope, dimension)?;
            Ok(rows.into_iter().map(OriginReport::from).collect())
        };
        let category = |row: ParetoRow| {
            let trend = trends.get(&row.category).map(TrendReport::from);
            CategoryReport::of(row, trend)
        };
        Ok(Self {
            schema: SCHEMA,
            defects: total,
            units,
            dpu,
            dpmo,
            coded_share,
            pareto: pareto.into_iter().map(category).collect(),
            by_machine: by(Dimension::Machine)?,
            by_product: by(Dimension::Product)?,
            by_shift: by(Dimension::Shift)?,
        })
    }
}

impl CategoryReport {
    fn of(row: ParetoRow, trend: Option<TrendReport>) -> Self {
        Self {
            category: row.category,
            parent: row.parent,
            count: row.count,
            share: row.share,
            cumulative_share: row.cumulative_share,
            dpu: row.dpu,
            dpmo: row.dpmo,
            trend,
        }
    }
}

impl From<&Trend> for TrendReport {
    fn from(trend: &Trend) -> Self {
        Self {
            verdict: trend.verdict,
            periods: trend.periods,
            defects: trend.defects,
            p: trend.p,
            q: trend.q,
            factor_per_period: trend.factor_per_period,
            dispersion: trend.dispersion,
        }
    }
}

impl From<BreakdownRow> for OriginReport {
    fn from(row: BreakdownRow) -> Self {
        Self {
            name: row.name,
            defects: row.defects,
            units: row.units,
            share: row.share,
            dpu: row.dpu,
            times_overall: row.times_overall,
            categories: row.categories,
        }
    }
}
