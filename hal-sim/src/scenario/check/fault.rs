//! The timeline of faults.

use std::time::Duration;

use super::collect::Collector;
use crate::plant::Status;
use crate::scenario::fault::{DeviceFault, Fault, FaultKind, Shift, SignalFault};
use crate::scenario::quantity;
use crate::scenario::raw::RawFault;
use crate::scenario::types::{Behaviour, Scenario};

/// What a fault's target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Modbus,
    OpcUa,
    Mqtt,
}

pub(super) fn check(raw: RawFault, scenario: &Scenario, faults: &mut Collector) -> Option<Fault> {
    let place = format!("fault `{}`", raw.label);
    if raw.label.is_empty() {
        faults.add("fault", "label must not be empty");
    }
    let at = faults.duration(&format!("{place}.at"), Some(&raw.at), Duration::ZERO);
    let hold = raw
        .r#for
        .as_deref()
        .map(|text| faults.duration(&format!("{place}.for"), Some(text), Duration::ZERO));
    let kind = match kind(&raw, scenario) {
        Ok(kind) => kind,
        Err(what) => {
            faults.add(&place, &what);
            return None;
        }
    };
    let a_second = Some(Duration::from_secs(1));
    let hold = match &kind {
        FaultKind::Signal {
            fault: SignalFault::Spike(_),
            ..
        }
        | FaultKind::Device {
            fault: DeviceFault::Restart,
            ..
        } => hold.or(a_second),
        FaultKind::Signal {
            fault: SignalFault::Drift(_),
            ..
        } if hold.is_none() => {
            faults.add(
                &place,
                "a drift needs `for`: the time until the shift is reached",
            );
            hold
        }
        _ => hold,
    };
    Some(Fault {
        at,
        hold,
        label: raw.label,
        kind,
    })
}

fn kind(raw: &RawFault, scenario: &Scenario) -> Result<FaultKind, String> {
    match (&raw.device, &raw.signal) {
        (Some(device), None) => {
            let target = target(device, scenario)
                .ok_or_else(|| format!("device `{device}` does not exist"))?;
            let fault = device_fault(raw)?;
            allowed(target, fault)?;
            Ok(FaultKind::Device {
                device: device.clone(),
                fault,
            })
        }
        (None, Some(name)) => {
            let index = scenario
                .signal_index(name)
                .ok_or_else(|| format!("signal `{name}` does not exist; write machine.signal"))?;
            let fault = signal_fault(raw)?;
            let behaviour = scenario
                .signals()
                .nth(index)
                .map(|(_, signal)| &signal.behaviour);
            fits(fault, behaviour)?;
            Ok(FaultKind::Signal {
                signal: name.clone(),
                fault,
            })
        }
        _ => Err("needs either `device` or `signal`".to_owned()),
    }
}

fn target(name: &str, scenario: &Scenario) -> Option<Target> {
    let in_modbus = |server: &crate::scenario::ModbusServer| {
        server.name == name || server.units.iter().any(|unit| unit.device == name)
    };
    if scenario.modbus.iter().any(in_modbus) {
        return Some(Target::Modbus);
    }
    if scenario.opcua.iter().any(|server| server.name == name) {
        return Some(Target::OpcUa);
    }
    (name == "mqtt" && scenario.mqtt.is_some()).then_some(Target::Mqtt)
}

fn device_fault(raw: &RawFault) -> Result<DeviceFault, String> {
    Ok(match raw.kind.as_str() {
        "refuse" => DeviceFault::Refuse,
        "silence" => DeviceFault::Silence,
        "slow" => {
            let text = raw
                .delay
                .as_deref()
                .ok_or("slow needs `delay`, e.g. \"300ms\"")?;
            let delay =
                quantity::parse_duration(text).filter(|delay| *delay <= Duration::from_mins(10));
            DeviceFault::Slow(delay.ok_or_else(|| format!("delay `{text}` must be 0s to 10m"))?)
        }
        "exception" => DeviceFault::Exception(raw.code.ok_or("exception needs `code`, e.g. 4")?),
        "truncated" => DeviceFault::Truncated,
        "wrong_transaction" => DeviceFault::WrongTransaction,
        "wrong_unit" => DeviceFault::WrongUnit,
        "garbage" => DeviceFault::Garbage,
        "restart" => DeviceFault::Restart,
        "bad_quality" => DeviceFault::BadQuality(status(raw, Status::BadNoCommunication)?),
        "clock_jump" => {
            let text = raw
                .jump
                .as_deref()
                .ok_or("clock_jump needs `jump`, e.g. \"-2h\"")?;
            let seconds = quantity::signed_seconds(text)
                .ok_or_else(|| format!("jump `{text}` is no duration; write e.g. \"-2h\""))?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "durations are at most ten years, which fit"
            )]
            DeviceFault::ClockJump((seconds * 1e9) as i64)
        }
        other => {
            return Err(format!(
                "kind `{other}` is unknown on a device; allowed: refuse, silence, slow, exception, \
                 truncated, wrong_transaction, wrong_unit, garbage, restart, bad_quality, clock_jump"
            ));
        }
    })
}

/// Which faults a server of that protocol can have.
fn allowed(target: Target, fault: DeviceFault) -> Result<(), String> {
    let fine = match fault {
        DeviceFault::Refuse
        | DeviceFault::Silence
        | DeviceFault::Slow(_)
        | DeviceFault::Restart => true,
        DeviceFault::Exception(_)
        | DeviceFault::Truncated
        | DeviceFault::WrongTransaction
        | DeviceFault::WrongUnit
        | DeviceFault::Garbage => target == Target::Modbus,
        DeviceFault::BadQuality(_) => target != Target::Mqtt,
        DeviceFault::ClockJump(_) => target == Target::OpcUa,
    };
    let name = fault.name();
    if fine {
        Ok(())
    } else {
        Err(format!("kind `{name}` does not exist for this protocol"))
    }
}

fn signal_fault(raw: &RawFault) -> Result<SignalFault, String> {
    Ok(match raw.kind.as_str() {
        "step" => SignalFault::Step(shift(raw)?),
        "drift" => SignalFault::Drift(shift(raw)?),
        "spike" => SignalFault::Spike(shift(raw)?),
        "variance" => {
            let factor = raw.factor.ok_or("variance needs `factor`, e.g. 3")?;
            if !(factor.is_finite() && factor >= 0.0) {
                return Err(format!("factor {factor} must be at least 0"));
            }
            SignalFault::Variance(factor)
        }
        "stuck" => SignalFault::Stuck,
        "dropout" | "bad_quality" => SignalFault::Dropout(status(raw, Status::BadSensorFailure)?),
        other => {
            return Err(format!(
                "kind `{other}` is unknown on a signal; allowed: step, drift, spike, variance, stuck, \
                 dropout, bad_quality"
            ));
        }
    })
}

fn shift(raw: &RawFault) -> Result<Shift, String> {
    match (raw.sigma, raw.units) {
        (Some(sigma), None) if sigma.is_finite() => Ok(Shift::Sigma(sigma)),
        (None, Some(units)) if units.is_finite() => Ok(Shift::Units(units)),
        _ => Err(format!("{} needs either `sigma` or `units`", raw.kind)),
    }
}

fn status(raw: &RawFault, default: Status) -> Result<Status, String> {
    let Some(name) = &raw.status else {
        return Ok(default);
    };
    let found = Status::ALL.iter().find(|(known, _)| known == name);
    found.map(|(_, status)| *status).ok_or_else(|| {
        let known: Vec<&str> = Status::ALL.iter().map(|(known, _)| *known).collect();
        format!("status `{name}` is unknown; allowed: {}", known.join(", "))
    })
}

/// Only quantities can be moved; anything can stand still or drop out.
fn fits(fault: SignalFault, behaviour: Option<&Behaviour>) -> Result<(), String> {
    let analog = match behaviour {
        Some(Behaviour::Analog(analog)) => Some(analog),
        _ => None,
    };
    let in_sigma = matches!(
        fault,
        SignalFault::Step(Shift::Sigma(_))
            | SignalFault::Drift(Shift::Sigma(_))
            | SignalFault::Spike(Shift::Sigma(_))
            | SignalFault::Variance(_)
    );
    match (fault, analog) {
        (SignalFault::Stuck | SignalFault::Dropout(_), _) => Ok(()),
        (_, None) => Err(format!(
            "kind `{}` needs a signal of kind analog",
            fault.name()
        )),
        (_, Some(analog)) if in_sigma && analog.sigma == 0.0 => {
            Err("the signal has no noise, so give the shift in `units`".to_owned())
        }
        _ => Ok(()),
    }
}
