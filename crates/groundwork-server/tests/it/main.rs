//! Through the front door: the real program on a folder of its own, as its users meet it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]

mod api;
mod commands;
mod contract;
mod crash;
mod disk;
mod documents;
mod entry;
mod evaluation;
mod gate;
mod model;
mod money;
mod process;
mod reranking;
mod streams;
mod world;
