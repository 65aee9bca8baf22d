//! Subscription mode: the server reports changes, the gateway holds the last value and resamples it at the tags'
//! rates.
//!
//! A missing notification means "unchanged" only while the server keeps answering publish requests; the watchdog
//! ([`Subscription::silence`]) says when it has not. The subscription is made anew after every reconnect instead of
//! being transferred or recreated by the library: version 0.19.0 sends no publish request after a reconnect until a
//! subscription is created or a publish is triggered, and node ids may have changed with the namespace table.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opcua::client::{MonitoredItem, OnSubscriptionNotification, Session};
use opcua::types::{
    DataValue, Error, MonitoredItemCreateRequest, MonitoringMode, MonitoringParameters,
    ReadValueId, StatusChangeNotification, TimestampsToReturn,
};

use super::batch::BatchLimit;
use super::connection::Heartbeat;
use super::quality::asks_for_less;
use crate::model::Mono;

/// A keep-alive is due at least this often when nothing changes.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(2);
/// Missed keep-alives after which the subscription counts as dead.
const KEEP_ALIVES_MISSED_MAX: u32 = 3;
/// The server drops the subscription after this many keep-alive periods without a publish request.
const LIFETIME_KEEP_ALIVES: u32 = 10;
/// Publishing faster than this only costs.
const PUBLISH_INTERVAL_MIN: Duration = Duration::from_millis(20);
/// Items per request when the server names no limit.
const ITEMS_PER_CALL_MAX: u32 = 1_000;

/// A node to monitor at a rate.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// What to monitor.
    pub(super) node: ReadValueId,
    /// How often the gateway takes the value.
    pub(super) rate: Duration,
}

/// The intervals of a subscription, requested or as the server revised them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Intervals {
    /// Time between publishes.
    pub(super) publish: Duration,
    /// Publishes without a change before a keep-alive.
    pub(super) keep_alive_count: u32,
}

impl Intervals {
    /// Twice as fast as the fastest tag is taken, so that a held value is at most about one period old.
    pub(super) fn for_rates(rates: impl Iterator<Item = Duration>) -> Self {
        let fastest = rates.min().unwrap_or(KEEP_ALIVE_EVERY);
        let publish = (fastest / 2).clamp(PUBLISH_INTERVAL_MIN, KEEP_ALIVE_EVERY);
        let count = KEEP_ALIVE_EVERY.as_millis() / publish.as_millis().max(1);
        Self {
            publish,
            keep_alive_count: u32::try_from(count).unwrap_or(u32::MAX).max(1),
        }
    }

    /// How long the server may be silent.
    pub(super) fn silence_max(self) -> Duration {
        self.publish
            .saturating_mul(self.keep_alive_count.max(1))
            .saturating_mul(KEEP_ALIVES_MISSED_MAX)
    }
}

/// Last values, written by the library's callback and read by the driver; never locked across a wait.
#[derive(Debug)]
struct Held {
    values: Mutex<Vec<Option<DataValue>>>,
    ended: AtomicBool,
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, Vec<Option<DataValue>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, handle: u32, value: DataValue) {
        let index = usize::try_from(handle).unwrap_or(0).checked_sub(1);
        let mut values = self.lock();
        if let Some(place) = index.and_then(|i| values.get_mut(i)) {
            *place = Some(value);
        }
    }
}

/// Receives notifications in the library's task.
struct Receiver {
    held: Arc<Held>,
    heartbeat: Arc<Heartbeat>,
}

impl OnSubscriptionNotification for Receiver {
    fn on_data_value(&mut self, notification: DataValue, item: &MonitoredItem) {
        self.heartbeat.beat();
        self.held.put(item.client_handle(), notification);
    }

    fn on_subscription_status_change(&mut self, notification: StatusChangeNotification) {
        if !notification.status.is_good() {
            self.held.ended.store(true, Ordering::Relaxed);
        }
    }
}

/// A running subscription with its last values.
pub(super) struct Subscription {
    id: u32,
    held: Arc<Held>,
    heartbeat: Arc<Heartbeat>,
    intervals: Intervals,
}

impl Subscription {
    /// Creates a subscription on all of `wanted`. A node that the server refuses holds that status as its value; the
    /// others are not affected.
    pub(super) async fn create(
        session: &Arc<Session>,
        heartbeat: &Arc<Heartbeat>,
        wanted: &[Wanted],
        items_per_call_max: u32,
    ) -> Result<Self, Error> {
        let asked = Intervals::for_rates(wanted.iter().map(|w| w.rate));
        let held = Arc::new(Held {
            values: Mutex::new(vec![None; wanted.len()]),
            ended: AtomicBool::new(false),
        });
        let receiver = Receiver {
            held: Arc::clone(&held),
            heartbeat: Arc::clone(heartbeat),
        };
        let lifetime = asked.keep_alive_count.saturating_mul(LIFETIME_KEEP_ALIVES);
        let id = session
            .create_subscription(
                asked.publish,
                lifetime,
                asked.keep_alive_count,
                0,
                0,
                true,
                receiver,
            )
            .await?;
        let intervals = revised(session, id).unwrap_or(asked);
        if intervals != asked {
            tracing::info!(?asked, revised = ?intervals, "The OPC UA server revised the subscription.");
        }
        let subscription = Self {
            id,
            held,
            heartbeat: Arc::clone(heartbeat),
            intervals,
        };
        subscription
            .add_items(session, wanted, items_per_call_max)
            .await?;
        Ok(subscription)
    }

    async fn add_items(
        &self,
        session: &Arc<Session>,
        wanted: &[Wanted],
        items_per_call_max: u32,
    ) -> Result<(), Error> {
        let mut limit = BatchLimit::configured(ITEMS_PER_CALL_MAX);
        limit.respect(items_per_call_max);
        let mut done = 0;
        let mut revised = Revisions::default();
        while let Some(rest) = wanted.get(done..).filter(|rest| !rest.is_empty()) {
            let batch = rest.get(..limit.nodes()).unwrap_or(rest);
            let requests = (done + 1..)
                .zip(batch)
                .map(|(n, w)| request(n, w))
                .collect();
            let created = session
                .create_monitored_items(self.id, TimestampsToReturn::Both, requests)
                .await;
            let created = match created {
                Err(error) if asks_for_less(error.status()) && limit.halve(batch.len()) => continue,
                outcome => outcome?,
            };
            for (item, (n, wanted)) in created.iter().zip((done + 1..).zip(batch)) {
                let status = item.result.status_code;
                if !status.is_good() {
                    let refused = DataValue {
                        status: Some(status),
                        ..Default::default()
                    };
                    self.held.put(u32::try_from(n).unwrap_or(0), refused);
                    continue;
                }
                revised.note(wanted.rate, item.result.revised_sampling_interval);
            }
            done += batch.len();
        }
        revised.log();
        Ok(())
    }

    /// The server's name for it.
    pub(super) const fn id(&self) -> u32 {
        self.id
    }

    /// Fills in values that were read directly, where no notification has come yet.
    pub(super) fn prime(&self, values: Vec<DataValue>) {
        for (place, value) in self.held.lock().iter_mut().zip(values) {
            place.get_or_insert(value);
        }
    }

    /// The last value of every monitored node, in the order they were wanted.
    pub(super) fn values(&self, range: std::ops::Range<usize>) -> Vec<Option<DataValue>> {
        let held = self.held.lock();
        held.get(range).map(<[_]>::to_vec).unwrap_or_default()
    }

    /// Why the held values may not be served any more: `None` while the subscription lives.
    pub(super) fn silence(&self, now: Mono) -> Option<String> {
        if self.held.ended.load(Ordering::Relaxed) {
            return Some("the server has ended the subscription".to_owned());
        }
        let silent = now.since(self.heartbeat.last());
        let max = self.intervals.silence_max();
        (silent > max).then(|| {
            format!(
                "no notification and no keep-alive for {:.1} s (allowed {:.1} s)",
                silent.as_secs_f64(),
                max.as_secs_f64()
            )
        })
    }
}

/// The item number `n`, counted from 1, which is its handle.
fn request(n: usize, wanted: &Wanted) -> MonitoredItemCreateRequest {
    let sampling = wanted.rate / 2;
    MonitoredItemCreateRequest {
        item_to_monitor: wanted.node.clone(),
        monitoring_mode: MonitoringMode::Reporting,
        requested_parameters: MonitoringParameters {
            client_handle: u32::try_from(n).unwrap_or(0),
            sampling_interval: sampling.as_secs_f64() * 1_000.0,
            // Only the newest value is held; a longer queue would be sent to be thrown away.
            queue_size: 1,
            discard_oldest: true,
            ..Default::default()
        },
    }
}

/// What the server made of the requested intervals.
fn revised(session: &Session, id: u32) -> Option<Intervals> {
    let state = session.subscription_state().lock();
    let made = state.get(id)?;
    Some(Intervals {
        publish: made.publishing_interval(),
        keep_alive_count: made.max_keep_alive_count(),
    })
}

/// Deletes a subscription of an earlier connection; that the server has forgotten it is no fault.
pub(super) async fn forget(session: &Session, id: u32) {
    drop(session.delete_subscription(id).await);
}

/// Sampling intervals that the server made slower than the tags' rates.
#[derive(Debug, Default)]
struct Revisions {
    slower: usize,
    slowest_ms: f64,
}

impl Revisions {
    fn note(&mut self, rate: Duration, revised_ms: f64) {
        if revised_ms > rate.as_secs_f64() * 1_000.0 {
            self.slower += 1;
            self.slowest_ms = self.slowest_ms.max(revised_ms);
        }
    }

    fn log(&self) {
        if self.slower > 0 {
            tracing::warn!(
                items = self.slower,
                slowest_ms = self.slowest_ms,
                "The OPC UA server samples some tags more slowly than their rate."
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use opcua::types::{NodeId, StatusCode, Variant};

    use super::super::connection::Connection;
    use super::super::testing::{Behaviour, TestServer, config, gateway_dir, open, open_link};
    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::driver::testing::Log;

    #[track_caller]
    fn check(rates_ms: &[u64], publish_ms: u64, keep_alive_count: u32, silence_ms: u64) {
        let rates = rates_ms.iter().copied().map(Duration::from_millis);
        let intervals = Intervals::for_rates(rates);
        let expected = Intervals {
            publish: Duration::from_millis(publish_ms),
            keep_alive_count,
        };
        assert_eq!(intervals, expected);
        assert_eq!(intervals.silence_max(), Duration::from_millis(silence_ms));
    }

    #[test]
    fn intervals_follow_the_fastest_tag_within_bounds() {
        check(&[1_000, 100, 500], 50, 40, 6_000);
        check(&[1_000], 500, 4, 6_000);
        check(&[10], 20, 100, 6_000);
        check(&[60_000], 2_000, 1, 6_000);
        check(&[], 1_000, 2, 6_000);
    }

    #[test]
    fn only_slower_sampling_is_noted() {
        let (log, _guard) = Log::start();
        let mut revisions = Revisions::default();
        revisions.note(Duration::from_millis(100), 50.0);
        revisions.note(Duration::from_millis(100), 100.0);
        revisions.log();
        assert_eq!(log.lines_with("more slowly"), [""; 0]);
        revisions.note(Duration::from_millis(100), 250.0);
        revisions.note(Duration::from_millis(100), f64::NAN);
        revisions.log();
        let said = log.lines_with("more slowly");
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("items=1 slowest_ms=250"), "{said:?}");
    }

    fn wanted(names: &[&str], namespace: u16) -> Vec<Wanted> {
        names
            .iter()
            .map(|name| Wanted {
                node: NodeId::new(namespace, *name).into(),
                rate: Duration::from_millis(100),
            })
            .collect()
    }

    /// A subscription on nodes of the plant, its connection, and the server.
    async fn subscribed(
        behaviour: Behaviour,
        names: &[&str],
    ) -> (Subscription, Connection, TestServer) {
        let server = TestServer::start(behaviour);
        let dir = gateway_dir();
        let config = config(dir.path(), open_link(&server.url()), &[]);
        let connection = open(&config).await.unwrap();
        let heartbeat = connection.heartbeat();
        let wanted = wanted(names, server.namespace());
        // As if the server had named no limit.
        let made = Subscription::create(connection.session(), heartbeat, &wanted, 0).await;
        (made.unwrap(), connection, server)
    }

    #[tokio::test]
    async fn items_are_created_in_smaller_requests_when_the_server_asks_for_less() {
        let names = ["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"];
        let small = Behaviour {
            items_per_call_max: 3,
            ..Behaviour::default()
        };
        let (subscription, _connection, _server) = subscribed(small, &names).await;
        let complete = async {
            while subscription.values(0..10).iter().any(Option::is_none) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, complete)
            .await
            .expect("every value comes");
        let values = subscription.values(0..10);
        let numbers: Vec<_> = values.into_iter().map(|v| v.unwrap().value).collect();
        let expected: Vec<_> = (0_u32..10).map(|n| Some(Variant::from(n))).collect();
        assert_eq!(numbers, expected);
    }

    #[tokio::test]
    async fn a_refused_item_holds_the_refusal() {
        let server = TestServer::start(Behaviour::default());
        let dir = gateway_dir();
        let config = config(dir.path(), open_link(&server.url()), &[]);
        let connection = open(&config).await.unwrap();
        let nobodys = wanted(&["x"], 999);
        let session = connection.session();
        let made = Subscription::create(session, connection.heartbeat(), &nobodys, 0).await;
        let held = made
            .unwrap()
            .values(0..1)
            .remove(0)
            .expect("no notification is waited for");
        assert_eq!(held.status, Some(StatusCode::BadNodeIdUnknown));
    }

    #[tokio::test]
    async fn silence_is_measured_by_what_the_server_made_of_the_intervals() {
        let slow = Behaviour {
            publishing_interval_min_ms: 5_000.0,
            ..Behaviour::default()
        };
        let (log, _guard) = Log::start();
        let (subscription, _connection, _server) = subscribed(slow, &["v0"]).await;
        assert_eq!(subscription.intervals.publish, Duration::from_secs(5));
        let said = log.lines_with("revised the subscription");
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("publish: 5s"), "{said:?}");
    }

    #[test]
    fn a_subscription_that_the_server_ends_is_dead_and_other_news_is_not() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let heartbeat = Arc::new(Heartbeat::new(Arc::clone(&clock)));
        let held = Arc::new(Held {
            values: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let subscription = Subscription {
            id: 1,
            held: Arc::clone(&held),
            heartbeat: Arc::clone(&heartbeat),
            intervals: Intervals::for_rates(std::iter::empty()),
        };
        let mut receiver = Receiver { held, heartbeat };
        let mut after = |status| {
            receiver.on_subscription_status_change(StatusChangeNotification {
                status,
                ..Default::default()
            });
            subscription.silence(clock.now().mono)
        };
        assert_eq!(after(StatusCode::GoodSubscriptionTransferred), None);
        let ended = Some("the server has ended the subscription".to_owned());
        assert_eq!(after(StatusCode::BadTimeout), ended);
    }
}
