//! Edits inside an answer that keep everything that is not edited as it came.

use groundwork_wire::object::Object;
use serde_json::value::RawValue;

/// Edits the object under `key`, which is made if it is missing or no object.
pub(super) fn nested(object: &mut Object, key: &str, edit: impl FnOnce(&mut Object)) {
    let mut inner = object.raw(key).and_then(|raw| Object::parse(raw.clone()).ok()).unwrap_or_default();
    edit(&mut inner);
    if let Some(raw) = raw(&inner) {
        set(object, key, &raw);
    }
}

/// Edits the first of `choices`; an answer without any stays as it is.
pub(super) fn first_choice(object: &mut Object, edit: impl FnOnce(&mut Object)) {
    let Some(mut choices) = object.raw("choices").and_then(|raw| serde_json::from_slice::<Vec<Box<RawValue>>>(raw).ok()) else { return };
    let Some(first) = choices.first_mut() else { return };
    let Ok(mut choice) = Object::parse(first.get().as_bytes().to_vec()) else { return };
    edit(&mut choice);
    if let Some(edited) = raw(&choice) {
        *first = edited;
    }
    set(object, "choices", &choices);
}

/// Sets a value; what cannot be written as JSON is left as it was.
pub(super) fn set<T: serde::Serialize + ?Sized>(object: &mut Object, key: &str, value: &T) {
    if let Err(error) = object.set(key, value) {
        tracing::error!(key, %error, "an answer's field could not be written");
    }
}

fn raw(object: &Object) -> Option<Box<RawValue>> {
    serde_json::from_slice(&object.to_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_edited_keeps_its_bytes() {
        let mut object = Object::parse(
            r#"{"id":"a","choices":[{"index":0,"delta":{"content":"x","n":1.50},"p":9007199254740993},{"index":1}],"new":{"a":1e2}}"#,
        )
        .unwrap();
        first_choice(&mut object, |choice| nested(choice, "delta", |delta| set(delta, "content", "y")));
        assert_eq!(
            object.to_bytes(),
            r#"{"id":"a","choices":[{"index":0,"delta":{"content":"y","n":1.50},"p":9007199254740993},{"index":1}],"new":{"a":1e2}}"#
        );
    }

    #[test]
    fn an_answer_without_choices_stays_as_it_is() {
        for body in [r#"{"choices":[]}"#, r#"{"choices":null}"#, "{}"] {
            let mut object = Object::parse(body).unwrap();
            first_choice(&mut object, |choice| set(choice, "x", &1));
            assert_eq!(object.to_bytes(), body);
        }
    }
}
