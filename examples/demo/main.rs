//! `cargo demo`: a simulated plant, a broker, the gateway and a subscriber in one command.
//!
//! The gateway runs as a child process (this very program with `gateway` as its first argument), so that its CPU and
//! memory are measured alone. The plant injects labelled faults; what the gateway makes of them is held against the
//! plant's own record. The broker is cut twice, once while faults are on.

mod gateway;
mod report;
mod story;
mod subscriber;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// Shortest run that leaves time to learn what is normal, and then for every fault to show: half the run each.
const SHORTEST: Duration = Duration::from_secs(30);
/// The scenario's timeline is written for this long a run.
const WRITTEN_FOR: Duration = Duration::from_mins(1);

/// Show the whole system at work on this machine.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Args {
    /// How long to run once the gateway polls, 30s to 600s.
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = duration)]
    time: Duration,
    /// Print the summary as one JSON object on the last line.
    #[arg(long)]
    json: bool,
    /// Seed of the simulated plant; the scenario's own without it.
    #[arg(long)]
    seed: Option<u64>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let time = hal_sim::scenario::parse_duration(text)
        .ok_or_else(|| format!("`{text}` is no duration; write e.g. 60s or 2m"))?;
    if (SHORTEST..=Duration::from_mins(10)).contains(&time) {
        Ok(time)
    } else {
        Err(format!(
            "{text} is outside 30s to 600s; less leaves no time to learn what is normal and then to find what is not"
        ))
    }
}

fn main() -> ExitCode {
    let mut own = std::env::args_os();
    own.next();
    let mut rest = own.peekable();
    if rest.peek().is_some_and(|first| first == "gateway") {
        return andon::cli::main(rest);
    }
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(story::tell(&args)))
    {
        Ok(summary) => {
            report::say(&summary.to_string());
            if args.json {
                report::say(&summary.to_json().to_string());
            }
            if summary.holds() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            report::say(&format!("demo: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
