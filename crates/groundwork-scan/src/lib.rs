//! The exact vector scan: i8 codes in one matrix, a bitmap inside the loop, the best rows out, rescored from f16.
//!
//! The only crate where `unsafe` appears: in the kernels, which read vectors with the instructions the processor has, and in the
//! matrix, which asks the system for large pages. Each kernel is tested against the plain loop.

mod bitmap;
mod codes;

pub use bitmap::Bitmap;
pub use codes::{Codes, CodesError, Quantized, quantize};

use half::f16;

/// A row and how well it answers: the dot product of unit vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub row: u32,
    pub score: f32,
}

/// The `k` best rows of `codes` among those set in `rows` (all, when `None`), best first, the lower row first among equals.
/// `query` has the matrix's dimensions, else nothing is found.
pub fn scan(codes: &Codes, query: &[f32], rows: Option<&Bitmap>, k: usize) -> Vec<Hit> {
    unimplemented!("{codes:?} {query:?} {rows:?} {k}")
}

/// The dot product at the precision of the stored vector; for the best rows of a scan.
pub fn rescore(query: &[f32], vector: &[f16]) -> f32 {
    unimplemented!("{query:?} {vector:?}")
}
