//! What targets stand in.

use crate::credential::Identities;
use groundwork_core::clock::{Clock, Dice};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The time, chance, and where background work (the renewal of tokens) is tracked and told to stop. One for all targets of a process,
/// which share their identities through it.
#[derive(Debug, Clone)]
pub struct Ambient {
    pub clock: Clock,
    pub dice: Dice,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
    pub identities: Identities,
}

impl Ambient {
    pub fn new(clock: Clock, dice: Dice, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { clock, dice, tasks, stop, identities: Identities::default() }
    }
}
