//! The sentences of a report: what a shift supervisor reads, never more than the numbers say.

use super::report::{Decomposition, Hint, PairEstimate, Verdict};

/// What a sentence about a pair needs besides its numbers.
#[derive(Debug, Clone)]
pub(super) struct Phrase<'a> {
    pub(super) a: &'a str,
    pub(super) b: &'a str,
    /// Column of the outcome.
    pub(super) outcome: &'a str,
    /// Unit with a leading space, or nothing.
    pub(super) unit: String,
    /// Names of the context factors.
    pub(super) context: Vec<&'a str>,
    /// Whether the outcome is a share of units, shown in percent.
    pub(super) percent: bool,
    pub(super) relevance: Option<f64>,
}

impl Phrase<'_> {
    /// The sentence on an estimated difference, with what explains the raw gap.
    pub(super) fn estimated(
        &self,
        verdict: Verdict,
        estimate: &PairEstimate,
        raw: Option<f64>,
        decomposition: Option<&Decomposition>,
    ) -> String {
        let (a, b, outcome) = (self.a, self.b, self.outcome);
        let size = self.amount(estimate.difference.abs());
        let side = if estimate.difference < 0.0 {
            "below"
        } else {
            "above"
        };
        let interval = format!(
            "95 % interval {} to {}",
            self.figure(estimate.low),
            self.figure(estimate.high)
        );
        let place = self.circumstances();
        let main = match verdict {
            Verdict::Difference => {
                format!("{b} is {size} {side} {a} in {outcome}{place}; {interval}.")
            }
            Verdict::NoEvidence => {
                let matters = if self.relevance.is_some() {
                    " that matters"
                } else {
                    ""
                };
                format!(
                    "No evidence that {b} differs from {a} in {outcome}{place}{matters}: {size} {side}; {interval}."
                )
            }
            _ => format!(
                "Whether {b} differs from {a} in {outcome}{place} by what matters stays open: {size} {side}; {interval}."
            ),
        };
        let explained = decomposition.map(|made| self.explained(made));
        let raw = || raw.map(|raw| format!(" The raw gap is {}.", self.figure(raw)));
        let rest = explained.or_else(raw).unwrap_or_default();
        format!("{main}{rest}")
    }

    fn explained(&self, made: &Decomposition) -> String {
        let mut parts: Vec<(&String, &f64)> = made.pooled.parts.iter().collect();
        parts.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let part = |(name, value): (&String, &f64)| format!("{name} ({})", self.figure(*value));
        let parts: Vec<String> = parts.into_iter().map(part).collect();
        format!(
            " Of the raw gap of {}, {} is explained by {}.",
            self.figure(made.gap),
            self.figure(made.pooled.total),
            listed(&parts)
        )
    }

    fn circumstances(&self) -> String {
        if self.context.is_empty() {
            return String::new();
        }
        format!(" at the same {}", listed(&self.context))
    }

    fn amount(&self, value: f64) -> String {
        if self.percent {
            return format!("{} percentage points", figure(value * 100.0));
        }
        format!("{}{}", figure(value), self.unit)
    }

    fn figure(&self, value: f64) -> String {
        if self.percent {
            format!("{} pp", figure(value * 100.0))
        } else {
            figure(value)
        }
    }
}

/// What a measure of conduct is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// A number per record.
    Number,
    /// Whether a record has a label.
    Share,
}

/// The sentence of a hint.
pub(super) fn hint_sentence(hint: &Hint, kind: Measure) -> String {
    let more = if hint.difference > 0.0 {
        "more"
    } else {
        "less"
    };
    let (factor, size) = (&hint.factor, hint.difference.abs());
    let what = if kind == Measure::Share {
        format!(
            "{} percentage points {more} of its records with {factor}",
            figure(size * 100.0)
        )
    } else {
        format!("{} {more} {factor} per record", figure(size))
    };
    format!(
        "{} had {what} than {} under the same circumstances (standardised difference {}, n = {} and {}, q = {}). It is associated with the \
         better outcome; this does not show that it makes the difference.",
        hint.better,
        hint.other,
        figure(hint.standardised_difference),
        hint.records.0,
        hint.records.1,
        figure(hint.q),
    )
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// A number as people read it: none, one or two decimals, and two significant digits below 0.1.
pub(super) fn figure(value: f64) -> String {
    let size = value.abs();
    let enough = [
        (1000.0, 0),
        (1.0, 1),
        (0.1, 2),
        (0.01, 3),
        (0.001, 4),
        (0.0001, 5),
    ];
    match enough.iter().find(|(least, _)| size >= *least) {
        Some((_, decimals)) => format!("{value:.decimals$}"),
        None if size == 0.0 => "0".to_owned(),
        None => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_people_read() {
        for (value, expected) in [
            (-2.613, "-2.6"),
            (15.707, "15.7"),
            (12345.6, "12346"),
            (0.0, "0"),
            (0.0356, "0.036"),
            (-0.5, "-0.50"),
            (1.2e-9, "1.2e-9"),
        ] {
            assert_eq!(figure(value), expected);
        }
    }

    #[test]
    fn lists_end_with_and() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }
}
