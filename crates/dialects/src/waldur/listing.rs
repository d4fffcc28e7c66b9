//! Which records a list has, in which order: those of living jobs, of finished ones as far back as lists go, and of what
//! never became a job. Finished jobs are read only where they are shown or a filter asks.

use super::Waldur;
use super::error::WaldurError;
use super::from_wire::{Order, Wishes};
use super::projects::Realm;
use super::records::Refused;
use super::subject::{self, Known, Part, Subject};
use crate::site::Site;
use domain::history::Wanted;
use domain::job::Job;
use domain::state::Snapshot;
use domain::who::Principal;
use domain::{JobId, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// Finished jobs read at once.
const CHUNK: usize = 1000;

/// What stands in a list, before it is read.
enum Entry {
    Live(Arc<Job>),
    /// The row of a finished one.
    Past(u64),
    Refused(Arc<Refused>),
}

/// Where an entry stands: jobs by their numbers, and what never became one behind the job submitted before it.
type Place = (u32, i64);

/// Returns how many records a list has, and those of a page. Blocks.
pub(super) fn list(
    site: &Site,
    waldur: &Waldur,
    by: &Principal,
    wishes: &Wishes,
    page: impl FnOnce(usize) -> Result<Range<usize>, WaldurError>,
) -> Result<(usize, Vec<Subject>), WaldurError> {
    let snapshot = site.jobs.snapshot();
    let realm = waldur.realm(&snapshot, &**site.jobs.directory());
    let reader = Reading { site, waldur, snapshot: &snapshot, siblings: siblings(&snapshot) };
    let entries = entries(site, waldur, by, &realm)?;
    if wishes.is_plain() {
        let range = page(entries.len())?;
        let mut chosen: Vec<&Entry> = entries.values().rev().collect();
        if wishes.order == Order::Created {
            chosen.reverse();
        }
        let chosen = chosen.get(range).unwrap_or_default();
        return Ok((entries.len(), reader.read(chosen)?));
    }
    let all: Vec<&Entry> = entries.values().rev().collect();
    let mut found = Vec::new();
    for chunk in all.chunks(CHUNK) {
        let mut read = reader.read(chunk)?;
        read.retain(|subject| wishes.fit(subject, waldur, &realm));
        found.extend(read);
    }
    match wishes.order {
        Order::CreatedLast => {}
        Order::Created => found.reverse(),
        Order::Name => found.sort_by(|one, other| one.name().cmp(other.name())),
        Order::NameLast => found.sort_by(|one, other| other.name().cmp(one.name())),
        Order::State => found.sort_by(|one, other| one.state().cmp(other.state())),
        Order::StateLast => found.sort_by(|one, other| other.state().cmp(one.state())),
    }
    let range = page(found.len())?;
    let total = found.len();
    Ok((total, found.get(range).map(<[Subject]>::to_vec).unwrap_or_default()))
}

/// Returns every record that somebody sees, as far back as lists go.
fn entries(
    site: &Site,
    waldur: &Waldur,
    by: &Principal,
    realm: &Realm<'_>,
) -> Result<BTreeMap<Place, Entry>, WaldurError> {
    let mut entries = BTreeMap::new();
    let gone = waldur.records.gone_jobs();
    let place = |id: JobId| (id.0, i64::MIN);
    let mut past = Vec::new();
    let most = waldur.options.list_limit;
    let wanted = Wanted { whole: true, limit: most, ..Wanted::default() };
    if by.is_operator() {
        past.extend(site.jobs.history().keys(&wanted)?);
    } else {
        if let Some(uid) = by.uid {
            past.extend(site.jobs.history().keys(&Wanted { users: vec![uid], ..wanted.clone() })?);
        }
        let accounts = realm.accounts_of(&by.name);
        if !accounts.is_empty() {
            past.extend(site.jobs.history().keys(&Wanted { accounts, ..wanted })?);
        }
        past.sort_unstable_by_key(|key| std::cmp::Reverse(key.row));
        past.dedup_by_key(|key| key.row);
        past.truncate(most);
    }
    // The last attempt comes first, and stands for the job.
    for key in past.iter().filter(|key| !gone.contains_key(&key.job)) {
        entries.entry(place(key.job)).or_insert(Entry::Past(key.row));
    }
    for job in realm.snapshot.jobs.iter().filter(|job| job.array_id() == job.id) {
        let is_seen = by.uid == Some(job.spec.owner.uid) || realm.sees(by, &realm.charge_of(job));
        // Whoever sees it alive sees it as it is; what was seen of earlier turns is the same record.
        if is_seen && !(gone.contains_key(&job.id) && waldur.records.is_gone(waldur.names.job(job))) {
            entries.insert(place(job.id), Entry::Live(Arc::clone(job)));
        } else {
            entries.remove(&place(job.id));
        }
    }
    for refused in waldur.records.all_refused() {
        if by.uid.is_some_and(|uid| uid.0 == refused.owner) || realm.sees(by, &refused.charge()) {
            let mut place = (refused.after, refused.created.max(0));
            while entries.contains_key(&place) {
                place.1 = place.1.saturating_add(1);
            }
            entries.insert(place, Entry::Refused(refused));
        }
    }
    Ok(entries)
}

/// Returns the living parts of each array.
fn siblings(snapshot: &Snapshot) -> HashMap<JobId, Vec<Arc<Job>>> {
    let mut siblings: HashMap<JobId, Vec<Arc<Job>>> = HashMap::new();
    for job in snapshot.jobs.iter().filter(|job| job.array.is_some()) {
        siblings.entry(job.array_id()).or_default().push(Arc::clone(job));
    }
    siblings
}

/// Reads entries.
struct Reading<'a> {
    site: &'a Site,
    waldur: &'a Waldur,
    snapshot: &'a Snapshot,
    siblings: HashMap<JobId, Vec<Arc<Job>>>,
}

impl Reading<'_> {
    fn read(&self, entries: &[&Entry]) -> Result<Vec<Subject>, WaldurError> {
        let row = |entry: &&Entry| match entry {
            Entry::Past(row) => Some(*row),
            Entry::Live(_) | Entry::Refused(_) => None,
        };
        let rows: Vec<u64> = entries.iter().filter_map(row).collect();
        let recorded = self.site.jobs.history().rows(&rows)?;
        let mut recorded: HashMap<u64, _> = recorded.into_iter().map(|one| (one.row, one.closed)).collect();
        let mut subjects = Vec::with_capacity(entries.len());
        for entry in entries {
            subjects.extend(match entry {
                Entry::Live(job) => Some(self.whole(Part::live(self.snapshot, job))?),
                // What has left history meanwhile is left out.
                Entry::Past(row) => {
                    recorded.remove(row).map(|closed| self.whole(Part::past(closed))).transpose()?
                }
                Entry::Refused(refused) => Some(Subject::Refused(Arc::clone(refused))),
            });
        }
        Ok(subjects)
    }

    fn whole(&self, lead: Part) -> Result<Subject, WaldurError> {
        let submitted = lead.job.submitted;
        let living = self.siblings.get(&lead.job.array_id()).into_iter().flatten();
        let living = living.filter(|job| job.submitted == submitted);
        let parts = living.map(|job| Part::live(self.snapshot, job)).collect();
        let known: Known = subject::known(self.site, self.waldur, lead, parts)?;
        Ok(Subject::Job(Box::new(known)))
    }
}

/// Returns the highest number of a job that is known: where something stands in lists that was refused now. Blocks.
pub(super) fn last_job(site: &Site) -> u32 {
    let live = site.jobs.snapshot().jobs.iter().map(|job| job.id.0).max().unwrap_or(0);
    let wanted = Wanted { limit: 1, ..Wanted::default() };
    let past = site.jobs.history().keys(&wanted).ok().and_then(|keys| keys.first().map(|key| key.job.0));
    live.max(past.unwrap_or(0))
}

/// Returns when something was submitted.
pub(super) fn created(subject: &Subject) -> Timestamp {
    match subject {
        Subject::Job(known) => known.lead.job.submitted,
        Subject::Refused(refused) => Timestamp::from_micros(refused.created),
    }
}
