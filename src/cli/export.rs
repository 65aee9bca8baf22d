//! `andon history export`: tags over time as a file.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::Outcome;
use super::ask::{self, Failure};
use super::check::load_or_complain;
use super::history::{Query, rows};
use crate::analysis::{Question, SamplesQuestion};
use crate::config::Config;

/// What is written, and where to.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    query: Query,
    /// CSV with a row per tag and step, which is the default, or JSON, which `--json` means too.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// File to write; standard output when it is left out.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Json,
}

impl Export {
    fn format(&self) -> Result<Format, Failure> {
        match (self.format, self.query.source.json) {
            (Some(Format::Csv), true) => Err("--json and --format csv exclude each other".into()),
            (Some(format), _) => Ok(format),
            (None, true) => Ok(Format::Json),
            (None, false) => Ok(Format::Csv),
        }
    }
}

/// Writes all of it: single samples come in as many answers as they take.
pub(super) fn export(to: &Export) -> Result<Outcome, Failure> {
    let format = to.format()?;
    let Some(config) = load_or_complain(&to.query.source.config) else {
        return Ok(Outcome::Usage);
    };
    let config = Arc::new(config);
    // Nothing is made of a question that has no answer.
    let question = to.query.question();
    let first = answer(to, &config, &question)?;
    let Some(path) = &to.out else {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let written = write_all(to, &config, (question, first), format, &mut out);
        return match written.and_then(|()| Ok(out.flush()?)) {
            // Whoever reads has seen enough.
            Err(error) if is_closed(error.as_ref()) => Ok(Outcome::Clean),
            written => written.map(|()| Outcome::Clean),
        };
    };
    let file =
        std::fs::File::create(path).map_err(|error| format!("make {}: {error}", path.display()))?;
    let mut file = io::BufWriter::new(file);
    write_all(to, &config, (question, first), format, &mut file)?;
    file.into_inner()?.sync_all()?;
    Ok(Outcome::Clean)
}

fn is_closed(error: &(dyn Error + 'static)) -> bool {
    let of_csv = |error: &csv::Error| match error.kind() {
        csv::ErrorKind::Io(error) => Some(error.kind()),
        _ => None,
    };
    let kind = error
        .downcast_ref::<io::Error>()
        .map(io::Error::kind)
        .or_else(|| error.downcast_ref().and_then(of_csv));
    kind == Some(io::ErrorKind::BrokenPipe)
}

fn answer(to: &Export, config: &Arc<Config>, question: &SamplesQuestion) -> Result<Value, Failure> {
    let question = Question::Samples(question.clone());
    ask::ask(config, to.query.source.history.as_deref(), &question)
}

fn write_all(
    to: &Export,
    config: &Arc<Config>,
    (question, first): (SamplesQuestion, Value),
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut sheet = Sheet::new(out, format);
    let cut_off = cut_off(&first);
    sheet.add(first)?;
    for (tag, next) in cut_off {
        let mut next = Some(next);
        while let Some(from) = next.take() {
            let mut question = SamplesQuestion {
                tags: vec![tag.clone()],
                ..question.clone()
            };
            question.period.from = from;
            let answer = answer(to, config, &question)?;
            next = self::cut_off(&answer).pop().map(|(_, next)| next);
            sheet.add(answer)?;
        }
    }
    sheet.finish()
}

/// Tags of which an answer has only the first samples, each with the moment to go on from.
fn cut_off(answer: &Value) -> Vec<(String, String)> {
    let series = answer["series"].as_array().into_iter().flatten();
    let cut = series.filter_map(|series| {
        let next = series["next"].as_str()?;
        Some((series["tag"].as_str()?.to_owned(), next.to_owned()))
    });
    cut.collect()
}

/// Takes answers one after the other.
enum Sheet<'w, W: Write> {
    /// Rows are written as they come.
    Csv(Box<csv::Writer<&'w mut W>>, bool),
    /// One object is written at the end.
    Json(&'w mut W, Option<Value>),
}

impl<'w, W: Write> Sheet<'w, W> {
    fn new(out: &'w mut W, format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv(Box::new(csv::Writer::from_writer(out)), false),
            Format::Json => Self::Json(out, None),
        }
    }

    fn add(&mut self, answer: Value) -> Result<(), Failure> {
        match self {
            Self::Csv(writer, has_head) => {
                let (columns, rows) = rows(&answer);
                if !std::mem::replace(has_head, true) {
                    writer.write_record(columns)?;
                }
                for row in rows {
                    writer.write_record(row)?;
                }
            }
            Self::Json(_, Some(all)) => go_on(all, &answer),
            Self::Json(_, all) => *all = Some(answer),
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Csv(mut writer, _) => writer.flush()?,
            Self::Json(out, all) => writeln!(out, "{:#}", all.unwrap_or_default())?,
        }
        Ok(())
    }
}

/// Adds the rows of one tag to those that are there.
fn go_on(all: &mut Value, more: &Value) {
    let Some(more) = more.pointer("/series/0") else {
        return;
    };
    let series = all["series"].as_array_mut().into_iter().flatten();
    for series in series.filter(|series| series["tag"] == more["tag"]) {
        for key in ["rows", "damaged"] {
            let more = more[key].as_array().cloned().unwrap_or_default();
            if let Some(known) = series[key].as_array_mut() {
                known.extend(more);
            }
        }
        series["truncated"] = json!(more["truncated"] == true);
        series["next"] = more["next"].clone();
    }
}
