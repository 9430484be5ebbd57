//! What Groundwork decides, pure and synchronous: no I/O, no clock, no randomness, no async.
//! Time and dice are arguments, so every decision can be tested by a table.

pub mod abstention;
pub mod access;
pub mod attributes;
pub mod call;
pub mod citation;
pub mod clock;
pub mod extractive;
pub mod filter;
pub mod followup;
pub mod fusion;
pub mod highlight;
pub mod ids;
pub mod measure;
pub mod mix;
pub mod money;
pub mod near;
pub mod place;
pub mod pool;
pub mod prompt;
pub mod sentence;
pub mod smalltalk;
pub mod standalone;
pub mod tokens;
pub mod turn;
pub mod variety;
mod words;
