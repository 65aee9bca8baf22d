//! Pieces from the counters, with what was odd about them, and the good ones among them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::changeover::ProductRun;
use super::super::counter::{
    Counted, Counter, CounterEvent, CounterRules, CounterRulesError, Reading,
};
use super::super::span::Span;
use super::facts::{Allocation, Facts, MainCounter, Settings};
use crate::model::Timestamp;

/// Events that are listed one by one; further ones are only counted.
const EVENTS_MAX: usize = 1_000;

/// Which counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CounterKind {
    /// The main counter.
    Main,
    /// Scrap.
    Scrap,
    /// Rework.
    Rework,
}

/// What was not normal about the counters in the window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CounterLog {
    /// How often each happened.
    pub counts: BTreeMap<(CounterKind, CounterEvent), usize>,
    /// The first thousand.
    pub first: Vec<(Timestamp, CounterKind, CounterEvent)>,
}

impl CounterLog {
    fn add(&mut self, at: Timestamp, kind: CounterKind, event: CounterEvent) {
        *self.counts.entry((kind, event)).or_default() += 1;
        if self.first.len() < EVENTS_MAX {
            self.first.push((at, kind, event));
        }
    }
}

/// Steps of the three counters.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) main: Vec<Counted>,
    pub(super) scrap: Vec<Counted>,
    pub(super) rework: Vec<Counted>,
    pub(super) log: CounterLog,
    /// When a counter was set forward, in the window.
    pub(super) rebased: Vec<Timestamp>,
}

impl Pieces {
    pub(super) fn read(
        facts: &Facts<'_>,
        settings: &Settings<'_>,
    ) -> Result<Self, CounterRulesError> {
        let (counts, window) = (&facts.counts, facts.window);
        let rejects = settings.rejects.unwrap_or(settings.counter);
        let mut pieces = Self::default();
        pieces.main = pieces.count(counts.main, CounterKind::Main, settings.counter, window)?;
        pieces.scrap = pieces.count(counts.scrap, CounterKind::Scrap, rejects, window)?;
        pieces.rework = pieces.count(counts.rework, CounterKind::Rework, rejects, window)?;
        Ok(pieces)
    }

    fn count(
        &mut self,
        readings: &[Reading],
        kind: CounterKind,
        rules: CounterRules,
        window: Span,
    ) -> Result<Vec<Counted>, CounterRulesError> {
        let mut counter = Counter::new(rules)?;
        let mut counted = Vec::new();
        for reading in readings {
            let step = counter.step(reading);
            counted.extend(step.counted);
            if let Some(event) = step.event
                && window.contains(reading.at)
            {
                self.log.add(reading.at, kind, event);
                if event == CounterEvent::Rebased {
                    self.rebased.push(reading.at);
                }
            }
        }
        Ok(counted)
    }

    /// Good pieces in order of time. A reject is taken to be one of the last pieces counted before it.
    fn good(&self, main_counts: MainCounter) -> impl Iterator<Item = Timestamp> {
        let mut rejects: Vec<Counted> = Vec::new();
        if main_counts == MainCounter::All {
            rejects.extend(self.scrap.iter().chain(&self.rework));
            rejects.sort_by_key(|reject| reject.span.end);
        }
        let mut rejects = rejects.into_iter().peekable();
        let mut main = self.main.iter().peekable();
        std::iter::from_fn(move || {
            let made = main.next()?;
            let until = main.peek().map(|next| next.span.end);
            let mut good = made.pieces;
            while let Some(reject) =
                rejects.next_if(|reject| until.is_none_or(|until| reject.span.end < until))
            {
                good -= reject.pieces;
            }
            Some((good > 0.0).then_some(made.span.end))
        })
        .flatten()
    }

    /// Runs of one product each, with their first and last good piece.
    pub(super) fn runs(
        &self,
        main_counts: MainCounter,
        allocations: &[(Timestamp, Option<Allocation>)],
    ) -> Vec<ProductRun> {
        let mut runs: Vec<ProductRun> = Vec::new();
        let mut ahead = allocations.iter().peekable();
        let open = |runs: &mut Vec<ProductRun>, allocation: &Option<Allocation>| {
            let product = allocation.as_ref().and_then(|a| a.product.as_ref());
            let is_running = |run: &ProductRun| product.is_some_and(|p| *p == run.product);
            match product {
                Some(product) if !runs.last().is_some_and(is_running) => runs.push(ProductRun {
                    product: Arc::clone(product),
                    first_good: None,
                    last_good: None,
                }),
                _ => {}
            }
        };
        for good in self.good(main_counts) {
            while let Some((_, allocation)) = ahead.next_if(|(at, _)| *at < good) {
                open(&mut runs, allocation);
            }
            if let Some(run) = runs.last_mut() {
                run.first_good.get_or_insert(good);
                run.last_good = Some(good);
            }
        }
        for (_, allocation) in ahead {
            open(&mut runs, allocation);
        }
        runs
    }
}
