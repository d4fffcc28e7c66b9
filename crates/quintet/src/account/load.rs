//! `quintet account load`: takes a flat file in, all of it or nothing. What the file does not name stays as it is, unless
//! it shall be cleaned away first.

use super::add::{admin_level, of_root, users_coordinate};
use super::desk::{Desk, Done, Told, named_lines};
use super::flatfile::{self, BadLine, Kind, Line};
use super::modify::QosChange;
use super::rows::{self, Association, QosRow, Wanted};
use super::settings::Settings;
use super::words::{Operator, Word, list};
use anyhow::{Context, bail};
use serde_json::{Map, Value, json};
use slurm_wire::accounting::account::Account;
use slurm_wire::accounting::user::User;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::process::ExitCode;

/// What is removed before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Clean {
    associations: bool,
    accounts: bool,
    users: bool,
    qos: bool,
}

/// What there is already.
#[derive(Default)]
struct Known {
    clusters: Vec<String>,
    accounts: Vec<Account>,
    users: Vec<User>,
    qos: Vec<QosRow>,
    /// Of the file's cluster.
    associations: Vec<Association>,
}

/// Changes, with what they are about.
#[derive(Default)]
struct Plan {
    changes: Vec<Value>,
    about: Vec<String>,
}

impl Plan {
    fn add(&mut self, about: String, change: Value) {
        self.about.push(about);
        self.changes.push(change);
    }
}

/// Takes a file in.
pub(super) async fn run(desk: &Desk<'_>, words: &[String]) -> anyhow::Result<ExitCode> {
    let (mut cluster, mut file, mut clean) = (None, None, Clean::default());
    for word in words.iter().map(|word| Word::read(word)) {
        if word.switches("Clean", 3) || word.is("Clean", 3) {
            clean = cleaned(&word)?;
        } else if word.is("File", 1) || word.is_bare() {
            file = Some(word.value);
        } else if word.is("Clusters", 1) {
            cluster = Some(word.value);
        } else {
            bail!("Unknown option: {}", word.raw);
        }
    }
    let Some(file) = file else { bail!("no filename given, as in `load file=cluster.cfg`") };
    let text = std::fs::read_to_string(&file).with_context(|| format!("Unable to read {file}"))?;
    let lines = flatfile::read(&text).with_context(|| file.clone())?;
    let named = lines.iter().find(|line| line.kind == Kind::Cluster).map(|line| line.name.clone());
    let Some(cluster) = cluster.or(named) else {
        bail!("You need to specify a cluster name first with 'Cluster - NAME' in your file");
    };
    let own = Wanted {
        clusters: vec![cluster.clone()],
        raw_qos: true,
        without_parent_limits: true,
        ..Wanted::default()
    };
    let known = Known {
        clusters: rows::clusters(&desk.client).await?.0.iter().map(|one| one.name.to_string()).collect(),
        accounts: rows::accounts(&desk.client, false).await?.0,
        users: rows::users(&desk.client, false).await?.0,
        qos: rows::qos(&desk.client).await?.0,
        associations: rows::associations(&desk.client, &own).await?.0,
    };
    let plan = plan(&lines, &cluster, clean, &known).with_context(|| file.clone())?;
    let title = format!("For cluster {cluster}");
    desk.carry_out(plan.changes, |done| told(&title, &plan.about, done)).await.map(|_| ExitCode::SUCCESS)
}

fn cleaned(word: &Word) -> anyhow::Result<Clean> {
    let mut clean = Clean { associations: true, ..Clean::default() };
    if word.is_bare() {
        return Ok(clean);
    }
    for name in list(&word.value) {
        match name.to_lowercase().as_str() {
            "account" | "accounts" => clean.accounts = true,
            "user" | "users" => clean.users = true,
            "qos" => clean.qos = true,
            _ => bail!("{name} cannot be cleaned away; account, user and qos can"),
        }
    }
    Ok(clean)
}

fn told(title: &str, about: &[String], done: &[Done]) -> Told {
    let changed = about.iter().zip(done).filter(|(_, done)| done.changed);
    let mut names: Vec<String> = changed.map(|(about, _)| about.clone()).collect();
    names.dedup();
    match names.is_empty() {
        true => Told { text: format!("{title}: nothing new added"), changed: false },
        false => Told { text: named_lines(title, &names), changed: true },
    }
}

/// Makes changes of lines.
fn plan(lines: &[Line], cluster: &str, clean: Clean, known: &Known) -> Result<Plan, BadLine> {
    let mut plan = Plan::default();
    if !known.clusters.iter().any(|name| name.eq_ignore_ascii_case(cluster)) {
        plan.add(format!("Cluster {cluster}"), json!({ "cluster": { "name": cluster } }));
    }
    if clean.associations {
        remove(&mut plan, cluster, clean, known);
    }
    plan_qos(&mut plan, lines, known)?;
    let mut read = Tree::default();
    for line in lines {
        read.take(line, cluster, clean, known)?;
    }
    for (name, own) in &read.users {
        let mut own = own.clone();
        own.insert("name".to_owned(), json!(name));
        plan.add(format!("User {name}"), json!({ "user": own }));
    }
    read.accounts(&mut plan, known, clean);
    read.rest.into_iter().for_each(|(about, change)| plan.add(about, change));
    Ok(plan)
}

fn plan_qos(plan: &mut Plan, lines: &[Line], known: &Known) -> Result<(), BadLine> {
    let mut preempting = Vec::new();
    for line in lines.iter().filter(|line| line.kind == Kind::Qos) {
        let (mut own, mut preempt) = (QosChange::default(), QosChange::default());
        for word in &line.words {
            // Others of the file may not be there yet.
            let change = if word.is("Preempt", 7) { &mut preempt } else { &mut own };
            let word = in_seconds(word);
            match change.take(&word) {
                Ok(true) => {}
                Ok(false) => return Err(unknown(line, &word)),
                Err(error) => return Err(bad(line, &error.to_string())),
            }
        }
        let row = known.qos.iter().find(|row| row.wire.name.eq_ignore_ascii_case(&line.name));
        let about = format!("QOS {}", line.name);
        plan.add(about.clone(), row.map_or_else(|| own.of_new(&line.name), |row| own.of(row)));
        let merged = line.words.iter().any(|word| word.is("Preempt", 7));
        if merged {
            let mut whole = QosChange::default();
            // What was taken once can be taken again.
            line.words.iter().for_each(|word| drop(whole.take(&in_seconds(word))));
            preempting.push((about, row.map_or_else(|| whole.of_new(&line.name), |row| whole.of(row))));
        }
    }
    preempting.into_iter().for_each(|(about, change)| plan.add(about, change));
    Ok(())
}

/// The file has seconds where a command has minutes.
fn in_seconds(word: &Word) -> Word {
    let is_plain = word.is("PreemptExemptTime", 8) && word.value.bytes().all(|byte| byte.is_ascii_digit());
    match is_plain {
        true => Word { value: format!("0:{}", word.value), ..word.clone() },
        false => word.clone(),
    }
}

/// Removes everything from the tree but its root.
fn remove(plan: &mut Plan, cluster: &str, clean: Clean, known: &Known) {
    let is_root = |name: &str| name.eq_ignore_ascii_case("root");
    let of_accounts =
        known.associations.iter().filter(|one| one.wire.user.is_empty() && !is_root(&one.wire.account));
    let accounts: Vec<&str> = of_accounts
        .filter(|one| is_root(&one.wire.parent_account) || one.wire.parent_account.is_empty())
        .map(|one| one.wire.account.as_str())
        .collect();
    let in_root =
        known.associations.iter().filter(|one| is_root(&one.wire.account) && !one.wire.user.is_empty());
    let users: Vec<&str> = in_root.map(|one| one.wire.user.as_str()).filter(|user| !is_root(user)).collect();
    let about = format!("Associations of {cluster} removed");
    if !accounts.is_empty() {
        let filter = json!({ "clusters": [cluster], "accounts": accounts });
        plan.add(about.clone(), json!({ "remove_associations": filter }));
    }
    if !users.is_empty() {
        let filter = json!({ "clusters": [cluster], "accounts": ["root"], "users": users });
        plan.add(about, json!({ "remove_associations": filter }));
    }
    if clean.users {
        for user in known.users.iter().filter(|user| !is_root(&user.name)) {
            plan.add(format!("User {} removed", user.name), json!({ "remove_user": user.name.as_str() }));
        }
    }
    if clean.accounts {
        for account in known.accounts.iter().filter(|account| !is_root(&account.name)) {
            let name = account.name.as_str();
            plan.add(format!("Account {name} removed"), json!({ "remove_account": name }));
        }
    }
    if clean.qos {
        for row in known.qos.iter().filter(|row| row.wire.name != "normal") {
            let name = row.wire.name.as_str();
            plan.add(format!("QOS {name} removed"), json!({ "remove_qos": name }));
        }
    }
}

/// What an account is described as.
#[derive(Clone, Default)]
struct Described {
    name: String,
    description: Option<String>,
    organization: Option<String>,
    /// Whether its users manage it.
    users_coordinate: Option<bool>,
}

/// What a file says of accounts and users.
#[derive(Default)]
struct Tree {
    parent: String,
    /// What users have themselves.
    users: BTreeMap<String, Map<String, Value>>,
    /// What accounts are described as, in their order.
    described: Vec<Described>,
    coordinators: BTreeMap<String, BTreeSet<String>>,
    rest: Vec<(String, Value)>,
}

impl Tree {
    fn take(&mut self, line: &Line, cluster: &str, clean: Clean, known: &Known) -> Result<(), BadLine> {
        match line.kind {
            Kind::Qos => Ok(()),
            Kind::Parent => {
                self.parent = line.name.to_lowercase();
                Ok(())
            }
            Kind::Cluster => self.take_cluster(line, cluster, clean, known),
            Kind::Account => self.take_account(line, cluster),
            Kind::User => self.take_user(line, cluster),
        }
    }

    fn take_cluster(
        &mut self,
        line: &Line,
        cluster: &str,
        clean: Clean,
        known: &Known,
    ) -> Result<(), BadLine> {
        let mut settings = Settings::default();
        for word in line.words.iter().filter(|word| !word.is("Classification", 3)) {
            take(&mut settings, line, word)?;
        }
        if clean.associations {
            let root =
                known.associations.iter().find(|one| one.wire.user.is_empty() && one.wire.account == "root");
            reset(&mut settings.wire, root);
        }
        if !settings.is_empty() {
            self.rest.push((format!("Cluster {cluster}"), of_root(cluster, &settings.wire)));
        }
        Ok(())
    }

    fn parent(&self, line: &Line) -> Result<&str, BadLine> {
        match self.parent.is_empty() {
            true => Err(bad(line, "no Parent was named before")),
            false => Ok(&self.parent),
        }
    }

    fn take_account(&mut self, line: &Line, cluster: &str) -> Result<(), BadLine> {
        let parent = self.parent(line)?.to_owned();
        let name = line.name.to_lowercase();
        let mut settings = Settings::default();
        let mut own = Described { name: name.clone(), ..Described::default() };
        for word in &line.words {
            if word.is("Description", 3) {
                own.description = Some(word.value.clone());
            } else if word.is("Organization", 1) {
                own.organization = Some(word.value.clone());
            } else if word.is("Flags", 2) {
                let read = users_coordinate(word).map_err(|error| bad(line, &error.to_string()));
                own.users_coordinate = Some(read?);
            } else {
                take(&mut settings, line, word)?;
            }
        }
        self.described.push(own);
        settings.wire.insert("parent".to_owned(), json!(parent));
        self.rest.push((
            format!("Account {name}"),
            json!({ "association": { "cluster": cluster, "account": name, "settings": settings.wire } }),
        ));
        Ok(())
    }

    fn take_user(&mut self, line: &Line, cluster: &str) -> Result<(), BadLine> {
        let account = self.parent(line)?.to_owned();
        let name = &line.name;
        let mut settings = Settings::default();
        let mut partitions = vec![String::new()];
        let (mut own, mut keys) = (Map::new(), Vec::new());
        for word in &line.words {
            if word.is("Partition", 3) {
                partitions = word.list();
            } else if word.is("DefaultAccount", 8) {
                own.insert("default_account".to_owned(), json!(word.value.to_lowercase()));
            } else if word.is("DefaultWCKey", 8) {
                own.insert("default_wckey".to_owned(), json!(word.value));
                keys.push(word.value.clone());
            } else if word.is("AdminLevel", 2) {
                let level = admin_level(&word.value).map_err(|error| bad(line, &error.to_string()))?;
                own.insert("level".to_owned(), json!(level));
            } else if word.is("Coordinator", 3) {
                for account in word.lower_list() {
                    self.coordinators.entry(account).or_default().insert(name.clone());
                }
            } else if word.is("WCKeys", 1) {
                keys.extend(word.list());
            } else {
                take(&mut settings, line, word)?;
            }
        }
        self.users.entry(name.clone()).or_default().extend(own);
        for partition in partitions {
            self.rest.push((
                format!("User {name} in {account}"),
                json!({ "association": {
                    "cluster": cluster, "account": account, "user": name, "partition": partition,
                    "settings": settings.wire,
                }}),
            ));
        }
        keys.sort();
        keys.dedup();
        self.rest.extend(keys.into_iter().map(|key| {
            let change = json!({ "wckey": { "cluster": cluster, "user": name, "name": key } });
            (format!("WCKey {key} of {name}"), change)
        }));
        Ok(())
    }

    /// Makes changes of what accounts are described as, and who manages them.
    fn accounts(&self, plan: &mut Plan, known: &Known, clean: Clean) {
        let mut described = self.described.clone();
        let names: HashSet<&str> = self.described.iter().map(|one| one.name.as_str()).collect();
        let is_described = |name: &&String| names.contains(name.as_str());
        let known: HashMap<String, &Account> =
            known.accounts.iter().map(|one| (one.name.to_lowercase().into(), one)).collect();
        let managed = self.coordinators.keys().filter(|name| !is_described(name));
        described.extend(managed.map(|name| Described { name: name.clone(), ..Described::default() }));
        for Described { name, description, organization, users_coordinate } in described {
            let before = known.get(&name).copied();
            let before = before.filter(|_| !clean.accounts || name == "root");
            let text = |given: Option<String>, known: Option<String>| {
                given.or(known).unwrap_or_else(|| name.clone())
            };
            let mut own = json!({
                "name": name,
                "description": text(description, before.map(|one| one.description.to_string())),
                "organization": text(organization, before.map(|one| one.organization.to_string())),
                "users_are_coordinators": users_coordinate,
            });
            if let Some(more) = self.coordinators.get(&name) {
                let direct =
                    before.into_iter().flat_map(|one| one.coordinators.iter()).filter(|one| one.direct);
                let mut names: Vec<String> = direct.map(|one| one.name.to_string()).collect();
                let there: HashSet<String> = names.iter().cloned().collect();
                names.extend(more.iter().filter(|name| !there.contains(*name)).cloned());
                own["coordinators"] = json!(names);
            }
            plan.add(format!("Account {name}"), json!({ "account": own }));
        }
    }
}

/// Takes away what the file does not set.
fn reset(settings: &mut Map<String, Value>, root: Option<&Association>) {
    let Some(root) = root else { return };
    settings.entry("priority").or_insert(Value::Null);
    settings.entry("default_qos").or_insert(Value::Null);
    settings.entry("comment").or_insert_with(|| json!(""));
    let limits = settings.entry("limits").or_insert_with(|| json!({}));
    if let Some(limits) = limits.as_object_mut() {
        for limit in root.limits.keys() {
            limits.entry(limit.name()).or_insert(Value::Null);
        }
    }
}

fn take(settings: &mut Settings, line: &Line, word: &Word) -> Result<(), BadLine> {
    if word.operator != Operator::Is {
        return Err(unknown(line, word));
    }
    match settings.take(word) {
        Ok(true) => Ok(()),
        Ok(false) => Err(unknown(line, word)),
        Err(why) => Err(bad(line, &why.to_string())),
    }
}

fn unknown(line: &Line, word: &Word) -> BadLine {
    bad(line, &format!("Unknown option: {}", word.raw))
}

fn bad(line: &Line, why: &str) -> BadLine {
    BadLine { number: line.number, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(text: &str) -> Result<Vec<Value>, String> {
        let lines = flatfile::read(text).map_err(|error| error.to_string())?;
        let known = Known { clusters: vec!["c".into()], ..Known::default() };
        plan(&lines, "c", Clean::default(), &known)
            .map(|plan| plan.changes)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn lines_become_changes() {
        let text = "QOS - 'high':Preempt='low':PreemptExemptTime=120\nQOS - 'low':Priority=3\n\
                    Cluster - 'c':Fairshare=1:QOS='normal'\nParent - 'root'\n\
                    Account - 'a':Description='one':MaxJobs=3\nParent - 'a'\n\
                    User - 'u':Partition='p':DefaultAccount='a':AdminLevel='Operator':Coordinator='a':WCKeys='k'\n";
        let changes = planned(text).unwrap();
        let keys: Vec<&str> = changes
            .iter()
            .map(|change| change.as_object().unwrap().keys().next().unwrap().as_str())
            .collect();
        assert_eq!(
            keys,
            ["qos", "qos", "qos", "user", "account", "association", "association", "association", "wckey"]
        );
        // Who is preempted is told after all are there.
        assert_eq!(
            (&changes[0]["qos"]["preempt"], &changes[2]["qos"]["preempt"]),
            (&Value::Null, &json!(["low"]))
        );
        assert_eq!(changes[0]["qos"]["preempt_exempt_time"], 120);
        assert_eq!(changes[3]["user"], json!({"name": "u", "default_account": "a", "level": "operator"}));
        assert_eq!(changes[4]["account"]["coordinators"], json!(["u"]));
        assert_eq!(changes[4]["account"]["organization"], "a");
        assert_eq!(
            changes[6]["association"],
            json!({"cluster": "c", "account": "a", "settings": {"parent": "root", "limits": {"MaxJobs": 3}}})
        );
        assert_eq!(changes[7]["association"]["partition"], "p");
    }

    #[test]
    fn a_file_of_many_accounts_is_read_at_once() {
        let mut text = "Cluster - 'c'\nParent - 'root'\n".to_owned();
        for account in 0..50_000 {
            text.push_str(&format!("Account - 'a{account}':Description='it'\n"));
        }
        text.push_str("Parent - 'a1'\n");
        for user in 0..20_000 {
            text.push_str(&format!("User - 'u{user}':Coordinator='a1,b{user}'\n"));
        }
        let lines = flatfile::read(&text).unwrap();
        let named = |name: String| Account { name: name.into(), ..Account::default() };
        let accounts = (0..50_000).map(|at| named(format!("a{at}"))).collect();
        let known = Known { clusters: vec!["c".into()], accounts, ..Known::default() };
        let begun = std::time::Instant::now();
        let plan = plan(&lines, "c", Clean::default(), &known).unwrap();
        // Each account and each user's place, each user, and accounts that are managed and not described.
        assert_eq!(plan.changes.len(), 2 * 50_000 + 2 * 20_000 + 20_000);
        // Where each name was looked for among all others it took minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
    }

    #[test]
    fn lines_that_cannot_be_followed_are_named() {
        for (text, why) in [
            ("Cluster - 'c'\nParent - 'root'\nAccount - 'a':MaxFrob=3", "line 3: Unknown option: MaxFrob=3"),
            ("Cluster - 'c'\nAccount - 'a'", "line 2: no Parent was named before"),
            ("Cluster - 'c':MaxJobs=x", "line 1: Invalid value for MaxJobs (x)"),
            ("QOS - 'q':Flags='Frob'", "line 1: Unknown QOS flag used in: 'Frob'"),
        ] {
            let told = planned(text).unwrap_err();
            assert!(told.starts_with(why), "{told}");
        }
    }

    #[test]
    fn everything_but_the_root_is_cleaned_away() {
        let one = |account: &str, parent: &str, user: &str| {
            let mut one = Association::default();
            (one.wire.account, one.wire.parent_account) = (account.into(), parent.into());
            one.wire.user = user.into();
            one
        };
        let known = Known {
            clusters: vec!["c".into()],
            associations: vec![
                one("root", "", ""),
                one("root", "", "root"),
                one("root", "", "u"),
                one("a", "root", ""),
                one("b", "a", ""),
            ],
            ..Known::default()
        };
        let clean = Clean { associations: true, ..Clean::default() };
        let changes = plan(&[], "c", clean, &known).unwrap().changes;
        assert_eq!(
            changes,
            [
                json!({"remove_associations": {"clusters": ["c"], "accounts": ["a"]}}),
                json!({"remove_associations": {"clusters": ["c"], "accounts": ["root"], "users": ["u"]}}),
            ]
        );
    }
}
