//! The epoch: a number that grows with every start and never comes twice, even on a wiped disk.
//!
//! ```text
//! epoch file: [epoch u32 LE][crc32c u32 LE]
//! ```

use std::io;
use std::path::Path;

use super::disk::replace_file;
use super::error::BufferError;
use crate::model::Timestamp;

/// The epoch of this start and of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    pub(super) current: u32,
    pub(super) previous: Option<u32>,
}

/// Chooses the next epoch and makes it durable before anything is numbered with it. `seen` is the highest epoch in
/// the lanes' marks, for when the file is lost.
pub(super) fn begin(
    data_dir: &Path,
    seen: Option<u32>,
    at: Timestamp,
) -> Result<Epoch, BufferError> {
    let path = data_dir.join("epoch");
    let io = |action, source| BufferError::Io {
        action,
        path: path.clone(),
        source,
    };
    let saved = match std::fs::read(&path) {
        Ok(bytes) => decode(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io("read", error)),
    };
    let previous = saved.max(seen);
    let current = next(previous, at);
    replace_file(&path, &encode(current)).map_err(|e| io("write", e))?;
    Ok(Epoch { current, previous })
}

/// The saved epoch, without beginning a new one.
pub(super) fn peek(data_dir: &Path) -> Option<u32> {
    decode(&std::fs::read(data_dir.join("epoch")).ok()?)
}

/// Seconds since 1970 keep a wiped data directory from repeating an epoch; the number before keeps a wrong clock
/// from doing so.
fn next(previous: Option<u32>, at: Timestamp) -> u32 {
    let seconds = u32::try_from(at.as_millis() / 1000).unwrap_or(0);
    previous
        .map_or(0, |p| p.saturating_add(1))
        .max(seconds)
        .max(1)
}

fn encode(epoch: u32) -> Vec<u8> {
    let bytes = epoch.to_le_bytes();
    let mut out = bytes.to_vec();
    out.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<u32> {
    let (epoch, rest) = bytes.split_first_chunk::<4>()?;
    let crc: &[u8; 4] = rest.try_into().ok()?;
    (crc32c::crc32c(epoch) == u32::from_le_bytes(*crc)).then(|| u32::from_le_bytes(*epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(previous: Option<u32>, at_s: i64, expected: u32) {
        assert_eq!(
            next(previous, Timestamp::from_millis(at_s * 1000)),
            expected
        );
    }

    #[test]
    fn an_epoch_never_repeats() {
        check(None, 1_772_344_800, 1_772_344_800);
        check(Some(1_772_344_799), 1_772_344_800, 1_772_344_800);
        check(Some(1_772_344_800), 1_772_344_800, 1_772_344_801);
        check(Some(1_772_344_800), 0, 1_772_344_801);
        check(None, 0, 1);
        check(Some(7), -5, 8);
        check(Some(7), i64::from(u32::MAX) + 1, 8);
    }

    #[test]
    fn a_start_remembers_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let begin =
            |seen, s: i64| begin(dir.path(), seen, Timestamp::from_millis(s * 1000)).unwrap();
        let first = begin(None, 100);
        assert_eq!((first.current, first.previous), (100, None));
        let second = begin(None, 50);
        assert_eq!((second.current, second.previous), (101, Some(100)));
        assert_eq!(peek(dir.path()), Some(101));
        std::fs::write(dir.path().join("epoch"), b"garbage!").unwrap();
        assert_eq!(peek(dir.path()), None);
        let third = begin(Some(101), 60);
        assert_eq!((third.current, third.previous), (102, Some(101)));
    }
}
