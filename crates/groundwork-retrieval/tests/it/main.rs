//! Retrieval through its front doors.

mod crash;
mod sandbox;
