//! Products with their ideal cycle times, which are versioned.

use std::collections::BTreeMap;

use crate::model::Timestamp;

/// Below this many shifts a product is new.
pub const RUNS_MIN: usize = 3;
/// Below this many pieces a product is new.
pub const PIECES_MIN: f64 = 500.0;

/// Longest ideal cycle: a year.
const PRU_MAX_S: f64 = 31_622_400.0;

/// Whether an ideal cycle can be this long.
pub fn is_ideal_cycle(seconds: f64) -> bool {
    seconds > 0.0 && seconds <= PRU_MAX_S
}

/// Something that is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// As orders name it.
    pub id: String,
    /// Products that are compared with each other.
    pub family: Option<String>,
    /// Ideal cycle times; the latest that is valid counts.
    pub ideal: Vec<IdealCycle>,
}

/// PRU: planned run time per unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IdealCycle {
    /// Number that figures name it by; unique for the product.
    pub version: u32,
    /// From when on it is valid.
    pub valid_from: Timestamp,
    /// Seconds per piece, more than 0.
    pub pru_s: f64,
}

/// Why products cannot be as written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CatalogueError {
    /// Two products of one name.
    #[error("product `{0}` is defined twice")]
    Twice(String),
    /// No time, or too much.
    #[error(
        "ideal cycle {version} of product `{product}` is {pru_s} s; more than 0 and at most a year is allowed"
    )]
    Pru {
        /// Whose.
        product: String,
        /// Which.
        version: u32,
        /// The time.
        pru_s: f64,
    },
    /// Two ideal cycles of one version or one start.
    #[error("ideal cycle {version} of product `{product}` has the version or the start of another")]
    Version {
        /// Whose.
        product: String,
        /// Which.
        version: u32,
    },
}

/// All products, checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalogue {
    products: BTreeMap<String, Product>,
}

impl Catalogue {
    /// Checks `products`.
    pub fn new(products: Vec<Product>) -> Result<Self, CatalogueError> {
        let mut known = BTreeMap::new();
        for mut product in products {
            check(&product)?;
            product.ideal.sort_by_key(|ideal| ideal.valid_from);
            if let Some(other) = known.insert(product.id.clone(), product) {
                return Err(CatalogueError::Twice(other.id));
            }
        }
        Ok(Self { products: known })
    }

    /// The ideal cycle of `product` that is valid at `time`; `None` before the first, and for products not known.
    pub fn ideal(&self, product: &str, time: Timestamp) -> Option<IdealCycle> {
        let ideal = &self.products.get(product)?.ideal;
        let valid = ideal.iter().take_while(|i| i.valid_from <= time);
        valid.last().copied()
    }

    /// A product by its name.
    pub fn product(&self, id: &str) -> Option<&Product> {
        self.products.get(id)
    }
}

fn check(product: &Product) -> Result<(), CatalogueError> {
    for (place, ideal) in product.ideal.iter().enumerate() {
        let (version, pru_s) = (ideal.version, ideal.pru_s);
        let product_id = || product.id.clone();
        if !is_ideal_cycle(pru_s) {
            let product = product_id();
            return Err(CatalogueError::Pru {
                product,
                version,
                pru_s,
            });
        }
        let mut before = product.ideal.iter().take(place);
        if before.any(|o| o.version == version || o.valid_from == ideal.valid_from) {
            let product = product_id();
            return Err(CatalogueError::Version { product, version });
        }
    }
    Ok(())
}

/// How much is known about a product on a work unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maturity {
    /// New: no verdict on trend or shift; limits and ideal cycle are provisional, the latter from the routing.
    Provisional,
    /// Known well enough to be judged.
    Established,
}

impl Maturity {
    /// Of a product made in `runs` shifts, `pieces` in all.
    pub fn of(runs: usize, pieces: f64) -> Self {
        if runs >= RUNS_MIN && pieces >= PIECES_MIN {
            Self::Established
        } else {
            Self::Provisional
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_millis(day * 86_400_000)
    }

    fn product(ideal: &[(u32, i64, f64)]) -> Product {
        let ideal = ideal.iter().map(|(version, day, pru_s)| IdealCycle {
            version: *version,
            valid_from: at(*day),
            pru_s: *pru_s,
        });
        Product {
            id: "A".to_owned(),
            family: None,
            ideal: ideal.collect(),
        }
    }

    #[test]
    fn the_latest_valid_ideal_cycle_counts() {
        let catalogue = Catalogue::new(vec![product(&[(2, 20, 4.0), (1, 10, 5.0)])]).unwrap();
        let got = |id, day| catalogue.ideal(id, at(day)).map(|i| (i.version, i.pru_s));
        assert_eq!(got("A", 9), None);
        assert_eq!(got("A", 10), Some((1, 5.0)));
        assert_eq!(got("A", 20), Some((2, 4.0)));
        assert_eq!(got("B", 20), None);
        assert!(catalogue.product("A").is_some());
    }

    #[track_caller]
    fn check_refused(products: Vec<Product>, wanted: &str) {
        assert_eq!(Catalogue::new(products).unwrap_err().to_string(), wanted);
    }

    #[test]
    fn impossible_products_are_refused() {
        check_refused(
            vec![product(&[(1, 0, 0.0)])],
            "ideal cycle 1 of product `A` is 0 s; more than 0 and at most a year is allowed",
        );
        check_refused(
            vec![product(&[(1, 0, 1.0), (1, 5, 2.0)])],
            "ideal cycle 1 of product `A` has the version or the start of another",
        );
        check_refused(
            vec![product(&[]), product(&[])],
            "product `A` is defined twice",
        );
    }

    #[test]
    fn a_product_is_new_until_it_was_made_often_and_much() {
        assert_eq!(Maturity::of(2, 9_000.0), Maturity::Provisional);
        assert_eq!(Maturity::of(9, 499.0), Maturity::Provisional);
        assert_eq!(Maturity::of(3, 500.0), Maturity::Established);
    }
}
