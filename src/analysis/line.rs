//! What is said of a serial line besides the sums of its work units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::oee::Figure;
use crate::config::Line;
use crate::production::kpi::LossModel;
use crate::production::line::{SerialLine, Step, serial_line};

/// Figures of a serial line. Times in seconds, ratios as fractions; what is undefined is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineFigures {
    /// Its work units, in the order of the parts.
    pub steps: Vec<StepRow>,
    /// Root of the rolled throughput yield: the yield of a step, on average.
    pub normalized_yield: Option<f64>,
    /// Pieces that left the last step without its scrap, by pieces that entered the first.
    pub final_yield: Option<f64>,
    /// Scrap of all steps by pieces that entered the first.
    pub fall_off: Option<f64>,
    /// Good pieces that left the line.
    pub good: f64,
    /// Those by the planned busy time of the bottleneck, an hour.
    pub throughput_per_h: Option<f64>,
    /// The work unit with the longest ideal cycles.
    pub bottleneck: Option<String>,
    /// The longest ideal cycles of the line, per good piece that left it.
    pub bottleneck_s: Option<f64>,
    /// OEE by the bottleneck.
    pub bottleneck_oee: Option<Figure>,
}

/// A work unit of a serial line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// Its name.
    pub work_unit: String,
    /// Pieces that went through it.
    pub pieces: f64,
    /// Scrap.
    pub scrap: f64,
    /// Rework.
    pub rework: f64,
    /// Good the first time by all.
    pub first_pass_yield: Option<f64>,
}

/// The line whose work units are just those of `units`.
fn line_of_all<'l>(lines: &'l [Line], units: &BTreeMap<String, Step>) -> Option<&'l Line> {
    lines.iter().find(|line| {
        let known = line.units.iter().all(|name| units.contains_key(name));
        known && line.units.len() == units.len()
    })
}

/// Rolled throughput yield and, of a whole line, its figures. The route of other work units is not known: of one alone the
/// rolled yield is its own, of several there is none.
pub(super) fn route(
    lines: &[Line],
    units: &BTreeMap<String, Step>,
    model: LossModel,
) -> (Option<f64>, Option<LineFigures>) {
    let line = line_of_all(lines, units);
    let steps: Vec<Step> = match line {
        Some(line) => {
            let names = line.units.iter();
            names.filter_map(|name| units.get(name).cloned()).collect()
        }
        None if units.len() == 1 => units.values().cloned().collect(),
        None => return (None, None),
    };
    let serial = serial_line(&steps, model);
    (serial.yields.rolled, line.map(|_| figures(&steps, &serial)))
}

fn figures(steps: &[Step], serial: &SerialLine) -> LineFigures {
    let bottleneck = serial.bottleneck.and_then(|place| steps.get(place));
    let rows = steps.iter().zip(&serial.yields.fpy);
    LineFigures {
        steps: rows.map(|(step, fpy)| row(step, *fpy)).collect(),
        normalized_yield: serial.yields.normalized,
        final_yield: serial.yields.last,
        fall_off: serial.fall_off,
        good: serial.good,
        throughput_per_h: serial.throughput_per_h,
        bottleneck: bottleneck.map(|step| step.unit.clone()),
        bottleneck_s: serial.bottleneck_s,
        bottleneck_oee: serial.oee.as_ref().map(Figure::of),
    }
}

fn row(step: &Step, first_pass_yield: Option<f64>) -> StepRow {
    let output = &step.total.output;
    StepRow {
        work_unit: step.unit.clone(),
        pieces: output.pieces,
        scrap: output.scrap,
        rework: output.rework,
        first_pass_yield,
    }
}
