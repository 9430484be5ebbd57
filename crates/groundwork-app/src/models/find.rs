//! One model by its name.

use super::{Model, list};
use crate::App;
use groundwork_core::access::Caller;

/// `None` when there is none that the caller may use.
pub fn find(app: &App, caller: &Caller, name: &str) -> Option<Model> {
    list(app, caller).into_iter().find(|model| model.id == name)
}
