//! Limits that are learned, frozen, tried out and replaced.

use serde_json::Value;

use crate::press::{Minute, check, usual, width};
use crate::recorded::{MINUTES, Plant};

/// Asks to keep limits of a day.
fn keep<'a>(how: &'a str, day: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let by = [
        "--by",
        "process-engineering",
        "--why",
        "release of the tool",
    ];
    [&width(day)[..], &["--rules", "limits_only", how], &by, more].concat()
}

#[test]
fn frozen_limits_are_in_force_until_an_approved_change_replaces_them() {
    // From the third day on the process is at 10.1, whose readings are still within the limits of the first.
    let plant = Plant::of(4, |day, at| Minute {
        width: usual(at).width + if day >= 2 { 0.1 } else { 0.0 },
        ..usual(at)
    });
    let kept = plant.json(&keep("--freeze", "2026-05-05", &[]));
    let version = &kept["versions"][0];
    assert_eq!(
        (&version["version"], &version["frozen"], &version["since"]),
        (&1.into(), &true.into(), &"2026-05-05T14:00:00.000Z".into())
    );
    check(&version["center"], 10.0);
    // 479 moving ranges, the last of 96 rounds without its 0.05: (96 * 0.6 - 0.05) / 479 over d2 = 1.128379.
    check(&version["sigma"], 0.106_477);
    let chart = plant.chart("2026-05-06", &[]);
    assert_eq!(
        (
            &chart["phase"]["name"],
            &chart["phase"]["version"],
            &chart["in_control"]
        ),
        (&"monitoring".into(), &1.into(), &true.into()),
        "{}",
        chart["phase"]
    );
    // Before they came in force, and where they are left aside, limits are learned.
    for chart in [
        plant.chart("2026-05-05", &[]),
        plant.chart("2026-05-06", &["--relearn"]),
    ] {
        assert_eq!(chart["phase"]["name"], "learned");
    }

    plant.refused(
        &keep("--freeze", "2026-05-07", &[]),
        "version 1 of the limits is frozen; it is replaced for an approved process change only",
    );
    plant.refused(
        &keep("--try-out", "2026-05-07", &[]),
        "version 1 of the limits is frozen",
    );
    plant.json(&keep("--freeze", "2026-05-07", &["--approval", "ECN-4711"]));
    for (day, version, center) in [
        ("2026-05-06", 1, 10.0),
        ("2026-05-07", 1, 10.0),
        ("2026-05-08", 2, 10.1),
    ] {
        let chart = plant.chart(day, &[]);
        assert_eq!(chart["phase"]["version"], version, "{day}");
        check(&chart["panels"][0]["points"][0]["center"], center);
    }
    let whole = plant.json(&["spc", "press.width", "--from", "2026-05-06"]);
    assert_eq!(
        whole[0]["warnings"][0]["code"], "later_limits",
        "{}",
        whole[0]["warnings"]
    );

    let listed = plant.text(&["spc", "press.width", "--limits"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(
        lines[1]
            .starts_with("press.width of A on press        1  frozen  2026-05-05T14:00:00.000Z"),
        "{listed}"
    );
    assert!(
        lines[2].contains("process-engineering  ECN-4711  release of the tool"),
        "{listed}"
    );
}

#[test]
fn limits_are_refused_with_the_reason() {
    let plant = Plant::of(2, |_, at| usual(at));
    let hour = [
        "spc",
        "press.width",
        "--from",
        "2026-05-05T06:00:00Z",
        "--to",
        "2026-05-05T07:00:00Z",
    ];
    let by = ["--by", "quality", "--why", "trial"];
    plant.refused(
        &[&hour[..], &["--freeze"], &by].concat(),
        "limits of A on press are not kept: limits are frozen from 20 subgroups with 100 observations; there are 60 with 60",
    );
    let trial = plant.json(&[&hour[..], &["--try-out"], &by].concat());
    assert_eq!(trial["versions"][0]["frozen"], false);
    let chart = plant.chart("2026-05-06", &[]);
    assert_eq!(
        (&chart["phase"]["version"], &chart["phase"]["frozen"]),
        (&1.into(), &false.into())
    );
    plant.refused(
        &[
            "spc",
            "press.width",
            "--from",
            "2026-05-06",
            "--subgroup",
            "5",
        ],
        "allowed: --chart i_mr --subgroup 1 as they were learned, or --relearn",
    );
    plant.refused(
        &[&hour[..], &["--freeze", "--by", "M. Weber", "--why", "x"]].concat(),
        "no name of a person",
    );
    plant.refused(&[&hour[..], &["--freeze"]].concat(), "--by");
    plant.refused(
        &["spc", "press.wide", "--limits"],
        "there is no tag \"press.wide\"",
    );
}

#[test]
fn a_point_is_left_out_with_its_cause() {
    let plant = Plant::of(2, |day, at| Minute {
        width: if (day, at) == (0, 100) {
            14.8
        } else {
            usual(at).width
        },
        ..usual(at)
    });
    let by = ["--by", "process-engineering"];
    // 4.8 more in one of 480 readings.
    check(
        &plant.chart("2026-05-05", &[])["panels"][0]["points"][0]["center"],
        10.01,
    );
    let point = ["--exclude", "2026-05-05T07:40:00Z=tool broke"];
    let clean = plant.chart("2026-05-05", &[&["--relearn"], &by[..], &point].concat());
    check(&clean["panels"][0]["points"][0]["center"], 10.0);
    assert_eq!(
        (
            &clean["excluded"][0]["cause"],
            &clean["excluded"][0]["recorded_by"]
        ),
        (&"tool broke".into(), &by[1].into())
    );
    assert_eq!(clean["in_control"], true);

    plant.json(&keep("--freeze", "2026-05-05", &point));
    let listed = plant.text(&["spc", "press.width", "--limits"]);
    assert!(
        listed
            .ends_with("version 1 of A on press leaves out 2026-05-05T07:40:00.000Z: tool broke\n"),
        "{listed}"
    );
    check(
        &plant.chart("2026-05-06", &[])["panels"][0]["points"][0]["center"],
        10.0,
    );
    let nowhere = ["--exclude", "2026-05-05T07:40:30Z=tool broke"];
    plant.refused(
        &[&width("2026-05-05")[..], &["--relearn"], &by, &nowhere].concat(),
        "allowed: the time of a point of the chart; the nearest is 2026-05-05T07:4",
    );
    plant.refused(
        &[&width("2026-05-05")[..], &by, &point].concat(),
        "allowed with --relearn, --freeze or --try-out",
    );
}

#[test]
fn products_of_short_runs_share_a_chart_of_deviations() {
    let plant = Plant::of(2, |_, at| {
        let is_b = at / 30 % 2 == 1;
        Minute {
            product: if is_b { "B" } else { "A" },
            width: usual(at).width + if is_b { 40.0 } else { 0.0 },
            ..usual(at)
        }
    });
    let table = |b: &str| {
        format!(
            "product,ideal_cycle_s,valid_from,characteristic,nominal\nA,60,2026-01-01T00:00:00Z,width,10\nB,60,2026-01-01T00:00:00Z,width,{b}\n"
        )
    };
    plant.take_in(&table(""));
    plant.refused(
        &[&width("2026-05-05")[..], &["--from-nominal"]].concat(),
        "product `B`, made at 2026-05-05T06:30:00.000Z, has no nominal value of `press.width`",
    );
    plant.take_in(&table("50"));
    let chart = plant.chart("2026-05-05", &["--from-nominal"]);
    assert_eq!(
        (
            &chart["product"],
            chart["panels"][0]["points"].as_array().unwrap().len()
        ),
        (&"several".into(), MINUTES as usize)
    );
    check(&chart["panels"][0]["points"][0]["center"], 0.0);
    plant.json(&keep("--freeze", "2026-05-05", &["--from-nominal"]));
    let chart = plant.chart("2026-05-06", &["--from-nominal"]);
    assert_eq!(chart["phase"]["name"], "monitoring");
    // Each product has its own limits, whatever those of the deviations are.
    let apart = plant.json(&width("2026-05-06"));
    assert_eq!(
        (apart.as_array().unwrap().len(), &apart[0]["phase"]["name"]),
        (2, &"learned".into())
    );
    let only = plant.chart("2026-05-06", &["--product", "B"]);
    assert_eq!(only["product"], "B");
    plant.refused(
        &[&width("2026-05-06")[..], &["--product", "C"]].concat(),
        "has no Good reading of product `C`",
    );
}

#[test]
fn a_specification_holds_from_its_day_on() {
    let plant = Plant::of(2, |_, at| usual(at));
    plant.take_in(
        "product,ideal_cycle_s,valid_from,characteristic,nominal,lsl,usl\n\
         A,60,2026-01-01T00:00:00Z,width,10,9.5,10.5\n\
         A,60,2026-05-06T06:00:00Z,width,10,9.9,10.1\n",
    );
    let changed = |chart: &Value| {
        let warnings = chart["warnings"].as_array().unwrap();
        warnings
            .iter()
            .any(|warning| warning["code"] == "changed_specification")
    };
    for (day, usl) in [("2026-05-05", 10.5), ("2026-05-06", 10.1)] {
        let chart = plant.chart(day, &[]);
        check(&chart["capability"]["usl"], usl);
        assert!(!changed(&chart), "{day}");
    }
    let both = plant.json(&["spc", "press.width", "--from", "2026-05-05"]);
    check(&both[0]["capability"]["usl"], 10.1);
    assert!(changed(&both[0]), "{}", both[0]["warnings"]);
}
