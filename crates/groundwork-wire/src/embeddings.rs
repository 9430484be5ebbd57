//! Embeddings: the request in its four forms of input, and our response.

use crate::error::Invalid;
use crate::object::Object;
use bytes::Bytes;

/// A request for embeddings: the original body and what we read of it.
#[derive(Debug, Clone)]
pub struct Request {
    pub object: Object,
    pub model: String,
    pub input: Input,
    pub format: Format,
    pub dimensions: Option<u32>,
    pub user: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Texts(Vec<String>),
    /// Token ids of the model's own vocabulary.
    Tokens(Vec<Vec<u32>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Float,
    /// Little-endian `f32`s in base 64; what OpenAI's Python client asks for.
    Base64,
}

impl Request {
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        let _ = Object::parse(body)?;
        unimplemented!()
    }
}

/// Our response.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    pub model: &'a str,
    pub vectors: &'a [Vec<f32>],
    pub format: Format,
    pub prompt_tokens: u64,
}

impl Response<'_> {
    pub fn to_bytes(&self) -> Bytes {
        unimplemented!()
    }
}

/// A target's response, its vectors in the order of the input.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub vectors: Vec<Vec<f32>>,
    pub prompt_tokens: Option<u64>,
}

impl Parsed {
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        unimplemented!("{}", body.len())
    }
}
