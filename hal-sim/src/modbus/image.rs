//! What the registers and bits of a unit hold right now.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::encode::{decode, encode};
use crate::plant::{Reading, Value};
use crate::scenario::{Behaviour, Machine, Scenario, Signal, Table, Unit};

/// Registers of one unit. Written by the plant once per tick, read by every connection.
#[derive(Debug)]
pub struct UnitImage {
    signals: Arc<[Signal]>,
    first: usize,
    registers: [Bank; 2],
    bits: [Bank; 2],
}

/// One table from its first to its last used address.
#[derive(Debug, Default)]
struct Bank {
    start: u16,
    /// Values; bits are 0 or 1.
    words: Vec<u16>,
    used: Vec<bool>,
}

impl Bank {
    fn covering(places: impl Iterator<Item = (u16, u16)> + Clone) -> Self {
        let start = places
            .clone()
            .map(|(address, _)| address)
            .min()
            .unwrap_or(0);
        let end = places
            .clone()
            .map(|(address, count)| usize::from(address) + usize::from(count))
            .max()
            .unwrap_or(0);
        let len = end.saturating_sub(usize::from(start));
        let mut bank = Self {
            start,
            words: vec![0; len],
            used: vec![false; len],
        };
        for (address, count) in places {
            let from = usize::from(address - start);
            for used in bank.used.iter_mut().skip(from).take(usize::from(count)) {
                *used = true;
            }
        }
        bank
    }

    /// The words of a range, if every one of them is used.
    fn range(&self, address: u16, count: u16) -> Option<&[u16]> {
        let from = usize::from(address.checked_sub(self.start)?);
        let range = from..from + usize::from(count);
        let used = self.used.get(range.clone())?;
        if used.iter().all(|used| *used) {
            self.words.get(range)
        } else {
            None
        }
    }

    fn write(&mut self, address: u16, values: impl Iterator<Item = u16>) {
        let Some(from) = address.checked_sub(self.start) else {
            return;
        };
        for (word, value) in self.words.iter_mut().skip(usize::from(from)).zip(values) {
            *word = value;
        }
    }

    fn set_bit(&mut self, address: u16, bit: u8, on: bool) {
        let Some(from) = address.checked_sub(self.start) else {
            return;
        };
        if let Some(word) = self.words.get_mut(usize::from(from)) {
            *word = if on {
                *word | 1 << bit
            } else {
                *word & !(1 << bit)
            };
        }
    }
}

impl UnitImage {
    /// The image of a machine whose first signal has this number.
    pub fn new(first: usize, machine: &Machine) -> Self {
        let bank = |table: Table| {
            Bank::covering(
                machine
                    .signals
                    .iter()
                    .filter(move |signal| signal.place.table == table)
                    .map(|signal| (signal.place.address, signal.data_type.registers())),
            )
        };
        Self {
            signals: machine.signals.clone().into(),
            first,
            registers: [bank(Table::Holding), bank(Table::Input)],
            bits: [bank(Table::Coil), bank(Table::Discrete)],
        }
    }

    fn bank(&self, table: Table) -> &Bank {
        let [holding, input] = &self.registers;
        let [coil, discrete] = &self.bits;
        match table {
            Table::Holding => holding,
            Table::Input => input,
            Table::Coil => coil,
            Table::Discrete => discrete,
        }
    }

    fn bank_mut(&mut self, table: Table) -> &mut Bank {
        let [holding, input] = &mut self.registers;
        let [coil, discrete] = &mut self.bits;
        match table {
            Table::Holding => holding,
            Table::Input => input,
            Table::Coil => coil,
            Table::Discrete => discrete,
        }
    }

    /// Shows the plant's readings; `adjust` is what the unit's own faults make of each.
    pub fn update(&mut self, readings: &[Reading], adjust: impl Fn(&Reading) -> Reading) {
        let signals = Arc::clone(&self.signals);
        let first = self.first;
        for (signal, reading) in signals.iter().zip(readings.iter().skip(first)) {
            let reading = adjust(reading);
            let place = signal.place;
            if let (Some(bit), Value::Flag(on)) = (place.bit, &reading.value) {
                self.bank_mut(place.table).set_bit(place.address, bit, *on);
            } else {
                let raw = encode(signal, &reading);
                self.bank_mut(place.table)
                    .write(place.address, raw.registers());
            }
        }
    }

    /// The words of a range; none if an address in it is used by no signal.
    pub fn read(&self, table: Table, address: u16, count: u16) -> Option<&[u16]> {
        self.bank(table).range(address, count)
    }

    /// Writes words and returns the setpoints (number of the signal, value) that they change; none
    /// if an address in the range belongs to no setpoint or the words make no number.
    pub fn write(
        &mut self,
        table: Table,
        address: u16,
        words: &[u16],
    ) -> Option<Vec<(usize, f64)>> {
        let count = u16::try_from(words.len()).ok()?;
        let end = address.checked_add(count.checked_sub(1)?)?;
        if !(address..=end).all(|one| self.setpoint_at(table, one)) {
            return None;
        }
        let before: Vec<u16> = self.read(table, address, count)?.to_vec();
        self.bank_mut(table).write(address, words.iter().copied());
        let changed = self.changed(table, address..=end);
        if changed.is_none() {
            self.bank_mut(table).write(address, before.into_iter());
        }
        changed
    }

    fn setpoint_at(&self, table: Table, address: u16) -> bool {
        self.signals.iter().any(|signal| {
            is_writable(signal)
                && signal.place.table == table
                && span(signal).contains(&u32::from(address))
        })
    }

    fn changed(
        &self,
        table: Table,
        range: std::ops::RangeInclusive<u16>,
    ) -> Option<Vec<(usize, f64)>> {
        let touched = |signal: &Signal| {
            let span = span(signal);
            is_writable(signal)
                && signal.place.table == table
                && span.start <= u32::from(*range.end())
                && span.end > u32::from(*range.start())
        };
        let all = self
            .signals
            .iter()
            .enumerate()
            .filter(|(_, signal)| touched(signal));
        all.map(|(index, signal)| {
            let place = signal.place;
            let words = self.read(table, place.address, signal.data_type.registers())?;
            let value = decode(signal, words).filter(|value| value.is_finite())?;
            Some((self.first + index, value))
        })
        .collect()
    }
}

fn is_writable(signal: &Signal) -> bool {
    matches!(signal.behaviour, Behaviour::Setpoint { .. }) && signal.place.table.is_writable()
}

fn span(signal: &Signal) -> std::ops::Range<u32> {
    let start = u32::from(signal.place.address);
    start..start + u32::from(signal.data_type.registers())
}

/// A unit's image, shared between the plant and the connections. Locked for a copy only.
#[derive(Debug, Clone)]
pub struct SharedImage(Arc<RwLock<UnitImage>>);

impl SharedImage {
    /// The image of a unit; none if its machine is not in the scenario.
    pub fn new(scenario: &Scenario, unit: &Unit) -> Option<Self> {
        let (first, machine) = scenario.machine(&unit.machine)?;
        Some(Self(Arc::new(RwLock::new(UnitImage::new(first, machine)))))
    }

    /// Locks it for reading. A writer that panicked leaves registers, not invariants, so the lock's
    /// poison is ignored.
    pub fn read(&self) -> RwLockReadGuard<'_, UnitImage> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks it for writing.
    pub fn write(&self) -> RwLockWriteGuard<'_, UnitImage> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
