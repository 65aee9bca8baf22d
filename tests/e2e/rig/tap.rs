//! A listener in front of a device that notes when its first request comes in.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// Passes everything on. Its threads end with the connections, the accepting one with the process.
#[derive(Debug)]
pub(crate) struct Tap {
    address: SocketAddr,
    first: Arc<Mutex<Option<Instant>>>,
}

impl Tap {
    /// Listens in front of `device`.
    pub(crate) fn start(device: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind a port");
        let address = listener.local_addr().expect("know the port");
        let first = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&first);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(device) {
                    join(&client, &server, &seen);
                }
            }
        });
        Self { address, first }
    }

    /// Where the gateway connects.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// When the first request since the last call came.
    pub(crate) fn take_first(&self) -> Option<Instant> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.take()
    }
}

fn join(client: &TcpStream, server: &TcpStream, first: &Arc<Mutex<Option<Instant>>>) {
    let copies = (client.try_clone(), server.try_clone());
    let (Ok(client_too), Ok(server_too)) = copies else {
        return;
    };
    let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    for stream in [client, server] {
        // Only latency suffers without it.
        stream.set_nodelay(true).unwrap_or_default();
    }
    let first = Arc::clone(first);
    std::thread::spawn(move || {
        pass(&from_client, &to_server, || {
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(Instant::now);
        });
    });
    std::thread::spawn(move || pass(&server_too, &client_too, || {}));
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, mut seen: impl FnMut()) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        seen();
        let Some(bytes) = buffer.get(..count) else {
            break;
        };
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    // Both ways end together; one of them may be closed already.
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
