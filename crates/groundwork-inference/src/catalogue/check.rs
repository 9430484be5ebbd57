//! What an entry of the configuration must fulfil before anything is done with it.

use super::{Engine, Entry, EntryError};

impl Entry {
    /// Whether the entry can be used at all. The built-in ones pass.
    pub fn check(&self) -> Result<(), EntryError> {
        let wrong = |reason: String| Err(EntryError { name: self.name.clone(), reason });
        if !is_file_name(&self.name) {
            return wrong("its name may hold letters, digits, `.`, `-` and `_`, and not begin with a point".to_owned());
        }
        let lists = |name: &str| self.files.iter().any(|file| file.name == name);
        let needed: &[&str] = match self.engine {
            Engine::Gguf => &[],
            Engine::CrossEncoder { .. } => &["tokenizer.json"],
            Engine::Bert { .. } | Engine::Static => &["model.safetensors", "tokenizer.json"],
        };
        if let Some(name) = needed.iter().find(|name| !lists(name)) {
            return wrong(format!("it lists no file {name}"));
        }
        if matches!(self.engine, Engine::CrossEncoder { .. }) && lists("model.safetensors") == lists("model.onnx") {
            return wrong("a cross-encoder lists either the file model.safetensors or the file model.onnx".to_owned());
        }
        if self.engine == Engine::Gguf && (self.files.len() != 1 || !self.files[0].name.ends_with(".gguf")) {
            return wrong("a chat model is one file, whose name ends with .gguf".to_owned());
        }
        for file in &self.files {
            if !is_file_name(&file.name) {
                return wrong(format!("{} is not the name of a file", file.name));
            }
            if self.engine.may_be_unknown() && !file.is_known() && file.bytes == 0 {
                continue;
            }
            if file.sha256.len() != 64 || !file.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return wrong(format!("the sha256 of {} must be 64 digits of 0-9 and a-f", file.name));
            }
        }
        if self.window == 0 {
            return wrong("window must be above 0".to_owned());
        }
        match self.engine {
            Engine::CrossEncoder { heads: 0, .. } => return wrong("heads must be above 0".to_owned()),
            Engine::Gguf | Engine::CrossEncoder { .. } => return Ok(()),
            Engine::Bert { .. } | Engine::Static => {}
        }
        if self.dimensions == 0 {
            return wrong("dimensions must be above 0".to_owned());
        }
        if self.chunk_tokens == 0 || self.chunk_tokens > self.window || self.chunk_overlap >= self.chunk_tokens {
            return wrong("it must hold that 0 < chunk_tokens <= window and chunk_overlap < chunk_tokens".to_owned());
        }
        match self.engine {
            Engine::Bert { heads, .. } if heads == 0 || !self.dimensions.is_multiple_of(heads) => {
                wrong(format!("{} dimensions cannot be split among {heads} heads", self.dimensions))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn is_file_name(name: &str) -> bool {
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(usual)
}

#[cfg(test)]
mod tests {
    use crate::catalogue::{Entry, builtin};

    #[test]
    fn what_is_built_in_passes_and_survives_serialization() {
        for entry in builtin() {
            assert_eq!(entry.check(), Ok(()));
            let text = serde_json::to_string(&entry).expect("it serializes");
            assert_eq!(serde_json::from_str::<Entry>(&text).expect("it parses"), entry);
        }
    }

    #[test]
    fn an_entry_that_would_leave_its_folder_or_cannot_work_is_refused() {
        type Spoil = fn(&mut Entry);
        let spoil: [(&str, Spoil); 8] = [
            ("name", |entry| entry.name = "../other".to_owned()),
            ("name", |entry| entry.name = ".hidden".to_owned()),
            ("file", |entry| entry.files[0].name = "a/b".to_owned()),
            ("sha256", |entry| entry.files[0].sha256 = "ABCD".to_owned()),
            ("lists no file", |entry| entry.files.clear()),
            ("chunk", |entry| entry.chunk_overlap = entry.chunk_tokens),
            ("chunk", |entry| entry.chunk_tokens = entry.window + 1),
            ("dimensions", |entry| entry.dimensions = 0),
        ];
        for (reason, change) in spoil {
            let mut entry = builtin().remove(0);
            change(&mut entry);
            let error = entry.check().expect_err(reason);
            assert!(error.reason.contains(reason), "{reason}: {error}");
        }
    }

    #[test]
    fn a_cross_encoder_has_a_tokenizer_and_weights_of_one_form() {
        let text = |files: &str| {
            let files: Vec<_> = files.split(' ').map(|name| serde_json::json!({ "name": name })).collect();
            serde_json::json!({
                "name": "judge", "license": { "name": "MIT" }, "engine": { "kind": "cross-encoder" }, "window": 512, "files": files, "sources": [],
            })
        };
        let check = |files: &str| serde_json::from_value::<Entry>(text(files)).expect("it parses").check();
        assert_eq!(check("model.onnx tokenizer.json"), Ok(()));
        assert_eq!(check("model.safetensors tokenizer.json"), Ok(()));
        for (files, reason) in [
            ("model.onnx", "lists no file tokenizer.json"),
            ("tokenizer.json", "either the file"),
            ("model.onnx model.safetensors tokenizer.json", "either the file"),
        ] {
            let error = check(files).expect_err(reason);
            assert!(error.reason.contains(reason), "{reason}: {error}");
        }
    }
}
