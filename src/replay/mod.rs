//! Recorded samples through the live chain, as fast as the machine allows.
//!
//! ```text
//! files ─► lines ─► cells ─► merge by time ─► chain (ticked by data time) ─► alerts, summaries, raw as JSON lines
//! └────── decode thread ──────┘              └── caller ──┘                 └────── write thread ──────┘
//! ```
//!
//! What it reads:
//! - Long CSV, `time,tag,value[,quality]`, one value per row, and wide CSV, a time column and one column per tag.
//!   The header tells which: a long one has the columns `tag` and `value`. The time column is called `time`,
//!   `timestamp`, `datetime`, `date` or `ts`, in any case.
//! - Separated by comma, semicolon or tab, whichever the header has most of; plain or gzip, told by content. With
//!   semicolon or tab a decimal comma is understood. A cell may stand in double quotes; line breaks inside of
//!   quotes are not supported.
//! - Times, see [`parse_time`]; qualities, see [`parse_quality`].
//! - An empty cell of a wide file is no sample. An empty value of a long file is a Bad sample, as is `NaN`.
//!
//! What it promises:
//! - The same input gives the same bytes, whether it is long or wide, in one file or in several.
//! - Memory does not grow with the length of the input: files are merged row by row, and each is expected to be
//!   ordered by time. A row that goes back in time is taken as of the latest time seen, keeps its own time stamp,
//!   and is counted.
//! - Data time is the only time: the chain sees monotonic time as "time of the row minus time of the first row".
//!   The seconds of a silence are lived through until nothing more can happen by the passing of time; the rest is
//!   jumped, so a gap of ten years costs no more than one of an hour. Summaries without a sample are not written.
//! - A cell that cannot be read is counted, reported as `file:line:col`, and is no sample; reading goes on.

mod bytes;
mod cell;
mod drive;
mod fault;
mod files;
mod header;
mod import;
mod line;
mod memory;
mod merge;
mod number;
mod quality;
mod run;
mod source;
mod stopwatch;
mod time;

pub(crate) use bytes::{open_counted, read_line};
pub use cell::{Expected, TagColumn};
pub(crate) use fault::shown;
pub use fault::{Fault, Faults};
pub use files::{AlertCounts, Transitions, Written};
pub use header::{KnownTags, Layout, Meaning, Reading, read_header};
pub use import::{ImportReport, ImportRequest, import};
pub(crate) use line::{Cell, Cells, column};
pub use number::parse_number;
pub use quality::parse_quality;
pub use run::{Progress, ReplayError, Report, Request, replay};
pub use stopwatch::{Seconds, Shares};
pub use time::parse_time;
