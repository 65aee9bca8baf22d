//! From the chain into the buffer, without ever waiting.

use std::collections::VecDeque;
use std::sync::Arc;

use tracing::{error, warn};

use crate::buffer::{AppendError, Buffer};
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
        while let Some(oldest) = self.waiting.pop_front() {
            match self.buffer.try_append(Lane::Alerts, oldest.clone()) {
                Ok(()) => {}
                Err(AppendError::TooLarge { bytes, max }) => {
                    error!(
                        bytes,
                        max, "An alert is too large to be stored and is lost."
                    );
                }
                Err(AppendError::Full | AppendError::Closed) => {
                    self.waiting.push_front(oldest);
                    break;
                }
            }
        }
        if self.waiting.len() > ALERTS_KEPT {
            self.waiting.pop_front();
            error!("Storage takes no alerts and too many wait: the oldest is lost.");
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
            Lane::Telemetry => self.telemetry(&body),
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
