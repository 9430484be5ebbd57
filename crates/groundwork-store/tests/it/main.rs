//! What every back-end of the store must do, through its public functions.

mod blobs;
mod fixture;
mod flip;
mod jobs;
mod ledger;
mod lock;
mod objects;
mod opening;
mod permissions;
