//! Production figures of a period, by work unit, line, shift, crew, product, order or time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::account::{Account, SHIFTS_MAX, account, statements};
use super::error::AnalysisError;
use super::line::{LineFigures, route};
use super::period::{Per, Period};
use super::plant::Plant;
use crate::config::{Config, Line, WorkUnit};
use crate::history::Reader;
use crate::model::{AssetPath, Timestamp};
use crate::production::assemble::Maintenance;
use crate::production::atoms::Atom;
use crate::production::calendar::ShiftKey;
use crate::production::cycle::{Cycle, cycle_statistics, ideal_candidate};
use crate::production::elements::{Element, Elements, Output};
use crate::production::kpi::{Doubt, Figures, Headline, Kpi, LossModel, Rules, headline};
use crate::production::line::{Step, area};
use crate::production::losses::SixLosses;
use crate::production::pareto::Pareto;
use crate::production::product::Maturity;
use crate::production::reliability::{Failure, corrective_maintenance_ratio, reliability};
use crate::production::span::Span;
use crate::production::time_model::Downtime;

/// A product that was not made for longer is as good as new.
const MATURITY: Duration = Duration::from_hours(24 * 400);
/// Of the answer; a reader refuses what it does not know.
const SCHEMA: u32 = 1;

/// By what figures are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum GroupBy {
    /// Each machine.
    #[default]
    WorkUnit,
    /// Lines as they are configured, else what stands above the machines.
    Line,
    /// Shifts of one name.
    Shift,
    /// Crews.
    Crew,
    /// Products.
    Product,
    /// Orders.
    Order,
    /// Production days.
    Day,
    /// Weeks of production days, by their Monday.
    Week,
    /// Months of production days.
    Month,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OeeQuestion {
    /// Of when.
    pub period: Period,
    /// Names of work units; all when none are named.
    pub work_units: Vec<String>,
    /// By what.
    pub by: GroupBy,
    /// `iso22400` or `tpm`; that of the configuration when it is left out.
    pub model: Option<String>,
    /// Level of the reason tree that the Pareto groups by, 1 at the top; by reason when it is left out.
    pub level: Option<usize>,
}

/// Figures of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OeeAnswer {
    /// Version of this form.
    pub schema: u32,
    /// First moment.
    pub from: String,
    /// First moment after.
    pub to: String,
    /// Where minor stops go: `iso22400` or `tpm`.
    pub model: String,
    /// Work units asked for.
    pub work_units: usize,
    /// Those of them that were scheduled at all.
    pub scheduled: usize,
    /// Shifts of work units whose figures are not stated yet and may change.
    pub provisional: usize,
    /// By group, in their order.
    pub rows: Vec<OeeRow>,
    /// Sum of all.
    pub total: OeeRow,
    /// Downtime by cause, largest first.
    pub pareto: Vec<Cause>,
    /// Share of downtime that has a reason.
    pub coded: Option<f64>,
    /// Reasons that were given and cannot be used, in words.
    pub refused_reasons: Vec<String>,
}

/// Figures of one group. Times in seconds, ratios as fractions; what is undefined is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OeeRow {
    /// Which group.
    pub group: String,
    /// Overall equipment effectiveness.
    pub oee: Figure,
    /// Availability.
    pub availability: Figure,
    /// Effectiveness (performance).
    pub effectiveness: Figure,
    /// Quality ratio.
    pub quality_ratio: Figure,
    /// Net equipment effectiveness.
    pub nee: Figure,
    /// Fully productive time by calendar time.
    pub teep: Option<f64>,
    /// Availability without what others cause.
    pub stand_alone_availability: Option<f64>,
    /// Share of the busy time that data covers.
    pub coverage: Option<f64>,
    /// What speaks against the figures, in words.
    pub flags: Vec<String>,
    /// Planned operation time.
    pub pot_s: f64,
    /// Planned downtime.
    pub pdot_s: f64,
    /// Planned busy time.
    pub pbt_s: f64,
    /// Production time by the loss model.
    pub apt_s: f64,
    /// Setup.
    pub setup_s: f64,
    /// Stops without minor stops.
    pub stop_s: f64,
    /// Minor stops.
    pub minor_stop_s: f64,
    /// Starved or blocked.
    pub external_s: f64,
    /// Without an order.
    pub idle_s: f64,
    /// Without data.
    pub unknown_s: f64,
    /// Pieces made.
    pub pieces: f64,
    /// Good the first time.
    pub good: f64,
    /// Scrap.
    pub scrap: f64,
    /// Rework.
    pub rework: f64,
    /// First-pass yield: share of the pieces that was neither scrap nor rework.
    pub first_pass_yield: Option<f64>,
    /// Product of the first-pass yields of the steps of a `[[line]]`, that of the work unit where there is one alone; null
    /// where the route is not known, or nothing entered one of its steps.
    pub rolled_throughput_yield: Option<f64>,
    /// Where the group is of all work units of a `[[line]]`: its figures as a serial line.
    pub line: Option<LineFigures>,
    /// Work units that were scheduled.
    pub scheduled: usize,
    /// Work units that there are in it.
    pub work_units: usize,
    /// Ratios of ISO 22400-2 that say where time and pieces went.
    #[serde(flatten)]
    pub ratios: Ratios,
    /// By product, from 500 cycles on: between which two the ideal cycle seems to be.
    pub ideal_proposal: Option<IdealProposal>,
    /// Scrap by pieces.
    pub scrap_ratio: Option<f64>,
    /// Pieces per hour of production time.
    pub rate_per_h: Option<f64>,
    /// The six big losses, in seconds; empty when some pieces have no ideal cycle.
    pub losses: BTreeMap<String, f64>,
    /// Stops that are no minor stops.
    pub failures: usize,
    /// Mean operating time between failures.
    pub mtbf_s: Option<f64>,
    /// At least this with 95 % confidence, where there was no failure.
    pub mtbf_min_s: Option<f64>,
    /// Mean time to restoration.
    pub mttr_s: Option<f64>,
    /// Median cycle.
    pub cycle_median_s: Option<f64>,
    /// One cycle in ten is shorter.
    pub cycle_p10_s: Option<f64>,
    /// One cycle in ten is longer.
    pub cycle_p90_s: Option<f64>,
    /// Highest revision of the statements in it.
    pub revision: u32,
}

/// A ratio with what stands behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The value; null with `why`.
    pub value: Option<f64>,
    /// Why there is no value.
    pub why: Option<String>,
    /// The value if all time without data was downtime.
    pub low: Option<f64>,
    /// The value if all of it was production.
    pub high: Option<f64>,
}

/// A cause of downtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Reason, else category.
    pub reason: String,
    /// Downtime.
    pub seconds: f64,
    /// Stops.
    pub count: usize,
    /// Share of all downtime.
    pub share: Option<f64>,
    /// With all before.
    pub cumulative: Option<f64>,
    /// Mean time to end.
    pub mttr_s: Option<f64>,
}

/// Ratios of ISO 22400-2 besides OEE and its parts; what is undefined is null.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratios {
    /// Rework by pieces.
    pub rework_ratio: Option<f64>,
    /// Setup by setup and production time.
    pub setup_ratio: Option<f64>,
    /// Time with an order by planned busy time.
    pub allocation_efficiency: Option<f64>,
    /// Production time by time with an order.
    pub utilization_efficiency: Option<f64>,
    /// Production time by production time and delays.
    pub technical_efficiency: Option<f64>,
    /// Time between failures by itself and the time to repair.
    pub inherent_availability: Option<f64>,
    /// Share of the time in maintenance that nobody planned; by time or place only.
    pub corrective_maintenance_ratio: Option<f64>,
}

/// A proposal for the ideal cycle of a product, from its fastest cycles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IdealProposal {
    /// Cycles that it is made from.
    pub cycles: usize,
    /// One in twenty is shorter, in seconds.
    pub p05_s: f64,
    /// One in ten is shorter.
    pub p10_s: f64,
}

/// What is known of a work unit in the period.
struct Of<'a> {
    unit: &'a WorkUnit,
    account: Account,
    crews: BTreeMap<ShiftKey, String>,
}

/// Answers a question about production figures.
pub(super) fn oee(
    question: &OeeQuestion,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<OeeAnswer, AnalysisError> {
    let model = loss_model(question.model.as_deref(), config)?;
    let plant = Plant::load(config, reader)?;
    let span = span_of(&question.period, &plant, now)?;
    let units = plant.work_units(&question.work_units)?;
    let mut known = Vec::with_capacity(units.len());
    for unit in units {
        known.push(Of {
            unit,
            account: account(&plant, unit, (span, now))?,
            crews: crews_of(&plant, unit, span)?,
        });
    }
    let assets: BTreeSet<AssetPath> = known.iter().map(|of| of.unit.asset.clone()).collect();
    let all: Vec<Atom> = known
        .iter()
        .flat_map(|of| of.account.atoms.iter().cloned())
        .collect();
    let area = area(&assets, &all);
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut total = Group::default();
    for of in &known {
        let lines = &config.production.lines;
        gather_groups(of, (question.by, lines), &mut groups, &mut total);
    }
    if question.by == GroupBy::Product {
        mark_new_products(&plant, &known, span, &mut groups)?;
    }
    let shown = Shown {
        model,
        span,
        by: question.by,
        lines: &config.production.lines,
    };
    let asked = |name: &str| {
        let units = known.iter().map(|of| of.unit);
        match question.by {
            GroupBy::WorkUnit => 1,
            GroupBy::Line => units
                .filter(|unit| line_of(unit, shown.lines) == name)
                .count(),
            _ => units.count(),
        }
    };
    let rows = groups
        .iter()
        .map(|(name, group)| group.row(name, &shown).among(asked(name)));
    let (pareto, coded) = pareto(&known, config, question.level);
    let refused = known.iter().flat_map(|of| &of.account.refused_edits);
    Ok(OeeAnswer {
        schema: SCHEMA,
        from: span.start.to_string(),
        to: span.end.to_string(),
        model: model.as_str().to_owned(),
        work_units: area.units,
        scheduled: area.scheduled,
        provisional: known.iter().map(|of| of.account.provisional).sum(),
        rows: rows.collect(),
        total: total.row("all", &shown).among(area.units),
        pareto,
        coded,
        refused_reasons: refused.map(|(_, why)| why.to_string()).collect(),
    })
}

pub(super) fn loss_model(asked: Option<&str>, config: &Config) -> Result<LossModel, AnalysisError> {
    match asked {
        None => Ok(config.production.oee_model),
        Some(name) => LossModel::from_name(name).ok_or_else(|| AnalysisError::Unknown {
            what: "loss model",
            name: name.to_owned(),
            allowed: "iso22400, tpm".to_owned(),
        }),
    }
}

pub(super) fn span_of(
    period: &Period,
    plant: &Plant<'_>,
    now: Timestamp,
) -> Result<Span, AnalysisError> {
    let zone = &plant.config.gateway.time_zone;
    let span = period.span(Some(plant.calendar()?), zone, now);
    span.map_err(|error| AnalysisError::Refused(error.to_string()))
}

/// The crew of each shift of a work unit.
pub(super) fn crews_of(
    plant: &Plant<'_>,
    unit: &WorkUnit,
    span: Span,
) -> Result<BTreeMap<ShiftKey, String>, AnalysisError> {
    let calendar = plant.calendar_of(unit)?;
    let shifts = calendar.instances(span.start, span.end);
    Ok(shifts
        .map(|shift| (shift.key, shift.crews.join("+")))
        .collect())
}

/// Atoms, stops and cycles of one group.
#[derive(Default)]
struct Group {
    elements: Elements,
    output: Output,
    failures: Vec<Failure>,
    cycles: Vec<Cycle>,
    /// What each work unit made.
    units: BTreeMap<String, Step>,
    /// Maintenance without and with a planned order.
    maintenance: (Duration, Duration),
    revision: u32,
    marks: BTreeSet<&'static str>,
}

/// How groups are shown.
#[derive(Clone, Copy)]
struct Shown<'a> {
    model: LossModel,
    span: Span,
    by: GroupBy,
    lines: &'a [Line],
}

/// How much of a product was made.
#[derive(Default)]
struct Made {
    /// Work unit and shift.
    shifts: BTreeSet<(String, String)>,
    pieces: f64,
}

/// Marks products that were made in too few shifts, or too few pieces of, before the period's end to be judged.
fn mark_new_products(
    plant: &Plant<'_>,
    known: &[Of<'_>],
    span: Span,
    groups: &mut BTreeMap<String, Group>,
) -> Result<(), AnalysisError> {
    let mut made: BTreeMap<String, Made> = BTreeMap::new();
    let mut note = |product: Option<&str>, shift: String, unit: &str, pieces: f64| {
        let made = made.entry(product.unwrap_or("-").to_owned()).or_default();
        made.shifts.insert((unit.to_owned(), shift));
        made.pieces += pieces;
    };
    for of in known {
        let before = Span::new(span.start.saturating_sub(MATURITY), span.start);
        for statement in statements(plant, of.unit, before, SHIFTS_MAX)?.into_values() {
            for atom in statement.atoms.atoms {
                let shift = format!("{} {}", atom.date, atom.shift);
                let pieces = atom.output.first().copied().unwrap_or(0.0);
                note(atom.product.as_deref(), shift, &of.unit.name, pieces);
            }
        }
        for atom in &of.account.atoms {
            let product = atom.key.product.as_deref();
            note(
                product,
                atom.key.shift.to_string(),
                &of.unit.name,
                atom.output.pieces,
            );
        }
    }
    for (product, made) in made {
        let group = groups.get_mut(&product).filter(|_| product != "-");
        if let Some(group) =
            group.filter(|_| Maturity::of(made.shifts.len(), made.pieces) == Maturity::Provisional)
        {
            group.marks.insert("new_product");
        }
    }
    Ok(())
}

fn gather_groups(
    of: &Of<'_>,
    (by, lines): (GroupBy, &[Line]),
    groups: &mut BTreeMap<String, Group>,
    total: &mut Group,
) {
    let mut shifts: BTreeMap<&ShiftKey, BTreeSet<String>> = BTreeMap::new();
    for atom in &of.account.atoms {
        let name = group_of(of, atom, (by, lines));
        shifts
            .entry(&atom.key.shift)
            .or_default()
            .insert(name.clone());
        groups.entry(name).or_default().add(of.unit, atom);
        total.add(of.unit, atom);
    }
    let is_by_time_or_place = !matches!(by, GroupBy::Product | GroupBy::Order);
    for stop in &of.account.stops {
        let Some(failure) = failure(&stop.downtime) else {
            continue;
        };
        total.failures.push(failure);
        let names = stop.shift.as_ref().and_then(|shift| shifts.get(shift));
        // A shift can make several products, and a stop between them is of none.
        for name in names.into_iter().flatten().filter(|_| is_by_time_or_place) {
            if let Some(group) = groups.get_mut(name) {
                group.failures.push(failure);
            }
        }
    }
    for time in &of.account.course.maintenance {
        total.add_maintenance(time);
        let names = shifts.get(&time.shift);
        for name in names.into_iter().flatten().filter(|_| is_by_time_or_place) {
            if let Some(group) = groups.get_mut(name) {
                group.add_maintenance(time);
            }
        }
    }
    for (product, cycles) in &of.account.cycles {
        total.cycles.extend(cycles);
        let name = match by {
            GroupBy::WorkUnit => of.unit.name.clone(),
            GroupBy::Line => line_of(of.unit, lines),
            GroupBy::Product => named(product.as_ref()),
            _ => continue,
        };
        if let Some(group) = groups.get_mut(&name) {
            group.cycles.extend(cycles);
        }
    }
}

fn failure(downtime: &Downtime) -> Option<Failure> {
    (downtime.element == Element::Stop).then_some(Failure {
        down: downtime.span.start,
        restored: (!downtime.is_open).then_some(downtime.span.end),
    })
}

fn group_of(of: &Of<'_>, atom: &Atom, (by, lines): (GroupBy, &[Line])) -> String {
    let day = atom.production_day;
    match by {
        GroupBy::WorkUnit => of.unit.name.clone(),
        GroupBy::Line => line_of(of.unit, lines),
        GroupBy::Shift => atom.key.shift.shift.to_string(),
        GroupBy::Crew => of.crews.get(&atom.key.shift).cloned().unwrap_or_default(),
        GroupBy::Product => named(atom.key.product.as_ref()),
        GroupBy::Order => named(atom.key.order.as_ref()),
        GroupBy::Day => day.to_string(),
        GroupBy::Week => Per::Week.first_day(day).to_string(),
        GroupBy::Month => day.strftime("%Y-%m").to_string(),
    }
}

fn named(name: Option<&Arc<str>>) -> String {
    name.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// The line of a work unit, else what stands above it.
fn line_of(unit: &WorkUnit, lines: &[Line]) -> String {
    if let Some(line) = lines.iter().find(|line| line.units.contains(&unit.name)) {
        return line.name.clone();
    }
    let path = unit.asset.to_string();
    path.rsplit_once('/')
        .map_or(path.clone(), |(line, _)| line.to_owned())
}

impl Group {
    fn add(&mut self, unit: &WorkUnit, atom: &Atom) {
        self.elements += &atom.elements;
        self.output += &atom.output;
        self.revision = self.revision.max(atom.revision);
        self.marks
            .extend(atom.marks.iter().map(|mark| mark.as_str()));
        let step = self.units.entry(unit.name.clone());
        step.or_insert_with(|| Step::new(&unit.name)).add(atom);
    }

    fn add_maintenance(&mut self, time: &Maintenance) {
        let (corrective, planned) = &mut self.maintenance;
        *corrective = corrective.saturating_add(time.corrective);
        *planned = planned.saturating_add(time.planned);
    }

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

    fn row(&self, name: &str, shown: &Shown<'_>) -> OeeRow {
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
            cycle_median_s: cycle.map(|cycle| cycle.median_s),
            cycle_p10_s: cycle.map(|cycle| cycle.p10_s),
            cycle_p90_s: cycle.map(|cycle| cycle.p90_s),
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
    fn among(self, work_units: usize) -> Self {
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

impl Figure {
    pub(super) fn of(headline: &Headline) -> Self {
        Self {
            value: headline.value.as_ref().ok().copied(),
            why: headline
                .value
                .as_ref()
                .err()
                .map(|why| why.as_str().to_owned()),
            low: headline.bounds.map(|(low, _)| low),
            high: headline.bounds.map(|(_, high)| high),
        }
    }
}

/// Downtime by cause over all work units.
fn pareto(known: &[Of<'_>], config: &Config, level: Option<usize>) -> (Vec<Cause>, Option<f64>) {
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
