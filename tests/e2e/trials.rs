//! The trials, short.

use crate::trial::{isolation, kill};

#[test]
fn kills_under_load_lose_nothing() {
    let outcome = kill::run(6, 20_260);
    println!("{:#}", outcome.to_json());
    assert_eq!(outcome.stream["complete"], true);
}

#[test]
fn a_device_that_refuses_hangs_or_babbles_leaves_the_others_alone() {
    for sampled in isolation::run(200, 12) {
        println!("{sampled}");
        assert_eq!((sampled.missing, sampled.not_good), (0, 0), "{sampled}");
    }
}
