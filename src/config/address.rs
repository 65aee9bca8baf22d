//! Addresses of tags: Modbus tables in 0-based and 1-based form, OPC UA node ids.

use super::types::{ModbusAddress, ModbusTable};

const MODBUS_ALLOWED: &str = "allowed: \"holding:N\", \"input:N\", \"coil:N\", \"discrete:N\" with N from 0 to 65535, \
\"holding:N.BIT\", or 1-based \"400001\" to \"465536\"";

const OPCUA_ALLOWED: &str =
    "allowed: \"nsu=URI;s=NAME\" or \"ns=N;s=NAME\", with i=, s=, g= or b= for the identifier";

/// The tables by name.
const TABLES: [(&str, ModbusTable); 4] = [
    ("coil", ModbusTable::Coil),
    ("discrete", ModbusTable::Discrete),
    ("holding", ModbusTable::Holding),
    ("input", ModbusTable::Input),
];

/// Parses a Modbus address; the error says what is wrong and what is allowed.
pub(super) fn parse_modbus(text: &str) -> Result<ModbusAddress, String> {
    let wrong = |what: &str| format!("{what}; {MODBUS_ALLOWED}");
    if text.contains('!') {
        return Err("names a unit before `!`; the unit belongs to the device: unit = N".to_owned());
    }
    let (place, bit) = match text.split_once('.') {
        Some((place, bit)) => (place, Some(bit)),
        None => (text, None),
    };
    let (table, address) = match place.split_once(':') {
        Some((name, number)) => zero_based(name, number).map_err(|what| wrong(&what))?,
        None => one_based(place).ok_or_else(|| wrong("is not a Modbus address"))?,
    };
    let bit = match bit {
        None => None,
        Some(_) if matches!(table, ModbusTable::Coil | ModbusTable::Discrete) => {
            return Err("names a bit of a single bit; only registers have bits 0 to 15".to_owned());
        }
        Some(text) => {
            let bit = digits(text).and_then(|n| u8::try_from(n).ok());
            Some(
                bit.filter(|n| *n <= 15)
                    .ok_or("names a bit outside 0 to 15 (0 is the least significant)")?,
            )
        }
    };
    Ok(ModbusAddress {
        table,
        address,
        bit,
    })
}

/// The name of a table in addresses.
pub fn table_name(table: ModbusTable) -> &'static str {
    TABLES
        .iter()
        .find(|(_, t)| *t == table)
        .map_or("holding", |(name, _)| name)
}

fn zero_based(name: &str, number: &str) -> Result<(ModbusTable, u16), String> {
    let table = TABLES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, table)| *table)
        .ok_or_else(|| {
            let hint = super::nearest::did_you_mean(name, TABLES.map(|(known, _)| known));
            format!("names no Modbus table{hint}")
        })?;
    let address = digits(number)
        .and_then(|n| u16::try_from(n).ok())
        .ok_or("has an address outside 0 to 65535")?;
    Ok((table, address))
}

/// `40001` or `400001` style: the first digit is the table, the rest counts from 1.
fn one_based(text: &str) -> Option<(ModbusTable, u16)> {
    if !matches!(text.len(), 5 | 6) {
        return None;
    }
    let number = digits(text.get(1..)?)?;
    let table = match text.bytes().next()? {
        b'0' => ModbusTable::Coil,
        b'1' => ModbusTable::Discrete,
        b'3' => ModbusTable::Input,
        b'4' => ModbusTable::Holding,
        _ => return None,
    };
    let address = u16::try_from(number.checked_sub(1)?).ok()?;
    Some((table, address))
}

fn digits(text: &str) -> Option<u32> {
    let plain = (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Checks an OPC UA node id (OPC 10000-6, 5.3.1.10, with `nsu=` of 5.1.12); the error says what is wrong.
pub(super) fn check_opcua(text: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}; {OPCUA_ALLOWED}"));
    if text.len() > 4_096 || text.chars().any(char::is_control) {
        return wrong("is too long or holds control characters");
    }
    let identifier = match text.split_once(';') {
        Some((namespace, identifier)) if namespace.starts_with("ns=") => {
            let index = namespace.get(3..).and_then(digits);
            if index.is_none_or(|n| u16::try_from(n).is_err()) {
                return wrong("has a namespace index outside 0 to 65535");
            }
            identifier
        }
        Some((namespace, identifier)) if namespace.starts_with("nsu=") => {
            if namespace.len() == 4 {
                return wrong("has an empty namespace URI");
            }
            identifier
        }
        _ => text,
    };
    let Some((kind, value)) = identifier.split_once('=') else {
        return wrong("is not an OPC UA node id");
    };
    let fits = match kind {
        "i" => value.bytes().all(|b| b.is_ascii_digit()) && value.parse::<u32>().is_ok(),
        "s" => !value.is_empty(),
        "g" => is_guid(value),
        "b" => is_base64(value),
        _ => return wrong("is not an OPC UA node id"),
    };
    if fits {
        Ok(())
    } else {
        wrong(match kind {
            "i" => "has an identifier i= outside 0 to 4294967295",
            "s" => "has an empty identifier",
            "g" => "has an identifier g= that is not a GUID",
            _ => "has an identifier b= that is not base64",
        })
    }
}

fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && text.len() - body.len() <= 2
        && text.len().is_multiple_of(4)
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ModbusTable::{Coil, Discrete, Holding, Input};
    use proptest::prelude::*;

    #[track_caller]
    fn modbus(text: &str, expected: Option<(ModbusTable, u16, Option<u8>)>) {
        let expected = expected.map(|(table, address, bit)| ModbusAddress {
            table,
            address,
            bit,
        });
        assert_eq!(parse_modbus(text).ok(), expected, "{text:?}");
    }

    #[test]
    fn modbus_addresses_are_zero_based_with_a_name_and_one_based_without() {
        modbus("holding:0", Some((Holding, 0, None)));
        modbus("holding:100", Some((Holding, 100, None)));
        modbus("input:65535", Some((Input, 65_535, None)));
        modbus("coil:3", Some((Coil, 3, None)));
        modbus("discrete:3", Some((Discrete, 3, None)));
        modbus("holding:100.5", Some((Holding, 100, Some(5))));
        modbus("400101", Some((Holding, 100, None)));
        modbus("40101", Some((Holding, 100, None)));
        modbus("40101.15", Some((Holding, 100, Some(15))));
        modbus("465536", Some((Holding, 65_535, None)));
        modbus("300001", Some((Input, 0, None)));
        modbus("10001", Some((Discrete, 0, None)));
        modbus("00001", Some((Coil, 0, None)));
    }

    #[test]
    fn wrong_modbus_addresses_are_refused() {
        for text in [
            "",
            "100",
            "400000",
            "465537",
            "500001",
            "holding:",
            "holding:65536",
            "holding:-1",
            "holding:+1",
            "register:5",
            "holding:1.16",
            "holding:1.",
            "coil:3.1",
            "1!400001",
            "holding:1.5.2",
            "４００００１",
            "4000011",
        ] {
            modbus(text, None);
        }
        assert!(
            parse_modbus("holdng:5")
                .unwrap_err()
                .contains("\"holding\"")
        );
        assert!(parse_modbus("1!400001").unwrap_err().contains("unit = N"));
    }

    #[track_caller]
    fn node(text: &str, accepted: bool) {
        assert_eq!(check_opcua(text).is_ok(), accepted, "{text:?}");
    }

    #[test]
    fn node_ids_have_a_namespace_and_an_identifier() {
        node("ns=2;i=1001", true);
        node("nsu=urn:plant;s=press1.temp", true);
        node("nsu=http://x/y;s=a;b=c", true);
        node("i=2258", true);
        node("s=Name", true);
        node("ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a", true);
        node("ns=1;b=M/RbKBsRVkePCePcx24oRA==", true);
        node("", false);
        node("press1.temp", false);
        node("ns=2", false);
        node("ns=70000;i=1", false);
        node("ns=x;i=1", false);
        node("ns=2;i=-1", false);
        node("ns=2;i=4294967296", false);
        node("ns=2;s=", false);
        node("nsu=;s=a", false);
        node("ns=1;g=123", false);
        node("ns=1;b=###", false);
        node("ns=1;x=1", false);
        node("ns=1;s=a\nb", false);
    }

    #[test]
    fn tables_have_names() {
        assert_eq!(table_name(Coil), "coil");
        assert_eq!(table_name(Holding), "holding");
    }

    proptest! {
        #[test]
        fn zero_based_addresses_survive(table in 0_usize..4, address in any::<u16>()) {
            let (name, table) = TABLES[table];
            let parsed = parse_modbus(&format!("{name}:{address}")).unwrap();
            prop_assert_eq!((parsed.table, parsed.address), (table, address));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            parse_modbus(&text).ok();
            check_opcua(&text).ok();
        }
    }
}
