//! What a deployment's quota still allows, as far as it can be known from here: the declared limits, spread over the minute, and what
//! the answers' headers say.

use crate::clock::UnixMs;
use std::time::{Duration, Instant};

/// Estimates of one deployment.
#[derive(Debug, Clone)]
pub struct Quota {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    /// The answers' headers said that nothing is left.
    dry: Option<Dry>,
}

#[derive(Debug, Clone, Copy)]
struct Dry {
    heard: Instant,
    until: Instant,
}

/// Filled evenly. It may be overdrawn by one call, which the next ones wait for: a prompt larger than what a second brings must pass too.
#[derive(Debug, Clone)]
struct Bucket {
    per_minute: u64,
    /// What the headers say when it is less than declared: a limit that the service has lowered for a time.
    lowered: Option<u64>,
    capacity: f64,
    level: f64,
    at: Instant,
}

/// Seconds of quota that may be used at once: requests are metered by the second, tokens over a longer while.
const REQUEST_SECONDS: f64 = 1.0;
const TOKEN_SECONDS: f64 = 6.0;
/// The longest time that headers are believed for.
const LONGEST: Duration = Duration::from_secs(60);

/// What the `x-ratelimit-*` headers of an answer tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    pub limit_requests: Option<u64>,
    pub limit_tokens: Option<u64>,
    pub remaining_requests: Option<u64>,
    pub remaining_tokens: Option<u64>,
    pub reset_requests: Option<Duration>,
    pub reset_tokens: Option<Duration>,
}

impl Quota {
    pub fn new(now: Instant, per_minute_requests: Option<u64>, per_minute_tokens: Option<u64>) -> Self {
        Self {
            requests: per_minute_requests.map(|limit| Bucket::new(now, limit, REQUEST_SECONDS)),
            tokens: per_minute_tokens.map(|limit| Bucket::new(now, limit, TOKEN_SECONDS)),
            dry: None,
        }
    }

    /// Whether the tokens of a call matter at all.
    pub fn counts_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// How long until a call would probably not be refused; nothing when it may go now.
    pub fn wait(&self, now: Instant) -> Duration {
        let dry = self.dry.map_or(Duration::ZERO, |dry| dry.until.saturating_duration_since(now));
        self.declared_wait(now).max(dry)
    }

    /// The same by the declared limits alone.
    pub fn declared_wait(&self, now: Instant) -> Duration {
        let of = |bucket: &Option<Bucket>, needed: f64| bucket.as_ref().map_or(Duration::ZERO, |bucket| bucket.wait(now, needed));
        // A request needs a whole one; tokens may be overdrawn, so any will do.
        of(&self.requests, 1.0).max(of(&self.tokens, f64::EPSILON))
    }

    /// A call of about `tokens` goes out: prompt and longest answer, as services estimate them too.
    pub fn take(&mut self, now: Instant, tokens: u64) {
        if let Some(bucket) = &mut self.requests {
            bucket.take(now, 1.0);
        }
        if let Some(bucket) = &mut self.tokens {
            bucket.take(now, tokens as f64);
        }
    }

    /// A call needed less than was taken for it.
    pub fn give_back(&mut self, now: Instant, tokens: u64) {
        if let Some(bucket) = &mut self.tokens {
            bucket.take(now, -(tokens as f64));
        }
    }

    /// What the headers of an answer to a call that `began` then tell. Answers overtake each other: one to an older call does not say
    /// that there is something again.
    pub fn hear(&mut self, now: Instant, began: Instant, told: &Told) {
        for (bucket, limit) in [(&mut self.requests, told.limit_requests), (&mut self.tokens, told.limit_tokens)] {
            if let (Some(bucket), Some(limit)) = (bucket, limit.filter(|limit| *limit > 0)) {
                bucket.lowered = (limit < bucket.per_minute).then_some(limit);
            }
        }
        let empty = [(told.remaining_requests, told.reset_requests), (told.remaining_tokens, told.reset_tokens)];
        let resets = empty.into_iter().filter(|(remaining, _)| *remaining == Some(0)).filter_map(|(_, reset)| reset);
        match resets.max().map(|reset| now + reset.min(LONGEST)) {
            Some(until) => self.dry = Some(Dry { heard: now, until }),
            None if told.remaining_requests.or(told.remaining_tokens).is_none() => {}
            None => self.dry = self.dry.filter(|dry| began < dry.heard),
        }
    }

    /// Other limits are declared: what was used so far is forgotten where they differ.
    pub fn declare(&mut self, now: Instant, per_minute_requests: Option<u64>, per_minute_tokens: Option<u64>) {
        let declared = Self::new(now, per_minute_requests, per_minute_tokens);
        let differs = |own: &Option<Bucket>, other: &Option<Bucket>| {
            own.as_ref().map(|own| own.per_minute) != other.as_ref().map(|other| other.per_minute)
        };
        if differs(&self.requests, &declared.requests) {
            self.requests = declared.requests;
        }
        if differs(&self.tokens, &declared.tokens) {
            self.tokens = declared.tokens;
        }
    }

    /// What is left of requests and tokens right now, where a limit is declared; below zero when it is overdrawn.
    pub fn left(&self, now: Instant) -> (Option<f64>, Option<f64>) {
        let of = |bucket: &Option<Bucket>| bucket.as_ref().map(|bucket| bucket.level_at(now));
        (of(&self.requests), of(&self.tokens))
    }
}

impl Bucket {
    fn new(now: Instant, per_minute: u64, seconds: f64) -> Self {
        let capacity = (per_minute as f64 / 60.0 * seconds).max(1.0);
        Self { per_minute, lowered: None, capacity, level: capacity, at: now }
    }

    fn per_second(&self) -> f64 {
        self.lowered.unwrap_or(self.per_minute) as f64 / 60.0
    }

    fn level_at(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.level + passed * self.per_second()).min(self.capacity)
    }

    fn wait(&self, now: Instant, needed: f64) -> Duration {
        let missing = needed - self.level_at(now);
        if missing <= 1e-9 { Duration::ZERO } else { Duration::from_secs_f64((missing / self.per_second()).min(3600.0)) }
    }

    fn take(&mut self, now: Instant, amount: f64) {
        self.level = (self.level_at(now) - amount).min(self.capacity);
        self.at = now.max(self.at);
    }
}

impl Told {
    /// OpenAI's and Azure's headers name a duration, Anthropic's a time of day, which is read against `now`.
    pub fn of<'a>(now: UnixMs, headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut told = Self::default();
        for (name, value) in headers {
            if let Some(what) = name.strip_prefix("anthropic-ratelimit-") {
                told.hear_anthropic(now, what, value);
                continue;
            }
            let Some(what) = name.strip_prefix("x-ratelimit-") else { continue };
            let number = || value.trim().parse::<u64>().ok();
            match what {
                "limit-requests" => told.limit_requests = number(),
                "limit-tokens" => told.limit_tokens = number(),
                "remaining-requests" => told.remaining_requests = number(),
                "remaining-tokens" => told.remaining_tokens = number(),
                "reset-requests" => told.reset_requests = time(value),
                "reset-tokens" => told.reset_tokens = time(value),
                _ => {}
            }
        }
        told
    }

    /// Input and output tokens have limits of their own there: the one that is used up counts.
    fn hear_anthropic(&mut self, now: UnixMs, what: &str, value: &str) {
        let Some((of, what)) = what.rsplit_once('-') else { return };
        let is_tokens = matches!(of, "tokens" | "input-tokens" | "output-tokens");
        let (limit, remaining, reset) = match of {
            "requests" => (&mut self.limit_requests, &mut self.remaining_requests, &mut self.reset_requests),
            _ if is_tokens => (&mut self.limit_tokens, &mut self.remaining_tokens, &mut self.reset_tokens),
            _ => return,
        };
        let number = value.trim().parse::<u64>().ok();
        match what {
            "limit" if of != "input-tokens" && of != "output-tokens" => *limit = number,
            "remaining" => *remaining = (*remaining).into_iter().chain(number).min(),
            "reset" => *reset = (*reset).max(until(now, value)),
            _ => {}
        }
    }

    /// When what is used up will be there again: a wait for a refusal that names none itself.
    pub fn reset(&self) -> Option<Duration> {
        let of = |remaining: Option<u64>, reset: Option<Duration>| reset.filter(|_| remaining == Some(0));
        of(self.remaining_requests, self.reset_requests).max(of(self.remaining_tokens, self.reset_tokens))
    }
}

fn until(now: UnixMs, time_of_day: &str) -> Option<Duration> {
    let at = time_of_day.trim().parse::<jiff::Timestamp>().ok()?.as_millisecond();
    Some(Duration::from_millis(u64::try_from(at).ok()?.saturating_sub(now)))
}

/// A time as it stands in these headers: `1s`, `6m0s`, `1h2m3.5s`, `20ms`, or a bare number of seconds.
fn time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let valid = |seconds: f64| (seconds.is_finite() && (0.0..=86_400.0).contains(&seconds)).then(|| Duration::from_secs_f64(seconds));
    if let Ok(seconds) = text.parse::<f64>() {
        return valid(seconds);
    }
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        total += number
            * match &unit[..end] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &unit[end..];
    }
    (!text.is_empty()).then(|| valid(total))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spread_over_the_minute() {
        let start = Instant::now();
        let mut quota = Quota::new(start, Some(120), None);
        let mut gone = 0;
        for millis in 0..10_000 {
            let now = start + Duration::from_millis(millis);
            if quota.wait(now).is_zero() {
                quota.take(now, 0);
                gone += 1;
            }
        }
        assert!((21..=22).contains(&gone), "two at once, then two a second: {gone}");
    }

    #[test]
    fn a_large_prompt_passes_and_the_next_call_waits_for_it() {
        let start = Instant::now();
        let mut quota = Quota::new(start, None, Some(60_000));
        assert_eq!(quota.wait(start), Duration::ZERO);
        quota.take(start, 16_000);
        let wait = quota.wait(start).as_secs_f64();
        assert!((9.9..=10.1).contains(&wait), "{wait}");
        quota.give_back(start, 15_000);
        assert_eq!(quota.wait(start), Duration::ZERO);
        assert_eq!(quota.left(start), (None, Some(5_000.0)));
    }

    #[test]
    fn a_limit_that_the_service_lowered_counts_and_a_higher_one_does_not() {
        let start = Instant::now();
        let mut quota = Quota::new(start, Some(60), None);
        quota.take(start, 0);
        assert_eq!(quota.wait(start).as_millis(), 1000);
        quota.hear(start, start, &Told { limit_requests: Some(30), ..Told::default() });
        assert_eq!(quota.wait(start).as_millis(), 2000);
        quota.hear(start, start, &Told { limit_requests: Some(600), ..Told::default() });
        assert_eq!(quota.wait(start).as_millis(), 1000);
    }

    #[test]
    fn what_the_headers_call_empty_is_left_alone_until_its_reset() {
        let start = Instant::now();
        let mut quota = Quota::new(start, None, None);
        let later = start + Duration::from_secs(1);
        quota.hear(start, start, &Told::of(0, [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6s")]));
        assert_eq!(quota.wait(later), Duration::from_secs(5));
        let some = Told::of(0, [("x-ratelimit-remaining-tokens", "90"), ("x-ratelimit-reset-tokens", "6s")]);
        quota.hear(later, start - Duration::from_secs(1), &some);
        assert_eq!(quota.wait(later), Duration::from_secs(5), "an answer to an older call came late");
        quota.hear(later, later, &Told::default());
        assert_eq!(quota.wait(later), Duration::from_secs(5), "an answer that tells nothing");
        quota.hear(later, later, &some);
        assert_eq!(quota.wait(later), Duration::ZERO);
        quota.hear(start, start, &Told::of(0, [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "4h")]));
        assert_eq!(quota.wait(start), LONGEST);
    }

    #[test]
    fn a_time_of_day_is_read_against_the_clock() {
        let now = 1_790_000_000_000;
        let told = Told::of(
            now,
            [
                ("anthropic-ratelimit-requests-limit", "50"),
                ("anthropic-ratelimit-requests-remaining", "12"),
                ("anthropic-ratelimit-requests-reset", "2026-09-21T14:13:21Z"),
                ("anthropic-ratelimit-input-tokens-limit", "40000"),
                ("anthropic-ratelimit-input-tokens-remaining", "9000"),
                ("anthropic-ratelimit-input-tokens-reset", "2026-09-21T14:13:22Z"),
                ("anthropic-ratelimit-output-tokens-remaining", "0"),
                ("anthropic-ratelimit-output-tokens-reset", "2026-09-21T14:13:26.500Z"),
            ],
        );
        assert_eq!((told.limit_requests, told.remaining_requests, told.remaining_tokens), (Some(50), Some(12), Some(0)));
        assert_eq!((told.reset(), told.limit_tokens), (Some(Duration::from_millis(6_500)), None));
    }

    #[test]
    fn every_form_of_a_reset_is_read() {
        for (text, millis) in [
            ("1s", Some(1000)),
            ("6m0s", Some(360_000)),
            ("1h2m3.5s", Some(3_723_500)),
            ("20ms", Some(20)),
            ("60", Some(60_000)),
            ("0.5", Some(500)),
            ("0s", Some(0)),
            ("", None),
            ("soon", None),
            ("5 minutes", None),
            ("-1", None),
            ("s", None),
            ("1e300", None),
            ("99999999d", None),
        ] {
            assert_eq!(time(text), millis.map(Duration::from_millis), "{text:?}");
        }
    }
}
