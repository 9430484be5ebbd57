//! Files and uploads: the objects, what a file may be for, and how long it may live.

use crate::error::Invalid;
use crate::object::Object;
use serde::Serialize;

/// What a client may say that a file is for.
pub const PURPOSES: [&str; 6] = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"];
/// What files are for that a server makes.
pub const MADE_PURPOSES: [&str; 3] = ["assistants_output", "batch_output", "fine-tune-results"];

/// Seconds that a file may live when it says how long: an hour to 30 days.
pub const LIFETIMES: std::ops::RangeInclusive<u64> = 3600..=2_592_000;

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    pub id: String,
    pub object: Kind,
    pub bytes: u64,
    /// Seconds since 1970, like every time here.
    pub created_at: u64,
    pub expires_at: Option<u64>,
    pub filename: String,
    pub purpose: String,
    pub status: &'static str,
    pub status_details: Option<()>,
}

/// A file that comes in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upload {
    pub id: String,
    pub object: Kind,
    /// As announced.
    pub bytes: u64,
    pub created_at: u64,
    pub expires_at: u64,
    pub filename: String,
    pub purpose: String,
    pub status: &'static str,
    pub file: Option<File>,
}

/// One part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    pub id: String,
    pub object: Kind,
    pub created_at: u64,
    pub upload_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Kind {
    #[serde(rename = "file")]
    File,
    #[serde(rename = "upload")]
    Upload,
    #[serde(rename = "upload.part")]
    Part,
}

/// A purpose that a client may give.
pub fn purpose(given: &str) -> Result<&'static str, Invalid> {
    known(given, &PURPOSES)
}

/// Any purpose that a file can have.
pub fn any_purpose(given: &str) -> Result<&'static str, Invalid> {
    known(given, &MADE_PURPOSES).or_else(|_client| known(given, &PURPOSES))
}

fn known(given: &str, purposes: &[&'static str]) -> Result<&'static str, Invalid> {
    let found = purposes.iter().find(|known| **known == given).copied();
    found.ok_or_else(|| invalid("purpose", format!("{given:?} is none of {}", purposes.join(", "))))
}

/// How long a file shall live, in seconds; `param` is the name of the object that says so.
pub fn lifetime(param: &str, anchor: Option<&str>, seconds: Option<u64>) -> Result<u64, Invalid> {
    let missing = |key: &str| Invalid::Missing { param: format!("{param}.{key}") };
    match anchor {
        Some("created_at") => {}
        Some(other) => return Err(invalid(&format!("{param}.anchor"), format!("{other:?} is not \"created_at\""))),
        None => return Err(missing("anchor")),
    }
    let seconds = seconds.ok_or_else(|| missing("seconds"))?;
    if LIFETIMES.contains(&seconds) {
        return Ok(seconds);
    }
    let reason = format!("{seconds} is not between {} and {}", LIFETIMES.start(), LIFETIMES.end());
    Err(invalid(&format!("{param}.seconds"), reason))
}

/// The same from the object under `key` of a body; `None` when there is none.
pub fn lifetime_in(body: &Object, key: &str) -> Result<Option<u64>, Invalid> {
    let Some(given) = body.get::<Object>(key, "an object")? else { return Ok(None) };
    let anchor: Option<String> = given.get("anchor", "a string").map_err(|error| error.within(key))?;
    let seconds = given.get("seconds", "an integer").map_err(|error| error.within(key))?;
    lifetime(key, anchor.as_deref(), seconds).map(Some)
}

fn invalid(param: &str, reason: String) -> Invalid {
    Invalid::Value { param: param.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_one_of_a_few_and_some_are_only_made() {
        assert_eq!(purpose("user_data").unwrap(), "user_data");
        assert_eq!(any_purpose("batch_output").unwrap(), "batch_output");
        for wrong in ["batch_output", "", "Batch", "anything"] {
            assert_eq!(purpose(wrong).unwrap_err().param(), Some("purpose"), "{wrong}");
        }
    }

    #[test]
    fn a_lifetime_is_an_hour_to_thirty_days_from_the_making() {
        let read = |body: &str| lifetime_in(&Object::parse(body.to_owned()).unwrap(), "expires_after");
        assert_eq!(read(r#"{"expires_after":{"anchor":"created_at","seconds":3600}}"#).unwrap(), Some(3600));
        assert_eq!(read(r#"{"expires_after":null}"#).unwrap(), None);
        for (body, param) in [
            (r#"{"expires_after":7}"#, "expires_after"),
            (r#"{"expires_after":{"seconds":3600}}"#, "expires_after.anchor"),
            (r#"{"expires_after":{"anchor":"now","seconds":3600}}"#, "expires_after.anchor"),
            (r#"{"expires_after":{"anchor":"created_at"}}"#, "expires_after.seconds"),
            (r#"{"expires_after":{"anchor":"created_at","seconds":3599}}"#, "expires_after.seconds"),
            (r#"{"expires_after":{"anchor":"created_at","seconds":2592001}}"#, "expires_after.seconds"),
            (r#"{"expires_after":{"anchor":"created_at","seconds":-1}}"#, "expires_after.seconds"),
        ] {
            assert_eq!(read(body).unwrap_err().param(), Some(param), "{body}");
        }
    }
}
