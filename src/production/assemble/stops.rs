//! Reasons of stops, as the machine gave them and as operators corrected them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::reason::{ReasonEdit, ReasonEditError, ReasonRevision, revise};
use super::super::state::Category;
use super::super::time_model::Interval;
use super::facts::Settings;
use crate::model::Timestamp;

/// What became of the edits.
#[derive(Debug, Default)]
pub(super) struct Edited {
    pub(super) revisions: Vec<ReasonRevision>,
    pub(super) refused: Vec<(ReasonEdit, ReasonEditError)>,
}

/// Applies `edits` in order of when they were said, then gives every interval the category of its reason.
pub(super) fn apply_reasons(
    intervals: &mut [Interval],
    edits: &[ReasonEdit],
    settings: &Settings<'_>,
) -> Edited {
    let places: BTreeMap<Timestamp, usize> = intervals
        .iter()
        .enumerate()
        .filter(|(_, interval)| interval.category != Category::Run)
        .map(|(place, interval)| (interval.span.start, place))
        .collect();
    let mut numbers: BTreeMap<Timestamp, u32> = BTreeMap::new();
    let mut edited = Edited::default();
    let mut sorted: Vec<&ReasonEdit> = edits.iter().collect();
    sorted.sort_by_key(|edit| edit.at);
    for edit in sorted {
        let place = places.get(&edit.stop_start);
        let Some(interval) = place.and_then(|place| intervals.get_mut(*place)) else {
            let error = ReasonEditError::NoStop(edit.stop_start);
            edited.refused.push((edit.clone(), error));
            continue;
        };
        let number = numbers.entry(edit.stop_start).or_default();
        let before = (*number, interval.reason.as_ref());
        match revise(edit, before, settings.reasons, settings.reason_editable) {
            Ok(revision) => {
                *number = revision.revision;
                interval.reason.clone_from(&revision.new);
                edited.revisions.push(revision);
            }
            Err(error) => edited.refused.push((edit.clone(), error)),
        }
    }
    for interval in intervals {
        let reason = interval.reason.as_ref();
        let category = reason.and_then(|reason| category(settings, reason));
        interval.category = category.unwrap_or(interval.category);
    }
    edited
}

fn category(settings: &Settings<'_>, reason: &Arc<str>) -> Option<Category> {
    settings.reasons.and_then(|tree| tree.category(reason))
}
