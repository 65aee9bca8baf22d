//! Data sets that lie beside the repository. `build.rs` looks for them: without, the tests that need them are ignored.

use std::path::{Path, PathBuf};

/// A data set.
#[track_caller]
pub(crate) fn dataset(name: &str) -> PathBuf {
    let folder = std::env::var_os("ANDON_DATASETS_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/datasets"),
        PathBuf::from,
    );
    let path = folder.join(name);
    assert!(
        path.is_dir(),
        "there is no {}; set ANDON_DATASETS_DIR",
        path.display()
    );
    path.canonicalize().unwrap()
}
