//! Embeddings: the request in its four forms of input, our response, and a target's.

use crate::count;
use crate::error::Invalid;
use crate::object::Object;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// A request for embeddings: the original body, and what of it everybody must be told who embeds.
#[derive(Debug, Clone)]
pub struct Request {
    pub object: Object,
    pub model: String,
}

/// What a request asks of an embedder that follows OpenAI's to the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub input: Input,
    pub format: Format,
    pub dimensions: Option<u32>,
}

/// Texts in one request, as OpenAI limits them.
const MAX_INPUTS: usize = 2048;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Texts(Vec<String>),
    /// Token ids of the model's own vocabulary.
    Tokens(Vec<Vec<u32>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Float,
    /// Little-endian `f32`s in base 64; what OpenAI's Python client asks for.
    Base64,
}

impl Request {
    /// Reads a body that names a model and has an input. What else it says is for whoever embeds to understand: other servers than
    /// OpenAI's read more forms of it than OpenAI's.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        let object = Object::parse(body)?;
        if let Some(key) = object.duplicate() {
            return Err(Invalid::Duplicate { key: key.to_owned() });
        }
        let model = object.get("model", "a string")?.ok_or_else(|| missing("model"))?;
        match object.get("input", INPUT)?.ok_or_else(|| missing("input"))? {
            AnyInput::Text(text) if text.is_empty() => Err(empty()),
            AnyInput::Inputs(inputs) if inputs.is_empty() => Err(empty()),
            AnyInput::Text(_) | AnyInput::Inputs(_) => Ok(Self { object, model }),
        }
    }

    /// All that is asked. Every way of being wrong is an `Invalid` that names the parameter.
    pub fn asked(&self) -> Result<Asked, Invalid> {
        let value = |param: &str, reason: String| Invalid::Value { param: param.to_owned(), reason };
        let input: Input = self.object.get::<WireInput>("input", INPUT)?.ok_or_else(|| missing("input"))?.into();
        if input.is_empty() {
            return Err(empty());
        }
        if input.len() > MAX_INPUTS {
            return Err(value("input", format!("its {} elements are more than {MAX_INPUTS}", input.len())));
        }
        let dimensions = self.object.get("dimensions", "a positive integer")?;
        if dimensions == Some(0) {
            return Err(value("dimensions", "it must be at least 1".to_owned()));
        }
        let format = self.object.get("encoding_format", "\"float\" or \"base64\"")?.unwrap_or_default();
        Ok(Asked { input, format, dimensions })
    }
}

const INPUT: &str = "a string, an array of strings, or token ids";

fn missing(param: &str) -> Invalid {
    Invalid::Missing { param: param.to_owned() }
}

fn empty() -> Invalid {
    Invalid::Value { param: "input".to_owned(), reason: "an empty input has no embedding".to_owned() }
}

impl Input {
    /// Whether there is nothing, or an element with nothing in it.
    fn is_empty(&self) -> bool {
        match self {
            Self::Texts(texts) => texts.is_empty() || texts.iter().any(String::is_empty),
            Self::Tokens(lists) => lists.is_empty() || lists.iter().any(Vec::is_empty),
        }
    }

    /// How many embeddings are asked for.
    fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Tokens(lists) => lists.len(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyInput {
    Text(String),
    Inputs(Vec<IgnoredAny>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireInput {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    TokenLists(Vec<Vec<u32>>),
}

impl From<WireInput> for Input {
    fn from(input: WireInput) -> Self {
        match input {
            WireInput::Text(text) => Self::Texts(vec![text]),
            WireInput::Texts(texts) => Self::Texts(texts),
            WireInput::Tokens(tokens) => Self::Tokens(vec![tokens]),
            WireInput::TokenLists(lists) => Self::Tokens(lists),
        }
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
        #[derive(Serialize)]
        struct Body<'a> {
            object: &'static str,
            data: Vec<Row<'a>>,
            model: &'a str,
            usage: Usage,
        }
        #[derive(Serialize)]
        struct Row<'a> {
            object: &'static str,
            index: usize,
            embedding: Vector<'a>,
        }
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Vector<'a> {
            Float(&'a [f32]),
            Base64(String),
        }
        fn row(format: Format, index: usize, vector: &[f32]) -> Row<'_> {
            let embedding = match format {
                Format::Float => Vector::Float(vector),
                Format::Base64 => Vector::Base64(to_base64(vector)),
            };
            Row { object: "embedding", index, embedding }
        }
        let body = Body {
            object: "list",
            data: self.vectors.iter().enumerate().map(|(index, vector)| row(self.format, index, vector)).collect(),
            model: self.model,
            usage: Usage { prompt_tokens: self.prompt_tokens, total_tokens: self.prompt_tokens },
        };
        serde_json::to_vec(&body).unwrap_or_default().into()
    }
}

#[derive(Serialize, Deserialize)]
struct Usage {
    #[serde(deserialize_with = "count::needed")]
    prompt_tokens: u64,
    #[serde(default, deserialize_with = "count::needed")]
    total_tokens: u64,
}

/// A target's response, its vectors in the order of the input.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub vectors: Vec<Vec<f32>>,
    pub prompt_tokens: Option<u64>,
}

impl Parsed {
    /// Reads a response; the vectors may be floats or base 64, whatever was asked for, and in any order.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        #[derive(Deserialize)]
        struct Body {
            data: Vec<Row>,
            usage: Option<Usage>,
        }
        #[derive(Deserialize)]
        struct Row {
            index: Option<usize>,
            embedding: Vector,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Vector {
            Float(Vec<f32>),
            Base64(String),
        }
        let body: Body = serde_json::from_slice(body).map_err(|error| Invalid::json(&error))?;
        let mut rows = Vec::with_capacity(body.data.len());
        for (position, Row { index, embedding }) in body.data.into_iter().enumerate() {
            let vector = match embedding {
                Vector::Float(vector) => Some(vector),
                Vector::Base64(text) => from_base64(&text),
            };
            let expected = "base 64 of little-endian 32-bit floats";
            rows.push((
                index.unwrap_or(position),
                vector.ok_or_else(|| Invalid::Type { param: format!("data[{position}].embedding"), expected })?,
            ));
        }
        rows.sort_by_key(|(index, _)| *index);
        if rows.iter().enumerate().any(|(position, (index, _))| position != *index) {
            return Err(Invalid::Value { param: "data".to_owned(), reason: "its indices are not 0, 1, 2, …".to_owned() });
        }
        Ok(Self { vectors: rows.into_iter().map(|(_, vector)| vector).collect(), prompt_tokens: body.usage.map(|u| u.prompt_tokens) })
    }
}

/// The tokens that an answer says it read; its vectors are not looked at.
pub fn prompt_tokens(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Body {
        usage: Option<Usage>,
    }
    Some(serde_json::from_slice::<Body>(body).ok()?.usage?.prompt_tokens)
}

fn to_base64(vector: &[f32]) -> String {
    BASE64.encode(vector.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

fn from_base64(text: &str) -> Option<Vec<f32>> {
    let bytes = BASE64.decode(text).ok()?;
    let (values, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| values.iter().map(|value| f32::from_le_bytes(*value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(body: impl Into<String>) -> Result<Asked, Invalid> {
        Request::parse(body.into())?.asked()
    }

    #[test]
    fn all_four_forms_of_input_are_read() {
        for (input, expected) in [
            (r#""a""#, Input::Texts(vec!["a".to_owned()])),
            (r#"["a","b"]"#, Input::Texts(vec!["a".to_owned(), "b".to_owned()])),
            ("[1,2]", Input::Tokens(vec![vec![1, 2]])),
            ("[[1],[2,3]]", Input::Tokens(vec![vec![1], vec![2, 3]])),
        ] {
            let read = asked(format!(r#"{{"model":"m","input":{input},"encoding_format":"base64","dimensions":8}}"#)).unwrap();
            assert_eq!(read, Asked { input: expected, format: Format::Base64, dimensions: Some(8) });
        }
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        for (body, param) in [
            (r#"{"input":"a"}"#, "model"),
            (r#"{"model":"m"}"#, "input"),
            (r#"{"model":"m","input":null}"#, "input"),
            (r#"{"model":"m","input":{}}"#, "input"),
            (r#"{"model":"m","input":""}"#, "input"),
            (r#"{"model":"m","input":[]}"#, "input"),
            (r#"{"model":"m","input":"a","input":"b"}"#, "input"),
        ] {
            assert_eq!(Request::parse(body).unwrap_err().param(), Some(param), "{body}");
        }
        for (fields, param) in [
            (r#""input":["a",1]"#, "input"),
            (r#""input":["a",null]"#, "input"),
            (r#""input":[[1],"a"]"#, "input"),
            (r#""input":["a",""]"#, "input"),
            (r#""input":[[1],[]]"#, "input"),
            (r#""input":[-1]"#, "input"),
            (r#""input":[1.5]"#, "input"),
            (r#""input":"a","encoding_format":"int8""#, "encoding_format"),
            (r#""input":"a","encoding_format":["float"]"#, "encoding_format"),
            (r#""input":"a","dimensions":0"#, "dimensions"),
            (r#""input":"a","dimensions":-1"#, "dimensions"),
            (r#""input":"a","dimensions":"8""#, "dimensions"),
        ] {
            // Whoever embeds may understand it.
            let request = Request::parse(format!(r#"{{"model":"m",{fields}}}"#)).unwrap();
            assert_eq!(request.asked().unwrap_err().param(), Some(param), "{fields}");
        }
    }

    #[test]
    fn more_inputs_than_openai_takes_are_refused() {
        for element in [r#""a""#, "[1]"] {
            let of = |count: usize| asked(format!(r#"{{"model":"m","input":[{}]}}"#, vec![element; count].join(",")));
            assert_eq!(of(MAX_INPUTS).map(|asked| asked.input.len()), Ok(MAX_INPUTS));
            let error = of(MAX_INPUTS + 1).unwrap_err();
            assert!(error.param() == Some("input") && error.to_string().contains("2049"), "{error}");
        }
    }

    #[test]
    fn a_targets_vectors_are_put_in_order() {
        let body = r#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":"AACAPw=="}],"usage":{"prompt_tokens":3}}"#;
        assert_eq!(Parsed::parse(body.as_bytes()).unwrap(), Parsed { vectors: vec![vec![1.0], vec![2.0]], prompt_tokens: Some(3) });
        for body in [r#"{"data":[{"index":1,"embedding":[2]}]}"#, r#"{"data":[{"index":0,"embedding":"AAA="}]}"#, "{}", "x"] {
            assert!(Parsed::parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn vectors_survive_both_formats(vectors in prop::collection::vec(prop::collection::vec(-1.0f32..1.0, 3), 1..4), base64 in any::<bool>()) {
            let format = if base64 { Format::Base64 } else { Format::Float };
            let body = Response { model: "m", vectors: &vectors, format, prompt_tokens: 5 }.to_bytes();
            prop_assert_eq!(Parsed::parse(&body).unwrap(), Parsed { vectors, prompt_tokens: Some(5) });
        }
    }
}
