//! From the file and this machine to the cluster: nodes, partitions, licences, members, limits.

use super::ConfigError;
use super::accounts;
use super::file::{ClusterTable, File, GresTable, NodeTable, PartitionTable};
use super::hardware::{cpus_of_cores, switches, system_share};
use super::hostnames::expand;
use super::scheduling;
use super::units::OverSubscribe;
use domain::accounting::{Books, Configured};
use domain::cluster::{
    Cluster, ExitCodes, GpuDefaults, Gres, Limits, Node, Partition, PartitionSharing, Switches, Topology,
};
use domain::who::{AdminLevel, Membership};
use domain::{JobId, NodeIndex, Text, TimeLimit, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// Makes the cluster.
pub(super) fn cluster(file: &File, machine: &Node, now: Timestamp) -> Result<Cluster, ConfigError> {
    let nodes = nodes(&file.nodes, machine)?;
    let mut cluster = Cluster {
        name: Text::from(&file.cluster.name),
        host: machine.host.clone(),
        nodes,
        partitions: Vec::new(),
        licenses: file.licenses.iter().map(|(name, count)| (Text::from(name), *count)).collect(),
        switches: Switches::default(),
        books: Books::configured(&Text::from(&file.cluster.name), configured(file)?),
        enforcement: accounts::enforcement(&file.accounting.enforce)?,
        preempt: scheduling::preempt(&file.preempt)?,
        scheduling: scheduling::scheduler(&file.scheduler)?,
        priority: scheduling::priority(&file.priority)?,
        limits: limits(&file.cluster)?,
        started: now,
    };
    cluster.switches = switches(&file.switches, &cluster)?;
    cluster.partitions = partitions(&file.partitions, &cluster)?;
    if cluster.name.is_empty() {
        return Err(ConfigError::unfit("[cluster]", "name is empty"));
    }
    Ok(cluster)
}

fn member(user: &super::file::UserTable) -> Membership {
    let lower = |name: &String| Text::from(name.to_lowercase());
    Membership {
        name: Text::from(&user.name),
        level: user.admin,
        default_account: lower(&user.default_account),
        accounts: user.accounts.iter().map(lower).collect(),
    }
}

/// Returns what of accounting is configured. Users who have no account and may do no more than others are none of its
/// matters, and neither is the service's own user.
fn configured(file: &File) -> Result<Configured, ConfigError> {
    let accounts = file.accounts.iter().map(|account| {
        (
            Text::from(account.name.to_lowercase()),
            Text::from(&account.description),
            Text::from(&account.organization),
        )
    });
    let counts = |member: &Membership| {
        let has_account = !member.default_account.is_empty() || !member.accounts.is_empty();
        has_account || member.level > AdminLevel::None && member.name != file.cluster.service_user
    };
    Ok(Configured {
        accounts: accounts.filter(|(name, ..)| *name != "root").collect(),
        users: file.users.iter().map(member).filter(counts).collect(),
        qos: scheduling::qos(&file.qos)?,
    })
}

fn limits(table: &ClusterTable) -> Result<Limits, ConfigError> {
    let unfit = |why: &str| Err(ConfigError::unfit("[cluster]", why));
    if table.first_job_id == 0 || table.first_job_id > JobId::MAX.0 {
        return unfit("first_job_id must be between 1 and 67108863");
    }
    if table.max_array_size < 2 || table.max_array_size > 4_000_001 {
        return unfit("max_array_size must be between 2 and 4000001");
    }
    if table.max_job_count == 0 {
        return unfit("max_job_count must be at least 1");
    }
    if table.return_to_service > 2 {
        return unfit("return_to_service must be 0, 1 or 2");
    }
    if table.kept_changes == 0 {
        return unfit("kept_changes must be at least 1");
    }
    Ok(Limits {
        min_job_age: table.min_job_age.0,
        kill_wait: table.kill_wait.0,
        batch_delay: table.batch_sched_delay.0,
        max_array_size: table.max_array_size,
        max_jobs: table.max_job_count,
        max_script: table.max_script_size.0,
        first_job_id: table.first_job_id,
        base_priority: table.base_priority,
        requeue: table.job_requeue,
        requeue_exit: exit_codes("requeue_exit", &table.requeue_exit)?,
        requeue_exit_hold: exit_codes("requeue_exit_hold", &table.requeue_exit_hold)?,
        max_requeue: table.max_batch_requeue,
        retry_after_prolog: table.nohold_on_prolog_fail,
        overtime: overtime(table.over_time_limit.0),
        kill_invalid_dependency: table.kill_invalid_depend,
        append_output: table.job_file_append,
        service_user: Text::from(&table.service_user),
        track_wckeys: table.track_wckey,
        allow_core_spec: table.allow_spec_resources_usage,
        max_switch_wait: table.max_switch_wait.0,
        explicit_cron_cancel: table.explicit_scancel,
        inactive_limit: table.inactive_limit.0,
        kept_changes: table.kept_changes,
        max_nodes: table.max_node_count,
        returns_to_service: table.return_to_service == 2,
        reservation_overrun: overtime(table.resv_over_run.0),
        kept_receipts: table.idempotency_keys,
        receipt_lifetime: table.idempotency_window.0,
    })
}

fn exit_codes(key: &str, written: &str) -> Result<ExitCodes, ConfigError> {
    ExitCodes::parse(written).ok_or_else(|| {
        ConfigError::unfit("[cluster]", format!("{key} = \"{written}\" is not a list such as \"3,10-12\""))
    })
}

fn overtime(limit: TimeLimit) -> Duration {
    limit.minutes().map_or(Duration::MAX, |minutes| Duration::from_secs(u64::from(minutes) * 60))
}

fn nodes(tables: &[NodeTable], machine: &Node) -> Result<Vec<Node>, ConfigError> {
    if tables.is_empty() {
        return Ok(vec![machine.clone()]);
    }
    let mut nodes = Vec::new();
    let mut names = BTreeSet::new();
    for table in tables {
        let names_written = expand(&table.name).ok_or_else(|| {
            ConfigError::unfit(
                "[[nodes]]",
                format!("\"{}\" is not a name or a list such as \"n[1-4]\"", table.name),
            )
        })?;
        for name in names_written {
            if !names.insert(name.clone()) {
                return Err(ConfigError::unfit("[[nodes]]", format!("node \"{name}\" is given twice")));
            }
            nodes.push(node(&name, table, machine)?);
        }
    }
    // More could not be told apart in a message of Slurm's.
    if nodes.len() > 65_533 {
        return Err(ConfigError::unfit("[[nodes]]", "more than 65533 nodes"));
    }
    Ok(nodes)
}

fn node(name: &str, table: &NodeTable, machine: &Node) -> Result<Node, ConfigError> {
    let features: Vec<Text> = table.features.iter().map(Text::from).collect();
    let topology = topology(name, table, machine.topology)?;
    let gres =
        table.gres.as_ref().map(|list| list.iter().map(|gres| self::gres(name, gres, topology)).collect());
    let memory = table.memory.map_or(machine.memory, |memory| memory.0);
    let system = system_share(table, topology, memory)
        .map_err(|why| ConfigError::unfit("[[nodes]]", format!("node \"{name}\": {why}")))?;
    Ok(Node {
        name: Text::from(name),
        host: table.host.as_ref().map_or_else(|| machine.host.clone(), Text::from),
        address: Text::from(table.address.as_deref().unwrap_or("127.0.0.1")),
        port: table.port.unwrap_or(0),
        topology,
        memory,
        system,
        tmp_disk: table.tmp_disk.map_or(machine.tmp_disk, |disk| disk.0),
        weight: table.weight.unwrap_or(1),
        active_features: features.clone(),
        features,
        gres: gres.transpose()?.unwrap_or_else(|| machine.gres.clone()),
        ..machine.clone()
    })
}

/// Fills in what is not said about CPUs: a node that says nothing is like this machine, one that gives only their
/// number has one socket of single-threaded cores.
fn topology(name: &str, table: &NodeTable, machine: Topology) -> Result<Topology, ConfigError> {
    let unfit = |why: String| ConfigError::unfit("[[nodes]]", format!("node \"{name}\": {why}"));
    if table
        .cpus
        .or(table.sockets.or(table.cores_per_socket).or(table.threads_per_core).map(u32::from))
        .is_none()
    {
        return Ok(machine);
    }
    let sockets = table.sockets.unwrap_or(1);
    let threads = table.threads_per_core.unwrap_or(1);
    let around = u64::from(sockets) * u64::from(threads);
    if around == 0 || table.cores_per_socket == Some(0) || table.cpus == Some(0) {
        return Err(unfit(
            "cpus, sockets, cores_per_socket and threads_per_core must be at least 1".to_owned(),
        ));
    }
    let cores = match (table.cores_per_socket, table.cpus) {
        (Some(cores), _) => u64::from(cores),
        (None, Some(cpus)) => u64::from(cpus).div_ceil(around),
        (None, None) => 1,
    };
    let product = around * cores;
    let cpus = table.cpus.map_or(product, u64::from);
    if cpus > product {
        let why =
            format!("{cpus} cpus are more than {sockets} sockets of {cores} cores of {threads} threads have");
        return Err(unfit(why));
    }
    match (u16::try_from(cores), u32::try_from(cpus)) {
        (Ok(cores), Ok(cpus)) if cpus <= 65_534 => Ok(Topology { boards: 1, sockets, cores, threads, cpus }),
        _ => Err(unfit("more than 65534 cpus".to_owned())),
    }
}

fn gres(node: &str, table: &GresTable, topology: Topology) -> Result<Gres, ConfigError> {
    let unfit = |why: String| Err(ConfigError::unfit("[[nodes]]", format!("node \"{node}\": {why}")));
    if table.name.is_empty() {
        return unfit("a generic resource needs a name".to_owned());
    }
    if ["mps", "shard"].contains(&table.name.as_str()) {
        return unfit(format!("{} is not supported: GPUs are given out whole", table.name));
    }
    let files = u32::try_from(table.files.len()).unwrap_or(u32::MAX);
    let count = table.count.unwrap_or(files.max(1));
    if files != 0 && files != count {
        return unfit(format!("{} has {files} files for a count of {count}", table.name));
    }
    if count > 65_535 {
        return unfit(format!("{count} of {} are too many", table.name));
    }
    Ok(Gres {
        name: Text::from(&table.name),
        kind: Text::from(&table.kind),
        count,
        files: table.files.iter().map(Text::from).collect(),
        near: cpus_of_cores(topology, &table.cores).map_err(|why| {
            ConfigError::unfit("[[nodes]]", format!("node \"{node}\": cores of {}: {why}", table.name))
        })?,
        taken_away: 0,
    })
}

fn partitions(tables: &[PartitionTable], cluster: &Cluster) -> Result<Vec<Partition>, ConfigError> {
    let all = [PartitionTable::named("main")];
    let tables = if tables.is_empty() { &all[..] } else { tables };
    let unfit = |why: String| Err(ConfigError::unfit("[[partitions]]", why));
    if tables.iter().filter(|table| table.default).count() > 1 {
        return unfit("more than one is the default".to_owned());
    }
    // Slurm would refuse jobs that name no partition; the first one is what they must mean.
    let none_marked = !tables.iter().any(|table| table.default);
    let mut partitions: Vec<Partition> = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        if table.name.is_empty() || table.name.contains([',', ' ']) {
            return unfit(format!("\"{}\" is not a name", table.name));
        }
        if partitions.iter().any(|other| other.name.eq_ignore_ascii_case(&table.name)) {
            return unfit(format!("partition \"{}\" is given twice", table.name));
        }
        partitions.push(partition(table, cluster, table.default || (none_marked && at == 0))?);
    }
    Ok(partitions)
}

fn partition(table: &PartitionTable, cluster: &Cluster, is_default: bool) -> Result<Partition, ConfigError> {
    let texts = |names: &[String]| names.iter().map(Text::from).collect::<Vec<_>>();
    let lower =
        |names: &[String]| names.iter().map(|name| Text::from(name.to_lowercase())).collect::<Vec<_>>();
    let (nodes, nodes_written) = nodes_of(table, cluster)?;
    if table.default_time.is_some_and(|default| default.0 > table.max_time.0) {
        let why = format!("default_time of partition \"{}\" exceeds its max_time", table.name);
        return Err(ConfigError::unfit("[[partitions]]", why));
    }
    Ok(Partition {
        name: Text::from(&table.name),
        nodes,
        nodes_written,
        is_default,
        state: table.state,
        max_time: table.max_time.0,
        default_time: table.default_time.map(|limit| limit.0),
        max_nodes: table.max_nodes,
        min_nodes: table.min_nodes,
        max_cpus_per_node: table.max_cpus_per_node,
        default_memory_per_cpu: table.default_memory_per_cpu.map(|size| size.0),
        default_memory_per_node: table.default_memory_per_node.map(|size| size.0),
        max_memory_per_cpu: table.max_memory_per_cpu.map(|size| size.0),
        max_memory_per_node: table.max_memory_per_node.map(|size| size.0),
        tier: table.priority_tier,
        job_factor: table.priority_job_factor,
        exclusive: table.exclusive || table.oversubscribe == OverSubscribe::Exclusive,
        oversubscribe: match table.oversubscribe {
            OverSubscribe::Jobs(jobs) | OverSubscribe::Force(jobs) => jobs,
            OverSubscribe::Exclusive => 1,
        },
        sharing: PartitionSharing {
            forced: matches!(table.oversubscribe, OverSubscribe::Force(_)),
            one_user: table.exclusive_user,
            max_cpus_per_socket: table.max_cpus_per_socket,
        },
        gpu_defaults: GpuDefaults {
            cpus: table.default_cpus_per_gpu,
            memory: table.default_memory_per_gpu.map(|size| size.0),
        },
        root_only: table.root_only,
        allow_groups: texts(&table.allow_groups),
        allow_accounts: lower(&table.allow_accounts),
        deny_accounts: lower(&table.deny_accounts),
        allow_qos: texts(&table.allow_qos),
        deny_qos: texts(&table.deny_qos),
        overtime: table.over_time_limit.map(|limit| overtime(limit.0)),
        grace_time: u32::try_from(table.grace_time.0.as_secs()).unwrap_or(u32::MAX),
        preempt_mode: table.preempt_mode,
        qos: Text::from(table.qos.to_lowercase()),
        billing: scheduling::billing(&table.tres_billing_weights, &table.name)?,
        hidden: table.hidden,
    })
}

fn nodes_of(table: &PartitionTable, cluster: &Cluster) -> Result<(Vec<NodeIndex>, Text), ConfigError> {
    let unfit =
        |why: String| ConfigError::unfit("[[partitions]]", format!("partition \"{}\": {why}", table.name));
    if table.nodes.eq_ignore_ascii_case("all") {
        let every = (0..cluster.nodes.len()).filter_map(|at| u32::try_from(at).ok()).map(NodeIndex);
        return Ok((every.collect(), Text::const_new("ALL")));
    }
    let names =
        expand(&table.nodes).ok_or_else(|| unfit(format!("\"{}\" is not a list of nodes", table.nodes)))?;
    let index =
        |name: &String| cluster.node_index(name).ok_or_else(|| unfit(format!("there is no node \"{name}\"")));
    let nodes: BTreeSet<NodeIndex> = names.iter().map(index).collect::<Result<_, _>>()?;
    Ok((nodes.into_iter().collect(), Text::from(&table.nodes)))
}
