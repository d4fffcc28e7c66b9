//! Fair shares: the tree of accounts and users, what they should have and what they have used.

use domain::Text;
use domain::accounting::Shares;
use domain::cluster::Cluster;
use slurm_wire::NoVal;
use slurm_wire::shares::{AssocSharesObjWrap, SharesFloat128Tres, SharesUint64Tres};
use slurm_wire::words::SharesType;
use std::collections::{BTreeMap, BTreeSet};

/// What the original shows as the level of one who has used nothing: an infinity that it cannot write.
const NEVER_USED: f64 = 18_446_744_073_709_551_615.0;
/// What the original shows as the share of the root of all: one in its number for "nothing".
const ROOT_SHARE: f64 = 1.0 / 4_294_967_294.0;
static ROOT: Text = Text::const_new("root");

/// Which associations are asked for; empty lists ask for all.
pub(in crate::slurm) struct Wanted {
    pub(in crate::slurm) accounts: Vec<Text>,
    pub(in crate::slurm) users: Vec<Text>,
}

impl Wanted {
    fn has(&self, (account, user): (&Text, &Text)) -> bool {
        let is_in = |list: &[Text], name: &Text| {
            list.is_empty() || list.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        is_in(&self.accounts, account) && is_in(&self.users, user)
    }
}

/// Describes the associations asked for with the accounts above them, accounts in the order of their names, each before
/// its users.
pub(in crate::slurm) fn shares(
    cluster: &Cluster,
    standing: &Shares,
    wanted: &Wanted,
) -> Vec<AssocSharesObjWrap> {
    let all = &tree(cluster);
    let is_account = |user: &Text| user.is_empty();
    let asks_for_all = wanted.accounts.is_empty() && wanted.users.is_empty();
    let shown: BTreeSet<&Text> = all
        .keys()
        .filter(|(account, user)| wanted.has((account, user)) || is_account(user) && *account == ROOT)
        .map(|(account, _)| account)
        .collect();
    // Every account is a child of the root, and so is the root's own user.
    let mut children: BTreeMap<&Text, usize> = BTreeMap::new();
    for (account, user) in all.keys().filter(|(account, user)| !is_account(user) || *account != ROOT) {
        *children.entry(if is_account(user) { &ROOT } else { account }).or_default() += 1;
    }
    let siblings = |account: &Text| children.get(account).copied().unwrap_or(0);
    let tracked = tracked(cluster);
    let mut told: Vec<AssocSharesObjWrap> = all
        .iter()
        .filter(|((account, user), _)| {
            shown.contains(account) && (is_account(user) || asks_for_all || wanted.has((account, user)))
        })
        .map(|((account, user), number)| {
            let mut entry = entry(cluster, *number, &tracked);
            if !is_account(user) {
                (entry.name, entry.parent) = (user.clone(), account.clone());
                entry.shares_normalized = part(siblings(account));
                entry.fairshare.factor = NoVal::Set(1.0);
                entry.kind = SharesType::User.into();
            } else if *account == ROOT {
                root(&mut entry);
            } else {
                (entry.name, entry.parent) = (account.clone(), ROOT.clone());
                entry.shares_normalized = part(siblings(&ROOT));
            }
            if *account != ROOT || !is_account(user) {
                take_standing(&mut entry, cluster, standing);
            }
            entry
        })
        .collect();
    // The root comes first with its own user, whatever its name.
    told.sort_by_key(|entry| {
        !(entry.parent.is_empty() || entry.parent == ROOT && entry.kind == SharesType::User.into())
    });
    told
}

/// Shows how an association stands, as far as that has been worked out.
fn take_standing(entry: &mut AssocSharesObjWrap, cluster: &Cluster, standing: &Shares) {
    if let Some(association) = cluster.books.association(entry.id) {
        entry.shares = NoVal::Set(association.shares);
    }
    let Some(share) = standing.get(entry.id) else { return };
    entry.shares_normalized = NoVal::Set(share.normalized);
    entry.usage_normalized = NoVal::Set(share.normalized_use);
    entry.effective_usage = NoVal::Set(share.effective_use);
    // A cast of a float keeps within the bounds of the integer.
    entry.usage = share.used as i64;
    if entry.kind == SharesType::User.into() {
        entry.fairshare.factor = NoVal::Set(share.factor);
    }
    entry.fairshare.level = NoVal::Set(if share.level.is_finite() { share.level } else { NEVER_USED });
}

/// Returns the numbers of the associations by account and user; a user of no name stands for the account itself.
fn tree(cluster: &Cluster) -> BTreeMap<(Text, Text), u32> {
    let living =
        cluster.books.in_order(|one| !one.life.deleted && one.place.cluster == *cluster.books.cluster());
    let pairs =
        living.into_iter().map(|(_, one)| ((one.place.account.clone(), one.place.user.clone()), one.id));
    let mut tree = BTreeMap::new();
    for (pair, id) in pairs {
        // The oldest, where there is one for each partition.
        tree.entry(pair).or_insert(id);
    }
    tree
}

/// One share of so many.
fn part(siblings: usize) -> NoVal<f64> {
    #[expect(clippy::cast_precision_loss, reason = "nobody has so many users")]
    NoVal::Set(1.0 / siblings.max(1) as f64)
}

fn entry(cluster: &Cluster, number: u32, tracked: &[Text]) -> AssocSharesObjWrap {
    let mut entry = AssocSharesObjWrap {
        id: number,
        cluster: cluster.name.clone(),
        shares: NoVal::Set(1),
        effective_usage: NoVal::Set(0.0),
        usage_normalized: NoVal::Set(0.0),
        kind: SharesType::Association.into(),
        ..AssocSharesObjWrap::default()
    };
    entry.fairshare.factor = NoVal::Set(0.0);
    entry.fairshare.level = NoVal::Set(NEVER_USED);
    let amounts = |value: NoVal<u64>| {
        let each = tracked.iter().map(move |name| SharesUint64Tres { name: name.clone(), value });
        each.collect::<Vec<_>>().into()
    };
    entry.tres.run_seconds = amounts(NoVal::Set(0));
    entry.tres.group_minutes = amounts(NoVal::Infinite);
    let each = tracked.iter().map(|name| SharesFloat128Tres { name: name.clone(), ..Default::default() });
    entry.tres.usage = each.collect();
    entry
}

/// The root has no share of anything: all is its own.
fn root(entry: &mut AssocSharesObjWrap) {
    entry.name = ROOT.clone();
    entry.shares_normalized = NoVal::Set(ROOT_SHARE);
    entry.shares = NoVal::Unset;
    entry.effective_usage = NoVal::Set(1.0);
    entry.usage_normalized = NoVal::Unset;
    entry.fairshare.level = NoVal::Unset;
}

/// Names what is tracked: what the original always tracks, and the cluster's generic resources.
fn tracked(cluster: &Cluster) -> Vec<Text> {
    let always = ["cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages"];
    let mut names: Vec<Text> = always.into_iter().map(Text::const_new).collect();
    let gres: BTreeSet<&Text> =
        cluster.nodes.iter().flat_map(|node| &node.gres).map(|gres| &gres.name).collect();
    for name in gres {
        names.push(Text::from(format!("gres/{name}")));
        if *name == "gpu" {
            // They come with GPUs.
            names.extend(["gres/gpumem", "gres/gpuutil"].map(Text::const_new));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::accounting::{Books, Configured};
    use domain::who::Membership;

    fn cluster() -> Cluster {
        let account = |name: &'static str| (Text::const_new(name), Text::default(), Text::default());
        let user = |name: &'static str| Membership {
            name: Text::const_new(name),
            default_account: Text::const_new("bio"),
            ..Membership::default()
        };
        let configured = Configured {
            accounts: vec![account("physics"), account("bio")],
            users: vec![user("alice"), user("bob")],
            ..Configured::default()
        };
        let name = Text::const_new("x");
        Cluster { books: Books::configured(&name, configured), name, ..Cluster::default() }
    }

    fn names(accounts: &[&str], users: &[&str]) -> Vec<(String, String)> {
        let list = |names: &[&str]| names.iter().map(|name| Text::from(*name)).collect();
        let told =
            shares(&cluster(), &Shares::default(), &Wanted { accounts: list(accounts), users: list(users) });
        told.iter().map(|entry| (entry.name.to_string(), entry.parent.to_string())).collect()
    }

    #[test]
    fn the_tree_is_told_from_its_root() {
        let told =
            shares(&cluster(), &Shares::default(), &Wanted { accounts: Vec::new(), users: Vec::new() });
        let each: Vec<_> = told.iter().map(|entry| (entry.id, &*entry.name, &*entry.parent)).collect();
        assert_eq!(
            each,
            [
                (1, "root", ""),
                (2, "root", "root"),
                (4, "bio", "root"),
                (5, "alice", "bio"),
                (6, "bob", "bio"),
                (3, "physics", "root")
            ]
        );
        assert_eq!(told[2].shares_normalized, NoVal::Set(1.0 / 3.0));
        assert_eq!(told[3].shares_normalized, NoVal::Set(0.5));
    }

    #[test]
    fn filters_keep_what_is_above() {
        let pair = |name: &str, parent: &str| (name.to_owned(), parent.to_owned());
        assert_eq!(names(&[], &["alice"]), [pair("root", ""), pair("bio", "root"), pair("alice", "bio")]);
        assert_eq!(names(&["physics"], &[]), [pair("root", ""), pair("physics", "root")]);
        assert_eq!(names(&[], &["ghost"]), [pair("root", "")]);
    }
}
