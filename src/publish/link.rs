//! One MQTT connection: rumqttc in version 3.1.1 or 5 behind the same few words.
//!
//! A client and its event loop live for one connection only. rumqttc's own resend loses messages when a session is
//! lost, and after a packet id collision it can wedge for ever (bytebeamio/rumqtt#1056), so nothing of it survives an
//! error: the window rewinds and a new pair is made.

use std::error::Error;
use std::io;
use std::time::Duration;

use rumqttc::v5;
use rumqttc::{NetworkOptions, QoS, TlsConfiguration, Transport};

use super::ladder::FaultClass;
use super::payload::{JSON_TYPE, Message};
use super::tls;
use crate::config::{MqttConfig, MqttVersion};
use crate::model::with_causes;

/// Largest packet ever sent; records in JSON and parts of the birth stay far below.
pub(super) const MAX_PACKET_BYTES: usize = 16 * 1024 * 1024;
/// The broker sends acknowledgements only; anything larger is not meant for us.
const MAX_INCOMING_BYTES: usize = 64 * 1024;
/// From the first DNS question to CONNACK.
const CONNECT_TIMEOUT_S: u64 = 5;
/// Header, lengths and property tags of a PUBLISH packet, at most.
const PACKET_OVERHEAD_BYTES: usize = 48;

/// What happened on the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signal {
    /// The broker has accepted the connection.
    Up {
        /// Unacknowledged messages it accepts, if it says.
        receive_max: Option<usize>,
        /// Largest packet it accepts.
        max_packet_bytes: usize,
    },
    /// The oldest message handed over has got this packet id.
    Sent(u16),
    /// The broker has taken responsibility for it.
    Acked(u16),
    /// The broker refuses it.
    Refused {
        pkid: u16,
        /// Reason code in words.
        reason: String,
        /// Whether the broker says it may take it later.
        temporary: bool,
    },
    /// Our DISCONNECT is on its way.
    Closed,
    /// Pings and the like.
    Other,
}

/// Why a connection ended or could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkFault {
    pub(super) class: FaultClass,
    /// The broker says another client has taken the session over.
    pub(super) taken_over: bool,
    /// For the operator.
    pub(super) text: String,
}

impl LinkFault {
    pub(super) fn transient(text: impl Into<String>) -> Self {
        Self {
            class: FaultClass::Transient,
            taken_over: false,
            text: text.into(),
        }
    }

    fn config(text: impl Into<String>) -> Self {
        Self {
            class: FaultClass::Config,
            ..Self::transient(text)
        }
    }
}

/// The half that takes messages.
pub(super) enum Outlet {
    V311(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// The half that drives the socket.
pub(super) enum Driver {
    V311(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// Prepares a connection; nothing is sent before the driver is polled. `queue` bounds the messages handed over and
/// not yet acknowledged: rumqttc gets twice as many packet ids, so that they never collide.
pub(super) fn open(
    mqtt: &MqttConfig,
    will: &Message,
    queue: usize,
) -> Result<(Outlet, Driver), LinkFault> {
    let transport = match &mqtt.tls {
        None => Transport::tcp(),
        Some(files) => {
            let config =
                tls::client_config(files).map_err(|e| LinkFault::config(with_causes(&e)))?;
            Transport::tls_with_config(TlsConfiguration::Rustls(config))
        }
    };
    let packet_ids = u16::try_from(queue.saturating_mul(2)).unwrap_or(u16::MAX);
    Ok(match mqtt.version {
        MqttVersion::V311 => open_v311(mqtt, will, (queue, packet_ids), transport),
        MqttVersion::V5 => open_v5(mqtt, will, (queue, packet_ids), transport),
    })
}

fn network_options() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_TIMEOUT_S);
    network
}

/// An IPv6 address needs brackets before `:port`.
fn host(mqtt: &MqttConfig) -> String {
    if mqtt.host.contains(':') && !mqtt.host.starts_with('[') {
        format!("[{}]", mqtt.host)
    } else {
        mqtt.host.clone()
    }
}

fn keep_alive(mqtt: &MqttConfig) -> Duration {
    mqtt.keep_alive.max(Duration::from_secs(1))
}

fn open_v311(
    mqtt: &MqttConfig,
    will: &Message,
    (queue, packet_ids): (usize, u16),
    transport: Transport,
) -> (Outlet, Driver) {
    let mut options = rumqttc::MqttOptions::new(&mqtt.client_id, host(mqtt), mqtt.port);
    options
        .set_transport(transport)
        .set_keep_alive(keep_alive(mqtt))
        .set_clean_session(true)
        .set_max_packet_size(MAX_INCOMING_BYTES, MAX_PACKET_BYTES)
        .set_inflight(packet_ids)
        .set_last_will(rumqttc::LastWill::new(
            &will.topic,
            will.payload.clone(),
            QoS::AtLeastOnce,
            will.retain,
        ));
    if let Some(login) = &mqtt.login {
        options.set_credentials(&login.username, login.password.expose());
    }
    let (client, mut events) = rumqttc::AsyncClient::new(options, queue);
    events.set_network_options(network_options());
    (Outlet::V311(client), Driver::V311(Box::new(events)))
}

fn open_v5(
    mqtt: &MqttConfig,
    will: &Message,
    (queue, packet_ids): (usize, u16),
    transport: Transport,
) -> (Outlet, Driver) {
    let mut options = v5::MqttOptions::new(&mqtt.client_id, host(mqtt), mqtt.port);
    let will = v5::mqttbytes::v5::LastWill::new(
        &will.topic,
        will.payload.clone(),
        v5::mqttbytes::QoS::AtLeastOnce,
        will.retain,
        None,
    );
    options
        .set_transport(transport)
        .set_keep_alive(keep_alive(mqtt))
        .set_clean_start(true)
        .set_connection_timeout(CONNECT_TIMEOUT_S)
        .set_network_options(network_options())
        .set_max_packet_size(u32::try_from(MAX_INCOMING_BYTES).ok())
        .set_last_will(will)
        .set_outgoing_inflight_upper_limit(packet_ids);
    if let Some(login) = &mqtt.login {
        options.set_credentials(&login.username, login.password.expose());
    }
    let (client, events) = v5::AsyncClient::new(options, queue);
    (Outlet::V5(client), Driver::V5(Box::new(events)))
}

impl Outlet {
    /// Hands a message to the driver, without waiting. An error means that the driver's queue is full or gone, which
    /// the window's bounds rule out: the connection must be rebuilt.
    pub(super) fn offer(&self, message: Message) -> Result<(), LinkFault> {
        let full = || LinkFault::transient("hand a message to the MQTT client: its queue is full");
        match self {
            Self::V311(client) => client
                .try_publish(
                    message.topic,
                    QoS::AtLeastOnce,
                    message.retain,
                    message.payload,
                )
                .map_err(|_full| full()),
            Self::V5(client) => {
                let is_text = message.content_type == JSON_TYPE;
                let properties = v5::mqttbytes::v5::PublishProperties {
                    payload_format_indicator: Some(u8::from(is_text)),
                    content_type: Some(message.content_type.to_owned()),
                    user_properties: message
                        .id
                        .map(|id| ("id".to_owned(), id))
                        .into_iter()
                        .collect(),
                    ..Default::default()
                };
                client
                    .try_publish_with_properties(
                        message.topic,
                        v5::mqttbytes::QoS::AtLeastOnce,
                        message.retain,
                        message.payload,
                        properties,
                    )
                    .map_err(|_full| full())
            }
        }
    }

    /// Asks for an orderly close, after everything handed over before.
    pub(super) fn close(&self) -> Result<(), LinkFault> {
        let gone = "close the MQTT connection: the client is gone";
        match self {
            Self::V311(client) => client
                .try_disconnect()
                .map_err(|_gone| LinkFault::transient(gone)),
            Self::V5(client) => client
                .try_disconnect()
                .map_err(|_gone| LinkFault::transient(gone)),
        }
    }
}

/// Upper bound of the packet that carries a message.
pub(super) fn packet_bytes(message: &Message) -> usize {
    PACKET_OVERHEAD_BYTES
        + message.topic.len()
        + message.payload.len()
        + message.content_type.len()
        + message.id.as_ref().map_or(0, String::len)
}

impl Driver {
    /// Drives the connection until something happens. Must not be dropped half-way unless the connection is given up.
    pub(super) async fn next(&mut self) -> Result<Signal, LinkFault> {
        match self {
            Self::V311(events) => match events.poll().await {
                Ok(event) => Ok(signal_v311(&event)),
                Err(error) => Err(fault_v311(&error)),
            },
            Self::V5(events) => match events.poll().await {
                Ok(event) => Ok(signal_v5(&event)),
                Err(error) => Err(fault_v5(&error)),
            },
        }
    }
}

fn signal_v311(event: &rumqttc::Event) -> Signal {
    use rumqttc::{Event, Outgoing, Packet};
    match event {
        Event::Incoming(Packet::ConnAck(_)) => Signal::Up {
            receive_max: None,
            max_packet_bytes: MAX_PACKET_BYTES,
        },
        Event::Incoming(Packet::PubAck(ack)) => Signal::Acked(ack.pkid),
        Event::Outgoing(Outgoing::Publish(pkid)) => Signal::Sent(*pkid),
        Event::Outgoing(Outgoing::Disconnect) => Signal::Closed,
        Event::Incoming(_) | Event::Outgoing(_) => Signal::Other,
    }
}

fn signal_v5(event: &v5::Event) -> Signal {
    use rumqttc::Outgoing;
    use v5::Event;
    use v5::mqttbytes::v5::{Packet, PubAckReason};
    match event {
        Event::Incoming(Packet::ConnAck(connack)) => {
            let properties = connack.properties.as_ref();
            let largest = properties
                .and_then(|p| p.max_packet_size)
                .and_then(|n| usize::try_from(n).ok());
            Signal::Up {
                receive_max: properties.and_then(|p| p.receive_max).map(usize::from),
                max_packet_bytes: largest.map_or(MAX_PACKET_BYTES, |n| n.min(MAX_PACKET_BYTES)),
            }
        }
        Event::Incoming(Packet::PubAck(ack)) => match ack.reason {
            PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Signal::Acked(ack.pkid),
            reason => Signal::Refused {
                pkid: ack.pkid,
                reason: format!("{reason:?}"),
                temporary: reason == PubAckReason::QuotaExceeded,
            },
        },
        Event::Outgoing(Outgoing::Publish(pkid)) => Signal::Sent(*pkid),
        Event::Outgoing(Outgoing::Disconnect) => Signal::Closed,
        Event::Incoming(_) | Event::Outgoing(_) => Signal::Other,
    }
}

fn fault_v311(error: &rumqttc::ConnectionError) -> LinkFault {
    use rumqttc::{ConnectReturnCode, ConnectionError};
    match error {
        ConnectionError::ConnectionRefused(ConnectReturnCode::ServiceUnavailable) => {
            LinkFault::transient("the broker is not available")
        }
        ConnectionError::ConnectionRefused(code) => {
            LinkFault::config(format!("the broker refused the connection: {code:?}"))
        }
        other => classify(other),
    }
}

fn fault_v5(error: &v5::ConnectionError) -> LinkFault {
    use v5::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode};
    use v5::{ConnectionError, StateError};
    match error {
        ConnectionError::ConnectionRefused(code) => {
            let text = format!("the broker refused the connection: {code:?}");
            match code {
                ConnectReturnCode::ServiceUnavailable
                | ConnectReturnCode::UnspecifiedError
                | ConnectReturnCode::ImplementationSpecificError
                | ConnectReturnCode::ServerUnavailable
                | ConnectReturnCode::ServerBusy
                | ConnectReturnCode::QuotaExceeded
                | ConnectReturnCode::ConnectionRateExceeded => LinkFault::transient(text),
                _ => LinkFault::config(text),
            }
        }
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => LinkFault {
            taken_over: *reason_code == DisconnectReasonCode::SessionTakenOver,
            ..LinkFault::transient(format!("the broker closed the connection: {reason_code:?}"))
        },
        other => classify(other),
    }
}

/// TLS trouble needs a person; everything else may pass.
fn classify(error: &(dyn Error + 'static)) -> LinkFault {
    match tls_cause(error) {
        Some(cause) => LinkFault::config(format!("TLS with the broker failed: {cause}")),
        None => LinkFault::transient(with_causes(error)),
    }
}

fn tls_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner: Option<&'a (dyn Error + 'static)> = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| inner as &(dyn Error + 'static));
        for candidate in [Some(error), inner].into_iter().flatten() {
            if let Some(cause) = candidate.downcast_ref() {
                return Some(cause);
            }
        }
        next = error.source();
    }
    None
}
