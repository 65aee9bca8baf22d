//! What is to be compared: which outcome, between which levels of which factor, at the same what.
//!
//! Two lists of factors are kept apart. **Context** is what the group is given: staffing by planning, equipment,
//! product, environment. It is adjusted for. **Conduct** is what the group does itself: speed, short stops, settings.
//! Adjusting for it would hide the very difference that is asked for, so it never enters the model; the hints look at
//! it instead.

use std::collections::BTreeMap;

use super::error::CompareError;

/// Smallest group of persons that may be told apart in a report.
pub const PERSONS_MIN: u32 = 5;

/// Words in the name of a factor that point at single persons, and words that take it back.
const PERSON_WORDS: &[&str] = &[
    "operator",
    "employee",
    "worker",
    "person",
    "user",
    "badge",
    "staff",
    "setter",
    "inspector",
    "surname",
];
const GROUP_WORDS: &[&str] = &[
    "group", "crew", "team", "shift", "class", "count", "band", "role",
];

/// The measured outcome and the columns it is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A rate or ratio per record (parts per hour, OEE), weighted by exposure hours when a column of them is given.
    Rate {
        /// Column of the value.
        value: String,
        /// Column of the exposure, in hours above 0.
        exposure: Option<String>,
    },
    /// `count` of `trials` units (scrap of produced).
    Proportion {
        /// Column of the counted units.
        count: String,
        /// Column of all units.
        trials: String,
    },
    /// A number of events (stops) during the exposure.
    Count {
        /// Column of the number of events.
        events: String,
        /// Column of the exposure, in hours above 0.
        exposure: String,
    },
    /// A duration above 0 (cycle time), compared by its logarithm; its mean is the geometric one.
    Duration {
        /// Column of the duration.
        value: String,
        /// Column of the exposure, in hours above 0.
        exposure: Option<String>,
    },
}

impl Outcome {
    /// Column of the outcome itself.
    pub(super) fn column(&self) -> &str {
        match self {
            Self::Rate { value, .. } | Self::Duration { value, .. } => value,
            Self::Proportion { count, .. } => count,
            Self::Count { events, .. } => events,
        }
    }

    /// Whether it is fitted by least squares.
    pub(super) const fn is_linear(&self) -> bool {
        matches!(self, Self::Rate { .. } | Self::Duration { .. })
    }

    /// Column of exposure or trials.
    pub(super) fn weight_column(&self) -> Option<&str> {
        match self {
            Self::Rate { exposure, .. } | Self::Duration { exposure, .. } => exposure.as_deref(),
            Self::Proportion { trials, .. } => Some(trials),
            Self::Count { exposure, .. } => Some(exposure),
        }
    }
}

/// Which direction of the outcome is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better (output).
    Higher,
    /// Less is better (scrap, cycle time, stops).
    Lower,
}

/// How a factor enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorKind {
    /// As a number, with one slope.
    Numeric,
    /// As labels, each against the first in sort order.
    Categorical,
}

/// One column that describes the circumstances or the conduct of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Column of the frame.
    pub name: String,
    /// How it enters.
    pub kind: FactorKind,
    /// What it counts as in the decomposition of the gap (staffing, equipment, product, changeover); `None` leaves it
    /// out of the decomposition.
    pub explains: Option<String>,
}

impl Factor {
    /// A numeric factor outside the decomposition.
    pub fn numeric(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: FactorKind::Numeric,
            explains: None,
        }
    }

    /// A categorical factor outside the decomposition.
    pub fn categorical(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: FactorKind::Categorical,
            explains: None,
        }
    }

    /// The factor as a part of the decomposition.
    #[must_use]
    pub fn explains(mut self, part: &str) -> Self {
        self.explains = Some(part.to_owned());
        self
    }
}

/// How to tell a product that is too new for a verdict: fewer than 3 shift runs or fewer than 500 parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProducts {
    /// Column of the product.
    pub product: String,
    /// Column of the parts made in the record.
    pub parts: String,
}

/// What is to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The outcome.
    pub outcome: Outcome,
    /// Unit of the outcome for the sentences, such as `parts/h`; may be empty.
    pub unit: String,
    /// Which direction is the better one; decides only what the hints call better.
    pub better: Better,
    /// Column of the group: shift, crew, product, machine, period.
    pub group: String,
    /// Levels to compare, the first is the base; empty means all in sort order.
    pub levels: Vec<String>,
    /// Factors to adjust for, in order.
    pub context: Vec<Factor>,
    /// Factors under the group's own control; never adjusted for, looked at by the hints.
    pub conduct: Vec<Factor>,
    /// Column of the production day: records of a day are not independent.
    pub cluster: String,
    /// Column of the crew, if known. Crews are adjusted for as a fixed effect, and as a random intercept beside it.
    pub crew: Option<String>,
    /// Smallest difference that matters, in the unit of the outcome (a fraction for proportions), above 0.
    pub relevance: Option<f64>,
    /// Tells new products, which get no verdict.
    pub new_products: Option<NewProducts>,
    /// For factors that are groups of persons: how many persons each label stands for. Labels under
    /// [`PERSONS_MIN`] persons are pooled, or left out when the pool stays smaller.
    pub persons: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Request {
    /// A request without context, conduct, crew or threshold.
    pub fn new(outcome: Outcome, group: &str, cluster: &str) -> Self {
        Self {
            better: match outcome {
                Outcome::Rate { .. } => Better::Higher,
                _ => Better::Lower,
            },
            outcome,
            unit: String::new(),
            group: group.to_owned(),
            levels: Vec::new(),
            context: Vec::new(),
            conduct: Vec::new(),
            cluster: cluster.to_owned(),
            crew: None,
            relevance: None,
            new_products: None,
            persons: BTreeMap::new(),
        }
    }

    /// Checks what can be checked without the frame.
    pub(super) fn validate(&self) -> Result<(), CompareError> {
        if self
            .relevance
            .is_some_and(|size| !(size.is_finite() && size > 0.0))
        {
            return Err(CompareError::Relevance);
        }
        let labelled = self.context.iter().chain(&self.conduct);
        let labelled = labelled.filter(|factor| factor.kind == FactorKind::Categorical);
        let names = labelled.map(|factor| factor.name.as_str());
        let names = names
            .chain([self.group.as_str()])
            .chain(self.crew.as_deref());
        for name in names {
            if is_personal(name) {
                let name = name.to_owned();
                return Err(CompareError::Personal {
                    name,
                    minimum: PERSONS_MIN,
                });
            }
        }
        self.check_roles()
    }

    fn check_roles(&self) -> Result<(), CompareError> {
        let mut roles: BTreeMap<&str, &'static str> = BTreeMap::new();
        roles.insert(self.outcome.column(), "the outcome");
        let mut take = |name, role| match roles.insert(name, role) {
            Some(first) => Err(CompareError::TwoRoles {
                name: str::to_owned(name),
                first,
                second: role,
            }),
            None => Ok(()),
        };
        take(&self.group, "the group")?;
        for factor in &self.context {
            take(&factor.name, "a context factor")?;
        }
        for factor in &self.conduct {
            take(&factor.name, "a conduct factor")?;
        }
        Ok(())
    }
}

/// Whether a column of labels with this name tells single persons apart.
fn is_personal(name: &str) -> bool {
    let lower = name.to_lowercase();
    let words = || lower.split(|letter: char| !letter.is_alphanumeric());
    let among = |list: &[&str]| words().any(|word| list.contains(&word.trim_end_matches('s')));
    among(PERSON_WORDS) && !among(GROUP_WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate() -> Request {
        let outcome = Outcome::Rate {
            value: "rate".into(),
            exposure: None,
        };
        Request::new(outcome, "shift", "day")
    }

    fn fails(request: &Request, text: &str) {
        assert_eq!(request.validate().unwrap_err().to_string(), text);
    }

    #[test]
    fn a_factor_that_names_persons_is_refused() {
        for (name, personal) in [
            ("operator_id", true),
            ("Employee", true),
            ("staff.number", true),
            ("operator_group", false),
            ("crew", false),
            ("machine", false),
            ("shift_team", false),
        ] {
            assert_eq!(is_personal(name), personal, "{name}");
        }
        let mut request = rate();
        request.context.push(Factor::categorical("operator"));
        fails(
            &request,
            "factor `operator` names persons; crews or groups of at least 5 persons are allowed",
        );
        request.context = vec![Factor::numeric("operators")];
        assert_eq!(request.validate(), Ok(()), "a head count is no person");
    }

    #[test]
    fn a_column_has_one_role() {
        let mut request = rate();
        request.context.push(Factor::categorical("machine"));
        request.conduct.push(Factor::categorical("machine"));
        fails(
            &request,
            "column `machine` is both a context factor and a conduct factor",
        );
        request.conduct = vec![Factor::numeric("rate")];
        fails(
            &request,
            "column `rate` is both the outcome and a conduct factor",
        );
    }

    #[test]
    fn a_threshold_is_a_size() {
        for size in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let request = Request {
                relevance: Some(size),
                ..rate()
            };
            fails(
                &request,
                "the relevance threshold is not a finite number above 0",
            );
        }
    }
}
