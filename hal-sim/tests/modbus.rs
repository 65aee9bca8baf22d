//! The Modbus server as a client on a raw socket sees it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[cfg(test)]
mod support;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use hal_sim::plant::Status;
use hal_sim::{DeviceFault, SignalFault, Sim};
use support::{eventually, on_device, on_signal, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PLANT: &str = r#"
    tick = "10ms"

    [[machine]]
    name = "m"
    signal = [
        { name = "pi", address = "holding:100", mean = 1.5, order = "CDAB" },
        { name = "target", kind = "setpoint", address = "holding:110", type = "i16", scale = 0.5 },
        { name = "limit", kind = "setpoint", address = "holding:111", type = "f32" },
        { name = "code", kind = "product", address = "input:5", type = "string:6" },
        { name = "on", kind = "running", address = "coil:3" },
        { name = "also_on", kind = "running", address = "discrete:9" },
        { name = "bit", kind = "running", address = "input:20.4" },
    ]

    [[modbus]]
    name = "plc"
    unit = [{ id = 1, machine = "m", device = "d1" }, { id = 2, machine = "m", device = "d2", max_registers = 10 }]
"#;

fn address(sim: &Sim) -> SocketAddr {
    sim.endpoints().modbus[0].addr
}

struct Client(TcpStream);

impl Client {
    async fn connect(sim: &Sim) -> Self {
        Self(TcpStream::connect(address(sim)).await.unwrap())
    }

    async fn send(&mut self, transaction: u16, unit: u8, pdu: &[u8]) {
        let mut frame = transaction.to_be_bytes().to_vec();
        frame.extend([0, 0, 0, u8::try_from(pdu.len() + 1).unwrap(), unit]);
        frame.extend(pdu);
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next frame: transaction id, unit, PDU.
    async fn receive(&mut self) -> std::io::Result<(u16, u8, Vec<u8>)> {
        let mut header = [0; 7];
        self.0.read_exact(&mut header).await?;
        assert_eq!(header[2..4], [0, 0], "protocol id");
        let len = usize::from(u16::from_be_bytes([header[4], header[5]])) - 1;
        let mut pdu = vec![0; len];
        self.0.read_exact(&mut pdu).await?;
        Ok((u16::from_be_bytes([header[0], header[1]]), header[6], pdu))
    }

    async fn ask(&mut self, unit: u8, pdu: &[u8]) -> Vec<u8> {
        self.send(77, unit, pdu).await;
        let (transaction, from, answer) = self.receive().await.unwrap();
        assert_eq!((transaction, from), (77, unit));
        answer
    }
}

async fn check(unit: u8, request: &[u8], expected: &[u8]) {
    let sim = start(PLANT);
    let mut client = Client::connect(&sim).await;
    assert_eq!(client.ask(unit, request).await, expected, "{request:02x?}");
}

#[tokio::test]
async fn reads_show_the_plant() {
    // 1.5 = 0x3fc00000, low word first
    check(1, &[3, 0, 100, 0, 2], &[3, 4, 0, 0, 0x3f, 0xc0]).await;
    check(
        1,
        &[4, 0, 5, 0, 3],
        &[4, 6, b'P', b'-', b'1', b'0', b'0', 0],
    )
    .await;
    check(1, &[1, 0, 3, 0, 1], &[1, 1, 1]).await;
    check(1, &[2, 0, 9, 0, 1], &[2, 1, 1]).await;
    check(1, &[4, 0, 20, 0, 1], &[4, 2, 0, 16]).await;
}

#[tokio::test]
async fn exceptions_are_those_of_the_standard() {
    check(1, &[3, 0, 101, 0, 2], &[0x83, 2]).await;
    check(1, &[3, 0, 0, 0, 1], &[0x83, 2]).await;
    check(1, &[3, 0, 100, 0, 0], &[0x83, 3]).await;
    check(1, &[3, 0, 100, 0, 126], &[0x83, 3]).await;
    check(2, &[3, 0, 100, 0, 11], &[0x83, 3]).await;
    check(1, &[1, 0, 3, 0x07, 0xd1], &[0x81, 3]).await;
    check(1, &[43, 14, 1, 0], &[0xab, 1]).await;
    check(9, &[3, 0, 100, 0, 2], &[0x83, 0x0b]).await;
    check(1, &[6, 0, 100, 0, 1], &[0x86, 2]).await;
    check(1, &[5, 0, 3, 0xff, 0], &[0x85, 2]).await;
}

#[tokio::test]
async fn written_setpoints_are_read_back() {
    let sim = start(PLANT);
    let mut client = Client::connect(&sim).await;
    let write = [6, 0, 110, 0, 9];
    assert_eq!(client.ask(1, &write).await, write);
    assert_eq!(client.ask(1, &[3, 0, 110, 0, 1]).await, [3, 2, 0, 9]);
    let written = [16, 0, 111, 0, 2, 4, 0x3f, 0xc0, 0, 0];
    assert_eq!(client.ask(1, &written).await, [16, 0, 111, 0, 2]);
    eventually("the plant takes 4.5 = 9 * 0.5", || async {
        let value = |name| {
            sim.reading(name)
                .and_then(|(_, reading)| reading.value.as_f64())
        };
        (value("m.target") == Some(4.5) && value("m.limit") == Some(1.5)).then_some(())
    })
    .await;
    // The other unit shows the same machine.
    eventually("the other unit follows", || async {
        let mut client = Client::connect(&sim).await;
        (client.ask(2, &[3, 0, 110, 0, 1]).await == [3, 2, 0, 9]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order() {
    let sim = start(PLANT);
    let mut client = Client::connect(&sim).await;
    for transaction in 0..200 {
        client.send(transaction, 1, &[3, 0, 100, 0, 2]).await;
    }
    for transaction in 0..200 {
        assert_eq!(client.receive().await.unwrap().0, transaction);
    }
}

#[tokio::test]
async fn a_frame_in_single_bytes_is_answered_and_nonsense_closes() {
    let sim = start(PLANT);
    let mut client = Client::connect(&sim).await;
    for byte in [0, 5, 0, 0, 0, 6, 1, 3, 0, 100, 0, 2] {
        client.0.write_all(&[byte]).await.unwrap();
        client.0.flush().await.unwrap();
    }
    assert_eq!(client.receive().await.unwrap().0, 5);
    client.0.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(client.receive().await.is_err());
}

const READ: [u8; 5] = [3, 0, 100, 0, 2];

#[tokio::test]
async fn faults_inside_the_frame_hit_one_unit_until_they_are_cleared() {
    let sim = start(PLANT);
    let mut client = Client::connect(&sim).await;

    let id = sim
        .inject(on_device("d1", DeviceFault::Exception(4)))
        .await
        .unwrap();
    assert_eq!(client.ask(1, &READ).await, [0x83, 4]);
    assert_eq!(
        client.ask(2, &READ).await.len(),
        6,
        "the other unit answers"
    );
    assert!(sim.clear(id).await.unwrap());
    assert_eq!(client.ask(1, &READ).await.len(), 6);

    let id = sim
        .inject(on_device("d1", DeviceFault::WrongTransaction))
        .await
        .unwrap();
    client.send(7, 1, &READ).await;
    assert_eq!(client.receive().await.unwrap().0, 8);
    sim.clear(id).await.unwrap();

    let id = sim
        .inject(on_device("d1", DeviceFault::WrongUnit))
        .await
        .unwrap();
    client.send(7, 1, &READ).await;
    assert_eq!(client.receive().await.unwrap().1, 2);
    sim.clear(id).await.unwrap();

    let id = sim
        .inject(on_device("d1", DeviceFault::Silence))
        .await
        .unwrap();
    client.send(1, 1, &READ).await;
    client.send(2, 2, &READ).await;
    assert_eq!(client.receive().await.unwrap().0, 2, "only unit 2 answers");
    sim.clear(id).await.unwrap();

    let id = sim
        .inject(on_device(
            "d1",
            DeviceFault::Slow(Duration::from_millis(30)),
        ))
        .await
        .unwrap();
    let before = tokio::time::Instant::now();
    client.ask(1, &READ).await;
    assert!(before.elapsed() >= Duration::from_millis(30));
    sim.clear(id).await.unwrap();

    let id = sim
        .inject(on_device("d1", DeviceFault::Garbage))
        .await
        .unwrap();
    client.send(7, 1, &READ).await;
    let mut bytes = [0; 13];
    client.0.read_exact(&mut bytes).await.unwrap();
    assert_ne!(bytes[2..4], [0, 0], "no protocol id");
    sim.clear(id).await.unwrap();

    sim.inject(on_device("plc", DeviceFault::Truncated))
        .await
        .unwrap();
    client.send(7, 1, &READ).await;
    let mut rest = Vec::new();
    client.0.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len(), 6, "half of 13 bytes, then the end");
}

#[tokio::test]
async fn refusing_ends_connections_and_keeps_the_port() {
    for fault in [DeviceFault::Refuse, DeviceFault::Restart] {
        let sim = start(PLANT);
        let mut client = Client::connect(&sim).await;
        let id = sim.inject(on_device("d1", fault)).await.unwrap();
        assert!(client.receive().await.is_err(), "the connection ends");
        eventually("connecting is refused", || async {
            let error = TcpStream::connect(address(&sim)).await.err()?;
            (error.kind() == ErrorKind::ConnectionRefused).then_some(())
        })
        .await;
        sim.clear(id).await.unwrap();
        eventually("connecting works", || async {
            TcpStream::connect(address(&sim)).await.ok()
        })
        .await;
        assert_eq!(
            sim.truth()[0].devices,
            ["d1", "d2"],
            "all devices behind the port"
        );
    }
}

#[tokio::test]
async fn a_lost_measurement_is_nan() {
    let sim = start(PLANT);
    let mut client = Client::connect(&sim).await;
    let nan = [3, 4, 0, 0, 0x7f, 0xc0];
    let id = sim
        .inject(on_device(
            "d2",
            DeviceFault::BadQuality(Status::BadNoCommunication),
        ))
        .await
        .unwrap();
    assert_eq!(client.ask(2, &READ).await, nan);
    assert_ne!(client.ask(1, &READ).await, nan);
    sim.clear(id).await.unwrap();
    let lost = SignalFault::Dropout(Status::BadSensorFailure);
    sim.inject(on_signal("m.pi", lost)).await.unwrap();
    eventually("both units lose the signal", || async {
        let mut client = Client::connect(&sim).await;
        (client.ask(1, &READ).await == nan && client.ask(2, &READ).await == nan).then_some(())
    })
    .await;
    let record = sim.truth().pop().unwrap();
    assert_eq!(record.tags, ["d1.pi", "d2.pi"]);
    assert_eq!(record.kind, "dropout");
}

#[tokio::test]
async fn an_unknown_unit_can_be_silent_and_unknown_targets_are_refused() {
    let text = PLANT.replace(
        "name = \"plc\"",
        "name = \"plc\"\nunknown_unit = \"silence\"",
    );
    let sim = start(&text);
    let mut client = Client::connect(&sim).await;
    client.send(1, 9, &READ).await;
    client.send(2, 1, &READ).await;
    assert_eq!(client.receive().await.unwrap().0, 2);
    assert!(
        sim.inject(on_device("nobody", DeviceFault::Refuse))
            .await
            .is_err()
    );
    assert!(
        sim.inject(on_signal("m.nothing", SignalFault::Stuck))
            .await
            .is_err()
    );
}
