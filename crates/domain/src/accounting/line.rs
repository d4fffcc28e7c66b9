//! Which limits bind the jobs of one association under one quality of service: worked out once, and looked at in order.
//!
//! The partition's quality of service counts first, then the job's (the other way round where that says so), then the
//! association and the accounts above. A kind of limit that is set at one place is not looked for at the next; only the
//! group's limits of an association and of all accounts above hold together.

use super::reasons::reason;
use super::tres::{BILLING, CPU, MEMORY, NODE, Numbers, trackables};
use super::{Association, Books, Limit, Qos};
use crate::Text;
use crate::cluster::{Cluster, Partition};
use crate::job::Reason;
use smallvec::SmallVec;
use std::collections::HashSet;

/// Whose limit it is: its name in reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// An association's.
    Association,
    /// A quality of service's.
    Qos,
}

/// What is counted for a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The job alone.
    Job,
    /// What is charged to an association.
    Association(u32),
    /// What is charged to a quality of service.
    Qos(u32),
    /// What of it is the user's.
    UserOf(u32),
    /// What of it is the account's.
    AccountOf(u32),
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rule {
    pub(super) limit: Limit,
    pub(super) resource: u32,
    pub(super) most: u64,
    pub(super) over: Over,
    pub(super) reason: Reason,
}

/// The limits of jobs of one kind, and whom they are charged to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// The association and those above it; empty without one.
    pub(super) levels: SmallVec<[u32; 4]>,
    /// Qualities of service in the order in which they count.
    pub(super) qos: SmallVec<[u32; 2]>,
    pub(super) user: Text,
    pub(super) account: Text,
    /// How much use weighs.
    pub(super) usage_factor: f64,
    /// What will be used is weighed as well.
    pub(super) weighs_ahead: bool,
    /// Who asks for more than a limit gives is refused.
    pub(super) denies: bool,
    /// Limits on how many jobs there are.
    pub(super) submit: Vec<Rule>,
    /// Limits on what runs.
    pub(super) start: Vec<Rule>,
    /// The usage, as a part of the share, beyond which jobs wait.
    pub(super) usage_threshold: Option<f64>,
    /// Jobs of less priority have nothing kept free for them.
    pub(super) least_priority: u64,
    /// Limits on how many jobs gain priority by waiting.
    pub(super) accrual: Vec<Rule>,
    /// Why none of its jobs may start, if that is so.
    pub(super) barred: Option<Reason>,
}

impl Line {
    /// Returns the number of the association; zero for none.
    pub fn association(&self) -> u32 {
        self.levels.first().copied().unwrap_or(0)
    }

    /// Tells whether something limits how much of a resource is used.
    pub(super) fn counts(&self, resource: u32) -> bool {
        self.start.iter().any(|rule| rule.resource == resource)
    }

    /// Returns the usage, as a part of the share, beyond which jobs wait.
    pub fn usage_threshold(&self) -> Option<f64> {
        self.usage_threshold
    }

    /// Returns the priority below which nothing is kept free for a job.
    pub fn least_priority(&self) -> u64 {
        self.least_priority
    }

    /// Tells whether who asks for more than a limit gives is refused, and does not wait.
    pub fn denies(&self) -> bool {
        self.denies
    }

    /// Returns why none of its jobs may start; `None` if they may.
    pub fn barred(&self) -> Option<Reason> {
        self.barred
    }

    /// Tells whether nothing limits what runs.
    pub fn is_open(&self) -> bool {
        self.start.is_empty() && self.usage_threshold.is_none() && self.barred.is_none()
    }

    /// Tells whether it is limited how many of its jobs gain priority by waiting.
    pub(crate) fn limits_accrual(&self) -> bool {
        !self.accrual.is_empty()
    }

    /// Tells whether jobs of it are ended that have used up what there is of it.
    pub(super) fn has_budget(&self) -> bool {
        self.start.iter().any(|rule| is_budget(rule.limit))
    }

    /// Tells whether what is counted for a limit of another line is counted for this one as well.
    pub(super) fn counts_for(&self, other: &Line, rule: &Rule) -> bool {
        match rule.over {
            Over::Job => false,
            Over::Association(id) => self.levels.contains(&id),
            Over::Qos(id) => self.qos.contains(&id),
            Over::UserOf(id) => self.qos.contains(&id) && self.user == other.user,
            Over::AccountOf(id) => self.qos.contains(&id) && self.account == other.account,
        }
    }
}

/// Works out the line of jobs of an association and these qualities of service, the partition's first.
pub(super) fn line(
    cluster: &Cluster,
    association: Option<&Association>,
    (user, account): (&Text, &Text),
    (of_partition, of_job): (Option<(&Qos, &Partition)>, Option<&Qos>),
) -> Line {
    let (books, with_limits) = (&cluster.books, cluster.enforcement.limits);
    let partition = of_partition.map(|(_, partition)| partition);
    let of_partition = of_partition.map(|(qos, _)| qos);
    let mut qos: SmallVec<[&Qos; 2]> = of_partition.into_iter().chain(of_job).collect();
    if of_job.is_some_and(|qos| qos.flags.override_partition_qos) {
        qos.reverse();
    }
    qos.dedup_by_key(|qos| qos.id);
    let levels: SmallVec<[&Association; 4]> =
        association.into_iter().flat_map(|association| books.line(association)).collect();
    let mut line = Line {
        levels: levels.iter().map(|level| level.id).collect(),
        qos: qos.iter().map(|qos| qos.id).collect(),
        user: user.clone(),
        account: account.clone(),
        usage_factor: of_job.map_or(1.0, |qos| qos.usage_factor),
        weighs_ahead: of_job.is_some_and(|qos| qos.flags.usage_factor_safe),
        denies: with_limits && qos.iter().any(|qos| qos.flags.deny_limit),
        ..Line::default()
    };
    if !with_limits || association.is_none() {
        return line;
    }
    let mut found = Rules::default();
    for qos in &qos {
        // Parts of the partition it belongs to, or of the cluster.
        let of = partition.filter(|_| of_partition.is_some_and(|own| own.id == qos.id));
        found.take_qos(qos, |resource| present(cluster, of, resource));
    }
    let factor = of_job.and_then(|qos| qos.limit_factor);
    found.take_associations(books, &levels, factor);
    found.rules.sort_by_key(|rule| rank(rule.limit));
    for rule in found.rules {
        match rule.limit {
            limit if is_of_submission(limit) => line.submit.push(rule),
            limit if is_of_accrual(limit) => line.accrual.push(rule),
            _ => line.start.push(rule),
        }
    }
    line.usage_threshold = qos.iter().find_map(|qos| qos.usage_threshold);
    line.least_priority = found.least_priority.unwrap_or(0);
    line
}

/// Limits as they are found.
#[derive(Default)]
struct Rules {
    rules: Vec<Rule>,
    /// Kinds that are set already.
    set: HashSet<(Limit, u32)>,
    least_priority: Option<u64>,
}

impl Rules {
    fn take_qos(&mut self, qos: &Qos, present: impl Fn(u32) -> u64) {
        for (limit, resource, most) in qos.limits.iter() {
            let most = match qos.flags.relative && is_amount(limit) {
                true => present(resource).saturating_mul(most) / 100,
                false => most,
            };
            if !self.set.insert((as_of_association(limit), resource)) {
                continue;
            }
            if limit == Limit::MinPriorityThreshold {
                self.least_priority.get_or_insert(most);
                continue;
            }
            let over = match limit {
                Limit::MaxJobsPerUser
                | Limit::MaxJobsAccruePerUser
                | Limit::MaxSubmitJobsPerUser
                | Limit::MaxTresPerUser
                | Limit::MaxTresRunMinsPerUser => Over::UserOf(qos.id),
                Limit::MaxJobsPerAccount
                | Limit::MaxJobsAccruePerAccount
                | Limit::MaxSubmitJobsPerAccount
                | Limit::MaxTresPerAccount
                | Limit::MaxTresRunMinsPerAccount => Over::AccountOf(qos.id),
                limit if is_of_job(limit) => Over::Job,
                _ => Over::Qos(qos.id),
            };
            self.push(Scope::Qos, (limit, resource, most), over);
        }
    }

    fn take_associations(&mut self, books: &Books, levels: &[&Association], factor: Option<f64>) {
        let Some(own) = levels.first() else { return };
        let widened = |limit: Limit, most: u64| match factor {
            // Only limits on resources are widened; a cast of a float keeps within the bounds of the integer.
            Some(factor) if is_of_resource(limit) => (most as f64 * factor) as u64,
            _ => most,
        };
        for (limit, resource, most) in
            books.effective_limits(own).iter().filter(|(limit, ..)| limit.is_inherited())
        {
            if self.set.contains(&(limit, resource)) {
                continue;
            }
            if limit == Limit::MinPriorityThreshold {
                self.least_priority.get_or_insert(most);
                continue;
            }
            let over = if is_of_job(limit) { Over::Job } else { Over::Association(own.id) };
            self.push(Scope::Association, (limit, resource, widened(limit, most)), over);
        }
        for level in levels {
            for (limit, resource, most) in level.limits.iter().filter(|(limit, ..)| !limit.is_inherited()) {
                if !self.set.contains(&(limit, resource)) {
                    let rule = (limit, resource, widened(limit, most));
                    self.push(Scope::Association, rule, Over::Association(level.id));
                }
            }
        }
    }

    fn push(&mut self, scope: Scope, (limit, resource, most): (Limit, u32, u64), over: Over) {
        self.rules.push(Rule { limit, resource, most, over, reason: reason(scope, limit, resource) });
    }
}

/// Returns the kind of an association's limit that one of a quality of service takes the place of.
fn as_of_association(limit: Limit) -> Limit {
    match limit {
        Limit::MaxJobsPerUser => Limit::MaxJobs,
        Limit::MaxSubmitJobsPerUser => Limit::MaxSubmitJobs,
        Limit::MaxJobsAccruePerUser => Limit::MaxJobsAccrue,
        limit => limit,
    }
}

fn is_of_submission(limit: Limit) -> bool {
    use Limit::*;
    matches!(limit, GrpSubmitJobs | MaxSubmitJobs | MaxSubmitJobsPerUser | MaxSubmitJobsPerAccount)
}

fn is_of_accrual(limit: Limit) -> bool {
    use Limit::*;
    matches!(limit, GrpJobsAccrue | MaxJobsAccrue | MaxJobsAccruePerUser | MaxJobsAccruePerAccount)
}

fn is_of_job(limit: Limit) -> bool {
    use Limit::*;
    matches!(limit, MaxWallPerJob | MaxTresPerJob | MaxTresPerNode | MaxTresMinsPerJob | MinTresPerJob)
}

/// Tells whether a limit is on what is used up in the course of time.
pub(super) fn is_budget(limit: Limit) -> bool {
    matches!(limit, Limit::GrpWall | Limit::GrpTresMins | Limit::MaxTresMinsPerJob)
}

/// Tells whether a limit is an amount of a resource, of which a quality of service may give a part.
fn is_amount(limit: Limit) -> bool {
    use Limit::*;
    matches!(
        limit,
        GrpTres | MaxTresPerJob | MaxTresPerNode | MaxTresPerUser | MaxTresPerAccount | MinTresPerJob
    )
}

/// Returns how much of a resource a partition has, or the cluster.
fn present(cluster: &Cluster, partition: Option<&Partition>, resource: u32) -> u64 {
    let of_cluster = || trackables(cluster).iter().find(|one| one.id == resource).map_or(0, |one| one.count);
    let Some(partition) = partition else { return of_cluster() };
    let nodes = || partition.nodes.iter().filter_map(|index| cluster.node(*index));
    match resource {
        CPU | BILLING => nodes().map(|node| u64::from(node.topology.cpus)).sum(),
        MEMORY => nodes().fold(0, |sum, node| node.memory.saturating_add(sum)),
        NODE => nodes().count() as u64,
        _ => {
            let names = Numbers::of_cluster(cluster);
            let is_it = |name: &Text| names.of(name) == Some(resource);
            let gres = nodes().flat_map(|node| &node.gres).filter(|gres| is_it(&gres.name));
            gres.map(|gres| u64::from(gres.count)).sum()
        }
    }
}

fn is_of_resource(limit: Limit) -> bool {
    use Limit::*;
    matches!(
        limit,
        GrpTres
            | GrpTresMins
            | GrpTresRunMins
            | MaxTresPerJob
            | MaxTresPerNode
            | MaxTresMinsPerJob
            | MaxTresRunMins
    )
}

/// Returns the order in which kinds of limits are looked at: what needs no count of resources comes first, whoever's limit
/// it is.
fn rank(limit: Limit) -> u8 {
    u8::from(!matches!(
        limit,
        Limit::GrpJobs
            | Limit::GrpWall
            | Limit::MaxJobs
            | Limit::MaxJobsPerUser
            | Limit::MaxJobsPerAccount
            | Limit::MaxWallPerJob
    ))
}
