//! Control charts: limits from a period of normal production, and points drawn against them.
//!
//! [`Limits::fit`] learns the limits from a series, [`Limits::draw`] draws any series against them, so that limits can be
//! frozen and kept. With `sigma` the standard deviation of one reading within a subgroup (ISO 7870-2, Montgomery 2013):
//!
//! | chart | sigma | centre and limits |
//! |---|---|---|
//! | X-bar/R | `Rbar / d2` | mean `+- 3 sigma / sqrt(n)`; R: `d2 sigma +- 3 d3 sigma` |
//! | X-bar/S | `Sbar / c4`; pooled s for changing n | mean `+- 3 sigma / sqrt(n_i)`; S: `c4 sigma +- 3 sigma sqrt(1 - c4^2)` |
//! | I-MR | `MRbar / d2(2)` | `+- 3 sigma`; MR: 0 to `D4(2) MRbar` |
//! | p, np | | `p +- 3 sqrt(p (1 - p) / n_i)`, within 0 and 1; np: times n |
//! | c, u | | `c +- 3 sqrt(c)`; `u +- 3 sqrt(u / n_i)` |
//! | Laney p', u' | `MRbar(z) / d2(2)` | the limits of p and u, this many times as wide |
//! | g | | `m +- 3 sqrt(m (m + 1))`, `m` the mean number of good units between events (Benneyan 2001) |
//! | time between | I-MR of `t^(1 / 3.6)` | limits turned back into time (Nelson 1994) |
//! | EWMA | given or as above | `T +- L s sqrt(v_i)`, `v_i = lambda^2 / n_i + (1 - lambda)^2 v_(i-1)` |
//! | CUSUM | given or as above | `C+ = max(0, C+ + x - T - K)`, `C- = max(0, C- + T - K - x)`, signal above `H` |
//!
//! A lower limit of what cannot be negative is 0 at least, and a point at 0 is then no signal. All comparisons with
//! limits are strict. Never draws a value that is infinite or not a number.

mod attributes;
mod cusum;
mod ewma;
mod individuals;
mod kind;
mod limits;
mod nominal;
mod panel;
mod rare;
mod series;
mod variables;

#[cfg(test)]
mod tests;

pub use attributes::{FractionLimits, RateLimits, dispersion_ratio};
pub use cusum::{CusumLimits, CusumRun, CusumScale};
pub use ewma::EwmaLimits;
pub use individuals::IndividualLimits;
pub use kind::{ChartKind, Statistic};
pub use limits::{Limits, WeightedDesign};
pub use nominal::{NominalGroup, deviations_from_nominal, spreads_differ};
pub use panel::{Chart, Panel, PanelPoint};
pub use rare::{BetweenLimits, GLimits, counts_between, hours_between};
pub use series::{Count, Series, Subgroup};
pub use variables::SubgroupLimits;
