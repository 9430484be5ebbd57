//! A cross-encoder in a few lines, as the bytes of an ONNX file: how many words question and passage have in common, less two. Its inputs
//! are those of the models that people have.

/// For a vocabulary of `words` tokens, the first `special` of which count nothing.
pub(crate) fn overlap(words: usize, special: usize) -> Vec<u8> {
    let one = |row: usize, column: usize| if row == column { 1.0f32 } else { 0.0 };
    let identity: Vec<f32> = (0..words * words).map(|at| one(at / words, at % words)).collect();
    let counts: Vec<f32> = (0..words).map(|word| if word < special { 0.0 } else { 1.0 }).collect();
    let nodes = [
        node("Gather", &["identity", "input_ids"], "words", &[]),
        node("Cast", &["token_type_ids"], "kinds", &[integer("to", FLOAT)]),
        node("Cast", &["attention_mask"], "read", &[integer("to", FLOAT)]),
        node("Mul", &["kinds", "read"], "second", &[]),
        node("Unsqueeze", &["second", "last"], "column", &[]),
        node("Mul", &["words", "column"], "of_passage", &[]),
        node("Sub", &["words", "of_passage"], "of_question", &[]),
        node("ReduceMax", &["of_passage"], "in_passage", &[integers("axes", &[1]), integer("keepdims", 0)]),
        node("ReduceMax", &["of_question"], "in_question", &[integers("axes", &[1]), integer("keepdims", 0)]),
        node("Mul", &["in_passage", "in_question"], "in_both", &[]),
        node("Mul", &["in_both", "counts"], "counted", &[]),
        node("ReduceSum", &["counted", "second_axis"], "common", &[integer("keepdims", 1)]),
        node("Add", &["common", "less"], "logits", &[]),
    ];
    let tensors = [
        tensor("identity", &[words, words], FLOAT, &floats(&identity)),
        tensor("counts", &[words], FLOAT, &floats(&counts)),
        tensor("less", &[1], FLOAT, &floats(&[-2.0])),
        tensor("last", &[1], INTEGER, &2i64.to_le_bytes()),
        tensor("second_axis", &[1], INTEGER, &1i64.to_le_bytes()),
    ];
    let inputs = ["input_ids", "attention_mask", "token_type_ids"].map(|name| value(name, INTEGER, &["batch", "tokens"]));
    let mut graph: Vec<u8> = nodes.iter().flat_map(|node| field(1, node)).collect();
    graph.extend(field(2, b"overlap"));
    graph.extend(tensors.iter().flat_map(|tensor| field(5, tensor)));
    graph.extend(inputs.iter().flat_map(|input| field(11, input)));
    graph.extend(field(12, &value("logits", FLOAT, &["batch", "one"])));
    [number(1, 8), field(7, &graph), field(8, &number(2, 13))].concat()
}

/// Values of the format's `DataType`.
const FLOAT: u64 = 1;
const INTEGER: u64 = 7;

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|input| field(1, input.as_bytes()));
    let named = inputs.chain(field(2, output.as_bytes())).chain(field(4, operator.as_bytes()));
    named.chain(attributes.iter().flat_map(|attribute| field(5, attribute))).collect()
}

fn integer(name: &str, value: u64) -> Vec<u8> {
    [field(1, name.as_bytes()), number(3, value), number(20, 2)].concat()
}

fn integers(name: &str, values: &[u64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| number(8, *value)).collect();
    [field(1, name.as_bytes()), values, number(20, 7)].concat()
}

fn tensor(name: &str, shape: &[usize], kind: u64, raw: &[u8]) -> Vec<u8> {
    let shape: Vec<u8> = shape.iter().flat_map(|size| number(1, *size as u64)).collect();
    [shape, number(2, kind), field(8, name.as_bytes()), field(9, raw)].concat()
}

fn value(name: &str, kind: u64, axes: &[&str]) -> Vec<u8> {
    let shape: Vec<u8> = axes.iter().flat_map(|axis| field(1, &field(2, axis.as_bytes()))).collect();
    let of_tensor = [number(1, kind), field(2, &shape)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &of_tensor))].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn field(tag: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(tag << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
