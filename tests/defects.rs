//! Defects and rejects of a plant, through the whole pipeline: by category and origin, per unit made, whether they become
//! more, and on attribute charts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::process::{Command, Output};

use serde_json::Value;

/// One row a minute of an early shift of eight hours.
const MINUTES: u32 = 480;

const CONFIG: &str = r#"
[gateway]
id = "defects"
asset = "plant"

[calendar]
[[calendar.shift]]
name = "early"
start = "06:00"
end = "14:00"

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

[[device]]
name = "press"
asset = "press"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"
[[device.tag]]
name = "state"
address = "holding:0"
type = "u16"
rate = "60s"
[[device.tag]]
name = "count"
address = "holding:2"
type = "u32"
rate = "60s"
[[device.tag]]
name = "scrap"
address = "holding:4"
type = "u32"
rate = "60s"
[[device.tag]]
name = "product"
address = "holding:6"
type = "string:4"
rate = "60s"

[[device]]
name = "mill"
asset = "mill"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"
unit = 2
[[device.tag]]
name = "state"
address = "holding:0"
type = "u16"
rate = "60s"
[[device.tag]]
name = "count"
address = "holding:2"
type = "u32"
rate = "60s"
"#;

/// What the press makes in an early shift: pieces, one a minute; scrap among them; from which minute on it is product B.
#[derive(Clone, Copy)]
struct Day {
    pieces: u32,
    scrap: u32,
    b_from: u32,
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

struct Plant(tempfile::TempDir);

impl Plant {
    /// Plays days from the fifth of May 2026 on; the mill makes 480 pieces on each.
    fn of(days: &[Day]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("plant.toml"), CONFIG).unwrap();
        let mut rows = String::from(
            "time,press.state,press.count,press.scrap,press.product,mill.state,mill.count\n",
        );
        let (mut made, mut scrapped, mut milled) = (0, 0, 0);
        for (date, day) in (5..).zip(days) {
            // A quarter of an hour more, so that the shift is over and stated.
            for at in 0..MINUTES + 15 {
                let (hour, clock) = (6 + at / 60, at % 60);
                let product = if at < day.b_from { "A" } else { "B" };
                writeln!(
                    rows,
                    "2026-05-{date:02}T{hour:02}:{clock:02}:00Z,6,{made},{scrapped},{product},6,{milled}"
                )
                .unwrap();
                made += u32::from(at < day.pieces);
                scrapped += u32::from(at < day.scrap);
                milled += u32::from(at < MINUTES);
            }
        }
        std::fs::write(dir.path().join("values.csv"), rows).unwrap();
        let plant = Self(dir);
        let (values, out) = (plant.path("values.csv"), plant.path("out"));
        plant.json(&["replay", "-i", &values, "--out", &out]);
        plant
    }

    fn usual() -> Self {
        let b_from = u32::MAX;
        let days = DAYS.map(|(pieces, scrap)| Day {
            pieces,
            scrap,
            b_from,
        });
        Self::of(&days)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn andon(&self, args: &[&str]) -> Output {
        let (config, history) = (self.path("plant.toml"), self.path("out"));
        Command::new(env!("CARGO_BIN_EXE_andon"))
            .args(args)
            .args(["-c", &config, "--history", &history])
            .output()
            .unwrap()
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let output = self.andon(&[args, &["--json"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What an answer says in words.
    #[track_caller]
    fn text(&self, args: &[&str]) -> String {
        let output = self.andon(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, args: &[&str], expected: &str) {
        let output = self.andon(args);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{args:?}");
        assert!(errors.contains(expected), "{args:?}: {errors}");
    }

    fn take_in(&self, table: &str) -> Value {
        std::fs::write(self.path("table.csv"), table).unwrap();
        self.json(&["intake", &self.path("table.csv")])
    }
}

/// 66 defects on the 2640 pieces of the press: scratches that become more, porosity that does not, a few dents, and six
/// that nobody coded.
fn defects() -> String {
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

fn with<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &SINCE].concat()
}

#[track_caller]
fn check(value: &Value, expected: f64) {
    let got = value.as_f64().unwrap_or(f64::NAN);
    assert!((got - expected).abs() < 1e-9, "{got}, expected {expected}");
}

/// Category and count of each row of a Pareto.
fn counts(answer: &Value) -> Vec<(&str, u64)> {
    let rows = answer["pareto"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["category"].as_str().unwrap(),
            row["count"].as_u64().unwrap(),
        )
    })
    .collect()
}

#[test]
fn defects_rank_by_category_on_the_pieces_that_were_made() {
    let plant = Plant::usual();
    let told = plant.take_in(&defects());
    assert_eq!(
        (&told[0]["table"], &told[0]["taken"]),
        (&"defects".into(), &14.into()),
        "{told}"
    );
    // Taking the same table twice changes nothing.
    plant.take_in(&defects());
    let answer = plant.json(&with(&["defects", "press", "--opportunities", "5"]));
    assert_eq!(
        counts(&answer),
        [
            ("scratch", 33),
            ("porosity", 22),
            ("unclassified", 6),
            ("dent", 5)
        ]
    );
    // 66 / 2640, and by five opportunities 66 / 13200 * 1e6.
    check(&answer["units"], 2_640.0);
    check(&answer["dpu"], 0.025);
    check(&answer["dpmo"], 5_000.0);
    check(&answer["coded_share"], 60.0 / 66.0);
    let scratch = &answer["pareto"][0];
    check(&scratch["share"], 0.5);
    check(&scratch["dpu"], 33.0 / 2_640.0);
    check(&scratch["dpmo"], 2_500.0);
    check(&answer["pareto"][1]["cumulative_share"], 55.0 / 66.0);
    let verdict = |row: usize| &answer["pareto"][row]["trend"]["verdict"];
    assert_eq!(
        [verdict(0), verdict(1), verdict(3)],
        ["rising", "no_trend", "too_few"],
        "{answer}"
    );
    assert_eq!(scratch["trend"]["periods"], 6);
    assert_eq!(answer["by_product"][0]["name"], "A");
    assert_eq!(answer["by_shift"][0]["name"], "early");

    let top = plant.json(&with(&["defects", "press", "--level", "1"]));
    assert_eq!(
        counts(&top),
        [("surface", 38), ("porosity", 22), ("unclassified", 6)]
    );
    assert_eq!(top["dpmo"], Value::Null);

    // The mill has made 6 * 480 pieces and nothing is known against them: a rate of 66 / 5520 overall.
    let all = plant.json(&with(&["defects"]));
    let machines = all["by_machine"].as_array().unwrap();
    let names: Vec<&Value> = machines.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["press", "mill"], "{all}");
    check(
        &machines[0]["times_overall"],
        (66.0 / 2_640.0) / (66.0 / 5_520.0),
    );
    check(&machines[1]["units"], 2_880.0);

    let text = plant.text(&with(&["defects", "press", "--opportunities", "5"]));
    for part in [
        "66 defects on 2640 units: 0.0250 per unit, 5000 per million opportunities",
        "scratch (Scratch)       33   50.0        50.0  0.01250  2500  rising by",
        "too little to tell (5 defects, 6 days with production)",
        "90.9 % of defects have a category",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let weeks = plant.json(&with(&["defects", "press", "--per", "week"]));
    // From Tuesday the fifth to Sunday the tenth.
    assert_eq!(weeks["pareto"][0]["trend"]["periods"], 1, "{weeks}");
}

#[test]
fn a_defect_belongs_to_the_product_and_the_shift_that_made_it() {
    let mixed = Day {
        pieces: 480,
        scrap: 0,
        b_from: 240,
    };
    let whole = Day {
        b_from: u32::MAX,
        ..mixed
    };
    let plant = Plant::of(&[mixed, whole, whole]);
    plant.take_in(
        "found_at,work_unit,category,count,made_at,product\n\
         2026-05-05T08:00:00Z,press,dent,1,,\n\
         2026-05-05T13:00:00Z,press,dent,2,,\n\
         2026-05-07T08:00:00Z,press,dent,4,2026-05-05T11:00:00Z,\n\
         2026-05-07T08:00:00Z,press,dent,8,2026-05-06T13:00:00Z,\n\
         2026-05-07T13:00:00Z,press,dent,16,,A\n\
         2026-05-06T20:00:00Z,press,dent,32,,\n",
    );
    // On the fifth: 1 by A, 2 and 4 by B after ten o'clock; on the sixth A alone was made: 8; 16 say that they are A.
    // Nobody worked in the evening of the sixth: 32 are of no shift and no product.
    let answer = plant.json(&with(&["defects", "press"]));
    let by = |dimension: &str| -> Vec<(Value, u64)> {
        let rows = answer[dimension].as_array().unwrap().iter();
        rows.map(|row| (row["name"].clone(), row["defects"].as_u64().unwrap()))
            .collect()
    };
    assert_eq!(
        by("by_product"),
        [(Value::Null, 32), ("A".into(), 25), ("B".into(), 6)]
    );
    assert_eq!(by("by_shift"), [(Value::Null, 32), ("early".into(), 31)]);
    // A defect counts to the day on which its unit was made, not to that on which it was found.
    let day = ["--from", "2026-05-05", "--to", "2026-05-05"];
    let first = plant.json(&[&["defects", "press"][..], &day].concat());
    assert_eq!(first["defects"], 7, "{first}");

    // A count of 0 takes back what was said.
    plant.take_in("found_at,work_unit,category,count\n2026-05-05T08:00:00Z,press,dent,0\n");
    let first = plant.json(&[&["defects", "press"][..], &day].concat());
    assert_eq!(first["defects"], 6, "{first}");

    // On a chart, a product that was hardly made does not keep the others from it, and what is on none is told.
    let of_press = ["spc", "--of", "defects", "--work-unit", "press"];
    let args = with(&[&of_press[..], &["--chart", "u"]].concat());
    let charts = plant.json(&args);
    let products = charts.as_array().unwrap().iter();
    let products: Vec<&Value> = products.map(|chart| &chart["product"]).collect();
    assert_eq!(products, ["A"], "{charts}");
    let text = plant.text(&args);
    for part in [
        "note: not charted: B on press: a chart of counts, in samples, needs at least 2, has 1",
        "note: 32 of defects of - on press were made where fewer pieces, or none, are known",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let pooled = plant.json(&[&args[..], &["--pooled"]].concat());
    // 6 + 8 + 16 defects on 3 * 480 pieces.
    check(
        &pooled[0]["panels"][0]["points"][0]["center"],
        30.0 / 1_440.0,
    );
}

#[test]
fn scrap_of_shifts_is_charted_by_its_share() {
    let plant = Plant::usual();
    let charts = plant.json(&with(&["spc", "--of", "scrap", "--work-unit", "press"]));
    let chart = &charts[0];
    assert_eq!(
        (
            &chart["characteristic"],
            &chart["chart"],
            &chart["product"],
            &chart["machine"]
        ),
        (&"scrap".into(), &"p".into(), &"A".into(), &"press".into()),
        "{charts}"
    );
    // 132 / 2640 = 0.05; 3 sqrt(0.05 * 0.95 / n) is 0.0298433 for 480 pieces and 0.0326917 for 400.
    let points = chart["panels"][0]["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    check(&points[0]["value"], 28.0 / 480.0);
    check(&points[0]["center"], 0.05);
    for (point, reach) in [(0, 0.029_843_340), (1, 0.032_691_742)] {
        let limit = |key: &str| points[point][key].as_f64().unwrap();
        assert!(
            (limit("ucl") - 0.05 - reach).abs() < 1e-8,
            "{}",
            points[point]
        );
        assert!(
            (0.05 - limit("lcl") - reach).abs() < 1e-8,
            "{}",
            points[point]
        );
    }
    assert_eq!(chart["in_control"], true);
    assert_eq!(points[1]["at"], "2026-05-06T06:00:00.000Z");
    // A shift a day: by day it is the same.
    let by_day = plant.json(&with(&[
        "spc",
        "--of",
        "scrap",
        "--work-unit",
        "press",
        "--per",
        "day",
    ]));
    assert_eq!(by_day, charts);
    for kind in ["p", "u", "laney_p", "laney_u", "g", "time_between"] {
        let args = with(&[
            "spc",
            "--of",
            "scrap",
            "--work-unit",
            "press",
            "--chart",
            kind,
        ]);
        assert_eq!(plant.json(&args)[0]["chart"], kind);
    }
    let unequal = with(&["spc", "--of", "scrap", "--chart", "np"]);
    plant.refused(
        &unequal,
        "the np chart needs samples of one size; index 1 has 400",
    );
    // The mill counts no scrap: it is not charted as free of it.
    let all = plant.json(&with(&["spc", "--of", "scrap"]));
    assert_eq!(all, charts);
    plant.refused(
        &with(&["spc", "--of", "scrap", "--work-unit", "mill"]),
        "a work unit that counts scrap (scrap = \"<tag>\" in [[work_unit]])",
    );
}

#[test]
fn limits_of_counts_are_kept_and_in_force_later() {
    let plant = Plant::usual();
    let scrap = ["spc", "--of", "scrap", "--work-unit", "press"];
    let first = [
        "--from",
        "2026-05-05T00:00:00Z",
        "--to",
        "2026-05-08T00:00:00Z",
    ];
    let said = ["--try-out", "--by", "quality", "--why", "first weeks"];
    let kept = plant.json(&[&scrap[..], &first, &said, &["--chart", "p"]].concat());
    assert_eq!(kept["versions"][0]["scope"], "product per shift", "{kept}");
    let later = ["--from", "2026-05-08T00:00:00Z"];
    let charts = plant.json(&[&scrap[..], &later].concat());
    let (phase, points) = (&charts[0]["phase"], &charts[0]["panels"][0]["points"]);
    assert_eq!(
        (&phase["name"], &phase["version"]),
        (&"monitoring".into(), &1.into())
    );
    // Of the three days before: 66 of 1360.
    check(&points[0]["center"], 66.0 / 1360.0);
    let listed = plant.json(&["spc", "--of", "scrap", "--limits"]);
    check(&listed["versions"][0]["center"], 66.0 / 1360.0);
    // Samples of days are others: no limits of them are kept.
    let by_day = plant.json(&[&scrap[..], &later, &["--per", "day"]].concat());
    assert_eq!(by_day[0]["phase"]["version"], Value::Null);
    plant.refused(
        &[&scrap[..], &later, &["--chart", "u"]].concat(),
        "is in force; allowed: --chart p as they were learned, or --relearn",
    );
    // A sample is a whole shift: there is no window to explain.
    plant.refused(
        &[&scrap[..], &later, &["--explain"]].concat(),
        "cannot be used with",
    );
}

#[test]
fn defects_of_shifts_are_charted_per_unit() {
    let plant = Plant::usual();
    plant.take_in(&defects());
    let of_press = ["spc", "--of", "defects", "--work-unit", "press"];
    let charts = plant.json(&with(&of_press));
    // 10, 11, 7, 10, 13 and 15 defects: 66 / 2640 = 0.025 a piece; 3 sqrt(0.025 / 480) = 0.0216506.
    assert_eq!(charts[0]["chart"], "u", "{charts}");
    let first = &charts[0]["panels"][0]["points"][0];
    check(&first["value"], 10.0 / 480.0);
    check(&first["center"], 0.025);
    let ucl = first["ucl"].as_f64().unwrap();
    assert!((ucl - 0.046_650_635).abs() < 1e-8, "{first}");
    // Those of the surface, whatever stands below it: 6, 2, 3, 6, 9 and 12.
    let surface = plant.json(&with(
        &[&of_press[..], &["--category", "surface", "--chart", "u"]].concat(),
    ));
    assert_eq!(surface[0]["characteristic"], "defects surface");
    check(
        &surface[0]["panels"][0]["points"][0]["center"],
        38.0 / 2_640.0,
    );
    let uncoded = plant.json(&with(
        &[
            &of_press[..],
            &["--category", "unclassified", "--chart", "u"],
        ]
        .concat(),
    ));
    check(&uncoded[0]["panels"][0]["points"][1]["value"], 6.0 / 400.0);
}

#[test]
fn what_cannot_be_charted_says_why() {
    let plant = Plant::usual();
    for (args, why) in [
        (&["spc"][..], "<TAG|--of <COUNTED>>"),
        (
            &["spc", "press.state", "--of", "scrap"],
            "cannot be used with",
        ),
        (
            &["spc", "press.state", "--category", "dent"],
            "cannot be used with",
        ),
        (
            &["spc", "--of", "scrap", "--usl", "3"],
            "cannot be used with",
        ),
        (
            &["spc", "--of", "noise"],
            "possible values: scrap, rework, defects",
        ),
        (
            &["spc", "--of", "scrap", "--chart", "pie"],
            "of counts p, np, c, u, laney_p, laney_u",
        ),
        (
            &["spc", "--of", "scrap", "--chart", "i_mr"],
            "i_mr chart takes",
        ),
        (
            &["spc", "--of", "scrap", "--category", "dent"],
            "there is no category of defects \"dent\"; allowed: none; scrap is not told by category",
        ),
        (
            &["spc", "--of", "defects", "--category", "scrach"],
            "(did you mean \"scratch\"?)",
        ),
        (
            &["spc", "--of", "scrap", "--work-unit", "pres"],
            "allowed: press, mill",
        ),
        (&["defects", "pres"], "allowed: press, mill"),
        (
            &["defects", "--level", "4"],
            "there is no level of categories \"4\"; allowed: 1 at the top to 3",
        ),
        (
            &["defects", "--opportunities", "0"],
            "opportunities per unit",
        ),
        (
            &["defects", "--per", "hour"],
            "possible values: day, week, month",
        ),
    ] {
        plant.refused(&with(args), why);
    }
    let none = plant.text(&with(&["defects"]));
    assert!(
        none.contains("no defect was taken in of this time"),
        "{none}"
    );
}
