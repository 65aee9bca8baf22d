//! `andon buffer …`: store-and-forward accounting, of a running gateway through its socket or of an idle data
//! directory.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Outcome;
use super::ask::{Failure, ask_running, is_idle};
use crate::buffer::{self, BufferStatus, LaneStatus, VerifyReport};
use crate::control::Request;
use crate::model::{Timestamp, with_causes};

/// Store-and-forward accounting.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what waits for delivery, what was dropped and how long the space lasts.
    Status(Args),
    /// Check every stored record: checksum, order, gaps, high-water mark. Exit code 2 when something is wrong.
    Verify(Args),
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration of the gateway.
    #[arg(short, long, value_name = "FILE", required_unless_present = "data_dir")]
    config: Option<PathBuf>,
    /// Data directory, when there is no configuration at hand.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data_dir: Option<PathBuf>,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &Command) -> Outcome {
    let (Command::Status(args) | Command::Verify(args)) = command;
    let place = match Place::of(args) {
        Ok(place) => place,
        Err(outcome) => return outcome,
    };
    let result = match command {
        Command::Status(_) => status(&place, args.json),
        Command::Verify(_) => verify(&place, args.json),
    };
    result.unwrap_or_else(|error| {
        complain(&with_causes(error.as_ref()));
        Outcome::Failed
    })
}

/// Where the buffer is, and its bound if that is known.
struct Place {
    data_dir: PathBuf,
    max_bytes: u64,
}

impl Place {
    fn of(args: &Args) -> Result<Self, Outcome> {
        if let Some(data_dir) = &args.data_dir {
            return Ok(Self {
                data_dir: data_dir.clone(),
                max_bytes: 0,
            });
        }
        let path = args.config.as_deref().unwrap_or(Path::new(""));
        match crate::config::load(path) {
            Ok(config) => Ok(Self {
                data_dir: config.gateway.data_dir,
                max_bytes: config.buffer.max_bytes,
            }),
            Err(error) => {
                for fault in &error.faults {
                    complain(&format!("{}: {}", fault.at, fault.message));
                }
                Err(Outcome::Usage)
            }
        }
    }
}

fn status(place: &Place, json: bool) -> Result<Outcome, Failure> {
    let status = match ask(&place.data_dir, Request::BufferStatus)? {
        Some(status) => status,
        None => buffer::idle_status(&place.data_dir, place.max_bytes)?,
    };
    print(&status, json, status_table)?;
    Ok(Outcome::Clean)
}

fn verify(place: &Place, json: bool) -> Result<Outcome, Failure> {
    let report: VerifyReport = match ask(&place.data_dir, Request::BufferVerify)? {
        Some(report) => report,
        None => buffer::idle_verify(&place.data_dir)?,
    };
    print(&report, json, verify_table)?;
    Ok(if report.is_clean() {
        Outcome::Clean
    } else {
        Outcome::CheckFailed
    })
}

/// The running gateway's answer; nothing when none is running.
fn ask<T: DeserializeOwned>(data_dir: &Path, request: Request) -> Result<Option<T>, Failure> {
    match ask_running(data_dir, request) {
        Ok(value) => Ok(Some(serde_json::from_value(value)?)),
        Err(error) if is_idle(error.as_ref()) => Ok(None),
        Err(error) => Err(error),
    }
}

fn print<T: Serialize>(value: &T, json: bool, table: impl Fn(&T) -> String) -> io::Result<()> {
    let text = if json {
        format!("{}\n", serde_json::to_string_pretty(value)?)
    } else {
        table(value)
    };
    io::stdout().write_all(text.as_bytes())
}

fn complain(text: &str) {
    // Without a stderr there is nobody left to tell.
    drop(writeln!(io::stderr(), "{text}"));
}

fn status_table(status: &BufferStatus) -> String {
    let mut lines = vec![format!("epoch {}", status.epoch)];
    if let Some(hours) = status.hours_left {
        lines.push(format!("space lasts for {hours:.1} h at the present rate"));
    }
    if status.incidents_missed > 0 {
        lines.push(format!(
            "{} incidents were not reported",
            status.incidents_missed
        ));
    }
    for lane in &status.lanes {
        lines.push(String::new());
        lines.extend(lane_lines(lane));
    }
    lines.join("\n") + "\n"
}

fn lane_lines(lane: &LaneStatus) -> Vec<String> {
    let row = |name: &str, value: String| format!("  {name:<16}{value}");
    let oldest = lane
        .oldest_pending_ms
        .map(|ms| format!(", oldest from {}", Timestamp::from_millis(ms)))
        .unwrap_or_default();
    let mut lines = vec![
        format!("{} lane", lane.lane),
        row(
            "pending",
            format!(
                "{} records, {}{oldest}",
                lane.pending_records,
                size(lane.pending_bytes)
            ),
        ),
        row("delivered", format!("up to {}", lane.cursor_seq)),
        row("durable", format!("up to {}", lane.committed_seq)),
        row(
            "on disk",
            format!("{} in {} segments", size(lane.disk_bytes), lane.segments),
        ),
    ];
    for (reason, count) in lane.dropped.iter().filter(|(_, count)| **count > 0) {
        lines.push(row("dropped", format!("{count} ({reason})")));
    }
    if lane.quarantined_segments > 0 {
        lines.push(row(
            "set aside",
            format!("{} damaged segments", lane.quarantined_segments),
        ));
    }
    if !lane.durable {
        lines.push(row(
            "WARNING",
            "the disk refuses records: memory only".into(),
        ));
    }
    lines
}

fn size(bytes: u64) -> String {
    const UNITS: [(&str, f64); 3] = [
        ("GiB", 1_073_741_824.0),
        ("MiB", 1_048_576.0),
        ("KiB", 1024.0),
    ];
    let value = bytes as f64;
    UNITS.iter().find(|(_, unit)| value >= *unit).map_or_else(
        || format!("{bytes} B"),
        |(name, unit)| format!("{:.1} {name}", value / unit),
    )
}

fn verify_table(report: &VerifyReport) -> String {
    let mut lines = Vec::new();
    for lane in &report.lanes {
        let verdict = match lane.fault_count {
            0 => "all is well".to_owned(),
            1 => "1 fault".to_owned(),
            count => format!("{count} faults"),
        };
        lines.push(format!(
            "{} lane: {} records in {} segments, {} accounted for as dropped, {} segments set aside: {verdict}",
            lane.lane, lane.records, lane.segments, lane.accounted, lane.quarantined_segments
        ));
        lines.extend(lane.faults.iter().map(|fault| format!("  {fault}")));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn sizes_read_as_people_say_them() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(4 << 30), "4.0 GiB");
    }

    #[test]
    fn the_status_names_what_needs_attention() {
        let lane = LaneStatus {
            lane: "telemetry".into(),
            first_seq: 1,
            last_seq: 10,
            committed_seq: 10,
            cursor_seq: 4,
            pending_records: 6,
            pending_bytes: 6144,
            disk_bytes: 10 << 20,
            segments: 2,
            oldest_pending_ms: Some(1_772_344_800_250),
            dropped: BTreeMap::from([("quota".to_owned(), 3), ("corrupt".to_owned(), 0)]),
            quarantined_segments: 1,
            durable: false,
        };
        let status = BufferStatus {
            epoch: 7,
            lanes: vec![lane],
            max_bytes: 0,
            hours_left: Some(12.34),
            incidents_missed: 0,
        };
        let expected = "\
epoch 7
space lasts for 12.3 h at the present rate

telemetry lane
  pending         6 records, 6.0 KiB, oldest from 2026-03-01T06:00:00.250Z
  delivered       up to 4
  durable         up to 10
  on disk         10.0 MiB in 2 segments
  dropped         3 (quota)
  set aside       1 damaged segments
  WARNING         the disk refuses records: memory only
";
        assert_eq!(status_table(&status), expected);
    }

    #[test]
    fn an_idle_directory_without_a_buffer_is_refused_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let args = Args {
            config: None,
            data_dir: Some(dir.path().join("typo")),
            json: true,
        };
        assert_eq!(run(&Command::Verify(args)), Outcome::Failed);
        assert!(!dir.path().join("typo").exists());
    }
}
