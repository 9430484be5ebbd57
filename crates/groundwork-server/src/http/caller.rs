//! Who calls. This server has no authentication yet, so it listens on loopback only, everyone is the one local principal, and whatever
//! a web page elsewhere may have sent is refused: a foreign `Host` (a name that was pointed at this machine) or a foreign `Origin`.

use super::Front;
use super::error::ApiError;
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use groundwork_core::access::Caller;
use std::net::IpAddr;

/// The way a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// TCP on this machine, where a browser may be made to knock too.
    Loopback,
    /// The socket in the data folder, or the same process: only this user gets there, and no browser.
    Socket,
}

impl FromRequestParts<Front> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, _: &Front) -> Result<Self, ApiError> {
        Ok(Self::local())
    }
}

/// Lets a request in, or refuses it.
pub(super) async fn gate(entrance: Entrance, request: Request, next: Next) -> Response {
    let admitted = match entrance {
        Entrance::Socket => Ok(()),
        Entrance::Loopback => admit(request.uri(), request.headers()),
    };
    match admitted {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn admit(uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let host = host(uri, headers).ok_or_else(|| ApiError::foreign_host(""))?;
    if !is_loopback(host.host()) {
        return Err(ApiError::foreign_host(host.host()));
    }
    for origin in headers.get_all(ORIGIN) {
        let own = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://"))
            .is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()));
        if !own {
            return Err(ApiError::foreign_origin(&String::from_utf8_lossy(origin.as_bytes())));
        }
    }
    Ok(())
}

/// The one host that the request names; `None` when it names none, or several.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut named = headers.get_all(HOST).iter().map(|host| host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()));
    match (uri.authority(), named.next(), named.next()) {
        (Some(authority), None, _) => Some(authority.clone()),
        (Some(authority), Some(Some(host)), None) if *authority == host => Some(host),
        (None, Some(Some(host)), None) => Some(host),
        _ => None,
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(uri: &str, headers: &[(&str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        admit(&uri.parse().unwrap(), &headers).is_ok()
    }

    #[test]
    fn only_loopback_hosts_and_the_own_origin_get_in() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.8.9.1", "[::1]:8080"] {
            assert!(admitted("/v1/models", &[("host", host)]), "{host}");
        }
        for host in
            ["example.com", "localhost.example.com:8080", "127.0.0.1.nip.io", "0.0.0.0:8080", "10.0.0.7", "", "[::2]", "user@localhost:1 x"]
        {
            assert!(!admitted("/v1/models", &[("host", host)]), "{host}");
        }
        assert!(!admitted("/v1/models", &[]));
        assert!(!admitted("/v1/models", &[("host", "localhost"), ("host", "example.com")]));
        assert!(!admitted("http://example.com/v1/models", &[("host", "localhost")]));
        assert!(admitted("http://localhost:8080/v1/models", &[]));
        assert!(admitted("/", &[("host", "localhost:8080"), ("origin", "http://localhost:8080")]));
        for origin in ["http://example.com", "null", "http://localhost:3000", "https://localhost:8080", "http://localhost", ""] {
            assert!(!admitted("/", &[("host", "localhost:8080"), ("origin", origin)]), "{origin}");
        }
    }
}
