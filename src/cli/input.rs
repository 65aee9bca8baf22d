//! What commands read: files or standard input, plain or gzip.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

/// Longest line of a recorded stream; a record of the gateway is far shorter.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// Opens a file, or standard input for `-`. Gzip is recognised by its first bytes.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(std::fs::File::open(path)?)
    };
    unpack(source)
}

fn unpack(source: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    let mut reader = BufReader::with_capacity(64 * 1024, source);
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        let unpacked = flate2::bufread::MultiGzDecoder::new(reader);
        return Ok(Box::new(BufReader::with_capacity(64 * 1024, unpacked)));
    }
    Ok(Box::new(reader))
}

/// One line of input.
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Whether it has its line end: the last line of a recording that was cut has none.
    pub(super) is_whole: bool,
}

/// Calls `each` with every line, without its end. Stops at the first error of either.
pub(super) fn for_each_line(
    mut reader: impl BufRead,
    mut each: impl FnMut(&Line, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let mut limited = (&mut reader).take(MAX_LINE_BYTES);
        if limited.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let is_whole = bytes.last() == Some(&b'\n');
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if !is_whole && length == MAX_LINE_BYTES {
            let text = format!("line {number} is longer than {MAX_LINE_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let line = Line { number, is_whole };
        each(&line, bytes.trim_ascii_end())?;
    }
    Ok(())
}

/// Tells the user what went wrong. A closed standard error leaves nobody to tell.
pub(super) fn complain(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: Vec<u8>) -> Vec<(u64, bool, String)> {
        let mut found = Vec::new();
        let reader = unpack(Box::new(io::Cursor::new(bytes))).unwrap();
        for_each_line(reader, |line, text| {
            let text = String::from_utf8(text.to_vec()).unwrap();
            found.push((line.number, line.is_whole, text));
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn plain_and_gzip_read_alike() {
        let text = b"one\r\ntwo\nthr".to_vec();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let expected = [
            (1, true, "one".to_owned()),
            (2, true, "two".to_owned()),
            (3, false, "thr".to_owned()),
        ];
        assert_eq!(lines(text), expected);
        assert_eq!(lines(gzip.finish().unwrap()), expected);
        assert_eq!(lines(vec![]), []);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let endless = BufReader::new(io::repeat(b'x'));
        let error = for_each_line(endless, |_, _| Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
