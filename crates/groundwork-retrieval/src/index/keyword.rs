//! The keyword leg of one knowledge base: BM25 over words, stemmed by their language, and their pairs, in a folder of its own that can be made again from the database.

use super::language::Language;
use super::matches::{Ground, Matches, Statistics};
use super::places::Places;
use super::words::{Of, indexed, pairs, telling, words};
use groundwork_scan::Bitmap;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tantivy::directory::error::OpenWriteError;
use tantivy::index::SegmentId;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, NumericOptions, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::{IndexReader, IndexWriter, Opstamp, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

/// Raised with every change of fields or analysis: a folder of another number is not opened.
const LAYOUT: u32 = 4;
/// What a word in a title or heading counts, against 1 in the text.
const HEADING_BOOST: f32 = 0.5;
/// What two words of the question side by side count.
const PAIR_BOOST: f32 = 0.4;
/// A question's rarest words decide; more of them cost time and change nothing.
const MOST_TERMS: usize = 64;
/// Beyond this a question is a document; its first words decide.
const MOST_QUESTION_BYTES: usize = 32 * 1024;
const WRITER_BYTES: usize = 64 * 1024 * 1024;
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
    heading: Field,
    text: Field,
    pairs: Field,
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
    fields: Fields,
    /// Those that any text is written in.
    languages: Vec<Language>,
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

/// What is looked for to answer a question, each once, with what it counts: its words as every language has them that is in any of the
/// views.
fn terms(views: &[&View], question: &str, by: By) -> Vec<(Term, f32)> {
    let Some(first) = views.first() else { return Vec::new() };
    let question = &question[..question.floor_char_boundary(MOST_QUESTION_BYTES)];
    let Fields { heading, text, pairs: paired, .. } = first.fields;
    let mut languages: Vec<Language> = Vec::new();
    for language in views.iter().flat_map(|view| &view.languages) {
        if !languages.contains(language) {
            languages.push(*language);
        }
    }
    let mut terms: Vec<(Term, f32)> = Vec::new();
    for language in languages {
        let words = words(language, question, Of::Question);
        let of_word = |word: &str| [(Term::from_field_text(text, word), 1.0), (Term::from_field_text(heading, word), HEADING_BOOST)];
        match by {
            By::Words => terms.extend(telling(&words).into_iter().flat_map(of_word)),
            By::Pairs => terms.extend(pairs(&words).iter().map(|pair| (Term::from_field_text(paired, pair), PAIR_BOOST))),
        }
    }
    let mut seen = HashSet::new();
    terms.retain(|(term, _)| seen.insert(term.clone()));
    terms
}

/// What of a question is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// Each word by itself, wherever it stands.
    Words,
    /// Each two words side by side.
    Pairs,
}

/// The `n` best chunks of several knowledge bases by one common measure: (which view, slot, BM25), best first.
/// `rows[i]` are the slots of `views[i]` that may be found.
pub(crate) fn search(views: &[&View], rows: &[&Bitmap], question: (&str, By), n: usize) -> tantivy::Result<Vec<(usize, u32, f32)>> {
    let statistics = Statistics(views.iter().map(|view| &view.searcher).collect());
    let parts = parts(views, &statistics, question)?;
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let mut matches = Matches::new(n);
    for (at, (&view, &rows)) in views.iter().zip(rows).enumerate() {
        matches.collect(&Ground { at, view, rows }, &parts, &statistics)?;
    }
    Ok(matches.into_sorted())
}

/// A query for each term of a question, those that are somewhere, the rarest first.
pub(super) fn parts(views: &[&View], statistics: &Statistics<'_>, (question, by): (&str, By)) -> tantivy::Result<Vec<Box<dyn Query>>> {
    let mut known: Vec<(u64, Term, f32)> = Vec::new();
    for (term, boost) in terms(views, question, by) {
        let frequency = statistics.document_frequency(&term)?;
        if frequency > 0 {
            known.push((frequency, term, boost));
        }
    }
    known.sort_by_key(|(frequency, ..)| *frequency);
    known.truncate(MOST_TERMS);
    Ok(known.into_iter().map(|(_, term, boost)| scored(term, boost)).collect())
}

fn scored(term: Term, boost: f32) -> Box<dyn Query> {
    let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
    if boost == 1.0 { Box::new(query) } else { Box::new(BoostQuery::new(Box::new(query), boost)) }
}

/// Any of `parts`, their scores summed.
pub(super) fn any(parts: &[Box<dyn Query>]) -> BooleanQuery {
    BooleanQuery::new(parts.iter().map(|part| (Occur::Should, part.box_clone())).collect())
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
