//! Who makes way for whom: only those who may be pushed aside, not before their time, in the way that is configured; and
//! whoever they make way for has their room. Who was suspended is halted and let go on only by those who may.

use super::reserved::is_guest;
use super::{SLACK, brief};
use crate::trial::play::Tally;
use crate::trial::scene::KILL_WAIT;
use domain::cluster::{Cluster, Partition, PreemptMode, PreemptType};
use domain::job::{Allocation, Job, JobKind, Phase, SuspendedBy};
use domain::ports::{Plan, Preempt, PreemptHow};
use domain::reservation::Reservation;
use domain::state::State;
use domain::{JobId, NodeIndex, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// What is known of jobs that make way.
#[derive(Default)]
pub(super) struct MakingWay {
    /// What the last plan says: how each makes way, and who goes on.
    planned: HashMap<JobId, Preempt>,
    resumes: BTreeSet<JobId>,
    /// Those who wait for room that others leave.
    claims: BTreeMap<JobId, Claim>,
    /// Jobs that an operator has asked to let go on.
    asked: BTreeSet<JobId>,
    runs: HashMap<JobId, Run>,
    /// Tasks that have just left their array.
    fresh: BTreeSet<JobId>,
}

/// Room that is being made.
struct Claim {
    /// The job should have started by then.
    latest: Timestamp,
    /// The nodes of those who go.
    nodes: BTreeSet<NodeIndex>,
    /// The highest tier of the partitions from which they go, where that is what counts.
    tier: Option<u16>,
    /// Tasks of the same array that the same plan starts beforehand.
    before: usize,
    /// Somebody has interfered since.
    is_excused: bool,
}

/// How long a job has run, suspensions left out.
struct Run {
    attempt: u32,
    ran: Duration,
    since: Option<Timestamp>,
}

impl Run {
    fn elapsed(&self, now: Timestamp) -> Duration {
        self.ran + self.since.map_or(Duration::ZERO, |since| now.since(since))
    }
}

impl MakingWay {
    /// Takes in that an operator lets a job go on.
    pub(super) fn resume_asked(&mut self, job: JobId) {
        self.asked.insert(job);
    }

    /// Insists on no claim any more: the room may be gone. While it may still be kept, others wait for it.
    pub(super) fn forget_all(&mut self) {
        self.claims.values_mut().for_each(|claim| claim.is_excused = true);
    }

    /// Tells whether nobody waits for room that others leave.
    pub(super) fn is_calm(&self, state: &State) -> bool {
        self.claims.is_empty() && state.suspended().next().is_none() && state.making_way().next().is_none()
    }

    /// Takes in a plan: every job that it lets make way may be asked to.
    pub(super) fn planned(
        &mut self,
        state: &State,
        plan: &Plan,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), String> {
        self.planned = plan.preempts.iter().map(|preempt| (preempt.job, *preempt)).collect();
        self.resumes = plan.resumes.iter().copied().collect();
        let waits = |id: &JobId| state.job(*id).is_some_and(|job| job.is_eligible());
        self.claims.retain(|id, claim| waits(id) && !(claim.is_excused && claim.latest < now));
        for preempt in &plan.preempts {
            self.check(state, plan, preempt, (now, tally)).map_err(|objection| {
                let name = |id| state.job(id).map(|job| brief(job)).unwrap_or_default();
                format!("{objection}: {preempt:?}\n  for {}\n  {}", name(preempt.by), name(preempt.job))
            })?;
            tally.count(format!("makes way: {:?} {:?}", state.cluster().preempt.by, preempt.how));
        }
        match self.claims.iter().find(|(_, claim)| claim.latest < now && !claim.is_excused) {
            None => Ok(()),
            Some((id, claim)) => {
                let job = state.job(*id).map(|job| brief(job)).unwrap_or_default();
                Err(format!("others made way and it has not started by {} s: {job}", claim.latest.seconds()))
            }
        }
    }

    fn check(
        &mut self,
        state: &State,
        plan: &Plan,
        preempt: &Preempt,
        (now, tally): (Timestamp, &mut Tally),
    ) -> Result<(), String> {
        let cluster = state.cluster();
        let (Some(job), Some(other)) = (state.job(preempt.by), state.job(preempt.job)) else {
            return Err("somebody who is not there".into());
        };
        if !job.is_eligible() {
            return Err("it makes way for one that does not wait".into());
        }
        let Phase::Running(run) = &other.phase else { return Err("one makes way that does not run".into()) };
        let partition = cluster.partition(&run.allocation.partition).ok_or("its partition is not there")?;
        let may = |job: &Job| match cluster.preempt.by {
            PreemptType::None => false,
            PreemptType::PartitionPriority => {
                let mut own = job.spec.partitions.iter().filter_map(|name| cluster.partition(name));
                own.any(|own| own.tier > partition.tier)
            }
            PreemptType::Qos => cluster
                .qos(&job.spec.qos)
                .is_some_and(|qos| qos.preempt.iter().any(|name| name.eq_ignore_ascii_case(&other.spec.qos))),
        };
        if let Some(lead) = host(state, job, other, now) {
            let returns = other.spec.requeue && other.spec.kind == JobKind::Batch;
            let how = if returns { PreemptHow::Requeue } else { PreemptHow::Cancel };
            if (preempt.how, preempt.grace) == (how, lead) {
                tally.count("guests asked to leave");
                return Ok(());
            }
            // Whoever may push it aside anyhow need not ask.
            if !may(job) {
                return Err(format!("it should leave by {how:?} after {lead:?}"));
            }
        }
        if plan.preempts.iter().filter(|other| other.job == preempt.job).count() > 1 {
            return Err("it makes way twice".into());
        }
        // For components that start together the leader asks, whichever of them needs the room.
        let askers: Vec<&Arc<Job>> = match job.het {
            Some(part) => part.members().filter_map(|id| state.job(id)).collect(),
            None => vec![job],
        };
        if !askers.iter().any(|asker| may(asker)) {
            return Err("it may not be pushed aside".into());
        }
        let (mode, grace, exempt) = terms(cluster, partition, other)?;
        let how = match mode {
            PreemptMode::Off => return Err("it does not make way at all".into()),
            PreemptMode::Cancel => PreemptHow::Cancel,
            PreemptMode::Requeue if other.spec.requeue && other.spec.kind == JobKind::Batch => {
                PreemptHow::Requeue
            }
            PreemptMode::Requeue => PreemptHow::Cancel,
            PreemptMode::Suspend => PreemptHow::Suspend,
        };
        if preempt.how != how || preempt.grace != grace {
            return Err(format!("it should make way by {how:?} after {grace:?}"));
        }
        let ran = self.runs.get(&other.id).map_or(Duration::ZERO, |run| run.elapsed(now));
        if ran < exempt {
            return Err(format!("it has run for {ran:?}, and is exempt for {exempt:?}"));
        }
        let theirs: BTreeSet<NodeIndex> = parts(state, other).flat_map(|part| nodes(&part)).collect();
        let names = askers.iter().flat_map(|asker| &asker.spec.partitions);
        let own = names.filter_map(|name| cluster.partition(name));
        if !own.flat_map(|own| &own.nodes).any(|node| theirs.contains(node)) {
            return Err("it has nothing that would be of use".into());
        }
        let askers: Vec<JobId> = askers.iter().map(|asker| asker.id).collect();
        // Who was planned ahead for starts when ahead is looked the next time.
        let from = now.after(cluster.scheduling.backfill.interval);
        let tier = (cluster.preempt.by == PreemptType::PartitionPriority).then_some(partition.tier);
        self.expect_start(plan, (preempt, &askers), (theirs, tier), from)
    }

    /// Whoever others are halted for starts at once; otherwise as soon as they are gone.
    fn expect_start(
        &mut self,
        plan: &Plan,
        (preempt, askers): (&Preempt, &[JobId]),
        (theirs, tier): (BTreeSet<NodeIndex>, Option<u16>),
        from: Timestamp,
    ) -> Result<(), String> {
        if preempt.how == PreemptHow::Suspend {
            let mut starts = plan.starts.iter().filter(|start| askers.contains(&start.job)).peekable();
            if starts.peek().is_none() {
                return Err("it is halted for one that does not start".into());
            }
            return match starts.any(|start| uses(&start.allocation, &theirs)) {
                true => Ok(()),
                false => Err("it is halted for one that starts elsewhere".into()),
            };
        }
        let latest = from.after(preempt.grace).after(2 * KILL_WAIT).after(SLACK);
        let before = plan.starts.iter().filter(|start| start.job == preempt.by).count();
        let fresh = || Claim { latest, nodes: BTreeSet::new(), tier, before, is_excused: false };
        let claim = self.claims.entry(preempt.by).or_insert_with(fresh);
        (claim.latest, claim.before, claim.is_excused) = (claim.latest.max(latest), before, false);
        claim.nodes.extend(theirs);
        claim.tier = claim.tier.max(tier);
        Ok(())
    }

    /// Takes in that a job starts: where those who made way for it cannot push it aside in turn.
    pub(super) fn started(
        &mut self,
        cluster: &Cluster,
        job: &Job,
        allocation: &Allocation,
        tally: &mut Tally,
    ) -> Result<(), String> {
        // A task that has just left its array is asked for by the array's number.
        let asker = if self.fresh.remove(&job.id) { job.array_id() } else { job.id };
        if let Some(claim) = self.claims.get_mut(&asker)
            && claim.before > 0
        {
            claim.before -= 1;
            return Ok(());
        }
        let Some(claim) = self.claims.remove(&asker) else { return Ok(()) };
        let is_there = uses(allocation, &claim.nodes);
        tally.count(match is_there {
            true => "started where others made way",
            false => "others made way, started elsewhere",
        });
        let own = cluster.partition(&allocation.partition).map(|partition| partition.tier);
        let is_alone = job.het.is_none_or(|part| part.size < 2);
        match is_there && is_alone && !claim.is_excused && claim.tier.is_some() && own <= claim.tier {
            false => Ok(()),
            true => Err(format!("those who made way could push it aside in turn: {}", brief(job))),
        }
    }

    /// Takes in how a job moves: nobody makes way, is halted or goes on without reason.
    pub(super) fn moved(
        &mut self,
        before: Option<&Job>,
        job: &Job,
        (at, is_touched): (Timestamp, bool),
        tally: &mut Tally,
    ) -> Result<(), String> {
        if before.is_none() {
            self.fresh.insert(job.id);
        }
        // Components do as their leader.
        let leader = job.het.map_or(job.id, |part| part.leader);
        let planned = self.planned.get(&leader);
        let told = |job: &Job| job.run().and_then(|run| run.preemption);
        if let Some(preemption) = told(job)
            && before.and_then(told).is_none()
            && planned.is_none_or(|preempt| preempt.by != preemption.by)
        {
            return Err(format!("it makes way though nobody has planned it: {}", brief(job)));
        }
        let halted = |job: &Job| match &job.phase {
            Phase::Running(run) => run.suspended_by(),
            _ => None,
        };
        let (was, is) = (before.and_then(halted), halted(job));
        match (was, is) {
            (None, Some(SuspendedBy::Scheduler)) => {
                let is_planned = planned.is_some_and(|preempt| preempt.how == PreemptHow::Suspend);
                if !is_planned && !is_touched {
                    return Err(format!("it is halted though nobody has planned it: {}", brief(job)));
                }
                tally.count("suspended by the scheduler");
            }
            (None, Some(SuspendedBy::Operator)) => tally.count("suspended by an operator"),
            (Some(SuspendedBy::Operator), Some(SuspendedBy::Scheduler)) | (Some(_), None)
                if matches!(job.phase, Phase::Running(_)) =>
            {
                let is_asked = self.asked.contains(&leader) || self.asked.contains(&job.array_id());
                if !is_asked && (was == Some(SuspendedBy::Operator) || !self.resumes.contains(&leader)) {
                    return Err(format!("it goes on though nobody wants that: {}", brief(job)));
                }
                tally.count("goes on");
            }
            _ => {}
        }
        self.count(job, is.is_some(), at);
        Ok(())
    }

    /// Counts how long a job has run.
    fn count(&mut self, job: &Job, is_halted: bool, at: Timestamp) {
        if !matches!(job.phase, Phase::Running(_)) {
            self.runs.remove(&job.id);
            return;
        }
        let fresh = || Run { attempt: job.restarts, ran: Duration::ZERO, since: None };
        let run = self.runs.entry(job.id).or_insert_with(fresh);
        if run.attempt != job.restarts {
            *run = fresh();
        }
        match (run.since, is_halted) {
            (None, false) => run.since = Some(at),
            (Some(since), true) => (run.ran, run.since) = (run.ran + at.since(since), None),
            _ => {}
        }
    }
}

/// Returns how long a guest has to leave if it is one where this job may run, and in nobody else's place.
fn host(state: &State, job: &Job, guest: &Job, now: Timestamp) -> Option<Duration> {
    let named = job.spec.uncommon.as_deref()?.reservation.split(',');
    let held = guest.held_resources()?;
    let mut own = named.filter_map(|name| state.reservation(name));
    let is_host = |own: &Arc<Reservation>| {
        own.name != held.reservation
            && is_guest(guest, own)
            && own.window(now).1 > now
            && held.nodes.iter().any(|share| own.nodes.iter().any(|reserved| reserved.node == share.node))
    };
    own.any(is_host).then(|| Duration::from_secs(guest.spec.warning.map_or(0, |warning| warning.lead).into()))
}

/// Returns how a job makes way, how long it is given, and how long it is left alone.
fn terms(
    cluster: &Cluster,
    partition: &Partition,
    job: &Job,
) -> Result<(PreemptMode, Duration, Duration), String> {
    let qos = cluster.qos(&job.spec.qos).ok_or("its quality of service is not there")?;
    let exempt = qos.preempt_exempt_time.unwrap_or(cluster.preempt.exempt_time);
    let (mode, grace) = match cluster.preempt.by {
        PreemptType::Qos => (qos.preempt_mode, qos.grace_time),
        _ => (partition.preempt_mode, Duration::from_secs(partition.grace_time.into())),
    };
    Ok((mode.unwrap_or(cluster.preempt.mode), grace, exempt))
}

fn uses(allocation: &Allocation, nodes: &BTreeSet<NodeIndex>) -> bool {
    allocation.nodes.iter().any(|share| nodes.contains(&share.node))
}

fn nodes(job: &Job) -> Vec<NodeIndex> {
    let shares = job.held_resources().into_iter().flat_map(|allocation| &allocation.nodes);
    shares.map(|share| share.node).collect()
}

/// Returns a job with its components.
fn parts(state: &State, job: &Arc<Job>) -> impl Iterator<Item = Arc<Job>> {
    let members = job.het.into_iter().flat_map(|part| part.members());
    let others = members.filter(|id| *id != job.id).filter_map(|id| state.job(id).cloned());
    std::iter::once(Arc::clone(job)).chain(others.collect::<Vec<_>>())
}
