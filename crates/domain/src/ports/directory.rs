//! Who there is.

use crate::who::Person;
use crate::{Gid, Text, Uid};

/// Looks up users and groups of the operating system and of the configuration. May be asked from any thread and
/// answers from a cache most of the time.
pub trait Directory: Send + Sync {
    /// Returns the user of this name.
    fn person(&self, name: &str) -> Option<Person>;

    /// Returns the user of this number.
    fn person_by_uid(&self, uid: Uid) -> Option<Person>;

    /// Returns the number of the group of this name.
    fn group(&self, name: &str) -> Option<Gid>;

    /// Returns the name of the group of this number.
    fn group_name(&self, gid: Gid) -> Option<Text>;

    /// Returns the names of the users of a group, as far as the group lists them; `None` if there is no such group.
    fn members_of(&self, group: &str) -> Option<Vec<Text>> {
        self.group(group).map(|_| Vec::new())
    }

    /// Returns the names of all groups a user belongs to.
    fn groups_of(&self, name: &str) -> Vec<Text>;
}
