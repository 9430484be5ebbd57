//! The attributes of a knowledge base's documents as filters look at them: read once, and after that what has changed of them. They are
//! kept in the parts that the documents of a snapshot are kept in, so that a change costs what its part costs.

use super::Index;
use super::columns::Columns;
use super::permitted::{Permitted, RightsError};
use super::shards::{PARTS, Shards};
use super::snapshot::{Live, Snapshot};
use groundwork_core::attributes::Attributes;
use groundwork_core::filter::Filter;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_scan::Bitmap;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Documents that are known before any snapshot has them; of more, all is read anew.
const MOST_AHEAD: usize = 10_000;

/// What was known last.
#[derive(Default)]
pub(crate) struct Kept(tokio::sync::Mutex<Option<Arc<Known>>>);

/// The attributes of the documents of one snapshot, or of a later one, at one content epoch of the database.
pub(crate) struct Known {
    epoch: u64,
    /// The snapshot's own count, and its documents.
    content: u64,
    documents: Shards<Live>,
    parts: Vec<Arc<Columns>>,
    /// Of documents that the database has, and the snapshot does not yet.
    ahead: HashMap<DocumentId, Attributes>,
}

impl Kept {
    /// As the database has them at this moment, for all documents of `snapshot` that are still there.
    pub(crate) async fn now(&self, index: &Index, id: &KnowledgeBaseId, snapshot: &Arc<Snapshot>) -> Result<Arc<Known>, RightsError> {
        let mut kept = self.0.lock().await;
        let epoch = index.db().epochs(id).await?.map_or(0, |epochs| epochs.content);
        if let Some(known) = kept.as_ref().filter(|known| known.epoch == epoch && known.content >= snapshot.content) {
            return Ok(known.clone());
        }
        let before = kept.clone().filter(|known| known.ahead.len() <= MOST_AHEAD);
        let changed = match &before {
            Some(known) if known.epoch == epoch => Vec::new(),
            Some(known) => index.db().attributes_since(id, known.epoch).await?,
            None => index.db().attributes(id).await?,
        };
        let (content, documents) = (snapshot.content, snapshot.documents.clone());
        let known = index.compute(move || Known::follow(before.as_deref(), epoch, changed, (content, documents))).await?;
        Ok(kept.insert(Arc::new(known)).clone())
    }
}

impl Known {
    /// What is known of a snapshot's documents when this has `changed` since `before`.
    fn follow(
        before: Option<&Self>,
        epoch: u64,
        changed: Vec<(DocumentId, Attributes)>,
        (content, documents): (u64, Shards<Live>),
    ) -> Self {
        let nothing = || (0, Shards::beside(&documents), vec![Arc::default(); PARTS], HashMap::new());
        let going_on = |known: &Self| (known.content, known.documents.clone(), known.parts.clone(), known.ahead.clone());
        let (had_content, had, mut parts, mut ahead) = before.map_or_else(nothing, going_on);
        let (content, documents) = if content >= had_content { (content, documents) } else { (had_content, had.clone()) };
        let mut stale: BTreeSet<usize> = documents.changed_since(&had).into_iter().collect();
        stale.extend(changed.iter().map(|(document, _)| documents.place(document)));
        ahead.extend(changed);
        for at in stale {
            let take = |document: &DocumentId| ahead.remove(document).or_else(|| parts[at].of(document)).unwrap_or_default();
            parts[at] = Arc::new(Columns::new(documents.part(at), take));
        }
        Self { epoch, content, documents, parts, ahead }
    }

    /// The slots, of `len`, of those of a snapshot's `documents` that pass `filter`.
    fn passing(&self, documents: &Shards<Live>, len: usize, filter: &Filter) -> Bitmap {
        let mut rows = Bitmap::empty(len);
        for (at, columns) in self.parts.iter().enumerate() {
            if documents.shares(&self.documents, at) {
                columns.sift(filter, &mut rows);
            } else {
                // This is of a later snapshot: what it does not have is gone.
                columns.sift_others(filter, documents.part(at), &mut rows);
            }
        }
        rows
    }
}

impl Permitted {
    /// What of it passes `filter`, in the snapshot that it is of.
    pub(crate) fn narrowed(&self, snapshot: &Snapshot, known: &Known, filter: &Filter) -> Self {
        self.within(known.passing(&snapshot.documents, snapshot.live.len(), filter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_core::attributes::Scalar;
    use groundwork_core::filter::{Compound, Joined, Operator, Value};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const DOCUMENTS: u32 = 12;

    fn id(document: u32) -> DocumentId {
        format!("doc_{document}").parse().unwrap()
    }

    fn scalar() -> impl Strategy<Value = Scalar> {
        prop_oneof![
            any::<bool>().prop_map(Scalar::Bool),
            (-1..3_i32).prop_map(|number| Scalar::Number(number.into())),
            Just(Scalar::Number(-0.0)),
            "[a-c0]{0,2}".prop_map(Scalar::Text),
        ]
    }

    fn attributes() -> impl Strategy<Value = Attributes> {
        proptest::collection::btree_map("[xyz]", scalar(), 0..4)
    }

    fn filter() -> impl Strategy<Value = Filter> {
        use Operator::{Eq, Gt, Gte, In, Lt, Lte, Ne, Nin};
        let one = ("[xyz]", proptest::sample::select(vec![Eq, Ne, Gt, Gte, Lt, Lte]), scalar())
            .prop_map(|(key, operator, value)| Filter::compare(operator, &key, Value::One(value)));
        let set = ("[xyz]", proptest::sample::select(vec![In, Nin]), proptest::collection::vec(scalar(), 0..4))
            .prop_map(|(key, operator, values)| Filter::compare(operator, &key, Value::Set(values.into())));
        prop_oneof![one, set].prop_recursive(2, 8, 3, |inner| {
            (proptest::sample::select(vec![Joined::And, Joined::Or]), proptest::collection::vec(inner, 1..3))
                .prop_map(|(joined, filters)| Filter::Compound(Compound { joined, filters }))
        })
    }

    #[derive(Debug, Clone)]
    enum Step {
        Put(u32),
        Set(u32, Attributes),
        Delete(u32),
        /// Snapshots follow the database only now.
        Swap,
        /// A search of the newest snapshot, or of one that is older by so many.
        Search(usize, Filter),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..DOCUMENTS).prop_map(Step::Put),
            2 => (0..DOCUMENTS, attributes()).prop_map(|(document, attributes)| Step::Set(document, attributes)),
            1 => (0..DOCUMENTS).prop_map(Step::Delete),
            3 => Just(Step::Swap),
            6 => (0..3_usize, filter()).prop_map(|(behind, filter)| Step::Search(behind, filter)),
        ]
    }

    fn passes(filter: &Filter, attributes: &Attributes) -> bool {
        filter.among(1, &|comparison| vec![comparison.passes(attributes.get(&comparison.key))]) == [true]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_changes_in_whatever_order_a_document_passes_by_the_attributes_that_it_has(steps in proptest::collection::vec(step(), 1..60)) {
            // What the database has, what of it is new since it was read last, and what each document had last.
            let mut truth: BTreeMap<u32, (Live, Attributes)> = BTreeMap::new();
            let mut changed: BTreeSet<u32> = BTreeSet::new();
            let mut last: BTreeMap<u32, Attributes> = BTreeMap::new();
            let mut snapshots = vec![Shards::<Live>::new()];
            let mut known = Known::follow(None, 0, Vec::new(), (0, snapshots[0].clone()));
            for (at, step) in (1_u32..).zip(steps) {
                match step {
                    // An id is not given twice.
                    Step::Put(document) if last.contains_key(&document) && !truth.contains_key(&document) => {}
                    Step::Put(document) => {
                        let live = Live { generation: at, slots: vec![at * 4..at * 4 + 2, at * 4 + 3..at * 4 + 4] };
                        let attributes = truth.remove(&document).map_or_else(Attributes::new, |(_, attributes)| attributes);
                        last.insert(document, attributes.clone());
                        truth.insert(document, (live, attributes));
                        changed.insert(document);
                    }
                    Step::Set(document, attributes) => if let Some(of) = truth.get_mut(&document) {
                        of.1 = attributes.clone();
                        last.insert(document, attributes);
                        changed.insert(document);
                    },
                    Step::Delete(document) => drop(truth.remove(&document)),
                    Step::Swap => {
                        let mut next = snapshots.last().unwrap().clone();
                        (0..DOCUMENTS).for_each(|document| match truth.get(&document) {
                            Some((live, _)) if next.get(&id(document)) != Some(live) => next.insert(id(document), live.clone()),
                            Some(_) => {}
                            None => next.remove(&id(document)),
                        });
                        snapshots.push(next);
                    }
                    Step::Search(behind, filter) => {
                        let content = snapshots.len().saturating_sub(1 + behind);
                        let documents = &snapshots[content];
                        let new = std::mem::take(&mut changed).into_iter();
                        let new = new.filter_map(|document| Some((id(document), truth.get(&document)?.1.clone()))).collect();
                        known = Known::follow(Some(&known), at.into(), new, (content as u64, documents.clone()));
                        let found = known.passing(documents, 0, &filter);
                        let mut possible = Bitmap::empty(0);
                        for document in 0..DOCUMENTS {
                            let Some(live) = documents.get(&id(document)) else { continue };
                            let passes = passes(&filter, &last[&document]);
                            for slot in live.slots.iter().cloned().flatten() {
                                if truth.contains_key(&document) {
                                    prop_assert_eq!(found.contains(slot), passes, "{} of {:?} by {:?}", document, last[&document], filter);
                                } else {
                                    // One that is gone may be found still, but not by what it did not have.
                                    prop_assert!(passes || !found.contains(slot));
                                }
                                possible.insert(slot);
                            }
                        }
                        prop_assert!(found.iter().all(|slot| possible.contains(slot)));
                    }
                }
            }
        }
    }
}
