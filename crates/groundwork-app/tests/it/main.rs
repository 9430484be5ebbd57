//! The application through its front door: real SQLite in a temporary folder, a clock that stands still, counting dice, a scripted model
//! and a cheap embedder that always gives the same vectors.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]
#![expect(clippy::needless_pass_by_value, reason = "bodies are made for the call that they are given to")]

mod answers;
mod batches;
mod chaos;
mod conversations;
mod declarations;
mod documents;
mod files;
mod first_pass;
mod fixture;
mod ledger;
mod money;
mod odd_servers;
mod permissions;
mod refusals;
mod reranking;
mod responses;
mod routing;
mod surroundings;
mod upstream;
