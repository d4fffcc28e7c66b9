//! Nodes and licences for a reservation: which there are, which others have at the same time, and which jobs use.

use crate::cluster::{Cluster, Node, Partition};
use crate::job::{Constraint, CpuSet};
use crate::reservation::{
    Choice, Reservation, ReservationFlags, ReservationWish, ReservedNode, TresWish, choose, choose_listed,
    meet,
};
use crate::service::ledger::Ledger;
use crate::{NodeIndex, Problem, Text, Timestamp};

/// Kinds of what is tracked that a reservation may name and that nothing is reserved of, as in the original.
const PASSED_OVER: [&str; 5] = ["mem", "energy", "billing", "vmem", "pages"];

impl Ledger<'_> {
    /// Finds nodes for a new reservation.
    pub(super) fn place_new(&self, made: &mut Reservation, wish: &ReservationWish) -> Result<(), Problem> {
        let choice = self.choice(wish)?;
        let replaces =
            made.flags.has(ReservationFlags::REPLACE) || made.flags.has(ReservationFlags::REPLACE_DOWN);
        if replaces && choice.cores.is_some() {
            return Err(Problem::BadCoreCount);
        }
        if !wish.node_list.is_empty() {
            if replaces {
                // What is named cannot be replaced.
                return Err(Problem::UnknownNode(wish.node_list.join(",").into()));
            }
            return self.place_listed(made, wish, &choice);
        }
        made.partition = wish.partition.clone();
        if choice.nodes.is_none() && choice.cores.is_none() && choice.gres.is_empty() {
            if made.flags.has(ReservationFlags::ANY_NODES) && !made.licenses.is_empty() {
                return Ok(());
            }
            return Err(Problem::UnknownNode(Text::default()));
        }
        made.partition = self.partition_of(&wish.partition)?.name.clone();
        made.wanted_nodes = choice.nodes.unwrap_or(0);
        made.nodes = self.choose_nodes(made, &choice)?;
        made.wanted_nodes = u32::try_from(made.nodes.len()).unwrap_or(u32::MAX);
        Ok(())
    }

    fn place_listed(
        &self,
        made: &mut Reservation,
        wish: &ReservationWish,
        choice: &Choice,
    ) -> Result<(), Problem> {
        made.partition = self.named_partition(&wish.partition)?;
        let mut listed = if wish.names_all_nodes() {
            self.all_nodes(made)?
        } else {
            made.flags = made.flags.without(ReservationFlags::PART_NODES);
            wish.node_list.iter().map(|name| self.known_node(name)).collect::<Result<Vec<_>, _>>()?
        };
        listed.sort_unstable();
        listed.dedup();
        made.flags = made.flags.with(ReservationFlags::SPEC_NODES);
        if choice.is_of_whole_nodes() {
            made.nodes = choose_listed(self.cluster(), &listed, choice, |_| CpuSet::default())?;
            self.check_overlap(made)?;
        } else {
            // Cores are looked for as they are without a list, which is why there is a partition then.
            made.partition = self.partition_of(&wish.partition)?.name.clone();
            let taken = |node| self.reserved_cpus(made, node);
            made.nodes = choose_listed(self.cluster(), &listed, choice, taken)?;
        }
        made.wanted_nodes = u32::try_from(listed.len()).unwrap_or(u32::MAX);
        self.check_running(made)
    }

    /// Returns all nodes, or those of the partition if it is to have these.
    fn all_nodes(&self, made: &mut Reservation) -> Result<Vec<NodeIndex>, Problem> {
        if made.flags.has(ReservationFlags::PART_NODES) {
            return Ok(self.partition_of(&made.partition)?.nodes.clone());
        }
        made.flags = made.flags.with(ReservationFlags::ALL_NODES);
        Ok(self.cluster().present_places().collect())
    }

    pub(super) fn known_node(&self, name: &Text) -> Result<NodeIndex, Problem> {
        self.cluster().node_index(name).ok_or_else(|| Problem::UnknownNode(name.clone()))
    }

    pub(super) fn named_partition(&self, name: &str) -> Result<Text, Problem> {
        if name.is_empty() { Ok(Text::default()) } else { Ok(self.partition_of(name)?.name.clone()) }
    }

    fn partition_of(&self, name: &str) -> Result<&Partition, Problem> {
        let cluster = self.cluster();
        let found = if name.is_empty() { cluster.default_partition() } else { cluster.partition(name) };
        found.ok_or_else(|| Problem::UnknownPartition(Text::from(name)))
    }

    fn choice(&self, wish: &ReservationWish) -> Result<Choice, Problem> {
        let given = |count: Option<u32>| count.filter(|count| *count > 0);
        let mut choice = Choice {
            nodes: given(wish.node_count),
            cores: given(wish.core_count),
            gres: Vec::new(),
            per_node: wish.flags.on.has(ReservationFlags::TRES_PER_NODE),
        };
        for tres in &wish.tres {
            self.add_tres(&mut choice, tres)?;
        }
        if let (Some(nodes), Some(cores)) = (choice.nodes, choice.cores)
            && cores < nodes
            && !choice.per_node
        {
            return Err(Problem::BadCoreCount);
        }
        Ok(choice)
    }

    fn add_tres(&self, choice: &mut Choice, tres: &TresWish) -> Result<(), Problem> {
        let (kind, name) = match tres.kind.split_once('/') {
            Some((kind, name)) => (kind, name),
            None => (tres.kind.as_str(), tres.name.as_str()),
        };
        let bad = || Problem::BadTres(tres.kind.clone());
        let count = u32::try_from(tres.count).ok().filter(|count| *count > 0);
        match kind.to_ascii_lowercase().as_str() {
            "cpu" => {
                let nodes = self.cluster().present_nodes();
                let granule = nodes.map(|node| node.topology.granule()).max().unwrap_or(1);
                choice.cores = Some(count.ok_or_else(bad)?.div_ceil(granule));
            }
            "node" => choice.nodes = Some(count.ok_or_else(bad)?),
            "gres" => {
                let name = name.split(':').next().unwrap_or_default();
                let has = |node: &Node| node.gres.iter().any(|gres| gres.name == name);
                if count.is_none() || !self.cluster().present_nodes().any(has) {
                    return Err(bad());
                }
                choice.gres.push((Text::from(name), tres.count));
            }
            "fs" if name == "disk" => {}
            kind if PASSED_OVER.contains(&kind) => {}
            _ => return Err(bad()),
        }
        Ok(())
    }

    /// Chooses nodes that are free of other reservations and of jobs, as far as `made` minds them.
    fn choose_nodes(&self, made: &Reservation, choice: &Choice) -> Result<Vec<ReservedNode>, Problem> {
        let candidates = self.candidates(made, |_| true)?;
        choose(self.cluster(), &candidates, choice, |node| self.reserved_cpus(made, node))
    }

    /// Returns the whole nodes that it could have of those that are `wanted`, the best first.
    pub(super) fn free_nodes(
        &self,
        made: &Reservation,
        wanted: impl Fn(NodeIndex) -> bool,
    ) -> impl Iterator<Item = NodeIndex> {
        let candidates = self.candidates(made, wanted).unwrap_or_default();
        candidates.into_iter().filter(|node| self.reserved_cpus(made, *node).is_empty())
    }

    /// Returns the nodes that are in nobody's hands, as far as `made` minds jobs, the best first; what others have
    /// reserved of them is not looked at.
    fn candidates(
        &self,
        made: &Reservation,
        wanted: impl Fn(NodeIndex) -> bool,
    ) -> Result<Vec<NodeIndex>, Problem> {
        let cluster = self.cluster();
        let partition = self.partition_of(&made.partition)?;
        let features = match made.features.as_str() {
            "" => None,
            written => Some(Constraint::parse(written).map_err(|_| Problem::NodeConfiguration)?),
        };
        let suits =
            |node: &Node| features.as_ref().is_none_or(|features| features.holds(&node.active_features));
        let mut candidates: Vec<NodeIndex> = partition.nodes.clone();
        candidates.retain(|index| cluster.node(*index).is_some_and(suits));
        if candidates.is_empty() {
            return Err(Problem::NodeConfiguration);
        }
        let is_maintenance = made.flags.has(ReservationFlags::MAINT);
        candidates.retain(|index| {
            if !wanted(*index) {
                return false;
            }
            let is_up = cluster.node(*index).is_some_and(|node| node.flags.takes_jobs());
            (is_up || is_maintenance) && (self.ignores_jobs(made) || !self.runs_into(made, *index))
        });
        candidates.sort_by_key(|index| cluster.node(*index).map_or(u32::MAX, |node| node.weight));
        Ok(candidates)
    }

    fn ignores_jobs(&self, made: &Reservation) -> bool {
        made.flags.has(ReservationFlags::IGNORE_JOBS)
    }

    /// Checks that no job runs on the nodes beyond its start.
    pub(super) fn check_running(&self, made: &Reservation) -> Result<(), Problem> {
        let in_the_way = |reserved: &ReservedNode| self.runs_into(made, reserved.node);
        if !self.ignores_jobs(made) && made.nodes.iter().any(in_the_way) {
            return Err(Problem::NodesBusy);
        }
        Ok(())
    }

    /// Tells whether a job that is none of its own runs on a node beyond the start of a reservation.
    fn runs_into(&self, made: &Reservation, node: NodeIndex) -> bool {
        let (start, _) = made.window(self.now);
        let is_used = self.state().node_use().get(node.0 as usize).is_some_and(|used| used.jobs > 0);
        is_used
            && self.state().holding().any(|job| {
                let Some(run) = job.run() else { return false };
                let is_own = !made.name.is_empty() && run.allocation.reservation == made.name;
                let ends = if run.is_suspended() { Timestamp::NEVER } else { run.until };
                !is_own && ends > start && run.allocation.nodes.iter().any(|share| share.node == node)
            })
    }

    /// Returns the CPUs of a node that reservations have which meet this one.
    fn reserved_cpus(&self, made: &Reservation, node: NodeIndex) -> CpuSet {
        let mut taken = CpuSet::default();
        if made.may_overlap() {
            return taken;
        }
        for other in self.state().reservations().iter() {
            let Some(reserved) =
                other.of_node(node).filter(|_| other.number != made.number && !other.may_overlap())
            else {
                continue;
            };
            if meet(made, other, self.now, self.calendar()) {
                match &reserved.cpus {
                    Some(cpus) => taken.add(cpus),
                    None => taken.add(&all_cpus(self.cluster(), node)),
                }
            }
        }
        taken
    }

    /// Checks that no other reservation has the same whole nodes at the same time. Slurm looks at those of whole nodes
    /// only.
    pub(super) fn check_overlap(&self, made: &Reservation) -> Result<(), Problem> {
        if made.may_overlap() {
            return Ok(());
        }
        let shares = |other: &Reservation| {
            other
                .nodes
                .iter()
                .any(|reserved| reserved.cpus.is_none() && made.of_node(reserved.node).is_some())
        };
        let all = self.state().reservations();
        let is_in_the_way = all.iter().any(|other| {
            other.number != made.number
                && !other.may_overlap()
                && shares(other)
                && meet(made, other, self.now, self.calendar())
        });
        if is_in_the_way { Err(Problem::ReservationOverlap) } else { Ok(()) }
    }

    /// Reads licences: `name:count`, `name=count`, or one of a name.
    pub(super) fn known_licenses(&self, written: &[Text]) -> Result<Vec<(Text, u32)>, Problem> {
        let mut known: Vec<(Text, u32)> = Vec::new();
        for item in written.iter().filter(|item| !item.is_empty()) {
            let (name, count) = item.split_once([':', '=']).unwrap_or((item, "1"));
            let count = count.parse::<u32>().ok().filter(|count| *count > 0);
            let all = self.cluster().licenses.get(name).copied();
            match (count, all) {
                (Some(count), Some(all)) if count <= all => known.push((Text::from(name), count)),
                _ => return Err(Problem::BadLicense(item.clone())),
            }
        }
        Ok(known)
    }

    /// Checks that there are enough licences beside those of reservations that meet this one.
    pub(super) fn check_licenses(&self, made: &Reservation) -> Result<(), Problem> {
        for (name, count) in &made.licenses {
            let all = self.cluster().licenses.get(name).copied().unwrap_or(0);
            let of = |other: &Reservation| {
                let found = other.licenses.iter().filter(|(known, _)| known == name);
                found.map(|(_, count)| *count).fold(0, u32::saturating_add)
            };
            let others = self.state().reservations();
            let others = others.iter().filter(|other| other.number != made.number && of(other) > 0);
            let kept = others.filter(|other| meet(made, other, self.now, self.calendar()));
            let kept = kept.map(|other| of(other)).fold(0, u32::saturating_add);
            if kept.saturating_add(*count) > all {
                return Err(Problem::BadLicense(name.clone()));
            }
        }
        Ok(())
    }
}

fn all_cpus(cluster: &Cluster, node: NodeIndex) -> CpuSet {
    CpuSet::first(cluster.node(node).map_or(0, |node| node.topology.cpus))
}
