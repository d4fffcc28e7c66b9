//! Threads that work with a user's rights: the kernel itself says what they may do, and what they make is the user's.
//!
//! Only these threads change; their real and saved user stays the service's, so that the user can send them no signal. They
//! must start no other thread, which would have the user's rights for ever: nothing asynchronous runs on them.

use crossbeam_channel::{Sender, unbounded};
use domain::ports::Directory;
use domain::who::Person;
use rustix::process::{Gid, Uid};
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::sync::oneshot;

/// Whose rights are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Identity {
    /// Returns whose rights are used for a user's files; `None` where the service has no other than its own.
    pub(crate) fn of(person: &Person, directory: &dyn Directory) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let names = directory.groups_of(&person.name);
        let mut groups: Vec<u32> =
            names.iter().filter_map(|name| directory.group(name)).map(|gid| gid.0).collect();
        groups.push(person.gid.0);
        groups.sort_unstable();
        groups.dedup();
        Some(Identity { uid: person.uid.0, gid: person.gid.0, groups })
    }

    /// Takes these rights for the thread that calls.
    fn assume(&self) -> io::Result<()> {
        let groups: Vec<Gid> = self.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        rustix::thread::set_thread_groups(&groups)?;
        rustix::thread::set_thread_res_gid(None, Gid::from_raw(self.gid), None)?;
        rustix::thread::set_thread_res_uid(None, Uid::from_raw(self.uid), None)?;
        Ok(())
    }
}

/// Threads of a crew.
const OF_CREW: usize = 4;
/// Crews that are kept.
const MOST_CREWS: usize = 8;

type Work = Box<dyn FnOnce() + Send>;

/// Some threads with the same rights. They end with the last handle.
#[derive(Clone)]
pub(crate) struct Hands {
    work: Sender<Work>,
}

impl Hands {
    /// Starts threads.
    pub(crate) fn new(identity: Option<&Identity>, count: usize) -> io::Result<Self> {
        let (work, jobs) = unbounded::<Work>();
        let (ready, started) = mpsc::channel();
        for _ in 0..count.max(1) {
            let (identity, jobs, ready) = (identity.cloned(), jobs.clone(), ready.clone());
            std::thread::Builder::new().name("files".to_owned()).spawn(move || {
                let assumed = identity.as_ref().map_or(Ok(()), Identity::assume);
                let is_ready = assumed.is_ok();
                // Whoever started it is gone only if another thread could not start.
                let _ = ready.send(assumed);
                if is_ready {
                    // Work that panics is its own failure; others still find the thread.
                    jobs.iter().for_each(|job| drop(catch_unwind(AssertUnwindSafe(job))));
                }
            })?;
        }
        for _ in 0..count.max(1) {
            started.recv().map_err(io::Error::other)??;
        }
        Ok(Hands { work })
    }

    /// Has something done, and waits for it without blocking.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (done, answer) = oneshot::channel();
        self.begin(move || drop(done.send(work())))?;
        answer.await.map_err(io::Error::other)?
    }

    /// Has something done, and blocks until it is.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (done, answer) = mpsc::channel();
        self.begin(move || drop(done.send(work())))?;
        answer.recv().map_err(io::Error::other)?
    }

    fn begin(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.work.send(Box::new(work)).map_err(|_| io::Error::other("no thread is there to do it"))
    }
}

/// Whose rights, and threads that have them.
type Crew = (Option<Identity>, Hands);

/// Threads of those whose single files were asked for last: to start one costs more than most of what it has to do.
#[derive(Clone, Default)]
pub(crate) struct Crews(Arc<Mutex<VecDeque<Crew>>>);

impl Crews {
    /// Returns threads with these rights; other rights, such as those of a new group, are other threads.
    pub(crate) fn with(&self, identity: Option<Identity>) -> io::Result<Hands> {
        // No panic can leave it half changed.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(other, _)| *other == identity).and_then(|at| kept.remove(at));
        let hands = match known {
            Some((_, hands)) => hands,
            None => Hands::new(identity.as_ref(), OF_CREW)?,
        };
        kept.push_back((identity, hands.clone()));
        if kept.len() > MOST_CREWS {
            kept.pop_front();
        }
        Ok(hands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn what_is_made_is_the_users_and_what_is_not_theirs_is_closed() {
        if !rustix::process::geteuid().is_root() {
            return assert_eq!(Hands::new(None, 1).unwrap().wait(|| Ok(5)).unwrap(), 5);
        }
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let secret = place.path().join("secret");
        std::fs::write(&secret, "x").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let identity = Identity { uid: 54_321, gid: 54_322, groups: vec![54_322, 54_323] };
        let hands = Hands::new(Some(&identity), 2).unwrap();
        let own = place.path().join("own");
        let made = own.clone();
        hands.wait(move || std::fs::write(made, "y")).unwrap();
        let meta = std::fs::metadata(&own).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (54_321, 54_322));
        let read = secret.clone();
        let refused = hands.wait(move || std::fs::read(read)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        // Nobody else has lost anything.
        assert_eq!(std::fs::read(&secret).unwrap(), b"x");
    }
    #[test]
    fn crews_are_kept_and_survive_what_goes_wrong() {
        let crews = Crews::default();
        let name =
            |crews: &Crews| crews.with(None).unwrap().wait(|| Ok(std::thread::current().id())).unwrap();
        let all: std::collections::HashSet<_> = (0..50).map(|_| name(&crews)).collect();
        assert!(all.len() <= OF_CREW, "{all:?}");
        for _ in 0..2 * OF_CREW {
            crews.with(None).unwrap().wait(|| -> io::Result<()> { panic!("on purpose") }).unwrap_err();
        }
        // None of them has ended.
        name(&crews);
        if rustix::process::geteuid().is_root() {
            for uid in 50_000..50_020 {
                let identity = Identity { uid, gid: uid, groups: vec![uid] };
                let own = crews.with(Some(identity)).unwrap();
                assert_eq!(own.wait(|| Ok(rustix::process::geteuid().as_raw())).unwrap(), uid);
            }
            assert_eq!(crews.0.lock().unwrap().len(), MOST_CREWS);
        }
    }
}
