//! Downtime by cause, the largest first.
//!
//! Setup and planned time are not in it. A stop without a reason is grouped by its category; in a Pareto by levels of the
//! reason tree it is a row of its own, `unclassified`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::elements::Element;
use super::reason::ReasonTree;
use super::span::ratio;
use super::time_model::Downtime;

/// Row of stops that no reason of the tree explains.
pub const UNCLASSIFIED: &str = "unclassified";

/// Downtime by cause.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pareto {
    /// The largest first; of equal ones by name.
    pub rows: Vec<ParetoRow>,
    /// Share of the downtime that has a reason, 0 to 1; time without data is not asked about. `None` without downtime.
    pub coded: Option<f64>,
}

/// One cause.
#[derive(Debug, Clone, PartialEq)]
pub struct ParetoRow {
    /// Reason, else category.
    pub reason: Arc<str>,
    /// Downtime that counts.
    pub seconds: f64,
    /// Stops.
    pub count: usize,
    /// Share of all downtime, 0 to 1.
    pub share: Option<f64>,
    /// Share of this and all rows before.
    pub cumulative: Option<f64>,
    /// Mean time from start to end in seconds, of stops that have ended.
    pub mttr_s: Option<f64>,
}

#[derive(Default)]
struct Sum {
    counted: Duration,
    count: usize,
    ended: Duration,
    ended_count: usize,
}

impl Pareto {
    /// By reason, else by category.
    pub fn by_reason(downtimes: &[Downtime]) -> Self {
        Self::grouped(downtimes, |downtime| {
            let name = || downtime.element.downtime_name().into();
            downtime.reason.clone().unwrap_or_else(name)
        })
    }

    /// By the reasons at `level` of `tree`, 1 at the top. Stops without a reason of the tree are one row; external
    /// waits, idle and unknown time without one keep their category.
    pub fn by_level(downtimes: &[Downtime], tree: &ReasonTree, level: usize) -> Self {
        let mut pareto = Self::grouped(downtimes, |downtime| {
            let known = downtime
                .reason
                .as_ref()
                .and_then(|r| tree.at_level(r, level));
            known.cloned().unwrap_or_else(|| match downtime.element {
                Element::Stop | Element::Minor => UNCLASSIFIED.into(),
                other => other.downtime_name().into(),
            })
        });
        pareto.coded = coded(downtimes, |reason| tree.contains(reason));
        pareto
    }

    fn grouped(downtimes: &[Downtime], name: impl Fn(&Downtime) -> Arc<str>) -> Self {
        let mut sums: BTreeMap<Arc<str>, Sum> = BTreeMap::new();
        for downtime in downtimes {
            let sum = sums.entry(name(downtime)).or_default();
            sum.counted = sum.counted.saturating_add(downtime.counted);
            sum.count += 1;
            if !downtime.is_open && downtime.element != Element::Unknown {
                sum.ended = sum.ended.saturating_add(downtime.span.length());
                sum.ended_count += 1;
            }
        }
        let mut sums: Vec<(Arc<str>, Sum)> = sums.into_iter().collect();
        // Stable: equal ones stay in the order of their names.
        sums.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.counted));
        let total = sum_of(sums.iter().map(|(_, sum)| sum.counted));
        let mut so_far = Duration::ZERO;
        let rows = sums.into_iter().map(|(reason, sum)| {
            so_far = so_far.saturating_add(sum.counted);
            ParetoRow {
                reason,
                seconds: sum.counted.as_secs_f64(),
                count: sum.count,
                share: ratio(sum.counted.as_secs_f64(), total.as_secs_f64()),
                cumulative: ratio(so_far.as_secs_f64(), total.as_secs_f64()),
                mttr_s: ratio(sum.ended.as_secs_f64(), sum.ended_count as f64),
            }
        });
        Self {
            rows: rows.collect(),
            coded: coded(downtimes, |_| true),
        }
    }
}

fn coded(downtimes: &[Downtime], is_known: impl Fn(&str) -> bool) -> Option<f64> {
    let asked = || downtimes.iter().filter(|d| d.element != Element::Unknown);
    let known = asked().filter(|d| d.reason.as_ref().is_some_and(|r| is_known(r)));
    let total = sum_of(asked().map(|d| d.counted));
    ratio(
        sum_of(known.map(|d| d.counted)).as_secs_f64(),
        total.as_secs_f64(),
    )
}

fn sum_of(times: impl Iterator<Item = Duration>) -> Duration {
    times.fold(Duration::ZERO, Duration::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::super::reason;
    use super::super::span::Span;
    use super::*;
    use crate::model::Timestamp;

    fn downtime(seconds: i64, element: Element, reason: Option<&str>) -> Downtime {
        let end = Timestamp::from_millis(seconds * 1_000);
        let span = Span::new(Timestamp::from_millis(0), end);
        Downtime {
            span,
            element,
            reason: reason.map(Arc::from),
            counted: span.length(),
            is_open: false,
        }
    }

    #[track_caller]
    fn check(pareto: &Pareto, wanted: &[(&str, f64, usize)]) {
        let got: Vec<_> = pareto
            .rows
            .iter()
            .map(|row| (&*row.reason, row.seconds, row.count))
            .collect();
        assert_eq!(got, wanted);
    }

    fn stops() -> Vec<Downtime> {
        vec![
            downtime(30, Element::Stop, Some("trip")),
            downtime(30, Element::Stop, Some("cable")),
            downtime(10, Element::Minor, Some("trip")),
            downtime(20, Element::Minor, None),
            downtime(5, Element::Stop, Some("gremlin")),
            downtime(40, Element::External, None),
            downtime(65, Element::Unknown, None),
        ]
    }

    #[test]
    fn causes_are_sorted_by_time_then_name() {
        let pareto = Pareto::by_reason(&stops());
        check(
            &pareto,
            &[
                ("unknown", 65.0, 1),
                ("external", 40.0, 1),
                ("trip", 40.0, 2),
                ("cable", 30.0, 1),
                ("micro", 20.0, 1),
                ("gremlin", 5.0, 1),
            ],
        );
        assert_eq!(pareto.rows[1].share, Some(0.2));
        assert_eq!(pareto.rows[1].cumulative, Some(0.525));
        assert_eq!(pareto.rows.last().unwrap().cumulative, Some(1.0));
        assert_eq!(
            (pareto.rows[0].mttr_s, pareto.rows[2].mttr_s),
            (None, Some(20.0))
        );
        // 75 of 135 seconds.
        assert_eq!(pareto.coded, Some(75.0 / 135.0));
    }

    #[test]
    fn causes_are_grouped_by_the_levels_of_the_tree() {
        let tree = reason::tests::tree();
        let top = Pareto::by_level(&stops(), &tree, 1);
        check(
            &top,
            &[
                ("electrical", 70.0, 3),
                ("unknown", 65.0, 1),
                ("external", 40.0, 1),
                (UNCLASSIFIED, 25.0, 2),
            ],
        );
        assert_eq!(top.coded, Some(70.0 / 135.0));
        assert_eq!(Pareto::by_level(&stops(), &tree, 3).rows.len(), 5);
    }

    #[test]
    fn a_stop_that_has_not_ended_is_downtime_but_no_repair() {
        let mut open = downtime(100, Element::Stop, Some("trip"));
        open.is_open = true;
        let pareto = Pareto::by_reason(&[open, downtime(10, Element::Stop, Some("trip"))]);
        check(&pareto, &[("trip", 110.0, 2)]);
        assert_eq!(pareto.rows[0].mttr_s, Some(10.0));
    }

    #[test]
    fn no_downtime_is_an_empty_pareto() {
        assert_eq!(Pareto::by_reason(&[]), Pareto::default());
    }
}
