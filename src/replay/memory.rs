//! The history of a replay: written beside the chain, by the time of the data.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use super::merge::Chunk;
use super::run::{ReplayError, Request};
use crate::config::Config;
use crate::historian::{Historian, HistorianError};
use crate::model::Timestamp;
use crate::record::BodyV1;

/// Chunks and alerts on their way.
const QUEUE: usize = 8;

/// What the history is told.
pub(super) enum Memo {
    /// A chunk that the chain has judged.
    Scans(Chunk),
    /// An alert.
    Record(Box<BodyV1>),
}

/// The thread that writes the history.
pub(super) struct Memory<'scope> {
    pub(super) to: SyncSender<Memo>,
    thread: ScopedJoinHandle<'scope, Result<(), HistorianError>>,
}

impl<'scope> Memory<'scope> {
    /// Starts it; none when no history is wanted. Used chunks go to `empty_to`.
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        request: &Request,
        empty_to: SyncSender<Chunk>,
    ) -> Result<Option<Self>, ReplayError> {
        let Some(directory) = request.history.clone() else {
            return Ok(None);
        };
        let made = std::fs::create_dir_all(&directory);
        made.map_err(|source| ReplayError::Output {
            path: directory.clone(),
            source,
        })?;
        let (to, memos) = sync_channel(QUEUE);
        let config = Arc::clone(&request.config);
        let thread = std::thread::Builder::new()
            .name("replay-history".to_owned())
            .spawn_scoped(scope, move || keep(&config, &directory, &memos, &empty_to))
            .map_err(ReplayError::Thread)?;
        Ok(Some(Self { to, thread }))
    }

    /// Waits until everything is durable.
    pub(super) fn finish(self) -> Result<(), ReplayError> {
        let Self { to, thread } = self;
        drop(to);
        let done = thread
            .join()
            .map_err(|_panic| ReplayError::Panicked("history"))?;
        Ok(done?)
    }
}

/// Opens the history at the time of the first sample, and ends when nothing more comes.
fn keep(
    config: &Arc<Config>,
    directory: &Path,
    memos: &Receiver<Memo>,
    empty_to: &SyncSender<Chunk>,
) -> Result<(), HistorianError> {
    let mut historian: Option<Historian> = None;
    let mut now = Timestamp::default();
    for memo in memos {
        match memo {
            Memo::Record(body) => {
                if let Some(historian) = &mut historian {
                    historian.note(&body)?;
                }
            }
            Memo::Scans(chunk) => {
                let first = chunk.scans.first().map_or(now, |scan| scan.at);
                now = chunk.scans.last().map_or(now, |scan| scan.at.max(now));
                if historian.is_none() {
                    historian = Some(Historian::open(config, directory, first)?);
                }
                if let Some(historian) = &mut historian {
                    historian.take(&chunk.samples);
                    historian.catch_up(now)?;
                }
                // A full channel only means that enough empty chunks are waiting.
                drop(empty_to.try_send(chunk));
            }
        }
    }
    historian.map_or(Ok(()), |historian| historian.close(now, true))
}
