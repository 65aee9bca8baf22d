//! Why a question has no answer.

use super::period::PeriodError;
use crate::compare::CompareError;
use crate::history::HistoryError;
use crate::production::assemble::AssembleError;
use crate::production::calendar::CalendarError;
use crate::production::product::CatalogueError;
use crate::quality::QualityError;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The history cannot be read.
    #[error("read the history")]
    History(#[from] HistoryError),
    /// The plant has no shifts.
    #[error("the configuration has no [calendar]; figures are by shift")]
    NoCalendar,
    /// The plant has no machines whose production is accounted for.
    #[error(
        "the configuration has no [[work_unit]]; allowed: at least one, with its state and counters"
    )]
    NoWorkUnits,
    /// A name that is none of the plant's.
    #[error("there is no {what} \"{name}\"; allowed: {allowed}")]
    Unknown {
        /// Kind of thing.
        what: &'static str,
        /// As it was asked for.
        name: String,
        /// What there is.
        allowed: String,
    },
    /// Shifts that were taken in contradict the calendar.
    #[error("the roster does not fit the calendar: {0}")]
    Roster(CalendarError),
    /// Products that were taken in contradict each other.
    #[error("the products do not fit each other")]
    Products(#[from] CatalogueError),
    /// The facts of a work unit cannot be put together.
    #[error("account for work unit `{unit}`")]
    Assemble {
        /// Its name.
        unit: String,
        /// Why not.
        #[source]
        source: AssembleError,
    },
    /// More samples than one answer may take.
    #[error("`{tag}` has more than {limit} samples in the period; ask for a shorter one")]
    TooMany {
        /// Which tag.
        tag: String,
        /// Most samples.
        limit: usize,
    },
    /// More events than one answer may take.
    #[error("there are more than {limit} {what} in the period; ask for a shorter one")]
    TooManyEvents {
        /// Kind of events.
        what: &'static str,
        /// Most of them.
        limit: usize,
    },
    /// Limits that were stored cannot be read.
    #[error(
        "the stored limits \"{subject}\" in force from {at} cannot be read: {why}; allowed: --relearn, which charts without them"
    )]
    StoredLimits {
        /// Tag, machine, scope, product and version.
        subject: String,
        /// In force from.
        at: crate::model::Timestamp,
        /// What is wrong with them.
        why: String,
    },
    /// What statistics refuse, in their words.
    #[error(transparent)]
    Quality(#[from] QualityError),
    /// What a comparison refuses, in its words.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// A period that is none.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// What was asked cannot be worked out.
    #[error("{0}")]
    Refused(String),
}
