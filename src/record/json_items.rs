//! The items of a summary as JSON, straight into the text.
//!
//! They are nearly all that a gateway writes: 8.6 million in a day of a thousand tags. Numbers and texts still go
//! through `serde_json`, so that they look as they do everywhere else; what is saved is the way through its maps.

use serde::Serialize;

use super::SummaryItemV1;
use super::json::{JsonValue, QualityText, Shown, name_of};
use super::names::TagNames;

/// Appends `[…]`.
pub(super) fn append(out: &mut Vec<u8>, items: &[SummaryItemV1], names: &TagNames) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        append_item(out, item, names);
    }
    out.push(b']');
}

fn append_item(out: &mut Vec<u8>, item: &SummaryItemV1, names: &TagNames) {
    let (tag, unit) = name_of(names, item.tag);
    put(out, "{\"tag\":", &tag);
    put(out, ",\"unit\":", unit);
    put(out, ",\"good\":", &item.good);
    put(out, ",\"uncertain\":", &item.uncertain);
    put(out, ",\"bad\":", &item.bad);
    match &item.stats {
        Some(stats) => {
            put(out, ",\"mean\":", &stats.mean);
            put(out, ",\"min\":", &stats.min);
            put(out, ",\"max\":", &stats.max);
            put(out, ",\"std\":", &stats.std);
        }
        None => out.extend_from_slice(br#","mean":null,"min":null,"max":null,"std":null"#),
    }
    put(out, ",\"last\":", &JsonValue(&item.last));
    match item.last_quality {
        0 => out.extend_from_slice(br#","quality":"good""#),
        code => put(out, ",\"quality\":", &Shown(QualityText(code))),
    }
    out.push(b'}');
}

/// Appends a key, with what stands around it, and a value.
#[expect(
    clippy::expect_used,
    reason = "numbers and texts into a growing vector have no way to fail"
)]
#[inline]
fn put<T: Serialize + ?Sized>(out: &mut Vec<u8>, key: &str, value: &T) {
    out.extend_from_slice(key.as_bytes());
    serde_json::to_writer(out, value).expect("a value is valid JSON");
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::record::names::TagName;
    use crate::record::testing;

    /// An item as the maps of `serde_json` write it.
    #[derive(Serialize)]
    struct Written<'a> {
        tag: String,
        unit: &'a str,
        good: u32,
        uncertain: u32,
        bad: u32,
        mean: Option<f64>,
        min: Option<f64>,
        max: Option<f64>,
        std: Option<f64>,
        last: JsonValue<'a>,
        quality: String,
    }

    fn names() -> TagNames {
        let name = |name: &str, unit: &str| TagName {
            name: name.into(),
            unit: unit.into(),
        };
        TagNames::new([(1, name("press1.\"temp\"", "°C")), (2, name("saw", "\\"))])
    }

    fn written(item: &SummaryItemV1) -> String {
        let names = names();
        let name = names.get(item.tag);
        let written = Written {
            tag: name.map_or(format!("#{}", item.tag), |name| name.name.to_string()),
            unit: name.map_or("", |name| &name.unit),
            good: item.good,
            uncertain: item.uncertain,
            bad: item.bad,
            mean: item.stats.map(|stats| stats.mean),
            min: item.stats.map(|stats| stats.min),
            max: item.stats.map(|stats| stats.max),
            std: item.stats.map(|stats| stats.std),
            last: JsonValue(&item.last),
            quality: QualityText(item.last_quality).to_string(),
        };
        serde_json::to_string(&written).unwrap()
    }

    fn text(items: &[SummaryItemV1]) -> String {
        let mut out = Vec::new();
        append(&mut out, items, &names());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_items_are_an_empty_list() {
        assert_eq!(text(&[]), "[]");
    }

    proptest! {
        #[test]
        fn items_have_the_bytes_that_maps_would_have(mut items in vec(testing::item(), 0..5), tag in 0..4_u32) {
            for item in &mut items {
                item.tag = tag;
            }
            let written = items.iter().map(written);
            let expected = format!("[{}]", written.collect::<Vec<_>>().join(","));
            prop_assert_eq!(text(&items), expected);
        }
    }
}
