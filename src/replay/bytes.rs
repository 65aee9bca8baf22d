//! The bytes of a recording: plain or gzip, line by line, counted as they are read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest row: 100,000 tags with 40 bytes each, and some.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Read at once.
const READ_BYTES: usize = 256 * 1024;

/// Opens a file (`-` is standard input). `read` counts the bytes taken from it, before unpacking. Gzip is told by its
/// first bytes.
pub(crate) fn open_counted(
    path: &Path,
    read: Arc<AtomicU64>,
) -> io::Result<Box<dyn BufRead + Send>> {
    let raw: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path)?)
    };
    let mut reader = BufReader::with_capacity(READ_BYTES, Counted { raw, read });
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        let unpacked = flate2::bufread::MultiGzDecoder::new(reader);
        return Ok(Box::new(BufReader::with_capacity(READ_BYTES, unpacked)));
    }
    Ok(Box::new(reader))
}

/// The next line without its end; false at the end of the input.
pub(crate) fn read_line(
    reader: &mut (impl BufRead + ?Sized),
    line: &mut Vec<u8>,
) -> io::Result<bool> {
    line.clear();
    let mut limited = reader.take(LINE_BYTES_MAX);
    if limited.read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.pop_if(|byte| *byte == b'\n').is_none() && limited.limit() == 0 {
        let text = format!("the line is longer than {LINE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    line.pop_if(|byte| *byte == b'\r');
    Ok(true)
}

/// Counts the bytes that were read, for the progress bar.
struct Counted {
    raw: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(into)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
