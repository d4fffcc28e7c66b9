//! Fair share: how much of the cluster each association should have and has had, and the factor that follows for its jobs.
//!
//! By the *fair tree* (the default, as Slurm documents it) the children of an account are put in order by their level: the
//! part of the account's shares that is theirs, divided by their part of its use. Going through the tree in this order gives
//! the users a rank, and the rank gives the factor: the children of an account that stands before another all stand before
//! that one's. Who has the same level has the same rank; accounts with the same level are one account in this.
//!
//! By the *classic* rule the factor is 2 to the minus of effective use by share, counted over the whole tree, and divided by
//! the dampening factor.

use super::tres::BILLING;
use super::{Association, Books, ROOT, Usage, folded};
use crate::Text;
use crate::cluster::Cluster;
use crate::priority::Standing;
use std::cmp::Ordering;
use std::collections::HashMap;

/// How all associations of the cluster stand. Those that have used nothing and are alone among their kind are in it as well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shares(HashMap<u32, Share>);

/// How one stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// Its part of the shares of those beside it.
    pub normalized: f64,
    /// What it has used, billing seconds.
    pub used: f64,
    /// Its part of all that was used.
    pub normalized_use: f64,
    /// By the fair tree its part of what those beside it have used; by the classic rule what it and those above it account
    /// for.
    pub effective_use: f64,
    /// Its part of the shares by its part of the use; infinite for one that has used nothing.
    pub level: f64,
    /// The factor of its jobs, 0 to 1; of accounts 0.
    pub factor: f64,
}

/// One in the tree.
struct Node<'a> {
    association: &'a Association,
    children: Vec<usize>,
}

/// The tree of the cluster that is served.
struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    root: usize,
}

impl<'a> Tree<'a> {
    fn of(books: &'a Books) -> Option<Self> {
        let cluster = books.cluster();
        let mut nodes: Vec<Node<'a>> = books
            .living()
            .filter(|one| one.place.cluster == *cluster)
            .map(|association| Node { association, children: Vec::new() })
            .collect();
        nodes.sort_unstable_by_key(|node| node.association.id);
        let accounts: HashMap<Text, usize> = nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.association.place.is_account())
            .map(|(at, node)| (folded(&node.association.place.account), at))
            .collect();
        let root = *accounts.get(&ROOT)?;
        for at in 0..nodes.len() {
            let one = nodes[at].association;
            let above = if one.place.is_account() { &one.parent } else { &one.place.account };
            // Whoever is below nothing is below the root.
            let above = accounts.get(&folded(above)).copied().unwrap_or(root);
            if above != at && at != root {
                nodes[above].children.push(at);
            }
        }
        Some(Tree { nodes, root })
    }

    /// Returns those that share with one another below an account: of a child that shares as its parent, the children.
    fn competitors(&self, account: usize, depth: usize) -> Vec<usize> {
        const DEEPEST: usize = 1000;
        let mut found = Vec::new();
        for child in &self.nodes[account].children {
            let node = &self.nodes[*child];
            let is_transparent =
                node.association.shares == Association::PARENT && node.association.place.is_account();
            match is_transparent && depth < DEEPEST {
                true => found.extend(self.competitors(*child, depth + 1)),
                false => found.push(*child),
            }
        }
        found
    }
}

impl Shares {
    /// Works out how all stand.
    pub fn of(cluster: &Cluster, usage: &Usage) -> Shares {
        let books = &cluster.books;
        if !books.has_accounts() {
            return Shares::default();
        }
        let Some(tree) = Tree::of(books) else { return Shares::default() };
        let dampening = f64::from(cluster.priority.dampening.max(1));
        let mut shares = Work { tree: &tree, all: HashMap::new(), total: 0.0, rank: 0, users: 0, dampening };
        for node in &tree.nodes {
            let used = usage.used_seconds(node.association.id, BILLING);
            shares.all.insert(node.association.id, Share { used, ..Share::default() });
        }
        shares.total = shares.used(tree.root);
        shares.users = tree.nodes.iter().filter(|node| !node.association.place.is_account()).count();
        shares.rank = shares.users;
        shares.levels(tree.root, 0);
        match cluster.priority.flags.classic_fair_share {
            true => shares.classic(tree.root, (1.0, 1.0), 0),
            false => shares.walk(&[tree.root], None),
        }
        Shares(shares.all)
    }

    /// Returns how one stands.
    pub fn get(&self, association: u32) -> Option<&Share> {
        self.0.get(&association)
    }

    /// Returns what of it counts for priorities, with the priorities of associations.
    pub(crate) fn standings(&self, cluster: &Cluster) -> HashMap<u32, Standing> {
        let rules = &cluster.priority;
        if rules.fair_share == 0 && rules.association == 0 {
            return HashMap::new();
        }
        let books = &cluster.books;
        let own = |id: u32| {
            let association = books.association(id)?;
            books.line(association).find_map(|one| one.priority)
        };
        let largest = self.0.keys().filter_map(|id| own(*id)).max().unwrap_or(0);
        let priority = |id: u32| match (own(id).unwrap_or(0), rules.flags.plain_association) {
            (priority, true) => f64::from(priority),
            (_, false) if largest == 0 => 0.0,
            (priority, false) => f64::from(priority) / f64::from(largest),
        };
        let each = self.0.iter().map(|(id, share)| {
            (*id, Standing { priority: priority(*id), fair_share: share.factor, since: None })
        });
        each.collect()
    }
}

struct Work<'t, 'a> {
    tree: &'t Tree<'a>,
    all: HashMap<u32, Share>,
    total: f64,
    /// The rank of the next user in line.
    rank: usize,
    users: usize,
    dampening: f64,
}

impl Work<'_, '_> {
    fn id(&self, at: usize) -> u32 {
        self.tree.nodes[at].association.id
    }

    fn share(&self, at: usize) -> Share {
        self.all.get(&self.id(at)).copied().unwrap_or_default()
    }

    fn used(&self, at: usize) -> f64 {
        self.share(at).used
    }

    /// Works out the levels of all below an account.
    fn levels(&mut self, account: usize, depth: usize) {
        let children = self.tree.competitors(account, 0);
        let of = |at: &usize| match self.tree.nodes[*at].association.shares {
            Association::PARENT => 1.0,
            shares => f64::from(shares),
        };
        let shares: f64 = children.iter().map(of).sum();
        let used: f64 = children.iter().map(|at| self.used(*at)).sum();
        let parts: Vec<(usize, f64)> =
            children.iter().map(|at| (*at, if shares > 0.0 { of(at) / shares } else { 0.0 })).collect();
        for (at, normalized) in parts {
            let (id, total) = (self.id(at), self.total);
            if let Some(share) = self.all.get_mut(&id) {
                share.normalized = normalized;
                share.normalized_use = if total > 0.0 { share.used / total } else { 0.0 };
                share.effective_use = if used > 0.0 { share.used / used } else { 0.0 };
                share.level =
                    if share.effective_use > 0.0 { normalized / share.effective_use } else { f64::INFINITY };
                if normalized == 0.0 {
                    share.level = 0.0;
                }
            }
            // Deeper than any tree is that is one.
            if self.tree.nodes[at].association.place.is_account() && depth < 1000 {
                self.levels(at, depth + 1);
            }
        }
    }

    /// Ranks the users below some accounts that have the same level. `tie` is the rank of a user beside them with that level.
    fn walk(&mut self, accounts: &[usize], tie: Option<usize>) {
        let mut children: Vec<usize> =
            accounts.iter().flat_map(|account| self.tree.competitors(*account, 0)).collect();
        // Of those with the same level the users come first.
        children.sort_by(|one, other| {
            let is_account = |at: usize| self.tree.nodes[at].association.place.is_account();
            let level = |at: usize| self.share(at).level;
            let order = level(*other).partial_cmp(&level(*one)).unwrap_or(Ordering::Equal);
            order.then(is_account(*one).cmp(&is_account(*other))).then(self.id(*one).cmp(&self.id(*other)))
        });
        let mut tie = tie;
        let is_tied = |one: &usize, other: &usize| self.share(*one).level == self.share(*other).level;
        let groups: Vec<Vec<usize>> = children.chunk_by(is_tied).map(<[usize]>::to_vec).collect();
        for group in groups {
            let (accounts, users): (Vec<usize>, Vec<usize>) =
                group.iter().partition(|at| self.tree.nodes[**at].association.place.is_account());
            let rank = tie.take().unwrap_or(self.rank);
            for user in &users {
                let id = self.id(*user);
                let factor = rank as f64 / self.users.max(1) as f64;
                if let Some(share) = self.all.get_mut(&id) {
                    share.factor = factor;
                }
                self.rank = self.rank.saturating_sub(1);
            }
            if !accounts.is_empty() {
                self.walk(&accounts, (!users.is_empty()).then_some(rank));
            }
        }
    }

    /// Works out the factors of all below an account by the classic rule; of the account its part of all shares and what it
    /// effectively has used.
    fn classic(&mut self, account: usize, (shares, used): (f64, f64), depth: usize) {
        for at in self.tree.competitors(account, 0) {
            let (id, own) = (self.id(at), self.share(at));
            let is_top = account == self.tree.root;
            let effective = match is_top {
                true => own.normalized_use,
                false => own.normalized_use + (used - own.normalized_use) * own.normalized,
            };
            let part = shares * own.normalized;
            let is_account = self.tree.nodes[at].association.place.is_account();
            if let Some(share) = self.all.get_mut(&id) {
                share.effective_use = effective;
                let factor = if part > 0.0 { (-effective / part / self.dampening).exp2() } else { 0.0 };
                share.factor = if is_account { 0.0 } else { factor };
            }
            if is_account && depth < 1000 {
                self.classic(at, (part, effective), depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::accounting::{Account, LastNumbers, Past, Place, Record, UsedBy};
    use std::sync::Arc;

    /// One of the tree: account, the account above (of accounts), user (of users), shares, billing seconds.
    type Line = (&'static str, &'static str, &'static str, u32, f64);

    fn shares(lines: &[Line], classic: bool) -> HashMap<String, Share> {
        let text = |name: &str| Text::from(name);
        let mut records = vec![Record::Account(Arc::new(Account { name: ROOT, ..Account::default() }))];
        records.push(Record::Account(Arc::new(Account { name: "other".into(), ..Account::default() })));
        for ((account, parent, user, shares, _), id) in lines.iter().zip(1..) {
            let place = Place { account: text(account), user: text(user), ..Place::default() };
            let one =
                Association { id, place, parent: text(parent), shares: *shares, ..Association::default() };
            records.push(Record::Association(Arc::new(one)));
        }
        let books = Books::restored(&Text::default(), records, LastNumbers::default());
        let mut cluster = Cluster { books, ..Cluster::default() };
        cluster.priority.flags.classic_fair_share = classic;
        let mut usage = Usage::new(&cluster);
        for ((.., seconds), id) in lines.iter().zip(1..) {
            let seconds = [(BILLING, *seconds)].into_iter().collect();
            usage.remember(UsedBy::Association(id), Past { at: Timestamp::EPOCH, seconds, wall: 0.0 });
        }
        let found = Shares::of(&cluster, &usage);
        let named = lines.iter().zip(1..).filter_map(|((account, _, user, ..), id)| {
            let name = if user.is_empty() { *account } else { *user };
            Some((name.to_owned(), *found.get(id)?))
        });
        named.collect()
    }

    #[test]
    fn users_of_an_account_ahead_are_all_ahead() {
        let found = shares(
            &[
                ("root", "", "", 1, 100.0),
                ("science", "root", "", 3, 50.0),
                ("arts", "root", "", 1, 50.0),
                ("science", "", "ann", 1, 49.0),
                ("science", "", "ben", 1, 1.0),
                ("arts", "", "cleo", 1, 40.0),
                ("arts", "", "dan", 1, 10.0),
            ],
            false,
        );
        // Science has three quarters of the shares and half of the use, so that its users come first.
        let factors = ["ben", "ann", "dan", "cleo"].map(|name| found[name].factor);
        assert_eq!(factors, [1.0, 0.75, 0.5, 0.25]);
        let science = found["science"];
        assert_eq!((science.normalized, science.effective_use, science.level), (0.75, 0.5, 1.5));
        assert_eq!((found["ann"].normalized_use, found["ann"].effective_use), (0.49, 0.98));
    }

    #[test]
    fn those_who_are_level_have_the_same_rank() {
        let found = shares(
            &[
                ("root", "", "", 1, 10.0),
                ("a", "root", "", 1, 0.0),
                ("b", "root", "", 1, 0.0),
                ("a", "", "ann", 1, 0.0),
                ("b", "", "ben", 1, 0.0),
                ("root", "", "ruth", 1, 10.0),
            ],
            false,
        );
        // Nobody in a or b has used anything: they are as one account.
        assert_eq!((found["ann"].factor, found["ben"].factor), (1.0, 1.0));
        assert_eq!(found["ruth"].factor, 1.0 / 3.0);
        assert!(found["a"].level.is_infinite());
    }

    #[test]
    fn who_shares_as_the_account_above_competes_there() {
        let found = shares(
            &[
                ("root", "", "", 1, 10.0),
                ("a", "root", "", Association::PARENT, 5.0),
                ("a", "", "ann", 1, 5.0),
                ("root", "", "ruth", 1, 5.0),
            ],
            false,
        );
        assert_eq!((found["ann"].normalized, found["ruth"].normalized), (0.5, 0.5));
        assert_eq!((found["ann"].factor, found["ruth"].factor), (1.0, 1.0));
    }

    #[test]
    fn the_classic_factor_halves_when_the_share_is_used() {
        let found = shares(
            &[
                ("root", "", "", 1, 100.0),
                ("a", "root", "", 1, 50.0),
                ("b", "root", "", 1, 50.0),
                ("a", "", "ann", 1, 50.0),
                ("b", "", "ben", 1, 50.0),
                ("b", "", "bob", 1, 0.0),
            ],
            true,
        );
        assert_eq!(found["ann"].factor, 0.5);
        // Half of b's use is ben's beyond what he shares; bob stands for some of it.
        assert_eq!(found["ben"].effective_use, 0.5);
        assert_eq!(found["bob"].effective_use, 0.25);
        assert_eq!(found["bob"].factor, 0.5);
        assert_eq!(found["ben"].factor, 0.25);
    }
}
