//! Names in a lane's directory.
//!
//! `00000000000000000001/` a segment, by first sequence number; `del-…/` one being destroyed; `bad-…-n/` one set
//! aside; `mark`, `cursor`, `ledger` the small files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// A segment.
    Segment(u64),
    /// A segment set aside, with a number that makes the name unique.
    Bad(u64, u32),
    /// A segment being destroyed.
    Doomed,
    /// Not ours.
    Other,
}

/// Reads a directory name.
pub(super) fn parse(name: &str) -> Name {
    if name.starts_with("del-") {
        return Name::Doomed;
    }
    if let Some(rest) = name.strip_prefix("bad-") {
        return rest
            .split_once('-')
            .and_then(|(seq, n)| Some(Name::Bad(number(seq)?, n.parse().ok()?)))
            .unwrap_or(Name::Other);
    }
    number(name).map_or(Name::Other, Name::Segment)
}

/// Sequence numbers begin at 1; half of the range is more than any plant uses and leaves room for arithmetic.
fn number(text: &str) -> Option<u64> {
    (text.len() == 20 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
        .filter(|n| (1..=u64::MAX / 2).contains(n))
}

/// The directory of a segment.
pub(super) fn segment(root: &Path, first: u64) -> PathBuf {
    root.join(format!("{first:020}"))
}

/// The name under which a segment is destroyed.
pub(super) fn doomed(root: &Path, first: u64) -> PathBuf {
    root.join(format!("del-{first:020}"))
}

/// The first free name for setting a segment aside.
pub(super) fn bad(root: &Path, first: u64) -> PathBuf {
    (0..=u32::MAX)
        .map(|n| root.join(format!("bad-{first:020}-{n}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| root.join(format!("bad-{first:020}-x")))
}

/// All directories below `root` with what they are.
pub(super) fn list(root: &Path) -> io::Result<Vec<(Name, PathBuf)>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let name = entry.file_name();
            out.push((name.to_str().map_or(Name::Other, parse), entry.path()));
        }
    }
    out.sort();
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Name) {
        assert_eq!(parse(name), expected, "{name}");
    }

    #[test]
    fn only_exact_names_are_segments() {
        check("00000000000000000001", Name::Segment(1));
        check("00000000000000000000", Name::Other);
        check("18446744073709551615", Name::Other);
        check("99999999999999999999", Name::Other);
        check("1", Name::Other);
        check("+0000000000000000001", Name::Other);
        check("del-00000000000000000001", Name::Doomed);
        check("bad-00000000000000000007-3", Name::Bad(7, 3));
        check("bad-7-3", Name::Other);
        check("lost+found", Name::Other);
    }
}
