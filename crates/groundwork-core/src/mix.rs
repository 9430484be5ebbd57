//! The mixing function of SplitMix64, which makes numbers that look random of numbers that do not
//! (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).

/// What the generator's state grows by with each number that it gives.
pub const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number that the generator gives in the state `number`: every bit of the one moves every bit of the other.
pub fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(STEP);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_generator() {
        assert_eq!([mix(0), mix(STEP)], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }
}
