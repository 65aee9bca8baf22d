//! Downtime by cause.

use super::Of;
use super::forms::Cause;
use crate::config::Config;
use crate::production::pareto::Pareto;
use crate::production::time_model::Downtime;

/// Downtime by cause over all work units, and the share of it that has a reason.
pub(super) fn pareto(
    known: &[Of<'_>],
    config: &Config,
    level: Option<usize>,
) -> (Vec<Cause>, Option<f64>) {
    let downtimes: Vec<Downtime> = known
        .iter()
        .flat_map(|of| of.account.stops.iter().map(|stop| stop.downtime.clone()))
        .collect();
    let pareto = match (level, &config.production.reasons) {
        (Some(level), Some(tree)) => Pareto::by_level(&downtimes, tree, level),
        (Some(level), None) => Pareto::by_reason(&shortened(downtimes, level)),
        (None, _) => Pareto::by_reason(&downtimes),
    };
    let causes = pareto.rows.into_iter().map(|row| Cause {
        reason: row.reason.to_string(),
        seconds: row.seconds,
        count: row.count,
        share: row.share,
        cumulative: row.cumulative,
        mttr_s: row.mttr_s,
    });
    (causes.collect(), pareto.coded)
}

/// Without a configured tree a reason may be a path, as `mechanical/hydraulic/leak`.
fn shortened(mut downtimes: Vec<Downtime>, level: usize) -> Vec<Downtime> {
    for downtime in &mut downtimes {
        if let Some(reason) = &downtime.reason {
            let parts: Vec<&str> = reason.split('/').take(level.max(1)).collect();
            downtime.reason = Some(parts.join("/").into());
        }
    }
    downtimes
}
