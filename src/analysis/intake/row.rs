//! The cells of one row as what they should be; what they are not is said in words.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::model::Timestamp;

/// One row.
pub(super) struct Row<'a> {
    pub(super) columns: &'a BTreeMap<String, usize>,
    pub(super) record: &'a csv::StringRecord,
    pub(super) config: &'a Config,
}

impl Row<'_> {
    /// A cell; `None` when it is empty or its column is not there.
    pub(super) fn cell(&self, column: &str) -> Option<&str> {
        let place = self.columns.get(column)?;
        self.record.get(*place).filter(|text| !text.is_empty())
    }

    pub(super) fn text(&self, column: &str) -> Result<String, String> {
        let text = self
            .cell(column)
            .ok_or_else(|| format!("{column} is empty"))?;
        Ok(text.to_owned())
    }

    pub(super) fn optional(&self, column: &str) -> Option<String> {
        self.cell(column).map(str::to_owned)
    }

    pub(super) fn time(&self, column: &str) -> Result<Timestamp, String> {
        parse_time(&self.text(column)?, column)
    }

    pub(super) fn optional_time(&self, column: &str) -> Result<Option<i64>, String> {
        let time = self
            .cell(column)
            .map(|text| parse_time(text, column))
            .transpose()?;
        Ok(time.map(Timestamp::as_nanos))
    }

    pub(super) fn number(&self, column: &str) -> Result<f64, String> {
        parse_number(&self.text(column)?, column)
    }

    pub(super) fn optional_number(&self, column: &str) -> Result<Option<f64>, String> {
        self.cell(column)
            .map(|text| parse_number(text, column))
            .transpose()
    }

    /// The name of a work unit that there is.
    pub(super) fn work_unit(&self) -> Result<String, String> {
        let name = self.text("work_unit")?;
        let units = &self.config.production.work_units;
        if units.iter().any(|unit| unit.name == name) {
            return Ok(name);
        }
        let near = crate::config::did_you_mean(&name, units.iter().map(|unit| unit.name.as_str()));
        Err(format!(
            "work_unit = {name} is none of the configuration{near}"
        ))
    }
}

fn parse_time(text: &str, column: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        format!("{column} = {text} is no time; allowed: RFC 3339 as 2026-03-29T06:00:00Z")
    })
}

fn parse_number(text: &str, column: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("{column} = {text} is not a number"))
}
