//! How many parts of the birth may lie retained on the broker: a number that only grows, in `data_dir/birth-parts`.
//!
//! A configuration with fewer tags has fewer parts; what is above them is cleared on every connection. The file is
//! raised before the first part is sent, so no crash leaves a part that a later run does not know of. Without the file
//! nothing is cleared, and readers still tell old parts by `parts` and `epoch`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tracing::warn;

/// Far above any birth: a damaged file must not make the gateway clear topics for hours.
const PARTS_MAX: usize = 10_000;

/// Notes that there will be `parts`; the most there have ever been.
pub(super) fn raise(data_dir: &Path, parts: usize) -> usize {
    let path = data_dir.join("birth-parts");
    let saved = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().unwrap_or(0).min(PARTS_MAX),
        Err(_) => 0,
    };
    if parts > saved
        && let Err(error) = write(&path, parts)
    {
        warn!(file = %path.display(), %error, "The number of birth messages cannot be kept; a smaller configuration may leave old ones on the broker.");
    }
    saved.max(parts)
}

/// Beside its place, then renamed: there is never half a number.
fn write(path: &Path, parts: usize) -> io::Result<()> {
    let draft = path.with_extension("tmp");
    let mut file = File::create(&draft)?;
    writeln!(file, "{parts}")?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_only_grows_and_survives() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(raise(dir.path(), 3), 3);
        assert_eq!(raise(dir.path(), 1), 3);
        assert_eq!(raise(dir.path(), 5), 5);
        assert_eq!(raise(dir.path(), 2), 5);
    }

    #[test]
    fn a_damaged_or_missing_file_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("birth-parts"), "99999999999").unwrap();
        assert_eq!(raise(dir.path(), 1), PARTS_MAX);
        fs::write(dir.path().join("birth-parts"), [255, 0]).unwrap();
        assert_eq!(raise(dir.path(), 2), 2);
        assert_eq!(raise(&dir.path().join("gone"), 2), 2);
    }
}
