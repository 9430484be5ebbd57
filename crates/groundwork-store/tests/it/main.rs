//! What every back-end of the store must do, through its public functions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![expect(clippy::single_range_in_vec_init, reason = "one range of slots is a list of ranges, not of slots")]

mod blobs;
mod dialogue;
mod first_pass;
mod fixture;
mod flip;
mod history;
mod jobs;
mod kept;
mod ledger;
mod lock;
mod objects;
mod opening;
mod permissions;
mod wal;
