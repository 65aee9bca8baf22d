//! What `andon check --live` finds out about one device: plain findings in words, the same for every protocol.

/// Findings about one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceProbe {
    /// The device's configured name.
    pub device: String,
    /// How it was reached, or why not.
    pub reachable: Result<String, String>,
    /// One entry per tag of the device, in configuration order; empty when it could not be reached.
    pub tags: Vec<TagProbe>,
}

/// Findings about one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagProbe {
    /// The tag's full name.
    pub tag: String,
    /// The value as the gateway would take it, or why there is none.
    pub outcome: Result<String, String>,
    /// What a person could try: near node ids, other byte orders.
    pub hints: Vec<String>,
}
