//! Prompt-cache affinity: prompts that begin alike go to the same deployment, because a provider's prompt cache knows only what it has
//! seen itself; not beyond what that deployment can bear.

use crate::mix::mix;

/// What calls that should meet again have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

/// Load above the mean that a deployment bears for the sake of its cache.
const BOUND: f64 = 1.25;

impl Key {
    /// Of parts such as tenant and prefix. The parts do not run into each other.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        // FNV-1a: the same in every process, replica and release.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        for part in parts {
            part.iter().copied().for_each(&mut eat);
            (part.len() as u64).to_le_bytes().into_iter().for_each(&mut eat);
        }
        Self(hash)
    }
}

/// The deployments in the order of their claim to `key`: rendezvous hashing, so that one that comes or goes moves only its own part.
/// `names` are the deployments' names with their weights; the result are positions in it.
pub fn in_order(key: Key, names: &[(&str, u32)]) -> Vec<usize> {
    let mut claims: Vec<(f64, usize)> = names.iter().enumerate().map(|(at, (name, weight))| (claim(key, name, *weight), at)).collect();
    claims.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    claims.into_iter().map(|(_, at)| at).collect()
}

/// Whether one that has `in_flight` calls may take another, of `total` in its tier, for a key's sake. `part` is its weight's part of all.
pub fn within_bound(in_flight: u32, total: u32, part: f64) -> bool {
    f64::from(in_flight + 1) <= ((f64::from(total) + 1.0) * part * BOUND).ceil()
}

fn claim(key: Key, name: &str, weight: u32) -> f64 {
    let Key(own) = Key::of([name.as_bytes()]);
    // From 0 to 1, both excluded.
    let unit = ((mix(key.0 ^ mix(own)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(weight) / unit.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [(&str, u32); 4] = [("east/gpt", 1), ("west/gpt", 1), ("north/gpt", 1), ("south/gpt", 2)];

    fn key(number: u32) -> Key {
        Key::of([&b"tenant"[..], &number.to_le_bytes()])
    }

    #[test]
    fn keys_spread_by_weight_and_stay_where_they_are() {
        let mut counts = [0; 4];
        for number in 0..10_000 {
            let order = in_order(key(number), &NAMES);
            assert_eq!(order, in_order(key(number), &NAMES));
            counts[order[0]] += 1;
        }
        assert!(counts[..3].iter().all(|count| (1800..=2200).contains(count)) && (3700..=4300).contains(&counts[3]), "{counts:?}");
    }

    #[test]
    fn one_that_goes_moves_only_its_own_keys() {
        for number in 0..1000 {
            let before = in_order(key(number), &NAMES);
            let after = in_order(key(number), &NAMES[..3]);
            let expected: Vec<usize> = before.into_iter().filter(|at| *at < 3).collect();
            assert_eq!(after, expected);
        }
    }

    #[test]
    fn tenant_and_prefix_do_not_run_into_each_other() {
        assert_ne!(Key::of([&b"ab"[..], b"c"]), Key::of([&b"a"[..], b"bc"]));
    }

    #[test]
    fn the_load_that_affinity_may_cause_is_bounded() {
        // With nothing running the first call is always welcome.
        assert!(within_bound(0, 0, 0.1));
        // All calls of one key: the favourite never has more than its part and a quarter, rounded up.
        let (mut favourite, mut total) = (0, 0);
        for _ in 0..1000 {
            if within_bound(favourite, total, 0.5) {
                favourite += 1;
            }
            total += 1;
        }
        assert!((620..=626).contains(&favourite), "{favourite}");
    }
}
