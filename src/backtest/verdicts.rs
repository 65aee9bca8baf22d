//! The verdicts of one recording as a file: `index,alarm,score`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::engine::Verdict;

/// A result that waits for its name: it is called `….part` until the whole run has succeeded.
#[derive(Debug)]
pub(super) struct Part {
    part: PathBuf,
    path: PathBuf,
}

impl Part {
    /// Writes zeros for the `learn` rows that taught, then the verdicts.
    pub(super) fn write(path: PathBuf, learn: usize, verdicts: &[Verdict]) -> Result<Self, Failed> {
        Self::create(path, |file| {
            file.write_all(b"index,alarm,score\n")?;
            for index in 0..learn {
                writeln!(file, "{index},0,0")?;
            }
            for (index, verdict) in (learn..).zip(verdicts) {
                let alarm = u8::from(verdict.alarm);
                writeln!(file, "{index},{alarm},{:.4}", verdict.score)?;
            }
            Ok(())
        })
    }

    /// Writes a text.
    pub(super) fn text(path: PathBuf, text: &str) -> Result<Self, Failed> {
        Self::create(path, |file| file.write_all(text.as_bytes()))
    }

    fn create(
        path: PathBuf,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<Self, Failed> {
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let made = Self {
            part: part.into(),
            path,
        };
        let folder = made.path.parent().unwrap_or(Path::new(""));
        let written = fs::create_dir_all(folder)
            .and_then(|()| File::create(&made.part))
            .and_then(|file| {
                let mut file = BufWriter::new(file);
                write(&mut file)?;
                file.flush()
            });
        match written {
            Ok(()) => Ok(made),
            Err(source) => {
                let failed = (made.part.clone(), source);
                made.discard();
                Err(failed)
            }
        }
    }

    /// Gives it its name.
    pub(super) fn finish(self) -> Result<(), Failed> {
        fs::rename(&self.part, &self.path).map_err(|source| (self.path, source))
    }

    /// Removes it; what cannot be removed keeps its suffix.
    pub(super) fn discard(self) {
        fs::remove_file(&self.part).ok();
    }
}

/// What could not be written, and why.
pub(super) type Failed = (PathBuf, io::Error);
