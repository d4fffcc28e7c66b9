//! `quintet account show`: what there is.

use super::Entity;
use super::desk::{Desk, unknown_condition};
use super::fields::{
    CLUSTERS, ClusterRow, PEOPLE, PROBLEMS, Problem, QOS, TRES, WCKEYS, level, preempt_mode,
};
use super::past;
use super::rows::{self, Association, Row, Wanted};
use super::words::{First, Word, divided};
use crate::columns::chosen;
use anyhow::bail;
use slurm_wire::accounting::account::Account;
use slurm_wire::accounting::user::User;
use std::collections::{HashMap, HashSet};
use std::process::ExitCode;
use std::rc::Rc;

const ACCOUNT: &str = "account,description,organization";
const ACCOUNT_ASSOCIATIONS: &str = "account,description,organization,cluster,parentname,user,share,priority,\
    grpjobs,grpnodes,grpcpus,grpmem,grpsubmit,grpwall,grpcpumins,maxjobs,maxnodes,maxcpus,maxsubmit,maxwall,\
    maxcpumins,qos,defaultqos";
const USER: &str = "user,defaultaccount,defaultwckey,adminlevel";
const USER_ASSOCIATIONS: &str = "user,defaultaccount,defaultwckey,adminlevel,cluster,account,partition,share,\
    priority,maxjobs,maxnodes,maxcpus,maxsubmit,maxwall,maxcpumins,qos,defaultqos";
const ASSOCIATION: &str = "cluster,account,user,partition,share,priority,grpjobs,grptres,grpsubmit,grpwall,\
    grptresmins,maxjobs,maxtres,maxtrespernode,maxsubmit,maxwall,maxtresmins,qos,defaultqos,grptresrunmins";
pub(super) const QOS_DEFAULT: &str = "name,priority,gracetime,preempt,preemptexempttime,preemptmode,flags,\
    usagethreshold,usagefactor,grptres,grptresmins,grptresrunmins,grpjobs,grpsubmit,grpwall,maxtres,\
    maxtrespernode,maxtresmins,maxwall,maxtrespu,maxjobspu,maxsubmitpu,maxtrespa,maxtresrunminspa,\
    maxtresrunminspu,maxjobspa,maxsubmitpa,mintres";
pub(super) const CLUSTER_DEFAULT: &str = "cluster,controlhost,controlport,rpc,share,grpjobs,grptres,grpsubmit,\
    maxjobs,maxtres,maxsubmit,maxwall,qos,defaultqos";
#[cfg(test)]
pub(super) const DEFAULTS: [&str; 5] = [ACCOUNT, ACCOUNT_ASSOCIATIONS, USER, USER_ASSOCIATIONS, ASSOCIATION];

/// Which accounts or users are meant, and how much of them is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    pub(super) names: Vec<String>,
    pub(super) descriptions: Vec<String>,
    pub(super) organizations: Vec<String>,
    pub(super) levels: Vec<String>,
    pub(super) default_accounts: Vec<String>,
    pub(super) default_wckeys: Vec<String>,
    pub(super) associations: Wanted,
    format: Option<String>,
    with_associations: bool,
    with_coordinators: bool,
    with_deleted: bool,
    tree: bool,
}

impl Conditions {
    /// Reads conditions on accounts, users or associations.
    pub(super) fn read(entity: Entity, words: &[Word]) -> anyhow::Result<Self> {
        let mut read = Conditions::default();
        for word in words {
            if !(read.switch(word) || read.condition(entity, word)) {
                return Err(unknown_condition(word));
            }
        }
        Ok(read)
    }

    fn switch(&mut self, word: &Word) -> bool {
        let about = &mut self.associations;
        let switches = [
            ("WithAssociations", 5, &mut self.with_associations),
            ("WithCoordinators", 5, &mut self.with_coordinators),
            ("Tree", 4, &mut self.tree),
            ("WithSubAccounts", 5, &mut about.sub_accounts),
            ("OnlyDefaults", 4, &mut about.only_defaults),
            ("WithRawQOSLevel", 5, &mut about.raw_qos),
            ("WOPLimits", 4, &mut about.without_parent_limits),
        ];
        for (name, least, switch) in switches {
            if word.switches(name, least) {
                *switch = true;
                return true;
            }
        }
        if word.switches("WithDeleted", 5) {
            (self.with_deleted, about.with_deleted) = (true, true);
        } else if word.switches("WOPInfo", 4) {
            (about.without_parent, about.without_parent_limits, about.raw_qos) = (true, true, true);
        } else {
            return false;
        }
        true
    }

    fn condition(&mut self, entity: Entity, word: &Word) -> bool {
        let about = &mut self.associations;
        let is_name = word.is_bare() || word.is("Names", 1);
        if is_name && entity == Entity::Account {
            self.names.extend(word.lower_list());
        } else if is_name && entity == Entity::User {
            self.names.extend(word.list());
        } else if word.is_bare() && entity == Entity::Association {
            // What stands alone is a number, and a switch that nobody knows is none.
            if !word.value.bytes().all(|byte| byte.is_ascii_digit() || byte == b',') {
                return false;
            }
            about.ids.extend(word.list());
        } else if word.is_bare() {
            return false;
        } else if word.is("Format", 1) {
            self.format = Some(word.value.clone());
        } else if word.is("Accounts", 2) {
            about.accounts.extend(word.lower_list());
        } else if word.is("Users", 1) {
            about.users.extend(word.list());
        } else if word.is("Clusters", 1) {
            about.clusters.extend(word.list());
        } else if word.is("Partitions", 3) {
            about.partitions.extend(word.list());
        } else if word.is("Parents", 3) {
            about.parents.extend(word.lower_list());
        } else if word.is("QosLevel", 1) {
            about.qos.extend(word.lower_list());
        } else if word.is("DefaultQOS", 8) {
            about.default_qos.extend(word.lower_list());
        } else if entity == Entity::Association {
            if !word.is("ID", 1) {
                return false;
            }
            about.ids.extend(word.list());
        } else if entity == Entity::Account && word.is("Descriptions", 2) {
            self.descriptions.extend(word.list());
        } else if entity == Entity::Account && word.is("Organizations", 1) {
            self.organizations.extend(word.list());
        } else if entity == Entity::User && word.is("AdminLevel", 2) {
            self.levels.extend(word.list());
        } else if entity == Entity::User && word.is("DefaultAccount", 8) {
            self.default_accounts.extend(word.lower_list());
        } else if entity == Entity::User && word.is("DefaultWCKey", 8) {
            self.default_wckeys.extend(word.list());
        } else {
            return false;
        }
        true
    }

    /// Tells whether nothing is asked for in particular.
    pub(super) fn are_open(&self) -> bool {
        let Conditions {
            names, descriptions, organizations, levels, default_accounts, default_wckeys, ..
        } = self;
        let own = [names, descriptions, organizations, levels, default_accounts, default_wckeys];
        own.iter().all(|names| names.is_empty()) && !self.asks_for_associations()
    }

    /// Tells whether something is asked for that associations have.
    pub(super) fn asks_for_associations(&self) -> bool {
        let Wanted { accounts, users, clusters, partitions, parents, ids, qos, default_qos, .. } =
            &self.associations;
        let all = [accounts, users, clusters, partitions, parents, ids, qos, default_qos];
        all.iter().any(|names| !names.is_empty())
    }

    /// Tells whether an account is meant, by what it has itself.
    pub(super) fn means_account(&self, account: &Account) -> bool {
        has(&self.names, &account.name)
            && has(&self.descriptions, &account.description)
            && has(&self.organizations, &account.organization)
    }

    /// Tells whether a user is meant, by what the user has.
    pub(super) fn means_user(&self, user: &User) -> bool {
        let is_level = |wanted: &String| {
            let level = level(user);
            !wanted.is_empty()
                && level.get(..wanted.len()).is_some_and(|part| part.eq_ignore_ascii_case(wanted))
        };
        has(&self.names, &user.name)
            && has(&self.default_accounts, &user.default.account)
            && has(&self.default_wckeys, &user.default.wckey)
            && (self.levels.is_empty() || self.levels.iter().any(is_level))
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
}

/// Shows an entity; `None` for one that cannot be shown.
pub(super) async fn run(
    desk: &Desk<'_>,
    entity: Entity,
    words: &[String],
) -> anyhow::Result<Option<ExitCode>> {
    let words = divided(words, First::Conditions);
    if let Some(word) = words.settings.first() {
        bail!("nothing can be set where something is shown: {}", word.raw);
    }
    let words = words.conditions;
    let shown = match entity {
        Entity::Account => accounts(desk, &words).await,
        Entity::User => users(desk, &words).await,
        Entity::Association => associations(desk, &words).await,
        Entity::Qos => qos(desk, &words).await,
        Entity::Tres => tres(desk, &words).await,
        Entity::Wckey => wckeys(desk, &words).await,
        Entity::Cluster => clusters(desk, &words).await,
        Entity::Problem => problems(desk, &words).await,
        Entity::Configuration => configuration(desk, &words).await,
        Entity::Event => past::events(desk, &words).await,
        Entity::Reservation => past::reservations(desk, &words).await,
        Entity::Transaction => past::transactions(desk, &words).await,
        Entity::Runaway => past::runaway(desk, &words).await,
        Entity::Coordinator => return Ok(None),
    };
    shown.map(Some)
}

async fn accounts(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = Conditions::read(Entity::Account, words)?;
    let (all, text) = rows::accounts(&desk.client, wanted.with_deleted).await?;
    let with = wanted.with_associations || desk.args.associations;
    let groups = groups(desk, &wanted, with, |one| one.wire.account.as_str().to_lowercase()).await?;
    let keep = |account: &Account| {
        wanted.means_account(account)
            && groups.as_ref().is_none_or(|groups| {
                !wanted.asks_for_associations() || groups.contains_key(&account.name.as_str().to_lowercase())
            })
    };
    if desk.args.client.json {
        return desk.print_json(&text, "accounts", &all.iter().map(keep).collect::<Vec<_>>());
    }
    let mut rows = Vec::new();
    for account in all.iter().filter(|account| keep(account)) {
        let shared = Rc::new(account.clone());
        let row = |association| Row { account: Some(Rc::clone(&shared)), association, ..Row::default() };
        rows.extend(with_own(&groups, &account.name, with).into_iter().map(row));
    }
    let usual = if with { ACCOUNT_ASSOCIATIONS } else { ACCOUNT };
    desk.print_rows(&rows, wanted.format.as_deref(), &with_coordinators(usual, &wanted), PEOPLE)
}

async fn users(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = Conditions::read(Entity::User, words)?;
    let (all, text) = rows::users(&desk.client, wanted.with_deleted).await?;
    let with = wanted.with_associations || desk.args.associations;
    let groups = groups(desk, &wanted, with, |one| one.wire.user.as_str().to_lowercase()).await?;
    let keep = |user: &User| {
        wanted.means_user(user)
            && groups.as_ref().is_none_or(|groups| {
                !wanted.asks_for_associations() || groups.contains_key(&user.name.as_str().to_lowercase())
            })
    };
    if desk.args.client.json {
        return desk.print_json(&text, "users", &all.iter().map(keep).collect::<Vec<_>>());
    }
    let mut rows = Vec::new();
    for user in all.iter().filter(|user| keep(user)) {
        let shared = Rc::new(user.clone());
        let row = |association| Row { user: Some(Rc::clone(&shared)), association, ..Row::default() };
        rows.extend(with_own(&groups, &user.name, with).into_iter().map(row));
    }
    let usual = if with { USER_ASSOCIATIONS } else { USER };
    desk.print_rows(&rows, wanted.format.as_deref(), &with_coordinators(usual, &wanted), PEOPLE)
}

type Groups = HashMap<String, Vec<Association>>;

/// Lists associations by whose they are, if they are shown or asked for.
async fn groups(
    desk: &Desk<'_>,
    wanted: &Conditions,
    with: bool,
    whose: impl Fn(&Association) -> String,
) -> anyhow::Result<Option<Groups>> {
    if !with && !wanted.asks_for_associations() {
        return Ok(None);
    }
    let mut groups = Groups::new();
    for one in rows::associations(&desk.client, &wanted.associations).await?.0 {
        groups.entry(whose(&one)).or_default().push(one);
    }
    Ok(Some(groups))
}

/// Returns the associations that are shown beside an account or a user: none at all is a line, too.
fn with_own(groups: &Option<Groups>, name: &str, with: bool) -> Vec<Option<Association>> {
    let own = groups.as_ref().filter(|_| with).and_then(|groups| groups.get(&name.to_lowercase()));
    match own {
        Some(own) => own.iter().cloned().map(Some).collect(),
        None => vec![None],
    }
}

fn with_coordinators(usual: &str, wanted: &Conditions) -> String {
    if wanted.with_coordinators { format!("{usual},coordinators") } else { usual.to_owned() }
}

async fn associations(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = Conditions::read(Entity::Association, words)?;
    let (all, text) = rows::associations(&desk.client, &wanted.associations).await?;
    if desk.args.client.json {
        return desk.print_json(&text, "associations", &[]);
    }
    let depths = if wanted.tree { depths(&all) } else { vec![0; all.len()] };
    let row = |(association, depth)| Row { association: Some(association), depth, ..Row::default() };
    let rows: Vec<Row> = all.into_iter().zip(depths).map(row).collect();
    let Ok(columns) = chosen(wanted.format.as_deref().unwrap_or(ASSOCIATION), PEOPLE) else {
        return desk.print_rows(&rows, wanted.format.as_deref(), ASSOCIATION, PEOPLE);
    };
    let is_given = wanted.format.as_deref().is_some_and(|format| format.contains('%'));
    let columns: Vec<_> = columns
        .into_iter()
        .map(|column| match column.name() {
            "Account" if wanted.tree && !is_given => column.wide(-20),
            _ => column,
        })
        .collect();
    desk.print_columns(&columns, &rows)
}

/// Returns how deep each association is below the first of the tree that is listed.
fn depths(all: &[Association]) -> Vec<usize> {
    let mut known: HashMap<(&str, &str), usize> = HashMap::new();
    let mut depths = Vec::with_capacity(all.len());
    for Association { wire, .. } in all {
        let above = if wire.user.is_empty() { &wire.parent_account } else { &wire.account };
        let depth = known.get(&(wire.cluster.as_str(), above.as_str())).map_or(0, |depth| depth + 1);
        if wire.user.is_empty() {
            known.insert((&wire.cluster, &wire.account), depth);
        }
        depths.push(depth);
    }
    depths
}

/// Reads `format=`, names and one more list.
fn simple<'a>(words: &'a [Word], more: &[(&str, usize)]) -> anyhow::Result<Simple<'a>> {
    let mut read =
        Simple { format: None, names: Vec::new(), with_deleted: false, more: vec![Vec::new(); more.len()] };
    for word in words {
        if word.switches("WithDeleted", 5) {
            read.with_deleted = true;
        } else if word.is_bare() || word.is("Names", 1) {
            read.names.extend(word.list());
        } else if word.is("Format", 1) {
            read.format = Some(&word.value);
        } else if let Some(at) = more.iter().position(|(name, least)| word.is(name, *least)) {
            if let Some(list) = read.more.get_mut(at) {
                list.extend(word.list());
            }
        } else {
            return Err(unknown_condition(word));
        }
    }
    Ok(read)
}

struct Simple<'a> {
    format: Option<&'a str>,
    names: Vec<String>,
    with_deleted: bool,
    more: Vec<Vec<String>>,
}

impl Simple<'_> {
    fn has(&self, at: usize, value: &str) -> bool {
        self.more.get(at).is_none_or(|wanted| has(wanted, value))
    }
}

async fn qos(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = simple(words, &[("Descriptions", 1), ("IDs", 1), ("PreemptMode", 8)])?;
    if wanted.with_deleted {
        bail!("qualities of service that were deleted are not listed");
    }
    let (all, text) = rows::qos(&desk.client).await?;
    let keep = |row: &rows::QosRow| {
        has(&wanted.names, &row.wire.name)
            && wanted.has(0, &row.wire.description)
            && wanted.has(1, &row.wire.id.to_string())
            && wanted.has(2, preempt_mode(row).unwrap_or("cluster"))
    };
    if desk.args.client.json {
        return desk.print_json(&text, "qos", &all.iter().map(keep).collect::<Vec<_>>());
    }
    let rows: Vec<_> = all.into_iter().filter(keep).collect();
    desk.print_rows(&rows, wanted.format, QOS_DEFAULT, QOS)
}

async fn tres(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = simple(words, &[("Types", 1), ("IDs", 1)])?;
    let (all, text) = rows::tres(&desk.client).await?;
    let keep = |one: &slurm_wire::accounting::tres::Tres| {
        has(&wanted.names, &one.name) && wanted.has(0, &one.kind) && wanted.has(1, &one.id.to_string())
    };
    if desk.args.client.json {
        return desk.print_json(&text, "TRES", &all.iter().map(keep).collect::<Vec<_>>());
    }
    let rows: Vec<_> = all.into_iter().filter(keep).collect();
    desk.print_rows(&rows, wanted.format, "type,name,id", TRES)
}

async fn wckeys(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = simple(words, &[("Users", 1), ("Clusters", 1), ("IDs", 1)])?;
    let (all, text) = rows::wckeys(&desk.client, wanted.with_deleted).await?;
    let keep = |one: &slurm_wire::accounting::wckey::Wckey| {
        has(&wanted.names, &one.name)
            && wanted.has(0, &one.user)
            && wanted.has(1, &one.cluster)
            && wanted.has(2, &one.id.to_string())
    };
    if desk.args.client.json {
        return desk.print_json(&text, "wckeys", &all.iter().map(keep).collect::<Vec<_>>());
    }
    let rows: Vec<_> = all.into_iter().filter(keep).collect();
    desk.print_rows(&rows, wanted.format, "wckey,cluster,user", WCKEYS)
}

async fn clusters(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = simple(words, &[])?;
    let (all, text) = rows::clusters(&desk.client).await?;
    let keep = |name: &str| has(&wanted.names, name);
    if desk.args.client.json {
        let kept: Vec<bool> = all.iter().map(|one| keep(&one.name)).collect();
        return desk.print_json(&text, "clusters", &kept);
    }
    let about = Wanted { accounts: vec!["root".to_owned()], ..Wanted::default() };
    let roots = rows::associations(&desk.client, &about).await?.0;
    let row = |wire: slurm_wire::accounting::cluster::ClusterRec| {
        let root = roots.iter().find(|one| one.wire.user.is_empty() && one.wire.cluster == wire.name);
        ClusterRow { root: Row { association: root.cloned(), ..Row::default() }, wire }
    };
    let rows: Vec<_> = all.into_iter().filter(|one| keep(&one.name)).map(row).collect();
    desk.print_rows(&rows, wanted.format, CLUSTER_DEFAULT, CLUSTERS)
}

/// Shows accounts in which there is nobody, and users that the machine does not know.
async fn problems(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    let wanted = Conditions::read(Entity::Association, words)?;
    let all = rows::associations(&desk.client, &wanted.associations).await?.0;
    let mut used: HashSet<(String, String)> = HashSet::new();
    for Association { wire, .. } in all.iter().rev() {
        let above = if wire.user.is_empty() { &wire.parent_account } else { &wire.account };
        let own = (wire.cluster.to_string(), wire.account.to_string());
        if !wire.user.is_empty() || used.contains(&own) {
            used.insert((wire.cluster.to_string(), above.to_string()));
        }
    }
    // The machine is that of the service only if both are the same.
    let asks_for_users = desk.client.is_on_this_machine();
    let problem = |association: Association| {
        let wire = &association.wire;
        let is_used = used.contains(&(wire.cluster.to_string(), wire.account.to_string()));
        let what = if wire.user.is_empty() {
            (!is_used).then_some("Account has no users")?
        } else {
            let is_known = !asks_for_users || uzers::get_user_by_name(wire.user.as_str()).is_some();
            (!is_known).then_some("User does not have a uid")?
        };
        Some(Problem { association, what })
    };
    let rows: Vec<_> = all.into_iter().filter_map(problem).collect();
    desk.print_rows(&rows, wanted.format.as_deref(), "cluster,account,user,problem", PROBLEMS)
}

/// Shows what the service says of itself.
async fn configuration(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    if let Some(word) = words.first() {
        return Err(unknown_condition(word));
    }
    let (clusters, text) = rows::clusters(&desk.client).await?;
    let value: serde_json::Value = serde_json::from_str(&text)?;
    let meta = value.get("meta").cloned().unwrap_or_default();
    if desk.args.client.json {
        desk.terminal.print(&format!("{meta:#}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let slurm = meta.get("slurm").cloned().unwrap_or_default();
    let told = |key: &str| {
        let value = slurm.get(key).or_else(|| meta.get("plugin")?.get(key));
        value.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let names: Vec<String> = clusters.iter().map(|one| one.name.to_string()).collect();
    let lines = [
        ("AccountingStorageHost", desk.client.base().to_owned()),
        ("AccountingStorageType", told("accounting_storage")),
        ("Clusters", names.join(",")),
        ("SLURM_VERSION", told("release")),
        ("QUINTET_VERSION", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let text: String = lines.iter().map(|(name, value)| format!("{name:<22} = {value}\n")).collect();
    desk.terminal.print(&text)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entity: Entity, words: &str) -> anyhow::Result<Conditions> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        Conditions::read(entity, &divided(&words, First::Conditions).conditions)
    }

    #[test]
    fn conditions_are_read() {
        let wanted =
            read(Entity::User, "alice,bob withassoc account=Physics admin=op format=user,share").unwrap();
        assert_eq!(wanted.names, ["alice", "bob"]);
        assert_eq!(wanted.associations.accounts, ["physics"]);
        assert_eq!((wanted.levels[0].as_str(), wanted.format.as_deref()), ("op", Some("user,share")));
        assert!(wanted.with_associations && !wanted.are_open());
        let wanted = read(Entity::Association, "where 12,13 tree wopinfo cluster=x").unwrap();
        assert_eq!(wanted.associations.ids, ["12", "13"]);
        assert!(wanted.tree && wanted.associations.raw_qos && wanted.associations.without_parent_limits);
        assert!(read(Entity::Account, "withcoord withdeleted").unwrap().are_open());
    }

    #[test]
    fn what_is_no_condition_is_named() {
        for (entity, words) in [
            (Entity::User, "nosuch=3"),
            (Entity::Association, "foo"),
            (Entity::Account, "defaultaccount=x"),
            (Entity::User, "organization=x"),
        ] {
            assert!(read(entity, words).unwrap_err().to_string().contains(words), "{words}");
        }
    }

    #[test]
    fn the_tree_begins_with_what_is_listed() {
        let one = |account: &str, parent: &str, user: &str| {
            let mut one = Association::default();
            (one.wire.account, one.wire.parent_account) = (account.into(), parent.into());
            one.wire.user = user.into();
            one
        };
        let all = [
            one("a", "root", ""),
            one("a", "", "u"),
            one("b", "a", ""),
            one("b", "", "v"),
            one("c", "root", ""),
        ];
        assert_eq!(depths(&all), [0, 1, 1, 2, 0]);
    }
}
