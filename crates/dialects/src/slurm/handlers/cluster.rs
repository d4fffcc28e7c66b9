//! Nodes, partitions and licences. An unknown name is no error in the original: unknown nodes have an error of number zero,
//! unknown partitions a warning.

use super::jobs::{is_unchanged, last_update};
use crate::http::answer::{Answer, empty};
use crate::site::Site;
use crate::slurm::call::Call;
use crate::slurm::listing::{Entries, measured};
use crate::slurm::to_wire;
use domain::cluster::Node;
use domain::ports::MachineLoad;
use domain::state::Snapshot;
use domain::{NodeIndex, Text, Timestamp};
use hyper::StatusCode;
use slurm_wire::error_number as number;
use slurm_wire::licenses::LicensesResp;
use slurm_wire::node::NodesResp;
use slurm_wire::out::Out;
use slurm_wire::partition::PartitionResp;
use slurm_wire::query::{NodesQuery, PartitionsQuery};
use slurm_wire::series::Series;
use slurm_wire::words::{NodeState, ShowFlag};
use slurm_wire::{NoVal, node as wire};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Lists all nodes.
pub(super) fn nodes(mut call: Call<'_>) -> Answer {
    let Some(query) = nodes_query(&mut call) else { return call.fail() };
    if call.trusted("Failure to query nodes", "_dump_nodes").is_none() {
        return call.fail();
    }
    if let Some(problem) = call.slice.problem {
        call.report.error(number::INVALID_QUERY, problem, "_dump_nodes");
        return call.fail();
    }
    let snapshot = call.site.jobs.snapshot();
    if is_unchanged(query.update_time.map_or(0, |time| time.0), snapshot.nodes_changed) {
        return empty(StatusCode::NOT_MODIFIED);
    }
    // Looked at once an answer, so that the answer has one length.
    let load = call.site.jobs.meter().machine();
    if call.slice.is_known(
        call.site.started,
        snapshot.at,
        load.free_memory.rotate_left(32) ^ u64::from(load.load),
    ) {
        return call.known();
    }
    let (first, limit) = (call.slice.cursor, call.slice.limit.unwrap_or(usize::MAX));
    let all = u32::try_from(snapshot.cluster.nodes.len()).unwrap_or(u32::MAX);
    let last = first.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX));
    call.slice.goes_on(Some(last).filter(|last| *last < all));
    let payload = NodesResp { last_update: last_update(call.now), ..NodesResp::default() };
    let picture = Arc::new(Picture::new(&call, snapshot, load, Shown::of(&query)));
    let again = Arc::clone(&picture);
    let version = call.version;
    let size = move || measured(version, node_entries(again, first..last));
    call.list(payload, node_entries(picture, first..last), size)
}

fn node_entries(picture: Arc<Picture>, mut places: std::ops::Range<u32>) -> impl Entries {
    let all = u32::try_from(picture.snapshot.cluster.nodes.len()).unwrap_or(u32::MAX);
    places.end = places.end.min(all);
    let mut series = Series::default();
    move |out: &mut Out| {
        let node = places.find_map(|at| picture.node(NodeIndex(at)));
        let Some(node) = node else { return false };
        *series.vacant() = node;
        series.write(out);
        true
    }
}

/// Shows a node; unlike the list it does not look at `update_time`.
pub(super) fn node(mut call: Call<'_>) -> Answer {
    let Some(query) = nodes_query(&mut call) else { return call.fail() };
    let unable = format!("Failure to query node {}", call.parameter);
    if call.trusted(&unable, "_dump_nodes").is_none() {
        return call.fail();
    }
    let snapshot = call.site.jobs.snapshot();
    let index = snapshot.cluster.node_index(call.parameter);
    let picture = Picture::new(&call, snapshot, call.site.jobs.meter().machine(), Shown::of(&query));
    let Some(node) = index.and_then(|index| picture.node(index)) else {
        call.report.error(number::NONE, unable, "_dump_nodes");
        return call.fail();
    };
    let last_update = last_update(call.now);
    call.answer(NodesResp { nodes: vec![node].into(), last_update, ..NodesResp::default() })
}

fn nodes_query(call: &mut Call<'_>) -> Option<NodesQuery> {
    let query = call.read::<NodesQuery>();
    if query.is_none() {
        call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing query.", "_dump_nodes");
    }
    query
}

/// What a query wants to see.
#[derive(Clone, Copy)]
struct Shown {
    /// Which generic resources are in use: if it says nothing, or says so.
    detail: bool,
    /// Nodes that are not there yet.
    future: bool,
}

impl Shown {
    fn of(query: &NodesQuery) -> Self {
        let says = |flag| query.flags.as_ref().is_some_and(|flags| flags.contains(flag));
        let is_silent = query.flags.as_ref().is_none_or(|flags| flags.is_empty());
        Shown { detail: is_silent || says(ShowFlag::Detail), future: says(ShowFlag::Future) }
    }

    fn shows(self, node: &Node) -> bool {
        !node.flags.gone && (self.future || !node.flags.future)
    }
}

/// What nodes look like to one request.
struct Picture {
    site: Arc<Site>,
    snapshot: Arc<Snapshot>,
    /// Nodes on which waiting jobs are expected.
    planned: BTreeSet<NodeIndex>,
    load: MachineLoad,
    now: Timestamp,
    wanted: Shown,
}

impl Picture {
    fn new(call: &Call<'_>, snapshot: Arc<Snapshot>, load: MachineLoad, wanted: Shown) -> Self {
        let planned = snapshot.planned.nodes(&snapshot.jobs);
        Picture { site: Arc::clone(call.site), snapshot, planned, load, now: call.now, wanted }
    }

    fn node(&self, index: NodeIndex) -> Option<wire::Node> {
        let (snapshot, at) = (&self.snapshot, usize::try_from(index.0).ok()?);
        let node = snapshot.cluster.nodes.get(at).filter(|node| self.wanted.shows(node))?;
        let used = snapshot.nodes.get(at)?;
        let mut info = to_wire::node(index, node, used, &snapshot.cluster, self.load);
        to_wire::reserve_node(&mut info, index, &snapshot.reservations, self.now);
        // Of what is given away altogether nothing can be planned.
        if self.planned.contains(&index) && !info.state.contains(NodeState::Allocated) {
            info.state.insert(NodeState::Planned);
        }
        if let Some(user) = used.owner() {
            let person = self.site.jobs.directory().person_by_uid(user);
            info.owner = person.map_or_else(|| Text::from(user.0.to_string()), |person| person.name);
        }
        if !self.wanted.detail {
            info.gres_used.clear();
            info.gres_drained.clear();
        }
        Some(info)
    }
}

/// Lists licences. Like the original it reads no parameters.
pub(super) fn licenses(mut call: Call<'_>) -> Answer {
    if call.trusted("slurm_load_licenses() was unable to load licenses", "op_handler_licenses").is_none() {
        return call.answer(LicensesResp { last_update: NoVal::Set(0), ..LicensesResp::default() });
    }
    let snapshot = call.site.jobs.snapshot();
    let licenses = to_wire::licenses(&snapshot, call.now).into();
    let last_update = last_update(call.now);
    call.answer(LicensesResp { licenses, last_update, ..LicensesResp::default() })
}

/// Lists all partitions.
pub(super) fn partitions(mut call: Call<'_>) -> Answer {
    let Some(query) = partitions_query(&mut call, "_partitions_get") else { return call.fail() };
    if call.asker.is_none() {
        // Of all operations this one says nothing about why.
        return call.fail_with(StatusCode::NETWORK_AUTHENTICATION_REQUIRED);
    }
    let snapshot = call.site.jobs.snapshot();
    if is_unchanged(query.update_time.map_or(0, |time| time.0), snapshot.partitions_changed) {
        return empty(StatusCode::NOT_MODIFIED);
    }
    let cluster = &snapshot.cluster;
    let partitions =
        cluster.partitions.iter().map(|partition| to_wire::partition(partition, cluster)).collect();
    let last_update = last_update(call.now);
    call.answer(PartitionResp { partitions, last_update, ..PartitionResp::default() })
}

/// Shows a partition.
pub(super) fn partition(mut call: Call<'_>) -> Answer {
    let Some(query) = partitions_query(&mut call, "_partition_get") else { return call.fail() };
    if call.trusted("Unable to query partitions", "_partition_get").is_none() {
        return call.fail();
    }
    let snapshot = call.site.jobs.snapshot();
    if is_unchanged(query.update_time.map_or(0, |time| time.0), snapshot.partitions_changed) {
        return empty(StatusCode::NOT_MODIFIED);
    }
    let Some(partition) = snapshot.cluster.partition(call.parameter) else {
        call.report.warn(format!("Unable to find partition {}", call.parameter), "_partition_get");
        return call.fail();
    };
    let partition = to_wire::partition(partition, &snapshot.cluster);
    let last_update = last_update(call.now);
    call.answer(PartitionResp { partitions: vec![partition].into(), last_update, ..PartitionResp::default() })
}

fn partitions_query(call: &mut Call<'_>, source: &'static str) -> Option<PartitionsQuery> {
    let query = call.read::<PartitionsQuery>();
    if query.is_none() {
        call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing query", source);
    }
    query
}
