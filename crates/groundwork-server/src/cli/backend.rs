//! Whom a command talks to: the server at an address, the process that owns the data folder, or the folder itself, opened here. All
//! three are spoken to in the same requests, so a command neither knows nor cares.

use super::call::{Call, Reply};
use super::remote::{Remote, Unanswered};
use super::session::Session;
use crate::exit::{Exit, Failure};
use crate::http::{self, Entrance, Serving, router};
use crate::socket::{Socket, answers};
use anyhow::Context;
use axum::body::Body;
use axum::http::Request;
use futures::StreamExt;
use groundwork_app::App;
use groundwork_app::settings::Role;
use serde::de::DeserializeOwned;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::RwLock;
use tower::ServiceExt;

/// How long a command that is done waits for the requests of other commands which it is answering.
const GUESTS: Duration = Duration::from_secs(600);

/// Owners of the folder that are asked for one answer: where many commands run side by side, one after the other ends.
const OWNERS: u32 = 8;

/// How long a folder that was opened for a command may take to write what it must.
const CLOSING: Duration = Duration::from_secs(30);

pub(super) struct Backend<'s> {
    session: &'s Session,
    role: Role,
    link: RwLock<Arc<Link>>,
}

enum Link {
    Remote(Remote),
    Here(Here),
}

/// The folder, opened by this process.
struct Here {
    app: App,
    router: axum::Router,
    /// Answers other commands while this one owns the folder.
    serving: Option<Serving>,
}

impl<'s> Backend<'s> {
    /// The server that the command line names, else the owner of the data folder, else the folder itself in `role`.
    pub(super) async fn find(session: &'s Session, role: Role) -> anyhow::Result<Self> {
        let link = match &session.url {
            Some(url) => Link::Remote(Remote::at(url.clone(), session.api_key())?),
            None => link(session, role).await?,
        };
        Ok(Self { session, role, link: RwLock::new(Arc::new(link)) })
    }

    /// `app` in this process, alone in its `folder`; others come in at the folder's socket, and at `tcp`.
    pub(super) fn owner(session: &'s Session, app: App, folder: &Path, tcp: Option<TcpListener>) -> anyhow::Result<Self> {
        let link = Link::Here(Here::new(session, app, folder, Role::Owner, tcp)?);
        Ok(Self { session, role: Role::Owner, link: RwLock::new(Arc::new(link)) })
    }

    /// Asks, and gives the answer whatever its status. When the owner of the folder has ended, another way to the folder is found.
    pub(super) async fn send(&self, call: Call) -> anyhow::Result<Reply> {
        let mut link = self.link.read().await.clone();
        for _ in 1..OWNERS {
            match link.send(call.clone()).await {
                Err(error) if error.downcast_ref::<Unanswered>().is_some_and(|error| error.was_owner) => {
                    link = self.relink(&link).await?;
                }
                answered => return answered.map_err(told),
            }
        }
        link.send(call).await.map_err(told)
    }

    /// Asks for JSON. An error of the API is a `Refusal`.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> anyhow::Result<T> {
        let body = self.send(call).await?.accepted().await?.whole().await?;
        serde_json::from_slice(&body).context("the server's answer is not what this version expects; do both have the same version?")
    }

    /// Lets go of what was opened for the command, once other commands have their answers.
    pub(super) async fn close(self) {
        if let Ok(Link::Here(here)) = Arc::try_unwrap(self.link.into_inner()) {
            if let Some(serving) = here.serving {
                serving.ended(GUESTS).await;
            }
            here.app.shutdown(CLOSING).await;
        }
    }

    /// A link instead of `gone`; requests that run side by side find one for all.
    async fn relink(&self, gone: &Arc<Link>) -> anyhow::Result<Arc<Link>> {
        let mut current = self.link.write().await;
        if Arc::ptr_eq(&current, gone) {
            *current = Arc::new(link(self.session, self.role).await?);
        }
        Ok(current.clone())
    }
}

async fn link(session: &Session, role: Role) -> anyhow::Result<Link> {
    let folder = &session.config.data_dir;
    if !answers(folder).await {
        match session.open_when_free(folder, role, session.targets()?).await {
            Ok(app) => return Here::new(session, app, folder, role, None).map(Link::Here),
            // An owner may have come meanwhile.
            Err(failed) if !answers(folder).await => return Err(failed),
            Err(_) => {}
        }
    }
    Remote::owner_of(folder).map(Link::Remote)
}

/// A server that does not answer ends the command with its own code.
fn told(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Unanswered>() {
        Ok(error) => Failure::new(Exit::Server, error.to_string()).into(),
        Err(error) => error,
    }
}

impl Link {
    async fn send(&self, call: Call) -> anyhow::Result<Reply> {
        match self {
            Self::Remote(remote) => Ok(remote.send(call).await?),
            Self::Here(here) => here.send(call).await,
        }
    }
}

impl Here {
    /// Serves `app` in this process. An owner listens at the folder's socket, so that other commands find it meanwhile, and at `tcp`.
    fn new(session: &Session, app: App, folder: &Path, role: Role, tcp: Option<TcpListener>) -> anyhow::Result<Self> {
        let front = session.front(&app);
        let serving = match role {
            Role::Owner => Some(http::serve(&front, &session.config.server, tcp, bind_socket(folder)?)),
            Role::Visitor => None,
        };
        Ok(Self { router: router(&front, Entrance::Socket), app, serving })
    }

    async fn send(&self, call: Call) -> anyhow::Result<Reply> {
        let request = Request::builder().method(call.method).uri(call.path).header("content-type", call.content_type);
        let answer = self.router.clone().oneshot(request.body(Body::from(call.body))?).await?;
        let (head, body) = answer.into_parts();
        let body = body.into_data_stream().map(|bytes| bytes.map_err(io::Error::other)).boxed();
        Ok(Reply { status: head.status, headers: head.headers, body })
    }
}

pub(super) fn bind_socket(folder: &Path) -> anyhow::Result<Socket> {
    Socket::bind(folder).map_err(|error| {
        let message = format!("no socket can be made in {}: {error}; choose a data folder on a local disk", folder.display());
        Failure::new(Exit::Storage, message).into()
    })
}
