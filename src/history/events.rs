//! What happened, beside what was measured: alerts, states, orders, notes.
//!
//! An event is identified by its kind, its time and its subject; writing the same again replaces it. Its content is
//! bytes with a version of their own: their owner knows their meaning.
//!
//! Texts that tags deliver (states, product codes) have no mean. Their samples are kept as long as raw samples are; each
//! change of the text is an event of kind [`EventKind::TEXT`] besides, and stays.

use redb::{ReadTransaction, ReadableTable};

use super::blob::{seal, unseal};
use super::error::Result;
use super::number::i32_of;
use super::point::{Kind, Points};
use super::series::check_length;
use super::store::Store;
use super::tables::{EVENTS, SUBJECTS, hour_start};
use crate::model::Timestamp;

/// Changes of text kept of one hour of one tag: a serial number in every sample is no state.
const TEXT_CHANGES_MAX: usize = 120;

/// What an event is about. The numbers are on disk: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKind(pub u8);

impl EventKind {
    /// An alert or a change of its state.
    pub const ALERT: Self = Self(1);
    /// An order begins or ends.
    pub const ORDER: Self = Self(5);
    /// A change of product.
    pub const PRODUCT: Self = Self(7);
    /// A person named or changed the reason of a stop.
    pub const REASON_EDIT: Self = Self(8);
    /// Who worked where.
    pub const STAFFING: Self = Self(9);
    /// The smallest accounted spans of production; replaced when they are revised.
    pub const ATOMS: Self = Self(10);
    /// A person's note.
    pub const NOTE: Self = Self(11);
    /// A tag's text changed; subject is the tag, content the text as UTF-8. Written by the history itself.
    pub const TEXT: Self = Self(255);
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub kind: EventKind,
    /// When.
    pub time: Timestamp,
    /// To what: a tag, an asset path, an order; at most 512 bytes.
    pub subject: String,
    /// Its content, with a version of its own; `None` when it is stored but damaged.
    pub content: Option<Vec<u8>>,
}

/// Which events are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// Of these kinds, in this order.
    pub kinds: Vec<EventKind>,
    /// Of this subject only.
    pub subject: Option<String>,
    /// From this moment on.
    pub from: Timestamp,
    /// Before this moment.
    pub to: Timestamp,
    /// No more than this many of each kind.
    pub limit: usize,
}

/// Writes an event, in place of one with the same kind, time and subject.
pub(super) fn put(store: &mut Store<'_>, event: &Event) -> Result<()> {
    check_length(&event.subject)?;
    let (kind, time) = (event.kind.0, event.time.as_nanos());
    let content = seal(event.content.as_deref().unwrap_or_default());
    store
        .events
        .insert((kind, time, event.subject.as_str()), content.as_slice())?;
    store
        .subjects
        .insert((kind, event.subject.as_str(), time), ())?;
    Ok(())
}

/// Removes an event; whether it was there.
pub(super) fn remove(store: &mut Store<'_>, kind: u8, time: i64, subject: &str) -> Result<bool> {
    store.subjects.remove((kind, subject, time))?;
    Ok(store.events.remove((kind, time, subject))?.is_some())
}

/// The events of a query, by kind, then by time.
pub(super) fn read(read: &ReadTransaction, query: &EventQuery) -> Result<Vec<Event>> {
    let events = read.open_table(EVENTS)?;
    let subjects = read.open_table(SUBJECTS)?;
    let (from, to) = (query.from.as_nanos(), query.to.as_nanos());
    let mut found = Vec::new();
    let event = |kind: u8, time: i64, subject: &str, content: &[u8]| Event {
        kind: EventKind(kind),
        time: Timestamp::from_nanos(time),
        subject: subject.to_owned(),
        content: unseal(content).ok().map(<[u8]>::to_vec),
    };
    for kind in query.kinds.iter().map(|kind| kind.0) {
        if from >= to {
            break;
        }
        if let Some(subject) = query.subject.as_deref() {
            let range = (kind, subject, from)..(kind, subject, to);
            for entry in subjects.range(range)?.take(query.limit) {
                let time = entry?.0.value().2;
                if let Some(content) = events.get((kind, time, subject))? {
                    found.push(event(kind, time, subject, content.value()));
                }
            }
            continue;
        }
        for entry in events
            .range((kind, from, "")..(kind, to, ""))?
            .take(query.limit)
        {
            let (key, content) = entry?;
            let (_, time, subject) = key.value();
            found.push(event(kind, time, subject, content.value()));
        }
    }
    Ok(found)
}

/// Writes the changes of text of an hour, in place of those written before.
pub(super) fn record_texts(
    store: &mut Store<'_>,
    name: &str,
    hour: i32,
    points: &Points,
) -> Result<()> {
    let kind = EventKind::TEXT.0;
    let (start, end) = (hour_start(hour), hour_start(i32_of(i64::from(hour) + 1)));
    let has_text = points.cells.iter().any(|cell| cell.kind == Kind::Text);
    let mut old = Vec::new();
    for entry in store
        .subjects
        .range((kind, name, start)..(kind, name, end))?
    {
        old.push(entry?.0.value().2);
    }
    for time in old {
        remove(store, kind, time, name)?;
    }
    if !has_text {
        return Ok(());
    }
    let mut last = None;
    let mut written = 0;
    for cell in points
        .cells
        .iter()
        .filter(|cell| cell.kind == Kind::Text && cell.quality == 0)
    {
        let text = points.text(cell);
        if text.is_none() || text == last || written == TEXT_CHANGES_MAX {
            continue;
        }
        last = text;
        written += 1;
        let event = Event {
            kind: EventKind::TEXT,
            time: Timestamp::from_nanos(cell.time),
            subject: name.to_owned(),
            content: text.map(|text| text.as_bytes().to_vec()),
        };
        put(store, &event)?;
    }
    Ok(())
}

/// Removes up to `limit` events of any kind before `floor`; how many.
pub(super) fn expire(store: &mut Store<'_>, floor: i64, limit: usize) -> Result<usize> {
    let mut old = Vec::new();
    let mut kind = 0u8;
    loop {
        let range = (kind, i64::MIN, "")..(kind, floor, "");
        for entry in store.events.range(range)?.take(limit - old.len()) {
            let key = entry?.0;
            let (_, time, subject) = key.value();
            old.push((kind, time, subject.to_owned()));
        }
        match kind.checked_add(1) {
            Some(next) if old.len() < limit => kind = next,
            _ => break,
        }
    }
    for (kind, time, subject) in &old {
        remove(store, *kind, *time, subject)?;
    }
    Ok(old.len())
}
