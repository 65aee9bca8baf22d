//! The file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Baselines;

/// File name in the data directory.
pub const FILE: &str = "baselines.v3";
/// First bytes of the file.
const MAGIC: &[u8; 8] = b"ANDONBL3";
/// Bytes before the payload.
const HEAD: usize = MAGIC.len() + 4;
/// A larger file is not ours: a hundred thousand tags with a pattern each take 300 MB.
const BYTES_MAX: u64 = 1 << 30;

/// Why baselines cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("{action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is not one of baselines, or damaged.
    #[error("read `{}`: {reason}", path.display())]
    NotBaselines {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// They cannot be encoded: a bug.
    #[error("encode the baselines")]
    Encode(#[source] postcard::Error),
}

/// A file that could not be used and was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where it lies now.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Reads the baselines of a data directory; none when there are none yet. A file that cannot be used is set aside.
pub fn load(data_dir: &Path) -> Result<(Baselines, Option<Damage>), StoreError> {
    let path = data_dir.join(FILE);
    match read(&path) {
        Ok(baselines) => Ok((baselines, None)),
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok((Baselines::default(), None))
        }
        Err(StoreError::NotBaselines { reason, .. }) => {
            let aside = path.with_extension("v3.damaged");
            fs::rename(&path, &aside).map_err(failed("set aside", &path))?;
            let damage = Damage {
                file: aside,
                reason,
            };
            Ok((Baselines::default(), Some(damage)))
        }
        Err(error) => Err(error),
    }
}

/// Reads a file of baselines.
pub fn read(path: &Path) -> Result<Baselines, StoreError> {
    let size = fs::metadata(path).map_err(failed("look at", path))?.len();
    let baselines = if size > BYTES_MAX {
        Err("it is larger than any baselines are")
    } else {
        decode(&fs::read(path).map_err(failed("read", path))?)
    };
    baselines.map_err(|reason| StoreError::NotBaselines {
        path: path.to_owned(),
        reason,
    })
}

/// Replaces the baselines of a data directory.
pub fn save(data_dir: &Path, baselines: &Baselines) -> Result<(), StoreError> {
    write(&data_dir.join(FILE), baselines)?;
    let folder = File::open(data_dir).and_then(|folder| folder.sync_all());
    folder.map_err(failed("fsync", data_dir))
}

/// Writes a file of baselines: all of it, or nothing.
pub fn write(path: &Path, baselines: &Baselines) -> Result<(), StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    let bytes = encode(baselines)?;
    let written = File::create(&fresh).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.map_err(failed("write", &fresh))?;
    fs::rename(&fresh, path).map_err(failed("replace", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io {
        action,
        path,
        source,
    }
}

fn encode(baselines: &Baselines) -> Result<Vec<u8>, StoreError> {
    let payload = postcard::to_stdvec(baselines).map_err(StoreError::Encode)?;
    let mut bytes = Vec::with_capacity(HEAD + payload.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Baselines, &'static str> {
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or("it does not begin as baselines do")?;
    let (sum, payload) = rest.split_first_chunk().ok_or("it is cut off")?;
    if crc32c::crc32c(payload) != u32::from_le_bytes(*sum) {
        return Err("its checksum is wrong");
    }
    let (mut baselines, more): (Baselines, _) =
        postcard::take_from_bytes(payload).map_err(|_error| "it cannot be decoded")?;
    if !more.is_empty() {
        return Err("it is longer than its content");
    }
    baselines.tags.retain(|entry| entry.memory.is_usable());
    baselines.groups.retain(|entry| entry.memory.is_valid());
    Ok(baselines)
}

#[cfg(test)]
mod tests {
    use super::super::TagEntry;
    use super::*;
    use crate::detection::{Memory, Model};
    use crate::model::with_causes;

    fn baselines() -> Baselines {
        Baselines {
            modes: vec![vec!["P1".to_owned(), "P2".to_owned()]],
            tags: vec![TagEntry {
                tag: "press1.temp".to_owned(),
                settings: 7,
                since_ms: Some(1_772_344_800_000),
                memory: Memory::of(Model::known(71.25, 0.5, 0.3)),
            }],
            ..Baselines::default()
        }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), (Baselines::default(), None));
        save(dir.path(), &baselines()).unwrap();
        assert_eq!(load(dir.path()).unwrap(), (baselines(), None));
        save(dir.path(), &Baselines::default()).unwrap();
        assert_eq!(load(dir.path()).unwrap().0, Baselines::default());
    }

    #[track_caller]
    fn check_damage(bytes: &[u8], reason: &str) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), bytes).unwrap();
        let (loaded, damage) = load(dir.path()).unwrap();
        assert_eq!(loaded, Baselines::default());
        let damage = damage.expect("damage is told");
        assert_eq!(damage.reason, reason);
        assert_eq!(
            fs::read(damage.file).unwrap(),
            bytes,
            "it is set aside as it was"
        );
        assert_eq!(load(dir.path()).unwrap(), (Baselines::default(), None));
    }

    #[test]
    fn damage_is_told_and_set_aside() {
        let good = encode(&baselines()).unwrap();
        check_damage(b"", "it does not begin as baselines do");
        check_damage(
            b"ANDONBL1 another version",
            "it does not begin as baselines do",
        );
        check_damage(&good[..10], "it is cut off");
        check_damage(&good[..good.len() - 1], "its checksum is wrong");
        let mut flipped = good.clone();
        flipped[40] ^= 1;
        check_damage(&flipped, "its checksum is wrong");
        let mut long = postcard::to_stdvec(&baselines()).unwrap();
        long.push(0);
        let sum = crc32c::crc32c(&long).to_le_bytes();
        check_damage(
            &[MAGIC, &sum[..], &long].concat(),
            "it is longer than its content",
        );
    }

    #[test]
    fn a_model_that_cannot_be_charted_with_is_left_out() {
        let mut bad = baselines();
        bad.tags[0].memory = Memory::of(Model::known(f64::NAN, 0.5, 0.3));
        assert_eq!(decode(&encode(&bad).unwrap()).unwrap().tags, []);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = save(Path::new("/nonexistent/folder"), &baselines()).unwrap_err();
        assert!(
            with_causes(&error).starts_with("write `/nonexistent/folder/")
                && with_causes(&error).ends_with("(os error 2)"),
            "{error}"
        );
    }
}
