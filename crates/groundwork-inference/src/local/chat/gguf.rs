//! A GGUF file: what it says of its model, and its tensors. The format is described at github.com/ggml-org/ggml/blob/master/docs/gguf.md.

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use candle_core::{Device, Tensor};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

/// Why a file cannot be used, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unusable(pub(super) String);

impl From<candle_core::Error> for Unusable {
    fn from(error: candle_core::Error) -> Self {
        // The first line; what follows is where in the engine it happened.
        Self(error.to_string().lines().next().unwrap_or("the engine failed").to_owned())
    }
}

impl From<std::io::Error> for Unusable {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

pub(super) struct Gguf {
    content: Content,
    file: BufReader<File>,
    architecture: String,
}

impl Gguf {
    pub(super) fn open(path: &Path) -> Result<Self, Unusable> {
        let mut file = BufReader::new(File::open(path)?);
        let content = Content::read(&mut file)?;
        let architecture = match content.metadata.get("general.architecture") {
            Some(Value::String(name)) => name.clone(),
            _ => return Err(Unusable("it does not say its general.architecture".to_owned())),
        };
        Ok(Self { content, file, architecture })
    }

    pub(super) fn architecture(&self) -> &str {
        &self.architecture
    }

    /// A number of the architecture, such as `block_count`.
    pub(super) fn size(&self, key: &str) -> Option<usize> {
        self.number(&format!("{}.{key}", self.architecture))
    }

    pub(super) fn needed(&self, key: &str) -> Result<usize, Unusable> {
        self.size(key).ok_or_else(|| Unusable(format!("it does not say {}.{key}", self.architecture)))
    }

    pub(super) fn float(&self, key: &str) -> Option<f32> {
        match self.content.metadata.get(&format!("{}.{key}", self.architecture))? {
            Value::F32(number) => Some(*number),
            Value::F64(number) => Some(*number as f32),
            _ => None,
        }
    }

    /// A number under its full key.
    pub(super) fn number(&self, key: &str) -> Option<usize> {
        match self.content.metadata.get(key)? {
            Value::I32(number) => usize::try_from(*number).ok(),
            Value::I64(number) => usize::try_from(*number).ok(),
            other => other.to_u64().ok().and_then(|number| usize::try_from(number).ok()),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.content.metadata.get(key)?.to_bool().ok()
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.content.metadata.get(key)?.to_string().ok().map(String::as_str)
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, Unusable> {
        let missing = || Unusable(format!("it has no list {key}"));
        let list = self.content.metadata.get(key).ok_or_else(missing)?.to_vec().map_err(|_not_a_list| missing())?;
        list.iter().map(|text| Ok(text.to_string().map_err(|_not_a_text| missing())?.clone())).collect()
    }

    pub(super) fn numbers(&self, key: &str) -> Option<Vec<i64>> {
        let list = self.content.metadata.get(key)?.to_vec().ok()?;
        list.iter()
            .map(|number| {
                number.to_i64().ok().or_else(|| number.to_i32().ok().map(i64::from)).or_else(|| number.to_u64().ok().map(|n| n as i64))
            })
            .collect()
    }

    pub(super) fn has(&self, tensor: &str) -> bool {
        self.content.tensor_infos.contains_key(tensor)
    }

    pub(super) fn tensor(&mut self, name: &str) -> Result<QTensor, Unusable> {
        if !self.has(name) {
            return Err(Unusable(format!("it has no tensor {name}")));
        }
        Ok(self.content.tensor(&mut self.file, name, &Device::Cpu)?)
    }

    /// A tensor of plain numbers.
    pub(super) fn plain(&mut self, name: &str) -> Result<Tensor, Unusable> {
        Ok(self.tensor(name)?.dequantize(&Device::Cpu)?)
    }

    /// Whether any weights are of a kind for which the engine has no kernel.
    pub(super) fn has_slow_weights(&self) -> bool {
        self.content.tensor_infos.values().any(|tensor| is_slow(tensor.ggml_dtype))
    }

    /// Writes the same model with its slow weights as `Q8_0`, and `mark` under `key`, to say what it was made from.
    pub(super) fn convert(&mut self, path: &Path, key: &str, mark: &str) -> Result<(), Unusable> {
        let names: Vec<String> = self.content.tensor_infos.keys().cloned().collect();
        let mut tensors = Vec::with_capacity(names.len());
        for name in names {
            let tensor = quick(self.tensor(&name)?)?;
            tensors.push((name, tensor));
        }
        let mark = Value::String(mark.to_owned());
        let metadata: Vec<(&str, &Value)> =
            self.content.metadata.iter().map(|(key, value)| (key.as_str(), value)).chain([(key, &mark)]).collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let mut output = BufWriter::new(File::create(path)?);
        gguf_file::write(&mut output, &metadata, &tensors)?;
        output.flush()?;
        output.get_ref().sync_all()?;
        Ok(())
    }
}

/// The weights as the engine can compute with them quickly.
pub(super) fn quick(tensor: QTensor) -> Result<QTensor, Unusable> {
    if is_slow(tensor.dtype()) { Ok(QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, GgmlDType::Q8_0)?) } else { Ok(tensor) }
}

/// The engine computes these number by number.
fn is_slow(kind: GgmlDType) -> bool {
    matches!(kind, GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1 | GgmlDType::Q8_1)
}
