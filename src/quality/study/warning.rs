//! What the reader of a report must know.

use super::WarningReport;
use super::prepare::Prepared;
use crate::quality::charts::{Chart, ChartKind, Limits};
use crate::quality::phase::{AUTOCORRELATION_MAX, PhaseOne};

/// Largest subgroup that a range serves well.
const RANGE_SIZE_MAX: usize = 10;
/// Fewer events per sample are rare.
const EVENTS_MIN: f64 = 5.0;

/// What warnings are drawn from.
pub(super) struct Grounds<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) learned: &'a PhaseOne,
    pub(super) is_learned_here: bool,
    pub(super) is_trial: bool,
    pub(super) chart: &'a Chart,
    pub(super) autocorrelation: Option<f64>,
}

pub(super) fn warnings(grounds: &Grounds<'_>) -> Vec<WarningReport> {
    let mut warnings = Vec::new();
    of_limits(grounds, &mut warnings);
    of_data(grounds, &mut warnings);
    of_counts(grounds.prepared, &mut warnings);
    warnings
}

fn add(warnings: &mut Vec<WarningReport>, holds: bool, code: &'static str, text: String) {
    if holds {
        warnings.push(WarningReport { code, text });
    }
}

fn of_limits(grounds: &Grounds<'_>, warnings: &mut Vec<WarningReport>) {
    add(
        warnings,
        grounds.is_trial,
        "trial_limits",
        "the limits rest on few samples and may still move".to_owned(),
    );
    let unexplained = grounds.learned.unexplained;
    add(
        warnings,
        grounds.is_learned_here && unexplained > 0,
        "unexplained_points",
        format!(
            "{unexplained} points beyond a limit have no recorded cause; they stay in the limits, which they widen"
        ),
    );
    add(
        warnings,
        !has_spread(&grounds.learned.limits),
        "no_variation",
        "the limits have no width: equal readings, or no event at all".to_owned(),
    );
    if let Limits::XbarR(fitted) = &grounds.learned.limits {
        let n = fitted.n.unwrap_or_default();
        add(
            warnings,
            n > RANGE_SIZE_MAX,
            "large_subgroups",
            format!("the range of {n} readings wastes information; xbar_s serves better"),
        );
    }
}

fn has_spread(limits: &Limits) -> bool {
    match limits {
        Limits::XbarR(of) | Limits::XbarS(of) => of.sigma_within > 0.0,
        Limits::IndividualsMr(of) => of.sigma_within > 0.0,
        Limits::P(of) | Limits::Np(of) | Limits::LaneyP(of) => {
            of.widening > 0.0 && of.fraction > 0.0 && of.fraction < 1.0
        }
        Limits::C(of) | Limits::U(of) | Limits::LaneyU(of) => of.widening > 0.0 && of.rate > 0.0,
        Limits::G(of) => of.mean > 0.0,
        Limits::TimeBetween(of) => of.sigma > 0.0,
        Limits::Ewma(of) => of.sigma > 0.0,
        Limits::Cusum(of) => of.sigma > 0.0,
    }
}

fn of_data(grounds: &Grounds<'_>, warnings: &mut Vec<WarningReport>) {
    let dropped = grounds.prepared.dropped;
    add(
        warnings,
        dropped > 0,
        "readings_dropped",
        format!("{dropped} readings were no finite numbers and count as missing"),
    );
    let level = grounds.chart.panels.first();
    let missing = level.map_or(0, |panel| {
        panel
            .points
            .iter()
            .filter(|point| point.value.is_none())
            .count()
    });
    add(
        warnings,
        missing > 0,
        "points_missing",
        format!("{missing} points are missing or left out; runs end at them"),
    );
    if let Some(r) = grounds
        .autocorrelation
        .filter(|r| r.abs() > AUTOCORRELATION_MAX)
    {
        add(
            warnings,
            true,
            "autocorrelated",
            format!(
                "neighbouring points depend on each other (r = {r:.2}): signals are more frequent than they should be; chart the residuals of an EWMA"
            ),
        );
    }
    if let Some((small, large, times)) = &grounds.prepared.spreads {
        add(
            warnings,
            true,
            "spreads_differ",
            format!(
                "`{large}` scatters {times:.1} times as much as `{small}`: standardise the deviations, or chart them apart"
            ),
        );
    }
}

fn of_counts(prepared: &Prepared, warnings: &mut Vec<WarningReport>) {
    let by_chance = matches!(
        prepared.kind,
        ChartKind::P | ChartKind::Np | ChartKind::C | ChartKind::U
    );
    let plain = by_chance || matches!(prepared.kind, ChartKind::LaneyP | ChartKind::LaneyU);
    if let Some(events) = prepared
        .events_per_sample
        .filter(|events| plain && *events < EVENTS_MIN)
    {
        add(
            warnings,
            true,
            "rare_events",
            format!(
                "{events:.2} events per sample: limits of three sigma do not fit; chart what lies between events"
            ),
        );
    }
    let between = matches!(prepared.kind, ChartKind::G | ChartKind::TimeBetween);
    if let Some(events) = prepared
        .events_per_sample
        .filter(|events| between && *events > 1.0)
    {
        add(
            warnings,
            true,
            "frequent_events",
            format!(
                "{events:.2} events per sample: what lies between those of one sample is not known and taken for equal; chart their share"
            ),
        );
    }
    let outside = prepared
        .dispersion
        .filter(|ratio| by_chance && !(0.5..=2.0).contains(ratio));
    if let Some(ratio) = outside {
        add(
            warnings,
            true,
            "dispersion",
            format!(
                "samples scatter {ratio:.2} times as much as by chance: limits from their own scatter fit better"
            ),
        );
    }
}
