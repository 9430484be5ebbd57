//! The matrix of codes.

/// A unit vector as small integers: element = code x scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantized {
    pub codes: Vec<i8>,
    pub scale: f32,
}

/// Quantizes a vector by its largest element. A vector that is not finite, or all zero, has scale 0 and is never near anything.
pub fn quantize(vector: &[f32]) -> Quantized {
    unimplemented!("{vector:?}")
}

/// Why rows could not be put into a matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodesError {
    #[error("{bytes} bytes of codes are not {rows} rows of {dimensions} dimensions")]
    Shape { bytes: usize, rows: usize, dimensions: usize },
}

/// Codes of all slots, one row each, contiguous in memory.
#[derive(Debug, Clone)]
pub struct Codes {
    dimensions: usize,
}

impl Codes {
    /// An empty matrix with room for `rows`.
    pub fn with_capacity(dimensions: usize, rows: usize) -> Self {
        unimplemented!("{dimensions} {rows}")
    }

    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes rows from `first` on, `scales.len()` of them; the matrix grows as needed, and rows never written are zero.
    pub fn write(&mut self, first: u32, codes: &[i8], scales: &[f32]) -> Result<(), CodesError> {
        unimplemented!("{first} {codes:?} {scales:?}")
    }

    /// The same from bytes as the store keeps them.
    pub fn write_bytes(&mut self, first: u32, codes: &[u8], scales: &[f32]) -> Result<(), CodesError> {
        unimplemented!("{first} {codes:?} {scales:?}")
    }
}
