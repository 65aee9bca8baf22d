//! Changeovers: from the last good piece of one product to the first good piece of the next. Scrap in between is
//! start-up.

use std::sync::Arc;

use super::span::Span;
use crate::model::Timestamp;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changeover {
    /// The product before.
    pub from: Arc<str>,
    /// The product after.
    pub to: Arc<str>,
    /// From the last good piece to the first.
    pub span: Span,
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
            found.push(Changeover {
                from: Arc::clone(product),
                to: Arc::clone(&run.product),
                span: Span::new(since, first.max(since)),
            });
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
}
