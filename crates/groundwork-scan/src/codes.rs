//! The matrix of codes.

use memmap2::MmapMut;
use std::sync::Arc;

/// Rows are padded with zeros to whole blocks, so that kernels have no tails.
pub(crate) const BLOCK: usize = 64;
/// A segment is what a change copies while a scan still reads the old one: large enough for large pages, small enough to copy in a
/// millisecond.
const SEGMENT_BYTES: usize = 8 << 20;
/// Below this a large page would be mostly air.
const LARGE_PAGE: usize = 2 << 20;

/// A unit vector as small integers: element = code x scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantized {
    pub codes: Vec<i8>,
    pub scale: f32,
}

/// Quantizes a vector by its largest element. A vector that is not finite, or all zero, has scale 0 and is never near anything.
pub fn quantize(vector: &[f32]) -> Quantized {
    let largest = vector.iter().fold(0.0f32, |largest, element| largest.max(element.abs()));
    let finite = vector.iter().all(|element| element.is_finite());
    let scale = if finite { largest / 127.0 } else { 0.0 };
    // The smallest floats divide to zero; so close to nothing, they are nothing.
    let codes = match scale {
        0.0 => vec![0; vector.len()],
        _ => vector.iter().map(|element| nearest(element / scale) as i8).collect(),
    };
    Quantized { codes, scale }
}

/// The nearest whole number, away from zero between two; without the library call that `round` is on older processors.
#[inline(always)]
pub(crate) fn nearest(number: f32) -> i32 {
    (number + 0.5f32.copysign(number)) as i32
}

/// Why rows could not be put into a matrix. The matrix is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CodesError {
    #[error("{bytes} bytes of codes are not {rows} rows of {dimensions} dimensions")]
    Shape { bytes: usize, rows: usize, dimensions: usize },
    #[error("rows from {first} on do not fit: a matrix has at most {} rows", u32::MAX)]
    TooManyRows { first: u32 },
    #[error("no memory for the matrix of codes: {0}")]
    Memory(#[from] std::io::Error),
}

/// Codes of all slots, one row each. A clone is cheap and does not see later writes: a scan takes one and is undisturbed.
#[derive(Debug, Clone)]
pub struct Codes {
    dimensions: usize,
    stride: usize,
    rows: usize,
    segments: Vec<Arc<Segment>>,
}

#[derive(Debug)]
pub(crate) struct Segment {
    /// `stride` bytes a row.
    bytes: MmapMut,
    /// One a row; its length is the number of rows there is room for.
    scales: Vec<f32>,
}

impl Codes {
    /// A matrix without rows, and with memory for `rows` as far as there is any.
    pub fn with_capacity(dimensions: usize, rows: usize) -> Self {
        let mut codes = Self { dimensions, stride: dimensions.next_multiple_of(BLOCK).max(BLOCK), rows: 0, segments: vec![] };
        // Without memory now, the write that needs it will say so.
        let _ = codes.grow(rows);
        codes
    }

    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes of memory that the rows take.
    pub fn bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.bytes.len() + segment.scales.len() * size_of::<f32>()).sum()
    }

    /// Writes rows from `first` on, one for each of `scales`; the matrix grows as needed, and rows never written are zero.
    pub fn write(&mut self, first: u32, codes: &[i8], scales: &[f32]) -> Result<(), CodesError> {
        let bytes: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
        self.write_bytes(first, &bytes, scales)
    }

    /// The same from bytes as the store keeps them: each is an i8.
    pub fn write_bytes(&mut self, first: u32, codes: &[u8], scales: &[f32]) -> Result<(), CodesError> {
        if codes.len() != scales.len() * self.dimensions {
            return Err(CodesError::Shape { bytes: codes.len(), rows: scales.len(), dimensions: self.dimensions });
        }
        let end = first as usize + scales.len();
        if end > u32::MAX as usize {
            return Err(CodesError::TooManyRows { first });
        }
        self.grow(end)?;
        let per_segment = self.rows_per_segment();
        let mut written = 0;
        while written < scales.len() {
            let row = first as usize + written;
            let (segment, at) = (row / per_segment, row % per_segment);
            let count = (per_segment - at).min(scales.len() - written);
            let codes = &codes[written * self.dimensions..(written + count) * self.dimensions];
            let segment = Segment::unshared(&mut self.segments[segment], self.stride)?;
            segment.write(at, self.stride, codes, &scales[written..written + count]);
            written += count;
        }
        self.rows = self.rows.max(end);
        Ok(())
    }

    /// The segments in the order of their rows, each with its first row.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (usize, &Segment)> {
        let per_segment = self.rows_per_segment();
        self.segments.iter().enumerate().map(move |(at, segment)| (at * per_segment, segment.as_ref()))
    }

    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// A multiple of 64, so that a segment begins with a word of a bitmap.
    fn rows_per_segment(&self) -> usize {
        (SEGMENT_BYTES / self.stride / 64).max(1) * 64
    }

    /// Makes room for rows up to `end`. Only the last segment is ever smaller than a whole one, and doubles until it is.
    fn grow(&mut self, end: usize) -> Result<(), CodesError> {
        let whole = self.rows_per_segment();
        for segment in self.segments.len().saturating_sub(1)..end.div_ceil(whole) {
            let needed = (end - segment * whole).min(whole);
            match self.segments.get_mut(segment) {
                Some(existing) if existing.scales.len() >= needed => {}
                Some(existing) => {
                    let room = needed.max(2 * existing.scales.len()).next_multiple_of(64).min(whole);
                    *existing = Arc::new(existing.copy(room, self.stride)?);
                }
                None => self.segments.push(Arc::new(Segment::new(needed.next_multiple_of(64), self.stride)?)),
            }
        }
        Ok(())
    }
}

impl Segment {
    fn new(rows: usize, stride: usize) -> Result<Self, std::io::Error> {
        let bytes = MmapMut::map_anon(rows * stride)?;
        #[cfg(target_os = "linux")]
        if bytes.len() >= LARGE_PAGE {
            // Saves a tenth of a scan's time; a system that has none does without.
            let _ = bytes.advise(memmap2::Advice::HugePage);
        }
        Ok(Self { bytes, scales: vec![0.0; rows] })
    }

    fn copy(&self, rows: usize, stride: usize) -> Result<Self, std::io::Error> {
        let mut copy = Self::new(rows, stride)?;
        copy.bytes[..self.bytes.len()].copy_from_slice(&self.bytes);
        copy.scales[..self.scales.len()].copy_from_slice(&self.scales);
        Ok(copy)
    }

    /// The segment for writing: itself, or a copy when a clone of the matrix still reads it.
    fn unshared(shared: &mut Arc<Self>, stride: usize) -> Result<&mut Self, std::io::Error> {
        if Arc::get_mut(shared).is_none() {
            *shared = Arc::new(shared.copy(shared.scales.len(), stride)?);
        }
        Arc::get_mut(shared).ok_or_else(|| std::io::Error::other("a segment that was just copied is shared"))
    }

    fn write(&mut self, at: usize, stride: usize, codes: &[u8], scales: &[f32]) {
        let dimensions = codes.len() / scales.len();
        let rows = self.bytes[at * stride..].chunks_exact_mut(stride);
        if dimensions > 0 {
            for (row, codes) in rows.zip(codes.chunks_exact(dimensions)) {
                row[..dimensions].copy_from_slice(codes);
            }
        }
        self.scales[at..at + scales.len()].copy_from_slice(scales);
    }

    /// Number of rows there is room for; rows that were never written are zero.
    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn scales(&self) -> &[f32] {
        &self.scales
    }
}
