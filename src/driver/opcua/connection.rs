//! One session with one server: opened, watched, resumed after a loss, closed.
//!
//! The library's event loop must be polled for anything to happen. A task that this module owns does so; the task
//! makes exactly one attempt to reconnect per [`Connection::resume`], so that back-off stays with acquisition, and
//! ends when the connection is dropped. Resuming re-activates the old session where the server still has it: small
//! servers do not run out of sessions when a cable is loose.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use opcua::client::transport::TcpConnector;
use opcua::client::{Session, SessionEventLoop, SessionPollResult, SubscriptionActivity};
use opcua::crypto::X509;
use opcua::types::{EndpointDescription, StatusCode};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::certificate::CertificateWords;
use super::client::{Retry, choose_endpoint, client_builder, host_of, identity};
use super::explain::Attempt;
use super::pki::{OwnIdentity, Pki, Trust};
use crate::clock::Clock;
use crate::config::{OpcUaLink, OpcUaMode};
use crate::driver::DriverError;
use crate::model::{Mono, Timestamp, with_causes};

/// Saying goodbye takes at most this long.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// Whom to connect to, and as whom.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The device's name; names its certificate directory.
    pub(super) device: String,
    /// The gateway's id; part of its application URI.
    pub(super) gateway: String,
    /// Where and how.
    pub(super) link: OpcUaLink,
    /// Certificates.
    pub(super) pki: Pki,
    /// What a person runs to trust the server's certificate.
    pub(super) trust_command: String,
}

/// What the event loop last reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// An attempt is under way.
    Connecting,
    /// The session is active.
    Up,
    /// Lost or not established; waits to be resumed.
    Lost(StatusCode),
    /// The event loop has ended; only a new connection helps.
    Ended(StatusCode),
}

/// When the server last showed that the subscription lives.
#[derive(Debug)]
pub(super) struct Heartbeat {
    last_ns: AtomicU64,
    clock: Arc<dyn Clock>,
}

impl Heartbeat {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let heartbeat = Self {
            last_ns: AtomicU64::new(0),
            clock,
        };
        heartbeat.beat();
        heartbeat
    }

    /// The server has just answered a publish request.
    pub(super) fn beat(&self) {
        let now = self.clock.now().mono.as_nanos();
        self.last_ns.store(now, Ordering::Relaxed);
    }

    /// When it last did.
    pub(super) fn last(&self) -> Mono {
        Mono::from_nanos(self.last_ns.load(Ordering::Relaxed))
    }
}

/// An established or resumable session.
pub(super) struct Connection {
    session: Arc<Session>,
    heartbeat: Arc<Heartbeat>,
    state: watch::Receiver<State>,
    again: Arc<Notify>,
    task: JoinHandle<()>,
    attempt: Attempt,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    /// Asks for endpoints, checks the server's certificate, opens a session. The caller bounds the time; dropping the
    /// future leaves nothing behind.
    pub(super) async fn open(target: &Target, clock: &Arc<dyn Clock>) -> Result<Self, DriverError> {
        let own = own_identity(target).await?;
        let offered = endpoints(target, &own).await?;
        let endpoint = choose_endpoint(&offered, &target.link)?;
        let now = clock.now().wall;
        let attempt = attempt(target, &own, &endpoint)?;
        if attempt.server.is_some() && attempt.trust != Trust::Trusted {
            return Err(attempt.error(StatusCode::BadCertificateUntrusted, now));
        }
        warn_of_expiry(&attempt, now);

        let names = (target.device.as_str(), own.application_uri.as_str());
        let mut client = client_builder(&target.link, &target.pki, names, Retry::Always)
            .client()
            .map_err(|faults| set_up_failed(target, &faults))?;
        let (session, event_loop) = client
            .connect_to_endpoint_directly(endpoint, identity(&target.link))
            .map_err(|error| attempt.error(error.status(), now))?;
        let connection = Self::drive(session, event_loop, attempt, Arc::clone(clock));
        connection.settled(now).await?;
        Ok(connection)
    }

    fn drive(
        session: Arc<Session>,
        event_loop: SessionEventLoop<TcpConnector>,
        attempt: Attempt,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let heartbeat = Arc::new(Heartbeat::new(clock));
        let (report, state) = watch::channel(State::Connecting);
        let again = Arc::new(Notify::new());
        let (wait, beats) = (Arc::clone(&again), Arc::clone(&heartbeat));
        #[expect(
            clippy::disallowed_methods,
            reason = "the library's event loop needs a task; its handle is kept and aborted on drop"
        )]
        let task = tokio::spawn(run(event_loop, report, wait, beats));
        Self {
            session,
            heartbeat,
            state,
            again,
            task,
            attempt,
        }
    }

    /// The session, for requests.
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Signs of life of the subscription.
    pub(super) fn heartbeat(&self) -> &Arc<Heartbeat> {
        &self.heartbeat
    }

    /// What the event loop last reported.
    pub(super) fn state(&self) -> State {
        *self.state.borrow()
    }

    /// The certificate that the server presented, with security.
    pub(super) fn server_certificate(&self) -> Option<&CertificateWords> {
        self.attempt.server.as_ref()
    }

    /// One attempt to get the lost session back.
    pub(super) async fn resume(&self, now: Timestamp) -> Result<(), DriverError> {
        let mut state = self.state.clone();
        // An abandoned call's attempt may still be under way: then its outcome counts, and no other is asked for.
        if matches!(*state.borrow_and_update(), State::Lost(_)) {
            self.again.notify_one();
            // When the task is gone, nothing changes any more: then what it reported last is the outcome.
            state.changed().await.unwrap_or_default();
        }
        self.settled(now).await
    }

    /// Waits until an attempt has an outcome.
    async fn settled(&self, now: Timestamp) -> Result<(), DriverError> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|s| *s != State::Connecting).await;
        let status = match settled.map(|state| *state) {
            Ok(State::Up) => return Ok(()),
            Ok(State::Lost(status) | State::Ended(status)) => status,
            // The task was stopped in the middle of the attempt.
            Ok(State::Connecting) | Err(_) => StatusCode::BadInternalError,
        };
        Err(self.attempt.error(status, now))
    }

    /// The error for a request that failed on this connection.
    pub(super) fn error(&self, status: StatusCode, now: Timestamp) -> DriverError {
        self.attempt.error(status, now)
    }

    /// Closes the session so that the server can forget it, in bounded time.
    pub(super) async fn close(self) {
        if self.state() == State::Up {
            let goodbye = tokio::time::timeout(CLOSE_MAX, self.session.disconnect()).await;
            if !matches!(goodbye, Ok(Ok(()))) {
                tracing::debug!(url = %self.attempt.url, "The OPC UA session was dropped without a goodbye.");
            }
        }
    }
}

/// Polls the event loop for as long as the connection lives.
async fn run(
    event_loop: SessionEventLoop<TcpConnector>,
    report: watch::Sender<State>,
    again: Arc<Notify>,
    heartbeat: Arc<Heartbeat>,
) {
    let mut events = pin!(event_loop.enter());
    loop {
        match events.next().await {
            Some(Ok(SessionPollResult::Reconnected(_))) => {
                heartbeat.beat();
                report.send_replace(State::Up);
            }
            Some(Ok(
                SessionPollResult::ConnectionLost(status)
                | SessionPollResult::ReconnectFailed(status),
            )) => {
                report.send_replace(State::Lost(status));
                again.notified().await;
                report.send_replace(State::Connecting);
            }
            Some(Ok(SessionPollResult::Subscription(SubscriptionActivity::Publish))) => {
                heartbeat.beat();
            }
            Some(Ok(_)) => {}
            ended @ (Some(Err(_)) | None) => {
                let status = ended.and_then(Result::err);
                let status = status.unwrap_or(StatusCode::BadConnectionClosed);
                report.send_replace(State::Ended(status));
                return;
            }
        }
    }
}

/// The gateway's identity; makes key and certificate on a thread of its own when security asks for them.
async fn own_identity(target: &Target) -> Result<OwnIdentity, DriverError> {
    let (pki, gateway) = (target.pki.clone(), target.gateway.clone());
    let secured = target.link.mode != OpcUaMode::None;
    let made = tokio::task::spawn_blocking(move || pki.own(&gateway, secured)).await;
    let made = made.map_err(|stopped| config_fault(&stopped))?;
    made.map_err(|error| config_fault(&error))
}

/// What the server offers; one attempt.
pub(super) async fn endpoints(
    target: &Target,
    own: &OwnIdentity,
) -> Result<Vec<EndpointDescription>, DriverError> {
    let names = (target.device.as_str(), own.application_uri.as_str());
    let client = client_builder(&target.link, &target.pki, names, Retry::Never)
        .client()
        .map_err(|faults| set_up_failed(target, &faults))?;
    client
        .get_server_endpoints_from_url(target.link.url.as_str())
        .await
        .map_err(|error| {
            DriverError::Link(format!(
                "ask {} for its endpoints: {error}",
                target.link.url
            ))
        })
}

/// What `check --live` says about the endpoints; the same question that [`Connection::open`] asks.
pub(super) async fn offered(target: &Target) -> Result<Vec<EndpointDescription>, DriverError> {
    let own = own_identity(target).await?;
    endpoints(target, &own).await
}

fn set_up_failed(target: &Target, faults: &[String]) -> DriverError {
    DriverError::Config(format!(
        "set up the OPC UA client for `{}`: {}",
        target.device,
        faults.join("; ")
    ))
}

/// Looks at the server's certificate; an unknown one is kept among the rejected, for a person to judge.
fn attempt(
    target: &Target,
    own: &OwnIdentity,
    endpoint: &EndpointDescription,
) -> Result<Attempt, DriverError> {
    let mut attempt = Attempt {
        device: target.device.clone(),
        trust_command: target.trust_command.clone(),
        url: target.link.url.clone(),
        user: target.link.login.as_ref().map(|l| l.username.clone()),
        server: None,
        trust: Trust::Unknown,
        objection: None,
        own: own.certificate.clone(),
        own_path: target.pki.own_certificate_path().display().to_string(),
    };
    if target.link.mode == OpcUaMode::None {
        return Ok(attempt);
    }
    let certificate = X509::from_byte_string(&endpoint.server_certificate).map_err(|error| {
        DriverError::Config(format!(
            "{} presents no readable certificate: {error}",
            target.link.url
        ))
    })?;
    attempt.trust = target.pki.trust_of(&target.device, &certificate);
    if attempt.trust == Trust::Unknown {
        target
            .pki
            .reject(&target.device, &certificate)
            .map_err(|error| config_fault(&error))?;
    }
    attempt.server = Some(CertificateWords::of(&certificate));
    attempt.objection = objection(&certificate, endpoint);
    Ok(attempt)
}

/// What a full check would object to: host name first, then application URI.
fn objection(certificate: &X509, endpoint: &EndpointDescription) -> Option<String> {
    let host = host_of(endpoint.endpoint_url.as_ref());
    let uri = endpoint.server.application_uri.as_ref();
    certificate
        .is_hostname_valid(&host)
        .and_then(|()| certificate.is_application_uri_valid(uri))
        .err()
        .map(|error| error.to_string())
}

fn warn_of_expiry(attempt: &Attempt, now: Timestamp) {
    for (whose, certificate) in [
        ("server", attempt.server.as_ref()),
        ("gateway", attempt.own.as_ref()),
    ] {
        if let Some(certificate) = certificate.filter(|c| c.expires_soon(now)) {
            tracing::warn!(device = %attempt.device, whose, %certificate, "An OPC UA certificate ends within 30 days.");
        }
    }
}

/// A fault that a person has to mend, with everything below it.
pub(super) fn config_fault(error: &dyn std::error::Error) -> DriverError {
    DriverError::Config(with_causes(error))
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
