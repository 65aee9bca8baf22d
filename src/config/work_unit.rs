//! `[production]`, `[[work_unit]]`, `[[line]]`, `[[product]]`, `[[reason]]` and `[[defect]]`: what production figures are
//! made of.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::calendar::ShiftCalendar;
use super::context::TagNames;
use super::defect::{DefectCategories, read_defects};
use super::gateway::read_asset_below;
use super::line::{Line, read_lines};
use super::node::Value;
use super::section::{Section, Switch};
use super::types::Tag;
use crate::model::{AssetPath, TagId, Timestamp};
use crate::production::assemble::MainCounter;
use crate::production::counter::CounterRules;
use crate::production::kpi::LossModel;
use crate::production::product::{Catalogue, IdealCycle, Product};
use crate::production::reason::{ReasonNode, ReasonTree};
use crate::production::state::{Category, PackMl, StateMap, StateRule};

/// Allowed bounds of minor stops.
const MICROSTOP: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(1);
/// Allowed waits after the end of a shift until its figures are stated.
const SETTLE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(4);
/// Allowed times to name the reason of a stop.
const EDITABLE: RangeInclusive<Duration> = Duration::from_hours(1)..=Duration::from_hours(24 * 366);
/// Allowed ideal cycles: a millisecond to a day.
const IDEAL: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);
/// Allowed ages of a state.
const STATE_AGE: RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_hours(24 * 366);
/// A state that is polled is no longer known after so many missed polls.
const STATE_POLLS: u32 = 3;
/// Fastest machine that counters are believed of, unless stated.
const RATE_MAX_PER_S: f64 = 10.0;
const NAME_MARKS: &str = "_-.";
const NAME_BYTES_MAX: usize = 48;

/// Everything that production figures are made of, besides the data.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductionConfig {
    /// `[calendar]`; without it there are no shifts, and no figures.
    pub calendar: Option<ShiftCalendar>,
    /// `oee_model` (default "iso22400"): whether minor stops lower availability or, by "tpm", effectiveness.
    pub oee_model: LossModel,
    /// `settle` (default 10 min, 0 to 4 h): figures of a shift are stated this long after its end.
    pub settle: Duration,
    /// `reasons_editable` (default 7 d): how long after its begin the reason of a stop may be given.
    pub reasons_editable: Duration,
    /// `[[work_unit]]`
    pub work_units: Vec<WorkUnit>,
    /// `[[line]]`
    pub lines: Vec<Line>,
    /// `[[product]]`
    pub products: Vec<Product>,
    /// `[[reason]]`; without them any text is a reason.
    pub reasons: Option<ReasonTree>,
    /// `[[defect]]`; without them any text is a category of defects.
    pub defects: Option<DefectCategories>,
}

impl Default for ProductionConfig {
    fn default() -> Self {
        Self {
            calendar: None,
            oee_model: LossModel::Iso22400,
            settle: Duration::from_mins(10),
            reasons_editable: Duration::from_hours(7 * 24),
            work_units: Vec::new(),
            lines: Vec::new(),
            products: Vec::new(),
            reasons: None,
            defects: None,
        }
    }
}

/// `[[work_unit]]`: a machine whose production is accounted for (ISA-95 work unit).
#[derive(Debug, Clone, PartialEq)]
pub struct WorkUnit {
    /// `name`: unique; 1 to 48 of `A-Z a-z 0-9 _ - .`.
    pub name: String,
    /// `asset` (default that of its state tag): where it stands.
    pub asset: AssetPath,
    /// `shifts` (default all): names of the shifts that it runs in.
    pub shifts: Vec<String>,
    /// `state`: tag of its state.
    pub state: TagId,
    /// `states` (default "packml"): what its states mean.
    pub states: StateMap,
    /// `state_age` (default three polls of the state tag; "forever" for a state that is told on change): a state that is
    /// not repeated within this is no longer known.
    pub state_age_max: Option<Duration>,
    /// `mode`: tag of its `PackML` mode: 1 production, 2 maintenance, 3 manual.
    pub mode: Option<TagId>,
    /// `count`: tag of its main counter.
    pub count: Option<TagId>,
    /// `count_is` (default "all"): whether the main counter counts "all" pieces or "good" ones.
    pub main_counts: MainCounter,
    /// `scrap`: tag of the counter of scrap.
    pub scrap: Option<TagId>,
    /// `rework`: tag of the counter of rework.
    pub rework: Option<TagId>,
    /// `counter_modulus` (default none), `max_rate_per_s` (default 10), `backstep` (default 2), `slack` (default 5).
    pub counter: CounterRules,
    /// `order`: tag of the order that is allocated; empty text is none.
    pub order: Option<TagId>,
    /// `product`: tag of what is made.
    pub product: Option<TagId>,
    /// `reason`: tag of the reason of a stop.
    pub reason: Option<TagId>,
    /// `ideal_cycle`: of what has no product, or one without an ideal cycle of its own.
    pub ideal_cycle: Option<Duration>,
    /// `microstop` (default 5 min, 0 to 1 h): a shorter stop is a minor one.
    pub microstop: Duration,
}

/// What a reader of these sections needs of the others.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub gateway: Option<&'a AssetPath>,
    pub names: &'a TagNames<'a>,
    pub tags: &'a [Tag],
    /// Where each tag stands.
    pub asset_of: &'a dyn Fn(&Tag) -> Option<AssetPath>,
}

/// Reads `[production]`, and the tables that belong to it, of the whole configuration `root`.
pub(super) fn read_production(
    root: &Section<'_>,
    calendar: Option<ShiftCalendar>,
    around: Around<'_>,
) -> ProductionConfig {
    let mut config = ProductionConfig {
        calendar,
        ..ProductionConfig::default()
    };
    if let Some(section) = root.section("production") {
        read_rules(&section, &mut config);
        section.finish();
    }
    for section in root.numbered("work_unit") {
        let unit = read_work_unit(section, around, &config.work_units);
        config.work_units.extend(unit);
    }
    config.lines = read_lines(root, &config.work_units);
    config.products = root.numbered("product").filter_map(read_product).collect();
    if let Err(error) = Catalogue::new(config.products.clone()) {
        root.faults().report(root.at("product"), error.to_string());
    }
    config.reasons = read_reasons(root);
    config.defects = read_defects(root);
    check_calendar(root, &config);
    config
}

fn read_rules(section: &Section<'_>, config: &mut ProductionConfig) {
    let models = [LossModel::Iso22400, LossModel::Tpm].map(|model| (model.as_str(), model));
    if let Some(model) = section.choice("oee_model", "a loss model", &models) {
        config.oee_model = model;
    }
    if let Some(settle) = section.duration("settle", &SETTLE) {
        config.settle = settle;
    }
    if let Some(editable) = section.duration("reasons_editable", &EDITABLE) {
        config.reasons_editable = editable;
    }
}

fn check_calendar(root: &Section<'_>, config: &ProductionConfig) {
    let Some(calendar) = &config.calendar else {
        if !config.work_units.is_empty() && !root.has("calendar") {
            root.missing(
                "[calendar]",
                "figures of work units are by shift: [[calendar.shift]] name = \"early\", start = \"06:00\", end = \"14:00\"",
            );
        }
        return;
    };
    for unit in &config.work_units {
        let known = &calendar.plant.definition().shifts;
        let stranger = unit
            .shifts
            .iter()
            .find(|name| !known.iter().any(|shift| shift.name == **name));
        let message = match (stranger, calendar.checked(&unit.name, &unit.shifts)) {
            (Some(name), _) => format!(
                "work unit {}: shifts names \"{name}\", which is no [[calendar.shift]]",
                unit.name
            ),
            (None, Err(errors)) => match errors.first() {
                Some(error) => format!("work unit {}: {error}", unit.name),
                None => continue,
            },
            (None, Ok(_)) => continue,
        };
        root.faults().report(root.at("work_unit"), message);
    }
    for name in calendar.named_units() {
        if !config.work_units.iter().any(|unit| unit.name == name) {
            let message = format!(
                "calendar.exception: work_units names \"{name}\", which is no [[work_unit]]"
            );
            root.faults().report(root.at("calendar"), message);
        }
    }
}

fn read_work_unit(
    section: Section<'_>,
    around: Around<'_>,
    earlier: &[WorkUnit],
) -> Option<WorkUnit> {
    section.require(
        &["name", "state"],
        "allowed: name = \"press1\", state = \"press1.state\"",
    );
    let name = section.name("name", NAME_BYTES_MAX, NAME_MARKS);
    if let Some(name) = &name
        && earlier.iter().any(|unit| unit.name == *name)
    {
        section.fault(
            "name",
            "is the name of an earlier work unit; names are unique",
        );
    }
    let tag = |key| section.read(key, |value| around.names.find(value));
    let state = tag("state");
    let state_tag = state.and_then(|state| around.tags.get(state.index()));
    let asset = if section.has("asset") {
        read_asset_below(&section, "asset", around.gateway)
    } else {
        section.ask("asset");
        state_tag.and_then(around.asset_of)
    };
    let polled = state_tag.map(|tag| tag.rate.saturating_mul(STATE_POLLS));
    let age = section.duration_or("forever", "state_age", &STATE_AGE);
    let unit = WorkUnit {
        name: name.unwrap_or_default(),
        asset: asset?,
        shifts: section
            .list("shifts", |value| {
                let name = value.text().map(str::to_owned);
                name.ok_or_else(|| format!("is {}; allowed: the name of a shift", value.kind()))
            })
            .unwrap_or_default(),
        state: state?,
        states: read_states(&section),
        state_age_max: age.map_or(polled, Switch::on),
        mode: tag("mode"),
        count: tag("count"),
        main_counts: section
            .choice(
                "count_is",
                "what a counter counts",
                &[("all", MainCounter::All), ("good", MainCounter::Good)],
            )
            .unwrap_or_default(),
        scrap: tag("scrap"),
        rework: tag("rework"),
        counter: read_counter(&section),
        order: tag("order"),
        product: tag("product"),
        reason: tag("reason"),
        ideal_cycle: section.duration("ideal_cycle", &IDEAL),
        microstop: section
            .duration("microstop", &MICROSTOP)
            .unwrap_or(Duration::from_mins(5)),
    };
    if let Some(other) = earlier.iter().find(|other| other.asset == unit.asset) {
        let what = format!(
            "stands where {} does; figures are by asset, so each work unit has its own",
            other.name
        );
        section.fault("asset", &what);
    }
    section.finish();
    (!unit.name.is_empty()).then_some(unit)
}

fn read_counter(section: &Section<'_>) -> CounterRules {
    let modulus = section.number_in("counter_modulus", 2.0..=1e15);
    let rate = section.number_in("max_rate_per_s", 1e-6..=1e6);
    let usual = CounterRules::new(rate.unwrap_or(RATE_MAX_PER_S), modulus);
    CounterRules {
        backstep_max: section
            .number_in("backstep", 0.0..=1e6)
            .unwrap_or(usual.backstep_max),
        slack: section.number_in("slack", 0.0..=1e6).unwrap_or(usual.slack),
        ..usual
    }
}

/// `states = "packml"`, or a table of what differs: `{ base = "packml", run = [4], stop = ["HELD"] }`.
fn read_states(section: &Section<'_>) -> StateMap {
    let allowed = "is no list of states; allowed: \"packml\", \"mtconnect\", or a table as { run = [1], setup = [2], stop = [3, 4] }";
    match section.node("states").map(|node| &node.value) {
        None => StateMap::packml(),
        Some(Value::Text(name)) if named_states(name).is_some() => {
            named_states(name).unwrap_or_default()
        }
        Some(Value::Table(_)) => section
            .section("states")
            .map(read_own_states)
            .unwrap_or_default(),
        Some(_) => {
            section.fault("states", allowed);
            StateMap::packml()
        }
    }
}

fn named_states(name: &str) -> Option<StateMap> {
    match name {
        "packml" => Some(StateMap::packml()),
        "mtconnect" => Some(StateMap::mtconnect()),
        _ => None,
    }
}

fn read_own_states(section: Section<'_>) -> StateMap {
    let bases = [("packml", true), ("mtconnect", false)];
    let base = section.choice("base", "a list of states", &bases);
    let mut map = match base {
        Some(true) => StateMap::packml(),
        Some(false) => StateMap::mtconnect(),
        None => StateMap::empty(),
    };
    for category in Category::ALL {
        for state in section
            .list(category.as_str(), state_name)
            .unwrap_or_default()
        {
            map = state.with(map, StateRule::Category(category));
        }
    }
    let packml = section
        .section("packml")
        .map(|packml| read_packml(&packml))
        .unwrap_or_default();
    for (state, meaning) in packml {
        map = state.with(map, StateRule::PackMl(meaning));
    }
    section.finish();
    map
}

/// `packml = { execute = [4], held = [15] }`: numbers of a device that numbers `PackML` states otherwise.
fn read_packml(section: &Section<'_>) -> Vec<(StateName, PackMl)> {
    let mut states = Vec::new();
    for (name, node) in section.entries() {
        let meaning = PackMl::from_name(name);
        let listed: Result<Vec<StateName>, String> = match &node.value {
            Value::List(items) => items.iter().map(|item| state_name(&item.value)).collect(),
            other => state_name(other).map(|state| vec![state]),
        };
        match (meaning, listed) {
            (Some(meaning), Ok(listed)) => states.extend(listed.into_iter().map(|state| (state, meaning))),
            (None, _) => section.fault(name, "is no PackML state; allowed: execute, held, suspended, idle, stopped and the others in lower case"),
            (_, Err(what)) => section.fault(name, &what),
        }
    }
    states
}

/// A state as a device tells it.
enum StateName {
    Code(i64),
    Word(String),
}

impl StateName {
    fn with(&self, map: StateMap, rule: StateRule) -> StateMap {
        match self {
            Self::Code(code) => map.with_code(*code, rule),
            Self::Word(word) => map.with_word(word, rule),
        }
    }
}

fn state_name(value: &Value) -> Result<StateName, String> {
    match value {
        Value::Integer(Some(code)) => i64::try_from(*code)
            .map(StateName::Code)
            .map_err(|_too_large| "is too large".to_owned()),
        Value::Text(word) => Ok(StateName::Word(word.clone())),
        other => Err(format!("is {}; allowed: numbers and words", other.kind())),
    }
}

/// `[[product]]` with one `ideal_cycle`, or several `{ valid_from, cycle }` in `ideal_cycles`.
fn read_product(section: Section<'_>) -> Option<Product> {
    section.require(&["id"], "allowed: id = \"A\", ideal_cycle = \"12s\"");
    let id = section.words("id", 64);
    let family = section.words("family", 64);
    let mut ideal = Vec::new();
    if let Some(cycle) = section.duration("ideal_cycle", &IDEAL) {
        ideal.push((Timestamp::from_nanos(i64::MIN), cycle));
    }
    for version in section.numbered("version") {
        let from = version.read("valid_from", |value| {
            let time = value.text().and_then(Timestamp::parse_rfc3339);
            time.ok_or_else(|| "is no time; allowed: as \"2026-03-29T06:00:00Z\"".to_owned())
        });
        version.require(
            &["valid_from", "ideal_cycle"],
            "allowed: valid_from = \"2026-03-29T06:00:00Z\", ideal_cycle = \"11s\"",
        );
        ideal.extend(from.zip(version.duration("ideal_cycle", &IDEAL)));
        version.finish();
    }
    section.finish();
    let versioned = (1..)
        .zip(ideal)
        .map(|(version, (valid_from, cycle))| IdealCycle {
            version,
            valid_from,
            pru_s: cycle.as_secs_f64(),
        });
    Some(Product {
        id: id?,
        family,
        ideal: versioned.collect(),
    })
}

/// `[[reason]]`: `code`, `label`, `parent`, `counts_as`.
fn read_reasons(root: &Section<'_>) -> Option<ReasonTree> {
    if !root.has("reason") {
        root.ask("reason");
        return None;
    }
    let categories = Category::ALL.map(|category| (category.as_str(), category));
    let nodes: Vec<ReasonNode> = root
        .numbered("reason")
        .filter_map(|section| {
            section.require(
                &["code"],
                "allowed: code = \"no_material\", label = \"No material\"",
            );
            let code = section.words("code", 64);
            let node = ReasonNode {
                parent: section.words("parent", 64),
                label: section
                    .words("label", 80)
                    .or_else(|| code.clone())
                    .unwrap_or_default(),
                category: section.choice("counts_as", "a category", &categories),
                code: code.unwrap_or_default(),
            };
            section.finish();
            (!node.code.is_empty()).then_some(node)
        })
        .collect();
    let tree = ReasonTree::new(&nodes);
    tree.map_err(|error| root.faults().report(root.at("reason"), error.to_string()))
        .ok()
}
