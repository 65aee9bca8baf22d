//! `andon design`: from what an operator wants to what the charts need, and what it costs.

use std::io;
use std::time::Duration;

use serde_json::json;

use super::Outcome;
use super::output::{Align, Table, complain, print, print_json};
use crate::config::{DetectionRules, format_duration, format_rate, parse_duration, parse_rate};
use crate::detection::{CHARTS, ChartDesign, SpikeLimits, design};

/// Alarms a day that an operator can deal with: one in ten minutes (EEMUA 191, normal operation).
const BUDGET_PER_DAY: f64 = 144.0;
/// Share of that budget that false alarms may take without a word.
const BUDGET_SHARE: f64 = 0.1;
/// Shifts that the table of delays is made for, in standard deviations.
const SHIFTS: [f64; 7] = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0];
const DAY_S: f64 = 86_400.0;

/// Show what a wish for detection means: limits, delays, false alarms.
///
/// The figures are for independent normal data. Limits are widened for what a signal turns out to be like: persistent,
/// heavy-tailed, quantised, learned from few samples.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How often one tag may cry out for nothing: "N per hour", day, week, month or year.
    #[arg(long, value_name = "RATE", default_value = "1 per month", value_parser = rate)]
    false_alarms: Duration,
    /// The shift to be found fastest, in standard deviations: 0.25 to 5.
    #[arg(long, value_name = "SIGMAS", default_value_t = 1.0)]
    shift: f64,
    /// Time between samples, as "1s" or "250ms".
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    rate: Duration,
    /// The shift must be found within this time on average.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    within: Option<Duration>,
    /// Tags with this wish.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    tags: u32,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

fn rate(text: &str) -> Result<Duration, String> {
    parse_rate(text).ok_or_else(|| "allowed: \"N per hour\", day, week, month or year".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let found = parse_duration(text).filter(|found| !found.is_zero());
    found.ok_or_else(|| "allowed: a time as \"250ms\", \"10s\", \"5min\" or \"1h\"".to_owned())
}

pub(super) fn run(args: &Args) -> Outcome {
    let rules = DetectionRules {
        mean_time_between_false_alarms: args.false_alarms,
        shift_sigma: args.shift,
        within: args.within,
        ..DetectionRules::default()
    };
    let made = match design(&rules, args.rate) {
        Ok(made) => made,
        Err(error) => {
            complain(&format!("andon: {error}\n"));
            return Outcome::Usage;
        }
    };
    match show(args, &made) {
        Ok(()) => Outcome::Clean,
        Err(error) => {
            complain(&format!("andon: cannot print: {error}\n"));
            Outcome::Failed
        }
    }
}

/// What a wish leads to.
struct Prospect<'a> {
    args: &'a Args,
    made: &'a ChartDesign,
    spikes: SpikeLimits,
    per_day: f64,
}

fn show(args: &Args, made: &ChartDesign) -> io::Result<()> {
    let prospect = Prospect {
        args,
        made,
        spikes: SpikeLimits::normal(made.arl0),
        per_day: f64::from(args.tags) * DAY_S / args.false_alarms.as_secs_f64(),
    };
    if args.json {
        print_json(&prospect.json())
    } else {
        print(&prospect.text())
    }
}

impl Prospect<'_> {
    fn text(&self) -> String {
        let Self {
            args, made, spikes, ..
        } = self;
        let budget = 100.0 * self.per_day / BUDGET_PER_DAY;
        let verdict = if self.per_day <= BUDGET_SHARE * BUDGET_PER_DAY {
            "leaves room for true ones"
        } else if self.per_day <= BUDGET_PER_DAY {
            "is much: a tenth is usual; allow fewer false alarms"
        } else {
            "is more than an operator can deal with; allow fewer false alarms"
        };
        let mut table = Table::new(&[
            ("shift", Align::Right),
            ("samples", Align::Right),
            ("time", Align::Right),
        ]);
        for shift in SHIFTS {
            let samples = made.expected_delay(shift);
            table.row([
                format!("{shift} sigma"),
                format!("{samples:.1}"),
                time(args.rate, samples),
            ]);
        }
        format!(
            "wish     {} of each tag, a sample every {}, a shift of {} sigma found fastest\n\
             charts   {CHARTS} with {:.3e} samples between false alarms each\n\
             CUSUM    k {:.3}, h {:.3}\n\
             EWMA     lambda {}, L {:.3}\n\
             spike    one value beyond {:.2} sigma, or two of three beyond {:.2}\n\
             false    {:.3} alarms per day of {} tags: {budget:.1} % of the {BUDGET_PER_DAY} a day that an operator can deal with, which {verdict}\n\
             \nfound on average after\n{}",
            format_rate(args.false_alarms),
            format_duration(args.rate),
            args.shift,
            made.arl0,
            made.k,
            made.h,
            made.lambda,
            made.limit_l,
            spikes.single,
            spikes.pair,
            self.per_day,
            args.tags,
            table.render(),
        )
    }

    fn json(&self) -> serde_json::Value {
        let made = self.made;
        let delays = SHIFTS.map(|shift| {
            let samples = made.expected_delay(shift);
            json!({
                "shift_sigma": shift,
                "samples": samples,
                "seconds": samples * self.args.rate.as_secs_f64(),
            })
        });
        json!({
            "rate_s": self.args.rate.as_secs_f64(),
            "mean_time_between_false_alarms_s": self.args.false_alarms.as_secs_f64(),
            "charts": CHARTS,
            "arl0_per_chart": made.arl0,
            "cusum": { "k": made.k, "h": made.h },
            "ewma": { "lambda": made.lambda, "l": made.limit_l },
            "spike": { "single_sigma": self.spikes.single, "pair_sigma": self.spikes.pair },
            "expected_delays": delays,
            "tags": self.args.tags,
            "false_alarms_per_day": self.per_day,
            "operator_budget_per_day": BUDGET_PER_DAY,
        })
    }
}

/// Samples as a time for people.
fn time(period: Duration, samples: f64) -> String {
    let seconds = samples * period.as_secs_f64();
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7_200.0 => format!("{:.1} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} d", s / DAY_S),
    }
}
