//! A group against the reference, on simulated plants, and on what must not happen.

mod faults;
mod hostile;
mod plant;
mod promises;
mod reference;
mod stored;
