//! The command line: one file per subcommand.
//!
//! Exit codes: 0 clean, 1 runtime failure, 2 check failed, 64 usage or configuration.

mod ask;
mod backtest;
mod baseline;
mod browse;
mod buffer;
mod changeovers;
mod check;
mod compare;
mod decode;
mod defects;
mod design;
mod explain;
mod export;
mod history;
mod input;
mod intake;
mod limits;
mod live;
mod oee;
mod opcua;
mod orders;
mod output;
mod progress;
mod replay;
mod run;
mod shifts;
mod spc;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Clean,
    /// It ran and something failed.
    Failed,
    /// A check or verification did not hold.
    CheckFailed,
    /// Usage or configuration is wrong.
    Usage,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Clean => 0,
            Outcome::Failed => 1,
            Outcome::CheckFailed => 2,
            Outcome::Usage => 64,
        })
    }
}

/// Edge gateway: polls OPC UA and Modbus devices, detects abnormal behaviour, alerts the team that can act,
/// and keeps everything through outages.
#[derive(Debug, Parser)]
#[command(name = "andon", version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    Browse(browse::Args),
    Replay(replay::Args),
    Backtest(backtest::Args),
    #[command(subcommand)]
    Buffer(buffer::Command),
    #[command(subcommand)]
    Opcua(opcua::Command),
    #[command(subcommand)]
    Baseline(baseline::Command),
    #[command(subcommand)]
    History(history::Command),
    Intake(intake::Args),
    Oee(oee::Args),
    Shifts(shifts::Args),
    Changeovers(changeovers::Args),
    Orders(orders::Args),
    Spc(Box<spc::Args>),
    Defects(defects::Args),
    Compare(compare::Args),
    Verify(verify::Args),
    Decode(decode::Args),
    Design(design::Args),
}

/// Parses the arguments and runs the subcommand.
pub fn main<I, T>(args: I) -> ExitCode
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let printed = error.print();
            let wrong = error.use_stderr() || printed.is_err();
            return if wrong {
                Outcome::Usage
            } else {
                Outcome::Clean
            }
            .into();
        }
    };
    let outcome = match args.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Browse(args) => browse::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Buffer(command) => buffer::run(&command),
        Command::Opcua(command) => opcua::run(&command),
        Command::Baseline(command) => baseline::run(&command),
        Command::History(command) => history::run(&command),
        Command::Intake(args) => intake::run(&args),
        Command::Oee(args) => oee::run(&args),
        Command::Shifts(args) => shifts::run(&args),
        Command::Changeovers(args) => changeovers::run(&args),
        Command::Orders(args) => orders::run(&args),
        Command::Spc(args) => spc::run(&args),
        Command::Defects(args) => defects::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Decode(args) => decode::run(&args),
        Command::Design(args) => design::run(&args),
    };
    outcome.into()
}
