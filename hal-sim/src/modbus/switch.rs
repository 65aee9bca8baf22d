//! The faults of one unit, set by the engine, read by every connection.

use std::time::Duration;

use tokio::sync::watch;

use crate::plant::{Reading, Status};

/// What a unit does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnitFault {
    /// Answers.
    #[default]
    None,
    /// Swallows them.
    Silence,
    /// Answers late.
    Slow(Duration),
    /// Answers every one with this exception.
    Exception(u8),
    /// Sends half of the answer and closes.
    Truncated,
    /// Answers with the next transaction id.
    WrongTransaction,
    /// Answers as the next unit.
    WrongUnit,
    /// Answers with bytes without meaning.
    Garbage,
}

/// The faults of one unit.
#[derive(Debug, Clone)]
pub struct UnitSwitch {
    fault: watch::Sender<UnitFault>,
    quality: watch::Sender<Status>,
}

impl Default for UnitSwitch {
    fn default() -> Self {
        Self {
            fault: watch::Sender::new(UnitFault::None),
            quality: watch::Sender::new(Status::Good),
        }
    }
}

impl UnitSwitch {
    /// What the unit does with requests.
    pub fn fault(&self) -> UnitFault {
        *self.fault.borrow()
    }

    /// Sets what it does from the next request on.
    pub fn set_fault(&self, fault: UnitFault) {
        self.fault.send_replace(fault);
    }

    /// Sets the status that all its readings have from the next tick on.
    pub fn set_quality(&self, status: Status) {
        self.quality.send_replace(status);
    }

    /// A reading as this unit shows it.
    pub fn adjust(&self, reading: &Reading) -> Reading {
        let own = *self.quality.borrow();
        let status = if own == Status::Good {
            reading.status
        } else {
            own
        };
        Reading {
            value: reading.value.clone(),
            status,
        }
    }
}
