//! The task of one endpoint: connect, poll on the grid, keep going whatever the device does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{AcquisitionStats, Backoff, Breaker, Due, EndpointPlan, Schedule};
use crate::clock::Clock;
use crate::driver::{Driver, DriverError};
use crate::model::{Batch, DeviceId, Mono, Quality, Reason, Sample, TagId, Value};

/// Endpoints that come up within this time of each other share their grid, which saves wake-ups.
const GRID_ALIGNMENT: Duration = Duration::from_millis(50);

/// What an endpoint task tells the pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Acquired {
    /// One scan.
    Batch(Batch),
    /// A device's state changed.
    Device(DeviceId, DeviceState),
    /// The set of tags that a device refuses changed: its tags with the reason in words.
    Refused(DeviceId, Vec<(TagId, String)>),
    /// Samples of a device were dropped because the queue to the pipeline was full.
    Overrun(DeviceId, u64),
}

/// Whether a device can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceState {
    /// It answers.
    Up,
    /// It does not answer; it is asked again by itself.
    Down(String),
    /// Security settings or credentials are wrong; a person must act.
    Misconfigured(String),
}

/// One endpoint to poll.
#[derive(Debug)]
pub struct Endpoint<D> {
    /// Devices, groups and timing.
    pub plan: EndpointPlan,
    /// The protocol.
    pub driver: D,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where samples go; never waited for.
    pub out: mpsc::Sender<Acquired>,
    /// Shared counters.
    pub stats: Arc<AcquisitionStats>,
    /// Seed of the back-off jitter.
    pub seed: u64,
}

/// Polls until `cancel`, then closes the connection.
pub async fn run<D: Driver>(endpoint: Endpoint<D>, cancel: CancellationToken) {
    let Endpoint {
        plan,
        mut driver,
        clock,
        out,
        stats,
        seed,
    } = endpoint;
    let mut desk = Desk::new(plan, clock, out, stats, seed);
    tokio::select! {
        biased;
        () = cancel.cancelled() => {}
        () = serve(&mut driver, &mut desk) => {}
    }
    driver.close().await;
}

/// The endless ladder: connect, poll until the link is lost, wait, connect again.
#[expect(
    clippy::infinite_loop,
    reason = "`run` drops this future when it is cancelled"
)]
async fn serve<D: Driver>(driver: &mut D, desk: &mut Desk) {
    let mut first = driver.connect().await;
    desk.start_grid();
    loop {
        let lost = match first {
            Ok(()) => desk.poll(driver).await,
            Err(error) => error,
        };
        let retry_at = desk.link_lost(&lost);
        desk.idle_until(retry_at).await;
        first = desk.connect(driver).await;
    }
}

/// Everything of an endpoint but its driver, so that the two can be borrowed side by side.
struct Desk {
    plan: EndpointPlan,
    clock: Arc<dyn Clock>,
    out: mpsc::Sender<Acquired>,
    stats: Arc<AcquisitionStats>,
    random: fastrand::Rng,
    origin: Instant,
    schedule: Schedule,
    link_backoff: Backoff,
    config_backoff: Backoff,
    breakers: BTreeMap<DeviceId, Breaker>,
    states: BTreeMap<DeviceId, DeviceState>,
    refused: BTreeMap<DeviceId, Vec<(TagId, String)>>,
    overruns: BTreeMap<DeviceId, u64>,
    /// Devices that have answered before.
    were_up: BTreeSet<DeviceId>,
}

impl Desk {
    fn new(
        plan: EndpointPlan,
        clock: Arc<dyn Clock>,
        out: mpsc::Sender<Acquired>,
        stats: Arc<AcquisitionStats>,
        seed: u64,
    ) -> Self {
        let origin = Instant::now() - Duration::from_nanos(clock.now().mono.as_nanos());
        let breakers = plan
            .devices
            .iter()
            .map(|id| (*id, Breaker::default()))
            .collect();
        Self {
            schedule: Schedule::new(&plan.timing, clock.now().mono),
            plan,
            clock,
            out,
            stats,
            random: fastrand::Rng::with_seed(seed),
            origin,
            link_backoff: Backoff::link(),
            config_backoff: Backoff::config(),
            breakers,
            states: BTreeMap::new(),
            refused: BTreeMap::new(),
            overruns: BTreeMap::new(),
            were_up: BTreeSet::new(),
        }
    }

    /// The grid begins when the first connect attempt is decided, so that a device that is there yields no
    /// Bad samples before its first poll.
    fn start_grid(&mut self) {
        let step = u64::try_from(GRID_ALIGNMENT.as_nanos()).unwrap_or(1);
        let start = self
            .clock
            .now()
            .mono
            .as_nanos()
            .div_ceil(step)
            .saturating_mul(step);
        self.schedule = Schedule::new(&self.plan.timing, Mono::from_nanos(start));
    }

    fn instant(&self, mono: Mono) -> Instant {
        self.origin + Duration::from_nanos(mono.as_nanos())
    }

    /// Reads groups as they come due until the link is lost.
    async fn poll<D: Driver>(&mut self, driver: &mut D) -> DriverError {
        loop {
            let Some(due) = self.schedule.next() else {
                return std::future::pending().await;
            };
            tokio::time::sleep_until(self.instant(due.at)).await;
            let asked = self.read(driver, due).await;
            let skipped = self.schedule.advance(self.clock.now().mono);
            self.stats.missed_deadlines.fetch_add(skipped, Relaxed);
            if let Err(error) = asked {
                return error;
            }
        }
    }

    /// One tick of one group. `Err` means that the link is gone.
    async fn read<D: Driver>(&mut self, driver: &mut D, due: Due) -> Result<(), DriverError> {
        let Some(group) = self.plan.groups.get(due.group.0) else {
            return Ok(());
        };
        let (device, count) = (group.device, group.tags.len());
        let begun = self.clock.now().mono;
        if !self
            .breakers
            .get(&device)
            .is_none_or(|breaker| breaker.allows(begun))
        {
            self.emit_unread(due, Reason::CommFailure);
            return Ok(());
        }
        self.stats.jitter.record(begun.since(due.at));
        let mut samples = Vec::with_capacity(count);
        let outcome = driver.read(due.group, &mut samples).await;
        match outcome {
            Ok(()) => {
                self.answered(device);
                self.note_refused(device, &samples, driver);
                self.stats
                    .values_polled
                    .fetch_add(samples.len() as u64, Relaxed);
                let received = self.clock.now().mono;
                self.emit(
                    device,
                    Batch {
                        device,
                        due: due.at,
                        received,
                        samples,
                    },
                );
                Ok(())
            }
            Err(error) => {
                self.emit_unread(due, Reason::CommFailure);
                self.silent(device, &error);
                Err(error)
            }
        }
    }

    /// Connects while the grid goes on yielding Bad samples.
    async fn connect<D: Driver>(&mut self, driver: &mut D) -> Result<(), DriverError> {
        let connect = driver.connect();
        tokio::pin!(connect);
        loop {
            let due = self.schedule.next();
            let at = due.map(|due| self.instant(due.at));
            tokio::select! {
                biased;
                done = &mut connect => return done,
                () = sleep_until(at) => self.pass(due),
            }
        }
    }

    /// Waits for `retry_at` while the grid goes on yielding Bad samples.
    async fn idle_until(&mut self, retry_at: Mono) {
        loop {
            let due = self.schedule.next();
            match due {
                Some(tick) if tick.at < retry_at => {
                    tokio::time::sleep_until(self.instant(tick.at)).await;
                    self.pass(due);
                }
                _ => return tokio::time::sleep_until(self.instant(retry_at)).await,
            }
        }
    }

    /// A tick without a connection.
    fn pass(&mut self, due: Option<Due>) {
        if let Some(due) = due {
            self.emit_unread(due, Reason::NotConnected);
        }
        self.schedule.advance(self.clock.now().mono);
    }

    fn answered(&mut self, device: DeviceId) {
        self.link_backoff.reset();
        self.config_backoff.reset();
        if let Some(breaker) = self.breakers.get_mut(&device) {
            breaker.succeeded();
        }
        self.set_state(device, DeviceState::Up);
    }

    fn silent(&mut self, device: DeviceId, error: &DriverError) {
        let (now, random) = (self.clock.now().mono, self.random.f64());
        if let (DriverError::Silent(_), Some(breaker)) = (error, self.breakers.get_mut(&device)) {
            breaker.failed(now, random);
        }
        self.set_state(device, DeviceState::Down(error.to_string()));
    }

    /// Notes a lost or refused link and says when to try again.
    fn link_lost(&mut self, error: &DriverError) -> Mono {
        let now = self.clock.now().mono;
        let random = self.random.f64();
        let (delay, state) = match error {
            // The endpoint may be fine: its other units are asked at once, the silent one by its breaker.
            DriverError::Silent(_) => return now,
            DriverError::Link(reason) => (
                self.link_backoff.next(random),
                DeviceState::Down(reason.clone()),
            ),
            DriverError::Config(reason) => (
                self.config_backoff.next(random),
                DeviceState::Misconfigured(reason.clone()),
            ),
        };
        debug!(error = %error, retry_in = ?delay, "Endpoint will be tried again.");
        for device in self.plan.devices.clone() {
            self.set_state(device, state.clone());
        }
        now.saturating_add(delay)
    }

    fn set_state(&mut self, device: DeviceId, state: DeviceState) {
        let before = self.states.get(&device);
        let same_kind =
            before.is_some_and(|old| std::mem::discriminant(old) == std::mem::discriminant(&state));
        if same_kind {
            return;
        }
        let name = self.plan.names.get(&device).map_or("", String::as_str);
        match &state {
            DeviceState::Up if self.were_up.insert(device) => {}
            DeviceState::Up => {
                self.stats.reconnects.fetch_add(1, Relaxed);
                info!(device = name, "Device answers again.");
            }
            DeviceState::Down(reason) => {
                warn!(device = name, reason, "Device does not answer.");
            }
            DeviceState::Misconfigured(reason) => {
                warn!(device = name, reason, "Device refuses the connection.");
            }
        }
        if self
            .out
            .try_send(Acquired::Device(device, state.clone()))
            .is_ok()
        {
            self.states.insert(device, state);
        }
    }

    /// Tells the pipeline once per change which tags the device refuses.
    fn note_refused<D: Driver>(&mut self, device: DeviceId, samples: &[Sample], driver: &D) {
        let refusing = samples
            .iter()
            .any(|s| s.quality == Quality::Bad(Reason::ConfigError));
        if !refusing && !self.refused.contains_key(&device) {
            return;
        }
        let mut refused = driver.refused();
        refused.retain(|(tag, _)| self.belongs(device, *tag));
        if self.refused.get(&device) == Some(&refused) {
            return;
        }
        if self
            .out
            .try_send(Acquired::Refused(device, refused.clone()))
            .is_ok()
        {
            self.refused.insert(device, refused);
        }
    }

    fn belongs(&self, device: DeviceId, tag: TagId) -> bool {
        self.plan
            .groups
            .iter()
            .any(|group| group.device == device && group.tags.contains(&tag))
    }

    /// A Bad sample for each tag of a group that could not be read.
    fn emit_unread(&mut self, due: Due, reason: Reason) {
        let Some(group) = self.plan.groups.get(due.group.0) else {
            return;
        };
        let now = self.clock.now();
        let bad = |tag: &TagId| Sample {
            tag: *tag,
            time: now.wall,
            value: Value::Missing,
            quality: Quality::Bad(reason),
        };
        let samples: Vec<Sample> = group.tags.iter().map(bad).collect();
        let device = group.device;
        self.stats
            .values_unread
            .fetch_add(samples.len() as u64, Relaxed);
        self.emit(
            device,
            Batch {
                device,
                due: due.at,
                received: now.mono,
                samples,
            },
        );
    }

    /// Hands a batch over, or counts it as lost when the queue is full.
    fn emit(&mut self, device: DeviceId, batch: Batch) {
        if let Some(lost) = self.overruns.get(&device).copied()
            && self.out.try_send(Acquired::Overrun(device, lost)).is_ok()
        {
            self.overruns.remove(&device);
        }
        let count = batch.samples.len() as u64;
        if self.out.try_send(Acquired::Batch(batch)).is_err() {
            self.stats.overrun_samples.fetch_add(count, Relaxed);
            *self.overruns.entry(device).or_insert(0) += count;
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
