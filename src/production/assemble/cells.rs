//! Times and pieces, gathered by segment and summed by key.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::atoms::{Atom, AtomKey, Mark};
use super::super::calendar::{ShiftInstance, ShiftKey};
use super::super::counter::{Counted, is_counted_in};
use super::super::elements::{Element, Elements, Output};
use super::super::restate::{RestateError, book, origin};
use super::super::span::{Span, union};
use super::super::state::Category;
use super::super::time_model::{Interval, TimeModel};
use super::attribute::{Attribution, Share};
use super::build::{Assembled, Unscheduled};
use super::facts::{Facts, MainCounter};
use super::pieces::{CounterKind, Pieces};
use super::segments::Segment;
use crate::model::Timestamp;

/// Times and pieces by segment, then by key.
pub(super) struct Cells<'a> {
    segments: &'a [Segment<'a>],
    main_counts: MainCounter,
    atoms: BTreeMap<AtomKey, Atom>,
    /// Key of each segment; `None` outside the window and the shifts.
    keys: Vec<Option<AtomKey>>,
    outputs: Vec<Output>,
    marks: Vec<Vec<Mark>>,
    unscheduled: Unscheduled,
    blocks: Vec<Counted>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(
        facts: &Facts<'_>,
        segments: &'a [Segment<'a>],
        shifts: &[ShiftInstance],
    ) -> Self {
        let mut cells = Self {
            segments,
            main_counts: facts.counts.main_counts,
            atoms: BTreeMap::new(),
            keys: Vec::with_capacity(segments.len()),
            outputs: vec![Output::default(); segments.len()],
            marks: vec![Vec::new(); segments.len()],
            unscheduled: Unscheduled::default(),
            blocks: Vec::new(),
        };
        for segment in segments {
            let shift = segment.shift.and_then(|place| shifts.get(place));
            let key = shift.filter(|_| segment.is_inside).map(|shift| AtomKey {
                unit: facts.unit.clone(),
                shift: shift.key.clone(),
                product: segment.allocation.and_then(|a| a.product.clone()),
                order: segment.allocation.and_then(|a| a.order.clone()),
            });
            if let Some((key, shift)) = key.as_ref().zip(shift) {
                cells.open(key, shift, segment, facts.window);
            }
            cells.keys.push(key);
        }
        cells
    }

    /// The atom of a segment, made when it is the first of its key.
    fn open(&mut self, key: &AtomKey, shift: &ShiftInstance, segment: &Segment<'_>, window: Span) {
        let atom = self.atoms.entry(key.clone()).or_insert_with(|| Atom {
            key: key.clone(),
            production_day: shift.production_day,
            credit: shift.credit,
            elements: Elements::default(),
            output: Output::default(),
            ideal: None,
            revision: 1,
            marks: BTreeSet::new(),
        });
        if shift.credit.clip(&window) != shift.credit {
            atom.marks.insert(Mark::Partial);
        }
        let ideal = segment.ideal.map(|ideal| (ideal.version, ideal.pru_s));
        if atom.ideal.is_some() && ideal != atom.ideal {
            atom.marks.insert(Mark::MixedIdeal);
        }
        atom.ideal = ideal.or(atom.ideal);
    }

    pub(super) fn add_times(&mut self, model: &TimeModel) {
        let mut place = 0;
        for piece in &model.pieces {
            if piece.element == Element::Unscheduled {
                let run = &mut self.unscheduled.run;
                *run = run.saturating_add(piece.span.length());
                continue;
            }
            while self.segment_is_before(place, piece.span.start) {
                place += 1;
            }
            let parts = self.segments.iter().zip(&self.keys).skip(place);
            for (segment, key) in parts.take_while(|(s, _)| s.span.start < piece.span.end) {
                let part = segment.span.clip(&piece.span);
                if let Some(atom) = key.as_ref().and_then(|key| self.atoms.get_mut(key)) {
                    atom.elements.add(piece.element, part.length());
                }
            }
        }
    }

    fn segment_is_before(&self, place: usize, time: Timestamp) -> bool {
        self.segments.get(place).is_some_and(|s| s.span.end <= time)
    }

    pub(super) fn add_pieces(
        &mut self,
        pieces: &Pieces,
        intervals: &[Interval],
        startups: &[Span],
        gap: Duration,
    ) {
        let runs = intervals.iter().filter(|i| i.category == Category::Run);
        let runs = union(&runs.map(|i| i.span).collect::<Vec<_>>());
        for (kind, list) in [
            (CounterKind::Main, &pieces.main),
            (CounterKind::Scrap, &pieces.scrap),
            (CounterKind::Rework, &pieces.rework),
        ] {
            let mut attribution = Attribution::new(self.segments, &runs, gap);
            for counted in list {
                let is_startup = kind != CounterKind::Main && is_counted_in(startups, counted);
                attribution.share(counted, |share| self.book(kind, share, is_startup, counted));
            }
        }
    }

    fn book(&mut self, kind: CounterKind, share: Share, is_startup: bool, counted: &Counted) {
        let segment = self.segments.get(share.segment);
        let output = self.outputs.get_mut(share.segment);
        let (Some(segment), Some(output)) = (segment, output) else {
            return;
        };
        let pru = segment.ideal.map(|ideal| ideal.pru_s);
        let is_good_only = self.main_counts == MainCounter::Good;
        let mut part = match kind {
            CounterKind::Main => Output::of(pru, share.pieces, 0.0, 0.0),
            CounterKind::Scrap if is_good_only => Output::of(pru, share.pieces, share.pieces, 0.0),
            CounterKind::Scrap => Output::of(pru, 0.0, share.pieces, 0.0),
            CounterKind::Rework if is_good_only => Output::of(pru, share.pieces, 0.0, share.pieces),
            CounterKind::Rework => Output::of(pru, 0.0, 0.0, share.pieces),
        };
        if is_startup {
            part.startup = share.pieces;
            part.startup_s = pru.map_or(0.0, |pru| pru * share.pieces);
        }
        *output += &part;
        if let Some(marks) = self.marks.get_mut(share.segment) {
            let add = [
                (share.is_split, Mark::Interpolated),
                (share.is_block, Mark::Block),
            ];
            for (is, mark) in add {
                if is && !marks.contains(&mark) {
                    marks.push(mark);
                }
            }
        }
        if share.is_block && segment.is_inside {
            self.blocks.push(*counted);
        }
    }

    pub(super) fn mark(&mut self, at: Timestamp, mark: Mark) {
        let place = self.segments.partition_point(|s| s.span.end < at);
        self.marks
            .get_mut(place)
            .into_iter()
            .for_each(|m| m.push(mark));
    }

    pub(super) fn finish(mut self, facts: &Facts<'_>) -> Assembled {
        let parts = self.segments.iter().zip(&self.keys);
        for ((segment, key), (output, marks)) in parts.zip(self.outputs.iter().zip(&self.marks)) {
            match key.as_ref().and_then(|key| self.atoms.get_mut(key)) {
                Some(atom) => {
                    atom.output += output;
                    atom.marks.extend(marks);
                }
                None if segment.is_inside => self.unscheduled.output += output,
                None => {}
            }
        }
        let refused = self.book_late(facts);
        let mut atoms: Vec<Atom> = self.atoms.into_values().collect();
        atoms.retain(|a| !a.elements.pot().is_zero() || a.output != Output::default());
        Assembled {
            atoms,
            unscheduled: self.unscheduled,
            blocks: self.blocks,
            refused_rejects: refused,
            ..Assembled::default()
        }
    }
    /// Books the late rejects of the shifts in the window; those that cannot be, and why.
    fn book_late(&mut self, facts: &Facts<'_>) -> Vec<(usize, RestateError)> {
        if facts.late_rejects.is_empty() {
            return Vec::new();
        }
        let shifts = facts
            .calendar
            .instances(facts.window.start, facts.window.end);
        let shifts: BTreeSet<ShiftKey> = shifts.map(|shift| shift.key).collect();
        let all = facts.late_rejects.iter().enumerate();
        let own = all.filter(|(_, late)| {
            late.origin.unit == *facts.unit && shifts.contains(&late.origin.shift)
        });
        let mut refused = Vec::new();
        for (place, late) in own {
            let origin = origin(self.atoms.values(), late).map(|atom| atom.key.clone());
            let booked = origin.and_then(|key| match self.atoms.get_mut(&key) {
                Some(atom) => book(atom, late),
                None => Ok(()),
            });
            if let Err(why) = booked {
                refused.push((place, why));
            }
        }
        refused
    }
}
