//! Whose a job shall be: names and numbers of users and groups, looked up.

use super::Refusal;
use domain::job::Owner;
use domain::ports::Directory;
use domain::who::{Person, Principal};
use domain::{Gid, Problem, Text, Uid};
use slurm_wire::checked_text::{GroupName, UserName};
use slurm_wire::error_number as number;

/// Returns the owner that a submission asks for: the caller, or the user named.
pub(super) fn owner(
    by: &Principal,
    user: Option<&UserName>,
    group: Option<&GroupName>,
    directory: &dyn Directory,
) -> Result<Owner, Refusal> {
    let person = match user.map(|user| &user.0).filter(|name| !name.is_empty()) {
        None => directory.person(&by.name).ok_or_else(|| Problem::NotThatUser(by.name.clone()))?,
        Some(name) => named(name, directory)?,
    };
    let gid = match group.map(|group| &group.0).filter(|name| !name.is_empty()) {
        // The original would run another's job with the caller's group; its own is what is meant.
        None => person.gid,
        Some(name) => group_of(name, &person, by, directory)?,
    };
    let group = if gid == person.gid { Some(person.group.clone()) } else { directory.group_name(gid) };
    Ok(Owner {
        name: person.name,
        uid: person.uid,
        gid,
        group: group.unwrap_or_else(|| Text::from(gid.to_string())),
    })
}

fn named(name: &Text, directory: &dyn Directory) -> Result<Person, Refusal> {
    match name.parse::<u32>() {
        Ok(uid) => directory.person_by_uid(Uid(uid)).ok_or_else(|| Problem::NotThatUser(name.clone()).into()),
        Err(_) => directory.person(name).ok_or_else(|| {
            let sentence = format!("Unable to resolve user: {name}");
            Refusal::Place(number::USER_UNKNOWN, sentence, "#/job/user_id/")
        }),
    }
}

fn group_of(name: &Text, person: &Person, by: &Principal, directory: &dyn Directory) -> Result<Gid, Refusal> {
    let gid = match name.parse::<u32>() {
        Ok(gid) => Gid(gid),
        Err(_) => directory.group(name).ok_or_else(|| {
            let sentence = format!("Unable to resolve group: {name}");
            Refusal::Place(number::GROUP_UNKNOWN, sentence, "#/job/group_id/")
        })?,
    };
    let is_member = || {
        let groups = directory.groups_of(&person.name);
        directory.group_name(gid).is_some_and(|name| groups.contains(&name))
    };
    if gid == person.gid || by.is_administrator() || is_member() {
        Ok(gid)
    } else {
        Err(Refusal::Number(number::GROUP_ID, "Invalid group id"))
    }
}
