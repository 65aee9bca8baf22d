use super::*;

/// The smallest plan.
const SMALL: &str = r#"
[[shift]]
name = "day"
start = "06:00"
end = "18:00"

[[product]]
name = "P"
cycle = "10s"

[[machine]]
name = "m"
products = ["P"]
"#;

#[track_caller]
fn check_fault(text: &str, expected: &[&str]) {
    let Err(ScenarioError::Faults(faults)) = Plan::parse("plan.toml", text) else {
        panic!("the plan is accepted:\n{text}");
    };
    let fits = faults
        .iter()
        .zip(expected)
        .all(|(fault, start)| fault.starts_with(start));
    assert!(fits && faults.len() == expected.len(), "{faults:#?}");
}

/// Checks the fault of one more line in front of or below the smallest plan; the line is number 1 or 16.
#[track_caller]
fn check_first(line: &str, expected: &str) {
    check_fault(
        &format!("{line}{SMALL}"),
        &[&format!("plan.toml:1:{expected}")],
    );
}

#[track_caller]
fn check_last(lines: &str, expected: &str) {
    check_fault(
        &format!("{SMALL}{lines}"),
        &[&format!("plan.toml:{expected}")],
    );
}

#[test]
fn a_plan_needs_a_shift_a_product_and_a_machine() {
    assert!(Plan::parse("plan.toml", SMALL).is_ok());
    check_fault(
        "",
        &[
            "plan.toml:1:1: at least one [[machine]] is needed",
            "plan.toml:1:1: at least one [[product]] is needed",
            "plan.toml:1:1: at least one [[shift]] is needed",
        ],
    );
}

#[test]
fn syntax_and_unknown_keys_have_a_place() {
    check_fault("seed = ", &["plan.toml:1:"]);
    check_first("sede = 1", "1: unknown field `sede`");
    check_first("seed = \"x\"", "8: invalid type");
    check_last("colour = 1\n", "14:1: unknown field `colour`");
}

#[test]
fn values_say_what_is_allowed() {
    check_first("sample = \"7s\"", "10: sample must divide a minute");
    check_first(
        "sample = \"0s\"",
        "10: sample = \"0s\" is no duration of 1 s to 30 days",
    );
    check_first(
        "microstop = \"5s\"",
        "13: microstop must be at least two samples",
    );
    check_first("microstop = \"5\"", "13: microstop = \"5\" is no duration");
    check_first(
        "time_zone = \"Mars\"",
        "13: time_zone = \"Mars\" is unknown; write an IANA name",
    );
    check_last(
        "kind = \"opc\"\n",
        "14:8: machine.kind = \"opc\" is unknown; allowed: packml, plain",
    );
    check_last(
        "counter = \"u8\"\n",
        "14:11: machine.counter = \"u8\" is unknown; allowed: u16, u32",
    );
    check_last(
        "mtbf = \"1y\"\n",
        "14:8: machine.mtbf = \"1y\" is no duration",
    );
    check_last(
        "scrap_percent = nan\n",
        "14:17: machine.scrap_percent = NaN is outside 0 to 90",
    );
    check_last(
        "measure_every = 2000000\n",
        "14:17: machine.measure_every = 2000000 is outside 0 to 1000000",
    );
    check_last(
        "shifts = [\"late\"]\n",
        "14:11: machine.shifts = \"late\" is unknown; allowed: day",
    );
    check_last(
        "temp = { sigma = -1.0 }\n",
        "14:18: machine.temp.sigma = -1 is outside 0 to 100",
    );
    check_last(
        "[orders]\nhours_min = 5.0\nhours_max = 2.0\n",
        "16:13: orders.hours_max = 2 is below hours_min = 5",
    );
    check_last(
        "[late_scrap]\ndays_min = 5.0\ndays_max = 2.0\n",
        "16:12: late_scrap.days_max = 2 is below days_min = 5",
    );
    check_last(
        "[reasons]\nexternal = [\"a/b/c/d\"]\n",
        "15:13: reason \"a/b/c/d\" is no path",
    );
}

#[test]
fn names_are_known_and_used_once() {
    check_last(
        "[[machine]]\nname = \"m\"\nproducts = [\"P\"]\n",
        "15:8: machine name \"m\" is used twice",
    );
    check_last(
        "[[machine]]\nname = \"m 2\"\nproducts = [\"P\"]\n",
        "15:8: machine name \"m 2\" must be 1 to 48 of",
    );
    check_last(
        "[[machine]]\nname = \"n\"\nproducts = []\n",
        "16:12: machine.products must name at least one product",
    );
    check_last(
        "[[effect]]\nlabel = \"x\"\ncrew = \"A\"\n",
        "16:8: effect.crew = \"A\" is unknown; allowed: nothing",
    );
    check_last(
        "[[effect]]\nlabel = \"x\"\ncycle_percent = 600.0\n",
        "16:17: effect.cycle_percent = 600 is outside -50 to 500",
    );
    check_last(
        "[[break]]\nshift = \"day\"\nstart = \"25:00\"\nfor = \"10m\"\n",
        "16:9: break.start = \"25:00\" is no time of day",
    );
    check_last(
        "[[break]]\nshift = \"day\"\nstart = \"09:00\"\nfor = \"90s\"\n",
        "17:7: break.for = \"90s\" must be whole minutes",
    );
    check_last(
        "[[closed]]\ndate = \"tomorrow\"\n",
        "15:8: closed.date = \"tomorrow\" is no date",
    );
    check_last(
        "[[maintenance]]\nday = \"someday\"\nstart = \"09:00\"\nfor = \"1h\"\n",
        "15:7: maintenance.day = \"someday\" is unknown; allowed: mon, tue",
    );
    check_last(
        "[[product]]\nname = \"Q\"\ncycle = \"2h\"\n",
        "16:9: product.cycle = \"2h\" is above 1h",
    );
    check_last(
        "[[product]]\nname = \"Q\"\ncycle = \"2s\"\nwidth = { nominal = 1.0, lsl = 2.0, usl = 3.0, sigma = 0.1 }\n",
        "17:21: product.width.nominal must lie between lsl and usl",
    );
    check_last(
        "[[product]]\nname = \"Q\"\ncycle = \"2s\"\nrevision = [{ from = \"2026-02-01\", cycle = \"3s\" }, { from = \"2026-01-01\", cycle = \"4s\" }]\n",
        "17:61: product.revision.from must be later",
    );
}

#[test]
fn shifts_do_not_overlap_and_stand_in_the_order_of_the_day() {
    let with = |shift: &str| format!("{SMALL}[[shift]]\nname = \"late\"\n{shift}\n");
    let overlap = "plan.toml:16:9: shift \"late\" overlaps another";
    check_fault(&with("start = \"17:59\"\nend = \"22:00\""), &[overlap]);
    check_fault(&with("start = \"18:00\"\nend = \"06:01\""), &[overlap]);
    check_fault(&with("start = \"05:00\"\nend = \"06:00\""), &[overlap]);
    assert!(Plan::parse("plan.toml", &with("start = \"18:00\"\nend = \"06:00\"")).is_ok());
}

#[test]
fn a_mix_weighs_products_by_name_and_days_are_those_of_the_week() {
    let shift = |line: &str| SMALL.replace("end = \"18:00\"", &format!("end = \"18:00\"\n{line}"));
    let plan = Plan::parse("plan.toml", &shift("mix = { P = 3.0 }\ndays = [\"mon\"]")).unwrap();
    let day = plan.shifts.first().unwrap();
    assert_eq!((day.mix.as_slice(), day.days.len()), (&[3.0][..], 1));
    check_fault(
        &shift("mix = { Q = 3.0 }"),
        &["plan.toml:6:9: shift.mix = \"Q\" is unknown; allowed: P"],
    );
    check_fault(
        &shift("mix = { P = -1.0 }"),
        &["plan.toml:6:13: shift.mix = -1 is outside 0 to 1000"],
    );
    check_fault(
        &shift("days = [\"any\"]"),
        &["plan.toml:6:9: shift.days = \"any\" is unknown"],
    );
}

#[test]
fn machines_are_at_most_64_and_stand_at_places_with_plain_names() {
    let one = |number| format!("[[machine]]\nname = \"n{number}\"\nproducts = [\"P\"]\n");
    let more = (0..64).map(one).collect::<Vec<String>>().concat();
    check_fault(
        &format!("{SMALL}{more}"),
        &["plan.toml:1:1: 65 of [[machine]] are too many; allowed: up to 64"],
    );
    check_last(
        "hall = \"hall 1\"\n",
        "14:8: machine.hall = \"hall 1\" must be 1 to 48 of",
    );
}

#[test]
fn a_shift_has_one_crew_at_a_time() {
    let rotation = |offset: u32, cycle: &str| {
        format!(
            "{SMALL}[[crew]]\nname = \"A\"\n[[crew]]\nname = \"B\"\n\
             [rotation]\nanchor = \"2026-01-01\"\noffset_days = {offset}\ncycle = {cycle}\n"
        )
    };
    assert!(Plan::parse("plan.toml", &rotation(1, "[\"day\", \"off\"]")).is_ok());
    check_fault(
        &rotation(0, "[\"day\"]"),
        &["plan.toml:21:9: on day 0 of rotation.cycle 2 crews work shift \"day\""],
    );
    check_fault(
        &rotation(1, "[]"),
        &["plan.toml:21:9: rotation.cycle must have 1 to 366 days"],
    );
    check_fault(
        &rotation(1, "[\"nap\", \"off\"]"),
        &["plan.toml:21:10: rotation.cycle (or \"off\") = \"nap\" is unknown"],
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Plan::load(Path::new("nowhere/plan.toml")).unwrap_err();
    assert_eq!(error.to_string(), "read scenario nowhere/plan.toml");
}

#[test]
fn faults_come_in_the_order_of_the_text() {
    let text = format!("sample = \"x\"\ntime_zone = \"y\"{SMALL}kind = \"z\"\n");
    check_fault(
        &text,
        &["plan.toml:1:10", "plan.toml:2:13", "plan.toml:15:8"],
    );
}
