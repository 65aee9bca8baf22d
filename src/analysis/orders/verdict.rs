//! How an order stands, in words.

use super::progress::Progress;
use crate::analysis::plant::Fact;
use crate::analysis::stored::OrderV1;
use crate::model::Timestamp;
use crate::production::order::{OrderPlan, OrderState, Outlook};
use crate::production::span::Span;

/// What is no later than this is in time.
const LATE_MIN_S: f64 = 60.0;

/// Seconds from `planned` to `end`.
pub(super) fn late_s(end: Option<Timestamp>, planned: Option<Timestamp>) -> Option<f64> {
    let (end, planned) = (end?, planned?);
    let after = Span::new(planned, end).length().as_secs_f64();
    let before = Span::new(end, planned).length().as_secs_f64();
    Some(after - before)
}

/// How an order stands, in words.
pub(super) fn verdict(
    progress: &Progress,
    plan: Option<OrderPlan>,
    (after_s, outlook, now): (Option<f64>, Option<Outlook>, Timestamp),
    elsewhere: Option<&Fact<OrderV1>>,
) -> String {
    let mut words: Vec<String> = Vec::new();
    let hours = |seconds: f64| format!("{:.1} h", seconds / 3_600.0);
    let late = after_s.filter(|late| *late > LATE_MIN_S);
    let end = plan.and_then(|plan| plan.end);
    let earliest = outlook.and_then(|outlook| outlook.earliest);
    let too_late = late_s(earliest, end).filter(|late| *late > LATE_MIN_S);
    words.push(progress.state.as_str().to_owned());
    match (progress.state, late, after_s) {
        (OrderState::Done, Some(late), _) => words.push(format!("{} late", hours(late))),
        (OrderState::Done, None, Some(_)) => words.push("in time".to_owned()),
        (OrderState::Done, ..) => {}
        (OrderState::Waiting, ..) => {
            let begin = plan.and_then(|plan| late_s(Some(now), Some(plan.start)));
            if let Some(late) = begin.filter(|late| *late > LATE_MIN_S) {
                words.push(format!("should have begun {} ago", hours(late)));
            }
        }
        (_, Some(late), _) => words.push(format!("will be {} late", hours(late))),
        (_, None, Some(_)) => words.push("will be in time".to_owned()),
        (_, None, None) if plan.is_some() && end.is_some() => {
            words.push("no good piece yet to expect an end from".to_owned());
        }
        _ => {}
    }
    if let Some(late) = too_late {
        words.push(format!("at the ideal cycle {} late", hours(late)));
    }
    match (plan, end) {
        (None, _) => words.push("not in the table of orders".to_owned()),
        (Some(_), None) => words.push("no planned end".to_owned()),
        _ => {}
    }
    if !progress.has_figures {
        words.push("no figures".to_owned());
    }
    if let Some((.., order)) = elsewhere {
        words.push(format!("planned at {}", order.work_unit));
    }
    words.join(", ")
}
