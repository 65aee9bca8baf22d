//! How commands ask about the plant's past: the running gateway, or the history of a stopped one.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Outcome;
use super::check::load_or_complain;
use super::output::{complain, print, print_json};
use crate::analysis::{Period, Question, answer};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::control::{self, ControlError, Request};
use crate::historian::Historian;
use crate::history::HistoryError;
use crate::model::Timestamp;
use crate::model::with_causes;

pub(super) type Failure = Box<dyn Error>;

/// Another command may be reading the history of a stopped gateway: for ten seconds its end is waited for.
const IN_USE_TRIES: u32 = 100;
const IN_USE_PAUSE: Duration = Duration::from_millis(100);

/// Where the answer comes from, and how it is printed.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// Configuration of the gateway; a running one is asked, else its data directory is read.
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Read the history in this directory instead, as `andon replay --history DIR` leaves it.
    #[arg(long, value_name = "DIR")]
    pub(super) history: Option<PathBuf>,
    /// Print machine-readable JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Of when. Days are production days.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// First production day as 2026-03-01, or a moment as 2026-03-01T06:00:00Z, `today`, `yesterday`, or days back as 7d.
    #[arg(long, value_name = "TIME", default_value = "today")]
    from: String,
    /// Last production day, or the moment before which it ends; now when it is left out.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

impl Of {
    pub(super) fn period(&self) -> Period {
        Period {
            from: self.from.clone(),
            to: self.to.clone(),
        }
    }
}

/// Asks `question`, and prints the answer as JSON or by `text`.
pub(super) fn run(
    source: &Source,
    question: &Question,
    text: impl FnOnce(Value) -> Result<String, Failure>,
) -> Outcome {
    let Some(config) = load_or_complain(&source.config) else {
        return Outcome::Usage;
    };
    let told = ask(&Arc::new(config), source.history.as_deref(), question);
    let printed = told.and_then(|answer| {
        if source.json {
            print_json(&answer)?;
        } else {
            print(&text(answer)?)?;
        }
        Ok(())
    });
    match printed {
        Ok(()) => Outcome::Clean,
        Err(error) => {
            complain(&format!("andon: {}\n", with_causes(error.as_ref())));
            Outcome::Failed
        }
    }
}

/// The answer of the running gateway, or what the history of a stopped one says.
pub(super) fn ask(
    config: &Arc<Config>,
    history: Option<&Path>,
    question: &Question,
) -> Result<Value, Failure> {
    let request = || Request::Ask {
        question: question.clone(),
    };
    if let Some(told) = running(config, history, request)? {
        return Ok(told);
    }
    let (historian, now) = open(config, history)?;
    Ok(answer(question, config, &historian.reader(), now)?)
}

/// The answer of the running gateway; none where none runs, or another history is named.
pub(super) fn running(
    config: &Config,
    history: Option<&Path>,
    request: impl FnOnce() -> Request,
) -> Result<Option<Value>, Failure> {
    if history.is_some() {
        return Ok(None);
    }
    match ask_running(&config.gateway.data_dir, request()) {
        Err(error) if is_idle(error.as_ref()) => Ok(None),
        told => told.map(Some),
    }
}

/// Opens the history of a stopped gateway, or that of a replay, and says what time is now for it.
pub(super) fn open(
    config: &Arc<Config>,
    history: Option<&Path>,
) -> Result<(Historian, Timestamp), Failure> {
    let directory = history.unwrap_or(&config.gateway.data_dir);
    if !directory.join(crate::history::FILE).exists() {
        return Err(format!("`{}` has no history yet", directory.display()).into());
    }
    let now = SystemClock::start().now().wall;
    let open = || Historian::open(config, directory, now);
    let mut historian = open();
    for _again in 0..IN_USE_TRIES {
        if !historian.as_ref().is_err_and(HistoryError::is_in_use) {
            break;
        }
        std::thread::park_timeout(IN_USE_PAUSE);
        historian = open();
    }
    let historian = historian?;
    let now = history.map_or(now, |_| historian.latest());
    Ok((historian, now))
}

/// Asks the gateway that runs on a data directory.
pub(super) fn ask_running(data_dir: &Path, request: Request) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(control::ask(data_dir, request))?)
}

/// Whether an error only says that no gateway runs.
pub(super) fn is_idle(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(ControlError::NotRunning { .. }))
}

/// A ratio in percent; a dash where there is none.
pub(super) fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:.1}", 100.0 * value))
}

/// A number with some digits; a dash where there is none.
pub(super) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A word of an answer; a dash where there is none.
pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// Seconds as hours and minutes.
pub(super) fn hours(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round();
    format!(
        "{:.0}:{:02.0}",
        (minutes / 60.0).floor(),
        minutes.rem_euclid(60.0)
    )
}
