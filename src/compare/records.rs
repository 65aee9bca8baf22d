//! The records of a comparison, column by column.

use std::collections::BTreeSet;

use super::wording::Measure;

/// The usable records, column by column.
#[derive(Debug, Clone)]
pub(super) struct Records {
    /// Outcome: the value, or the number of events.
    pub(super) value: Vec<f64>,
    /// Exposure or trials, above 0.
    pub(super) weight: Vec<f64>,
    /// Level of the group, as position among the levels of the request.
    pub(super) level: Vec<usize>,
    /// Production day, as a code below `day_codes`.
    pub(super) day: Vec<usize>,
    /// Number of different codes of days.
    pub(super) day_codes: usize,
    /// Whether the outcome of a record is `value / weight`: events per trial or hour.
    pub(super) rates: bool,
    /// Whether the outcome is kept as its logarithm.
    pub(super) logs: bool,
    /// Factors to adjust for.
    pub(super) context: Vec<Column>,
    /// Factors of conduct; a categorical one has one column per label.
    pub(super) conduct: Vec<Conduct>,
}

/// A factor to adjust for.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) explains: Option<String>,
    /// Whether this is the crew.
    pub(super) is_crew: bool,
    pub(super) values: Values,
}

/// The values of a factor.
#[derive(Debug, Clone)]
pub(super) enum Values {
    Numeric(Vec<f64>),
    Categorical {
        names: Vec<String>,
        codes: Vec<usize>,
    },
}

/// One measure of conduct.
#[derive(Debug, Clone)]
pub(super) struct Conduct {
    pub(super) name: String,
    pub(super) measure: Measure,
    pub(super) values: Vec<Option<f64>>,
}

/// What was read, and how many records were left out for which reason.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) records: Records,
    /// Levels of the group in the order of the request.
    pub(super) levels: Vec<String>,
    /// Records without a usable outcome, exposure, group, day or context.
    pub(super) incomplete: usize,
    /// Records of levels that were not asked for.
    pub(super) other_levels: usize,
    /// Records of groups with too few persons.
    pub(super) few_persons: usize,
    /// Levels that are groups with too few persons.
    pub(super) small_levels: Vec<usize>,
    /// Records of new products that were left out.
    pub(super) new_product: usize,
    /// Levels that are new products.
    pub(super) new_levels: Vec<usize>,
}

impl Records {
    pub(super) const fn len(&self) -> usize {
        self.value.len()
    }

    /// A value, or the mean of values, in units of the outcome.
    pub(super) fn in_units(&self, value: f64) -> f64 {
        if self.logs { value.exp() } else { value }
    }

    /// Number of different production days.
    pub(super) fn days(&self) -> usize {
        self.day.iter().collect::<BTreeSet<_>>().len()
    }

    /// The records for which `keep` holds.
    pub(super) fn select(&self, keep: &[bool]) -> Self {
        let column = |column: &Column| Column {
            values: match &column.values {
                Values::Numeric(values) => Values::Numeric(pick(values, keep)),
                Values::Categorical { names, codes } => Values::Categorical {
                    names: names.clone(),
                    codes: pick(codes, keep),
                },
            },
            ..column.clone_without_values()
        };
        let conduct = |conduct: &Conduct| Conduct {
            name: conduct.name.clone(),
            measure: conduct.measure,
            values: pick(&conduct.values, keep),
        };
        Self {
            value: pick(&self.value, keep),
            weight: pick(&self.weight, keep),
            level: pick(&self.level, keep),
            day: pick(&self.day, keep),
            day_codes: self.day_codes,
            rates: self.rates,
            logs: self.logs,
            context: self.context.iter().map(column).collect(),
            conduct: self.conduct.iter().map(conduct).collect(),
        }
    }

    /// The records without the crew among the context, and the crew of every record.
    pub(super) fn without_crew(&self) -> Option<(Self, Vec<usize>)> {
        let crew = self.context.iter().find(|column| column.is_crew)?;
        let Values::Categorical { codes, .. } = &crew.values else {
            return None;
        };
        let mut rest = self.clone();
        rest.context.retain(|column| !column.is_crew);
        Some((rest, codes.clone()))
    }

    /// Records and different days of one level.
    pub(super) fn size_of(&self, level: usize) -> (usize, usize) {
        let days = self
            .level
            .iter()
            .zip(&self.day)
            .filter(|(of, _)| **of == level);
        let distinct: BTreeSet<usize> = days.clone().map(|(_, day)| *day).collect();
        (days.count(), distinct.len())
    }
}

impl Column {
    fn clone_without_values(&self) -> Self {
        Self {
            name: self.name.clone(),
            explains: self.explains.clone(),
            is_crew: self.is_crew,
            values: Values::Numeric(Vec::new()),
        }
    }
}

fn pick<T: Clone>(values: &[T], keep: &[bool]) -> Vec<T> {
    let kept = values.iter().zip(keep).filter(|(_, keep)| **keep);
    kept.map(|(value, _)| value.clone()).collect()
}
