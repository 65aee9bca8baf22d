//! What an operator reads when a configuration is wrong: one class of fault per snapshot, through the real binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const GATEWAY: &str = "[gateway]\nid = \"line1\"\nasset = \"acme/berlin/line1\"\n";

const DEVICE: &str = r#"
[[device]]
name = "press1"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"
"#;

const TAG: &str = r#"
[[device.tag]]
name = "temp"
address = "holding:100"
type = "f32"
"#;

const TAG2: &str = r#"
[[device.tag]]
name = "cycles"
address = "holding:102"
type = "u16"
"#;

/// Runs `andon check` on `line1.toml` beside `others` (name, text, mode).
fn andon_check(text: &str, others: &[(&str, &str, u32)], arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("line1.toml"), text).unwrap();
    for (name, text, mode) in others {
        write_with_mode(&folder.path().join(name), text, *mode);
    }
    Command::new(env!("CARGO_BIN_EXE_andon"))
        .args(["check", "-c", "line1.toml"])
        .args(arguments)
        .current_dir(folder.path())
        .env_remove("CREDENTIALS_DIRECTORY")
        .output()
        .unwrap()
}

fn write_with_mode(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The faults of a configuration that must be refused.
#[track_caller]
fn faults_with(text: &str, others: &[(&str, &str, u32)]) -> String {
    let output = andon_check(text, others, &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{stderr}");
    assert!(output.stdout.is_empty());
    stderr
}

#[track_caller]
fn faults(text: &str) -> String {
    faults_with(text, &[])
}

#[test]
fn a_missing_file_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_andon"))
        .args(["check", "-c", "no/such.toml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    insta::assert_snapshot!("missing_file", String::from_utf8(output.stderr).unwrap());
}

#[test]
fn an_empty_file_lacks_gateway_and_device() {
    insta::assert_snapshot!("empty", faults(""));
}

#[test]
fn every_syntax_error_has_its_place() {
    let text =
        "[gateway]\nid = \"line1\nasset = acme\n\n[mqtt\nurl = \"mqtt://x\"\nurl = \"mqtt://y\"\n";
    insta::assert_snapshot!("syntax", faults(text));
}

#[test]
fn an_unknown_key_gets_its_nearest() {
    let text = format!(
        "{GATEWAY}data_dirr = \"x\"\n[mqqt]\nurl = \"mqtt://b\"\n[buffer]\ncomit_interval = \"1s\"\ncolour = 1\n{DEVICE}{TAG}publish = {{ sumary = \"1s\" }}\n"
    );
    insta::assert_snapshot!("unknown_keys", faults(&text));
}

#[test]
fn a_value_outside_its_range_names_the_range() {
    let text = format!(
        "{GATEWAY}{DEVICE}unit = 256\nmax_registers = 0\n{TAG}rate = \"5ms\"\ndetect = {{ detect_shift = 17, learn = 10 }}\n"
    );
    insta::assert_snapshot!("ranges", faults(&text));
}

#[test]
fn a_line_is_a_route_through_work_units() {
    let unit = |name: &str, tag: &str| {
        format!("[[work_unit]]\nname = \"{name}\"\nasset = \"{name}\"\nstate = \"press1.{tag}\"\n")
    };
    let calendar = "[[calendar.shift]]\nname = \"early\"\nstart = \"06:00\"\nend = \"14:00\"\n";
    let lines = r#"
[[line]]
name = "l1"
units = ["saw", "press"]
[[line]]
name = "l1"
units = ["saw", "pres", 3]
[[line]]
name = "l2"
units = ["pack"]
[[line]]
units = ["pack", "pack"]
kind = "serial"
"#;
    let text = [
        GATEWAY,
        calendar,
        &unit("saw", "temp"),
        &unit("press", "temp"),
        &unit("pack", "temp"),
        lines,
        DEVICE,
        TAG,
    ]
    .concat();
    insta::assert_snapshot!("lines", faults(&text));
}

#[test]
fn a_bad_duration_shows_how_to_write_one() {
    let text = format!(
        "{GATEWAY}[buffer]\ncommit_interval = 100\nmax_bytes = \"4 gigs\"\n[mqtt]\nurl = \"mqtt://b\"\nkeep_alive = \"15m\"\n{DEVICE}timeout = \"1 sec\"\n{TAG}rate = \"1.5\"\ndetect = {{ false_alarms = \"monthly\" }}\n"
    );
    insta::assert_snapshot!("durations", faults(&text));
}

#[test]
fn types_and_byte_orders_must_fit() {
    let tag = |name: &str, rest: &str| format!("[[device.tag]]\nname = \"{name}\"\n{rest}\n");
    let text = [
        GATEWAY.to_owned(),
        DEVICE.to_owned(),
        tag("a", "address = \"holding:1\"\ntype = \"f33\""),
        tag(
            "b",
            "address = \"holding:1\"\ntype = \"f32\"\norder = \"ACBD\"",
        ),
        tag(
            "c",
            "address = \"holding:1\"\ntype = \"u16\"\norder = \"CDAB\"",
        ),
        tag("d", "address = \"coil:1\"\ntype = \"u16\""),
        tag("e", "address = \"holding:1.3\"\ntype = \"i16\""),
        tag("f", "address = \"holding:65535\"\ntype = \"u32\""),
        tag("g", "address = \"holding:1\"\ntype = \"string:40\""),
        tag("h", "address = \"holding:1\"\ntype = \"bool\""),
        tag("i", "address = \"holding:1\""),
        tag("j", "address = 40001\ntype = \"u16\""),
        tag("k", "address = \"1!400001\"\ntype = \"u16\""),
        tag("l", "address = \"holding:1\"\ntype = \"auto\""),
    ]
    .concat();
    insta::assert_snapshot!("types", faults(&text));
}

#[test]
fn names_are_unique() {
    let text = format!("{GATEWAY}{DEVICE}{TAG}{TAG}{DEVICE}{TAG}");
    insta::assert_snapshot!("duplicates", faults(&text));
}

#[test]
fn keys_of_the_other_driver_are_named() {
    let text = format!(
        "{GATEWAY}{DEVICE}security_policy = \"None\"\naccess = \"poll\"\n{TAG}
[[device]]
name = \"oven\"
driver = \"opcua\"
endpoint = \"opc.tcp://oven\"
unit = 3
[[device.tag]]
name = \"temp\"
address = \"holding:1\"
order = \"CDAB\"

[[device]]
name = \"saw\"
driver = \"modbus\"
endpoint = \"saw:502\"
unit = 3
[[device.tag]]
name = \"temp\"
address = \"holding:1\"
"
    );
    insta::assert_snapshot!("wrong_driver", faults(&text));
}

#[test]
fn secrets_stay_out_of_the_file_and_private() {
    let text = format!(
        "{GATEWAY}
[mqtt]
url = \"mqtts://user:hunter2@broker\"
username = \"line1\"
password = \"hunter2\"
client_cert_file = \"line1.crt\"
{DEVICE}{TAG}
[[device]]
name = \"oven\"
driver = \"opcua\"
endpoint = \"opc.tcp://oven\"
username = \"andon\"
password_file = \"open.password\"
[[device.tag]]
name = \"temp\"
address = \"i=1\"

[[device]]
name = \"saw\"
driver = \"opcua\"
endpoint = \"opc.tcp://saw\"
username = \"andon\"
password_file = \"empty.password\"
password_env = \"ANDON_TEST_NO_SUCH_VARIABLE\"
[[device.tag]]
name = \"temp\"
address = \"i=1\"

[[device]]
name = \"mill\"
driver = \"opcua\"
endpoint = \"opc.tcp://mill\"
password_file = \"missing.password\"
[[device.tag]]
name = \"temp\"
address = \"i=1\"
"
    );
    let others = [
        ("line1.crt", "not a certificate\n", 0o644),
        ("open.password", "hunter2\n", 0o644),
        ("empty.password", "\n", 0o600),
    ];
    let stderr = faults_with(&text, &others);
    assert!(!stderr.contains("hunter2"), "{stderr}");
    insta::assert_snapshot!("secrets", stderr);
}

#[test]
fn tls_needs_its_files_and_plain_text_none() {
    let text = format!(
        "{GATEWAY}[mqtt]\nurl = \"mqtts://broker\"\nclient_key_file = \"line1.key\"\n{DEVICE}{TAG}"
    );
    let key = "-----BEGIN PRIVATE KEY-----\n";
    insta::assert_snapshot!("tls", faults_with(&text, &[("line1.key", key, 0o600)]));
    let text =
        format!("{GATEWAY}[mqtt]\nurl = \"mqtt://broker\"\nca_file = \"ca.pem\"\n{DEVICE}{TAG}");
    let ca = "-----BEGIN CERTIFICATE-----\n";
    insta::assert_snapshot!("tls_plain", faults_with(&text, &[("ca.pem", ca, 0o644)]));
}

#[test]
fn opcua_without_security_must_be_meant() {
    let device = |name: &str, rest: &str| {
        format!(
            "[[device]]\nname = \"{name}\"\ndriver = \"opcua\"\nendpoint = \"opc.tcp://{name}\"\n{rest}\n[[device.tag]]\nname = \"t\"\naddress = \"i=1\"\n"
        )
    };
    let text = [
        GATEWAY.to_owned(),
        device("a", "security_policy = \"None\""),
        device(
            "b",
            "security_policy = \"None\"\nallow_insecure = true\nsecurity_mode = \"Sign\"",
        ),
        device("c", "security_mode = \"None\""),
        device("d", "security_policy = \"Basic256\""),
        device("e", "trust_any_server = true"),
    ]
    .concat();
    insta::assert_snapshot!("opcua_security", faults(&text));
}

#[test]
fn settings_of_a_tag_must_agree() {
    let text = format!(
        "{GATEWAY}{DEVICE}{TAG}rate = \"1min\"
phase = \"2min\"
scale = 0
sentinels = [1e39, \"x\"]
validate = {{ min = 5, max = 5, stuck_after = \"10s\" }}
publish = {{ summary = \"10s\", deadband = 1 }}
detect = {{ false_alarms = \"2 per day\", detect_shift = 1 }}

[[device.tag]]
name = \"raw\"
address = \"holding:1\"
type = \"u16\"
scale = 0.1
validate = {{ min = 7000 }}

[[device.tag]]
name = \"door\"
address = \"coil:1\"
scale = 2
detect = {{ on = true, detect_shift = 1 }}
detect.learn = 3
"
    );
    // The last line is wrong TOML on purpose: only then is nothing else looked at.
    insta::assert_snapshot!("tag_settings_syntax", faults(&text));
    let text = text.replace("detect.learn = 3\n", "");
    insta::assert_snapshot!("tag_settings", faults(&text));
}

#[test]
fn alert_routes_and_logs_are_checked() {
    let text = format!(
        "{GATEWAY}{DEVICE}{TAG}
[alerting]
default_roles = []
clear_after = \"2h\"
[[alerting.route]]
kinds = [\"device_dwn\", 5]
min_severity = \"urgent\"
assets = [\"a//b\"]
roles = [\"Operator\"]
[[alerting.route]]
kinds = [\"stuck\"]
[log]
level = \"verbose\"
[log.targets]
\"andon::driver\" = \"loud\"
\"no spaces\" = \"info\"
"
    );
    insta::assert_snapshot!("alerting", faults(&text));
}

/// Three detected tags and one that is not.
fn four_tags() -> String {
    let tag = |name: &str, rest: &str| {
        format!(
            "[[device.tag]]\nname = \"{name}\"\naddress = \"holding:1\"\ntype = \"u16\"\n{rest}\n"
        )
    };
    [
        GATEWAY.to_owned(),
        DEVICE.to_owned(),
        tag("temp", "detect = true"),
        tag("force", "detect = true"),
        tag("slow", "detect = true\nrate = \"10s\""),
        tag("recipe", ""),
    ]
    .concat()
}

#[test]
fn a_context_names_tags_that_are_there() {
    let text = four_tags()
        + r#"
[[context]]
assets = ["a//b"]
mode = ["press1.recipy", 5]
setpoints = "press1.temp"
cycle = "press1.cycle"
settle = "2d"
[[context]]
[[context]]
settle = "10s"
modes = ["press1.recipe"]
quiet = [{ tag = "press1.recipe" }, { values = ["MAINT"] }, { tag = "press1.state", values = [1.5, 2, true] }]
[[context]]
mode = []
"#;
    insta::assert_snapshot!("context", faults(&text));
}

#[test]
fn a_context_has_bounds() {
    let many = vec!["\"press1.recipe\""; 17].join(", ");
    let text = format!("{}[[context]]\nmode = [{many}]\n", four_tags());
    insta::assert_snapshot!("context_bounds", faults(&text));
}

#[test]
fn a_group_has_two_detected_tags_of_one_rate() {
    let text = four_tags()
        + r#"
[[group]]
[[group]]
name = "press one"
tags = ["press1.temp"]
[[group]]
name = "g"
tags = ["press1.temp", "press1.forse", "press1.recipe"]
[[group]]
name = "g2"
tags = ["press1.temp", "press1.slow"]
[[group]]
name = "g2"
tags = ["press1.temp", "press1.force", "press1.temp"]
colour = 1
"#;
    insta::assert_snapshot!("group", faults(&text));
}

#[test]
fn a_time_zone_is_one_of_iana() {
    let text = GATEWAY.replace("[gateway]", "[gateway]\ntime_zone = \"Europe/Berln\"");
    insta::assert_snapshot!("zone", faults(&text));
}

#[test]
fn wishes_that_no_chart_can_meet_are_refused() {
    let text = format!("{GATEWAY}{DEVICE}{TAG}detect = {{ within = \"5s\" }}\n");
    insta::assert_snapshot!("unmet", faults(&text));
}

#[test]
fn a_cycle_profile_needs_a_cycle() {
    let text = format!(
        "{GATEWAY}{DEVICE}{TAG}detect = {{ profile = \"cycle\", level = \"wondering\", within = \"1ms\" }}\n"
    );
    insta::assert_snapshot!("profile", faults(&text));
    let text = format!(
        "{GATEWAY}{DEVICE}{TAG}detect = {{ profile = \"cycle\" }}\n{TAG2}[[context]]\nmode = [\"press1.cycles\"]\n"
    );
    insta::assert_snapshot!("profile_cycle", faults(&text));
    let with_cycle = text.replace("mode = [\"press1.cycles\"]", "cycle = \"press1.cycles\"");
    let output = andon_check(&with_cycle, &[], &[]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn faults_in_a_tag_csv_have_its_line_and_column() {
    let text = format!("{GATEWAY}{DEVICE}tags_csv = \"press1.csv\"\n{TAG}");
    let csv = "\
# exported
name;address;type;unit;detect_shift;colour;scale
temp;holding:1;u16;°C;1;red;0,5
pressure;holding:x;u17;\"bar;quoted\";17;;1
;holding:5;u16
\"lost;holding:6;u16
long;holding:7;u16;;;;;extra
";
    insta::assert_snapshot!("csv", faults_with(&text, &[("press1.csv", csv, 0o644)]));
    insta::assert_snapshot!("csv_missing", faults(&text));
}

#[test]
fn a_csv_with_the_same_fault_on_every_line_says_so_once() {
    let text = format!("{GATEWAY}{DEVICE}tags_csv = \"press1.csv\"\n");
    let mut lines = vec!["name;address;type;scale;colour;taste;weight;sound".to_owned()];
    lines.extend((0..200).map(|n| {
        let data_type = if n == 150 { "u17" } else { "u16" };
        format!("t{n};holding:{n};{data_type};0,{n};;;;")
    }));
    let csv = lines.join("\n");
    let csv = [("press1.csv", csv.as_str(), 0o644)];
    insta::assert_snapshot!("csv_alike", faults_with(&text, &csv));
    let output = andon_check(&text, &csv, &["--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["count"], 205);
    assert_eq!(report["faults"].as_array().map(Vec::len), Some(7));
}

#[test]
fn assets_of_tags_are_checked() {
    let deep = "1/2/3/4/5/6";
    let tag = |name: &str, asset: &str| {
        format!("[[device.tag]]\nname = \"{name}\"\naddress = \"coil:1\"\nasset = {asset}\n")
    };
    let text = [
        format!("{GATEWAY}{DEVICE}tags_csv = \"press1.csv\"\n"),
        tag("a", "\"saw//2\""),
        tag("b", "7"),
        tag("c", &format!("\"{deep}\"")),
    ]
    .concat();
    let csv = format!("name;address;asset\nd;coil:1;saw/#\ne;coil:1;{deep}\nf;coil:1;\n");
    let csv = [("press1.csv", csv.as_str(), 0o644)];
    insta::assert_snapshot!("tag_assets", faults_with(&text, &csv));
}

#[test]
fn ten_faults_come_at_once_in_file_order() {
    let text = r#"[gateway]
id = "line 1"
asset = "acme//line1"

[buffer]
segment_bytes = "1GiB"

[mqtt]
url = "http://broker"
version = "4"

[[device]]
name = "press1"
driver = "modbus-tcp"
endpoint = "::1"
timeout = 5

[[device.tag]]
name = "öl"
address = "holdin:100"
type = "f33"
"#;
    insta::assert_snapshot!("ten", faults(text));
}

#[test]
fn machines_read_the_faults_as_json() {
    let output = andon_check("[gateway]\n", &[], &["--json"]);
    assert_eq!(output.status.code(), Some(64));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["valid"], false);
    assert_eq!(report["faults"][0]["at"], "line1.toml:1:1");
}

#[test]
fn a_valid_configuration_is_summed_up() {
    let text = format!(
        "{GATEWAY}data_dir = \"state\"\n[mqtt]\nurl = \"mqtt://broker\"\n{DEVICE}{TAG}detect = true\n"
    );
    let output = andon_check(&text, &[], &[]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("valid_stdout", String::from_utf8(output.stdout).unwrap());
    insta::assert_snapshot!("valid_stderr", String::from_utf8(output.stderr).unwrap());
    let output = andon_check(&text, &[], &["--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["valid"], true);
    assert_eq!(report["values_per_s"], 1.0);
}

#[test]
fn a_device_that_does_not_answer_fails_the_live_check() {
    // A port that was free a moment ago refuses connections.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let text = format!("{GATEWAY}{DEVICE}{TAG}").replace(":502", &format!(":{port}"));
    let output = andon_check(&text, &[], &["--live"]);
    assert_eq!(output.status.code(), Some(2));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("FAIL  press1: "), "{stdout}");
}

#[test]
fn history_and_production_are_checked() {
    let text = format!(
        r#"{GATEWAY}
[history]
raw = "1min"
hour = "30d"

[production]
oee_model = "best"

[calendar]
production_day = "noon"

[[calendar.shift]]
name = "early"
start = "6"
end = "14:00"
days = ["mon", "sunday"]
breaks = ["9-10"]

[[calendar.exception]]
date = 2026-12-25
work_units = ["press9"]

[calendar.crews]
pattern = "5x5"
start = "2026-01-05"
shifts = {{ DD = "early" }}

[[work_unit]]
name = "press1"
state = "press1.state"
states = {{ walk = [1] }}
shifts = ["late"]

[[work_unit]]
name = "press1"
state = "press1.temp"
states = "sfc"
ideal_cycle = "0s"

[[product]]
id = "A"
ideal_cycle = "12s"
[[product]]
id = "A"

[[reason]]
code = "a"
parent = "b"
counts_as = "tea"
{DEVICE}{TAG}"#
    );
    insta::assert_snapshot!("production", faults(&text));
}

#[test]
fn shifts_that_cannot_be_are_told() {
    let text = format!(
        r#"{GATEWAY}
[[calendar.shift]]
name = "early"
start = "06:00"
end = "14:00"

[[calendar.shift]]
name = "late"
start = "13:00"
end = "22:00"

[[work_unit]]
name = "press1"
state = "press1.temp"
shifts = ["night"]

[[work_unit]]
name = "press2"
state = "press1.temp"
{DEVICE}{TAG}"#
    );
    insta::assert_snapshot!("shifts", faults(&text));
}

#[test]
fn a_tree_of_defects_that_cannot_be_is_told() {
    let text = format!(
        r#"{GATEWAY}
[[defect]]
code = "surface"

[[defect]]
code = "scratch"
parent = "surfce"

[[defect]]
code = "scratch"

[[defect]]
label = "No code"

[[defect]]
code = "unclassified"
labell = "Other"

[[defect]]
code = " "

[[defect]]
code = "dent"
parent = "surface"

[[defect]]
code = "deep"
parent = "dent"

[[defect]]
code = "deeper"
parent = "deep"

[[defect]]
code = "a"
parent = "b"

[[defect]]
code = "b"
parent = "a"
{DEVICE}{TAG}"#
    );
    insta::assert_snapshot!("defects", faults(&text));
}
