//! A press whose width is charted.

use std::fmt::Write as _;

use serde_json::Value;

use crate::recorded::{MINUTES, PLANT, Plant, ROWS, check_near, device, time};

const PRODUCTION: &str = r#"
[[work_unit]]
name = "press"
asset = "press"
state = "press.state"
count = "press.count"
product = "press.product"
max_rate_per_s = 0.1
"#;

fn config() -> String {
    let press = [
        ("state", "u16"),
        ("count", "u32"),
        ("product", "string:4"),
        ("width", "f32"),
        ("oil", "f32"),
        ("zone1", "f32"),
    ];
    [PLANT, PRODUCTION, &device("press", 1, &press)].concat()
}

/// A minute of the press.
#[derive(Clone, Copy)]
pub(crate) struct Minute {
    pub(crate) state: u16,
    pub(crate) product: &'static str,
    pub(crate) width: f64,
    pub(crate) zone1: f64,
}

/// Scatter of mean 0 whose moving ranges are 0.1, 0.2, 0.15, 0.1 and 0.05 in turn: 0.12 on average.
fn scatter(at: u32) -> f64 {
    [0.0, 0.1, -0.1, 0.05, -0.05][(at % 5) as usize]
}

/// What a minute is unless a test says otherwise.
pub(crate) fn usual(at: u32) -> Minute {
    Minute {
        state: 6,
        product: "A",
        width: 10.0 + scatter(at),
        zone1: 180.0 + scatter(at + 2),
    }
}

impl Plant {
    /// Plays `days`.
    pub(crate) fn of(days: u32, minute: impl Fn(u32, u32) -> Minute) -> Self {
        let mut rows = String::from(
            "time,press.state,press.count,press.product,press.width,press.oil,press.zone1\n",
        );
        for day in 0..days {
            for at in 0..ROWS {
                let now = minute(day, at);
                writeln!(
                    rows,
                    "{},{},{},{},{},{},{}",
                    time(day, at),
                    now.state,
                    day * MINUTES + at.min(MINUTES),
                    now.product,
                    now.width,
                    5.0 + scatter(at + 1),
                    now.zone1
                )
                .unwrap();
            }
        }
        Self::replayed(&config(), &rows)
    }

    /// The only chart of the width on one day.
    #[track_caller]
    pub(crate) fn chart(&self, day: &str, more: &[&str]) -> Value {
        let answer = self.json(&[&width(day)[..], more].concat());
        let charts = answer.as_array().unwrap();
        assert_eq!(charts.len(), 1, "{answer}");
        charts[0].clone()
    }
}

/// Asks for the chart of the width on one day.
pub(crate) fn width(day: &str) -> [&str; 6] {
    ["spc", "press.width", "--from", day, "--to", day]
}

#[track_caller]
pub(crate) fn check(value: &Value, expected: f64) {
    check_near(value, expected, 1e-4);
}
