//! Who answers: chat targets, embedding models and their tokenizers, one folder per vendor, and the one way out to the network.

pub mod alarm;
mod anthropic;
mod azure_openai;
pub mod catalogue;
mod credential;
pub mod egress;
mod exchange;
mod extractive;
pub mod fake;
pub mod local;
pub mod models;
mod openai;
mod service;
pub mod target;
pub mod tokenizers;
