//! What becomes of figures that were stated when something is said of their shift later.

use std::collections::BTreeMap;

use super::gather;
use super::intake::Said;
use super::plant::Plant;
use super::stored::{StatementV2, StopV1};
use crate::config::WorkUnit;
use crate::model::Timestamp;
use crate::production::atoms::{Atom, AtomKey};
use crate::production::calendar::{Calendar, ShiftInstance};
use crate::production::reason::{ReasonEditError, in_time};
use crate::production::restate::{Cause, late_rejects, restate};
use crate::production::stored::AtomsV1;

/// `new` with the revisions that follow those of `old`.
pub(super) fn revised(old: &StatementV2, new: StatementV2) -> Option<StatementV2> {
    let before = old.atoms.read().unwrap_or_default();
    let before: BTreeMap<&AtomKey, &Atom> = before.iter().map(|atom| (&atom.key, atom)).collect();
    let next = |atom: Atom| {
        let Some(old) = before.get(&atom.key) else {
            return atom;
        };
        match restate(old, atom, Cause::Facts) {
            Ok(Some(restated)) => restated.atom,
            Ok(None) | Err(_) => (*old).clone(),
        }
    };
    let atoms: Vec<Atom> = new.atoms.read().ok()?.into_iter().map(next).collect();
    Some(StatementV2 {
        atoms: AtomsV1::from(atoms.as_slice()),
        ..new
    })
}

/// Why a reason cannot be written to what was stated.
pub(super) fn refusal(
    plant: &Plant<'_>,
    stated: &StatementV2,
    said: &Said,
) -> Option<ReasonEditError> {
    let is_stop = |stop: &StopV1| stop.start_ns == said.of.as_nanos();
    if !said.is_reason {
        return None;
    }
    if !stated.stops.iter().any(is_stop) {
        return Some(ReasonEditError::NoStop(said.of));
    }
    in_time(said.of, said.at, plant.config.production.reasons_editable).err()
}

/// What can still be changed once the samples are gone; none where what was stated cannot be read.
pub(super) fn amended(
    plant: &Plant<'_>,
    (unit, calendar): (&WorkUnit, &Calendar),
    (shift, old): (&ShiftInstance, &StatementV2),
) -> Option<StatementV2> {
    let mut atoms = old.atoms.read().ok()?;
    let mut booked = old.booked.clone();
    for late in gather::late_rejects(plant, unit, (calendar, shift.credit)) {
        if booked.contains(&late.id) {
            continue;
        }
        if let Ok(restated) = late_rejects(&atoms, &late.rejects) {
            let own = atoms.iter_mut().find(|atom| atom.key == restated.atom.key);
            if let Some(atom) = own {
                *atom = restated.atom;
            }
            booked.push(late.id);
        }
    }
    let mut stops = old.stops.clone();
    let editable = plant.config.production.reasons_editable;
    for (at, name, said) in &plant.reasons {
        if in_time(Timestamp::from_nanos(said.stop_start_ns), *at, editable).is_err() {
            continue;
        }
        let stop = stops
            .iter_mut()
            .find(|stop| stop.start_ns == said.stop_start_ns);
        if let Some(stop) = stop.filter(|_| *name == unit.name) {
            stop.reason.clone_from(&said.reason);
        }
    }
    Some(StatementV2 {
        atoms: AtomsV1::from(atoms.as_slice()),
        stops,
        booked,
        ..old.clone()
    })
}

/// Whether some ideal cycle of a shift that begins at `start` is another now than when it was stated.
pub(super) fn has_other_ideals(plant: &Plant<'_>, start: Timestamp, stated: &StatementV2) -> bool {
    let atoms = stated.atoms.atoms.iter();
    let mut made = atoms.filter_map(|atom| Some((atom.product.as_deref()?, atom.ideal)));
    made.any(|(product, stated)| {
        let now = plant.catalogue.ideal(product, start);
        let differs = |now: f64, stated: f64| (now - stated).abs() > f64::EPSILON * now;
        match (now, stated) {
            (Some(now), Some((_, stated))) => differs(now.pru_s, stated),
            (now, stated) => now.is_some() != stated.is_some(),
        }
    })
}
