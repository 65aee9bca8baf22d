//! The publishing task: connects, drains, reconnects, until it is cancelled.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::birth::{Birth, Parts};
use super::health::{Health, Identity, offline_json};
use super::ladder::{Churn, Ladder};
use super::link::{self, LinkFault};
use super::payload::{JSON_TYPE, Message, Renderer};
use super::session::{End, Session};
use super::source::{Committed, Source};
use super::stats::PublishStats;
use super::topic::Topics;
use super::window::Limits;
use crate::clock::Clock;
use crate::config::MqttConfig;
use crate::record::Lane;
use crate::record::names::TagNames;

/// Share of the alert lane on top of `max_in_flight`.
pub(super) const ALERTS_IN_FLIGHT: usize = 32;
/// Birth messages under way at once, each up to 60,000 bytes.
pub(super) const STATES_IN_FLIGHT: usize = 8;
/// Room in the client's queue beyond both lanes: births, health, and the last alert's further roles.
const SPARE: usize = 512;

/// Wait before the buffer is asked again.
const SOURCE_RETRY: Duration = Duration::from_millis(200);

/// What the publisher needs to know.
#[derive(Debug)]
pub struct Setup {
    /// The broker.
    pub mqtt: MqttConfig,
    /// Who this gateway is.
    pub identity: Identity,
    /// Names of tag numbers.
    pub names: TagNames,
    /// What the birth message lists.
    pub birth: Arc<Birth>,
    /// How the gateway is; changes of status or devices are published at once.
    pub health: tokio::sync::watch::Receiver<Health>,
    /// Counters to keep.
    pub stats: Arc<PublishStats>,
    /// For back-off and the farewell's time.
    pub clock: Arc<dyn Clock>,
    /// Seed of the jitter.
    pub seed: u64,
}

/// What stays the same from connection to connection.
pub(super) struct Shared<'a, S> {
    pub(super) setup: &'a Setup,
    pub(super) source: &'a S,
    pub(super) renderer: Renderer,
    pub(super) birth: Parts<'a>,
}

impl<S> Shared<'_, S> {
    /// A retained message about the gateway.
    pub(super) fn state(topic: String, payload: Vec<u8>) -> Message {
        Message {
            topic,
            payload,
            id: None,
            retain: true,
            content_type: JSON_TYPE,
        }
    }

    fn will(&self) -> Message {
        let payload = offline_json(&self.setup.identity, None, "connection lost");
        Self::state(self.renderer.topics.health(), payload)
    }
}

/// Publishes everything that `source` has committed until `cancel`; then waits up to two seconds for what is under
/// way, says goodbye and returns.
pub async fn run<S: Source>(setup: Setup, source: S, cancel: CancellationToken) {
    let mqtt = &setup.mqtt;
    let topics = Topics::new(
        mqtt.topic_root.as_ref(),
        &setup.identity.gateway,
        &setup.identity.asset,
    );
    let shared = Shared {
        setup: &setup,
        source: &source,
        renderer: Renderer {
            topics,
            format: mqtt.payload,
            names: setup.names.clone(),
        },
        birth: Parts::new(&setup.birth, &setup.identity, mqtt.payload),
    };
    let limits = Limits {
        alerts: ALERTS_IN_FLIGHT,
        telemetry: mqtt.max_in_flight.max(1),
    };
    let Some(first) = first_pending(&source, &cancel).await else {
        return;
    };
    let mut session = Session::new(&shared, limits, first);
    let mut pace = Pace::new(setup.seed);
    let queue = limits.alerts + limits.telemetry + SPARE;
    while !cancel.is_cancelled() {
        let end = match link::open(mqtt, &shared.will(), queue) {
            Ok((outlet, driver)) => Box::pin(session.run(outlet, driver, &cancel)).await,
            Err(fault) => End::lost(fault),
        };
        setup.stats.down();
        let End::Lost {
            fault,
            was_up,
            was_useful,
        } = end
        else {
            return;
        };
        session.rewind();
        if was_useful {
            pace.ladder.reset();
        }
        // A connection that never got anything across is the ladder's business.
        let was_taken = fault.taken_over || (was_up && was_useful);
        let wait = pace.after(&fault, was_taken, &setup);
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Where both lanes begin; `None` when the gateway stops before the buffer can say.
async fn first_pending<S: Source>(source: &S, cancel: &CancellationToken) -> Option<Committed> {
    loop {
        let asked = async {
            Ok::<_, S::Error>(Committed {
                alerts: source.first_pending(Lane::Alerts).await?,
                telemetry: source.first_pending(Lane::Telemetry).await?,
            })
        };
        let answer = tokio::select! {
            () = cancel.cancelled() => return None,
            answer = asked => answer,
        };
        match answer {
            Ok(first) => return Some(first),
            Err(error) => warn!(%error, "The buffer cannot say what is pending; asking again."),
        }
        tokio::select! {
            () = cancel.cancelled() => return None,
            () = tokio::time::sleep(SOURCE_RETRY) => {}
        }
    }
}

/// When to try again, and what to tell the operator.
struct Pace {
    ladder: Ladder,
    churn: Churn,
    rng: fastrand::Rng,
}

impl Pace {
    fn new(seed: u64) -> Self {
        Self {
            ladder: Ladder::default(),
            churn: Churn::default(),
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    fn after(&mut self, fault: &LinkFault, was_taken: bool, setup: &Setup) -> Duration {
        let now = setup.clock.now().mono;
        let wait = self.ladder.wait(fault.class, now, &mut self.rng);
        let churn = if was_taken {
            self.churn.lost(now, fault.taken_over)
        } else {
            None
        };
        let retry_ms = u64::try_from(churn.unwrap_or(wait).max(wait).as_millis());
        let retry_ms = retry_ms.unwrap_or(u64::MAX);
        let (host, port) = (&setup.mqtt.host, setup.mqtt.port);
        let client_id = &setup.mqtt.client_id;
        if churn.is_some() {
            warn!(%host, port, %client_id, error = %fault.text, retry_ms,
                "The broker connection is lost again and again; another client may use the same client id.");
        } else if setup.stats.fault(&fault.text) {
            warn!(%host, port, error = %fault.text, retry_ms, "The broker cannot be reached; records are kept.");
        } else {
            debug!(%host, port, error = %fault.text, retry_ms, "The broker still cannot be reached.");
        }
        churn.unwrap_or(wait).max(wait)
    }
}

/// Notes in the log that records flow again.
pub(super) fn log_up(setup: &Setup) {
    let (host, port) = (&setup.mqtt.host, setup.mqtt.port);
    info!(%host, port, "The broker is connected.");
}

/// When the next attempt of a refused record is due.
pub(super) fn refusal_wait(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(5))
}

/// The earliest of some moments.
pub(super) fn earliest(times: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    times.into_iter().flatten().min()
}
