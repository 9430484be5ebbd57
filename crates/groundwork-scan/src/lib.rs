//! The exact vector scan: i8 codes in one matrix, a bitmap inside the loop, the best rows out, rescored from f16.
//!
//! The only crate where `unsafe` appears: in the kernels, which read vectors with the instructions that the processor has. Each kernel
//! gives the very numbers of the plain loop, and is tested against it.

mod bitmap;
mod codes;
mod kernel;
mod top;

pub use bitmap::Bitmap;
pub use codes::{Codes, CodesError, Quantized, quantize};

use half::f16;
use half::slice::HalfFloatSliceExt;
use kernel::Kernel;

/// A row and how well it answers: the dot product of unit vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub row: u32,
    pub score: f32,
}

/// The `k` best rows of `codes` among those set in `rows` (all, when `None`), best first, the lower row first among equals. A query that
/// is not finite, or has not the matrix's dimensions, finds nothing.
pub fn scan(codes: &Codes, query: &[f32], rows: Option<&Bitmap>, k: usize) -> Vec<Hit> {
    kernel::scan(Kernel::of_this_machine(), codes, query, rows, k)
}

/// The dot product at the precision of the stored vector; for the best rows of a scan. What one has and the other has not counts nothing.
pub fn rescore(query: &[f32], vector: &[f16]) -> f32 {
    let mut floats = [0.0; 64];
    let blocks = query.chunks(floats.len()).zip(vector.chunks(floats.len()));
    blocks
        .map(|(query, vector)| {
            let floats = &mut floats[..vector.len()];
            vector.convert_to_f32_slice(floats);
            query.iter().zip(floats).map(|(a, b)| a * *b).sum::<f32>()
        })
        .sum()
}

#[cfg(test)]
mod tests;
