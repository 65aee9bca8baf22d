//! Defects by category: a row tells how many were found, and perhaps on what.

use super::row::Row;
use crate::analysis::stored::{DEFECTS, DefectsV1, event};
use crate::history::Event;
use crate::model::{Timestamp, whole};

/// Longest subject of an event, in bytes.
const SUBJECT_BYTES_MAX: usize = 512;
/// Most defects that one row may say: more is a slip of the pen.
const DEFECTS_MAX: f64 = 1e9;

/// Reads a row of defects.
pub(super) fn read(row: &Row<'_>) -> Result<Event, String> {
    let (found_at, made_ns) = (row.time("found_at")?, row.optional_time("made_at")?);
    if made_ns.is_some_and(|made| found_at.as_nanos() < made) {
        return Err("found_at is before made_at".to_owned());
    }
    let count = row.number("count")?;
    if count.fract() != 0.0 || !(0.0..=DEFECTS_MAX).contains(&count) {
        return Err(format!(
            "count = {count} is no number of defects; allowed: whole numbers, 0 takes back"
        ));
    }
    let defects = DefectsV1 {
        work_unit: row.work_unit()?,
        made_ns,
        product: row.optional("product"),
        order: row.optional("order"),
        unit: row.optional("unit"),
        category: defect_category(row)?,
        count: whole(count),
    };
    let subject = defects_subject(&defects)?;
    Ok(event(DEFECTS, found_at, subject, &defects))
}

/// The category of a defect; empty where it was not coded.
fn defect_category(row: &Row<'_>) -> Result<String, String> {
    let category = row.optional("category").filter(|category| category != "-");
    let Some(category) = category else {
        return Ok(String::new());
    };
    match &row.config.production.defects {
        Some(tree) if !tree.contains(&category) => Err(format!(
            "category = {category} is not the code of a [[defect]]{}",
            tree.near(&category)
        )),
        _ => Ok(category),
    }
}

/// What tells defects that were found at the same time apart.
fn defects_subject(defects: &DefectsV1) -> Result<String, String> {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let category = Some(&defects.category).filter(|category| !category.is_empty());
    let made = defects.made_ns.map(Timestamp::from_nanos);
    let parts = [
        defects.work_unit.clone(),
        or_dash(&category.cloned()),
        or_dash(&defects.product),
        or_dash(&defects.order),
        or_dash(&defects.unit),
        or_dash(&made.map(|made| made.to_string())),
    ];
    if parts.iter().any(|part| part.chars().any(char::is_control)) {
        return Err("a name holds a line break or another control character".to_owned());
    }
    // Names may hold blanks: a mark that none can hold keeps rows apart.
    let subject = parts.join("\t");
    if subject.len() > SUBJECT_BYTES_MAX {
        return Err(format!(
            "category, product, order and unit are {} bytes long together; allowed: up to {SUBJECT_BYTES_MAX}",
            subject.len()
        ));
    }
    Ok(subject)
}

#[cfg(test)]
mod tests {
    use super::super::read_intake;
    use super::*;
    use crate::analysis::stored::content;
    use crate::config::{Config, LocalFiles, parse};

    const PLANT: &str = r#"
[gateway]
id = "line1"
asset = "plant"
[calendar]
[[calendar.shift]]
name = "early"
start = "06:00"
end = "14:00"
[[work_unit]]
name = "press"
state = "press.state"
[[device]]
name = "press"
asset = "press"
driver = "modbus-tcp"
endpoint = "127.0.0.1:502"
[[device.tag]]
name = "state"
address = "holding:0"
type = "u16"
"#;

    const TREE: &str = r#"
[[defect]]
code = "surface"
[[defect]]
code = "scratch"
parent = "surface"
"#;

    fn config(more: &str) -> Config {
        parse(&format!("{PLANT}{more}"), "plant.toml", &LocalFiles).unwrap()
    }

    /// Reads one row below a header of all columns.
    fn row(cells: &str, more: &str) -> Result<Event, String> {
        let table =
            format!("found_at,machine,category,count,made_at,product,order,unit\n{cells}\n");
        let mut intake = read_intake(table.as_bytes(), &config(more)).unwrap();
        if intake.table != "defects" {
            return Err(format!("taken for {}", intake.table));
        }
        match intake.faults.pop() {
            Some(fault) => Err(fault.what),
            None => Ok(intake.events.remove(0)),
        }
    }

    #[track_caller]
    fn check(cells: &str, expected: &DefectsV1) {
        let event = row(cells, TREE).unwrap();
        assert_eq!(
            (event.kind, content(&event)),
            (DEFECTS, Some(expected.clone()))
        );
    }

    #[track_caller]
    fn check_refused(cells: &str, expected: &str) {
        let refused = row(cells, TREE).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }

    const FOUND: &str = "2026-05-06T09:00:00Z";

    #[test]
    fn a_row_says_what_was_found_and_perhaps_on_what() {
        let plain = DefectsV1 {
            work_unit: "press".to_owned(),
            made_ns: None,
            product: None,
            order: None,
            unit: None,
            category: "scratch".to_owned(),
            count: 3,
        };
        check(&format!("{FOUND},press,scratch,3"), &plain);
        // 2026-05-05T08:00:00Z.
        let made_ns = Some(1_777_968_000_000_000_000);
        let full = DefectsV1 {
            made_ns,
            product: Some("A".to_owned()),
            order: Some("4711".to_owned()),
            unit: Some("lot 9".to_owned()),
            ..plain.clone()
        };
        let cells = format!("{FOUND},press,scratch,3,2026-05-05T08:00:00Z,A,4711,lot 9");
        check(&cells, &full);
        let uncoded = DefectsV1 {
            category: String::new(),
            ..plain
        };
        check(&format!("{FOUND},press,,3"), &uncoded);
        check(&format!("{FOUND},press,-,3"), &uncoded);
    }

    #[test]
    fn a_row_is_known_by_everything_but_its_count() {
        let id = |cells: &str| {
            let event = row(&format!("{FOUND},press,{cells}"), "").unwrap();
            (event.time, event.subject)
        };
        let cells = "scratch,3,2026-05-05T08:00:00Z,A,4711,9";
        assert_eq!(id(cells), id("scratch,0,2026-05-05T08:00:00Z,A,4711,9"));
        for other in [
            "dent,3,2026-05-05T08:00:00Z,A,4711,9",
            "scratch,3,2026-05-05T08:00:01Z,A,4711,9",
            "scratch,3,,A,4711,9",
            "scratch,3,2026-05-05T08:00:00Z,B,4711,9",
            "scratch,3,2026-05-05T08:00:00Z,A,4712,9",
            "scratch,3,2026-05-05T08:00:00Z,A 4711,,9",
            "scratch,3,2026-05-05T08:00:00Z,A,4711,10",
        ] {
            assert_ne!(id(cells), id(other), "{other}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_is_refused_in_words() {
        for (cells, expected) in [
            (
                "press,scrach,3",
                "category = scrach is not the code of a [[defect]] (did you mean \"scratch\"?)",
            ),
            (
                "press,scratch,2.5",
                "count = 2.5 is no number of defects; allowed: whole numbers",
            ),
            ("press,scratch,-1", "count = -1 is no number of defects"),
            ("press,scratch,", "count is empty"),
            (
                "pres,scratch,3",
                "work_unit = pres is none of the configuration",
            ),
            (
                "press,scratch,3,2026-05-07T08:00:00Z",
                "found_at is before made_at",
            ),
            ("press,scratch,3,soon", "made_at = soon is no time"),
        ] {
            check_refused(&format!("{FOUND},{cells}"), expected);
        }
        let long = "x".repeat(500);
        check_refused(
            &format!("{FOUND},press,scratch,3,,A,4711,{long}"),
            "allowed: up to 512",
        );
        check_refused(
            &format!("{FOUND},press,scratch,3,,\"A\nB\""),
            "control character",
        );
    }

    #[test]
    fn without_a_tree_any_text_is_a_category() {
        let event = row(&format!("{FOUND},press,surface/odd,1"), "").unwrap();
        let said: DefectsV1 = content(&event).unwrap();
        assert_eq!(said.category, "surface/odd");
    }
}
