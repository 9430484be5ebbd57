//! Which of the client's headers go on, and what those of an answer say of who did the work.

use super::Vendor;
use crate::target::Served;
use http::HeaderMap;

/// Trace context and beta features; what one vendor alone understands goes to that one.
pub(super) fn pass_on(headers: &mut HeaderMap, client: &HeaderMap, vendor: &Vendor) {
    for (header, value) in client {
        let name = header.as_str();
        let own = match vendor {
            Vendor::OpenAi(_) => name.starts_with("openai-") || name.starts_with("anthropic-"),
            Vendor::AzureOpenAi(_) => {
                matches!(name, "x-ms-spillover-deployment" | "x-ms-client-request-id")
                    || name.starts_with("aoai-")
                    || name.starts_with("openai-")
            }
            Vendor::Anthropic(_) => name.starts_with("anthropic-"),
        };
        // The account that is billed is ours to choose.
        let account = matches!(name, "openai-organization" | "openai-project");
        let trace = matches!(name, "traceparent" | "tracestate" | "x-client-request-id");
        if (own && !account) || trace {
            headers.insert(header, value.clone());
        }
    }
}

/// A call that the service itself has sent to another deployment says so under one of several names. One that could not be spilled
/// names the error, and was served where it was asked.
pub(crate) fn served(headers: &HeaderMap) -> Served {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let spilled =
        headers.keys().any(|name| name.as_str().starts_with("x-ms-spillover-from")) && !headers.contains_key("x-ms-spillover-error");
    Served { deployment: text("x-ms-deployment-name"), model: None, spilled, unfiltered: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_spilled_call_is_known_by_either_name_of_its_header() {
        for (headers, deployment, spilled) in [
            (&[("x-ms-spillover-from-deployment", "ptu"), ("x-ms-deployment-name", "paygo")][..], Some("paygo"), true),
            (&[("x-ms-spillover-from-gpt-5-ptu", "true"), ("x-ms-deployment-name", "paygo")], Some("paygo"), true),
            (&[("x-ms-spillover-error", "429"), ("x-ms-deployment-name", "ptu")], Some("ptu"), false),
            (&[("x-ms-region", "Sweden Central")], None, false),
        ] {
            let served = served(&map(headers));
            assert_eq!((served.deployment.as_deref(), served.spilled), (deployment, spilled), "{headers:?}");
        }
    }
}
