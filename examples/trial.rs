//! Long runs against the real gateway that would not fit into the tests.
//!
//! ```text
//! cargo run --release --example trial -- kill --kills 100
//! cargo run --release --example trial -- isolation
//! tests/scripts/disk_full.sh
//! ```
//!
//! Each prints what it measured, with `--json` as one object on the last line. Exit code 0: every promise and bound
//! held; 101: a promise was broken, with words; 2: a time bound was missed. `ANDON_BIN` names the gateway's binary;
//! without it this program runs itself as the gateway.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a trial fails by panicking and prints its figures"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use trial::{disk_full, isolation, kill};

#[path = "../tests/e2e/rig/mod.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod rig;
#[path = "../tests/e2e/trial/mod.rs"]
mod trial;

/// From the start of the process to the first request at a device.
const RESTART_MAX: Duration = Duration::from_secs(1);

/// Long runs against the real gateway.
#[derive(Debug, Parser)]
#[command(name = "trial")]
struct Args {
    #[command(subcommand)]
    trial: Trial,
    /// Print the result as one JSON object on the last line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Trial {
    /// SIGKILL at random moments under 1,000 values per second; nothing acknowledged may be lost.
    Kill {
        /// How often.
        #[arg(long, default_value_t = 100)]
        kills: u32,
        /// Seed of the moments.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// One device refuses, hangs and babbles; how evenly the others are sampled meanwhile.
    Isolation {
        /// Polling period, ms.
        #[arg(long, default_value_t = 100)]
        rate_ms: u64,
        /// Samples per tag and phase.
        #[arg(long, default_value_t = 200)]
        samples: usize,
    },
    /// The disk is full while the broker is away.
    DiskFull {
        /// A small file system of its own; it is filled.
        #[arg(long)]
        data_dir: PathBuf,
    },
}

fn main() -> ExitCode {
    let first = std::env::args().nth(1).unwrap_or_default();
    if ["run", "verify", "buffer"].contains(&first.as_str()) {
        return andon::cli::main(std::env::args_os());
    }
    let args = Args::parse();
    let (result, in_time) = match args.trial {
        Trial::Kill { kills, seed } => {
            let outcome = kill::run(kills, seed);
            let bound = outcome.restart.percentile(100);
            println!(
                "{} kills, {} of them before the first request; start to first request: {}",
                outcome.kills, outcome.early, outcome.restart
            );
            print_stream(&outcome.stream);
            (outcome.to_json(), bound < RESTART_MAX)
        }
        Trial::Isolation { rate_ms, samples } => {
            let sampled = isolation::run(rate_ms, samples);
            for line in &sampled {
                println!("{line}");
            }
            let whole = sampled.iter().all(|s| s.missing == 0 && s.not_good == 0);
            let phases: Vec<Value> = sampled.iter().map(isolation::Sampled::to_json).collect();
            (json!({"trial": "isolation", "phases": phases}), whole)
        }
        Trial::DiskFull { data_dir } => {
            let result = disk_full::run(&data_dir);
            println!("dropped on disk: {}", result["dropped_on_disk"]);
            print_stream(&result["stream"]);
            (result, true)
        }
    };
    if args.json {
        println!("{result}");
    }
    if in_time {
        println!("held");
        ExitCode::SUCCESS
    } else {
        println!("a bound was missed");
        ExitCode::from(2)
    }
}

fn print_stream(stream: &Value) {
    for lane in stream["lanes"].as_array().into_iter().flatten() {
        let columns = [
            "records",
            "duplicates",
            "dropped",
            "missing",
            "out_of_order",
            "conflicts",
            "reused",
        ];
        let cells = columns.map(|name| format!("{name} {}", lane[name]));
        println!(
            "{:<10} {}",
            lane["lane"].as_str().unwrap_or_default(),
            cells.join("  ")
        );
    }
}
