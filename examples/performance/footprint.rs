//! CPU and memory of the gateway with 10,000 tags at 1 Hz: half Modbus, half OPC UA with signing and encryption.

use std::path::Path;
use std::time::Duration;

use hal_sim::FragmentOptions;
use serde::Serialize;

use crate::gateway::Gateway;
use crate::plant::Plant;
use crate::subscriber::Subscriber;
use crate::{Bench, Fault, proc};

/// Learning takes 300 samples; charts run and learning memory is given back after it.
const WARM_UP: Duration = Duration::from_secs(330);

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Footprint {
    pub(crate) tags: u64,
    pub(crate) start_ms: u64,
    pub(crate) usage: proc::Usage,
    /// After start, while learning, MB (10^6 bytes).
    pub(crate) learning_rss_mb: f64,
    pub(crate) rss_mb: f64,
    pub(crate) peak_rss_mb: f64,
    pub(crate) values_per_s: f64,
    pub(crate) missed_deadlines: u64,
    pub(crate) faults: Vec<String>,
}

pub(crate) async fn run(bench: &Bench) -> Result<Footprint, Fault> {
    let dir = bench.dir.join("footprint");
    std::fs::create_dir_all(&dir)?;
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/scenarios/tenthousand.toml");
    let plant = Plant::load(&scenario)?;
    let config = plant.configure(&dir, FragmentOptions::default())?;
    let subscriber = Subscriber::start(plant.broker()?, false)?;
    let gateway = Gateway::start(bench, &plant, &config).await?;
    println!(
        "{} tags at 1 Hz; warm-up {} s",
        plant.tags,
        bench.warm_up(WARM_UP).as_secs()
    );
    gateway
        .wait_for("values_polled", plant.tags * 10, Duration::from_mins(2))
        .await?;
    let (learning_rss_mb, _) = proc::memory_mb(gateway.pid);
    tokio::time::sleep(bench.warm_up(WARM_UP)).await;

    let (polled, missed) = (
        gateway.counter("values_polled").await?,
        gateway.counter("missed_deadlines").await?,
    );
    let usage = proc::over(gateway.pid, bench.hold).await;
    let values = gateway.counter("values_polled").await? - polled;
    let missed_deadlines = gateway.counter("missed_deadlines").await? - missed;
    let (rss_mb, peak_rss_mb) = proc::memory_mb(gateway.pid);
    let started_in = gateway.started_in;
    gateway.stop().await?;
    let mut faults = subscriber.tally().faults();
    let expected = plant.tags * bench.hold.as_secs();
    if values * 100 < expected * 99 {
        faults.push(format!("{values} of {expected} values polled"));
    }
    Ok(Footprint {
        tags: plant.tags,
        start_ms: u64::try_from(started_in.as_millis())?,
        usage,
        learning_rss_mb,
        rss_mb,
        peak_rss_mb,
        values_per_s: values as f64 / bench.hold.as_secs_f64(),
        missed_deadlines,
        faults,
    })
}
