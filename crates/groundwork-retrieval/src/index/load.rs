//! From files and database to both legs: the codes are read, the keyword folder is compared with what is live and put right.

use super::collection::Collection;
use super::keyword::{self, Entry, Keyword, View, stamp};
use super::snapshot::{First, Matrix, Snapshot, Vectors};
use super::{Index, Phase};
use groundwork_scan::{Codes, quantize};
use groundwork_store::db::DbError;
use groundwork_store::db::chunks::{Chunk, LiveDocument, LiveSlots};
use groundwork_store::db::first_pass::FirstVector;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tantivy::TantivyError;

/// Blocks of codes read at once; each is what one write of chunks brought.
const BLOCKS: u32 = 128;
/// Vectors of first passes read at once.
const FIRST_VECTORS: u32 = 4096;
/// Texts read at once when the keyword leg is made again, and those committed at once.
const TEXTS: usize = 512;
const TEXTS_A_COMMIT: usize = 20_000;

/// How long the folder may be in the hands of another process, which may have to make it again.
const LOCK_TRIES: u32 = 600;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// The keyword leg in the hands of its one writer, who commits on a thread for blocking work.
pub(super) type SharedKeyword = Arc<Mutex<Keyword>>;

/// Why a leg could not be loaded; the leg's phase says it, too.
#[derive(Debug, thiserror::Error)]
enum LegError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Keyword(#[from] TantivyError),
    #[error(transparent)]
    Codes(#[from] groundwork_scan::CodesError),
    #[error("the folder of the keyword index cannot be locked: {0}")]
    Claim(std::io::Error),
    #[error("another process has kept the folder of the keyword index for {} seconds: try again when it has ended", (LOCK_TRIES * LOCK_PAUSE).as_secs())]
    InUse,
    #[error("loading stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// Both legs of `collection`; `None` when it has none: its state then says why.
pub(super) async fn load(index: &Index, collection: &Collection) -> Option<(SharedKeyword, Arc<Snapshot>)> {
    let live = match index.begun().await {
        Ok(()) => index.db().live_slots(&collection.id).await.map_err(|error| error.to_string()),
        Err(reason) => Err(reason),
    };
    let live = match live {
        Ok(Some(live)) => live,
        Ok(None) => {
            collection.set_unknown();
            return None;
        }
        Err(reason) => {
            failed(collection, "both", &reason);
            collection.set_keyword(Phase::Failed { reason: reason.clone() });
            collection.set_vector(Phase::Failed { reason });
            return None;
        }
    };
    let (vector, keyword) = tokio::join!(load_vector(index, collection, &live), load_keyword(index, collection, &live));
    let vectors = vector
        .inspect(|_| collection.set_vector(Phase::Ready))
        .map_err(|error| {
            failed(collection, "vector", &error.to_string());
            collection.set_vector(Phase::Failed { reason: error.to_string() });
        })
        .ok();
    let (keyword, view) = keyword
        .inspect(|_| collection.set_keyword(Phase::Ready))
        .map_err(|error| {
            failed(collection, "keyword", &error.to_string());
            collection.set_keyword(Phase::Failed { reason: error.to_string() });
        })
        .ok()?;
    let snapshot = Arc::new(Snapshot::first(live.documents, vectors?, view));
    collection.swap(snapshot.clone());
    Some((keyword, snapshot))
}

fn failed(collection: &Collection, leg: &str, error: &str) {
    tracing::error!(knowledge_base = %collection.id, leg, error, "a leg of the index could not be loaded");
}

async fn load_vector(index: &Index, collection: &Collection, live: &LiveSlots) -> Result<(Option<Vectors>, Vec<First>), LegError> {
    Ok((load_own(index, collection, live).await?, load_firsts(index, collection).await?))
}

/// Of versions that are not live, too.
async fn load_firsts(index: &Index, collection: &Collection) -> Result<Vec<First>, LegError> {
    let mut firsts: Vec<First> = Vec::new();
    let mut from = 0;
    loop {
        let vectors = index.db().first_vectors_from(&collection.id, from, FIRST_VECTORS).await?;
        let Some(last) = vectors.last() else { return Ok(firsts) };
        from = last.slot.saturating_add(1);
        for FirstVector { slot, embedding, vector } in vectors {
            let first = match firsts.iter_mut().find(|first| first.vectors.embedding == embedding) {
                Some(first) => first,
                None => firsts.push_mut(First::new(embedding)),
            };
            let quantized = quantize(&vector.iter().map(|element| element.to_f32()).collect::<Vec<_>>());
            first.vectors.matrix.write().write(slot, &quantized.codes, &[quantized.scale])?;
            first.slots.insert(slot);
        }
        tokio::task::yield_now().await;
    }
}

async fn load_own(index: &Index, collection: &Collection, live: &LiveSlots) -> Result<Option<Vectors>, LegError> {
    let embedding = index.db().knowledge_base(&collection.id).await?.and_then(|base| base.embedding);
    let Some(embedding) = embedding.filter(|_| live.slots > 0) else { return Ok(None) };
    let mut codes = Codes::with_capacity(embedding.dimensions as usize, live.slots as usize);
    let mut from = 0;
    loop {
        let blocks = index.db().codes(&collection.id, from, BLOCKS).await?;
        let Some(last) = blocks.last() else { break };
        from = last.first_slot + last.scales.len() as u32;
        for block in &blocks {
            codes.write_bytes(block.first_slot, &block.codes, &block.scales)?;
        }
        tokio::task::yield_now().await;
    }
    Ok(Some(Vectors { embedding, matrix: Matrix::new(codes) }))
}

async fn load_keyword(index: &Index, collection: &Collection, live: &LiveSlots) -> Result<(SharedKeyword, View), LegError> {
    let folder = Keyword::folder(&index.0.setup.folder, collection.id.as_str());
    // Held until the folder is right.
    let _claim = claim(&folder).await?;
    let mut anew = false;
    let loaded = loop {
        let open = if anew { Keyword::make } else { Keyword::open };
        match put_right(index, collection, live, opened(folder.clone(), open).await?).await {
            Err(LegError::Keyword(error)) if !anew && keyword::is_damage(&error) => {
                tracing::warn!(knowledge_base = %collection.id, %error, "the keyword index cannot be put right and is made again from the database");
                anew = true;
            }
            loaded => break loaded?,
        }
    };
    let dead: Vec<_> = index.db().dead_versions().await?.into_iter().filter(|dead| dead.knowledge_base == collection.id).collect();
    if !dead.is_empty()
        && let Err(error) = super::writer::collect(index, dead).await
    {
        tracing::warn!(knowledge_base = %collection.id, %error, "what is dead could not be removed from the database; the next start does it");
    }
    Ok(loaded)
}

/// Waits while another command that only reads opens the folder or puts it right.
async fn claim(folder: &Path) -> Result<File, LegError> {
    for _ in 0..LOCK_TRIES {
        let folder = folder.to_owned();
        match tokio::task::spawn_blocking(move || Keyword::claim(&folder)).await? {
            Ok(Some(claim)) => return Ok(claim),
            Ok(None) => tokio::time::sleep(LOCK_PAUSE).await,
            Err(error) => return Err(LegError::Claim(error)),
        }
    }
    Err(LegError::InUse)
}

async fn opened(folder: PathBuf, open: fn(&Path) -> tantivy::Result<Keyword>) -> Result<Keyword, LegError> {
    Ok(tokio::task::spawn_blocking(move || open(&folder)).await??)
}

/// Removes what is not live and adds what is missing.
async fn put_right(
    index: &Index,
    collection: &Collection,
    live: &LiveSlots,
    mut keyword: Keyword,
) -> Result<(SharedKeyword, View), LegError> {
    let (keyword, mut view, indexed) = tokio::task::spawn_blocking(move || {
        let view = keyword.view()?;
        let indexed = view.stamps()?;
        tantivy::Result::Ok((Arc::new(Mutex::new(keyword)), view, indexed))
    })
    .await??;
    let Difference { remove, add } = difference(&live.documents, indexed);
    if remove.is_empty() && add.is_empty() {
        return Ok((keyword, view));
    }
    tracing::info!(knowledge_base = %collection.id, remove = remove.len(), add = add.len(), "the keyword index differs from the database and is put right");
    view = commit(index, &keyword, remove, Vec::new()).await?;
    let (of, mut done) = (add.len() as u64, 0);
    for part in add.chunks(TEXTS_A_COMMIT) {
        let mut entries = Vec::with_capacity(part.len());
        for some in part.chunks(TEXTS) {
            collection.set_keyword(Phase::Rebuilding { done, of });
            entries.extend(entries_of(index, collection, some).await?);
            done += some.len() as u64;
        }
        view = commit(index, &keyword, Vec::new(), entries).await?;
    }
    // Other commands that only read may come while this one is still at its answer.
    let resting = keyword.clone();
    tokio::task::spawn_blocking(move || resting.lock().unwrap_or_else(PoisonError::into_inner).rest()).await?;
    Ok((keyword, view))
}

/// The entries of `slots`, each given with its stamp.
async fn entries_of(index: &Index, collection: &Collection, slots: &[(u32, u64)]) -> Result<Vec<Entry>, LegError> {
    let stamps: HashMap<u32, u64> = slots.iter().copied().collect();
    let slots: Vec<u32> = slots.iter().map(|&(slot, _)| slot).collect();
    let chunks = index.db().chunks(&collection.id, &slots).await?;
    let entry = |chunk: Chunk| {
        let heading = Entry::heading(chunk.title.as_deref(), &chunk.name, &chunk.heading_path);
        Entry {
            slot: chunk.slot,
            stamp: stamps.get(&chunk.slot).copied().unwrap_or_default(),
            heading,
            text: chunk.text,
            language: chunk.place.language,
        }
    };
    Ok(chunks.into_iter().map(entry).collect())
}

/// Commits on a thread for blocking work and returns what is there then.
pub(super) async fn commit(index: &Index, keyword: &SharedKeyword, remove: Vec<u32>, add: Vec<Entry>) -> tantivy::Result<View> {
    let keyword = keyword.clone();
    let committed = index.0.setup.tasks.spawn_blocking(move || {
        let mut keyword = keyword.lock().unwrap_or_else(PoisonError::into_inner);
        keyword.commit(&remove, add)?;
        keyword.view()
    });
    committed.await.unwrap_or_else(|error| Err(TantivyError::SystemError(error.to_string())))
}

/// What makes an indexed set of slots the live one.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    remove: Vec<u32>,
    /// Ascending, each with its stamp.
    add: Vec<(u32, u64)>,
}

fn difference(live: &[LiveDocument], indexed: Vec<(u32, u64)>) -> Difference {
    let mut wanted: HashMap<u32, u64> = HashMap::new();
    for document in live {
        let stamp = stamp(document.document.as_str(), document.generation);
        wanted.extend(document.slots.iter().cloned().flatten().map(|slot| (slot, stamp)));
    }
    let mut remove = Vec::new();
    let mut right = HashMap::new();
    for (slot, stamp) in indexed {
        // A slot that is indexed twice is wrong twice: deleting by slot takes both.
        if wanted.get(&slot) != Some(&stamp) || right.insert(slot, stamp).is_some() {
            remove.push(slot);
        }
    }
    for slot in &remove {
        right.remove(slot);
    }
    let mut add: Vec<_> = wanted.into_iter().filter(|(slot, _)| !right.contains_key(slot)).collect();
    add.sort_unstable();
    remove.sort_unstable();
    Difference { remove, add }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    #[test]
    fn only_what_differs_is_removed_and_added() {
        let live =
            |id: &str, generation, slots: &[Range<u32>]| LiveDocument { document: id.parse().unwrap(), generation, slots: slots.to_vec() };
        let documents = [live("a", 2, &[0..2, 5..6]), live("b", 1, &[3..4, 4..5])];
        let (a, b) = (stamp("a", 2), stamp("b", 1));
        type Stamped<'a> = &'a [(u32, u64)];
        let cases: [(&str, Stamped<'_>, &[u32], Stamped<'_>); 4] = [
            ("nothing is indexed", &[], &[], &[(0, a), (1, a), (3, b), (4, b), (5, a)]),
            ("all is well", &[(3, b), (0, a), (1, a), (4, b), (5, a)], &[], &[]),
            ("an old version, an orphan and a gap", &[(0, a), (1, stamp("a", 1)), (3, b), (4, b), (9, b)], &[1, 9], &[(1, a), (5, a)]),
            ("a slot stands twice", &[(0, a), (0, a), (1, a), (3, b), (4, b), (5, a)], &[0], &[(0, a)]),
        ];
        for (case, indexed, remove, add) in cases {
            let expected = Difference { remove: remove.to_vec(), add: add.to_vec() };
            assert_eq!(difference(&documents, indexed.to_vec()), expected, "{case}");
        }
    }
}
