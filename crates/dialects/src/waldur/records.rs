//! What this dialect keeps beside jobs: which of them were deleted here, what was noted about them, and what never became a
//! job. All of it is in memory and on the shelf; the shelf is written first.

use super::names::{hex, parse};
use super::projects::Charge;
use domain::ports::{Shelf, StoreError};
use domain::{JobId, Text, Uid};
use serde::{Deserialize, Serialize};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const GONE: &str = "waldur gone";
const NOTES: &str = "waldur note";
const REFUSED: &str = "waldur refused";
const SCRIPTS: &str = "waldur script";
/// Documents read at once.
const PAGE: usize = 1000;
/// Refused submissions that are kept of each user; the oldest make way for new ones.
const MOST_REFUSED: usize = 200;
/// Bytes of their scripts together, of each user; as above.
const MOST_BYTES: u64 = 32 << 20;

/// Something that could not be managed, as staff or the engine has said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fault {
    /// What is wrong.
    pub(super) message: String,
    /// Where.
    #[serde(default)]
    pub(super) traceback: String,
}

/// What was noted about a job here and nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Another name, of a job whose own cannot be changed any more.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Another description.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// It is in the state ERRED.
    #[serde(default)]
    pub(super) fault: Option<Fault>,
    /// When it was changed last, microseconds since 1970.
    #[serde(default)]
    pub(super) modified: i64,
}

/// What never became a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused {
    /// Its name here.
    #[serde(skip)]
    pub(super) id: u128,
    /// User number of who submitted it.
    pub(super) owner: u32,
    /// The account that was to be charged; empty for none.
    pub(super) account: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) runtime_state: String,
    /// The name of its script's file.
    pub(super) file: String,
    /// When it was submitted and changed, microseconds since 1970.
    pub(super) created: i64,
    pub(super) modified: i64,
    /// What is wrong with it, unless staff has said that nothing is.
    pub(super) fault: Option<Fault>,
    /// The job submitted before it: where it stands in lists.
    pub(super) after: u32,
    /// Bytes of its script.
    #[serde(default)]
    pub(super) size: u64,
}

impl Refused {
    /// Returns what it was to be charged to.
    pub(super) fn charge(&self) -> Charge {
        match self.account.as_str() {
            "" => Charge::Own(Uid(self.owner)),
            account => Charge::Account(Text::from(account)),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct GoneMark {
    job: u32,
}

#[derive(Default)]
struct Known {
    gone: HashMap<u128, JobId>,
    /// The same by job.
    gone_jobs: HashMap<JobId, u32>,
    notes: HashMap<u128, Arc<Note>>,
    refused: BTreeMap<u128, Arc<Refused>>,
    /// How many were refused, ever.
    counted: u32,
}

/// What is kept.
pub(super) struct Records {
    shelf: Arc<dyn Shelf>,
    known: Mutex<Known>,
}

impl Records {
    /// Opens what is kept. Blocks. `counted` reads the count out of the name of something refused.
    pub(super) fn open(
        shelf: Arc<dyn Shelf>,
        counted: impl Fn(u128) -> Option<u32>,
    ) -> Result<Self, StoreError> {
        let mut known = Known::default();
        each(&*shelf, GONE, |id, document: GoneMark| known.mark(id, JobId(document.job)))?;
        each(&*shelf, NOTES, |id, note: Note| {
            known.notes.insert(id, Arc::new(note));
        })?;
        each(&*shelf, REFUSED, |id, refused: Refused| {
            known.counted = known.counted.max(counted(id).unwrap_or(0));
            known.refused.insert(id, Arc::new(Refused { id, ..refused }));
        })?;
        Ok(Records { shelf, known: Mutex::new(known) })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What a panic left is whole: the maps are changed last, one at a time.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether a job was deleted here.
    pub(super) fn is_gone(&self, id: u128) -> bool {
        self.known().gone.contains_key(&id)
    }

    /// Returns the numbers of the jobs that were deleted here. Numbers come again after 67 million jobs.
    pub(super) fn gone_jobs(&self) -> HashMap<JobId, u32> {
        self.known().gone_jobs.clone()
    }

    /// Returns what was noted about a job.
    pub(super) fn note(&self, id: u128) -> Option<Arc<Note>> {
        self.known().notes.get(&id).cloned()
    }

    /// Changes what is noted about a job. Blocks.
    pub(super) fn change_note(&self, id: u128, change: impl FnOnce(&mut Note)) -> Result<(), StoreError> {
        let mut known = self.known();
        let mut note = known.notes.get(&id).map(|note| Note::clone(note)).unwrap_or_default();
        change(&mut note);
        self.shelf.put(NOTES, &hex(id), &written(&note))?;
        known.notes.insert(id, Arc::new(note));
        Ok(())
    }

    /// Deletes a job here. Blocks.
    pub(super) fn forget_job(&self, id: u128, job: JobId) -> Result<(), StoreError> {
        let mut known = self.known();
        self.shelf.put(GONE, &hex(id), &written(&GoneMark { job: job.0 }))?;
        known.mark(id, job);
        if known.notes.remove(&id).is_some() {
            self.shelf.remove(NOTES, &hex(id))?;
        }
        Ok(())
    }

    /// Returns the names of the jobs that were deleted here, or about which something was noted.
    pub(super) fn about_jobs(&self) -> Vec<u128> {
        let known = self.known();
        known.gone.keys().chain(known.notes.keys()).copied().collect()
    }

    /// Forgets what is kept about a job, which nobody knows any more. Blocks.
    pub(super) fn drop_about(&self, id: u128) -> Result<(), StoreError> {
        let mut known = self.known();
        if let Some(job) = known.gone.get(&id).copied() {
            self.shelf.remove(GONE, &hex(id))?;
            known.unmark(id, job);
        }
        if known.notes.contains_key(&id) {
            self.shelf.remove(NOTES, &hex(id))?;
            known.notes.remove(&id);
        }
        Ok(())
    }

    /// Keeps what could not become a job, with its script; `name` makes its name of a count. Blocks.
    pub(super) fn keep_refused(
        &self,
        refused: Refused,
        script: &[u8],
        name: impl FnOnce(u32) -> u128,
    ) -> Result<Arc<Refused>, StoreError> {
        let mut known = self.known();
        known.counted = known.counted.wrapping_add(1);
        let id = name(known.counted);
        let refused = Arc::new(Refused { id, size: script.len() as u64, ..refused });
        let mut own: Vec<(i64, u128, u64)> = known
            .refused
            .values()
            .filter(|other| other.owner == refused.owner)
            .map(|other| (other.created, other.id, other.size))
            .collect();
        own.sort_unstable();
        let mut count = own.len() + 1;
        let mut bytes = own.iter().map(|(.., size)| size).sum::<u64>() + refused.size;
        for (_, oldest, size) in own {
            if count <= MOST_REFUSED && bytes <= MOST_BYTES {
                break;
            }
            self.drop_refused(&mut known, oldest)?;
            (count, bytes) = (count - 1, bytes - size);
        }
        // The script first: without its record nobody would look for it.
        self.shelf.put(SCRIPTS, &hex(id), script)?;
        self.shelf.put(REFUSED, &hex(id), &written(&*refused))?;
        known.refused.insert(id, Arc::clone(&refused));
        Ok(refused)
    }

    /// Returns everything that never became a job.
    pub(super) fn all_refused(&self) -> Vec<Arc<Refused>> {
        self.known().refused.values().cloned().collect()
    }

    /// Returns what never became a job, by its name.
    pub(super) fn refused(&self, id: u128) -> Option<Arc<Refused>> {
        self.known().refused.get(&id).cloned()
    }

    /// Changes what is kept of something that never became a job; says whether it is there. Blocks.
    pub(super) fn change_refused(
        &self,
        id: u128,
        change: impl FnOnce(&mut Refused),
    ) -> Result<bool, StoreError> {
        let mut known = self.known();
        let Some(refused) = known.refused.get(&id) else { return Ok(false) };
        let mut refused = Refused::clone(refused);
        change(&mut refused);
        self.shelf.put(REFUSED, &hex(id), &written(&refused))?;
        known.refused.insert(id, Arc::new(refused));
        Ok(true)
    }

    /// Forgets what never became a job. Blocks.
    pub(super) fn forget_refused(&self, id: u128) -> Result<(), StoreError> {
        let mut known = self.known();
        self.drop_refused(&mut known, id)
    }

    fn drop_refused(&self, known: &mut Known, id: u128) -> Result<(), StoreError> {
        self.shelf.remove(REFUSED, &hex(id))?;
        known.refused.remove(&id);
        self.shelf.remove(SCRIPTS, &hex(id))?;
        Ok(())
    }

    /// Returns the script of what never became a job. Blocks.
    pub(super) fn script(&self, id: u128) -> Result<Option<Vec<u8>>, StoreError> {
        self.shelf.get(SCRIPTS, &hex(id))
    }
}

impl Known {
    fn mark(&mut self, id: u128, job: JobId) {
        if self.gone.insert(id, job).is_none() {
            *self.gone_jobs.entry(job).or_default() += 1;
        }
    }

    fn unmark(&mut self, id: u128, job: JobId) {
        self.gone.remove(&id);
        if let Entry::Occupied(mut count) = self.gone_jobs.entry(job) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

fn written(document: &impl Serialize) -> Vec<u8> {
    // Structs of plain fields can always be written.
    serde_json::to_vec(document).unwrap_or_default()
}

/// Goes through the documents of a shelf; what cannot be read is passed over, and said.
fn each<T: for<'a> Deserialize<'a>>(
    shelf: &dyn Shelf,
    name: &str,
    mut take: impl FnMut(u128, T),
) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    loop {
        let page = shelf.list(name, "", after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        for (key, document) in page {
            match (parse(&key), serde_json::from_slice(&document)) {
                (Some(id), Ok(document)) => take(id, document),
                _ => {
                    tracing::warn!(shelf = name, document = key, "a document cannot be read and is left out")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waldur::shelf::MemoryShelf;

    fn open(shelf: &Arc<MemoryShelf>) -> Records {
        Records::open(Arc::clone(shelf) as Arc<dyn Shelf>, |id| u32::try_from(id >> 64).ok()).unwrap()
    }

    fn refused(owner: u32, created: i64) -> Refused {
        Refused { owner, created, name: "x".to_owned(), ..Refused::default() }
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart() {
        let shelf = Arc::new(MemoryShelf::default());
        let records = open(&shelf);
        records.change_note(1, |note| note.name = Some("one".to_owned())).unwrap();
        records.change_note(2, |note| note.name = Some("two".to_owned())).unwrap();
        records.forget_job(2, JobId(22)).unwrap();
        let kept = records.keep_refused(refused(7, 5), b"#!", |count| u128::from(count) << 64).unwrap();
        assert!(records.change_refused(kept.id, |refused| refused.fault = None).unwrap());
        let again = open(&shelf);
        assert_eq!(again.note(1).unwrap().name.as_deref(), Some("one"));
        assert!(again.note(2).is_none() && again.is_gone(2) && !again.is_gone(1));
        assert_eq!(again.gone_jobs(), HashMap::from([(JobId(22), 1)]));
        assert_eq!(again.all_refused(), records.all_refused());
        assert_eq!(again.script(kept.id).unwrap().as_deref(), Some(&b"#!"[..]));
        let next = again.keep_refused(refused(7, 6), b"", |count| u128::from(count) << 64).unwrap();
        assert_ne!(next.id, kept.id);
        again.forget_refused(kept.id).unwrap();
        assert!(again.refused(kept.id).is_none() && again.script(kept.id).unwrap().is_none());
        assert!(!again.change_refused(kept.id, |_| ()).unwrap());
    }

    #[test]
    fn what_is_about_forgotten_jobs_is_forgotten() {
        let shelf = Arc::new(MemoryShelf::default());
        let records = open(&shelf);
        for (id, job) in [(1, 7), (2, 7), (3, 8)] {
            records.forget_job(id, JobId(job)).unwrap();
        }
        records.change_note(4, |note| note.name = Some("four".to_owned())).unwrap();
        let mut about = records.about_jobs();
        about.sort_unstable();
        assert_eq!(about, [1, 2, 3, 4]);
        for id in [1, 3, 4, 5] {
            records.drop_about(id).unwrap();
        }
        for records in [&records, &open(&shelf)] {
            assert_eq!(records.about_jobs(), [2]);
            assert_eq!(records.gone_jobs(), HashMap::from([(JobId(7), 1)]));
            assert!(records.is_gone(2) && !records.is_gone(1) && records.note(4).is_none());
        }
    }

    #[test]
    fn of_each_user_the_last_refusals_are_kept() {
        let shelf = Arc::new(MemoryShelf::default());
        let records = open(&shelf);
        let keep = |owner: u32, created: i64| {
            records.keep_refused(refused(owner, created), b"x", |count| u128::from(count) << 64).unwrap().id
        };
        let other = keep(8, 0);
        let all: Vec<u128> = (0..MOST_REFUSED as i64 + 3).map(|created| keep(7, created)).collect();
        assert_eq!(records.all_refused().len(), MOST_REFUSED + 1);
        assert!(records.refused(all[2]).is_none() && records.refused(all[3]).is_some());
        assert!(records.refused(other).is_some());
        assert_eq!(shelf.list(SCRIPTS, "", None, usize::MAX).unwrap().len(), MOST_REFUSED + 1);
    }

    #[test]
    fn large_scripts_make_way_sooner() {
        let records = open(&Arc::new(MemoryShelf::default()));
        let large = vec![b'x'; (MOST_BYTES / 4) as usize];
        let keep = |created: i64| {
            records.keep_refused(refused(7, created), &large, |count| u128::from(count) << 64).unwrap().id
        };
        let all: Vec<u128> = (0..6).map(keep).collect();
        let kept: Vec<bool> = all.iter().map(|id| records.refused(*id).is_some()).collect();
        assert_eq!(kept, [false, false, true, true, true, true]);
    }
}
