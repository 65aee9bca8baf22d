//! Configurations for the driver's own tests.

use std::time::Duration;

use crate::config::{DataType, PublishRules, RawMode, Source, Tag, ValidationRules};
use crate::model::DeviceId;

/// A plain tag at 100 ms with this node address.
pub(super) fn tag(address: &str) -> Tag {
    Tag {
        name: format!("plc.{address}"),
        device: DeviceId(0),
        description: String::new(),
        unit: String::new(),
        rate: Duration::from_millis(100),
        phase: None,
        source: Source::OpcUa(address.to_owned()),
        data_type: DataType::Auto,
        scale: 1.0,
        offset: 0.0,
        sentinels: Vec::new(),
        validation: ValidationRules::default(),
        publish: PublishRules {
            summary: None,
            raw: RawMode::Off,
        },
        detection: None,
        advice: String::new(),
    }
}
