//! The cluster's record.

use super::tres::amount;
use domain::Text;
use domain::accounting::{Books, ClusterRecord, ROOT as ROOT_ACCOUNT, trackables};
use domain::cluster::{Cluster, fold};
use slurm_wire::accounting::cluster::ClusterRec;
use slurm_wire::words::ClusterFlag;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// The version of the controller's protocol that goes with the release whose behaviour is reproduced.
const PROTOCOL: u32 = 45 << 8;

/// Number of the association at the root of every cluster.
const ROOT: u32 = 1;

/// Describes this cluster, whose controller listens at an address.
pub(in crate::slurm) fn cluster(cluster: &Cluster, address: SocketAddr) -> ClusterRec {
    let mut record =
        ClusterRec { name: cluster.name.clone(), rpc_version: PROTOCOL, ..ClusterRec::default() };
    let ip = address.ip();
    record.controller.host = if ip.is_unspecified() { cluster.host.clone() } else { ip.to_string().into() };
    record.controller.port = u32::from(address.port());
    let nodes = || cluster.nodes.iter().filter(|node| !node.flags.gone);
    let hosts: BTreeSet<&Text> = nodes().map(|node| &node.host).collect();
    if hosts.len() < nodes().count() {
        record.flags = [ClusterFlag::MultipleSlurmd].into_iter().collect();
    }
    let mut names: Vec<&str> = nodes().map(|node| node.name.as_str()).collect();
    names.sort_unstable();
    record.nodes = fold(names);
    record.associations.root.account = Text::const_new("root");
    record.associations.root.cluster = cluster.name.clone();
    record.associations.root.id = ROOT;
    record.tres = trackables(cluster).iter().map(amount).collect();
    record
}

/// Describes another cluster that the books know: its name, and the root of its tree.
pub(in crate::slurm) fn other_cluster(known: &ClusterRecord, books: &Books) -> ClusterRec {
    let mut record = ClusterRec { name: known.name.clone(), ..ClusterRec::default() };
    if let Some(root) = books.account_on(&known.name, &ROOT_ACCOUNT) {
        record.associations.root.account = ROOT_ACCOUNT;
        record.associations.root.cluster = known.name.clone();
        record.associations.root.id = root.id;
    }
    record
}
