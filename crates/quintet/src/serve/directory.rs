//! Users and groups: the operating system's, and those the configuration adds.

use crate::config::{Config, ConfigError, KnownGroup};
use domain::ports::Directory;
use domain::who::Person;
use domain::{Gid, Text, Uid};
use engine::directory::OsDirectory;

/// The operating system's users with the configured ones, and configured groups on top.
pub(super) struct People {
    users: OsDirectory,
    groups: Vec<KnownGroup>,
}

impl People {
    /// Makes the directory that a configuration asks for.
    pub(super) fn of(config: &Config) -> Result<Self, ConfigError> {
        let groups = config.groups()?;
        let group_of = |gid| groups.iter().find(|group| group.gid == gid).map_or("", |group| &group.name);
        let person = |user: crate::config::KnownUser| Person {
            name: Text::from(user.name),
            uid: Uid(user.uid),
            gid: Gid(user.gid),
            group: Text::from(group_of(user.gid)),
            home: Text::from(user.home),
            shell: Text::from(user.shell),
        };
        let users = OsDirectory::new(config.users()?.into_iter().map(person));
        Ok(People { users, groups })
    }
}

impl Directory for People {
    fn person(&self, name: &str) -> Option<Person> {
        self.users.person(name)
    }

    fn person_by_uid(&self, uid: Uid) -> Option<Person> {
        self.users.person_by_uid(uid)
    }

    fn group(&self, name: &str) -> Option<Gid> {
        let configured = || self.groups.iter().find(|group| group.name == name).map(|group| Gid(group.gid));
        self.users.group(name).or_else(configured)
    }

    fn group_name(&self, gid: Gid) -> Option<Text> {
        let configured =
            || self.groups.iter().find(|group| group.gid == gid.0).map(|group| Text::from(&group.name));
        self.users.group_name(gid).or_else(configured)
    }

    fn members_of(&self, name: &str) -> Option<Vec<Text>> {
        let configured = self.groups.iter().find(|group| group.name == name);
        let mut names = match (self.users.members_of(name), configured) {
            (None, None) => return None,
            (listed, _) => listed.unwrap_or_default(),
        };
        names.extend(configured.into_iter().flat_map(|group| &group.members).map(Text::from));
        names.sort_unstable();
        names.dedup();
        Some(names)
    }

    fn groups_of(&self, name: &str) -> Vec<Text> {
        let mut names = self.users.groups_of(name);
        let added = self.groups.iter().filter(|group| group.members.iter().any(|member| member == name));
        names.extend(added.map(|group| Text::from(&group.name)));
        names.sort_unstable();
        names.dedup();
        names
    }
}
