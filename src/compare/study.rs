//! A comparison under way: what is left out and why, and the model of the rest.

use std::collections::{BTreeMap, BTreeSet};

use super::adjusted::{Adjusted, Scale, means};
use super::design::{Confounded, Design, Source, occurring};
use super::error::CompareError;
use super::fit::Fit;
use super::frame::Frame;
use super::pairwise::{Pair, all};
use super::records::{Loaded, Records, Values};
use super::report::{Covariance, LevelEffect, RandomCrew, RecordCount, Verdict, WithoutCrew};
use super::request::{Outcome, Request};
use super::support::{Support, hardly_overlapping};
use super::verdict::{RECORDS_PER_PARAMETER, is_enough, needed_records};
use super::wording::listed;
use super::{glm, mixed, ols};

/// Fewer crews make the variance between them uncertain.
const CREWS_MIN: usize = 8;
/// Smallest share of records under common circumstances.
const SUPPORT_MIN: f64 = 0.5;

/// A comparison under way.
pub(super) struct Study<'a> {
    pub(super) request: &'a Request,
    pub(super) levels: Vec<String>,
    /// All usable records: those of the raw figures.
    pub(super) all: Records,
    /// Records still compared.
    pub(super) records: Records,
    pub(super) count: RecordCount,
    /// Why a level is not compared.
    pub(super) excluded: Vec<Option<Verdict>>,
    pub(super) confounded: Vec<Confounded>,
    /// Records per level that the plan needs.
    pub(super) needed: Option<u64>,
    /// What stands in the way of the whole comparison.
    pub(super) obstacle: Option<(Verdict, String)>,
    pub(super) notes: Vec<String>,
}

/// The model with what follows from it.
pub(super) struct Fitted {
    pub(super) design: Design,
    pub(super) fit: Fit,
    pub(super) means: Vec<Adjusted>,
    pub(super) pairs: Vec<Pair>,
    pub(super) aliased: Vec<String>,
    pub(super) random_crew: Option<RandomCrew>,
    pub(super) without_crew: Option<WithoutCrew>,
}

impl<'a> Study<'a> {
    pub(super) fn new(request: &'a Request, frame: &Frame, loaded: Loaded) -> Self {
        let count = RecordCount {
            given: frame.len(),
            incomplete: loaded.incomplete,
            other_levels: loaded.other_levels,
            new_product: loaded.new_product,
            few_persons: loaded.few_persons,
            ..RecordCount::default()
        };
        let reason = |level: usize| {
            let of = |list: &[usize], verdict| list.contains(&level).then_some(verdict);
            of(&loaded.small_levels, Verdict::TooFewPersons)
                .or_else(|| of(&loaded.new_levels, Verdict::NewProduct))
        };
        let excluded = (0..loaded.levels.len()).map(reason).collect();
        let needed = needed_records(&loaded.records, request.relevance);
        let mut study = Self {
            request,
            levels: loaded.levels,
            all: loaded.records.clone(),
            records: loaded.records,
            count,
            excluded,
            confounded: Vec::new(),
            needed,
            obstacle: None,
            notes: Vec::new(),
        };
        if study.count.new_product > 0 {
            let left = study.count.new_product;
            study
                .notes
                .push(format!("{left} records of new products are left out."));
        }
        if study.count.incomplete > 0 {
            let left = study.count.incomplete;
            study
                .notes
                .push(format!("{left} incomplete records are left out."));
        }
        study
    }

    pub(super) fn name(&self, level: usize) -> &str {
        self.levels.get(level).map_or("", String::as_str)
    }

    pub(super) fn names(&self, levels: &[usize]) -> Vec<&str> {
        levels.iter().map(|level| self.name(*level)).collect()
    }

    pub(super) fn is_compared(&self, level: usize) -> bool {
        self.excluded.get(level).is_some_and(Option::is_none)
    }

    fn compared(&self) -> usize {
        self.excluded
            .iter()
            .filter(|reason| reason.is_none())
            .count()
    }

    /// Takes levels out of the comparison.
    fn exclude(&mut self, levels: &[usize], verdict: Verdict) {
        for (at, slot) in self.excluded.iter_mut().enumerate() {
            if levels.contains(&at) && slot.is_none() {
                *slot = Some(verdict);
            }
        }
        self.keep_compared();
    }

    fn keep_compared(&mut self) {
        let keep: Vec<bool> = self
            .records
            .level
            .iter()
            .map(|level| self.is_compared(*level))
            .collect();
        self.records = self.records.select(&keep);
    }

    pub(super) fn leave_out_small(&mut self) {
        let small: Vec<usize> = (0..self.levels.len())
            .filter(|level| self.is_compared(*level))
            .filter(|level| {
                let (records, days) = self.records.size_of(*level);
                !is_enough(records, days)
            })
            .collect();
        self.exclude(&small, Verdict::InsufficientData);
        self.check_levels();
    }

    fn check_levels(&mut self) {
        if self.compared() < 2 && self.obstacle.is_none() {
            let reasons = self.excluded.iter().flatten();
            let verdict = reasons.min().copied().unwrap_or(Verdict::InsufficientData);
            let text = "fewer than two levels can be compared".to_owned();
            self.obstacle = Some((verdict, text));
        }
    }

    /// Levels that cannot be told from a factor are not compared across; the largest set that can is.
    pub(super) fn leave_out_confounded(&mut self) -> Result<(), CompareError> {
        if self.obstacle.is_some() {
            return Ok(());
        }
        let design = Design::new(&self.records, &self.request.group, &self.levels)?;
        self.confounded = design.confounded(&self.records);
        if self.confounded.is_empty() {
            return Ok(());
        }
        let separable = |a: usize, b: usize| {
            let pair = (a.min(b), a.max(b));
            !self
                .confounded
                .iter()
                .any(|found| (found.a, found.b) == pair)
        };
        let mut largest: Vec<usize> = Vec::new();
        for level in &design.levels {
            let with: Vec<usize> = design
                .levels
                .iter()
                .copied()
                .filter(|other| separable(*level, *other))
                .collect();
            if with.len() > largest.len() {
                largest = with;
            }
        }
        let verdict = self.confounding_verdict();
        let rest: Vec<usize> = design
            .levels
            .iter()
            .copied()
            .filter(|level| !largest.contains(level))
            .collect();
        if largest.len() < 2 {
            let text = self.confounding_reason(None);
            self.exclude(&design.levels, verdict);
            self.obstacle = Some((verdict, text));
        } else {
            self.exclude(&rest, verdict);
        }
        Ok(())
    }

    pub(super) fn confounding_verdict(&self) -> Verdict {
        let by_crew = |found: &Confounded| self.factor(found).is_some_and(|(_, is_crew)| is_crew);
        if self.confounded.iter().any(by_crew) {
            Verdict::ConfoundedWithCrew
        } else {
            Verdict::Confounded
        }
    }

    /// Name of the factor that confounds, and whether it is the crew.
    pub(super) fn factor(&self, found: &Confounded) -> Option<(&str, bool)> {
        let column = self.all.context.get(found.factor?)?;
        Some((&column.name, column.is_crew))
    }

    pub(super) fn confounding_reason(&self, pair: Option<(usize, usize)>) -> String {
        let mut of = self.confounded.iter();
        let found = match pair {
            Some(pair) => of.find(|found| (found.a, found.b) == pair),
            None => of.next(),
        };
        let group = &self.request.group;
        match found.and_then(|found| self.factor(found)) {
            Some((name, true)) => format!(
                "{name} never changes the {group}, so the two cannot be told apart; the difference may be either's"
            ),
            Some((name, false)) => format!(
                "{name} goes with the {group}, so the two cannot be told apart; the difference may be either's"
            ),
            None => format!(
                "the context factors together go with the {group}, so they cannot be told apart"
            ),
        }
    }

    pub(super) fn restrict_to_support(&mut self) {
        if self.obstacle.is_some() {
            return;
        }
        let support = Support::new(&self.records);
        if support.outside.is_empty() {
            return;
        }
        let inside = support.inside();
        let share = inside as f64 / self.records.len() as f64;
        self.count.outside_support = self.records.len() - inside;
        let outside = format!(
            "{:.0} % of the records are under circumstances that not every level had ({})",
            100.0 * (1.0 - share),
            listed(&support.outside)
        );
        if share < SUPPORT_MIN {
            self.obstacle = Some((Verdict::NoCommonSupport, outside));
            return;
        }
        self.notes
            .push(format!("{outside}; they are left out of the comparison."));
        self.records = self.records.select(&support.keep);
        self.leave_out_small();
    }

    /// Fits the model, unless something stands in the way.
    pub(super) fn fit(&mut self) -> Result<Option<Fitted>, CompareError> {
        if self.obstacle.is_some() {
            return Ok(None);
        }
        let design = Design::new(&self.records, &self.request.group, &self.levels)?;
        if self.count.outside_support > 0 {
            // Restricted to common support the context may have lost what told the levels apart.
            self.confounded.extend(design.confounded(&self.records));
        }
        let joint = |found: &Confounded| {
            design.levels.contains(&found.a) && design.levels.contains(&found.b)
        };
        if self.confounded.iter().any(joint) {
            let text = self.confounding_reason(None);
            self.obstacle = Some((self.confounding_verdict(), text));
            return Ok(None);
        }
        let parameters = design.names.len();
        if self.records.len() < RECORDS_PER_PARAMETER * parameters {
            let text = format!(
                "{} records are too few for {parameters} coefficients; {} are needed",
                self.records.len(),
                RECORDS_PER_PARAMETER * parameters
            );
            let per_level = RECORDS_PER_PARAMETER * parameters / design.levels.len().max(1);
            let least = u64::try_from(per_level + 1).unwrap_or(u64::MAX);
            self.needed = self.needed.map(|needed| needed.max(least));
            self.obstacle = Some((Verdict::InsufficientData, text));
            return Ok(None);
        }
        let fit = estimate(&self.request.outcome, &design, &self.records)?;
        self.note_model(&fit);
        let scale = Scale::of(&self.request.outcome);
        let means = means(&fit, &design, &self.records, scale);
        let pairs = all(&fit, &design, &means, scale);
        let is_kept = |at: &usize| !fit.kept.contains(at);
        let aliased = (0..design.names.len()).filter(is_kept);
        let aliased = aliased
            .filter_map(|at| design.names.get(at).cloned())
            .collect();
        self.note_overlap();
        let (random_crew, without_crew) = self.crews()?;
        Ok(Some(Fitted {
            design,
            fit,
            means,
            pairs,
            aliased,
            random_crew,
            without_crew,
        }))
    }

    fn note_model(&mut self, fit: &Fit) {
        if fit.separated {
            self.notes.push(
                "Some level has no or only events: the plain estimate would be infinite, so it is shrunk (Firth 1993)."
                    .to_owned(),
            );
        }
        if fit.clustered.is_none() && self.records.days() < self.records.len() {
            self.notes.push(
                "Too few production days for errors by day; ups and downs common to a day are not in the intervals."
                    .to_owned(),
            );
        }
    }

    fn note_overlap(&mut self) {
        for (name, share) in hardly_overlapping(&self.records) {
            let percent = 100.0 * share;
            self.notes.push(format!(
                "Only {percent:.0} % of the records have a value of {name} that every level had; the adjustment for it follows a straight line beyond that."
            ));
        }
        let crew = self.records.context.iter().find(|column| column.is_crew);
        let Some(Values::Categorical { codes, .. }) = crew.map(|column| &column.values) else {
            return;
        };
        let mut seen: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (crew, level) in codes.iter().zip(&self.records.level) {
            seen.entry(*crew).or_default().insert(*level);
        }
        let fixed = seen.values().filter(|levels| levels.len() < 2).count();
        if fixed > 0 {
            let (all, group) = (seen.len(), &self.request.group);
            self.notes.push(format!(
                "{fixed} of {all} crews are in one {group} only; the difference rests on the others."
            ));
        }
    }

    /// The comparison with random crews and without crews, for outcomes that are fitted by least squares.
    fn crews(&mut self) -> Result<(Option<RandomCrew>, Option<WithoutCrew>), CompareError> {
        let linear = self.request.outcome.is_linear();
        let Some((records, codes)) = self.records.without_crew().filter(|_| linear) else {
            return Ok((None, None));
        };
        let design = Design::new(&records, &self.request.group, &self.levels)?;
        let crews = occurring(&codes).len();
        let random = mixed::fit(&design.x, &records, &codes).map(|made| {
            let se = |at: usize| {
                made.covariance
                    .get((at, at))
                    .map_or(0.0, |v| v.max(0.0).sqrt())
            };
            let effect = |at: usize| (made.beta.get(at).copied().unwrap_or(0.0), se(at));
            RandomCrew {
                crews,
                effects: self.effects(&design, &made.kept, effect),
                crew_variance: made.crew_variance,
                residual_variance: made.residual_variance,
            }
        });
        if random.is_some() && crews < CREWS_MIN {
            self.notes.push(format!(
                "{crews} crews are too few for a random effect; the verdict rests on crews as fixed effects."
            ));
        }
        let without = ols::fit(&design.x, &records).map(|fit| {
            let (covariance, matrix) = match &fit.clustered {
                Some((matrix, _)) => (Covariance::ClusterByDay, matrix),
                None => (Covariance::Hc3, &fit.hc3),
            };
            let se = |at: usize| matrix.get((at, at)).map_or(0.0, |v| v.max(0.0).sqrt());
            let effect = |at: usize| (fit.beta.get(at).copied().unwrap_or(0.0), se(at));
            WithoutCrew {
                covariance,
                effects: self.effects(&design, &fit.kept, effect),
            }
        });
        Ok((random, without))
    }

    fn effects(
        &self,
        design: &Design,
        kept: &[usize],
        effect: impl Fn(usize) -> (f64, f64),
    ) -> Vec<LevelEffect> {
        let mut effects = Vec::new();
        for (at, column) in kept.iter().enumerate() {
            if let Some(Source::Group(level)) = design.sources.get(*column) {
                let (effect, se) = effect(at);
                effects.push(LevelEffect {
                    level: self.name(*level).to_owned(),
                    effect,
                    se,
                });
            }
        }
        effects
    }
}

fn estimate(outcome: &Outcome, design: &Design, records: &Records) -> Result<Fit, CompareError> {
    let (model, fit) = match outcome {
        Outcome::Rate { .. } | Outcome::Duration { .. } => {
            ("least squares", ols::fit(&design.x, records))
        }
        Outcome::Proportion { .. } => ("binomial", glm::binomial(&design.x, records)),
        Outcome::Count { .. } => ("count", glm::count(&design.x, records)),
    };
    let outcome = outcome.column().to_owned();
    fit.filter(|fit| fit.beta.iter().all(|b| b.is_finite()))
        .ok_or(CompareError::NotConverged { model, outcome })
}
