//! Production figures against `oee_cases.json`: time model, ratios, loss models, counters, reliability, yields.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, with the place in its message"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use andon::model::{Quality, Reason, Timestamp};
use andon::production::counter::{Counter, CounterRules, Reading};
use andon::production::elements::{Elements, Output};
use andon::production::kpi::{Doubt, Figures, LossModel, Rules, UnknownPolicy};
use andon::production::losses::SixLosses;
use andon::production::pareto::Pareto;
use andon::production::reliability::{Failure, reliability};
use andon::production::span::Span;
use andon::production::state::{Category, Circumstances, MachineState, StateMap};
use andon::production::time_model::{Downtime, Interval, Schedule, time_model};
use andon::production::yields::{StepCount, dpmo, dpu, route_yield};

/// Checks every case of the file in `dir` and counts them; `None` when there is no such file.
pub(crate) fn check(dir: &Path) -> Option<usize> {
    let text = std::fs::read_to_string(dir.join("oee_cases.json")).ok()?;
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["schema"], 1, "schema of the OEE cases");
    let tolerance = Tolerance {
        rel: number(&file["tolerance"]["rel"]),
        abs: number(&file["tolerance"]["abs"]),
    };
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let (input, expected) = (&case["input"], &case["expected"]);
        let place = Place {
            id: case["id"].as_str().unwrap().to_owned(),
            tolerance,
        };
        match case["kind"].as_str().unwrap() {
            "work_unit" => check_unit(&place, input, expected, Rules::default()),
            "work_unit_models" => check_models(&place, input, expected),
            "work_unit_policies" => check_policies(&place, input, expected),
            "aggregate" => check_aggregate(&place, input, expected),
            "counter" => check_counter(&place, input, expected),
            "reliability" => check_reliability(&place, input, expected),
            "yield" => check_yield(&place, input, expected),
            unknown => panic!("{}: unknown kind `{unknown}`", place.id),
        }
    }
    assert!(!cases.is_empty(), "no OEE case was checked");
    Some(cases.len())
}

#[derive(Clone, Copy)]
struct Tolerance {
    rel: f64,
    abs: f64,
}

/// Where a check stands: the case, and the unit or variant in it.
struct Place {
    id: String,
    tolerance: Tolerance,
}

impl Place {
    fn within(&self, part: &str) -> Self {
        Self {
            id: format!("{} {part}", self.id),
            tolerance: self.tolerance,
        }
    }

    fn is_close(&self, got: f64, expected: f64) -> bool {
        let Tolerance { rel, abs } = self.tolerance;
        (got - expected).abs() <= abs.max(rel * expected.abs())
    }

    /// A number or null; a `WRONG_` field must not be what was computed.
    fn check(&self, field: &str, got: Option<f64>, expected: &Value) {
        let expected = (!expected.is_null()).then(|| number(expected));
        let fits = match (got, expected) {
            (None, None) => true,
            (Some(got), Some(expected)) => self.is_close(got, expected),
            _ => false,
        };
        assert!(
            fits,
            "{}: {field} is {got:?}, expected {expected:?}",
            self.id
        );
    }

    fn check_wrong(&self, field: &str, got: &[Option<f64>], wrong: &Value) {
        let wrong = number(wrong);
        for value in got.iter().flatten() {
            assert!(
                !self.is_close(*value, wrong),
                "{}: {field}: {value} was produced",
                self.id
            );
        }
    }
}

/// A number, or a decimal in a text.
fn number(value: &Value) -> f64 {
    let parsed = value.as_str().map(|text| text.parse().unwrap());
    parsed
        .or_else(|| value.as_f64())
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], |list| list)
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a test case")]
fn at(value: &Value) -> Timestamp {
    Timestamp::from_nanos((number(value) * 1e9).round() as i64)
}

fn span(value: &Value) -> Span {
    Span::new(at(&value[0]), at(&value[1]))
}

fn spans(value: &Value) -> Vec<Span> {
    list(value).iter().map(span).collect()
}

fn check_keys(id: &str, value: &Value, allowed: &[&str]) {
    for key in value.as_object().unwrap().keys() {
        assert!(allowed.contains(&key.as_str()), "{id}: unknown key `{key}`");
    }
}

/// Sums of one work unit, or of several.
#[derive(Default)]
struct Unit {
    calendar: Duration,
    elements: Elements,
    output: Output,
    downtimes: Vec<Downtime>,
}

impl Unit {
    fn read(id: &str, input: &Value) -> Self {
        let keys = [
            "window",
            "shifts",
            "planned",
            "microstop_s",
            "intervals",
            "products",
            "packml_states",
            "order_allocated_from",
        ];
        check_keys(id, input, &keys);
        let (shifts, planned) = (spans(&input["shifts"]), spans(&input["planned"]));
        let microstop_s = input.get("microstop_s").map_or(0.0, number);
        let schedule = Schedule {
            window: span(&input["window"]),
            shifts: &shifts,
            planned: &planned,
            microstop: Duration::from_secs_f64(microstop_s),
        };
        let intervals: Vec<Interval> = list(&input["intervals"]).iter().map(interval).collect();
        let model = time_model(&intervals, &schedule);
        if input.get("packml_states").is_some() {
            let mapped = packml(input);
            assert_eq!(
                time_model(&mapped, &schedule),
                model,
                "{id}: categories of PackML"
            );
        }
        let mut output = Output::default();
        for product in list(&input["products"]) {
            check_keys(id, product, &["id", "pru", "pq", "sq", "rq"]);
            let [pru, pieces, scrap, rework] =
                ["pru", "pq", "sq", "rq"].map(|k| number(&product[k]));
            output += &Output::of(Some(pru), pieces, scrap, rework);
        }
        Self {
            calendar: schedule.window.length(),
            elements: model.elements(),
            output,
            downtimes: model.downtimes(&intervals, None),
        }
    }

    fn figures(&self, rules: Rules) -> Figures {
        Figures::of(&self.elements, &self.output, rules)
    }
}

fn interval(value: &Value) -> Interval {
    let name = value[2].as_str().unwrap();
    let category = Category::from_name(name).unwrap_or_else(|| panic!("unknown category `{name}`"));
    Interval {
        span: span(value),
        category,
        reason: value[3].as_str().map(Arc::from),
    }
}

/// The PackML states, cut where the order is allocated.
fn packml(input: &Value) -> Vec<Interval> {
    let map = StateMap::packml();
    let order = input
        .get("order_allocated_from")
        .filter(|v| !v.is_null())
        .map(at);
    let mut mapped = Vec::new();
    for state in list(&input["packml_states"]) {
        let whole = span(state);
        let cut = order.unwrap_or(whole.end).clamp(whole.start, whole.end);
        let code = MachineState::Code(state[2].as_i64().unwrap());
        let parts = [
            (Span::new(whole.start, cut), false),
            (Span::new(cut, whole.end), true),
        ];
        mapped.extend(parts.into_iter().filter(|(part, _)| !part.is_empty()).map(
            |(span, has_order)| Interval {
                span,
                category: map.category(
                    &code,
                    Circumstances {
                        has_order,
                        ..Circumstances::default()
                    },
                ),
                reason: None,
            },
        ));
    }
    mapped
}

fn check_unit(place: &Place, input: &Value, expected: &Value, rules: Rules) {
    check_fields(place, &Unit::read(&place.id, input), expected, rules);
}

fn check_fields(place: &Place, unit: &Unit, expected: &Value, rules: Rules) {
    let figures = unit.figures(rules);
    check_identities(place, unit, &figures);
    for (field, value) in expected.as_object().unwrap() {
        match field.as_str() {
            "downtime_pareto" => check_pareto(place, &Pareto::by_reason(&unit.downtimes), value),
            "flags" => {}
            _ if field.starts_with("WRONG_") => {
                let all = [
                    figures.oee,
                    figures.nee,
                    figures.availability,
                    figures.effectiveness,
                    figures.quality_ratio,
                ];
                place.check_wrong(field, &all, value);
            }
            _ => place.check(field, unit_field(place, unit, &figures, field), value),
        }
    }
    check_flags(place, &figures, &expected["flags"]);
}

fn unit_field(place: &Place, unit: &Unit, figures: &Figures, field: &str) -> Option<f64> {
    let elements = &unit.elements;
    let seconds = |time: Duration| Some(time.as_secs_f64());
    match field {
        "POT" => Some(figures.pot_s),
        "PDOT" => Some(figures.pdot_s),
        "PBT" => Some(figures.pbt_s),
        "PBT_effective" => Some(figures.pbt_effective_s),
        "APT" => Some(figures.apt_s),
        "AUST" => Some(figures.aust_s),
        "ADET_unplanned" => seconds(elements.stop),
        "minor_stops" => seconds(elements.minor),
        "external_wait" => seconds(elements.external),
        "ADOT_idle" => seconds(elements.idle),
        "unknown" => Some(figures.unknown_s),
        "PQ" => Some(figures.output.pieces),
        "SQ" => Some(figures.output.scrap),
        "RQ" => Some(figures.output.rework),
        "GQ" => Some(figures.output.good()),
        "fully_productive_time" => figures.fully_productive_s,
        "quality_loss_time" => figures.quality_loss_s,
        "speed_loss_time" => figures.speed_loss_s,
        "availability" => figures.availability,
        "effectiveness" => figures.effectiveness,
        "quality_ratio_weighted" => figures.quality_ratio,
        "quality_ratio_count" => figures.quality_ratio_count,
        "oee" => figures.oee,
        "nee" => figures.nee,
        "teep" => figures.teep(unit.calendar),
        "scrap_ratio" => figures.scrap_ratio,
        "rework_ratio" => figures.rework_ratio,
        "utilization_efficiency" => figures.utilization_efficiency,
        "technical_efficiency" => figures.technical_efficiency,
        unknown => panic!("{}: unknown field `{unknown}`", place.id),
    }
}

/// What holds for every unit, whatever the case asks: OEE is the product of its factors, and losses make up PBT.
fn check_identities(place: &Place, unit: &Unit, figures: &Figures) {
    if let (Some(a), Some(e), Some(q), Some(oee)) = (
        figures.availability,
        figures.effectiveness,
        figures.quality_ratio,
        figures.oee,
    ) {
        assert!(
            place.is_close(a * e * q, oee),
            "{}: A*E*Q is not OEE",
            place.id
        );
    }
    let losses = SixLosses::of(&unit.elements, &unit.output).unwrap();
    let total = losses.total_s();
    assert!(
        (total - figures.pbt_s).abs() <= 1e-6,
        "{}: losses are {total}, PBT is {}",
        place.id,
        figures.pbt_s
    );
}

fn check_pareto(place: &Place, pareto: &Pareto, expected: &Value) {
    let rows = list(expected);
    let names: Vec<&str> = pareto.rows.iter().map(|row| &*row.reason).collect();
    let wanted: Vec<&str> = rows
        .iter()
        .map(|row| row["reason"].as_str().unwrap())
        .collect();
    assert_eq!(names, wanted, "{}: reasons of the Pareto", place.id);
    for (row, wanted) in pareto.rows.iter().zip(rows) {
        check_keys(&place.id, wanted, &["reason", "seconds", "count"]);
        let field = format!("Pareto {}", row.reason);
        place.check(&field, Some(row.seconds), &wanted["seconds"]);
        assert_eq!(
            row.count,
            count(&wanted["count"]),
            "{}: count of {field}",
            place.id
        );
    }
}

/// Every flag that is expected is raised; effectiveness above 1 only where it is expected. Flags on the coverage are not
/// part of the cases' definition.
fn check_flags(place: &Place, figures: &Figures, expected: &Value) {
    let wanted: Vec<&str> = list(expected).iter().map(|f| f.as_str().unwrap()).collect();
    let got: Vec<&str> = figures.doubts.iter().map(|doubt| doubt.as_str()).collect();
    for flag in &wanted {
        assert!(
            got.contains(flag),
            "{}: flag {flag} is missing in {got:?}",
            place.id
        );
    }
    let above = Doubt::EffectivenessAbove1;
    let is_wrong = figures.doubts.contains(&above) && !wanted.contains(&above.as_str());
    assert!(!is_wrong, "{}: effectiveness is flagged", place.id);
}

fn check_models(place: &Place, input: &Value, expected: &Value) {
    for (name, expected) in expected.as_object().unwrap() {
        let model = LossModel::from_name(name);
        let model = model.unwrap_or_else(|| panic!("{}: unknown model `{name}`", place.id));
        let rules = Rules {
            model,
            ..Rules::default()
        };
        check_unit(&place.within(name), input, expected, rules);
    }
}

fn check_policies(place: &Place, input: &Value, expected: &Value) {
    for (name, expected) in expected.as_object().unwrap() {
        let unknown = match name.as_str() {
            "exclude" => UnknownPolicy::Exclude,
            "as_down" => UnknownPolicy::AsDown,
            "as_run" => UnknownPolicy::AsRun,
            _ => panic!("{}: unknown policy `{name}`", place.id),
        };
        let rules = Rules {
            unknown,
            ..Rules::default()
        };
        check_unit(&place.within(name), input, expected, rules);
    }
}

fn check_aggregate(place: &Place, input: &Value, expected: &Value) {
    check_keys(&place.id, input, &["units"]);
    check_keys(&place.id, expected, &["units", "aggregate"]);
    let inputs = list(&input["units"]);
    let units = list(&expected["units"]);
    assert_eq!(inputs.len(), units.len(), "{}: units", place.id);
    let mut all = Unit::default();
    for (number, (input, expected)) in inputs.iter().zip(units).enumerate() {
        let place = place.within(&format!("unit {number}"));
        check_unit(&place, input, expected, Rules::default());
        let unit = Unit::read(&place.id, input);
        all.calendar += unit.calendar;
        all.elements += &unit.elements;
        all.output += &unit.output;
        all.downtimes.extend(unit.downtimes);
    }
    // The PBT of an aggregate is the effective one.
    let mut wanted = expected["aggregate"].clone();
    let fields = wanted.as_object_mut().unwrap();
    if let Some(pbt) = fields.remove("PBT") {
        fields.insert("PBT_effective".to_owned(), pbt);
    }
    check_fields(&place.within("aggregate"), &all, &wanted, Rules::default());
}

fn check_counter(place: &Place, input: &Value, expected: &Value) {
    let keys = [
        "samples",
        "modulus",
        "max_rate_per_s",
        "backstep_tolerance",
        "slack",
    ];
    check_keys(&place.id, input, &keys);
    let known = |key: &String| !key.starts_with("WRONG_");
    for key in expected.as_object().unwrap().keys().filter(|k| known(k)) {
        let is_known = ["total", "events"].contains(&key.as_str());
        assert!(is_known, "{}: unknown field `{key}`", place.id);
    }
    let optional = |key: &str| input.get(key).filter(|v| !v.is_null()).map(number);
    let rules = CounterRules::new(number(&input["max_rate_per_s"]), optional("modulus"));
    let mut counter = Counter::new(CounterRules {
        backstep_max: optional("backstep_tolerance").unwrap_or(rules.backstep_max),
        slack: optional("slack").unwrap_or(rules.slack),
        ..rules
    })
    .unwrap();
    let (mut total, mut events) = (0.0, Vec::new());
    for sample in list(&input["samples"]) {
        let is_good = sample[2] == "good" && !sample[1].is_null();
        let step = counter.step(&Reading {
            at: at(&sample[0]),
            value: sample[1].as_f64().unwrap_or(f64::NAN),
            quality: if is_good {
                Quality::Good
            } else {
                Quality::Bad(Reason::Unspecified)
            },
        });
        total += step.counted.map_or(0.0, |counted| counted.pieces);
        events.extend(step.event.map(|event| (number(&sample[0]), event.as_str())));
    }
    let wanted: Vec<(f64, &str)> = list(&expected["events"])
        .iter()
        .map(|event| (number(&event[0]), event[1].as_str().unwrap()))
        .collect();
    assert_eq!(events, wanted, "{}: events", place.id);
    place.check("total", Some(total), &expected["total"]);
    for (field, wrong) in expected.as_object().unwrap() {
        if field.starts_with("WRONG_") {
            place.check_wrong(field, &[Some(total)], wrong);
        }
    }
}

fn check_reliability(place: &Place, input: &Value, expected: &Value) {
    check_keys(
        &place.id,
        input,
        &["window", "operating_seconds", "failures"],
    );
    let failures: Vec<Failure> = list(&input["failures"])
        .iter()
        .map(|failure| Failure {
            down: at(&failure[0]),
            restored: (!failure[1].is_null()).then(|| at(&failure[1])),
        })
        .collect();
    let operating = Duration::from_secs_f64(number(&input["operating_seconds"]));
    let got = reliability(span(&input["window"]), operating, &failures);
    for (field, value) in expected.as_object().unwrap() {
        match field.as_str() {
            "failures" => assert_eq!(got.failures, count(value), "{}: failures", place.id),
            "MTBF_s" => place.check(field, got.mtbf_s, value),
            "MTTR_s" => place.check(field, got.mttr_s, value),
            "inherent_availability" => place.check(field, got.inherent_availability, value),
            _ if field.starts_with("WRONG_") => {
                let all = [got.mtbf_s, got.mttr_s, got.inherent_availability];
                place.check_wrong(field, &all, value);
            }
            unknown => panic!("{}: unknown field `{unknown}`", place.id),
        }
    }
}

fn check_yield(place: &Place, input: &Value, expected: &Value) {
    check_keys(
        &place.id,
        input,
        &["steps", "defects", "opportunities_per_unit", "units"],
    );
    let steps: Vec<StepCount> = list(&input["steps"])
        .iter()
        .map(|step| StepCount {
            step: step["step"].as_str().unwrap().to_owned(),
            input: number(&step["input"]),
            scrap: number(&step["scrap"]),
            rework: number(&step["rework"]),
        })
        .collect();
    let route = route_yield(&steps);
    let numbers: BTreeMap<&str, f64> = ["defects", "units", "opportunities_per_unit"]
        .into_iter()
        .filter_map(|key| Some((key, number(input.get(key)?))))
        .collect();
    let (defects, units) = (|| numbers["defects"], || numbers["units"]);
    for (field, value) in expected.as_object().unwrap() {
        let got = match field.as_str() {
            "fpy" => {
                let wanted = list(value);
                assert_eq!(route.fpy.len(), wanted.len(), "{}: steps", place.id);
                for (got, wanted) in route.fpy.iter().zip(wanted) {
                    place.check(field, *got, wanted);
                }
                continue;
            }
            "rty" => route.rolled,
            "final_yield" => route.last,
            "normalized_yield" => route.normalized,
            "dpu" => dpu(defects(), units()),
            "dpmo" => dpmo(defects(), units(), numbers["opportunities_per_unit"]),
            _ if field.starts_with("WRONG_") => {
                let all = [route.rolled, route.last, route.normalized];
                place.check_wrong(field, &all, value);
                continue;
            }
            unknown => panic!("{}: unknown field `{unknown}`", place.id),
        };
        place.check(field, got, value);
    }
}
