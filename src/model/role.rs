//! Who is told, and how urgent it is.

use std::fmt;

/// A team that alerts are routed to, e.g. `operator`, `maintenance`, `quality`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(String);

/// Why a text is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is 1 to 32 of `a-z 0-9 _ -`, not `{0}`")]
pub struct RoleError(String);

impl Role {
    /// Checks `text` and keeps it.
    pub fn parse(text: &str) -> Result<Self, RoleError> {
        let fits = (1..=32).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(RoleError(text.to_owned()))
        }
    }

    /// The role's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Urgency of an alert. The numbers are on disk and on the wire: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Severity {
    /// Look at it this shift.
    Low = 1,
    /// Look at it this hour.
    Medium = 2,
    /// Act now.
    High = 3,
    /// People, product or plant are in danger.
    Critical = 4,
}

impl Severity {
    /// Every severity, least urgent first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The name used in config, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The inverse of [`Severity::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// The inverse of the number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|s| *s as u8 == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_plain_lower_case_names() {
        assert!(Role::parse("maintenance-2").is_ok());
        for bad in ["", "Operator", "a b", "a/b", "é", &"x".repeat(33)] {
            assert!(Role::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn severities_survive_name_and_code() {
        for severity in Severity::ALL {
            assert_eq!(Severity::from_name(severity.as_str()), Some(severity));
            assert_eq!(Severity::from_code(severity as u8), Some(severity));
        }
        assert_eq!(Severity::from_name("urgent"), None);
        assert_eq!(Severity::from_code(0), None);
    }
}
