//! Which registers are read together, and what has been learned about the ones a device refuses. Pure.
//!
//! The planner sorts a group's values by table and address and merges neighbours into blocks: values are never
//! torn over two requests, unused registers are read along up to the device's `max_gap`, no block is longer than
//! the device allows.
//!
//! A device answers a block that touches one address it does not have with an exception for the whole block. The
//! plan then learns: the block is split in halves until the address stands alone ([`Plan::refuse`]), and that one
//! is set aside and tried again later: after 5 s, then twice as long each time up to 5 min. An address that
//! answers again means that the device has changed, and everything learned is forgotten. Splits are remembered
//! for an hour and then tried merged again, so that one bad moment of a device does not leave ten years of single
//! reads behind.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::config::ModbusTable;
use crate::model::Mono;

/// Most registers in one answer: Modbus Application Protocol V1.1b3, §6.3.
pub const REGISTERS_MAX: u16 = 125;
/// First delay before a refused address is tried again.
pub const RETRY_MIN: Duration = Duration::from_secs(5);
/// Longest delay between two tries of a refused address.
pub const RETRY_MAX: Duration = Duration::from_mins(5);
/// How long a split is remembered.
pub const RELEARN: Duration = Duration::from_hours(1);

/// Adjacent registers (or bits) of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Which table.
    pub table: ModbusTable,
    /// First address.
    pub start: u16,
    /// How many, at least 1.
    pub count: u16,
}

impl Span {
    /// The address behind the last one.
    pub fn end(self) -> u32 {
        u32::from(self.start) + u32::from(self.count)
    }

    /// Whether the addresses are single bits.
    pub const fn is_bits(self) -> bool {
        matches!(self.table, ModbusTable::Coil | ModbusTable::Discrete)
    }

    /// Whether all of `other` is in `self`.
    pub fn contains(self, other: Self) -> bool {
        self.table == other.table && self.start <= other.start && other.end() <= self.end()
    }

    /// Everything from the start of `self` to the end of either; `None` for different tables.
    fn joined(self, next: Self) -> Option<Self> {
        let count = self.end().max(next.end()) - u32::from(self.start);
        (self.table == next.table).then_some(Self {
            count: u16::try_from(count).ok()?,
            ..self
        })
    }
}

/// `holding:120`, or `holding:120-121` for several.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = match self.table {
            ModbusTable::Coil => "coil",
            ModbusTable::Discrete => "discrete",
            ModbusTable::Holding => "holding",
            ModbusTable::Input => "input",
        };
        write!(f, "{table}:{}", self.start)?;
        if self.count > 1 {
            write!(f, "-{}", self.end() - 1)?;
        }
        Ok(())
    }
}

/// What one request of a device may span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    registers: u16,
    gap: u16,
}

impl Limits {
    /// From the device's `max_registers` (held to 1 to 125) and `max_gap`. A bit table may span the same number
    /// of bytes: sixteen bits for each register, at most 2000.
    pub fn new(max_registers: u16, max_gap: u16) -> Self {
        Self {
            registers: max_registers.clamp(1, REGISTERS_MAX),
            gap: max_gap.min(REGISTERS_MAX),
        }
    }

    /// Most registers in one request.
    pub const fn registers(self) -> u16 {
        self.registers
    }

    fn admits(self, block: Span, next: Span) -> Option<Span> {
        let per_register = if block.is_bits() { 16 } else { 1 };
        let gap = u32::from(next.start).saturating_sub(block.end());
        let joined = block.joined(next)?;
        let near = gap <= u32::from(self.gap) * per_register;
        let short = u32::from(joined.count) <= u32::from(self.registers) * per_register;
        (near && short).then_some(joined)
    }
}

/// Values with the very same addresses, e.g. several bits of one register.
#[derive(Debug, Clone)]
struct Cell {
    span: Span,
    /// Range of [`Plan::slots`].
    slots: Range<usize>,
    /// How often in a row the device has refused it alone.
    strikes: u32,
    refusal: Option<Refusal>,
}

#[derive(Debug, Clone, Copy)]
struct Refusal {
    exception: u8,
    retry_at: Mono,
}

/// One request: `cells[first..end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// What is asked for.
    pub span: Span,
    first: usize,
    end: usize,
}

/// What became of a refused block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learned {
    /// It stands as this many blocks now, from its place on: two, or more where a value that bridged a gap for its
    /// neighbours is in the other half.
    Split {
        /// How many.
        into: usize,
    },
    /// It was a single address and is no longer in the plan; until it is tried again it is listed by
    /// [`Plan::refused`].
    SetAside,
}

/// The requests of one scan group.
#[derive(Debug, Clone)]
pub struct Plan {
    limits: Limits,
    cells: Vec<Cell>,
    slots: Vec<usize>,
    blocks: Vec<Block>,
    relearn_at: Option<Mono>,
}

impl Plan {
    /// Plans the reads of `values`: each a slot, the caller's own number for it, and where it stands. A value wider
    /// than the limits must have been refused before.
    pub fn new(values: impl IntoIterator<Item = (usize, Span)>, limits: Limits) -> Self {
        let mut sorted: Vec<(Span, usize)> = values.into_iter().map(|(s, at)| (at, s)).collect();
        sorted.sort_unstable();
        let mut plan = Self {
            limits,
            cells: Vec::new(),
            slots: sorted.iter().map(|(_, slot)| *slot).collect(),
            blocks: Vec::new(),
            relearn_at: None,
        };
        for (index, (span, _)) in sorted.into_iter().enumerate() {
            match plan.cells.last_mut() {
                Some(cell) if cell.span == span => cell.slots.end = index + 1,
                _ => plan.cells.push(Cell {
                    span,
                    slots: index..index + 1,
                    strikes: 0,
                    refusal: None,
                }),
            }
        }
        plan.merge();
        plan
    }

    /// How many requests a full read takes.
    pub const fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there is nothing to ask for.
    pub const fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The request at `index`, in order of table and address.
    pub fn block(&self, index: usize) -> Option<Block> {
        self.blocks.get(index).copied()
    }

    /// The values in a block: their slots, and how far behind the block's start they begin.
    pub fn values(&self, block: Block) -> impl Iterator<Item = (usize, usize)> + '_ {
        let cells = self.cells.get(block.first..block.end).unwrap_or_default();
        cells.iter().flat_map(move |cell| {
            let offset = usize::from(cell.span.start.saturating_sub(block.span.start));
            let slots = self.slots.get(cell.slots.clone()).unwrap_or_default();
            slots.iter().map(move |slot| (*slot, offset))
        })
    }

    /// Learns that the device refused the block at `index`. `None` when there is no such block.
    pub fn refuse(&mut self, index: usize, exception: u8, now: Mono) -> Option<Learned> {
        let block = self.block(index)?;
        if block.end - block.first < 2 {
            self.blocks.remove(index);
            self.set_aside(block.first, exception, now);
            return Some(Learned::SetAside);
        }
        let middle = block.first.midpoint(block.end);
        let mut parts = self.merged(block.first..middle);
        parts.extend(self.merged(middle..block.end));
        let into = parts.len();
        self.blocks.splice(index..=index, parts);
        self.relearn_at = Some(now.saturating_add(RELEARN));
        Some(Learned::Split { into })
    }

    /// The refused address that has been due the longest, if any is.
    pub fn due(&self, now: Mono) -> Option<Block> {
        let waiting = self.cells.iter().enumerate().filter_map(|(index, cell)| {
            let at = cell.refusal?.retry_at;
            (at <= now).then_some((at, index))
        });
        let (_, index) = waiting.min()?;
        self.alone(index)
    }

    /// Learns that the address still does not answer: refused again, or (`None`) not answered for another reason.
    pub fn postpone(&mut self, retry: Block, exception: Option<u8>, now: Mono) {
        let known = |cell: &Cell| cell.refusal.map(|refusal| refusal.exception);
        let cell = self.cells.get(retry.first);
        if let Some(exception) = exception.or_else(|| cell.and_then(known)) {
            self.set_aside(retry.first, exception, now);
        }
    }

    /// Learns that a refused address answers again: the device has changed, so everything is asked for anew.
    pub fn accept(&mut self, retry: Block) {
        if let Some(cell) = self.cells.get_mut(retry.first) {
            cell.strikes = 0;
        }
        for cell in &mut self.cells {
            cell.refusal = None;
        }
        self.merge();
    }

    /// Forgets splits that are old enough. Addresses set aside stay so.
    pub fn relearn(&mut self, now: Mono) {
        if self.relearn_at.is_some_and(|at| at <= now) {
            self.merge();
        }
    }

    /// What is set aside: the slots concerned, the address and the exception code.
    pub fn refused(&self) -> impl Iterator<Item = (&[usize], Span, u8)> {
        self.cells.iter().filter_map(|cell| {
            let slots = self.slots.get(cell.slots.clone()).unwrap_or_default();
            Some((slots, cell.span, cell.refusal?.exception))
        })
    }

    /// A single address to ask for when the block at `index` is never answered, to tell a bad block from a dead
    /// device: one of its own, by turns the first and the last, or for a single address one of another block.
    pub fn witness(&self, index: usize, turn: u32) -> Option<Block> {
        let block = self.block(index)?;
        if block.end - block.first < 2 {
            let other = self.block(usize::from(index == 0))?;
            return self.alone(other.first);
        }
        let first = turn.is_multiple_of(2);
        self.alone(if first { block.first } else { block.end - 1 })
    }

    fn alone(&self, cell: usize) -> Option<Block> {
        Some(Block {
            span: self.cells.get(cell)?.span,
            first: cell,
            end: cell + 1,
        })
    }

    fn set_aside(&mut self, cell: usize, exception: u8, now: Mono) {
        if let Some(cell) = self.cells.get_mut(cell) {
            let delay = RETRY_MIN
                .saturating_mul(1 << cell.strikes.min(10))
                .min(RETRY_MAX);
            cell.strikes = cell.strikes.saturating_add(1);
            cell.refusal = Some(Refusal {
                exception,
                retry_at: now.saturating_add(delay),
            });
        }
    }

    fn merge(&mut self) {
        self.relearn_at = None;
        self.blocks = self.merged(0..self.cells.len());
    }

    /// Blocks over those of `cells` that are not set aside; none reaches across one that is.
    fn merged(&self, cells: Range<usize>) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        for (index, cell) in cells.clone().zip(self.cells.get(cells).unwrap_or_default()) {
            if cell.refusal.is_some() {
                continue;
            }
            let last = blocks.last_mut().filter(|block| block.end == index);
            let joined = last.and_then(|block| {
                let span = self.limits.admits(block.span, cell.span)?;
                Some((block, span))
            });
            match joined {
                Some((block, span)) => {
                    block.span = span;
                    block.end = index + 1;
                }
                None => blocks.push(Block {
                    span: cell.span,
                    first: index,
                    end: index + 1,
                }),
            }
        }
        blocks
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
