//! The byte stream below the Modbus library, guarded.
//!
//! One request is under way at a time, so every byte that arrives while none is waited for belongs to nobody: a
//! duplicate, a late answer, noise. [`Wire`] refuses to send a request over such a stream. It also says plainly when
//! the device has hung up, and for gateways that do not echo the transaction id it puts the request's own id into
//! the answer, so that unit, function and length are checked as for any other device.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The stream of one connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    /// Whether to overwrite the transaction id of answers.
    echo_transaction_id: bool,
    transaction_id: [u8; 2],
    /// Whether a request is being sent: set by its first byte, ended by the first byte of the answer.
    sending: bool,
    /// Bytes of the answer so far, up to those of the transaction id.
    answered: usize,
}

/// The connection was found closed, or out of step, before a request was sent: nothing is lost by a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Idle {
    #[error("the device had closed the idle connection")]
    Closed,
    #[error("the device had sent bytes that nobody asked for")]
    Stray,
}

impl Wire {
    pub(super) const fn new(stream: TcpStream, echo_transaction_id: bool) -> Self {
        Self {
            stream,
            echo_transaction_id,
            transaction_id: [0; 2],
            sending: false,
            answered: 0,
        }
    }

    /// Fails when anything has arrived since the last answer.
    fn check_idle(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut byte = [0_u8; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        let found = match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Idle::Stray,
            Poll::Ready(_) => Idle::Closed,
        };
        Err(io::Error::other(found))
    }

    fn begin(&mut self, request: &[u8]) {
        self.sending = true;
        self.answered = 0;
        if let Some(id) = request.first_chunk::<2>() {
            self.transaction_id = *id;
        }
    }

    fn receive(&mut self, bytes: &mut [u8]) {
        self.sending = false;
        if self.echo_transaction_id {
            let id = self.transaction_id.iter().skip(self.answered);
            bytes.iter_mut().zip(id).for_each(|(to, from)| *to = *from);
        }
        self.answered = self.answered.saturating_add(bytes.len());
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let fresh = buf.filled_mut().get_mut(before..).unwrap_or_default();
        if fresh.is_empty() {
            let closed = "the device closed the connection instead of answering";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, closed)));
        }
        self.receive(fresh);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.sending {
            self.check_idle(cx)?;
            self.begin(buf);
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_request_written_in_pieces_is_one_request() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut device, _) = listener.accept().await.unwrap();
        let mut wire = Wire::new(ours, true);
        for piece in [[0, 9, 0], [0, 0, 2], [1, 3, 4]] {
            wire.write_all(&piece).await.unwrap();
        }
        let mut request = [0; 9];
        device.read_exact(&mut request).await.unwrap();
        assert_eq!(request, [0, 9, 0, 0, 0, 2, 1, 3, 4]);

        device.write_all(&[7, 7, 5]).await.unwrap();
        let mut answer = [0; 3];
        wire.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0, 9, 5], "the id is that of the first piece");
    }
}
