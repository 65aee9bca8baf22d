//! The `hal-sim` program: runs a scenario, prints the gateway configuration that matches it, or records days of production.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use hal_sim::longrun::{self, Plan};
use hal_sim::{Scenario, Sim, SimOptions, gateway_config, gateway_config_fragment};
use jiff::civil::Date;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Simulated plant: Modbus TCP and OPC UA servers and an MQTT broker, with scripted, labelled faults.
#[derive(Debug, Parser)]
#[command(name = "hal-sim", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a plant until SIGINT or SIGTERM; the first line on stdout is JSON and names the endpoints.
    Run {
        /// Scenario file (TOML).
        scenario: PathBuf,
        /// End by itself after this time, e.g. 60s.
        #[arg(long = "for", value_parser = duration)]
        time: Option<Duration>,
        /// Write what was injected, when and where, as JSON lines.
        #[arg(long)]
        truth: Option<PathBuf>,
        /// Plant seconds per real second.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// Write a gateway configuration that fits, with the ports that the servers took.
        #[arg(long, value_name = "FILE")]
        gateway: Option<PathBuf>,
        /// Keep keys and certificates of OPC UA servers here, so that clients can go on trusting them.
        #[arg(long)]
        pki: Option<PathBuf>,
    },
    /// Print devices and tags of a scenario. Servers that take any free port are not started: give them
    /// fixed ones in the scenario, or let `run --gateway FILE` write the configuration.
    Tags {
        /// Scenario file (TOML).
        scenario: PathBuf,
        /// What to print.
        #[arg(long, value_enum, default_value_t = Format::Andon)]
        format: Format,
    },
    /// Simulate days of production at full speed and record them: values as a gateway replays them (values.csv), tables of
    /// what systems around the machines know, and the truth about all of it (ledger.json).
    ///
    /// The same scenario, days and seed give the same bytes.
    Record {
        /// Scenario of days (TOML), e.g. config/scenarios/month.toml.
        scenario: PathBuf,
        /// First production day in the plant's time zone, e.g. 2026-03-01.
        #[arg(long, value_parser = date)]
        from: Date,
        /// How many production days.
        #[arg(long)]
        days: u32,
        /// Directory for the files; created when missing.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Another seed than the scenario's.
        #[arg(long)]
        seed: Option<u64>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// `[[device]]` and `[[device.tag]]` of a gateway configuration.
    Andon,
}

fn duration(text: &str) -> Result<Duration, String> {
    hal_sim::scenario::parse_duration(text)
        .ok_or_else(|| format!("`{text}` is no duration; write e.g. 60s or 10m"))
}

fn date(text: &str) -> Result<Date, String> {
    text.parse()
        .ok()
        .ok_or_else(|| format!("`{text}` is no date; write e.g. 2026-03-01"))
}

fn main() -> ExitCode {
    // The libraries log every client that leaves as an error.
    let own = Targets::new().with_target("hal_sim", tracing::Level::WARN);
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_filter(own),
        )
        .init();
    match execute(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut chain = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                chain.push_str(": ");
                chain.push_str(&cause.to_string());
                source = cause.source();
            }
            tracing::error!("{chain}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Run {
            scenario,
            time,
            truth,
            speed,
            gateway,
            pki,
        } => {
            let options = SimOptions {
                pki_dir: pki,
                truth,
                speed,
            };
            let sim = Sim::start_with(Scenario::load(&scenario)?, options)?;
            if let Some(file) = gateway {
                let config = gateway_config(sim.scenario(), sim.endpoints());
                std::fs::write(&file, config)
                    .map_err(|error| format!("write `{}`: {error}", file.display()))?;
            }
            print(&format!("{}\n", serde_json::to_string(sim.endpoints())?))?;
            wait(time)?;
            drop(sim);
            Ok(())
        }
        Command::Tags {
            scenario,
            format: Format::Andon,
        } => {
            let scenario = Scenario::load(&scenario)?;
            print(&gateway_config_fragment(
                &scenario,
                &scenario.planned_endpoints(),
            ))?;
            Ok(())
        }
        Command::Record {
            scenario,
            from,
            days,
            out,
            seed,
        } => {
            let mut plan = Plan::load(&scenario)?;
            plan.seed = seed.unwrap_or(plan.seed);
            let recorded = longrun::record(&plan, from, days, &out)?;
            print(&format!("{}\n", serde_json::to_string(&recorded)?))?;
            Ok(())
        }
    }
}

fn print(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Until a signal arrives or the time is over.
fn wait(time: Option<Duration>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let over = async {
            match time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = over => {}
        }
        Ok(())
    })
}
