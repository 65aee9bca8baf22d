//! Figures of orders.

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

/// Seconds of busy time per piece that customers ask for: busy time by the quantity that is wanted in it.
pub fn takt_s(busy: Duration, pieces: f64) -> Option<f64> {
    ratio(busy.as_secs_f64(), pieces).filter(|takt| *takt > 0.0)
}
