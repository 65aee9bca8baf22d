//! The summary as JSON, the same in `summary.json` and on standard output.

use serde_json::{Map, Value, json};

use super::run::Report;
use super::score::{Group, Tally};

/// The summary of a run. Without labels there are no scores in it.
pub fn summary_json(report: &Report) -> Value {
    let summary = &report.summary;
    let labelled = report.is_labelled;
    let families: Map<String, Value> = summary
        .families
        .iter()
        .map(|(name, group)| (name.clone(), group_json(group, labelled)))
        .collect();
    let files: Vec<Value> = summary
        .files
        .iter()
        .map(|(name, group)| {
            let mut file = group_json(group, labelled);
            if let Some(file) = file.as_object_mut() {
                file.remove("files");
                file.insert("file".to_owned(), json!(name));
            }
            file
        })
        .collect();
    let kinds: Vec<Value> = summary
        .kinds
        .iter()
        .map(|kind| {
            json!({
                "kind": kind.kind,
                "class": kind.class.as_str(),
                "segments": tally_json(kind.segments),
                "median_delay": kind.median_delay(),
                "mar": kind.mar(),
            })
        })
        .collect();
    let mut fields = json!({
        "labelled": labelled,
        "overall": group_json(&summary.overall, labelled),
        "families": families,
        "kinds": kinds,
        "files": files,
        "notes": report.notes,
    });
    if let (true, Some(fields)) = (labelled, fields.as_object_mut()) {
        let group = group_json(&summary.with_anomalies, labelled);
        fields.insert("with_anomalies".to_owned(), group);
    }
    fields
}

fn group_json(group: &Group, labelled: bool) -> Value {
    let points = &group.points;
    let mut fields = json!({
        "files": group.files,
        "rows": group.rows,
        "scored_rows": points.total(),
        "alarm_rows": points.alarms(),
        "events": group.events,
    });
    let scores = json!({
        "anomalies": tally_json(group.anomalies),
        "legit": tally_json(group.legit),
        "gaps": tally_json(group.gaps),
        "false_events": group.false_events,
        "false_events_per_10k": group.false_events_per_10k(),
        "median_delay": group.median_delay(),
        "precision": points.precision(),
        "recall": points.recall(),
        "f1": points.f1(),
        "far": points.far(),
        "mar": points.mar(),
        "nab": group.nab(),
    });
    if let (true, Some(fields), Value::Object(scores)) = (labelled, fields.as_object_mut(), scores)
    {
        fields.extend(scores);
    }
    fields
}

fn tally_json(tally: Tally) -> Value {
    json!({ "hit": tally.hit, "total": tally.total })
}
