use std::collections::BTreeSet;
use std::sync::Mutex;

use super::super::scripted::{
    Act, Asked, Device, HASTY, NOON, PATIENT, address, bad, bit, clock, config, driver, good,
    holding, read, register, tag,
};
use super::*;
use crate::config::{ByteOrder, ModbusTable};
use crate::driver::testing::Log;
use crate::model::{Quality, Reason, Value};

#[tokio::test]
async fn units_behind_one_endpoint_share_a_connection() {
    let device = Device::new(Asked::good);
    let groups = vec![
        holding(1, PATIENT, &[0, 1, 9, 300]),
        holding(7, PATIENT, &[5, 4]),
    ];
    let mut driver = driver(&device, groups);
    assert!(!driver.is_connected());
    driver.connect().await.unwrap();
    driver.connect().await.unwrap();
    let first = read(&mut driver, 0).await.unwrap();
    let values = [1000, 1001, 1009, 1300];
    assert!(
        first
            .iter()
            .cloned()
            .eq((0..).zip(values).map(|(t, v)| good(t, v)))
    );
    let second = read(&mut driver, 1).await.unwrap();
    assert_eq!(second, [good(0, 7005), good(1, 7004)]);
    let requests: Vec<_> = device
        .asked()
        .iter()
        .map(|a| (a.unit, a.start, a.count))
        .collect();
    assert_eq!(requests, [(1, 0, 10), (1, 300, 1), (7, 4, 2)]);
    assert_eq!(device.connections(), 1);
    driver.close().await;
    driver.close().await;
    assert!(!driver.is_connected());
    assert_eq!(read(&mut driver, 1).await.unwrap().len(), 2);
}

#[tokio::test]
async fn every_table_is_read_with_its_function() {
    let device = Device::new(Asked::good);
    let mut group = holding(2, PATIENT, &[10]);
    let tables = [ModbusTable::Input, ModbusTable::Coil, ModbusTable::Discrete];
    for (tag, table) in (1..).zip(tables) {
        let data_type = match table {
            ModbusTable::Input => DataType::U32(ByteOrder::Abcd),
            _ => DataType::Bool,
        };
        group.points.push(ModbusPoint {
            tag: TagId(tag),
            address: address(table, 21),
            data_type,
            ..group.points[0].clone()
        });
    }
    group.points[1].scale = 0.5;
    let mut driver = driver(&device, vec![group]);
    let values: Vec<_> = read(&mut driver, 0)
        .await
        .unwrap()
        .into_iter()
        .map(|s| s.value)
        .collect();
    let joined = f64::from(u32::from(register(2, 21)) << 16 | u32::from(register(2, 22)));
    let expected = [
        Value::Int(2010),
        Value::Float(joined / 2.0),
        Value::Bool(bit(21)),
        Value::Bool(bit(21)),
    ];
    assert_eq!(values, expected);
    let functions: BTreeSet<_> = device.asked().iter().map(|asked| asked.function).collect();
    assert!(functions.into_iter().eq(1..=4));
}

#[tokio::test]
async fn the_sample_time_is_the_middle_of_the_exchange() {
    let clock = clock();
    let ticking = Arc::clone(&clock);
    let device = Device::new(move |asked| {
        ticking.advance(Duration::from_millis(10));
        // A step of the wall clock meanwhile moves no sample.
        ticking.step_wall(-3_600_000_000_000);
        asked.good()
    });
    let groups = vec![holding(1, PATIENT, &[0])];
    let mut driver = ModbusDriver::new(device.endpoint(), groups, clock);
    let samples = read(&mut driver, 0).await.unwrap();
    assert_eq!(
        samples[0].time,
        NOON.saturating_add(Duration::from_millis(5))
    );
}

#[tokio::test]
async fn passing_exceptions_mark_the_samples_and_keep_the_connection() {
    let device = Device::new(|asked| asked.exception(u8::try_from(asked.start).unwrap()));
    let codes = [4, 5, 6, 7, 8, 200];
    let groups = codes.iter().map(|code| holding(1, PATIENT, &[*code]));
    let mut driver = driver(&device, groups.collect());
    for (group, code) in codes.into_iter().enumerate() {
        let reason = match code {
            4 | 8 => Reason::DeviceFailure,
            _ => Reason::CommFailure,
        };
        assert_eq!(read(&mut driver, group).await.unwrap(), [bad(0, reason)]);
    }
    assert_eq!(device.connections(), 1);
    assert_eq!(device.asked().len(), codes.len());
    assert_eq!(driver.refused(), []);
}

#[tokio::test]
async fn a_gateway_that_reports_a_silent_unit_keeps_its_connection() {
    let device = Device::new(|asked| match asked.unit {
        1 => asked.good(),
        unit => asked.exception(unit),
    });
    let groups = [10, 11, 1].map(|unit| holding(unit, PATIENT, &[0]));
    let mut driver = driver(&device, groups.into());
    for group in [0, 1] {
        let error = read(&mut driver, group).await.unwrap_err();
        assert!(matches!(&error, DriverError::Silent(words) if words.contains("gateway")));
        driver.connect().await.unwrap();
    }
    assert_eq!(read(&mut driver, 2).await.unwrap(), [good(0, 1000)]);
    assert_eq!(device.connections(), 1);
}

#[tokio::test]
async fn a_bad_register_is_isolated_at_once_and_tried_again_later() {
    let (log, _guard) = Log::start();
    let broken = Arc::new(Mutex::new(true));
    let (inside, clock) = (Arc::clone(&broken), clock());
    let device = Device::new(move |asked| {
        if *inside.lock().unwrap() && asked.touches(120) {
            asked.exception(2)
        } else {
            asked.good()
        }
    });
    let addresses: Vec<u16> = (100..140).collect();
    let groups = vec![holding(1, PATIENT, &addresses)];
    let time = Arc::clone(&clock);
    let mut driver = ModbusDriver::new(device.endpoint(), groups, clock);

    for _ in 0..2 {
        let samples = read(&mut driver, 0).await.unwrap();
        for (sample, register) in samples.iter().zip(100..) {
            let expected = match register {
                120 => bad(20, Reason::ConfigError),
                _ => good(register - 100, 1000 + i64::from(register)),
            };
            assert_eq!(*sample, expected);
        }
        let reason = "holding:120: illegal data address (exception 2)";
        assert_eq!(driver.refused(), [(TagId(20), reason.to_owned())]);
    }
    let learned = device
        .asked()
        .iter()
        .filter(|asked| asked.touches(120))
        .count();
    assert!(learned <= 7, "the second read asks no more: {learned}");

    // Still refused when it is tried again.
    time.advance(Duration::from_secs(5));
    read(&mut driver, 0).await.unwrap();
    assert!(
        device
            .asked()
            .iter()
            .any(|asked| asked.start == 120 && asked.count == 1)
    );
    assert_eq!(driver.refused().len(), 1);

    // Repaired: the next try finds it, and then everything is read in one request again.
    *broken.lock().unwrap() = false;
    time.advance(Duration::from_secs(10));
    let samples = read(&mut driver, 0).await.unwrap();
    assert_eq!(samples[20].value, Value::Int(1120));
    assert_eq!(driver.refused(), []);
    device.asked();
    read(&mut driver, 0).await.unwrap();
    assert_eq!(device.asked().len(), 1);
    assert_eq!(device.connections(), 1);

    let refused = log.lines_with("The device refuses addresses");
    assert_eq!(refused.len(), 1, "said once: {refused:?}");
    assert!(refused[0].contains("holding:120: illegal data address (exception 2)"));
    let back = log.lines_with("A refused address answers again");
    assert_eq!(back.len(), 1);
    assert!(back[0].contains("address=holding:120"), "{back:?}");
}

#[tokio::test]
async fn a_device_that_refuses_everything_is_learned_in_bounded_steps() {
    let device = Device::new(|asked| asked.exception(1));
    let addresses: Vec<u16> = (0..125).collect();
    let mut driver = driver(&device, vec![holding(1, PATIENT, &addresses)]);
    let mut requests = Vec::new();
    for _ in 0..4 {
        let samples = read(&mut driver, 0).await.unwrap();
        assert!(
            samples
                .iter()
                .all(|s| s.quality == Quality::Bad(Reason::ConfigError))
        );
        requests.push(device.asked().len());
    }
    assert!(requests.iter().all(|n| *n <= 2 * 65), "{requests:?}");
    assert_eq!(requests.last(), Some(&0), "all set aside: {requests:?}");
    assert_eq!(driver.refused().len(), 125);
}

#[tokio::test]
async fn a_second_try_that_fails_costs_no_values() {
    let clock = clock();
    let device = Device::new(|asked| match (asked.start, asked.connection) {
        (0, _) => asked.good(),
        (_, 0) if asked.count == 1 && asked.id[1] > 3 => vec![Act::Close],
        (_, 1) => asked.exception(6),
        _ => asked.exception(2),
    });
    let time = Arc::clone(&clock);
    let groups = vec![holding(1, PATIENT, &[0, 50])];
    let mut driver = ModbusDriver::new(device.endpoint(), groups, clock);
    let expected = [good(0, 1000), bad(1, Reason::ConfigError)];
    assert_eq!(read(&mut driver, 0).await.unwrap(), expected);
    read(&mut driver, 0).await.unwrap();
    time.advance(Duration::from_secs(5));
    let later = read(&mut driver, 0).await.unwrap();
    assert_eq!(later[0].value, Value::Int(1000));
    assert!(!driver.is_connected());
    // Busy on the next try: still set aside, with what the device said first.
    time.advance(Duration::from_secs(10));
    let later = read(&mut driver, 0).await.unwrap();
    assert_eq!(later[1].quality, Quality::Bad(Reason::CommFailure));
    assert_eq!(driver.refused().len(), 1);
    assert_eq!(device.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_is_a_link_error() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let endpoint = Endpoint {
        host: "127.0.0.1".into(),
        port,
        connect_timeout: PATIENT,
        ignore_transaction_id: false,
    };
    let groups = vec![holding(1, PATIENT, &[0])];
    let mut driver = ModbusDriver::new(endpoint, groups, clock());
    let expected = format!("connect to 127.0.0.1:{port}: ");
    for result in [
        driver.connect().await,
        read(&mut driver, 0).await.map(|_| ()),
    ] {
        assert!(matches!(&result, Err(DriverError::Link(words)) if words.starts_with(&expected)));
    }
    let error = read(&mut driver, 9).await.unwrap_err();
    assert_eq!(error, DriverError::Config("no scan group 9".into()));
    assert!(format!("{driver:?}").contains("open: false"));
}

#[tokio::test]
async fn a_tag_that_can_never_be_read_says_why_and_spoils_no_other() {
    let device = Device::new(Asked::good);
    let mut group = holding(1, PATIENT, &[0, 1, 2]);
    group.unit.limits = Limits::new(1, 0);
    group.points[1].data_type = DataType::F32(ByteOrder::Abcd);
    group.points[2].data_type = DataType::Auto;
    let mut driver = driver(&device, vec![group]);
    let samples = read(&mut driver, 0).await.unwrap();
    let refused = Reason::ConfigError;
    assert_eq!(samples, [good(0, 1000), bad(1, refused), bad(2, refused)]);
    let reasons: Vec<_> = driver
        .refused()
        .into_iter()
        .map(|(_, reason)| reason)
        .collect();
    assert_eq!(
        reasons,
        [
            "the value needs 2 registers and the device answers at most 1",
            "type \"auto\" does not exist on Modbus; name the register's type",
        ]
    );
}

#[test]
fn an_endpoint_is_built_from_the_configuration() {
    let device = Device::new(Asked::good);
    let mut config = config(&[device.link(1, PATIENT), device.link(2, PATIENT)]);
    if let Link::ModbusTcp(link) = &mut config.devices[1].link {
        link.connect_timeout = PATIENT * 2;
        link.ignore_transaction_id = true;
    }
    config.tags.push(tag(
        "a.x",
        0,
        address(ModbusTable::Holding, 4),
        DataType::U16,
    ));
    config
        .tags
        .push(tag("b.x", 1, address(ModbusTable::Input, 5), DataType::U16));
    let mut opcua = tag("b.y", 1, address(ModbusTable::Input, 5), DataType::U16);
    opcua.source = Source::OpcUa("ns=2;i=1".into());
    config.tags.push(opcua);
    let scan = |device, tags: &[u32]| ScanGroup {
        device: DeviceId(device),
        tags: tags.iter().map(|id| TagId(*id)).collect(),
    };
    let build = |devices: &[u32], groups: &[ScanGroup]| {
        let devices: Vec<_> = devices.iter().map(|id| DeviceId(*id)).collect();
        ModbusDriver::for_endpoint(&config, &devices, groups, clock())
    };
    let refused = |result: Result<ModbusDriver, DriverError>, expected: &str| {
        assert_eq!(result.unwrap_err(), DriverError::Config(expected.into()));
    };
    refused(build(&[], &[]), "a Modbus endpoint without devices");
    refused(build(&[7], &[]), "device 7 is not a Modbus unit");
    refused(
        build(&[0], &[scan(9, &[])]),
        "device 9 is not a Modbus unit",
    );
    refused(
        build(&[0, 1], &[scan(1, &[2])]),
        "tag 2 has no Modbus address",
    );
    refused(
        build(&[0, 1], &[scan(1, &[3])]),
        "tag 3 has no Modbus address",
    );

    let mut driver = build(&[0, 1], &[scan(0, &[0]), scan(1, &[1])]).unwrap();
    let debug = format!("{driver:?}");
    assert!(debug.contains("connect_timeout: 40s, ignore_transaction_id: true"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        assert_eq!(read(&mut driver, 0).await.unwrap(), [good(0, 1004)]);
        assert_eq!(read(&mut driver, 1).await.unwrap(), [good(1, 2005)]);
    });
}

/// A device that does `instead` where it should refuse register 120; returns after how many failed reads all other
/// registers are read.
async fn failures_until_isolated(
    instead: fn(Asked) -> Vec<Act>,
    timeout: Duration,
    addresses: &[u16],
) -> usize {
    let device = Device::new(move |asked| {
        if asked.touches(120) {
            instead(asked)
        } else {
            asked.good()
        }
    });
    let mut driver = driver(&device, vec![holding(1, timeout, addresses)]);
    for failures in 0..20 {
        let Ok(samples) = read(&mut driver, 0).await else {
            continue;
        };
        for (sample, register) in samples.iter().zip(addresses) {
            let expected = match register {
                120 => bad(sample.tag.0, Reason::ConfigError),
                _ => good(sample.tag.0, 1000 + i64::from(*register)),
            };
            assert_eq!(*sample, expected);
        }
        let reasons: Vec<_> = driver
            .refused()
            .into_iter()
            .map(|(_, reason)| reason)
            .collect();
        assert_eq!(
            reasons,
            ["holding:120: no answer, while the device answers elsewhere"]
        );
        return failures;
    }
    panic!("the register is never isolated");
}

#[tokio::test]
async fn an_address_that_is_never_answered_is_isolated_without_a_refusal() {
    let all: Vec<u16> = (100..132).collect();
    assert!(failures_until_isolated(|_| vec![Act::Close], PATIENT, &all).await <= 12);
    assert!(failures_until_isolated(|_| vec![], HASTY * 3, &[119, 120]).await <= 6);
    assert!(failures_until_isolated(|_| vec![], HASTY * 3, &[120, 121]).await <= 6);
    assert!(failures_until_isolated(|_| vec![], HASTY * 3, &[0, 120]).await <= 4);
}

#[tokio::test]
async fn a_dead_device_is_not_taken_for_one_with_bad_addresses() {
    let device = Device::new(|_| vec![Act::Close]);
    let addresses: Vec<u16> = (0..300).collect();
    let groups = vec![holding(1, PATIENT, &addresses), holding(1, PATIENT, &[3])];
    let mut driver = driver(&device, groups);
    for _ in 0..10 {
        assert!(read(&mut driver, 0).await.is_err());
        assert!(read(&mut driver, 1).await.is_err());
    }
    assert_eq!(driver.refused(), []);
    let counts: BTreeSet<_> = device.asked().iter().map(|asked| asked.count).collect();
    assert!(counts.into_iter().eq([1, 125]), "never split");
}
