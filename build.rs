//! Compiles `src/heap.c`, which says why, into the `andon` program, and tells tests whether there are data sets.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=src/heap.c");
    // An object, not a library: nothing refers to it, so a linker would leave it out of one.
    for object in cc::Build::new().file("src/heap.c").compile_intermediates() {
        println!("cargo::rustc-link-arg-bins={}", object.display());
    }
    println!("cargo::rustc-check-cfg=cfg(has_datasets)");
    println!("cargo::rerun-if-env-changed=ANDON_DATASETS_DIR");
    let folder = std::env::var("ANDON_DATASETS_DIR");
    let folder = folder.unwrap_or_else(|_| "../shared/datasets".to_owned());
    // A path that is not there would count as changed at every build.
    if Path::new(&folder).is_dir() {
        println!("cargo::rerun-if-changed={folder}");
        println!("cargo::rustc-cfg=has_datasets");
    }
}
