//! The tensors of a safetensors file, read once and checked, in one buffer of f32.

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::ops::Range;

/// Why the bytes are not the weights a model needs.
#[derive(Debug, thiserror::Error)]
pub(super) enum WeightsError {
    #[error("it is not a safetensors file: {0}")]
    Format(String),
    #[error("the tensor {name} is missing")]
    Missing { name: String },
    #[error("the tensor {name} has the shape {found:?} instead of {expected}")]
    Shape { name: String, found: Vec<usize>, expected: String },
    #[error("the tensor {name} holds {dtype:?}, which is not supported")]
    Type { name: String, dtype: Dtype },
}

/// Where one tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    /// Bytes of the buffer; begins at a multiple of 4.
    pub(super) bytes: Range<usize>,
}

/// Little-endian f32 tensors in one buffer.
pub(super) struct Weights {
    pub(super) buffer: Vec<u8>,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Takes the bytes of a safetensors file. Tensors that hold integers are left out.
    pub(super) fn new(file: Vec<u8>) -> Result<Self, WeightsError> {
        let (header, metadata) = SafeTensors::read_metadata(&file).map_err(|error| WeightsError::Format(error.to_string()))?;
        let data = size_of::<u64>() + header;
        let floats: Vec<_> = metadata.tensors().into_iter().filter(|(_, info)| is_float(info.dtype)).collect();
        let in_place = data.is_multiple_of(4) && floats.iter().all(|(_, info)| info.dtype == Dtype::F32);
        let tensors: BTreeMap<_, _> = floats
            .iter()
            .map(|(name, info)| {
                let bytes = data + info.data_offsets.0..data + info.data_offsets.1;
                (name.clone(), (info.dtype, Tensor { shape: info.shape.clone(), bytes }))
            })
            .collect();
        if in_place {
            let tensors = tensors.into_iter().map(|(name, (_, tensor))| (name, tensor)).collect();
            return Ok(Self { buffer: file, tensors });
        }
        widened(&file, tensors)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor whose dimensions are those of `shape`, where 0 stands for any.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<&Tensor, WeightsError> {
        let tensor = self.tensors.get(name).ok_or_else(|| WeightsError::Missing { name: name.to_owned() })?;
        let fits = tensor.shape.len() == shape.len() && tensor.shape.iter().zip(shape).all(|(have, want)| *want == 0 || have == want);
        if !fits || tensor.shape.contains(&0) {
            let expected = format!("{shape:?} (0: any)");
            return Err(WeightsError::Shape { name: name.to_owned(), found: tensor.shape.clone(), expected });
        }
        Ok(tensor)
    }

    /// The elements of a tensor.
    pub(super) fn values(&self, tensor: &Tensor) -> Vec<f32> {
        self.buffer[tensor.bytes.clone()].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// Turns a matrix around within its place: rows become columns.
    pub(super) fn transpose(&mut self, name: &str) -> Result<(), WeightsError> {
        let Tensor { shape, bytes } = self.tensor(name, &[0, 0])?.clone();
        let [rows, columns] = shape[..] else { return Ok(()) };
        let from = self.buffer[bytes.clone()].to_vec();
        let from = from.as_chunks::<4>().0;
        let to = self.buffer[bytes].as_chunks_mut::<4>().0;
        for (at, value) in to.iter_mut().enumerate() {
            *value = from[(at % rows) * columns + at / rows];
        }
        if let Some(tensor) = self.tensors.get_mut(name) {
            tensor.shape = vec![columns, rows];
        }
        Ok(())
    }
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64)
}

fn widened(file: &[u8], tensors: BTreeMap<String, (Dtype, Tensor)>) -> Result<Weights, WeightsError> {
    let mut weights = Weights { buffer: Vec::with_capacity(file.len()), tensors: BTreeMap::new() };
    for (name, (dtype, tensor)) in tensors {
        let start = weights.buffer.len();
        let bytes = &file[tensor.bytes];
        let values: Vec<f32> = match dtype {
            Dtype::F32 => bytes.as_chunks().0.iter().map(|whole| f32::from_le_bytes(*whole)).collect(),
            Dtype::F16 => bytes.as_chunks().0.iter().map(|half| f16::from_le_bytes(*half).to_f32()).collect(),
            Dtype::BF16 => bytes.as_chunks().0.iter().map(|half| bf16::from_le_bytes(*half).to_f32()).collect(),
            dtype => return Err(WeightsError::Type { name, dtype }),
        };
        weights.buffer.extend(values.into_iter().flat_map(f32::to_le_bytes));
        let bytes = start..weights.buffer.len();
        weights.tensors.insert(name, Tensor { shape: tensor.shape, bytes });
    }
    Ok(weights)
}
