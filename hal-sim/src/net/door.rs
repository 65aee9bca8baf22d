//! A listening port that can refuse connections without losing its number.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// A port that is open or shut. While it is shut, connecting is refused by the kernel, because the
/// port is bound but nobody listens; nobody else can take it meanwhile.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(TcpListener),
    /// Bound, not listening.
    Shut(TcpSocket),
    /// Changing state failed half-way: neither listening nor bound.
    Lost,
}

impl Door {
    /// Binds and listens; port 0 takes any free one.
    pub(crate) fn open(bind: SocketAddr) -> io::Result<Self> {
        let listener = reserve(bind)?.listen(BACKLOG)?;
        Ok(Self {
            address: listener.local_addr()?,
            state: State::Open(listener),
        })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens or shuts it; what it already is, it stays. After an error, calling again tries again.
    pub(crate) fn set_open(&mut self, open: bool) -> io::Result<()> {
        let state = std::mem::replace(&mut self.state, State::Lost);
        self.state = match (state, open) {
            (State::Shut(socket), true) => State::Open(socket.listen(BACKLOG)?),
            (State::Open(listener), false) => {
                drop(listener);
                State::Shut(reserve(self.address)?)
            }
            (State::Lost, true) => State::Open(reserve(self.address)?.listen(BACKLOG)?),
            (State::Lost, false) => State::Shut(reserve(self.address)?),
            (same, _) => same,
        };
        Ok(())
    }

    /// The next connection; never ready while the door is shut.
    pub(crate) async fn accept(&self) -> io::Result<TcpStream> {
        let State::Open(listener) = &self.state else {
            return std::future::pending().await;
        };
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // Without it the port could not be bound again while connections of before are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shut_door_refuses_and_keeps_its_port() {
        let mut door = Door::open("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = door.address();
        for _ in 0..3 {
            TcpStream::connect(address).await.unwrap();
            door.accept().await.unwrap();
            door.set_open(false).unwrap();
            let refused = TcpStream::connect(address).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            door.set_open(true).unwrap();
        }
    }
}
