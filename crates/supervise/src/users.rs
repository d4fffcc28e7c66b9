//! The operating system's users and groups. What they may do is not decided here.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uzers::os::unix::{GroupExt, UserExt};

use crate::launch::Credentials;

/// For how long an answer is believed.
const FRESH: Duration = Duration::from_secs(5);
/// How many answers are kept; strangers may ask for names that do not exist.
const KEPT: usize = 4096;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// The home folder.
    pub home: PathBuf,
    /// The login shell.
    pub shell: PathBuf,
}

/// A group of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The number.
    pub gid: u32,
    /// Login names of those who belong to it beyond their own group.
    pub members: Vec<String>,
}

/// Answers that were given lately.
struct Cache<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn value(&self, key: K, ask: impl FnOnce(&K) -> V) -> V {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, value)) = known.get(&key)
            && at.elapsed() < FRESH
        {
            return value.clone();
        }
        drop(known);
        // Asked without the lock: a name service may take seconds, and others may ask for other names.
        let value = ask(&key);
        known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, (Instant::now(), value.clone()));
        value
    }
}

/// Looks up users and groups, and remembers the answers for a few seconds.
pub struct Users {
    by_name: Cache<String, Option<Arc<User>>>,
    by_uid: Cache<u32, Option<Arc<User>>>,
    group_by_name: Cache<String, Option<Group>>,
    group_by_gid: Cache<u32, Option<Group>>,
    groups_of: Cache<(String, u32), Vec<u32>>,
}

impl Default for Users {
    fn default() -> Self {
        Self::new()
    }
}

impl Users {
    /// Begins without any answer.
    pub fn new() -> Self {
        Self {
            by_name: Cache::new(),
            by_uid: Cache::new(),
            group_by_name: Cache::new(),
            group_by_gid: Cache::new(),
            groups_of: Cache::new(),
        }
    }

    /// Finds a user by login name.
    pub fn by_name(&self, name: &str) -> Option<Arc<User>> {
        let ask = |name: &String| is_plain(name).then(|| uzers::get_user_by_name(name)).flatten().map(user);
        self.by_name.value(name.to_owned(), ask)
    }

    /// Finds a user by number.
    pub fn by_uid(&self, uid: u32) -> Option<Arc<User>> {
        self.by_uid.value(uid, |uid| uzers::get_user_by_uid(*uid).map(user))
    }

    /// Finds a group by name.
    pub fn group_by_name(&self, name: &str) -> Option<Group> {
        let ask = |name: &String| is_plain(name).then(|| uzers::get_group_by_name(name)).flatten();
        self.group_by_name.value(name.to_owned(), |name| ask(name).map(|found| group(&found)))
    }

    /// Finds a group by number.
    pub fn group_by_gid(&self, gid: u32) -> Option<Group> {
        self.group_by_gid.value(gid, |gid| uzers::get_group_by_gid(*gid).map(|found| group(&found)))
    }

    /// Returns what a process of this user has: number, primary group, all supplementary groups.
    pub fn credentials(&self, user: &User) -> Credentials {
        let groups = self.groups_of.value((user.name.clone(), user.gid), |(name, gid)| {
            let groups = uzers::get_user_groups(name, *gid).unwrap_or_default();
            let mut gids: Vec<u32> = groups.iter().map(uzers::Group::gid).chain([*gid]).collect();
            gids.sort_unstable();
            gids.dedup();
            gids
        });
        Credentials { uid: user.uid, gid: user.gid, groups }
    }
}

/// The C library takes no zero bytes, and neither does any name.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains('\0')
}

fn text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

fn user(found: uzers::User) -> Arc<User> {
    Arc::new(User {
        name: text(found.name()),
        uid: found.uid(),
        gid: found.primary_group_id(),
        home: found.home_dir().to_owned(),
        shell: found.shell().to_owned(),
    })
}

fn group(found: &uzers::Group) -> Group {
    let members = found.members().iter().map(|name| text(name)).collect();
    Group { name: text(found.name()), gid: found.gid(), members }
}

/// The user that this process acts as.
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The group that this process acts as.
pub fn own_gid() -> u32 {
    rustix::process::getegid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_both_ways() {
        let users = Users::new();
        let root = users.by_name("root").unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(users.by_uid(0), Some(root.clone()));
        assert_eq!(users.group_by_gid(0), users.group_by_name("root"));
        let credentials = users.credentials(&root);
        assert_eq!(credentials.uid, 0);
        assert!(credentials.groups.contains(&0));
    }

    #[test]
    fn strangers_are_not_found() {
        let users = Users::new();
        for name in ["", "no such user", "root\0", "röot"] {
            assert_eq!(users.by_name(name), None, "{name:?}");
            assert_eq!(users.group_by_name(name), None, "{name:?}");
        }
        assert_eq!(users.by_uid(4_000_000_000), None);
    }
}
