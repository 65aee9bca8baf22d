//! The nearest known word to a mistyped one.

/// Longest word compared; longer ones have no near neighbour among keys.
const WORD_CHARS_MAX: usize = 48;

/// The candidate with the smallest edit distance to `word`, when it is near enough to be meant.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let length = word.chars().count();
    if length == 0 || length > WORD_CHARS_MAX {
        return None;
    }
    let near_enough = (length / 3).clamp(1, 4).min(length - 1);
    let folded = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(edits, _)| *edits <= near_enough)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean "x"?)`, or nothing.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    nearest(word, candidates)
        .map_or_else(String::new, |near| format!(" (did you mean \"{near}\"?)"))
}

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`: optimal string alignment distance,
/// as in Boytsov, "Indexing methods for approximate dictionary searching" (2011), section 2.2.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous_a = None;
    for (row, ca) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut previous_b = None;
        for (column, cb) in b.iter().copied().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let mut best = (at(&last, column) + usize::from(ca != cb))
                .min(at(&last, column + 1) + 1)
                .min(at(&current, column) + 1);
            let swapped = previous_a == Some(cb) && previous_b == Some(ca);
            if let (true, Some(left)) = (swapped, column.checked_sub(1)) {
                best = best.min(at(&before_last, left).saturating_add(1));
            }
            current.push(best);
            previous_b = Some(cb);
        }
        before_last = std::mem::replace(&mut last, current);
        previous_a = Some(ca);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 6] = ["rate", "type", "detect_shift", "f32", "keep_alive", "4"];

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(nearest(word, KEYS), expected, "{word:?}");
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_key() {
        check("rate", Some("rate"));
        check("raet", Some("rate"));
        check("Rate", Some("rate"));
        check("tpe", Some("type"));
        check("detect_shfit", Some("detect_shift"));
        check("detectshift", Some("detect_shift"));
        check("keepalive", Some("keep_alive"));
        check("f33", Some("f32"));
    }

    #[test]
    fn a_different_word_finds_nothing() {
        check("colour", None);
        check("", None);
        check("5", None);
        check(&"rate".repeat(30), None);
        check("überdruck", None);
    }

    #[test]
    fn the_distance_counts_edits() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
