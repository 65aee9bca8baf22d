//! One fixed record of each kind, for golden tests here and in [`crate::publish`].

use super::*;

pub(crate) fn summary() -> BodyV1 {
    BodyV1::Summary(SummaryV1 {
        asset: "acme/berlin/paint/line1/press1".into(),
        from_ms: 1_772_344_800_000,
        to_ms: 1_772_344_810_000,
        items: vec![
            SummaryItemV1 {
                tag: 1,
                good: 10,
                uncertain: 1,
                bad: 0,
                stats: Some(StatsV1 {
                    mean: 71.25,
                    min: 70.5,
                    max: 72.0,
                    std: 0.5,
                }),
                last: ValueV1::F32(71.3),
                last_quality: 0,
            },
            SummaryItemV1 {
                tag: 200,
                good: 0,
                uncertain: 0,
                bad: 10,
                stats: None,
                last: ValueV1::Missing,
                last_quality: 130,
            },
        ],
    })
}

pub(crate) fn raw() -> BodyV1 {
    let point = |tag, offset_ns, value, quality| PointV1 {
        tag,
        offset_ns,
        value,
        quality,
    };
    BodyV1::Raw(RawV1 {
        asset: "acme/berlin/paint/line1/press1".into(),
        base_ns: 1_772_344_800_000_000_000,
        points: vec![
            point(1, 0, ValueV1::F32(0.1), 0),
            point(1, 250_000_000, ValueV1::F64(0.1), 76),
            point(2, 250_000_100, ValueV1::Int(-7), 0),
            point(3, -1_000, ValueV1::Bool(true), 0),
            point(4, 5, ValueV1::Text("A-\"4711\"\n".into()), 0),
            point(1, 500_000_000, ValueV1::F64(f64::NAN), 136),
            point(1, 501_000_000, ValueV1::Missing, 199),
        ],
    })
}

pub(crate) fn alert() -> BodyV1 {
    BodyV1::Alert(AlertV1 {
        alert_id: "7-3".into(),
        transition: 1,
        kind: 1,
        severity: 3,
        asset: "acme/berlin/paint/line1/press1".into(),
        tag: Some(1),
        subject: "press1.temp".into(),
        roles: vec!["maintenance".into(), "operator".into()],
        since_ms: 1_772_344_799_000,
        at_ms: 1_772_344_800_250,
        value: Some(84.5),
        normal: Some(71.25),
        sigmas: Some(6.5),
        ratio: Some(1.25),
        message: "Temperature of press1 is 6.5 σ above normal.".into(),
        advice: "Check the cooling water.".into(),
    })
}

pub(crate) fn explained() -> BodyV1 {
    let BodyV1::Alert(alert) = alert() else {
        unreachable!("it is an alert");
    };
    BodyV1::Explained(ExplainedAlertV1 {
        alert,
        explanation: ExplanationV1 {
            chart: 1,
            statistic: 7.5,
            limit: 6.0,
            onset_ms: 1_772_344_799_000,
            shift: Some(13.0),
            sigma: Some(2.0),
            mode: "P1".into(),
            baseline_ms: Some(1_772_258_400_250),
            shares: vec![
                ShareV1 {
                    tag: 1,
                    sigmas: 6.5,
                },
                ShareV1 {
                    tag: 200,
                    sigmas: -0.5,
                },
            ],
            is_proposal: true,
        },
    })
}

pub(crate) fn drop() -> BodyV1 {
    BodyV1::Drop(DropV1 {
        lane: 1,
        seq_from: 100,
        seq_to: 299,
        at_ms: 1_772_344_800_000,
        reason: DropReasonV1::Quota,
    })
}

pub(crate) fn started() -> BodyV1 {
    BodyV1::Event(EventV1 {
        at_ms: 1_772_344_800_000,
        kind: EventKindV1::Started {
            version: "0.1.0".into(),
            previous_epoch: Some(6),
        },
    })
}

pub(crate) fn clock_step() -> BodyV1 {
    BodyV1::Event(EventV1 {
        at_ms: 1_772_344_800_000,
        kind: EventKindV1::ClockStep {
            delta_ms: -3_600_000,
        },
    })
}

pub(crate) fn overrun() -> BodyV1 {
    BodyV1::Event(EventV1 {
        at_ms: 1_772_344_800_000,
        kind: EventKindV1::Overrun {
            device: "press1".into(),
            samples: 12,
        },
    })
}

pub(crate) fn all() -> Vec<BodyV1> {
    vec![
        summary(),
        raw(),
        alert(),
        drop(),
        started(),
        clock_step(),
        overrun(),
        explained(),
    ]
}
