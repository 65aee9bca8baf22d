//! Control charts, run rules and capability against computed cases.
//!
//! Each case goes through the public functions of `andon::quality`; every field of `expected` is compared, an unknown one
//! fails.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use andon::quality::capability::{
    Capability, CapabilityInput, ControlState, Indices, Specification, WithinSigma, capability,
};
use andon::quality::charts::{
    Chart, ChartKind, Count, CusumLimits, CusumScale, EwmaLimits, Limits, Panel, Series, Statistic,
    Subgroup, WeightedDesign,
};
use andon::quality::rules::{Rule, RuleSet, completing_points};

/// Checks every case of `spc/spc_cases.json`; the number of cases, `None` where the file is absent.
pub(crate) fn check(dir: &Path) -> Option<usize> {
    let text = fs::read_to_string(dir.join("spc/spc_cases.json")).ok()?;
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["schema"], 1, "unknown layout");
    let tolerance = Tolerance::of(&file["tolerance"]);
    let mut checked = 0;
    for case in list(&file["cases"]) {
        let id = case["id"].as_str().unwrap();
        let got = answer(id, case);
        for (field, expected) in case["expected"].as_object().unwrap() {
            let got = got
                .get(field)
                .unwrap_or_else(|| panic!("{id}: unknown field {field}"));
            tolerance.compare(&format!("{id}.{field}"), field, got, expected);
        }
        checked += 1;
    }
    for case in list(&file["rule_cases"]) {
        check_rules(case);
        checked += 1;
    }
    assert!(checked > 0, "no case was checked");
    Some(checked)
}

struct Tolerance {
    rel: f64,
    abs: f64,
    rel_d3: f64,
    d3_fields: Vec<String>,
}

impl Tolerance {
    fn of(value: &Value) -> Self {
        let fields = list(&value["d3_fields"]).iter();
        Self {
            rel: number(&value["rel"]),
            abs: number(&value["abs"]),
            rel_d3: number(&value["rel_d3"]),
            d3_fields: fields
                .map(|field| field.as_str().unwrap().to_owned())
                .collect(),
        }
    }

    fn compare(&self, place: &str, field: &str, got: &Value, expected: &Value) {
        let rel = if self.d3_fields.iter().any(|d3| d3 == field) {
            self.rel_d3
        } else {
            self.rel
        };
        match (got, expected) {
            (Value::Number(a), Value::Number(b)) if a.is_f64() => {
                let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
                assert!(
                    (a - b).abs() <= self.abs.max(rel * b.abs()),
                    "{place}: got {a}, expected {b}"
                );
            }
            (Value::Array(a), Value::Array(b)) => {
                assert_eq!(a.len(), b.len(), "{place}: got {got}, expected {expected}");
                for (index, (a, b)) in a.iter().zip(b).enumerate() {
                    self.compare(&format!("{place}[{index}]"), field, a, b);
                }
            }
            (Value::Object(a), Value::Object(b)) => {
                for (key, b) in b {
                    let a = a
                        .get(key)
                        .unwrap_or_else(|| panic!("{place}: unknown field {key}"));
                    self.compare(&format!("{place}.{key}"), field, a, b);
                }
            }
            // Indices, counts, names and null.
            _ => {
                let same = got == expected || (got.is_u64() && got.as_f64() == expected.as_f64());
                assert!(same, "{place}: got {got}, expected {expected}");
            }
        }
    }
}

type Answer = BTreeMap<String, Value>;

fn answer(id: &str, case: &Value) -> Answer {
    let input = &case["input"];
    let kind = case["kind"].as_str().unwrap();
    let fields = match kind {
        "xbar_r" | "xbar_s" => subgroup_chart(kind, input),
        "i_mr" => individuals(input),
        "c" | "u" | "p" | "np" => counts(kind, input),
        "ewma" => ewma(input),
        "cusum" => cusum(input),
        "capability" => capability_fields(input),
        other => panic!("{id}: unknown kind {other}"),
    };
    let mut answer: Answer = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    answer.insert("chart".to_owned(), json!(kind));
    answer
}

type Fields = Vec<(&'static str, Value)>;

fn subgroup_chart(kind: &str, input: &Value) -> Fields {
    let phase1 = Series::Measured(groups(&input["phase1"]));
    let phase2 = Series::Measured(groups(input.get("phase2").unwrap_or(&Value::Null)));
    let chart_kind = ChartKind::parse(kind).unwrap();
    let limits = Limits::fit(chart_kind, &phase1, &WeightedDesign::default()).unwrap();
    let all = phase1.followed_by(&phase2).unwrap();
    let Series::Measured(drawn) = &all else {
        panic!("counts among subgroups");
    };
    let sizes: Vec<f64> = drawn
        .iter()
        .map(|group| group.readings.len() as f64)
        .collect();
    let chart = limits.draw(&all, &RuleSet::new(&Rule::RUN_RULES)).unwrap();
    let (Limits::XbarR(fitted) | Limits::XbarS(fitted)) = limits else {
        panic!("another chart: {limits:?}");
    };
    let means = panel(&chart, Statistic::Mean);
    let (xbar_ucl, xbar_lcl) = limit_lists(means, &sizes);
    let mut fields = vec![
        ("center", json!(fitted.center)),
        ("n", json!(fitted.n)),
        ("k", json!(fitted.k)),
        ("sigma_within", json!(fitted.sigma_within)),
        ("pooled_sigma", json!(fitted.pooled_sigma)),
        ("xbar_ucl", xbar_ucl),
        ("xbar_lcl", xbar_lcl),
        ("nelson_xbar", rules_of(means)),
    ];
    if kind == "xbar_r" {
        let ranges = panel(&chart, Statistic::Range);
        let (ucl, lcl) = limit_lists(ranges, &sizes);
        fields.extend([
            ("rbar", json!(fitted.mean_range)),
            ("r_ucl", ucl),
            ("r_lcl", lcl),
            ("r_beyond", json!(ranges.signals_of(Rule::Nelson1))),
        ]);
    } else {
        let deviations = panel(&chart, Statistic::Deviation);
        let (ucl, lcl) = limit_lists(deviations, &sizes);
        fields.extend([
            ("sbar", json!(fitted.mean_deviation)),
            ("s_ucl", ucl),
            ("s_lcl", lcl),
            ("s_beyond", json!(deviations.signals_of(Rule::Nelson1))),
        ]);
    }
    fields
}

fn individuals(input: &Value) -> Fields {
    let values: Vec<Option<f64>> = list(&input["values"]).iter().map(Value::as_f64).collect();
    let series = Series::individuals(&values);
    let limits = Limits::fit(
        ChartKind::IndividualsMr,
        &series,
        &WeightedDesign::default(),
    )
    .unwrap();
    let chart = limits
        .draw(&series, &RuleSet::new(&Rule::RUN_RULES))
        .unwrap();
    let Limits::IndividualsMr(fitted) = limits else {
        panic!("another chart: {limits:?}");
    };
    let (readings, ranges) = (
        panel(&chart, Statistic::Individual),
        panel(&chart, Statistic::MovingRange),
    );
    let sizes = vec![1.0; values.len()];
    let (i_ucl, i_lcl) = limit_lists(readings, &sizes);
    let (mr_ucl, mr_lcl) = limit_lists(ranges, &sizes);
    vec![
        ("center", json!(fitted.center)),
        ("k", json!(fitted.k)),
        ("mrbar", json!(fitted.mean_moving_range)),
        ("sigma_within", json!(fitted.sigma_within)),
        ("i_ucl", i_ucl),
        ("i_lcl", i_lcl),
        ("mr_ucl", mr_ucl),
        ("mr_lcl", mr_lcl),
        ("mr_beyond", json!(ranges.signals_of(Rule::Nelson1))),
        ("nelson_i", rules_of(readings)),
    ]
}

/// A count, however its number is written.
fn whole(count: f64) -> u64 {
    let text = format!("{count:.0}");
    let whole = text
        .parse()
        .unwrap_or_else(|_| panic!("{count} is no count"));
    assert!((count.fract()).abs() < f64::EPSILON, "{count} is no count");
    whole
}

fn counts(kind: &str, input: &Value) -> Fields {
    let (events, sizes) = match kind {
        "c" => (&input["values"], None),
        "u" => (&input["defects"], Some(&input["units"])),
        _ => (&input["nonconforming"], Some(&input["sizes"])),
    };
    let events: Vec<u64> = list(events)
        .iter()
        .map(|count| whole(number(count)))
        .collect();
    let sizes = sizes.map_or_else(|| vec![1.0; events.len()], numbers);
    assert_eq!(events.len(), sizes.len(), "a size for each count");
    let pairs = events.iter().zip(&sizes);
    let series = Series::Counted(
        pairs
            .map(|(events, size)| Count::new(*events, *size))
            .collect(),
    );
    let chart_kind = ChartKind::parse(kind).unwrap();
    let limits = Limits::fit(chart_kind, &series, &WeightedDesign::default()).unwrap();
    let chart = limits
        .draw(&series, &RuleSet::default_for(Statistic::Count))
        .unwrap();
    let only = &chart.panels[0];
    let (ucl, lcl) = limit_lists(only, &sizes);
    vec![
        ("center", json!(only.points[0].center)),
        ("ucl", ucl),
        ("lcl", lcl),
        ("beyond", json!(only.signals_of(Rule::Nelson1))),
    ]
}

fn ewma(input: &Value) -> Fields {
    let limits = EwmaLimits {
        target: number(&input["target"]),
        sigma: number(&input["sigma"]),
        lambda: number(&input["lambda"]),
        limit_l: number(&input["L"]),
        exact: match input["limits"].as_str().unwrap() {
            "exact" => true,
            "asymptotic" => false,
            other => panic!("unknown limits {other}"),
        },
    };
    let panel = limits.checked().unwrap().panel(&values_or_subgroups(input));
    let every = |of: &dyn Fn(usize) -> Option<f64>| {
        json!((0..panel.points.len()).map(of).collect::<Vec<_>>())
    };
    vec![
        ("center", json!(limits.target)),
        ("target", json!(limits.target)),
        ("sigma", json!(limits.sigma)),
        ("lambda_", json!(limits.lambda)),
        ("L", json!(limits.limit_l)),
        ("n", input["n"].clone()),
        ("z", every(&|index| panel.points[index].value)),
        ("ucl", every(&|index| panel.points[index].ucl)),
        ("lcl", every(&|index| panel.points[index].lcl)),
        ("beyond", json!(panel.signals_of(Rule::Ewma))),
    ]
}

fn cusum(input: &Value) -> Fields {
    let n = usize::try_from(whole(number(&input["n"]))).unwrap();
    let limits = CusumLimits {
        target: number(&input["target"]),
        sigma: number(&input["sigma"]),
        k: number(&input["k"]),
        h: number(&input["h"]),
        scale: match input["units"].as_str().unwrap() {
            "data" => CusumScale::Data { n },
            "standard_error" => CusumScale::StandardError,
            other => panic!("unknown units {other}"),
        },
        reset_after_signal: false,
    };
    let groups = values_or_subgroups(input);
    let limits = limits.checked().unwrap();
    let run = limits.run(&groups);
    let panels = limits.panels(&groups);
    vec![
        ("center", json!(limits.shown_target())),
        ("target", json!(limits.shown_target())),
        ("K", json!(limits.allowance())),
        ("H", json!(limits.decision_interval())),
        ("c_plus", json!(run.high)),
        ("c_minus", json!(run.low)),
        ("signal_plus", json!(panels[0].signals_of(Rule::Cusum))),
        ("signal_minus", json!(panels[1].signals_of(Rule::Cusum))),
    ]
}

fn capability_fields(input: &Value) -> Fields {
    let groups = values_or_subgroups(input);
    let values: Vec<f64> = groups
        .iter()
        .flat_map(|group| group.readings.clone())
        .collect();
    let (lsl, usl, target) = (
        input["lsl"].as_f64(),
        input["usl"].as_f64(),
        input["target"].as_f64(),
    );
    let answer = capability(&CapabilityInput {
        values: &values,
        specification: Specification::new(lsl, usl, target).unwrap(),
        within: within(&input["within"], &groups),
        confidence: number(&input["confidence"]),
        control: ControlState::InControl,
    })
    .unwrap();
    let mut fields = overall_fields(&answer);
    fields.extend([
        ("lsl", json!(lsl)),
        ("usl", json!(usl)),
        ("target", json!(target)),
    ]);
    if let Some(within) = answer.within {
        fields.extend([
            ("sigma_within", json!(within.sigma)),
            ("df_within", json!(within.df)),
            ("Cp", json!(within.potential)),
            ("Cpu", json!(within.upper)),
            ("Cpl", json!(within.lower)),
            ("Cpk", json!(within.least)),
            ("Cp_ci", json!(within.potential_ci)),
            ("Cpk_ci", json!(within.least_ci)),
        ]);
    }
    fields
}

fn within(wanted: &Value, groups: &[Subgroup]) -> Option<WithinSigma> {
    let method = wanted
        .as_object()?
        .get("method")
        .and_then(Value::as_str)
        .unwrap();
    let (kind, method) = match method {
        "rbar_d2" => (ChartKind::XbarR, "rbar_d2"),
        "sbar_c4" => (ChartKind::XbarS, "sbar_c4"),
        "pooled" => (ChartKind::XbarS, "pooled"),
        "mrbar_d2" => (ChartKind::IndividualsMr, "mrbar_d2"),
        other => panic!("unknown within {other}"),
    };
    let series = Series::Measured(groups.to_vec());
    let limits = Limits::fit(kind, &series, &WeightedDesign::default()).unwrap();
    let own = match (&limits, method) {
        (Limits::XbarS(fitted), "pooled") => WithinSigma::pooled(fitted),
        _ => limits.within().unwrap(),
    };
    assert_eq!(own.method, method);
    // They are an input of the case; by ranges they are about 0.9 k (n - 1), in more than one way.
    let df = wanted["df"].as_f64().unwrap_or(own.df);
    Some(WithinSigma { df, ..own })
}

/// Indices that are withheld are none: null, as what has no limit on its side.
fn overall_fields(answer: &Capability) -> Fields {
    let index = |of: fn(&Indices) -> Value| answer.overall.as_ref().map_or(Value::Null, of);
    let count = |share: Option<f64>| share.map_or(Value::Null, |count| json!(count));
    vec![
        ("n", json!(answer.n)),
        ("mean", json!(answer.mean)),
        ("sigma_overall", json!(answer.sigma_overall)),
        ("Pp", index(|of| json!(of.potential))),
        ("Ppu", index(|of| json!(of.upper))),
        ("Ppl", index(|of| json!(of.lower))),
        ("Ppk", index(|of| json!(of.least))),
        ("Pp_ci", index(|of| json!(of.potential_ci))),
        ("Ppk_ci", index(|of| json!(of.least_ci))),
        ("Cpm", json!(answer.cpm)),
        ("exp_ppm_below", json!(answer.expected_ppm.below)),
        ("exp_ppm_above", json!(answer.expected_ppm.above)),
        ("obs_below", count(answer.observed.below)),
        ("obs_above", count(answer.observed.above)),
    ]
}

fn check_rules(case: &Value) {
    let id = case["id"].as_str().unwrap();
    let values = numbers(&case["values"]);
    let (center, sigma) = (number(&case["center"]), number(&case["sigma"]));
    let expected = case["expected"].as_object().unwrap();
    assert!(!expected.is_empty(), "{id}: nothing is expected");
    for (name, indices) in expected {
        let got = completing_points(&values, center, sigma, rule(name));
        assert_eq!(&json!(got), indices, "{id}: rule {name}");
    }
}

const RULE_NAMES: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "WE4"];

fn rule(name: &str) -> Rule {
    let place = RULE_NAMES.iter().position(|known| *known == name);
    Rule::RUN_RULES[place.unwrap_or_else(|| panic!("unknown rule {name}"))]
}

fn rules_of(panel: &Panel) -> Value {
    let of = |name: &&str| ((*name).to_owned(), json!(panel.signals_of(rule(name))));
    Value::Object(RULE_NAMES.iter().map(of).collect())
}

/// Upper and lower limits: one number each where all samples have one size, else lists.
fn limit_lists(panel: &Panel, sizes: &[f64]) -> (Value, Value) {
    let one_size = sizes.iter().all(|size| (size - sizes[0]).abs() <= 0.0);
    let list = |limits: Vec<Option<f64>>| {
        if one_size {
            json!(limits.first())
        } else {
            json!(limits)
        }
    };
    let upper = panel.points.iter().map(|point| point.ucl).collect();
    let lower = panel.points.iter().map(|point| point.lcl).collect();
    (list(upper), list(lower))
}

fn panel(chart: &Chart, statistic: Statistic) -> &Panel {
    chart.panel(statistic).unwrap()
}

fn values_or_subgroups(input: &Value) -> Vec<Subgroup> {
    match input.get("values") {
        Some(values) => numbers(values)
            .into_iter()
            .map(|value| Subgroup::new(&[value]))
            .collect(),
        None => groups(&input["subgroups"]),
    }
}

fn groups(value: &Value) -> Vec<Subgroup> {
    let lists = value.as_array().map_or(&[][..], Vec::as_slice);
    lists
        .iter()
        .map(|group| Subgroup::new(&numbers(group)))
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or_else(|| panic!("no list: {value}"), Vec::as_slice)
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}
