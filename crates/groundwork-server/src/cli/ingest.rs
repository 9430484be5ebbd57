//! `groundwork ingest`: files and folders become documents of a knowledge base. What has not changed is left alone, what has vanished from
//! a folder is deleted, and a file that cannot be read costs only itself.

use super::backend::Backend;
use super::call::Call;
use super::offer::{Content, File, Line, Outcome, offer};
use super::session::Session;
use super::{output, progress};
use crate::exit::{Exit, Failure};
use anyhow::Context;
use futures::StreamExt;
use groundwork_app::evaluation::Text;
use groundwork_app::jobs::{Job, State};
use groundwork_app::settings::Role;
use groundwork_core::attributes::{self, Attributes, Scalar};
use groundwork_core::ids::KnowledgeBaseId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use url::form_urlencoded;

/// Files on their way at the same time; the server works on as many as its `limits.jobs` says.
const AT_ONCE: usize = 16;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Files, and folders with everything below them; hidden ones are left out
    #[arg(required = true, value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    #[arg(long, default_value = "default", value_name = "ID")]
    knowledge_base: KnowledgeBaseId,
    /// Keep documents whose files have vanished from a folder
    #[arg(long)]
    keep_vanished: bool,
    /// What all of them get as attributes, by which a search can be narrowed; without any they keep theirs [e.g. team=hr, year=2024]
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = attribute)]
    attributes: Vec<(String, Scalar)>,
}

fn attribute(pair: &str) -> Result<(String, Scalar), String> {
    attributes::parse_pair(pair).ok_or_else(|| "write it as KEY=VALUE".to_owned())
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    created: usize,
    updated: usize,
    unchanged: usize,
    processing: usize,
    deleted: usize,
    failed: usize,
}

/// What is brought in, and into what.
pub(super) struct Work {
    pub(super) knowledge_base: KnowledgeBaseId,
    pub(super) paths: Vec<PathBuf>,
    pub(super) keep_vanished: bool,
    /// Of all files; none leaves each document its own.
    pub(super) attributes: Attributes,
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let Args { knowledge_base, paths, keep_vanished, attributes } = args;
    let work = Work { knowledge_base, paths, keep_vanished, attributes: attributes.into_iter().collect() };
    let backend = Backend::find(session, Role::Owner).await?;
    let done = ingest(session, &backend, work, |line| line.show(session.json)).await;
    backend.close().await;
    let summary = done?;
    if session.json {
        output::json(&serde_json::json!({ "summary": summary }))?;
    } else {
        output::line(&summary.to_string())?;
    }
    Ok(if summary.failed > 0 { Exit::PartlyDone } else { Exit::Done })
}

/// Does `work`, and tells `each` file's fate as it is known.
pub(super) async fn ingest(
    session: &Session,
    backend: &Backend<'_>,
    work: Work,
    mut each: impl FnMut(&Line) -> std::io::Result<()>,
) -> anyhow::Result<Summary> {
    let documents = format!("/admin/v1/knowledge-bases/{}/documents", work.knowledge_base);
    let mut summary = Summary::default();
    make_sure_of(backend, &work.knowledge_base).await?;
    let attributes = Some(&work.attributes).filter(|given| !given.is_empty());
    let attributes = attributes.map(serde_json::to_string).transpose()?;
    for path in &work.paths {
        let root = path.canonicalize().map_err(|error| Failure::new(Exit::Storage, format!("{}: {error}", path.display())))?;
        let files = files_of(path, &root)?;
        let below = if root.is_dir() && !work.keep_vanished { Some(format!("{}/", source_of(&root)?.trim_end_matches('/'))) } else { None };
        let files = files.into_iter().map(|file| File { attributes: attributes.clone(), ..file }).collect();
        offer_all(session, (backend, &documents), (files, below), |line| {
            summary.count(line);
            each(line)
        })
        .await?;
    }
    Ok(summary)
}

/// Reads texts into a knowledge base that is for them alone: whatever else it holds is deleted.
pub(super) async fn ingest_texts(
    session: &Session,
    backend: &Backend<'_>,
    knowledge_base: &KnowledgeBaseId,
    texts: Vec<Text>,
) -> anyhow::Result<Summary> {
    let documents = format!("/admin/v1/knowledge-bases/{knowledge_base}/documents");
    make_sure_of(backend, knowledge_base).await?;
    let file = |Text { id, title, text }: Text| File {
        content: Content::Text(text),
        shown: id.clone(),
        name: id.clone(),
        source: id,
        title: Some(title).filter(|title| !title.trim().is_empty()),
        attributes: None,
    };
    let mut summary = Summary::default();
    let files = texts.into_iter().map(file).collect();
    offer_all(session, (backend, &documents), (files, Some(String::new())), |line| {
        summary.count(line);
        Ok(())
    })
    .await?;
    Ok(summary)
}

/// Offers the files, and deletes what else came from below the place that is named. `each` is told every file's fate as it is known.
async fn offer_all(
    session: &Session,
    (backend, documents): (&Backend<'_>, &str),
    (files, below): (Vec<File>, Option<String>),
    mut each: impl FnMut(&Line) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let bar = progress::steps(files.len(), session.json);
    let sources: BTreeSet<String> = files.iter().map(|file| file.source.clone()).collect();
    let mut lines = futures::stream::iter(files).map(|file| offer(backend, documents, file)).buffer_unordered(AT_ONCE);
    while let Some(line) = lines.next().await {
        let line = line?;
        bar.inc(1);
        bar.set_message(line.file.clone());
        bar.suspend(|| each(&line))?;
    }
    bar.finish_and_clear();
    if let Some(below) = below {
        settle_vanished(backend, &below, &sources).await?;
        for line in delete_vanished(backend, documents, &below, &sources).await? {
            each(&line)?;
        }
    }
    Ok(())
}

/// A knowledge base that does not exist yet is made by its first ingest.
async fn make_sure_of(backend: &Backend<'_>, id: &KnowledgeBaseId) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Page {
        data: Vec<KnowledgeBase>,
    }
    #[derive(Deserialize)]
    struct KnowledgeBase {
        id: KnowledgeBaseId,
    }
    let all: Page = backend.json(Call::get("/admin/v1/knowledge-bases")).await?;
    if !all.data.iter().any(|known| known.id == *id) {
        let call = Call::put(format!("/admin/v1/knowledge-bases/{id}"), &serde_json::json!({}));
        backend.json::<serde_json::Value>(call).await?;
    }
    Ok(())
}

/// The files at or below `root`, which was named as `given`, by name. Links to folders are not followed: they may lead in circles.
fn files_of(given: &Path, root: &Path) -> anyhow::Result<Vec<File>> {
    if root.is_file() {
        let name = name_below(root.parent().unwrap_or(root), root);
        let content = Content::Path(root.to_owned());
        return Ok(vec![File {
            content,
            shown: given.display().to_string(),
            name,
            source: source_of(root)?,
            title: None,
            attributes: None,
        }]);
    }
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let name = name_below(root, &path);
                let (shown, source) = (given.join(&name).display().to_string(), source_of(&path)?);
                files.push(File { content: Content::Path(path), shown, name, source, title: None, attributes: None });
            }
        }
    }
    files.sort_by(|a, b| a.source.cmp(&b.source));
    Ok(files)
}

fn name_below(folder: &Path, path: &Path) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path);
    below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Where a file came from: its address on this machine. The same file is the same document, whichever folder above it is named.
fn source_of(path: &Path) -> anyhow::Result<String> {
    url::Url::from_file_path(path).map(String::from).map_err(|()| anyhow::anyhow!("{} is not an absolute path", path.display()))
}

/// How long a file that has vanished may still be read, because an earlier command was cut off before it was.
const VANISHED: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(200);

/// Waits for jobs that would bring back documents whose sources begin with `prefix` and are there no more.
async fn settle_vanished(backend: &Backend<'_>, prefix: &str, present: &BTreeSet<String>) -> anyhow::Result<()> {
    let brings_back = |job: &Job| {
        let subject = job.subject.as_deref().filter(|source| source.starts_with(prefix));
        subject.is_some_and(|source| !present.contains(source))
    };
    let until = Instant::now() + VANISHED;
    while unfinished_jobs(backend).await?.iter().any(brings_back) {
        if Instant::now() > until {
            return Err(Failure::new(Exit::Failed, "a file that has vanished is still being read; run this again later").into());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// The newest jobs come first, so a page without any that is unfinished ends the list.
async fn unfinished_jobs(backend: &Backend<'_>) -> anyhow::Result<Vec<Job>> {
    #[derive(Deserialize)]
    struct Page {
        data: Vec<Job>,
        has_more: bool,
    }
    let (mut unfinished, mut after) = (Vec::new(), String::new());
    loop {
        let page: Page = backend.json(Call::get(format!("/admin/v1/jobs?limit=1000{after}"))).await?;
        after = page.data.last().map(|job| format!("&after={}", job.id)).unwrap_or_default();
        let before = unfinished.len();
        unfinished.extend(page.data.into_iter().filter(|job| matches!(job.state, State::Queued | State::Running)));
        if !page.has_more || unfinished.len() == before {
            return Ok(unfinished);
        }
    }
}

/// Deletes documents whose sources begin with `prefix` and are there no more.
async fn delete_vanished(backend: &Backend<'_>, documents: &str, prefix: &str, present: &BTreeSet<String>) -> anyhow::Result<Vec<Line>> {
    #[derive(Deserialize)]
    struct Page {
        data: Vec<Document>,
        has_more: bool,
    }
    #[derive(Deserialize)]
    struct Document {
        id: String,
        name: String,
        source: String,
        parent: Option<String>,
    }
    let (mut lines, mut after) = (Vec::new(), None::<String>);
    loop {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", "1000").append_pair("source_prefix", prefix);
        if let Some(after) = &after {
            query.append_pair("after", after);
        }
        let page: Page = backend.json(Call::get(format!("{documents}?{}", query.finish()))).await?;
        after = page.data.last().map(|document| document.id.clone());
        // A file inside a file goes with it.
        let vanished =
            |document: &&Document| document.parent.is_none() && document.source.starts_with(prefix) && !present.contains(&document.source);
        for document in page.data.iter().filter(vanished) {
            backend.json::<serde_json::Value>(Call::delete(format!("{documents}/{}", document.id))).await?;
            lines.push(Line::deleted(document.name.clone()));
        }
        if !page.has_more || after.is_none() {
            return Ok(lines);
        }
    }
}

impl Summary {
    /// Documents that could not be read, or not yet.
    pub(super) fn unread(&self) -> usize {
        self.failed + self.processing
    }

    fn count(&mut self, line: &Line) {
        *match line.outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Processing => &mut self.processing,
            Outcome::Deleted => &mut self.deleted,
            Outcome::Failed => &mut self.failed,
        } += 1;
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { created, updated, unchanged, processing, deleted, failed } = self;
        write!(f, "{created} created, {updated} updated, {unchanged} unchanged, {deleted} deleted, {failed} failed")?;
        if *processing > 0 { write!(f, ", {processing} still being read") } else { Ok(()) }
    }
}
