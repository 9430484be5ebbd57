//! Citations: parsing `[n]` out of a stream, and checking each cited sentence against its source.

mod check;
mod marks;

pub use check::{Claim, Reason, Report, Support, Verdict, check, claims, verify};
pub use marks::{Located, Marks, Tally};
