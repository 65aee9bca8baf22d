//! Deleting what is older than it is kept, and the clock that says so.

use std::time::Duration;

use super::calendar::Calendar;
use super::error::{Result, guarded};
use super::settings::Retention;
use super::store::Store;
use super::tables::{self, META, Marks, Tier, hour_of};
use super::upkeep::{FUTURE_NANOS, LEAP_NANOS, Maintained};
use super::writer::Writer;
use crate::model::Timestamp;

impl Writer {
    /// Moves the marks and deletes what lies before them.
    pub(super) fn expire(&mut self, now: Timestamp, series: usize) -> Result<Maintained> {
        self.move_marks(now)?;
        let Some(from) = self.upkeep.sweep else {
            return Ok(Maintained::default());
        };
        let numbers: Vec<u32> = self
            .registry
            .numbers()
            .filter(|n| *n >= from)
            .take(series)
            .collect();
        let write = self.db.begin_write()?;
        let mut expired = 0;
        let mut events = 0;
        {
            let mut store = Store::open(&write)?;
            for (number, tier) in numbers
                .iter()
                .flat_map(|n| Tier::ALL.map(|tier| (*n, tier)))
            {
                let old = (tier as u8, number, i32::MIN, i32::MIN)
                    ..(tier as u8, number, self.marks.floor(tier), i32::MIN);
                let floor = self.marks.floor(tier);
                let gone = store
                    .chunks
                    .extract_from_if(old.clone(), |key, _| key.3 <= floor)?;
                for chunk in gone {
                    chunk?;
                    expired += 1;
                }
                store.damage.retain_in(old, |key, ()| key.3 > floor)?;
            }
            if self.marks.events > i64::MIN {
                events = super::events::expire(&mut store, self.marks.events, series)?;
            }
        }
        write.commit()?;
        self.upkeep.sweep = match numbers.last() {
            Some(last) if numbers.len() == series => last.checked_add(1),
            _ if events == series => Some(from),
            _ => None,
        };
        let more = self.upkeep.sweep.is_some();
        Ok(Maintained {
            more,
            expired: expired + events,
            ..Maintained::default()
        })
    }

    /// A clock that leaps ahead by more than a day must stay there for a day before anything is deleted by it.
    fn move_marks(&mut self, now: Timestamp) -> Result<()> {
        let nanos = now.as_nanos();
        let mut marks = self.marks;
        if nanos.saturating_sub(marks.clock) > LEAP_NANOS {
            let since = *marks.ahead_since.get_or_insert(nanos);
            if !(LEAP_NANOS..=2 * LEAP_NANOS).contains(&(nanos.saturating_sub(since))) {
                if nanos < since || nanos.saturating_sub(since) > 2 * LEAP_NANOS {
                    marks.ahead_since = Some(nanos);
                }
                return self.keep_marks(marks);
            }
        } else if nanos.saturating_sub(marks.clock) < FUTURE_NANOS && marks.ahead_since.is_none() {
            return Ok(());
        }
        marks = marks_at(&marks, &self.settings.retention, &self.calendar, now);
        marks.clock = marks.clock.max(nanos);
        marks.ahead_since = None;
        self.upkeep.sweep = Some(0);
        self.keep_marks(marks)
    }

    /// Takes a clock that is far ahead for right: the caller knows that the data have come so far.
    pub fn believe(&mut self, now: Timestamp) -> Result<()> {
        let mut marks = self.marks;
        if now.as_nanos().saturating_sub(marks.clock) > LEAP_NANOS {
            marks.clock = now.as_nanos();
            marks.ahead_since = None;
        }
        guarded(|| self.keep_marks(marks))
    }

    fn keep_marks(&mut self, marks: Marks) -> Result<()> {
        if marks == self.marks {
            return Ok(());
        }
        let write = self.db.begin_write()?;
        tables::write_marks(&mut write.open_table(META)?, &marks)?;
        write.commit()?;
        self.marks = marks;
        Ok(())
    }
}

/// The marks moved to where the retention puts them at `now`; never back.
pub(super) fn marks_at(
    marks: &Marks,
    retention: &Retention,
    calendar: &Calendar,
    now: Timestamp,
) -> Marks {
    let kept = retention.consistent();
    let before = |age: Duration| now.saturating_sub(age).as_nanos();
    let hour = |age: Duration| hour_of(before(age));
    let minute_day = hour(kept.minute).div_euclid(24);
    let day = |age: Duration| calendar.day_of(before(age).div_euclid(1_000_000_000));
    Marks {
        raw_hour: marks.raw_hour.max(hour(kept.raw)),
        minute: marks.minute.max(minute_day.saturating_mul(1_440)),
        hour: kept
            .hour
            .map_or(marks.hour, |age| marks.hour.max(hour(age))),
        day: kept.day.map_or(marks.day, |age| marks.day.max(day(age))),
        events: kept
            .events
            .map_or(marks.events, |age| marks.events.max(before(age))),
        ..*marks
    }
}
