//! The loop over the rows, and the dot product that each kind of processor does best.
//!
//! A row is i8, the query is i16: widening costs nothing where memory is the limit, and leaves the codes as the only thing that is
//! rounded. All arithmetic before the last multiplication is in whole numbers, so every kernel gives the same scores.

use crate::codes::{BLOCK, Segment, nearest};
use crate::top::Top;
use crate::{Bitmap, Codes, Hit};

/// From this many set bits of a word on, computing all its 64 rows is faster than jumping from bit to bit.
const DENSE: u32 = 40;
/// How many rows ahead memory is asked.
const AHEAD: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kernel {
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Plain,
}

/// A query as a kernel reads it.
pub(crate) struct Query {
    /// As many as a row has bytes.
    elements: Vec<i16>,
    /// What one step of an element is worth.
    scale: f32,
}

impl Query {
    /// `None` for a query that nothing can answer.
    pub(crate) fn new(query: &[f32], codes: &Codes) -> Option<Self> {
        let largest = query.iter().fold(0.0f32, |largest, element| largest.max(element.abs()));
        if query.len() != codes.dimensions() || !query.iter().all(|element| element.is_finite()) {
            return None;
        }
        // No sum of products, nor any part of it, leaves an i32.
        let limit = (i32::MAX / 128 / codes.stride() as i32).clamp(1, i32::from(i16::MAX)) as f32;
        let scale = largest / limit;
        let mut elements = vec![0; codes.stride()];
        if scale > 0.0 {
            for (to, from) in elements.iter_mut().zip(query) {
                *to = nearest(from / scale) as i16;
            }
        }
        Some(Self { elements, scale })
    }
}

impl Kernel {
    /// The fastest that this processor has.
    pub(crate) fn of_this_machine() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let (bits, avx2) = (is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt"), is_x86_feature_detected!("avx2"));
            let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
            if bits && avx512 && is_x86_feature_detected!("avx512vnni") {
                return Self::Avx512Vnni;
            }
            if bits && avx2 {
                return Self::Avx2;
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            return Self::Neon;
        }
        Self::Plain
    }
}

pub(crate) fn scan(kernel: Kernel, codes: &Codes, query: &[f32], rows: Option<&Bitmap>, k: usize) -> Vec<Hit> {
    let Some(query) = Query::new(query, codes) else { return vec![] };
    let mut top = Top::new(k.min(codes.len()));
    for (first, segment) in codes.segments() {
        let asked_for = rows.map(|rows| rows.words().get(first / 64..).unwrap_or_default());
        let sweep = Sweep { first, rows: codes.len().saturating_sub(first).min(segment.len()), segment, asked_for, query: &query };
        match kernel {
            // SAFETY: a kernel other than the plain one is only made where the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512Vnni => unsafe { sweep.avx512_vnni(&mut top) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => unsafe { sweep.avx2(&mut top) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon => unsafe { sweep.neon(&mut top) },
            Kernel::Plain => sweep.run(&mut top, plain),
        }
    }
    top.into_hits()
}

/// One segment's part of a scan.
struct Sweep<'a> {
    first: usize,
    rows: usize,
    segment: &'a Segment,
    /// The bitmap's words from the segment's first row on.
    asked_for: Option<&'a [u64]>,
    query: &'a Query,
}

type Block = [u8; BLOCK];
type QueryBlock = [i16; BLOCK];

/// What is inlined into the kernels below is compiled with their instructions; a closure in between would not be.
impl Sweep<'_> {
    #[inline(always)]
    fn run(&self, top: &mut Top, dot: impl Fn(&[Block], &[QueryBlock]) -> i32) {
        // Rows that are far from each other are asked of the memory a few ahead of their turn.
        let mut ahead = [0usize; AHEAD];
        let (mut asked, mut done) = (0usize, 0usize);
        for from in (0..self.rows).step_by(64) {
            let mut word = self.word(from);
            if word == 0 {
                continue;
            }
            if word.count_ones() < DENSE {
                while word != 0 {
                    let at = from + word.trailing_zeros() as usize;
                    word &= word - 1;
                    if asked - done == AHEAD {
                        self.offer(top, ahead[done % AHEAD], &dot);
                        done += 1;
                    }
                    prefetch(self.row(at));
                    ahead[asked % AHEAD] = at;
                    asked += 1;
                }
                continue;
            }
            for turn in done..asked {
                self.offer(top, ahead[turn % AHEAD], &dot);
            }
            done = asked;
            let mut scores = [0.0; 64];
            let scores = &mut scores[..(self.rows - from).min(64)];
            for (at, score) in scores.iter_mut().enumerate() {
                *score = self.score(from + at, &dot);
            }
            for (at, &score) in scores.iter().enumerate() {
                if word >> at & 1 == 1 {
                    top.offer((self.first + from + at) as u32, score);
                }
            }
        }
        for turn in done..asked {
            self.offer(top, ahead[turn % AHEAD], &dot);
        }
    }

    #[inline(always)]
    fn offer(&self, top: &mut Top, at: usize, dot: &impl Fn(&[Block], &[QueryBlock]) -> i32) {
        top.offer((self.first + at) as u32, self.score(at, dot));
    }

    #[inline(always)]
    fn score(&self, at: usize, dot: &impl Fn(&[Block], &[QueryBlock]) -> i32) -> f32 {
        dot(self.row(at), self.query.elements.as_chunks().0) as f32 * self.segment.scales()[at] * self.query.scale
    }

    #[inline(always)]
    fn row(&self, at: usize) -> &[Block] {
        let width = self.query.elements.len() / BLOCK;
        &self.segment.bytes().as_chunks().0[at * width..(at + 1) * width]
    }

    /// Which of the 64 rows from `from` on are asked for.
    #[inline(always)]
    fn word(&self, from: usize) -> u64 {
        let word = match self.asked_for {
            Some(words) => words.get(from / 64).copied().unwrap_or(0),
            None => u64::MAX,
        };
        if self.rows - from < 64 { word & !(u64::MAX << (self.rows - from)) } else { word }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,bmi1,popcnt")]
    fn avx512_vnni(&self, top: &mut Top) {
        self.run(top, |blocks, query| x86::avx512_vnni(blocks, query));
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn avx2(&self, top: &mut Top) {
        self.run(top, |blocks, query| x86::avx2(blocks, query));
    }

    #[cfg(target_arch = "aarch64")]
    #[target_feature(enable = "neon")]
    fn neon(&self, top: &mut Top) {
        self.run(top, |blocks, query| arm::neon(blocks, query));
    }
}

/// Asks the memory for a row; its blocks are cache lines.
#[inline(always)]
fn prefetch(row: &[Block]) {
    #[cfg(target_arch = "x86_64")]
    for block in row {
        // SAFETY: every x86-64 processor has the instruction, and it reads nothing.
        unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(block.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

fn plain(blocks: &[Block], query: &[QueryBlock]) -> i32 {
    let products =
        blocks.as_flattened().iter().zip(query.as_flattened()).map(|(code, element)| i32::from(code.cast_signed()) * i32::from(*element));
    products.sum()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Block, QueryBlock};
    use std::arch::x86_64::*;
    use std::mem::transmute;

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    #[inline]
    pub(super) fn avx512_vnni(blocks: &[Block], query: &[QueryBlock]) -> i32 {
        let mut sums = [_mm512_setzero_si512(); 2];
        for (at, block) in blocks.iter().enumerate() {
            // SAFETY: arrays of plain integers become vectors of the same size.
            let (codes, elements) = unsafe { (transmute::<Block, [__m256i; 2]>(*block), transmute::<QueryBlock, [__m512i; 2]>(query[at])) };
            sums[0] = _mm512_dpwssd_epi32(sums[0], _mm512_cvtepi8_epi16(codes[0]), elements[0]);
            sums[1] = _mm512_dpwssd_epi32(sums[1], _mm512_cvtepi8_epi16(codes[1]), elements[1]);
        }
        _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn avx2(blocks: &[Block], query: &[QueryBlock]) -> i32 {
        let mut sums = [_mm256_setzero_si256(); 4];
        for (at, block) in blocks.iter().enumerate() {
            // SAFETY: arrays of plain integers become vectors of the same size.
            let (codes, elements) = unsafe { (transmute::<Block, [__m128i; 4]>(*block), transmute::<QueryBlock, [__m256i; 4]>(query[at])) };
            for ((sum, codes), elements) in sums.iter_mut().zip(codes).zip(elements) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(_mm256_cvtepi8_epi16(codes), elements));
            }
        }
        let sum = _mm256_add_epi32(_mm256_add_epi32(sums[0], sums[1]), _mm256_add_epi32(sums[2], sums[3]));
        let sum = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
        let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
        _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum)))
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{Block, QueryBlock};
    use std::arch::aarch64::*;
    use std::mem::transmute;

    #[target_feature(enable = "neon")]
    #[inline]
    pub(super) fn neon(blocks: &[Block], query: &[QueryBlock]) -> i32 {
        let mut sums = [vdupq_n_s32(0); 4];
        for (at, block) in blocks.iter().enumerate() {
            // SAFETY: arrays of plain integers become vectors of the same size.
            let (codes, elements) =
                unsafe { (transmute::<Block, [int8x16_t; 4]>(*block), transmute::<QueryBlock, [[int16x8_t; 2]; 4]>(query[at])) };
            for ((sum, codes), [low, high]) in sums.iter_mut().zip(codes).zip(elements) {
                let (first, second) = (vmovl_s8(vget_low_s8(codes)), vmovl_high_s8(codes));
                *sum = vmlal_high_s16(vmlal_s16(*sum, vget_low_s16(first), vget_low_s16(low)), first, low);
                *sum = vmlal_high_s16(vmlal_s16(*sum, vget_low_s16(second), vget_low_s16(high)), second, high);
            }
        }
        vaddvq_s32(vaddq_s32(vaddq_s32(sums[0], sums[1]), vaddq_s32(sums[2], sums[3])))
    }
}

/// Every kernel that this processor can run.
#[cfg(test)]
pub(crate) fn all() -> Vec<Kernel> {
    let best = Kernel::of_this_machine();
    #[cfg(target_arch = "x86_64")]
    let second = (best == Kernel::Avx512Vnni && is_x86_feature_detected!("avx2")).then_some(Kernel::Avx2);
    #[cfg(not(target_arch = "x86_64"))]
    let second = None;
    [Kernel::Plain, best].into_iter().chain(second).collect()
}
