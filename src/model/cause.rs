//! Errors as people read them.

use std::error::Error;

/// An error with everything that caused it, on one line, without repeating what an outer text already says.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Self>>);

    #[track_caller]
    fn check(layers: &[&'static str], expected: &str) {
        let inner = |below, text: &&'static str| Some(Box::new(Layer(text, below)));
        let error = layers.iter().rev().fold(None, inner).unwrap();
        assert_eq!(with_causes(&*error), expected);
    }

    #[test]
    fn causes_follow_the_error_and_are_not_repeated() {
        check(&["read a"], "read a");
        check(
            &["read a", "open b", "no such file"],
            "read a: open b: no such file",
        );
        check(
            &["read a: no such file", "no such file"],
            "read a: no such file",
        );
    }
}
