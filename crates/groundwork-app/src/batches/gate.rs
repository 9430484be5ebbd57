//! Lets the lines of batches through to the models where nobody who waits for an answer needs the place.

use crate::App;
use crate::pipeline::now;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

#[derive(Default)]
pub(crate) struct Gate {
    /// Whose turn it is: batches take turns line by line.
    turn: Mutex<()>,
    inside: AtomicUsize,
    /// A call has ended, of a batch or of somebody who waits.
    pub(crate) left: Notify,
}

/// A line that is being answered. Dropped, it gives its place back.
pub(super) struct Place(App);

/// After so long one line goes in whatever the load is, so that a batch gets on through a busy day.
const PATIENCE: Duration = Duration::from_secs(30);

impl Gate {
    /// Waits for a place. There are `limits.batch_calls`, and each call that somebody waits for takes one of them.
    pub(super) async fn enter(app: &App) -> Place {
        let (gate, until) = (&app.inner().gate, now() + PATIENCE);
        let _turn = gate.turn.lock().await;
        loop {
            let left = gate.left.notified();
            if gate.has_room(app, until) {
                gate.inside.fetch_add(1, Ordering::Relaxed);
                return Place(app.clone());
            }
            tokio::select! {
                () = left => {}
                () = tokio::time::sleep_until(until.into()), if now() < until => {}
            }
        }
    }

    fn has_room(&self, app: &App, until: std::time::Instant) -> bool {
        let inside = self.inside.load(Ordering::Relaxed);
        let waited_for = app.inner().metrics.running().saturating_sub(inside);
        inside + waited_for < app.inner().limits.batch_calls || (inside == 0 && now() >= until)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let gate = &self.0.inner().gate;
        gate.inside.fetch_sub(1, Ordering::Relaxed);
        gate.left.notify_waiters();
    }
}
