//! The control socket: how a command talks to the gateway that is running.
//!
//! `data_dir/andon.sock`, mode 0600: whoever may read the data directory's owner files may ask. One JSON object per
//! line each way:
//!
//! ```text
//! → {"cmd":"buffer-status"}
//! ← {"ok":{…}}            or  {"error":"…"}
//! ```
//!
//! Bounded: [`CONNECTIONS_MAX`] connections, [`REQUEST_BYTES_MAX`] per request, [`IDLE_MAX`] of silence. It carries
//! questions, what a person decides about a baseline, and facts that people bring; nothing here changes the plant.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::analysis::{LimitsChange, Question};
use crate::pipeline::Decision;

/// Connections served at a time; more are closed at once.
pub const CONNECTIONS_MAX: usize = 8;
/// Longest request line, bytes.
pub const REQUEST_BYTES_MAX: u64 = 16 << 20;
/// Longest answer line a client accepts, bytes.
pub const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// A connection without a request for this long is closed.
pub const IDLE_MAX: Duration = Duration::from_secs(30);
/// Longest time an answer may take; a verification of some gigabytes is the longest question.
pub const ANSWER_TIME_MAX: Duration = Duration::from_mins(10);

/// File name of the socket in the data directory.
const SOCKET: &str = "andon.sock";

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// State of the whole gateway.
    Status,
    /// [`crate::buffer::BufferStatus`].
    BufferStatus,
    /// [`crate::buffer::VerifyReport`].
    BufferVerify,
    /// A list of [`crate::pipeline::BaselineStatus`].
    BaselineList,
    /// What a person has decided about a baseline. Answers with its [`crate::pipeline::BaselineStatus`].
    BaselineDecide {
        /// What.
        decision: Decision,
        /// Name of the tag or group.
        name: String,
    },
    /// Write what has been learned to disk now.
    BaselineKeep,
    /// A question about the plant's past; see [`Question`] for the form of the answer.
    Ask {
        /// What.
        question: Question,
    },
    /// Master data or corrections as one CSV table. Answers with a [`crate::analysis::TakenIn`].
    Intake {
        /// The table with its header.
        table: String,
    },
    /// Learn control limits from a period and keep them. Answers with a [`crate::analysis::LimitsAnswer`].
    Limits {
        /// From what, by whom and why.
        change: Box<LimitsChange>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok(Value),
    Error(String),
}

/// Why the socket cannot be served or asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody serves the socket: no gateway runs on this data directory.
    #[error("connect to `{}`: no gateway is running here", path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
    },
    /// The socket cannot be made, reached or used.
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
    /// The gateway answered with an error.
    #[error("the gateway refused: {0}")]
    Refused(String),
    /// The answer is not what was asked for.
    #[error("read the gateway's answer")]
    Answer(#[source] serde_json::Error),
}

/// Where the socket is.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join(SOCKET)
}

/// The bound socket. Its file is removed when this is dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Binds the socket in a data directory that this process has locked: a file that is there already is what a
    /// killed gateway left, and is replaced. Must be called within a tokio runtime.
    pub fn bind(data_dir: &Path) -> Result<Self, ControlError> {
        let path = socket_path(data_dir);
        let io = |action, source| ControlError::Io {
            action,
            path: path.clone(),
            source,
        };
        // Bound under another name and renamed, so that nobody connects before the mode is set.
        let fresh = path.with_extension("sock.new");
        for old in [&fresh, &path] {
            match std::fs::remove_file(old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io("remove old socket", error));
                }
                _ => {}
            }
        }
        let listener = UnixListener::bind(&fresh).map_err(|e| io("bind socket", e))?;
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600))
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|e| io("protect socket", e))?;
        Ok(Self { listener, path })
    }

    /// Serves until cancelled. `answer` turns a request into JSON or into one sentence why not.
    pub async fn serve<F, A>(self, answer: F, cancel: CancellationToken)
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Value, String>> + Send,
    {
        let answer = Arc::new(answer);
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if connections.len() < CONNECTIONS_MAX => {
                        let answer = Arc::clone(&answer);
                        connections.spawn(async move {
                            if let Err(error) = converse(stream, answer.as_ref()).await {
                                tracing::debug!(%error, "Control connection ended.");
                            }
                        });
                    }
                    Ok(_) => tracing::debug!("Control connection refused: too many."),
                    Err(error) => {
                        tracing::warn!(%error, "Control socket does not accept connections.");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        }
        connections.shutdown().await;
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "Control socket is gone already.");
        }
    }
}

async fn converse<F, A>(stream: UnixStream, answer: &F) -> io::Result<()>
where
    F: Fn(Request) -> A,
    A: Future<Output = Result<Value, String>>,
{
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut read).take(REQUEST_BYTES_MAX);
        let got = timeout(IDLE_MAX, bounded.read_until(b'\n', &mut line)).await??;
        if got == 0 {
            return Ok(());
        }
        let is_whole = line.ends_with(b"\n");
        let reply = if is_whole {
            answer_line(&line, answer).await
        } else {
            Answer::Error(format!(
                "a request is one line of at most {REQUEST_BYTES_MAX} bytes"
            ))
        };
        let mut text = serde_json::to_vec(&reply)?;
        text.push(b'\n');
        timeout(IDLE_MAX, write.write_all(&text)).await??;
        if !is_whole {
            return Ok(());
        }
    }
}

async fn answer_line<F, A>(line: &[u8], answer: &F) -> Answer
where
    F: Fn(Request) -> A,
    A: Future<Output = Result<Value, String>>,
{
    let request = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(error) => return Answer::Error(format!("not a request: {error}")),
    };
    match timeout(ANSWER_TIME_MAX, answer(request)).await {
        Ok(Ok(value)) => Answer::Ok(value),
        Ok(Err(why)) => Answer::Error(why),
        Err(_) => Answer::Error("it took too long".to_owned()),
    }
}

/// Asks the gateway that runs on `data_dir`.
pub async fn ask(data_dir: &Path, request: Request) -> Result<Value, ControlError> {
    let path = socket_path(data_dir);
    let stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Err(ControlError::NotRunning { path });
        }
        Err(source) => {
            return Err(ControlError::Io {
                action: "connect to",
                path,
                source,
            });
        }
    };
    let line = exchange(stream, request)
        .await
        .map_err(|source| ControlError::Io {
            action: "ask",
            path,
            source,
        })?;
    match serde_json::from_slice(&line).map_err(ControlError::Answer)? {
        Answer::Ok(value) => Ok(value),
        Answer::Error(why) => Err(ControlError::Refused(why)),
    }
}

async fn exchange(stream: UnixStream, request: Request) -> io::Result<Vec<u8>> {
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_vec(&request)?;
    line.push(b'\n');
    timeout(IDLE_MAX, write.write_all(&line)).await??;
    let mut answer = Vec::new();
    let mut bounded = BufReader::new(read).take(ANSWER_BYTES_MAX);
    timeout(
        ANSWER_TIME_MAX + IDLE_MAX,
        bounded.read_until(b'\n', &mut answer),
    )
    .await??;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn answer(request: Request) -> Result<Value, String> {
        match request {
            Request::Status => Ok(json!({"state": "running"})),
            Request::BufferStatus => Ok(json!(7)),
            Request::BufferVerify => Err("not now".into()),
            Request::BaselineList => Ok(json!([])),
            Request::BaselineDecide { name, .. } => Ok(json!(name)),
            Request::BaselineKeep => Ok(json!(null)),
            Request::Ask { .. } => Ok(json!({})),
            Request::Intake { table } => Ok(json!(table.len())),
            Request::Limits { change } => Ok(json!(change.why)),
        }
    }

    fn run<T>(test: impl AsyncFnOnce(&Path) -> T) -> T {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            // What a killed gateway leaves behind.
            drop(std::os::unix::net::UnixListener::bind(socket_path(dir.path())).unwrap());
            let control = Control::bind(dir.path()).unwrap();
            let cancel = CancellationToken::new();
            let stop = cancel.clone();
            let test = async {
                let result = test(dir.path()).await;
                stop.cancel();
                result
            };
            let (result, ()) = tokio::join!(test, control.serve(answer, cancel));
            assert!(!socket_path(dir.path()).exists(), "the socket is removed");
            result
        })
    }

    #[test]
    fn every_request_gets_its_answer() {
        run(async |dir| {
            let ok = ask(dir, Request::Status).await.unwrap();
            assert_eq!(ok, json!({"state": "running"}));
            assert_eq!(ask(dir, Request::BufferStatus).await.unwrap(), json!(7));
            let refused = ask(dir, Request::BufferVerify).await.unwrap_err();
            assert_eq!(refused.to_string(), "the gateway refused: not now");
            let mode = std::fs::metadata(socket_path(dir))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        });
    }

    async fn raw(dir: &Path, line: &[u8]) -> String {
        let mut stream = UnixStream::connect(socket_path(dir)).await.unwrap();
        stream.write_all(line).await.unwrap();
        let mut text = String::new();
        BufReader::new(stream).read_line(&mut text).await.unwrap();
        text
    }

    #[test]
    fn nonsense_is_answered_and_bounded() {
        run(async |dir| {
            assert!(
                raw(dir, b"{\"cmd\":\"reboot\"}\n")
                    .await
                    .contains("not a request")
            );
            assert!(raw(dir, b"\xff\n").await.contains("not a request"));
            let long = vec![b'x'; usize::try_from(REQUEST_BYTES_MAX).unwrap()];
            assert!(raw(dir, &long).await.contains("at most"));
        });
    }

    #[test]
    fn silent_connections_cannot_lock_others_out_for_ever() {
        run(async |dir| {
            let mut idle = Vec::new();
            for _ in 0..CONNECTIONS_MAX {
                idle.push(UnixStream::connect(socket_path(dir)).await.unwrap());
            }
            assert!(ask(dir, Request::Status).await.is_err());
            drop(idle);
            while ask(dir, Request::Status).await.is_err() {
                tokio::task::yield_now().await;
            }
        });
    }

    #[test]
    fn without_a_gateway_the_client_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let error = runtime
            .block_on(ask(dir.path(), Request::Status))
            .unwrap_err();
        assert!(matches!(error, ControlError::NotRunning { .. }));
    }
}
