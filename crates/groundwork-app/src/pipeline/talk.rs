//! A message that asks nothing of the documents: a chat model answers it from the conversation alone, and without one a short answer is
//! composed. Either way the answer says that nothing was searched.

use super::admit::Admitted;
use super::call::Prompt;
use super::error::CallError;
use super::retrieve::{Retrieved, as_body, composed};
use super::settle::Settlement;
use crate::App;
use crate::published::Assistant;
use groundwork_core::prompt::{self, Around, Message};
use groundwork_core::smalltalk::Smalltalk;
use groundwork_core::turn::{Dialect, Role};
use groundwork_inference::target::{ANSWER_HEADER, SEARCH_HEADER};
use groundwork_wire::chat;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;

/// What tells that nothing was searched.
pub(super) fn told() -> HeaderMap {
    HeaderMap::from_iter([(SEARCH_HEADER, HeaderValue::from_static("none"))])
}

pub(super) async fn talk(
    app: &App,
    (admitted, settlement): (&Admitted, &Settlement),
    assistant: &Arc<Assistant>,
    (request, mut history, question): (chat::Request, Vec<Message>, String),
    kind: Option<Smalltalk>,
) -> Result<Retrieved, CallError> {
    if !assistant.chats {
        let text = kind.unwrap_or(Smalltalk::Assistant).reply();
        let mut headers = told();
        headers.insert(ANSWER_HEADER, HeaderValue::from_static("talk"));
        return Ok(Retrieved::Nothing(composed(app, admitted, (&request, text), headers)));
    }
    let budget = assistant.budget(&request);
    let assistant = assistant.clone();
    let work = move || {
        // The assistant's own rules and tone hold here too.
        history.insert(0, Message { role: Role::System, text: assistant.template.render_system(assistant.shown_name())? });
        let parts = prompt::Prompt {
            template: &assistant.talk,
            assistant: assistant.shown_name(),
            history: &history,
            question: &question,
            passages: &[],
            around: Around::default(),
        };
        prompt::pack(&parts, &budget, assistant.pool.tokenizer.as_ref())
    };
    let packed = app.compute(work).await??;
    settlement.prompt_tokens(packed.accounting.prompt_tokens);
    let body = as_body(request, &packed.messages)?;
    Ok(Retrieved::Unsearched(Prompt { dialect: Dialect::Chat, body, grounds: None }))
}
