//! Users and groups of the configuration: numbers for those the operating system does not know.

use super::ConfigError;
use super::file::File;
use std::collections::BTreeMap;

/// A user with numbers of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownUser {
    /// Log-in name.
    pub(crate) name: String,
    /// User number.
    pub(crate) uid: u32,
    /// Number of the primary group.
    pub(crate) gid: u32,
    /// Home directory.
    pub(crate) home: String,
    /// Log-in shell.
    pub(crate) shell: String,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownGroup {
    /// Name.
    pub(crate) name: String,
    /// Number.
    pub(crate) gid: u32,
    /// Users that belong to it besides those whose primary group it is.
    pub(crate) members: Vec<String>,
}

/// Returns the users that have a `uid`; those without one are the operating system's.
pub(super) fn users(file: &File) -> Result<Vec<KnownUser>, ConfigError> {
    let unfit = |why: String| Err(ConfigError::unfit("[[users]]", why));
    let mut users: Vec<KnownUser> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for table in &file.users {
        let name = table.name.clone();
        if name.is_empty() || !names.insert(name.clone()) {
            return unfit(format!("the name \"{name}\" is empty or given twice"));
        }
        let Some(uid) = table.uid else {
            if table.gid.is_some() || table.home.is_some() || table.shell.is_some() {
                return unfit(format!("user \"{name}\" needs a uid if it has a gid, home or shell"));
            }
            continue;
        };
        if users.iter().any(|user| user.uid == uid) {
            return unfit(format!("the uid {uid} of user \"{name}\" is given twice"));
        }
        // Slurm keeps the last numbers for "none" and "all".
        if uid >= u32::MAX - 1 {
            return unfit(format!("the uid {uid} of user \"{name}\" is not a user's number"));
        }
        let gid = table.gid.unwrap_or(uid);
        let home = table.home.clone().unwrap_or_else(|| format!("/home/{name}"));
        let shell = table.shell.clone().unwrap_or_else(|| "/bin/sh".to_owned());
        users.push(KnownUser { name, uid, gid, home, shell });
    }
    Ok(users)
}

/// Returns the groups: those of the file, and one for each user's primary group that has no other name.
pub(super) fn groups(file: &File) -> Result<Vec<KnownGroup>, ConfigError> {
    let unfit = |why: String| Err(ConfigError::unfit("[[groups]]", why));
    let mut groups: Vec<KnownGroup> = Vec::new();
    for table in &file.groups {
        if table.name.is_empty()
            || groups.iter().any(|group| group.name == table.name || group.gid == table.gid)
        {
            return unfit(format!(
                "the name \"{}\" or the gid {} is empty or given twice",
                table.name, table.gid
            ));
        }
        groups.push(KnownGroup { name: table.name.clone(), gid: table.gid, members: table.members.clone() });
    }
    for user in users(file)? {
        if !groups.iter().any(|group| group.gid == user.gid) {
            groups.push(KnownGroup { name: user.name, gid: user.gid, members: Vec::new() });
        }
    }
    Ok(groups)
}

/// Returns the numbers of users that have one here, each with those of the groups whose members they are.
pub(super) fn groups_of_users(file: &File) -> BTreeMap<u32, Vec<u32>> {
    let groups_of = |name: &String| {
        file.groups.iter().filter(|group| group.members.contains(name)).map(|group| group.gid).collect()
    };
    file.users.iter().filter_map(|user| Some((user.uid?, groups_of(&user.name)))).collect()
}
