//! Looking up names, leaving out the addresses that the policy does not allow. The connection is made to an address that passed, so
//! a name cannot change its mind in between.

use super::Addresses;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

pub(super) struct Checked {
    pub(super) addresses: Addresses,
}

#[derive(Debug, thiserror::Error)]
#[error("{host} leads to an address that may not be connected to")]
struct NotAllowed {
    host: String,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.addresses;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> = found.filter(|address| addresses.allow(address.ip())).collect();
            if allowed.is_empty() {
                return Err(NotAllowed { host: name.as_str().to_owned() }.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
