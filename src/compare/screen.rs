//! Who and what is kept out of a comparison: groups of too few persons, products that are too new.

use std::collections::BTreeSet;

use super::error::CompareError;
use super::frame::{Frame, Labels};
use super::request::{NewProducts, PERSONS_MIN, Request};

/// Shift runs from which a product is no longer new.
const RUNS_MIN: usize = 3;
/// Parts from which a product is no longer new.
const PARTS_MIN: f64 = 500.0;
/// Label of all groups of persons that are too small to be told apart.
const POOLED: &str = "(small groups)";

/// The labels of a column, with the groups of too few persons pooled.
pub(super) fn persons(
    request: &Request,
    frame: &Frame,
    name: &str,
) -> Result<Labels, CompareError> {
    let labels = frame.labels(name)?.into_owned();
    let Some(sizes) = request.persons.get(name) else {
        return Ok(labels);
    };
    let size = |label: &String| sizes.get(label).copied().unwrap_or(PERSONS_MIN);
    let small: BTreeSet<usize> = labels
        .names
        .iter()
        .enumerate()
        .filter(|(_, label)| size(label) < PERSONS_MIN)
        .map(|(at, _)| at)
        .collect();
    if small.is_empty() {
        return Ok(labels);
    }
    let pool: u32 = labels
        .names
        .iter()
        .map(size)
        .filter(|size| *size < PERSONS_MIN)
        .sum();
    let pooled = labels.names.len();
    let mut names = labels.names;
    names.push(POOLED.to_owned());
    let code = |code: &Option<usize>| match code {
        Some(code) if !small.contains(code) => Some(*code),
        Some(_) if pool >= PERSONS_MIN => Some(pooled),
        _ => None,
    };
    let codes = labels.codes.iter().map(code).collect();
    Ok(Labels { names, codes })
}

/// Levels of the group that are groups of too few persons.
pub(super) fn small_levels(request: &Request, levels: &[String]) -> Vec<usize> {
    let Some(sizes) = request.persons.get(&request.group) else {
        return Vec::new();
    };
    let small = |name: &String| sizes.get(name).is_some_and(|size| *size < PERSONS_MIN);
    levels
        .iter()
        .enumerate()
        .filter(|(_, name)| small(name))
        .map(|(at, _)| at)
        .collect()
}

/// Which products of the frame are new, and the product of every record.
#[derive(Default)]
pub(super) struct Products {
    new: BTreeSet<usize>,
    labels: Labels,
}

impl Products {
    pub(super) fn is_new(&self, row: usize) -> bool {
        let code = self.labels.codes.get(row).copied().flatten();
        code.is_some_and(|code| self.new.contains(&code))
    }
}

/// What was made of a product.
#[derive(Debug, Clone, Default)]
struct Made {
    /// Different days and levels of the group.
    runs: BTreeSet<(usize, usize)>,
    parts: f64,
}

/// Tells which products are new by the rule.
pub(super) fn new_products(
    rule: Option<&NewProducts>,
    frame: &Frame,
    group: &Labels,
    day: &Labels,
) -> Result<Products, CompareError> {
    let Some(rule) = rule else {
        return Ok(Products::default());
    };
    let labels = frame.labels(&rule.product)?.into_owned();
    let parts = frame.number(&rule.parts, "the parts made")?;
    let mut runs: Vec<Made> = vec![Made::default(); labels.names.len()];
    let by_product = *frame.labels(&rule.product)? == *group;
    let rows = labels
        .codes
        .iter()
        .zip(&parts)
        .zip(group.codes.iter().zip(&day.codes));
    for ((product, parts), (group, day)) in rows {
        let (Some(product), Some(day)) = (product, day) else {
            continue;
        };
        if let Some(made) = runs.get_mut(*product) {
            // Where products are compared the group is no shift: then the days are counted.
            let shift = if by_product { 0 } else { group.unwrap_or(0) };
            made.runs.insert((*day, shift));
            made.parts += parts.unwrap_or(0.0).max(0.0);
        }
    }
    let is_new = |made: &Made| made.runs.len() < RUNS_MIN || made.parts < PARTS_MIN;
    let new = runs
        .iter()
        .enumerate()
        .filter(|(_, run)| is_new(run))
        .map(|(at, _)| at)
        .collect();
    Ok(Products { new, labels })
}

/// Levels of the group that are new products themselves.
pub(super) fn new_levels(request: &Request, levels: &[String], products: &Products) -> Vec<usize> {
    let rule = request.new_products.as_ref();
    if rule.is_none_or(|rule| rule.product != request.group) {
        return Vec::new();
    }
    let new: BTreeSet<&String> = products
        .new
        .iter()
        .filter_map(|at| products.labels.names.get(*at))
        .collect();
    levels
        .iter()
        .enumerate()
        .filter(|(_, name)| new.contains(name))
        .map(|(at, _)| at)
        .collect()
}
