//! Detection on a group: the tags of one machine together, by two charts with one wish, the rows between false alarms.
//!
//! A tag's own charts cannot see that tags no longer fit each other, and many tags watched one by one have many false
//! alarms. A group sees both with one budget.
//!
//! ```text
//! rows ─► learn ─► per tag: mean, sigma, phi, wander ─► level chart    one EWMA per tag, limit for all of them
//!               └► all tags: covariance of innovations ► pattern chart  EWMA of T²
//! ```
//!
//! # What is charted
//!
//! With `z = (x - mean) / sigma` per tag:
//!
//! ```text
//! B <- B + 0.05 (clamp(z, ±4 LB) - B)           level of each tag               (Roberts 1959)
//! e  = clamp(z - phi z', ±6)                    innovation of its AR(1) model   (Alwan & Roberts 1988)
//! T² = e' P e                                   all tags together               (Hotelling 1947)
//! F <- F + 0.1 (min(T², 5 hF) - F)              smoothed, as the MEWMA smooths  (Lowry et al. 1992)
//! score = max(F / hF, max |B| / LB)             alarm from 1, cleared below 0.8
//! ```
//!
//! The level chart finds what moves away and stays, the pattern chart what breaks the relation of the tags, swings and
//! jumps. T² takes all directions: no principal components are chosen, because the small ones are where lost relations
//! show. The caps bound how long a chart takes to come back: 27 and 15 rows.
//!
//! # What is learned
//!
//! - **mean, sigma**: winsorised at three robust standard deviations. A few gross outliers do not count; a tag that does
//!   not move is marked still and takes no part.
//! - **wander**: real levels do not stay. From the share `r` of ten block means in the variance `V` follows the variance
//!   `w = 25 V r³ / (1 - r)` that the level may have later, with that of the estimated mean added.
//! - **LB**: `sqrt(v + w) t`. `v` is the variance of the EWMA of an AR(1) signal (Schmid 1997) with Kendall's bias
//!   correction (1954), or as seen when that is more; `t` is the quantile of Student's t at `1 / (2 p ARL0)`, for `p`
//!   tags and two sides (Bonferroni), with as many degrees of freedom as there were independent values.
//! - **P**: inverse of `S + W`, `S` the covariance of the innovations shrunk by 5 % to its diagonal (in the manner of
//!   Ledoit & Wolf 2004, with a fixed weight: the more is shrunk, the less is seen of tags that are nearly one), `W` what
//!   wandering levels do to innovations.
//! - **hF**: Pearson III quantile at `1 / ARL0` (Wilson & Hilferty 1931) of mean, variance and skewness of F, from rows
//!   that had no part in the covariance (five folds): T² of the learned rows themselves is too small.
//!
//! # What a caller may rely on
//!
//! - **False alarms.** On AR(1) data of 8 tags with `phi` up to 0.8 and 400 learned rows, both charts together make about
//!   one event in the promised time at 1,000 rows and up to two at 10,000; with 50 tags half of that. Tails as heavy as
//!   Student's t with 5 degrees of freedom make up to five at 10,000. A learning phase of n rows cannot keep promises
//!   far beyond 250 n, nor stand for a plant that goes elsewhere afterwards: the longer, the fewer false alarms.
//! - **What never came.** A row that is not newer, of another length, or with values for fewer than two and half of the
//!   moving tags is not used; NaN and infinities are no values.
//! - **A tag without a value** gets the innovation that the others let expect, so that T² is that of the others, plus
//!   its average share; the value that goes with it stands in for the missing one until the tag is back. The part of
//!   the innovation that then comes of not having known better is taken out. Its level is held for three rows, so that a
//!   slower tag keeps its full weight; after that it fades as if all were normal.
//! - **A gap** of up to three periods is bridged: `(z - phi^k z') sqrt((1 - phi²) / (1 - phi^2k))` has the variance of an
//!   innovation over one row. A longer one breaks the neighbourhood, which leaves `sqrt(1 - phi²) z`, and fades both
//!   charts; one of 200 rows (ten time constants) starts them afresh.
//! - **Learning** takes rows with values for at least half of the tags, and holds the last value where one is missing; a
//!   tag that misses more than a fifth is marked still. When fewer than two tags move, the older half is dropped and
//!   learning goes on.
//! - **Bounds.** At most 64 tags and 4,096 rows: 2 MiB while learning, some 10 for the moment of the fit, 64 KiB after. A
//!   row costs `p²` products, with missing values up to five times that, and no allocation.
//!
//! A trend that goes on is reported as what it is, for as long as it goes on.

mod covariance;
mod detector;
mod fit;
mod learning;
mod machine;
mod memory;
mod model;
mod quantile;
mod robust;
#[cfg(test)]
mod tests;

pub use machine::{Group, GroupDesign, GroupReading, GroupShare, GroupState};
pub use memory::GroupMemory;
pub use model::{GroupModel, TagModel};

/// Tags of a group.
const TAGS_MIN: usize = 2;
/// A row costs the square of it; a machine with more has several groups.
const TAGS_MAX: usize = 64;
/// Most rows to learn from.
const ROWS_MAX: usize = 4_096;
/// Smoothing factor of the level chart.
const LEVEL_LAMBDA: f64 = 0.05;
/// Smoothing factor of the pattern chart.
const PATTERN_LAMBDA: f64 = 0.1;
/// Innovations beyond this many standard deviations say no more.
const INNOVATION_CLIP: f64 = 6.0;
/// An alarm stays until the score falls below this.
const CLEAR_SHARE: f64 = 0.8;
