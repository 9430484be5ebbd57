//! What the scripted target does.

use std::time::Duration;

/// One behavior for every call.
#[derive(Debug, Clone, Default)]
pub struct Script {
    pub first_token: Duration,
}
