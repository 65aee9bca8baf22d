//! The JSON of an explanation, key `explanation` of an alert.
//!
//! ```json
//! {"chart":"cusum_high","statistic":7.5,"limit":6.0,"onset":"2026-03-01T05:59:59.000Z","shift":13.0,"sigma":2.0,
//!  "mode":"P1","baseline_since":"2026-02-28T06:00:00.250Z","baseline_age_s":86400,
//!  "shares":[{"tag":"press1.temp","sigmas":6.5}],"proposal":false}
//! ```
//!
//! - `statistic` and `limit` are in standard deviations of what the chart looks at; `stuck` counts samples, and
//!   the charts of a group are in units of their limit.
//! - `onset` is when the change probably began; `shift` is its estimated size in the tag's unit.
//! - `baseline_since` and `baseline_age_s` are null while the baseline is being learned.
//! - `shares` names the tags of a group that have the largest part in it; it is empty for an alert about one tag.
//! - `proposal` is true when the level has stayed so long that it may be the new normal (`andon baseline accept`).

use serde::Serialize;

use super::json::{Code, Millis, Shown, TagText, name_of};
use super::names::TagNames;
use super::{AlertV1, ExplanationV1, ShareV1};
use crate::detection::Chart;

#[derive(Serialize)]
pub(super) struct Explained<'a> {
    chart: Shown<Code>,
    statistic: f64,
    limit: f64,
    onset: Millis,
    shift: Option<f64>,
    sigma: Option<f64>,
    mode: &'a str,
    baseline_since: Option<Millis>,
    baseline_age_s: Option<i64>,
    shares: Vec<Share<'a>>,
    proposal: bool,
}

#[derive(Serialize)]
struct Share<'a> {
    tag: TagText<'a>,
    sigmas: f64,
}

impl<'a> Explained<'a> {
    pub(super) fn new(why: &'a ExplanationV1, alert: &AlertV1, names: &'a TagNames) -> Self {
        let share = |share: &ShareV1| Share {
            tag: name_of(names, share.tag).0,
            sigmas: share.sigmas,
        };
        let chart = Chart::from_code(why.chart).map(Chart::as_str);
        Self {
            chart: Shown(Code::of(chart, why.chart)),
            statistic: why.statistic,
            limit: why.limit,
            onset: Millis(why.onset_ms),
            shift: why.shift,
            sigma: why.sigma,
            mode: &why.mode,
            baseline_since: why.baseline_ms.map(Millis),
            baseline_age_s: why
                .baseline_ms
                .map(|since| alert.at_ms.saturating_sub(since) / 1_000),
            shares: why.shares.iter().map(share).collect(),
            proposal: why.is_proposal,
        }
    }
}
