//! What `andon check --live` finds out about a device.

/// One device, tried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceProbe {
    /// The device's name.
    pub device: String,
    /// What answered, or why nothing did, in words.
    pub reachable: Result<String, String>,
    /// Its tags, in the order of the configuration; empty when it was not reached.
    pub tags: Vec<TagProbe>,
}

/// One tag, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagProbe {
    /// The tag's full name.
    pub tag: String,
    /// The value as the plant means it, or why there is none, in words.
    pub outcome: Result<String, String>,
    /// What an operator might want to change, e.g. the value in every byte order.
    pub hints: Vec<String>,
}
