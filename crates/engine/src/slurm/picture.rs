//! The list of all jobs as it was last seen: entries in the cluster's order, in pages whose bytes are shared by all
//! answers, and compressed once.

use super::mark::{self, Mark};
use super::pack::Packed;
use super::split::{field, number, set_number};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// A page holds the jobs whose numbers have this many last bits in common.
const PAGE_BITS: u32 = 6;

/// A job as the cluster describes it.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its number.
    pub(super) id: u32,
    /// The number of its array or heterogeneous job, else its own.
    pub(super) family: u32,
    /// When the call began that told of it.
    pub(super) seen: Instant,
    /// The mark it carries, if it was submitted under a client's key.
    mark: Option<Mark>,
    /// The entry, compact, without the mark.
    pub(super) bytes: Bytes,
}

impl Entry {
    /// Reads an entry; `None` if it is no job.
    pub(super) fn of(bytes: &[u8], seen: Instant) -> Option<Self> {
        let id = u32::try_from(field(bytes, "job_id").and_then(number)?).ok()?;
        let other = |name| field(bytes, name).and_then(set_number).and_then(|id| u32::try_from(id).ok());
        let family = ["array_job_id", "het_job_id"].into_iter().filter_map(other).find(|id| *id != 0);
        let mark = mark::in_job(bytes);
        let bytes = mark::without(Bytes::copy_from_slice(bytes));
        Some(Entry { id, family: family.unwrap_or(id), seen, mark, bytes })
    }

    /// Returns the digits of the mark it carries; nothing for none.
    pub(super) fn mark(&self) -> &str {
        self.mark.as_ref().map_or("", |mark| &mark.0)
    }
}

/// Entries whose bytes go out together.
#[derive(Debug)]
pub(super) struct Page {
    entries: Vec<Arc<Entry>>,
    /// The entries with commas between them; with one before them but on the first page.
    pub(super) bytes: Bytes,
    packed: OnceLock<Packed>,
}

impl Page {
    fn of(entries: &[Arc<Entry>], is_first: bool) -> Self {
        let mut bytes = Vec::with_capacity(entries.iter().map(|entry| entry.bytes.len() + 1).sum());
        for entry in entries {
            if !(is_first && bytes.is_empty()) {
                bytes.push(b',');
            }
            bytes.extend_from_slice(&entry.bytes);
        }
        Page { entries: entries.to_vec(), bytes: Bytes::from(bytes), packed: OnceLock::new() }
    }

    /// Returns it compressed. That takes a while the first time.
    pub(super) fn packed(&self) -> &Packed {
        self.packed.get_or_init(|| Packed::of(&self.bytes))
    }

    /// Tells whether that takes no time.
    pub(super) fn is_packed(&self) -> bool {
        self.packed.get().is_some()
    }
}

/// What surrounds the entries of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// `last_backfill` as it came.
    pub(super) last_backfill: Vec<u8>,
    /// `meta` as it came.
    pub(super) meta: Vec<u8>,
}

/// The list.
#[derive(Debug)]
pub(super) struct Picture {
    /// The pages, none of them empty.
    pub(super) pages: Vec<Arc<Page>>,
    /// Which jobs belong to a number: itself, tasks of the array, components.
    families: HashMap<u32, Vec<Arc<Entry>>>,
    pub(super) frame: Frame,
    /// When the call began that said that all of this is true.
    pub(super) checked: Instant,
    /// The same in the cluster's time, in seconds.
    pub(super) told: i64,
    /// What it shows had not changed after this second of the cluster's time.
    pub(super) changed: i64,
    /// The number of this state.
    pub(super) revision: u64,
}

impl Picture {
    /// Makes one of entries in the cluster's order; pages of the one before are used again where they are the same.
    pub(super) fn new(entries: &[Arc<Entry>], before: Option<&Picture>, frame: Frame, at: Taken) -> Self {
        let mut known: HashMap<(u32, bool), &Arc<Page>> = HashMap::new();
        for (place, page) in before.iter().flat_map(|picture| picture.pages.iter().enumerate()) {
            let first = page.entries.first().map_or(0, |entry| entry.id >> PAGE_BITS);
            known.insert((first, place == 0), page);
        }
        let mut pages = Vec::new();
        for chunk in entries.chunk_by(|one, other| one.id >> PAGE_BITS == other.id >> PAGE_BITS) {
            let key = (chunk.first().map_or(0, |entry| entry.id >> PAGE_BITS), pages.is_empty());
            let is_same = |page: &Page| {
                page.entries.len() == chunk.len()
                    && page.entries.iter().zip(chunk).all(|(one, other)| Arc::ptr_eq(one, other))
            };
            match known.get(&key).filter(|page| is_same(page)) {
                Some(page) => pages.push(Arc::clone(page)),
                None => pages.push(Arc::new(Page::of(chunk, pages.is_empty()))),
            }
        }
        let mut families: HashMap<u32, Vec<Arc<Entry>>> = HashMap::with_capacity(entries.len());
        for entry in entries {
            families.entry(entry.family).or_default().push(Arc::clone(entry));
            if entry.id != entry.family {
                families.entry(entry.id).or_default().push(Arc::clone(entry));
            }
        }
        let Taken { checked, told, changed, revision } = at;
        Picture { pages, families, frame, checked, told, changed, revision }
    }

    /// The same list, found to be still true.
    pub(super) fn confirmed(&self, checked: Instant, told: i64) -> Self {
        Picture {
            pages: self.pages.clone(),
            families: self.families.clone(),
            frame: self.frame.clone(),
            checked,
            told,
            changed: self.changed,
            revision: self.revision,
        }
    }

    /// Goes through the entries in the cluster's order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.pages.iter().flat_map(|page| &page.entries)
    }

    /// Goes through the entries that are not in another list in the same form.
    pub(super) fn other_than<'a>(
        &'a self,
        before: Option<&'a Picture>,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        let pages = before.iter().flat_map(|before| &before.pages);
        let known: HashSet<*const Page> = pages.map(Arc::as_ptr).collect();
        let is_known = move |entry: &&Arc<Entry>| {
            let family = before.map_or(&[][..], |before| before.family(entry.id));
            family.iter().any(|known| Arc::ptr_eq(known, entry))
        };
        let others = self.pages.iter().filter(move |page| !known.contains(&Arc::as_ptr(page)));
        others.flat_map(|page| &page.entries).filter(move |entry| !is_known(entry))
    }

    /// Returns the jobs that were submitted under clients' keys, of a heterogeneous one its leader.
    pub(super) fn marks(&self) -> HashMap<Mark, u32> {
        let mut marks = HashMap::new();
        for entry in self.entries() {
            if let Some(mark) = &entry.mark {
                let job = marks.entry(mark.clone()).or_insert(entry.family);
                *job = entry.family.min(*job);
            }
        }
        marks
    }

    /// Returns how many jobs it has.
    pub(super) fn len(&self) -> usize {
        self.pages.iter().map(|page| page.entries.len()).sum()
    }

    /// Returns the jobs of a number.
    pub(super) fn family(&self, id: u32) -> &[Arc<Entry>] {
        self.families.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Tells whether somebody who was told everything at `since` has seen this.
    pub(super) fn is_seen(&self, since: i64) -> bool {
        since > 0 && since.saturating_sub(1) >= self.changed
    }

    /// Writes what stands before the entries.
    pub(super) fn head(&self) -> Bytes {
        Bytes::from_static(b"{\"jobs\":[")
    }

    /// Writes what stands behind the entries.
    pub(super) fn tail(&self, last_update: i64, warning: Option<(&str, &str)>) -> Bytes {
        let mut tail = b"],\"last_backfill\":".to_vec();
        tail.extend_from_slice(&self.frame.last_backfill);
        let time = format!(
            ",\"last_update\":{{\"set\":true,\"infinite\":false,\"number\":{last_update}}},\"meta\":"
        );
        tail.extend_from_slice(time.as_bytes());
        tail.extend_from_slice(&self.frame.meta);
        tail.extend_from_slice(b",\"errors\":[],\"warnings\":[");
        if let Some((description, source)) = warning {
            // Neither has anything in it that would have to be escaped.
            let entry = format!("{{\"description\":\"{description}\",\"source\":\"{source}\"}}");
            tail.extend_from_slice(entry.as_bytes());
        }
        tail.extend_from_slice(b"]}");
        Bytes::from(tail)
    }
}

/// When a picture was taken, and which one it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) checked: Instant,
    pub(super) told: i64,
    pub(super) changed: i64,
    pub(super) revision: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: u32, array: u32, name: &str) -> Arc<Entry> {
        let text = format!(
            r#"{{"array_job_id":{{"set":true,"infinite":false,"number":{array}}},"job_id":{id},"name":"{name}"}}"#
        );
        Arc::new(Entry::of(text.as_bytes(), Instant::now()).unwrap())
    }

    fn picture(entries: &[Arc<Entry>], before: Option<&Picture>) -> Picture {
        let at = Taken { checked: Instant::now(), told: 9, changed: 7, revision: 1 };
        Picture::new(entries, before, Frame { last_backfill: b"{}".to_vec(), meta: b"{}".to_vec() }, at)
    }

    #[test]
    fn pages_that_did_not_change_are_shared() {
        let jobs: Vec<_> = (1..=300).map(|id| job(id, 0, "x")).collect();
        let first = picture(&jobs, None);
        assert_eq!((first.len(), first.pages.len()), (300, 5));
        let mut jobs = jobs;
        jobs[100] = job(101, 0, "y");
        jobs.remove(10);
        jobs.push(job(301, 0, "x"));
        let second = picture(&jobs, Some(&first));
        let shared: Vec<bool> =
            second.pages.iter().zip(&first.pages).map(|(one, other)| Arc::ptr_eq(one, other)).collect();
        assert_eq!(shared, [false, false, true, true, false]);
        let others: Vec<u32> = second.other_than(Some(&first)).map(|entry| entry.id).collect();
        assert_eq!(others, [101, 301]);
        assert_eq!(second.other_than(None).count(), 300);
        let body = [
            vec![second.head()],
            second.pages.iter().map(|page| page.bytes.clone()).collect(),
            vec![second.tail(9, Some(("a", "b")))],
        ]
        .concat()
        .concat();
        let text = std::str::from_utf8(&body).unwrap();
        let read = slurm_wire::json::parse(text).unwrap();
        assert!(matches!(read.get("jobs"), Some(slurm_wire::Value::List(jobs)) if jobs.len() == 300));
        assert!(second.is_seen(8) && !second.is_seen(7) && !second.is_seen(0));
    }

    #[test]
    fn tasks_belong_to_their_array() {
        let picture = picture(&[job(12, 10, "t"), job(10, 10, "t"), job(13, 0, "z")], None);
        let ids = |id| picture.family(id).iter().map(|entry| entry.id).collect::<Vec<_>>();
        assert_eq!(ids(10), [12, 10]);
        assert_eq!(ids(12), [12]);
        assert_eq!(ids(13), [13]);
        assert_eq!(ids(99), [0_u32; 0]);
    }
}
