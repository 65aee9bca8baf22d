//! The results as a table and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::ceiling::Step;
use crate::footprint::Footprint;
use crate::latency::Latency;
use crate::proc::Usage;

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) latency: Option<Latency>,
    pub(crate) footprint: Option<Footprint>,
    pub(crate) ceiling: Vec<Step>,
}

impl Results {
    /// Whether the requirements are met; goals are only shown.
    pub(crate) fn holds(&self) -> bool {
        self.latency.as_ref().is_none_or(Latency::holds)
            && self.footprint.as_ref().is_none_or(|f| f.faults.is_empty())
            && self.ceiling.first().is_none_or(|step| step.held)
    }

    /// The table for people.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::default();
        if let Some(latency) = &self.latency {
            table.latency(latency);
        }
        if let Some(footprint) = &self.footprint {
            table.footprint(footprint);
        }
        for step in &self.ceiling {
            table.step(step);
        }
        if let Some(best) = self
            .ceiling
            .iter()
            .filter(|step| step.held)
            .max_by_key(|step| step.values_per_s)
        {
            table.row(
                "ceiling: highest rate held",
                &format!("{} values/s", best.values_per_s),
                "200,000",
            );
        }
        table.text
    }
}

#[derive(Default)]
struct Table {
    text: String,
}

impl Table {
    fn row(&mut self, name: &str, value: &str, goal: &str) {
        if self.text.is_empty() {
            self.line("what", "measured", "goal");
        }
        self.line(name, value, goal);
    }

    fn line(&mut self, name: &str, value: &str, goal: &str) {
        // Writing to a String does not fail.
        writeln!(self.text, "{name:<44} {value:>28}  {goal}").unwrap_or_default();
    }

    fn latency(&mut self, l: &Latency) {
        let name = |what: &str| format!("latency, {} tags at 1 Hz: {what}", l.tags);
        let matched = format!("{} of {}", l.measured, l.injected);
        self.row(&name("alerts"), &matched, "all");
        self.row(&name("p50"), &format!("{:.1} ms", l.p50_ms), "");
        self.row(&name("p90"), &format!("{:.1} ms", l.p90_ms), "");
        self.row(
            &name("p99"),
            &format!("{:.1} ms", l.p99_ms),
            "50 ms (must: 1 s)",
        );
        self.row(&name("max"), &format!("{:.1} ms", l.max_ms), "");
        let chain = format!(
            "{:.1} / {:.1} ms",
            l.chain_to_subscriber_p50_ms, l.chain_to_subscriber_p99_ms
        );
        self.row(&name("from chain, p50/p99"), &chain, "");
        self.usage("latency", &l.usage);
        self.faults("latency", &l.faults);
    }

    fn footprint(&mut self, f: &Footprint) {
        let name = |what: &str| format!("footprint, {} tags at 1 Hz: {what}", f.tags);
        self.row(
            &name("CPU"),
            &format!("{:.1} %", f.usage.cpu_percent),
            "10 % of a core",
        );
        self.row(&name("RSS"), &format!("{:.1} MB", f.rss_mb), "40 MB");
        self.row(
            &name("RSS learning"),
            &format!("{:.1} MB", f.learning_rss_mb),
            "",
        );
        self.row(&name("RSS peak"), &format!("{:.1} MB", f.peak_rss_mb), "");
        self.row(&name("values/s"), &format!("{:.0}", f.values_per_s), "");
        self.row(
            &name("missed deadlines"),
            &f.missed_deadlines.to_string(),
            "0",
        );
        self.row(&name("start"), &format!("{} ms", f.start_ms), "");
        self.usage("footprint", &f.usage);
        self.faults("footprint", &f.faults);
    }

    fn step(&mut self, s: &Step) {
        let name = |what: &str| format!("ceiling, {} values/s: {what}", s.values_per_s);
        let held = if s.held { "held" } else { "not held" };
        self.row(
            &name(held),
            &format!("{} of {} values", s.received, s.expected),
            "all",
        );
        let per_value = format!(
            "{:.0} %, {:.2} us/value",
            s.usage.cpu_percent, s.cpu_us_per_value
        );
        self.row(&name("gateway CPU"), &per_value, "");
        let around = format!("{:.0} %", s.surroundings_cpu_percent);
        self.row(&name("plant, broker, subscriber CPU"), &around, "");
        let traffic = format!("{:.0}/s, {} us", s.messages_per_s, s.jitter_p99_us);
        self.row(&name("messages, jitter p99"), &traffic, "");
        let charts = format!("{} and {}", s.charts_running, s.charts_waiting);
        self.row(&name("charts that run, wait"), &charts, "");
        self.row(&name("RSS"), &format!("{:.1} MB", s.rss_mb), "");
        self.usage("ceiling", &s.usage);
        self.faults("ceiling", &s.why_not);
    }

    fn usage(&mut self, what: &str, usage: &Usage) {
        for (thread, percent) in usage
            .threads_percent
            .iter()
            .filter(|(_, percent)| *percent >= 0.1)
        {
            self.row(
                &format!("{what}: thread {thread}"),
                &format!("{percent:.1} %"),
                "",
            );
        }
        self.row(
            &format!("{what}: load average"),
            &format!("{:.1}", usage.load),
            "",
        );
    }

    fn faults(&mut self, what: &str, faults: &[String]) {
        for fault in faults {
            self.row(&format!("{what}: FAULT"), fault, "none");
        }
    }
}
