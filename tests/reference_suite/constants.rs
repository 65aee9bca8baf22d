//! Chart constants against a table of six decimals.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;

use andon::quality::ChartConstants;

/// Checks every row of `spc_constants.csv`; the number of rows, `None` where the file is absent.
pub(crate) fn check(dir: &Path) -> Option<usize> {
    let text = fs::read_to_string(dir.join("spc_constants.csv")).ok()?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let mut rows = 0;
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let cells: Vec<f64> = line
            .split(',')
            .map(|cell| cell.trim().parse().unwrap())
            .collect();
        assert_eq!(cells.len(), header.len(), "{line}");
        let n = (2..=25_u8)
            .find(|n| header[0].trim() == "n" && f64::from(*n).total_cmp(&cells[0]).is_eq());
        let n = n.unwrap_or_else(|| panic!("no subgroup size in {line}"));
        let constants = ChartConstants::of(usize::from(n)).unwrap();
        for (name, expected) in header.iter().zip(&cells).skip(1) {
            let got = named(&constants, name.trim());
            // Half a unit of the sixth decimal, and the rounding of the reader.
            assert!(
                (got - expected).abs() <= 5.000_1e-7,
                "n {n}, {name}: got {got}, expected {expected}"
            );
        }
        rows += 1;
    }
    assert!(rows > 0, "no row was checked");
    Some(rows)
}

fn named(constants: &ChartConstants, name: &str) -> f64 {
    match name {
        "d2" => constants.d2,
        "d3" => constants.d3,
        "c4" => constants.c4,
        "A" => constants.a,
        "A2" => constants.a2,
        "A3" => constants.a3,
        "B3" => constants.b3,
        "B4" => constants.b4,
        "B5" => constants.b5,
        "B6" => constants.b6,
        "D1" => constants.d1,
        "D2" => constants.d2_upper,
        "D3" => constants.d3_lower,
        "D4" => constants.d4,
        "E2" => constants.e2,
        other => panic!("unknown constant {other}"),
    }
}
