//! Embeddings without a model: equal texts have equal vectors, different texts almost surely different ones.

use super::Answer;
use bytes::Bytes;
use groundwork_wire::embeddings::{Input, Request, Response};
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use sha2::{Digest, Sha256};

/// As many as the largest models have.
const MOST_DIMENSIONS: u32 = 4096;

pub(super) fn answer(model: &str, body: &Object, answer: &Answer) -> Result<Bytes, Invalid> {
    let asked = Request::parse(body.to_bytes())?.asked()?;
    if let Some(dimensions) = asked.dimensions.filter(|dimensions| *dimensions > MOST_DIMENSIONS) {
        let reason = format!("{dimensions} are more than {MOST_DIMENSIONS}");
        return Err(Invalid::Value { param: "dimensions".to_owned(), reason });
    }
    let dimensions = asked.dimensions.unwrap_or(answer.dimensions).max(1) as usize;
    let bytes = |tokens: &Vec<u32>| tokens.iter().flat_map(|token| token.to_le_bytes()).collect::<Vec<u8>>();
    let (vectors, prompt_tokens): (Vec<Vec<f32>>, usize) = match &asked.input {
        Input::Texts(texts) => (
            texts.iter().map(|text| vector(text.as_bytes(), dimensions)).collect(),
            texts.iter().map(|text| text.split_whitespace().count()).sum(),
        ),
        Input::Tokens(lists) => (lists.iter().map(|tokens| vector(&bytes(tokens), dimensions)).collect(), lists.iter().map(Vec::len).sum()),
    };
    let prompt_tokens = answer.usage.map_or(prompt_tokens as u64, |usage| usage.input);
    Ok(Response { model, vectors: &vectors, format: asked.format, prompt_tokens }.to_bytes())
}

/// Of length 1, from the hash of the text.
fn vector(text: &[u8], dimensions: usize) -> Vec<f32> {
    let mut vector = Vec::with_capacity(dimensions);
    for block in 0u32.. {
        let hash = Sha256::new().chain_update(block.to_le_bytes()).chain_update(text).finalize();
        vector.extend(hash.iter().take(dimensions - vector.len()).map(|byte| f32::from(*byte) - 127.5));
        if vector.len() == dimensions {
            break;
        }
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter().map(|value| value / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_wire::embeddings::Parsed;

    #[test]
    fn equal_texts_have_equal_vectors_of_length_one() {
        let body = Object::parse(r#"{"model":"m","input":["a b","c","a b"],"encoding_format":"base64","dimensions":40}"#).unwrap();
        let parsed = Parsed::parse(&answer("m", &body, &Answer::default()).unwrap()).unwrap();
        assert_eq!((parsed.vectors.len(), parsed.vectors[0].len(), parsed.prompt_tokens), (3, 40, Some(5)));
        assert_eq!(parsed.vectors[0], parsed.vectors[2]);
        assert_ne!(parsed.vectors[0], parsed.vectors[1]);
        let length: f32 = parsed.vectors[0].iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
    }
}
