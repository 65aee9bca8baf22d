//! CPU time and memory of a process and its threads, from `/proc`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// `USER_HZ` is 100 on every Linux platform Andon runs on.
const TICK_MS: f64 = 10.0;

/// CPU time of a process at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    at: Instant,
    total_ms: f64,
    threads_ms: BTreeMap<String, f64>,
}

/// CPU time between two moments.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Usage {
    /// Of one core.
    pub(crate) cpu_percent: f64,
    /// The same per thread name, largest first.
    pub(crate) threads_percent: Vec<(String, f64)>,
    /// Load average of the machine over the last minute.
    pub(crate) load: f64,
}

impl Snapshot {
    pub(crate) fn take(pid: u32) -> Self {
        let mut threads_ms: BTreeMap<String, f64> = BTreeMap::new();
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            if let Some((name, cpu_ms)) = parse(&stat) {
                *threads_ms.entry(name).or_default() += cpu_ms;
            }
        }
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        Self {
            at: Instant::now(),
            total_ms: parse(&stat).map_or(0.0, |(_, cpu_ms)| cpu_ms),
            threads_ms,
        }
    }

    /// What was used since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Usage {
        let wall_ms = self.at.duration_since(earlier.at).as_secs_f64() * 1e3;
        let percent = |ms: f64| 100.0 * ms / wall_ms.max(1.0);
        let before = |name: &String| earlier.threads_ms.get(name).copied().unwrap_or(0.0);
        let mut threads: Vec<(String, f64)> = self
            .threads_ms
            .iter()
            .map(|(name, ms)| (name.clone(), percent(ms - before(name))))
            .collect();
        threads.sort_by(|a, b| b.1.total_cmp(&a.1));
        Usage {
            cpu_percent: percent(self.total_ms - earlier.total_ms),
            threads_percent: threads,
            load: load(),
        }
    }
}

/// Lets `hold` pass and says what the process used meanwhile.
pub(crate) async fn over(pid: u32, hold: Duration) -> Usage {
    let before = Snapshot::take(pid);
    tokio::time::sleep(hold).await;
    Snapshot::take(pid).since(&before)
}

/// `VmRSS` and `VmHWM` in MB (10^6 bytes).
pub(crate) fn memory_mb(pid: u32) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib: Option<f64> = line
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|n| n.parse().ok());
        kib.unwrap_or(0.0) * 1024.0 / 1e6
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Load average over one minute.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split_whitespace().next();
    first.and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

/// Name and CPU time of a `stat` line: the name stands in brackets, user and system time are fields 14 and 15.
fn parse(stat: &str) -> Option<(String, f64)> {
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let fields = rest.split_whitespace().skip(11).take(2);
    let ticks: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
    Some((name.to_owned(), ticks * TICK_MS))
}
