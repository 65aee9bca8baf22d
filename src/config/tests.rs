//! What a valid configuration means, and that no text makes the loader panic.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Files and variables held in memory.
#[derive(Debug, Default)]
struct Held {
    files: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
}

impl Held {
    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }
}

impl FileSource for Held {
    fn text(&self, path: &Path) -> Result<String, FileFault> {
        let text = self.files.get(path.to_str().unwrap());
        text.cloned().ok_or(FileFault::Missing)
    }

    fn secret(&self, path: &Path) -> Result<String, FileFault> {
        self.text(path)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}

const LINE: &str = include_str!("../../config/line.toml");
const MINIMAL: &str = include_str!("../../config/minimal.toml");
const SECURE: &str = include_str!("../../config/secure.toml");
const PRESS1: &str = include_str!("../../config/press1.csv");

fn held() -> Held {
    let mut held = Held::default()
        .file("config/press1.csv", PRESS1)
        .file("/etc/andon/ca.pem", "-----BEGIN CERTIFICATE-----")
        .file("/etc/andon/line2.crt", "-----BEGIN CERTIFICATE-----")
        .file("/etc/andon/line2.key", "-----BEGIN PRIVATE KEY-----")
        .file("/etc/andon/mqtt.password", "s3cret\r\n");
    held.variables
        .insert("ANDON_OVEN_PASSWORD".into(), "0ven".into());
    held
}

#[track_caller]
fn accepted(text: &str, file: &str) -> Config {
    parse(text, file, &held()).unwrap_or_else(|error| panic!("{:#?}", error.faults))
}

#[test]
fn the_example_of_every_key_shows_the_defaults() {
    let line = accepted(LINE, "config/line.toml");
    let minimal = accepted(MINIMAL, "config/minimal.toml");
    assert_eq!(line.buffer, minimal.buffer);
    let mqtt = line.mqtt.unwrap();
    let defaults = minimal.mqtt.unwrap();
    assert_eq!((mqtt.port, defaults.port), (1883, 1883));
    let broker = |mqtt: MqttConfig| MqttConfig {
        host: String::new(),
        ..mqtt
    };
    assert_eq!(broker(mqtt), broker(defaults));
    let unit = |config: &[Device]| match &config[0].link {
        Link::ModbusTcp(link) => link.clone(),
        Link::OpcUa(_) => panic!("the first device is a Modbus unit"),
    };
    assert_eq!(unit(&line.devices), unit(&minimal.devices));
    assert_eq!(line.log.level, minimal.log.level);
    assert_eq!(line.alerting.clear_after, minimal.alerting.clear_after);
    assert_eq!(line.alerting.default_roles, minimal.alerting.default_roles);
    let rules = |tags: &[Tag]| (tags[0].detection, tags[0].data_type, tags[0].scale);
    assert_eq!(rules(&line.tags), rules(&minimal.tags));
}

#[test]
fn the_local_loader_reads_the_examples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let line = load(&folder.join("line.toml")).unwrap();
    assert_eq!(line.tags.len(), 10);
    assert!(load(&folder.join("minimal.toml")).is_ok());
    assert!(load(&folder).is_err());
}

#[test]
fn a_tag_csv_adds_its_tags_after_those_of_the_file() {
    let line = accepted(LINE, "config/line.toml");
    let names: Vec<&str> = line.tags.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(
        names[..3],
        ["press1.temp", "press1.pressure", "press1.oil_temp"]
    );
    assert_eq!(line.devices[0].tags, 0..8);
    assert_eq!(line.devices[1].tags, 8..10);
    let pressure = &line.tags[1];
    assert_eq!(pressure.rate, Duration::from_millis(500));
    assert_eq!(Some(pressure.scale), Some(0.01));
    assert_eq!(pressure.sentinels, [65_535.0]);
    assert_eq!(pressure.validation.max, Some(350.0));
    assert_eq!(pressure.detection.map(|d| d.shift_sigma), Some(0.5));
    let parts = &line.tags[3];
    assert_eq!(parts.data_type, DataType::U32(ByteOrder::Cdab));
    assert_eq!(parts.publish.summary, None);
    let torque = &line.tags[7];
    assert_eq!(
        torque.source,
        Source::Modbus(ModbusAddress {
            table: ModbusTable::Holding,
            address: 500,
            bit: None
        })
    );
}

#[test]
fn detection_of_a_device_spares_bits_and_text() {
    let line = accepted(LINE, "config/line.toml");
    let detected: Vec<bool> = line
        .tags
        .iter()
        .map(|tag| tag.detection.is_some())
        .collect();
    assert_eq!(
        detected,
        [
            true, true, true, false, false, false, false, true, true, false
        ]
    );
}

#[test]
fn secrets_come_from_files_and_variables() {
    let secure = accepted(SECURE, "config/secure.toml");
    let mqtt = secure.mqtt.as_ref().unwrap();
    assert_eq!(mqtt.login.as_ref().unwrap().password.expose(), "s3cret");
    assert!(mqtt.tls.as_ref().unwrap().client.is_some());
    let Link::OpcUa(link) = &secure.devices[0].link else {
        panic!("the oven speaks OPC UA");
    };
    assert_eq!(link.login.as_ref().unwrap().password.expose(), "0ven");
    assert!(!format!("{secure:?}").contains("s3cret"));
}

#[test]
fn assets_stand_below_the_gateway() {
    let line = accepted(LINE, "config/line.toml");
    assert_eq!(
        line.devices[0].asset.as_str(),
        "acme/berlin/paint/line1/press1"
    );
    let route = &line.alerting.routes[0];
    assert!(line.devices[0].asset.is_within(&route.assets[0]));
    assert!(!line.devices[1].asset.is_within(&route.assets[0]));
}

#[test]
fn a_tag_stands_on_its_own_asset_or_on_its_devices() {
    let text = "[gateway]
id = \"gw\"
asset = \"acme/line1\"
[[device]]
name = \"plc\"
asset = \"cell\"
driver = \"modbus-tcp\"
endpoint = \"h\"
tags_csv = \"plc.csv\"
tag = [
    { name = \"a\", address = \"coil:1\", asset = \"cell/saw\" },
    { name = \"b\", address = \"coil:2\" },
]
[[device]]
name = \"server\"
driver = \"opcua\"
endpoint = \"opc.tcp://h\"
tags_csv = \"server.csv\"
";
    // As `andon browse` writes it, with some assets filled in.
    let server = "name,address,asset,type,unit,description,value
a,nsu=u;s=a,oven,f64,,,1.5
b,nsu=u;s=b,,f64,,,1.5
c,nsu=u;s=c,paint/robot 2,f64,,,1.5
";
    let held = Held::default()
        .file("plc.csv", "name,asset,address\nc,lathe,coil:3\n")
        .file("server.csv", server);
    let config = parse(text, "x.toml", &held).unwrap();
    let found: Vec<(&str, &str)> = config
        .tags
        .iter()
        .map(|tag| (tag.name.as_str(), config.asset(tag).as_str()))
        .collect();
    let expected = [
        ("plc.a", "acme/line1/cell/saw"),
        ("plc.b", "acme/line1/cell"),
        ("plc.c", "acme/line1/lathe"),
        ("server.a", "acme/line1/oven"),
        ("server.b", "acme/line1/server"),
        ("server.c", "acme/line1/paint/robot 2"),
    ];
    assert_eq!(found, expected);
    let assets = Capacity::of(&config).devices;
    assert_eq!((assets[0].assets, assets[1].assets), (3, 3));
}

#[test]
fn settings_are_inherited_key_by_key() {
    let text = MINIMAL
        .replace("[[device]]", "[defaults]\nrate = \"2s\"\nvalidate = { min = 0, max = 9, stuck_after = \"1s\" }\npublish = { summary = \"1s\", raw = \"change\", deadband = 2 }\ndetect = { detect_shift = 2, learn = 100 }\n\n[[device]]")
        .replace("detect = true", "rate = \"5s\"\nvalidate = { max = \"off\" }\npublish = { heartbeat = \"90s\" }\ndetect = { learn = 50 }");
    let tag = accepted(&text, "x.toml").tags.remove(0);
    assert_eq!(tag.rate, Duration::from_secs(5));
    assert_eq!((tag.validation.min, tag.validation.max), (Some(0.0), None));
    assert_eq!(tag.validation.gap_after, Some(Duration::from_secs(15)));
    // Inherited intervals shorter than the tag's own rate are raised to it.
    assert_eq!(tag.validation.stuck_after, Some(Duration::from_secs(5)));
    assert_eq!(tag.publish.summary, Some(Duration::from_secs(5)));
    let raw = RawMode::OnChange {
        deadband: 2.0,
        heartbeat: Duration::from_secs(90),
    };
    assert_eq!(tag.publish.raw, raw);
    let detection = tag.detection.unwrap();
    assert_eq!((detection.shift_sigma, detection.learn_samples), (2.0, 50));
}

#[test]
fn the_load_is_estimated_before_anything_runs() {
    let line = accepted(LINE, "config/line.toml");
    let capacity = Capacity::of(&line);
    assert_eq!(capacity.tags, 10);
    assert_eq!(capacity.detected_tags, 5);
    let press = &capacity.devices[0];
    // Two coil and bit tags at 100 ms in two tables, two at 500 ms in two tables, two at 1 s far apart, 2 s, 5 s.
    assert_eq!(press.requests_per_cycle, 8);
    assert!((press.values_per_s - (20.0 + 4.0 + 2.0 + 0.5 + 0.2)).abs() < 1e-9);
    assert_eq!(capacity.devices[1].requests_per_cycle, 1);
}

#[test]
fn risks_are_told() {
    let risky = |text: &str, words: &str| {
        let found = warnings(&accepted(text, "config/line.toml"));
        assert!(
            found.iter().any(|w| w.contains(words)),
            "{words}: {found:?}"
        );
    };
    risky(MINIMAL, "plain text");
    risky(
        &MINIMAL.replace("[mqtt]\nurl = \"mqtt://localhost\"\n", ""),
        "no [mqtt]",
    );
    risky(
        &MINIMAL.replace("detect = true", ""),
        "no tag has detection",
    );
    risky(
        &LINE.replace("[\"press1\"]", "[\"press9\"]"),
        "matches nothing",
    );
    let open = "security_policy = \"None\"\nallow_insecure = true\nsecurity_mode = \"None\"";
    let secure = SECURE.replace(
        "security_policy = \"Aes256-Sha256-RsaPss\"\nsecurity_mode = \"SignAndEncrypt\"",
        open,
    );
    risky(&secure, "OPC UA security is None");
    risky(
        &SECURE.replace("\"SignAndEncrypt\"", "\"Sign\""),
        "not encrypted",
    );
    assert!(warnings(&accepted(SECURE, "config/secure.toml")).is_empty());
}

/// `text` with `count` bytes from `start` replaced by `patch`, at character borders.
fn mutated(text: &str, start: usize, count: usize, patch: &str) -> String {
    let start = text.floor_char_boundary(start % text.len());
    let end = text.ceil_char_boundary((start + count).min(text.len()));
    format!(
        "{}{patch}{}",
        text.get(..start).unwrap(),
        text.get(end..).unwrap()
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_text_makes_the_loader_panic(text in "\\PC{0,200}") {
        parse(&text, "x.toml", &held()).ok();
    }

    #[test]
    fn no_change_of_a_valid_file_makes_it_panic(
        start in 0_usize..10_000,
        count in 0_usize..40,
        patch in "[\\PC\n]{0,12}",
    ) {
        for text in [LINE, SECURE] {
            let text = mutated(text, start, count, &patch);
            if let Err(error) = parse(&text, "config/line.toml", &held()) {
                prop_assert!(!error.faults.is_empty(), "{text}");
            }
        }
    }

    #[test]
    fn no_change_of_a_tag_csv_makes_it_panic(
        start in 0_usize..10_000,
        count in 0_usize..40,
        patch in "[\\PC\n\",;\t]{0,12}",
    ) {
        let held = held().file("config/press1.csv", &mutated(PRESS1, start, count, &patch));
        if let Err(error) = parse(LINE, "config/line.toml", &held) {
            prop_assert!(!error.faults.is_empty());
        }
    }
}
