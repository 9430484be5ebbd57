//! The tokens of a GGUF model: byte pairs over bytes, as GPT-2 has them, split before that as the family splits.

use super::gguf::{Gguf, Unusable};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, DecoderWrapper, NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer};

/// How words, digits and spaces are parted before pairs are joined, by the families' own expressions: they differ in digits only.
const ONE_DIGIT: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const THREE_DIGITS: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Names of tokens that end a turn in one family or another.
const TURN_ENDS: [&str; 5] = ["<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>"];

/// `tokenizer.ggml.token_type`: control and user-defined tokens stand for themselves, wherever they are in a text.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

pub(super) struct Tokens {
    inner: Tokenizer,
    ends: Vec<u32>,
    /// What the chat template may write: the texts of these tokens.
    begin: Option<(u32, String)>,
    end: Option<String>,
    /// The model wants `begin` before every prompt, also where its template does not write it.
    adds_begin: bool,
    size: usize,
}

impl Tokens {
    pub(super) fn read(gguf: &Gguf) -> Result<Self, Unusable> {
        match gguf.text("tokenizer.ggml.model") {
            Some("gpt2") => {}
            other => return Err(Unusable(format!("its tokenizer is {}; only gpt2 can be run", other.unwrap_or("not named")))),
        }
        let names = gguf.texts("tokenizer.ggml.tokens")?;
        let inner = tokenizer(gguf, &names)?;
        let token = |key: &str| {
            let number = gguf.number(&format!("tokenizer.ggml.{key}_token_id"))?;
            Some((u32::try_from(number).ok()?, names.get(number)?.clone()))
        };
        let (begin, end) = (token("bos"), token("eos"));
        let mut ends: Vec<u32> = TURN_ENDS.iter().filter_map(|name| inner.token_to_id(name)).collect();
        ends.extend(end.as_ref().map(|(number, _)| *number));
        Ok(Self {
            inner,
            ends,
            begin,
            end: end.map(|(_, name)| name),
            adds_begin: gguf.flag("tokenizer.ggml.add_bos_token").unwrap_or(false),
            size: names.len(),
        })
    }

    /// The tokens of a prompt, in which the names of control tokens are those tokens.
    pub(super) fn of(&self, prompt: &str) -> Result<Vec<u32>, Unusable> {
        let mut tokens = self.plain(prompt)?;
        if let Some((begin, _)) = &self.begin
            && self.adds_begin
            && tokens.first() != Some(begin)
        {
            tokens.insert(0, *begin);
        }
        Ok(tokens)
    }

    /// The tokens of a piece of a text.
    pub(super) fn plain(&self, piece: &str) -> Result<Vec<u32>, Unusable> {
        Ok(self.inner.encode_fast(piece, false).map_err(|error| Unusable(error.to_string()))?.get_ids().to_vec())
    }

    pub(super) fn ends(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    pub(super) fn begin(&self) -> &str {
        self.begin.as_ref().map_or("", |(_, name)| name)
    }

    pub(super) fn end(&self) -> &str {
        self.end.as_deref().unwrap_or_default()
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Whether the vocabulary has a token of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.inner.token_to_id(name).is_some()
    }

    /// Names of control tokens in what a client wrote must not become control tokens: a space keeps them apart.
    pub(super) fn harmless(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for token in self.inner.get_added_tokens_decoder().values() {
            if text.contains(&token.content) {
                let mut apart = token.content.clone();
                apart.insert(token.content.chars().next().map_or(0, char::len_utf8), ' ');
                text = text.replace(&token.content, &apart);
            }
        }
        text
    }

    /// Turns tokens into text as they come; a character that several tokens make comes with the last of them.
    pub(super) fn speaker(&self) -> Speaker<'_> {
        Speaker { tokens: self, said: Vec::new(), begin: 0, told: 0 }
    }
}

pub(super) struct Speaker<'t> {
    tokens: &'t Tokens,
    said: Vec<u32>,
    /// From where the tokens are read together, and up to where they have been told.
    begin: usize,
    told: usize,
}

impl Speaker<'_> {
    pub(super) fn say(&mut self, token: u32) -> Result<String, Unusable> {
        self.said.push(token);
        let decode = |tokens: &[u32]| self.tokens.inner.decode(tokens, true).map_err(|error| Unusable(error.to_string()));
        let before = decode(&self.said[self.begin..self.told])?;
        let text = decode(&self.said[self.begin..])?;
        if text.len() <= before.len() || text.ends_with('\u{fffd}') {
            return Ok(String::new());
        }
        (self.begin, self.told) = (self.told, self.said.len());
        Ok(text.get(before.len()..).unwrap_or_default().to_owned())
    }
}

fn tokenizer(gguf: &Gguf, names: &[String]) -> Result<Tokenizer, Unusable> {
    let wrong = |error: tokenizers::Error| Unusable(error.to_string());
    let pair = |merge: String| {
        let (left, right) = merge.split_once(' ').ok_or_else(|| Unusable(format!("{merge:?} joins no two tokens")))?;
        Ok((left.to_owned(), right.to_owned()))
    };
    let merges = gguf.texts("tokenizer.ggml.merges")?.into_iter().map(pair).collect::<Result<Vec<_>, Unusable>>()?;
    let vocabulary: Vocab = names.iter().cloned().zip(0..).collect();
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).build().map_err(wrong)?;
    let mut tokenizer = Tokenizer::new(model);

    let bytes = |splits: bool| PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, true, splits));
    let split = |expression: &str| {
        let split = Split::new(SplitPattern::Regex(expression.to_owned()), SplitDelimiterBehavior::Isolated, false).map_err(wrong)?;
        Ok::<_, Unusable>(Sequence::new(vec![PreTokenizerWrapper::Split(split), bytes(false)]))
    };
    let before = match gguf.text("tokenizer.ggml.pre").unwrap_or("gpt-2") {
        "smollm" => Sequence::new(vec![PreTokenizerWrapper::Digits(Digits::new(true)), bytes(true)]),
        "qwen2" => {
            tokenizer.with_normalizer(Some(NormalizerWrapper::NFC(tokenizers::normalizers::NFC))).map_err(wrong)?;
            split(ONE_DIGIT)?
        }
        "llama-bpe" | "llama3" | "smaug-bpe" => split(THREE_DIGITS)?,
        "gpt-2" | "default" => Sequence::new(vec![bytes(true)]),
        other => return Err(Unusable(format!("its words are parted as {other:?} parts them, which is not known here"))),
    };
    tokenizer.with_pre_tokenizer(Some(PreTokenizerWrapper::Sequence(before)));
    tokenizer.with_decoder(Some(DecoderWrapper::ByteLevel(ByteLevel::default())));
    let kinds = gguf.numbers("tokenizer.ggml.token_type").unwrap_or_default();
    let own = names.iter().zip(kinds).filter(|(_, kind)| matches!(*kind, CONTROL | USER_DEFINED));
    let own: Vec<AddedToken> = own.map(|(name, kind)| AddedToken::from(name.clone(), kind == CONTROL)).collect();
    tokenizer.add_special_tokens(own).map_err(wrong)?;
    Ok(tokenizer)
}
