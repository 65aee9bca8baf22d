use std::sync::Arc;

use super::super::scripted::{Act, Asked, Device, HASTY, PATIENT, address, bit, register, tag};
use super::*;

fn send(asked: Asked, registers: &[u16]) -> Vec<Act> {
    let bytes: Vec<u8> = registers
        .iter()
        .flat_map(|word| word.to_be_bytes())
        .collect();
    let count = u8::try_from(bytes.len()).unwrap();
    vec![Act::Send(
        asked.frame(&[vec![asked.function, count], bytes].concat()),
    )]
}

fn holding(name: &str, register: u16, data_type: DataType) -> Tag {
    tag(name, 0, address(ModbusTable::Holding, register), data_type)
}

async fn probed(device: &Device, timeout: Duration, tags: &[Tag]) -> DeviceProbe {
    let tags: Vec<&Tag> = tags.iter().collect();
    probe_device("press1", &device.link(7, timeout), &tags).await
}

#[tokio::test]
async fn each_tag_is_read_alone_and_shown_as_the_gateway_takes_it() {
    let device = Device::new(|asked| match asked.start {
        20 => send(asked, &[0x5031, 0x3200]),
        30 => send(asked, &[0x7FC0, 0]),
        31 => send(asked, &[0x12A4]),
        _ => asked.good(),
    });
    let mut scaled = holding("press1.temp", 5, DataType::U16);
    scaled.scale = 0.5;
    scaled.unit = "°C".into();
    let mut alien = scaled.clone();
    alien.name = "press1.alien".into();
    alien.source = Source::OpcUa("ns=2;i=1".into());
    let text = DataType::Text {
        bytes: 4,
        swapped: false,
    };
    let tags = [
        scaled,
        tag(
            "press1.on",
            0,
            address(ModbusTable::Coil, 3),
            DataType::Bool,
        ),
        holding("press1.code", 20, text),
        holding("press1.auto", 21, DataType::Auto),
        holding("press1.bcd", 31, DataType::Bcd16),
        alien,
    ];
    let probe = probed(&device, PATIENT, &tags).await;
    let port = device.endpoint().port;
    let half = f64::from(register(7, 5)) / 2.0;
    let expected = format!(
        "press1: unit 7 at 127.0.0.1:{port} answers
  press1.temp = {half} °C
  press1.on = {}
  press1.code = \"P12\"
  press1.auto: FAILED: type \"auto\" does not exist on Modbus; name the register's type
  press1.bcd: FAILED: type_mismatch (registers 12A4)
  press1.alien: FAILED: has no Modbus address
",
        bit(3)
    );
    assert_eq!(probe.to_string(), expected);
    assert_eq!(device.connections(), 1);
}

#[tokio::test]
async fn values_over_several_registers_are_shown_in_all_four_orders() {
    // 21.5 as a float is 0x41AC0000; the device sends the low word first.
    let device = Device::new(|asked| send(asked, &[0x0000, 0x41AC]));
    let mut float = holding("press1.temp", 5, DataType::F32(ByteOrder::Abcd));
    float.unit = "°C".into();
    let probe = probed(&device, PATIENT, &[float.clone()]).await;
    assert_eq!(
        probe.tags[0].hints,
        [
            line(0x0000_41AC, "ABCD", " <- configured"),
            "CDAB 21.5 °C (plausible)".to_owned(),
            line(0x0000_AC41, "BADC", ""),
            line(0xAC41_0000, "DCBA", ""),
        ]
    );
    let limits = Arc::make_mut(&mut float.validation);
    limits.min = Some(-1.0);
    limits.max = Some(0.0);
    let probe = probed(&device, PATIENT, &[float]).await;
    assert!(
        probe.tags[0].hints[3].ends_with("(plausible)"),
        "a configured range decides"
    );
    assert!(!probe.tags[0].hints[1].contains("plausible"));
}

fn line(bits: u32, order: &str, end: &str) -> String {
    format!("{order} {:e} °C{end}", f64::from(f32::from_bits(bits)))
}

#[tokio::test]
async fn every_type_with_an_order_has_its_four_lines() {
    let device = Device::new(|asked| send(asked, &vec![0; usize::from(asked.count)]));
    let order = ByteOrder::Dcba;
    let types = [
        DataType::U32(order),
        DataType::I32(order),
        DataType::U64(order),
        DataType::I64(order),
        DataType::F64(order),
        DataType::Bcd32(order),
    ];
    for data_type in types {
        let probe = probed(&device, PATIENT, &[holding("press1.x", 0, data_type)]).await;
        let expected = ["ABCD", "CDAB", "BADC", "DCBA"].map(|name| {
            let end = if name == "DCBA" { " <- configured" } else { "" };
            format!("{name} 0 (plausible){end}")
        });
        assert_eq!(probe.tags[0].hints, expected, "{data_type:?}");
    }
    let mut marked = holding("press1.x", 0, DataType::U32(order));
    marked.sentinels = vec![0.0];
    let probe = probed(&device, PATIENT, &[marked]).await;
    let outcome = Err("not_a_number (registers 0000 0000)".to_owned());
    assert_eq!(probe.tags[0].outcome, outcome);
    assert_eq!(probe.tags[0].hints[0], "ABCD not_a_number");
}

#[tokio::test]
async fn a_refused_address_comes_with_the_places_that_answer() {
    let device = Device::new(|asked| match (asked.function, asked.start) {
        (3, 100) | (4, 200) | (1, 5) => asked.exception(2),
        (3, 300) => asked.exception(4),
        (4, 100) | (3, 99 | 200) | (2, 5) | (1, 4) => asked.good(),
        _ => asked.exception(3),
    });
    let tags = [
        holding("a", 100, DataType::U16),
        tag("b", 0, address(ModbusTable::Input, 200), DataType::U16),
        tag("c", 0, address(ModbusTable::Coil, 5), DataType::Bool),
        holding("d", 300, DataType::U16),
        tag("e", 0, address(ModbusTable::Discrete, 0), DataType::Bool),
    ];
    let found = probed(&device, PATIENT, &tags).await;
    let hints: Vec<_> = found.tags.iter().map(|tag| tag.hints.join("; ")).collect();
    assert_eq!(
        hints,
        [
            "holding:99 answers: is the address in the manual counted from 1?; input:100 answers: is it in that table?",
            "holding:200 answers: is it in that table?",
            "coil:4 answers: is the address in the manual counted from 1?; discrete:5 answers: is it in that table?",
            "",
            "",
        ]
    );
    let outcome = |index: usize| found.tags[index].outcome.clone().unwrap_err();
    assert_eq!(
        outcome(0),
        "holding:100: illegal data address (exception 2)"
    );
    assert_eq!(outcome(3), "holding:300: device failure (exception 4)");
    assert!(found.reachable.is_ok());
}

#[tokio::test]
async fn a_silent_unit_is_named_with_one_that_answers() {
    let device = Device::new(|asked| match asked.unit {
        7 => vec![],
        1 => asked.exception(11),
        255 => asked.exception(2),
        _ => asked.good(),
    });
    let tags = ["a", "b", "c"].map(|name| holding(name, 0, DataType::U16));
    let found = probed(&device, HASTY * 5, &tags).await;
    let port = device.endpoint().port;
    let words = format!("no answer from unit 7 at 127.0.0.1:{port}; unit 255 answers");
    assert_eq!(found.reachable, Err(words));
    let outcomes: Vec<_> = found
        .tags
        .into_iter()
        .map(|tag| tag.outcome.unwrap_err())
        .collect();
    assert_eq!(
        outcomes,
        [
            "holding:0: no answer within 300ms",
            "holding:0: no answer within 300ms",
            "not tried: the unit is silent",
        ]
    );
}

#[tokio::test]
async fn another_unit_that_has_the_value_is_named_however_late_it_is_asked() {
    let device = Device::new(|asked| match asked.unit {
        255 => vec![Act::Close],
        3 => asked.good(),
        _ => vec![],
    });
    let found = probed(&device, HASTY, &[holding("a", 0, DataType::U16)]).await;
    let words = found.reachable.unwrap_err();
    assert!(words.ends_with("; unit 3 answers"), "{words}");
}

#[test]
fn every_value_has_words() {
    let check =
        |value: Value, unit: &str, expected: &str| assert_eq!(words(&value, unit), expected);
    check(Value::Missing, "", "nothing");
    check(Value::Float(21.5), "°C", "21.5 °C");
    check(Value::Float(0.0), "bar", "0 bar");
    check(Value::Float(1e-9), "bar", "1e-9 bar");
    check(Value::Float(-3e12), "", "-3e12");
    check(Value::Int(-7), "pcs", "-7 pcs");
    check(Value::Bool(true), "", "true");
    check(Value::Text("P\t1".parse().unwrap()), "", "\"P\\t1\"");
}

#[tokio::test]
async fn a_gateway_without_any_unit_says_so() {
    let device = Device::new(|asked| asked.exception(10));
    let found = probed(&device, PATIENT, &[holding("a", 0, DataType::U16)]).await;
    let words = found.reachable.unwrap_err();
    assert!(
        words.ends_with("no other unit that was tried answers either"),
        "{words}"
    );
}

#[tokio::test]
async fn one_silent_tag_does_not_make_a_silent_unit() {
    let device = Device::new(|asked| match asked.start {
        1 => vec![],
        _ => asked.good(),
    });
    let tags = [0, 1, 2].map(|register| holding("a", register, DataType::U16));
    let found = probed(&device, HASTY * 10, &tags).await;
    assert!(found.reachable.is_ok());
    let worked: Vec<_> = found.tags.iter().map(|tag| tag.outcome.is_ok()).collect();
    assert_eq!(worked, [true, false, true]);
}

#[tokio::test]
async fn an_endpoint_that_does_not_speak_modbus_is_told_from_a_silent_one() {
    let device = Device::new(|_| {
        vec![
            Act::Send(b"HTTP/1.1 400 Bad Request\r\n".to_vec()),
            Act::Close,
        ]
    });
    let tags = [0, 1].map(|register| holding("a", register, DataType::U16));
    let found = probed(&device, PATIENT, &tags).await;
    let words = found.reachable.unwrap_err();
    assert!(words.starts_with("connected, but unit 7"), "{words}");
    let nothing = probed(&device, PATIENT, &[]).await;
    assert!(
        nothing
            .reachable
            .unwrap()
            .starts_with("connected; nothing was asked")
    );
}

#[tokio::test]
async fn an_unreachable_device_says_so_for_each_tag() {
    let device = Device::new(Asked::good);
    let mut link = device.link(7, PATIENT);
    link.port = 0;
    let tag = holding("a", 0, DataType::U16);
    let found = probe_device("press1", &link, &[&tag]).await;
    assert!(
        found
            .reachable
            .unwrap_err()
            .starts_with("connect to 127.0.0.1:0: ")
    );
    assert!(found.tags.is_empty());
    let tags = probe(&link, &[&tag]).await;
    assert!(
        tags[0]
            .outcome
            .as_ref()
            .unwrap_err()
            .starts_with("connect to")
    );
    link.port = device.endpoint().port;
    let tags = probe(&link, &[&tag]).await;
    assert_eq!(tags[0].outcome, Ok("7000".into()));
}
