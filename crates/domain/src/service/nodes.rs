//! Nodes that are taken out of service and put back: by an administrator, or because something went wrong there.

use super::ledger::Ledger;
use crate::cluster::{NodeFlags, NodeMark};
use crate::who::Principal;
use crate::{Error, JobId, Problem, Text, Uid};

/// The longest reason that is remembered, in bytes.
const LONGEST_REASON: usize = 1024;

/// What an administrator wants of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It takes no new jobs; why.
    Drain(Text),
    /// It takes jobs again.
    Resume,
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
        let flags = self.cluster().node(index).map(|node| node.flags).unwrap_or_default();
        let by = Some((by.name.clone(), by.uid.unwrap_or(Uid(0))));
        let mark = match wanted {
            Availability::Drain(reason) if reason.len() > LONGEST_REASON => {
                return Err(Problem::TooLong(Text::const_new("reason")).into());
            }
            Availability::Drain(reason) => NodeMark {
                node: node.clone(),
                flags: NodeFlags { drain: true, ..flags },
                reason,
                at: self.now,
                by,
            },
            // What is said of a healthy node is nothing.
            Availability::Resume => NodeMark { node: node.clone(), ..NodeMark::default() },
        };
        self.put_mark(mark);
        Ok(())
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
        let mark = NodeMark {
            node: node.name.clone(),
            flags: NodeFlags { drain: true, ..node.flags },
            reason: why.clone(),
            at: self.now,
            by: Some((Text::const_new("root"), Uid(0))),
        };
        self.put_mark(mark);
    }
}
