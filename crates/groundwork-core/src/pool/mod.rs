//! How a call finds a deployment that answers it. Nothing here asks anyone: these are the decisions, as small machines that are told the
//! time and the dice and that forget with the process.
//!
//! `Deployment` is what is known of one deployment (its breaker, its load, its latency, its quota); `choose` and `affinity` pick among
//! several; `failure` says what a failed attempt means for the call and for the deployment; `share` keeps retries and hedges to a
//! fraction of the calls; `queue` keeps one caller from standing in front of all others.

mod affinity;
mod backoff;
mod breaker;
mod choose;
mod deployment;
mod failure;
mod latency;
mod outlier;
mod queue;
mod quota;
mod share;
mod window;

use crate::mix::mix;

pub use affinity::{Key, in_order, within_bound};
pub use backoff::Backoff;
pub use breaker::{Breaker, Passage, Phase};
pub use choose::{Candidate, choose};
pub use deployment::{Availability, Deployment, Ended, Kind, Limits, Rest, Snapshot, Ticket, Why};
pub use failure::{Failure, Next};
pub use latency::Latency;
pub use outlier::is_outlier;
pub use queue::{Fair, Full};
pub use quota::{Quota, Told};
pub use share::Share;
pub use window::{Counts, Window};

/// A number from 0 (included) to 1 (excluded) out of random bits.
fn unit(dice: u128) -> f64 {
    // 53 bits are what a double holds. The low bits are spread first: counting dice differ in them only.
    (mix(dice as u64) >> 11) as f64 / (1_u64 << 53) as f64
}
