//! From what a machine says about itself to the category its time counts to.
//!
//! Numbers after ISA-TR88.00.02 (`PackML`), words of `MTConnect`, or a list of the device's own. The numbering is not
//! universal (OPC 30060 has Stopped = 0, Execute = 4, Held = 15), so every device has its own map and may start from a
//! known one. What a map does not list is unknown, never guessed.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What a second of a work unit counts to (ISO 22400-2 time model).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Producing.
    Run,
    /// Setup or changeover.
    Setup,
    /// Stopped for a cause of its own.
    Stop,
    /// Waits for others: starved or blocked.
    External,
    /// Available, no order.
    Idle,
    /// Planned stop: break, planned maintenance, trial.
    Planned,
    /// No usable data.
    Unknown,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 7] = [
        Self::Run,
        Self::Setup,
        Self::Stop,
        Self::External,
        Self::Idle,
        Self::Planned,
        Self::Unknown,
    ];

    /// The name used in config, JSON and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Setup => "setup",
            Self::Stop => "stop",
            Self::External => "external",
            Self::Idle => "idle",
            Self::Planned => "planned",
            Self::Unknown => "unknown",
        }
    }

    /// The inverse of [`Category::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == name)
    }

    /// Whether its time is downtime: listed in a Pareto.
    pub const fn is_downtime(self) -> bool {
        matches!(
            self,
            Self::Stop | Self::External | Self::Idle | Self::Unknown
        )
    }
}

/// What a machine says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineState {
    /// A number.
    Code(i64),
    /// A word; upper and lower case are the same.
    Word(Arc<str>),
    /// A category already decided elsewhere.
    Category(Category),
}

/// What the machine does not say, but its category depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// Whether an order is allocated to the work unit.
    pub has_order: bool,
    /// Whether a changeover is open.
    pub in_changeover: bool,
    /// Mode of the unit.
    pub mode: Mode,
    /// What is worked on in maintenance mode.
    pub work_order: WorkOrder,
}

/// Mode of a unit (`PackML` `UnitMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The state decides.
    #[default]
    Production,
    /// Planned or corrective, by work order.
    Maintenance,
    /// Setup while a changeover is open, else a stop.
    Manual,
}

impl Mode {
    /// Mode of a `PackML` number: 2 maintenance, 3 manual; the others are production or a vendor's own, in which the
    /// state decides.
    pub const fn from_packml(number: i64) -> Self {
        match number {
            2 => Self::Maintenance,
            3 => Self::Manual,
            _ => Self::Production,
        }
    }
}

/// Kind of the maintenance order that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkOrder {
    /// None: maintenance without one counts as corrective.
    #[default]
    None,
    /// Planned maintenance.
    Planned,
    /// Repair.
    Corrective,
}

/// What one state of a device means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateRule {
    /// Always this category.
    Category(Category),
    /// As this `PackML` state, which the order decides with.
    PackMl(PackMl),
}

/// `PackML` states that differ in their category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackMl {
    /// 3 starting, 6 execute, 16 completing.
    Producing,
    /// 1 clearing, 2 stopped, 7 stopping, 8 aborting, 9 aborted, 10 holding, 11 held, 12 unholding, 15 resetting: a
    /// cause of its own while an order is allocated, else idle.
    Halted,
    /// 4 idle, 17 complete: waits for others while an order is open, else idle.
    Waiting,
    /// 5 suspended, 13 suspending, 14 unsuspending.
    Suspended,
    /// 0 undefined.
    Undefined,
}

/// `PackML` state numbers with names and meaning, ISA-TR88.00.02.
const PACKML: [(i64, &str, PackMl); 18] = [
    (0, "undefined", PackMl::Undefined),
    (1, "clearing", PackMl::Halted),
    (2, "stopped", PackMl::Halted),
    (3, "starting", PackMl::Producing),
    (4, "idle", PackMl::Waiting),
    (5, "suspended", PackMl::Suspended),
    (6, "execute", PackMl::Producing),
    (7, "stopping", PackMl::Halted),
    (8, "aborting", PackMl::Halted),
    (9, "aborted", PackMl::Halted),
    (10, "holding", PackMl::Halted),
    (11, "held", PackMl::Halted),
    (12, "unholding", PackMl::Halted),
    (13, "suspending", PackMl::Suspended),
    (14, "unsuspending", PackMl::Suspended),
    (15, "resetting", PackMl::Halted),
    (16, "completing", PackMl::Producing),
    (17, "complete", PackMl::Waiting),
];

/// Words of `MTConnect` `Execution` and availability.
const MTCONNECT: [(&str, Category); 9] = [
    ("active", Category::Run),
    ("ready", Category::Idle),
    ("idle", Category::Idle),
    ("interrupted", Category::Stop),
    ("feed_hold", Category::Stop),
    ("stopped", Category::Stop),
    ("program_stopped", Category::Stop),
    ("optional_stop", Category::Stop),
    ("unavailable", Category::Unknown),
];

/// Names of the `PackML` meanings, for maps of other numberings.
impl PackMl {
    /// Meaning of a state by its `PackML` number.
    pub fn from_number(number: i64) -> Option<Self> {
        let mut all = PACKML.iter();
        all.find(|row| row.0 == number).map(|row| row.2)
    }

    /// Meaning of a state by its `PackML` name, as `execute`.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = PACKML.iter();
        all.find(|row| row.1 == name).map(|row| row.2)
    }

    const fn category(self, has_order: bool) -> Category {
        match (self, has_order) {
            (Self::Producing, _) => Category::Run,
            (Self::Halted, true) => Category::Stop,
            (Self::Halted | Self::Waiting, false) => Category::Idle,
            (Self::Waiting, true) | (Self::Suspended, _) => Category::External,
            (Self::Undefined, _) => Category::Unknown,
        }
    }
}

/// The states of one device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateMap {
    codes: BTreeMap<i64, StateRule>,
    words: BTreeMap<String, StateRule>,
}

impl StateMap {
    /// A map that knows nothing: for devices with a list of their own.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Numbers and names of ISA-TR88.00.02, and the sub-states of Suspended that Weihenstephan adds (`lack`, `tailback`).
    pub fn packml() -> Self {
        let rule = |meaning| StateRule::PackMl(meaning);
        let codes = PACKML.map(|(number, _, meaning)| (number, rule(meaning)));
        let words = PACKML.map(|(_, name, meaning)| (name.to_owned(), rule(meaning)));
        let added = ["lack", "tailback"].map(|w| (w.to_owned(), rule(PackMl::Suspended)));
        Self {
            codes: codes.into(),
            words: words.into_iter().chain(added).collect(),
        }
    }

    /// Words of `MTConnect`.
    pub fn mtconnect() -> Self {
        let words = MTCONNECT.map(|(word, category)| (word.to_owned(), category));
        Self {
            codes: BTreeMap::new(),
            words: words
                .into_iter()
                .map(|(word, category)| (word, StateRule::Category(category)))
                .collect(),
        }
    }

    /// This map with another meaning of a number.
    #[must_use]
    pub fn with_code(mut self, code: i64, rule: StateRule) -> Self {
        self.codes.insert(code, rule);
        self
    }

    /// This map with another meaning of a word.
    #[must_use]
    pub fn with_word(mut self, word: &str, rule: StateRule) -> Self {
        self.words.insert(word.to_lowercase(), rule);
        self
    }

    /// What time in `state` counts to.
    pub fn category(&self, state: &MachineState, now: Circumstances) -> Category {
        match now.mode {
            Mode::Maintenance if now.work_order == WorkOrder::Planned => return Category::Planned,
            Mode::Manual if now.in_changeover => return Category::Setup,
            Mode::Maintenance | Mode::Manual => return Category::Stop,
            Mode::Production => {}
        }
        let rule = match state {
            MachineState::Category(category) => return *category,
            MachineState::Code(code) => self.codes.get(code),
            MachineState::Word(word) => self.words.get(&word.to_lowercase()),
        };
        match rule {
            Some(StateRule::Category(category)) => *category,
            Some(StateRule::PackMl(meaning)) => meaning.category(now.has_order),
            None => Category::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(number: i64) -> MachineState {
        MachineState::Code(number)
    }

    fn word(text: &str) -> MachineState {
        MachineState::Word(text.into())
    }

    const ORDER: Circumstances = Circumstances {
        has_order: true,
        in_changeover: false,
        mode: Mode::Production,
        work_order: WorkOrder::None,
    };
    const FREE: Circumstances = Circumstances {
        has_order: false,
        ..ORDER
    };

    #[track_caller]
    fn check(map: &StateMap, state: &MachineState, with_order: Category, without: Category) {
        assert_eq!(map.category(state, ORDER), with_order, "{state:?}, order");
        assert_eq!(map.category(state, FREE), without, "{state:?}, no order");
    }

    #[test]
    fn packml_states_count_as_the_standard_says() {
        let map = StateMap::packml();
        check(&map, &code(0), Category::Unknown, Category::Unknown);
        for number in [1, 2, 7, 8, 9, 10, 11, 12, 15] {
            check(&map, &code(number), Category::Stop, Category::Idle);
        }
        for number in [3, 6, 16] {
            check(&map, &code(number), Category::Run, Category::Run);
        }
        for number in [4, 17] {
            check(&map, &code(number), Category::External, Category::Idle);
        }
        for number in [5, 13, 14] {
            check(&map, &code(number), Category::External, Category::External);
        }
        check(&map, &code(18), Category::Unknown, Category::Unknown);
        check(&map, &word("Execute"), Category::Run, Category::Run);
        check(
            &map,
            &word("TAILBACK"),
            Category::External,
            Category::External,
        );
    }

    #[test]
    fn mtconnect_words_count_as_what_they_say() {
        let map = StateMap::mtconnect();
        for (text, category) in [
            ("ACTIVE", Category::Run),
            ("READY", Category::Idle),
            ("IDLE", Category::Idle),
            ("INTERRUPTED", Category::Stop),
            ("FEED_HOLD", Category::Stop),
            ("UNAVAILABLE", Category::Unknown),
            ("PONDERING", Category::Unknown),
        ] {
            check(&map, &word(text), category, category);
        }
    }

    #[test]
    fn a_device_has_its_own_numbers() {
        // OPC 30060: Stopped = 0, Execute = 4, Held = 15.
        let named = |name| StateRule::PackMl(PackMl::from_name(name).unwrap());
        let map = StateMap::packml()
            .with_code(0, named("stopped"))
            .with_code(4, named("execute"))
            .with_code(15, named("held"))
            .with_word("Tea", StateRule::Category(Category::Planned));
        check(&map, &code(0), Category::Stop, Category::Idle);
        check(&map, &code(4), Category::Run, Category::Run);
        check(&map, &code(15), Category::Stop, Category::Idle);
        check(&map, &word("tea"), Category::Planned, Category::Planned);
        check(
            &StateMap::empty(),
            &code(6),
            Category::Unknown,
            Category::Unknown,
        );
        let idle = MachineState::Category(Category::Idle);
        check(&StateMap::empty(), &idle, Category::Idle, Category::Idle);
        assert_eq!(PackMl::from_number(6), Some(PackMl::Producing));
        assert_eq!(PackMl::from_number(99), None);
    }

    #[test]
    fn the_mode_wins_over_the_state() {
        let map = StateMap::packml();
        let got = |mode, work_order, in_changeover| {
            let now = Circumstances {
                mode: Mode::from_packml(mode),
                work_order,
                in_changeover,
                ..ORDER
            };
            map.category(&code(6), now)
        };
        assert_eq!(got(1, WorkOrder::None, false), Category::Run);
        assert_eq!(got(2, WorkOrder::Planned, false), Category::Planned);
        assert_eq!(got(2, WorkOrder::Corrective, false), Category::Stop);
        assert_eq!(got(2, WorkOrder::None, true), Category::Stop);
        assert_eq!(got(3, WorkOrder::None, true), Category::Setup);
        assert_eq!(got(3, WorkOrder::None, false), Category::Stop);
        assert_eq!(got(7, WorkOrder::None, false), Category::Run);
    }

    #[test]
    fn a_category_survives_its_name() {
        for category in Category::ALL {
            assert_eq!(Category::from_name(category.as_str()), Some(category));
        }
        assert_eq!(Category::from_name("busy"), None);
        assert!(Category::Idle.is_downtime() && !Category::Setup.is_downtime());
    }
}
