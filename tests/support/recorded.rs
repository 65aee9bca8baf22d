//! A plant of machines that are recorded once a minute, replayed into a history, and what `andon` says of it.
//!
//! It works early shifts of eight hours from the fifth of May 2026 on.

use std::process::{Command, Output};

use serde_json::Value;

/// Rows of a shift: one a minute.
pub(crate) const MINUTES: u32 = 480;
/// Rows of a day: a quarter of an hour more, so that the shift is over and stated.
pub(crate) const ROWS: u32 = MINUTES + 15;

/// The plant and its calendar.
pub(crate) const PLANT: &str = r#"
[gateway]
id = "recorded"
asset = "plant"

[calendar]
[[calendar.shift]]
name = "early"
start = "06:00"
end = "14:00"
"#;

/// A device with a tag a minute of each name and type.
pub(crate) fn device(name: &str, unit: u8, tags: &[(&str, &str)]) -> String {
    let head = format!(
        "\n[[device]]\nname = \"{name}\"\nasset = \"{name}\"\ndriver = \"modbus-tcp\"\nendpoint = \"127.0.0.1:502\"\n\
         unit = {unit}\n"
    );
    let tags = (0..).zip(tags).map(|(place, (tag, data_type))| {
        let address = place * 8;
        format!(
            "[[device.tag]]\nname = \"{tag}\"\naddress = \"holding:{address}\"\ntype = \"{data_type}\"\nrate = \"60s\"\n"
        )
    });
    std::iter::once(head).chain(tags).collect()
}

/// When minute `at` of the shift of `day` is, both from 0.
pub(crate) fn time(day: u32, at: u32) -> String {
    let (hour, minute) = (6 + at / 60, at % 60);
    format!("2026-05-{:02}T{hour:02}:{minute:02}:00Z", 5 + day)
}

/// A recorded plant.
pub(crate) struct Plant(tempfile::TempDir);

impl Plant {
    /// Replays `rows`, a table of tags by time.
    pub(crate) fn replayed(config: &str, rows: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("plant.toml"), config).unwrap();
        std::fs::write(dir.path().join("values.csv"), rows).unwrap();
        let plant = Self(dir);
        let (values, out) = (plant.path("values.csv"), plant.path("out"));
        plant.json(&["replay", "-i", &values, "--out", &out]);
        plant
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn andon(&self, args: &[&str]) -> Output {
        let (config, history) = (self.path("plant.toml"), self.path("out"));
        Command::new(env!("CARGO_BIN_EXE_andon"))
            .args(args)
            .args(["-c", &config, "--history", &history])
            .output()
            .unwrap()
    }

    #[track_caller]
    fn answered(&self, args: &[&str]) -> Vec<u8> {
        let output = self.andon(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        output.stdout
    }

    /// What a command answers.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_slice(&self.answered(&[args, &["--json"]].concat())).unwrap()
    }

    /// What it answers in words.
    #[track_caller]
    pub(crate) fn text(&self, args: &[&str]) -> String {
        String::from_utf8(self.answered(args)).unwrap()
    }

    /// Expects a command to be refused with `why` among its words.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str], why: &str) {
        let output = self.andon(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{args:?} is not refused");
        assert!(errors.contains(why), "{args:?}: {errors}");
    }

    /// Takes a table in.
    #[track_caller]
    pub(crate) fn take_in(&self, table: &str) -> Value {
        let file = self.path("table.csv");
        std::fs::write(&file, table).unwrap();
        self.json(&["intake", &file])
    }
}

/// Expects a number, to within `reach`.
#[track_caller]
pub(crate) fn check_near(value: &Value, expected: f64, reach: f64) {
    let got = value.as_f64().unwrap_or(f64::NAN);
    assert!((got - expected).abs() < reach, "{got}, expected {expected}");
}
