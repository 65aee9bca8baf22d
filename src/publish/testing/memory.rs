//! A buffer in memory that checks the delivery promise at every acknowledgement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use crate::publish::{Committed, ReadLimit, Source, Stored};
use crate::record::{BodyV1, Lane, RecordId, encode_body};

/// The queue to the store is full.
#[derive(Debug, thiserror::Error)]
#[error("the queue is full")]
pub(in crate::publish) struct Full;

#[derive(Debug, Default)]
struct Inner {
    records: BTreeMap<(Lane, u64), Vec<u8>>,
    acked: BTreeMap<Lane, u64>,
    rejected: BTreeSet<(Lane, u64)>,
    reject_calls: u64,
    first_calls: u64,
    /// What the broker has sent a PUBACK for, by message: id and topic.
    delivered: BTreeSet<(String, String)>,
}

/// Shared by the publisher, the broker and the test.
#[derive(Debug, Clone)]
pub(in crate::publish) struct Memory {
    inner: Arc<Mutex<Inner>>,
    committed: Arc<watch::Sender<Committed>>,
    changed: Arc<watch::Sender<()>>,
}

pub(in crate::publish) const EPOCH: u32 = 7;

impl Memory {
    pub(in crate::publish) fn new() -> Self {
        Self {
            inner: Arc::default(),
            committed: Arc::new(watch::Sender::new(Committed::default())),
            changed: Arc::new(watch::Sender::new(())),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Commits one record.
    pub(in crate::publish) fn commit(&self, lane: Lane, body: &BodyV1) -> u64 {
        self.commit_bytes(lane, encode_body(body))
    }

    pub(in crate::publish) fn commit_bytes(&self, lane: Lane, body: Vec<u8>) -> u64 {
        let mut committed = *self.committed.borrow();
        let seq = committed.of(lane) + 1;
        self.inner().records.insert((lane, seq), body);
        match lane {
            Lane::Alerts => committed.alerts = seq,
            Lane::Telemetry => committed.telemetry = seq,
        }
        self.committed.send_replace(committed);
        seq
    }

    /// Takes a record away, as dropping the oldest does.
    pub(in crate::publish) fn drop_record(&self, lane: Lane, seq: u64) {
        self.inner().records.remove(&(lane, seq));
    }

    /// The broker is about to acknowledge a message.
    pub(in crate::publish) fn delivered(&self, id: &str, topic: &str) {
        self.inner()
            .delivered
            .insert((id.to_owned(), topic.to_owned()));
    }

    pub(in crate::publish) fn acked(&self, lane: Lane) -> u64 {
        self.inner().acked.get(&lane).copied().unwrap_or(0)
    }

    pub(in crate::publish) fn rejected(&self) -> Vec<(Lane, u64)> {
        self.inner().rejected.iter().copied().collect()
    }

    /// Waits until the condition holds.
    pub(in crate::publish) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let mut changed = self.changed.subscribe();
        while !holds(self) {
            changed.changed().await.unwrap();
        }
    }
}

impl Source for Memory {
    type Error = Full;

    fn committed(&self) -> watch::Receiver<Committed> {
        self.committed.subscribe()
    }

    async fn first_pending(&self, lane: Lane) -> Result<u64, Full> {
        let mut inner = self.inner();
        inner.first_calls += 1;
        if inner.first_calls == 1 {
            return Err(Full);
        }
        Ok(inner.acked.get(&lane).copied().unwrap_or(0) + 1)
    }

    async fn read(&self, lane: Lane, from_seq: u64, limit: ReadLimit) -> Result<Vec<Stored>, Full> {
        tokio::task::yield_now().await;
        let inner = self.inner();
        let from = from_seq;
        assert!(
            from > inner.acked.get(&lane).copied().unwrap_or(0),
            "read from {from}"
        );
        let found = inner.records.range((lane, from)..=(lane, u64::MAX));
        Ok(found
            .filter(|(key, _)| !inner.rejected.contains(key))
            .take(limit.records.min(10))
            .map(|((_, seq), body)| Stored {
                committed_at: crate::model::Timestamp::default(),
                epoch: EPOCH,
                seq: *seq,
                body: body.clone(),
            })
            .collect())
    }

    fn ack(&self, lane: Lane, up_to: u64) {
        let mut inner = self.inner();
        let before = inner.acked.insert(lane, up_to).unwrap_or(0);
        assert!(
            before < up_to,
            "acknowledgement went from {before} to {up_to}"
        );
        for seq in before + 1..=up_to {
            let id = RecordId {
                gateway: "gw1".into(),
                epoch: EPOCH,
                lane,
                seq,
            };
            let first = (id.to_string(), String::new());
            let is_delivered = inner
                .delivered
                .range(first..)
                .next()
                .is_some_and(|(found, _)| *found == id.to_string());
            let is_there = inner.records.contains_key(&(lane, seq));
            assert!(
                is_delivered || !is_there || inner.rejected.contains(&(lane, seq)),
                "{id} was acknowledged without PUBACK"
            );
        }
        drop(inner);
        self.changed.send_replace(());
    }

    /// Every second call finds the queue full.
    fn reject(&self, lane: Lane, seq: u64) -> Result<(), Full> {
        let mut inner = self.inner();
        inner.reject_calls += 1;
        if inner.reject_calls % 2 == 1 {
            return Err(Full);
        }
        inner.rejected.insert((lane, seq));
        drop(inner);
        self.changed.send_replace(());
        Ok(())
    }
}
