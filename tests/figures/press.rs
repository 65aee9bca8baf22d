//! A press that does what a test says, and a mill that runs as usual.

use std::fmt::Write as _;

use serde_json::Value;

use crate::recorded::{MINUTES, PLANT, Plant, ROWS, device, time};

pub(crate) const RUN: u16 = 6;
pub(crate) const STOPPED: u16 = 2;

const PRODUCTION: &str = r#"
[[calendar.exception]]
date = "2026-05-06"
closed = true
work_units = ["mill"]

[[product]]
id = "A"
ideal_cycle = "60s"

[[product]]
id = "B"
ideal_cycle = "30s"

[[work_unit]]
name = "press"
state = "press.state"
mode = "press.mode"
count = "press.count"
product = "press.product"
max_rate_per_s = 0.1

[[work_unit]]
name = "mill"
state = "mill.state"
count = "mill.count"
product = "mill.product"
max_rate_per_s = 0.1
"#;

/// The plant, with `more` that is configured.
pub(crate) fn config(more: &str) -> String {
    let press = [
        ("state", "u16"),
        ("mode", "u16"),
        ("count", "u32"),
        ("product", "string:4"),
        ("order", "string:8"),
    ];
    let mill = [("state", "u16"), ("count", "u32"), ("product", "string:4")];
    let devices = device("press", 1, &press) + &device("mill", 2, &mill);
    [PLANT, PRODUCTION, more, &devices].concat()
}

/// What the press does in a minute of the shift: state, mode, pieces, product; `None` while nothing is sampled.
pub(crate) type Minute = Option<(u16, u16, u32, &'static str)>;

/// What every test expects of a usual minute.
pub(crate) const USUAL: Minute = Some((RUN, 1, 1, "A"));

/// After the shift: nothing is made.
const IDLING: Minute = Some((RUN, 1, 0, "A"));

/// What the press works at in a minute, where it tells its order; empty for none.
pub(crate) type Order = fn(u32, u32) -> &'static str;

impl Plant {
    /// Plays `days`; `minute` says what the press does, the mill runs as usual.
    pub(crate) fn of(days: u32, minute: impl Fn(u32, u32) -> Minute) -> Self {
        Self::recorded(&config(""), days, minute, |_, _| "")
    }

    /// As [`Plant::of`], where the press tells its order too.
    pub(crate) fn with_orders(
        days: u32,
        minute: impl Fn(u32, u32) -> Minute,
        order: Order,
    ) -> Self {
        let mode = "mode = \"press.mode\"";
        let config = config("").replacen(mode, &format!("{mode}\norder = \"press.order\""), 1);
        Self::recorded(&config, days, minute, order)
    }

    /// As [`Plant::with_orders`], by a configuration of its own.
    pub(crate) fn recorded(
        config: &str,
        days: u32,
        minute: impl Fn(u32, u32) -> Minute,
        order: Order,
    ) -> Self {
        let mut rows = String::from(
            "time,press.state,press.mode,press.count,press.product,press.order,mill.state,mill.count,mill.product\n",
        );
        let (mut made, mut milled) = (0, 0);
        for day in 0..days {
            for at in 0..ROWS {
                write!(rows, "{},", time(day, at)).unwrap();
                let now = if at < MINUTES {
                    minute(day, at)
                } else {
                    IDLING
                };
                match now {
                    Some((state, mode, pieces, product)) => {
                        let order = order(day, at);
                        write!(rows, "{state},{mode},{made},{product},{order},").unwrap();
                        made += pieces;
                    }
                    None => rows.push_str(",,,,,"),
                }
                writeln!(rows, "{RUN},{milled},A").unwrap();
                milled += u32::from(at < MINUTES);
            }
        }
        Self::replayed(config, &rows)
    }

    /// Takes in a table of which something is refused or cannot be used.
    #[track_caller]
    pub(crate) fn take_in_partly(&self, table: &str) -> Value {
        let file = self.path("table.csv");
        std::fs::write(&file, table).unwrap();
        let output = self.andon(&["intake", &file, "--json"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The figures of one group.
    #[track_caller]
    pub(crate) fn row(&self, group: &str, args: &[&str]) -> Value {
        let of = [&["oee", "--from", "2026-05-05"][..], args].concat();
        let answer = self.json(&of);
        let rows = answer["rows"].as_array().unwrap();
        let found = rows.iter().find(|row| row["group"] == group);
        found
            .unwrap_or_else(|| panic!("no {group} in {answer}"))
            .clone()
    }
}

#[track_caller]
pub(crate) fn check(row: &Value, figure: &str, expected: f64) {
    let value = if row[figure].is_object() {
        &row[figure]["value"]
    } else {
        &row[figure]
    };
    let got = value.as_f64().unwrap_or(f64::NAN);
    assert!(
        (got - expected).abs() < 1e-9,
        "{figure}: {got}, expected {expected}; {row}"
    );
}

#[track_caller]
pub(crate) fn check_flag(row: &Value, flag: &str) {
    assert!(
        row["flags"].as_array().unwrap().contains(&flag.into()),
        "{row}"
    );
}
