//! A line of `slurm.conf` that describes nodes → nodes to be made.

use domain::Text;
use domain::cluster::{MadeKind, Topology, read_gres};
use domain::service::NewNode;
use slurm_wire::hostlist;
use std::collections::BTreeMap;

/// Why a line makes no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::slurm) enum BadLine {
    /// It cannot be read.
    Unreadable,
    /// A node of this state cannot be made.
    State(Text),
    /// It says something of a node that nothing here can keep true.
    Unsupported(Text),
}

/// What the line may say.
const KEYS: &[&str] = &[
    "nodename",
    "nodehostname",
    "nodeaddr",
    "port",
    "cpus",
    "procs",
    "boards",
    "sockets",
    "socketsperboard",
    "corespersocket",
    "threadspercore",
    "realmemory",
    "tmpdisk",
    "weight",
    "feature",
    "features",
    "gres",
    "state",
    "reason",
    "corespeccount",
    "memspeclimit",
    "topology",
];

/// What the original knows as well, and nothing here keeps true.
const UNSUPPORTED: &[&str] = &[
    "bcastaddr",
    "cpubind",
    "cpuspeclist",
    "gresconf",
    "parameters",
    "restrictedcorespergpu",
    "tresweights",
];

/// Reads the nodes that a line describes: `NodeName=d[1-3] CPUs=4 State=CLOUD`.
pub(in crate::slurm) fn new_nodes(line: &str) -> Result<Vec<NewNode>, BadLine> {
    let said = pairs(line)?;
    let text = |key: &str| said.get(key).filter(|value| !value.is_empty());
    let written = text("nodename").filter(|name| !name.eq_ignore_ascii_case("DEFAULT"));
    let names = written.and_then(|names| hostlist::expand(names).ok()).ok_or(BadLine::Unreadable)?;
    if names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return Err(BadLine::Unreadable);
    }
    let hosts = each(text("nodehostname"), names.len())?;
    let addresses = each(text("nodeaddr"), names.len())?;
    let common = NewNode {
        name: Text::default(),
        kind: kind(text("state").map_or("", Text::as_str))?,
        host: None,
        address: None,
        port: number(&said, "port")?
            .map(|port| u16::try_from(port).map_err(|_| BadLine::Unreadable))
            .transpose()?,
        topology: topology(&said)?,
        memory: number(&said, "realmemory")?,
        system_cores: small(&said, "corespeccount")?.unwrap_or(0),
        system_memory: number(&said, "memspeclimit")?.unwrap_or(0),
        tmp_disk: number(&said, "tmpdisk")?,
        weight: small(&said, "weight")?,
        features: list(text("feature").or(text("features"))),
        gres: gres(text("gres"))?,
        topology_words: text("topology").cloned(),
        reason: text("reason").cloned().unwrap_or_default(),
    };
    let nodes = names.into_iter().enumerate().map(|(at, name)| NewNode {
        name,
        host: pick(&hosts, at),
        address: pick(&addresses, at).or_else(|| pick(&hosts, at)),
        ..common.clone()
    });
    Ok(nodes.collect())
}

/// Takes the line apart. A value may stand in quotes; keys are known in any case, and once.
fn pairs(line: &str) -> Result<BTreeMap<String, Text>, BadLine> {
    let mut said = BTreeMap::new();
    let mut rest = line.trim();
    if rest.contains(['\n', '\r']) {
        return Err(BadLine::Unreadable);
    }
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or(BadLine::Unreadable)?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or(BadLine::Unreadable)?,
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        let key = key.trim().to_ascii_lowercase();
        if UNSUPPORTED.contains(&key.as_str()) {
            return Err(BadLine::Unsupported(Text::from(key)));
        }
        if !KEYS.contains(&key.as_str()) || said.insert(key, Text::from(value)).is_some() {
            return Err(BadLine::Unreadable);
        }
        rest = after.trim_start();
    }
    Ok(said)
}

/// What stands before a sign that adds something decides.
fn kind(state: &str) -> Result<MadeKind, BadLine> {
    let base = state.split(['+', ',']).next().unwrap_or_default();
    match base.to_ascii_uppercase().as_str() {
        "CLOUD" => Ok(MadeKind::Cloud),
        "EXTERNAL" => Ok(MadeKind::External),
        "FUTURE" => Ok(MadeKind::Future),
        _ => Err(BadLine::State(Text::from(state))),
    }
}

fn is_name(name: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !name.is_empty() && name.len() <= 255 && name.bytes().all(is_fit)
}

/// Hosts or addresses: one for each node, or one for all.
fn each(written: Option<&Text>, nodes: usize) -> Result<Vec<Text>, BadLine> {
    let Some(written) = written else { return Ok(Vec::new()) };
    let names = hostlist::expand(written).map_err(|_| BadLine::Unreadable)?;
    let is_fit = |name: &Text| is_name(&name.replace(':', "."));
    if names.len() != 1 && names.len() != nodes || !names.iter().all(is_fit) {
        return Err(BadLine::Unreadable);
    }
    Ok(names)
}

fn pick(names: &[Text], at: usize) -> Option<Text> {
    names.get(if names.len() == 1 { 0 } else { at }).cloned()
}

fn number(said: &BTreeMap<String, Text>, key: &str) -> Result<Option<u64>, BadLine> {
    // Megabytes a u64 of bytes can hold: what is more cannot be counted with.
    let fits = |number: &u64| *number <= u64::MAX >> 20;
    let read = |value: &Text| value.parse().ok().filter(fits).ok_or(BadLine::Unreadable);
    said.get(key).map(read).transpose()
}

fn small(said: &BTreeMap<String, Text>, key: &str) -> Result<Option<u32>, BadLine> {
    number(said, key)?.map(|number| u32::try_from(number).map_err(|_| BadLine::Unreadable)).transpose()
}

fn list(written: Option<&Text>) -> Vec<Text> {
    let names = written.map_or("", Text::as_str).split(',').filter(|name| !name.is_empty());
    names.map(Text::from).collect()
}

fn gres(written: Option<&Text>) -> Result<Vec<(Text, Text, u32)>, BadLine> {
    let each = list(written).into_iter().map(|one| {
        let (name, kind, count) = read_gres(&one).ok_or(BadLine::Unreadable)?;
        // A unit is a bit in the books of every job that has it.
        let count = Some(count).filter(|count| *count <= 65_536).ok_or(BadLine::Unreadable)?;
        Ok((Text::from(name), Text::from(kind), count))
    });
    each.collect()
}

/// CPUs as they are given; a number of CPUs alone is one socket of as many cores.
fn topology(said: &BTreeMap<String, Text>) -> Result<Option<Topology>, BadLine> {
    let count = |key: &str| match small(said, key)? {
        None => Ok(None),
        Some(count) => match u16::try_from(count) {
            Ok(count) if count > 0 => Ok(Some(count)),
            _ => Err(BadLine::Unreadable),
        },
    };
    let cpus = small(said, "cpus")?.or(small(said, "procs")?);
    let boards = count("boards")?.unwrap_or(1);
    let on_board = count("socketsperboard")?;
    let sockets = match (count("sockets")?, on_board) {
        (Some(sockets), _) => Some(sockets),
        (None, Some(sockets)) => Some(sockets.checked_mul(boards).ok_or(BadLine::Unreadable)?),
        (None, None) => None,
    };
    let (cores, threads) = (count("corespersocket")?, count("threadspercore")?);
    if cpus.is_none() && sockets.is_none() && cores.is_none() && threads.is_none() {
        return Ok(None);
    }
    let (sockets, threads) = (sockets.unwrap_or(1), threads.unwrap_or(1));
    let around = u32::from(sockets) * u32::from(threads);
    let cores = match (cores, cpus) {
        (Some(cores), _) => u32::from(cores),
        (None, Some(cpus)) => cpus.div_ceil(around),
        (None, None) => 1,
    };
    let all = around.checked_mul(cores).ok_or(BadLine::Unreadable)?;
    let cpus = cpus.unwrap_or(all).min(all);
    // More CPUs than Slurm can count on a node.
    if cpus == 0 || cpus > 65_533 {
        return Err(BadLine::Unreadable);
    }
    let cores = u16::try_from(cores).map_err(|_| BadLine::Unreadable)?;
    Ok(Some(Topology { boards, sockets, cores, threads, cpus }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_original_reads_them() {
        let nodes =
            new_nodes("NodeName=d[1-2] CPUs=4 RealMemory=1000 Feature=a,b Gres=gpu:2 Weight=7 State=CLOUD")
                .unwrap();
        assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["d1", "d2"]);
        let first = &nodes[0];
        assert_eq!(first.topology, Some(Topology { boards: 1, sockets: 1, cores: 4, threads: 1, cpus: 4 }));
        assert_eq!((first.memory, first.weight, first.kind), (Some(1000), Some(7), MadeKind::Cloud));
        assert_eq!(first.features, ["a", "b"]);
        assert_eq!(first.gres, [(Text::const_new("gpu"), Text::default(), 2)]);
        let quoted = new_nodes("nodename=x state=cloud+drain reason=\"a b\" nodehostname=h").unwrap();
        assert_eq!((&*quoted[0].reason, quoted[0].host.as_deref()), ("a b", Some("h")));
        assert_eq!(quoted[0].address.as_deref(), Some("h"));
        assert_eq!(quoted[0].topology, None);
    }

    #[test]
    fn bad_lines_are_refused() {
        for line in [
            "",
            "CPUs=4 State=CLOUD",
            "NodeName=DEFAULT State=CLOUD",
            "NodeName=d State=CLOUD Bogus=4",
            "NodeName=d State=CLOUD Comment=x",
            "NodeName=d State=CLOUD CPUs=x",
            "NodeName=d State=CLOUD CPUs=0",
            "NodeName=d State=CLOUD CPUs=99999999",
            "NodeName=d State=CLOUD RealMemory=99999999999999999999",
            "NodeName=d State=CLOUD\nNodeName=e State=CLOUD",
            "NodeName=d State=CLOUD Reason=\"open",
            "NodeName=d NodeName=e State=CLOUD",
            "NodeName=d[1-3] State=CLOUD NodeHostname=h[1-2]",
            "NodeName=d State=CLOUD Gres=gpu:x",
            "NodeName=a/b State=CLOUD",
            "NodeName=d[1 State=CLOUD",
            "PartitionName=x Nodes=d1",
        ] {
            assert_eq!(new_nodes(line), Err(BadLine::Unreadable), "{line}");
        }
        for state in ["", "State=IDLE", "State=DRAIN", "State=UNKNOWN"] {
            let line = format!("NodeName=d {state}");
            assert!(matches!(new_nodes(&line), Err(BadLine::State(_))), "{line}");
        }
        assert!(matches!(new_nodes("NodeName=d State=CLOUD CPUBind=core"), Err(BadLine::Unsupported(_))));
    }
}
