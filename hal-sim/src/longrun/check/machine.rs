//! Products, orders, changeovers and machines.

use toml::Spanned as At;

use super::Names;
use super::faults::Faults;
use crate::longrun::number::float;
use crate::longrun::plan::{
    ChangeoverRules, Kind, MachinePlan, OrderRules, Product, TempRules, Width,
};
use crate::longrun::raw::{RawChangeover, RawMachine, RawOrders, RawProduct, RawTemp, RawWidth};

const KINDS: [(&str, Kind); 2] = [("packml", Kind::PackMl), ("plain", Kind::Plain)];
const COUNTERS: [(&str, u64); 2] = [("u16", 1 << 16), ("u32", 1 << 32)];

pub(super) fn products(raw: &[RawProduct], faults: &mut Faults<'_>) -> Vec<Product> {
    raw.iter().map(|one| product(one, faults)).collect()
}

fn product(raw: &RawProduct, faults: &mut Faults<'_>) -> Product {
    let name = raw.name.get_ref().clone();
    let mut versions = vec![(None, cycle_ms(faults, "product.cycle", &raw.cycle))];
    for revision in &raw.revision {
        let cycle_ms = cycle_ms(faults, "product.revision.cycle", &revision.cycle);
        let Some(from) = faults.date("product.revision.from", &revision.from) else {
            continue;
        };
        if versions
            .last()
            .is_some_and(|(before, _)| *before >= Some(from))
        {
            let what =
                "product.revision.from must be later than that of the revision before".to_owned();
            faults.add(revision.from.span().start, what);
        }
        versions.push((Some(from), cycle_ms));
    }
    Product {
        family: faults.word("product.family", raw.family.as_ref(), &name),
        name,
        actual_percent: faults.number(
            "product.actual_percent",
            raw.actual_percent.as_ref(),
            0.0,
            -50.0..=500.0,
        ),
        from: raw
            .from
            .as_ref()
            .and_then(|from| faults.date("product.from", from)),
        width: width(raw.width.as_ref(), faults),
        versions,
    }
}

/// Cycles are 1 s to 1 h: a faster machine would make several parts per sample and row.
fn cycle_ms(faults: &mut Faults<'_>, key: &str, text: &At<String>) -> i64 {
    let cycle_ms = faults.span_ms(key, Some(text), 10_000);
    if cycle_ms > 3_600_000 {
        let what = format!("{key} = \"{}\" is above 1h", text.get_ref());
        faults.add(text.span().start, what);
    }
    cycle_ms
}

fn width(raw: Option<&RawWidth>, faults: &mut Faults<'_>) -> Width {
    let Some(raw) = raw else {
        return Width {
            nominal: 50.0,
            lsl: 49.5,
            usl: 50.5,
            sigma: 0.1,
        };
    };
    let mut number = |key: &str, value, allowed| faults.number(key, Some(value), 1.0, allowed);
    let all = -1e6..=1e6;
    let width = Width {
        nominal: number("product.width.nominal", &raw.nominal, all.clone()),
        lsl: number("product.width.lsl", &raw.lsl, all.clone()),
        usl: number("product.width.usl", &raw.usl, all),
        sigma: number("product.width.sigma", &raw.sigma, 0.0..=1e6),
    };
    if !(width.lsl < width.nominal && width.nominal < width.usl) {
        let what = "product.width.nominal must lie between lsl and usl".to_owned();
        faults.add(raw.nominal.span().start, what);
    }
    width
}

pub(super) fn orders(raw: &RawOrders, faults: &mut Faults<'_>) -> OrderRules {
    let hours_min = faults.number(
        "orders.hours_min",
        raw.hours_min.as_ref(),
        4.0,
        0.1..=1_000.0,
    );
    let hours_max = faults.upper(
        ("orders.hours_max", raw.hours_max.as_ref()),
        ("hours_min", hours_min),
        10.0,
        0.1..=1_000.0,
    );
    OrderRules {
        hours_min,
        hours_max,
        idle_share: faults.number("orders.idle_share", raw.idle_share.as_ref(), 0.0, 0.0..=1.0),
        idle_ms: float(faults.span_ms("orders.idle", raw.idle.as_ref(), 1_200_000)),
    }
}

pub(super) fn changeover(raw: &RawChangeover, faults: &mut Faults<'_>) -> ChangeoverRules {
    ChangeoverRules {
        same_family_ms: float(faults.span_ms(
            "changeover.same_family",
            raw.same_family.as_ref(),
            600_000,
        )),
        other_family_ms: float(faults.span_ms(
            "changeover.other_family",
            raw.other_family.as_ref(),
            1_800_000,
        )),
        spread: faults.number("changeover.spread", raw.spread.as_ref(), 0.2, 0.0..=1.0),
        startup_parts: faults.number(
            "changeover.startup_parts",
            raw.startup_parts.as_ref(),
            0,
            0..=10_000,
        ),
        startup_scrap_factor: faults.number(
            "changeover.startup_scrap_factor",
            raw.startup_scrap_factor.as_ref(),
            1.0,
            0.0..=1_000.0,
        ),
    }
}

pub(super) fn machine(raw: &RawMachine, names: &Names, faults: &mut Faults<'_>) -> MachinePlan {
    let products = faults.each_known(
        "machine.products",
        Some(raw.products.get_ref()),
        &names.products,
    );
    let shifts = faults.each_known("machine.shifts", raw.shifts.as_deref(), &names.shifts);
    if raw.products.get_ref().is_empty() {
        let what = "machine.products must name at least one product".to_owned();
        faults.add(raw.products.span().start, what);
    }
    let mtbf = raw.mtbf.as_ref();
    let mtbf_ms = mtbf.map(|mtbf| float(faults.span_ms("machine.mtbf", Some(mtbf), 3_600_000)));
    let [
        slower_percent,
        cycle_noise,
        minor_stops_per_hour,
        external_per_day,
        scrap_percent,
        rework_percent,
        width_per_degree,
    ] = numbers(raw, faults);
    MachinePlan {
        name: raw.name.get_ref().clone(),
        hall: faults.word("machine.hall", raw.hall.as_ref(), "hall1"),
        line: faults.word("machine.line", raw.line.as_ref(), "line1"),
        kind: faults.choice("machine.kind", raw.kind.as_ref(), Kind::PackMl, &KINDS),
        products,
        shifts,
        in_turn: raw.in_turn.unwrap_or(false),
        slower_percent,
        cycle_noise,
        minor_stops_per_hour,
        minor_stop_ms: float(faults.span_ms("machine.minor_stop", raw.minor_stop.as_ref(), 60_000)),
        mtbf_ms,
        mttr_ms: float(faults.span_ms("machine.mttr", raw.mttr.as_ref(), 1_800_000)),
        external_per_day,
        external_ms: float(faults.span_ms("machine.external", raw.external.as_ref(), 480_000)),
        scrap_percent,
        rework_percent,
        runs_through_breaks: raw.runs_through_breaks.unwrap_or(false),
        modulus: faults.choice("machine.counter", raw.counter.as_ref(), 1 << 32, &COUNTERS),
        counter_start: u64::from(faults.number(
            "machine.counter_start",
            raw.counter_start.as_ref(),
            0,
            0..=65_535,
        )),
        measure_every: faults.number(
            "machine.measure_every",
            raw.measure_every.as_ref(),
            50,
            0..=1_000_000,
        ),
        width_per_degree,
        temp: temp(&raw.temp, faults),
    }
}

/// Numbers of a machine, in the order of [`machine`].
fn numbers(raw: &RawMachine, faults: &mut Faults<'_>) -> [f64; 7] {
    [
        ("slower_percent", &raw.slower_percent, 0.0, -50.0..=500.0),
        ("cycle_noise", &raw.cycle_noise, 0.03, 0.0..=0.5),
        (
            "minor_stops_per_hour",
            &raw.minor_stops_per_hour,
            0.0,
            0.0..=100.0,
        ),
        ("external_per_day", &raw.external_per_day, 0.0, 0.0..=500.0),
        ("scrap_percent", &raw.scrap_percent, 1.0, 0.0..=90.0),
        ("rework_percent", &raw.rework_percent, 0.0, 0.0..=90.0),
        ("width_per_degree", &raw.width_per_degree, 0.0, -1e3..=1e3),
    ]
    .map(|(key, value, default, allowed)| {
        faults.number(&format!("machine.{key}"), value.as_ref(), default, allowed)
    })
}

fn temp(raw: &RawTemp, faults: &mut Faults<'_>) -> TempRules {
    let mut number = |key: &str, value: &Option<_>, default, allowed| {
        faults.number(key, value.as_ref(), default, allowed)
    };
    TempRules {
        setpoint: number(
            "machine.temp.setpoint",
            &raw.setpoint,
            180.0,
            -300.0..=3_000.0,
        ),
        sigma: number("machine.temp.sigma", &raw.sigma, 0.5, 0.0..=100.0),
        wear_per_100h: number(
            "machine.temp.wear_per_100h",
            &raw.wear_per_100h,
            0.0,
            0.0..=1_000.0,
        ),
        defect_gain: number(
            "machine.temp.defect_gain",
            &raw.defect_gain,
            0.0,
            0.0..=10.0,
        ),
    }
}
