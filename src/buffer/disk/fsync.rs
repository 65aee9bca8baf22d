//! Durability by hand: sled's own `flush` calls `sync_file_range`, which neither commits metadata nor empties the
//! drive's cache. Every rule here was found by cutting power.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Makes directory entries (creations, renames, removals) durable.
pub(in crate::buffer) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a directory with everything in it durable.
pub(super) fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        // A snapshot may be renamed between listing and opening; the new name is covered by the directory's fsync
        // and by the next commit.
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => sync_tree(&path)?,
            Ok(_) => ignore_missing(File::open(&path).and_then(|f| f.sync_all()))?,
            Err(error) => ignore_missing(Err(error))?,
        }
    }
    sync_dir(path)
}

/// Replaces a small file: a reader finds the old bytes or the new ones, never a mixture.
pub(in crate::buffer) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("tmp");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Bytes that a directory takes on disk.
pub(super) fn disk_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
            Ok(meta) => meta.blocks().saturating_mul(512),
            Err(_) => 0,
        })
        .sum()
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The open files of one database directory. They stay open for its life: a descriptor that is opened after a
/// write-back error was already reported may never see that error.
#[derive(Debug)]
pub(super) struct SyncSet {
    dir: PathBuf,
    handle: File,
    files: BTreeMap<OsString, File>,
}

impl SyncSet {
    /// Opens every file of the directory.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let mut set = Self {
            dir: dir.to_path_buf(),
            handle: File::open(dir)?,
            files: BTreeMap::new(),
        };
        set.refresh()?;
        Ok(set)
    }

    /// The durable half of a commit: `fdatasync` of every file, then `fsync` of the directory.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        self.refresh()?;
        for file in self.files.values() {
            file.sync_data()?;
        }
        self.handle.sync_all()
    }

    fn refresh(&mut self) -> io::Result<()> {
        let mut seen = BTreeMap::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                continue; // blobs/ stays empty: values are bounded
            }
            let name = entry.file_name();
            let file = match self.files.remove(&name) {
                Some(file) => file,
                None => match File::open(entry.path()) {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                },
            };
            seen.insert(name, file);
        }
        self.files = seen;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_leaves_no_temporary_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("epoch");
        replace_file(&path, b"one").unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_sync_set_follows_files_that_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("snap.1"), b"x").unwrap();
        let mut set = SyncSet::open(dir.path()).unwrap();
        fs::rename(dir.path().join("snap.1"), dir.path().join("snap.2")).unwrap();
        set.commit().unwrap();
        assert_eq!(
            set.files.keys().collect::<Vec<_>>(),
            vec![&OsString::from("snap.2")]
        );
        sync_tree(dir.path()).unwrap();
        assert!(disk_bytes(dir.path()) > 0);
    }
}
