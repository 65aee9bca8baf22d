//! Arbitrary records for property tests.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

pub(crate) fn id() -> impl Strategy<Value = RecordId> {
    (
        "[A-Za-z0-9_-]{1,32}",
        any::<u32>(),
        any::<bool>(),
        any::<u64>(),
    )
        .prop_map(|(gateway, epoch, alerts, seq)| RecordId {
            gateway,
            epoch,
            lane: if alerts {
                Lane::Alerts
            } else {
                Lane::Telemetry
            },
            seq,
        })
}

fn value() -> impl Strategy<Value = ValueV1> {
    prop_oneof![
        Just(ValueV1::Missing),
        any::<f32>().prop_map(ValueV1::F32),
        any::<f64>().prop_map(ValueV1::F64),
        any::<i64>().prop_map(ValueV1::Int),
        any::<bool>().prop_map(ValueV1::Bool),
        ".{0,30}".prop_map(ValueV1::Text),
    ]
}

/// Any item of a summary.
pub(crate) fn item() -> impl Strategy<Value = SummaryItemV1> {
    let stats = any::<(f64, f64, f64, f64)>().prop_map(|(mean, min, max, std)| StatsV1 {
        mean,
        min,
        max,
        std,
    });
    (
        any::<(u32, u32, u32, u32)>(),
        option::of(stats),
        value(),
        any::<u8>(),
    )
        .prop_map(
            |((tag, good, uncertain, bad), stats, last, last_quality)| SummaryItemV1 {
                tag,
                good,
                uncertain,
                bad,
                stats,
                last,
                last_quality,
            },
        )
}

fn point() -> impl Strategy<Value = PointV1> {
    (any::<u32>(), any::<i64>(), value(), any::<u8>()).prop_map(
        |(tag, offset_ns, value, quality)| PointV1 {
            tag,
            offset_ns,
            value,
            quality,
        },
    )
}

fn alert() -> impl Strategy<Value = AlertV1> {
    let texts = (".{0,9}", ".{0,40}", ".{0,20}", ".{0,60}", ".{0,60}");
    let numbers = (
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        option::of(any::<u32>()),
    );
    let floats = any::<(Option<f64>, Option<f64>, Option<f64>, Option<f64>)>();
    (
        texts,
        numbers,
        floats,
        vec("[a-z]{1,9}", 0..4),
        any::<(i64, i64)>(),
    )
        .prop_map(
            |((alert_id, asset, subject, message, advice), codes, floats, roles, times)| AlertV1 {
                alert_id,
                transition: codes.0,
                kind: codes.1,
                severity: codes.2,
                asset,
                tag: codes.3,
                subject,
                roles,
                since_ms: times.0,
                at_ms: times.1,
                value: floats.0,
                normal: floats.1,
                sigmas: floats.2,
                ratio: floats.3,
                message,
                advice,
            },
        )
}

fn explained() -> impl Strategy<Value = ExplainedAlertV1> {
    let share = any::<(u32, f64)>().prop_map(|(tag, sigmas)| ShareV1 { tag, sigmas });
    let numbers = any::<(u8, f64, f64, i64)>();
    let options = any::<(Option<f64>, Option<f64>, Option<i64>, bool)>();
    (alert(), numbers, options, ".{0,20}", vec(share, 0..4)).prop_map(
        |(alert, (chart, statistic, limit, onset_ms), options, mode, shares)| ExplainedAlertV1 {
            alert,
            explanation: ExplanationV1 {
                chart,
                statistic,
                limit,
                onset_ms,
                shift: options.0,
                sigma: options.1,
                mode,
                baseline_ms: options.2,
                shares,
                is_proposal: options.3,
            },
        },
    )
}

/// Any record body.
pub(crate) fn body() -> impl Strategy<Value = BodyV1> {
    let summary = (".{0,40}", any::<(i64, i64)>(), vec(item(), 0..5)).prop_map(
        |(asset, (from_ms, to_ms), items)| {
            BodyV1::Summary(SummaryV1 {
                asset,
                from_ms,
                to_ms,
                items,
            })
        },
    );
    let raw = (".{0,40}", any::<i64>(), vec(point(), 0..8)).prop_map(|(asset, base_ns, points)| {
        BodyV1::Raw(RawV1 {
            asset,
            base_ns,
            points,
        })
    });
    let drop = any::<(u8, u64, u64, i64)>().prop_map(|(lane, seq_from, seq_to, at_ms)| {
        BodyV1::Drop(DropV1 {
            lane,
            seq_from,
            seq_to,
            at_ms,
            reason: DropReasonV1::Rejected,
        })
    });
    let event = (any::<i64>(), ".{0,20}", any::<u64>()).prop_map(|(at_ms, device, samples)| {
        BodyV1::Event(EventV1 {
            at_ms,
            kind: EventKindV1::Overrun { device, samples },
        })
    });
    prop_oneof![
        summary,
        raw,
        alert().prop_map(BodyV1::Alert),
        drop,
        event,
        explained().prop_map(BodyV1::Explained)
    ]
}
