//! `andon shifts`: who worked when, and what came of it.

use super::Outcome;
use super::ask::{self, Of, Source, number, percent};
use super::output::{Align, Table};
use crate::analysis::{Question, ShiftsAnswer, ShiftsQuestion};

/// List shifts with crew, staffing and figures.
///
/// What a change of shift costs stands under `handover`: the share of the rate in the middle of a shift that its first
/// and last part lack, in percent.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    of: Of,
    /// Work units; all when none are named.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    work_unit: Vec<String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let question = ShiftsQuestion {
        period: args.of.period(),
        work_units: args.work_unit.clone(),
    };
    ask::run(&args.source, &Question::Shifts(question), |answer| {
        Ok(text(&serde_json::from_value(answer)?))
    })
}

fn text(answer: &ShiftsAnswer) -> String {
    let mut table = Table::new(&[
        ("day", Align::Left),
        ("shift", Align::Left),
        ("crew", Align::Left),
        ("start", Align::Left),
        ("hours", Align::Right),
        ("people", Align::Right),
        ("planned", Align::Right),
        ("machines", Align::Right),
        ("OEE", Align::Right),
        ("A", Align::Right),
        ("E", Align::Right),
        ("Q", Align::Right),
        ("pieces", Align::Right),
        ("scrap", Align::Right),
        ("handover", Align::Right),
        ("notes", Align::Left),
    ]);
    let count =
        |count: Option<u32>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    for shift in &answer.shifts {
        let mut notes: Vec<String> = shift.oee.why.clone().into_iter().collect();
        if shift.headcount_from == "planned" {
            notes.push("people as planned, no roster".to_owned());
        }
        if let Some(revision) = shift.revision.filter(|revision| *revision > 1) {
            notes.push(format!("revision {revision}"));
        }
        if let Some(gap) = shift.headcount_gap.filter(|gap| *gap < 0) {
            notes.push(format!("{} missing", -gap));
        }
        table.row([
            shift.production_day.clone(),
            shift.shift.clone(),
            shift.crew.clone(),
            shift.start.clone(),
            number(Some(shift.hours), 1),
            count(shift.headcount),
            count(shift.planned_headcount),
            format!("{} of {}", shift.scheduled, shift.work_units),
            percent(shift.oee.value),
            percent(shift.availability.value),
            percent(shift.effectiveness.value),
            percent(shift.quality_ratio.value),
            number(Some(shift.pieces), 0),
            number(Some(shift.scrap), 0),
            percent(shift.transition_loss),
            notes.join(", "),
        ]);
    }
    table.render()
}
