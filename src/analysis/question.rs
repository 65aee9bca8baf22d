//! What a command asks, in the form that goes through the control socket.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::changeovers::{ChangeoversQuestion, changeovers};
use super::comparison::{CompareQuestion, compare_periods};
use super::defects::{DefectsQuestion, defects};
use super::error::AnalysisError;
use super::limits::{LimitsQuestion, limits};
use super::oee::{OeeQuestion, oee};
use super::orders::{OrdersQuestion, orders};
use super::samples::{SamplesQuestion, samples};
use super::shifts::{ShiftsQuestion, shifts};
use super::spc::{SpcQuestion, spc};
use crate::config::Config;
use crate::history::Reader;
use crate::model::Timestamp;

/// A question about the plant's past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// Production figures: an [`super::OeeAnswer`].
    Oee(OeeQuestion),
    /// Shifts, who worked them and what came of it: a [`super::ShiftsAnswer`].
    Shifts(ShiftsQuestion),
    /// Quality charts: a list of [`super::SpcAnswer`].
    Spc(Box<SpcQuestion>),
    /// Defects by category and origin: a [`super::DefectsAnswer`].
    Defects(DefectsQuestion),
    /// Versions of control limits: a [`super::LimitsAnswer`].
    Limits(LimitsQuestion),
    /// Changeovers: a [`super::ChangeoversAnswer`].
    Changeovers(ChangeoversQuestion),
    /// Orders: an [`super::OrdersAnswer`].
    Orders(OrdersQuestion),
    /// A comparison of shifts, crews, machines or products: a [`crate::compare::Report`].
    Compare(CompareQuestion),
    /// Samples and roll-ups.
    Samples(SamplesQuestion),
}

/// The answer as JSON, worked out from what `reader` sees.
pub fn answer(
    question: &Question,
    config: &Config,
    reader: &Reader,
    now: Timestamp,
) -> Result<Value, AnalysisError> {
    match question {
        Question::Oee(question) => json(oee(question, config, reader, now)),
        Question::Shifts(question) => json(shifts(question, config, reader, now)),
        Question::Changeovers(question) => json(changeovers(question, config, reader, now)),
        Question::Orders(question) => json(orders(question, config, reader, now)),
        Question::Spc(question) => json(spc(question, config, reader, now)),
        Question::Defects(question) => json(defects(question, config, reader, now)),
        Question::Limits(question) => json(limits(question, config, reader)),
        Question::Compare(question) => json(compare_periods(question, config, reader, now)),
        Question::Samples(question) => samples(question, config, reader, now),
    }
}

fn json<T: Serialize>(told: Result<T, AnalysisError>) -> Result<Value, AnalysisError> {
    serde_json::to_value(told?)
        .map_err(|error| AnalysisError::Refused(format!("the answer cannot be written: {error}")))
}
