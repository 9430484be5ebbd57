//! What goes into a statement and comes out of a row, the same for every back-end.

use super::DbError;
use super::operation::Operation;

/// A bound parameter or a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

/// Beyond the range of a signed 64-bit integer a count or a time is kept as the largest.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The columns of one result, read from left to right.
#[derive(Debug)]
pub(crate) struct Row {
    operation: Operation,
    at: usize,
    columns: std::vec::IntoIter<Value>,
}

impl Row {
    pub(crate) fn new(operation: Operation, columns: Vec<Value>) -> Self {
        Self { operation, at: 0, columns: columns.into_iter() }
    }

    /// The next column as a `T`.
    pub(crate) fn next<T: Column>(&mut self) -> Result<T, DbError> {
        self.at += 1;
        let value = self.columns.next().unwrap_or(Value::Null);
        T::read(value).ok_or_else(|| DbError::Unexpected {
            operation: format!("{:?}", self.operation),
            detail: format!("column {} is not a {}", self.at, std::any::type_name::<T>()),
        })
    }

    /// The next column as a name, such as a document id.
    pub(crate) fn name<T: std::str::FromStr>(&mut self) -> Result<T, DbError> {
        let text: String = self.next()?;
        self.parse(&text)
    }

    /// The next column as a name, where there is one.
    pub(crate) fn optional_name<T: std::str::FromStr>(&mut self) -> Result<Option<T>, DbError> {
        let text: Option<String> = self.next()?;
        text.map(|text| self.parse(&text)).transpose()
    }

    /// `text`, the column that was just read, as a name.
    pub(crate) fn parse<T: std::str::FromStr>(&self, text: &str) -> Result<T, DbError> {
        text.parse().map_err(|_| self.unreadable(text))
    }

    /// The next column as JSON of a `T`.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, DbError> {
        let text: String = self.next()?;
        serde_json::from_str(&text).map_err(|_| self.unreadable(&text))
    }

    fn unreadable(&self, text: &str) -> DbError {
        DbError::Unexpected {
            operation: format!("{:?}", self.operation),
            detail: format!("column {} holds {} bytes that cannot be read", self.at, text.len()),
        }
    }
}

/// A type that a column can be read as.
pub(crate) trait Column: Sized {
    fn read(value: Value) -> Option<Self>;
}

impl Column for i64 {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Integer(value) => Some(value),
            _ => None,
        }
    }
}

impl Column for u64 {
    fn read(value: Value) -> Option<Self> {
        i64::read(value)?.try_into().ok()
    }
}

impl Column for u32 {
    fn read(value: Value) -> Option<Self> {
        i64::read(value)?.try_into().ok()
    }
}

impl Column for bool {
    fn read(value: Value) -> Option<Self> {
        Some(i64::read(value)? != 0)
    }
}

impl Column for String {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }
}

impl Column for Vec<u8> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Blob(value) => Some(value),
            _ => None,
        }
    }
}

impl<const N: usize> Column for [u8; N] {
    fn read(value: Value) -> Option<Self> {
        Vec::read(value)?.try_into().ok()
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::read(value).map(Some),
        }
    }
}
