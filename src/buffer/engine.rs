//! Both lanes together: drop records, quota, disk space, status. Synchronous; the storage thread drives it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::codec::Stored;
use super::incident::Incident;
use super::lane::{Lane, LanePolicy, Opening};
use super::ledger::{DropRange, reason_name};
use super::status::{BufferStatus, LaneStatus};
use super::store::{ReadLimit, Store};
use crate::model::{Mono, Now, Timestamp};
use crate::record::{self, BodyV1, DropReasonV1, DropV1};

/// How often the cursor is saved and the disk looked at.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// A loss is told this long after it was first noticed, so that what follows it directly joins its range.
const TELL_AFTER: Duration = Duration::from_secs(10);

/// How often the alert reserve is tried again after it was used.
const RESERVE_RETRY: Duration = Duration::from_secs(10);

/// Telemetry segments destroyed at once for free space; the next look is a tick later, after the file system has
/// caught up.
const DROPS_PER_LOOK: usize = 4;

/// Bytes on disk per byte of records in rotated sled segments: 1 GiB of 4 KiB bodies took 2.6 GiB.
const DISK_PER_PAYLOAD: f64 = 2.6;

/// Time constant of the fill rate, seconds.
const RATE_TIME_S: f64 = 600.0;

/// Bounds of the engine.
#[derive(Debug, Clone, Copy)]
pub(super) struct EnginePolicy {
    /// Telemetry on disk, bytes.
    pub max_bytes: u64,
    /// Free space below this belongs to alerts, bytes.
    pub alert_reserve_bytes: u64,
    /// Alert lane.
    pub alerts: LanePolicy,
    /// Telemetry lane.
    pub telemetry: LanePolicy,
}

impl EnginePolicy {
    /// Bounds from the configuration.
    pub(super) fn new(config: &crate::config::BufferConfig) -> Self {
        Self {
            max_bytes: config.max_bytes,
            alert_reserve_bytes: config.alert_reserve_bytes,
            alerts: LanePolicy {
                segment_bytes: config.segment_bytes.min(ALERT_SEGMENT_BYTES),
                tail_bytes: 1 << 20,
                ring_bytes: 4 << 20,
            },
            telemetry: LanePolicy {
                // The segment being written is never dropped: it must stay a small part of the bound.
                segment_bytes: config.segment_bytes.min(config.max_bytes / 16),
                tail_bytes: 2 << 20,
                ring_bytes: 16 << 20,
            },
        }
    }
}

/// Alerts are few: smaller segments are given back sooner.
const ALERT_SEGMENT_BYTES: u64 = 2 << 20;

/// Highest readable sequence number of each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// Alert lane.
    pub alerts: u64,
    /// Telemetry lane.
    pub telemetry: u64,
}

impl Committed {
    /// The number of one lane.
    pub const fn of(self, lane: record::Lane) -> u64 {
        match lane {
            record::Lane::Alerts => self.alerts,
            record::Lane::Telemetry => self.telemetry,
        }
    }
}

/// Both lanes.
#[derive(Debug)]
pub(super) struct Engine<S> {
    alerts: Lane<S>,
    telemetry: Lane<S>,
    policy: EnginePolicy,
    epoch: u32,
    reserve_tried: Mono,
    rate: FillRate,
}

impl<S: Store> Engine<S> {
    /// Opens both lanes and tells every loss that was not told before.
    pub(super) fn open(
        alerts: S,
        telemetry: S,
        policy: EnginePolicy,
        epoch: u32,
        now: Now,
    ) -> Self {
        let open = |id, store, policy| {
            let opening = Opening {
                id,
                store,
                policy,
                epoch,
            };
            Lane::open(opening, now.wall)
        };
        let mut engine = Self {
            alerts: open(record::Lane::Alerts, alerts, policy.alerts),
            telemetry: open(record::Lane::Telemetry, telemetry, policy.telemetry),
            policy,
            epoch,
            reserve_tried: now.mono,
            rate: FillRate::default(),
        };
        engine.renounce_unwritten(now.wall);
        engine.tell_drops(now, |_| true);
        engine
    }

    /// The ledgers may hold numbers of drop records that were never written. When that cannot be corrected on the
    /// disk at once, no other alert may get these numbers: a later run would take it for the drop record.
    fn renounce_unwritten(&mut self, at: Timestamp) {
        let last = self.alerts.last();
        let telemetry = self.telemetry.ledger().carriers();
        let highest = telemetry.chain(self.alerts.ledger().carriers()).max();
        let Some(highest) = highest.filter(|carrier| *carrier > last) else {
            return;
        };
        self.recall_lost();
        let saved = record::Lane::ALL.map(|id| self.lane(id).save_ledger());
        if saved.iter().any(Result::is_err) {
            self.alerts.skip_past(highest, at);
        }
    }

    pub(super) const fn lane(&mut self, id: record::Lane) -> &mut Lane<S> {
        match id {
            record::Lane::Alerts => &mut self.alerts,
            record::Lane::Telemetry => &mut self.telemetry,
        }
    }

    /// Makes a lane durable and readable.
    pub(super) fn commit(&mut self, id: record::Lane, now: Now) {
        self.lane(id).commit(now);
        // A full disk gives way to new records by the oldest telemetry.
        if self.lane(id).is_full() && self.telemetry.drop_oldest(DropReasonV1::DiskFull, now.wall) {
            self.lane(id).retry_now();
            self.lane(id).commit(now);
        }
        if id == record::Lane::Telemetry {
            self.enforce_quota(now.wall);
        }
    }

    /// Housekeeping, once per [`TICK`].
    pub(super) fn tick(&mut self, now: Now) {
        for id in record::Lane::ALL {
            let lane = self.lane(id);
            if let Err(error) = lane.save_cursor() {
                tracing::debug!(lane = id.as_str(), error = %error.chain(), "Cursor cannot be saved.");
            }
        }
        self.enforce_space(now.wall);
        self.tell_drops(now, |at| {
            at.saturating_add(TELL_AFTER) <= now.wall || at > now.wall
        });
        self.forget_delivered();
        if now.mono.since(self.reserve_tried) >= RESERVE_RETRY {
            self.reserve_tried = now.mono;
            self.alerts.store_mut().restore_reserve();
        }
        self.rate.observe(self.telemetry.appended_bytes(), now.mono);
    }

    /// Ends the run: everything durable, everything told.
    pub(super) fn shutdown(&mut self, now: Now) {
        self.commit(record::Lane::Telemetry, now);
        self.tell_drops(now, |_| true);
        self.commit(record::Lane::Alerts, now);
        self.tick(now);
        for id in record::Lane::ALL {
            if let Err(error) = self
                .lane(id)
                .save_cursor()
                .and_then(|()| self.lane(id).save_ledger())
            {
                tracing::warn!(lane = id.as_str(), error = %error.chain(), "Buffer files cannot be saved.");
            }
            self.lane(id).store_mut().close();
        }
    }

    /// Readable records.
    pub(super) fn read(
        &mut self,
        id: record::Lane,
        from: u64,
        limit: ReadLimit,
        now: Now,
    ) -> Vec<Stored> {
        self.lane(id).read(from, limit, now.wall)
    }

    /// Highest readable numbers.
    pub(super) const fn committed(&self) -> Committed {
        Committed {
            alerts: self.alerts.visible(),
            telemetry: self.telemetry.visible(),
        }
    }

    /// What happened since the last call.
    pub(super) fn take_incidents(&mut self) -> Vec<Incident> {
        let mut all = self.alerts.take_incidents();
        all.extend(self.telemetry.take_incidents());
        all
    }

    /// The engine below is dead.
    pub(super) fn is_fatal(&mut self) -> bool {
        self.alerts.store_mut().is_fatal()
    }

    fn enforce_quota(&mut self, at: Timestamp) {
        while self.telemetry.disk_bytes() > self.policy.max_bytes {
            // Evidence goes before data.
            if !self.telemetry.store_mut().purge()
                && !self.telemetry.drop_oldest(DropReasonV1::Quota, at)
            {
                break;
            }
        }
    }

    fn enforce_space(&mut self, at: Timestamp) {
        for _ in 0..DROPS_PER_LOOK {
            let free = self.telemetry.store_mut().free_bytes();
            if free.is_none_or(|free| free >= self.policy.alert_reserve_bytes)
                || !self.telemetry.drop_oldest(DropReasonV1::DiskFull, at)
            {
                break;
            }
        }
    }

    /// Puts drop records into the alert lane.
    fn tell_drops(&mut self, now: Now, is_due: impl Fn(Timestamp) -> bool) {
        self.recall_lost();
        let mut told = 0;
        for id in record::Lane::ALL {
            told += self.tell_lane(id, now, &is_due);
        }
        if told > 0 {
            self.commit(record::Lane::Alerts, now);
        }
    }

    /// What is named by a drop record that is itself lost, or was never written, must be told again. A loss that is
    /// not on disk yet waits: after a crash the drop record might be there again, beside the one that replaces it.
    fn recall_lost(&mut self) {
        let last = self.alerts.last();
        let is_settled = self.alerts.save_ledger().is_ok();
        let alerts = self.alerts.ledger();
        let gone: BTreeSet<u64> = alerts
            .carriers()
            .chain(self.telemetry.ledger().carriers())
            .filter(|carrier| *carrier > last || is_settled && alerts.names(*carrier))
            .collect();
        for id in record::Lane::ALL {
            let lane = self.lane(id);
            if !gone.is_empty() {
                lane.untell(|carrier| gone.contains(&carrier));
            }
            if lane.ledger_mut().condense() {
                lane.ledger_changed();
            }
        }
    }

    /// Forgets what the upstream was told and has acknowledged. The loss of a drop record stays on disk until no
    /// ledger on disk refers to that drop record any more.
    fn forget_delivered(&mut self) {
        let is_settled = self.telemetry.is_ledger_saved() && self.alerts.is_ledger_saved();
        let told = self.alerts.ledger().carriers();
        let told = told.chain(self.telemetry.ledger().carriers());
        let delivered: BTreeSet<u64> = told.filter(|c| self.alerts.is_delivered(*c)).collect();
        self.telemetry.prune_ledger(|c| delivered.contains(&c));
        if is_settled {
            self.alerts.prune_ledger(|c| delivered.contains(&c));
        }
    }

    /// A loss is told once it is on disk, so that a crash never brings back what was called lost. Its drop record's
    /// number should be there too before the drop record is committed. If that fails the drop record is written all
    /// the same: a crash may then make a second one, which is harmless. Waiting is not, because the save may have
    /// reached the disk in spite of its error: the number would go to another alert, which a later run would take for
    /// the drop record.
    fn tell_lane(
        &mut self,
        id: record::Lane,
        now: Now,
        is_due: impl Fn(Timestamp) -> bool,
    ) -> usize {
        let mut number = self.alerts.last();
        let mut bodies = Vec::new();
        let lane = self.lane(id);
        if let Err(error) = lane.save_ledger() {
            tracing::debug!(lane = id.as_str(), error = %error.chain(), "Ledger cannot be saved; drop records wait.");
            return 0;
        }
        lane.ledger_mut().tell(is_due, |range| {
            bodies.push(drop_body(id, range));
            number += 1;
            number
        });
        if bodies.is_empty() {
            return 0;
        }
        lane.ledger_changed();
        if let Err(error) = lane.save_ledger() {
            tracing::debug!(lane = id.as_str(), error = %error.chain(), "Ledger cannot be saved; saved later.");
        }
        for body in &bodies {
            self.alerts.append(body, now.wall);
        }
        bodies.len()
    }

    /// The accounts.
    pub(super) fn status(&mut self, now: Now) -> BufferStatus {
        let left = self
            .policy
            .max_bytes
            .saturating_sub(self.telemetry.disk_bytes());
        BufferStatus {
            epoch: self.epoch,
            lanes: record::Lane::ALL
                .into_iter()
                .map(|id| lane_status(self.lane(id), id, now.wall))
                .collect(),
            max_bytes: self.policy.max_bytes,
            hours_left: self.rate.hours(left),
            incidents_missed: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn into_stores(self) -> (S, S) {
        (self.alerts.into_store(), self.telemetry.into_store())
    }
}

fn drop_body(lane: record::Lane, range: &DropRange) -> Vec<u8> {
    let body = BodyV1::Drop(DropV1 {
        lane: lane as u8,
        seq_from: range.from,
        seq_to: range.to,
        at_ms: range.at.as_millis(),
        reason: range.reason,
    });
    postcard::to_stdvec(&body).unwrap_or_default()
}

fn lane_status<S: Store>(lane: &mut Lane<S>, id: record::Lane, at: Timestamp) -> LaneStatus {
    const ONE: ReadLimit = ReadLimit {
        records: 1,
        bytes: 1,
    };
    let oldest = lane.read(lane.cursor() + 1, ONE, at);
    let (quarantined_segments, _) = lane.store_mut().quarantined();
    LaneStatus {
        lane: id.as_str().to_owned(),
        first_seq: lane.first_held(),
        last_seq: lane.last(),
        committed_seq: lane.durable(),
        cursor_seq: lane.cursor(),
        pending_records: lane.pending_records(),
        pending_bytes: lane.pending_bytes(),
        disk_bytes: lane.disk_bytes(),
        segments: lane.store_mut().segments().len() as u64,
        oldest_pending_ms: oldest.first().map(|r| r.committed_at.as_millis()),
        dropped: lane
            .ledger_mut()
            .counts()
            .map(|(reason, n)| (reason_name(reason).to_owned(), n))
            .collect(),
        quarantined_segments,
        durable: lane.is_durable(),
    }
}

/// Exponentially weighted rate at which records arrive.
#[derive(Debug, Default)]
struct FillRate {
    last: Option<(Mono, u64)>,
    bytes_per_s: Option<f64>,
}

impl FillRate {
    fn observe(&mut self, appended_bytes: u64, at: Mono) {
        if let Some((before, bytes)) = self.last {
            let seconds = at.since(before).as_secs_f64();
            if seconds <= 0.0 {
                return;
            }
            let rate = appended_bytes.saturating_sub(bytes) as f64 / seconds;
            let weight = 1.0 - (-seconds / RATE_TIME_S).exp();
            self.bytes_per_s = Some(
                self.bytes_per_s
                    .map_or(rate, |old| weight.mul_add(rate - old, old)),
            );
        }
        self.last = Some((at, appended_bytes));
    }

    fn hours(&self, left_bytes: u64) -> Option<f64> {
        self.bytes_per_s
            .filter(|rate| *rate > 0.0)
            .map(|rate| left_bytes as f64 / (rate * DISK_PER_PAYLOAD) / 3600.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_left_follow_the_present_rate() {
        let mut rate = FillRate::default();
        assert_eq!(rate.hours(1), None);
        for second in 0..5 {
            rate.observe(second * 1_000, Mono::from_nanos(second * 1_000_000_000));
        }
        // 1 kB/s of records is 2.6 kB/s on disk: 9.36 MB last an hour.
        let hours = rate.hours(9_360_000).unwrap();
        assert!((hours - 1.0).abs() < 1e-9, "{hours}");
    }
}
