//! Finds a record that a broker answers by closing the connection, as 3.1.1 brokers do with packets they find too
//! large. Pure.
//!
//! After [`PROBE_AFTER`] connections that got no record across, records are sent one at a time, each only after birth
//! and health were acknowledged. A record that was alone under way at [`STRIKES`] closes in a row is given up. That
//! must stay the exception: a broker that takes nothing at all has another fault, so after [`GIVE_UPS`] records given
//! up without one acknowledged in between nothing more is.

use crate::record::Lane;

/// Useless connections before records are sent one at a time.
const PROBE_AFTER: u32 = 2;
/// Closes with the same record alone under way before it is given up.
const STRIKES: u32 = 3;
/// Records given up, for this or after refusals, without an acknowledged one in between.
const GIVE_UPS: u32 = 3;

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Suspect {
    useless: u32,
    strikes: u32,
    record: Option<(Lane, u64)>,
    given_up: u32,
}

impl Suspect {
    /// The broker has taken a record.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether records are to be sent one at a time.
    pub(super) const fn is_probing(&self) -> bool {
        self.useless >= PROBE_AFTER
    }

    /// The broker closed a connection that got no record across, with `oldest` the oldest record under way. The
    /// record to give up, if it is found.
    pub(super) fn closed(&mut self, oldest: Option<(Lane, u64)>) -> Option<(Lane, u64)> {
        let oldest = oldest?;
        if !self.is_probing() {
            self.useless += 1;
            return None;
        }
        if self.record != Some(oldest) {
            self.record = Some(oldest);
            self.strikes = 0;
        }
        self.strikes += 1;
        if self.strikes < STRIKES || !self.may_give_up() {
            return None;
        }
        self.strikes = 0;
        Some(oldest)
    }

    /// Whether another record may be given up.
    pub(super) const fn may_give_up(&self) -> bool {
        self.given_up < GIVE_UPS
    }

    /// Notes that a record was given up.
    pub(super) fn gave_up(&mut self) {
        self.given_up = self.given_up.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Option<(Lane, u64)> = Some((Lane::Telemetry, 7));
    const B: Option<(Lane, u64)> = Some((Lane::Telemetry, 8));

    fn closes(suspect: &mut Suspect, records: &[Option<(Lane, u64)>]) -> Option<(Lane, u64)> {
        records.iter().filter_map(|r| suspect.closed(*r)).last()
    }

    #[test]
    fn a_record_is_given_up_only_after_standing_alone_three_times() {
        let mut suspect = Suspect::default();
        assert_eq!(closes(&mut suspect, &[A, A]), None);
        assert!(suspect.is_probing());
        assert_eq!(closes(&mut suspect, &[A, A]), None);
        assert_eq!(suspect.closed(A), A);
    }

    #[test]
    fn closes_at_other_records_or_at_none_do_not_count() {
        let mut suspect = Suspect::default();
        assert_eq!(closes(&mut suspect, &[None, None, None]), None);
        assert!(!suspect.is_probing());
        assert_eq!(closes(&mut suspect, &[A, A, A, A, B, A, A, None]), None);
        assert_eq!(suspect.closed(A), A);
    }

    #[test]
    fn an_acknowledged_record_clears_the_suspicion() {
        let mut suspect = Suspect::default();
        closes(&mut suspect, &[A, A, A, A]);
        suspect.clear();
        assert!(!suspect.is_probing());
        assert_eq!(closes(&mut suspect, &[A, A, A, A]), None);
    }

    #[test]
    fn a_broker_that_takes_nothing_gets_no_more_given_up() {
        let mut suspect = Suspect::default();
        for _ in 0..GIVE_UPS {
            assert!(suspect.may_give_up());
            suspect.gave_up();
        }
        assert_eq!(closes(&mut suspect, &[A; 20]), None);
        suspect.clear();
        assert!(suspect.may_give_up());
    }
}
