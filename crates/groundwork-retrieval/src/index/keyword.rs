//! The keyword leg of one knowledge base: BM25 over words, stemmed by their language, and their pairs, in a folder of its own that can be made again from the database.

use super::language::Language;
use super::places::Places;
use super::words::{Of, indexed, pairs, words};
use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tantivy::directory::error::OpenWriteError;
use tantivy::index::SegmentId;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::{Field, IndexRecordOption, NumericOptions, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::{IndexReader, IndexWriter, Opstamp, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

/// Raised with every change of fields or analysis: a folder of another number is not opened.
const LAYOUT: u32 = 4;
const WRITER_BYTES: usize = 64 * 1024 * 1024;
/// Chunks of a segment, below which all count as alike, and the logarithm of how many times larger those of the next layer are. The
/// engine's own 10,000 had what was added in small pieces written anew with every eighth piece until there was so much of it.
const SMALLEST_LAYER: u32 = 128;
const LAYER_LOG2: f64 = 3.0;
/// How long another writer of the folder may take to let go of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is indexed of one chunk.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) slot: u32,
    /// Tells the version that the slot belongs to; see [`stamp`].
    pub(crate) stamp: u64,
    pub(crate) heading: String,
    pub(crate) text: String,
    /// ISO 639-3 code, where it is known.
    pub(crate) language: Option<String>,
}

impl Entry {
    /// The words above a chunk: its document's title, or what its name says for want of one, and the headings down to it.
    pub(crate) fn heading(title: Option<&str>, name: &str, heading_path: &[String]) -> String {
        let mut heading = title.map(str::to_owned).or_else(|| title_of(name)).unwrap_or_default();
        for above in heading_path {
            heading.push('\n');
            heading.push_str(above);
        }
        heading
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) slot: Field,
    pub(super) stamp: Field,
    pub(super) heading: Field,
    pub(super) text: Field,
    pub(super) pairs: Field,
    language: Field,
}

/// The leg as its one writer holds it.
pub(crate) struct Keyword {
    folder: PathBuf,
    index: tantivy::Index,
    reader: IndexReader,
    fields: Fields,
    writer: Option<IndexWriter>,
    places: HashMap<(SegmentId, Option<Opstamp>), Arc<Places>>,
}

/// The leg at one moment, as searches see it.
#[derive(Clone)]
pub(crate) struct View {
    pub(super) searcher: Searcher,
    pub(super) places: Vec<Arc<Places>>,
    pub(super) fields: Fields,
    /// Those that any text is written in.
    pub(super) languages: Vec<Language>,
}

/// What a file's name says: `2024/Travel_policy.docx` is `Travel policy`; a number alone says nothing.
pub fn title_of(name: &str) -> Option<String> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.rsplit_once('.').map(|(stem, _)| stem).filter(|stem| !stem.is_empty()).unwrap_or(file);
    stem.chars().any(char::is_alphabetic).then(|| stem.replace(['_', '-'], " "))
}

/// A number that differs between two versions that were given the same slot at different times.
pub(crate) fn stamp(document: &str, generation: u32) -> u64 {
    use sha2::{Digest, Sha256};
    let digest = Sha256::new().chain_update(document).chain_update(generation.to_le_bytes()).finalize();
    u64::from_le_bytes(std::array::from_fn(|at| digest[at]))
}

/// Whether making the leg anew can help: not when its folder is in use, or cannot be written.
pub(super) fn is_damage(error: &TantivyError) -> bool {
    let in_the_way = matches!(
        error,
        TantivyError::LockFailure(..)
            | TantivyError::IoError(_)
            | TantivyError::OpenDirectoryError(_)
            | TantivyError::OpenWriteError(OpenWriteError::IoError { .. })
    );
    !in_the_way
}

impl Keyword {
    /// Where the leg of `knowledge_base` lives below the index's folder.
    pub(crate) fn folder(root: &Path, knowledge_base: &str) -> PathBuf {
        root.join(format!("keyword-{LAYOUT}")).join(knowledge_base)
    }

    /// Removes what earlier programs left below `root` in layouts that nobody opens any more.
    pub(crate) fn remove_other_layouts(root: &Path) -> std::io::Result<()> {
        let ours = format!("keyword-{LAYOUT}");
        let entries = match std::fs::read_dir(root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let earlier = name.to_str().and_then(|name| name.strip_prefix("keyword-")).and_then(|number| number.parse().ok());
            if earlier.is_some_and(|number: u32| number < LAYOUT) && entry.file_type()?.is_dir() {
                tracing::info!(folder = %entry.path().display(), current = ours, "an index of an earlier layout is removed");
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// The right to open a folder and to put it right: two commands that read may find it damaged at the same moment, and one must not
    /// remove what the other has just made. `None` while another process has it.
    pub(crate) fn claim(folder: &Path) -> std::io::Result<Option<File>> {
        if let Some(parent) = folder.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(folder.with_added_extension("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Lets others write the folder until the next commit of this process.
    pub(crate) fn rest(&mut self) {
        self.writer = None;
    }

    /// Opens the leg and reads it through once; a folder that is missing, unreadable or damaged is made anew, empty.
    pub(crate) fn open(folder: &Path) -> tantivy::Result<Self> {
        if folder.is_dir() {
            match Self::open_intact(folder) {
                Ok(keyword) => return Ok(keyword),
                Err(error) => {
                    tracing::warn!(folder = %folder.display(), %error, "the keyword index cannot be used and is made again from the database");
                }
            }
        }
        Self::make(folder)
    }

    /// Makes an empty leg; what the folder held is gone.
    pub(crate) fn make(folder: &Path) -> tantivy::Result<Self> {
        if folder.is_dir() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let index = tantivy::Index::create_in_dir(folder, schema().0)?;
        Self::with(folder, index)
    }

    fn open_intact(folder: &Path) -> tantivy::Result<Self> {
        let index = tantivy::Index::open_in_dir(folder)?;
        let damaged = index.validate_checksum()?;
        if index.schema() != schema().0 || !damaged.is_empty() {
            return Err(TantivyError::SystemError(format!("{} of its files are damaged or of another layout", damaged.len())));
        }
        Self::with(folder, index)
    }

    fn with(folder: &Path, index: tantivy::Index) -> tantivy::Result<Self> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let fields = schema().1;
        Ok(Self { folder: folder.to_owned(), index, reader, fields, writer: None, places: HashMap::new() })
    }

    /// Removes and adds, durably, in one commit. After an error nothing of it is there.
    pub(crate) fn commit(&mut self, remove: &[u32], add: Vec<Entry>) -> tantivy::Result<()> {
        if remove.is_empty() && add.is_empty() {
            return Ok(());
        }
        let result = self.try_commit(remove, add);
        if result.is_err() {
            // A writer that failed once refuses everything after; the next begins at the last commit.
            self.writer = None;
        }
        result
    }

    fn try_commit(&mut self, remove: &[u32], add: Vec<Entry>) -> tantivy::Result<()> {
        let fields = self.fields;
        let writer = self.writer()?;
        for &slot in remove {
            writer.delete_term(Term::from_field_u64(fields.slot, slot.into()));
        }
        for entry in add {
            let mut document = TantivyDocument::new();
            document.add_u64(fields.slot, entry.slot.into());
            document.add_u64(fields.stamp, entry.stamp);
            let language = Language::of(entry.language.as_deref());
            let (heading, text) = (words(language, &entry.heading, Of::Text), words(language, &entry.text, Of::Text));
            document.add_text(fields.language, language.name());
            document.add_pre_tokenized_text(fields.pairs, indexed(pairs(&text)));
            document.add_pre_tokenized_text(fields.heading, indexed(heading.into_iter().map(|word| word.key)));
            document.add_pre_tokenized_text(fields.text, indexed(text.into_iter().map(|word| word.key)));
            writer.add_document(document)?;
        }
        writer.commit()?;
        Ok(())
    }

    fn writer(&mut self) -> tantivy::Result<&mut IndexWriter> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let options =
                    IndexWriterOptions::builder().memory_budget_per_thread(WRITER_BYTES).num_worker_threads(1).num_merge_threads(1).build();
                let writer = self.writer_when_free(&options)?;
                let mut merges = LogMergePolicy::default();
                merges.set_del_docs_ratio_before_merge(0.3);
                merges.set_min_layer_size(SMALLEST_LAYER);
                merges.set_level_log_size(LAYER_LOG2);
                writer.set_merge_policy(Box::new(merges));
                // What a crash left uncommitted has names that this writer is about to use again.
                writer.garbage_collect_files().wait()?;
                writer
            }
        };
        Ok(self.writer.insert(writer))
    }

    /// A process that was killed while it started a child holds its locks through that child for a moment more.
    fn writer_when_free(&self, options: &IndexWriterOptions) -> tantivy::Result<IndexWriter> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.index.writer_with_options(options.clone()) {
                Err(TantivyError::LockFailure(..)) if Instant::now() < until => std::thread::sleep(PATIENCE / 100),
                made => return made,
            }
        }
    }

    /// What is committed now.
    pub(crate) fn view(&mut self) -> tantivy::Result<View> {
        self.reader.reload()?;
        let searcher = self.reader.searcher();
        let mut known = std::mem::take(&mut self.places);
        let mut places = Vec::new();
        for segment in searcher.segment_readers() {
            let key = (segment.segment_id(), segment.delete_opstamp());
            let of_segment = match known.remove(&key) {
                Some(places) => places,
                None => Arc::new(Places::read(segment)?),
            };
            self.places.insert(key, of_segment.clone());
            places.push(of_segment);
        }
        let languages = languages(&searcher, self.fields.language)?;
        Ok(View { searcher, places, fields: self.fields, languages })
    }
}

impl std::fmt::Debug for Keyword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyword").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl View {
    /// The slots that are indexed, each with its stamp.
    pub(crate) fn stamps(&self) -> tantivy::Result<Vec<(u32, u64)>> {
        let mut stamps = Vec::new();
        for (segment, places) in self.searcher.segment_readers().iter().zip(&self.places) {
            let column = segment.fast_fields().column_first_or_default::<u64>(STAMP)?;
            stamps.extend(places.by_slot().iter().map(|&(slot, doc)| (slot, column.get_val(doc))));
        }
        Ok(stamps)
    }
}

/// The languages that are in an index.
fn languages(searcher: &Searcher, field: Field) -> tantivy::Result<Vec<Language>> {
    let mut names = BTreeSet::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(field)?;
        let mut terms = index.terms().stream()?;
        while terms.advance() {
            names.insert(String::from_utf8_lossy(terms.key()).into_owned());
        }
    }
    Ok(names.iter().map(|name| Language::of(Some(name))).collect())
}

pub(super) const SLOT: &str = "slot";
const STAMP: &str = "stamp";

fn schema() -> (Schema, Fields) {
    // No positions: no phrases are asked, and the index is half as large.
    let text = TextOptions::default().set_indexing_options(TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs));
    let mut builder = Schema::builder();
    let fields = Fields {
        slot: builder.add_u64_field(SLOT, NumericOptions::default().set_fast().set_indexed()),
        stamp: builder.add_u64_field(STAMP, NumericOptions::default().set_fast()),
        heading: builder.add_text_field("heading", text.clone()),
        text: builder.add_text_field("text", text.clone()),
        pairs: builder.add_text_field("pairs", text),
        language: builder.add_text_field("language", STRING),
    };
    (builder.build(), fields)
}
