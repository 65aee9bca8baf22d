//! Broken answers on real sockets: never a value, and the next read is right.

use std::time::Duration;

use super::driver::ModbusDriver;
use super::scripted::{
    Act, Asked, Device, HASTY, PATIENT, bad, clock, driver, frame, good, holding, read,
};
use crate::driver::{Driver, DriverError, GroupId};
use crate::model::Reason;

/// One broken answer on the first connection, right answers on the next.
#[track_caller]
fn check_fault(
    name: &str,
    timeout: Duration,
    fault: impl Fn(Asked) -> Vec<Act> + Send + 'static,
    expected: impl Fn(&DriverError) -> bool,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let device = Device::new(move |asked| match asked.connection {
            0 => fault(asked),
            _ => asked.good(),
        });
        let groups = vec![holding(1, timeout, &[7, 8]), holding(1, PATIENT, &[40, 41])];
        let mut driver = driver(&device, groups);
        driver.connect().await.unwrap();
        let error = read(&mut driver, 0).await.unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
        assert!(!driver.is_connected(), "{name}");
        driver.connect().await.unwrap();
        let samples = read(&mut driver, 1).await.unwrap();
        assert_eq!(samples, [good(0, 1040), good(1, 1041)], "{name}");
        assert_eq!(device.connections(), 2, "{name}");
    });
}

fn check_link(name: &str, fault: impl Fn(Asked) -> Vec<Act> + Send + 'static) {
    check_fault(name, PATIENT, fault, |error| {
        matches!(error, DriverError::Link(_))
    });
}

fn check_silent(name: &str, fault: impl Fn(Asked) -> Vec<Act> + Send + 'static) {
    check_fault(name, HASTY, fault, |error| {
        matches!(error, DriverError::Silent(_))
    });
}

fn send(bytes: Vec<u8>) -> Vec<Act> {
    vec![Act::Send(bytes)]
}

#[test]
fn a_broken_answer_is_never_a_value_and_the_next_read_is_right() {
    check_link("wrong transaction id", |a| {
        send(frame([9, 9], a.unit, &a.pdu()))
    });
    check_link("wrong unit", |a| send(frame(a.id, 2, &a.pdu())));
    check_link("wrong unit in an exception", |a| {
        send(frame(a.id, 2, &[0x83, 2]))
    });
    check_link("other function", |a| send(a.frame(&[4, 4, 0, 1, 0, 2])));
    check_link("exception to another function", |a| {
        send(a.frame(&[0x84, 2]))
    });
    check_link("function 0, as pymodbus answers 126 registers", |a| {
        send(a.frame(&[0, 1]))
    });
    check_link("one register too few", |a| send(a.frame(&[3, 2, 0, 1])));
    check_link("one register too many", |a| {
        send(a.frame(&[3, 6, 0, 1, 0, 2, 0, 3]))
    });
    check_link("odd number of bytes", |a| send(a.frame(&[3, 3, 0, 1, 0])));
    check_link("byte count beyond the frame", |a| {
        send(a.frame(&[3, 4, 0, 1]))
    });
    check_link("bytes behind the registers", |a| {
        send(a.frame(&[3, 4, 0, 1, 0, 2, 0]))
    });
    check_link("no function", |a| send(a.frame(&[])));
    check_link("no data", |a| send(a.frame(&[3])));
    check_link("length 0", |a| send(vec![a.id[0], a.id[1], 0, 0, 0, 0, 1]));
    check_link("oversize", |a| {
        send(a.frame(&[[3, 250].as_slice(), &[0; 600]].concat()))
    });
    check_link("protocol id 7", |a| {
        let mut frame = a.frame(&a.pdu());
        frame[3] = 7;
        send(frame)
    });
    check_link("truncated, then closed", |a| {
        vec![Act::Send(a.frame(&a.pdu())[..9].to_vec()), Act::Close]
    });
    check_link("closed", |_| vec![Act::Close]);
    check_link("reset in the middle of a frame", |a| {
        vec![Act::Send(a.frame(&a.pdu())[..9].to_vec()), Act::Reset]
    });
    check_silent("silence", |_| vec![]);
    check_silent("truncated, then silence", |a| {
        send(a.frame(&a.pdu())[..9].to_vec())
    });
    check_silent("a length that never comes", |a| {
        let mut frame = a.frame(&a.pdu());
        frame[4] = 0xFF;
        send(frame)
    });
}

#[test]
fn garbage_is_never_a_value() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let noise: Vec<u8> = (0..300).map(|_| random.u8(..)).collect();
        check_fault("garbage", HASTY, move |_| send(noise.clone()), |_| true);
    }
}

#[tokio::test]
async fn an_answer_in_single_bytes_is_one_answer() {
    let device = Device::new(|asked| {
        let frame = asked.frame(&asked.pdu());
        frame
            .into_iter()
            .map(|byte| Act::Send(vec![byte]))
            .collect()
    });
    let mut driver = driver(&device, vec![holding(1, PATIENT, &[3])]);
    assert_eq!(read(&mut driver, 0).await.unwrap(), [good(0, 1003)]);
}

#[tokio::test]
async fn a_late_answer_reaches_nobody() {
    let device = Device::new(|asked| match asked.connection {
        0 => [vec![Act::Wait], asked.good()].concat(),
        _ => asked.good(),
    });
    let groups = vec![holding(1, HASTY, &[7]), holding(1, PATIENT, &[40])];
    let mut driver = driver(&device, groups);
    let error = read(&mut driver, 0).await.unwrap_err();
    assert!(matches!(&error, DriverError::Silent(words) if words.contains("holding:7 of unit 1")));
    device.go_on();
    assert_eq!(read(&mut driver, 1).await.unwrap(), [good(0, 1040)]);
}

#[tokio::test]
async fn an_answer_sent_twice_is_used_once() {
    let device = Device::new(|asked| [asked.good(), asked.good()].concat());
    let groups = vec![holding(1, PATIENT, &[7]), holding(1, PATIENT, &[40])];
    let mut driver = driver(&device, groups);
    for _ in 0..20 {
        for (group, value) in [(0, 1007), (1, 1040)] {
            if let Ok(samples) = read(&mut driver, group).await {
                assert_eq!(samples, [good(0, value)]);
            }
        }
    }
}

#[tokio::test]
async fn a_dropped_read_never_feeds_the_next_one() {
    let device = Device::new(|asked| match asked.connection {
        0 => [vec![Act::Wait], asked.good()].concat(),
        _ => asked.good(),
    });
    let groups = vec![holding(1, PATIENT, &[7]), holding(1, PATIENT, &[40])];
    let mut driver = driver(&device, groups);
    let mut out = Vec::new();
    let dropped = tokio::time::timeout(HASTY, driver.read(GroupId(0), &mut out)).await;
    assert!(dropped.is_err() && out.is_empty());
    device.go_on();
    assert_eq!(read(&mut driver, 1).await.unwrap(), [good(0, 1040)]);
    assert_eq!(device.connections(), 2);
}

#[tokio::test]
async fn a_block_without_answer_spoils_its_group_alone() {
    let device = Device::new(|asked| match asked.start {
        200 => vec![],
        _ => asked.good(),
    });
    let groups = vec![holding(1, HASTY, &[0, 200]), holding(1, PATIENT, &[0])];
    let mut driver = driver(&device, groups);
    assert!(matches!(
        read(&mut driver, 0).await,
        Err(DriverError::Silent(_))
    ));
    assert_eq!(read(&mut driver, 1).await.unwrap(), [good(0, 1000)]);
}

#[tokio::test]
async fn a_gateway_that_does_not_echo_the_transaction_id_is_read_when_allowed() {
    let script = |asked: Asked| match asked.start {
        1 => send(frame([7, 7], 9, &asked.pdu())),
        2 => send(frame([7, 7], asked.unit, &[3, 2, 0, 1, 0, 1])),
        3 => send(frame([7, 7], asked.unit, &[0x83, 4])),
        4 => {
            let frame = frame([7, 7], asked.unit, &asked.pdu());
            frame
                .into_iter()
                .map(|byte| Act::Send(vec![byte]))
                .collect()
        }
        _ => send(frame([7, 7], asked.unit, &asked.pdu())),
    };
    let device = Device::new(script);
    let mut endpoint = device.endpoint();
    endpoint.ignore_transaction_id = true;
    let groups = (0..5).map(|register| holding(5, PATIENT, &[register]));
    let mut driver = ModbusDriver::new(endpoint, groups.collect(), clock());
    assert_eq!(read(&mut driver, 0).await.unwrap(), [good(0, 5000)]);
    let failed = read(&mut driver, 3).await.unwrap();
    assert_eq!(failed, [bad(0, Reason::DeviceFailure)]);
    assert_eq!(read(&mut driver, 4).await.unwrap(), [good(0, 5004)]);
    assert_eq!(device.connections(), 1);
    for wrong in [1, 2] {
        assert!(
            matches!(read(&mut driver, wrong).await, Err(DriverError::Link(_))),
            "{wrong}"
        );
    }
}
