//! How the attempts at one kind of answer are booked.

use super::hearing::Hearing;
use super::{Asking, Echo, Heard, Settlement};
use crate::published::Deployment;
use futures::StreamExt;
use futures::future::Either;
use futures::stream;
use groundwork_core::turn::{Event, Usage};
use groundwork_inference::target::{CallError, Embedded, Forwarded, Reply, Served};
use groundwork_store::wal::WalError;
use groundwork_wire::embeddings;

/// Answers of the type `T`.
pub(crate) struct Booking<'a, T> {
    settlement: &'a Settlement,
    served: fn(&T) -> &Served,
    /// What is heard of one that nobody waits for.
    echo: fn(Result<T, CallError>) -> Echo,
}

impl<'a> Booking<'a, Reply> {
    pub(crate) fn of_reply(settlement: &'a Settlement) -> Self {
        Self { settlement, served: Reply::served, echo: Heard::reply }
    }
}

impl<'a> Booking<'a, Embedded> {
    pub(crate) fn of_embedded(settlement: &'a Settlement) -> Self {
        let echo = |embedded: Result<Embedded, CallError>| match embedded {
            Ok(Embedded { served, body, .. }) => {
                let tokens = embeddings::prompt_tokens(&body);
                let used = tokens.map(|input_tokens| Event::Usage(Usage { input_tokens, ..Usage::default() }));
                stream::iter([Heard::Begun(served), Heard::Said(used.into_iter().collect())]).boxed()
            }
            Err(error) => Heard::failed(error),
        };
        Self { settlement, served: |embedded| &embedded.served, echo }
    }
}

impl<'a> Booking<'a, Forwarded> {
    pub(crate) fn of_forwarded(settlement: &'a Settlement, echo: fn(Result<Forwarded, CallError>) -> Echo) -> Self {
        Self { settlement, served: |forwarded| &forwarded.served, echo }
    }
}

impl<T: 'static> Booking<'_, T> {
    /// A deployment is about to be asked; after an error it must not be.
    pub(crate) fn asks(&self, deployment: &Deployment) -> Result<Asking, WalError> {
        self.settlement.asks(deployment)
    }

    /// Waits for `work`, which asks the deployment.
    pub(crate) fn listen<F>(&self, asking: Asking, work: F) -> Either<F, Hearing<'_, Result<T, CallError>>>
    where
        F: Future<Output = Result<T, CallError>> + Send + 'static,
    {
        self.settlement.listen(asking, work, self.echo)
    }

    pub(crate) fn answered(&self, asking: Asking, answer: &T) {
        self.settlement.answered(asking, (self.served)(answer));
    }

    pub(crate) fn failed(&self, asking: Asking, error: &CallError) {
        self.settlement.failed(asking, error);
    }
}
