//! Figures of orders, and of scrap against plan.

use std::time::Duration;

use super::super::span::ratio;
use super::Figures;

/// Figures of one order, whose execution lasts from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderFigures {
    /// PQ / AOET in pieces per second.
    pub throughput_per_s: Option<f64>,
    /// APT / AOET.
    pub production_process_ratio: Option<f64>,
    /// AUBT / AOET over all work units; above 1 where they work at the same time.
    pub allocation_ratio: Option<f64>,
}

impl OrderFigures {
    /// From the sums of all its work units and its execution time.
    pub fn of(figures: &Figures, execution: Duration) -> Self {
        let aoet = execution.as_secs_f64();
        Self {
            throughput_per_s: ratio(figures.output.pieces, aoet),
            production_process_ratio: ratio(figures.apt_s, aoet),
            allocation_ratio: ratio(figures.apt_s + figures.aust_s + figures.adet_s, aoet),
        }
    }
}

/// SQ / PSQ: scrap by the scrap that was planned.
pub fn actual_to_planned_scrap(scrap: f64, planned_scrap: f64) -> Option<f64> {
    ratio(scrap, planned_scrap)
}

/// SQ / PQ of the first operation: what falls off along a route.
pub fn fall_off(scrap: f64, first_operation_pieces: f64) -> Option<f64> {
    ratio(scrap, first_operation_pieces)
}
