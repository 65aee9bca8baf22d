//! What is shown of a group: the sums as times, pieces and ratios.

use std::collections::BTreeMap;
use std::time::Duration;

use super::forms::{CycleFigures, Figure, GroupBy, IdealProposal, OeeRow, Ratios};
use super::groups::Group;
use crate::analysis::line::route;
use crate::config::Line;
use crate::production::cycle::{Cycle, cycle_statistics, ideal_candidate};
use crate::production::kpi::{Doubt, Figures, Kpi, LossModel, Rules, headline};
use crate::production::losses::SixLosses;
use crate::production::reliability::{corrective_maintenance_ratio, reliability};
use crate::production::span::Span;

/// How groups are shown.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) model: LossModel,
    pub(super) span: Span,
    pub(super) by: GroupBy,
    pub(super) lines: &'a [Line],
}

impl Group {
    fn ratios(&self, figures: &Figures, inherent_availability: Option<f64>) -> Ratios {
        let (corrective, planned) = self.maintenance;
        Ratios {
            rework_ratio: figures.rework_ratio,
            setup_ratio: figures.setup_ratio,
            allocation_efficiency: figures.allocation_efficiency,
            utilization_efficiency: figures.utilization_efficiency,
            technical_efficiency: figures.technical_efficiency,
            inherent_availability,
            corrective_maintenance_ratio: corrective_maintenance_ratio(corrective, planned),
        }
    }

    pub(super) fn row(&self, name: &str, shown: &Shown<'_>) -> OeeRow {
        let (elements, output) = (&self.elements, &self.output);
        let (model, span) = (shown.model, shown.span);
        let (rolled, line) = route(shown.lines, &self.units, model);
        let scheduled = self.units.values().map(|step| step.total.elements.pot());
        let rules = Rules {
            model,
            ..Rules::default()
        };
        let figures = Figures::of(elements, output, rules);
        let show = |kpi| Figure::of(&headline(kpi, elements, output, model));
        let calendar = span
            .length()
            .saturating_mul(u32::try_from(self.units.len()).unwrap_or(u32::MAX));
        let operating = elements.run.saturating_add(elements.setup);
        let repair = reliability(span, operating, &self.failures);
        let cycle = cycle_statistics(&self.cycles);
        let losses = SixLosses::of(elements, output);
        let seconds = |time: Duration| time.as_secs_f64();
        let flags = figures.doubts.iter().map(|doubt: &Doubt| doubt.as_str());
        OeeRow {
            group: name.to_owned(),
            oee: show(Kpi::Oee),
            availability: show(Kpi::Availability),
            effectiveness: show(Kpi::Effectiveness),
            quality_ratio: show(Kpi::QualityRatio),
            nee: show(Kpi::Nee),
            teep: figures.teep(calendar),
            stand_alone_availability: figures.stand_alone_availability,
            coverage: figures.coverage,
            flags: flags
                .chain(self.marks.iter().copied())
                .map(str::to_owned)
                .collect(),
            pot_s: figures.pot_s,
            pdot_s: figures.pdot_s,
            pbt_s: figures.pbt_s,
            apt_s: figures.apt_s,
            setup_s: seconds(elements.setup),
            stop_s: seconds(elements.stop),
            minor_stop_s: seconds(elements.minor),
            external_s: seconds(elements.external),
            idle_s: seconds(elements.idle),
            unknown_s: seconds(elements.unknown),
            pieces: output.pieces,
            good: output.good(),
            scrap: output.scrap,
            rework: output.rework,
            first_pass_yield: figures.quality_ratio_count,
            rolled_throughput_yield: rolled,
            line,
            scheduled: scheduled.filter(|pot| !pot.is_zero()).count(),
            work_units: self.units.len(),
            ratios: self.ratios(&figures, repair.inherent_availability),
            ideal_proposal: (shown.by == GroupBy::Product)
                .then(|| IdealProposal::of(&self.cycles))
                .flatten(),
            scrap_ratio: figures.scrap_ratio,
            rate_per_h: figures.production_rate_per_s.map(|rate| rate * 3_600.0),
            losses: losses
                .map(|losses| named_losses(&losses))
                .unwrap_or_default(),
            failures: repair.failures,
            mtbf_s: repair.mtbf_s,
            mtbf_min_s: repair.mtbf_min_s,
            mttr_s: repair.mttr_s,
            cycle: cycle.map(CycleFigures::from).unwrap_or_default(),
            revision: self.revision,
        }
    }
}

fn named_losses(losses: &SixLosses) -> BTreeMap<String, f64> {
    losses
        .named()
        .map(|(name, seconds)| (name.to_owned(), seconds))
        .into()
}

impl OeeRow {
    /// Of so many work units, some of which may not have been scheduled. The one that was is no route of several.
    pub(super) fn among(self, work_units: usize) -> Self {
        let has_route = self.line.is_some() || work_units <= 1;
        Self {
            work_units,
            rolled_throughput_yield: self.rolled_throughput_yield.filter(|_| has_route),
            ..self
        }
    }
}

impl IdealProposal {
    fn of(cycles: &[Cycle]) -> Option<Self> {
        ideal_candidate(cycles).map(|proposed| Self {
            cycles: proposed.n,
            p05_s: proposed.p05_s,
            p10_s: proposed.p10_s,
        })
    }
}
