//! Retrieval through its front doors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod attachments;
mod crash;
mod first_pass;
#[path = "../ground.rs"]
mod ground;
mod ingest;
mod sandbox;
