//! The driver of one OPC UA server: polled Read or a resampled subscription behind the same contract.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use opcua::types::{Error, ReadValueId, StatusCode};

use super::batch::BatchLimit;
use super::connection::{Connection, State, Target};
use super::pki::Pki;
use super::plan::{Change, Group, Judge};
use super::request::{read_all, server_facts};
use super::subscribe::{Subscription, Wanted, forget};
use crate::clock::Clock;
use crate::config::{Config, Link, OpcUaAccess, Tag};
use crate::driver::{Driver, DriverError, GroupId, ScanGroup};
use crate::model::{DeviceId, Mono, Sample, TagId};

/// Endpoints, channel, session and subscription take several round trips and RSA operations: time for them beyond
/// the configured timeout of one request.
const CONNECT_EXTRA: Duration = Duration::from_secs(10);
/// Beyond the timeout of the requests themselves, for the last answer's way through the library.
const READ_EXTRA: Duration = Duration::from_millis(250);
/// Attempts to get a lost session back before a new one is opened from scratch.
const RESUMES_MAX: u32 = 3;
/// How often a namespace that the server did not have is looked for again.
const RESOLVE_AGAIN: Duration = Duration::from_mins(1);

/// One OPC UA server and the scan groups read from it.
pub struct OpcUaDriver {
    target: Option<Target>,
    name: String,
    access: OpcUaAccess,
    /// Longest `connect`, for when the library's own bounds do not hold.
    connect_max: Duration,
    /// Longest `read`.
    read_max: Duration,
    clock: Arc<dyn Clock>,
    groups: Vec<Group>,
    judge: Judge,
    /// What the server says, what is configured, what was learnt.
    pub(super) limit: BatchLimit,
    connection: Option<Connection>,
    subscription: Option<Subscription>,
    /// The session answers but may not be trusted with more reads: a silent subscription.
    distrusted: bool,
    resumes: u32,
    resolved_at: Mono,
}

impl std::fmt::Debug for OpcUaDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpcUaDriver")
            .field("device", &self.name)
            .field("access", &self.access)
            .field("groups", &self.groups.len())
            .field("connected", &self.connection.is_some())
            .finish_non_exhaustive()
    }
}

/// Whom to connect to for a device; `None` when it is not an OPC UA device of this configuration.
pub(super) fn target(config: &Config, device: DeviceId) -> Option<Target> {
    let found = config.device(device)?;
    let Link::OpcUa(link) = &found.link else {
        return None;
    };
    Some(Target {
        device: found.name.clone(),
        trust_command: format!("andon opcua trust -c FILE {}", found.name),
        gateway: config.gateway.id.clone(),
        link: link.clone(),
        pki: Pki::in_data_dir(&config.gateway.data_dir),
    })
}

impl OpcUaDriver {
    /// A driver for `device`, not connected yet. A device that is not an OPC UA one makes a driver whose `connect`
    /// is a configuration error.
    pub fn for_endpoint(
        config: &Arc<Config>,
        device: DeviceId,
        groups: &[ScanGroup],
        clock: Arc<dyn Clock>,
    ) -> Self {
        let target = target(config, device);
        let link = target.as_ref().map(|t| &t.link);
        let timeout = link.map_or(Duration::ZERO, |l| l.timeout);
        Self {
            name: config
                .device(device)
                .map_or_else(String::new, |d| d.name.clone()),
            access: link.map_or(OpcUaAccess::Poll, |l| l.access),
            connect_max: timeout.saturating_add(CONNECT_EXTRA),
            read_max: timeout.saturating_add(READ_EXTRA),
            limit: BatchLimit::configured(link.map_or(0, |l| l.max_nodes_per_read)),
            clock,
            groups: groups.iter().map(|g| Group::new(config, g)).collect(),
            judge: Judge::default(),
            connection: None,
            subscription: None,
            distrusted: false,
            resumes: 0,
            resolved_at: Mono::default(),
            target,
        }
    }

    /// Resumes the session that was lost, or opens a new one.
    async fn establish(&mut self) -> Result<(), DriverError> {
        if let Some(connection) = &self.connection {
            let was_up = connection.state() == State::Up;
            let resumed = match connection.state() {
                State::Up if !self.distrusted => Some(Ok(())),
                State::Connecting | State::Lost(_) if self.resumes < RESUMES_MAX => {
                    self.resumes += 1;
                    Some(connection.resume(self.clock.now().wall).await)
                }
                // Silent, ended, or asked for in vain often enough.
                _ => None,
            };
            // Publish requests that were queued before the loss would swallow the first notifications of a resumed
            // session, so a subscription takes the old session back only to close it.
            let usable = self.access == OpcUaAccess::Poll || was_up;
            match resumed {
                Some(Ok(())) if usable && self.prepare().await.is_ok() => return Ok(()),
                // A second attempt with refused credentials could lock the account.
                Some(Err(error @ DriverError::Config(_))) => {
                    self.discard().await;
                    return Err(error);
                }
                Some(Err(error)) => return Err(error),
                // The session is of no use: start over.
                Some(Ok(())) | None => self.discard().await,
            }
        }
        let Some(target) = &self.target else {
            return Err(DriverError::Config(format!(
                "`{}` is not an OPC UA device",
                self.name
            )));
        };
        let opened = Box::pin(Connection::open(target, &self.clock)).await?;
        self.connection = Some(opened);
        self.prepare().await
    }

    /// Everything that belongs to one session: limits, node ids, subscription.
    async fn prepare(&mut self) -> Result<(), DriverError> {
        let session = Arc::clone(self.live()?.session());
        let heartbeat = Arc::clone(self.live()?.heartbeat());
        let facts = server_facts(&session).await;
        let facts = facts.map_err(|error| self.failed("read the server's facts", &error))?;
        self.limit.respect(facts.nodes_per_read_max);
        for group in &mut self.groups {
            group.resolve(&facts.namespaces);
        }
        self.resolved_at = self.clock.now().mono;

        if let Some(old) = self.subscription.take() {
            forget(&session, old.id()).await;
        }
        if self.access == OpcUaAccess::Subscribe {
            let wanted = self.wanted();
            let made =
                Subscription::create(&session, &heartbeat, &wanted, facts.items_per_call_max)
                    .await
                    .map_err(|error| self.failed("subscribe", &error))?;
            // First values at once instead of after the first publish.
            let nodes: Vec<_> = wanted.into_iter().map(|w| w.node).collect();
            let first = read_all(&session, &nodes, &mut self.limit).await;
            made.prime(first.map_err(|error| self.failed("read first values", &error))?);
            self.subscription = Some(made);
        }
        self.distrusted = false;
        self.resumes = 0;
        Ok(())
    }

    fn wanted(&self) -> Vec<Wanted> {
        let tags = self.groups.iter().flat_map(Group::resolved);
        let nodes = self.groups.iter().flat_map(|g| g.nodes().iter().cloned());
        let wanted = |(tag, node): (&Tag, ReadValueId)| Wanted {
            node,
            rate: tag.rate,
        };
        tags.zip(nodes).map(wanted).collect()
    }

    async fn discard(&mut self) {
        self.subscription = None;
        self.distrusted = false;
        self.resumes = 0;
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    /// The connection, when its session is active.
    fn live(&self) -> Result<&Connection, DriverError> {
        match self.connection.as_ref().map(|c| (c, c.state())) {
            Some((connection, State::Up)) => Ok(connection),
            Some((connection, State::Lost(status) | State::Ended(status))) => {
                Err(connection.error(status, self.clock.now().wall))
            }
            Some((_, State::Connecting)) | None => Err(self.not_connected()),
        }
    }

    async fn poll(&mut self, index: usize, out: &mut Vec<Sample>) -> Result<(), DriverError> {
        let session = Arc::clone(self.live()?.session());
        self.resolve_again(index).await?;
        let Some(group) = self.groups.get(index) else {
            return Err(no_group(index));
        };
        let values = read_all(&session, group.nodes(), &mut self.limit).await;
        let values = values.map_err(|error| self.failed("read", &error))?;
        let now = self.clock.now().wall;
        let changes = self.judge.samples(group, values.iter().map(Some), now, out);
        self.log(changes);
        Ok(())
    }

    /// Serves held values, as long as the subscription lives.
    async fn resample(&mut self, index: usize, out: &mut Vec<Sample>) -> Result<(), DriverError> {
        self.live()?;
        self.resolve_again(index).await?;
        let now = self.clock.now();
        let Some(subscription) = &self.subscription else {
            return Err(self.not_connected());
        };
        if let Some(why) = subscription.silence(now.mono) {
            self.distrusted = true;
            return Err(DriverError::Link(format!(
                "subscription of `{}`: {why}",
                self.name
            )));
        }
        let held = subscription.values(self.range_of(index));
        let Some(group) = self.groups.get(index) else {
            return Err(no_group(index));
        };
        let changes = self
            .judge
            .samples(group, held.iter().map(Option::as_ref), now.wall, out);
        self.log(changes);
        Ok(())
    }

    /// The place of a group's nodes among all monitored nodes.
    fn range_of(&self, index: usize) -> Range<usize> {
        let mut sizes = self.groups.iter().map(|g| g.nodes().len());
        let start = sizes.by_ref().take(index).sum();
        start..start + sizes.next().unwrap_or(0)
    }

    /// A namespace that was missing may have come with a new program on the controller.
    async fn resolve_again(&mut self, index: usize) -> Result<(), DriverError> {
        let now = self.clock.now().mono;
        let incomplete = self.groups.get(index).is_some_and(Group::is_incomplete);
        if incomplete && now.since(self.resolved_at) >= RESOLVE_AGAIN {
            self.prepare().await?;
        }
        Ok(())
    }

    fn not_connected(&self) -> DriverError {
        DriverError::Link(format!("`{}` is not connected", self.name))
    }

    fn failed(&self, action: &str, error: &Error) -> DriverError {
        match &self.connection {
            Some(connection) if super::quality::needs_a_person(error.status()) => {
                connection.error(error.status(), self.clock.now().wall)
            }
            _ => DriverError::Link(format!("{action} on `{}`: {error}", self.name)),
        }
    }

    fn log(&self, changes: Vec<Change>) {
        let device = &self.name;
        for change in changes {
            match change {
                Change::Refused { tag, why } => {
                    tracing::warn!(%device, %tag, %why, "The OPC UA server refuses a tag.");
                }
                Change::Accepted { tag } => {
                    tracing::info!(%device, %tag, "The OPC UA server delivers a refused tag again.");
                }
                Change::Skewed => {
                    tracing::warn!(%device, "The OPC UA server's clock is off by more than an hour; its times are kept.");
                }
                Change::InTime => {
                    tracing::info!(%device, "The OPC UA server's clock is right again.");
                }
            }
        }
    }
}

fn no_group(index: usize) -> DriverError {
    DriverError::Config(format!("no scan group {index}"))
}

impl Driver for OpcUaDriver {
    async fn connect(&mut self) -> Result<(), DriverError> {
        let bound = self.connect_max;
        let outcome = tokio::time::timeout(bound, Box::pin(self.establish())).await;
        outcome.unwrap_or_else(|_elapsed| {
            // Dropping the connection ends its task: nothing goes on behind the caller's back.
            self.connection = None;
            self.subscription = None;
            Err(DriverError::Link(format!(
                "`{}` did not let us connect within {:.1} s",
                self.name,
                bound.as_secs_f64()
            )))
        })
    }

    async fn read(&mut self, group: GroupId, out: &mut Vec<Sample>) -> Result<(), DriverError> {
        let bound = self.read_max;
        let access = self.access;
        let reading = async {
            match access {
                OpcUaAccess::Poll => self.poll(group.0, out).await,
                OpcUaAccess::Subscribe => self.resample(group.0, out).await,
            }
        };
        let outcome = tokio::time::timeout(bound, Box::pin(reading)).await;
        outcome.unwrap_or_else(|_elapsed| {
            Err(DriverError::Link(format!(
                "`{}` did not answer a read within {:.1} s ({})",
                self.name,
                bound.as_secs_f64(),
                StatusCode::BadTimeout
            )))
        })
    }

    async fn close(&mut self) {
        self.discard().await;
    }

    fn refused(&self) -> Vec<(TagId, String)> {
        self.judge.refused()
    }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
