//! The tags of a device as nodes of one session, and what became of each. Pure.

use std::collections::BTreeMap;

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
pub(super) struct Slot {
    pub(super) id: TagId,
    pub(super) tag: Tag,
    address: Result<NodeAddress, String>,
    node: Result<ReadValueId, String>,
}

/// A scan group with its nodes.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) slots: Vec<Slot>,
    /// The nodes that can be asked for, in slot order.
    nodes: Vec<ReadValueId>,
}

impl Group {
    /// The group's tags, not resolved yet. A tag id that is not in the configuration is left out.
    pub(super) fn new(config: &Config, group: &ScanGroup) -> Self {
        let slot = |id: &TagId| {
            let tag = config.tag(*id)?.clone();
            let address = match &tag.source {
                Source::OpcUa(address) => NodeAddress::parse(address),
                Source::Modbus(_) => Err("this tag has a Modbus address".to_owned()),
            };
            Some(Slot {
                id: *id,
                tag,
                address,
                node: Err("not connected yet".to_owned()),
            })
        };
        Self {
            slots: group.tags.iter().filter_map(slot).collect(),
            nodes: Vec::new(),
        }
    }

    /// Resolves every address against the namespace table of a new session.
    pub(super) fn resolve(&mut self, namespaces: &Namespaces) {
        for slot in &mut self.slots {
            let node = slot.address.as_ref().map_err(Clone::clone);
            slot.node = node.and_then(|address| Ok(address.resolve(namespaces)?.into()));
        }
        self.nodes = self
            .slots
            .iter()
            .filter_map(|slot| slot.node.as_ref().ok().cloned())
            .collect();
    }

    /// The nodes to ask for.
    pub(super) fn nodes(&self) -> &[ReadValueId] {
        &self.nodes
    }

    /// The slots that have a node, in the order of [`Group::nodes`].
    pub(super) fn resolved(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.node.is_ok())
    }

    /// Whether an address could not be resolved, so that a later namespace table may help.
    pub(super) fn is_incomplete(&self) -> bool {
        self.nodes.len() < self.slots.len()
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
        for slot in &group.slots {
            let (sample, status, why) = match &slot.node {
                Err(why) => (
                    missing(slot, Reason::ConfigError, received),
                    StatusCode::BadNodeIdUnknown,
                    Some(why.as_str()),
                ),
                Ok(_) => match values.next().flatten() {
                    None => (
                        missing(slot, Reason::NotConnected, received),
                        StatusCode::Good,
                        None,
                    ),
                    Some(value) => {
                        skewed |= is_skewed(value, received);
                        let status = value.status.unwrap_or(StatusCode::Good);
                        (sample(slot, value, received), status, refusal(status))
                    }
                },
            };
            out.push(sample);
            changes.extend(self.note(slot, status, why));
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

    fn note(&mut self, slot: &Slot, status: StatusCode, why: Option<&str>) -> Option<Change> {
        let known = self.refused.get(&slot.id).map(|(status, _)| *status);
        match (known, why) {
            (None, None) => None,
            (Some(before), Some(_)) if before == bare(status) => None,
            (Some(_), None) => {
                self.refused.remove(&slot.id);
                Some(Change::Accepted {
                    tag: slot.tag.name.clone(),
                })
            }
            (_, Some(why)) => {
                let why = match &slot.tag.source {
                    Source::OpcUa(address) => format!("`{address}`: {why} ({})", bare(status)),
                    Source::Modbus(_) => why.to_owned(),
                };
                self.refused.insert(slot.id, (bare(status), why.clone()));
                Some(Change::Refused {
                    tag: slot.tag.name.clone(),
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

fn missing(slot: &Slot, reason: Reason, time: Timestamp) -> Sample {
    Sample {
        tag: slot.id,
        time,
        value: Value::Missing,
        quality: Quality::Bad(reason),
    }
}

fn sample(slot: &Slot, answer: &DataValue, received: Timestamp) -> Sample {
    let status = answer.status.unwrap_or(StatusCode::Good);
    let (value, quality) = judged(answer.value.as_ref(), &slot.tag, quality_of(status));
    Sample {
        tag: slot.id,
        time: measured_at(answer, received),
        value,
        quality,
    }
}
