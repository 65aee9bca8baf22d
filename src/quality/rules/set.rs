//! Rules by name, and sets of them.

use std::fmt;

use crate::quality::charts::Statistic;

/// A reason for a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// One point beyond a control limit.
    Nelson1,
    /// Nine in a row on one side.
    Nelson2,
    /// Six in a row rising or falling.
    Nelson3,
    /// Fourteen in a row alternating.
    Nelson4,
    /// Two of three beyond two sigma on one side.
    Nelson5,
    /// Four of five beyond one sigma on one side.
    Nelson6,
    /// Fifteen in a row within one sigma.
    Nelson7,
    /// Eight in a row beyond one sigma, both sides present.
    Nelson8,
    /// Eight in a row on one side (Western Electric).
    WesternElectric4,
    /// The moving average is beyond its limit; not a run rule, an EWMA chart always has it.
    Ewma,
    /// The cumulative sum is beyond its decision interval; not a run rule, a CUSUM chart always has it.
    Cusum,
}

impl Rule {
    /// Every run rule.
    pub const RUN_RULES: [Self; 9] = [
        Self::Nelson1,
        Self::Nelson2,
        Self::Nelson3,
        Self::Nelson4,
        Self::Nelson5,
        Self::Nelson6,
        Self::Nelson7,
        Self::Nelson8,
        Self::WesternElectric4,
    ];

    /// Its name in settings, reports and stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nelson1 => "nelson_1",
            Self::Nelson2 => "nelson_2",
            Self::Nelson3 => "nelson_3",
            Self::Nelson4 => "nelson_4",
            Self::Nelson5 => "nelson_5",
            Self::Nelson6 => "nelson_6",
            Self::Nelson7 => "nelson_7",
            Self::Nelson8 => "nelson_8",
            Self::WesternElectric4 => "we_4",
            Self::Ewma => "ewma",
            Self::Cusum => "cusum",
        }
    }

    /// What it says in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Nelson1 => "one point beyond a control limit",
            Self::Nelson2 => "nine points in a row on one side of the centre line",
            Self::Nelson3 => "six points in a row rising or falling",
            Self::Nelson4 => "fourteen points in a row alternating up and down",
            Self::Nelson5 => "two of three points beyond two sigma on one side",
            Self::Nelson6 => "four of five points beyond one sigma on one side",
            Self::Nelson7 => "fifteen points in a row within one sigma",
            Self::Nelson8 => "eight points in a row beyond one sigma on both sides",
            Self::WesternElectric4 => "eight points in a row on one side of the centre line",
            Self::Ewma => "the weighted moving average is beyond its limit",
            Self::Cusum => "the cumulative sum is beyond its decision interval",
        }
    }

    /// The run rule of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::RUN_RULES.into_iter().find(|rule| rule.name() == name)
    }

    /// Whether it takes several points; the others are comparisons with a limit.
    pub(crate) const fn is_pattern(self) -> bool {
        !matches!(self, Self::Nelson1 | Self::Ewma | Self::Cusum)
    }

    /// Whether the pattern reads the spread of the points and not only their order and side.
    pub(crate) const fn needs_zones(self) -> bool {
        matches!(
            self,
            Self::Nelson5 | Self::Nelson6 | Self::Nelson7 | Self::Nelson8
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The run rules a chart is read with; part of the chart, because its false alarms depend on them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleSet(Vec<Rule>);

impl RuleSet {
    /// A set of run rules; what is not a run rule is left out, duplicates count once.
    pub fn new(rules: &[Rule]) -> Self {
        let mut rules: Vec<Rule> = rules
            .iter()
            .copied()
            .filter(|rule| Rule::RUN_RULES.contains(rule))
            .collect();
        rules.sort_unstable();
        rules.dedup();
        Self(rules)
    }

    /// No run rule: for charts that gather evidence over points themselves.
    pub fn none() -> Self {
        Self::default()
    }

    /// Rule 1 alone.
    pub fn limits_only() -> Self {
        Self::new(&[Rule::Nelson1])
    }

    /// Rules 1, 2, 5, 6: the default of variables.
    pub fn standard() -> Self {
        Self::new(&[Rule::Nelson1, Rule::Nelson2, Rule::Nelson5, Rule::Nelson6])
    }

    /// Rules 1 to 4: the largest set for attributes and for charts of spread, whose zones are not those of a normal
    /// distribution.
    pub fn attributes() -> Self {
        Self::new(&[Rule::Nelson1, Rule::Nelson2, Rule::Nelson3, Rule::Nelson4])
    }

    /// The four rules of Western Electric: 1, 5, 6 and eight in a row on one side.
    pub fn western_electric() -> Self {
        Self::new(&[
            Rule::Nelson1,
            Rule::Nelson5,
            Rule::Nelson6,
            Rule::WesternElectric4,
        ])
    }

    /// All eight of Nelson.
    pub fn nelson() -> Self {
        Self::new(&[
            Rule::Nelson1,
            Rule::Nelson2,
            Rule::Nelson3,
            Rule::Nelson4,
            Rule::Nelson5,
            Rule::Nelson6,
            Rule::Nelson7,
            Rule::Nelson8,
        ])
    }

    /// The named sets, for settings.
    pub const NAMES: [&str; 6] = [
        "none",
        "limits_only",
        "standard",
        "attributes",
        "western_electric",
        "nelson",
    ];

    /// The set of a name, or of rule names separated by commas.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::none()),
            "limits_only" => Some(Self::limits_only()),
            "standard" => Some(Self::standard()),
            "attributes" => Some(Self::attributes()),
            "western_electric" => Some(Self::western_electric()),
            "nelson" => Some(Self::nelson()),
            list => {
                let rules: Option<Vec<Rule>> = list
                    .split(',')
                    .map(|name| Rule::parse(name.trim()))
                    .collect();
                rules.map(|rules| Self::new(&rules))
            }
        }
    }

    /// The default for what a panel plots: rules 1, 2, 5, 6 for means and individuals, rule 1 for attributes and
    /// spread, none for moving averages and cumulative sums.
    pub fn default_for(statistic: Statistic) -> Self {
        match statistic {
            Statistic::Mean | Statistic::Individual | Statistic::TimeBetweenEvents => {
                Self::standard()
            }
            Statistic::Ewma | Statistic::CusumHigh | Statistic::CusumLow => Self::none(),
            _ => Self::limits_only(),
        }
    }

    /// This set, less what the points of `statistic` are not made for.
    ///
    /// Zones of attributes and spread are not those of a normal distribution, so rules 5 to 8 are left out there; moving
    /// averages and cumulative sums depend on their neighbours, so no run rule is left for them.
    #[must_use]
    pub fn limited_to(&self, statistic: Statistic) -> Self {
        match statistic {
            Statistic::Mean | Statistic::Individual | Statistic::TimeBetweenEvents => self.clone(),
            Statistic::Ewma | Statistic::CusumHigh | Statistic::CusumLow => Self::none(),
            // Neighbouring moving ranges share a reading.
            Statistic::MovingRange => Self(
                self.0
                    .iter()
                    .copied()
                    .filter(|rule| *rule == Rule::Nelson1)
                    .collect(),
            ),
            _ => Self(
                self.0
                    .iter()
                    .copied()
                    .filter(|rule| !rule.needs_zones())
                    .collect(),
            ),
        }
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|rule| rule.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_set_is_known_by_its_name() {
        for name in RuleSet::NAMES {
            assert!(RuleSet::parse(name).is_some(), "{name}");
        }
        assert_eq!(RuleSet::parse("nelson").unwrap().rules().len(), 8);
        assert_eq!(
            RuleSet::parse("we_4, nelson_1,nelson_1").unwrap().names(),
            ["nelson_1", "we_4"]
        );
        assert_eq!(RuleSet::parse("nelson_9"), None);
        assert_eq!(RuleSet::parse(""), None);
    }

    #[test]
    fn a_set_holds_run_rules_only() {
        assert_eq!(RuleSet::new(&[Rule::Cusum, Rule::Ewma]), RuleSet::none());
        assert_eq!(Rule::parse("cusum"), None);
    }

    #[test]
    fn rules_are_cut_to_what_a_panel_can_carry() {
        let all = RuleSet::nelson();
        assert_eq!(all.limited_to(Statistic::Mean), all);
        assert_eq!(all.limited_to(Statistic::Fraction), RuleSet::attributes());
        assert_eq!(
            all.limited_to(Statistic::MovingRange),
            RuleSet::limits_only()
        );
        assert_eq!(all.limited_to(Statistic::CusumLow), RuleSet::none());
    }

    #[test]
    fn every_rule_has_words() {
        for rule in Rule::RUN_RULES.into_iter().chain([Rule::Ewma, Rule::Cusum]) {
            assert!(!rule.describe().is_empty());
            assert_eq!(rule.to_string(), rule.name());
        }
    }
}
