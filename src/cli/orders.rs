//! `andon orders`: how far orders are, and whether they will be done in time.

use super::Outcome;
use super::ask::{self, Of, Source, hours, number, percent};
use super::output::{Align, Table};
use crate::analysis::{OrderRow, OrdersAnswer, OrdersQuestion, Question};

/// Show orders: what was made, how far they are, and whether they will be done in time.
///
/// Orders come from `andon intake`, and what was made of them from the machines. The end is expected at the pace so far,
/// nights and breaks waited for. `takes`, `plan` and `left` are seconds of busy time per good piece: so far, by the plan,
/// and for what is still to be made.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Orders; all that were planned for or worked on in the period when none are named.
    #[arg(value_name = "ORDER")]
    order: Vec<String>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    of: Of,
    /// Work units; all when none are named.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    work_unit: Vec<String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let question = OrdersQuestion {
        period: args.of.period(),
        orders: args.order.clone(),
        work_units: args.work_unit.clone(),
    };
    ask::run(&args.source, &Question::Orders(question), |answer| {
        Ok(text(&serde_json::from_value(answer)?))
    })
}

fn text(answer: &OrdersAnswer) -> String {
    let mut text = format!("as of {}\n\n", answer.to);
    if answer.orders.is_empty() {
        text.push_str("no order\n");
        return text;
    }
    let words = ["order", "work unit", "product"].map(|name| (name, Align::Left));
    let numbers = [
        "ordered",
        "good",
        "scrap",
        "rework",
        "done",
        "per h",
        "takes",
        "plan",
        "left",
        "ideal rest",
    ];
    let numbers = numbers.map(|name| (name, Align::Right));
    let times = ["start", "end", "planned end", "verdict"].map(|name| (name, Align::Left));
    let mut table = Table::new(&[&words[..], &numbers, &times].concat());
    for order in &answer.orders {
        table.row(cells(order));
    }
    text.push_str(&table.render());
    text
}

fn cells(order: &OrderRow) -> [String; 17] {
    let told = |time: Option<&String>| time.map_or_else(|| "-".to_owned(), Clone::clone);
    let end = match (&order.end, &order.expected_end) {
        (None, Some(expected)) => format!("~{expected}"),
        (end, _) => told(end.as_ref()),
    };
    [
        order.order.clone(),
        order.work_unit.clone(),
        told(order.product.as_ref()),
        number(order.quantity, 0),
        number(Some(order.good), 0),
        number(Some(order.scrap), 0),
        number(Some(order.rework), 0),
        percent(order.progress),
        number(order.throughput_per_h, 1),
        number(order.pace_s, 1),
        number(order.takt_s, 1),
        number(order.needed_s, 1),
        order.ideal_rest_s.map_or_else(|| "-".to_owned(), hours),
        told(order.start.as_ref()),
        end,
        told(order.planned_end.as_ref()),
        order.verdict.clone(),
    ]
}
