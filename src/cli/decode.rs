//! `andon decode`: postcard payloads to JSON lines.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Outcome;
use super::input::{complain, for_each_line, open};
use crate::model::with_causes;
use crate::record::names::{TagName, TagNames};
use crate::record::{RecordError, json, registry, wire};

/// Largest payload in framed input.
const MAX_FRAME_BYTES: u32 = 16 * 1024 * 1024;

/// Turn postcard payloads into JSON lines.
///
/// Without an option the input is one payload. `mosquitto_sub -F %x` records one payload per line for `--hex`, and
/// `mosquitto_sub -W 2 -t '…/_birth/GATEWAY/#'` the birth for `--birth`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// File with payloads; `-` or nothing is standard input. Gzip is recognised.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Names of tags: the parts of the gateway's retained birth as JSON, one behind the other or in a file each, or its
    /// `tags.N.reg`. May be given several times. Without it tags are shown as `#number`.
    #[arg(long, value_name = "FILE")]
    birth: Vec<PathBuf>,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Form {
    /// One payload per line, in hexadecimal digits.
    #[arg(long)]
    hex: bool,
    /// One payload per line, in Base64.
    #[arg(long)]
    base64: bool,
    /// Each payload behind its length, 4 bytes, most significant first.
    #[arg(long)]
    framed: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let names = match read_names(&args.birth) {
        Ok(names) => names,
        Err(text) => {
            complain(&text);
            return Outcome::Failed;
        }
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut decoder = Decoder {
        names: &names,
        out: &mut out,
        bad: 0,
    };
    let read = open(&args.file).and_then(|reader| decoder.read(reader, &args.form));
    let bad = decoder.bad;
    match read.and_then(|()| out.flush()) {
        Ok(()) if bad == 0 => Outcome::Clean,
        Ok(()) => Outcome::Failed,
        // The reader of our output has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::Clean,
        Err(error) => {
            complain(&format!("decode {}: {error}", args.file.display()));
            Outcome::Failed
        }
    }
}

struct Decoder<'a, W> {
    names: &'a TagNames,
    out: &'a mut W,
    /// Payloads that are not records.
    bad: u64,
}

impl<W: Write> Decoder<'_, W> {
    fn read(&mut self, mut reader: impl BufRead, form: &Form) -> io::Result<()> {
        if form.hex || form.base64 {
            return for_each_line(reader, |line, text| {
                let bytes = if form.hex {
                    hex(text)
                } else {
                    STANDARD.decode(text).ok()
                };
                let place = format!("line {}", line.number);
                match bytes {
                    _ if text.is_empty() => Ok(()),
                    Some(bytes) => self.payload(&place, &bytes),
                    None => {
                        self.refuse(&place, "it is not in the form that was asked for");
                        Ok(())
                    }
                }
            });
        }
        if form.framed {
            return self.frames(reader);
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        self.payload("the payload", &bytes)
    }

    fn frames(&mut self, mut reader: impl BufRead) -> io::Result<()> {
        for number in 1.. {
            if reader.fill_buf()?.is_empty() {
                break;
            }
            let mut length = [0; 4];
            reader.read_exact(&mut length)?;
            let length = u32::from_be_bytes(length);
            if length > MAX_FRAME_BYTES {
                let text = format!("frame {number} claims {length} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            let mut bytes = Vec::new();
            let read = (&mut reader)
                .take(u64::from(length))
                .read_to_end(&mut bytes)?;
            if u32::try_from(read) != Ok(length) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.payload(&format!("frame {number}"), &bytes)?;
        }
        Ok(())
    }

    fn payload(&mut self, place: &str, bytes: &[u8]) -> io::Result<()> {
        match to_json(bytes, self.names) {
            Ok(mut line) => {
                line.push(b'\n');
                self.out.write_all(&line)
            }
            Err(error) => {
                self.refuse(place, &with_causes(&error));
                Ok(())
            }
        }
    }

    fn refuse(&mut self, place: &str, why: &str) {
        self.bad += 1;
        complain(&format!("{place}: {why}"));
    }
}

fn to_json(payload: &[u8], names: &TagNames) -> Result<Vec<u8>, RecordError> {
    let record = wire::decode(payload)?;
    Ok(json::encode(record.id, &record.decode()?, names))
}

/// Bytes of hexadecimal digits; `None` when it is something else.
pub(super) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: &u8| {
        char::from(*b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, rest) = text.as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(high)? << 4 | digit(low)?));
    if rest.is_empty() {
        bytes.collect()
    } else {
        None
    }
}

/// The names in all of these files together.
fn read_names(paths: &[PathBuf]) -> Result<TagNames, String> {
    let mut names = BTreeMap::new();
    let mut births = Vec::new();
    for path in paths {
        if path.extension().is_some_and(|e| e == "reg") {
            let known = registry::read_names(path).map_err(|error| with_causes(&error))?;
            names.extend(known.iter().map(|(number, name)| (number, name.clone())));
            continue;
        }
        let failed = |error: &dyn std::error::Error| {
            format!(
                "read birth message {}: {}",
                path.display(),
                with_causes(error)
            )
        };
        let text = std::fs::read(path).map_err(|error| failed(&error))?;
        births.extend(parse_births(&text).map_err(|error| failed(&error))?);
    }
    if let Some(part) = missing_part(&births) {
        return Err(format!(
            "part {part} of the newest birth is missing; each is a retained message of its own"
        ));
    }
    for tag in births.into_iter().flat_map(|birth| birth.tags) {
        let name = TagName {
            name: tag.name.into(),
            unit: tag.unit.into(),
        };
        names.insert(tag.number, name);
    }
    Ok(TagNames::new(names))
}

/// One part of a birth, see [`crate::publish::birth`]; version 1 is a whole one.
#[derive(Debug, serde::Deserialize)]
struct BirthPart {
    #[serde(default)]
    epoch: u32,
    #[serde(default)]
    part: usize,
    #[serde(default = "one")]
    parts: usize,
    tags: Vec<BirthTag>,
}

#[derive(Debug, serde::Deserialize)]
struct BirthTag {
    number: u32,
    name: String,
    unit: String,
}

const fn one() -> usize {
    1
}

fn parse_births(text: &[u8]) -> Result<Vec<BirthPart>, serde_json::Error> {
    serde_json::Deserializer::from_slice(text)
        .into_iter()
        .collect()
}

/// A part of the newest birth that is not there. Names of older ones are still right: a number is never reused.
fn missing_part(births: &[BirthPart]) -> Option<usize> {
    let epoch = births.iter().map(|birth| birth.epoch).max()?;
    let newest = || births.iter().filter(|birth| birth.epoch == epoch);
    let parts = newest().map(|birth| birth.parts).max()?;
    (0..parts).find(|part| !newest().any(|birth| birth.part == *part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::wire::IdRef;
    use crate::record::{Lane, encode_body, samples};

    fn payloads() -> Vec<Vec<u8>> {
        let bodies = samples::all();
        (1..)
            .zip(&bodies)
            .map(|(seq, body)| {
                let id = IdRef {
                    gateway: "gw1",
                    epoch: 7,
                    lane: Lane::Telemetry,
                    seq,
                };
                wire::encode(id, &encode_body(body))
            })
            .collect()
    }

    fn form(word: &str) -> Form {
        Form {
            hex: word == "hex",
            base64: word == "base64",
            framed: word == "framed",
        }
    }

    fn decode(input: &[u8], word: &str) -> (String, u64, bool) {
        let names = names(&[
            r#"{"v":1,"tags":[{"number":1,"name":"press1.temp","unit":"K","asset":"a","type":"f32"}]}"#,
        ])
        .unwrap();
        let mut out = Vec::new();
        let mut decoder = Decoder {
            names: &names,
            out: &mut out,
            bad: 0,
        };
        let is_ok = decoder.read(input, &form(word)).is_ok();
        let bad = decoder.bad;
        (String::from_utf8(out).unwrap(), bad, is_ok)
    }

    fn expected() -> String {
        payloads().iter().map(|p| decode(p, "").0).collect()
    }

    #[test]
    fn every_form_gives_the_same_lines() {
        let as_hex: String = payloads()
            .iter()
            .map(|p| {
                p.iter()
                    .fold(String::new(), |text, b| text + &format!("{b:02X}"))
                    + "\n"
            })
            .collect();
        let as_base64: String = payloads()
            .iter()
            .map(|p| STANDARD.encode(p) + "\n")
            .collect();
        let framed: Vec<u8> = payloads()
            .iter()
            .flat_map(|p| [&u32::try_from(p.len()).unwrap().to_be_bytes()[..], p].concat())
            .collect();
        assert_eq!(decode(as_hex.as_bytes(), "hex"), (expected(), 0, true));
        assert_eq!(
            decode(as_base64.as_bytes(), "base64"),
            (expected(), 0, true)
        );
        assert_eq!(decode(&framed, "framed"), (expected(), 0, true));
        assert_eq!(expected().lines().count(), samples::all().len());
        assert!(expected().contains("press1.temp") && expected().contains("#200"));
    }

    #[test]
    fn a_bad_payload_is_counted_and_the_rest_goes_on() {
        let good = payloads()[3]
            .iter()
            .fold(String::new(), |text, b| text + &format!("{b:02x}"));
        let (lines, bad, is_ok) = decode(format!("zz\n{good}\n0\n\nff\n{good}").as_bytes(), "hex");
        assert_eq!((lines.lines().count(), bad, is_ok), (2, 3, true));
    }

    #[test]
    fn cut_and_absurd_frames_are_errors() {
        assert!(!decode(&[0, 0, 0, 9, 1], "framed").2);
        assert!(!decode(&[0, 0], "framed").2);
        assert!(!decode(&[255, 0, 0, 0, 1], "framed").2);
        assert!(decode(&[], "framed").2);
    }

    /// The names in files with these texts.
    fn names(texts: &[&str]) -> Result<TagNames, String> {
        let dir = tempfile::tempdir().unwrap();
        let files = texts.iter().enumerate().map(|(n, text)| {
            let path = dir.path().join(format!("{n}.json"));
            std::fs::write(&path, text).unwrap();
            path
        });
        read_names(&files.collect::<Vec<_>>())
    }

    fn part(epoch: u32, part: u32, parts: u32) -> String {
        let number = 10 * epoch + part;
        format!(
            r#"{{"v":2,"epoch":{epoch},"part":{part},"parts":{parts},"tags":[{{"number":{number},"name":"t{number}","unit":""}}]}}"#
        )
    }

    #[test]
    fn parts_of_a_birth_are_read_in_any_order_and_division() {
        let [a, b, c] = [part(2, 0, 3), part(2, 1, 3), part(2, 2, 3)];
        // An older birth need not be whole.
        let old = part(1, 4, 9);
        let found = names(&[&format!("{c}\n{a}\n\n{old}"), &b]).unwrap();
        let found: Vec<u32> = found.iter().map(|(number, _)| number).collect();
        assert_eq!(found, [14, 20, 21, 22]);
        let why = names(&[&a, &c]).unwrap_err();
        assert!(
            why.starts_with("part 1 of the newest birth is missing"),
            "{why}"
        );
        assert_eq!(names(&[]).unwrap(), TagNames::default());
    }

    #[test]
    fn a_birth_message_without_tags_is_refused() {
        assert!(names(&["{}"]).is_err());
        assert!(read_names(&["/nonexistent/birth.json".into()]).is_err());
        assert!(read_names(&["/nonexistent/tags.1.reg".into()]).is_err());
    }
}
