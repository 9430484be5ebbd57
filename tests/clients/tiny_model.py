"""Writes a GGUF file with a chat model of made numbers: it says nonsense, quickly, and the same nonsense every time.

The format: github.com/ggml-org/ggml/blob/master/docs/gguf.md. Every byte is a token, as byte pair encoding writes it, and so are two marks.
"""

import random
import struct

WIDTH, HEADS, FEED, LAYERS, WINDOW = 64, 4, 96, 2, 512
U32, I32, F32, STRING, ARRAY = 4, 5, 6, 8, 9


def names():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    letters = [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
    return [*letters, "<|im_start|>", "<|im_end|>"]


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, content):
    if kind == STRING:
        return string(content)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f"}[kind], content)


def entry(key, kind, content):
    if isinstance(content, list):
        head = struct.pack("<IIQ", ARRAY, kind, len(content))
        return string(key) + head + b"".join(value(kind, one) for one in content)
    return string(key) + struct.pack("<I", kind) + value(kind, content)


def shapes():
    """Names and shapes of the tensors, as (rows, columns)."""
    yield "token_embd.weight", (len(names()), WIDTH)
    yield "output_norm.weight", (WIDTH,)
    for layer in range(LAYERS):
        for part in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{part}.weight", (WIDTH,)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{part}.weight", (WIDTH, WIDTH)
        yield f"blk.{layer}.ffn_gate.weight", (FEED, WIDTH)
        yield f"blk.{layer}.ffn_up.weight", (FEED, WIDTH)
        yield f"blk.{layer}.ffn_down.weight", (WIDTH, FEED)


def write(path):
    tokens, dice = names(), random.Random(5)
    metadata = [
        entry("general.architecture", STRING, "llama"),
        entry("llama.block_count", U32, LAYERS),
        entry("llama.embedding_length", U32, WIDTH),
        entry("llama.context_length", U32, WINDOW),
        entry("llama.attention.head_count", U32, HEADS),
        entry("llama.attention.head_count_kv", U32, HEADS),
        entry("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        entry("tokenizer.ggml.model", STRING, "gpt2"),
        entry("tokenizer.ggml.pre", STRING, "smollm"),
        entry("tokenizer.ggml.tokens", STRING, tokens),
        entry("tokenizer.ggml.token_type", I32, [1] * 256 + [3, 3]),
        entry("tokenizer.ggml.merges", STRING, []),
        entry("tokenizer.ggml.eos_token_id", U32, len(tokens) - 1),
    ]
    infos, data = [], b""
    for name, shape in shapes():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        mean, spread = (1.0, 0.1) if len(shape) == 1 else (0.0, 0.3)
        # The dimension that lies together comes first.
        infos.append(string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), 0, len(data)))
        data += struct.pack(f"<{count}f", *(dice.gauss(mean, spread) for _ in range(count)))
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(metadata)) + b"".join(metadata) + b"".join(infos)
    path.write_bytes(head + bytes(-len(head) % 32) + data)
