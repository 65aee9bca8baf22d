//! Charts against limits in force: whether what is asked fits them, and what the reader must know of them.

use super::books::Book;
use super::error::AnalysisError;
use super::spc::SpcQuestion;
use super::stored::LimitsFactV1;
use crate::production::span::Span;
use crate::quality::charts::ChartKind;
use crate::quality::phase::LimitVersion;
use crate::quality::study::WarningReport;

/// Refuses to hold readings against limits that were learned from readings of another kind.
pub(super) fn check_fits(
    question: &SpcQuestion,
    fact: &LimitsFactV1,
    version: &LimitVersion,
) -> Result<(), AnalysisError> {
    let kind = version.learned.limits.kind();
    let asked = question.chart.as_deref();
    let is_same_chart = asked.is_none_or(|name| ChartKind::parse(name) == Some(kind));
    let is_same_size = question.subgroup.max(1) as u64 == fact.subgroup;
    if is_same_chart && is_same_size && question.changes_only == fact.changes_only {
        return Ok(());
    }
    let size = if question.counts.is_some() {
        String::new()
    } else {
        format!(" --subgroup {}", fact.subgroup)
    };
    let changes = if fact.changes_only {
        " --changes-only"
    } else {
        ""
    };
    let options = format!("--chart {}{size}{changes}", kind.name());
    Err(AnalysisError::Refused(format!(
        "version {} of the limits of `{}` ({} on {}) is in force; allowed: {options} as they were learned, or --relearn, which leaves them aside",
        version.version,
        question.characteristic(),
        fact.limits.product,
        fact.limits.machine,
    )))
}

/// Says that other limits come in force within the period, which is drawn against those of its begin.
pub(super) fn later_version(book: &Book, span: Span) -> Option<WarningReport> {
    let versions = book.versions.versions().iter();
    let mut later = versions
        .filter(|version| span.start < version.change.at() && version.change.at() < span.end);
    let first = later.next()?;
    Some(WarningReport {
        code: "later_limits",
        text: format!(
            "version {} of the limits is in force from {}; all points are drawn against what was in force when the period began",
            first.version,
            first.change.at()
        ),
    })
}
