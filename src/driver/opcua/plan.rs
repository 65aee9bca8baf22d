//! The tags of a device as nodes of one session, and what became of each. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use opcua::types::{DataValue, ReadValueId, StatusCode};

use super::node::{Namespaces, NodeAddress};
use super::quality::{bare, quality_of, refusal};
use super::time::{is_skewed, measured_at};
use super::value::judged;
use crate::config::{Config, Source, Tag};
use crate::driver::ScanGroup;
use crate::model::{Quality, Reason, Sample, TagId, Timestamp, Value};

/// One tag of a scan group.
#[derive(Debug, Clone)]
struct Slot {
    id: TagId,
    /// Whether it has a node in this session, or why it has none.
    node: Result<(), String>,
}

/// A scan group with its nodes.
#[derive(Debug, Clone)]
pub(super) struct Group {
    config: Arc<Config>,
    slots: Vec<Slot>,
    /// The nodes that can be asked for, in slot order.
    nodes: Vec<ReadValueId>,
}

impl Group {
    /// The group's tags, not resolved yet. A tag id that is not in the configuration is left out.
    pub(super) fn new(config: &Arc<Config>, group: &ScanGroup) -> Self {
        let is_known = |id: &&TagId| config.tag(**id).is_some();
        let slot = |id: &TagId| Slot {
            id: *id,
            node: Err("not connected yet".to_owned()),
        };
        Self {
            config: Arc::clone(config),
            slots: group.tags.iter().filter(is_known).map(slot).collect(),
            nodes: Vec::new(),
        }
    }

    /// Resolves every address against the namespace table of a new session.
    pub(super) fn resolve(&mut self, namespaces: &Namespaces) {
        self.nodes = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            let tag = self.config.tag(slot.id).ok_or_else(String::new);
            let node = tag.and_then(|tag| node_of(tag, namespaces));
            slot.node = node.map(|node| self.nodes.push(node));
        }
    }

    /// The nodes to ask for.
    pub(super) fn nodes(&self) -> &[ReadValueId] {
        &self.nodes
    }

    /// The tags that have a node, in the order of [`Group::nodes`].
    pub(super) fn resolved(&self) -> impl Iterator<Item = &Tag> {
        let resolved = self.tags().filter(|(slot, _)| slot.node.is_ok());
        resolved.map(|(_, tag)| tag)
    }

    fn tags(&self) -> impl Iterator<Item = (&Slot, &Tag)> {
        let slots = self.slots.iter();
        slots.filter_map(|slot| Some((slot, self.config.tag(slot.id)?)))
    }

    /// Whether an address could not be resolved, so that a later namespace table may help.
    pub(super) fn is_incomplete(&self) -> bool {
        self.nodes.len() < self.slots.len()
    }
}

/// The node that a tag names in a session with this namespace table.
pub(super) fn node_of(tag: &Tag, namespaces: &Namespaces) -> Result<ReadValueId, String> {
    match &tag.source {
        Source::OpcUa(address) => Ok(NodeAddress::parse(address)?.resolve(namespaces)?.into()),
        Source::Modbus(_) => Err("this tag has a Modbus address".to_owned()),
    }
}

/// Makes samples of answers and remembers what the server refuses.
#[derive(Debug, Clone, Default)]
pub(super) struct Judge {
    refused: BTreeMap<TagId, (StatusCode, String)>,
    skewed: bool,
}

/// What changed with a scan, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// A tag is refused, in words.
    Refused {
        /// The tag's name.
        tag: String,
        /// Address and reason.
        why: String,
    },
    /// A refused tag delivers again.
    Accepted {
        /// The tag's name.
        tag: String,
    },
    /// The server's clock is off by more than an hour.
    Skewed,
    /// It is right again.
    InTime,
}

impl Judge {
    /// One sample per slot of `group`, in order. `values` has one entry per node of the group; `None` is "no value
    /// yet". An unresolved tag is Bad (configuration).
    pub(super) fn samples<'a>(
        &mut self,
        group: &Group,
        values: impl IntoIterator<Item = Option<&'a DataValue>>,
        received: Timestamp,
        out: &mut Vec<Sample>,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut values = values.into_iter();
        let mut skewed = false;
        for (slot, tag) in group.tags() {
            let (sample, status, why) = match &slot.node {
                Err(why) => (
                    missing(slot.id, Reason::ConfigError, received),
                    StatusCode::BadNodeIdUnknown,
                    Some(why.as_str()),
                ),
                Ok(()) => match values.next().flatten() {
                    None => (
                        missing(slot.id, Reason::NotConnected, received),
                        StatusCode::Good,
                        None,
                    ),
                    Some(value) => {
                        skewed |= is_skewed(value, received);
                        let made = sample((slot.id, tag), value, received);
                        let (status, why) = objection(value, made.quality);
                        (made, status, why)
                    }
                },
            };
            out.push(sample);
            changes.extend(self.note((slot.id, tag), status, why));
        }
        if skewed != self.skewed {
            self.skewed = skewed;
            changes.push(if skewed {
                Change::Skewed
            } else {
                Change::InTime
            });
        }
        changes
    }

    fn note(
        &mut self,
        (id, tag): (TagId, &Tag),
        status: StatusCode,
        why: Option<&str>,
    ) -> Option<Change> {
        let known = self.refused.get(&id).map(|(status, _)| *status);
        match (known, why) {
            (None, None) => None,
            (Some(before), Some(_)) if before == bare(status) => None,
            (Some(_), None) => {
                self.refused.remove(&id);
                Some(Change::Accepted {
                    tag: tag.name.clone(),
                })
            }
            (_, Some(why)) => {
                let why = match &tag.source {
                    Source::OpcUa(address) => format!("`{address}`: {why} ({})", bare(status)),
                    Source::Modbus(_) => why.to_owned(),
                };
                self.refused.insert(id, (bare(status), why.clone()));
                Some(Change::Refused {
                    tag: tag.name.clone(),
                    why,
                })
            }
        }
    }

    /// What is refused now.
    pub(super) fn refused(&self) -> Vec<(TagId, String)> {
        let words = self.refused.iter();
        words.map(|(id, (_, why))| (*id, why.clone())).collect()
    }
}

/// Why a tag is refused: by the server, or because its value does not fit the tag.
fn objection(answer: &DataValue, quality: Quality) -> (StatusCode, Option<&'static str>) {
    let status = answer.status.unwrap_or(StatusCode::Good);
    if quality == Quality::Bad(Reason::TypeMismatch) && !status.is_bad() {
        let why = "the node's value does not fit the tag's type";
        return (StatusCode::BadTypeMismatch, Some(why));
    }
    (status, refusal(status))
}

fn missing(tag: TagId, reason: Reason, time: Timestamp) -> Sample {
    Sample {
        tag,
        time,
        value: Value::Missing,
        quality: Quality::Bad(reason),
    }
}

fn sample((id, tag): (TagId, &Tag), answer: &DataValue, received: Timestamp) -> Sample {
    let status = answer.status.unwrap_or(StatusCode::Good);
    let (value, quality) = judged(answer.value.as_ref(), tag, quality_of(status));
    Sample {
        tag: id,
        time: measured_at(answer, received),
        value,
        quality,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use opcua::types::{DateTime, Variant};

    use super::super::testing::{config, open_link};
    use super::*;
    use crate::config::{ModbusAddress, ModbusTable};
    use crate::model::DeviceId;

    const NOW: Timestamp = Timestamp::from_millis(1_772_344_800_000);

    fn plain(value: impl Into<Variant>) -> DataValue {
        DataValue {
            value: Some(value.into()),
            ..Default::default()
        }
    }

    fn namespaces() -> Namespaces {
        let uris = vec![Variant::from("ua"), Variant::from("urn:plant")];
        let array = opcua::types::Array::new(opcua::types::VariantScalarTypeId::String, uris);
        let array = Variant::Array(Box::new(array.unwrap()));
        Namespaces::from_variant(Some(&array)).unwrap()
    }

    fn group(addresses: &[&str]) -> Group {
        let config = config(Path::new("/data"), open_link("opc.tcp://plc"), addresses);
        let tags = (0..=u32::try_from(addresses.len()).unwrap()).map(TagId);
        let mut group = Group::new(
            &Arc::new(config),
            &ScanGroup {
                device: DeviceId(0),
                tags: tags.collect(),
            },
        );
        assert!(group.nodes().is_empty());
        group.resolve(&namespaces());
        group
    }

    fn scan(
        judge: &mut Judge,
        group: &Group,
        values: &[Option<DataValue>],
    ) -> (Vec<Sample>, Vec<Change>) {
        let mut out = Vec::new();
        let changes = judge.samples(group, values.iter().map(Option::as_ref), NOW, &mut out);
        assert_eq!(out.len(), group.slots.len());
        (out, changes)
    }

    fn refused(tag: &str, why: &str) -> Change {
        Change::Refused {
            tag: format!("plc.{tag}"),
            why: format!("`{tag}`: {why}"),
        }
    }

    #[test]
    fn a_tag_id_beyond_the_configuration_is_left_out() {
        assert_eq!(group(&["ns=1;s=a", "ns=1;s=b"]).slots.len(), 2);
    }

    #[test]
    fn refusals_are_reported_once_per_change() {
        let group = group(&["nsu=urn:plant;s=a"]);
        let mut judge = Judge::default();
        let bad = |status| {
            [Some(DataValue {
                status: Some(status),
                ..Default::default()
            })]
        };
        let good = [Some(plain(1.0))];
        let unknown = "the server does not know this node (BadNodeIdUnknown)";

        assert_eq!(scan(&mut judge, &group, &good).1, []);
        let (samples, changes) = scan(&mut judge, &group, &bad(StatusCode::BadNodeIdUnknown));
        assert_eq!(samples[0].quality, Quality::Bad(Reason::ConfigError));
        assert_eq!(changes, [refused("nsu=urn:plant;s=a", unknown)]);
        assert_eq!(
            scan(&mut judge, &group, &bad(StatusCode::BadNodeIdUnknown)).1,
            []
        );
        let changes = scan(&mut judge, &group, &bad(StatusCode::BadNotReadable)).1;
        let unreadable = "the node may not be read by anybody (BadNotReadable)";
        assert_eq!(changes, [refused("nsu=urn:plant;s=a", unreadable)]);
        assert_eq!(judge.refused().len(), 1);
        let changes = scan(&mut judge, &group, &good).1;
        let tag = "plc.nsu=urn:plant;s=a".to_owned();
        assert_eq!(changes, [Change::Accepted { tag }]);
        assert!(judge.refused().is_empty());
    }

    #[test]
    fn a_value_that_cannot_be_a_tags_is_named() {
        let group = group(&["nsu=urn:plant;s=a"]);
        let mut judge = Judge::default();
        let array = [Some(plain(vec![1_i32, 2]))];
        let changes = scan(&mut judge, &group, &array).1;
        let why = "the node's value does not fit the tag's type (BadTypeMismatch)";
        assert_eq!(changes, [refused("nsu=urn:plant;s=a", why)]);
    }

    #[test]
    fn unresolved_tags_keep_their_place() {
        let group = group(&["nope", "nsu=urn:gone;s=x", "nsu=urn:plant;s=a"]);
        assert!(group.is_incomplete());
        assert_eq!(group.nodes().len(), 1);
        assert_eq!(group.resolved().count(), 1);
        let mut judge = Judge::default();
        let (samples, changes) = scan(&mut judge, &group, &[Some(plain(1.0))]);
        let qualities: Vec<Quality> = samples.iter().map(|s| s.quality).collect();
        let config = Quality::Bad(Reason::ConfigError);
        assert_eq!(qualities, [config, config, Quality::Good]);
        assert_eq!(changes.len(), 2);
        assert!(judge.refused()[0].1.contains("does not end in"));
    }

    #[test]
    fn a_tag_with_a_modbus_address_is_refused_in_words() {
        let mut config = config(Path::new("/data"), open_link("opc.tcp://plc"), &["i=1"]);
        config.tags[0].source = Source::Modbus(ModbusAddress {
            table: ModbusTable::Holding,
            address: 7,
            bit: None,
        });
        let tags = ScanGroup {
            device: DeviceId(0),
            tags: vec![TagId(0)],
        };
        let mut group = Group::new(&Arc::new(config), &tags);
        group.resolve(&namespaces());
        let mut judge = Judge::default();
        let (samples, changes) = scan(&mut judge, &group, &[]);
        assert_eq!(samples[0].quality, Quality::Bad(Reason::ConfigError));
        let change = Change::Refused {
            tag: "plc.i=1".to_owned(),
            why: "this tag has a Modbus address".to_owned(),
        };
        assert_eq!(changes, [change]);
        assert_eq!(scan(&mut judge, &group, &[]).1, []);
    }

    #[test]
    fn no_value_yet_is_not_connected() {
        let group = group(&["nsu=urn:plant;s=a"]);
        let (samples, changes) = scan(&mut Judge::default(), &group, &[None]);
        assert_eq!(samples[0].quality, Quality::Bad(Reason::NotConnected));
        assert_eq!(changes, []);
    }

    #[test]
    fn a_skewed_clock_is_reported_once_per_change_and_its_time_kept() {
        let group = group(&["nsu=urn:plant;s=a"]);
        let mut judge = Judge::default();
        let at = |millis: i64| {
            let ticks = 116_444_736_000_000_000 + millis * 10_000;
            let time = Some(DateTime::from(ticks));
            [Some(DataValue {
                value: Some(Variant::from(1.0)),
                source_timestamp: time,
                server_timestamp: time,
                ..Default::default()
            })]
        };
        let ahead = NOW.as_millis() + 7_200_000;
        let (samples, changes) = scan(&mut judge, &group, &at(ahead));
        assert_eq!(samples[0].time, Timestamp::from_millis(ahead));
        assert_eq!(changes, [Change::Skewed]);
        assert_eq!(scan(&mut judge, &group, &at(ahead)).1, []);
        assert_eq!(
            scan(&mut judge, &group, &at(NOW.as_millis())).1,
            [Change::InTime]
        );
    }
}
