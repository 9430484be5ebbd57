//! One search, from the question to checked hits.

use super::legs::{Ground, Place, Question, Ranked, ask, sort};
use super::{Found, Hit, Mode, Query, Reach, Scores, SearchError};
use crate::embed::{Embedder, Purpose};
use crate::index::Index;
use groundwork_core::fusion::{Fused, Leg, reciprocal_rank};
use groundwork_scan::rescore;
use groundwork_store::db::Db;
use groundwork_store::db::chunks::Chunk;
use std::collections::{BTreeMap, HashMap};

/// The vector leg's codes are coarse: at least so many of its best are compared at full precision.
const LEAST_RESCORED: usize = 50;
/// How often a search begins again because permissions changed under it; then it returns what both the old and the new permit.
const MOST_ATTEMPTS: usize = 4;

/// Finds the chunks that answer `query` and that its caller may read. `k` is always filled from what is permitted, never with anything else.
pub async fn search(index: &Index, db: &Db, embedder: &Embedder, query: Query<'_>) -> Result<Found, SearchError> {
    let search = Search { index, db, query };
    let question = match query.mode {
        Mode::Keyword => None,
        Mode::Vector | Mode::Hybrid => Some(search.within(search.embed(embedder)).await??),
    };
    for attempt in 1.. {
        let grounds = search.grounds().await?;
        let found = search.within(search.attempt(&grounds, question.as_ref())).await??;
        let (checked, lost) = search.within(search.check(&grounds, found)).await??;
        if !lost || attempt == MOST_ATTEMPTS {
            return Ok(checked);
        }
    }
    Err(SearchError::TimedOut)
}

#[derive(Clone, Copy)]
struct Search<'a> {
    index: &'a Index,
    db: &'a Db,
    query: Query<'a>,
}

impl Search<'_> {
    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, SearchError> {
        tokio::time::timeout_at(self.query.deadline.into(), work).await.map_err(|_| SearchError::TimedOut)
    }

    async fn embed(&self, embedder: &Embedder) -> Result<Question, SearchError> {
        let vectors = (embedder.run)(Purpose::Query, vec![self.query.text.to_owned()]).await?;
        Ok(Question { embedding: embedder.embedding(), vector: vectors.into_iter().next().unwrap_or_default() })
    }

    /// The knowledge bases as they are now, and what of them the caller may find.
    async fn grounds(&self) -> Result<Vec<Ground>, SearchError> {
        let mut grounds = Vec::with_capacity(self.query.knowledge_bases.len());
        for id in self.query.knowledge_bases {
            let (collection, snapshot) = self.index.snapshot(id, self.query.deadline).await?;
            let permitted = self.within(collection.rights.of(self.db, id, &snapshot, self.query.caller)).await??;
            let permitted = permitted.ok_or_else(|| SearchError::UnknownKnowledgeBase(id.clone()))?;
            grounds.push(Ground { id: id.clone(), collection, snapshot, permitted });
        }
        Ok(grounds)
    }

    async fn attempt(&self, grounds: &[Ground], question: Option<&Question>) -> Result<Found, SearchError> {
        let reach = reach(grounds);
        if !matches!(reach, Reach::Chunks(1..)) || self.query.k == 0 {
            return Ok(Found { hits: Vec::new(), reach });
        }
        let mut ranked = self.ask(grounds, question).await?;
        if let Some(question) = question {
            self.rescore(grounds, question, &mut ranked).await?;
        }
        let hits = self.hits(grounds, &ranked).await?;
        Ok(Found { hits, reach })
    }

    /// Runs the legs on a thread for computation, as many searches at once as there are processors.
    async fn ask(&self, grounds: &[Ground], question: Option<&Question>) -> Result<Ranked, SearchError> {
        let turn = self.index.processors().acquire().await;
        let n = self.query.candidates.max(self.query.k).max(LEAST_RESCORED);
        let (grounds, mode) = (grounds.to_vec(), self.query.mode);
        let (text, question) = (self.query.text.to_owned(), question.cloned());
        let asked = tokio::task::spawn_blocking(move || ask(&grounds, mode, &text, question.as_ref(), n)).await;
        drop(turn);
        asked.map_err(|error| SearchError::Leg { leg: "search", reason: error.to_string() })?
    }

    /// Orders the vector leg's candidates by the vectors as the database has them.
    async fn rescore(&self, grounds: &[Ground], question: &Question, ranked: &mut Ranked) -> Result<(), SearchError> {
        let exact = by_ground(ranked.vector.iter().map(|(place, _)| *place));
        let mut scores = HashMap::new();
        for (at, slots) in exact {
            for (slot, vector) in self.db.vectors(&grounds[at].id, &slots).await? {
                scores.insert((at, slot), rescore(&question.vector, &vector));
            }
        }
        for (place, score) in &mut ranked.vector {
            *score = scores.get(place).copied().unwrap_or(*score);
        }
        sort(&mut ranked.vector);
        Ok(())
    }

    async fn hits(&self, grounds: &[Ground], ranked: &Ranked) -> Result<Vec<Hit>, SearchError> {
        let most = self.query.candidates.max(self.query.k);
        let keyword: Vec<Place> = ranked.keyword.iter().take(most).map(|(place, _)| *place).collect();
        let vector: Vec<Place> = ranked.vector.iter().take(most).map(|(place, _)| *place).collect();
        let fused = reciprocal_rank(&[Leg { weight: 1.0, ranked: &keyword }, Leg { weight: 1.0, ranked: &vector }]);
        let mut hits = Vec::with_capacity(self.query.k);
        for some in fused.chunks(self.query.k) {
            let chunks = self.chunks(grounds, some).await?;
            hits.extend(some.iter().filter_map(|fused| self.hit(grounds, ranked, fused, chunks.get(&fused.item)?)));
            if hits.len() >= self.query.k {
                break;
            }
        }
        hits.truncate(self.query.k);
        Ok(hits)
    }

    async fn chunks(&self, grounds: &[Ground], fused: &[Fused<Place>]) -> Result<HashMap<Place, Chunk>, SearchError> {
        let mut chunks = HashMap::with_capacity(fused.len());
        for (at, slots) in by_ground(fused.iter().map(|fused| fused.item)) {
            let found = self.db.chunks(&grounds[at].id, &slots).await?;
            chunks.extend(found.into_iter().map(|chunk| ((at, chunk.slot), chunk)));
        }
        Ok(chunks)
    }

    /// The hit, if what the database has in this slot is what the snapshot held there, and the caller may read it.
    fn hit(&self, grounds: &[Ground], ranked: &Ranked, fused: &Fused<Place>, chunk: &Chunk) -> Option<Hit> {
        let ground = &grounds[fused.item.0];
        let live = ground.snapshot.documents.get(&chunk.document)?;
        let same = live.generation == chunk.generation && live.holds(chunk.slot);
        if !same || !ground.permitted.allows(self.query.caller, &chunk.document) {
            return None;
        }
        let score = |leg: usize, ranked: &[(Place, f32)]| {
            let rank = fused.ranks.get(leg).copied().flatten()?;
            ranked.get(rank as usize - 1).map(|(_, score)| *score)
        };
        let scores = Scores { keyword: score(0, &ranked.keyword), vector: score(1, &ranked.vector), fused: fused.score };
        Some(Hit {
            slot: chunk.slot,
            knowledge_base: ground.id.clone(),
            document: chunk.document.clone(),
            source: chunk.source.clone(),
            name: chunk.name.clone(),
            title: chunk.title.clone(),
            generation: chunk.generation,
            ordinal: chunk.ordinal,
            pages: chunk.pages,
            heading_path: chunk.heading_path.clone(),
            span: chunk.span.clone(),
            text: chunk.text.clone(),
            scores,
        })
    }

    /// Checks the hits against the permissions as the database has them now; true when a change took something away.
    async fn check(&self, grounds: &[Ground], mut found: Found) -> Result<(Found, bool), SearchError> {
        let before = found.hits.len();
        for ground in grounds {
            let now = self.db.epochs(&ground.id).await?.ok_or_else(|| SearchError::UnknownKnowledgeBase(ground.id.clone()))?;
            if now.permission != ground.permitted.epoch() {
                let permitted = ground.collection.rights.of(self.db, &ground.id, &ground.snapshot, self.query.caller).await?;
                let allows = |hit: &Hit| permitted.as_ref().is_some_and(|permitted| permitted.allows(self.query.caller, &hit.document));
                found.hits.retain(|hit| hit.knowledge_base != ground.id || allows(hit));
            }
        }
        let lost = found.hits.len() < before;
        Ok((found, lost))
    }
}

fn reach(grounds: &[Ground]) -> Reach {
    let permitted: usize = grounds.iter().map(|ground| ground.permitted.count).sum();
    if permitted > 0 {
        Reach::Chunks(permitted as u64)
    } else if grounds.iter().all(|ground| ground.snapshot.documents.is_empty()) {
        Reach::Empty
    } else if grounds.iter().any(|ground| ground.permitted.documents > 0) {
        Reach::Chunks(0)
    } else {
        Reach::Forbidden
    }
}

/// Slots by knowledge base, in their order.
fn by_ground(places: impl Iterator<Item = Place>) -> BTreeMap<usize, Vec<u32>> {
    let mut by_ground: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for (at, slot) in places {
        by_ground.entry(at).or_default().push(slot);
    }
    by_ground
}
