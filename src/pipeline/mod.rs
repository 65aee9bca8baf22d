//! The chain from samples to records: validation, detection, alerting, summaries, report by exception.
