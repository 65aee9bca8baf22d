//! Behaviour of the figures.

use std::time::Duration;

use super::super::elements::{Elements, Output};
use super::*;
use proptest::prelude::*;

fn seconds(run: u64, minor: u64, unknown: u64) -> Elements {
    Elements {
        run: Duration::from_secs(run),
        minor: Duration::from_secs(minor),
        unknown: Duration::from_secs(unknown),
        ..Elements::default()
    }
}

fn figures(elements: &Elements, output: &Output) -> Figures {
    Figures::of(elements, output, Rules::default())
}

#[track_caller]
fn close(got: Option<f64>, wanted: f64) {
    let got = got.unwrap();
    assert!((got - wanted).abs() < 1e-12, "{got}, expected {wanted}");
}

#[test]
fn running_without_output_is_an_oee_of_zero_and_no_quality() {
    let none = figures(&seconds(100, 0, 0), &Output::default());
    assert_eq!((none.oee, none.effectiveness), (Some(0.0), Some(0.0)));
    assert_eq!((none.quality_ratio, none.nee), (None, None));
    assert_eq!(none.scrap_ratio, None);
}

#[test]
fn no_busy_time_is_no_figure() {
    let none = figures(&Elements::default(), &Output::default());
    assert_eq!(
        (none.oee, none.availability, none.coverage),
        (None, None, None)
    );
    assert_eq!(none.teep(Duration::from_secs(100)), None);
    // Pieces that were counted over a shift without any other data were made.
    let made = Output::of(Some(1.0), 20.0, 0.0, 0.0);
    let counted = figures(&seconds(0, 0, 100), &made);
    assert_eq!(
        (counted.oee, counted.teep(Duration::from_secs(200))),
        (None, Some(0.1))
    );
}

#[track_caller]
fn check(kpi: Kpi, elements: &Elements, output: &Output, wanted: Result<f64, Absence>) {
    let got = headline(kpi, elements, output, LossModel::Iso22400).value;
    assert_eq!(got, wanted, "{kpi:?}");
}

#[test]
fn a_headline_without_value_says_why() {
    let made = Output::of(Some(1.0), 80.0, 0.0, 0.0);
    let nothing = Output::default();
    let idle = Elements {
        idle: Duration::from_secs(100),
        ..Elements::default()
    };
    check(Kpi::Oee, &seconds(100, 0, 0), &made, Ok(0.8));
    check(Kpi::Oee, &seconds(0, 0, 0), &made, Err(Absence::NoBusyTime));
    check(
        Kpi::Availability,
        &seconds(40, 0, 60),
        &made,
        Err(Absence::TooLittleData),
    );
    check(Kpi::QualityRatio, &seconds(40, 0, 60), &made, Ok(1.0));
    check(
        Kpi::QualityRatio,
        &seconds(40, 0, 0),
        &nothing,
        Err(Absence::NoOutput),
    );
    check(
        Kpi::Nee,
        &seconds(40, 0, 0),
        &nothing,
        Err(Absence::NoOutput),
    );
    check(
        Kpi::Effectiveness,
        &idle,
        &nothing,
        Err(Absence::NoProduction),
    );
    let unrated = Output::of(None, 5.0, 0.0, 0.0);
    check(
        Kpi::Oee,
        &seconds(40, 0, 0),
        &unrated,
        Err(Absence::NoIdealCycle),
    );
    check(Kpi::Availability, &seconds(40, 0, 0), &unrated, Ok(1.0));
    for absence in [
        Absence::NoBusyTime,
        Absence::NoProduction,
        Absence::NoOutput,
        Absence::NoIdealCycle,
        Absence::TooLittleData,
    ] {
        assert!(!absence.as_str().is_empty());
    }
}

#[test]
fn the_unknown_shows_in_coverage_and_bounds() {
    let made = Output::of(Some(1.0), 60.0, 0.0, 0.0);
    let shown = |unknown| {
        let elements = seconds(100 - unknown, 0, unknown);
        headline(Kpi::Availability, &elements, &made, LossModel::Tpm)
    };
    let half = shown(50);
    assert_eq!((half.coverage, half.bounds), (Some(0.5), Some((0.5, 1.0))));
    assert_eq!(
        half.doubts,
        [Doubt::EffectivenessAbove1, Doubt::LowConfidence]
    );
    assert_eq!(shown(10).doubts, []);
    assert_eq!(shown(11).doubts, [Doubt::LowConfidence]);
    assert_eq!(shown(51).value, Err(Absence::TooLittleData));
}

#[track_caller]
fn check_bounds(kpi: Kpi, pieces: f64, unknown: u64, wanted: (f64, f64, f64)) {
    let made = Output::of(Some(1.0), pieces, 0.0, 0.0);
    let got = headline(kpi, &seconds(50, 0, unknown), &made, LossModel::Iso22400);
    let (low, high) = got.bounds.unwrap();
    assert_eq!((low, got.value.unwrap(), high), wanted, "{kpi:?}");
}

#[test]
fn a_figure_is_within_what_a_gap_may_hide() {
    // Nothing or all that is possible was made in the gap.
    check_bounds(Kpi::Oee, 40.0, 50, (0.4, 0.8, 0.9));
    check_bounds(Kpi::Nee, 40.0, 50, (0.4, 0.8, 0.9));
    check_bounds(Kpi::Effectiveness, 40.0, 50, (0.4, 0.8, 0.9));
    check_bounds(Kpi::QualityRatio, 40.0, 50, (1.0, 1.0, 1.0));
    check_bounds(Kpi::Oee, 60.0, 50, (0.6, 1.2, 1.2));
    check_bounds(Kpi::Oee, 40.0, 0, (0.8, 0.8, 0.8));
}

#[test]
fn effectiveness_of_one_is_not_above_it_by_rounding() {
    let elements = Elements {
        run: Duration::from_millis(300),
        ..Elements::default()
    };
    assert_eq!(
        figures(&elements, &Output::of(Some(0.1), 3.0, 0.0, 0.0)).doubts,
        []
    );
}

#[test]
fn orders_and_customers_have_figures_of_their_own() {
    let all = figures(&seconds(100, 20, 0), &Output::of(Some(1.0), 60.0, 6.0, 0.0));
    let order = OrderFigures::of(&all, Duration::from_mins(1));
    close(order.throughput_per_s, 1.0);
    close(order.production_process_ratio, 100.0 / 60.0);
    close(order.allocation_ratio, 2.0);
    close(takt_s(Duration::from_mins(2), 60.0), 2.0);
    assert_eq!(takt_s(Duration::from_mins(2), 0.0), None);
    assert_eq!(takt_s(Duration::ZERO, 5.0), None);
    close(all.production_rate_per_s, 0.6);
    assert_eq!(LossModel::from_name("tpm"), Some(LossModel::Tpm));
    assert_eq!(LossModel::from_name("six"), None);
    assert_eq!(Doubt::NoIdealCycle.as_str(), "no_ideal_cycle");
}

#[test]
fn what_others_cause_does_not_lower_stand_alone_availability() {
    let elements = Elements {
        external: Duration::from_secs(50),
        ..seconds(50, 0, 0)
    };
    let all = figures(&elements, &Output::default());
    close(all.availability, 0.5);
    close(all.stand_alone_availability, 1.0);
    close(all.allocation_efficiency, 1.0);
}

proptest! {
    /// OEE = availability * effectiveness * quality, the same in both loss models.
    #[test]
    fn oee_is_the_product_of_its_factors(
        times in prop::array::uniform8(1_u64..100_000),
        products in prop::collection::vec((0.01_f64..100.0, 1_u32..10_000, 0.0_f64..0.4, 0.0_f64..0.4), 1..5),
        policy in 0_usize..3,
    ) {
        let [run, setup, stop, minor, external, idle, unknown, planned] = times.map(Duration::from_secs);
        let elements = Elements {
            planned, run, setup, stop, minor, external, idle, unknown, unscheduled: Duration::ZERO,
        };
        let mut output = Output::default();
        for (pru, pieces, scrap, rework) in products {
            let pieces = f64::from(pieces);
            output += &Output::of(Some(pru), pieces, pieces * scrap, pieces * rework);
        }
        let unknown = [UnknownPolicy::Exclude, UnknownPolicy::AsDown, UnknownPolicy::AsRun][policy];
        let by = |model| Figures::of(&elements, &output, Rules { model, unknown });
        for figures in [by(LossModel::Iso22400), by(LossModel::Tpm)] {
            let factors = [figures.availability, figures.effectiveness, figures.quality_ratio].into_iter().try_fold(1.0, |p, f| Some(p * f?));
            let oee = figures.oee.unwrap();
            prop_assert!((factors.unwrap() / oee - 1.0).abs() < 1e-9);
            prop_assert!(figures.availability.unwrap() <= 1.0);
            prop_assert_eq!(figures.oee, by(LossModel::Iso22400).oee);
        }
    }
}
