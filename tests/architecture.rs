//! Keeps the walls that `src/lib.rs` draws: which module may use which, which are pure, who may spawn tasks and who
//! may ask what time it is.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::fs;
use std::path::{Path, PathBuf};

/// Modules in flow order with what each may use besides itself. A module never uses one further right.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &["model"]),
    ("config", &["model", "alerting", "production"]),
    ("production", &["model"]),
    ("quality", &["model"]),
    ("compare", &[]),
    ("history", &["model"]),
    (
        "analysis",
        &[
            "model",
            "config",
            "history",
            "production",
            "quality",
            "compare",
            "alerting",
            "record",
        ],
    ),
    (
        "historian",
        &["model", "config", "record", "history", "analysis"],
    ),
    ("driver", &["model", "config", "clock"]),
    ("acquisition", &["model", "config", "clock", "driver"]),
    ("validation", &["model", "config"]),
    ("detection", &["model", "config"]),
    ("record", &["model", "alerting", "detection"]),
    ("alerting", &["model", "config", "detection", "record"]),
    (
        "pipeline",
        &[
            "model",
            "config",
            "clock",
            "acquisition",
            "validation",
            "detection",
            "alerting",
            "record",
        ],
    ),
    ("baseline", &["model", "config", "detection", "pipeline"]),
    (
        "replay",
        &[
            "model",
            "config",
            "clock",
            "driver",
            "detection",
            "alerting",
            "record",
            "pipeline",
            "historian",
        ],
    ),
    (
        "backtest",
        &["model", "config", "clock", "detection", "replay"],
    ),
    ("buffer", &["model", "config", "clock", "record"]),
    ("publish", &["model", "config", "clock", "record", "buffer"]),
    ("supervisor", &[]),
    ("control", &["pipeline", "analysis"]),
];

/// Modules, and parts of modules, that know no async, file, socket, clock or log.
const PURE: &[&str] = &[
    "model",
    "validation",
    "detection",
    "alerting",
    "backtest/score",
    "production",
    "quality",
    "compare",
];

/// What gives an edge away.
const IMPURE: &[&str] = &[
    "async ",
    ".await",
    "std::fs",
    "std::net",
    "std::io",
    "tokio::",
    "tracing::",
    "SystemTime",
    "Instant::now",
];

/// Files that may start tasks or threads, with the reason.
const SPAWNERS: &[(&str, &str)] = &[
    ("supervisor.rs", "starts every unit"),
    (
        "app/upstream.rs",
        "starts the publisher's thread, and works answers out beside it",
    ),
    ("app/memory.rs", "starts the history's thread"),
    ("replay/memory.rs", "writes the history beside the chain"),
    ("history/reader.rs", "answers for many series side by side"),
    ("buffer/handle.rs", "starts the storage thread"),
    (
        "driver/modbus/scripted.rs",
        "a scripted device, for tests only",
    ),
    ("driver/opcua", "drives the session's event loop"),
    ("publish/link.rs", "drives the client's event loop"),
    ("control.rs", "answers one connection each"),
    ("replay/run.rs", "decodes and writes beside the chain"),
    ("backtest/run.rs", "works on several recordings at once"),
    ("cli", "commands own their process"),
];

struct Source {
    module: String,
    path: String,
    code: String,
}

/// The code of every file below `src` without comments and test modules.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let source = |path: PathBuf| {
        let relative = path
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let module = relative
            .split('/')
            .next()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code: Vec<&str> = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        Source {
            module,
            path: relative,
            code: code.join("\n"),
        }
    };
    let sources: Vec<Source> = files.into_iter().map(source).collect();
    assert!(sources.len() > 20, "the source tree was not found");
    sources
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_test = name.starts_with("test") || name.contains("_test");
        if path.is_dir() && !is_test {
            collect(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !is_test {
            files.push(path);
        }
    }
    files.sort();
}

#[test]
fn modules_use_only_what_stands_to_their_left() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = ALLOWED.iter().find(|(module, _)| *module == source.module) else {
            continue;
        };
        for (other, _) in ALLOWED
            .iter()
            .chain([&("cli", &[] as &[&str]), &("app", &[])])
        {
            let uses = source.code.contains(&format!("crate::{other}::"));
            if uses && *other != source.module && !allowed.contains(other) {
                faults.push(format!("{} uses {other}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_module_has_its_place_in_the_flow() {
    let known = |module: &str| {
        ALLOWED.iter().any(|(name, _)| *name == module)
            || ["lib", "main", "cli", "app"].contains(&module)
    };
    let strangers: Vec<String> = sources()
        .into_iter()
        .map(|s| s.module)
        .filter(|module| !known(module))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

#[test]
fn pure_modules_touch_nothing_outside() {
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| PURE.iter().any(|pure| s.path.starts_with(pure)))
    {
        let found = IMPURE.iter().filter(|sign| source.code.contains(*sign));
        faults.extend(found.map(|sign| format!("{} has `{sign}`", source.path)));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn only_named_files_start_tasks_and_threads() {
    let may = |path: &str| SPAWNERS.iter().any(|(prefix, _)| path.starts_with(prefix));
    let spawns = |code: &str| {
        [
            "tokio::spawn",
            "thread::Builder",
            "thread::spawn",
            ".spawn(",
            "spawn_blocking",
        ]
        .iter()
        .any(|sign| code.contains(sign))
    };
    let faults: Vec<String> = sources()
        .into_iter()
        .filter(|s| spawns(&s.code) && !may(&s.path))
        .map(|s| s.path)
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn only_the_clock_reads_the_time() {
    let reads = |s: &Source| {
        let std_instant =
            s.code.contains("std::time::Instant") || s.code.contains("SystemTime::now");
        std_instant && s.path != "clock.rs"
    };
    let faults: Vec<String> = sources()
        .into_iter()
        .filter(reads)
        .map(|s| s.path)
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
}
