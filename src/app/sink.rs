//! From the chain into the buffer, without ever waiting.

use std::collections::VecDeque;
use std::sync::Arc;

use tracing::{error, warn};

use crate::buffer::{AppendError, Buffer, Refused};
use crate::clock::Clock;
use crate::pipeline::task::RecordSink;
use crate::record::{BodyV1, EventKindV1, EventV1, Lane, encode_body};

/// Alerts kept here while the buffer's queue is full; beyond that the oldest is lost, and said so.
const ALERTS_KEPT: usize = 10_000;

/// Appends records; alerts that find the queue full are kept and tried again with the next record.
#[derive(Debug)]
pub(super) struct BufferSink {
    buffer: Buffer,
    clock: Arc<dyn Clock>,
    waiting: VecDeque<Vec<u8>>,
    telemetry_lost: u64,
}

impl BufferSink {
    pub(super) const fn new(buffer: Buffer, clock: Arc<dyn Clock>) -> Self {
        Self {
            buffer,
            clock,
            waiting: VecDeque::new(),
            telemetry_lost: 0,
        }
    }

    fn alert(&mut self, body: Vec<u8>) {
        self.waiting.push_back(body);
        self.retry_alerts();
        if self.waiting.len() > ALERTS_KEPT {
            self.waiting.pop_front();
            error!("Storage takes no alerts and too many wait: the oldest is lost.");
        }
    }

    fn retry_alerts(&mut self) {
        while let Some(oldest) = self.waiting.pop_front() {
            let Err(Refused { error, body }) = self.buffer.offer(Lane::Alerts, oldest) else {
                continue;
            };
            match error {
                AppendError::TooLarge { bytes, max } => error!(
                    bytes,
                    max, "An alert is too large to be stored and is lost."
                ),
                AppendError::Full | AppendError::Closed => {
                    self.waiting.push_front(body);
                    return;
                }
            }
        }
    }

    fn telemetry(&mut self, body: &BodyV1) {
        match self.buffer.try_append(Lane::Telemetry, encode_body(body)) {
            Ok(()) if self.telemetry_lost > 0 => self.confess(),
            Ok(()) => {}
            Err(error) => {
                if self.telemetry_lost == 0 {
                    warn!(%error, "Storage does not keep up: telemetry is lost before it is stored.");
                }
                self.telemetry_lost += values_in(body);
            }
        }
    }

    /// Says in the stream how many values were lost, once storage takes records again.
    fn confess(&mut self) {
        let samples = std::mem::take(&mut self.telemetry_lost);
        warn!(samples, "Storage keeps up again.");
        let at_ms = self.clock.now().wall.as_millis();
        let kind = EventKindV1::Overrun {
            device: "storage".to_owned(),
            samples,
        };
        self.alert(encode_body(&BodyV1::Event(EventV1 { at_ms, kind })));
    }
}

impl RecordSink for BufferSink {
    fn accept(&mut self, lane: Lane, body: BodyV1) {
        match lane {
            Lane::Alerts => self.alert(encode_body(&body)),
            Lane::Telemetry => {
                // The next alert may be hours away.
                self.retry_alerts();
                self.telemetry(&body);
            }
        }
    }
}

fn values_in(body: &BodyV1) -> u64 {
    match body {
        BodyV1::Raw(raw) => raw.points.len() as u64,
        BodyV1::Summary(summary) => summary.items.len() as u64,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::{MAX_BODY_BYTES, ReadLimit, open_in_memory};
    use crate::clock::ManualClock;
    use crate::config::BufferConfig;
    use crate::model::Timestamp;
    use crate::record::{RawV1, decode_body, samples};
    use std::time::Duration;

    const WALL_MS: i64 = 1_772_344_800_000;

    /// Lets `act` use a sink, and returns the alerts that reach the buffer.
    fn check(act: impl FnOnce(&mut BufferSink), expected: &[BodyV1]) {
        let config = BufferConfig {
            commit_interval: Duration::from_millis(10),
            max_bytes: 64 << 20,
            alert_reserve_bytes: 1 << 20,
            segment_bytes: 1 << 20,
        };
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_millis(WALL_MS)));
        let limit = ReadLimit {
            records: 100,
            bytes: 1 << 20,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (buffer, _opened, thread) = open_in_memory(&config, 1, Arc::clone(&clock)).unwrap();
            let mut sink = BufferSink::new(buffer.clone(), clock);
            act(&mut sink);
            assert!(sink.waiting.is_empty());
            let mut committed = buffer.committed();
            let count = expected.len() as u64;
            committed.wait_for(|c| c.alerts >= count).await.unwrap();
            let records = buffer.read(Lane::Alerts, 1, limit).await.unwrap();
            let bodies: Vec<_> = records
                .iter()
                .map(|r| decode_body(&r.body).unwrap())
                .collect();
            assert_eq!(bodies, expected);
            buffer.shutdown().await.unwrap();
            thread.join().unwrap();
        });
    }

    /// More than the buffer takes as one record.
    fn oversized() -> BodyV1 {
        BodyV1::Raw(RawV1 {
            asset: "a".repeat(MAX_BODY_BYTES + 1),
            base_ns: 0,
            points: Vec::new(),
        })
    }

    fn lost(samples: u64) -> BodyV1 {
        BodyV1::Event(EventV1 {
            at_ms: WALL_MS,
            kind: EventKindV1::Overrun {
                device: "storage".into(),
                samples,
            },
        })
    }

    #[test]
    fn lost_telemetry_is_confessed_once_with_its_number_and_the_time() {
        let act = |sink: &mut BufferSink| {
            sink.telemetry_lost = 41;
            sink.accept(Lane::Telemetry, samples::started());
            sink.accept(Lane::Telemetry, samples::started());
        };
        check(act, &[lost(41)]);
    }

    #[test]
    fn an_oversized_record_costs_itself_only() {
        let act = |sink: &mut BufferSink| {
            sink.accept(Lane::Alerts, oversized());
            sink.accept(Lane::Alerts, samples::alert());
        };
        check(act, &[samples::alert()]);
    }

    #[test]
    fn waiting_alerts_are_tried_again_with_the_next_record_of_any_lane() {
        let wait = |sink: &mut BufferSink| sink.waiting.push_back(encode_body(&samples::alert()));
        let telemetry = |sink: &mut BufferSink| {
            wait(sink);
            sink.accept(Lane::Telemetry, samples::started());
        };
        check(telemetry, &[samples::alert()]);
        let alert = |sink: &mut BufferSink| {
            wait(sink);
            sink.accept(Lane::Alerts, samples::drop());
        };
        check(alert, &[samples::alert(), samples::drop()]);
    }
}
