//! Counters of the publisher, read by health, metrics and the demo.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::watch;

/// Shared between the publisher and its readers.
#[derive(Debug)]
pub struct PublishStats {
    connected: AtomicBool,
    published: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    rejected: AtomicU64,
    connections: AtomicU64,
    rebuilds: AtomicU64,
    unknown_acks: AtomicU64,
    in_flight: AtomicU64,
    last_error: watch::Sender<Option<String>>,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublishCounts {
    /// Whether the broker accepts messages now.
    pub connected: bool,
    /// Messages handed to the connection, repeats included.
    pub published: u64,
    /// Messages acknowledged, birth and health included.
    pub acknowledged: u64,
    /// Messages refused with a reason code.
    pub refused: u64,
    /// Records given up: refused for good, too large, or unreadable.
    pub rejected: u64,
    /// Connections that came up.
    pub connections: u64,
    /// Connections given up for want of acknowledgements.
    pub rebuilds: u64,
    /// Acknowledgements of nothing.
    pub unknown_acks: u64,
    /// Messages under way.
    pub in_flight: u64,
}

impl Default for PublishStats {
    fn default() -> Self {
        Self {
            connected: AtomicBool::new(false),
            published: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            rebuilds: AtomicU64::new(0),
            unknown_acks: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            last_error: watch::Sender::new(None),
        }
    }
}

impl PublishStats {
    /// The counters now.
    pub fn counts(&self) -> PublishCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PublishCounts {
            connected: self.connected.load(Ordering::Relaxed),
            published: read(&self.published),
            acknowledged: read(&self.acknowledged),
            refused: read(&self.refused),
            rejected: read(&self.rejected),
            connections: read(&self.connections),
            rebuilds: read(&self.rebuilds),
            unknown_acks: read(&self.unknown_acks),
            in_flight: read(&self.in_flight),
        }
    }

    /// What is wrong with the connection, in words; `None` while it works. Changes when the text does.
    pub fn error(&self) -> watch::Receiver<Option<String>> {
        self.last_error.subscribe()
    }

    pub(super) fn up(&self) {
        self.connected.store(true, Ordering::Relaxed);
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.last_error
            .send_if_modified(|text| text.take().is_some());
    }

    pub(super) fn down(&self) {
        self.connected.store(false, Ordering::Relaxed);
        self.in_flight.store(0, Ordering::Relaxed);
    }

    /// Whether the text is a new one.
    pub(super) fn fault(&self, text: &str) -> bool {
        self.last_error.send_if_modified(|last| {
            let is_new = last.as_deref() != Some(text);
            if is_new {
                *last = Some(text.to_owned());
            }
            is_new
        })
    }

    pub(super) fn published(&self, messages: usize) {
        let messages = u64::try_from(messages).unwrap_or(u64::MAX);
        self.published.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn acknowledged(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rejected(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rebuilt(&self) {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unknown_ack(&self) {
        self.unknown_acks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn in_flight(&self, messages: usize) {
        let messages = u64::try_from(messages).unwrap_or(u64::MAX);
        self.in_flight.store(messages, Ordering::Relaxed);
    }
}
