//! Space kept back for alerts: a preallocated file that is given up when the disk is full.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;

/// The reserve file.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    held: bool,
}

impl Reserve {
    /// A reserve of `bytes` at `path`; taken by [`Reserve::restore`].
    pub(super) const fn new(path: PathBuf, bytes: u64) -> Self {
        Self {
            path,
            bytes,
            held: false,
        }
    }

    /// Gives the space back; false when it was not held.
    pub(super) fn release(&mut self) -> bool {
        let held = std::mem::take(&mut self.held);
        if held && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "Reserved space cannot be released.");
        }
        held
    }

    /// Takes the space when twice as much is free, so that taking it does not itself fill the disk.
    pub(super) fn restore(&mut self, free_bytes: Option<u64>) {
        if self.held || free_bytes.is_none_or(|free| free / 2 < self.bytes) {
            return;
        }
        match self.allocate() {
            Ok(()) => self.held = true,
            Err(error) => {
                tracing::debug!(path = %self.path.display(), %error, "Space cannot be reserved.");
                // Half a reserve is no reserve: leave the space to the alerts themselves.
                if let Err(error) = fs::remove_file(&self.path) {
                    tracing::debug!(path = %self.path.display(), %error, "Reserve file is not there.");
                }
            }
        }
    }

    fn allocate(&self) -> io::Result<()> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.path)?;
        if file.metadata()?.len() == self.bytes && allocated(&file)? >= self.bytes {
            return Ok(());
        }
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, self.bytes)?;
        file.set_len(self.bytes)?;
        file.sync_all()
    }
}

fn allocated(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(file.metadata()?.blocks().saturating_mul(512))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_real_space_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        let mut reserve = Reserve::new(path.clone(), 1 << 20);
        assert!(!reserve.release());
        reserve.restore(Some(1 << 20));
        assert!(!path.exists(), "taking it would fill the disk");
        reserve.restore(None);
        assert!(!path.exists());
        for _ in 0..2 {
            reserve.restore(Some(1 << 30));
            assert!(allocated(&File::open(&path).unwrap()).unwrap() >= 1 << 20);
            reserve.restore(Some(1 << 30));
            assert!(reserve.release());
            assert!(!path.exists());
        }
    }
}
