//! Keeps the gateway's long-running units alive: a unit is a factory of futures plus a restart policy.
//!
//! A unit that ends or panics is restarted after a delay; one that keeps failing ends the process, so that the
//! service manager sees it. This is the only place that spawns tasks, with the exceptions named in the
//! architecture test.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// Failures within [`FAILURE_WINDOW`] that end the process.
const MAX_FAILURES: usize = 5;
/// Window in which failures are counted.
const FAILURE_WINDOW: Duration = Duration::from_mins(10);
/// Delay before the first restart; doubles with each failure in the window.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// A unit failed too often.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unit `{unit}` failed {MAX_FAILURES} times within {} min", FAILURE_WINDOW.as_secs() / 60)]
pub struct GaveUp {
    /// Its name.
    pub unit: String,
}

/// The running units of one runtime.
#[derive(Debug)]
pub struct Supervisor {
    cancel: CancellationToken,
    units: JoinSet<Result<(), GaveUp>>,
}

impl Supervisor {
    /// A supervisor whose units end when `cancel` is cancelled.
    pub fn new(cancel: CancellationToken) -> Self {
        Self {
            cancel,
            units: JoinSet::new(),
        }
    }

    /// Runs a unit that can be made anew; `make` is called for each start.
    pub fn restartable<F, M>(&mut self, name: &str, mut make: M)
    where
        F: Future<Output = ()> + Send + 'static,
        M: FnMut() -> F + Send + 'static,
    {
        let (name, cancel) = (name.to_owned(), self.cancel.clone());
        self.units.spawn(async move {
            let mut failures: Vec<Instant> = Vec::new();
            loop {
                run_once(&name, make()).await;
                if cancel.is_cancelled() {
                    return Ok(());
                }
                let now = Instant::now();
                failures.retain(|at| now.duration_since(*at) < FAILURE_WINDOW);
                failures.push(now);
                if failures.len() >= MAX_FAILURES {
                    return Err(GaveUp { unit: name });
                }
                let delay = FIRST_DELAY * (1 << failures.len().min(8));
                warn!(unit = %name, restart_in = ?delay, "A unit ended and will be restarted.");
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    () = tokio::time::sleep(delay) => {}
                }
            }
        });
    }

    /// Runs a unit whose state cannot be made anew: when it ends early, the process must end.
    pub fn essential<F>(&mut self, name: &str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (name, cancel) = (name.to_owned(), self.cancel.clone());
        self.units.spawn(async move {
            run_once(&name, future).await;
            if cancel.is_cancelled() {
                Ok(())
            } else {
                Err(GaveUp { unit: name })
            }
        });
    }

    /// Waits until a unit has failed for good or all have ended after a cancel.
    pub async fn join(&mut self) -> Result<(), GaveUp> {
        while let Some(ended) = self.units.join_next().await {
            if let Ok(Err(gave_up)) = ended {
                return Err(gave_up);
            }
        }
        Ok(())
    }

    /// Waits for every unit to end after a cancel, at most `limit`.
    pub async fn drain(&mut self, limit: Duration) {
        let all = async { while self.units.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            warn!(
                left = self.units.len(),
                "Units did not end in time and are aborted."
            );
            self.units.abort_all();
        }
    }
}

/// Runs a future to its end and logs a panic in place of passing it on.
async fn run_once<F: Future<Output = ()>>(name: &str, future: F) {
    if AssertUnwindSafe(future).catch_unwind().await.is_err() {
        error!(unit = name, "A unit panicked.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_panicking_unit_is_restarted_and_given_up_after_five_failures() {
        let starts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&starts);
        let mut supervisor = Supervisor::new(CancellationToken::new());
        supervisor.restartable("fragile", move || {
            counted.fetch_add(1, Ordering::SeqCst);
            async { panic!("planted") }
        });
        let gave_up = supervisor.join().await;
        assert_eq!(
            gave_up,
            Err(GaveUp {
                unit: "fragile".into()
            })
        );
        assert_eq!(starts.load(Ordering::SeqCst), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_far_apart_never_add_up() {
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let starts = Arc::new(AtomicU32::new(0));
        let mut supervisor = Supervisor::new(cancel);
        supervisor.restartable("rare", move || {
            let (starts, stop) = (Arc::clone(&starts), stop.clone());
            async move {
                tokio::time::sleep(Duration::from_secs(400)).await;
                if starts.fetch_add(1, Ordering::SeqCst) == 20 {
                    stop.cancel();
                }
            }
        });
        assert_eq!(supervisor.join().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_essential_unit_that_ends_early_ends_the_process() {
        let mut supervisor = Supervisor::new(CancellationToken::new());
        supervisor.essential("heart", async {});
        assert_eq!(
            supervisor.join().await,
            Err(GaveUp {
                unit: "heart".into()
            })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn draining_is_bounded() {
        let cancel = CancellationToken::new();
        let mut supervisor = Supervisor::new(cancel.clone());
        supervisor.essential("stubborn", std::future::pending());
        cancel.cancel();
        supervisor.drain(Duration::from_secs(2)).await;
        assert_eq!(supervisor.units.len(), 1);
    }
}
