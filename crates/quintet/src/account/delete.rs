//! `quintet account delete`: what is meant is taken away, if nothing still needs it.

use super::Entity;
use super::add::{coordinated, coordination, nothing};
use super::desk::{Desk, Done, Told, named_lines, place_lines, unknown_condition};
use super::modify::meant_qos;
use super::rows;
use super::show::Conditions;
use super::words::{First, Word, divided};
use anyhow::bail;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Takes something away; `None` for what cannot be.
pub(super) async fn run(
    desk: &Desk<'_>,
    entity: Entity,
    words: &[String],
) -> anyhow::Result<Option<ExitCode>> {
    let words = divided(words, First::Conditions);
    if let Some(word) = words.settings.first() {
        bail!("nothing can be set where something is taken away: {}", word.raw);
    }
    let words = words.conditions;
    if words.is_empty() {
        bail!("No conditions given to remove, not executing.");
    }
    let gone = match entity {
        Entity::Account => accounts(desk, &words).await,
        Entity::User => users(desk, &words).await,
        Entity::Association => associations(desk, &words).await,
        Entity::Qos => qos(desk, &words).await,
        Entity::Coordinator => coordinators(desk, &words).await,
        Entity::Wckey => wckeys(desk, &words).await,
        Entity::Cluster => clusters(desk, &words).await,
        Entity::Configuration
        | Entity::Event
        | Entity::Problem
        | Entity::Reservation
        | Entity::Runaway
        | Entity::Transaction
        | Entity::Tres => return Ok(None),
    };
    gone.map(Some)
}

/// Tells what is gone.
fn told(title: &str, done: &[Done]) -> Told {
    let removed: Vec<String> = done.iter().flat_map(|done| done.removed.iter().cloned()).collect();
    let places: Vec<_> = done.iter().flat_map(|done| done.associations.iter().cloned()).collect();
    let text = named_lines(title, &removed) + &place_lines("Deleting associations...", &places);
    match text.is_empty() {
        true => nothing("Nothing deleted"),
        false => Told { text, changed: true },
    }
}

async fn accounts(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = Conditions::read(Entity::Account, words)?;
    let all = rows::accounts(&desk.client, false).await?.0;
    let meant = all.iter().filter(|account| wanted.means_account(account));
    let names: Vec<String> = meant.map(|account| account.name.to_string()).collect();
    if wanted.asks_for_associations() {
        // Only on one cluster, say: the account itself stays known.
        let about = rows::Wanted { accounts: names, ..wanted.associations };
        return by_number(desk, &about, |one| one.wire.user.is_empty()).await;
    }
    if wanted.are_open() {
        bail!("No conditions given to remove, not executing.");
    }
    let changes = names.iter().map(|name| json!({ "remove_account": name })).collect();
    desk.carry_out(changes, |done| told("Deleting accounts...", done)).await
}

async fn users(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let (keys, words): (Vec<&Word>, Vec<&Word>) = words.iter().partition(|word| word.is("WCKeys", 1));
    let words: Vec<Word> = words.into_iter().cloned().collect();
    let wanted = Conditions::read(Entity::User, &words)?;
    if wanted.are_open() {
        bail!("No conditions given to remove, not executing.");
    }
    let all = rows::users(&desk.client, false).await?.0;
    let meant = all.iter().filter(|user| wanted.means_user(user));
    let names: Vec<String> = meant.map(|user| user.name.to_string()).collect();
    if !keys.is_empty() {
        let keys: Vec<String> = keys.iter().flat_map(|word| word.list()).collect();
        let of = |name: &String| json!({ "remove_wckeys": { "user": name, "names": keys } });
        return desk.carry_out(names.iter().map(of).collect(), keys_told).await;
    }
    if wanted.asks_for_associations() {
        let about = rows::Wanted { users: names, ..wanted.associations };
        return by_number(desk, &about, |_| true).await;
    }
    let changes = names.iter().map(|name| json!({ "remove_user": name })).collect();
    desk.carry_out(changes, |done| told("Deleting users...", done)).await
}

async fn associations(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = Conditions::read(Entity::Association, words)?;
    if !wanted.asks_for_associations() {
        bail!("No conditions given to remove, not executing.");
    }
    by_number(desk, &wanted.associations, |_| true).await
}

/// Takes the associations away that are meant.
async fn by_number(
    desk: &Desk<'_>,
    wanted: &rows::Wanted,
    is_meant: impl Fn(&rows::Association) -> bool,
) -> anyhow::Result<ExitCode> {
    // Nobody is no condition at all.
    if wanted.accounts.is_empty() && wanted.users.is_empty() && wanted.ids.is_empty() {
        return desk.carry_out(Vec::new(), |_| nothing("Nothing deleted")).await;
    }
    let meant = rows::associations(&desk.client, wanted).await?.0;
    let ids: Vec<u32> = meant.iter().filter(|one| is_meant(one)).map(|one| one.wire.id.0).collect();
    let changes = match ids.is_empty() {
        true => Vec::new(),
        false => vec![json!({ "remove_associations": { "ids": ids } })],
    };
    desk.carry_out(changes, |done| told("", done)).await
}

async fn qos(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let meant = meant_qos(desk, words).await?;
    let changes: Vec<Value> =
        meant.iter().map(|row| json!({ "remove_qos": row.wire.name.as_str() })).collect();
    desk.carry_out(changes, |done| told("Deleting QOS(s)...", done)).await
}

async fn coordinators(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let (accounts, names) = coordination(words)?;
    let text = named_lines("Removing Coordinators with user name", &names)
        + &named_lines("From Account(s)", &accounts);
    let is_gone = |name: &&String| !names.iter().any(|gone| gone.eq_ignore_ascii_case(name));
    let changes =
        coordinated(desk, &accounts, |before| before.iter().filter(is_gone).cloned().collect()).await?;
    let is_nothing = changes.is_empty();
    desk.carry_out(changes, |_| match is_nothing {
        true => nothing("Nothing removed"),
        false => Told { text: text.clone(), changed: true },
    })
    .await
}

async fn wckeys(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let (mut names, mut users) = (Vec::new(), Vec::new());
    for word in words {
        if word.is_bare() || word.is("Names", 1) || word.is("WCKeys", 1) {
            names.extend(word.list());
        } else if word.is("Users", 1) {
            users.extend(word.list());
        } else {
            return Err(unknown_condition(word));
        }
    }
    if names.is_empty() {
        bail!("Need names of the keys to delete.");
    }
    let changes = match users.is_empty() {
        true => names.iter().map(|name| json!({ "remove_wckeys": { "names": [name] } })).collect(),
        false => {
            users.iter().map(|user| json!({ "remove_wckeys": { "user": user, "names": names } })).collect()
        }
    };
    desk.carry_out(changes, keys_told).await
}

fn keys_told(done: &[Done]) -> Told {
    let keys = done.iter().flat_map(|done| &done.wckeys);
    let lines: String = keys
        .map(|key| format!("  C = {:<10} W = {:<20} U = {:<9}\n", key.cluster, key.name, key.user))
        .collect();
    match lines.is_empty() {
        true => nothing("Nothing deleted"),
        false => Told { text: format!(" Deleting WCKeys...\n{lines}"), changed: true },
    }
}

async fn clusters(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let mut names = Vec::new();
    for word in words {
        if !(word.is_bare() || word.is("Names", 1) || word.is("Clusters", 1)) {
            return Err(unknown_condition(word));
        }
        names.extend(word.list());
    }
    let changes = names.iter().map(|name| json!({ "remove_cluster": name })).collect();
    desk.carry_out(changes, |done| told("Deleting clusters...", done)).await
}
