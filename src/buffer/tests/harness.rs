//! An engine under test beside a model of what it owes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::buffer::engine::{Engine, EnginePolicy};
use crate::buffer::incident::Incident;
use crate::buffer::lane::LanePolicy;
use crate::buffer::store::{ReadLimit, Store};
use crate::model::{Mono, Now, Timestamp};
use crate::record::{BodyV1, DropV1, Lane};

pub(super) const ALL: ReadLimit = ReadLimit {
    records: usize::MAX,
    bytes: usize::MAX,
};

/// Small enough that a few records rotate, fill and evict.
pub(super) const POLICY: EnginePolicy = EnginePolicy {
    max_bytes: 6_000,
    alert_reserve_bytes: 1_000,
    alerts: LanePolicy {
        segment_bytes: 600,
        tail_bytes: 300,
        ring_bytes: 1_500,
    },
    telemetry: LanePolicy {
        segment_bytes: 1_000,
        tail_bytes: 500,
        ring_bytes: 2_000,
    },
};

#[derive(Debug, Default)]
struct Owed {
    bodies: BTreeMap<u64, Vec<u8>>,
    committed: u64,
    /// What was readable when it was acknowledged.
    delivered: BTreeSet<u64>,
}

pub(super) struct Harness<S> {
    engine: Option<Engine<S>>,
    policy: EnginePolicy,
    now: Now,
    epoch: u32,
    owed: [Owed; 2],
    /// Every alert that was readable and durable, or acknowledged, as an upstream with a perfect link sees it.
    alerts: BTreeMap<u64, Vec<u8>>,
    pub(super) incidents: Vec<Incident>,
    /// The disk reported errors: a drop record whose number could not be noted may be followed by another one.
    pub(super) may_repeat: bool,
    /// A small file was lost: what was called lost may be offered again, and called lost again.
    pub(super) is_file_lost: bool,
}

impl<S: Store> Harness<S> {
    pub(super) fn new(alerts: S, telemetry: S, policy: EnginePolicy) -> Self {
        let mut harness = Self {
            engine: None,
            policy,
            now: Now {
                mono: Mono::from_nanos(0),
                wall: Timestamp::from_millis(1_700_000_000_000),
            },
            epoch: 0,
            owed: [Owed::default(), Owed::default()],
            alerts: BTreeMap::new(),
            incidents: Vec::new(),
            may_repeat: false,
            is_file_lost: false,
        };
        harness.open(alerts, telemetry);
        harness
    }

    pub(super) fn engine(&mut self) -> &mut Engine<S> {
        self.engine.as_mut().unwrap()
    }

    pub(super) fn store(&mut self, lane: Lane) -> &mut S {
        self.engine().lane(lane).store_mut()
    }

    pub(super) fn open(&mut self, alerts: S, telemetry: S) {
        self.epoch += 1;
        let engine = Engine::open(alerts, telemetry, self.policy, self.epoch, self.now);
        self.engine = Some(engine);
        for lane in Lane::ALL {
            let last = self.engine().lane(lane).durable();
            let committed = self.owed[lane as usize].committed;
            assert!(last >= committed, "{lane:?} numbers are never used again");
            let (now, epoch) = (self.now, self.epoch);
            let fresh = self.engine().read(lane, committed + 1, ALL, now);
            let owed = &mut self.owed[lane as usize];
            // What was never committed may be gone, or return although its number was given to another record that was
            // not committed either, or its number be given to a drop record of this epoch.
            owed.bodies.retain(|seq, _| *seq <= committed);
            for record in fresh.iter().filter(|r| r.epoch == epoch) {
                owed.bodies.remove(&record.seq);
                owed.delivered.remove(&record.seq);
            }
            if lane == Lane::Alerts {
                let reused = fresh.iter().find(|r| r.epoch == epoch).map(|r| r.seq);
                let end = reused.unwrap_or(last + 1);
                self.alerts.retain(|seq, _| *seq < end);
            }
        }
        self.observe();
    }

    /// Ends the run without a goodbye.
    pub(super) fn stop(&mut self) -> (S, S) {
        self.engine.take().unwrap().into_stores()
    }

    pub(super) fn append(&mut self, lane: Lane, body: Vec<u8>) -> u64 {
        let at = self.now.wall;
        let seq = self.engine().lane(lane).append(&body, at);
        self.owed[lane as usize].bodies.insert(seq, body);
        seq
    }

    pub(super) fn fill(&mut self, lane: Lane, count: u8, len: usize) {
        for index in 0..count {
            self.append(lane, vec![index; len]);
        }
        self.commit(lane);
    }

    pub(super) fn commit(&mut self, lane: Lane) {
        let now = self.now;
        self.engine().commit(lane, now);
        self.observe();
    }

    pub(super) fn tick(&mut self, seconds: u64) {
        let by = Duration::from_secs(seconds);
        self.now = Now {
            mono: self.now.mono.saturating_add(by),
            wall: self.now.wall.saturating_add(by),
        };
        let now = self.now;
        for lane in Lane::ALL {
            self.engine().commit(lane, now);
        }
        self.engine().tick(now);
        self.observe();
    }

    pub(super) fn ack(&mut self, lane: Lane, up_to: u64) {
        // Whoever acknowledges has seen the records, also when they stood in memory only.
        let mut seen = self.pending(lane);
        seen.retain(|(seq, _)| *seq <= up_to);
        self.engine().lane(lane).ack(up_to);
        let delivered = &mut self.owed[lane as usize].delivered;
        delivered.extend(seen.iter().map(|(seq, _)| *seq));
        if lane == Lane::Alerts {
            self.alerts.extend(seen);
        }
    }

    pub(super) fn reject(&mut self, lane: Lane, seq: u64) {
        let at = self.now.wall;
        self.engine().lane(lane).reject(seq, at);
    }

    pub(super) fn read(&mut self, lane: Lane, from: u64, limit: ReadLimit) -> Vec<(u64, Vec<u8>)> {
        let now = self.now;
        let records = self.engine().read(lane, from, limit, now);
        records.into_iter().map(|r| (r.seq, r.body)).collect()
    }

    pub(super) fn pending(&mut self, lane: Lane) -> Vec<(u64, Vec<u8>)> {
        let from = self.engine().lane(lane).cursor() + 1;
        self.read(lane, from, ALL)
    }

    /// Takes note of what became durable and of the alerts among it.
    fn observe(&mut self) {
        for lane in Lane::ALL {
            let durable = self.engine().lane(lane).durable();
            let owed = &mut self.owed[lane as usize];
            owed.committed = owed.committed.max(durable);
        }
        let durable = self.engine().lane(Lane::Alerts).durable();
        let seen = self.alerts.last_key_value().map_or(0, |(seq, _)| *seq);
        for (seq, body) in self.read(Lane::Alerts, seen + 1, ALL) {
            if seq <= durable {
                self.alerts.insert(seq, body);
            }
        }
        let incidents = self.engine().take_incidents();
        self.incidents.extend(incidents);
    }

    pub(super) fn drops(&self) -> Vec<DropV1> {
        self.alerts.values().filter_map(drop_in).collect()
    }

    /// Drop records that are not themselves lost: what a lost one named must stand in another one.
    pub(super) fn valid_drops(&self) -> Vec<DropV1> {
        let drops = self.drops();
        let is_lost = |seq: u64| {
            let named =
                |d: &DropV1| d.lane == Lane::Alerts as u8 && d.seq_from <= seq && seq <= d.seq_to;
            drops.iter().any(named)
        };
        let valid = self.alerts.iter().filter(|(seq, _)| !is_lost(**seq));
        valid.filter_map(|(_, body)| drop_in(body)).collect()
    }

    /// Every committed record was delivered, is pending with the bytes it was given, or named in a drop record that is
    /// not itself lost: in exactly one, unless the disk reported errors.
    #[track_caller]
    pub(super) fn check_accounts(&mut self) {
        for _ in 0..3 {
            for lane in Lane::ALL {
                self.pending(lane);
            }
            self.tick(120);
        }
        let drops = self.valid_drops();
        // The upstream knows, or will, even if the drop record was called lost meanwhile.
        let offered = self.pending(Lane::Alerts).into_iter().map(|(seq, _)| seq);
        let delivered = self.owed[Lane::Alerts as usize].delivered.iter().copied();
        let known: BTreeSet<u64> = offered.chain(delivered).collect();
        let known: Vec<_> = known
            .iter()
            .filter_map(|seq| drop_in(self.alerts.get(seq)?))
            .collect();
        for lane in Lane::ALL {
            let pending: BTreeMap<_, _> = self.pending(lane).into_iter().collect();
            let owed = &self.owed[lane as usize];
            // A lost mark may skip millions of numbers: the first and the last of them tell enough.
            let end = owed.committed.min(500);
            let tail = end.max(owed.committed.saturating_sub(200)) + 1..=owed.committed;
            let all = (1..=end).chain(tail);
            for seq in all.filter(|seq| !owed.delivered.contains(seq)) {
                let is_named =
                    |d: &&DropV1| d.lane == lane as u8 && (d.seq_from..=d.seq_to).contains(&seq);
                let named = drops.iter().filter(is_named).count();
                let found = pending.get(&seq);
                match found {
                    Some(body) => {
                        assert!(
                            named == 0 || self.is_file_lost,
                            "{lane:?} {seq} is pending and dropped: {drops:?}"
                        );
                        let given = owed.bodies.get(&seq);
                        assert!(
                            given.is_none_or(|g| g == body),
                            "{lane:?} {seq} has other bytes"
                        );
                    }
                    None if named == 0 && known.iter().any(|d| is_named(&d)) => {}
                    None => assert!(
                        named == 1 || named > 1 && (self.may_repeat || self.is_file_lost),
                        "{lane:?} {seq} (committed {}) is named {named} times: {drops:?}",
                        owed.committed
                    ),
                }
            }
            let count = pending.len() as u64;
            let lane_pending = self.engine().lane(lane).pending_records();
            assert_eq!(lane_pending, count, "{lane:?} pending records");
        }
    }
}

#[expect(clippy::ptr_arg, reason = "it is mapped over stored bodies")]
fn drop_in(body: &Vec<u8>) -> Option<DropV1> {
    match postcard::from_bytes(body) {
        Ok(BodyV1::Drop(drop)) => Some(drop),
        _ => None,
    }
}
