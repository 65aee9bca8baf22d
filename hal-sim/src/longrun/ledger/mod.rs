//! The ledger: what really happened, for comparison with what a reader of the recording finds. Its format is drawn in the
//! docs of [`crate::longrun`].

mod assemble;
mod book;
mod entries;

pub(super) use assemble::ledger;
