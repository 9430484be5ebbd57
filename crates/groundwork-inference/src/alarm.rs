//! A timer for wait after wait, such as those between the pieces of a stream: most are over long before their time, and cost no timer.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Instant;
use tokio::time::{Sleep, sleep_until};

/// Set anew only where a wait ends earlier than the one before it, or when it goes off too early.
#[derive(Debug, Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Waits for `work`; `None` when it is not done at `at`.
    pub async fn on<T>(&mut self, at: Instant, work: impl Future<Output = T>) -> Option<T> {
        let (mut work, at) = (pin!(work), at.into());
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if sleep.deadline() > at {
                sleep.as_mut().reset(at);
            }
            loop {
                ready!(sleep.as_mut().poll(context));
                if sleep.deadline() == at {
                    return Poll::Ready(None);
                }
                sleep.as_mut().reset(at);
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::{Instant as Now, sleep};

    #[tokio::test(start_paused = true)]
    async fn each_wait_ends_at_its_own_time_whatever_the_one_before_it_was() {
        let mut alarm = Alarm::default();
        for (limit, work, done) in [(50, 10, true), (50, 80, false), (20, 30, false), (100, 90, true), (100, 120, false), (5, 4, true)] {
            let began = Now::now();
            let answer = alarm.on((began + Duration::from_millis(limit)).into_std(), sleep(Duration::from_millis(work))).await;
            assert_eq!((answer.is_some(), began.elapsed()), (done, Duration::from_millis(limit.min(work))), "{limit} {work}");
        }
    }
}
