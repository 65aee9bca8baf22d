//! Learning, the stored model, and what it refuses.

use serde_json::{Value, json};

use super::super::{Group, GroupMemory, GroupModel, GroupState};
use super::plant::{Plant, Watch};

fn learned() -> (Plant, Watch) {
    let mut plant = Plant::new(1, 8, 0.5);
    let watch = Watch::armed(&mut plant, 1_000.0);
    (plant, watch)
}

/// A stored model after `change`.
fn changed(change: impl FnOnce(&mut Value)) -> GroupModel {
    let (_, watch) = learned();
    let mut stored = serde_json::to_value(watch.group.model().unwrap()).unwrap();
    change(&mut stored);
    serde_json::from_value(stored).unwrap()
}

#[test]
fn a_stored_model_charts_as_the_first_did() {
    let (mut plant, mut watch) = learned();
    let text = serde_json::to_string(watch.group.model().unwrap()).unwrap();
    let mut again = Watch::new(8, 1_000.0, 400);
    assert!(again.group.arm(serde_json::from_str(&text).unwrap()));
    assert_eq!(again.group.state(), GroupState::Armed);
    for _ in 0..100 {
        let row = plant.row();
        let (first, second) = (watch.step(&row).unwrap(), again.step(&row).unwrap());
        assert!((first.score - second.score).abs() < 1e-9);
    }
    let model = again.group.model().unwrap();
    assert_eq!((model.rows(), model.tags().len()), (400, 8));
    assert!(model.tags().iter().all(|tag| !tag.is_still));
}

fn stored(memory: &GroupMemory) -> GroupMemory {
    let bytes = postcard::to_stdvec(memory).unwrap();
    postcard::from_bytes(&bytes).unwrap()
}

#[test]
fn a_group_that_learns_goes_on_learning() {
    let mut plant = Plant::new(1, 8, 0.5);
    let mut watch = Watch::new(8, 1_000.0, 400);
    assert_eq!(watch.group.unfinished(), None, "there is nothing yet");
    for _ in 0..300 {
        watch.step(&plant.row());
    }
    let rows = stored(&watch.group.unfinished().unwrap());
    assert!(rows.is_valid() && rows.is_unfinished());
    let mut next = Watch::new(8, 1_000.0, 400);
    assert!(next.group.recall(rows.clone()));
    assert_eq!(next.group.state(), watch.group.state());
    for _ in 0..100 {
        next.step(&plant.row());
    }
    assert_eq!(next.group.state(), GroupState::Armed);
    assert_eq!(next.group.unfinished(), None, "it has learned");

    assert!(!next.group.recall(rows.clone()), "it is armed already");
    assert!(!Watch::new(8, 1_000.0, 500).group.recall(rows.clone()));
    assert!(!Watch::new(7, 1_000.0, 400).group.recall(rows));
    let model = GroupMemory::Model(next.group.model().unwrap().clone());
    let model = stored(&model);
    assert!(model.is_valid() && !model.is_unfinished());
    assert!(Watch::new(8, 1_000.0, 400).group.recall(model));
}

#[test]
fn rows_that_do_not_fit_each_other_are_told() {
    let mut watch = Watch::new(8, 1_000.0, 400);
    watch.step(&Plant::new(1, 8, 0.5).row());
    let rows = serde_json::to_value(watch.group.unfinished().unwrap()).unwrap();
    for (key, value) in [
        ("tags", json!(9)),
        ("tags", json!(65)),
        ("need", json!(1)),
        ("need", json!(9_999)),
    ] {
        let mut bad = rows.clone();
        bad["Unfinished"][key] = value;
        let bad: GroupMemory = serde_json::from_value(bad).unwrap();
        assert!(!bad.is_valid(), "{bad:?}");
    }
}

#[test]
fn limits_follow_the_wish_and_not_the_model() {
    let (mut plant, mut often) = learned();
    let mut rarely = Watch::new(8, 1e6, 400);
    assert!(rarely.group.arm(often.group.model().unwrap().clone()));
    let row = plant.row();
    assert!(rarely.step(&row).unwrap().score < often.step(&row).unwrap().score);
}

#[test]
fn wishes_beyond_reason_are_taken_in() {
    let mut plant = Plant::new(1, 8, 0.5);
    for arl0 in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
        let reading = Watch::armed(&mut plant, arl0).step(&plant.row()).unwrap();
        assert!(reading.score > 0.0 && reading.score.is_finite(), "{arl0}");
    }
}

fn check_refused(change: impl FnOnce(&mut Value)) {
    let model = changed(change);
    let mut watch = Watch::new(8, 1_000.0, 400);
    assert!(!watch.group.arm(model.clone()), "{model:?}");
    assert!(watch.group.model().is_none());
}

#[test]
fn a_corrupt_model_is_refused() {
    assert!(changed(|_| ()).is_valid());
    check_refused(|m| m["version"] = json!(2));
    check_refused(|m| m["tags"].as_array_mut().unwrap().truncate(7));
    check_refused(|m| m["precision"].as_array_mut().unwrap().truncate(35));
    check_refused(|m| m["precision"][0] = json!(-1.0));
    check_refused(|m| m["precision"][0] = json!(1e-300));
    check_refused(|m| m["precision"][1] = json!(1e9));
    check_refused(|m| m["tags"][3]["sigma"] = json!(0.0));
    check_refused(|m| m["tags"][3]["sigma"] = json!(1e-320));
    check_refused(|m| m["tags"][3]["phi"] = json!(1.0));
    check_refused(|m| m["tags"][3]["level_spread"] = json!(-0.1));
    check_refused(|m| m["tags"][3]["freedom"] = json!(0.0));
    check_refused(|m| m["pattern"]["mean"] = json!(0.0));
    check_refused(|m| m["pattern"]["variance"] = json!(1e300));
    check_refused(|m| {
        for tag in m["tags"].as_array_mut().unwrap().iter_mut().skip(1) {
            tag["is_still"] = json!(true);
        }
    });
}

#[test]
fn numbers_that_text_cannot_hold_do_not_even_load() {
    let (_, watch) = learned();
    let mut stored = serde_json::to_value(watch.group.model().unwrap()).unwrap();
    stored["precision"][0] = Value::Null;
    assert!(serde_json::from_value::<GroupModel>(stored).is_err());
}

#[test]
fn a_model_of_another_machine_is_refused_and_the_old_one_stays() {
    let (_, mut watch) = learned();
    let other = Watch::new(7, 1_000.0, 400);
    let model = watch.group.model().unwrap().clone();
    let mut other = other.group;
    assert!(!other.arm(model));
    assert!(!watch.group.arm(changed(|m| m["version"] = json!(0))));
    assert!(watch.group.model().is_some());
}

#[test]
fn learning_takes_only_so_many_rows_and_says_how_far_it_is() {
    let need = |learn_rows: u32, tags: usize| match Watch::new(tags, 1e3, learn_rows).group.state()
    {
        GroupState::Learning { have: 0, need } => need,
        other => panic!("{other:?}"),
    };
    assert_eq!(need(0, 2), 100);
    assert_eq!(need(0, 64), 320);
    assert_eq!(need(400, 8), 400);
    assert_eq!(need(u32::MAX, 8), 4_096);
    let mut watch = Watch::new(2, 1e3, 100);
    assert!(watch.step(&[1.0, 2.0]).is_none());
    let state = GroupState::Learning { have: 1, need: 100 };
    assert_eq!(watch.group.state(), state);
    assert!(watch.group.contributions().is_empty());
}

#[test]
fn with_fewer_than_two_moving_tags_it_learns_on_until_there_are() {
    let mut plant = Plant::new(1, 3, 0.0);
    let mut watch = Watch::new(3, 1e3, 100);
    for _ in 0..100 {
        let row = plant.row();
        watch.step(&[row[0], 5.0, 7.0]);
    }
    let state = GroupState::Learning {
        have: 50,
        need: 100,
    };
    assert_eq!(watch.group.state(), state);
    for _ in 0..50 {
        watch.step(&plant.row());
    }
    assert_eq!(watch.group.state(), GroupState::Armed);
}

/// A group of three, the last of which is made by `third` while the group learns.
fn with_third(mut third: impl FnMut(usize, f64) -> f64) -> (Plant, Watch) {
    let mut plant = Plant::new(2, 3, 0.3);
    let mut watch = Watch::new(3, 1e3, 200);
    for index in 0..200 {
        let mut row = plant.row();
        row[2] = third(index, row[2]);
        watch.step(&row);
    }
    (plant, watch)
}

fn is_still(group: &Group) -> bool {
    group.model().expect("armed").tags()[2].is_still
}

#[test]
fn a_tag_that_stands_still_takes_no_part() {
    for third in [0.0, 42.0, -1e9] {
        let (mut plant, mut watch) =
            with_third(|index, _| third * (1.0 + 1e-12 * (index % 7) as f64));
        assert!(is_still(&watch.group), "{third}");
        let mut row = plant.row();
        row[2] = 1e300;
        let reading = watch.step(&row).unwrap();
        assert!(reading.score < 1.0 && reading.missing == 0, "{reading:?}");
        let shares = watch.group.contributions();
        assert!(shares.iter().all(|share| share.tag != 2), "{shares:?}");
    }
}

#[test]
fn a_tag_with_hardly_a_value_takes_no_part() {
    let sparse = |index, value| if index % 4 == 0 { f64::NAN } else { value };
    assert!(is_still(&with_third(sparse).1.group));
    assert!(is_still(&with_third(|_, _| f64::NAN).1.group));
    let some = |index, value| if index % 5 == 0 { f64::NAN } else { value };
    assert!(!is_still(&with_third(some).1.group));
}

#[test]
fn a_few_gross_outliers_do_not_widen_the_spread_but_many_do() {
    let sigma = |every: usize| {
        let third = |index, value| if index % every == 1 { 1e6 } else { value };
        with_third(third).1.group.model().unwrap().tags()[2].sigma
    };
    assert!((0.8..1.3).contains(&sigma(60)), "{}", sigma(60));
    assert!(sigma(20) > 1e3, "{}", sigma(20));
}

#[test]
fn the_unit_of_a_tag_does_not_matter() {
    for unit in [1e-30, 1e-9, 1e30] {
        let (_, watch) = with_third(|_, value| value * unit);
        assert!(!is_still(&watch.group), "{unit}");
        let sigma = watch.group.model().unwrap().tags()[2].sigma / unit;
        assert!((0.8..1.3).contains(&sigma), "{unit}: {sigma}");
    }
}

#[test]
fn a_break_while_learning_makes_no_neighbours() {
    // Every second row belongs to another time: what looks like a swing of the level is none.
    let mut watch = Watch::new(2, 1e3, 200);
    let mut plant = Plant::new(3, 2, 0.9);
    for index in 0..200 {
        let row = plant.row();
        if index % 10 == 5 {
            watch.group.reset();
        }
        watch.step_after(if index % 10 == 0 { 50 } else { 1 }, &row);
    }
    let phi = watch.group.model().unwrap().tags()[0].phi;
    assert!((0.5..0.9).contains(&phi), "{phi}");
}
