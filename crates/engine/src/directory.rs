//! The users of the operating system, and those that the configuration adds.

use domain::ports::Directory;
use domain::who::Person;
use domain::{Gid, Text, Uid};
use std::collections::BTreeMap;
use supervise::users::{User, Users};

/// Looks users up in the operating system, and in the configuration for those the system does not know.
pub struct OsDirectory {
    users: Users,
    configured: BTreeMap<Text, Person>,
}

impl OsDirectory {
    /// Makes a directory with some people the system need not know. The system's word comes first.
    pub fn new(configured: impl IntoIterator<Item = Person>) -> Self {
        let configured = configured.into_iter().map(|person| (person.name.clone(), person)).collect();
        OsDirectory { users: Users::new(), configured }
    }

    fn to_person(&self, user: &User) -> Person {
        let group = self.users.group_by_gid(user.gid).map(|group| Text::from(group.name));
        Person {
            name: Text::from(user.name.as_str()),
            uid: Uid(user.uid),
            gid: Gid(user.gid),
            group: group.unwrap_or_else(|| Text::from(user.gid.to_string())),
            home: Text::from(user.home.to_string_lossy()),
            shell: Text::from(user.shell.to_string_lossy()),
        }
    }
}

impl Directory for OsDirectory {
    fn person(&self, name: &str) -> Option<Person> {
        match self.users.by_name(name) {
            Some(user) => Some(self.to_person(&user)),
            None => self.configured.get(name).cloned(),
        }
    }

    fn person_by_uid(&self, uid: Uid) -> Option<Person> {
        match self.users.by_uid(uid.0) {
            Some(user) => Some(self.to_person(&user)),
            None => self.configured.values().find(|person| person.uid == uid).cloned(),
        }
    }

    fn group(&self, name: &str) -> Option<Gid> {
        match self.users.group_by_name(name) {
            Some(group) => Some(Gid(group.gid)),
            None => self.configured.values().find(|person| person.group == name).map(|person| person.gid),
        }
    }

    fn group_name(&self, gid: Gid) -> Option<Text> {
        match self.users.group_by_gid(gid.0) {
            Some(group) => Some(Text::from(group.name)),
            None => {
                self.configured.values().find(|person| person.gid == gid).map(|person| person.group.clone())
            }
        }
    }

    fn members_of(&self, name: &str) -> Option<Vec<Text>> {
        let gid = self.group(name)?;
        let listed = self.users.group_by_name(name).map(|group| group.members).unwrap_or_default();
        let own =
            self.configured.values().filter(|person| person.gid == gid).map(|person| person.name.clone());
        let mut names: Vec<Text> = listed.into_iter().map(Text::from).chain(own).collect();
        names.sort_unstable();
        names.dedup();
        Some(names)
    }

    fn groups_of(&self, name: &str) -> Vec<Text> {
        let Some(user) = self.users.by_name(name) else {
            return self.configured.get(name).map(|person| person.group.clone()).into_iter().collect();
        };
        let groups = self.users.credentials(&user).groups;
        let mut names: Vec<Text> = groups.into_iter().filter_map(|gid| self.group_name(Gid(gid))).collect();
        names.extend(self.group_name(Gid(user.gid)));
        names.sort_unstable();
        names.dedup();
        names
    }
}
