//! Which known addresses a wrong one may have meant. Pure.

/// At most this many suggestions.
const SUGGESTIONS_MAX: usize = 3;

/// The addresses nearest to `wanted`, nearest first: by edit distance over the whole text, up to a third of its
/// length, so that nothing far-fetched is offered.
pub(super) fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let identifier = identifier_of(wanted);
    let allowed = (identifier.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|address| {
            let distance = distance(identifier, identifier_of(address));
            (distance <= allowed && address != wanted).then_some((distance, address))
        })
        .collect();
    near.sort_unstable();
    near.truncate(SUGGESTIONS_MAX);
    near.into_iter().map(|(_, address)| address).collect()
}

/// What follows the namespace: that is where people mistype.
fn identifier_of(address: &str) -> &str {
    if address.starts_with("ns") {
        address.split_once(';').map_or(address, |(_, id)| id)
    } else {
        address
    }
}

/// Optimal string alignment distance, case-insensitive: insertions, deletions, substitutions and swapped neighbours
/// cost 1 (Boytsov 2011, §2.1).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |line: &[usize], k: usize| line.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&above, j) + usize::from(x != y))
                .min(at(&above, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, expected: usize) {
        assert_eq!(distance(a, b), expected, "{a} {b}");
        assert_eq!(distance(b, a), expected, "{b} {a}");
    }

    #[test]
    fn distances_by_hand() {
        check("", "", 0);
        check("", "abc", 3);
        check("temp", "temp", 0);
        check("temp", "TEMP", 0);
        check("tmep", "temp", 1);
        check("temp", "temp2", 1);
        check("kitten", "sitting", 3);
        check("ca", "abc", 3);
    }

    #[test]
    fn only_near_addresses_are_offered_nearest_first() {
        let known = [
            "nsu=urn:plant;s=press1.temp",
            "nsu=urn:plant;s=press2.temp",
            "nsu=urn:plant;s=oven",
            "i=2258",
        ];
        assert_eq!(
            nearest("nsu=urn:plant;s=press1.tmep", known),
            ["nsu=urn:plant;s=press1.temp", "nsu=urn:plant;s=press2.temp"]
        );
        assert_eq!(
            nearest("ns=7;s=press1.temp", known),
            ["nsu=urn:plant;s=press1.temp", "nsu=urn:plant;s=press2.temp"]
        );
        assert!(nearest("nsu=urn:plant;s=conveyor.speed", known).is_empty());
    }
}
