//! Compiles `src/heap.c`, which says why, into the `andon` program.

fn main() {
    println!("cargo::rerun-if-changed=src/heap.c");
    // An object, not a library: nothing refers to it, so a linker would leave it out of one.
    for object in cc::Build::new().file("src/heap.c").compile_intermediates() {
        println!("cargo::rustc-link-arg-bins={}", object.display());
    }
}
