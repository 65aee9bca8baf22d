//! The result of a comparison, as it is printed and sent. `schema` is the version of this layout.
//!
//! A number that does not exist is `None`, with the reason beside it; no number is ever NaN or infinite.

use std::collections::BTreeMap;

use serde::Serialize;

/// Version of the layout of [`Report`].
pub const SCHEMA: u32 = 1;

/// A comparison of the levels of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of this layout.
    pub schema: u32,
    /// Column of the outcome.
    pub outcome: String,
    /// `rate`, `proportion`, `count` or `duration`.
    pub kind: &'static str,
    /// Unit of the outcome; may be empty.
    pub unit: String,
    /// Column of the group.
    pub group: String,
    /// The strongest verdict of all pairs, or what stands in the way of any.
    pub verdict: Verdict,
    /// The result in plain words, one sentence per pair or reason.
    pub sentences: Vec<String>,
    /// How many records were used, and why others were not.
    pub records: RecordCount,
    /// The levels, in the order of the request.
    pub levels: Vec<LevelReport>,
    /// Every pair of levels.
    pub pairs: Vec<PairReport>,
    /// The model behind the adjusted figures; `None` when no verdict could be given.
    pub model: Option<ModelReport>,
    /// What explains the raw gaps, by least squares (rates and durations).
    pub decomposition: Vec<Decomposition>,
    /// What explains the raw gaps, by cells of the categorical context (proportions and counts).
    pub composition: Vec<Composition>,
    /// The same comparison with a random intercept per crew.
    pub random_crew: Option<RandomCrew>,
    /// The same comparison without the crews, errors clustered by production day.
    pub without_crew: Option<WithoutCrew>,
    /// What the better level did differently.
    pub hints: Vec<Hint>,
    /// Factors of conduct: not adjusted for, because the group controls them itself.
    pub not_adjusted: Vec<String>,
    /// What a reader should know: left out records, dropped terms, doubts.
    pub notes: Vec<String>,
}

/// What the data say about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval excludes 0 and the difference is at least the relevance threshold.
    Difference,
    /// The interval leaves open whether there is a difference that matters.
    Inconclusive,
    /// No difference, or none that matters: the interval includes 0, and with a threshold it stays inside it.
    NoEvidence,
    /// Too few records or days; no p-value is given.
    InsufficientData,
    /// The crews never change the level, so that crew and level cannot be told apart.
    ConfoundedWithCrew,
    /// Another factor goes with the level, so that the two cannot be told apart.
    Confounded,
    /// Less than half of the records are under circumstances that all levels had.
    NoCommonSupport,
    /// The level is a new product: too few shift runs or parts for a verdict.
    NewProduct,
    /// The level is a group of fewer than five persons, which is not reported.
    TooFewPersons,
}

/// How an error was estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Covariance {
    /// From the model alone.
    Classical,
    /// Robust against unequal spread (HC3).
    Hc3,
    /// Robust against common ups and downs within a production day.
    ClusterByDay,
}

/// How many records there are and which were not used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RecordCount {
    /// Records of the frame.
    pub given: usize,
    /// Records in the model.
    pub used: usize,
    /// Without a usable outcome, exposure, group, day or context.
    pub incomplete: usize,
    /// Of levels that were not asked for.
    pub other_levels: usize,
    /// Of new products.
    pub new_product: usize,
    /// Of groups with fewer than five persons.
    pub few_persons: usize,
    /// Of levels that cannot be compared.
    pub levels_not_compared: usize,
    /// Under circumstances that not every compared level had.
    pub outside_support: usize,
}

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A test against 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inference {
    /// Standard error, at least 0.
    pub se: f64,
    /// Degrees of freedom of Student's t; `None` for the normal distribution.
    pub df: Option<f64>,
    /// Estimate by standard error; `None` when the error is 0.
    pub statistic: Option<f64>,
    /// Two-sided p-value, not corrected for several tests.
    pub p: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// One level of the group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelReport {
    /// Its label.
    pub level: String,
    /// Usable records.
    pub records: usize,
    /// Different production days.
    pub days: usize,
    /// Sum of exposure or trials.
    pub exposure: f64,
    /// Mean as it is, with an interval as if the records were independent.
    pub raw: Option<Interval>,
    /// Mean at the same circumstances.
    pub adjusted: Option<AdjustedMean>,
    /// Against the mean of all compared levels.
    pub versus_mean: Option<VersusMean>,
    /// Why the level is not compared; `None` when it is.
    pub not_compared: Option<Verdict>,
}

/// Mean of the predictions for all records with the level set to this one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdjustedMean {
    /// The mean, in units of the outcome.
    pub estimate: f64,
    /// Classical standard error.
    pub se_classical: f64,
    /// Heteroscedasticity-consistent standard error.
    pub se_hc3: f64,
    /// Standard error clustered by production day.
    pub se_cluster_by_day: Option<f64>,
    /// Lower end of the 95 % interval, with the reported error.
    pub low: f64,
    /// Upper end of the 95 % interval, with the reported error.
    pub high: f64,
}

/// A level against the mean of all compared levels, weighted by exposure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VersusMean {
    /// Adjusted mean of the level less the mean.
    pub difference: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// p-value corrected for the number of levels (Holm).
    pub p_holm: f64,
}

/// Two levels against each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairReport {
    /// The first level.
    pub a: String,
    /// The second level.
    pub b: String,
    /// What the data say.
    pub verdict: Verdict,
    /// Why there is no estimate; `None` when there is.
    pub reason: Option<String>,
    /// The result in plain words.
    pub sentence: String,
    /// Raw mean of `b` less that of `a`.
    pub raw_difference: Option<f64>,
    /// The adjusted difference.
    pub estimate: Option<PairEstimate>,
    /// Records per level that would show a relevant difference with a power of 80 %, when these are too few.
    pub needed_records: Option<u64>,
    /// Expected share of false findings among pairs at least as clear, over several metrics.
    pub q_across_metrics: Option<f64>,
}

/// Adjusted difference of two levels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairEstimate {
    /// Adjusted mean of `b` less that of `a`, in units of the outcome.
    pub difference: f64,
    /// Lower end of its 95 % interval, with the reported error.
    pub low: f64,
    /// Upper end of its 95 % interval, with the reported error.
    pub high: f64,
    /// Lower end of the interval that holds for all pairs at once.
    pub family_low: f64,
    /// Upper end of the interval that holds for all pairs at once.
    pub family_high: f64,
    /// Difference on the scale of the model: of means, of log means, or of log odds.
    pub contrast: f64,
    /// `exp(contrast)`: ratio of means or of odds; `None` for differences of means.
    pub ratio: Option<f64>,
    /// Test of the contrast with classical errors.
    pub classical: PairTest,
    /// Test of the contrast with HC3 errors.
    pub hc3: PairTest,
    /// Test of the contrast with errors clustered by production day.
    pub cluster_by_day: Option<PairTest>,
    /// Which of the three the verdict rests on.
    pub reported: Covariance,
}

/// A test of a pair among others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairTest {
    /// The test alone.
    pub inference: Inference,
    /// Corrected for all pairs by Tukey and Kramer.
    pub p_tukey: f64,
    /// Corrected for all pairs by Holm.
    pub p_holm: f64,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelReport {
    /// The model as text; `C()` marks a categorical factor.
    pub formula: String,
    /// How it was estimated.
    pub method: &'static str,
    /// Whether Firth's penalty was needed because a level has no or only events.
    pub penalised: bool,
    /// Number of records.
    pub records: usize,
    /// Number of coefficients.
    pub parameters: usize,
    /// Records less coefficients.
    pub df_residual: f64,
    /// Share of the variation that the model describes (rates and durations).
    pub r2: Option<f64>,
    /// Residual standard deviation (rates and durations).
    pub sigma: Option<f64>,
    /// Pearson's chi-square per degree of freedom (proportions and counts).
    pub dispersion: Option<f64>,
    /// Coefficients in the order of the formula.
    pub coefficients: Vec<Coefficient>,
    /// Terms that others already span, which were dropped.
    pub aliased: Vec<String>,
}

/// A coefficient of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coefficient {
    /// Its term: `Intercept`, a numeric factor, or `factor[T.level]`.
    pub term: String,
    /// Its value, on the scale of the model.
    pub b: f64,
    /// Test with classical errors.
    pub classical: Inference,
    /// HC3 standard error.
    pub se_hc3: f64,
}

/// Kitagawa-Oaxaca-Blinder decomposition of a raw gap.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decomposition {
    /// The first level.
    pub a: String,
    /// The second level.
    pub b: String,
    /// Raw mean of `b` less that of `a`; of logarithms for durations.
    pub gap: f64,
    /// With slopes from both levels and a term for the level: the unexplained part is the adjusted difference.
    pub pooled: Explained,
    /// With the slopes of `a`; `None` when `a` does not show them all.
    pub coef_of_a: Option<Explained>,
    /// With the slopes of `b`; `None` when `b` does not show them all.
    pub coef_of_b: Option<Explained>,
    /// 95 % intervals of the pooled parts, by resampling production days; `unexplained` is among them by name.
    pub intervals: BTreeMap<String, Interval>,
    /// Resamples behind the intervals.
    pub draws: usize,
}

/// What a gap is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// By the difference in each part.
    pub parts: BTreeMap<String, f64>,
    /// Sum of the parts.
    pub total: f64,
    /// What is left of the gap.
    pub unexplained: f64,
}

/// Kitagawa's decomposition of a gap between two rates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Composition {
    /// The first level.
    pub a: String,
    /// The second level.
    pub b: String,
    /// The factors whose combinations are the cells.
    pub factors: Vec<String>,
    /// Rate of `b` less that of `a`, in the cells that both have.
    pub gap: f64,
    /// Because the two work in the cells in other shares: `sum (w_b - w_a)(r_a + r_b)/2`.
    pub composition: Interval,
    /// Because their rates differ inside the cells: `sum (r_b - r_a)(w_a + w_b)/2`.
    pub rate: Interval,
    /// Share of exposure or trials in cells that both have.
    pub matched_share: f64,
    /// Resamples of production days behind the 95 % intervals; 0 when they have no width.
    pub draws: usize,
}

/// The comparison with a random intercept per crew, by restricted maximum likelihood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RandomCrew {
    /// Number of crews.
    pub crews: usize,
    /// Level effects against the base level.
    pub effects: Vec<LevelEffect>,
    /// Variance between crews.
    pub crew_variance: f64,
    /// Variance within a crew.
    pub residual_variance: f64,
}

/// The comparison without the crews.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WithoutCrew {
    /// Which errors: clustered by production day, or HC3 when there are too few days.
    pub covariance: Covariance,
    /// Level effects against the base level.
    pub effects: Vec<LevelEffect>,
}

/// Effect of a level against the base level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelEffect {
    /// The level.
    pub level: String,
    /// Its effect on the scale of the model.
    pub effect: f64,
    /// Standard error.
    pub se: f64,
}

/// A difference in conduct that goes with the better outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hint {
    /// The level with the better adjusted outcome.
    pub better: String,
    /// The level it is compared with.
    pub other: String,
    /// What differs: a conduct factor, or one of its labels as `factor = label`.
    pub factor: String,
    /// Records of the better and of the other level behind it, in strata that both have.
    pub records: (usize, usize),
    /// Mean of the better level less that of the other, at the same machines and products.
    pub difference: f64,
    /// The difference in standard deviations within strata.
    pub standardised_difference: f64,
    /// p-value of the difference.
    pub p: f64,
    /// Expected share of false ones among hints at least as clear.
    pub q: f64,
    /// Correlation with the outcome within levels and strata, in [-1, 1].
    pub association: f64,
    /// The hint in plain words.
    pub sentence: String,
}
