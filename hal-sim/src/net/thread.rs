//! One operating system thread with its own runtime, stopped and joined by whoever owns it.

use std::io;
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

/// A thread that runs one future until it ends or is told to stop. Dropping it stops and joins it.
#[derive(Debug)]
pub(crate) struct ServerThread {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl ServerThread {
    /// Starts the future that `make` builds on the thread itself. When told to stop, the future is
    /// dropped where it waits, and with the runtime everything that it has started.
    pub(crate) fn start<F, Fut>(name: &str, make: F) -> io::Result<Self>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()>,
    {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        () = make() => {}
                    }
                });
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        self.stop.cancel();
        let joined = self.thread.take().map(JoinHandle::join);
        if matches!(joined, Some(Err(_))) {
            tracing::error!("A server thread of the simulator panicked.");
        }
    }
}
