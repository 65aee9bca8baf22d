//! What the chain says of its baselines, and does when a person decides.

use std::sync::Arc;

use super::*;
use crate::config::{Context, DetectionRules, Group};
use crate::detection::{Chart, Designer};
use crate::model::{GroupId, Value};
use crate::pipeline::{BaselineStatus, testing};
use crate::record::{ExplainedAlertV1, Kind};

const START_MS: i64 = 1_772_344_800_000;
const MODE: TagId = TagId(2);

/// Two charted tags that go together, and one that announces the mode.
struct Plant {
    chain: Chain,
    config: Arc<Config>,
    rng: fastrand::Rng,
    seconds: u64,
    mode: i64,
}

impl Plant {
    fn new(learned: Learned) -> Self {
        let mut config = testing::config(3);
        for tag in config.tags.iter_mut().take(2) {
            tag.detection = Some(DetectionRules {
                learn_samples: 100,
                ..DetectionRules::default()
            });
        }
        config.contexts.push(Context {
            assets: Vec::new(),
            mode: vec![MODE],
            setpoints: Vec::new(),
            cycle: None,
            quiet: Vec::new(),
            settle: Duration::from_secs(5),
        });
        config.groups.push(Group {
            name: "press".to_owned(),
            tags: vec![TagId(0), TagId(1)],
        });
        let config = Arc::new(config);
        let mut designer = Designer::default();
        let mut design = |tag: &crate::config::Tag| {
            let rules = tag.detection.as_ref()?;
            designer.design(rules, tag.rate).ok()
        };
        let designs = config.tags.iter().map(&mut design).collect();
        let parts = Parts {
            config: Arc::clone(&config),
            numbers: vec![41, 42, 43],
            designs,
            epoch: 7,
            raw_hold: Duration::from_secs(1),
            learned,
        };
        Self {
            chain: Chain::new(parts, now(0)),
            config,
            rng: fastrand::Rng::with_seed(3),
            seconds: 0,
            mode: 1,
        }
    }

    fn now(&self) -> Now {
        now(self.seconds)
    }

    /// A second of the plant, with the first tag `shift` above its level.
    fn second(&mut self, shift: f64) -> Vec<ExplainedAlertV1> {
        self.seconds += 1;
        let common = self.noise();
        let value = |x| Value::Float(x);
        let values = [
            value(50.0 + shift + common + 0.3 * self.noise()),
            value(20.0 + common + 0.3 * self.noise()),
            Value::Int(self.mode),
        ];
        let sample = |(tag, value)| Sample {
            tag: TagId(tag),
            value,
            quality: Quality::Good,
            time: self.now().wall,
        };
        let batch = Batch {
            device: DeviceId(0),
            due: self.now().mono,
            received: self.now().mono,
            samples: (0..).zip(values).map(sample).collect(),
        };
        let mut out = Outputs::default();
        let now = self.now();
        self.chain.step(batch, now, &mut out);
        self.chain.tick(now, &mut out);
        explained(out)
    }

    fn noise(&mut self) -> f64 {
        (0..12).map(|_| self.rng.f64()).sum::<f64>() - 6.0
    }

    fn run(&mut self, seconds: u32, shift: f64) -> Vec<ExplainedAlertV1> {
        (0..seconds).flat_map(|_| self.second(shift)).collect()
    }

    fn decide(&mut self, decision: Decision, name: &str) -> Result<BaselineStatus, String> {
        let now = self.now();
        self.chain
            .decide(decision, name, now, &mut Outputs::default())
    }

    fn status(&self, name: &str) -> BaselineStatus {
        let mut list = self.chain.baseline_list(self.now()).into_iter();
        list.find(|status| status.name == name).unwrap()
    }
}

fn now(seconds: u64) -> Now {
    Now {
        mono: Mono::from_nanos(seconds * 1_000_000_000),
        wall: Timestamp::from_millis(START_MS + 1_000 * i64::try_from(seconds).unwrap()),
    }
}

fn explained(out: Outputs) -> Vec<ExplainedAlertV1> {
    let explained = |body: BodyV1| match body {
        BodyV1::Explained(explained) => Some(explained),
        _ => None,
    };
    out.alerts.into_iter().filter_map(explained).collect()
}

/// When a tag's baseline of 100 samples counts: mode and settling come first.
fn learned_at_ms(plant: &mut Plant) -> i64 {
    while plant.status("press.t0").since.is_none() {
        plant.run(1, 0.0);
    }
    plant.now().wall.as_millis()
}

#[test]
fn an_alert_says_why_against_which_mode_and_how_old_the_baseline_is() {
    let mut plant = Plant::new(Learned::default());
    let learned_ms = learned_at_ms(&mut plant);
    assert_eq!(plant.run(600, 0.0), []);
    let begun = plant.now().wall.as_millis();
    let alerts = plant.run(30, 4.0);
    let tag = alerts
        .iter()
        .find(|told| told.alert.tag == Some(41))
        .unwrap();
    let why = &tag.explanation;
    let chart = Chart::from_code(why.chart).unwrap();
    assert!(chart.is_high(), "{chart:?}");
    assert_eq!(
        (why.mode.as_str(), why.baseline_ms),
        ("1", Some(learned_ms))
    );
    assert!((begun - 5_000..=begun + 5_000).contains(&why.onset_ms));
    assert!(why.limit > 0.0 && why.statistic >= why.limit, "{why:?}");
    let (shift, sigma) = (why.shift.unwrap(), why.sigma.unwrap());
    assert!(
        (1.0..12.0).contains(&shift) && (0.8..1.5).contains(&sigma),
        "{why:?}"
    );
    assert_eq!(
        tag.alert
            .sigmas
            .map(|sigmas| (sigmas * sigma * 1e6).round()),
        Some((shift * 1e6).round())
    );
    assert_eq!((why.shares.len(), why.is_proposal), (0, false));
}

#[test]
fn an_alert_of_a_group_names_its_tags() {
    let mut plant = Plant::new(Learned::default());
    assert_eq!(plant.run(900, 0.0), []);
    let since = plant.status("press").since.unwrap();
    let begun = plant.now().wall.as_millis();
    let alerts = plant.run(60, 4.0);
    let group = alerts
        .iter()
        .find(|told| told.alert.subject == "press")
        .unwrap();
    let why = &group.explanation;
    let chart = Chart::from_code(why.chart).unwrap();
    assert!(matches!(chart, Chart::GroupLevel | Chart::GroupPattern));
    assert_eq!(why.shares[0].tag, 41);
    assert!(why.shares[0].sigmas > 0.1, "{why:?}");
    assert!((why.limit - 1.0).abs() < 1e-9 && why.statistic >= 1.0);
    assert!((begun - 30_000..=begun + 10_000).contains(&why.onset_ms));
    let baseline = Timestamp::from_millis(why.baseline_ms.unwrap());
    assert_eq!(baseline.to_string(), since);
}

#[test]
fn a_level_that_stays_is_proposed_and_a_person_decides() {
    let mut plant = Plant::new(Learned::default());
    plant.run(600, 0.0);
    let told = plant.run(800, 4.0);
    let proposals = told
        .iter()
        .filter(|told| told.explanation.is_proposal && told.alert.tag == Some(41))
        .count();
    assert_eq!(proposals, 1);
    assert!(plant.status("press.t0").is_proposed);
    assert!(
        !plant
            .decide(Decision::Reject, "press.t0")
            .unwrap()
            .is_proposed
    );
    let accepted = plant.decide(Decision::Accept, "press.t0").unwrap();
    assert_eq!(accepted.alarm, None);
    assert_eq!(accepted.since, Some(plant.now().wall.to_string()));
    assert!(
        (accepted.levels[0].level - 54.0).abs() < 1.0,
        "{accepted:?}"
    );
    let standing: Vec<_> = plant
        .run(300, 4.0)
        .into_iter()
        .filter(|told| told.alert.tag == Some(41))
        .collect();
    assert_eq!(standing, []);
}

#[test]
fn a_group_learns_anew_when_a_person_says_so() {
    let mut plant = Plant::new(Learned::default());
    plant.run(900, 0.0);
    plant.run(60, 6.0);
    assert_eq!(
        plant.status("press").alarm.as_deref(),
        Some("machine_pattern")
    );
    let status = plant.decide(Decision::Relearn, "press").unwrap();
    assert_eq!(
        (status.phase.as_str(), status.alarm, status.since),
        ("learning", None, None)
    );
    assert!(status.learning.is_some_and(|(have, _)| have == 0));
    let status = plant.decide(Decision::Relearn, "press.t1").unwrap();
    assert_eq!((status.phase.as_str(), status.since), ("learning", None));
}

#[test]
fn what_a_group_shows_for_long_is_proposed_and_a_person_decides() {
    let mut plant = Plant::new(Learned::default());
    plant.run(900, 0.0);
    let proposals = |told: &[ExplainedAlertV1]| {
        let of_group = told.iter().filter(|told| told.alert.subject == "press");
        of_group.filter(|told| told.explanation.is_proposal).count()
    };
    let told = plant.run(900, 6.0);
    assert_eq!(proposals(&told), 1);
    assert!(plant.status("press").is_proposed);
    let rejected = plant.decide(Decision::Reject, "press").unwrap();
    assert!(!rejected.is_proposed && rejected.alarm.is_some());
    assert_eq!(proposals(&plant.run(900, 6.0)), 0);
    let accepted = plant.decide(Decision::Accept, "press").unwrap();
    assert_eq!(
        (accepted.phase.as_str(), accepted.alarm),
        ("learning", None)
    );
    let quiet = plant.run(1_200, 6.0);
    assert!(quiet.iter().all(|told| told.alert.subject != "press"));
}

#[track_caller]
fn check_refused(plant: &mut Plant, decision: Decision, name: &str, why: &str) {
    assert_eq!(plant.decide(decision, name).unwrap_err(), why);
}

#[test]
fn decisions_that_cannot_be_are_refused_with_the_reason() {
    let mut plant = Plant::new(Learned::default());
    plant.run(900, 0.0);
    let none = "press.t0 has no alarm of its level that stands";
    check_refused(&mut plant, Decision::Accept, "press.t0", none);
    check_refused(&mut plant, Decision::Reject, "press.t0", none);
    check_refused(
        &mut plant,
        Decision::Relearn,
        "press.t2",
        "press.t2 has no detection",
    );
    check_refused(
        &mut plant,
        Decision::Accept,
        "pres",
        "there is no tag or group \"pres\" (did you mean \"press\"?)",
    );
    check_refused(
        &mut plant,
        Decision::Accept,
        "press",
        "press has no alarm that stands",
    );
    check_refused(
        &mut plant,
        Decision::Reject,
        "press",
        "press has no alarm that stands",
    );
}

#[test]
fn what_was_learned_outlives_the_chain() {
    let mut plant = Plant::new(Learned::default());
    plant.run(900, 0.0);
    let learned = plant.chain.learned(plant.now());
    assert_eq!(learned.modes, [["1"]]);
    assert_eq!((learned.tags.len(), learned.groups.len()), (2, 1));
    let since = plant.status("press.t0").since;
    let mut next = Plant::new(learned);
    let restored = next.status("press.t0");
    assert_eq!(
        (restored.phase.as_str(), restored.since),
        ("provisional", since)
    );
    assert_eq!(next.status("press").phase, "armed");
    let group = next.chain.learned(next.now()).groups.remove(0);
    assert_eq!(group.group, GroupId(0));
    assert_eq!(next.run(60, 0.0), []);
    assert!(
        next.run(30, 6.0)
            .iter()
            .any(|told| told.alert.tag == Some(41))
    );
    assert_eq!(next.config.tags.len(), 3);
}

#[test]
fn what_was_learned_of_others_is_left_out() {
    let mut plant = Plant::new(Learned::default());
    plant.run(900, 0.0);
    let mut learned = plant.chain.learned(plant.now());
    learned.tags[0].tag = MODE;
    learned.tags[1].tag = TagId(99);
    learned.groups[0].group = GroupId(9);
    let next = Plant::new(learned);
    assert_eq!(next.chain.baselines().learning, 2);
    assert_eq!(next.status("press").phase, "learning");
    assert_eq!(Kind::from_variant(5), Some(Kind::Alert));
}
