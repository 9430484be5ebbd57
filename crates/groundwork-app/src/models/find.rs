//! One model by its name.

use super::Model;
use crate::App;
use groundwork_core::access::Caller;

#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("the model {0:?} does not exist, or you may not use it; GET /v1/models lists those you may")]
    NotFound(String),
    #[error("the model could not be read: {0}")]
    Store(String),
}

pub async fn find(app: &App, caller: &Caller, name: &str) -> Result<Model, FindError> {
    let _ = (app, caller, name);
    unimplemented!()
}
