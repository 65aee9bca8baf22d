//! Stable tag numbers: given out once, never reused, kept in `data_dir`.
//!
//! Records name tags by number, and records live long: in the buffer through outages, upstream for years. So a
//! number must mean the same tag for ever, whatever is added, removed or reordered in the configuration.
//!
//! The file is `tags.<generation>.reg`, lines of text, only ever appended to and synced before a number is used:
//!
//! ```text
//! <crc32c of the rest, 8 hex digits> {"andon_tags":1,"generation":1}
//! <crc32c> [1,"press1.temp","°C"]
//! <crc32c> [2,"press1.count",""]
//! <crc32c> [3,"press1.temp","K"]
//! ```
//!
//! A number stands for a name **and** a unit: a tag whose unit changes gets a new number, so records of before keep
//! the unit they were measured in.
//!
//! A line without its line end is a write that a power cut stopped; its number was never used, and it is removed.
//! Any other line that fails its checksum is damage. Then the intact lines move to a file of the next generation and
//! the damaged file stays beside it as evidence. Generation `g` gives out numbers from `(g − 1) · 2²⁰ + 1` on, so a
//! tag whose line is lost gets a number that nobody has seen, and no old record is ever shown under a wrong name.
//! The generation is in the birth message.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::names::{TagName, TagNames};

/// Numbers per generation.
const SPAN: u32 = 1 << 20;
/// Generations that fit into `u32`.
const LAST_GENERATION: u32 = u32::MAX / SPAN;

/// Why tag numbers cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file operation failed.
    #[error("{action} tag registry {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The file was written by a later program.
    #[error("read tag registry {}: it has format {format}, this program reads format 1", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// Its format.
        format: u64,
    },
    /// More than a million tags in a generation, or more than four thousand generations.
    #[error("number tag `{0}`: no numbers are left")]
    Exhausted(String),
}

/// What was found wrong when the registry was opened; the gateway runs on, the operator should look at the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryDamage {
    /// The damaged file, left as it was.
    pub file: PathBuf,
    /// Lines that failed their checksum.
    pub lines: usize,
    /// The generation in use now.
    pub generation: u32,
}

/// The numbers of this gateway's tags. One writer: the process that holds the data directory.
#[derive(Debug)]
pub struct TagRegistry {
    path: PathBuf,
    file: File,
    generation: u32,
    next: u32,
    numbers: BTreeMap<TagName, u32>,
    entries: BTreeMap<u32, TagName>,
}

impl TagRegistry {
    /// Opens the registry in `dir`, making it when there is none.
    pub fn open(dir: &Path) -> Result<(Self, Option<RegistryDamage>), RegistryError> {
        let Some((generation, path)) = newest(dir)? else {
            return Ok((Self::create(dir, 1, BTreeMap::new())?, None));
        };
        let bytes = fs::read(&path).map_err(|source| failed("read", &path, source))?;
        let parsed = parse(&bytes, generation);
        if let Some(format) = parsed.later_format {
            return Err(RegistryError::Format { path, format });
        }
        if parsed.damaged_lines == 0 {
            let file = reopen(&path, parsed.whole_bytes)?;
            return Ok((Self::assemble(path, file, generation, parsed.entries), None));
        }
        let registry = Self::create(dir, generation + 1, parsed.entries)?;
        let damage = RegistryDamage {
            file: path,
            lines: parsed.damaged_lines,
            generation: registry.generation,
        };
        Ok((registry, Some(damage)))
    }

    /// The numbers of `tags` (name and unit), in their order. New ones are on disk when this returns; one sync for
    /// all of them.
    pub fn number_all<'a>(
        &mut self,
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Vec<u32>, RegistryError> {
        let mut lines = Vec::new();
        let mut numbers = Vec::new();
        let mut fresh = BTreeMap::new();
        let mut next = self.next;
        for (name, unit) in tags {
            let tag = TagName {
                name: name.into(),
                unit: unit.into(),
            };
            if let Some(known) = self.numbers.get(&tag).or_else(|| fresh.get(&tag)) {
                numbers.push(*known);
                continue;
            }
            if next == self.end() {
                return Err(RegistryError::Exhausted(name.to_owned()));
            }
            append_entry(&mut lines, next, &tag);
            numbers.push(next);
            fresh.insert(tag, next);
            next += 1;
        }
        self.append(&lines)?;
        self.absorb(&lines);
        Ok(numbers)
    }

    /// The number of one tag; on disk when this returns.
    pub fn number_for(&mut self, name: &str, unit: &str) -> Result<u32, RegistryError> {
        let numbers = self.number_all([(name, unit)])?;
        numbers
            .first()
            .copied()
            .ok_or_else(|| RegistryError::Exhausted(name.to_owned()))
    }

    /// Grows each time a damaged file had to be replaced; part of the birth message.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Every name ever given a number, removed tags included.
    pub fn names(&self) -> TagNames {
        TagNames::new(self.entries.iter().map(|(n, e)| (*n, e.clone())))
    }

    fn create(
        dir: &Path,
        generation: u32,
        entries: BTreeMap<u32, TagName>,
    ) -> Result<Self, RegistryError> {
        if generation > LAST_GENERATION {
            return Err(RegistryError::Exhausted("any".to_owned()));
        }
        let path = dir.join(format!("tags.{generation}.reg"));
        let draft = dir.join(format!("tags.{generation}.reg.tmp"));
        let mut content = Vec::new();
        let header = format!("{{\"andon_tags\":1,\"generation\":{generation}}}");
        append_line(&mut content, &header);
        for (number, entry) in &entries {
            append_entry(&mut content, *number, entry);
        }
        write_new(dir, &draft, &path, &content).map_err(|source| failed("write", &path, source))?;
        let whole = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let file = reopen(&path, whole)?;
        Ok(Self::assemble(path, file, generation, entries))
    }

    fn assemble(
        path: PathBuf,
        file: File,
        generation: u32,
        entries: BTreeMap<u32, TagName>,
    ) -> Self {
        let first = (generation - 1) * SPAN + 1;
        let highest = entries.keys().next_back().copied().unwrap_or(0);
        let numbers = entries.iter().map(|(n, e)| (e.clone(), *n)).collect();
        Self {
            path,
            file,
            generation,
            next: first.max(highest + 1),
            numbers,
            entries,
        }
    }

    /// First number that belongs to the next generation.
    fn end(&self) -> u32 {
        self.generation.saturating_mul(SPAN)
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), RegistryError> {
        if lines.is_empty() {
            return Ok(());
        }
        let written = self
            .file
            .metadata()
            .and_then(|before| self.write_or_undo(lines, before.len()));
        written.map_err(|source| failed("append to", &self.path, source))
    }

    /// A half-written line must not stay before later ones: it would read as damage.
    fn write_or_undo(&mut self, lines: &[u8], before: u64) -> io::Result<()> {
        let written = self
            .file
            .write_all(lines)
            .and_then(|()| self.file.sync_all());
        if written.is_err() {
            self.file.set_len(before)?;
        }
        written
    }

    fn absorb(&mut self, lines: &[u8]) {
        for line in lines.split(|b| *b == b'\n') {
            if let Some(Line::Entry(number, entry)) = parse_line(line) {
                self.next = self.next.max(number + 1);
                self.numbers.insert(entry.clone(), number);
                self.entries.insert(number, entry);
            }
        }
    }
}

/// The names in a registry file, read without touching it: for tools beside a running gateway.
pub fn read_names(path: &Path) -> Result<TagNames, RegistryError> {
    let bytes = fs::read(path).map_err(|source| failed("read", path, source))?;
    let lines = bytes.split(|b| *b == b'\n').filter_map(parse_line);
    Ok(TagNames::new(lines.filter_map(|line| match line {
        Line::Entry(number, entry) => Some((number, entry)),
        Line::Header { .. } => None,
    })))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> RegistryError {
    RegistryError::File {
        action,
        path: path.to_owned(),
        source,
    }
}

/// The file of the highest generation in `dir`.
fn newest(dir: &Path) -> Result<Option<(u32, PathBuf)>, RegistryError> {
    let listed = fs::read_dir(dir).map_err(|source| failed("look for", dir, source))?;
    let mut found: Option<(u32, PathBuf)> = None;
    for entry in listed {
        let entry = entry.map_err(|source| failed("look for", dir, source))?;
        let name = entry.file_name();
        let generation = name
            .to_str()
            .and_then(|n| n.strip_prefix("tags.")?.strip_suffix(".reg")?.parse().ok())
            .filter(|g| (1..=LAST_GENERATION).contains(g));
        if let Some(generation) = generation
            && found.as_ref().is_none_or(|(best, _)| generation > *best)
        {
            found = Some((generation, entry.path()));
        }
    }
    Ok(found)
}

/// Opens for appending and removes what a power cut left after the last whole line.
fn reopen(path: &Path, whole_bytes: u64) -> Result<File, RegistryError> {
    let opened = OpenOptions::new().append(true).open(path).and_then(|file| {
        if file.metadata()?.len() > whole_bytes {
            file.set_len(whole_bytes)?;
            file.sync_all()?;
        }
        Ok(file)
    });
    opened.map_err(|source| failed("open", path, source))
}

fn write_new(dir: &Path, draft: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    File::open(dir)?.sync_all()
}

struct Parsed {
    entries: BTreeMap<u32, TagName>,
    damaged_lines: usize,
    /// Bytes up to and including the last line end.
    whole_bytes: u64,
    later_format: Option<u64>,
}

enum Line {
    Header { format: u64, generation: u32 },
    Entry(u32, TagName),
}

fn parse(bytes: &[u8], generation: u32) -> Parsed {
    let whole = bytes
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let mut parsed = Parsed {
        entries: BTreeMap::new(),
        damaged_lines: 0,
        whole_bytes: u64::try_from(whole).unwrap_or(u64::MAX),
        later_format: None,
    };
    let mut has_header = false;
    let lines = bytes.get(..whole).unwrap_or_default();
    for (index, line) in lines.split_inclusive(|b| *b == b'\n').enumerate() {
        match parse_line(line.trim_ascii_end()) {
            Some(Line::Header {
                format: 1,
                generation: stated,
            }) if index == 0 && stated == generation => has_header = true,
            Some(Line::Header { format, .. }) if index == 0 && format > 1 => {
                parsed.later_format = Some(format);
            }
            Some(Line::Entry(number, entry)) if index > 0 => {
                parsed.entries.insert(number, entry);
            }
            _ => parsed.damaged_lines += 1,
        }
    }
    // A last line that is whole but for its line end may have been used: damage, not a torn write.
    let rest = bytes.get(whole..).unwrap_or_default();
    let shorter = rest.split_last().map_or(rest, |(_, shorter)| shorter);
    if let Some(Line::Entry(number, entry)) = parse_line(rest).or_else(|| parse_line(shorter)) {
        parsed.entries.insert(number, entry);
        parsed.damaged_lines += 1;
    }
    // The header is written with the file itself, before the file has its name: without one it is damage.
    if !has_header && parsed.damaged_lines == 0 {
        parsed.damaged_lines = 1;
    }
    parsed
}

fn parse_line(line: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(line).ok()?;
    let (sum, rest) = text.split_once(' ')?;
    if u32::from_str_radix(sum, 16).ok()? != crc32c::crc32c(rest.as_bytes()) {
        return None;
    }
    if let Ok((number, name, unit)) = serde_json::from_str::<(u32, String, String)>(rest) {
        let (name, unit) = (name.into(), unit.into());
        return Some(Line::Entry(number, TagName { name, unit }));
    }
    let header: serde_json::Value = serde_json::from_str(rest).ok()?;
    Some(Line::Header {
        format: header.get("andon_tags")?.as_u64()?,
        generation: u32::try_from(header.get("generation")?.as_u64()?).ok()?,
    })
}

fn append_entry(out: &mut Vec<u8>, number: u32, tag: &TagName) {
    append_line(
        out,
        &serde_json::json!([number, &*tag.name, &*tag.unit]).to_string(),
    );
}

fn append_line(out: &mut Vec<u8>, text: &str) {
    let line = format!("{:08x} {text}\n", crc32c::crc32c(text.as_bytes()));
    out.extend_from_slice(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn open(dir: &Path) -> TagRegistry {
        let (registry, damage) = TagRegistry::open(dir).unwrap();
        assert_eq!(damage, None);
        registry
    }

    fn file(dir: &Path) -> PathBuf {
        dir.join("tags.1.reg")
    }

    fn flip(path: &Path, at: usize) {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_number_stays_with_its_tag_over_restarts_and_reordering() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path())
            .number_all([("a.x", "°C"), ("a.y", "")])
            .unwrap();
        assert_eq!(first, [1, 2]);
        let mut again = open(dir.path());
        let numbers = again
            .number_all([("b.z", ""), ("a.y", ""), ("b.z", "")])
            .unwrap();
        assert_eq!(numbers, [3, 2, 3]);
        assert_eq!(open(dir.path()).number_for("a.x", "°C").unwrap(), 1);
    }

    #[test]
    fn a_removed_tag_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).number_for("gone.x", "bar").unwrap();
        let mut registry = open(dir.path());
        registry.number_for("new.y", "").unwrap();
        assert_eq!(&*registry.names().get(1).unwrap().name, "gone.x");
        assert_eq!(registry.names().iter().count(), 2);
    }

    #[test]
    fn a_changed_unit_gets_a_new_number_and_the_old_one_keeps_its_unit() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(open(dir.path()).number_for("a.x", "°C").unwrap(), 1);
        assert_eq!(open(dir.path()).number_for("a.x", "K").unwrap(), 2);
        assert_eq!(&*open(dir.path()).names().get(1).unwrap().unit, "°C");
        assert_eq!(open(dir.path()).number_for("a.x", "°C").unwrap(), 1);
    }

    #[test]
    fn names_are_read_beside_a_running_gateway() {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = open(dir.path());
        registry.number_all([("a.x", "°C"), ("a.y", "")]).unwrap();
        assert_eq!(read_names(&file(dir.path())).unwrap(), registry.names());
        assert!(read_names(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_torn_last_line_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).number_for("a.x", "").unwrap();
        let whole = fs::read(file(dir.path())).unwrap();
        let mut torn = whole.clone();
        torn.extend_from_slice(b"0123abcd [2,\"a.");
        fs::write(file(dir.path()), torn).unwrap();
        let mut registry = open(dir.path());
        assert_eq!(fs::read(file(dir.path())).unwrap(), whole);
        assert_eq!(registry.number_for("a.z", "").unwrap(), 2);
    }

    #[test]
    fn a_damaged_line_starts_a_new_generation_and_never_reuses_its_number() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path())
            .number_all([("a.x", ""), ("a.y", ""), ("a.z", "")])
            .unwrap();
        let bytes = fs::read(file(dir.path())).unwrap();
        let at = bytes.windows(3).position(|w| w == b"a.y").unwrap();
        flip(&file(dir.path()), at);

        let (mut registry, damage) = TagRegistry::open(dir.path()).unwrap();
        let damage = damage.unwrap();
        assert_eq!((damage.lines, damage.generation), (1, 2));
        assert_eq!(damage.file, file(dir.path()));
        assert_eq!(registry.generation(), 2);
        let numbers = registry
            .number_all([("a.x", ""), ("a.y", ""), ("a.z", "")])
            .unwrap();
        assert_eq!(numbers, [1, SPAN + 1, 3]);
        assert_eq!(registry.names().get(2), None);
        drop(registry);
        assert_eq!(open(dir.path()).generation(), 2);
    }

    #[test]
    fn a_wiped_file_starts_a_new_generation() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).number_for("a.x", "").unwrap();
        fs::write(file(dir.path()), vec![0; 4096]).unwrap();
        let (mut registry, damage) = TagRegistry::open(dir.path()).unwrap();
        assert!(damage.is_some());
        assert_eq!(registry.number_for("a.x", "").unwrap(), SPAN + 1);
    }

    #[test]
    fn a_later_format_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut content = Vec::new();
        append_line(&mut content, "{\"andon_tags\":2,\"generation\":1}");
        fs::write(file(dir.path()), &content).unwrap();
        let error = TagRegistry::open(dir.path()).unwrap_err();
        assert!(matches!(error, RegistryError::Format { format: 2, .. }));
        assert_eq!(fs::read(file(dir.path())).unwrap(), content);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = TagRegistry::open(&dir.path().join("nowhere")).unwrap_err();
        assert!(error.to_string().contains("nowhere"), "{error}");
    }

    #[test]
    fn the_last_number_of_a_generation_is_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = open(dir.path());
        registry.next = registry.end() - 1;
        assert_eq!(registry.number_for("a.x", "").unwrap(), SPAN - 1);
        assert!(matches!(
            registry.number_for("a.y", ""),
            Err(RegistryError::Exhausted(_))
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever byte is hit: opening works, and every tag either keeps its number or gets an unseen one.
        #[test]
        fn damage_never_renumbers_silently(at in 0_usize..200, bit in 0_u8..8) {
            let dir = tempfile::tempdir().unwrap();
            let tags = [("dev.a", "°C"), ("dev.b", "bar"), ("dev.c", ""), ("dev.d", "m")];
            let before = open(dir.path()).number_all(tags).unwrap();
            let mut bytes = fs::read(file(dir.path())).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            fs::write(file(dir.path()), bytes).unwrap();
            let (mut registry, damage) = TagRegistry::open(dir.path()).unwrap();
            let after = registry.number_all(tags).unwrap();
            for (old, new) in before.iter().zip(&after) {
                let unseen = damage.is_some() && *new > SPAN;
                prop_assert!(old == new || unseen, "{:?} {:?}", before, after);
            }
        }
    }
}
