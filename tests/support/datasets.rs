//! Data sets that lie beside the repository.

use std::path::{Path, PathBuf};

/// A data set; without it a test says so and does nothing.
pub(crate) fn dataset(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ANDON_DATASETS_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/datasets"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if path.is_dir() {
        return path.canonicalize().ok();
    }
    println!("SKIPPED: there is no {}", path.display());
    None
}
