//! Who answers: chat targets, embedding models and their tokenizers, one folder per vendor, and the one way out to the network.

mod azure_openai;
pub mod catalogue;
pub mod egress;
mod extractive;
pub mod fake;
pub mod local;
pub mod models;
mod openai;
pub mod target;
pub mod tokenizers;
