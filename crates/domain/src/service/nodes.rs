//! Nodes that are taken out of service and put back, and what else is changed about them: by an administrator, or because
//! something went wrong there.

use super::ledger::Ledger;
use super::requeue;
use crate::cluster::{Node, NodeMark, Upkeep, read_gres};
use crate::job::{End, Event, Job, Phase};
use crate::who::Principal;
use crate::{Error, JobId, NodeIndex, Problem, Text, Timestamp, Uid};
use std::collections::BTreeSet;
use std::time::Duration;

/// The longest text that is remembered of a node, in bytes.
const LONGEST: usize = 64 << 10;
/// How long the original's daemon of a node takes to answer that it is there.
const ANSWERS_AFTER: Duration = Duration::from_secs(1);
/// The longest reason of [`Availability::Drain`], in bytes.
const LONGEST_REASON: usize = 1024;

/// What an administrator wants of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It takes no new jobs; why.
    Drain(Text),
    /// It takes jobs again.
    Resume,
}

/// Which nodes are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeChoice {
    /// Those of these names.
    Named(Vec<Text>),
    /// All there are.
    All,
}

/// A state that a node shall be brought into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeWish {
    /// It takes no new jobs; those that run go on.
    Drain,
    /// It is no more drained, nor about to fail; one that is down stays so.
    Undrain,
    /// It takes jobs again.
    Resume,
    /// The same, whatever it was.
    Idle,
    /// It is lost, with the jobs on it.
    Down,
    /// It is about to fail: it takes no new jobs.
    Fail,
    /// It is not there yet: it takes no jobs, and is not shown.
    Future,
    /// It does not answer. As it does, nothing changes.
    NotResponding,
    /// It is switched on or off.
    Power,
    /// It has nothing to do and is drained: a state, and no wish. For one that is drained it is refused in other words.
    IdleAndDrained,
    /// Something nobody can bring about.
    Unreachable,
}

/// What shall become different about nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeUpdate {
    /// The state.
    pub state: Option<NodeWish>,
    /// Why; kept of nodes that are out of service.
    pub reason: Option<Text>,
    /// After how long a node that is drained or down with this update goes back into service; [`Duration::MAX`] for never.
    pub resume_after: Option<Duration>,
    /// A remark.
    pub comment: Option<Text>,
    /// Whatever is kept with it.
    pub extra: Option<Text>,
    /// Lower ones are filled first.
    pub weight: Option<u32>,
    /// Features it has.
    pub features: Option<Vec<Text>>,
    /// Features active now.
    pub active_features: Option<Vec<Text>>,
    /// The generic resources that are left.
    pub gres: Option<Text>,
    /// An address for each of the nodes.
    pub addresses: Option<Vec<Text>>,
    /// A host name for each of the nodes.
    pub hosts: Option<Vec<Text>>,
    /// How tasks are bound to CPUs.
    pub cpu_binding: Option<u32>,
    /// The place among the switches.
    pub topology: Option<Text>,
}

impl Ledger<'_> {
    /// Takes a node out of service or puts it back.
    pub(super) fn mark_node(
        &mut self,
        by: &Principal,
        node: &Text,
        wanted: Availability,
    ) -> Result<(), Error> {
        if !by.is_administrator() {
            return Err(Problem::OperatorOnly(Text::const_new("the state of a node")).into());
        }
        let Some(index) = self.cluster().node_index(node) else {
            return Err(Problem::UnknownNode(node.clone()).into());
        };
        let Some(mut mark) = self.cluster().node(index).map(Node::mark) else { return Ok(()) };
        match wanted {
            Availability::Drain(reason) if reason.len() > LONGEST_REASON => {
                return Err(Problem::TooLong(Text::const_new("reason")).into());
            }
            Availability::Drain(reason) => {
                mark.flags.drain = true;
                (mark.reason, mark.at, mark.by) = (reason, self.now, Some(named(by)));
            }
            Availability::Resume => put_into_service(&mut mark),
        }
        self.put_marks(vec![mark]);
        Ok(())
    }

    /// Changes nodes. What one of them refuses, or that one is unknown, does not stop the others.
    pub(super) fn update_nodes(
        &mut self,
        by: &Principal,
        choice: &NodeChoice,
        update: &NodeUpdate,
    ) -> Result<(), Error> {
        if !by.is_administrator() {
            return Err(Problem::AdministratorOnly(Text::const_new("changing a node")).into());
        }
        let names = match choice {
            NodeChoice::Named(names) => names.clone(),
            NodeChoice::All => self.cluster().present_nodes().map(|node| node.name.clone()).collect(),
        };
        check_texts(update, names.len())?;
        let mut outcome = if names.is_empty() { Err(Problem::UnknownNode(Text::default())) } else { Ok(()) };
        let (mut marks, mut lost) = (Vec::new(), BTreeSet::new());
        let places = self.cluster().node_places();
        for (at, name) in names.iter().enumerate() {
            let place = places.get(name.as_str()).copied();
            match self.updated(by, (name, place), at, update) {
                Ok((index, mark)) => {
                    if update.state == Some(NodeWish::Down) {
                        lost.insert(index);
                    }
                    marks.push(mark);
                }
                Err(problem) => outcome = outcome.and(Err(problem)),
            }
        }
        self.put_marks(marks);
        self.lose(&lost);
        outcome.map_err(Error::from)
    }

    fn updated(
        &self,
        by: &Principal,
        (name, place): (&Text, Option<NodeIndex>),
        at: usize,
        update: &NodeUpdate,
    ) -> Result<(NodeIndex, NodeMark), Problem> {
        let cluster = self.cluster();
        let index = place.ok_or_else(|| Problem::UnknownNode(name.clone()))?;
        let node = cluster.node(index).ok_or_else(|| Problem::UnknownNode(name.clone()))?;
        let mut mark = node.mark();
        let jobs = self.state().node_use().get(index.0 as usize).map_or(0, |in_use| in_use.jobs);
        if let Some(wish) = update.state {
            if wish == NodeWish::IdleAndDrained && mark.flags.drain {
                return Err(Problem::NodeState(name.clone()));
            }
            turn(&mut mark, wish, jobs).map_err(|Stays| Problem::NodeTransition(name.clone()))?;
            let comes_back = mark.flags.down && cluster.limits.returns_to_service;
            mark.upkeep.back_at = comes_back.then(|| self.now.after(ANSWERS_AFTER));
        }
        let goes_out = matches!(update.state, Some(NodeWish::Drain | NodeWish::Down));
        if let Some(after) = update.resume_after.filter(|_| goes_out) {
            mark.upkeep.resume_at = Some(self.now.after(after)).filter(|_| after != Duration::MAX);
        }
        // One without words says nothing.
        let said = update.reason.as_ref().filter(|reason| !reason.is_empty());
        if let Some(reason) = said.filter(|_| mark.flags.wants_reason()) {
            (mark.reason, mark.at, mark.by) = (reason.clone(), self.now, Some(named(by)));
        }
        keep(&mut mark.upkeep, update, at);
        features(node, &mut mark.upkeep, update)?;
        self.gres(node, index, &mut mark.upkeep, update)?;
        if let Some(topology) = &update.topology {
            let is_there = topology.is_empty() || topology.split(':').next() == Some("default");
            if !is_there {
                return Err(Problem::BadTopology(topology.clone()));
            }
            mark.upkeep.topology = Some(topology.clone()).filter(|topology| !topology.is_empty());
        }
        Ok((index, mark))
    }

    /// Of a generic resource a node keeps all it has or nothing, as in the original where it has device files. None is
    /// taken away while a job has some.
    fn gres(
        &self,
        node: &Node,
        index: NodeIndex,
        upkeep: &mut Upkeep,
        update: &NodeUpdate,
    ) -> Result<(), Problem> {
        let Some(left) = &update.gres else { return Ok(()) };
        let bad = || Problem::BadGres(left.clone());
        for written in left.split(',').filter(|written| !written.is_empty()) {
            let (name, kind, count) = read_gres(written).ok_or_else(bad)?;
            let configured = node.configured_gres(name, kind).ok_or_else(bad)?;
            if count != 0 && count != configured {
                return Err(bad());
            }
        }
        let in_use = self.state().node_use().get(index.0 as usize);
        if in_use.is_some_and(|in_use| in_use.gres.iter().any(|units| !units.is_empty())) {
            return Err(bad());
        }
        upkeep.gres = Some(left.clone());
        Ok(())
    }

    /// Puts nodes back into service whose time has come.
    pub(super) fn resume_nodes(&mut self) {
        if self.state().next_node_alarm().is_none_or(|at| at > self.now) {
            return;
        }
        let now = self.now;
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let due = self.cluster().nodes.iter().filter_map(|node| {
            let mut mark = node.mark();
            if is_due(mark.upkeep.resume_at) {
                put_into_service(&mut mark);
            } else if is_due(mark.upkeep.back_at) {
                (mark.flags.down, mark.upkeep.back_at) = (false, None);
                if !mark.flags.wants_reason() {
                    forget_reason(&mut mark);
                }
            } else {
                return None;
            }
            Some(mark)
        });
        self.put_marks(due.collect());
    }

    /// Lets the jobs of nodes go with them.
    fn lose(&mut self, nodes: &BTreeSet<NodeIndex>) {
        if nodes.is_empty() {
            return;
        }
        let is_there = |job: &&std::sync::Arc<Job>| match &job.phase {
            Phase::Running(run) => run.allocation.nodes.iter().any(|share| nodes.contains(&share.node)),
            _ => false,
        };
        let jobs: Vec<_> = self.state().holding().filter(is_there).cloned().collect();
        for job in jobs {
            let nodes = job.held_resources().map_or(0, |held| held.nodes.len());
            if !job.spec.kill_on_node_fail && nodes > 1 {
                // It said that it goes on with the nodes that are left.
                continue;
            }
            let requeue = requeue::after(&job, &End::Vanished, &self.cluster().limits);
            let requeue = requeue.filter(|_| job.spec.requeue);
            // One that a component before it has taken along is ending already.
            let is_running = self.job(job.id).is_some_and(|job| matches!(job.phase, Phase::Running(_)));
            if is_running
                && let Err(refused) = self.happen(job.id, Event::NodeFailed { at: self.now, requeue })
            {
                tracing::error!(job.id = job.id.0, error = %refused, "the loss of a node could not be noted");
            }
        }
    }

    /// Takes the node of a job out of service. What was said of it before stays.
    pub(super) fn drain_under(&mut self, id: JobId, why: &Text) {
        let job = self.job(id);
        let first = job.and_then(|job| job.held_resources()?.nodes.first().map(|share| share.node));
        let Some(node) = first.and_then(|index| self.cluster().node(index)) else { return };
        tracing::error!(job.id = id.0, node.name = %node.name, reason = %why, "node drained");
        if node.flags.drain {
            return;
        }
        let mut mark = node.mark();
        mark.flags.drain = true;
        (mark.reason, mark.at) = (why.clone(), self.now);
        mark.by = Some((Text::const_new("root"), Uid(0)));
        self.put_marks(vec![mark]);
    }
}

/// A node cannot be brought into a state.
struct Stays;

/// Brings a node with so many jobs into a state.
fn turn(mark: &mut NodeMark, wish: NodeWish, jobs: u32) -> Result<(), Stays> {
    let flags = &mut mark.flags;
    match wish {
        NodeWish::Drain => (flags.drain, flags.fail) = (true, false),
        NodeWish::Fail => (flags.drain, flags.fail) = (false, true),
        NodeWish::Down => flags.down = true,
        NodeWish::Undrain => (flags.drain, flags.fail) = (false, false),
        NodeWish::Resume if !flags.wants_reason() && !flags.future => return Err(Stays),
        NodeWish::Resume | NodeWish::Idle => put_into_service(mark),
        NodeWish::Future if jobs > 0 => return Err(Stays),
        NodeWish::Future => {
            put_into_service(mark);
            mark.flags.future = true;
        }
        NodeWish::NotResponding => {}
        NodeWish::Power | NodeWish::IdleAndDrained | NodeWish::Unreachable => return Err(Stays),
    }
    if !mark.flags.wants_reason() {
        forget_reason(mark);
    }
    Ok(())
}

/// What is said of a healthy node is nothing.
fn put_into_service(mark: &mut NodeMark) {
    mark.flags = mark.flags.in_service();
    forget_reason(mark);
}

fn forget_reason(mark: &mut NodeMark) {
    (mark.reason, mark.at, mark.by) = (Text::default(), Timestamp::EPOCH, None);
    (mark.upkeep.resume_at, mark.upkeep.back_at) = (None, None);
}

pub(super) fn named(by: &Principal) -> (Text, Uid) {
    (by.name.clone(), by.uid.unwrap_or(Uid(0)))
}

/// What cannot be wrong for one of the nodes alone.
fn check_texts(update: &NodeUpdate, nodes: usize) -> Result<(), Problem> {
    if update.state == Some(NodeWish::Power) {
        return Err(Problem::NoPowerControl);
    }
    for (field, text) in [
        ("reason", &update.reason),
        ("comment", &update.comment),
        ("extra", &update.extra),
        ("gres", &update.gres),
        ("topology_str", &update.topology),
    ] {
        if text.as_ref().is_some_and(|text| text.len() > LONGEST) {
            return Err(Problem::TooLong(Text::const_new(field)));
        }
    }
    for (field, features) in [("features", &update.features), ("features_act", &update.active_features)] {
        let length = features.iter().flatten().map(|feature| feature.len() + 1).sum::<usize>();
        if length > LONGEST {
            return Err(Problem::TooLong(Text::const_new(field)));
        }
    }
    for hosts in [&update.addresses, &update.hosts].into_iter().flatten() {
        let is_one = |host: &Text| {
            let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
            !host.is_empty() && host.len() <= 255 && host.bytes().all(is_fit)
        };
        if hosts.len() != nodes || !hosts.iter().all(is_one) {
            return Err(Problem::UnknownNode(Text::from(hosts.join(","))));
        }
    }
    Ok(())
}

/// Takes over what is kept as it was given; of hosts and addresses those of the node's place in the list.
fn keep(upkeep: &mut Upkeep, update: &NodeUpdate, at: usize) {
    let host = |hosts: &Option<Vec<Text>>| hosts.as_ref().and_then(|hosts| hosts.get(at).cloned());
    for (own, given) in [
        (&mut upkeep.comment, update.comment.clone()),
        (&mut upkeep.extra, update.extra.clone()),
        (&mut upkeep.address, host(&update.addresses)),
        (&mut upkeep.host, host(&update.hosts)),
    ] {
        if given.is_some() {
            *own = given;
        }
    }
    for (own, given) in [(&mut upkeep.weight, update.weight), (&mut upkeep.cpu_binding, update.cpu_binding)] {
        *own = given.or(*own);
    }
}

/// What is active must be there. Those that are given anew are all active, if nothing else is said.
fn features(node: &Node, upkeep: &mut Upkeep, update: &NodeUpdate) -> Result<(), Problem> {
    let there = update.features.as_ref().unwrap_or(&node.features);
    let active = update.active_features.as_ref().unwrap_or(&node.active_features);
    if (update.features.is_some() || update.active_features.is_some())
        && !active.iter().all(|feature| there.contains(feature))
    {
        return Err(Problem::ActiveFeatures(node.name.clone()));
    }
    let now_active = update.active_features.as_ref().or(update.features.as_ref()).cloned();
    let given = [(&mut upkeep.features, &update.features), (&mut upkeep.active_features, &now_active)];
    for (own, given) in given {
        if given.is_some() {
            own.clone_from(given);
        }
    }
    Ok(())
}
