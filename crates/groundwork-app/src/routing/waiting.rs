//! Waiting for a deployment whose places are taken, or which will take calls again soon.

use super::Errand;
use super::attempt::Attempt;
use super::switchboard::Switchboard;
use crate::pipeline::now;
use crate::published::Pool;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// One that waits, as the switchboard sees it.
pub(super) struct Waiter {
    pub(super) pool: Arc<Pool>,
    pub(super) at: usize,
    pub(super) deadline: Instant,
    pub(super) tokens: u64,
    place: oneshot::Sender<Attempt>,
}

impl Waiter {
    pub(super) fn of(errand: &Errand<'_>, at: usize) -> (Self, oneshot::Receiver<Attempt>) {
        let (place, receiver) = oneshot::channel();
        let (pool, deadline, tokens) = (errand.pool.clone(), errand.deadline, errand.tokens);
        (Self { pool, at, deadline, tokens, place }, receiver)
    }

    pub(super) fn is_there(&self) -> bool {
        !self.place.is_closed()
    }

    /// The attempt comes back when nobody takes it.
    pub(super) fn hand_over(self, attempt: Attempt) -> Option<Attempt> {
        self.place.send(attempt).err()
    }
}

/// The same, as the call sees it. Dropped, it has gone away.
pub(super) struct Waiting {
    switchboard: Switchboard,
    slot: usize,
    place: oneshot::Receiver<Attempt>,
    until: Instant,
}

impl Waiting {
    pub(super) fn new(switchboard: Switchboard, slot: usize, place: oneshot::Receiver<Attempt>, until: Instant) -> Self {
        Self { switchboard, slot, place, until }
    }

    /// `None` when its turn did not come in time, will not, or was given to another.
    pub(super) async fn wait(mut self) -> Option<Attempt> {
        loop {
            let look_again = self.switchboard.serve_waiting(self.slot).unwrap_or(self.until);
            tokio::select! {
                biased;
                attempt = &mut self.place => return attempt.ok(),
                // What rests for longer than one may wait is not waited for.
                () = std::future::ready(()), if look_again > self.until => return None,
                () = tokio::time::sleep_until(look_again.into()) => {}
            }
            if now() >= self.until {
                return self.place.try_recv().ok();
            }
        }
    }
}
