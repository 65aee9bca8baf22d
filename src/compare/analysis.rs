//! The entry points: one comparison, or the same one for several metrics.

use super::error::CompareError;
use super::frame::Frame;
use super::load::load;
use super::multiple::benjamini_hochberg;
use super::report::{Report, Verdict};
use super::request::Request;
use super::study::Study;

/// Expected share of false differences over all metrics.
const Q_MAX: f64 = 0.05;

/// Compares the levels of a group at the same circumstances.
pub fn compare(request: &Request, frame: &Frame) -> Result<Report, CompareError> {
    let loaded = load(request, frame)?;
    let mut study = Study::new(request, frame, loaded);
    study.leave_out_small();
    study.leave_out_confounded()?;
    study.restrict_to_support();
    let fitted = study.fit()?;
    Ok(study.report(fitted.as_ref()))
}

/// Compares several metrics of the same records, with the false discovery rate over all their pairs (Benjamini and
/// Hochberg). A difference that may be one of the false ones becomes inconclusive. Fails on the first request that
/// cannot be used.
pub fn compare_metrics(requests: &[Request], frame: &Frame) -> Result<Vec<Report>, CompareError> {
    let mut reports = Vec::with_capacity(requests.len());
    for request in requests {
        reports.push(compare(request, frame)?);
    }
    let p: Vec<f64> = reports
        .iter()
        .flat_map(|report| &report.pairs)
        .filter_map(|pair| Some(pair.estimate.as_ref()?.reported_test().p_tukey))
        .collect();
    let mut q = benjamini_hochberg(&p).into_iter();
    for report in &mut reports {
        correct(report, &mut q);
    }
    Ok(reports)
}

/// Hands each estimated pair its q-value, and takes back what is no longer a difference.
fn correct(report: &mut Report, q: &mut impl Iterator<Item = f64>) {
    for pair in &mut report.pairs {
        let Some(q) = pair.estimate.as_ref().and_then(|_| q.next()) else {
            continue;
        };
        pair.q_across_metrics = Some(q);
        if pair.verdict == Verdict::Difference && q >= Q_MAX {
            pair.verdict = Verdict::Inconclusive;
            pair.sentence
                .push_str(" Among all metrics compared this may be chance.");
            let (a, b) = (&pair.a, &pair.b);
            report.hints.retain(|hint| {
                let levels = [&hint.better, &hint.other];
                !(levels.contains(&a) && levels.contains(&b))
            });
        }
    }
    if report.model.is_some() {
        let verdicts = report.pairs.iter().map(|pair| pair.verdict);
        report.verdict = verdicts.min().unwrap_or(report.verdict);
        report.sentences = report
            .pairs
            .iter()
            .map(|pair| pair.sentence.clone())
            .collect();
    }
}
