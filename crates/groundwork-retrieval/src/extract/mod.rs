//! Bytes of a file → one block tree with provenance. Every parser runs in a confined child process (`sandbox`).

pub mod document;
