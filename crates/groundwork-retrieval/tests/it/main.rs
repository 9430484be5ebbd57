//! Retrieval through its front doors.

mod sandbox;
