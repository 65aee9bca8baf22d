//! The reference cases: figures that were worked out elsewhere, read from `$ANDON_REFERENCE_DIR` (default
//! `tests/reference`). The directory may hold some of the files, and other cases of the same form; what is there is
//! checked, the counts are printed, and nothing checked is a failure.

mod calendar;
mod constants;
mod oee;
mod shift_compare;
mod spc;

use std::path::{Path, PathBuf};

/// Checks one kind of cases of a directory.
type Check = fn(&Path) -> Option<usize>;

const KINDS: [(&str, Check); 5] = [
    ("oee_cases.json", oee::check),
    ("shift_calendar_cases.json", calendar::check),
    ("spc/spc_cases.json", spc::check),
    ("spc_constants.csv", constants::check),
    ("shift_compare/expected.json", shift_compare::check),
];

#[test]
fn every_case_of_the_reference_is_met() {
    let dir = std::env::var_os("ANDON_REFERENCE_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference"),
        PathBuf::from,
    );
    let mut checked = 0;
    for (file, check) in KINDS {
        match check(&dir) {
            Some(count) => {
                println!("{file}: {count} cases");
                checked += count;
            }
            None => println!("{file}: skipped, it is not in {}", dir.display()),
        }
    }
    assert!(checked > 0, "no case in {}", dir.display());
}
