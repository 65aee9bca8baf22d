//! One scan group: its requests, what is made of the answers, and what is learned from refusals.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::driver::DriverError;
use crate::model::{Quality, Reason, Sample, TagId, Timestamp, Value};

use super::connection::{Answer, Ask, Connection, Endpoint, Failure};
use super::decode::{Decoder, PointError, Reading};
use super::driver::{ModbusGroup, ModbusUnit};
use super::exception::{Meaning, NO_ANSWER, describe, meaning};
use super::plan::{Block, Learned, Plan, Span};

/// How much longer than the unit's timeout the requests of one group may take together.
const READ_ALLOWANCE: Duration = Duration::from_secs(2);
/// Requests beyond the plan in one read: halves of refused blocks and second tries of refused addresses.
const EXTRA_REQUESTS_MAX: u32 = 64;
/// Reads in a row that a block may end before the device is asked for something else first: some devices hang up or
/// keep silent where they should refuse.
const FAILURES_MAX: u32 = 3;
/// Refused addresses tried again in one read.
const RETRIES_MAX: usize = 4;

#[derive(Debug)]
pub(super) struct Group {
    unit: ModbusUnit,
    /// By slot. A tag that can never be read has a reason instead of a decoder.
    points: Vec<(TagId, Result<Decoder, PointError>)>,
    plan: Plan,
    suspect: Option<Suspect>,
    /// By slot, of the last read.
    samples: Vec<Sample>,
}

/// The block that ended the last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Suspect {
    span: Span,
    /// Reads in a row that it, or the block it was part of, has ended.
    failures: u32,
}

/// What became of one request that the device answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The values are in the samples.
    Taken,
    /// The device has no values for now; the samples are Bad.
    Marked,
    /// The device refused with this exception code; the samples are Bad.
    Refused(u8),
}

/// When a read must be over, and when it must stop to learn.
#[derive(Debug, Clone, Copy)]
struct Budget {
    ends_at: Instant,
    learns_until: Instant,
    extra_requests: u32,
}

impl Group {
    pub(super) fn new(group: ModbusGroup) -> Self {
        let mut points = Vec::with_capacity(group.points.len());
        let mut spans = Vec::with_capacity(group.points.len());
        for (slot, point) in group.points.iter().enumerate() {
            let planned = point.plan(group.unit.limits).map(|(decoder, span)| {
                spans.push((slot, span));
                decoder
            });
            points.push((point.tag, planned));
        }
        Self {
            plan: Plan::new(spans, group.unit.limits),
            suspect: None,
            samples: Vec::with_capacity(points.len()),
            unit: group.unit,
            points,
        }
    }

    /// Reads every point: one sample each, in slot order, for the caller to take out.
    pub(super) async fn read(
        &mut self,
        link: &mut Connection,
        clock: &dyn Clock,
    ) -> Result<&mut Vec<Sample>, DriverError> {
        let now = clock.now();
        self.begin(now.wall);
        self.plan.relearn(now.mono);
        let mut budget = Budget::of(&self.unit);
        let mut set_aside = 0_usize;
        let mut index = 0;
        while let Some(block) = self.plan.block(index) {
            let witness = self.witness(index, block.span);
            let asked = witness.unwrap_or(block);
            let outcome = self.ask(asked, link, clock, &budget).await;
            let outcome = match witness {
                Some(_) => outcome.map(|_answered| Outcome::Refused(NO_ANSWER)),
                None => outcome,
            };
            if outcome.is_err() {
                self.suspect(block.span);
            }
            let Outcome::Refused(exception) = outcome? else {
                index += 1;
                continue;
            };
            match self.plan.refuse(index, exception, clock.now().mono) {
                Some(Learned::Split { into }) if !budget.take_extra() => index += into,
                Some(Learned::Split { .. }) => {}
                Some(Learned::SetAside) | None => set_aside += 1,
            }
        }
        self.suspect = None;
        if set_aside > 0 {
            self.report_refusals(set_aside, link.endpoint());
        }
        self.retry(link, clock, &mut budget).await;
        Ok(&mut self.samples)
    }

    /// What to ask for first when this block has ended the last reads: if the device answers that, it is the block
    /// that is at fault.
    fn witness(&self, index: usize, span: Span) -> Option<Block> {
        let suspect = self
            .suspect
            .filter(|suspect| suspect.span == span && suspect.failures >= FAILURES_MAX)?;
        self.plan.witness(index, suspect.failures)
    }

    fn suspect(&mut self, span: Span) {
        let before = self.suspect.filter(|suspect| suspect.span.contains(span));
        let failures = before
            .map_or(0, |suspect| suspect.failures)
            .saturating_add(1);
        self.suspect = Some(Suspect { span, failures });
    }

    /// Tries addresses again that were refused a while ago. A failure here loses the connection but not the values
    /// that have just been read.
    async fn retry(&mut self, link: &mut Connection, clock: &dyn Clock, budget: &mut Budget) {
        for _ in 0..RETRIES_MAX {
            let now = clock.now().mono;
            let Some(block) = self.plan.due(now).filter(|_| budget.take_extra()) else {
                return;
            };
            match self.ask(block, link, clock, budget).await {
                Ok(Outcome::Refused(exception)) => self.plan.postpone(block, Some(exception), now),
                Ok(Outcome::Marked) => self.plan.postpone(block, None, now),
                Ok(Outcome::Taken) => {
                    self.plan.accept(block);
                    let endpoint = link.endpoint();
                    info!(
                        %endpoint,
                        unit = self.unit.id,
                        address = %block.span,
                        "A refused address answers again; the device's addresses are learned anew."
                    );
                }
                Err(error) => {
                    self.plan.postpone(block, None, now);
                    warn!(%error, "A refused address was tried again in vain; the connection is renewed.");
                    return;
                }
            }
        }
    }

    /// Reads one block into `samples`.
    async fn ask(
        &mut self,
        block: Block,
        link: &mut Connection,
        clock: &dyn Clock,
        budget: &Budget,
    ) -> Result<Outcome, DriverError> {
        let timeout = self.unit.timeout.min(budget.left());
        if timeout.is_zero() {
            return Err(self.too_slow());
        }
        let before = clock.now();
        let ask = Ask {
            unit: self.unit.id,
            span: block.span,
            timeout,
        };
        let result = link.read(ask).await;
        let duration = clock.now().mono.since(before.mono);
        let time = before.wall.saturating_add(duration / 2);
        let failed = |words: &str| {
            let (unit, endpoint) = (ask.unit, link.endpoint());
            format!("read {} of unit {unit} at {endpoint}: {words}", ask.span)
        };
        match result {
            Ok(answer) => {
                self.take(block, time, &answer);
                Ok(Outcome::Taken)
            }
            Err(Failure::Exception(code)) => match meaning(code) {
                Meaning::Refused => {
                    self.mark(block, time, Reason::ConfigError);
                    Ok(Outcome::Refused(code))
                }
                Meaning::Bad(reason) => {
                    self.mark(block, time, reason);
                    Ok(Outcome::Marked)
                }
                Meaning::UnitSilent => Err(DriverError::Silent(failed(&describe(code)))),
            },
            Err(Failure::Silent) => {
                let words = format!("no complete answer within {timeout:?}");
                Err(DriverError::Silent(failed(&words)))
            }
            Err(Failure::Link(words)) => Err(DriverError::Link(failed(&words))),
        }
    }

    /// A sample for every point: what is not read in this cycle is refused.
    fn begin(&mut self, time: Timestamp) {
        self.samples.clear();
        self.samples
            .extend(self.points.iter().map(|(tag, _)| Sample {
                tag: *tag,
                time,
                value: Value::Missing,
                quality: Quality::Bad(Reason::ConfigError),
            }));
    }

    fn take(&mut self, block: Block, time: Timestamp, answer: &Answer) {
        let readings = self.plan.values(block).filter_map(|(slot, offset)| {
            let decoder = self.points.get(slot)?.1.as_ref().ok()?;
            Some((slot, pick(decoder, answer, offset)))
        });
        for (slot, reading) in readings {
            set(&mut self.samples, slot, time, reading);
        }
    }

    fn mark(&mut self, block: Block, time: Timestamp, reason: Reason) {
        for (slot, _) in self.plan.values(block) {
            let reading = (Value::Missing, Quality::Bad(reason));
            set(&mut self.samples, slot, time, reading);
        }
    }

    pub(super) fn refused(&self) -> impl Iterator<Item = (TagId, String)> + '_ {
        let never = self.points.iter().filter_map(|(tag, decoder)| {
            let reason = decoder.as_ref().err()?;
            Some((*tag, reason.to_string()))
        });
        let learned = self.plan.refused().flat_map(|(slots, span, exception)| {
            let reason = format!("{span}: {}", describe(exception));
            let tags = slots.iter().filter_map(|slot| self.points.get(*slot));
            tags.map(move |(tag, _)| (*tag, reason.clone()))
        });
        never.chain(learned)
    }

    fn report_refusals(&self, new: usize, endpoint: &Endpoint) {
        let first = self.plan.refused().next();
        let example = first.map(|(_, span, code)| format!("{span}: {}", describe(code)));
        let example = example.unwrap_or_default();
        warn!(
            %endpoint,
            unit = self.unit.id,
            addresses = new,
            example,
            "The device refuses addresses; they are set aside and tried again later."
        );
    }

    fn too_slow(&self) -> DriverError {
        let unit = self.unit.id;
        let allowed = self.unit.timeout + READ_ALLOWANCE;
        let requests = self.plan.len();
        DriverError::Silent(format!(
            "unit {unit} needs longer than {allowed:?} for the {requests} requests of a scan; raise its timeout or read fewer tags"
        ))
    }
}

impl Budget {
    fn of(unit: &ModbusUnit) -> Self {
        let now = Instant::now();
        Self {
            ends_at: now + unit.timeout + READ_ALLOWANCE,
            learns_until: now + unit.timeout,
            extra_requests: EXTRA_REQUESTS_MAX,
        }
    }

    fn left(&self) -> Duration {
        self.ends_at.saturating_duration_since(Instant::now())
    }

    /// Whether one more request beyond the plan may be made.
    fn take_extra(&mut self) -> bool {
        let may = self.extra_requests > 0 && Instant::now() < self.learns_until;
        self.extra_requests = self.extra_requests.saturating_sub(u32::from(may));
        may
    }
}

/// The value at `offset` of an answer.
pub(super) fn pick(decoder: &Decoder, answer: &Answer, offset: usize) -> Reading {
    match answer {
        Answer::Registers(words) => {
            let end = offset + usize::from(decoder.width());
            decoder.registers(words.get(offset..end).unwrap_or_default())
        }
        Answer::Bits(bits) => Decoder::bit(bits.get(offset).copied().unwrap_or_default()),
    }
}

fn set(samples: &mut [Sample], slot: usize, time: Timestamp, (value, quality): Reading) {
    if let Some(sample) = samples.get_mut(slot) {
        sample.time = time;
        sample.value = value;
        sample.quality = quality;
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{Asked, Device, PATIENT, holding};
    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn a_unit_that_needs_too_long_for_its_requests_is_called_silent() {
        let device = Device::new(Asked::good);
        let mut link = Connection::new(device.endpoint());
        link.open().await.unwrap();
        let mut group = Group::new(holding(7, PATIENT, &[0, 100]));
        let block = group.plan.block(0).unwrap();
        let over = Budget {
            ends_at: Instant::now(),
            ..Budget::of(&group.unit)
        };
        let clock = ManualClock::default();
        let error = group
            .ask(block, &mut link, &clock, &over)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "unit 7 needs longer than 22s for the 2 requests of a scan; raise its timeout or read fewer tags"
        );
        assert!(link.is_open(), "nothing was sent");
    }

    #[tokio::test]
    async fn learning_ends_with_its_time_or_its_requests() {
        let unit = holding(1, PATIENT, &[]).unit;
        let mut late = Budget {
            learns_until: Instant::now(),
            ..Budget::of(&unit)
        };
        assert!(!late.take_extra());
        let mut spent = Budget::of(&unit);
        let granted = (0..1000).filter(|_| spent.take_extra()).count();
        assert_eq!(granted, 64);
    }
}
