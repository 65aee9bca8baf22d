//! A press that scraps pieces, a mill beside it, and the defects that were found.

use std::fmt::Write as _;

use serde_json::Value;

use crate::recorded::{MINUTES, PLANT, Plant, ROWS, check_near, device, time};

const PRODUCTION: &str = r#"
[[defect]]
code = "surface"
label = "Surface"
[[defect]]
code = "scratch"
label = "Scratch"
parent = "surface"
[[defect]]
code = "dent"
parent = "surface"
[[defect]]
code = "porosity"

[[work_unit]]
name = "press"
state = "press.state"
count = "press.count"
scrap = "press.scrap"
product = "press.product"
max_rate_per_s = 0.1

[[work_unit]]
name = "mill"
state = "mill.state"
count = "mill.count"
max_rate_per_s = 0.1
ideal_cycle = "60s"
"#;

fn config() -> String {
    let press = [
        ("state", "u16"),
        ("count", "u32"),
        ("scrap", "u32"),
        ("product", "string:4"),
        ("oven", "f32"),
    ];
    let mill = [("state", "u16"), ("count", "u32")];
    let devices = device("press", 1, &press) + &device("mill", 2, &mill);
    [PLANT, PRODUCTION, &devices].concat()
}

/// What the press makes in an early shift: pieces, one a minute; scrap among them; from which minute on it is product B.
#[derive(Clone, Copy)]
pub(crate) struct Day {
    pub(crate) pieces: u32,
    pub(crate) scrap: u32,
    pub(crate) b_from: u32,
}

/// Six days of 2640 pieces and 132 scrapped ones.
const DAYS: [(u32, u32); 6] = [
    (480, 28),
    (400, 14),
    (480, 24),
    (400, 22),
    (480, 20),
    (400, 24),
];

impl Plant {
    /// Plays days; the mill makes 480 pieces on each.
    pub(crate) fn of(days: &[Day]) -> Self {
        Self::with_oven(days, |_, _| 180.0)
    }

    /// As [`Plant::of`], where the press has an oven whose temperature is known by day and minute.
    pub(crate) fn with_oven(days: &[Day], oven: impl Fn(u32, u32) -> f64) -> Self {
        let mut rows = String::from(
            "time,press.state,press.count,press.scrap,press.product,press.oven,mill.state,mill.count\n",
        );
        let (mut made, mut scrapped, mut milled) = (0, 0, 0);
        for (date, day) in (0..).zip(days) {
            for at in 0..ROWS {
                let time = time(date, at);
                let product = if at < day.b_from { "A" } else { "B" };
                let oven = oven(date, at);
                writeln!(
                    rows,
                    "{time},6,{made},{scrapped},{product},{oven},6,{milled}"
                )
                .unwrap();
                made += u32::from(at < day.pieces);
                scrapped += u32::from(at < day.scrap);
                milled += u32::from(at < MINUTES);
            }
        }
        Self::replayed(&config(), &rows)
    }

    /// Plays the six days.
    pub(crate) fn usual() -> Self {
        let b_from = u32::MAX;
        let days = DAYS.map(|(pieces, scrap)| Day {
            pieces,
            scrap,
            b_from,
        });
        Self::of(&days)
    }
}

/// 66 defects on the 2640 pieces of the press: scratches that become more, porosity that does not, a few dents, and six
/// that nobody coded.
pub(crate) fn defects() -> String {
    let mut table = String::from("found_at,work_unit,category,count\n");
    let scratches = [1, 2, 3, 6, 9, 12];
    let porosities = [4, 3, 4, 4, 4, 3];
    for (date, (scratch, porosity)) in (5..).zip(scratches.into_iter().zip(porosities)) {
        let at = format!("2026-05-{date:02}T09:00:00Z,press");
        writeln!(table, "{at},scratch,{scratch}\n{at},porosity,{porosity}").unwrap();
    }
    table.push_str("2026-05-05T10:00:00Z,press,dent,5\n2026-05-06T10:00:00Z,press,,6\n");
    table
}

const SINCE: [&str; 2] = ["--from", "2026-05-05"];

/// Asks of all days.
pub(crate) fn with<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &SINCE].concat()
}

#[track_caller]
pub(crate) fn check(value: &Value, expected: f64) {
    check_near(value, expected, 1e-9);
}
