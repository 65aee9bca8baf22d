//! The acknowledgement window: which messages are under way, and which records are safely at the broker.
//!
//! rumqttc tells the packet id of a message only after it was handed over, in hand-over order. So every message of a
//! connection, birth and health included, passes one FIFO: handed over → (`Outgoing::Publish(pkid)`) → sent →
//! (`PubAck(pkid)`) → settled. A record may be several messages (an alert per role) and is settled when all of them
//! are; a lane is acknowledged up to the record before the first one that is not.
//!
//! Pure: no clock, no socket. Whatever happens to the connection, [`Window::rewind`] forgets what is under way and
//! says where each lane has to be read again.

use std::collections::{BTreeMap, VecDeque};

use crate::record::Lane;

/// Messages under way per lane, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Alert lane: its own share, so that telemetry never takes the last slot.
    pub(super) alerts: usize,
    /// Telemetry lane.
    pub(super) telemetry: usize,
}

impl Limits {
    const fn of(self, lane: Lane) -> usize {
        match lane {
            Lane::Alerts => self.alerts,
            Lane::Telemetry => self.telemetry,
        }
    }
}

/// What one acknowledgement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// The lane is acknowledged up to this record.
    UpTo(Lane, u64),
    /// One more message arrived, but an earlier one of its lane (or of the same record) has not.
    Part,
    /// A birth or health message.
    State,
    /// No message under way has this packet id.
    Unknown,
}

/// What one refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// A record, refused for the n-th time.
    Record { lane: Lane, seq: u64, attempts: u32 },
    /// A birth or health message.
    State,
    /// No message under way has this packet id.
    Unknown,
}

/// The client reported a packet id that cannot be: the connection must be rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WindowError {
    /// More messages sent than handed over.
    #[error("match packet id {0}: no message is waiting for one")]
    NothingHandedOver(u16),
    /// The packet id belongs to a message that is still under way.
    #[error("match packet id {0}: it is in use")]
    InUse(u16),
}

#[derive(Debug, Clone, Copy)]
enum Token {
    Record(Lane, u64),
    State,
}

#[derive(Debug)]
struct Entry {
    seq: u64,
    /// Messages of this record not yet acknowledged; a refused one stays open.
    open: usize,
    refused: bool,
}

#[derive(Debug, Default)]
struct LaneWindow {
    /// Records handed over and not passed by the contiguous acknowledgement, in order.
    entries: VecDeque<Entry>,
    /// Messages under way.
    messages: usize,
    /// How often a record was refused; survives rewinds.
    refusals: BTreeMap<u64, u32>,
}

impl LaneWindow {
    fn entry(&mut self, seq: u64) -> Option<&mut Entry> {
        let at = self.entries.binary_search_by_key(&seq, |e| e.seq).ok()?;
        self.entries.get_mut(at)
    }

    /// Passes settled records at the front; the last one passed.
    fn advance(&mut self) -> Option<u64> {
        let mut passed = None;
        while self.entries.front().is_some_and(|e| e.open == 0) {
            passed = self.entries.pop_front().map(|e| e.seq);
        }
        if let Some(seq) = passed {
            self.refusals.retain(|refused, _| *refused > seq);
        }
        passed
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Window {
    limits: Limits,
    handed: VecDeque<Token>,
    sent: BTreeMap<u16, Token>,
    alerts: LaneWindow,
    telemetry: LaneWindow,
    /// Birth and health messages under way.
    states: usize,
}

impl Window {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            handed: VecDeque::new(),
            sent: BTreeMap::new(),
            alerts: LaneWindow::default(),
            telemetry: LaneWindow::default(),
            states: 0,
        }
    }

    /// The broker may allow less than configured.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether another record of this lane may be handed over. The number of records waiting behind one that is not
    /// acknowledged is bounded too.
    pub(super) fn has_room(&self, lane: Lane) -> bool {
        let limit = self.limits.of(lane);
        let window = self.lane(lane);
        window.messages < limit && window.entries.len() < limit.saturating_mul(4)
    }

    /// Notes a record that was handed to the client as `messages` messages (at least one). Records of a lane come in
    /// growing order.
    pub(super) fn hand_over(&mut self, lane: Lane, seq: u64, messages: usize) {
        let window = self.lane_mut(lane);
        debug_assert!(messages > 0 && window.entries.back().is_none_or(|e| e.seq < seq));
        window.messages += messages;
        window.entries.push_back(Entry {
            seq,
            open: messages,
            refused: false,
        });
        for _ in 0..messages {
            self.handed.push_back(Token::Record(lane, seq));
        }
    }

    /// Notes a birth or health message that was handed to the client.
    pub(super) fn hand_over_state(&mut self) {
        self.handed.push_back(Token::State);
        self.states += 1;
    }

    /// Birth and health messages under way.
    pub(super) const fn states_in_flight(&self) -> usize {
        self.states
    }

    /// The client has given a packet id to the oldest message handed over.
    pub(super) fn sent(&mut self, pkid: u16) -> Result<(), WindowError> {
        if self.sent.contains_key(&pkid) {
            return Err(WindowError::InUse(pkid));
        }
        let token = self
            .handed
            .pop_front()
            .ok_or(WindowError::NothingHandedOver(pkid))?;
        self.sent.insert(pkid, token);
        Ok(())
    }

    /// The broker has taken responsibility for a message.
    pub(super) fn acknowledged(&mut self, pkid: u16) -> Settled {
        let (lane, seq) = match self.sent.remove(&pkid) {
            Some(Token::Record(lane, seq)) => (lane, seq),
            Some(Token::State) => {
                self.states = self.states.saturating_sub(1);
                return Settled::State;
            }
            None => return Settled::Unknown,
        };
        let window = self.lane_mut(lane);
        window.messages = window.messages.saturating_sub(1);
        if let Some(entry) = window.entry(seq) {
            entry.open = entry.open.saturating_sub(1);
        }
        window
            .advance()
            .map_or(Settled::Part, |up_to| Settled::UpTo(lane, up_to))
    }

    /// The broker has refused a message. Its record stays unacknowledged until a later attempt or
    /// [`Window::give_up`].
    pub(super) fn refused(&mut self, pkid: u16) -> Refused {
        let (lane, seq) = match self.sent.remove(&pkid) {
            Some(Token::Record(lane, seq)) => (lane, seq),
            Some(Token::State) => {
                self.states = self.states.saturating_sub(1);
                return Refused::State;
            }
            None => return Refused::Unknown,
        };
        let window = self.lane_mut(lane);
        window.messages = window.messages.saturating_sub(1);
        let first = window
            .entry(seq)
            .is_some_and(|entry| !std::mem::replace(&mut entry.refused, true));
        let attempts = window.refusals.entry(seq).or_insert(0);
        *attempts += u32::from(first);
        Refused::Record {
            lane,
            seq,
            attempts: *attempts,
        }
    }

    /// Counts a refused record as settled; what the lane is then acknowledged up to, if that moved.
    pub(super) fn give_up(&mut self, lane: Lane, seq: u64) -> Option<u64> {
        let window = self.lane_mut(lane);
        if let Some(entry) = window.entry(seq) {
            entry.open = 0;
            entry.refused = false;
        }
        window.advance()
    }

    /// Whether a refused record waits for its next attempt.
    pub(super) fn is_blocked(&self, lane: Lane) -> bool {
        self.lane(lane).entries.iter().any(|e| e.refused)
    }

    /// The oldest record under way, alerts first.
    pub(super) fn oldest(&self) -> Option<(Lane, u64)> {
        Lane::ALL.into_iter().find_map(|lane| {
            let entry = self.lane(lane).entries.front()?;
            Some((lane, entry.seq))
        })
    }

    /// Messages under way, birth and health included.
    pub(super) fn in_flight(&self) -> usize {
        self.handed.len() + self.sent.len()
    }

    /// Messages of one lane under way.
    pub(super) fn lane_in_flight(&self, lane: Lane) -> usize {
        self.lane(lane).messages
    }

    /// The connection is gone: forgets everything under way. Per lane (alerts, telemetry) the oldest record that has
    /// to be sent again, if any.
    pub(super) fn rewind(&mut self) -> [Option<u64>; 2] {
        self.handed.clear();
        self.sent.clear();
        self.states = 0;
        [
            Self::forget(&mut self.alerts),
            Self::forget(&mut self.telemetry),
        ]
    }

    /// The same for one lane with nothing under way, on a connection that stays.
    pub(super) fn rewind_lane(&mut self, lane: Lane) -> Option<u64> {
        debug_assert_eq!(self.lane_in_flight(lane), 0);
        Self::forget(self.lane_mut(lane))
    }

    fn forget(window: &mut LaneWindow) -> Option<u64> {
        let oldest = window.entries.front().map(|e| e.seq);
        window.entries.clear();
        window.messages = 0;
        oldest
    }

    const fn lane(&self, lane: Lane) -> &LaneWindow {
        match lane {
            Lane::Alerts => &self.alerts,
            Lane::Telemetry => &self.telemetry,
        }
    }

    const fn lane_mut(&mut self, lane: Lane) -> &mut LaneWindow {
        match lane {
            Lane::Alerts => &mut self.alerts,
            Lane::Telemetry => &mut self.telemetry,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    use Lane::{Alerts, Telemetry};

    fn window() -> Window {
        Window::new(Limits {
            alerts: 2,
            telemetry: 3,
        })
    }

    fn with_records(seqs: &[u64]) -> Window {
        let mut window = window();
        for (pkid, seq) in (1..).zip(seqs) {
            window.hand_over(Telemetry, *seq, 1);
            window.sent(pkid).unwrap();
        }
        window
    }

    #[test]
    fn a_lane_is_acknowledged_only_without_holes() {
        let mut window = with_records(&[10, 11, 12]);
        assert_eq!(window.acknowledged(2), Settled::Part);
        assert_eq!(window.acknowledged(1), Settled::UpTo(Telemetry, 11));
        assert_eq!(window.acknowledged(3), Settled::UpTo(Telemetry, 12));
        assert_eq!(window.in_flight(), 0);
    }

    #[test]
    fn a_record_of_several_messages_needs_them_all() {
        let mut window = window();
        window.hand_over(Alerts, 5, 2);
        window.hand_over_state();
        for pkid in 1..=3 {
            window.sent(pkid).unwrap();
        }
        assert_eq!(window.acknowledged(2), Settled::Part);
        assert_eq!(window.acknowledged(3), Settled::State);
        assert_eq!(window.acknowledged(1), Settled::UpTo(Alerts, 5));
    }

    #[test]
    fn an_unknown_or_repeated_acknowledgement_acknowledges_nothing() {
        let mut window = with_records(&[1, 2]);
        assert_eq!(window.acknowledged(9), Settled::Unknown);
        assert_eq!(window.acknowledged(2), Settled::Part);
        assert_eq!(window.acknowledged(2), Settled::Unknown);
        assert_eq!(window.refused(2), Refused::Unknown);
    }

    #[test]
    fn a_packet_id_without_a_message_is_an_error() {
        let mut window = with_records(&[1]);
        assert_eq!(window.sent(7), Err(WindowError::NothingHandedOver(7)));
        window.hand_over_state();
        assert_eq!(window.sent(1), Err(WindowError::InUse(1)));
    }

    #[test]
    fn a_rewind_starts_at_the_oldest_hole() {
        let mut window = with_records(&[10, 11, 12]);
        window.hand_over(Alerts, 3, 1);
        window.acknowledged(2);
        assert_eq!(window.oldest(), Some((Alerts, 3)));
        assert_eq!(window.rewind(), [Some(3), Some(10)]);
        assert_eq!(window.oldest(), None);
        assert_eq!((window.in_flight(), window.rewind()), (0, [None, None]));
        assert_eq!(window.acknowledged(1), Settled::Unknown);
    }

    #[test]
    fn each_lane_has_its_own_room() {
        let window = with_records(&[1, 2, 3]);
        assert!(!window.has_room(Telemetry));
        assert!(window.has_room(Alerts));
    }

    #[test]
    fn records_behind_a_hole_are_bounded() {
        let mut window = window();
        window.hand_over(Telemetry, 1, 1);
        window.sent(1).unwrap();
        let mut seq = 1;
        while window.has_room(Telemetry) {
            seq += 1;
            window.hand_over(Telemetry, seq, 1);
            window.sent(2).unwrap();
            assert_eq!(window.acknowledged(2), Settled::Part);
        }
        assert_eq!(seq, 12);
    }

    #[test]
    fn a_refused_record_blocks_until_it_is_given_up() {
        let mut window = with_records(&[1, 2]);
        let refused = |attempts| Refused::Record {
            lane: Telemetry,
            seq: 1,
            attempts,
        };
        assert_eq!(window.refused(1), refused(1));
        assert!(window.is_blocked(Telemetry));
        assert_eq!(window.acknowledged(2), Settled::Part);
        assert_eq!(window.lane_in_flight(Telemetry), 0);
        assert_eq!(window.rewind_lane(Telemetry), Some(1));
        assert!(!window.is_blocked(Telemetry));

        window.hand_over(Telemetry, 1, 1);
        window.sent(3).unwrap();
        assert_eq!(window.refused(3), refused(2));
        assert_eq!(window.give_up(Telemetry, 1), Some(1));
        assert!(!window.is_blocked(Telemetry));
    }

    #[test]
    fn two_refused_messages_of_a_record_are_one_attempt() {
        let mut window = window();
        window.hand_over(Alerts, 1, 2);
        window.hand_over_state();
        for pkid in 1..=3 {
            window.sent(pkid).unwrap();
        }
        let refused = Refused::Record {
            lane: Alerts,
            seq: 1,
            attempts: 1,
        };
        assert_eq!(window.refused(1), refused);
        assert_eq!(window.refused(2), refused);
        assert_eq!(window.refused(3), Refused::State);
    }

    #[derive(Debug, Clone)]
    enum Step {
        HandOver(bool, usize),
        State,
        Send,
        Ack(usize),
        StrayAck(u16),
        Refuse(usize),
        GiveUp,
        Rewind,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (any::<bool>(), 1_usize..4).prop_map(|(a, n)| Step::HandOver(a, n)),
            1 => Just(Step::State),
            5 => Just(Step::Send),
            5 => (0_usize..8).prop_map(Step::Ack),
            1 => any::<u16>().prop_map(Step::StrayAck),
            1 => (0_usize..8).prop_map(Step::Refuse),
            1 => Just(Step::GiveUp),
            1 => Just(Step::Rewind),
        ]
    }

    /// A message of a record (lane, number, which message), or birth and health.
    type Sent = Option<(Lane, u64, usize)>;

    /// A model of the client and broker that remembers everything.
    #[derive(Default)]
    struct Model {
        next: [u64; 2],
        /// Handed over in this session, in order: lane, seq, message of the record.
        queue: VecDeque<Sent>,
        wire: Vec<(u16, Sent)>,
        last_pkid: u16,
        /// Messages the broker has, per session; and records complete in some session.
        got: BTreeMap<(Lane, u64), BTreeSet<usize>>,
        sizes: BTreeMap<(Lane, u64), usize>,
        complete: BTreeSet<(Lane, u64)>,
        acked: BTreeMap<Lane, u64>,
    }

    impl Model {
        fn settled(&mut self, settled: Settled) {
            if let Settled::UpTo(lane, up_to) = settled {
                self.up_to(lane, up_to);
            }
        }

        fn up_to(&mut self, lane: Lane, up_to: u64) {
            let before = self.acked.insert(lane, up_to).unwrap_or(0);
            assert!(before < up_to, "acknowledgement went back");
            for seq in before + 1..=up_to {
                assert!(
                    self.complete.contains(&(lane, seq)),
                    "{lane:?} {seq} undelivered"
                );
            }
        }
    }

    fn apply(window: &mut Window, model: &mut Model, step: &Step) {
        match step {
            Step::HandOver(alerts, messages) => {
                let lane = if *alerts { Alerts } else { Telemetry };
                if !window.has_room(lane) {
                    return;
                }
                model.next[lane as usize] += 1;
                let seq = model.next[lane as usize];
                window.hand_over(lane, seq, *messages);
                model.sizes.insert((lane, seq), *messages);
                model
                    .queue
                    .extend((0..*messages).map(|m| Some((lane, seq, m))));
            }
            Step::State => {
                window.hand_over_state();
                model.queue.push_back(None);
            }
            Step::Send => {
                if let Some(message) = model.queue.pop_front() {
                    model.last_pkid += 1;
                    window.sent(model.last_pkid).unwrap();
                    model.wire.push((model.last_pkid, message));
                }
            }
            Step::Ack(at) if !model.wire.is_empty() => {
                let (pkid, message) = model.wire.remove(at % model.wire.len());
                if let Some((lane, seq, part)) = message {
                    let got = model.got.entry((lane, seq)).or_default();
                    got.insert(part);
                    if got.len() == model.sizes[&(lane, seq)] {
                        model.complete.insert((lane, seq));
                    }
                }
                model.settled(window.acknowledged(pkid));
            }
            Step::StrayAck(pkid) => {
                if model.wire.iter().all(|(used, _)| used != pkid) {
                    assert_eq!(window.acknowledged(*pkid), Settled::Unknown);
                }
            }
            Step::Refuse(at) if !model.wire.is_empty() => {
                let (pkid, _) = model.wire.remove(at % model.wire.len());
                window.refused(pkid);
            }
            Step::GiveUp => {
                let blocked = window.telemetry.entries.iter().find(|e| e.refused);
                if let Some(seq) = blocked.map(|e| e.seq) {
                    model.complete.insert((Telemetry, seq));
                    if let Some(up_to) = window.give_up(Telemetry, seq) {
                        model.up_to(Telemetry, up_to);
                    }
                }
            }
            Step::Rewind => {
                let oldest = window.rewind();
                for lane in [Alerts, Telemetry] {
                    let from = oldest[lane as usize].unwrap_or(model.next[lane as usize] + 1);
                    assert_eq!(from, model.acked.get(&lane).unwrap_or(&0) + 1);
                    model.next[lane as usize] = from - 1;
                }
                model.queue.clear();
                model.wire.clear();
                model.got.clear();
            }
            Step::Ack(_) | Step::Refuse(_) => {}
        }
    }

    proptest! {
        #[test]
        fn nothing_is_acknowledged_that_was_not_delivered(
            steps in proptest::collection::vec(step(), 0..200)
        ) {
            let mut window = window();
            let mut model = Model::default();
            for step in &steps {
                apply(&mut window, &mut model, step);
                prop_assert_eq!(window.in_flight(), model.queue.len() + model.wire.len());
                prop_assert!(window.lane_in_flight(Telemetry) <= 3 + 2);
            }
        }
    }
}
