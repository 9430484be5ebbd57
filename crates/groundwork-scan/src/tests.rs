//! Every kernel against the plain loop, the plain loop against arithmetic, and the edges of both.

use super::*;
use crate::kernel::{self, Kernel};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Numbers that look random and are the same in every run.
fn random(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

fn unit(dimensions: usize, next: &mut impl FnMut() -> f32) -> Vec<f32> {
    let vector: Vec<f32> = (0..dimensions).map(|_| next()).collect();
    let length = vector.iter().map(|element| element * element).sum::<f32>().sqrt();
    vector.iter().map(|element| element / length).collect()
}

fn matrix(dimensions: usize, vectors: &[Vec<f32>]) -> Codes {
    let mut codes = Codes::with_capacity(dimensions, 0);
    for (row, vector) in (0..).zip(vectors) {
        let quantized = quantize(vector);
        codes.write(row, &quantized.codes, &[quantized.scale]).unwrap();
    }
    codes
}

/// What the scan promises, said as simply as possible: f64 dot products of codes, sorted.
fn expected(dimensions: usize, vectors: &[Vec<f32>], query: &[f32], rows: &Bitmap, k: usize) -> Vec<u32> {
    let codes = matrix(dimensions, vectors);
    let mut scored: Vec<(u32, f32)> =
        kernel::scan(Kernel::Plain, &codes, query, None, vectors.len()).iter().map(|hit| (hit.row, hit.score)).collect();
    scored.retain(|(row, _)| rows.contains(*row));
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.iter().take(k).map(|(row, _)| *row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kernel_gives_the_numbers_of_the_plain_loop(dimensions in 1..300usize, count in 0..300usize, seed: u64, density in 0..=8u64, k in 0..40usize) {
        let mut next = random(seed);
        let vectors: Vec<_> = (0..count).map(|_| unit(dimensions, &mut next)).collect();
        let query = unit(dimensions, &mut next);
        let mut rows = Bitmap::empty(count);
        for row in 0..count as u32 {
            if (next() + 1.0) * 4.0 < density as f32 {
                rows.insert(row);
            }
        }
        let codes = matrix(dimensions, &vectors);
        let plain = kernel::scan(Kernel::Plain, &codes, &query, Some(&rows), k);
        prop_assert_eq!(plain.iter().map(|hit| hit.row).collect::<Vec<_>>(), expected(dimensions, &vectors, &query, &rows, k));
        for kernel in kernel::all() {
            prop_assert_eq!(&kernel::scan(kernel, &codes, &query, Some(&rows), k), &plain, "{:?}", kernel);
        }
    }

    /// The largest codes against the largest query: nothing overflows at any width.
    #[test]
    fn extremes_do_not_overflow(dimensions in 1..5_000usize, sign in prop::bool::ANY) {
        let element = if sign { 1.0 } else { -1.0 };
        let mut codes = Codes::with_capacity(dimensions, 0);
        codes.write(0, &vec![-128; dimensions], &[1.0]).unwrap();
        for kernel in kernel::all() {
            let hit = kernel::scan(kernel, &codes, &vec![element; dimensions], None, 1)[0];
            let exact = -128.0 * element * dimensions as f32;
            prop_assert!((hit.score - exact).abs() <= exact.abs() * 1e-5, "{kernel:?}: {} is not {exact}", hit.score);
        }
    }

    #[test]
    fn bitmaps_are_sets(a in set(), b in set(), extra in 0..700u32) {
        let (bits_a, bits_b) = (bitmap(&a), bitmap(&b));
        let check = |change: fn(&mut Bitmap, &Bitmap), expected: BTreeSet<u32>| {
            let mut bits = bits_a.clone();
            change(&mut bits, &bits_b);
            (bits.iter().collect::<BTreeSet<_>>(), bits.count()) == (expected.clone(), expected.len())
        };
        prop_assert!(check(Bitmap::and, &a & &b));
        prop_assert!(check(Bitmap::and_not, &a - &b));
        prop_assert!(check(Bitmap::or, &a | &b));
        prop_assert_eq!(bits_a.contains(extra), a.contains(&extra));
        let mut without = bits_a.clone();
        without.remove_range(extra / 2..extra);
        prop_assert_eq!(without.iter().collect::<BTreeSet<_>>(), a.iter().copied().filter(|row| !(extra / 2..extra).contains(row)).collect());
        prop_assert_eq!(without.len(), bits_a.len());
    }
}

fn set() -> impl Strategy<Value = BTreeSet<u32>> {
    prop::collection::btree_set(0..600u32, 0..200)
}

fn bitmap(rows: &BTreeSet<u32>) -> Bitmap {
    let mut bitmap = Bitmap::default();
    rows.iter().for_each(|&row| bitmap.insert(row));
    bitmap
}

#[test]
fn a_full_bitmap_ends_where_it_ends() {
    for len in [0, 1, 63, 64, 65, 128, 130] {
        let full = Bitmap::full(len);
        assert_eq!((full.count(), full.contains(len as u32)), (len, false));
        let mut ranged = Bitmap::empty(len);
        ranged.insert_range(0..len as u32);
        assert_eq!(ranged, full);
    }
}

#[test]
fn among_equals_the_lower_row_is_first() {
    let vector = [0.6, 0.8];
    let codes = matrix(2, &vec![vector.to_vec(); 200]);
    for kernel in kernel::all() {
        let rows: Vec<u32> = kernel::scan(kernel, &codes, &vector, None, 5).iter().map(|hit| hit.row).collect();
        assert_eq!(rows, [0, 1, 2, 3, 4]);
    }
}

#[test]
fn a_clone_does_not_see_what_is_written_later_and_rows_cross_segments() {
    let dimensions = 4096;
    let rows = 5_000u32;
    let mut codes = Codes::with_capacity(dimensions, 0);
    let row = |value: i8| vec![value; dimensions];
    for first in (0..rows).step_by(1000) {
        codes.write(first, &row(1).repeat(1000), &[0.001; 1000]).unwrap();
    }
    let before = codes.clone();
    codes.write(2047, &row(5).repeat(3), &[0.001; 3]).unwrap();
    codes.write(4999, &row(3), &[0.001]).unwrap();
    codes.write(6000, &row(2), &[0.001]).unwrap();
    let query = vec![1.0; dimensions];
    let found = |codes: &Codes| scan(codes, &query, None, 5).iter().map(|hit| hit.row).collect::<Vec<_>>();
    assert_eq!(found(&codes), [2047, 2048, 2049, 4999, 6000]);
    assert_eq!(found(&before), [0, 1, 2, 3, 4]);
    assert_eq!((before.len(), codes.len()), (5000, 6001));
}

#[test]
fn what_does_not_fit_is_refused_and_what_cannot_be_asked_finds_nothing() {
    let mut codes = matrix(3, &[vec![1.0, 0.0, 0.0]]);
    assert!(matches!(codes.write(0, &[1, 2], &[1.0]), Err(CodesError::Shape { bytes: 2, rows: 1, dimensions: 3 })));
    assert!(matches!(codes.write(u32::MAX, &[1, 2, 3], &[1.0]), Err(CodesError::TooManyRows { .. })));
    codes.write(0, &[], &[]).unwrap();
    assert_eq!(codes.len(), 1);
    for query in [vec![1.0, 0.0], vec![f32::NAN, 0.0, 0.0], vec![f32::INFINITY, 0.0, 0.0]] {
        assert_eq!(scan(&codes, &query, None, 5), []);
    }
    assert_eq!(scan(&codes, &[0.0, 0.0, 0.0], None, 5), [Hit { row: 0, score: 0.0 }]);
    assert_eq!(scan(&codes, &[1.0, 0.0, 0.0], Some(&Bitmap::empty(1)), 5), []);
    assert_eq!(scan(&Codes::with_capacity(3, 1000), &[1.0, 0.0, 0.0], None, 5), []);
}

#[test]
fn vectors_that_are_no_vectors_are_near_nothing() {
    for vector in [vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0], vec![0.0, 0.0], vec![f32::MIN_POSITIVE / 1e6, 0.0], vec![]] {
        let quantized = quantize(&vector);
        assert!(quantized.scale.is_finite());
        assert!(quantized.codes.iter().all(|code| f32::from(*code) * quantized.scale < 1e-30), "{vector:?}");
    }
}

/// Of the ten nearest by exact arithmetic, at least 999 in 1000 are found by scanning and rescoring the best 30.
#[test]
fn rescoring_finds_the_exact_neighbors() {
    let (dimensions, mut next) = (96, random(7));
    let vectors: Vec<_> = (0..4_000).map(|_| unit(dimensions, &mut next)).collect();
    let halves: Vec<Vec<f16>> = vectors.iter().map(|vector| vector.iter().map(|element| f16::from_f32(*element)).collect()).collect();
    let codes = matrix(dimensions, &vectors);
    let mut found = 0;
    for _ in 0..100 {
        let query = unit(dimensions, &mut next);
        let ranked = |mut scored: Vec<(u32, f32)>| {
            scored.sort_by(|a, b| b.1.total_cmp(&a.1));
            scored.truncate(10);
            scored.into_iter().map(|(row, _)| row).collect::<BTreeSet<_>>()
        };
        let exact = (0..).zip(&vectors).map(|(row, vector)| (row, vector.iter().zip(&query).map(|(a, b)| a * b).sum()));
        let hits = scan(&codes, &query, None, 30);
        let rescored = hits.iter().map(|hit| (hit.row, rescore(&query, &halves[hit.row as usize])));
        found += ranked(exact.collect()).intersection(&ranked(rescored.collect())).count();
    }
    assert!(found >= 999, "{found} of 1000");
}
