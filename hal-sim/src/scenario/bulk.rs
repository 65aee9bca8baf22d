//! `[[bulk]]`: many similar machines from a few lines.
//!
//! Machine `n` is `<prefix><n>` and is served by the named server. Its first signals are a state code
//! and a good-parts counter; the rest are quantities whose kind, level, noise and resolution go round a
//! small table, so that a plant of 10,000 signals still looks like one.

use super::check::Collector;
use super::raw::{RawBulk, RawMachine, RawScenario, RawSignal, RawUnit};

/// Most machines times signals of one block.
const MAX_SIGNALS: u32 = 100_000;

/// A kind of quantity: name, unit, level, standard deviation, autocorrelation, resolution.
type Pattern = (&'static str, &'static str, f64, f64, f64, f64);

const PATTERNS: [Pattern; 8] = [
    ("temperature", "degC", 65.0, 0.6, 0.7, 0.1),
    ("pressure", "bar", 6.2, 0.05, 0.3, 0.01),
    ("flow", "l/min", 120.0, 1.5, 0.4, 0.1),
    ("current", "A", 14.0, 0.4, 0.1, 0.01),
    ("vibration", "mm/s", 2.8, 0.12, 0.0, 0.001),
    ("level", "%", 55.0, 0.8, 0.8, 0.1),
    ("speed", "1/min", 1450.0, 4.0, 0.2, 1.0),
    ("torque", "Nm", 38.0, 0.9, 0.1, 0.01),
];

/// Turns every `[[bulk]]` into machines and hangs them on their servers.
pub(super) fn expand(raw: &mut RawScenario, faults: &mut Collector) {
    for bulk in std::mem::take(&mut raw.bulk) {
        let place = format!("bulk `{}`", bulk.prefix);
        let total = bulk.machines.checked_mul(bulk.signals);
        if !total.is_some_and(|count| (1..=MAX_SIGNALS).contains(&count)) {
            faults.add(
                &place,
                &format!("machines times signals must be 1 to {MAX_SIGNALS}"),
            );
            continue;
        }
        for number in 1..=bulk.machines {
            let machine = machine(&bulk, number);
            attach(raw, &bulk, number, &machine.name, faults);
            raw.machine.push(machine);
        }
    }
}

fn attach(
    raw: &mut RawScenario,
    bulk: &RawBulk,
    number: u32,
    machine: &str,
    faults: &mut Collector,
) {
    let place = format!("bulk `{}`", bulk.prefix);
    if let Some(server) = raw
        .opcua
        .iter_mut()
        .find(|server| server.name == bulk.server)
    {
        server.machines.push(machine.to_owned());
        return;
    }
    let Some(server) = raw
        .modbus
        .iter_mut()
        .find(|server| server.name == bulk.server)
    else {
        if number == 1 {
            faults.add(&place, &format!("server `{}` does not exist", bulk.server));
        }
        return;
    };
    let id = u32::from(bulk.first_unit.unwrap_or(1)) + number - 1;
    match u8::try_from(id) {
        Ok(id) => server.unit.push(RawUnit {
            id,
            machine: machine.to_owned(),
            device: None,
            max_registers: None,
        }),
        Err(_) => faults.add(&place, &format!("unit id {id} of `{machine}` is above 255")),
    }
}

fn machine(bulk: &RawBulk, number: u32) -> RawMachine {
    RawMachine {
        name: format!("{}{number}", bulk.prefix),
        cycle: None,
        scrap_rate: None,
        products: None,
        states: None,
        signal: (0..bulk.signals).map(|index| signal(bulk, index)).collect(),
    }
}

fn signal(bulk: &RawBulk, index: u32) -> RawSignal {
    match index {
        0 => fixed("state", "state"),
        1 => fixed("good", "good"),
        _ => quantity(bulk, index - 2),
    }
}

fn fixed(name: &str, kind: &str) -> RawSignal {
    RawSignal {
        name: name.to_owned(),
        kind: Some(kind.to_owned()),
        ..RawSignal::default()
    }
}

fn quantity(bulk: &RawBulk, index: u32) -> RawSignal {
    let turn = |count: usize| usize::try_from(index).unwrap_or(0) % count.max(1);
    let pick = |list: &Option<Vec<String>>| {
        list.as_ref()
            .and_then(|list| list.get(turn(list.len())).cloned())
    };
    let (name, unit, mean, sigma, phi, quantum) =
        *PATTERNS.get(turn(PATTERNS.len())).unwrap_or(&PATTERNS[0]);
    let data_type = pick(&bulk.types);
    // A float carries the quantity itself; whatever counts in steps carries multiples of its resolution.
    let is_float = data_type
        .as_deref()
        .is_none_or(|name| name.starts_with('f'));
    RawSignal {
        name: format!("{name}{}", index / 8 + 1),
        unit: unit.to_owned(),
        r#type: data_type,
        order: pick(&bulk.orders),
        scale: (!is_float).then_some(quantum),
        mean: Some(mean),
        sigma: Some(sigma),
        phi: Some(phi),
        quantum: Some(quantum),
        detect: bulk.detect,
        ..RawSignal::default()
    }
}
