//! The life of alarms.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::{
    AlertingConfig, BufferConfig, Config, Device, Gateway, Link, LogConfig, LogLevel, ModbusLink,
    Route,
};
use crate::detection::Chart;
use crate::model::{AssetPath, DeviceId, Mono, Now, Role, Severity, TagId, Timestamp};
use crate::record::{AlertV1, BodyV1, ExplanationV1, ShareV1};
use crate::validation::testing::tag;

const RAISED: u8 = 1;
const CHANGED: u8 = 2;
const CLEARED: u8 = 3;
/// 2026-03-01 06:00:00 UTC
const START_MS: i64 = 1_772_344_800_000;

fn asset(text: &str) -> AssetPath {
    AssetPath::parse(text).unwrap()
}

fn role(name: &str) -> Role {
    Role::parse(name).unwrap()
}

fn device() -> Device {
    Device {
        name: "press1".to_owned(),
        asset: asset("acme/line1/press1"),
        link: Link::ModbusTcp(ModbusLink {
            host: "10.0.0.1".to_owned(),
            port: 502,
            unit: 1,
            timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(3),
            max_registers: 125,
            max_gap: 8,
            ignore_transaction_id: false,
        }),
        tags: 0..2,
    }
}

fn config() -> Config {
    let mut temperature = tag("press1.temp");
    temperature.description = "Oil temperature".to_owned();
    temperature.unit = "°C".to_owned();
    temperature.advice = "Clean the oil cooler.".to_owned();
    Config {
        gateway: Gateway {
            id: "gw1".to_owned(),
            asset: asset("acme"),
            data_dir: PathBuf::from("data"),
            time_zone: crate::model::Zone::UTC,
        },
        buffer: BufferConfig {
            commit_interval: Duration::from_millis(100),
            max_bytes: 1 << 32,
            alert_reserve_bytes: 1 << 24,
            segment_bytes: 1 << 23,
        },
        mqtt: None,
        devices: vec![device()],
        tags: vec![temperature, tag("press1.force")],
        contexts: Vec::new(),
        groups: Vec::new(),
        history: crate::config::HistoryConfig::default(),
        production: crate::config::ProductionConfig::default(),
        alerting: AlertingConfig {
            routes: vec![Route {
                kinds: Vec::new(),
                assets: Vec::new(),
                min_severity: Severity::High,
                roles: vec![role("maintenance"), role("operator")],
            }],
            default_roles: vec![role("operator")],
            clear_after: Duration::from_secs(10),
        },
        log: LogConfig {
            level: LogLevel::Info,
            json: false,
            targets: BTreeMap::new(),
        },
    }
}

/// Alarms with a clock in seconds.
struct Desk {
    alarms: Alarms,
    now_s: u64,
}

impl Desk {
    fn new() -> Self {
        Self {
            alarms: Alarms::new(Arc::new(config()), 7, vec![41, 42]),
            now_s: 0,
        }
    }

    fn now(&self) -> Now {
        let wall = START_MS + 1000 * self.now_s.cast_signed();
        Now {
            mono: Mono::from_nanos(self.now_s * 1_000_000_000),
            wall: Timestamp::from_millis(wall),
        }
    }

    fn update(&mut self, condition: &Condition) -> Vec<AlertV1> {
        let mut out = Vec::new();
        self.alarms.update(condition, self.now(), &mut out);
        alerts(&out)
    }

    /// Lets time pass, with a tick every second.
    fn wait(&mut self, seconds: u64) -> Vec<AlertV1> {
        let mut out = Vec::new();
        for _ in 0..seconds {
            self.now_s += 1;
            self.alarms.tick(self.now(), &mut out);
        }
        alerts(&out)
    }
}

const TEMP: Subject = Subject::Tag(TagId(0));

fn shift(severity: Severity) -> Condition {
    Condition {
        subject: TEMP,
        kind: AlarmKind::ProcessShift,
        state: ConditionState::Active {
            severity,
            since: Timestamp::from_millis(START_MS - 5_000),
            value: Some(84.234),
            normal: Some(71.3),
            sigmas: Some(5.1),
            ratio: Some(1.2),
            detail: String::new(),
            explanation: None,
        },
    }
}

fn alerts(records: &[BodyV1]) -> Vec<AlertV1> {
    records
        .iter()
        .map(|record| record.alert().unwrap().clone())
        .collect()
}

const NO_SHIFT: Condition = Condition::inactive(TEMP, AlarmKind::ProcessShift);

fn transitions(alerts: &[AlertV1]) -> Vec<(String, u8)> {
    alerts
        .iter()
        .map(|a| (a.alert_id.clone(), a.transition))
        .collect()
}

#[track_caller]
fn check(alerts: &[AlertV1], expected: &[(&str, u8)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(id, t)| ((*id).to_owned(), *t))
        .collect();
    assert_eq!(transitions(alerts), expected);
}

#[test]
fn an_alarm_is_raised_changed_and_cleared_under_one_id() {
    let mut desk = Desk::new();
    check(&desk.update(&shift(Severity::Low)), &[("7-1", RAISED)]);
    check(&desk.update(&shift(Severity::Low)), &[]);
    check(&desk.update(&shift(Severity::High)), &[("7-1", CHANGED)]);
    check(&desk.update(&shift(Severity::Medium)), &[]);
    check(&desk.update(&NO_SHIFT), &[]);
    check(&desk.wait(9), &[]);
    check(&desk.wait(1), &[("7-1", CLEARED)]);
    check(&desk.wait(2_000), &[]);
    check(&desk.update(&shift(Severity::Low)), &[("7-2", RAISED)]);
}

/// What a detector says of a shift, as a proposal or not.
fn explained(severity: Severity, is_proposal: bool) -> Condition {
    let mut condition = shift(severity);
    let ConditionState::Active { explanation, .. } = &mut condition.state else {
        unreachable!("it is active");
    };
    *explanation = Some(Box::new(Explanation {
        chart: Chart::EwmaHigh,
        statistic: 2.4,
        limit: 2.0,
        onset: Timestamp::from_millis(START_MS - 5_000),
        shift: Some(13.0),
        sigma: Some(2.5),
        mode: "P1".to_owned(),
        baseline_since: Some(Timestamp::from_millis(START_MS - 60_000)),
        shares: vec![(TagId(1), -3.0), (TagId(9), 1.0)],
        is_proposal,
    }));
    condition
}

#[test]
fn a_proposal_is_told_once_per_occurrence() {
    let mut desk = Desk::new();
    check(
        &desk.update(&explained(Severity::Low, false)),
        &[("7-1", RAISED)],
    );
    let proposed = desk.update(&explained(Severity::Low, true));
    check(&proposed, &[("7-1", CHANGED)]);
    assert!(
        proposed[0]
            .message
            .starts_with("Still there. Level shifted: ")
    );
    check(&desk.update(&explained(Severity::Low, true)), &[]);
    let worse = desk.update(&explained(Severity::High, false));
    assert!(worse[0].message.starts_with("Now high. "));
    desk.update(&NO_SHIFT);
    check(&desk.wait(10), &[("7-1", CLEARED)]);
    check(
        &desk.update(&explained(Severity::Low, false)),
        &[("7-2", RAISED)],
    );
    check(
        &desk.update(&explained(Severity::Low, true)),
        &[("7-2", CHANGED)],
    );
}

#[test]
fn what_the_detector_knows_goes_with_the_alert_until_it_clears() {
    let mut desk = Desk::new();
    let mut out = Vec::new();
    let now = desk.now();
    desk.alarms
        .update(&explained(Severity::Low, false), now, &mut out);
    let BodyV1::Explained(raised) = out.remove(0) else {
        panic!("the alert is explained");
    };
    assert_eq!(
        raised.explanation,
        ExplanationV1 {
            chart: Chart::EwmaHigh as u8,
            statistic: 2.4,
            limit: 2.0,
            onset_ms: START_MS - 5_000,
            shift: Some(13.0),
            sigma: Some(2.5),
            mode: "P1".to_owned(),
            baseline_ms: Some(START_MS - 60_000),
            shares: vec![ShareV1 {
                tag: 42,
                sigmas: -3.0
            }],
            is_proposal: false,
        }
    );
    desk.alarms.update(&NO_SHIFT, now, &mut out);
    desk.now_s += 10;
    desk.alarms.tick(desk.now(), &mut out);
    assert!(matches!(&out[..], [BodyV1::Alert(alert)] if alert.transition == CLEARED));
}

#[test]
fn the_record_says_what_where_since_when_and_what_to_do() {
    let mut desk = Desk::new();
    let raised = desk.update(&shift(Severity::Low)).remove(0);
    assert_eq!(
        raised,
        AlertV1 {
            alert_id: "7-1".to_owned(),
            transition: RAISED,
            kind: AlarmKind::ProcessShift as u8,
            severity: Severity::Low as u8,
            asset: "acme/line1/press1".to_owned(),
            tag: Some(41),
            subject: "press1.temp".to_owned(),
            roles: vec!["operator".to_owned()],
            since_ms: START_MS - 5_000,
            at_ms: START_MS,
            value: Some(84.234),
            normal: Some(71.3),
            sigmas: Some(5.1),
            ratio: Some(1.2),
            message: "Level shifted: Oil temperature (press1.temp) on acme/line1/press1: 84.23 °C, normally 71.3 °C; the level is far above normal (5.1 times its usual variation). Since 2026-03-01 05:59:55 UTC.".to_owned(),
            advice: "Clean the oil cooler.".to_owned(),
        }
    );
    let worse = desk.update(&shift(Severity::High)).remove(0);
    assert_eq!(worse.roles, ["maintenance", "operator"]);
    desk.update(&NO_SHIFT);
    let cleared = desk.wait(10).remove(0);
    assert_eq!(
        cleared.message,
        "Over: level shifted, Oil temperature (press1.temp) on acme/line1/press1. It began at 2026-03-01 05:59:55 UTC and lasted 15 s."
    );
    assert_eq!(cleared.severity, Severity::High as u8);
    assert_eq!(cleared.roles, ["maintenance", "operator"]);
    assert_eq!((cleared.value, cleared.ratio), (None, None));
}

#[test]
fn a_tag_with_its_own_asset_is_named_and_routed_by_it() {
    let mut config = config();
    config.tags[0].asset = Some(asset("acme/line2/oven"));
    let there = Route {
        kinds: Vec::new(),
        assets: vec![asset("acme/line2")],
        min_severity: Severity::Low,
        roles: vec![role("quality")],
    };
    config.alerting.routes.push(there);
    let mut desk = Desk {
        alarms: Alarms::new(Arc::new(config), 7, vec![41, 42]),
        now_s: 0,
    };
    let raised = desk.update(&shift(Severity::Low)).remove(0);
    assert_eq!(raised.asset, "acme/line2/oven");
    assert_eq!(raised.roles, ["quality"]);
    let place = "Oil temperature (press1.temp) on acme/line2/oven: ";
    assert!(raised.message.contains(place), "{}", raised.message);
}

#[test]
fn devices_and_the_gateway_alarm_too() {
    let mut desk = Desk::new();
    let since = Timestamp::from_millis(START_MS);
    let down = Condition::active(
        Subject::Device(DeviceId(0)),
        AlarmKind::DeviceDown,
        Severity::High,
        since,
        "no answer for 12 s".to_owned(),
    );
    let alert = desk.update(&down).remove(0);
    assert_eq!(
        alert.message,
        "Device does not answer: press1 on acme/line1/press1; no answer for 12 s. Since 2026-03-01 06:00:00 UTC."
    );
    assert_eq!(alert.advice, wording::default_advice(AlarmKind::DeviceDown));
    assert_eq!(alert.tag, None);
    let disk = Condition::active(
        Subject::Gateway,
        AlarmKind::Storage,
        Severity::Critical,
        since,
        "the disk is full".to_owned(),
    );
    let alert = desk.update(&disk).remove(0);
    assert_eq!(
        alert.message,
        "Storage trouble: gw1 on acme; the disk is full. Since 2026-03-01 06:00:00 UTC."
    );
}

#[test]
fn subjects_that_do_not_exist_are_ignored() {
    let mut desk = Desk::new();
    for subject in [Subject::Tag(TagId(2)), Subject::Device(DeviceId(1))] {
        let condition = Condition {
            subject,
            ..shift(Severity::High)
        };
        check(&desk.update(&condition), &[]);
        check(
            &desk.update(&Condition::inactive(subject, AlarmKind::Stuck)),
            &[],
        );
    }
    assert_eq!(desk.alarms.active().count(), 0);
}

#[test]
fn a_condition_that_is_back_in_time_is_the_same_occurrence() {
    let mut desk = Desk::new();
    desk.update(&shift(Severity::Low));
    for _ in 0..20 {
        desk.update(&NO_SHIFT);
        check(&desk.wait(5), &[]);
        check(&desk.update(&shift(Severity::Low)), &[]);
    }
}

#[test]
fn without_a_wait_the_alert_clears_at_once() {
    let mut config = config();
    config.alerting.clear_after = Duration::ZERO;
    let mut desk = Desk {
        alarms: Alarms::new(Arc::new(config), 7, vec![41, 42]),
        now_s: 0,
    };
    desk.update(&shift(Severity::Low));
    check(&desk.update(&NO_SHIFT), &[("7-1", CLEARED)]);
}

#[test]
fn the_fourth_raise_in_ten_minutes_stays_until_it_is_quiet() {
    let mut desk = Desk::new();
    for id in ["7-1", "7-2", "7-3"] {
        check(&desk.update(&shift(Severity::Low)), &[(id, RAISED)]);
        desk.update(&NO_SHIFT);
        check(&desk.wait(20), &[(id, CLEARED)]);
    }
    let fourth = desk.update(&shift(Severity::Low));
    check(&fourth, &[("7-4", RAISED)]);
    assert!(fourth[0].message.ends_with("It came and went 4 times within 10 minutes and stays raised until it has been quiet for 10 minutes."), "{}", fourth[0].message);
    for _ in 0..5 {
        desk.update(&NO_SHIFT);
        check(&desk.wait(300), &[]);
        check(&desk.update(&shift(Severity::Low)), &[]);
    }
    desk.update(&NO_SHIFT);
    check(&desk.wait(599), &[]);
    let cleared = desk.wait(1);
    check(&cleared, &[("7-4", CLEARED)]);
    assert!(
        cleared[0].message.ends_with("It had come 9 times."),
        "{}",
        cleared[0].message
    );
}

#[test]
fn four_raises_over_a_longer_time_are_no_chatter() {
    let mut desk = Desk::new();
    for _ in 0..6 {
        desk.update(&shift(Severity::Low));
        desk.update(&NO_SHIFT);
        assert_eq!(desk.wait(220).len(), 1);
    }
}

#[test]
fn what_is_open_can_be_listed() {
    let mut desk = Desk::new();
    let raised = desk.update(&shift(Severity::Low)).remove(0);
    desk.update(&shift(Severity::Medium));
    {
        let open: Vec<_> = desk.alarms.active().collect();
        assert_eq!(open.len(), 1);
        assert_eq!(
            (open[0].alert_id, open[0].severity),
            ("7-1", Severity::Medium)
        );
        assert_eq!(
            (open[0].subject, open[0].kind),
            (TEMP, AlarmKind::ProcessShift)
        );
        assert_eq!(open[0].since, Timestamp::from_millis(START_MS - 5_000));
        assert_eq!(open[0].message, format!("Now medium. {}", raised.message));
    }
    desk.update(&NO_SHIFT);
    assert_eq!(
        desk.alarms.active().count(),
        1,
        "still raised while it clears"
    );
    desk.wait(10);
    assert_eq!(desk.alarms.active().count(), 0);
}

#[test]
fn a_beginning_in_the_future_is_now() {
    let mut desk = Desk::new();
    let odd = Condition::active(
        TEMP,
        AlarmKind::Stuck,
        Severity::Low,
        Timestamp::from_nanos(i64::MAX),
        String::new(),
    );
    assert_eq!(desk.update(&odd)[0].since_ms, START_MS);
}

proptest! {
    /// Per subject and kind the alerts read raised, changed*, cleared, over and over; ids are unique per occurrence;
    /// severity only rises within one; what is open at the end is what is listed; numbers are finite.
    #[test]
    fn transitions_alternate_and_nothing_is_lost(
        steps in prop::collection::vec((0u32..3, 0usize..3, 0u8..5, 0u64..40, any::<f64>()), 1..200),
    ) {
        let mut desk = Desk::new();
        let mut alerts = Vec::new();
        for (tag, kind, level, wait_s, x) in steps {
            alerts.extend(desk.wait(wait_s));
            let (subject, kind) = (Subject::Tag(TagId(tag)), AlarmKind::ALL[kind]);
            let state = match Severity::from_code(level) {
                None => ConditionState::Inactive,
                Some(severity) => ConditionState::Active {
                    severity,
                    since: Timestamp::from_millis(START_MS),
                    value: Some(x),
                    normal: Some(x),
                    sigmas: Some(x),
                    ratio: Some(x),
                    detail: String::new(),
                    explanation: None,
                },
            };
            alerts.extend(desk.update(&Condition { subject, kind, state }));
        }
        let mut open: BTreeMap<(String, u8), (String, u8)> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for alert in &alerts {
            let key = (alert.subject.clone(), alert.kind);
            prop_assert!(alert.value.is_none_or(f64::is_finite));
            match (alert.transition, open.get(&key).cloned()) {
                (RAISED, None) => {
                    prop_assert!(seen.insert(alert.alert_id.clone()));
                    open.insert(key, (alert.alert_id.clone(), alert.severity));
                }
                (CHANGED, Some((id, severity))) => {
                    prop_assert_eq!(&id, &alert.alert_id);
                    prop_assert!(alert.severity > severity);
                    open.insert(key, (id, alert.severity));
                }
                (CLEARED, Some((id, severity))) => {
                    prop_assert_eq!((&id, severity), (&alert.alert_id, alert.severity));
                    open.remove(&key);
                }
                other => prop_assert!(false, "{:?} after {:?}", alert, other),
            }
        }
        let listed: BTreeSet<_> = desk.alarms.active().map(|a| a.alert_id.to_owned()).collect();
        let expected: BTreeSet<_> = open.into_values().map(|(id, _)| id).collect();
        prop_assert_eq!(listed, expected);
    }
}
