//! One connection's life, from CONNECT to the error that ends it or to the farewell.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::health::{Health, offline_json};
use super::lane::LaneFeed;
use super::link::{Driver, LinkFault, Outlet, Signal, packet_bytes};
use super::payload::Message;
use super::source::{Committed, Source, Stored};
use super::suspect::Suspect;
use super::task::{ALERTS_IN_FLIGHT, STATES_IN_FLIGHT, Shared, earliest, log_up, refusal_wait};
use super::window::{Limits, Refused, Settled, Window};
use crate::model::with_causes;
use crate::record::Lane;
use crate::record::wire::IdRef;

/// How often a record may be refused before it is given up.
const MAX_REFUSALS: u32 = 5;
/// Wait for acknowledgements when the gateway stops.
const DRAIN: Duration = Duration::from_secs(2);
/// Wait for the farewell's acknowledgement, and again for the close.
const FAREWELL: Duration = Duration::from_millis(500);
/// Wait when the buffer cannot note right now that a record is given up.
const REJECT_RETRY: Duration = Duration::from_secs(1);
/// A connection that held this long has worked, even without a record.
const STABLE: Duration = Duration::from_secs(10);

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The gateway stops.
    Cancelled,
    /// Anything else.
    Lost {
        fault: LinkFault,
        /// The broker had accepted the connection.
        was_up: bool,
        /// A record was acknowledged, or the connection held for a while.
        was_useful: bool,
    },
}

impl End {
    pub(super) const fn lost(fault: LinkFault) -> Self {
        Self::Lost {
            fault,
            was_up: false,
            was_useful: false,
        }
    }
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Up,
    /// Stopping: nothing new is handed over.
    Draining(Instant),
    /// Stopping: the offline message is under way.
    Farewell(Instant),
    /// Stopping: DISCONNECT is under way.
    Closing(Instant),
}

/// State of the drain; outlives connections.
pub(super) struct Session<'a, S> {
    shared: &'a Shared<'a, S>,
    window: Window,
    configured: Limits,
    alerts: LaneFeed<'a>,
    telemetry: LaneFeed<'a>,
    committed: watch::Receiver<Committed>,
    committed_open: bool,
    /// The birth message to hand over next.
    birth_next: usize,
    health: watch::Receiver<Health>,
    health_open: bool,
    /// The health that subscribers have.
    told: Option<Health>,
    next_health: Option<Instant>,
    stage: Stage,
    up_since: Option<Instant>,
    progress: Instant,
    useful: bool,
    max_packet_bytes: usize,
    suspect: Suspect,
}

impl<'a, S: Source> Session<'a, S> {
    /// `first` are the oldest pending numbers of both lanes.
    pub(super) fn new(shared: &'a Shared<'a, S>, configured: Limits, first: Committed) -> Self {
        Self {
            window: Window::new(configured),
            configured,
            alerts: LaneFeed::new(Lane::Alerts, first.alerts),
            telemetry: LaneFeed::new(Lane::Telemetry, first.telemetry),
            committed: shared.source.committed(),
            committed_open: true,
            birth_next: 0,
            health: shared.setup.health.clone(),
            health_open: true,
            told: None,
            next_health: None,
            stage: Stage::Connecting,
            up_since: None,
            progress: Instant::now(),
            useful: false,
            max_packet_bytes: usize::MAX,
            suspect: Suspect::default(),
            shared,
        }
    }

    /// The connection is gone: both lanes go back to their oldest unacknowledged record.
    pub(super) fn rewind(&mut self) {
        let [alerts, telemetry] = self.window.rewind();
        self.alerts.rewind(alerts);
        self.telemetry.rewind(telemetry);
    }

    /// Drives one connection to its end.
    pub(super) async fn run(
        &mut self,
        outlet: Outlet,
        mut driver: Driver,
        cancel: &CancellationToken,
    ) -> End {
        self.stage = Stage::Connecting;
        self.up_since = None;
        self.useful = false;
        loop {
            // Kept until it is done: a dropped poll would lose a half-made connection or a half-read packet.
            let mut poll = pin!(driver.next());
            let signal = loop {
                match self.work(&outlet) {
                    Ok(Work::Going) => {}
                    Ok(Work::Done) => return End::Cancelled,
                    Err(fault) => return self.lost(fault),
                }
                tokio::select! {
                    signal = &mut poll => break signal,
                    () = cancel.cancelled(), if self.takes_records() => {
                        if self.stage == Stage::Connecting {
                            return End::Cancelled;
                        }
                        self.stage = Stage::Draining(Instant::now() + DRAIN);
                    }
                    () = self.wait() => {}
                }
            };
            match signal.and_then(|signal| self.on_signal(&signal)) {
                Ok(Work::Going) => {}
                Ok(Work::Done) => return End::Cancelled,
                Err(_) if matches!(self.stage, Stage::Closing(_)) => return End::Cancelled,
                Err(fault) => {
                    self.look_for_culprit();
                    return self.lost(fault);
                }
            }
        }
    }

    /// The broker or the network ended the connection: was it about one record?
    fn look_for_culprit(&mut self) {
        if self.stage != Stage::Up || self.useful {
            return;
        }
        if let Some((lane, seq)) = self.suspect.closed(self.window.oldest()) {
            let reason = "the broker closes the connection whenever it gets this record";
            if !self.give_up(lane, seq, reason) {
                debug!(
                    lane = lane.as_str(),
                    seq, "The record is suspected again later."
                );
            }
        }
    }

    fn lost(&self, fault: LinkFault) -> End {
        if !self.takes_records() {
            return End::Cancelled;
        }
        End::Lost {
            fault,
            was_up: self.up_since.is_some(),
            was_useful: self.useful || self.up_since.is_some_and(|at| at.elapsed() >= STABLE),
        }
    }

    const fn takes_records(&self) -> bool {
        matches!(self.stage, Stage::Connecting | Stage::Up)
    }

    /// Everything that can be done without waiting.
    fn work(&mut self, outlet: &Outlet) -> Result<Work, LinkFault> {
        let now = Instant::now();
        match self.stage {
            Stage::Connecting => return Ok(Work::Going),
            Stage::Up => {
                self.tell_birth(outlet)?;
                self.tell_health(outlet, now)?;
                self.feed(outlet, now)?;
            }
            Stage::Draining(until) => {
                if self.window.in_flight() == 0 || now >= until {
                    self.say_goodbye(outlet)?;
                    self.stage = Stage::Farewell(now + FAREWELL);
                }
            }
            Stage::Farewell(until) => {
                if self.window.in_flight() == 0 || now >= until {
                    outlet.close()?;
                    self.stage = Stage::Closing(now + FAREWELL);
                }
            }
            Stage::Closing(until) if now >= until => return Ok(Work::Done),
            Stage::Closing(_) => {}
        }
        self.shared.setup.stats.in_flight(self.window.in_flight());
        if self.stage == Stage::Up && self.window.in_flight() > 0 && now >= self.ack_deadline() {
            self.shared.setup.stats.rebuilt();
            return Err(LinkFault::transient(format!(
                "the broker has acknowledged nothing for {} s",
                self.shared.setup.mqtt.ack_timeout.as_secs()
            )));
        }
        Ok(Work::Going)
    }

    fn ack_deadline(&self) -> Instant {
        self.progress + self.shared.setup.mqtt.ack_timeout
    }

    /// Hands over what is ready: alerts first. While durable alerts are not even read, telemetry waits.
    fn feed(&mut self, outlet: &Outlet, now: Instant) -> Result<(), LinkFault> {
        let committed = *self.committed.borrow_and_update();
        loop {
            self.alerts
                .read_ahead(self.shared.source, committed.alerts, now);
            if self.hand_over(Lane::Alerts, outlet, now)? {
                continue;
            }
            let alerts_wait = self.alerts.is_behind(committed.alerts)
                && !self.alerts.is_paused()
                && self.window.has_room(Lane::Alerts);
            if alerts_wait {
                return Ok(());
            }
            self.telemetry
                .read_ahead(self.shared.source, committed.telemetry, now);
            if !self.hand_over(Lane::Telemetry, outlet, now)? {
                return Ok(());
            }
        }
    }

    /// Hands over one record of a lane, if there is one and room for it.
    fn hand_over(&mut self, lane: Lane, outlet: &Outlet, now: Instant) -> Result<bool, LinkFault> {
        if let Some(until) = self.lane(lane).hold_until {
            if now < until || self.window.lane_in_flight(lane) > 0 {
                return Ok(false);
            }
            let oldest = self.window.rewind_lane(lane);
            self.lane(lane).rewind(oldest);
            // The read starts on the next round.
            return Ok(true);
        }
        let must_wait = self.suspect.is_probing() && self.window.in_flight() > 0;
        if must_wait || !self.window.has_room(lane) {
            return Ok(false);
        }
        let Some(record) = self.lane(lane).pop() else {
            return Ok(false);
        };
        match self.render(lane, &record) {
            Ok(messages) => self.offer(lane, record.seq, messages, outlet)?,
            Err(reason) if self.reject(lane, record.seq, &reason) => {}
            Err(_) => {
                self.lane(lane).put_back(record);
                self.lane(lane).hold_until = Some(now + REJECT_RETRY);
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn offer(
        &mut self,
        lane: Lane,
        seq: u64,
        messages: Vec<Message>,
        outlet: &Outlet,
    ) -> Result<(), LinkFault> {
        self.start_ack_timer();
        self.shared.setup.stats.published(messages.len());
        self.window.hand_over(lane, seq, messages.len());
        for message in messages {
            outlet.offer(message)?;
        }
        Ok(())
    }

    /// The time without progress counts from the moment that something waits for it.
    fn start_ack_timer(&mut self) {
        if self.window.in_flight() == 0 {
            self.progress = Instant::now();
        }
    }

    fn render(&self, lane: Lane, record: &Stored) -> Result<Vec<Message>, String> {
        let id = IdRef {
            gateway: &self.shared.setup.identity.gateway,
            epoch: record.epoch,
            lane,
            seq: record.seq,
        };
        let messages = self
            .shared
            .renderer
            .messages(id, &record.body)
            .map_err(|error| with_causes(&error))?;
        match messages.iter().map(packet_bytes).max() {
            Some(bytes) if bytes > self.max_packet_bytes => Err(format!(
                "{bytes} bytes are more than the {} that the broker takes",
                self.max_packet_bytes
            )),
            _ => Ok(messages),
        }
    }

    /// Whether the buffer has noted that the record is given up; if not, it is tried again later.
    fn reject(&self, lane: Lane, seq: u64, reason: &str) -> bool {
        match self.shared.source.reject(lane, seq) {
            Ok(()) => {
                error!(
                    lane = lane.as_str(),
                    seq, reason, "A record cannot be published and is given up."
                );
                self.shared.setup.stats.rejected();
                true
            }
            Err(error) => {
                warn!(lane = lane.as_str(), seq, reason, %error, "A record cannot be published, nor given up yet.");
                false
            }
        }
    }

    /// The birth after connecting, a few parts at a time: a large one must not hold up what comes after it.
    fn tell_birth(&mut self, outlet: &Outlet) -> Result<(), LinkFault> {
        let parts = &self.shared.birth;
        while self.birth_next < parts.messages()
            && self.window.states_in_flight() < STATES_IN_FLIGHT
        {
            let topic = self.shared.renderer.topics.birth(self.birth_next);
            let payload = parts.payload(self.birth_next);
            self.birth_next += 1;
            if !self.offer_state(outlet, Shared::<S>::state(topic, payload))? {
                // One line in the log is enough, and a birth with holes is of no use.
                self.birth_next = parts.messages();
            }
        }
        Ok(())
    }

    /// Health after connecting, on change and at its interval.
    fn tell_health(&mut self, outlet: &Outlet, now: Instant) -> Result<(), LinkFault> {
        let is_due = self.next_health.is_none_or(|at| now >= at);
        if !is_due && !self.health.has_changed().unwrap_or(false) {
            return Ok(());
        }
        let setup = self.shared.setup;
        let health = self.health.borrow_and_update().clone();
        let urgent = self
            .told
            .as_ref()
            .is_none_or(|told| health.differs_in_state(told));
        if !is_due && !urgent {
            return Ok(());
        }
        let payload = health.to_json(&setup.identity);
        let topic = self.shared.renderer.topics.health();
        self.offer_state(outlet, Shared::<S>::state(topic, payload))?;
        self.told = Some(health);
        self.next_health = Some(now + setup.mqtt.health_interval);
        Ok(())
    }

    fn say_goodbye(&mut self, outlet: &Outlet) -> Result<(), LinkFault> {
        let setup = self.shared.setup;
        let at = setup.clock.now().wall;
        let payload = offline_json(&setup.identity, Some(at), "stopped");
        let topic = self.shared.renderer.topics.health();
        self.offer_state(outlet, Shared::<S>::state(topic, payload))?;
        Ok(())
    }

    /// Whether the broker takes a message of this size; if not, it is left out.
    fn offer_state(&mut self, outlet: &Outlet, message: Message) -> Result<bool, LinkFault> {
        let bytes = packet_bytes(&message);
        if bytes > self.max_packet_bytes {
            let limit = self.max_packet_bytes;
            warn!(topic = %message.topic, bytes, limit, "The broker does not take a message of this size.");
            return Ok(false);
        }
        self.start_ack_timer();
        self.shared.setup.stats.published(1);
        self.window.hand_over_state();
        outlet.offer(message)?;
        Ok(true)
    }

    fn on_signal(&mut self, signal: &Signal) -> Result<Work, LinkFault> {
        match signal {
            Signal::Up {
                receive_max,
                max_packet_bytes,
            } => self.on_up(*receive_max, *max_packet_bytes),
            Signal::Sent(pkid) => {
                let matched = self.window.sent(*pkid);
                matched.map_err(|error| LinkFault::transient(error.to_string()))?;
            }
            Signal::Acked(pkid) => self.on_acked(*pkid),
            Signal::Refused {
                pkid,
                reason,
                temporary,
            } => self.on_refused(*pkid, reason, *temporary),
            Signal::Closed => return Ok(Work::Done),
            Signal::Other => {}
        }
        Ok(Work::Going)
    }

    fn on_up(&mut self, receive_max: Option<usize>, max_packet_bytes: usize) {
        let now = Instant::now();
        self.window
            .set_limits(allowed(self.configured, receive_max));
        self.max_packet_bytes = max_packet_bytes;
        self.stage = Stage::Up;
        self.up_since = Some(now);
        self.progress = now;
        self.birth_next = 0;
        self.told = None;
        self.next_health = None;
        self.shared.setup.stats.up();
        log_up(self.shared.setup);
    }

    fn on_acked(&mut self, pkid: u16) {
        let settled = self.window.acknowledged(pkid);
        if settled == Settled::Unknown {
            self.shared.setup.stats.unknown_ack();
            return;
        }
        self.progress = Instant::now();
        self.shared.setup.stats.acknowledged();
        if let Settled::UpTo(lane, up_to) = settled {
            self.useful = true;
            self.suspect.clear();
            self.shared.source.ack(lane, up_to);
        }
    }

    fn on_refused(&mut self, pkid: u16, reason: &str, temporary: bool) {
        self.progress = Instant::now();
        self.shared.setup.stats.refused();
        let (lane, seq, attempts) = match self.window.refused(pkid) {
            Refused::Record {
                lane,
                seq,
                attempts,
            } => (lane, seq, attempts),
            Refused::State => {
                warn!(reason, "The broker refuses the birth or health message.");
                return;
            }
            Refused::Unknown => {
                self.shared.setup.stats.unknown_ack();
                return;
            }
        };
        if attempts < MAX_REFUSALS || temporary || !self.suspect.may_give_up() {
            if attempts == 1 {
                warn!(
                    lane = lane.as_str(),
                    seq, reason, "The broker refuses a record; trying again."
                );
            }
            let until = Instant::now() + refusal_wait(attempts);
            self.lane(lane).hold_until = Some(until);
            return;
        }
        if !self.give_up(lane, seq, reason) {
            self.lane(lane).hold_until = Some(Instant::now() + REJECT_RETRY);
        } else if !self.window.is_blocked(lane) {
            self.lane(lane).hold_until = None;
        }
    }

    /// Rejects a record under way and lets the lane pass it; whether that worked.
    fn give_up(&mut self, lane: Lane, seq: u64, reason: &str) -> bool {
        if !self.reject(lane, seq, reason) {
            return false;
        }
        self.suspect.gave_up();
        if let Some(up_to) = self.window.give_up(lane, seq) {
            self.shared.source.ack(lane, up_to);
        }
        true
    }

    /// Waits for anything but the connection. Safe to drop and call again.
    async fn wait(&mut self) {
        let deadline = self.deadline();
        let takes = self.stage == Stage::Up;
        tokio::select! {
            read = self.alerts.read_done() => finish(&mut self.alerts, read),
            read = self.telemetry.read_done() => finish(&mut self.telemetry, read),
            changed = self.committed.changed(), if takes && self.committed_open => {
                self.committed_open = changed.is_ok();
            }
            changed = self.health.changed(), if takes && self.health_open => {
                self.health_open = changed.is_ok();
                // Seen by `tell_health` through the value.
                self.health.mark_changed();
            }
            () = until(deadline) => {}
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Connecting => None,
            Stage::Up => {
                let ack = (self.window.in_flight() > 0).then(|| self.ack_deadline());
                let now = Instant::now();
                let lanes = [self.alerts.wake_at(now), self.telemetry.wake_at(now)];
                earliest([ack, self.next_health, lanes[0], lanes[1]])
            }
            Stage::Draining(at) | Stage::Farewell(at) | Stage::Closing(at) => Some(at),
        }
    }

    const fn lane(&mut self, lane: Lane) -> &mut LaneFeed<'a> {
        match lane {
            Lane::Alerts => &mut self.alerts,
            Lane::Telemetry => &mut self.telemetry,
        }
    }
}

/// What [`Session::work`] leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Going,
    Done,
}

/// The window within what the broker accepts; a quarter of it stays for alerts.
fn allowed(configured: Limits, receive_max: Option<usize>) -> Limits {
    let Some(max) = receive_max.filter(|max| *max < configured.telemetry + ALERTS_IN_FLIGHT) else {
        return configured;
    };
    let alerts = (max / 4).clamp(1, configured.alerts);
    Limits {
        alerts,
        telemetry: max.saturating_sub(alerts).clamp(1, configured.telemetry),
    }
}

fn finish(feed: &mut LaneFeed<'_>, read: Result<Vec<Stored>, String>) {
    match read {
        Ok(records) => feed.take(records),
        Err(error) => {
            warn!(%error, "Records cannot be read from the buffer; trying again.");
            feed.failed(Instant::now());
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
