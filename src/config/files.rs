//! What a configuration takes from outside its own text: tag CSV files, secrets, certificates, environment.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest text file read (64 MiB): about a million tags.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Largest secret or certificate file read.
const SECRET_BYTES_MAX: u64 = 1 << 20;

/// Where [`super::parse`] gets files and variables from, so that it stays a function of its arguments.
pub trait FileSource {
    /// The text of a tag CSV or certificate file.
    fn text(&self, path: &Path) -> Result<String, FileFault>;

    /// The text of a file that must be readable by its owner only.
    fn secret(&self, path: &Path) -> Result<String, FileFault>;

    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
}

/// Why a file cannot be used, worded to follow `key = "path"`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Nothing there.
    #[error("does not exist")]
    Missing,
    /// There, but cannot be read; the reason in the system's words.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A folder, pipe or device.
    #[error("is not a file")]
    NotAFile,
    /// Larger than any sensible file of its kind.
    #[error("is larger than {0} bytes")]
    TooLarge(u64),
    /// Not UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// A secret that others may read; the mode in octal.
    #[error(
        "can be read by others (mode {mode:04o}), so it is no secret; run `chmod 600 {}`",
        .path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Files and variables of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalFiles;

impl FileSource for LocalFiles {
    fn text(&self, path: &Path) -> Result<String, FileFault> {
        read(path, FILE_BYTES_MAX)
    }

    fn secret(&self, path: &Path) -> Result<String, FileFault> {
        let mode = mode(path)?;
        // systemd shows the access list of a credential as group bits though no group may read it.
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let is_credential = credentials.is_some_and(|folder| path.starts_with(folder));
        let refused = if is_credential { 0o007 } else { 0o077 };
        if mode & refused != 0 {
            return Err(FileFault::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        read(path, SECRET_BYTES_MAX)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Permission bits of a path, links followed.
pub(crate) fn mode(path: &Path) -> Result<u32, FileFault> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).map_err(|error| fault(&error))?;
    Ok(metadata.permissions().mode() & 0o7777)
}

fn read(path: &Path, bytes_max: u64) -> Result<String, FileFault> {
    let metadata = fs::metadata(path).map_err(|error| fault(&error))?;
    if !metadata.is_file() {
        return Err(FileFault::NotAFile);
    }
    let file = fs::File::open(path).map_err(|error| fault(&error))?;
    let mut bytes = Vec::new();
    let count = file
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fault(&error))?;
    if count as u64 > bytes_max {
        return Err(FileFault::TooLarge(bytes_max));
    }
    String::from_utf8(bytes).map_err(|_not_utf8| FileFault::NotText)
}

fn fault(error: &std::io::Error) -> FileFault {
    if error.kind() == std::io::ErrorKind::NotFound {
        FileFault::Missing
    } else {
        FileFault::Unreadable(error.to_string())
    }
}
