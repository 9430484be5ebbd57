//! Who calls. Once keys are declared, whoever comes by TCP needs one, whatever the path, but for the short list of `Permission::Open`.
//! Without keys the server listens on loopback only, everyone is the one local principal, and whatever a web page elsewhere may have sent
//! is refused: a foreign `Host` (a name that was pointed at this machine) or a foreign `Origin`.

use super::Front;
use super::error::ApiError;
use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Uri};
use groundwork_core::access::Caller;
use std::net::IpAddr;
use std::sync::Arc;

/// The way a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// TCP: from this machine, where a browser may be made to knock too, or with keys from anywhere.
    Tcp,
    /// The socket in the data folder, or the same process: only this user gets there, and no browser.
    Socket,
}

/// Azure's and Anthropic's names of what OpenAI calls `Authorization: Bearer`.
const KEY_HEADERS: [HeaderName; 2] = [HeaderName::from_static("api-key"), HeaderName::from_static("x-api-key")];

impl FromRequestParts<Front> for Arc<Caller> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Front) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(|| ApiError::bug("a route without its guard".to_owned()))
    }
}

/// What the extractor of `Caller` finds.
pub(super) fn enter(extensions: &mut Extensions, caller: Arc<Caller>) {
    extensions.insert(caller);
}

/// The one who calls, or why nobody gets in.
pub(super) fn identify(front: &Front, entrance: Entrance, uri: &Uri, headers: &HeaderMap) -> Result<Arc<Caller>, ApiError> {
    if entrance == Entrance::Socket {
        return Ok(front.0.local.clone());
    }
    if front.app().asks_for_keys() {
        let credential = credential(headers).ok_or_else(ApiError::no_credential)?;
        return front.app().caller(credential).map_err(ApiError::refused_key);
    }
    admit(uri, headers, |origin| front.0.cors.allows(origin))?;
    Ok(front.0.local.clone())
}

/// For a path that needs no credential: without keys it is for this machine only all the same.
pub(super) fn knock(front: &Front, entrance: Entrance, uri: &Uri, headers: &HeaderMap) -> Result<Arc<Caller>, ApiError> {
    if entrance == Entrance::Tcp && !front.app().asks_for_keys() {
        admit(uri, headers, |origin| front.0.cors.allows(origin))?;
    }
    Ok(front.0.local.clone())
}

/// The credential under the first of its names that says one: some clients send a name and nothing behind it.
fn credential(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, credential) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(credential)
    });
    let named = KEY_HEADERS.into_iter().filter_map(|name| headers.get(name)).map(HeaderValue::as_bytes);
    bearer.into_iter().chain(named).map(<[u8]>::trim_ascii).find(|credential| !credential.is_empty())
}

/// Takes every credential out of the headers of a request that has come in.
pub(super) fn forget(headers: &mut HeaderMap) {
    for name in KEY_HEADERS.into_iter().chain([AUTHORIZATION]) {
        headers.remove(name);
    }
}

/// The rules of a server without keys.
fn admit(uri: &Uri, headers: &HeaderMap, trusted: impl Fn(&[u8]) -> bool) -> Result<(), ApiError> {
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
        if !own && !trusted(origin.as_bytes()) {
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

    fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    fn admitted(uri: &str, headers: &[(&str, &str)]) -> bool {
        admit(&uri.parse().unwrap(), &header_map(headers), |origin| origin == b"https://console.example").is_ok()
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
        assert!(admitted("/", &[("host", "localhost:8080"), ("origin", "https://console.example")]));
        for origin in ["http://example.com", "null", "http://localhost:3000", "https://localhost:8080", "http://localhost", ""] {
            assert!(!admitted("/", &[("host", "localhost:8080"), ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn a_credential_has_three_names() {
        for headers in [
            &[("authorization", "Bearer k1")][..],
            &[("authorization", "bearer  k1 ")],
            &[("api-key", "k1")],
            &[("x-api-key", "k1")],
            &[("authorization", "Basic dTpw"), ("x-api-key", "k1")],
            &[("authorization", "Bearer "), ("api-key", "k1")],
            &[("authorization", "Bearer"), ("api-key", " "), ("x-api-key", "k1")],
            &[("authorization", "Bearer k1"), ("api-key", "k2")],
        ] {
            assert_eq!(credential(&header_map(headers)), Some(&b"k1"[..]), "{headers:?}");
        }
        for headers in [&[][..], &[("authorization", "Bearer ")], &[("authorization", "k1")], &[("api-key", "")]] {
            assert_eq!(credential(&header_map(headers)), None, "{headers:?}");
        }
    }
}
