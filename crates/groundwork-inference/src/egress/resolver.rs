//! Looking up names, leaving out the addresses that the policy does not allow. The connection is made to an address that passed, so
//! a name cannot change its mind in between.

use super::Addresses;
use futures::future::BoxFuture;
use hyper_util::client::legacy::connect::dns;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use tower_service::Service;

#[derive(Debug, Clone, Copy)]
pub(super) struct Checked {
    pub(super) addresses: Addresses,
}

#[derive(Debug, thiserror::Error)]
#[error("{host} leads to an address that may not be connected to")]
struct NotAllowed {
    host: String,
}

impl Checked {
    async fn look_up(self, host: &str) -> io::Result<std::vec::IntoIter<SocketAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        let allowed: Vec<_> = found.filter(|address| self.addresses.allow(address.ip())).collect();
        if allowed.is_empty() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, NotAllowed { host: host.to_owned() }));
        }
        Ok(allowed.into_iter())
    }
}

/// For downloads.
impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let checked = *self;
        Box::pin(async move { Ok(Box::new(checked.look_up(name.as_str()).await?) as Addrs) })
    }
}

/// For targets.
impl Service<dns::Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        let checked = *self;
        Box::pin(async move { checked.look_up(name.as_str()).await })
    }
}
