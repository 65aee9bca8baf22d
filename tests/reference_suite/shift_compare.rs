//! Shift comparison against cases with known effects: `shift_compare/expected.json` and the tables beside it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case that does not fit fails the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use andon::compare::{
    Coefficient, ColumnKind, CompareError, Explained, Factor, Frame, Inference, Outcome,
    PairReport, Report, Request, Verdict, compare, studentized_range_cdf,
};
use serde_json::{Map, Value};

/// Checks every case below `dir/shift_compare`; `None` when the file is absent, else how many cases there were.
pub(crate) fn check(dir: &Path) -> Option<usize> {
    let dir = dir.join("shift_compare");
    let text = fs::read_to_string(dir.join("expected.json")).ok()?;
    let file: Value = serde_json::from_str(&text).expect("expected.json is JSON");
    let limits = Limits::new(&file["tolerance"]);
    let cases = file["cases"].as_array().expect("cases are a list");
    let mut checked = 0;
    for case in cases {
        let name = text_of(case, "file");
        if !dir.join(name).exists() {
            continue;
        }
        Case::new(case, &dir, &limits).check();
        checked += 1;
    }
    assert!(checked > 0, "shift_compare: no case was checked");
    Some(checked)
}

/// An allowed difference: the larger of an absolute and a relative one.
#[derive(Clone, Copy)]
struct Tolerance {
    abs: f64,
    rel: f64,
}

struct Limits {
    ols: Tolerance,
    glm: Tolerance,
    mixed: Tolerance,
    p: Tolerance,
    p_tukey: Tolerance,
}

impl Limits {
    fn new(file: &Value) -> Self {
        let of = |name: &str| Tolerance {
            abs: file[name]["abs"].as_f64().unwrap_or(0.0),
            rel: file[name]["rel"].as_f64().unwrap_or(0.0),
        };
        Self {
            ols: of("ols"),
            glm: of("glm"),
            mixed: of("mixed"),
            p: of("p"),
            p_tukey: of("p_tukey"),
        }
    }
}

struct Case<'a> {
    id: &'a str,
    value: &'a Map<String, Value>,
    limits: &'a Limits,
    report: Report,
}

impl<'a> Case<'a> {
    fn new(case: &'a Value, dir: &Path, limits: &'a Limits) -> Self {
        let id = text_of(case, "id");
        let report = run(case, dir).unwrap_or_else(|error| panic!("{id}: {error}"));
        let value = case.as_object().expect("a case is an object");
        Self {
            id,
            value,
            limits,
            report,
        }
    }

    fn check(&self) {
        match self.value["kind"].as_str() {
            Some("ols") => self.check_all(Self::ols_field),
            Some("binomial_logit") => self.check_all(Self::binomial_field),
            kind => panic!("{}: unknown kind {kind:?}", self.id),
        }
    }

    fn check_all(&self, field: fn(&Self, &str, &Value) -> bool) {
        for (key, expected) in self.value {
            let is_input = matches!(
                key.as_str(),
                "id" | "kind"
                    | "licence"
                    | "file"
                    | "outcome"
                    | "trials"
                    | "exposure"
                    | "group"
                    | "levels"
                    | "cluster"
                    | "random_effect"
                    | "context"
                    | "truth"
                    | "title"
                    | "notes"
                    | "true_crew_effects"
            );
            let known = is_input || self.common_field(key, expected) || field(self, key, expected);
            assert!(known, "{}: unknown key {key}", self.id);
        }
    }

    fn common_field(&self, key: &str, expected: &Value) -> bool {
        match key {
            "n" => self.near(
                "n",
                self.report.records.used as f64,
                expected,
                self.limits.ols,
            ),
            "n_by_shift" => {
                self.each_level(key, expected, self.limits.ols, |level| level.records as f64);
            }
            "verdict" => self.verdict(key, self.report.verdict, expected),
            "formula" => {
                if let Some(model) = &self.report.model {
                    // The outcome is written in one of two ways, the terms in one.
                    let terms =
                        |text: &str| text.split('~').nth(1).map(str::trim).map(str::to_owned);
                    let text = expected.as_str().expect("a formula is text");
                    assert_eq!(terms(&model.formula), terms(text), "{}: formula", self.id);
                }
            }
            _ => return false,
        }
        true
    }

    fn ols_field(&self, key: &str, expected: &Value) -> bool {
        let ols = self.limits.ols;
        let model = || {
            self.report
                .model
                .as_ref()
                .unwrap_or_else(|| panic!("{}: no model", self.id))
        };
        match key {
            "r2" => self.near(key, model().r2.unwrap(), expected, ols),
            "sigma" => self.near(key, model().sigma.unwrap(), expected, ols),
            "df_resid" => self.near(key, model().df_residual, expected, ols),
            "raw_means" => self.each_level(key, expected, ols, |level| level.raw.unwrap().estimate),
            "adjusted_means" => self.adjusted_means(expected),
            "coefficients" => self.coefficients(expected),
            "pairwise" => self.pairwise(expected),
            "oaxaca" => self.oaxaca(expected),
            "mixed_reml" => self.mixed(expected),
            "cluster_by_day_no_crew" => self.without_crew(expected),
            _ => return false,
        }
        true
    }

    fn binomial_field(&self, key: &str, expected: &Value) -> bool {
        let glm = self.limits.glm;
        match key {
            "raw_rate" => self.each_level(key, expected, glm, |level| level.raw.unwrap().estimate),
            "standardised_rate" => {
                self.each_level(key, expected, glm, |level| {
                    level.adjusted.as_ref().unwrap().estimate
                });
            }
            "pearson_dispersion" => {
                let model = self.report.model.as_ref().unwrap();
                self.near(key, model.dispersion.unwrap(), expected, glm);
            }
            "coef" => self.odds(expected),
            _ => return false,
        }
        true
    }

    fn near(&self, field: &str, got: f64, expected: &Value, limit: Tolerance) {
        let expected = expected
            .as_f64()
            .unwrap_or_else(|| panic!("{}: {field}: no number", self.id));
        let allowed = limit.abs.max(limit.rel * expected.abs());
        assert!(
            (got - expected).abs() <= allowed,
            "{}: {field}: got {got}, expected {expected} within {allowed}",
            self.id
        );
    }

    fn verdict(&self, field: &str, got: Verdict, expected: &Value) {
        let got = serde_json::to_value(got).unwrap();
        assert_eq!(&got, expected, "{}: {field}", self.id);
    }

    fn each_level(
        &self,
        field: &str,
        expected: &Value,
        limit: Tolerance,
        of: impl Fn(&andon::compare::LevelReport) -> f64,
    ) {
        for (name, expected) in object(expected) {
            let level = self.level(name);
            self.near(&format!("{field}.{name}"), of(level), expected, limit);
        }
    }

    fn level(&self, name: &str) -> &andon::compare::LevelReport {
        let mut levels = self.report.levels.iter();
        levels
            .find(|level| level.level == name)
            .unwrap_or_else(|| panic!("{}: no level {name}", self.id))
    }

    /// Checks every key of an object; `of` gives the value and its tolerance.
    fn fields(&self, place: &str, expected: &Value, of: impl Fn(&str) -> Option<(f64, Tolerance)>) {
        for (key, expected) in object(expected) {
            let field = format!("{place}.{key}");
            let (got, limit) =
                of(key).unwrap_or_else(|| panic!("{}: unknown key {field}", self.id));
            self.near(&field, got, expected, limit);
        }
    }

    fn adjusted_means(&self, expected: &Value) {
        let ols = self.limits.ols;
        for (name, expected) in object(expected) {
            let mean = self.level(name).adjusted.as_ref();
            let mean = mean.unwrap_or_else(|| panic!("{}: no adjusted mean of {name}", self.id));
            self.fields(&format!("adjusted_means.{name}"), expected, |key| {
                let got = match key {
                    "estimate" => mean.estimate,
                    "se_classical" => mean.se_classical,
                    "se_hc3" => mean.se_hc3,
                    _ => return None,
                };
                Some((got, ols))
            });
        }
    }

    fn coefficient(&self, term: &str) -> &Coefficient {
        let mut all = self.report.model.as_ref().unwrap().coefficients.iter();
        // The group column is always called `shift` in the terms of the file.
        let group = self.value["group"].as_str().unwrap();
        let own = term
            .strip_prefix("shift[")
            .map_or(term.to_owned(), |rest| format!("{group}[{rest}"));
        all.find(|one| one.term == own)
            .unwrap_or_else(|| panic!("{}: no coefficient {term}", self.id))
    }

    fn coefficients(&self, expected: &Value) {
        let ols = self.limits.ols;
        let count = self.report.model.as_ref().unwrap().coefficients.len();
        assert_eq!(
            count,
            object(expected).len(),
            "{}: number of coefficients",
            self.id
        );
        for (term, expected) in object(expected) {
            let one = self.coefficient(term);
            self.fields(&format!("coefficients.{term}"), expected, |key| match key {
                "b" => Some((one.b, ols)),
                "se" => Some((one.classical.se, ols)),
                "se_hc3" => Some((one.se_hc3, ols)),
                _ => None,
            });
        }
    }

    fn odds(&self, expected: &Value) {
        let glm = self.limits.glm;
        let count = self.report.model.as_ref().unwrap().coefficients.len();
        assert_eq!(
            count,
            object(expected).len(),
            "{}: number of coefficients",
            self.id
        );
        for (term, expected) in object(expected) {
            let one = self.coefficient(term);
            let (se, p) = self.errors(one, expected);
            self.fields(&format!("coef.{term}"), expected, |key| match key {
                "b" => Some((one.b, glm)),
                "se" => Some((se, glm)),
                "p" => Some((p, self.limits.p)),
                "odds_ratio" => Some((one.b.exp(), glm)),
                _ => None,
            });
        }
    }

    /// Standard error and p of a coefficient. Where counts scatter more than chance, the product widens the errors by the
    /// root of the dispersion and says so; a case may have been made without.
    fn errors(&self, one: &Coefficient, expected: &Value) -> (f64, f64) {
        let model = self.report.model.as_ref().unwrap();
        let (se, p) = (one.classical.se, one.classical.p);
        let wanted = expected["se"].as_f64().unwrap_or(se);
        let plain = se / model.dispersion.unwrap().sqrt();
        if model.method != "quasi-binomial logit" || (plain - wanted).abs() > (se - wanted).abs() {
            return (se, p);
        }
        // The range of two normal numbers is that of their difference.
        let range = std::f64::consts::SQRT_2 * (one.b / plain).abs();
        (plain, 1.0 - studentized_range_cdf(range, 2, None).unwrap())
    }

    fn pair(&self, expected: &Value) -> &PairReport {
        let (a, b) = (text_of(expected, "a"), text_of(expected, "b"));
        let mut pairs = self.report.pairs.iter();
        pairs
            .find(|pair| pair.a == a && pair.b == b)
            .unwrap_or_else(|| panic!("{}: no pair {a}, {b}", self.id))
    }

    fn pairwise(&self, expected: &Value) {
        let list = expected.as_array().expect("pairs are a list");
        assert_eq!(
            self.report.pairs.len(),
            list.len(),
            "{}: number of pairs",
            self.id
        );
        for expected in list {
            let pair = self.pair(expected);
            for (key, value) in object(expected) {
                let field = format!("pairwise.{}-{}.{key}", pair.a, pair.b);
                self.pair_field(pair, (key, &field), value);
            }
        }
    }

    fn pair_field(&self, pair: &PairReport, (key, field): (&str, &str), expected: &Value) {
        let estimate = || {
            pair.estimate
                .as_ref()
                .unwrap_or_else(|| panic!("{}: {field}: no estimate", self.id))
        };
        let classical = || &estimate().classical;
        let hc3 = || -> &Inference { &estimate().hc3.inference };
        let ols = self.limits.ols;
        match key {
            "a" | "b" => {}
            "verdict" => self.verdict(field, pair.verdict, expected),
            "diff_b_minus_a" => self.near(field, estimate().difference, expected, ols),
            "raw_diff" => self.near(field, pair.raw_difference.unwrap(), expected, ols),
            "se" => self.near(field, classical().inference.se, expected, ols),
            "t" => self.near(
                field,
                classical().inference.statistic.unwrap(),
                expected,
                ols,
            ),
            "p" => self.near(field, classical().inference.p, expected, self.limits.p),
            "p_tukey" => self.near(field, classical().p_tukey, expected, self.limits.p_tukey),
            "p_holm" => self.near(field, classical().p_holm, expected, self.limits.p),
            "se_hc3" => self.near(field, hc3().se, expected, ols),
            "p_hc3" => self.near(field, hc3().p, expected, self.limits.p),
            "ci95" => {
                self.near(field, classical().inference.low, &expected[0], ols);
                self.near(field, classical().inference.high, &expected[1], ols);
            }
            _ => panic!("{}: unknown key {field}", self.id),
        }
    }

    fn oaxaca(&self, expected: &Value) {
        for expected in expected.as_array().expect("decompositions are a list") {
            let (a, b) = (text_of(expected, "a"), text_of(expected, "b"));
            let mut all = self.report.decomposition.iter();
            let made = all.find(|made| made.a == a && made.b == b);
            let made = made.unwrap_or_else(|| panic!("{}: no decomposition {a}, {b}", self.id));
            for (key, value) in object(expected) {
                let field = format!("oaxaca.{a}-{b}.{key}");
                match key.as_str() {
                    "a" | "b" => {}
                    "gap" => self.near(&field, made.gap, value, self.limits.ols),
                    "coef_of_a" => self.explained(&field, made.coef_of_a.as_ref().unwrap(), value),
                    "coef_of_b" => self.explained(&field, made.coef_of_b.as_ref().unwrap(), value),
                    "pooled_with_shift_dummy" => self.explained(&field, &made.pooled, value),
                    _ => panic!("{}: unknown key {field}", self.id),
                }
            }
        }
    }

    fn explained(&self, place: &str, made: &Explained, expected: &Value) {
        let ols = self.limits.ols;
        for (key, value) in object(expected) {
            let field = format!("{place}.{key}");
            match key.as_str() {
                "explained" => {
                    assert_eq!(
                        made.parts.len(),
                        object(value).len(),
                        "{}: {field}",
                        self.id
                    );
                    self.fields(&field, value, |part| {
                        made.parts.get(part).map(|got| (*got, ols))
                    });
                }
                "explained_total" => self.near(&field, made.total, value, ols),
                "unexplained" => self.near(&field, made.unexplained, value, ols),
                _ => panic!("{}: unknown key {field}", self.id),
            }
        }
    }

    fn mixed(&self, expected: &Value) {
        let made = self.report.random_crew.as_ref();
        let made = made.unwrap_or_else(|| panic!("{}: no random crew effect", self.id));
        let first = made.effects.first().expect("there is an effect");
        let limit = self.limits.mixed;
        self.fields("mixed_reml", expected, |key| match key {
            "shift_effect" => Some((first.effect, limit)),
            "se" => Some((first.se, limit)),
            "crew_var" => Some((made.crew_variance, limit)),
            "resid_var" => Some((made.residual_variance, limit)),
            _ => None,
        });
    }

    fn without_crew(&self, expected: &Value) {
        let made = self.report.without_crew.as_ref();
        let made = made.unwrap_or_else(|| panic!("{}: no comparison without crews", self.id));
        let first = made.effects.first().expect("there is an effect");
        self.fields("cluster_by_day_no_crew", expected, |key| match key {
            "shift_effect" => Some((first.effect, self.limits.ols)),
            "se" => Some((first.se, self.limits.ols)),
            _ => None,
        });
    }
}

fn run(case: &Value, dir: &Path) -> Result<Report, CompareError> {
    let mut reader =
        csv::Reader::from_path(dir.join(text_of(case, "file"))).expect("the table opens");
    let header = reader.headers().expect("a header").clone();
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.expect("a row").iter().map(str::to_owned).collect())
        .collect();
    let kinds = kinds(case);
    let columns: Vec<(&str, ColumnKind)> = header
        .iter()
        .map(|name| (name, kinds.get(name).copied().unwrap_or(ColumnKind::Label)))
        .collect();
    compare(&request(case), &Frame::from_rows(&columns, &rows)?)
}

/// The columns that hold numbers.
fn kinds(case: &Value) -> BTreeMap<&str, ColumnKind> {
    let fixed = ["outcome", "trials", "exposure"]
        .into_iter()
        .filter_map(|key| case[key].as_str());
    let numeric = case["context"].as_array().into_iter().flatten();
    let numeric = numeric
        .filter(|factor| factor["kind"] == "numeric")
        .map(|factor| text_of(factor, "name"));
    fixed
        .chain(numeric)
        .map(|name| (name, ColumnKind::Number))
        .collect()
}

fn request(case: &Value) -> Request {
    let column = |key: &str| case[key].as_str().map(str::to_owned);
    let value = column("outcome").expect("an outcome");
    let outcome = match column("trials") {
        Some(trials) => Outcome::Proportion {
            count: value,
            trials,
        },
        None => Outcome::Rate {
            value,
            exposure: column("exposure"),
        },
    };
    let context = case["context"].as_array().expect("context is a list");
    let factor = |factor: &Value| {
        let name = text_of(factor, "name");
        let made = match factor["kind"].as_str() {
            Some("numeric") => Factor::numeric(name),
            Some("categorical") => Factor::categorical(name),
            kind => panic!("unknown kind of factor {kind:?}"),
        };
        match factor["oaxaca_group"].as_str() {
            Some(part) => made.explains(part),
            None => made,
        }
    };
    Request {
        levels: case["levels"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        context: context.iter().map(factor).collect(),
        crew: column("random_effect"),
        ..Request::new(outcome, text_of(case, "group"), text_of(case, "cluster"))
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no text `{key}` in {value}"))
}
