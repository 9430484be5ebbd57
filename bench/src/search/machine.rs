//! What this machine can do, measured in the same run.

use anyhow::{Context, Result};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Bytes a second that one core reads from memory, the best of several passes over far more than the caches hold.
pub fn bandwidth() -> f64 {
    let memory = vec![1_u64; (256 << 20) / 8];
    let pass = || {
        let begun = Instant::now();
        let mut sums = [0_u64; 16];
        for line in memory.chunks_exact(16) {
            for (sum, word) in sums.iter_mut().zip(line) {
                *sum = sum.wrapping_add(*word);
            }
        }
        black_box(sums);
        begun.elapsed()
    };
    let best = (0..12).map(|_| pass()).min().unwrap_or(Duration::MAX);
    (memory.len() * 8) as f64 / best.as_secs_f64()
}

/// The middle and the 99th of a hundred, in milliseconds.
pub fn percentiles(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort_unstable();
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3);
    (at(0.5), at(0.99))
}

/// Bytes of memory that the process holds, what it has mapped of files included.
pub fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
