//! Watches for the death of sled's own threads.
//!
//! A panic in sled's I/O pool sets a flag inside sled that only a new process clears, and a flush that waits for
//! that thread waits for ever. Nobody inside sled tells: the panic hook is the only witness.

use std::panic;
use std::sync::{LazyLock, Once};

use tokio::sync::watch;

static DEAD: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));
static HOOK: Once = Once::new();

/// Becomes true when a thread of the storage engine died: the process must exit and be restarted.
pub(in crate::buffer) fn engine_threads() -> watch::Receiver<bool> {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if std::thread::current()
                .name()
                .is_some_and(|name| name.starts_with("sled-io"))
            {
                DEAD.send_replace(true);
            }
            previous(info);
        }));
    });
    DEAD.subscribe()
}

/// Whether a thread of the storage engine died.
pub(super) fn engine_is_dead() -> bool {
    *DEAD.borrow()
}
