//! The patterns.

use super::{Rule, Side, Signal};
use crate::quality::number::tolerance;

/// A point as the rules see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RulePoint {
    value: f64,
    /// Where it lies in sigmas, moved onto a zone border that it misses by rounding only; `None` without a spread.
    z: Option<f64>,
    /// -1, 0, 1: below, on, above the centre line.
    side: i8,
    /// -1, 0, 1: below, within, above the control limits.
    beyond: i8,
    /// What a neighbour may differ by and still be equal.
    equal_within: f64,
}

impl RulePoint {
    /// A point at `value` on a chart with this centre line, this standard deviation of the point and these control
    /// limits.
    pub fn new(value: f64, center: f64, sigma: f64, limits: (f64, f64)) -> Self {
        let (lcl, ucl) = limits;
        let size = value.abs().max(center.abs());
        let zone = sigma > 0.0 && sigma.is_finite();
        let slack = tolerance(sigma, size);
        let z = zone.then(|| snapped((value - center) / sigma, slack / sigma));
        let above = value > ucl + tolerance(ucl - center, size);
        let below = value < lcl - tolerance(center - lcl, size);
        Self {
            value,
            z,
            side: side(value - center, slack),
            beyond: i8::from(above) - i8::from(below),
            equal_within: slack,
        }
    }

    /// A point whose zones are measured on another scale than the one it is plotted on.
    pub(crate) fn with_z(self, z: f64) -> Self {
        Self {
            z: Some(snapped(z, tolerance(1.0, 0.0))),
            side: side(z, tolerance(1.0, 0.0)),
            ..self
        }
    }

    /// Where it lies, in standard deviations from the centre line; `None` without a spread.
    pub const fn z(self) -> Option<f64> {
        self.z
    }

    const fn zone_side(self) -> Option<Side> {
        match self.side {
            1 => Some(Side::Above),
            -1 => Some(Side::Below),
            _ => None,
        }
    }
}

/// `z`, on the zone border 0, 1, 2 or 3 that it is within `slack` of.
fn snapped(z: f64, slack: f64) -> f64 {
    let border = z.round();
    if border.abs() <= 3.0 && (z - border).abs() <= slack {
        border
    } else {
        z
    }
}

fn side(difference: f64, slack: f64) -> i8 {
    i8::from(difference > slack) - i8::from(difference < -slack)
}

/// Indices of the points of `values` that complete a pattern of `rule`, for a chart with one centre line and one
/// standard deviation.
pub fn completing_points(values: &[f64], center: f64, sigma: f64, rule: Rule) -> Vec<usize> {
    let limits = (center - 3.0 * sigma, center + 3.0 * sigma);
    let points: Vec<_> = values
        .iter()
        .map(|value| RulePoint::new(*value, center, sigma, limits))
        .map(Some)
        .collect();
    let mut found = Vec::new();
    find(&points, &[], rule, &mut found);
    found.into_iter().map(|signal| signal.index).collect()
}

/// Appends the signals of `rule`. A missing point ends every pattern before it, and so does a point of `breaks`: the
/// process was set up anew, and its neighbours are no neighbours any more.
pub(crate) fn find(
    points: &[Option<RulePoint>],
    breaks: &[bool],
    rule: Rule,
    found: &mut Vec<Signal>,
) {
    let mut start = 0;
    let mut stretch: Vec<RulePoint> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let breaks = breaks.get(index).copied().unwrap_or(false);
        if breaks || point.is_none() {
            stretch.clear();
        }
        let Some(point) = point else { continue };
        if stretch.is_empty() {
            start = index;
        }
        stretch.push(*point);
        if let Some((length, side)) = completes(&stretch, rule) {
            let from = (index + 1).saturating_sub(length).max(start);
            found.push(Signal {
                rule,
                index,
                from,
                side,
            });
        }
    }
}

/// Whether the last of `points` completes a pattern: its length and side.
fn completes(points: &[RulePoint], rule: Rule) -> Option<(usize, Option<Side>)> {
    let last = *points.last()?;
    match rule {
        Rule::Nelson1 => match last.beyond {
            1 => Some((1, Some(Side::Above))),
            -1 => Some((1, Some(Side::Below))),
            _ => None,
        },
        Rule::Nelson2 => one_side(points, 9),
        Rule::WesternElectric4 => one_side(points, 8),
        Rule::Nelson3 => rising_or_falling(points),
        Rule::Nelson4 => alternating(points).then_some((14, None)),
        Rule::Nelson5 => several_beyond(points, (2, 3), 2.0),
        Rule::Nelson6 => several_beyond(points, (4, 5), 1.0),
        Rule::Nelson7 => all(points, 15, |z| z.abs() < 1.0).then_some((15, None)),
        Rule::Nelson8 => {
            let outside = all(points, 8, |z| z.abs() > 1.0);
            let sides = last_of(points, 8).map_or(0, |eight| {
                eight.iter().map(|point| i32::from(point.side)).sum()
            });
            (outside && sides.abs() < 8).then_some((8, None))
        }
        // Not patterns of points.
        Rule::Ewma | Rule::Cusum => None,
    }
}

fn last_of(points: &[RulePoint], count: usize) -> Option<&[RulePoint]> {
    points.get(points.len().checked_sub(count)?..)
}

fn one_side(points: &[RulePoint], count: usize) -> Option<(usize, Option<Side>)> {
    let run = last_of(points, count)?;
    let first = run.first()?;
    let same = first.side != 0 && run.iter().all(|point| point.side == first.side);
    same.then(|| (count, first.zone_side()))
}

fn steps(points: &[RulePoint], count: usize) -> Option<Vec<i8>> {
    let run = last_of(points, count)?;
    let step = |(a, b): (&RulePoint, &RulePoint)| {
        side(b.value - a.value, a.equal_within.max(b.equal_within))
    };
    Some(run.iter().zip(run.iter().skip(1)).map(step).collect())
}

fn rising_or_falling(points: &[RulePoint]) -> Option<(usize, Option<Side>)> {
    let steps = steps(points, 6)?;
    let first = *steps.first()?;
    let same = first != 0 && steps.iter().all(|step| *step == first);
    let side = if first > 0 { Side::Above } else { Side::Below };
    same.then_some((6, Some(side)))
}

fn alternating(points: &[RulePoint]) -> bool {
    let Some(steps) = steps(points, 14) else {
        return false;
    };
    let mut pairs = steps.iter().zip(steps.iter().skip(1));
    pairs.all(|(a, b)| *a != 0 && *a == -b)
}

fn several_beyond(
    points: &[RulePoint],
    (wanted, of): (usize, usize),
    border: f64,
) -> Option<(usize, Option<Side>)> {
    let last = points.last()?;
    let beyond =
        |point: &RulePoint| point.side == last.side && point.z.is_some_and(|z| z.abs() > border);
    if !beyond(last) {
        return None;
    }
    let count = last_of(points, of)?
        .iter()
        .filter(|point| beyond(point))
        .count();
    (count >= wanted).then(|| (of, last.zone_side()))
}

fn all(points: &[RulePoint], count: usize, holds: impl Fn(f64) -> bool) -> bool {
    last_of(points, count).is_some_and(|run| run.iter().all(|point| point.z.is_some_and(&holds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::rules::RuleSet;

    #[track_caller]
    fn check(rule: Rule, values: &[f64], expected: &[usize]) {
        assert_eq!(completing_points(values, 0.0, 1.0, rule), expected);
        // Another place and scale changes nothing.
        let moved: Vec<f64> = values.iter().map(|value| 300.1 + 0.007 * value).collect();
        assert_eq!(
            completing_points(&moved, 300.1, 0.007, rule),
            expected,
            "moved"
        );
        let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
        assert_eq!(
            completing_points(&mirrored, 0.0, 1.0, rule),
            expected,
            "mirrored"
        );
    }

    #[test]
    fn a_point_on_a_zone_border_is_not_beyond_it() {
        check(Rule::Nelson1, &[3.0, 3.0001], &[1]);
        check(Rule::Nelson5, &[2.0, 2.0, 2.0], &[]);
        check(Rule::Nelson6, &[1.0; 6], &[]);
        check(Rule::Nelson7, &[1.0; 20], &[]);
        check(
            Rule::Nelson8,
            &[1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0],
            &[],
        );
    }

    #[test]
    fn the_point_that_completes_the_pattern_is_the_signal() {
        check(Rule::Nelson2, &[0.1; 10], &[8, 9]);
        check(Rule::WesternElectric4, &[0.1; 10], &[7, 8, 9]);
        check(Rule::Nelson3, &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5], &[5]);
        check(
            Rule::Nelson3,
            &[0.0, 0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
            &[8],
        );
        check(Rule::Nelson5, &[2.1, 0.0, 2.1], &[2]);
        check(Rule::Nelson5, &[2.1, 2.1], &[]);
        check(Rule::Nelson5, &[2.1, 2.1, 0.0, 2.1], &[3]);
        check(Rule::Nelson5, &[2.1, -2.1, 0.0], &[]);
        check(Rule::Nelson6, &[1.1, 1.1, 1.1, 1.1], &[]);
        check(Rule::Nelson6, &[1.1, 0.0, 1.1, 1.1, 1.1], &[4]);
        check(
            Rule::Nelson8,
            &[1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, -1.1],
            &[7],
        );
        check(Rule::Nelson8, &[1.1; 8], &[]);
    }

    #[test]
    fn fourteen_alternating_points_have_thirteen_steps() {
        let mut values: Vec<f64> = (0..14)
            .map(|i| if i % 2 == 0 { 0.5 } else { -0.5 })
            .collect();
        check(Rule::Nelson4, &values, &[13]);
        values[6] = -0.5;
        check(Rule::Nelson4, &values, &[]);
    }

    #[test]
    fn gaps_and_set_ups_end_a_pattern() {
        let point = RulePoint::new(0.5, 0.0, 1.0, (-3.0, 3.0));
        let mut points = vec![Some(point); 12];
        let count = |points: &[_], breaks: &[bool]| {
            let mut found = Vec::new();
            find(points, breaks, Rule::Nelson2, &mut found);
            found
        };
        assert_eq!(count(&points, &[]).len(), 4);
        assert_eq!(
            count(&points, &[]).first().map(|s| (s.from, s.index)),
            Some((0, 8))
        );
        let mut breaks = vec![false; 12];
        breaks[4] = true;
        assert!(count(&points, &breaks).is_empty());
        points[3] = None;
        assert!(count(&points, &[]).iter().all(|signal| signal.index == 12));
    }

    #[test]
    fn without_a_spread_only_order_and_side_are_read() {
        let values = [5.0, 5.0, 5.1];
        assert_eq!(completing_points(&values, 5.0, 0.0, Rule::Nelson1), [2]);
        assert!(completing_points(&values, 5.0, 0.0, Rule::Nelson5).is_empty());
        assert!(completing_points(&[5.0; 20], 5.0, 0.0, Rule::Nelson7).is_empty());
        assert_eq!(completing_points(&[6.0; 9], 5.0, 0.0, Rule::Nelson2), [8]);
    }

    #[test]
    fn values_that_are_no_numbers_complete_nothing() {
        for rule in Rule::RUN_RULES {
            assert!(
                completing_points(&[f64::NAN; 20], 0.0, 1.0, rule).is_empty(),
                "{rule}"
            );
        }
        assert!(completing_points(&[], 0.0, 1.0, Rule::Nelson1).is_empty());
        assert!(completing_points(&[9.0], 0.0, 1.0, Rule::Cusum).is_empty());
    }

    /// A standard normal number from two rounds of a 64-bit mixer (Steele, Lea, Flood 2014) and the inverse distribution.
    fn normal(state: &mut u64) -> f64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let share =
            (f64::from(u32::try_from(mixed >> 32).unwrap()) + 0.5) / (f64::from(u32::MAX) + 1.0);
        crate::quality::distribution::normal_quantile(share).unwrap()
    }

    /// Mean number of points until the first signal of independent normal data.
    fn run_length(rules: &RuleSet, runs: u32) -> f64 {
        let mut state = 20_261;
        let mut points = 0_usize;
        for _ in 0..runs {
            let mut recent: Vec<RulePoint> = Vec::new();
            loop {
                recent.push(RulePoint::new(normal(&mut state), 0.0, 1.0, (-3.0, 3.0)));
                points += 1;
                if rules
                    .rules()
                    .iter()
                    .any(|rule| completes(&recent, *rule).is_some())
                {
                    break;
                }
            }
        }
        points as f64 / f64::from(runs)
    }

    #[test]
    fn false_alarms_are_as_rare_as_the_table_says() {
        let check = |rules: &RuleSet, expected: f64| {
            let got = run_length(rules, 3_000);
            // The standard error of 3000 nearly geometric run lengths is 1.8 %.
            assert!(
                (got / expected - 1.0).abs() < 0.06,
                "{:?}: {got}",
                rules.names()
            );
        };
        check(&RuleSet::limits_only(), 370.4);
        check(&RuleSet::western_electric(), 92.0);
        check(&RuleSet::standard(), 109.0);
        check(&RuleSet::nelson(), 74.0);
    }
}
