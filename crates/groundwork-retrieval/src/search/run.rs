//! One search, from the question to checked hits.

use super::legs::{Ground, Model, Place, Question, Questions, Ranked, ask, sort};
use super::{Around, Found, Hit, Mode, Query, Reach, Scores, SearchError, rerank};
use crate::embed::{Embedder, Purpose};
use crate::index::{Index, Snapshot};
use groundwork_core::fusion::{Fused, Leg, weighed};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_scan::rescore;
use groundwork_store::db::chunks::Chunk;
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use groundwork_store::db::{Db, DbError};
use half::f16;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The vector leg's codes are coarse: so many of its best, or the hits asked for and as many again, are compared at full precision.
const LEAST_RESCORED: usize = 30;

/// What the legs count beside each other. On four data sets any share of the words from 0.35 to 0.45 does as well.
const KEYWORD_WEIGHT: f64 = 0.4;
const VECTOR_WEIGHT: f64 = 0.6;
/// The least that the best by a first pass counts as. What it is found among are a few new documents, and the best of them need not be good:
/// it must not stand beside the best of all others for that. By potion-base-8M the passage that answers a question of azure-benefits has
/// 0.72 in the median, and the best of ten others 0.56.
const LEAST_FIRST: f64 = 0.7;

/// Finds the chunks that answer `query` and that its caller may read. `k` is always filled from what is permitted, never with anything else.
pub async fn search(index: &Index, db: &Db, embedder: &Embedder, query: Query<'_>) -> Result<Found, SearchError> {
    let search = Search { index, db, query };
    let mut questions = Questions::default();
    // Before anything else of the search is begun: it may take long.
    let snapshots = search.snapshots().await?;
    search.complete(&mut questions, embedder, &snapshots).await?;
    drop(snapshots);
    let (grounds, found) = search.find(embedder, &mut questions).await?;
    search.arrange(grounds, found).await
}

/// Which permissions a search goes by.
#[derive(Clone, Copy)]
enum Rights {
    /// Those in memory, where there are any.
    Recent,
    /// Those of the database at this moment.
    Now,
}

#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    index: &'a Index,
    pub(super) db: &'a Db,
    pub(super) query: Query<'a>,
}

impl Search<'_> {
    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, SearchError> {
        tokio::time::timeout_at(self.query.deadline.into(), work).await.map_err(|_| SearchError::TimedOut)
    }

    async fn embed(&self, embedder: &Embedder) -> Result<Question, SearchError> {
        let text = embedder.question(self.query.text).to_owned();
        let vectors = (embedder.run)(Purpose::Query, vec![text]).await?;
        Ok(Question { embedding: embedder.embedding(), vector: vectors.into_iter().next().unwrap_or_default() })
    }

    /// The knowledge bases as they are now.
    async fn snapshots(&self) -> Result<Vec<Arc<Snapshot>>, SearchError> {
        let mut snapshots = Vec::with_capacity(self.query.knowledge_bases.len());
        for id in self.query.knowledge_bases {
            snapshots.push(self.index.snapshot(id, self.query.deadline).await?.1);
        }
        Ok(snapshots)
    }

    /// Has the question embedded by each model whose vectors find something in `snapshots`, if it has not been yet.
    async fn complete(&self, questions: &mut Questions, embedder: &Embedder, snapshots: &[Arc<Snapshot>]) -> Result<(), SearchError> {
        if self.query.mode == Mode::Keyword {
            return Ok(());
        }
        if questions.own.is_none() && asks_own(snapshots) {
            questions.own = Some(self.within(self.embed(embedder)).await??);
        }
        if let Some(first) = self.query.first_pass
            && questions.first.is_none()
            && asks_first(snapshots, &first.embedding())
        {
            questions.first = Some(self.within(self.embed(first)).await??);
        }
        Ok(())
    }

    /// The knowledge bases as they are now, and what of them the caller may find.
    async fn grounds(&self, rights: Rights) -> Result<Vec<Ground>, SearchError> {
        let mut grounds = Vec::with_capacity(self.query.knowledge_bases.len());
        let bases: BTreeSet<_> = self.query.knowledge_bases.iter().collect();
        for id in bases {
            let (collection, snapshot) = self.index.snapshot(id, self.query.deadline).await?;
            let recent = match rights {
                Rights::Recent => collection.rights.recent(&snapshot, self.query.caller),
                Rights::Now => None,
            };
            let permitted = match recent {
                Some(permitted) => Some(permitted),
                None => self.within(collection.rights.now(self.index, id, &snapshot, self.query.caller)).await??,
            };
            let mut permitted = permitted.ok_or_else(|| SearchError::UnknownKnowledgeBase(id.clone()))?;
            if let Some(filter) = self.query.filter {
                let known = self.within(collection.attributes.now(self.index, id, &snapshot)).await??;
                let (of, filter) = (snapshot.clone(), filter.clone());
                let narrowed = self.index.compute(move || permitted.narrowed(&of, &known, &filter)).await;
                permitted = narrowed.map_err(|error| SearchError::Leg { leg: "filter", reason: error.to_string() })?;
            }
            grounds.push(Ground { id: id.clone(), snapshot, permitted });
        }
        Ok(grounds)
    }

    /// Whether the permissions are still as the database has them.
    async fn stand(&self, grounds: &[Ground]) -> Result<bool, SearchError> {
        for ground in grounds {
            let epochs = self.db.epochs(&ground.id).await?.ok_or_else(|| SearchError::UnknownKnowledgeBase(ground.id.clone()))?;
            if epochs.permission != ground.permitted.epoch() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the legs find, with what they looked at.
    async fn find(&self, embedder: &Embedder, questions: &mut Questions) -> Result<(Vec<Ground>, Found), SearchError> {
        let grounds = self.grounds(Rights::Recent).await?;
        // A first pass may have come, or been replaced, since the question was embedded.
        self.complete(questions, embedder, &snapshots(&grounds)).await?;
        // The permissions in memory nearly always still stand; while the legs look, the database says whether they do.
        let (found, stand) = self.within(async { tokio::join!(self.attempt(&grounds, questions), self.stand(&grounds)) }).await?;
        if stand? {
            return Ok((grounds, found?));
        }
        let grounds = self.grounds(Rights::Now).await?;
        self.complete(questions, embedder, &snapshots(&grounds)).await?;
        let found = self.within(self.attempt(&grounds, questions)).await??;
        Ok((grounds, found))
    }

    /// Puts what the legs have found into its last order.
    async fn arrange(&self, mut grounds: Vec<Ground>, mut found: Found) -> Result<Found, SearchError> {
        if let Some(reranker) = self.query.reranker.filter(|_| !found.hits.is_empty()) {
            found.reranked = Some(rerank::rerank(reranker, self.query.text, &mut found.hits, self.query.deadline).await?);
            // That takes its time: permissions may have changed meanwhile.
            if !self.within(self.stand(&grounds)).await?? {
                grounds = self.grounds(Rights::Now).await?;
                found.hits.retain(|hit| self.may_see(&grounds, hit));
            }
        }
        if self.query.variety.is_wanted() {
            found.hits = self.within(self.varied(found.hits, self.query.variety)).await??;
        }
        found.hits.truncate(self.query.k);
        if self.query.surroundings.are_wanted() {
            found.around = self.within(self.around(&grounds, &found.hits)).await??;
        }
        Ok(found)
    }

    /// What stands around `hits`, by the same rules as they themselves.
    async fn around(&self, grounds: &[Ground], hits: &[Hit]) -> Result<Vec<Around>, SearchError> {
        let wanted = self.query.surroundings;
        let mut found = Vec::new();
        for ground in grounds {
            let stretches: Vec<_> = hits.iter().filter(|hit| hit.knowledge_base == ground.id).map(|hit| wanted.stretch(hit)).collect();
            let chunks = self.db.chunks_of(&ground.id, &stretches).await?;
            let chunks = chunks.into_iter().map(|chunk| hit_of(ground.id.clone(), chunk, Scores::default()));
            found.extend(chunks.filter(|hit| self.may_see(grounds, hit)));
        }
        Ok(wanted.of(hits, &found))
    }

    /// Whether a hit of the database still stands in the snapshot and is permitted.
    fn may_see(&self, grounds: &[Ground], hit: &Hit) -> bool {
        let Some(ground) = grounds.iter().find(|ground| ground.id == hit.knowledge_base) else { return false };
        let live = ground.snapshot.documents.get(&hit.document);
        let same = live.is_some_and(|live| live.generation == hit.generation && live.holds(hit.slot));
        same && ground.permitted.rows.contains(hit.slot) && ground.permitted.allows(self.query.caller, &hit.document)
    }

    /// Hits that the last steps choose from.
    fn pool(&self) -> usize {
        let varied = if self.query.variety.is_wanted() { self.query.candidates } else { 0 };
        self.query.reranker.map_or(0, |reranker| reranker.candidates).max(varied).max(self.query.k)
    }

    async fn attempt(&self, grounds: &[Ground], questions: &Questions) -> Result<Found, SearchError> {
        let reach = reach(grounds);
        if !matches!(reach, Reach::Chunks(1..)) || self.query.k == 0 {
            return Ok(Found { hits: Vec::new(), reach, reranked: None, around: Vec::new() });
        }
        let mut ranked = self.ask(grounds, questions).await?;
        if let Some(question) = &questions.own {
            self.rescore(grounds, (question, Model::Own), &mut ranked.vector).await?;
        }
        if let Some(question) = &questions.first {
            self.rescore(grounds, (question, Model::First), &mut ranked.first).await?;
        }
        let hits = self.hits(grounds, &ranked).await?;
        Ok(Found { hits, reach, reranked: None, around: Vec::new() })
    }

    /// Runs the legs on a thread for computation, as many searches at once as there are processors.
    async fn ask(&self, grounds: &[Ground], questions: &Questions) -> Result<Ranked, SearchError> {
        let n = self.query.candidates.max(self.pool()).max(LEAST_RESCORED);
        let (grounds, mode) = (grounds.to_vec(), self.query.mode);
        let (text, questions) = (self.query.text.to_owned(), questions.clone());
        let asked = self.index.compute(move || ask(&grounds, mode, &text, &questions, n)).await;
        asked.map_err(|error| SearchError::Leg { leg: "search", reason: error.to_string() })?
    }

    /// Orders a vector leg's candidates by the vectors as the database has them.
    async fn rescore(
        &self,
        grounds: &[Ground],
        (question, model): (&Question, Model),
        ranked: &mut [(Place, f32)],
    ) -> Result<(), SearchError> {
        let most = LEAST_RESCORED.max(self.pool() * 2).min(ranked.len());
        let best = &mut ranked[..most];
        let exact = by_ground(best.iter().map(|(place, _)| *place));
        let mut scores = HashMap::new();
        for (at, slots) in exact {
            for (slot, vector) in self.stored(model, &grounds[at].id, &slots).await? {
                scores.insert((at, slot), rescore(&question.vector, &vector));
            }
        }
        for (place, score) in best.iter_mut() {
            *score = scores.get(place).copied().unwrap_or(*score);
        }
        sort(best);
        Ok(())
    }

    /// The vectors of `slots` at full precision, as far as there are any.
    pub(super) async fn stored(&self, model: Model, id: &KnowledgeBaseId, slots: &[u32]) -> Result<Vec<(u32, Vec<f16>)>, DbError> {
        match model {
            Model::Own => self.db.vectors(id, slots).await,
            Model::First => self.db.first_vectors(id, slots).await,
        }
    }

    async fn hits(&self, grounds: &[Ground], ranked: &Ranked) -> Result<Vec<Hit>, SearchError> {
        let fused = weighed(&[
            Leg { weight: KEYWORD_WEIGHT, least: 0.0, ranked: &ranked.keyword },
            Leg { weight: VECTOR_WEIGHT, least: 0.0, ranked: &ranked.vector },
            Leg { weight: VECTOR_WEIGHT, least: LEAST_FIRST, ranked: &ranked.first },
        ]);
        let wanted = self.pool();
        let mut hits = Vec::with_capacity(wanted);
        for some in fused.chunks(wanted) {
            let mut chunks = self.chunks(grounds, some).await?;
            hits.extend(some.iter().filter_map(|fused| self.hit(grounds, ranked, fused, chunks.remove(&fused.item)?)));
            if hits.len() >= wanted {
                break;
            }
        }
        hits.truncate(wanted);
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
    fn hit(&self, grounds: &[Ground], ranked: &Ranked, fused: &Fused<Place>, chunk: Chunk) -> Option<Hit> {
        let ground = &grounds[fused.item.0];
        let score = |leg: usize, ranked: &[(Place, f32)]| {
            let rank = fused.ranks.get(leg).copied().flatten()?;
            ranked.get(rank as usize - 1).map(|(_, score)| *score)
        };
        let scores = Scores {
            keyword: score(0, &ranked.keyword),
            vector: score(1, &ranked.vector),
            first: score(2, &ranked.first),
            fused: fused.score,
            rerank: None,
        };
        let hit = hit_of(ground.id.clone(), chunk, scores);
        self.may_see(grounds, &hit).then_some(hit)
    }
}

fn hit_of(knowledge_base: KnowledgeBaseId, chunk: Chunk, scores: Scores) -> Hit {
    let Chunk { slot, ordinal, text, heading_path, pages, place, span, document, generation, source, name, title, .. } = chunk;
    Hit { slot, knowledge_base, document, source, name, title, generation, ordinal, pages, place, heading_path, span, text, scores }
}

fn snapshots(grounds: &[Ground]) -> Vec<Arc<Snapshot>> {
    grounds.iter().map(|ground| ground.snapshot.clone()).collect()
}

/// Whether the knowledge bases' own model finds something. It is not asked where all that there is has but the vectors of a first pass.
fn asks_own(snapshots: &[Arc<Snapshot>]) -> bool {
    snapshots.iter().all(|snapshot| snapshot.firsts.is_empty()) || snapshots.iter().any(|snapshot| snapshot.has_own())
}

/// Whether the vectors of this model find something that has no others.
fn asks_first(snapshots: &[Arc<Snapshot>], model: &EmbeddingModel) -> bool {
    snapshots.iter().flat_map(|snapshot| &snapshot.firsts).any(|first| first.vectors.embedding == *model)
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
