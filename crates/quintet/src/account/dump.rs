//! `quintet account dump`: everything about a cluster as a flat file.

use super::desk::Desk;
use super::fields::{level, preempt_mode, qos_flags};
use super::flatfile::Written;
use super::rows::{self, Association, QosRow, Wanted};
use super::words::Word;
use anyhow::{Context, bail};
use domain::accounting::Limit;
use slurm_wire::NoVal;
use slurm_wire::accounting::account::Account;
use slurm_wire::accounting::user::User;
use slurm_wire::words::AccountFlag;
use std::collections::HashMap;
use std::process::ExitCode;

const HEADER: &str = "\
# A cluster's accounting, to be read by `quintet account load` or `sacctmgr load`.
# Accounts and users belong to the parent that was named last; the account root is always there.
# What is left out is not set. Lines are of the forms
#   Cluster - 'name':OPTION=VALUE:...
#   Parent - 'account'
#   Account - 'name':Description='words':Organization='words':OPTION=VALUE:...
#   User - 'name':Partition='name':DefaultAccount='account':AdminLevel='Operator':OPTION=VALUE:...
";

/// Limits of associations in the order in which sacctmgr writes them.
const ORDER: [Limit; 15] = [
    Limit::GrpTresMins,
    Limit::GrpTresRunMins,
    Limit::GrpTres,
    Limit::GrpJobs,
    Limit::GrpJobsAccrue,
    Limit::GrpSubmitJobs,
    Limit::GrpWall,
    Limit::MaxTresMinsPerJob,
    Limit::MaxTresRunMins,
    Limit::MaxTresPerJob,
    Limit::MaxTresPerNode,
    Limit::MaxJobs,
    Limit::MaxJobsAccrue,
    Limit::MaxSubmitJobs,
    Limit::MaxWallPerJob,
];

/// Limits of qualities of service by their names in the file, in order.
const QOS_BEFORE: [(&str, Limit); 7] = [
    ("GrpJobsAccrue", Limit::GrpJobsAccrue),
    ("GrpJobs", Limit::GrpJobs),
    ("GrpSubmitJobs", Limit::GrpSubmitJobs),
    ("GrpTRES", Limit::GrpTres),
    ("GrpTRESMins", Limit::GrpTresMins),
    ("GrpTRESRunMins", Limit::GrpTresRunMins),
    ("GrpWall", Limit::GrpWall),
];
const QOS_BEHIND: [(&str, Limit); 16] = [
    ("MaxJobsPA", Limit::MaxJobsPerAccount),
    ("MaxJobsPU", Limit::MaxJobsPerUser),
    ("MaxJobsAccruePA", Limit::MaxJobsAccruePerAccount),
    ("MaxJobsAccruePU", Limit::MaxJobsAccruePerUser),
    ("MaxSubmitJobsPA", Limit::MaxSubmitJobsPerAccount),
    ("MaxSubmitJobsPU", Limit::MaxSubmitJobsPerUser),
    ("MaxTRESMinsPerJob", Limit::MaxTresMinsPerJob),
    ("MaxTRESPerAccount", Limit::MaxTresPerAccount),
    ("MaxTRESPerJob", Limit::MaxTresPerJob),
    ("MaxTRESPerNode", Limit::MaxTresPerNode),
    ("MaxTRESPerUser", Limit::MaxTresPerUser),
    ("MaxTRESRunMinsPerAccount", Limit::MaxTresRunMinsPerAccount),
    ("MaxTRESRunMinsPerUser", Limit::MaxTresRunMinsPerUser),
    ("MaxWallDurationPerJob", Limit::MaxWallPerJob),
    ("MinPrioThreshold", Limit::MinPriorityThreshold),
    ("MinTRESPerJob", Limit::MinTresPerJob),
];

/// Writes the file: to `file=`, or to standard output.
pub(super) async fn run(desk: &Desk<'_>, words: &[String]) -> anyhow::Result<ExitCode> {
    let (mut cluster, mut file) = (None, None);
    for word in words.iter().map(|word| Word::read(word)) {
        if word.is("File", 1) {
            file = Some(word.value);
        } else if word.is_bare() || word.is("Clusters", 1) || word.is("Names", 1) {
            cluster = Some(word.value);
        } else {
            bail!("Unknown option: {}", word.raw);
        }
    }
    let known = rows::clusters(&desk.client).await?.0;
    let cluster = match cluster {
        Some(name) if known.iter().any(|one| one.name.eq_ignore_ascii_case(&name)) => name,
        Some(name) => bail!("We need a cluster to dump: there is none called {name}"),
        None => known.first().map(|one| one.name.to_string()).unwrap_or_default(),
    };
    let own = Wanted {
        clusters: vec![cluster.clone()],
        raw_qos: true,
        without_parent_limits: true,
        ..Wanted::default()
    };
    let all = rows::associations(&desk.client, &own).await?.0;
    let dump = Dump {
        cluster: &cluster,
        qos: &rows::qos(&desk.client).await?.0,
        accounts: &rows::accounts(&desk.client, false).await?.0,
        users: &rows::users(&desk.client, false).await?.0,
        associations: &all,
    };
    let text = dump.written();
    match file {
        None => desk.terminal.print(&text)?,
        Some(file) => std::fs::write(&file, text).with_context(|| format!("write {file}"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What is written.
pub(super) struct Dump<'a> {
    pub(super) cluster: &'a str,
    pub(super) qos: &'a [QosRow],
    pub(super) accounts: &'a [Account],
    pub(super) users: &'a [User],
    pub(super) associations: &'a [Association],
}

/// Everything by name.
struct Known<'a> {
    accounts: HashMap<String, &'a Account>,
    users: HashMap<String, &'a User>,
    /// Of each account, its users and the accounts below.
    below: HashMap<String, (Vec<&'a Association>, Vec<&'a Association>)>,
}

impl Dump<'_> {
    /// Writes the file.
    pub(super) fn written(&self) -> String {
        let mut text = HEADER.to_owned();
        self.qos.iter().for_each(|row| qos(row).end(&mut text));
        let root =
            self.associations.iter().find(|one| one.wire.user.is_empty() && one.wire.account == "root");
        let mut line = Written::of("Cluster", self.cluster);
        if let Some(root) = root {
            settings(&mut line, root);
        }
        line.end(&mut text);
        let mut known = Known {
            accounts: self.accounts.iter().map(|one| (one.name.as_str().to_lowercase(), one)).collect(),
            users: self.users.iter().map(|one| (one.name.as_str().to_lowercase(), one)).collect(),
            below: HashMap::new(),
        };
        for one in self.associations {
            let (users, accounts) = match one.wire.user.is_empty() {
                true => known.below.entry(one.wire.parent_account.as_str().to_lowercase()).or_default(),
                false => known.below.entry(one.wire.account.as_str().to_lowercase()).or_default(),
            };
            if one.wire.user.is_empty() { accounts.push(one) } else { users.push(one) }
        }
        for (users, accounts) in known.below.values_mut() {
            users.sort_by_key(|one| (one.wire.user.as_str().to_lowercase(), one.wire.partition.clone()));
            accounts.sort_by_key(|one| one.wire.account.as_str().to_lowercase());
        }
        parents(&known, &mut text);
        text
    }
}

/// Writes accounts with what is below them, from the root down.
fn parents(known: &Known<'_>, text: &mut String) {
    let mut open = vec!["root".to_owned()];
    while let Some(name) = open.pop() {
        let Some((users, accounts)) = known.below.get(&name) else { continue };
        Written::of("Parent", &name).end(text);
        users.iter().for_each(|one| user(one, known).end(text));
        let own = accounts.iter().filter(|one| one.wire.account != "root");
        own.clone().for_each(|one| account(one, known).end(text));
        let below: Vec<String> = own.map(|one| one.wire.account.as_str().to_lowercase()).collect();
        open.extend(below.into_iter().rev());
    }
}

fn settings(line: &mut Written, one: &Association) {
    let wire = &one.wire;
    line.words("Comment", &wire.comment);
    line.words("DefaultQOS", &wire.default.qos);
    line.number("Fairshare", Some(wire.shares_raw));
    line.limits(&one.limits, &ORDER);
    line.limit("MinPrioThresh", &one.limits, Limit::MinPriorityThreshold);
    line.number("Priority", wire.priority.number());
    line.words("QOS", &wire.qos.joined());
}

fn account(one: &Association, known: &Known<'_>) -> Written {
    let mut line = Written::of("Account", &one.wire.account);
    if let Some(account) = known.accounts.get(&one.wire.account.as_str().to_lowercase()) {
        line.words("Description", &account.description);
        line.words("Organization", &account.organization);
        if account.flags.contains(AccountFlag::UsersAreCoords) {
            line.words("Flags", "UsersAreCoords");
        }
    }
    settings(&mut line, one);
    line
}

fn user(one: &Association, known: &Known<'_>) -> Written {
    let mut line = Written::of("User", &one.wire.user);
    line.words("Partition", &one.wire.partition);
    if let Some(user) = known.users.get(&one.wire.user.as_str().to_lowercase()) {
        line.words("DefaultAccount", &user.default.account);
        line.words("DefaultWCKey", &user.default.wckey);
        line.words("AdminLevel", Some(level(user)).filter(|level| *level != "None").unwrap_or_default());
        let mut accounts: Vec<&str> =
            user.coordinators.iter().filter(|one| one.direct).map(|one| one.name.as_str()).collect();
        accounts.sort_unstable();
        line.words("Coordinator", &accounts.join(","));
        // The empty one and those of jobs that named none are made by themselves.
        let keys =
            user.wckeys.iter().filter(|key| key.cluster == one.wire.cluster).map(|key| key.name.as_str());
        let keys: Vec<&str> = keys.filter(|key| !key.is_empty() && !key.starts_with('*')).collect();
        line.words("WCKeys", &keys.join(","));
    }
    settings(&mut line, one);
    line
}

fn qos(row: &QosRow) -> Written {
    let wire = &row.wire;
    let factor = |value: NoVal<f64>| value.number().map(|number| format!("{number:.6}"));
    let mut line = Written::of("QOS", &wire.name);
    line.words("Description", &wire.description);
    line.words("Flags", &qos_flags(row).join(","));
    line.number("GraceTime", Some(wire.limits.grace_time).filter(|seconds| *seconds > 0));
    QOS_BEFORE.iter().for_each(|(name, limit)| line.limit(name, &row.limits, *limit));
    line.number("LimitFactor", factor(wire.limits.factor));
    QOS_BEHIND.iter().for_each(|(name, limit)| line.limit(name, &row.limits, *limit));
    line.words("Preempt", &wire.preempt.list.joined());
    line.words("PreemptMode", preempt_mode(row).unwrap_or_default());
    line.number("PreemptExemptTime", wire.preempt.exempt_time.number());
    line.number("Priority", wire.priority.number().filter(|priority| *priority > 0));
    line.number("UsageFactor", factor(wire.usage_factor).filter(|factor| factor != "1.000000"));
    line.number("UsageThreshold", factor(wire.usage_threshold));
    line
}
