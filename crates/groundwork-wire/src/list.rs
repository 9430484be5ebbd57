//! A page of a list, in the shape that all of OpenAI's lists have.

use serde::Serialize;

/// A page; whoever wants the next one begins after `last_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List<T> {
    object: &'static str,
    data: Vec<T>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
}

impl<T> List<T> {
    pub fn new(data: Vec<T>, has_more: bool, id: impl Fn(&T) -> &str) -> Self {
        let named = |one: Option<&T>| one.map(|one| id(one).to_owned());
        Self { object: "list", first_id: named(data.first()), last_id: named(data.last()), has_more, data }
    }

    /// The same page of what is made of each.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> List<U> {
        let Self { object, data, first_id, last_id, has_more } = self;
        List { object, data: data.into_iter().map(make).collect(), first_id, last_id, has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_ends_and_an_empty_one_has_none() {
        let json = |data: Vec<&str>| serde_json::to_string(&List::new(data, false, |one| *one)).unwrap();
        assert_eq!(json(vec!["a", "b"]), r#"{"object":"list","data":["a","b"],"first_id":"a","last_id":"b","has_more":false}"#);
        assert_eq!(json(vec![]), r#"{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}"#);
    }
}
