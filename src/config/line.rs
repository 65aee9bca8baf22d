//! `[[line]]`: work units that parts go through one after the other.

use super::nearest::did_you_mean;
use super::node::Value;
use super::section::Section;
use super::work_unit::WorkUnit;

const NAME_MARKS: &str = "_-.";
const NAME_BYTES_MAX: usize = 48;
/// Fewest work units of a line.
const UNITS_MIN: usize = 2;

/// `[[line]]`: a serial line. Machines that do the same side by side are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `name`: unique; 1 to 48 of `A-Z a-z 0-9 _ - .`.
    pub name: String,
    /// `units`: names of at least two work units in the order in which parts go through them; each is in one line at most.
    pub units: Vec<String>,
}

/// Reads every `[[line]]` of the whole configuration `root`.
pub(super) fn read_lines(root: &Section<'_>, units: &[WorkUnit]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for section in root.numbered("line") {
        let line = read_line(section, units, &lines);
        lines.extend(line);
    }
    lines
}

fn read_line(section: Section<'_>, known: &[WorkUnit], earlier: &[Line]) -> Option<Line> {
    section.require(
        &["name", "units"],
        "allowed: name = \"line1\", units = [\"saw\", \"press\"] in the order of the parts",
    );
    let name = section.name("name", NAME_BYTES_MAX, NAME_MARKS);
    if let Some(name) = &name
        && earlier.iter().any(|line| line.name == *name)
    {
        section.fault("name", "is the name of an earlier line; names are unique");
    }
    let units = section.list("units", |value| {
        let name = value
            .text()
            .ok_or_else(|| format!("is {}; allowed: the name of a work unit", value.kind()))?;
        if known.iter().any(|unit| unit.name == name) {
            return Ok(name.to_owned());
        }
        let near = did_you_mean(name, known.iter().map(|unit| unit.name.as_str()));
        Err(format!("is no [[work_unit]]{near}"))
    });
    if let Some(units) = &units {
        check_units(&section, units, earlier);
    }
    section.finish();
    Some(Line {
        name: name?,
        units: units?,
    })
}

fn check_units(section: &Section<'_>, units: &[String], earlier: &[Line]) {
    let written = section.node("units").map(|node| &node.value);
    let is_short = matches!(written, Some(Value::List(items)) if items.len() < UNITS_MIN);
    if is_short {
        section.fault("units", "is too short; allowed: at least two work units");
    }
    for (place, name) in units.iter().enumerate() {
        let mut before = units.iter().take(place);
        let other = earlier.iter().find(|line| line.units.contains(name));
        if before.any(|other| other == name) {
            section.fault("units", &format!("names {name} twice; parts pass it once"));
        } else if let Some(other) = other {
            let what = format!(
                "names {name}, which is in line {}; a work unit is in one line",
                other.name
            );
            section.fault("units", &what);
        }
    }
}
