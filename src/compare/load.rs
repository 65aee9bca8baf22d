//! Reads the records that a request picks from a frame, with everything unusable taken out and counted.

use std::collections::{BTreeMap, BTreeSet};

use super::error::CompareError;
use super::frame::{Frame, Labels};
use super::records::{Column, Conduct, Loaded, Records, Values};
use super::request::{Factor, FactorKind, Outcome, Request};
use super::screen::{Products, new_levels, new_products, persons, small_levels};
use super::wording::Measure;

/// Most levels of the group that are compared at once.
const LEVELS_MAX: usize = 100;
/// Most labels of a categorical conduct factor that are looked at.
const CONDUCT_LABELS_MAX: usize = 50;

/// A column of the frame before incomplete records are taken out.
struct Raw {
    name: String,
    explains: Option<String>,
    is_crew: bool,
    values: RawValues,
}

enum RawValues {
    Numeric(Vec<Option<f64>>),
    Categorical(Labels),
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Kept,
    Incomplete,
    OtherLevel,
    FewPersons,
    NewProduct,
}

/// What the group column says of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Missing,
    NotAsked,
    Compared(usize),
}

/// Outcome and weight of a record, if they are usable.
type Measured = Option<(f64, f64)>;

/// Everything that decides the fate of a record.
struct Sieve<'a> {
    outcome: &'a [Measured],
    level: Vec<Level>,
    day: &'a Labels,
    context: &'a [Raw],
    products: &'a Products,
    small_levels: &'a [usize],
    new_levels: &'a [usize],
}

impl Sieve<'_> {
    fn fate(&self, row: usize) -> Fate {
        let has_outcome = self.outcome.get(row).is_some_and(Option::is_some);
        let has_day = self.day.codes.get(row).is_some_and(Option::is_some);
        let level = self.level.get(row).copied().unwrap_or(Level::Missing);
        if !(has_outcome && has_day && self.context.iter().all(|column| column.has(row))) {
            return Fate::Incomplete;
        }
        match level {
            Level::Missing => Fate::Incomplete,
            Level::NotAsked => Fate::OtherLevel,
            Level::Compared(level) if self.small_levels.contains(&level) => Fate::FewPersons,
            Level::Compared(level)
                if self.products.is_new(row) && !self.new_levels.contains(&level) =>
            {
                Fate::NewProduct
            }
            Level::Compared(_) => Fate::Kept,
        }
    }
}

/// Reads the records of a request.
pub(super) fn load(request: &Request, frame: &Frame) -> Result<Loaded, CompareError> {
    request.validate()?;
    let outcome = outcomes(&request.outcome, frame)?;
    let group = frame.labels(&request.group)?;
    let levels = levels(request, &group)?;
    let day = frame.labels(&request.cluster)?;
    let context = context(request, frame)?;
    let products = new_products(request.new_products.as_ref(), frame, &group, &day)?;
    let small_levels = small_levels(request, &levels);
    let new_levels = new_levels(request, &levels, &products);
    let sieve = Sieve {
        outcome: &outcome,
        level: level_of_rows(&group, &levels),
        day: &day,
        context: &context,
        products: &products,
        small_levels: &small_levels,
        new_levels: &new_levels,
    };
    let fates: Vec<Fate> = (0..frame.len()).map(|row| sieve.fate(row)).collect();
    let count = |fate: Fate| fates.iter().filter(|of| **of == fate).count();
    let keep: Vec<bool> = fates.iter().map(|fate| *fate == Fate::Kept).collect();
    let level = sieve.level.iter().map(|level| level.or_first()).collect();
    let all = Records {
        value: outcome.iter().map(|o| o.map_or(0.0, |o| o.0)).collect(),
        weight: outcome.iter().map(|o| o.map_or(1.0, |o| o.1)).collect(),
        level,
        day: day.codes.iter().map(|code| code.unwrap_or(0)).collect(),
        day_codes: day.names.len(),
        rates: !request.outcome.is_linear(),
        logs: matches!(request.outcome, Outcome::Duration { .. }),
        conduct: conduct(request, frame)?,
        context: context.into_iter().map(Raw::complete).collect(),
    };
    Ok(Loaded {
        records: all.select(&keep),
        levels,
        incomplete: count(Fate::Incomplete),
        other_levels: count(Fate::OtherLevel),
        few_persons: count(Fate::FewPersons),
        small_levels,
        new_product: count(Fate::NewProduct),
        new_levels,
    })
}

fn outcomes(outcome: &Outcome, frame: &Frame) -> Result<Vec<Measured>, CompareError> {
    let value = frame.number(outcome.column(), "the outcome")?;
    let weight = match outcome.weight_column() {
        Some(name) => frame.number(name, "the exposure")?,
        None => vec![Some(1.0); frame.len()],
    };
    let rows = value.iter().zip(&weight);
    Ok(rows.map(|(v, w)| usable(outcome, (*v)?, (*w)?)).collect())
}

/// The level of every row.
fn level_of_rows(group: &Labels, levels: &[String]) -> Vec<Level> {
    let position: BTreeMap<&str, usize> = levels
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), at))
        .collect();
    let level = |label: &Option<usize>| {
        let Some(name) = label.and_then(|label| group.names.get(label)) else {
            return Level::Missing;
        };
        position
            .get(name.as_str())
            .map_or(Level::NotAsked, |at| Level::Compared(*at))
    };
    group.codes.iter().map(level).collect()
}

impl Level {
    /// The level, or the first one for a record that is not kept.
    const fn or_first(self) -> usize {
        match self {
            Self::Compared(level) => level,
            Self::Missing | Self::NotAsked => 0,
        }
    }
}

/// Outcome and weight in the form the models need, or nothing when they are impossible.
fn usable(outcome: &Outcome, value: f64, weight: f64) -> Option<(f64, f64)> {
    let possible = weight > 0.0
        && match outcome {
            Outcome::Rate { .. } => true,
            Outcome::Duration { .. } => value > 0.0,
            Outcome::Proportion { .. } => (0.0..=weight).contains(&value),
            Outcome::Count { .. } => value >= 0.0,
        };
    let value = if matches!(outcome, Outcome::Duration { .. }) {
        value.ln()
    } else {
        value
    };
    possible.then_some((value, weight))
}

fn levels(request: &Request, group: &Labels) -> Result<Vec<String>, CompareError> {
    let wanted = if request.levels.is_empty() {
        &group.names
    } else {
        &request.levels
    };
    let found = wanted.iter().collect::<BTreeSet<_>>().len();
    if found == wanted.len() && (2..=LEVELS_MAX).contains(&found) {
        return Ok(wanted.clone());
    }
    Err(CompareError::Levels {
        group: request.group.clone(),
        found,
        maximum: LEVELS_MAX,
    })
}

fn context(request: &Request, frame: &Frame) -> Result<Vec<Raw>, CompareError> {
    let is_crew = |name: &str| request.crew.as_deref() == Some(name);
    let mut columns = Vec::new();
    for factor in &request.context {
        let column = Raw {
            name: factor.name.clone(),
            explains: factor.explains.clone(),
            is_crew: is_crew(&factor.name),
            values: match factor.kind {
                FactorKind::Numeric if !is_crew(&factor.name) => {
                    RawValues::Numeric(frame.number(&factor.name, "a numeric factor")?)
                }
                _ => RawValues::Categorical(persons(request, frame, &factor.name)?),
            },
        };
        columns.push(column);
    }
    // Crews rotate over shifts: they are adjusted for even when the caller does not list them.
    if let Some(crew) = &request.crew
        && *crew != request.group
        && !request.context.iter().any(|factor| factor.name == *crew)
    {
        let values = RawValues::Categorical(persons(request, frame, crew)?);
        columns.push(Raw {
            name: crew.clone(),
            explains: None,
            is_crew: true,
            values,
        });
    }
    Ok(columns)
}

fn conduct(request: &Request, frame: &Frame) -> Result<Vec<Conduct>, CompareError> {
    let mut measures = Vec::new();
    for Factor { name, kind, .. } in &request.conduct {
        if *kind == FactorKind::Numeric {
            let values = frame.number(name, "a numeric factor")?;
            measures.push(Conduct {
                name: name.clone(),
                measure: Measure::Number,
                values,
            });
            continue;
        }
        let labels = persons(request, frame, name)?;
        for (at, label) in labels.names.iter().enumerate().take(CONDUCT_LABELS_MAX) {
            let share = |code: &Option<usize>| code.map(|code| f64::from(u8::from(code == at)));
            let values = labels.codes.iter().map(share).collect();
            let name = format!("{name} = {label}");
            measures.push(Conduct {
                name,
                measure: Measure::Share,
                values,
            });
        }
    }
    Ok(measures)
}

impl Raw {
    fn has(&self, row: usize) -> bool {
        match &self.values {
            RawValues::Numeric(values) => values.get(row).copied().flatten().is_some(),
            RawValues::Categorical(labels) => labels.codes.get(row).copied().flatten().is_some(),
        }
    }

    /// With a placeholder where a value is missing; such records are not kept.
    fn complete(self) -> Column {
        Column {
            name: self.name,
            explains: self.explains,
            is_crew: self.is_crew,
            values: match self.values {
                RawValues::Numeric(values) => Values::Numeric(
                    values
                        .into_iter()
                        .map(|value| value.unwrap_or(0.0))
                        .collect(),
                ),
                RawValues::Categorical(labels) => Values::Categorical {
                    codes: labels.codes.iter().map(|code| code.unwrap_or(0)).collect(),
                    names: labels.names,
                },
            },
        }
    }
}
