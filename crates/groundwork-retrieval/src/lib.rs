//! What we know: extract → chunk → embed → index → search. Stands on the store and the scan; an embedder is an async function it is given.

pub mod chunk;
pub mod embed;
pub mod extract;
pub mod index;
pub mod ingest;
pub mod rerank;
pub mod search;

pub use index::title_of;

#[cfg(test)]
mod fixture;
