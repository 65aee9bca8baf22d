//! Where signals stand in the register map of their machine.

use std::collections::BTreeMap;

use super::data_type::{DataType, Table};

/// Position of a signal in the register map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which table.
    pub table: Table,
    /// 0-based address of the first register or bit.
    pub address: u16,
    /// For a `bool` in a register: which bit, 0 is the least significant.
    pub bit: Option<u8>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.table.name(), self.address)?;
        self.bit.map_or(Ok(()), |bit| write!(f, ".{bit}"))
    }
}

impl Place {
    /// `"holding:100"`, `"coil:3"`, `"input:7.5"`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (table, rest) = text.split_once(':')?;
        let table = Table::ALL.into_iter().find(|known| known.name() == table)?;
        let (address, bit) = match rest.split_once('.') {
            Some((address, bit)) => (address, Some(bit.parse().ok().filter(|bit| *bit < 16)?)),
            None => (rest, None),
        };
        Some(Self {
            table,
            address: address.parse().ok()?,
            bit,
        })
    }
}

/// What a signal asks for: its type, and its place if it names one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) data_type: DataType,
    pub(super) place: Option<Place>,
}

/// Registers in use: which bits of each.
#[derive(Debug, Default)]
struct Used(BTreeMap<(Table, u16), u16>);

impl Used {
    /// Takes the registers of a signal, or says which one is taken or beyond the table.
    fn take(&mut self, data_type: DataType, place: Place) -> Result<(), String> {
        let bits = place.bit.map_or(u16::MAX, |bit| 1 << bit);
        for offset in 0..data_type.registers() {
            let address = place
                .address
                .checked_add(offset)
                .ok_or_else(|| format!("{place} ends beyond address 65535"))?;
            let taken = self.0.entry((place.table, address)).or_default();
            if *taken & bits != 0 {
                return Err(format!("{place} overlaps {}:{address}", place.table.name()));
            }
            *taken |= bits;
        }
        Ok(())
    }

    /// The first address behind everything in a table.
    fn end(&self, table: Table) -> Option<u16> {
        self.0
            .range((table, 0)..=(table, u16::MAX))
            .next_back()
            .map_or(Some(0), |((_, address), _)| address.checked_add(1))
    }
}

/// Gives every signal of a machine its place: those that name one first, the others behind them in
/// the holding registers (bits: in the discrete inputs). One result per wish.
pub(super) fn assign(wishes: &[Wish]) -> Vec<Result<Place, String>> {
    let mut used = Used::default();
    let named: Vec<Option<Result<Place, String>>> = wishes
        .iter()
        .map(|wish| {
            let place = wish.place?;
            Some(fits(wish.data_type, place).and_then(|()| used.take(wish.data_type, place)))
                .map(|result| result.map(|()| place))
        })
        .collect();
    let rest = wishes.iter().zip(named);
    rest.map(|(wish, named)| named.unwrap_or_else(|| next(wish.data_type, &mut used)))
        .collect()
}

fn next(data_type: DataType, used: &mut Used) -> Result<Place, String> {
    let table = if data_type == DataType::Bool {
        Table::Discrete
    } else {
        Table::Holding
    };
    let address = used
        .end(table)
        .ok_or_else(|| format!("no {} address is left", table.name()))?;
    let place = Place {
        table,
        address,
        bit: None,
    };
    used.take(data_type, place).map(|()| place)
}

/// Bits belong into bit tables or a bit of a register, and nothing else does.
fn fits(data_type: DataType, place: Place) -> Result<(), String> {
    let is_bool = data_type == DataType::Bool;
    let fine = match (place.table.is_bits(), place.bit) {
        (true, Some(_)) => false,
        (false, None) => !is_bool,
        _ => is_bool,
    };
    match (fine, is_bool, place.bit) {
        (true, ..) => Ok(()),
        (false, true, None) => Err(format!("{place} needs a bit, e.g. {place}.0")),
        _ => Err(format!("{place} cannot hold {}", data_type.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wishes: &[(&str, Option<&str>)], expected: &[Result<&str, &str>]) {
        let wishes: Vec<Wish> = wishes
            .iter()
            .map(|(data_type, place)| Wish {
                data_type: DataType::parse(data_type).unwrap(),
                place: place.map(|text| Place::parse(text).unwrap()),
            })
            .collect();
        let got: Vec<Result<String, String>> = assign(&wishes)
            .into_iter()
            .map(|result| result.map(|place| place.to_string()))
            .collect();
        let expected: Vec<Result<String, String>> = expected
            .iter()
            .map(|result| result.map(str::to_owned).map_err(str::to_owned))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn named_places_are_kept_and_the_rest_follows() {
        check(
            &[
                ("f32", None),
                ("u16", Some("holding:10")),
                ("f64", None),
                ("bool", None),
            ],
            &[
                Ok("holding:11"),
                Ok("holding:10"),
                Ok("holding:13"),
                Ok("discrete:0"),
            ],
        );
    }

    #[test]
    fn bits_may_share_a_register() {
        check(
            &[("bool", Some("input:3.0")), ("bool", Some("input:3.15"))],
            &[Ok("input:3.0"), Ok("input:3.15")],
        );
    }

    #[test]
    fn overlaps_and_misfits_are_named() {
        check(
            &[("u32", Some("holding:1")), ("u16", Some("holding:2"))],
            &[Ok("holding:1"), Err("holding:2 overlaps holding:2")],
        );
        check(
            &[("u32", Some("holding:65535"))],
            &[Err("holding:65535 ends beyond address 65535")],
        );
        check(&[("u16", Some("coil:1"))], &[Err("coil:1 cannot hold u16")]);
        check(
            &[("bool", Some("input:1"))],
            &[Err("input:1 needs a bit, e.g. input:1.0")],
        );
    }

    #[test]
    fn malformed_places() {
        for text in [
            "holding",
            "holding:",
            "holding:70000",
            "register:1",
            "holding:1.16",
        ] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
