//! The retained birth messages: who is this gateway, and which number is which tag.
//!
//! A birth has as many parts as its tags need, each a retained message of its own, once per connection. Brokers of
//! cloud services take 128 KiB at most, some less, so a part has at most [`PART_BYTES_MAX`] bytes. Part 0 is
//! `…/_birth/<gateway>`, part `n` is `…/_birth/<gateway>/<n>`; a subscriber to `…/_birth/<gateway>/#` gets them all.
//!
//! ```json
//! {"v":2,"type":"birth","gateway":"gw1","asset":"acme/berlin","version":"0.1.0","epoch":7,
//!  "started":"2026-03-01T06:00:00.000Z","payload":"json","generation":1,"part":0,"parts":1,
//!  "tags":[{"number":1,"name":"press1.temp","unit":"°C","asset":"acme/berlin/paint/press1","type":"f32"}]}
//! ```
//!
//! A reader has the whole birth with parts 0 to `parts` − 1 of one `epoch`. Every tag is in exactly one part; the order
//! of the configuration is kept. Parts that an earlier run left behind because it had more tags are cleared with an
//! empty retained message.
//!
//! | `v` | difference |
//! |---|---|
//! | 1 | one message with all tags, without `part` and `parts` |
//! | 2 | parts |

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::health::{Identity, encode};
use crate::config::{ByteOrder, DataType, PayloadFormat};
use crate::model::AssetPath;

/// Largest payload of a birth or health message, in bytes: with topic and header the packet stays below 64 KiB.
pub const PART_BYTES_MAX: usize = 60_000;

/// What consumers need to read compact records.
#[derive(Debug, Clone, PartialEq)]
pub struct Birth {
    /// Generation of the tag registry.
    pub generation: u32,
    /// Every configured tag.
    pub tags: Vec<BirthTag>,
    /// The most parts that an earlier run may have left on the broker; 0 when it is not known.
    pub parts_before: usize,
}

/// One tag of the birth message.
#[derive(Debug, Clone, PartialEq)]
pub struct BirthTag {
    /// Stable number in records.
    pub number: u32,
    /// `<device>.<name>`.
    pub name: Arc<str>,
    /// Engineering unit, may be empty.
    pub unit: Arc<str>,
    /// ISA-95 path of the machine.
    pub asset: AssetPath,
    /// What the source holds.
    pub data_type: DataType,
}

/// A birth divided into parts.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    birth: &'a Birth,
    identity: &'a Identity,
    payload: PayloadFormat,
    /// The tags of each part; never empty.
    ranges: Vec<Range<usize>>,
}

impl Birth {
    /// How many parts it takes.
    pub fn part_count(&self, identity: &Identity, payload: PayloadFormat) -> usize {
        Parts::new(self, identity, payload).ranges.len()
    }
}

impl<'a> Parts<'a> {
    pub(super) fn new(birth: &'a Birth, identity: &'a Identity, payload: PayloadFormat) -> Self {
        let mut parts = Self {
            birth,
            identity,
            payload,
            ranges: Vec::new(),
        };
        // With both numbers as long as they can get.
        let empty = parts.json(usize::MAX, usize::MAX, &[]).len();
        let sizes = birth.tags.iter().map(|tag| encode(&Tag::of(tag)).len() + 1);
        let (mut begin, mut bytes) = (0, empty);
        for (index, size) in sizes.enumerate() {
            if index > begin && bytes + size > PART_BYTES_MAX {
                parts.ranges.push(begin..index);
                (begin, bytes) = (index, empty);
            }
            bytes += size;
        }
        parts.ranges.push(begin..birth.tags.len());
        parts
    }

    /// How many retained messages there are to send: the parts, then those to clear.
    pub(super) fn messages(&self) -> usize {
        self.ranges.len().max(self.birth.parts_before)
    }

    /// The payload of a message; empty for one beyond the last part.
    pub(super) fn payload(&self, part: usize) -> Vec<u8> {
        let tags = self.ranges.get(part).cloned();
        tags.and_then(|range| self.birth.tags.get(range))
            .map_or_else(Vec::new, |tags| self.json(part, self.ranges.len(), tags))
    }

    fn json(&self, part: usize, parts: usize, tags: &[BirthTag]) -> Vec<u8> {
        let identity = self.identity;
        let tags: Vec<Tag<'_>> = tags.iter().map(Tag::of).collect();
        encode(&BirthJson {
            v: 2,
            kind: "birth",
            gateway: &identity.gateway,
            asset: identity.asset.as_str(),
            version: &identity.version,
            epoch: identity.epoch,
            started: identity.started.to_string(),
            payload: match self.payload {
                PayloadFormat::Json => "json",
                PayloadFormat::Postcard => "postcard",
            },
            generation: self.birth.generation,
            part,
            parts,
            tags: &tags,
        })
    }
}

#[derive(Serialize)]
struct BirthJson<'a> {
    v: u8,
    #[serde(rename = "type")]
    kind: &'static str,
    gateway: &'a str,
    asset: &'a str,
    version: &'a str,
    epoch: u32,
    started: String,
    payload: &'static str,
    generation: u32,
    part: usize,
    parts: usize,
    tags: &'a [Tag<'a>],
}

#[derive(Serialize)]
struct Tag<'a> {
    number: u32,
    name: &'a str,
    unit: &'a str,
    asset: &'a str,
    #[serde(rename = "type")]
    data_type: String,
}

impl<'a> Tag<'a> {
    fn of(tag: &'a BirthTag) -> Self {
        Self {
            number: tag.number,
            name: &tag.name,
            unit: &tag.unit,
            asset: tag.asset.as_str(),
            data_type: type_text(tag.data_type),
        }
    }
}

/// The type as configured, without the byte order: consumers get values, not registers.
fn type_text(data_type: DataType) -> String {
    let plain = |_: ByteOrder, name: &str| name.to_owned();
    match data_type {
        DataType::Auto => "auto".to_owned(),
        DataType::Bool => "bool".to_owned(),
        DataType::U16 => "u16".to_owned(),
        DataType::I16 => "i16".to_owned(),
        DataType::U32(order) => plain(order, "u32"),
        DataType::I32(order) => plain(order, "i32"),
        DataType::U64(order) => plain(order, "u64"),
        DataType::I64(order) => plain(order, "i64"),
        DataType::F32(order) => plain(order, "f32"),
        DataType::F64(order) => plain(order, "f64"),
        DataType::Bcd16 => "bcd16".to_owned(),
        DataType::Bcd32(order) => plain(order, "bcd32"),
        DataType::Text { bytes, .. } => format!("string:{bytes}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Timestamp;

    fn identity() -> Identity {
        Identity {
            gateway: "gw1".into(),
            asset: AssetPath::parse("acme/berlin").unwrap(),
            version: "0.1.0".into(),
            epoch: 7,
            started: Timestamp::from_millis(1_772_344_800_000),
        }
    }

    fn tag(number: u32, data_type: DataType) -> BirthTag {
        BirthTag {
            number,
            name: format!("press1.t{number}").into(),
            unit: "°C".into(),
            asset: AssetPath::parse("acme/berlin/press1").unwrap(),
            data_type,
        }
    }

    fn birth(tags: Vec<BirthTag>) -> Birth {
        Birth {
            generation: 1,
            tags,
            parts_before: 0,
        }
    }

    fn payloads(birth: &Birth) -> Vec<Vec<u8>> {
        let identity = identity();
        let parts = Parts::new(birth, &identity, PayloadFormat::Json);
        (0..parts.messages()).map(|n| parts.payload(n)).collect()
    }

    /// Every part is bounded and numbered, and together they are the whole; how many there are.
    #[track_caller]
    fn check(birth: &Birth) -> usize {
        let payloads = payloads(birth);
        let mut numbers = Vec::new();
        for (n, payload) in payloads.iter().enumerate() {
            assert!(payload.len() <= PART_BYTES_MAX, "{n}: {}", payload.len());
            let part: serde_json::Value = serde_json::from_slice(payload).unwrap();
            assert_eq!((&part["v"], &part["part"]), (&2.into(), &n.into()));
            assert_eq!(part["parts"], payloads.len());
            let tags = part["tags"].as_array().unwrap();
            numbers.extend(tags.iter().filter_map(|tag| tag["number"].as_u64()));
        }
        let expected = birth.tags.iter().map(|tag| u64::from(tag.number));
        assert_eq!(numbers, expected.collect::<Vec<_>>());
        assert_eq!(
            birth.part_count(&identity(), PayloadFormat::Json),
            payloads.len()
        );
        payloads.len()
    }

    /// As long as a configuration lets it be, and everything needs an escape.
    fn long(number: u32, levels: usize) -> BirthTag {
        let level = "\"".repeat(64);
        BirthTag {
            name: format!("{}.{number:064}", "d".repeat(48)).into(),
            unit: "\"".repeat(32).into(),
            asset: AssetPath::parse(&vec![level; levels].join("/")).unwrap(),
            ..tag(number, DataType::F64(ByteOrder::Abcd))
        }
    }

    #[test]
    fn parts_are_bounded_and_make_up_the_whole() {
        let float = DataType::F32(ByteOrder::Abcd);
        let plain = |count| birth((1..=count).map(|n| tag(n, float)).collect());
        assert_eq!(check(&plain(0)), 1);
        assert_eq!(check(&plain(1)), 1);
        assert_eq!(check(&plain(500)), 1);
        assert_eq!(check(&plain(1_000)), 2);
        assert_eq!(check(&plain(20_000)), 32);
        let long = |count, levels| birth((1..=count).map(|n| long(n, levels)).collect());
        assert!((100..150).contains(&check(&long(20_000, 1))));
        assert!((8..20).contains(&check(&long(500, 8))));
    }

    #[test]
    fn what_a_larger_configuration_left_is_cleared() {
        let mut small = birth(vec![tag(1, DataType::Bool)]);
        small.parts_before = 3;
        let sizes: Vec<bool> = payloads(&small).iter().map(Vec::is_empty).collect();
        assert_eq!(sizes, [false, true, true]);
    }

    proptest! {
        #[test]
        fn no_mixture_of_lengths_breaks_the_bound(
            lengths in proptest::collection::vec((0_usize..500, 0_usize..64), 0..100)
        ) {
            let tags = (1..).zip(&lengths).map(|(n, (name, level))| BirthTag {
                name: "\u{1}".repeat(*name).into(),
                asset: AssetPath::parse(&format!("a{}", "°".repeat(level / 2))).unwrap(),
                ..tag(n, DataType::Auto)
            });
            check(&birth(tags.collect()));
        }
    }

    #[test]
    fn every_type_has_its_name() {
        let order = ByteOrder::Abcd;
        let text = DataType::Text {
            bytes: 12,
            swapped: true,
        };
        let types = [
            DataType::Auto,
            DataType::Bool,
            DataType::U16,
            DataType::I16,
            DataType::U32(order),
            DataType::I32(order),
            DataType::U64(order),
            DataType::I64(order),
            DataType::F32(ByteOrder::Cdab),
            DataType::F64(order),
            DataType::Bcd16,
            DataType::Bcd32(order),
            text,
        ];
        let names: BTreeSet<String> = types.into_iter().map(type_text).collect();
        assert_eq!(names.len(), types.len());
    }

    #[test]
    fn the_retained_messages_do_not_change() {
        let whole = birth(vec![
            tag(1, DataType::Auto),
            tag(2, DataType::F32(ByteOrder::Cdab)),
            tag(
                3,
                DataType::Text {
                    bytes: 12,
                    swapped: true,
                },
            ),
        ]);
        let identity = identity();
        let lines = [
            Parts::new(&whole, &identity, PayloadFormat::Postcard).payload(0),
            payloads(&birth(vec![])).remove(0),
        ]
        .map(|bytes| String::from_utf8(bytes).unwrap());
        insta::assert_snapshot!(lines.join("\n"));
    }
}
