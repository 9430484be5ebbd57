//! Who answers: chat targets, embedding models and their tokenizers, one folder per vendor, and the one way out to the network.

pub mod catalogue;
pub mod egress;
pub mod fake;
pub mod local;
pub mod models;
pub mod target;
pub mod tokenizers;
