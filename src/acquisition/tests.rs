//! The endpoint task against a scripted driver, in paused time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Clock;
use crate::config::{Link, OpcUaAccess, OpcUaLink, OpcUaMode, OpcUaPolicy};
use crate::driver::{Driver, DriverError, GroupId, ScanGroup};
use crate::model::{Batch, DeviceId, Mono, Now, Quality, Reason, Sample, TagId, Timestamp, Value};

/// Follows tokio's paused time.
#[derive(Debug)]
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Now {
        let nanos = u64::try_from(self.0.elapsed().as_nanos()).unwrap();
        Now {
            mono: Mono::from_nanos(nanos),
            wall: Timestamp::from_nanos(nanos.cast_signed()),
        }
    }
}

/// What the device does at one call.
#[derive(Debug, Clone)]
enum Act {
    /// Answers after so many ms.
    Ok(u64),
    /// Fails after so many ms.
    Fail(u64, DriverError),
    /// Answers with every tag refused.
    Refuse,
}

/// Plays `connects` and `reads` in order; afterwards everything works at once.
#[derive(Debug, Default, Clone)]
struct Script {
    connects: VecDeque<Act>,
    reads: VecDeque<Act>,
    /// A device that never answers, whatever the script says.
    mute: Option<DeviceId>,
    log: Vec<(u64, String)>,
}

#[derive(Debug)]
struct Fake {
    script: Arc<Mutex<Script>>,
    groups: Vec<ScanGroup>,
    clock: Arc<PausedClock>,
    refused: Vec<(TagId, String)>,
}

impl Fake {
    fn note(&self, what: &str) {
        let at = self.clock.now().mono.as_nanos() / 1_000_000;
        self.script.lock().unwrap().log.push((at, what.to_owned()));
    }
}

impl Driver for Fake {
    async fn connect(&mut self) -> Result<(), DriverError> {
        self.note("connect");
        let act = self.script.lock().unwrap().connects.pop_front();
        match act {
            Some(Act::Fail(ms, error)) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Err(error)
            }
            _ => Ok(()),
        }
    }

    async fn read(&mut self, group: GroupId, out: &mut Vec<Sample>) -> Result<(), DriverError> {
        let ScanGroup { device, tags } = self.groups[group.0].clone();
        self.note(&format!("read {}", device.0));
        let mute = self.script.lock().unwrap().mute == Some(device);
        let act = if mute {
            Some(Act::Fail(200, DriverError::Silent("no answer".into())))
        } else {
            self.script.lock().unwrap().reads.pop_front()
        };
        let mut quality = Quality::Good;
        match act {
            Some(Act::Ok(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Some(Act::Fail(ms, error)) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                return Err(error);
            }
            Some(Act::Refuse) => {
                quality = Quality::Bad(Reason::ConfigError);
                self.refused = tags
                    .iter()
                    .map(|tag| (*tag, "exception 2".into()))
                    .collect();
            }
            None => self.refused.clear(),
        }
        let time = self.clock.now().wall;
        out.extend(tags.into_iter().map(|tag| Sample {
            tag,
            time,
            value: Value::Int(1),
            quality,
        }));
        Ok(())
    }

    async fn close(&mut self) {
        self.note("close");
    }

    fn refused(&self) -> Vec<(TagId, String)> {
        self.refused.clone()
    }
}

/// One endpoint whose devices have one tag each, read every 100 ms.
struct Rig {
    script: Arc<Mutex<Script>>,
    events: mpsc::Receiver<Acquired>,
    stats: Arc<AcquisitionStats>,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn plan(devices: u32) -> EndpointPlan {
    let group = |n| ScanGroup {
        device: DeviceId(n),
        tags: vec![TagId(n)],
    };
    let groups: Vec<ScanGroup> = (0..devices).map(group).collect();
    EndpointPlan {
        key: EndpointKey::Modbus("fake".into(), 1),
        devices: (0..devices).map(DeviceId).collect(),
        names: BTreeMap::new(),
        timing: vec![(Duration::from_millis(100), Duration::ZERO); groups.len()],
        groups,
    }
}

impl Rig {
    fn start(script: Script, devices: u32, queue: usize) -> Self {
        Self::with_plan(script, plan(devices), queue)
    }

    fn with_plan(script: Script, plan: EndpointPlan, queue: usize) -> Self {
        let clock = Arc::new(PausedClock(Instant::now()));
        let script = Arc::new(Mutex::new(script));
        let driver = Fake {
            script: Arc::clone(&script),
            groups: plan.groups.clone(),
            clock: Arc::clone(&clock),
            refused: vec![],
        };
        let (out, events) = mpsc::channel(queue);
        let stats = Arc::new(AcquisitionStats::default());
        let endpoint = Endpoint {
            plan,
            driver,
            clock,
            out,
            stats: Arc::clone(&stats),
            seed: 7,
        };
        let cancel = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "a test has no supervisor")]
        let task = tokio::spawn(run(endpoint, cancel.clone()));
        Self {
            script,
            events,
            stats,
            cancel,
            task,
        }
    }

    /// Lets `ms` pass and returns what was acquired meanwhile.
    async fn after(&mut self, ms: u64) -> Vec<Acquired> {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        let mut all = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            all.push(event);
        }
        all
    }

    async fn stop(self) -> Script {
        self.cancel.cancel();
        self.task.await.unwrap();
        self.script.lock().unwrap().clone()
    }

    fn missed(&self) -> u64 {
        self.stats
            .missed_deadlines
            .load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn batches(events: &[Acquired]) -> Vec<&Batch> {
    events
        .iter()
        .filter_map(|e| {
            if let Acquired::Batch(batch) = e {
                Some(batch)
            } else {
                None
            }
        })
        .collect()
}

fn due_ms(events: &[Acquired], device: u32) -> Vec<u64> {
    let of_device = batches(events)
        .into_iter()
        .filter(|b| b.device == DeviceId(device));
    of_device
        .map(|batch| batch.due.as_nanos() / 1_000_000)
        .collect()
}

fn qualities(events: &[Acquired]) -> Vec<Quality> {
    batches(events)
        .iter()
        .map(|batch| batch.samples[0].quality)
        .collect()
}

fn states(events: &[Acquired]) -> Vec<DeviceState> {
    let state = |e: &Acquired| {
        if let Acquired::Device(_, state) = e {
            Some(state.clone())
        } else {
            None
        }
    };
    events.iter().filter_map(state).collect()
}

fn link(text: &str) -> DriverError {
    DriverError::Link(text.into())
}

#[tokio::test(start_paused = true)]
async fn polls_fall_on_the_grid_and_good_devices_report_up_once() {
    let mut rig = Rig::start(Script::default(), 1, 100);
    let events = rig.after(350).await;
    assert_eq!(due_ms(&events, 0), [0, 100, 200, 300]);
    assert_eq!(qualities(&events), [Quality::Good; 4]);
    assert_eq!(states(&events), [DeviceState::Up]);
    assert_eq!((rig.missed(), rig.stats.jitter.summary().count), (0, 4));
    let log = rig.stop().await.log;
    assert_eq!(
        (
            log.first().unwrap().1.as_str(),
            log.last().unwrap().1.as_str()
        ),
        ("connect", "close")
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_skips_deadlines_and_keeps_the_phase() {
    let reads = VecDeque::from([Act::Ok(0), Act::Ok(250)]);
    let mut rig = Rig::start(
        Script {
            reads,
            ..Script::default()
        },
        1,
        100,
    );
    let events = rig.after(550).await;
    assert_eq!(due_ms(&events, 0), [0, 100, 400, 500]);
    assert_eq!(rig.missed(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_absent_device_yields_bad_samples_on_the_grid_until_it_comes() {
    let connects = VecDeque::from([
        Act::Fail(10, link("refused")),
        // Longer than the period: the grid goes on while an attempt is under way.
        Act::Fail(1_000, link("refused")),
    ]);
    let mut rig = Rig::start(
        Script {
            connects,
            ..Script::default()
        },
        1,
        1000,
    );
    let events = rig.after(3_000).await;
    let qualities = qualities(&events);
    assert_eq!(qualities.first(), Some(&Quality::Bad(Reason::NotConnected)));
    assert_eq!(qualities.last(), Some(&Quality::Good));
    assert_eq!(
        states(&events),
        [DeviceState::Down("refused".into()), DeviceState::Up]
    );
    let dues = due_ms(&events, 0);
    assert!(
        dues.windows(2).all(|pair| pair[1] - pair[0] == 100),
        "{dues:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_link_shows_in_that_cycle_and_reconnects() {
    let reads = VecDeque::from([Act::Ok(0), Act::Fail(0, link("reset"))]);
    let mut rig = Rig::start(
        Script {
            reads,
            ..Script::default()
        },
        1,
        1000,
    );
    let events = rig.after(2_000).await;
    let qualities = qualities(&events);
    assert_eq!(
        &qualities[..2],
        [Quality::Good, Quality::Bad(Reason::CommFailure)]
    );
    assert_eq!(qualities.last(), Some(&Quality::Good));
    let expected = [
        DeviceState::Up,
        DeviceState::Down("reset".into()),
        DeviceState::Up,
    ];
    assert_eq!(states(&events), expected);
    assert_eq!(
        rig.stats
            .reconnects
            .load(std::sync::atomic::Ordering::Relaxed),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_not_hammered() {
    let refuse = Act::Fail(0, DriverError::Config("bad password".into()));
    let connects: VecDeque<Act> = std::iter::repeat_n(refuse, 100).collect();
    let mut rig = Rig::start(
        Script {
            connects,
            ..Script::default()
        },
        1,
        10_000,
    );
    let events = rig.after(300_000).await;
    assert_eq!(
        states(&events),
        [DeviceState::Misconfigured("bad password".into())]
    );
    let attempts = rig
        .stop()
        .await
        .log
        .iter()
        .filter(|(_, what)| what == "connect")
        .count();
    assert!(attempts <= 10, "{attempts} attempts in 5 min");
}

#[tokio::test(start_paused = true)]
async fn a_silent_unit_is_set_aside_and_its_neighbour_keeps_its_times() {
    let script = Script {
        mute: Some(DeviceId(1)),
        ..Script::default()
    };
    let mut rig = Rig::start(script, 2, 10_000);
    let events = rig.after(60_000).await;
    let good = due_ms(&events, 0).len();
    assert!(good > 560, "{good} of 600 polls of the good unit");
    assert!(due_ms(&events, 1).len() > 300, "Bad samples go on");
    let asked = rig
        .stop()
        .await
        .log
        .iter()
        .filter(|(_, what)| what == "read 1")
        .count();
    assert!(
        (4..40).contains(&asked),
        "the mute unit was asked {asked} times in a minute"
    );
}

#[tokio::test(start_paused = true)]
async fn refused_tags_are_reported_once_per_change() {
    let reads = VecDeque::from([Act::Refuse, Act::Refuse, Act::Refuse]);
    let mut rig = Rig::start(
        Script {
            reads,
            ..Script::default()
        },
        1,
        1000,
    );
    let events = rig.after(650).await;
    let refused: Vec<&Acquired> = events
        .iter()
        .filter(|e| matches!(e, Acquired::Refused(..)))
        .collect();
    let expected = [
        &Acquired::Refused(DeviceId(0), vec![(TagId(0), "exception 2".into())]),
        &Acquired::Refused(DeviceId(0), vec![]),
    ];
    assert_eq!(refused, expected);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_costs_samples_that_are_counted_never_polls() {
    let mut rig = Rig::start(Script::default(), 1, 3);
    let first = rig.after(1_050).await;
    assert_eq!(
        batches(&first).len(),
        2,
        "one place went to the device's state"
    );
    let later = rig.after(300).await;
    assert_eq!(later[0], Acquired::Overrun(DeviceId(0), 9));
    assert_eq!(
        rig.stats
            .overrun_samples
            .load(std::sync::atomic::Ordering::Relaxed),
        10
    );
    assert_eq!(rig.missed(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_without_groups_waits_for_the_end() {
    let mut rig = Rig::start(Script::default(), 0, 3);
    assert_eq!(rig.after(500).await, []);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_without_groups_is_connected_all_the_same() {
    let script = Script {
        connects: [Act::Fail(10, link("refused")), Act::Fail(50, link("gone"))].into(),
        ..Script::default()
    };
    let mut rig = Rig::start(script, 0, 3);
    assert_eq!(rig.after(10_000).await, []);
    let log = rig.stop().await.log;
    let what: Vec<&str> = log.iter().map(|(_, what)| what.as_str()).collect();
    assert_eq!(what, ["connect", "connect", "connect", "close"]);
}

#[tokio::test(start_paused = true)]
async fn a_time_without_a_group_yields_nothing_connected_or_not() {
    let mut plan = plan(1);
    plan.timing
        .push((Duration::from_millis(30), Duration::ZERO));
    let script = Script {
        connects: [Act::Fail(0, link("refused"))].into(),
        ..Script::default()
    };
    let mut rig = Rig::with_plan(script, plan, 100);
    let events = rig.after(3_000).await;
    let (unread, good): (Vec<Quality>, Vec<Quality>) =
        qualities(&events).into_iter().partition(|q| q.is_bad());
    assert!(!unread.is_empty() && !good.is_empty(), "{events:?}");
    let due = due_ms(&events, 0);
    assert_eq!(due.len(), batches(&events).len());
    assert!(due.iter().all(|ms| ms % 100 == 0), "{due:?}");
    rig.stop().await;
}

#[test]
fn every_opc_ua_server_is_an_endpoint_of_its_own() {
    let mut config = crate::pipeline::testing::config(2);
    let link = Link::OpcUa(OpcUaLink {
        url: "opc.tcp://plc:4840".into(),
        policy: OpcUaPolicy::None,
        mode: OpcUaMode::None,
        login: None,
        skip_hostname_check: false,
        access: OpcUaAccess::Poll,
        timeout: Duration::from_secs(2),
        max_nodes_per_read: 0,
    });
    config.devices[0].link = link.clone();
    config.devices[0].tags = 0..1;
    let mut second = config.devices[0].clone();
    second.tags = 1..2;
    config.devices.push(second);
    config.tags[1].device = DeviceId(1);
    let endpoints = plan_endpoints(&config);
    let found: Vec<_> = endpoints
        .iter()
        .map(|e| (e.key.clone(), e.groups.clone()))
        .collect();
    let expected = [0, 1].map(|n| {
        let group = ScanGroup {
            device: DeviceId(n),
            tags: vec![TagId(n)],
        };
        (EndpointKey::OpcUa(DeviceId(n)), vec![group])
    });
    assert_eq!(found, expected, "the same server twice is two sessions");
}

#[test]
fn devices_behind_one_gateway_share_an_endpoint_and_spread_their_groups() {
    let mut config = crate::pipeline::testing::config(4);
    let mut second = config.devices[0].clone();
    second.tags = 2..4;
    config.devices[0].tags = 0..2;
    config.devices.push(second);
    for tag in 2..4 {
        config.tags[tag].device = DeviceId(1);
    }
    config.tags[1].rate = Duration::from_millis(500);
    config.tags[3].phase = Some(Duration::from_millis(40));
    let endpoints = plan_endpoints(&config);
    assert_eq!(endpoints.len(), 1);
    let endpoint = &endpoints[0];
    assert_eq!(endpoint.devices, [DeviceId(0), DeviceId(1)]);
    let groups: Vec<(u32, Vec<TagId>)> = endpoint
        .groups
        .iter()
        .map(|g| (g.device.0, g.tags.clone()))
        .collect();
    let expected = [
        (0, vec![TagId(1)]),
        (0, vec![TagId(0)]),
        (1, vec![TagId(2)]),
        (1, vec![TagId(3)]),
    ];
    assert_eq!(groups, expected);
    let ms = Duration::from_millis;
    let timing = [
        (ms(500), ms(0)),
        (ms(1000), ms(250)),
        (ms(1000), ms(500)),
        (ms(1000), ms(40)),
    ];
    assert_eq!(endpoint.timing, timing);
}
