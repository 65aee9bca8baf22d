//! A few numbers that change often and must survive a power cut: one file, two sectors, written in turn.
//!
//! ```text
//! offset 0    slot 0 ┐ [magic "ANS1"][generation u64 LE][a u64 LE][b u64 LE][c u32 LE][crc32c u32 LE]
//! offset 512  slot 1 ┘ the whole slot with the higher generation counts
//! ```
//!
//! The file has its full length from the start, so that a save changes no metadata. A torn write damages only the
//! slot being written; the other still holds the save before.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::fsync::{replace_file, sync_dir};

const MAGIC: [u8; 4] = *b"ANS1";
const SLOT_BYTES: usize = 512;
const USED_BYTES: usize = 4 + 8 + 8 + 8 + 4;

/// The numbers in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Numbers {
    /// First number.
    pub a: u64,
    /// Second number.
    pub b: u64,
    /// Third number.
    pub c: u32,
}

/// The open file.
#[derive(Debug)]
pub(super) struct SlotFile {
    file: File,
    generation: u64,
}

impl SlotFile {
    /// The newest whole save in the file; nothing when there is no file or both slots are damaged.
    pub(super) fn peek(path: &Path) -> io::Result<Option<Numbers>> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(newest(&bytes).map(|(_, numbers)| numbers)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the file for saving, makes it if it is missing or damaged.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let generation = newest(&bytes).map_or(0, |(generation, _)| generation);
        if bytes.len() != 2 * SLOT_BYTES {
            let mut whole = bytes;
            whole.resize(2 * SLOT_BYTES, 0);
            replace_file(path, &whole)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        file.sync_all()?;
        path.parent().map_or(Ok(()), sync_dir)?;
        Ok(Self { file, generation })
    }

    /// Saves the numbers; durable on return.
    pub(super) fn save(&mut self, numbers: Numbers) -> io::Result<()> {
        let generation = self.generation + 1;
        let offset = if generation.is_multiple_of(2) {
            0
        } else {
            SLOT_BYTES as u64
        };
        self.file
            .write_all_at(&encode(generation, numbers), offset)?;
        self.file.sync_data()?;
        self.generation = generation;
        Ok(())
    }
}

fn encode(generation: u64, numbers: Numbers) -> Vec<u8> {
    let mut out = Vec::with_capacity(SLOT_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&generation.to_le_bytes());
    out.extend_from_slice(&numbers.a.to_le_bytes());
    out.extend_from_slice(&numbers.b.to_le_bytes());
    out.extend_from_slice(&numbers.c.to_le_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out.resize(SLOT_BYTES, 0);
    out
}

fn newest(bytes: &[u8]) -> Option<(u64, Numbers)> {
    bytes
        .chunks(SLOT_BYTES)
        .take(2)
        .filter_map(decode)
        .max_by_key(|(generation, _)| *generation)
}

fn decode(slot: &[u8]) -> Option<(u64, Numbers)> {
    let (content, rest) = slot.split_at_checked(USED_BYTES)?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (magic, rest) = content.split_first_chunk::<4>()?;
    let (generation, rest) = rest.split_first_chunk::<8>()?;
    let (a, rest) = rest.split_first_chunk::<8>()?;
    let (b, rest) = rest.split_first_chunk::<8>()?;
    let (c, _) = rest.split_first_chunk::<4>()?;
    let numbers = Numbers {
        a: u64::from_le_bytes(*a),
        b: u64::from_le_bytes(*b),
        c: u32::from_le_bytes(*c),
    };
    (*magic == MAGIC).then_some((u64::from_le_bytes(*generation), numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(n: u64) -> Numbers {
        Numbers {
            a: n,
            b: n + 1,
            c: 7,
        }
    }

    #[test]
    fn the_last_save_is_read_back_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mark");
        assert_eq!(SlotFile::peek(&path).unwrap(), None);
        for n in 1..6 {
            let mut file = SlotFile::open(&path).unwrap();
            file.save(numbers(n)).unwrap();
            assert_eq!(SlotFile::peek(&path).unwrap(), Some(numbers(n)));
        }
    }

    proptest! {
        #[test]
        fn one_torn_slot_costs_at_most_the_last_save(saves in 2_u64..9, at in 0_usize..1024, flip in 1_u8..) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("mark");
            let mut file = SlotFile::open(&path).unwrap();
            for n in 1..=saves { file.save(numbers(n)).unwrap(); }
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[at] ^= flip;
            std::fs::write(&path, &bytes).unwrap();
            let found = SlotFile::peek(&path).unwrap();
            prop_assert!(found == Some(numbers(saves)) || found == Some(numbers(saves - 1)));
            let mut file = SlotFile::open(&path).unwrap();
            file.save(numbers(99)).unwrap();
            prop_assert_eq!(SlotFile::peek(&path).unwrap(), Some(numbers(99)));
        }

        #[test]
        fn a_truncated_file_is_never_misread(len in 0_usize..1024) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("mark");
            let mut file = SlotFile::open(&path).unwrap();
            file.save(numbers(1)).unwrap();
            file.save(numbers(2)).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..len]).unwrap();
            let found = SlotFile::peek(&path).unwrap();
            prop_assert!(found.is_none() || found == Some(numbers(1)) || found == Some(numbers(2)));
            SlotFile::open(&path).unwrap();
        }
    }
}
