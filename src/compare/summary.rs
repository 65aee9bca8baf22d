//! The report of a comparison: figures, verdicts and sentences per level and pair.

use std::collections::BTreeMap;

use super::adjusted::Adjusted;
use super::fit::Fit;
use super::hints::{Contest, hints};
use super::pairwise::{Pair, versus_mean};
use super::records::Values;
use super::report::{
    AdjustedMean, Coefficient, Composition, Decomposition, Inference, LevelReport, ModelReport,
    PairReport, RecordCount, Report, SCHEMA, Verdict,
};
use super::request::{Better, Outcome};
use super::study::{Fitted, Study};
use super::verdict::of_estimate;
use super::wording::{Phrase, listed};
use super::{kitagawa, oaxaca, raw};

/// Up to this many pairs each is decomposed; with more, the base level against each other one.
const PAIRS_DECOMPOSED: usize = 10;

impl Study<'_> {
    /// The report; `fitted` is the model, unless something stands in the way of one.
    pub(super) fn report(mut self, fitted: Option<&Fitted>) -> Report {
        let (decomposition, composition) = self.explanations(fitted);
        let levels = self.level_reports(fitted);
        let pairs = self.pair_reports(fitted, &levels, &decomposition);
        let contests = contests(fitted, &pairs, self.request.better);
        let hints = hints(&self.records, &self.levels, &contests);
        self.count = self.final_count(fitted);
        Report {
            schema: SCHEMA,
            outcome: self.request.outcome.column().to_owned(),
            kind: kind(&self.request.outcome),
            unit: self.request.unit.clone(),
            group: self.request.group.clone(),
            verdict: self.verdict(&pairs),
            sentences: self.sentences(&pairs),
            records: self.count,
            levels,
            pairs,
            model: fitted.map(|fitted| self.model(fitted)),
            decomposition,
            composition,
            random_crew: fitted.and_then(|fitted| fitted.random_crew.clone()),
            without_crew: fitted.and_then(|fitted| fitted.without_crew.clone()),
            hints,
            not_adjusted: self
                .request
                .conduct
                .iter()
                .map(|f| f.name.clone())
                .collect(),
            notes: self.notes,
        }
    }

    fn explanations(&self, fitted: Option<&Fitted>) -> (Vec<Decomposition>, Vec<Composition>) {
        let pairs = fitted.map_or_else(Vec::new, |fitted| decomposed(&fitted.design.levels));
        if self.request.outcome.is_linear() {
            return (
                oaxaca::decompose(&self.records, &self.levels, &pairs),
                Vec::new(),
            );
        }
        (
            Vec::new(),
            kitagawa::decompose(&self.records, &self.levels, &pairs),
        )
    }

    fn pair_reports(
        &self,
        fitted: Option<&Fitted>,
        levels: &[LevelReport],
        decomposition: &[Decomposition],
    ) -> Vec<PairReport> {
        let estimates = fitted.map_or(&[][..], |fitted| &fitted.pairs);
        let estimates: BTreeMap<(usize, usize), &Pair> = estimates
            .iter()
            .map(|pair| ((pair.a, pair.b), pair))
            .collect();
        let mut pairs = Vec::new();
        for a in 0..self.levels.len() {
            for b in a + 1..self.levels.len() {
                let raw = raw_difference(levels, a, b);
                let made = decomposition
                    .iter()
                    .find(|made| made.a == self.name(a) && made.b == self.name(b));
                pairs.push(match estimates.get(&(a, b)) {
                    Some(pair) => self.estimated(pair, raw, made),
                    None => self.not_estimated(a, b, raw),
                });
            }
        }
        pairs
    }

    fn final_count(&self, fitted: Option<&Fitted>) -> RecordCount {
        let Some(fitted) = fitted else {
            return RecordCount {
                outside_support: 0,
                ..self.count
            };
        };
        let left = self.all.len().saturating_sub(self.records.len());
        RecordCount {
            used: fitted.fit.records,
            levels_not_compared: left.saturating_sub(self.count.outside_support),
            ..self.count
        }
    }

    fn verdict(&self, pairs: &[PairReport]) -> Verdict {
        let strongest = pairs.iter().map(|pair| pair.verdict).min();
        let obstacle = self.obstacle.as_ref().map(|(verdict, _)| *verdict);
        obstacle.or(strongest).unwrap_or(Verdict::InsufficientData)
    }

    fn sentences(&self, pairs: &[PairReport]) -> Vec<String> {
        let of_pairs = pairs.iter().map(|pair| pair.sentence.clone());
        match &self.obstacle {
            Some((_, reason)) => vec![format!("No verdict: {reason}.")],
            None => of_pairs.collect(),
        }
    }

    fn level_reports(&self, fitted: Option<&Fitted>) -> Vec<LevelReport> {
        let versus = fitted.map(|f| versus_mean(&f.fit, &f.means, &self.records));
        let mut versus = versus.into_iter().flatten();
        let mut reports = Vec::new();
        for (level, not_compared) in self.excluded.iter().enumerate() {
            let mean = fitted.and_then(|f| f.means.iter().find(|mean| mean.level == level));
            let (records, days) = self.all.size_of(level);
            let of = self
                .all
                .level
                .iter()
                .zip(&self.all.weight)
                .filter(|(of, _)| **of == level);
            reports.push(LevelReport {
                level: self.name(level).to_owned(),
                records,
                days,
                exposure: of.map(|(_, weight)| weight).sum(),
                raw: raw::mean(&self.all, level, &self.request.outcome),
                adjusted: mean
                    .zip(fitted)
                    .map(|(mean, f)| adjusted_mean(&f.fit, mean)),
                versus_mean: mean.and_then(|_| versus.next()),
                not_compared: *not_compared,
            });
        }
        reports
    }

    fn phrase(&self, a: usize, b: usize) -> Phrase<'_> {
        let unit = &self.request.unit;
        Phrase {
            a: self.name(a),
            b: self.name(b),
            outcome: self.request.outcome.column(),
            unit: if unit.is_empty() {
                String::new()
            } else {
                format!(" {unit}")
            },
            context: self
                .records
                .context
                .iter()
                .map(|column| column.name.as_str())
                .collect(),
            percent: matches!(self.request.outcome, Outcome::Proportion { .. }),
            relevance: self.request.relevance,
        }
    }

    fn estimated(&self, pair: &Pair, raw: Option<f64>, made: Option<&Decomposition>) -> PairReport {
        let verdict = of_estimate(&pair.estimate, self.request.relevance);
        let made = made.filter(|_| !self.records.logs);
        let phrase = self.phrase(pair.a, pair.b);
        PairReport {
            a: self.name(pair.a).to_owned(),
            b: self.name(pair.b).to_owned(),
            verdict,
            reason: None,
            sentence: phrase.estimated(verdict, &pair.estimate, raw, made),
            raw_difference: raw,
            estimate: Some(pair.estimate.clone()),
            needed_records: self.needed.filter(|_| verdict == Verdict::Inconclusive),
            q_across_metrics: None,
        }
    }

    fn not_estimated(&self, a: usize, b: usize, raw: Option<f64>) -> PairReport {
        let of = |level: usize| self.excluded.get(level).copied().flatten();
        let own = [a, b]
            .into_iter()
            .filter(|level| of(*level).is_some())
            .collect::<Vec<_>>();
        let verdict = own.iter().filter_map(|level| of(*level)).max();
        let is_confounded = self.confounded.iter().any(|f| (f.a, f.b) == (a, b));
        let (verdict, reason) = match (verdict, &self.obstacle) {
            (Some(Verdict::Confounded | Verdict::ConfoundedWithCrew), _) if is_confounded => (
                self.pair_confounding(a, b),
                self.confounding_reason(Some((a, b))),
            ),
            (Some(verdict), _) => (verdict, self.reason(verdict, &own)),
            (None, Some((verdict, reason))) => (*verdict, reason.clone()),
            (None, None) => (Verdict::InsufficientData, "no estimate".to_owned()),
        };
        let (name_a, name_b) = (self.name(a).to_owned(), self.name(b).to_owned());
        PairReport {
            sentence: format!("No verdict on {name_b} against {name_a}: {reason}."),
            a: name_a,
            b: name_b,
            verdict,
            reason: Some(reason),
            raw_difference: raw,
            estimate: None,
            needed_records: self.needed.filter(|_| verdict == Verdict::InsufficientData),
            q_across_metrics: None,
        }
    }

    fn pair_confounding(&self, a: usize, b: usize) -> Verdict {
        let found = self.confounded.iter().find(|f| (f.a, f.b) == (a, b));
        match found.and_then(|found| self.factor(found)) {
            Some((_, true)) => Verdict::ConfoundedWithCrew,
            _ => Verdict::Confounded,
        }
    }

    fn reason(&self, verdict: Verdict, levels: &[usize]) -> String {
        let names = listed(&self.names(levels));
        match verdict {
            Verdict::TooFewPersons => format!("{names}: fewer than five persons"),
            Verdict::NewProduct => format!("{names}: fewer than 3 shift runs or 500 parts so far"),
            Verdict::Confounded | Verdict::ConfoundedWithCrew => {
                format!("{names}: compared with the others it cannot be told from another factor")
            }
            _ => {
                let needed = self
                    .needed
                    .map(|n| format!("; about {n} per level are needed"));
                let needed = needed.unwrap_or_default();
                format!("{names}: fewer than 8 records or 5 production days{needed}")
            }
        }
    }

    fn model(&self, fitted: &Fitted) -> ModelReport {
        let fit = &fitted.fit;
        let mut coefficients = Vec::new();
        for (at, (column, b)) in fit.kept.iter().zip(fit.beta.iter()).enumerate() {
            let variance = |m: &nalgebra::DMatrix<f64>| m.get((at, at)).map_or(0.0, |v| v.max(0.0));
            coefficients.push(Coefficient {
                term: fitted
                    .design
                    .names
                    .get(*column)
                    .cloned()
                    .unwrap_or_default(),
                b: *b,
                classical: Inference::new(*b, variance(&fit.classical).sqrt(), fit.df),
                se_hc3: variance(&fit.hc3).sqrt(),
            });
        }
        ModelReport {
            formula: self.formula(),
            method: fit.method,
            penalised: fit.separated,
            records: fit.records,
            parameters: fit.kept.len(),
            df_residual: fit.df_residual,
            r2: fit.r2,
            sigma: fit.sigma,
            dispersion: fit.dispersion,
            coefficients,
            aliased: fitted.aliased.clone(),
        }
    }

    fn formula(&self) -> String {
        let outcome = match &self.request.outcome {
            Outcome::Rate { value, .. } => value.clone(),
            Outcome::Duration { value, .. } => format!("log({value})"),
            Outcome::Proportion { count, trials } => format!("logit({count}/{trials})"),
            Outcome::Count { events, exposure } => format!("log({events}/{exposure})"),
        };
        let terms = self
            .records
            .context
            .iter()
            .map(|column| match column.values {
                Values::Numeric(_) => column.name.clone(),
                Values::Categorical { .. } => format!("C({})", column.name),
            });
        let terms: Vec<String> = [self.request.group.clone()]
            .into_iter()
            .chain(terms)
            .collect();
        format!("{outcome} ~ {}", terms.join(" + "))
    }
}

const fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Rate { .. } => "rate",
        Outcome::Proportion { .. } => "proportion",
        Outcome::Count { .. } => "count",
        Outcome::Duration { .. } => "duration",
    }
}

/// The pairs whose gap is decomposed.
fn decomposed(levels: &[usize]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (at, a) in levels.iter().enumerate() {
        for b in levels.iter().skip(at + 1) {
            pairs.push((*a, *b));
        }
    }
    if pairs.len() > PAIRS_DECOMPOSED {
        let base = levels.first().copied();
        pairs.retain(|(a, _)| Some(*a) == base);
    }
    pairs
}

fn raw_difference(levels: &[LevelReport], a: usize, b: usize) -> Option<f64> {
    let raw = |level: usize| levels.get(level)?.raw.as_ref().map(|raw| raw.estimate);
    Some(raw(b)? - raw(a)?)
}

/// The pairs with a difference, the better level first.
fn contests(fitted: Option<&Fitted>, pairs: &[PairReport], better: Better) -> Vec<Contest> {
    let found = fitted.map_or(&[][..], |fitted| &fitted.pairs);
    let is_different = |pair: &&Pair| {
        pairs.iter().any(|report| {
            report.verdict == Verdict::Difference
                && report.estimate.as_ref() == Some(&pair.estimate)
        })
    };
    let higher_is_better = better == Better::Higher;
    let contest = |pair: &Pair| {
        let b_is_better = (pair.estimate.difference > 0.0) == higher_is_better;
        let (better, other) = if b_is_better {
            (pair.b, pair.a)
        } else {
            (pair.a, pair.b)
        };
        Contest {
            better,
            other,
            higher_is_better,
        }
    };
    found.iter().filter(is_different).map(contest).collect()
}

fn adjusted_mean(fit: &Fit, mean: &Adjusted) -> AdjustedMean {
    let tests = fit.inferences(mean.estimate, &mean.gradient);
    let reported = tests.reported().1;
    AdjustedMean {
        estimate: mean.estimate,
        se_classical: tests.classical.se,
        se_hc3: tests.hc3.se,
        se_cluster_by_day: tests.cluster.as_ref().map(|cluster| cluster.se),
        low: reported.low,
        high: reported.high,
    }
}
