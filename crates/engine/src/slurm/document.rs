//! Copies of answers that are kept whole, byte for byte as they came.

use super::flight::Flight;
use super::pack::Packed;
use super::split::{Splitter, field, number, set_number};
use super::transport::Answer;
use super::trouble::Trouble;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What all copies together may take.
const ROOM: usize = 512 << 20;
/// The largest body that is kept.
const LARGEST: usize = ROOM / 4;
/// Copies that are kept.
const MOST: usize = 100_000;

/// A copy.
#[derive(Debug)]
pub(super) struct Document {
    /// The answer.
    pub(super) answer: Answer,
    /// When it was last known to be true: when the call began that said so.
    pub(super) checked: Instant,
    /// `last_update` of the answer, in the cluster's time.
    pub(super) told: Option<i64>,
    /// What it shows had not changed after this second of the cluster's time, as far as is known.
    pub(super) changed: Option<i64>,
    /// The number of this state among all that were taken in.
    pub(super) revision: u64,
    packed: Arc<OnceLock<Packed>>,
}

impl Document {
    /// Takes in an answer to a call that began then.
    pub(super) fn new(answer: Answer, begun: Instant, revision: u64) -> Self {
        let told = last_update(&answer.body);
        Document { answer, checked: begun, told, changed: told, revision, packed: Arc::default() }
    }

    /// The same answer, found to be still true.
    pub(super) fn confirmed(&self, begun: Instant) -> Self {
        Document {
            answer: self.answer.clone(),
            checked: begun,
            told: self.told,
            // Slurm calls unchanged what changed in an earlier second than that it was asked about.
            changed: self.changed.map(|changed| changed.min(self.told.map_or(changed, |told| told - 1))),
            revision: self.revision,
            packed: Arc::clone(&self.packed),
        }
    }

    /// Returns it compressed. That takes a while the first time.
    pub(super) fn packed(&self) -> &Packed {
        self.packed.get_or_init(|| Packed::of(&self.answer.body))
    }

    /// Tells whether somebody who was told everything at `since` has seen this.
    pub(super) fn is_seen(&self, since: i64) -> bool {
        since > 0 && self.changed.is_some_and(|changed| since.saturating_sub(1) >= changed)
    }
}

/// Finds the outermost `last_update` of an answer.
fn last_update(body: &[u8]) -> Option<i64> {
    // Its text stands near the end or the beginning, but lists between them may be long: everything is gone through.
    let name = b"\"last_update\"";
    let at = memchr::memmem::rfind(body, name)?;
    let mut compact = Splitter::new("");
    let end = body.get(at..)?.iter().position(|byte| *byte == b'}')?;
    let written = [b"{", body.get(at..at + end + 1)?, b"}"].concat();
    compact.feed(&written, |_| {}).ok()?;
    let object = compact.end().ok()?.head;
    let value = field(&object, "last_update")?;
    set_number(value).or_else(|| number(value))
}

/// What a call for a document came to.
#[derive(Clone, Debug)]
pub(super) enum Landed {
    /// It is kept.
    Kept(Arc<Document>),
    /// The cluster does not know who asked, or has a fault: that is nobody else's answer.
    Refused(Answer),
    /// There was no answer.
    Lost(Trouble),
}

/// One place for a copy.
pub(super) struct Place {
    pub(super) document: Mutex<Option<Arc<Document>>>,
    pub(super) flight: Flight<Landed>,
    asked: Mutex<Instant>,
    /// What the copies of all places take, this one's among them.
    held: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.held.fetch_sub(self.size(), Ordering::Relaxed);
    }
}

impl Place {
    pub(super) fn document(&self) -> Option<Arc<Document>> {
        self.document.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn put(&self, document: Arc<Document>) {
        let mut kept = self.document.lock().unwrap_or_else(PoisonError::into_inner);
        self.held.fetch_add(size(Some(&document)), Ordering::Relaxed);
        self.held.fetch_sub(size(kept.as_ref()), Ordering::Relaxed);
        *kept = Some(document);
    }

    fn size(&self) -> usize {
        size(self.document().as_ref())
    }
}

fn size(document: Option<&Arc<Document>>) -> usize {
    document.map_or(0, |document| document.answer.body.len()) + 1024
}

/// All copies, by what was asked.
pub(super) struct Documents<K> {
    places: Mutex<HashMap<K, Arc<Place>>>,
    /// What all copies take.
    held: Arc<AtomicUsize>,
}

impl<K> Default for Documents<K> {
    fn default() -> Self {
        Documents { places: Mutex::default(), held: Arc::default() }
    }
}

impl<K: Hash + Eq + Clone> Documents<K> {
    /// Returns the place for something, and makes room if there are too many.
    pub(super) fn place(&self, key: &K) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let known = places.get(key).cloned();
        if let Some(place) = &known {
            *place.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        // Copies that are there grow with what they are copies of.
        if self.held.load(Ordering::Relaxed) >= ROOM || known.is_none() && places.len() >= MOST {
            make_room(&mut places);
        }
        if let Some(place) = known {
            return place;
        }
        self.held.fetch_add(size(None), Ordering::Relaxed);
        let place = Arc::new(Place {
            document: Mutex::default(),
            flight: Flight::default(),
            asked: Mutex::new(Instant::now()),
            held: Arc::clone(&self.held),
        });
        places.insert(key.clone(), Arc::clone(&place));
        place
    }
}

/// Takes out what nobody has asked for the longest, until half of the room is free.
fn make_room<K: Hash + Eq + Clone>(places: &mut HashMap<K, Arc<Place>>) {
    let mut size: usize = places.values().map(|place| place.size()).sum();
    let mut by_age: Vec<(Duration, K)> = places
        .iter()
        .map(|(key, place)| {
            (place.asked.lock().unwrap_or_else(PoisonError::into_inner).elapsed(), key.clone())
        })
        .collect();
    by_age.sort_by(|(one, _), (other, _)| other.cmp(one));
    let goal = places.len() / 2;
    for (_, key) in by_age {
        if size < ROOM / 2 && places.len() <= goal {
            break;
        }
        if let Some(place) = places.remove(&key) {
            size = size.saturating_sub(place.size());
        }
    }
}

/// Tells whether an answer may be kept for others who ask the same.
pub(super) fn is_kept(answer: &Answer) -> bool {
    let status = answer.status.as_u16();
    (status == 200 || status == 404 || status == 422) && answer.body.len() <= LARGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use hyper::StatusCode;

    fn answer(body: &'static str) -> Answer {
        Answer { status: StatusCode::OK, content_type: None, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn copies_keep_within_their_room() {
        let (documents, body) = (Documents::default(), Bytes::from(vec![b' '; LARGEST]));
        for key in 0..20 {
            let answer = Answer { body: body.clone(), ..answer("") };
            let place = documents.place(&key);
            for revision in 0..3 {
                place.put(Arc::new(Document::new(answer.clone(), Instant::now(), revision)));
            }
            drop(place);
            let held = documents.held.load(Ordering::Relaxed);
            let counted: usize = documents.places.lock().unwrap().values().map(|place| place.size()).sum();
            assert_eq!(held, counted);
            assert!(held <= ROOM + LARGEST, "{held}");
        }
        assert!(documents.place(&19).document().is_some() && documents.place(&0).document().is_none());
    }

    #[test]
    fn copies_that_grow_keep_within_their_room() {
        let (documents, body) = (Documents::default(), Bytes::from(vec![b' '; LARGEST]));
        for round in 0..2 {
            for key in 0..20 {
                let place = documents.place(&key);
                if round > 0 {
                    let answer = Answer { body: body.clone(), ..answer("") };
                    place.put(Arc::new(Document::new(answer, Instant::now(), 0)));
                }
                drop(place);
                assert!(documents.held.load(Ordering::Relaxed) <= ROOM + LARGEST, "{key}");
            }
        }
    }

    #[test]
    fn the_time_of_an_answer_is_found() {
        let body = "{\n \"partitions\": [{\"last_update\": 3}],\n \"last_update\": {\n \"set\": true,\n \"infinite\": \
                    false, \"number\": 17 },\n \"errors\": [] }";
        let document = Document::new(answer(body), Instant::now(), 1);
        assert_eq!(document.told, Some(17));
        assert_eq!(Document::new(answer("{\"nodes\":[]}"), Instant::now(), 1).told, None);
        assert_eq!(Document::new(answer("\"last_update\""), Instant::now(), 1).told, None);
    }

    #[test]
    fn who_was_told_is_not_told_again_once_that_is_sure() {
        let body = r#"{"last_update":{"set":true,"infinite":false,"number":17}}"#;
        let document = Document::new(answer(body), Instant::now(), 1);
        assert!(!document.is_seen(17), "it may have changed in that very second");
        assert!(document.is_seen(18));
        assert!(!document.is_seen(0));
        let confirmed = document.confirmed(Instant::now());
        assert!(confirmed.is_seen(17) && !confirmed.is_seen(16));
        assert!(!confirmed.confirmed(Instant::now()).is_seen(16));
    }
}
