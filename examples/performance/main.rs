//! Measures the gateway against a simulated plant: alarm latency, footprint, ceiling.
//!
//! `tests/scripts/performance.sh` builds the release binary and runs all three. The gateway is a child process, so
//! that its CPU time and memory are its own; plant, broker and subscriber live in this process on the same machine.
//!
//! - **latency**: 1,000 tags at 1 Hz, every value published. Steps are put on signals one after another. Counted is
//!   the time from the sample that completed an alarm (source time of that sample, as the gateway records it: the
//!   middle of the Modbus request) to the moment at which the subscriber holds the alert. Durable storage, the broker
//!   and its own acknowledgements lie on the way. The matching sample is found in the stream of raw values by tag and
//!   value. OPC UA tags are polled too but get no steps: their source time is the server's, not the poll's.
//! - **footprint**: 10,000 tags at 1 Hz; CPU and memory of the gateway process from `/proc`.
//! - **ceiling**: every value of 20,000 detected tags published and made durable; the polling rate is raised until a
//!   deadline is missed, a queue overruns, the backlog grows, or a value is missing at the subscriber.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool"
)]

mod ceiling;
mod footprint;
mod gateway;
mod latency;
mod plant;
mod proc;
mod report;
mod subscriber;
mod tag_lists;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// What went wrong, in words.
type Fault = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
#[command(about = "Measures alarm latency, footprint and ceiling of the release binary.")]
struct Args {
    /// Which measurements.
    #[arg(default_values = ["latency", "footprint", "ceiling"], value_parser = ["latency", "footprint", "ceiling"])]
    what: Vec<String>,
    /// Seconds that footprint and each step of the ceiling are held.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Steps injected for the latency.
    #[arg(long, default_value_t = 300)]
    steps: usize,
    /// Values per second that the ceiling tries, in this order.
    #[arg(long, value_delimiter = ',', default_values_t = [50_000, 100_000, 150_000, 200_000, 250_000])]
    ladder: Vec<u64>,
    /// The gateway's program.
    #[arg(long, default_value = "target/release/andon")]
    andon: PathBuf,
    /// Directory for configurations, buffers and logs; emptied first. It must be on the disk to be measured.
    #[arg(long, default_value = "target/performance")]
    dir: PathBuf,
    /// Where the results go as JSON, beside the table.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Sample the ceiling's last step with `perf record` for ten seconds and leave `perf.data` in its directory.
    #[arg(long)]
    profile: bool,
    /// Do not wait until 10,000 baselines are learned: for a first look.
    #[arg(long)]
    quick: bool,
}

/// What every measurement needs.
struct Bench {
    andon: PathBuf,
    dir: PathBuf,
    hold: Duration,
    profile: bool,
    quick: bool,
}

impl Bench {
    /// A warm-up, cut short when the measurement is.
    fn warm_up(&self, whole: Duration) -> Duration {
        if self.quick {
            whole.min(Duration::from_secs(20))
        } else {
            whole
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(fault) => {
            eprintln!("performance: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every requirement is met.
fn run(args: &Args) -> Result<bool, Fault> {
    if args.dir.exists() {
        std::fs::remove_dir_all(&args.dir)?;
    }
    std::fs::create_dir_all(&args.dir)?;
    let bench = Bench {
        andon: args.andon.canonicalize().map_err(|error| {
            format!(
                "find the gateway `{}`: {error}; build it first",
                args.andon.display()
            )
        })?,
        dir: args.dir.canonicalize()?,
        hold: Duration::from_secs(args.seconds.max(2)),
        profile: args.profile,
        quick: args.quick,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut results = report::Results::default();
    for what in &args.what {
        println!("== {what}");
        match what.as_str() {
            "latency" => {
                results.latency = Some(runtime.block_on(latency::run(&bench, args.steps))?);
            }
            "footprint" => results.footprint = Some(runtime.block_on(footprint::run(&bench))?),
            _ => results.ceiling = runtime.block_on(ceiling::run(&bench, &args.ladder))?,
        }
    }
    print!("{}", results.table());
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_vec_pretty(&results)?)?;
    }
    Ok(results.holds())
}
