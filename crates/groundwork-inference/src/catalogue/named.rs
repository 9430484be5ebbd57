//! Chat models that nobody has described: a file of the hub, named as `hf:OWNER/REPOSITORY/FILE.gguf`, or with `@REVISION` at its end.

use super::{Entry, License, Source};

const PREFIX: &str = "hf:";
/// Tokens of prompt and answer together, where nobody says: what fits into the memory of a laptop.
pub const USUAL_WINDOW: usize = 8_192;

impl Entry {
    /// `None` when the name is not of this form.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let place = name.strip_prefix(PREFIX)?;
        let (place, revision) = place.split_once('@').unwrap_or((place, "main"));
        let (folder, file) = place.rsplit_once('/')?;
        let parts: Vec<&str> = folder.split('/').collect();
        let [owner, repository, path @ ..] = parts.as_slice() else { return None };
        let mut entry = super::builtin::chat_model((name, &format!("{owner}/{repository}"), file, USUAL_WINDOW));
        entry.license = License {
            name: "its authors' own terms".to_owned(),
            url: Some(format!("https://huggingface.co/{owner}/{repository}")),
            must_accept: false,
        };
        let path = path.iter().map(|part| format!("{part}/")).collect();
        entry.sources = vec![Source::Hub { repository: format!("{owner}/{repository}"), revision: revision.to_owned(), path }];
        (file.ends_with(".gguf") && parts.iter().chain([&file, &revision]).all(|part| super::check::is_file_name(part))).then_some(entry)
    }

    /// The name of its folder.
    pub fn folder(&self) -> String {
        self.name.replace([':', '/', '@'], "--")
    }
}
