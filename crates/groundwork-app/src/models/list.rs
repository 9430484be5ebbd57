//! Lists the models that the caller may use.

use super::Model;
use crate::App;
use groundwork_core::access::Caller;

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("the models could not be listed: {0}")]
    Store(String),
}

pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Model>, ListError> {
    let _ = (app, caller);
    unimplemented!()
}
