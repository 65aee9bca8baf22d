//! One connection to an endpoint: one request at a time, each under a deadline for its whole answer.

use std::fmt;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::slave::SlaveContext;
use tokio_modbus::{Error, ProtocolError, Request, Response, Slave};

use crate::config::{ModbusLink, ModbusTable};
use crate::driver::DriverError;

use super::plan::Span;
use super::wire::{Idle, Wire};

/// Longest farewell.
const CLOSE_MAX: Duration = Duration::from_millis(500);

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Longest wait for the connection.
    pub connect_timeout: Duration,
    /// Whether answers carry another transaction id than their request.
    pub ignore_transaction_id: bool,
}

impl From<&ModbusLink> for Endpoint {
    fn from(link: &ModbusLink) -> Self {
        Self {
            host: link.host.clone(),
            port: link.port,
            connect_timeout: link.connect_timeout,
            ignore_transaction_id: link.ignore_transaction_id,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) unit: u8,
    pub(super) span: Span,
    /// From the first byte of the request to the last of the answer.
    pub(super) timeout: Duration,
}

/// A complete answer of the right length.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Registers(Vec<u16>),
    /// At least as many as asked for: bits come in whole bytes.
    Bits(Vec<bool>),
}

/// Why there is no answer with values.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The device answered with this exception code; the connection is kept.
    Exception(u8),
    /// No complete answer in time; the connection is closed.
    Silent,
    /// The connection failed or is out of step, and is closed.
    Link(String),
}

/// The connection, when there is one.
pub(super) struct Connection {
    endpoint: Endpoint,
    /// Taken out for the length of a request: whatever ends a request early, a dropped future included, drops the
    /// connection with it.
    context: Option<Context>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("endpoint", &self.endpoint)
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) const fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            context: None,
        }
    }

    pub(super) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) const fn is_open(&self) -> bool {
        self.context.is_some()
    }

    /// Replaces the connection by a new one.
    pub(super) async fn open(&mut self) -> Result<(), DriverError> {
        self.context = None;
        let Endpoint { host, port, .. } = &self.endpoint;
        let connect = TcpStream::connect((host.as_str(), *port));
        let stream = match timeout(self.endpoint.connect_timeout, connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.link_error(&error.to_string())),
            Err(_elapsed) => {
                let patience = self.endpoint.connect_timeout;
                return Err(self.link_error(&format!("no connection within {patience:?}")));
            }
        };
        // A request is one small segment; it must not wait for the acknowledgement of the last one.
        stream
            .set_nodelay(true)
            .map_err(|error| self.link_error(&error.to_string()))?;
        let wire = Wire::new(stream, self.endpoint.ignore_transaction_id);
        self.context = Some(tcp::attach_slave(wire, Slave::tcp_device()));
        Ok(())
    }

    /// Asks for `ask.span`. A connection that turns out to have been closed while idle is replaced once, for no
    /// request had been sent.
    pub(super) async fn read(&mut self, ask: Ask) -> Result<Answer, Failure> {
        if let Some(result) = self.exchange(ask).await {
            return result;
        }
        if let Err(error) = self.open().await {
            return Err(Failure::Link(error.to_string()));
        }
        let closed = || Failure::Link("the device closes every connection at once".to_owned());
        self.exchange(ask).await.unwrap_or_else(|| Err(closed()))
    }

    /// Says goodbye, in bounded time.
    pub(super) async fn close(&mut self) {
        if let Some(mut context) = self.context.take() {
            // Whether the device takes part in the farewell does not matter: the connection is dropped either way.
            drop(timeout(CLOSE_MAX, context.disconnect()).await);
        }
    }

    /// `None` when there was no usable connection to send the request over.
    async fn exchange(&mut self, ask: Ask) -> Option<Result<Answer, Failure>> {
        let mut context = self.context.take()?;
        context.set_slave(Slave(ask.unit));
        match timeout(ask.timeout, context.call(request(ask.span))).await {
            Err(_elapsed) => Some(Err(Failure::Silent)),
            Ok(Err(error)) if is_idle(&error) => None,
            Ok(Err(error)) => Some(Err(Failure::Link(describe(&error)))),
            Ok(Ok(Err(exception))) => {
                self.context = Some(context);
                Some(Err(Failure::Exception(exception.into())))
            }
            Ok(Ok(Ok(response))) => match complete(response, ask.span) {
                Some(answer) => {
                    self.context = Some(context);
                    Some(Ok(answer))
                }
                None => Some(Err(Failure::Link(format!(
                    "the answer for {} has another length than asked for",
                    ask.span
                )))),
            },
        }
    }

    fn link_error(&self, reason: &str) -> DriverError {
        DriverError::Link(format!("connect to {}: {reason}", self.endpoint))
    }
}

const fn request(span: Span) -> Request<'static> {
    match span.table {
        ModbusTable::Coil => Request::ReadCoils(span.start, span.count),
        ModbusTable::Discrete => Request::ReadDiscreteInputs(span.start, span.count),
        ModbusTable::Holding => Request::ReadHoldingRegisters(span.start, span.count),
        ModbusTable::Input => Request::ReadInputRegisters(span.start, span.count),
    }
}

/// The library has checked transaction id, unit and function, but not the length.
fn complete(response: Response, span: Span) -> Option<Answer> {
    let count = usize::from(span.count);
    Some(match response {
        Response::ReadHoldingRegisters(words) | Response::ReadInputRegisters(words)
            if words.len() == count =>
        {
            Answer::Registers(words)
        }
        Response::ReadCoils(bits) | Response::ReadDiscreteInputs(bits)
            if bits.len() == count.next_multiple_of(8) =>
        {
            Answer::Bits(bits)
        }
        _ => return None,
    })
}

fn is_idle(error: &Error) -> bool {
    let Error::Transport(error) = error else {
        return false;
    };
    matches!(error.get_ref(), Some(inner) if inner.is::<Idle>())
}

fn describe(error: &Error) -> String {
    match error {
        Error::Protocol(ProtocolError::HeaderMismatch { message, .. }) => {
            format!("the answer belongs to another request: {message}")
        }
        Error::Protocol(ProtocolError::FunctionCodeMismatch { request, .. }) => {
            format!("the answer is not one to the function asked for ({request})")
        }
        Error::Transport(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{Act, Asked, Device, HASTY, PATIENT, register};
    use super::*;

    const ASK: Ask = Ask {
        unit: 1,
        span: Span {
            table: ModbusTable::Holding,
            start: 7,
            count: 1,
        },
        timeout: PATIENT,
    };

    /// A connection on which the device has already done something before the first request.
    async fn already(device: std::net::TcpStream, to: &Device) -> Connection {
        device.set_nonblocking(true).unwrap();
        let stream = TcpStream::from_std(device).unwrap();
        stream.readable().await.unwrap();
        let mut connection = Connection::new(to.endpoint());
        connection.context = Some(tcp::attach_slave(Wire::new(stream, false), Slave(1)));
        connection
    }

    fn pair() -> (std::net::TcpStream, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ours, listener.accept().unwrap().0)
    }

    #[tokio::test]
    async fn a_connection_closed_while_idle_is_replaced_before_the_request() {
        let device = Device::new(Asked::good);
        let (ours, theirs) = pair();
        drop(theirs);
        let mut connection = already(ours, &device).await;
        let answer = connection.read(ASK).await;
        assert_eq!(answer, Ok(Answer::Registers(vec![register(1, 7)])));
        assert!(connection.is_open());
    }

    #[tokio::test]
    async fn bytes_that_nobody_asked_for_never_become_an_answer() {
        let device = Device::new(Asked::good);
        let (ours, mut theirs) = pair();
        // The right answer to the first request of a connection, but before it was made.
        let early = [0, 0, 0, 0, 0, 5, 1, 3, 2, 0xBA, 0xAD];
        std::io::Write::write_all(&mut theirs, &early).unwrap();
        let mut connection = already(ours, &device).await;
        let answer = connection.read(ASK).await;
        assert_eq!(answer, Ok(Answer::Registers(vec![register(1, 7)])));
    }

    #[tokio::test]
    async fn an_idle_connection_is_replaced_once_at_most() {
        let device = Device::new(Asked::good);
        let (ours, theirs) = pair();
        drop(theirs);
        let mut connection = already(ours, &device).await;
        connection.endpoint.port = 0;
        let Err(Failure::Link(words)) = connection.read(ASK).await else {
            panic!("a connection to nowhere");
        };
        assert!(words.starts_with("connect to 127.0.0.1:0: "), "{words}");
        assert!(
            connection.read(ASK).await.is_err(),
            "reading does not go on without a connection"
        );
    }

    #[tokio::test]
    async fn a_connection_that_is_not_answered_is_given_up_in_time() {
        // A listener whose queue is full: further connections wait.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut endpoint = Device::new(|_| vec![Act::Close]).endpoint();
        endpoint.port = listener.local_addr().unwrap().port();
        endpoint.connect_timeout = HASTY;
        let mut held = std::collections::VecDeque::new();
        while held.len() < 1024 {
            let mut connection = Connection::new(endpoint.clone());
            if let Err(error) = connection.open().await {
                let words = error.to_string();
                assert!(words.ends_with("no connection within 60ms"), "{words}");
                return;
            }
            held.push_back(connection);
        }
        panic!("the listener's queue has no end");
    }
}
