//! `quintet account add`: accounts and users with their associations, qualities of service, coordinators, workload keys
//! and clusters.

use super::Entity;
use super::desk::{Desk, Done, Place, Told, named_lines, place_lines, unknown_option};
use super::modify::QosChange;
use super::rows;
use super::settings::Settings;
use super::words::{First, Word, divided};
use anyhow::bail;
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// Makes something; `None` for what cannot be made.
pub(super) async fn run(
    desk: &Desk<'_>,
    entity: Entity,
    words: &[String],
) -> anyhow::Result<Option<ExitCode>> {
    let words = divided(words, First::Settings);
    if let Some(word) = words.conditions.first() {
        bail!("nothing has conditions that is yet to be made: {}", word.raw);
    }
    let words = words.settings;
    let made = match entity {
        Entity::Account => accounts(desk, &words).await,
        Entity::User => users(desk, &words).await,
        Entity::Qos => qos(desk, &words).await,
        Entity::Coordinator => coordinators(desk, &words).await,
        Entity::Wckey => wckeys(desk, &words).await,
        Entity::Cluster => clusters(desk, &words).await,
        Entity::Association
        | Entity::Configuration
        | Entity::Event
        | Entity::Problem
        | Entity::Reservation
        | Entity::Runaway
        | Entity::Transaction
        | Entity::Tres => return Ok(None),
    };
    made.map(Some)
}

/// Reads what a user may do.
pub(super) fn admin_level(text: &str) -> anyhow::Result<&'static str> {
    let levels = [("none", 2), ("operator", 1), ("administrator", 1)];
    let known = levels.iter().find(|(name, least)| super::words::is_short_for(text, name, *least));
    match known {
        Some((name, _)) => Ok(name),
        None => bail!("Unknown admin level: {text} (it is None, Operator or Administrator)"),
    }
}

/// Reads whether the users of an account manage it.
pub(super) fn users_coordinate(word: &Word) -> anyhow::Result<bool> {
    let is = |name: &str| word.value.eq_ignore_ascii_case(name);
    let means = if is("UsersAreCoords") {
        word.operator != super::words::Operator::Less
    } else if is("NoUsersAreCoords") || is("-1") || is("") {
        false
    } else {
        bail!("Unknown account flag: {} (there is UsersAreCoords)", word.value);
    };
    Ok(means)
}

#[derive(Default)]
struct NewAccounts {
    names: Vec<String>,
    clusters: Vec<String>,
    description: Option<String>,
    organization: Option<String>,
    users_coordinate: Option<bool>,
    settings: Settings,
}

impl NewAccounts {
    fn read(words: &[Word]) -> anyhow::Result<Self> {
        let mut new = NewAccounts::default();
        for word in words {
            if word.is_bare() || word.is("Names", 1) || word.is("Accounts", 2) {
                new.names.extend(word.lower_list());
            } else if word.is("Clusters", 1) {
                new.clusters.extend(word.list());
            } else if word.is("Description", 3) {
                new.description = Some(word.value.replace('\'', "`"));
            } else if word.is("Organization", 1) {
                new.organization = Some(word.value.replace('\'', "`"));
            } else if word.is("Flags", 2) {
                new.users_coordinate = Some(users_coordinate(word)?);
            } else if !new.settings.take(word)? {
                return Err(unknown_option(word));
            }
        }
        Ok(new)
    }

    fn changes(&self) -> Vec<Value> {
        let mut changes = vec![json!({ "add_accounts": {
            "names": self.names,
            "clusters": self.clusters,
            "description": self.description,
            "organization": self.organization,
            "settings": self.settings.wire,
        }})];
        if self.users_coordinate.is_some() {
            let parent =
                self.settings.wire.get("parent").and_then(Value::as_str).filter(|name| *name != "root");
            changes.extend(self.names.iter().map(|name| {
                let organization = self.organization.as_deref().or(parent).unwrap_or(name);
                json!({ "account": {
                    "name": name,
                    "description": self.description.as_ref().unwrap_or(name),
                    "organization": organization,
                    "users_are_coordinators": self.users_coordinate,
                }})
            }));
        }
        changes
    }

    fn told(&self, done: &Done) -> Told {
        let mut text = named_lines("Adding Account(s)", &done.accounts);
        if !done.accounts.is_empty() {
            let description = self.description.as_deref().unwrap_or("Account Name");
            let organization = self.organization.as_deref().unwrap_or("Parent/Account Name");
            text.push_str(&format!(
                " Settings\n  Description     = {description}\n  Organization    = {organization}\n"
            ));
        }
        text.push_str(&place_lines("Associations =", &done.associations));
        if done.changed {
            text.push_str(&self.settings.written("Settings"));
        } else {
            text = format!("Already existing account {}", self.names.join(","));
        }
        Told { text, changed: done.changed }
    }
}

async fn accounts(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let new = NewAccounts::read(words)?;
    if new.names.is_empty() {
        bail!("Need name of account to add.");
    }
    // What is there already must not be described anew.
    if new.users_coordinate.is_some() {
        let known = rows::accounts(&desk.client, false).await?.0;
        if let Some(known) = known.iter().find(|one| new.names.contains(&one.name.as_str().to_lowercase())) {
            bail!("Already existing account {}", known.name);
        }
    }
    desk.carry_out(new.changes(), |done| done.first().map_or(nothing(""), |done| new.told(done))).await
}

#[derive(Default)]
struct NewUsers {
    names: Vec<String>,
    accounts: Vec<String>,
    clusters: Vec<String>,
    partitions: Vec<String>,
    wckeys: Vec<String>,
    level: Option<&'static str>,
    default_account: Option<String>,
    default_wckey: Option<String>,
    settings: Settings,
}

impl NewUsers {
    fn read(words: &[Word]) -> anyhow::Result<Self> {
        let mut new = NewUsers::default();
        for word in words {
            if word.is_bare() || word.is("Names", 1) || word.is("Users", 1) {
                new.names.extend(word.list());
            } else if word.is("Accounts", 2) {
                new.accounts.extend(word.lower_list());
            } else if word.is("Clusters", 1) {
                new.clusters.extend(word.list());
            } else if word.is("Partitions", 3) {
                new.partitions.extend(word.list());
            } else if word.is("WCKeys", 1) {
                new.wckeys.extend(word.list());
            } else if word.is("AdminLevel", 2) {
                new.level = Some(admin_level(&word.value)?);
            } else if word.is("DefaultAccount", 8) {
                new.default_account = Some(word.value.to_lowercase());
            } else if word.is("DefaultWCKey", 8) {
                new.default_wckey = Some(word.value.clone());
            } else if word.is("Parent", 4) || !new.settings.take(word)? {
                return Err(unknown_option(word));
            }
        }
        // The default is one of those the user has.
        if let Some(account) = new.default_account.clone().filter(|account| !new.accounts.contains(account)) {
            new.accounts.push(account);
        }
        if let Some(key) = new.default_wckey.clone().filter(|key| !new.wckeys.contains(key)) {
            new.wckeys.push(key);
        }
        Ok(new)
    }

    fn change(&self) -> Value {
        json!({ "add_users": {
            "names": self.names,
            "accounts": self.accounts,
            "clusters": self.clusters,
            "partitions": self.partitions,
            "wckeys": self.wckeys,
            "level": self.level,
            "default_account": self.default_account,
            "default_wckey": self.default_wckey,
            "settings": self.settings.wire,
        }})
    }

    fn told(&self, done: &Done) -> Told {
        let mut text = named_lines("Adding User(s)", &done.users);
        if !done.users.is_empty() {
            text.push_str(" Settings\n");
            for (name, value) in [
                ("Default Account", self.default_account.as_deref()),
                ("Default WCKey  ", self.default_wckey.as_deref()),
                ("Admin Level    ", self.level),
            ] {
                if let Some(value) = value {
                    text.push_str(&format!("  {name} = {value}\n"));
                }
            }
        }
        text.push_str(&place_lines("Associations =", &done.associations));
        if !done.wckeys.is_empty() {
            text.push_str(" Wckey(s)\n");
        }
        for key in &done.wckeys {
            text.push_str(&format!("  C = {:<10} W = {:<10} U = {:<9}\n", key.cluster, key.name, key.user));
        }
        let skipped: String = done
            .skipped
            .iter()
            .map(|Place { cluster, account, .. }| {
                format!("No account {account} on cluster {cluster}, skipping.\n")
            })
            .collect();
        text.push_str(&skipped);
        if done.changed {
            text.push_str(&self.settings.written("Non Default Settings"));
        } else {
            text.push_str("Nothing added. Make sure the accounts requested here have been added.");
        }
        Told { text, changed: done.changed }
    }
}

async fn users(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let new = NewUsers::read(words)?;
    if new.names.is_empty() {
        bail!("Need name of user to add.");
    }
    if new.accounts.is_empty() && new.wckeys.is_empty() {
        bail!("Need name of acct to add user to.");
    }
    desk.carry_out(vec![new.change()], |done| done.first().map_or(nothing(""), |done| new.told(done))).await
}

async fn qos(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let mut names = Vec::new();
    let mut change = QosChange::default();
    for word in words {
        if word.is_bare() || word.is("Names", 1) {
            names.extend(word.lower_list());
        } else if !change.take(word)? {
            return Err(unknown_option(word));
        }
    }
    if names.is_empty() {
        bail!("Need name of qos to add.");
    }
    let known = rows::qos(&desk.client).await?.0;
    let is_known = |name: &&String| known.iter().any(|one| one.wire.name.eq_ignore_ascii_case(name));
    if let Some(known) = names.iter().find(is_known) {
        bail!("This QOS {known} already exists. Not adding.");
    }
    let changes = names.iter().map(|name| change.of_new(name)).collect();
    let text = named_lines("Adding QOS(s)", &names) + &change.written("Settings");
    desk.carry_out(changes, |_| Told { text: text.clone(), changed: true }).await
}

async fn coordinators(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let (accounts, names) = coordination(words)?;
    let text = named_lines("Adding Coordinator User(s)", &names)
        + &named_lines("To Account(s) and all sub-accounts", &accounts);
    let changes = coordinated(desk, &accounts, |before| {
        let more = names.iter().filter(|name| !before.contains(name));
        before.iter().chain(more).cloned().collect()
    });
    desk.carry_out(changes.await?, |_| Told { text: text.clone(), changed: true }).await
}

/// Reads accounts and who manages them.
pub(super) fn coordination(words: &[Word]) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let (mut accounts, mut names) = (Vec::new(), Vec::new());
    for word in words {
        if word.is_bare() || word.is("Names", 1) || word.is("Users", 1) {
            names.extend(word.list());
        } else if word.is("Accounts", 1) {
            accounts.extend(word.lower_list());
        } else {
            return Err(unknown_option(word));
        }
    }
    match (accounts.is_empty(), names.is_empty()) {
        (true, _) => bail!("Need name of account, as in account=NAME"),
        (_, true) => bail!("Need name of user, as in names=NAME"),
        _ => Ok((accounts, names)),
    }
}

/// Returns the changes that give accounts other coordinators; an empty list for none that would be others.
pub(super) async fn coordinated(
    desk: &Desk<'_>,
    accounts: &[String],
    after: impl Fn(&[String]) -> Vec<String>,
) -> anyhow::Result<Vec<Value>> {
    let known = rows::accounts(&desk.client, false).await?.0;
    let mut changes = Vec::new();
    for name in accounts {
        let Some(account) = known.iter().find(|one| one.name.eq_ignore_ascii_case(name)) else {
            bail!("there is no account {name}");
        };
        let direct = account.coordinators.iter().filter(|one| one.direct);
        let before: Vec<String> = direct.map(|one| one.name.to_string()).collect();
        let after = after(&before);
        if after != before {
            changes.push(json!({ "account": {
                "name": account.name.as_str(),
                "description": account.description.as_str(),
                "organization": account.organization.as_str(),
                "coordinators": after,
            }}));
        }
    }
    Ok(changes)
}

async fn wckeys(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let (mut names, mut users, mut clusters) = (Vec::new(), Vec::new(), Vec::new());
    for word in words {
        if word.is_bare() || word.is("Names", 1) || word.is("WCKeys", 1) {
            names.extend(word.list());
        } else if word.is("Users", 1) {
            users.extend(word.list());
        } else if word.is("Clusters", 1) {
            clusters.extend(word.list());
        } else {
            return Err(unknown_option(word));
        }
    }
    if names.is_empty() || users.is_empty() {
        bail!("Need names of keys and of users, as in `add wckey NAME user=USER`.");
    }
    if clusters.is_empty() {
        clusters.push(String::new());
    }
    let mut changes = Vec::new();
    for (cluster, user) in clusters.iter().flat_map(|cluster| users.iter().map(move |user| (cluster, user))) {
        changes.extend(
            names.iter().map(|name| json!({ "wckey": { "cluster": cluster, "user": user, "name": name } })),
        );
    }
    let text = named_lines("Adding WCKey(s)", &names) + &named_lines("Of User(s)", &users);
    desk.carry_out(changes, |done| match done.iter().any(|done| done.changed) {
        true => Told { text: text.clone(), changed: true },
        false => nothing("Nothing added."),
    })
    .await
}

async fn clusters(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let mut names = Vec::new();
    let mut settings = Settings::default();
    for word in words {
        if word.is_bare() || word.is("Names", 1) || word.is("Clusters", 1) {
            names.extend(word.list());
        } else if !settings.take(word)? {
            return Err(unknown_option(word));
        }
    }
    if names.is_empty() {
        bail!("Need name of cluster to add.");
    }
    let known = rows::clusters(&desk.client).await?.0;
    if let Some(known) = known.iter().find(|one| names.iter().any(|name| one.name.eq_ignore_ascii_case(name)))
    {
        bail!("This cluster {} already exists. Not adding.", known.name);
    }
    let mut changes: Vec<Value> = names.iter().map(|name| json!({ "cluster": { "name": name } })).collect();
    if !settings.is_empty() {
        changes.extend(names.iter().map(|name| of_root(name, &settings.wire)));
    }
    let text = named_lines("Adding Cluster(s)", &names) + &settings.written("Settings");
    desk.carry_out(changes, |_| Told { text: text.clone(), changed: true }).await
}

/// Returns the change of what is above everything on a cluster.
pub(super) fn of_root(cluster: &str, settings: &Map<String, Value>) -> Value {
    json!({ "association": { "cluster": cluster, "account": "root", "settings": settings } })
}

pub(super) fn nothing(text: &str) -> Told {
    Told { text: text.to_owned(), changed: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        text.split(' ').map(Word::read).collect()
    }

    #[test]
    fn accounts_are_described() {
        let new = NewAccounts::read(&words("PHYS,chem parent=Science org=o maxjobs=3 flags=UsersAreCoords"))
            .unwrap();
        let changes = new.changes();
        assert_eq!(
            changes[0],
            json!({ "add_accounts": {
                "names": ["phys", "chem"], "clusters": [], "description": null, "organization": "o",
                "settings": { "parent": "science", "limits": { "MaxJobs": 3 } },
            }})
        );
        assert_eq!(changes[2]["account"]["description"], "chem");
        assert_eq!(changes.len(), 3);
    }

    #[test]
    fn users_are_described() {
        let new =
            NewUsers::read(&words("name=bob account=a,b admin=op defaultwckey=k partition=debug")).unwrap();
        let change = &new.change()["add_users"];
        assert_eq!((&change["accounts"], &change["wckeys"]), (&json!(["a", "b"]), &json!(["k"])));
        assert_eq!((&change["level"], &change["partitions"]), (&json!("operator"), &json!(["debug"])));
        for bad in ["frob=1", "admin=king", "parent=x", "maxjobs=x"] {
            assert!(NewUsers::read(&words(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_added_is_told_as_sacctmgr_does() {
        let new = NewUsers::read(&words("zzu account=zzq partition=debug")).unwrap();
        let place = Place {
            cluster: "testbed".into(),
            account: "zzq".into(),
            user: "zzu".into(),
            partition: "debug".into(),
            ..Place::default()
        };
        let done = Done { changed: true, associations: vec![place], ..Done::default() };
        assert_eq!(
            new.told(&done).text,
            " Associations =\n  C = testbed    A = zzq                  U = zzu       P = debug\n"
        );
        assert!(!new.told(&Done::default()).changed);
    }
}
