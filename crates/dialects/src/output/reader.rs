//! On whose behalf a file is read. A job names its own output, so a server that runs as root must ask itself what the
//! kernel would have asked the job's user; any other server's jobs run as its own user, and the kernel asks.

use domain::job::Owner;
use domain::ports::Directory;
use domain::{Gid, Uid};

/// Whose rights count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The server's own, which the kernel checks.
    Server,
    /// Those of a user, checked here.
    User {
        /// The user.
        uid: Uid,
        /// All groups of the user.
        groups: Vec<Gid>,
    },
}

/// What the kernel looks at: owner, group, permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
    /// It has an access control list. What that says is not looked at, so only the owner's rights are certain.
    pub(crate) has_list: bool,
}

/// Permission to read, among the three lowest bits.
const READ: u32 = 4;
/// Permission to search a directory.
const SEARCH: u32 = 1;

impl Reader {
    /// Returns whose rights count for a job of this owner. Blocks: groups are looked up.
    pub(crate) fn of(owner: &Owner, directory: &dyn Directory) -> Self {
        if !rustix::process::geteuid().is_root() || owner.uid.0 == 0 {
            return Reader::Server;
        }
        let mut groups = vec![owner.gid];
        groups.extend(directory.person_by_uid(owner.uid).map(|person| person.gid));
        groups.extend(directory.groups_of(&owner.name).iter().filter_map(|name| directory.group(name)));
        Reader::User { uid: owner.uid, groups }
    }

    /// Tells whether a directory may be passed through.
    pub(crate) fn may_search(&self, rights: Rights) -> bool {
        self.has(SEARCH, rights)
    }

    /// Tells whether a file may be read, `reachable` through its directories or not.
    ///
    /// A user's own file may be shown wherever it is: it holds what the user put there.
    pub(crate) fn may_read(&self, rights: Rights, reachable: bool) -> bool {
        match self {
            Reader::Server => true,
            Reader::User { uid, .. } => uid.0 == rights.uid || (reachable && self.has(READ, rights)),
        }
    }

    fn has(&self, wanted: u32, rights: Rights) -> bool {
        let Reader::User { uid, groups } = self else { return true };
        let shift = if uid.0 == rights.uid {
            6
        } else if rights.has_list {
            return false;
        } else if groups.contains(&Gid(rights.gid)) {
            3
        } else {
            0
        };
        rights.mode >> shift & wanted == wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_those_the_kernel_would_grant() {
        let alice = Reader::User { uid: Uid(2001), groups: vec![Gid(2001), Gid(100)] };
        let check = |uid: u32, gid: u32, mode: u32, has_list: bool, read: bool, search: bool| {
            let rights = Rights { uid, gid, mode, has_list };
            assert_eq!(alice.may_read(rights, true), read, "read {rights:?}");
            assert_eq!(alice.may_search(rights), search, "search {rights:?}");
        };
        // One's own file, whatever its mode; one's own directory as its mode says.
        check(2001, 0, 0o000, false, true, false);
        check(2001, 0, 0o700, true, true, true);
        // Through a group; a group that is denied more than others stays denied.
        check(0, 100, 0o050, false, true, true);
        check(0, 100, 0o705, false, false, false);
        // Everybody's, and nobody's.
        check(0, 0, 0o644, false, true, false);
        check(0, 0, 0o711, false, false, true);
        check(0, 0, 0o600, false, false, false);
        // A list may take away what the mode seems to grant.
        check(0, 0, 0o755, true, false, false);
        let open = Rights { uid: 0, gid: 0, mode: 0o644, has_list: false };
        assert!(!alice.may_read(open, false));
        assert!(alice.may_read(Rights { uid: 2001, ..open }, false));
        assert!(Reader::Server.may_read(Rights { mode: 0, ..open }, false));
    }
}
