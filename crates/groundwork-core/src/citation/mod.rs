//! Citations: parsing `[n]` out of a stream, and checking each cited sentence against its source.

mod align;
mod basis;
mod check;
mod claim;
mod contradiction;
mod marks;
mod nearest;
mod opposites;
mod verify;

pub use check::{Evidence, Report, check};
pub use claim::{Claim, claims};
pub use marks::{Cleaned, Located, Marks, Tally};
pub use nearest::nearest;
pub use verify::{Reason, Support, Verdict, verify};
