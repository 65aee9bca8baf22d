//! Tags for tests of the pure stages.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{DataType, PublishRules, RawMode, Source, Tag};
use crate::model::DeviceId;

/// A plain tag of device 0, polled every second.
pub(crate) fn tag(name: &str) -> Tag {
    Tag {
        name: name.to_owned(),
        device: DeviceId(0),
        asset: None,
        description: String::new(),
        unit: String::new(),
        rate: Duration::from_secs(1),
        phase: None,
        source: Source::OpcUa("ns=2;i=1".to_owned()),
        data_type: DataType::Auto,
        scale: 1.0,
        offset: 0.0,
        sentinels: Vec::new(),
        validation: Arc::default(),
        publish: PublishRules {
            summary: None,
            raw: RawMode::Off,
        },
        detection: None,
        advice: String::new(),
    }
}
