//! `andon verify`: prove a recorded stream complete.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Outcome;
use super::input::{Line, complain, for_each_line, open};
use crate::publish::topic;
use crate::record::ledger::{Expected, LaneReport, Ledger, Observation};
use crate::record::{BodyV1, Lane, RecordId, wire};

/// Missing ranges printed per lane.
const RANGES_SHOWN: usize = 20;

/// Prove a recorded MQTT stream complete: no record lost, none out of order.
///
/// Each line of a file is one message: a JSON payload as received, `topic payload` as `mosquitto_sub -v` prints it,
/// or an object `{"topic":…,"payload":…}` or `{"topic":…,"payload_base64":…}` around it (Base64 for postcard). Files
/// are read in the order given. Exit code 2 when anything is missing, out of order or contradictory.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recorded messages, plain or gzip; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// First sequence number that must be there, for every lane or for one: `1` or `telemetry=1`.
    #[arg(long, value_name = "[LANE=]N", value_parser = parse_bound)]
    expect_first: Vec<Bound>,
    /// Last sequence number that must be there.
    #[arg(long, value_name = "[LANE=]N", value_parser = parse_bound)]
    expect_last: Vec<Bound>,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

/// A sequence number, for one lane or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bound {
    lane: Option<Lane>,
    seq: u64,
}

fn parse_bound(text: &str) -> Result<Bound, String> {
    let (lane, number) = match text.split_once('=') {
        None => (None, text),
        Some((name, number)) => {
            let lane = Lane::ALL.into_iter().find(|l| l.as_str() == name);
            let lane = lane.ok_or_else(|| format!("`{name}` is not `alerts` or `telemetry`"))?;
            (Some(lane), number)
        }
    };
    let seq = number
        .parse()
        .map_err(|error| format!("`{number}`: {error}"))?;
    Ok(Bound { lane, seq })
}

/// The bound for a lane; one that names the lane counts before one that does not.
fn bound(bounds: &[Bound], lane: Lane) -> Option<u64> {
    let matching = bounds.iter().filter(|b| b.lane.is_none_or(|l| l == lane));
    matching.max_by_key(|b| b.lane.is_some()).map(|b| b.seq)
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut audit = Audit::default();
    for file in &args.files {
        let read = open(file).and_then(|reader| {
            for_each_line(reader, |line, text| {
                audit.line(&file.display(), line, text);
                Ok(())
            })
        });
        if let Err(error) = read {
            complain(&format!("read {}: {error}", file.display()));
            return Outcome::Failed;
        }
    }
    let lanes = audit.ledger.report(|lane| Expected {
        first: bound(&args.expect_first, lane),
        last: bound(&args.expect_last, lane),
    });
    let is_complete = audit.holds(&lanes);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let printed = if args.json {
        audit.print_json(&mut out, &lanes, is_complete)
    } else {
        audit.print_text(&mut out, &lanes, is_complete)
    };
    match printed.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Outcome::Failed,
        _ if is_complete => Outcome::Clean,
        _ => Outcome::CheckFailed,
    }
}

/// What the lines add up to.
#[derive(Debug, Default)]
struct Audit {
    ledger: Ledger,
    records: u64,
    /// Messages that are no records: birth, health, other topics.
    others: u64,
    /// Lines that are no messages, but for a cut last one.
    unreadable: u64,
}

impl Audit {
    fn line(&mut self, file: &impl std::fmt::Display, line: &Line, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        match message(text).and_then(|message| message.observation()) {
            Ok(Some(observation)) => {
                self.records += 1;
                self.ledger.observe(&observation);
            }
            Ok(None) => self.others += 1,
            Err(why) if line.is_whole => {
                self.unreadable += 1;
                if self.unreadable <= 10 {
                    complain(&format!("{file}:{}: {why}", line.number));
                }
            }
            Err(_) => complain(&format!(
                "{file}:{}: the last line is cut and not counted",
                line.number
            )),
        }
    }

    /// A stream without records proves nothing.
    fn holds(&self, lanes: &[LaneReport]) -> bool {
        !lanes.is_empty() && self.unreadable == 0 && lanes.iter().all(LaneReport::holds)
    }

    fn print_text(
        &self,
        out: &mut impl Write,
        lanes: &[LaneReport],
        is_complete: bool,
    ) -> io::Result<()> {
        let (records, others, unreadable) = (self.records, self.others, self.unreadable);
        writeln!(
            out,
            "{records} record messages, {others} others, {unreadable} unreadable lines"
        )?;
        for lane in lanes {
            writeln!(
                out,
                "{} {}: {} to {}",
                lane.gateway,
                lane.lane.as_str(),
                lane.first,
                lane.last
            )?;
            let rows = [
                ("records", lane.records),
                ("repeats", lane.duplicates),
                ("named in drop records", lane.dropped),
                ("missing", lane.missing_records()),
                ("out of order", lane.out_of_order),
                ("same id, other bytes", lane.conflicts),
                ("numbers used twice", lane.reused),
                ("single values", lane.points),
                ("samples in summaries", lane.samples),
            ];
            for (name, count) in rows {
                writeln!(out, "  {name:<22} {count:>12}")?;
            }
            for (from, to) in lane.missing.iter().take(RANGES_SHOWN) {
                writeln!(out, "  missing {from} to {to}")?;
            }
            if let Some(more) = lane.missing.len().checked_sub(RANGES_SHOWN + 1) {
                writeln!(out, "  and {} more ranges", more + 1)?;
            }
        }
        writeln!(
            out,
            "{}",
            if is_complete {
                "complete"
            } else {
                "NOT complete"
            }
        )
    }

    fn print_json(
        &self,
        out: &mut impl Write,
        lanes: &[LaneReport],
        is_complete: bool,
    ) -> io::Result<()> {
        let lanes: Vec<serde_json::Value> = lanes
            .iter()
            .map(|lane| {
                serde_json::json!({
                    "gateway": lane.gateway,
                    "lane": lane.lane.as_str(),
                    "first": lane.first,
                    "last": lane.last,
                    "records": lane.records,
                    "duplicates": lane.duplicates,
                    "dropped": lane.dropped,
                    "missing": lane.missing_records(),
                    "missing_ranges": lane.missing,
                    "out_of_order": lane.out_of_order,
                    "conflicts": lane.conflicts,
                    "reused": lane.reused,
                    "points": lane.points,
                    "samples": lane.samples,
                })
            })
            .collect();
        let report = serde_json::json!({
            "complete": is_complete,
            "messages": self.records,
            "others": self.others,
            "unreadable": self.unreadable,
            "lanes": lanes,
        });
        writeln!(out, "{report}")
    }
}

/// One MQTT message of a recording.
#[derive(Debug)]
struct Message<'a> {
    topic: Option<Cow<'a, str>>,
    payload: Cow<'a, [u8]>,
}

/// Reads a line in any of the three forms.
fn message(text: &[u8]) -> Result<Message<'_>, String> {
    #[derive(Deserialize)]
    struct Wrapper<'a> {
        #[serde(borrow)]
        topic: Option<Cow<'a, str>>,
        payload: Option<serde_json::Value>,
        #[serde(borrow)]
        payload_base64: Option<Cow<'a, str>>,
    }
    if !text.starts_with(b"{") {
        // `topic payload`; an asset may hold blanks, so the payload is what begins with the first brace.
        let at = text.windows(2).position(|w| w == b" {");
        // What clears a part of a birth has no payload; mosquitto_sub prints `(null)` for it.
        let cleared = text.strip_suffix(b" (null)").unwrap_or(text);
        let (topic, payload) = at
            .and_then(|at| text.split_at_checked(at))
            .or_else(|| is_birth(cleared).then_some((cleared, &[])))
            .ok_or("it is neither JSON nor `topic payload`")?;
        let topic = std::str::from_utf8(topic).map_err(|error| error.to_string())?;
        return Ok(Message {
            topic: Some(Cow::Borrowed(topic)),
            payload: Cow::Borrowed(payload.trim_ascii_start()),
        });
    }
    let wrapper: Wrapper<'_> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let payload = match (wrapper.payload_base64, wrapper.payload) {
        (Some(encoded), _) => {
            let bytes = STANDARD.decode(encoded.as_bytes());
            Cow::Owned(bytes.map_err(|error| error.to_string())?)
        }
        (None, Some(serde_json::Value::String(inner))) => Cow::Owned(inner.into_bytes()),
        (None, Some(inner)) => Cow::Owned(inner.to_string().into_bytes()),
        (None, None) => Cow::Borrowed(text),
    };
    Ok(Message {
        topic: wrapper.topic,
        payload,
    })
}

fn is_birth(topic: &[u8]) -> bool {
    std::str::from_utf8(topic).is_ok_and(topic::is_birth)
}

impl Message<'_> {
    /// The record in it; `None` when it is something else.
    fn observation(&self) -> Result<Option<Observation>, String> {
        let parts = self.topic.as_deref().map(topic::parse);
        if parts == Some(None) {
            return Ok(None);
        }
        let role = parts.flatten().and_then(|p| p.role).unwrap_or_default();
        let counted = if self.payload.starts_with(b"{") {
            from_json(&self.payload)?
        } else {
            Some(from_wire(&self.payload)?)
        };
        Ok(counted.map(|counted| Observation {
            id: counted.id,
            role: role.to_owned(),
            checksum: crc32c::crc32c(&self.payload),
            points: counted.points,
            samples: counted.samples,
            dropped: counted.dropped,
        }))
    }
}

struct Counted {
    id: RecordId,
    points: u64,
    samples: u64,
    dropped: Option<(Lane, u64, u64)>,
}

fn from_json(payload: &[u8]) -> Result<Option<Counted>, String> {
    #[derive(Deserialize)]
    struct Record<'a> {
        #[serde(borrow)]
        id: Option<Cow<'a, str>>,
        #[serde(borrow, rename = "type")]
        kind: Option<Cow<'a, str>>,
        #[serde(default)]
        items: Vec<Item>,
        #[serde(default)]
        points: Vec<serde::de::IgnoredAny>,
        #[serde(borrow)]
        lane: Option<Cow<'a, str>>,
        seq_from: Option<u64>,
        seq_to: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Item {
        good: u64,
        uncertain: u64,
        bad: u64,
    }
    let record: Record<'_> = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    let Some(id) = record.id else {
        return Ok(None);
    };
    let lane = record
        .lane
        .and_then(|name| Lane::ALL.into_iter().find(|l| l.as_str() == name));
    let dropped = match (record.kind.as_deref(), lane, record.seq_from, record.seq_to) {
        (Some("drop"), Some(lane), Some(from), Some(to)) => Some((lane, from, to)),
        _ => None,
    };
    let samples = record.items.iter().map(|i| i.good + i.uncertain + i.bad);
    Ok(Some(Counted {
        id: RecordId::parse(&id).map_err(|error| error.to_string())?,
        points: u64::try_from(record.points.len()).unwrap_or(u64::MAX),
        samples: samples.sum(),
        dropped,
    }))
}

fn from_wire(payload: &[u8]) -> Result<Counted, String> {
    let record = wire::decode(payload).map_err(|error| error.to_string())?;
    let body = record.decode().map_err(|error| error.to_string())?;
    let mut counted = Counted {
        id: record.id.to_owned(),
        points: 0,
        samples: 0,
        dropped: None,
    };
    match body {
        BodyV1::Summary(summary) => {
            let items = summary.items.iter();
            let samples =
                items.map(|i| u64::from(i.good) + u64::from(i.uncertain) + u64::from(i.bad));
            counted.samples = samples.sum();
        }
        BodyV1::Raw(raw) => counted.points = u64::try_from(raw.points.len()).unwrap_or(u64::MAX),
        BodyV1::Drop(drop) => {
            let lane = Lane::from_number(drop.lane);
            counted.dropped = lane.map(|lane| (lane, drop.seq_from, drop.seq_to));
        }
        BodyV1::Alert(_) | BodyV1::Explained(_) | BodyV1::Event(_) => {}
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::names::TagNames;
    use crate::record::wire::IdRef;
    use crate::record::{encode_body, json, samples};

    fn id(lane: Lane, seq: u64) -> IdRef<'static> {
        IdRef {
            gateway: "gw1",
            epoch: 7,
            lane,
            seq,
        }
    }

    fn payload(lane: Lane, seq: u64, body: &BodyV1) -> String {
        String::from_utf8(json::encode(id(lane, seq), body, &TagNames::default())).unwrap()
    }

    fn summary(seq: u64) -> String {
        payload(Lane::Telemetry, seq, &samples::summary())
    }

    fn audit(lines: &[String]) -> (Audit, Vec<LaneReport>) {
        let mut audit = Audit::default();
        let text = lines.join("\n");
        for_each_line(text.as_bytes(), |line, text| {
            audit.line(&"test", line, text);
            Ok(())
        })
        .unwrap();
        let lanes = audit.ledger.report(|_| Expected::default());
        (audit, lanes)
    }

    #[track_caller]
    fn check(lines: &[String], is_complete: bool) -> Vec<LaneReport> {
        let (audit, lanes) = audit(lines);
        assert_eq!(audit.holds(&lanes), is_complete, "{audit:?}");
        lanes
    }

    #[test]
    fn every_form_of_line_is_read() {
        let topic = "acme/paint shop/press1/_summary/gw1";
        let raw = encode_body(&samples::raw());
        let encoded = STANDARD.encode(wire::encode(id(Lane::Telemetry, 5), &raw));
        let inner: serde_json::Value = serde_json::from_str(&summary(4)).unwrap();
        let lines = [
            summary(1),
            format!("{topic} {}", summary(2)),
            serde_json::json!({"topic": topic, "payload": summary(3)}).to_string(),
            serde_json::json!({"topic": topic, "payload": inner}).to_string(),
            serde_json::json!({"topic": "a/_raw/gw1", "payload_base64": encoded}).to_string(),
            "acme/_health/gw1 {\"v\":1,\"type\":\"health\"}".to_owned(),
            "{\"v\":1,\"type\":\"birth\"}".to_owned(),
            "acme/_birth/gw1/1 {\"v\":2,\"type\":\"birth\",\"part\":1}".to_owned(),
            "acme/_birth/gw1/2".to_owned(),
            "acme/_birth/gw1/3 (null)".to_owned(),
            "{\"topic\":\"acme/_birth/gw1/4\",\"payload\":null}".to_owned(),
            String::new(),
        ];
        let lanes = check(&lines, true);
        assert_eq!((lanes[0].first, lanes[0].last, lanes[0].records), (1, 5, 5));
        assert_eq!((lanes[0].samples, lanes[0].points), (4 * 21, 7));
    }

    #[test]
    fn a_lost_record_fails_unless_it_is_named() {
        let gap = [summary(1), summary(400)];
        assert_eq!(check(&gap, false)[0].missing, [(2, 399)]);
        let mut named = gap.to_vec();
        // The sample names 100 to 299.
        named.push(payload(Lane::Alerts, 1, &samples::drop()));
        let lanes = check(&named, false);
        assert_eq!(lanes[1].missing, [(2, 99), (300, 399)]);
        let body = encode_body(&samples::drop());
        let wired = STANDARD.encode(wire::encode(id(Lane::Alerts, 1), &body));
        let line = serde_json::json!({"payload_base64": wired}).to_string();
        assert_eq!(
            check(&[gap[0].clone(), gap[1].clone(), line], false)[1].dropped,
            200
        );
    }

    #[test]
    fn alerts_to_several_roles_are_no_repeats() {
        let alert = payload(Lane::Alerts, 1, &samples::alert());
        let lines = ["maintenance", "operator", "operator"]
            .map(|role| format!("acme/_alert/{role}/gw1 {alert}"));
        let lanes = check(&lines, true);
        assert_eq!((lanes[0].records, lanes[0].duplicates), (1, 1));
        let wired = wire::encode(id(Lane::Alerts, 1), &encode_body(&samples::alert()));
        assert!(from_wire(&wired).is_ok());
    }

    #[test]
    fn an_unreadable_line_fails_but_a_cut_last_one_does_not() {
        check(&[summary(1), "{\"id\":".to_owned()], true);
        check(&["{\"id\":".to_owned(), summary(1)], false);
        check(&["no braces".to_owned(), summary(1)], false);
        check(&["{\"id\":\"x\"}".to_owned(), summary(1)], false);
        check(
            &["{\"payload_base64\":\"AAAA\"}".to_owned(), summary(1)],
            false,
        );
    }

    #[test]
    fn an_empty_stream_proves_nothing() {
        check(&[], false);
    }

    #[test]
    fn reports_read_well() {
        let (audit, lanes) = audit(&[summary(1), summary(3), summary(3)]);
        let mut text = Vec::new();
        audit.print_text(&mut text, &lanes, false).unwrap();
        audit.print_json(&mut text, &lanes, false).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
    }

    #[test]
    fn bounds_are_for_one_lane_or_all() {
        let bounds = ["telemetry=5", "2"].map(|text| parse_bound(text).unwrap());
        assert_eq!(bound(&bounds, Lane::Telemetry), Some(5));
        assert_eq!(bound(&bounds, Lane::Alerts), Some(2));
        assert_eq!(bound(&[], Lane::Alerts), None);
        assert!(parse_bound("x").is_err());
        assert!(parse_bound("raw=1").is_err());
    }
}
