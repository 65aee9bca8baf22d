//! One machine through the days: a discrete-event simulation in simulated time.
//!
//! Parts finish whenever they finish; everything else - states, orders, stops - begins and ends on the sampling grid, so that
//! who holds each sampled state until the next sample knows the seconds of every state exactly. Stops are Poisson
//! processes in running time: each waits for a budget drawn from the unit exponential distribution, which is
//! used up at the rate that holds at the moment, so that rates may change in between without bias.

mod orders;
mod parts;
mod simulation;
mod stops;

pub(super) use simulation::simulate;
