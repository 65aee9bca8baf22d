//! What `andon check --live` finds out about one device: plain findings in words, the same for every protocol.

use std::fmt;

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

/// The device's line, then its tags, indented.
impl fmt::Display for DeviceProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reachable {
            Ok(words) => writeln!(f, "{}: {words}", self.device)?,
            Err(reason) => writeln!(f, "{}: FAILED: {reason}", self.device)?,
        }
        self.tags.iter().try_for_each(|tag| write!(f, "{tag}"))
    }
}

/// One line for the tag and one per hint.
impl fmt::Display for TagProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(value) => writeln!(f, "  {} = {value}", self.tag)?,
            Err(reason) => writeln!(f, "  {}: FAILED: {reason}", self.tag)?,
        }
        self.hints
            .iter()
            .try_for_each(|hint| writeln!(f, "    {hint}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_read_as_an_indented_list() {
        let probe = DeviceProbe {
            device: "press1".into(),
            reachable: Ok("answers".into()),
            tags: vec![
                TagProbe {
                    tag: "press1.temp".into(),
                    outcome: Ok("21.5".into()),
                    hints: vec!["ABCD 21.5".into()],
                },
                TagProbe {
                    tag: "press1.force".into(),
                    outcome: Err("illegal data address".into()),
                    hints: vec![],
                },
            ],
        };
        assert_eq!(
            probe.to_string(),
            "press1: answers\n  press1.temp = 21.5\n    ABCD 21.5\n  press1.force: FAILED: illegal data address\n"
        );
    }

    #[test]
    fn an_unreachable_device_says_why() {
        let probe = DeviceProbe {
            device: "press1".into(),
            reachable: Err("connection refused".into()),
            tags: vec![],
        };
        assert_eq!(probe.to_string(), "press1: FAILED: connection refused\n");
    }
}
