//! The subscriber: takes every record from the broker, keeps the accounts, stamps alerts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use andon::clock::{Clock, SystemClock};
use andon::record::ledger::{Expected, Ledger, Observation};
use andon::record::{AlertV1, BodyV1, RawV1, ValueV1, wire};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use crate::Fault;

/// Larger than the birth message, which lists every tag.
const PACKET_BYTES_MAX: usize = 64 << 20;
const NS_PER_S: i64 = 1_000_000_000;

/// An alert as it came.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) received_ns: i64,
    pub(crate) alert: AlertV1,
}

/// Time and value of every point, by tag number.
pub(crate) type Points = BTreeMap<u32, Vec<(i64, f64)>>;

/// What was received.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    ledger: Ledger,
    pub(crate) messages: u64,
    pub(crate) unreadable: u64,
    /// Why the subscriber itself gave up.
    pub(crate) lost_connection: Option<String>,
    /// Values by the second of their source time.
    pub(crate) per_second: BTreeMap<i64, u64>,
    /// Source time and value by tag; only when asked for.
    pub(crate) points: Option<Points>,
    /// Raised alerts, each once.
    pub(crate) alerts: BTreeMap<String, Alert>,
}

/// A subscriber on its own thread.
pub(crate) struct Subscriber {
    tally: Arc<Mutex<Tally>>,
    client: Client,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Subscriber {
    /// Subscribes to everything; `keeps_points` remembers every value.
    pub(crate) fn start(broker: SocketAddr, keeps_points: bool) -> Result<Self, Fault> {
        let mut options =
            MqttOptions::new("bench-subscriber", broker.ip().to_string(), broker.port());
        options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        let (client, mut connection) = Client::new(options, 64);
        client.subscribe("#", QoS::AtLeastOnce)?;
        let tally = Arc::new(Mutex::new(Tally {
            points: keeps_points.then(BTreeMap::new),
            ..Tally::default()
        }));
        let ended = Arc::new(AtomicBool::new(false));
        let (shared, over) = (Arc::clone(&tally), Arc::clone(&ended));
        let thread = std::thread::Builder::new()
            .name("subscriber".into())
            .spawn(move || {
                let clock = SystemClock::start();
                for event in connection.iter() {
                    match event {
                        Ok(Event::Incoming(Packet::Publish(publish))) => {
                            let received_ns = clock.now().wall.as_nanos();
                            lock(&shared).take(received_ns, &publish.topic, &publish.payload);
                        }
                        Ok(_) => {}
                        Err(error) => {
                            lock(&shared).lost_connection = Some(error.to_string());
                            return;
                        }
                    }
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            })?;
        Ok(Self {
            tally,
            client,
            ended,
            thread: Some(thread),
        })
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.tally)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The disconnect is also what wakes the thread.
        if self.client.disconnect().is_ok()
            && let Some(thread) = self.thread.take()
        {
            thread.join().unwrap_or_default();
        }
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    fn take(&mut self, received_ns: i64, topic: &str, payload: &[u8]) {
        // Birth and health are JSON.
        if payload.first() == Some(&b'{') {
            return;
        }
        self.messages += 1;
        let record =
            wire::decode(payload).and_then(|record| Ok((record.id.to_owned(), record.decode()?)));
        let Ok((id, body)) = record else {
            self.unreadable += 1;
            return;
        };
        let points = match &body {
            BodyV1::Raw(raw) => raw.points.len() as u64,
            _ => 0,
        };
        let is_alert = body.alert().is_some();
        self.ledger.observe(&Observation {
            id,
            role: topic
                .rsplit('/')
                .next()
                .filter(|_| is_alert)
                .unwrap_or_default()
                .to_owned(),
            checksum: 0,
            points,
            samples: 0,
            dropped: None,
        });
        if let BodyV1::Raw(raw) = &body {
            self.raw(raw);
        }
        let raised = |alert: &&AlertV1| alert.transition == AlertV1::RAISED;
        if let Some(alert) = body.alert().filter(raised).cloned() {
            let id = alert.alert_id.clone();
            self.alerts
                .entry(id)
                .or_insert(Alert { received_ns, alert });
        }
    }

    fn raw(&mut self, raw: &RawV1) {
        for point in &raw.points {
            let time_ns = raw.base_ns.saturating_add(point.offset_ns);
            *self
                .per_second
                .entry(time_ns.div_euclid(NS_PER_S))
                .or_default() += 1;
            if let (Some(points), Some(value)) = (&mut self.points, number(&point.value)) {
                points.entry(point.tag).or_default().push((time_ns, value));
            }
        }
    }

    /// Values whose source time lies in the whole seconds `[from, to)`.
    pub(crate) fn values_between(&self, from: i64, to: i64) -> u64 {
        self.per_second.range(from..to).map(|(_, n)| n).sum()
    }

    /// Whether every record number from 1 to the last one seen is there, in order; else what is wrong.
    pub(crate) fn faults(&self) -> Vec<String> {
        let expected = |_| Expected {
            first: Some(1),
            last: None,
        };
        let mut faults: Vec<String> = self
            .ledger
            .report(expected)
            .iter()
            .filter(|lane| !lane.holds())
            .map(|lane| {
                format!(
                    "{}: {} records missing, {} out of order",
                    lane.lane.as_str(),
                    lane.missing_records(),
                    lane.out_of_order
                )
            })
            .collect();
        if let Some(why) = &self.lost_connection {
            faults.push(format!("the subscriber lost the broker: {why}"));
        }
        if self.unreadable > 0 {
            faults.push(format!("{} unreadable messages", self.unreadable));
        }
        faults
    }
}

fn number(value: &ValueV1) -> Option<f64> {
    match value {
        ValueV1::F32(x) => Some(f64::from(*x)),
        ValueV1::F64(x) => Some(*x),
        ValueV1::Int(n) => Some(*n as f64),
        _ => None,
    }
}
