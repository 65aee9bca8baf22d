//! Which recordings a data set has.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::replay::{Fault, Faults};

/// Deepest folder that is looked into; links may go in circles.
const DEPTH_MAX: usize = 16;

/// A recording of the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DataFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its path below `data`, with `/` and without `.gz`.
    pub(super) name: String,
    /// Its size on disk.
    pub(super) bytes: u64,
}

/// The recordings below `data`, in the order of their names.
pub(super) fn list(dataset: &Path, faults: &mut Faults) -> Vec<DataFile> {
    let data = dataset.join("data");
    let mut files = Vec::new();
    let mut fault = |path: &Path, message: String| {
        faults.add(|| Fault {
            file: path.display().to_string(),
            line: 0,
            column: 0,
            message,
        });
    };
    if !data.is_dir() {
        let what = "is not a folder; a data set holds its recordings in the folder data";
        fault(&data, what.to_owned());
        return files;
    }
    if let Err((path, error)) = walk(&data, "", DEPTH_MAX, &mut files) {
        fault(&path, format!("cannot be read: {error}"));
    }
    if files.is_empty() {
        let what = "holds no recording; allowed: .csv and .csv.gz, in folders or not";
        fault(&data, what.to_owned());
    }
    files.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    for pair in files.windows(2) {
        if let [first, second] = pair
            && first.name == second.name
        {
            let other = first.path.display();
            fault(&second.path, format!("is the same recording as {other}"));
        }
    }
    files
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<DataFile>,
) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    if depth == 0 {
        let text = format!("folders are nested deeper than {DEPTH_MAX}");
        return Err(failed(io::Error::other(text)));
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let known = fs::metadata(&path).map_err(|error| (path.clone(), error))?;
        let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
            continue;
        };
        if known.is_dir() {
            walk(&path, &format!("{prefix}{name}/"), depth - 1, files)?;
        } else if let Some(stem) = stem_of(&name) {
            files.push(DataFile {
                name: format!("{prefix}{stem}.csv"),
                bytes: known.len(),
                path,
            });
        }
    }
    Ok(())
}

/// The name of a recording without its endings.
fn stem_of(name: &str) -> Option<&str> {
    name.strip_suffix(".gz")
        .unwrap_or(name)
        .strip_suffix(".csv")
        .filter(|stem| !stem.is_empty())
}

/// What recordings have in common: the first folder of their names; without one the letters that a name begins with,
/// so that `white_00.csv` and `white_01.csv` are one family.
pub(super) fn family_of(name: &str) -> &str {
    if let Some((folder, _)) = name.split_once('/') {
        return folder;
    }
    let stem = stem_of(name).unwrap_or(name);
    let end = stem
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(stem.len());
    match stem.get(..end) {
        Some(letters) if !letters.is_empty() => letters,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_folders_or_the_letters_of_a_name() {
        assert_eq!(
            family_of("realTweets/Twitter_volume_AAPL.csv"),
            "realTweets"
        );
        assert_eq!(family_of("white_00.csv"), "white");
        assert_eq!(family_of("d01_te.csv"), "d");
        assert_eq!(family_of("01.csv"), "01");
        assert_eq!(family_of("plain.csv"), "plain");
    }

    #[test]
    fn recordings_are_told_by_their_ending() {
        assert_eq!(stem_of("a.csv.gz"), Some("a"));
        assert_eq!(stem_of("a.b.csv"), Some("a.b"));
        assert_eq!(stem_of("a.txt"), None);
        assert_eq!(stem_of("a.gz"), None);
        assert_eq!(stem_of(".csv"), None);
    }
}
