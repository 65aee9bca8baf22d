//! What a comparison says about plants whose truth is known.

mod confounding;
mod edges;
mod hints;
mod independent;
mod models;
mod plant;
mod rates;
