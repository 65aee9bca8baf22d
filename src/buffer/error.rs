//! What can go wrong, split by who must act.

use std::io;
use std::path::PathBuf;

/// Why the buffer could not be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum BufferError {
    /// A file or directory of the buffer cannot be used.
    #[error("{action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process works on this data directory.
    #[error("lock `{}`: another andon process uses this data directory", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The storage thread could not be started.
    #[error("start the storage thread")]
    Thread(#[source] io::Error),
    /// The storage thread has ended: the buffer is shut down or broken.
    #[error("ask the storage thread: it has ended")]
    Closed,
    /// Too many questions wait for the storage thread.
    #[error("ask the storage thread: too many requests wait")]
    Busy,
}

/// Why a record was not taken. It was not numbered and is not accounted for: the caller counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue towards the storage thread is full: the disk does not keep up.
    #[error("queue record for storage: the queue is full")]
    Full,
    /// The body is longer than [`super::MAX_BODY_BYTES`].
    #[error("queue record of {bytes} bytes for storage: at most {max} are allowed")]
    TooLarge {
        /// Length of the refused body, bytes.
        bytes: usize,
        /// Longest allowed body, bytes.
        max: usize,
    },
    /// The storage thread has ended.
    #[error("queue record for storage: the storage thread has ended")]
    Closed,
}

/// A record that was not taken, given back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// Why.
    pub error: AppendError,
    /// The body as it was handed over.
    pub body: Vec<u8>,
}

/// Why a store could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("{action}: no space left")]
    NoSpace {
        /// What was tried.
        action: &'static str,
    },
    /// The disk or the file system failed.
    #[error("{action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The segment is damaged: the engine reported corruption or panicked.
    #[error("{action} segment {segment}: {what}")]
    Damaged {
        /// What was tried.
        action: &'static str,
        /// First sequence number of the segment.
        segment: u64,
        /// What was found.
        what: String,
    },
    /// The engine's threads died: nothing works any more in this process.
    #[error("{action}: the storage engine's threads died, the process must be restarted")]
    Fatal {
        /// What was tried.
        action: &'static str,
    },
}

impl StoreError {
    /// Tells a full disk from any other failure.
    pub(super) fn io(action: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { action },
            _ => Self::Io { action, source },
        }
    }

    /// The disk is full, as opposed to broken.
    pub const fn is_no_space(&self) -> bool {
        matches!(self, Self::NoSpace { .. })
    }

    /// The medium may be fine again later: nothing is said about the segment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::NoSpace { .. } | Self::Fatal { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::ReadOnlyFilesystem,
            Self::Damaged { .. } => false,
        }
    }

    /// The whole chain in one line, for incidents and logs.
    pub(super) fn chain(&self) -> String {
        match self {
            Self::Io { source, .. } => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }
}
