//! What a lane tells about itself.

use super::core::Lane;
use crate::buffer::incident::Incident;
use crate::buffer::ledger::Ledger;
use crate::buffer::store::Store;

impl<S: Store> Lane<S> {
    /// Highest durable sequence number.
    pub(in crate::buffer) const fn durable(&self) -> u64 {
        self.durable
    }

    /// Highest readable sequence number.
    pub(in crate::buffer) const fn visible(&self) -> u64 {
        self.visible
    }

    /// Highest sequence number given out.
    pub(in crate::buffer) const fn last(&self) -> u64 {
        self.next - 1
    }

    /// Everything up to here is acknowledged.
    pub(in crate::buffer) const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Bytes of records taken in this run.
    pub(in crate::buffer) const fn appended_bytes(&self) -> u64 {
        self.appended_bytes
    }

    /// The medium.
    pub(in crate::buffer) const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// The ledger; whoever changes it calls [`Lane::ledger_changed`].
    pub(in crate::buffer) const fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The ledger must be saved.
    pub(in crate::buffer) const fn ledger_changed(&mut self) {
        self.is_ledger_saved = false;
    }

    /// What is lost.
    pub(in crate::buffer) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is acknowledged, or in the ledger, also after a crash.
    pub(super) fn cursor_saved(&self) -> u64 {
        self.saved.map_or(0, |cursor| cursor.acked)
    }

    /// What the mark notes: where the saved cursor stands, should it be lost.
    pub(super) fn first_owed(&self) -> u64 {
        self.saved
            .map_or_else(|| self.first_held(), |cursor| cursor.acked + 1)
    }

    /// Whether the ledger on disk is the one in memory.
    pub(in crate::buffer) const fn is_ledger_saved(&self) -> bool {
        self.is_ledger_saved
    }

    /// Marks as untold the ranges whose drop record is gone.
    pub(in crate::buffer) fn untell(&mut self, is_gone: impl Fn(u64) -> bool) {
        if self.ledger.untell(is_gone) {
            self.is_ledger_saved = false;
        }
    }

    /// Forgets ranges that the saved cursor has passed and whose drop record is delivered.
    pub(in crate::buffer) fn prune_ledger(&mut self, is_delivered: impl Fn(u64) -> bool) {
        if self.ledger.prune(self.cursor_saved(), is_delivered) {
            self.is_ledger_saved = false;
        }
    }

    /// Whether this record was delivered, and that is on disk.
    pub(in crate::buffer) fn is_delivered(&self, seq: u64) -> bool {
        seq <= self.cursor_saved() && !self.ledger.names(seq)
    }

    /// What happened since the last call.
    pub(in crate::buffer) fn take_incidents(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.incidents)
    }

    /// Records to be delivered.
    pub(in crate::buffer) fn pending_records(&self) -> u64 {
        let all = self.visible - self.cursor;
        all - self.ledger.count_within(self.cursor + 1, self.visible)
    }

    /// The pending records' share of the bytes on disk.
    pub(in crate::buffer) fn pending_bytes(&self) -> u64 {
        let share = |(segment, end): (crate::buffer::store::SegmentInfo, u64)| {
            let records = (end + 1).saturating_sub(segment.first).max(1);
            let pending = (end + 1).saturating_sub(segment.first.max(self.cursor + 1));
            let bytes = u128::from(segment.disk_bytes) * u128::from(pending) / u128::from(records);
            u64::try_from(bytes).unwrap_or(u64::MAX)
        };
        self.spans().into_iter().map(share).sum()
    }

    /// What a verification walks and compares: medium, ledger, cursor, highest durable number.
    pub(in crate::buffer) const fn verify_parts(&mut self) -> (&mut S, &Ledger, u64, u64) {
        (&mut self.store, &self.ledger, self.cursor, self.durable)
    }

    #[cfg(test)]
    pub(in crate::buffer) fn into_store(self) -> S {
        self.store
    }
}
