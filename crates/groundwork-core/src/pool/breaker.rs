//! The circuit breaker: closed, open, half-open with one probe.

use super::window::Counts;
use std::time::{Duration, Instant};

/// Failures in a row that open it.
const IN_A_ROW: u32 = 5;
/// Ended calls of the window from which on a share of failures says something, and the share that opens it.
const ENOUGH: u32 = 10;
const SHARE: f64 = 0.5;
/// How long it stays open the first time, and at most: each failed probe doubles it.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub struct Breaker {
    in_a_row: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Instant, lasted: Duration, probing: bool },
}

/// What is seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Closed,
    Open {
        until: Instant,
    },
    /// It was open long enough: the next call is the probe, or one is out.
    HalfOpen,
}

/// What a call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Free,
    /// As the one probe.
    Probe,
    /// Not, or only as the last resort: see `Breaker::probe`.
    Barred {
        until: Instant,
    },
    /// A probe is out; its answer decides.
    Probing,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { in_a_row: 0, state: State::Closed }
    }
}

impl Breaker {
    pub fn phase(&self, now: Instant) -> Phase {
        match self.state {
            State::Closed => Phase::Closed,
            State::Open { until, .. } if now < until => Phase::Open { until },
            State::Open { .. } => Phase::HalfOpen,
        }
    }

    pub fn passage(&self, now: Instant) -> Passage {
        match self.state {
            State::Closed => Passage::Free,
            State::Open { probing: true, .. } => Passage::Probing,
            State::Open { until, .. } if now < until => Passage::Barred { until },
            State::Open { .. } => Passage::Probe,
        }
    }

    /// Sends the probe: after the open time, or before it when there is nobody else to ask. False when one is out or none is needed.
    pub fn probe(&mut self) -> bool {
        match &mut self.state {
            State::Open { probing, .. } if !*probing => {
                *probing = true;
                true
            }
            _ => false,
        }
    }

    /// The probe was given up without an answer of the deployment: the next call may be one.
    pub fn probe_given_up(&mut self) {
        if let State::Open { probing, .. } = &mut self.state {
            *probing = false;
        }
    }

    /// A call succeeded. A probe's success closes; a call that began before the breaker opened tells nothing about now.
    pub fn succeeded(&mut self, was_probe: bool) {
        if was_probe {
            self.state = State::Closed;
        }
        if self.state == State::Closed {
            self.in_a_row = 0;
        }
    }

    /// A call failed for a reason that is the deployment's. `lately` includes it. True when this opened the breaker.
    pub fn failed(&mut self, now: Instant, was_probe: bool, lately: Counts, retry_after: Option<Duration>) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        match self.state {
            State::Closed if self.in_a_row >= IN_A_ROW || (lately.total() >= ENOUGH && lately.failed_share() >= SHARE) => {
                self.open(now, FIRST, retry_after);
                true
            }
            State::Open { lasted, .. } if was_probe => {
                self.open(now, (lasted * 2).clamp(FIRST, LONGEST), retry_after);
                true
            }
            State::Closed | State::Open { .. } => false,
        }
    }

    /// Opens at once, for what no second call has to confirm: a refused credential, an unknown deployment. A probe that is out stays
    /// the only one, unless it was the probe that found this.
    pub fn trip(&mut self, now: Instant, was_probe: bool, lasting: Duration) {
        let other_probe = !was_probe && matches!(self.state, State::Open { probing: true, .. });
        self.open(now, lasting, None);
        if let State::Open { probing, .. } = &mut self.state {
            *probing = other_probe;
        }
    }

    /// It answers again, as something other than a call has shown: the next call is the probe.
    pub fn shorten(&mut self, now: Instant) {
        if let State::Open { until, .. } = &mut self.state {
            *until = (*until).min(now);
        }
    }

    /// Never shortens what was said before.
    fn open(&mut self, now: Instant, lasting: Duration, retry_after: Option<Duration>) {
        let asked = retry_after.unwrap_or_default().min(LONGEST);
        let until = now + lasting.max(asked);
        let until = match self.state {
            State::Open { until: before, .. } => until.max(before),
            State::Closed => until,
        };
        self.state = State::Open { until, lasted: lasting, probing: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &mut Breaker, now: Instant, was_probe: bool) -> bool {
        breaker.failed(now, was_probe, Counts { succeeded: 0, failed: 1 }, None)
    }

    fn open(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        assert_eq!((0..IN_A_ROW).filter(|_| fail(&mut breaker, now, false)).count(), 1);
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            for _ in 1..IN_A_ROW {
                assert!(!fail(&mut breaker, now, false));
            }
            breaker.succeeded(false);
        }
        assert_eq!(breaker.passage(now), Passage::Free);
        assert_eq!(open(now).passage(now), Passage::Barred { until: now + FIRST });
    }

    #[test]
    fn half_of_the_calls_failing_opens_it_once_there_are_enough() {
        let now = Instant::now();
        for (lately, opens) in [
            (Counts { succeeded: 4, failed: 5 }, false),
            (Counts { succeeded: 5, failed: 5 }, true),
            (Counts { succeeded: 51, failed: 49 }, false),
        ] {
            assert_eq!(Breaker::default().failed(now, false, lately, None), opens, "{lately:?}");
        }
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let now = Instant::now();
        let mut breaker = open(now);
        let later = now + FIRST;
        assert_eq!((breaker.phase(later), breaker.passage(later)), (Phase::HalfOpen, Passage::Probe));
        assert!(breaker.probe());
        assert_eq!(breaker.passage(later), Passage::Probing);
        assert!(!breaker.probe(), "a second probe");
        breaker.succeeded(false);
        assert_eq!(breaker.passage(later), Passage::Probing, "a call that began before says nothing");
        breaker.succeeded(true);
        assert_eq!(breaker.passage(later), Passage::Free);
    }

    #[test]
    fn each_failed_probe_doubles_the_time_up_to_a_minute() {
        let mut now = Instant::now();
        let mut breaker = open(now);
        let mut lasted = Vec::new();
        for _ in 0..6 {
            let Passage::Barred { until } = breaker.passage(now) else { panic!("not open") };
            lasted.push((until - now).as_secs());
            now = until;
            assert!(breaker.probe());
            assert!(fail(&mut breaker, now, true));
        }
        assert_eq!(lasted, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn a_longer_wait_that_was_asked_for_holds_and_is_never_shortened() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        breaker.trip(now, false, Duration::from_secs(40));
        assert!(breaker.probe());
        breaker.failed(now, true, Counts::default(), Some(Duration::from_secs(3)));
        assert_eq!(breaker.passage(now), Passage::Barred { until: now + LONGEST });
        breaker.trip(now, false, Duration::from_secs(1));
        assert_eq!(breaker.passage(now), Passage::Barred { until: now + LONGEST });
    }

    #[test]
    fn while_a_probe_is_out_a_refusal_of_an_older_call_lets_no_second_one_go() {
        let now = Instant::now();
        let mut breaker = open(now);
        assert!(breaker.probe());
        breaker.trip(now, false, Duration::from_secs(30));
        assert_eq!(breaker.passage(now), Passage::Probing);
        breaker.trip(now, true, Duration::from_secs(30));
        assert!(matches!(breaker.passage(now), Passage::Barred { .. }), "the probe has told it itself");
    }

    #[test]
    fn a_probe_that_was_given_up_makes_room_for_the_next() {
        let now = Instant::now();
        let mut breaker = open(now);
        assert!(breaker.probe(), "the last resort asks before the time is over");
        breaker.probe_given_up();
        assert_eq!(breaker.passage(now), Passage::Barred { until: now + FIRST });
        breaker.shorten(now);
        assert_eq!(breaker.passage(now), Passage::Probe);
    }
}
