//! Where the baselines of a recording come from: its own start, or a training recording.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::engine::Engine;
use super::recording::{Recording, read};
use crate::config::{BacktestProfile, SamplingRate};
use crate::replay::{Fault, Faults};

/// Where baselines come from.
#[derive(Debug)]
pub(super) enum Teacher {
    /// From the start of each recording.
    Own,
    /// From a training recording.
    Taught {
        /// Which.
        path: PathBuf,
        /// Its value columns.
        columns: Vec<String>,
        /// What it taught.
        engine: Box<Engine>,
    },
}

impl Teacher {
    /// Learns from a training recording, if there is one; none after a fault.
    pub(super) fn new(
        train: Option<&Path>,
        profile: &BacktestProfile,
        faults: &mut Faults,
    ) -> Option<Self> {
        let Some(path) = train else {
            return Some(Self::Own);
        };
        // Its bytes are not counted: progress is that of the recordings in the data set.
        let recording = match read(path, Arc::new(AtomicU64::new(0))) {
            Ok(recording) => recording,
            Err(found) => {
                faults.append(found);
                return None;
            }
        };
        match fresh(profile, &recording, recording.rows()) {
            Ok(mut engine) => {
                recording.iter().for_each(|row| engine.learn(&row));
                engine.end_learning();
                Some(Self::Taught {
                    path: path.to_owned(),
                    columns: recording.columns,
                    engine: Box::new(engine),
                })
            }
            Err(message) => {
                faults.add(|| whole(path, message));
                None
            }
        }
    }

    /// The engine of a recording, and how many of its rows it has to learn from; or why there is none.
    pub(super) fn engine_for(
        &self,
        profile: &BacktestProfile,
        recording: &Recording,
    ) -> Result<(Engine, usize), String> {
        match self {
            Self::Own => {
                let learn = profile.learn.rows(recording.rows());
                fresh(profile, recording, learn).map(|engine| (engine, learn))
            }
            Self::Taught {
                columns, engine, ..
            } if *columns == recording.columns => {
                let mut engine = (**engine).clone();
                engine.begin();
                Ok((engine, 0))
            }
            Self::Taught { path, columns, .. } => Err(format!(
                "the value columns are {}; allowed are those of {}, which teaches: {}",
                recording.columns.join(", "),
                path.display(),
                columns.join(", ")
            )),
        }
    }
}

/// An engine that expects rows as the profile says, or as the learning rows come.
fn fresh(profile: &BacktestProfile, recording: &Recording, learn: usize) -> Result<Engine, String> {
    let period = match profile.rate {
        SamplingRate::Every(period) => period,
        SamplingRate::Auto => recording.median_interval(learn).ok_or_else(|| {
            format!("the learning rows ({learn}) have no two times to take the rate from; give rate = \"…\"")
        })?,
    };
    Engine::new(profile, &recording.outline(period, learn))
        .map_err(|error| format!("no detector can be made by the profile: {error}"))
}

/// A fault of a recording as a whole.
pub(super) fn whole(path: &Path, message: String) -> Fault {
    Fault {
        file: path.display().to_string(),
        line: 0,
        column: 0,
        message,
    }
}
