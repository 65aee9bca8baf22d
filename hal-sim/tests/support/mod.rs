//! What the integration tests share.

#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::time::Duration;

use hal_sim::{DeviceFault, Fault, FaultKind, Scenario, SignalFault, Sim};

/// Starts a scenario text.
pub(crate) fn start(text: &str) -> Sim {
    Sim::start(Scenario::parse(text).unwrap()).unwrap()
}

/// A fault on a device until it is cleared.
pub(crate) fn on_device(device: &str, fault: DeviceFault) -> Fault {
    let kind = FaultKind::Device {
        device: device.to_owned(),
        fault,
    };
    Fault {
        at: Duration::ZERO,
        hold: None,
        label: "test".to_owned(),
        kind,
    }
}

/// A fault on a signal until it is cleared.
pub(crate) fn on_signal(signal: &str, fault: SignalFault) -> Fault {
    let kind = FaultKind::Signal {
        signal: signal.to_owned(),
        fault,
    };
    Fault {
        at: Duration::ZERO,
        hold: None,
        label: "test".to_owned(),
        kind,
    }
}

/// Tries until it succeeds; fails the test when it never does.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    for _ in 0..1500 {
        if let Some(value) = attempt().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
