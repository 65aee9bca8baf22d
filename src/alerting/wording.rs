//! The words of an alert: what, where, since when, how far from normal, what to do.

use std::time::Duration;

use super::AlarmKind;
use crate::model::{Severity, Timestamp, Zone};

/// What the words are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) kind: AlarmKind,
    pub(super) severity: Severity,
    /// ISA-95 path.
    pub(super) asset: &'a str,
    /// Tag or device name; the gateway's id for its own troubles.
    pub(super) subject: &'a str,
    /// The tag's description; may be empty.
    pub(super) description: &'a str,
    /// The tag's unit; may be empty.
    pub(super) unit: &'a str,
    pub(super) since: Timestamp,
    /// Where the plant's clocks stand.
    pub(super) zone: &'a Zone,
    pub(super) value: Option<f64>,
    pub(super) normal: Option<f64>,
    pub(super) sigmas: Option<f64>,
    /// A clause from whoever found it; may be empty.
    pub(super) detail: &'a str,
    /// How often it was raised in the last ten minutes.
    pub(super) raises: usize,
    /// Whether it chatters.
    pub(super) is_chattering: bool,
}

impl Facts<'_> {
    /// `Press 1 oil temperature (press1.temp) on acme/line1/press1`
    fn place(&self) -> String {
        let (subject, asset) = (self.subject, self.asset);
        if self.description.is_empty() {
            format!("{subject} on {asset}")
        } else {
            format!("{} ({subject}) on {asset}", self.description)
        }
    }

    fn with_unit(&self, x: f64) -> String {
        match self.unit {
            "" => number(x),
            "%" => format!("{}%", number(x)),
            unit => format!("{} {unit}", number(x)),
        }
    }

    /// `: 84.2 °C, normally 71.3 °C; the level is far above normal (5.1 times its usual variation)`
    fn distance(&self) -> String {
        let value = match (self.value, self.normal) {
            (Some(value), Some(normal)) => format!(
                ": {}, normally {}",
                self.with_unit(value),
                self.with_unit(normal)
            ),
            (Some(value), None) => format!(": {}", self.with_unit(value)),
            (None, _) => String::new(),
        };
        let level = self.sigmas.map_or_else(String::new, |sigmas| {
            let (far, times) = (how_far(sigmas), sigmas.abs());
            format!("; the level is {far} normal ({times:.1} times its usual variation)")
        });
        value + &level
    }

    fn chatter(&self) -> String {
        if self.is_chattering {
            format!(
                " It came and went {} times within 10 minutes and stays raised until it has been quiet for 10 minutes.",
                self.raises
            )
        } else {
            String::new()
        }
    }

    /// The message of a raised alert.
    pub(super) fn raised(&self) -> String {
        let detail = if self.detail.is_empty() {
            String::new()
        } else {
            format!("; {}", self.detail)
        };
        format!(
            "{}: {}{}{detail}. Since {}.{}",
            headline(self.kind),
            self.place(),
            self.distance(),
            self.zone.show(self.since),
            self.chatter(),
        )
    }

    /// The message of an alert that became more urgent.
    pub(super) fn changed(&self) -> String {
        format!("Now {}. {}", self.severity.as_str(), self.raised())
    }

    /// The message of an alert whose level may be the new normal.
    pub(super) fn proposed(&self) -> String {
        format!("Still there. {}", self.raised())
    }

    /// The message of a cleared alert.
    pub(super) fn cleared(&self, lasted: Duration) -> String {
        let times = if self.is_chattering {
            format!(" It had come {} times.", self.raises)
        } else {
            String::new()
        };
        format!(
            "Over: {}, {}. It began at {} and lasted {}.{times}",
            headline(self.kind).to_lowercase(),
            self.place(),
            self.zone.show(self.since),
            span(lasted),
        )
    }
}

const fn headline(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::ProcessShift => "Level shifted",
        AlarmKind::OutOfRange => "Out of range",
        AlarmKind::RateOfChange => "Changes too fast",
        AlarmKind::Stuck => "Value is stuck",
        AlarmKind::BadSensor => "Sensor is not usable",
        AlarmKind::DeviceDown => "Device does not answer",
        AlarmKind::Misconfigured => "Set up wrongly",
        AlarmKind::Storage => "Storage trouble",
        AlarmKind::ClockStep => "Clock was changed",
        AlarmKind::Unsteady => "Became unsteady",
        AlarmKind::Frozen => "Value has frozen",
        AlarmKind::Unusual => "Unusual behaviour",
        AlarmKind::MachinePattern => "Machine behaves differently",
        AlarmKind::History => "History is incomplete",
    }
}

/// What to do when the tag's own configuration does not say.
pub(super) const fn default_advice(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::ProcessShift => {
            "Check what changed at that time: material, setting, tool, cooling. If the new level is intended, tell process engineering."
        }
        AlarmKind::OutOfRange => {
            "Check the machine first, then the sensor and its wiring; do not run on if the reading is real."
        }
        AlarmKind::RateOfChange => {
            "Look for a loose connection or interference at the sensor; if the reading is real, check the machine."
        }
        AlarmKind::Stuck | AlarmKind::Frozen => {
            "Check that the machine runs, then the sensor and its transmitter; compare with a gauge on site."
        }
        AlarmKind::BadSensor => {
            "Check the sensor, its wiring and its supply; the value is not to be trusted until then."
        }
        AlarmKind::DeviceDown => {
            "Check power and network of the device; its values are missing until it answers."
        }
        AlarmKind::Misconfigured => {
            "Check address, type and credentials of this entry in the gateway's configuration (`andon check --live`)."
        }
        AlarmKind::Storage => {
            "Check the gateway's disk: free space and health. Call IT if it does not clear."
        }
        AlarmKind::ClockStep => {
            "Check the gateway's time source; times around the step may be off."
        }
        AlarmKind::Unsteady => {
            "Look for hunting control loops, loose parts, air or cavitation; then check the sensor and its wiring."
        }
        AlarmKind::Unusual => {
            "Check what happened at that time; if it was intended, nothing needs to be done."
        }
        AlarmKind::MachinePattern => {
            "Start with the tags named first; check what changed on this machine at that time."
        }
        AlarmKind::History => {
            "Check the gateway's disk: free space and health; then `andon history verify`. Live alerts are not affected."
        }
    }
}

/// A distance in standard deviations in words.
fn how_far(sigmas: f64) -> &'static str {
    match (sigmas < 0.0, sigmas.abs()) {
        (false, s) if s < 2.0 => "a little above",
        (false, s) if s < 4.0 => "clearly above",
        (false, s) if s < 8.0 => "far above",
        (false, _) => "very far above",
        (true, s) if s < 2.0 => "a little below",
        (true, s) if s < 4.0 => "clearly below",
        (true, s) if s < 8.0 => "far below",
        (true, _) => "very far below",
    }
}

/// Four significant digits, without trailing zeros; powers of ten only where plain digits would not be read.
pub(super) fn number(x: f64) -> String {
    let size = x.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{x:.3e}");
    }
    let decimals = match size {
        s if s >= 1000.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 10.0 => 2,
        s if s >= 1.0 => 3,
        s if s >= 0.1 => 4,
        s if s >= 0.01 => 5,
        s if s >= 0.001 => 6,
        _ => 7,
    };
    let text = format!("{x:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A duration in its two largest units.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600, seconds / 60);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_number(x: f64, expected: &str) {
        assert_eq!(number(x), expected);
    }

    #[test]
    fn numbers_have_four_significant_digits() {
        check_number(0.0, "0");
        check_number(84.234_5, "84.23");
        check_number(71.3, "71.3");
        check_number(100.0, "100");
        check_number(-1200.4, "-1200");
        check_number(5.0, "5");
        check_number(0.25, "0.25");
        check_number(0.012_345, "0.01235");
        check_number(0.001_234_56, "0.001235");
        check_number(0.000_123_456, "0.0001235");
        check_number(0.000_012_3, "1.230e-5");
        check_number(2.5e12, "2.500e12");
        check_number(f64::INFINITY, "inf");
    }

    #[test]
    fn durations_read_in_their_two_largest_units() {
        let text = |s| span(Duration::from_secs(s));
        assert_eq!(text(9), "9 s");
        assert_eq!(text(125), "2 min 5 s");
        assert_eq!(text(7_500), "2 h 5 min");
        assert_eq!(text(180_000), "2 d 2 h");
    }

    #[test]
    fn distances_are_told_in_words() {
        for (sigmas, words) in [
            (1.0, "a little above"),
            (-1.0, "a little below"),
            (3.0, "clearly above"),
            (-3.0, "clearly below"),
            (5.0, "far above"),
            (-5.0, "far below"),
            (9.0, "very far above"),
            (-9.0, "very far below"),
        ] {
            assert_eq!(how_far(sigmas), words);
        }
    }

    static UTC: Zone = Zone::UTC;

    fn facts(kind: AlarmKind) -> Facts<'static> {
        Facts {
            kind,
            severity: Severity::High,
            asset: "acme/line1/press1",
            subject: "press1.temp",
            description: "Oil temperature",
            unit: "°C",
            since: Timestamp::from_millis(1_772_344_800_250),
            zone: &UTC,
            value: None,
            normal: None,
            sigmas: None,
            detail: "",
            raises: 1,
            is_chattering: false,
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text, expected);
    }

    #[test]
    fn a_process_shift_says_how_far_from_normal() {
        let shift = Facts {
            value: Some(84.234),
            normal: Some(71.3),
            sigmas: Some(5.1),
            ..facts(AlarmKind::ProcessShift)
        };
        check(
            &shift.raised(),
            "Level shifted: Oil temperature (press1.temp) on acme/line1/press1: 84.23 °C, normally 71.3 °C; the level is far above normal (5.1 times its usual variation). Since 2026-03-01 06:00:00 UTC.",
        );
        check(
            &shift.changed(),
            "Now high. Level shifted: Oil temperature (press1.temp) on acme/line1/press1: 84.23 °C, normally 71.3 °C; the level is far above normal (5.1 times its usual variation). Since 2026-03-01 06:00:00 UTC.",
        );
        check(
            &shift.cleared(Duration::from_secs(754)),
            "Over: level shifted, Oil temperature (press1.temp) on acme/line1/press1. It began at 2026-03-01 06:00:00 UTC and lasted 12 min 34 s.",
        );
    }

    #[test]
    fn a_condition_told_in_words_keeps_them() {
        let out = Facts {
            description: "",
            unit: "%",
            value: Some(104.0),
            detail: "allowed is 0% to 100%",
            ..facts(AlarmKind::OutOfRange)
        };
        check(
            &out.raised(),
            "Out of range: press1.temp on acme/line1/press1: 104%; allowed is 0% to 100%. Since 2026-03-01 06:00:00 UTC.",
        );
    }

    #[test]
    fn chattering_is_counted() {
        let chatter = Facts {
            unit: "",
            value: Some(3.5),
            raises: 4,
            is_chattering: true,
            ..facts(AlarmKind::Stuck)
        };
        check(
            &chatter.raised(),
            "Value is stuck: Oil temperature (press1.temp) on acme/line1/press1: 3.5. Since 2026-03-01 06:00:00 UTC. It came and went 4 times within 10 minutes and stays raised until it has been quiet for 10 minutes.",
        );
        check(
            &chatter.cleared(Duration::from_mins(1)),
            "Over: value is stuck, Oil temperature (press1.temp) on acme/line1/press1. It began at 2026-03-01 06:00:00 UTC and lasted 1 min 0 s. It had come 4 times.",
        );
    }

    #[test]
    fn every_kind_has_a_headline_and_advice() {
        for kind in AlarmKind::ALL {
            assert!(
                !headline(kind).is_empty() && default_advice(kind).ends_with('.'),
                "{kind:?}"
            );
        }
    }
}
