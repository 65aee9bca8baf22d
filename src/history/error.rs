//! Why the history could not do something.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Once;

/// Why the history could not do something.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store cannot be opened.
    #[error("open the history `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<redb::DatabaseError>,
    },
    /// The store was made by a version that this one does not know.
    #[error("the history `{}` has layout {found}; this version reads layout {known}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: u32,
        /// The one understood.
        known: u32,
    },
    /// The days of the store are those of another time zone.
    #[error("the history keeps days of zone `{stored}`, not of `{given}`")]
    Zone {
        /// Zone that the store was made with.
        stored: String,
        /// Zone of the configuration.
        given: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone `{0}`; an IANA name as `Europe/Berlin` is needed")]
    NoZone(String),
    /// A read or write of the store failed.
    #[error("access the history")]
    Store(#[source] Box<redb::Error>),
    /// The store was closed after a failure and could not be opened again yet.
    #[error(
        "the history is closed after a failure of its file; the gateway opens it again once it can"
    )]
    Closed,
    /// The store's own structure is damaged beyond a single chunk.
    #[error("the structure of the history is damaged: {0}")]
    Damaged(String),
    /// Something cannot be encoded: a bug.
    #[error("encode {0} for the history")]
    Encode(&'static str),
    /// There is no series of this name.
    #[error("the history has no series `{0}`")]
    NoSeries(String),
    /// A name, a unit or a subject is too long.
    #[error("`{text}…` is {bytes} bytes long; the history takes up to {max}")]
    TooLong {
        /// Its beginning.
        text: String,
        /// Its length.
        bytes: usize,
        /// The longest allowed.
        max: usize,
    },
    /// A query asks for what cannot be answered.
    #[error("{0}")]
    Query(#[from] super::query::QueryError),
    /// A caller stopped a long piece of work.
    #[error("stopped on request")]
    Stopped,
}

/// What the functions of the history return.
pub type Result<T, E = HistoryError> = std::result::Result<T, E>;

macro_rules! from_redb {
    ($($kind:ident),+) => {
        $(impl From<redb::$kind> for HistoryError {
            fn from(error: redb::$kind) -> Self {
                Self::Store(Box::new(error.into()))
            }
        })+
    };
}

from_redb!(
    StorageError,
    TableError,
    TransactionError,
    CommitError,
    SetDurabilityError
);

impl HistoryError {
    /// Whether another program has the store open.
    pub fn is_in_use(&self) -> bool {
        let Self::Open { source, .. } = self else {
            return false;
        };
        matches!(**source, redb::DatabaseError::DatabaseAlreadyOpen)
    }

    /// Whether pages of the store are damaged, and not only what was asked for cannot be had.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Store(error) => matches!(**error, redb::Error::Corrupted(_)),
            _ => false,
        }
    }
}

thread_local! {
    /// Calls of [`guarded`] on this thread, one within the other.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
}
static HOOK: Once = Once::new();

/// Keeps panics that become errors from being told as crashes of the program.
fn hush() {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDS.get() == 0 {
                previous(info);
            } else {
                tracing::debug!(%info, "The history's store gave up.");
            }
        }));
    });
}

/// Runs `work` on the store; a panic inside the store's library, which damaged pages can cause, becomes an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    hush();
    GUARDS.set(GUARDS.get().saturating_add(1));
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDS.set(GUARDS.get().saturating_sub(1));
    match done {
        Ok(result) => result,
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(HistoryError::Damaged(
                text.unwrap_or("the store's library gave up").to_owned(),
            ))
        }
    }
}
