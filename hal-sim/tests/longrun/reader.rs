//! Reads a recording with nothing but what a reader has: the values, the calendar, and the rules of counters.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

/// Seconds by category and parts, per machine, shift instance and order.
pub(crate) type Atoms = BTreeMap<(String, String, String), Atom>;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Atom {
    pub(crate) seconds: BTreeMap<&'static str, i64>,
    pub(crate) counts: [i64; 3],
}

pub(crate) fn json(dir: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap()
}

pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap()
}

pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

pub(crate) fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap()
}

pub(crate) fn whole(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap()
}

pub(crate) fn unix_s(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// Cells of the columns of one machine in one row.
#[derive(Debug, Clone)]
struct Sample {
    category: &'static str,
    order: String,
    counters: [i64; 3],
}

/// What a reader finds in the values.
pub(crate) fn read(dir: &Path) -> Atoms {
    let (ledger, calendar) = (json(dir, "ledger.json"), json(dir, "calendar.json"));
    let values = std::fs::read_to_string(dir.join("values.csv")).unwrap();
    let mut lines = values.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<(i64, Vec<&str>)> = lines
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|row| (unix_s(row[0]), row))
        .collect();
    let mut atoms = Atoms::new();
    for machine in list(&ledger, "machines") {
        let name = text(machine, "name");
        let mut columns = BTreeMap::new();
        for (at, column) in header.iter().enumerate() {
            if let Some(signal) = column
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('.'))
            {
                columns.insert(signal, at);
            }
        }
        let samples: Vec<(i64, Option<Sample>)> = rows
            .iter()
            .map(|(time, row)| (*time, sample(row, &columns)))
            .collect();
        let scheduled: BTreeSet<&str> = list(&ledger, "records")
            .iter()
            .filter(|record| text(record, "machine") == name)
            .map(|record| text(record, "shift_instance"))
            .collect();
        let machine = Machine {
            name,
            modulus: whole(machine, "counter_modulus"),
            planned: windows(&calendar, name),
            instances: list(&ledger, "shift_instances")
                .iter()
                .map(|one| {
                    let id = text(one, "id");
                    (unix_s(text(one, "start")), unix_s(text(one, "end")), id)
                })
                .collect(),
            scheduled,
        };
        machine.times(&samples, &mut atoms);
        machine.counts(&samples, &mut atoms);
    }
    atoms
}

fn windows(calendar: &Value, machine: &str) -> Vec<(i64, i64)> {
    list(calendar, "planned_stops")
        .iter()
        .filter(|stop| text(stop, "machine") == machine)
        .map(|stop| (unix_s(text(stop, "start")), unix_s(text(stop, "end"))))
        .collect()
}

fn sample(row: &[&str], columns: &BTreeMap<&str, usize>) -> Option<Sample> {
    let cell = |name: &str| columns.get(name).map(|at| row[*at]);
    let state: u16 = cell("state").unwrap().parse().ok()?;
    let category = match cell("mode") {
        Some(mode) => match (state, mode) {
            (6, "1") => "run",
            (2, "3") => "setup",
            (9 | 11, "1") => "stop",
            (5, "1") => "external",
            (4, "1") => "idle",
            (2, "1" | "2") => "planned",
            other => panic!("state and mode {other:?}"),
        },
        None => [
            "idle", "run", "setup", "stop", "stop", "external", "planned", "planned",
        ][usize::from(state)],
    };
    Some(Sample {
        category,
        order: cell("order").unwrap().trim_matches('"').to_owned(),
        counters: ["count", "scrap", "rework"].map(|name| cell(name).unwrap().parse().unwrap()),
    })
}

struct Machine<'r> {
    name: &'r str,
    modulus: i64,
    planned: Vec<(i64, i64)>,
    /// Start, end and name, by start.
    instances: Vec<(i64, i64, &'r str)>,
    scheduled: BTreeSet<&'r str>,
}

impl Machine<'_> {
    fn instance(&self, time: i64) -> Option<&str> {
        let after = self
            .instances
            .partition_point(|(start, _, _)| *start <= time);
        let (_, end, id) = *self.instances.get(after.checked_sub(1)?)?;
        (time < end && self.scheduled.contains(id)).then_some(id)
    }

    fn atom<'a>(&self, atoms: &'a mut Atoms, instance: &str, order: &str) -> &'a mut Atom {
        atoms
            .entry((self.name.to_owned(), instance.to_owned(), order.to_owned()))
            .or_default()
    }

    /// Each state holds until the next sample. A planned window is known from the calendar, also in a gap, but running, or
    /// being set up, in it counts.
    fn times(&self, samples: &[(i64, Option<Sample>)], atoms: &mut Atoms) {
        let mut last: Option<&Sample> = None;
        for pair in samples.windows(2) {
            let ((time, here), (next, _)) = (&pair[0], &pair[1]);
            last = here.as_ref().or(last);
            let (Some(instance), Some(last)) = (self.instance(*time), last) else {
                continue;
            };
            let is_planned = self
                .planned
                .iter()
                .any(|(start, end)| (start..end).contains(&time));
            let category = match here {
                Some(sample) if is_planned && !works(sample.category) => "planned",
                Some(sample) => sample.category,
                None if is_planned => "planned",
                None => "unknown",
            };
            let atom = self.atom(atoms, instance, &last.order);
            *atom.seconds.entry(category).or_default() += next - time;
        }
    }

    /// Deltas of good samples by the usual rules, booked on the instance and order of the sample before.
    fn counts(&self, samples: &[(i64, Option<Sample>)], atoms: &mut Atoms) {
        let mut base: Option<(i64, &Sample)> = None;
        let mut counters = [0; 3];
        for (time, sample) in samples {
            let Some(sample) = sample else { continue };
            let Some((base_time, base_sample)) = base.replace((*time, sample)) else {
                counters = sample.counters;
                continue;
            };
            let cap = 3 * (time - base_time) / 2 + 5;
            let mut added = [0; 3];
            for ((added, counter), value) in
                added.iter_mut().zip(&mut counters).zip(sample.counters)
            {
                let delta = value - *counter;
                *added = match delta {
                    0.. => {
                        assert!(delta <= cap, "{} jumps by {delta} at {time}", self.name);
                        delta
                    }
                    -2..0 => continue,
                    _ if delta + self.modulus <= cap => delta + self.modulus,
                    _ => value,
                };
                *counter = value;
            }
            if added != [0; 3] {
                let instance = self.instance(base_time).unwrap();
                let atom = self.atom(atoms, instance, &base_sample.order);
                for (sum, added) in atom.counts.iter_mut().zip(added) {
                    *sum += added;
                }
            }
        }
    }
}

/// The same atoms as the ledger has them; asserts that every record's categories add up to its scheduled time.
pub(crate) fn ledger(dir: &Path) -> Atoms {
    let ledger = json(dir, "ledger.json");
    let mut atoms = Atoms::new();
    for record in list(&ledger, "records") {
        let (known, actual) = (&record["known"], &record["actual"]);
        for side in [known, actual] {
            let sum: f64 = side
                .as_object()
                .unwrap()
                .values()
                .map(|value| value.as_f64().unwrap())
                .sum();
            assert!(
                (sum - number(record, "scheduled_s")).abs() < 1e-6,
                "{record}"
            );
        }
        assert!(number(actual, "unknown_s") == 0.0, "{record}");
        let names = [
            ("planned", &["planned_stop_s"][..]),
            ("run", &["run_s"]),
            ("setup", &["setup_s"]),
            ("stop", &["malfunction_s", "minor_stop_s"]),
            ("external", &["external_s"]),
            ("idle", &["idle_s"]),
            ("unknown", &["unknown_s"]),
        ];
        let mut atom = Atom::default();
        for (category, keys) in names {
            let sum: f64 = keys.iter().map(|key| number(known, key)).sum();
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole seconds of one shift"
            )]
            let sum = sum.round() as i64;
            if sum > 0 {
                atom.seconds.insert(category, sum);
            }
        }
        atom.counts = ["produced", "scrap", "rework"].map(|key| whole(record, key));
        let key = ["machine", "shift_instance", "order"].map(|key| text(record, key).to_owned());
        atoms.insert(key.into(), atom);
    }
    atoms
}

fn works(category: &str) -> bool {
    matches!(category, "run" | "setup")
}
