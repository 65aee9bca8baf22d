//! Changeovers: from the last good piece of one product to the first good piece of the next. Scrap in between is
//! start-up.

use std::sync::Arc;
use std::time::Duration;

use super::elements::Elements;
use super::span::Span;
use crate::model::{Timestamp, quantile};

/// Good pieces of one product without another in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRun {
    /// What was made.
    pub product: Arc<str>,
    /// When its first good piece was counted; `None` when there was none.
    pub first_good: Option<Timestamp>,
    /// When its last good piece was counted.
    pub last_good: Option<Timestamp>,
}

/// A change from one product to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Changeover {
    /// The product before.
    pub from: Arc<str>,
    /// The product after.
    pub to: Arc<str>,
    /// From the last good piece to the first.
    pub span: Span,
    /// Pieces scrapped in it.
    pub scrap: f64,
    /// Pieces in it that need rework.
    pub rework: f64,
    /// What its time counts to.
    pub elements: Elements,
}

impl Changeover {
    /// One of which only its span is known.
    pub fn new(from: Arc<str>, to: Arc<str>, span: Span) -> Self {
        Self {
            from,
            to,
            span,
            scrap: 0.0,
            rework: 0.0,
            elements: Elements::default(),
        }
    }

    /// The part of its length in which the machine was to be busy: without breaks, nights off and other planned time.
    pub fn busy(&self) -> Duration {
        self.elements.pbt()
    }
}

/// How long changeovers of one kind take, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangeoverTimes {
    /// How many there were.
    pub count: usize,
    /// Half are shorter.
    pub median_s: f64,
    /// The longest.
    pub longest_s: f64,
    /// All of them.
    pub total_s: f64,
}

impl ChangeoverTimes {
    /// Of some lengths in any order; `None` without any.
    pub fn of(lengths: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut seconds: Vec<f64> = lengths.into_iter().map(|l| l.as_secs_f64()).collect();
        seconds.sort_by(f64::total_cmp);
        Some(Self {
            count: seconds.len(),
            median_s: quantile(&seconds, 0.5)?,
            longest_s: *seconds.last()?,
            total_s: seconds.iter().sum(),
        })
    }
}

/// Changeovers between runs in order of time. A run without a good piece is part of the changeover around it.
pub fn changeovers(runs: &[ProductRun]) -> Vec<Changeover> {
    let mut found = Vec::new();
    let mut before: Option<(&Arc<str>, Timestamp)> = None;
    for run in runs {
        let Some((first, last)) = run.first_good.zip(run.last_good) else {
            continue;
        };
        if let Some((product, since)) = before
            && *product != run.product
        {
            let span = Span::new(since, first.max(since));
            found.push(Changeover::new(
                Arc::clone(product),
                Arc::clone(&run.product),
                span,
            ));
        }
        before = Some((&run.product, last));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(product: &str, good: Option<(i64, i64)>) -> ProductRun {
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        ProductRun {
            product: product.into(),
            first_good: good.map(|(first, _)| at(first)),
            last_good: good.map(|(_, last)| at(last)),
        }
    }

    #[track_caller]
    fn check(runs: &[ProductRun], wanted: &[(&str, &str, u64)]) {
        let found = changeovers(runs);
        let got: Vec<_> = found
            .iter()
            .map(|c| (&*c.from, &*c.to, c.span.length().as_secs()))
            .collect();
        assert_eq!(got, wanted);
    }

    #[test]
    fn a_changeover_lasts_from_good_piece_to_good_piece() {
        let (a, b) = (run("A", Some((0, 100))), run("B", Some((160, 200))));
        check(&[a.clone(), b.clone()], &[("A", "B", 60)]);
        check(&[a.clone(), run("C", None), b.clone()], &[("A", "B", 60)]);
        check(&[a.clone(), run("A", Some((160, 200)))], &[]);
        check(&[run("C", None), a], &[]);
        check(&[b, run("A", Some((10, 20)))], &[("B", "A", 0)]);
        check(&[], &[]);
    }

    #[test]
    fn lengths_are_summed_up_by_robust_figures() {
        let of = |minutes: &[u64]| {
            ChangeoverTimes::of(minutes.iter().map(|m| Duration::from_mins(*m)))
                .map(|t| (t.count, t.median_s, t.longest_s, t.total_s))
        };
        assert_eq!(of(&[40, 10, 12]), Some((3, 720.0, 2_400.0, 3_720.0)));
        assert_eq!(of(&[10, 20]), Some((2, 900.0, 1_200.0, 1_800.0)));
        assert_eq!(of(&[]), None);
    }
}
