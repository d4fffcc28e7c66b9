//! Changes of records are carried out by one thread, those that wait together in one transaction: whoever is answered is
//! safe. Readers read beside it.

use super::groups::{Groups, Meant};
use super::living::Living;
use super::record::{Packed, by_job, by_number, due, insert, remove, replace, row_number, started_before};
use super::spans::{Moved, Spans};
use super::{list, nodes, tags, viewers};
use crate::Writer;
use crate::database::{Database, Readers, Unread};
use crate::failure::failed;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use domain::monitoring::{NodeReport, NodeSeen, Origin, Record, RecordId, RecordsWanted, Tag, TagId};
use domain::ports::{Begun, Kept, Registry, Replaced, StoreError, Viewer};
use rusqlite::{Connection, TransactionBehavior};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

/// Changes of one transaction at most.
const TOGETHER: usize = 512;
/// Records that are taken away in one transaction.
const AT_ONCE: usize = 1024;

/// The store of monitored jobs. Copies are handles to the same one.
#[derive(Clone)]
pub struct Monitored {
    pub(super) readers: Readers,
    pub(super) seen: Arc<RwLock<Seen>>,
    thread: Arc<Thread>,
}

struct Thread {
    wishes: Option<Sender<Box<dyn Wish>>>,
    handle: Option<JoinHandle<()>>,
}

/// What lists look at besides the tables, as of the last commit.
pub(super) struct Seen {
    groups: Groups,
    living: Living,
    pub(super) spans: Spans,
}

/// What changes have touched.
#[derive(Default)]
struct Touched {
    moved: Vec<Moved>,
    /// Records that are new, as they are: they need not be read.
    begun: Vec<Record>,
    records: Vec<i64>,
}

/// What changes carry out, and what they have touched.
pub(super) struct Books<'a> {
    connection: &'a Connection,
    touched: &'a mut Touched,
}

/// A change that somebody waits for.
trait Wish: Send {
    /// Carries it out.
    fn carry_out(&mut self, books: &mut Books<'_>);
    /// Whether that failed: then nothing of it may stay.
    fn has_failed(&self) -> bool;
    /// Answers, once everything is safe or the whole transaction has failed.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct Asked<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, Unread>>,
    reply: Sender<Result<T, StoreError>>,
    path: Arc<Path>,
}

impl<T: Send, F: FnOnce(&mut Books<'_>) -> Result<T, Unread> + Send> Wish for Asked<T, F> {
    fn carry_out(&mut self, books: &mut Books<'_>) {
        self.outcome = self.work.take().map(|work| work(books));
    }

    fn has_failed(&self) -> bool {
        !matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let outcome = match (failure, self.outcome) {
            (Some(failure), _) => Err(failure),
            (None, Some(outcome)) => outcome.map_err(|unread| told(unread, &self.path)),
            (None, None) => {
                Err(StoreError::Failed { what: "change records", source: "it was not tried".into() })
            }
        };
        // Whoever asked may have gone.
        let _ = self.reply.send(outcome);
    }
}

fn told(unread: Unread, path: &Path) -> StoreError {
    match unread {
        Unread::Sqlite(error) => failed("change records", path, error),
        Unread::Store(error) => error,
    }
}

impl Monitored {
    /// Opens monitor.db in the directory that a writer has taken.
    ///
    /// # Errors
    /// As [`crate::open`].
    pub fn open(beside: &Writer) -> Result<Self, StoreError> {
        let path: PathBuf = beside.database(Database::Monitor)?;
        let connection = Database::Monitor.migrated(&path)?;
        let groups = Groups::read(&connection).map_err(|error| failed("open a database", &path, error))?;
        let living = Living::read(&connection).map_err(|unread| told(unread, &path))?;
        let seen = Arc::new(RwLock::new(Seen { groups, living, spans: Spans::default() }));
        let (wishes, inbox) = unbounded();
        let keeper = Keeper { connection, seen: Arc::clone(&seen), path: path.as_path().into() };
        let handle = std::thread::Builder::new()
            .name("monitored".into())
            .spawn(move || keeper.keep(&inbox))
            .map_err(|error| StoreError::Failed { what: "start a thread", source: Box::new(error) })?;
        let thread = Arc::new(Thread { wishes: Some(wishes), handle: Some(handle) });
        Ok(Monitored { readers: Readers::of(path), seen, thread })
    }

    pub(super) fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Books<'_>) -> Result<T, Unread> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, outcome) = bounded(1);
        let wish = Asked { work: Some(work), outcome: None, reply, path: self.readers.path() };
        let gone = || StoreError::Failed { what: "change records", source: "its thread has ended".into() };
        let wishes = self.thread.wishes.as_ref().ok_or_else(gone)?;
        wishes.send(Box::new(wish)).map_err(|_| gone())?;
        outcome.recv().map_err(|_| gone())?
    }

    /// Returns the groups whose records may be wanted: nobody waits while these are read.
    pub(super) fn meant(&self, wanted: &RecordsWanted) -> Meant {
        self.seen().groups.wanted(wanted)
    }

    pub(super) fn seen(&self) -> RwLockReadGuard<'_, Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.wishes = None;
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::warn!("the thread of monitored jobs panicked");
        }
    }
}

struct Keeper {
    connection: Connection,
    seen: Arc<RwLock<Seen>>,
    path: Arc<Path>,
}

impl Keeper {
    fn keep(mut self, inbox: &Receiver<Box<dyn Wish>>) {
        while let Ok(first) = inbox.recv() {
            let mut wishes = vec![first];
            wishes.extend(inbox.try_iter().take(TOGETHER - 1));
            let failure = self.carry_out(&mut wishes).err();
            for wish in wishes {
                // Each needs an error of its own.
                let failure = failure.as_ref().map(|error| StoreError::Failed {
                    what: "change records",
                    source: format!("{}: {error}", self.path.display()).into(),
                });
                wish.answer(failure);
            }
        }
    }

    fn carry_out(&mut self, wishes: &mut [Box<dyn Wish>]) -> rusqlite::Result<()> {
        let all = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut touched = Touched::default();
        for wish in wishes {
            let before = (touched.moved.len(), touched.begun.len(), touched.records.len());
            step(&all, "SAVEPOINT wish")?;
            wish.carry_out(&mut Books { connection: &all, touched: &mut touched });
            if wish.has_failed() {
                touched.moved.truncate(before.0);
                touched.begun.truncate(before.1);
                touched.records.truncate(before.2);
                step(&all, "ROLLBACK TO wish")?;
            }
            step(&all, "RELEASE wish")?;
        }
        all.commit()?;
        let mut groups: Vec<i64> = touched.moved.iter().map(|moved| moved.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.spans.take(&touched.moved);
        touched.begun.into_iter().for_each(|record| seen.living.begin(record));
        let refreshed = seen.groups.refresh(&self.connection, &groups).map_err(Unread::from);
        let refreshed = refreshed.and_then(|()| seen.living.refresh(&self.connection, &touched.records));
        if let Err(unread) = refreshed {
            // What was changed is safe; lists may miss it until it changes again.
            let error = told(unread, &self.path);
            tracing::error!(%error, "what was changed of monitored jobs could not be read");
        }
        Ok(())
    }
}

/// Carries out a statement that is planned once: SQLite reads those of its own savepoints anew each time.
fn step(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(|_| ())
}

impl Registry for Monitored {
    fn begin(
        &self,
        record: Record,
        is_duplicate: fn(old: &Record, new: &Record) -> bool,
    ) -> Result<Begun, StoreError> {
        let packed = Packed::of(&record)?;
        self.ask(move |books| {
            let known = by_job(books.connection, &record.cluster, record.job)?;
            if let Some(same) = known.iter().find(|old| is_duplicate(&old.record, &record)) {
                return Ok(Begun::Duplicate(same.record.id));
            }
            books.insert(&record, &packed).map(Begun::New)
        })
    }

    fn absorb(&self, records: Vec<Record>) -> Result<(), StoreError> {
        self.ask(move |books| records.iter().try_for_each(|record| books.absorb(record)))
    }

    fn record(&self, id: RecordId) -> Result<Option<Kept>, StoreError> {
        self.readers.read("read a record", |connection| {
            let Some(mut kept) = by_number(connection, id)? else { return Ok(None) };
            kept.record.tags = tags::of(connection, row_number(id))?;
            Ok(Some(kept))
        })
    }

    fn replace(&self, kept: &Kept) -> Result<Replaced, StoreError> {
        let packed = Packed::of(&kept.record)?;
        let kept = kept.clone();
        self.ask(move |books| books.replace(&kept, &packed))
    }

    fn due(&self, most: usize) -> Result<Vec<RecordId>, StoreError> {
        self.readers.read("list records", |connection| Ok(due(connection, most)?))
    }

    fn list(&self, wanted: &RecordsWanted) -> Result<Vec<Record>, StoreError> {
        let living = self.seen().living.list(wanted);
        if let Some(living) = living {
            return Ok(living.into_iter().map(Arc::unwrap_or_clone).collect());
        }
        let groups = self.meant(wanted);
        self.readers.read("list records", |connection| list::list(connection, &groups, wanted))
    }

    fn each(
        &self,
        wanted: &RecordsWanted,
        look: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let groups = self.meant(wanted);
        self.readers.read("list records", |connection| list::each(connection, &groups, wanted, look))
    }

    fn count(&self, wanted: &RecordsWanted) -> Result<u64, StoreError> {
        self.total(wanted)
    }

    fn remove(&self, id: RecordId) -> Result<bool, StoreError> {
        self.ask(move |books| books.remove(row_number(id)))
    }

    fn remove_before(&self, start: i64, omit_tagged: bool) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let some = self.ask(move |books| {
                let some = started_before(books.connection, start, omit_tagged, AT_ONCE)?;
                some.iter().try_for_each(|id| books.remove(*id).map(|_| ()))?;
                Ok(some.len())
            })?;
            gone += some as u64;
            if some < AT_ONCE {
                return Ok(gone);
            }
        }
    }

    fn tag(&self, id: RecordId, tags: &[Tag]) -> Result<Option<Vec<(TagId, Tag)>>, StoreError> {
        self.change_tags(id, tags, tags::add)
    }

    fn untag(&self, id: RecordId, tags: &[Tag]) -> Result<Option<Vec<(TagId, Tag)>>, StoreError> {
        self.change_tags(id, tags, tags::take)
    }

    fn forget_tags(&self, tags: &[Tag]) -> Result<u64, StoreError> {
        let tags = tags.to_vec();
        self.ask(move |books| {
            let (gone, touched) = tags::forget(books.connection, &tags)?;
            books.touched.records.extend(touched);
            Ok(gone)
        })
    }

    fn touch(&self, id: RecordId) -> Result<(), StoreError> {
        self.ask(move |books| {
            books.touched.records.push(row_number(id));
            Ok(tags::mark(books.connection, row_number(id))?)
        })
    }

    fn note_nodes(
        &self,
        cluster: &str,
        at: i64,
        told: Vec<NodeReport>,
        most: u64,
    ) -> Result<bool, StoreError> {
        let cluster = cluster.to_owned();
        self.ask(move |books| nodes::note(books.connection, &cluster, at, &told, most))
    }

    fn nodes(&self, cluster: Option<&str>) -> Result<Vec<NodeSeen>, StoreError> {
        self.readers.read("list nodes", |connection| nodes::all(connection, cluster))
    }

    fn users(&self) -> Result<Vec<Viewer>, StoreError> {
        self.readers.read("list users of monitoring", viewers::all)
    }

    fn add_user(&self, user: &Viewer) -> Result<bool, StoreError> {
        let user = user.clone();
        self.ask(move |books| viewers::add(books.connection, &user))
    }

    fn replace_user(&self, was: &Viewer, becomes: &Viewer) -> Result<bool, StoreError> {
        let (was, becomes) = (was.clone(), becomes.clone());
        self.ask(move |books| viewers::replace(books.connection, &was, &becomes))
    }

    fn remove_user(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.ask(move |books| Ok(viewers::remove(books.connection, &name)?))
    }
}

impl Books<'_> {
    /// Adds a record with its tags.
    fn insert(&mut self, record: &Record, packed: &Packed) -> Result<RecordId, Unread> {
        let (id, come) = insert(self.connection, record, packed)?;
        self.touched.moved.push(come);
        let tags: Vec<Tag> = record.tags.iter().map(|(_, tag)| tag.clone()).collect();
        if tags.is_empty() {
            self.touched.begun.push(Record { id, ..record.clone() });
        } else {
            tags::add(self.connection, id, &tags)?;
            self.touched.records.push(row_number(id));
        }
        Ok(id)
    }

    /// Takes in what is known of an attempt of our engine's.
    fn absorb(&mut self, record: &Record) -> Result<(), Unread> {
        let is_same = |old: &&Kept| {
            old.record.origin != Origin::Registered
                && (old.record.origin, old.record.submit_time) == (record.origin, record.submit_time)
        };
        let known = by_job(self.connection, &record.cluster, record.job)?;
        let Some(same) = known.iter().find(is_same) else {
            return self.insert(record, &Packed::of(record)?).map(|_| ());
        };
        if same.record.state.is_over() {
            return Ok(());
        }
        let Some(kept) = by_number(self.connection, same.record.id)? else { return Ok(()) };
        let mut becomes = Record { id: kept.record.id, meta: kept.record.meta, ..record.clone() };
        becomes.meta.extend(record.meta.clone());
        let packed = Packed::of(&becomes)?;
        self.replace(&Kept { record: becomes, version: kept.version }, &packed).map(|_| ())
    }

    fn replace(&mut self, kept: &Kept, packed: &Packed) -> Result<Replaced, Unread> {
        let (done, moved) = replace(self.connection, kept, packed)?;
        self.touched.moved.extend(moved);
        self.touched.records.push(row_number(kept.record.id));
        Ok(done)
    }

    fn remove(&mut self, id: i64) -> Result<bool, Unread> {
        let gone = remove(self.connection, id)?;
        self.touched.moved.extend(gone);
        self.touched.records.push(id);
        Ok(gone.is_some())
    }
}

impl Monitored {
    fn change_tags(
        &self,
        id: RecordId,
        tags: &[Tag],
        how: fn(&Connection, RecordId, &[Tag]) -> rusqlite::Result<()>,
    ) -> Result<Option<Vec<(TagId, Tag)>>, StoreError> {
        let tags = tags.to_vec();
        self.ask(move |books| {
            if by_number(books.connection, id)?.is_none() {
                return Ok(None);
            }
            how(books.connection, id, &tags)?;
            books.touched.records.push(row_number(id));
            Ok(Some(tags::of(books.connection, row_number(id))?))
        })
    }
}
