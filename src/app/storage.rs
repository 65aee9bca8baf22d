//! Incidents of the buffer, worded as trouble of the gateway for the chain to alert about.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::alerting::AlarmKind;
use crate::buffer::Incident;
use crate::model::Severity;
use crate::pipeline::Trouble;

/// Passes incidents on until `cancel`.
pub(super) async fn forward(
    mut incidents: mpsc::Receiver<Incident>,
    out: mpsc::Sender<Trouble>,
    cancel: CancellationToken,
) {
    loop {
        let incident = tokio::select! {
            () = cancel.cancelled() => return,
            incident = incidents.recv() => incident,
        };
        match incident {
            Some(incident) => {
                // A full queue holds older trouble of the same kind: the alert stands already.
                out.try_send(trouble_of(&incident)).unwrap_or_default();
            }
            None => return cancel.cancelled().await,
        }
    }
}

fn trouble_of(incident: &Incident) -> Trouble {
    let (active, severity) = match incident {
        Incident::DurableAgain { .. } => (false, Severity::Low),
        Incident::WriteFault { .. } | Incident::FileLost { .. } => (true, Severity::Medium),
        Incident::Quarantined { .. } | Incident::Dropped { .. } => (true, Severity::High),
        Incident::NotDurable { .. } | Incident::EngineDead => (true, Severity::Critical),
    };
    Trouble {
        kind: AlarmKind::Storage,
        active,
        severity,
        detail: incident.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{DropReasonV1, Lane};

    #[test]
    fn incidents_become_trouble_with_their_words() {
        let dropped = Incident::Dropped {
            lane: Lane::Telemetry,
            from: 3,
            to: 9,
            reason: DropReasonV1::Quota,
        };
        let trouble = trouble_of(&dropped);
        assert!(trouble.active && trouble.severity == Severity::High);
        assert!(trouble.detail.contains("(3 to 9)"), "{}", trouble.detail);
        assert!(!trouble_of(&Incident::DurableAgain { lane: Lane::Alerts }).active);
    }
}
