//! Threads that work with a user's rights: the kernel itself says what they may do, and what they make is the user's.
//!
//! Only these threads change; their real and saved user stays the service's, so that the user can send them no signal. They
//! must start no other thread, which would have the user's rights for ever: nothing asynchronous runs on them.

use crossbeam_channel::{Sender, unbounded};
use domain::ports::Directory;
use domain::who::Person;
use rustix::process::{Gid, Uid};
use std::io;
use std::sync::mpsc;
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
                    jobs.iter().for_each(|job| job());
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
}
