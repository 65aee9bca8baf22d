//! What goes wrong with the history, worded as trouble of the gateway for the chain to alert about.

use tokio::sync::mpsc;
use tracing::{error, info};

use crate::alerting::AlarmKind;
use crate::historian::{HistorianError, Turn};
use crate::model::{Severity, with_causes};
use crate::pipeline::Trouble;

/// Work that can fail by itself.
#[derive(Debug, Clone, Copy)]
enum Part {
    Commits,
    Upkeep,
    Figures,
}

/// Knows what is failing, and tells when that changes. A part fails until it has worked again.
#[derive(Debug)]
pub(super) struct HistoryTrouble {
    failing: [Option<String>; 3],
    to: mpsc::Sender<Trouble>,
    /// What was told last may not be what is.
    is_stale: bool,
}

impl HistoryTrouble {
    pub(super) const fn new(to: mpsc::Sender<Trouble>) -> Self {
        Self {
            failing: [const { None }; 3],
            to,
            is_stale: false,
        }
    }

    /// Notes what became of a turn.
    pub(super) fn note(&mut self, turn: Turn) {
        self.note_part(Part::Commits, turn.commit);
        self.note_part(Part::Upkeep, turn.upkeep);
        self.note_part(Part::Figures, turn.figures);
        if self.is_stale {
            // Where the queue is full it is told with the next turn.
            self.is_stale = self.to.try_send(self.trouble()).is_err();
        }
    }

    fn note_part(&mut self, part: Part, done: Option<Result<(), HistorianError>>) {
        let now = match done {
            None => return,
            Some(done) => done.err().map(|why| with_causes(&why)),
        };
        let Some(before) = self.failing.get_mut(part as usize) else {
            return;
        };
        match (&before, &now) {
            (None, Some(why)) => {
                error!(%why, "The history {}; polling and alerts go on.", failing(part));
            }
            (Some(_), None) => info!("The history {}.", works(part)),
            _ => {}
        }
        self.is_stale |= before.is_some() != now.is_some();
        *before = now;
    }

    fn trouble(&self) -> Trouble {
        let [commits, upkeep, figures] = &self.failing;
        let parts = [
            (commits, Part::Commits),
            (upkeep, Part::Upkeep),
            (figures, Part::Figures),
        ];
        let told = parts.iter().filter_map(|(why, part)| {
            let why = why.as_ref()?;
            Some(format!("the history {}: {why}", failing(*part)))
        });
        let told: Vec<String> = told.collect();
        Trouble {
            active: !told.is_empty(),
            kind: AlarmKind::History,
            severity: match commits {
                Some(_) => Severity::High,
                None => Severity::Medium,
            },
            detail: told.join("; "),
        }
    }
}

const fn failing(part: Part) -> &'static str {
    match part {
        Part::Commits => "cannot be written",
        Part::Upkeep => "cannot be packed",
        Part::Figures => "has no new figures of shifts",
    }
}

const fn works(part: Part) -> &'static str {
    match part {
        Part::Commits => "is written again",
        Part::Upkeep => "is packed again",
        Part::Figures => "has figures of shifts again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::HistoryError;

    fn failed() -> Result<(), HistorianError> {
        Err(HistoryError::Damaged("no space".to_owned()).into())
    }

    fn commit(done: Result<(), HistorianError>) -> Turn {
        Turn {
            commit: Some(done),
            ..Turn::default()
        }
    }

    #[test]
    fn people_are_told_once_when_it_begins_and_once_when_all_is_well() {
        let (to, mut told) = mpsc::channel(8);
        let mut trouble = HistoryTrouble::new(to);
        trouble.note(commit(Ok(())));
        trouble.note(Turn::default());
        assert!(told.try_recv().is_err());
        trouble.note(commit(failed()));
        let first = told.try_recv().unwrap();
        assert!(first.active && first.kind == AlarmKind::History);
        assert_eq!(first.severity, Severity::High);
        assert!(
            first.detail.contains("cannot be written") && first.detail.contains("no space"),
            "{}",
            first.detail
        );
        // Neither that it fails on nor that nothing was due is news.
        trouble.note(commit(failed()));
        trouble.note(Turn::default());
        assert!(told.try_recv().is_err());
        trouble.note(Turn {
            commit: Some(Ok(())),
            figures: Some(failed()),
            ..Turn::default()
        });
        let second = told.try_recv().unwrap();
        assert_eq!((second.active, second.severity), (true, Severity::Medium));
        assert!(second.detail.contains("figures"), "{}", second.detail);
        trouble.note(Turn {
            figures: Some(Ok(())),
            ..Turn::default()
        });
        assert!(!told.try_recv().unwrap().active);
    }

    #[test]
    fn what_finds_no_room_is_told_later() {
        let (to, mut told) = mpsc::channel(1);
        let mut trouble = HistoryTrouble::new(to);
        trouble.note(commit(failed()));
        trouble.note(commit(Ok(())));
        assert!(told.try_recv().unwrap().active);
        trouble.note(Turn::default());
        assert!(!told.try_recv().unwrap().active);
    }
}
