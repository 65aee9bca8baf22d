//! The Modbus TCP listener: framing, connections, faults.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::warn;

use super::SharedImage;
use super::pdu::{Answer, answer, exception};
use super::switch::{UnitFault, UnitSwitch};
use crate::net::{Door, ServerThread};
use crate::scenario::UnknownUnit;

/// Connections at a time; more are closed at once.
const MAX_CONNECTIONS: usize = 512;

/// MBAP header.
const HEADER: usize = 7;

/// Longest frame (MODBUS Messaging on TCP/IP V1.0b, 4.1).
const MAX_FRAME: usize = 260;

/// Room for requests that a client sends without waiting.
const READ_BUFFER: usize = 16 * MAX_FRAME;

/// Server device busy.
const BUSY: u8 = 6;

/// Gateway target device failed to respond.
const NO_SUCH_UNIT: u8 = 0x0b;

/// One unit as the listener serves it.
#[derive(Debug, Clone)]
pub(crate) struct ServedUnit {
    pub(crate) id: u8,
    pub(crate) max_registers: u16,
    pub(crate) image: SharedImage,
    pub(crate) switch: UnitSwitch,
}

/// What a listener needs.
#[derive(Debug)]
pub(crate) struct ListenerSetup {
    pub(crate) name: String,
    pub(crate) bind: SocketAddr,
    pub(crate) unknown_unit: UnknownUnit,
    pub(crate) units: Vec<ServedUnit>,
    /// Where written setpoints go.
    pub(crate) writes: mpsc::Sender<(usize, f64)>,
}

/// A running listener; dropping it closes it.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    open: watch::Sender<bool>,
    _thread: ServerThread,
}

/// What every connection shares.
#[derive(Debug)]
struct Service {
    unknown_unit: UnknownUnit,
    units: Vec<ServedUnit>,
    writes: mpsc::Sender<(usize, f64)>,
}

impl Listener {
    /// Binds the port, then serves on an own thread.
    pub(crate) fn start(setup: ListenerSetup) -> io::Result<Self> {
        let ListenerSetup {
            name,
            bind,
            unknown_unit,
            units,
            writes,
        } = setup;
        let (told, bound) = std::sync::mpsc::sync_channel(1);
        let (open, wanted) = watch::channel(true);
        let service = Arc::new(Service {
            unknown_unit,
            units,
            writes,
        });
        let thread = ServerThread::start("sim-modbus", move || async move {
            let opened = Door::open(bind);
            let address = opened.as_ref().map(Door::address).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("listen on {bind} for `{name}`: {error}"),
                )
            });
            if told.send(address).is_ok()
                && let Ok(door) = opened
            {
                serve(door, wanted, service).await;
            }
        })?;
        let address = bound.recv().map_err(io::Error::other)??;
        Ok(Self {
            address,
            open,
            _thread: thread,
        })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets connections in, or refuses them and ends those that are there.
    pub(crate) fn set_open(&self, open: bool) {
        self.open
            .send_if_modified(|is| std::mem::replace(is, open) != open);
    }
}

async fn serve(mut door: Door, mut wanted: watch::Receiver<bool>, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
                let open = *wanted.borrow_and_update();
                if !open {
                    connections.shutdown().await;
                }
                if let Err(error) = door.set_open(open) {
                    warn!(%error, address = %door.address(), open, "A simulated port could not be switched.");
                }
            }
            accepted = door.accept() => match accepted {
                Ok(stream) if connections.len() < MAX_CONNECTIONS => {
                    connections.spawn(connection(stream, Arc::clone(&service)));
                }
                Ok(_) => warn!(limit = MAX_CONNECTIONS, "Too many Modbus connections."),
                Err(error) => warn!(%error, "A Modbus connection could not be accepted."),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one client until it leaves, sends nonsense, or a fault closes the connection.
async fn connection(mut stream: TcpStream, service: Arc<Service>) {
    let mut input = vec![0; READ_BUFFER];
    let mut filled = 0;
    let mut output = Vec::with_capacity(READ_BUFFER);
    loop {
        let Some(room) = input.get_mut(filled..) else {
            return;
        };
        match stream.read(room).await {
            Ok(0) | Err(_) => return,
            Ok(count) => filled += count,
        }
        let mut used = 0;
        while let Some(frame) = next_frame(input.get(used..filled).unwrap_or(&[])) {
            let Ok(frame) = frame else { return };
            used += frame.len();
            let start = output.len();
            let next = service.handle(frame, &mut output);
            if !next.settle(&mut stream, &mut output, start).await {
                return;
            }
        }
        input.copy_within(used..filled, 0);
        filled -= used;
        if !output.is_empty() && stream.write_all(&output).await.is_err() {
            return;
        }
        output.clear();
    }
}

/// The first whole frame, none if more bytes are needed, an error if there can be none.
fn next_frame(bytes: &[u8]) -> Option<Result<&[u8], ()>> {
    let header: &[u8; HEADER] = bytes.first_chunk()?;
    let [_, _, protocol_high, protocol_low, high, low, _] = *header;
    let len = usize::from(u16::from_be_bytes([high, low]));
    // Unit id and function at least.
    if [protocol_high, protocol_low] != [0, 0] || !(2..=MAX_FRAME - 6).contains(&len) {
        return Some(Err(()));
    }
    bytes.get(..6 + len).map(Ok)
}

/// What happens after a request was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Send,
    SendAfter(std::time::Duration),
    SendHalfAndClose,
}

impl Next {
    /// Returns whether the connection goes on.
    async fn settle(self, stream: &mut TcpStream, output: &mut Vec<u8>, start: usize) -> bool {
        match self {
            Self::Send => true,
            Self::SendAfter(delay) => {
                // Answers of before are not held back with this one.
                let earlier = output.get(..start).unwrap_or(&[]);
                if stream.write_all(earlier).await.is_err() {
                    return false;
                }
                output.drain(..start);
                tokio::time::sleep(delay).await;
                true
            }
            Self::SendHalfAndClose => {
                output.truncate(start + (output.len() - start) / 2);
                // The client may be gone, which ends the connection as well.
                stream.write_all(output).await.is_ok() && stream.shutdown().await.is_err()
            }
        }
    }
}

impl Service {
    /// Appends the answer frame of one request frame.
    fn handle(&self, frame: &[u8], output: &mut Vec<u8>) -> Next {
        let Some((header, pdu)) = frame.split_first_chunk::<HEADER>() else {
            return Next::Send;
        };
        let [transaction_high, transaction_low, _, _, _, _, id] = *header;
        let transaction = u16::from_be_bytes([transaction_high, transaction_low]);
        let function = pdu.first().copied().unwrap_or(0);
        let start = output.len();
        output.extend_from_slice(&[transaction_high, transaction_low, 0, 0, 0, 0, id]);
        let Some(unit) = self.units.iter().find(|unit| unit.id == id) else {
            if self.unknown_unit == UnknownUnit::Silence {
                output.truncate(start);
                return Next::Send;
            }
            exception(function, NO_SUCH_UNIT, output);
            close_frame(output, start);
            return Next::Send;
        };
        let fault = unit.switch.fault();
        match fault {
            UnitFault::Silence => {
                output.truncate(start);
                return Next::Send;
            }
            UnitFault::Exception(code) => exception(function, code, output),
            _ => self.execute(unit, pdu, output),
        }
        close_frame(output, start);
        spoil(
            fault,
            transaction,
            id,
            output.get_mut(start..).unwrap_or(&mut []),
        );
        match fault {
            UnitFault::Slow(delay) => Next::SendAfter(delay),
            UnitFault::Truncated => Next::SendHalfAndClose,
            _ => Next::Send,
        }
    }

    fn execute(&self, unit: &ServedUnit, pdu: &[u8], output: &mut Vec<u8>) {
        let mark = output.len();
        let Answer::Wrote(written) = answer(pdu, &unit.image, unit.max_registers, output) else {
            return;
        };
        for setpoint in written {
            if self.writes.try_send(setpoint).is_err() {
                output.truncate(mark);
                exception(pdu.first().copied().unwrap_or(0), BUSY, output);
                return;
            }
        }
    }
}

/// Fills in the length field.
fn close_frame(output: &mut [u8], start: usize) {
    let len = u16::try_from(output.len() - start - 6).unwrap_or(u16::MAX);
    if let Some(field) = output.get_mut(start + 4..start + 6) {
        field.copy_from_slice(&len.to_be_bytes());
    }
}

/// Does to a finished frame what the fault asks for.
fn spoil(fault: UnitFault, transaction: u16, unit: u8, frame: &mut [u8]) {
    match (fault, frame) {
        (UnitFault::WrongTransaction, [high, low, ..]) => {
            [*high, *low] = transaction.wrapping_add(1).to_be_bytes();
        }
        (UnitFault::WrongUnit, [_, _, _, _, _, _, id, ..]) => *id = unit.wrapping_add(1),
        (UnitFault::Garbage, frame) => {
            // Not even a protocol id of 0: no client can take it for a frame.
            let mut mix = transaction;
            for byte in frame {
                mix = mix.wrapping_mul(31).wrapping_add(0x9e37);
                *byte = mix.to_be_bytes()[0] | 0x40;
            }
        }
        _ => {}
    }
}
