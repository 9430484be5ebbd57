//! Which web pages of other origins may ask: none, unless the settings name them.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
/// Seconds that a browser may remember a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins of the settings; `*` stands for all.
pub(super) struct Cors {
    origins: Vec<String>,
    any: bool,
}

impl Cors {
    pub(super) fn new(origins: &[String]) -> Self {
        Self { any: origins.iter().any(|origin| origin == "*"), origins: origins.to_vec() }
    }

    /// Whether pages of `origin` may ask. `*` lets none in where no key is asked for: it would open the server to the whole web.
    pub(super) fn allows(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|known| known != "*" && known.as_bytes() == origin)
    }

    fn answers(&self, origin: &HeaderValue) -> bool {
        self.any || self.allows(origin.as_bytes())
    }

    /// The answer to a preflight of an origin that is known; anything else goes on.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        if *method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        headers.get(ORIGIN).filter(|origin| self.answers(origin))?;
        let mut response = StatusCode::NO_CONTENT.into_response();
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        response.headers_mut().insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Some(asked) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            response.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        Some(response)
    }

    /// Says in `response` that the page of `origin` may read it, when it may.
    pub(super) fn mark(&self, origin: Option<HeaderValue>, response: &mut Response) {
        let Some(origin) = origin.filter(|origin| self.answers(origin)) else { return };
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*, x-request-id, retry-after"));
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}
