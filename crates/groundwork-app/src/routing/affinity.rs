//! Which calls should meet: a provider's prompt cache knows only what the same deployment has read before.

use groundwork_core::ids::TenantId;
use groundwork_core::pool::Key;
use groundwork_wire::object::Object;

/// Bytes of the beginning of a prompt that decide: rules and tools come first, and what a conversation goes on from stays in its place.
const PREFIX: usize = 1024;

/// Where prompts begin, in every dialect, in the order in which models read them.
const BEGINNINGS: [&str; 5] = ["tools", "system", "instructions", "messages", "input"];

/// Of a tenant's prompts that begin alike; a client that names a cache itself is believed.
pub(crate) fn of_prompt(tenant: &TenantId, body: &Object) -> Key {
    let tenant = tenant.as_str().as_bytes();
    if let Some(named) = body.raw("prompt_cache_key").filter(|named| named.starts_with(b"\"")) {
        return Key::of([tenant, named]);
    }
    let mut left = PREFIX;
    let beginnings = BEGINNINGS.iter().filter_map(|key| body.raw(key)).map(|value| {
        let part = &value[..value.len().min(left)];
        left -= part.len();
        part
    });
    Key::of(std::iter::once(tenant).chain(beginnings))
}

/// Of an assistant's prompts: all begin with its template.
pub(crate) fn of_assistant(tenant: &TenantId, cache_key: &str) -> Key {
    Key::of([tenant.as_str().as_bytes(), b"assistant", cache_key.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_of_a_tenant_that_begin_alike_meet() {
        let (north, south): (TenantId, TenantId) = ("north".parse().unwrap(), "south".parse().unwrap());
        let rules = "r".repeat(PREFIX);
        let body = |question: &str, more: &str| {
            Object::parse(format!(
                r#"{{"model":"m","messages":[{{"role":"system","content":"{rules}"}},{{"role":"user","content":"{question}"}}]{more}}}"#
            ))
            .unwrap()
        };
        let key = of_prompt(&north, &body("a", ""));
        assert_eq!(key, of_prompt(&north, &body("b", r#","temperature":0"#)));
        assert_ne!(key, of_prompt(&south, &body("a", "")));
        assert_ne!(key, of_prompt(&north, &body("a", r#","tools":[{"type":"function"}]"#)));
        let named = |question: &str| of_prompt(&north, &body(question, r#","prompt_cache_key":"mine""#));
        assert_eq!(named("a"), named("b"));
        assert_ne!(named("a"), key);
    }
}
