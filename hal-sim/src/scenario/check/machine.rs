//! Machines and their signals.

use std::time::Duration;

use super::collect::Collector;
use super::unique;
use crate::plant::{Analog, CycleShape, Production, StateTimes, Waveform};
use crate::scenario::data_type::{ByteOrder, DataType, Table};
use crate::scenario::layout::{self, Place, Wish};
use crate::scenario::raw::{RawMachine, RawSignal, RawStates};
use crate::scenario::types::{Behaviour, Machine, Signal};

const SHAPES: [(&str, CycleShape); 4] = [
    ("sine", CycleShape::Sine),
    ("saw", CycleShape::Saw),
    ("square", CycleShape::Square),
    ("stroke", CycleShape::Stroke),
];

/// What a signal is, before its settings are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Analog,
    Setpoint,
    State,
    Running,
    Good,
    Scrap,
    Product,
    Order,
    Ticks,
}

const KINDS: [(&str, Kind); 9] = [
    ("analog", Kind::Analog),
    ("setpoint", Kind::Setpoint),
    ("state", Kind::State),
    ("running", Kind::Running),
    ("good", Kind::Good),
    ("scrap", Kind::Scrap),
    ("product", Kind::Product),
    ("order", Kind::Order),
    ("ticks", Kind::Ticks),
];

impl Kind {
    /// The type that a signal has unless it names one.
    const fn default_type(self) -> DataType {
        match self {
            Self::Analog | Self::Setpoint => DataType::F32,
            Self::State => DataType::U16,
            Self::Running => DataType::Bool,
            Self::Good | Self::Scrap | Self::Ticks => DataType::U32,
            Self::Product | Self::Order => DataType::Text(16),
        }
    }

    const fn fits(self, data_type: DataType) -> bool {
        match self {
            Self::Running => matches!(data_type, DataType::Bool),
            Self::Product | Self::Order => matches!(data_type, DataType::Text(_)),
            _ => data_type.is_number(),
        }
    }
}

pub(super) fn check(raw: RawMachine, faults: &mut Collector) -> Machine {
    let place = format!("machine `{}`", raw.name);
    faults.name(&place, &raw.name, 48);
    let cycle = faults.duration(
        &format!("{place}.cycle"),
        raw.cycle.as_deref(),
        Duration::from_secs(2),
    );
    if cycle < Duration::from_millis(1) {
        faults.add(&format!("{place}.cycle"), "must be at least 1ms");
    }
    let production = Production {
        cycle: cycle.max(Duration::from_millis(1)),
        scrap_rate: faults.number(
            &format!("{place}.scrap_rate"),
            raw.scrap_rate,
            0.01,
            0.0..=1.0,
        ),
        products: raw
            .products
            .filter(|list| !list.is_empty())
            .unwrap_or_else(|| vec!["P-100".to_owned()]),
        states: raw
            .states
            .map(|states| state_times(&place, &states, faults)),
    };
    let mut signals: Vec<Signal> = raw
        .signal
        .iter()
        .map(|one| signal(&place, one, faults))
        .collect();
    unique(signals.iter().map(|one| one.name.as_str()), &place, faults);
    let wishes: Vec<Wish> = raw
        .signal
        .iter()
        .zip(&signals)
        .map(|(written, one)| Wish {
            data_type: one.data_type,
            place: written.address.as_ref().map(|_| one.place),
        })
        .collect();
    for (one, place_or_fault) in signals.iter_mut().zip(layout::assign(&wishes)) {
        match place_or_fault {
            Ok(assigned) => one.place = assigned,
            Err(what) => faults.add(&format!("{place} signal `{}`", one.name), &what),
        }
    }
    followed_setpoints(&place, &signals, faults);
    Machine {
        name: raw.name,
        production,
        signals,
    }
}

fn state_times(place: &str, raw: &RawStates, faults: &mut Collector) -> StateTimes {
    let mut seconds = |key: &str, text: Option<&str>| {
        faults
            .duration(&format!("{place}.states.{key}"), text, Duration::ZERO)
            .as_secs_f64()
    };
    let times = StateTimes {
        running_s: seconds("running", Some(&raw.running)),
        idle_s: seconds("idle", raw.idle.as_deref()),
        changeover_s: seconds("changeover", raw.changeover.as_deref()),
        down_s: seconds("down", raw.down.as_deref()),
    };
    if times.running_s <= 0.0 {
        faults.add(&format!("{place}.states.running"), "must be above 0");
    }
    times
}

fn signal(machine: &str, raw: &RawSignal, faults: &mut Collector) -> Signal {
    let place = format!("{machine} signal `{}`", raw.name);
    faults.name(&place, &raw.name, 64);
    let kind = faults.choice(
        &format!("{place}.kind"),
        raw.kind.as_deref(),
        Kind::Analog,
        &KINDS,
    );
    let data_type = raw.r#type.as_deref().map_or(kind.default_type(), |name| {
        DataType::parse(name).unwrap_or_else(|| {
            let what = format!("`{name}` is unknown; allowed: bool, u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32, string:1 to string:30");
            faults.add(&format!("{place}.type"), &what);
            kind.default_type()
        })
    });
    if !kind.fits(data_type) {
        faults.add(
            &format!("{place}.type"),
            &format!("{} does not fit this kind", data_type.name()),
        );
    }
    if data_type == DataType::Bool && !kind.fits(data_type) {
        faults.add(&place, "a bool shows kind = \"running\"");
    }
    let scale = raw.scale.unwrap_or(1.0);
    if scale == 0.0 || !scale.is_finite() {
        faults.add(&format!("{place}.scale"), "must not be 0");
    }
    let address = raw.address.as_deref().and_then(|text| {
        let parsed = Place::parse(text);
        if parsed.is_none() {
            faults.add(
                &format!("{place}.address"),
                &format!(
                    "`{text}` is no address; write e.g. \"holding:100\", \"input:7.5\", \"coil:3\""
                ),
            );
        }
        parsed
    });
    Signal {
        name: raw.name.clone(),
        description: raw.description.clone(),
        unit: raw.unit.clone(),
        data_type,
        order: faults.choice(
            &format!("{place}.order"),
            raw.order.as_deref(),
            ByteOrder::Abcd,
            &ByteOrder::ALL,
        ),
        place: address.unwrap_or(Place {
            table: Table::Holding,
            address: 0,
            bit: None,
        }),
        scale,
        offset: raw.offset.unwrap_or(0.0),
        behaviour: behaviour(&place, kind, raw, faults),
        detect: raw.detect,
        advice: raw.advice.clone(),
    }
}

fn behaviour(place: &str, kind: Kind, raw: &RawSignal, faults: &mut Collector) -> Behaviour {
    let start = raw.start.unwrap_or(0);
    match kind {
        Kind::Analog => Behaviour::Analog(analog(place, raw, faults)),
        Kind::Setpoint => Behaviour::Setpoint {
            value: raw.mean.unwrap_or(0.0),
        },
        Kind::State => Behaviour::State,
        Kind::Running => Behaviour::Running,
        Kind::Good => Behaviour::Good { start },
        Kind::Scrap => Behaviour::Scrap { start },
        Kind::Product => Behaviour::Product,
        Kind::Order => Behaviour::Order,
        Kind::Ticks => Behaviour::Ticks,
    }
}

fn analog(place: &str, raw: &RawSignal, faults: &mut Collector) -> Analog {
    let mut number = |key: &str, value, default, allowed| {
        faults.number(&format!("{place}.{key}"), value, default, allowed)
    };
    let all = f64::MIN..=f64::MAX;
    let positive = 0.0..=f64::MAX;
    let mean = number("mean", raw.mean, 0.0, all.clone());
    let sigma = number("sigma", raw.sigma, 0.0, positive.clone());
    let phi = number("phi", raw.phi, 0.0, 0.0..=0.999_999);
    let daily_amplitude = number(
        "daily_amplitude",
        raw.daily_amplitude,
        0.0,
        positive.clone(),
    );
    let quantum = number("quantum", raw.quantum, 0.0, positive.clone());
    let amplitude = number("cycle_amplitude", raw.cycle_amplitude, 0.0, positive);
    let shape = faults.choice(
        &format!("{place}.cycle_shape"),
        raw.cycle_shape.as_deref(),
        CycleShape::Sine,
        &SHAPES,
    );
    Analog {
        mean,
        sigma,
        phi,
        waveform: (amplitude > 0.0).then_some(Waveform { shape, amplitude }),
        daily_amplitude,
        quantum,
        idle_mean: raw.idle_mean,
        setpoint: raw.setpoint.clone(),
    }
}

/// A signal can follow only a setpoint of its own machine.
fn followed_setpoints(place: &str, signals: &[Signal], faults: &mut Collector) {
    for one in signals {
        let Behaviour::Analog(Analog {
            setpoint: Some(name),
            ..
        }) = &one.behaviour
        else {
            continue;
        };
        let known = signals.iter().any(|other| {
            other.name == *name && matches!(other.behaviour, Behaviour::Setpoint { .. })
        });
        if !known {
            faults.add(
                &format!("{place} signal `{}`.setpoint", one.name),
                &format!("`{name}` is no setpoint of this machine"),
            );
        }
    }
}
