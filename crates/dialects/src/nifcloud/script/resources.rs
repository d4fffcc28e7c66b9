//! `-L`, `--rsc-list`: the resources of a job.

use super::BadScript;

/// Nodes asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Nodes {
    /// How many.
    pub(in super::super) count: u32,
    /// As shown: `12`, or with its shape `12:2x3x2`.
    pub(in super::super) shown: String,
}

/// How long a job may run, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Elapse {
    /// What would do at least.
    pub(in super::super) least: Option<u32>,
    /// What it may take; `None` for no limit.
    pub(in super::super) most: Option<u32>,
}

/// Resources asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Resources {
    pub(in super::super) nodes: Option<Nodes>,
    /// Resource group.
    pub(in super::super) group: Option<String>,
    /// Resource unit: a part of the machine that there is not here; the job is told its name.
    pub(in super::super) unit: Option<String>,
    pub(in super::super) elapse: Option<Elapse>,
    /// Virtual nodes, and what each has.
    pub(in super::super) virtual_nodes: Option<u32>,
    pub(in super::super) cores: Option<u16>,
    /// Memory of a virtual node, megabytes.
    pub(in super::super) memory: Option<u64>,
    /// Memory of a node, megabytes; zero for all of it.
    pub(in super::super) node_memory: Option<u64>,
    /// Limits of processes: Slurm's name, and bytes or a number; `None` for no limit.
    pub(in super::super) limits: Vec<(&'static str, Option<u64>)>,
}

/// Limits of processes: their names here, their names there, and whether they are sizes.
const LIMITS: [(&str, &str, bool); 9] = [
    ("proc-core", "CORE", true),
    ("proc-cpu", "CPU", false),
    ("proc-crproc", "NPROC", false),
    ("proc-data", "DATA", true),
    ("proc-filesz", "FSIZE", true),
    ("proc-lockm", "MEMLOCK", true),
    ("proc-openfd", "NOFILE", false),
    ("proc-stack", "STACK", true),
    ("proc-vmem", "AS", true),
];

/// What tunes machinery of the original that there is not here.
const KEPT: [&str; 12] = [
    "freq",
    "eco_state",
    "retention_state",
    "throttling_state",
    "issue_state",
    "adaptive-elapse",
    "jobenv",
    "proc-msgq",
    "proc-pendsig",
    "node-quota",
    "llio-mem",
    "custom",
];

/// How nodes may lie.
const LAYOUTS: [&str; 6] = ["torus", "mesh", "noncont", "strict", "strict-io", "cont"];

impl Resources {
    /// Takes a list such as `node=4,rscgrp=small` in.
    pub(super) fn add(&mut self, list: &str) -> Result<(), BadScript> {
        for item in split(list) {
            let (key, value) = item.split_once('=').unwrap_or((item, ""));
            let (key, value) = (key.trim(), value.trim());
            let bad = || BadScript::Value("-L", item.to_owned());
            match key {
                "node" => self.nodes = Some(nodes(value).ok_or_else(bad)?),
                "rscgrp" | "rg" => self.group = Some(word(value).ok_or_else(bad)?),
                "rscunit" | "ru" => self.unit = Some(word(value).ok_or_else(bad)?),
                "elapse" => self.elapse = Some(elapse(value).ok_or_else(bad)?),
                "vnode" => self.virtual_nodes(value).ok_or_else(bad)?,
                "vnode-core" | "core" => self.cores = Some(count(value).ok_or_else(bad)?),
                "vnode-mem" | "mem" => self.memory = Some(megabytes(value).ok_or_else(bad)?),
                "node-mem" => self.node_memory = Some(megabytes(value).ok_or_else(bad)?),
                key if KEPT.contains(&key) => drop(word(value).ok_or_else(bad)?),
                key => {
                    let limit = LIMITS.iter().find(|(name, ..)| *name == key);
                    let (_, name, is_size) = limit.ok_or_else(|| BadScript::Unknown(item.to_owned()))?;
                    let value = if *is_size { size(value, 1) } else { number_or_none(value) };
                    self.limits.push((name, value.ok_or_else(bad)?));
                }
            }
        }
        Ok(())
    }

    /// Reads `2`, `(core=4;mem=4Gi)` or both.
    fn virtual_nodes(&mut self, value: &str) -> Option<()> {
        let (number, inner) = match value.split_once('(') {
            Some((number, inner)) => (number, inner.strip_suffix(')')?),
            None => (value, ""),
        };
        self.virtual_nodes = Some(if number.is_empty() && !inner.is_empty() { 1 } else { count(number)? });
        for part in inner.split(';').filter(|part| !part.is_empty()) {
            match part.split_once('=')? {
                ("core", value) => self.cores = Some(count(value)?),
                ("mem", value) => self.memory = Some(megabytes(value)?),
                _ => return None,
            }
        }
        Some(())
    }
}

/// Divides at commas that no bracket encloses.
fn split(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    let parts = list.split(move |letter: char| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth <= 0
    });
    parts.map(str::trim)
}

fn word(value: &str) -> Option<String> {
    let fits = |letter: char| letter.is_alphanumeric() || "._-+:@".contains(letter);
    (!value.is_empty() && value.len() <= 255 && value.chars().all(fits)).then(|| value.to_owned())
}

fn count<T: TryFrom<u32>>(value: &str) -> Option<T> {
    let number = digits(value).filter(|number| *number > 0)?;
    T::try_from(u32::try_from(number).ok()?).ok()
}

pub(super) fn digits(value: &str) -> Option<u64> {
    value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten()
}

fn number_or_none(value: &str) -> Option<Option<u64>> {
    if value == "unlimited" { Some(None) } else { digits(value).map(Some) }
}

/// Reads `12`, `2x3x2`, each with how they may lie behind a colon.
fn nodes(value: &str) -> Option<Nodes> {
    let mut parts = value.split(':');
    let shape = parts.next()?;
    if !parts.all(|layout| LAYOUTS.contains(&layout)) {
        return None;
    }
    let sides: Vec<u32> = shape.split('x').map(count).collect::<Option<_>>()?;
    let count = sides.iter().try_fold(1_u32, |product, side| product.checked_mul(*side))?;
    let shown = match sides.as_slice() {
        [_] => count.to_string(),
        [_, _] | [_, _, _] => {
            let sides: Vec<String> = sides.iter().map(u32::to_string).collect();
            format!("{count}:{}", sides.join("x"))
        }
        _ => return None,
    };
    Some(Nodes { count, shown })
}

/// Reads `1:00:00`, `30:00-1:00:00`, `3600`, `unlimited`.
fn elapse(value: &str) -> Option<Elapse> {
    let (least, most) = match value.split_once('-') {
        Some((least, most)) => (Some(seconds(least)?), most),
        None => (None, value),
    };
    // A range without its end has no limit but the group's.
    let most = if matches!(most, "unlimited") || most.is_empty() && least.is_some() {
        None
    } else {
        Some(seconds(most)?)
    };
    let is_range = least.is_none_or(|least| most.is_none_or(|most| least <= most));
    (is_range && most != Some(0)).then_some(Elapse { least, most })
}

/// Reads `h:m:s`, `m:s` or seconds.
fn seconds(value: &str) -> Option<u32> {
    let parts: Vec<u64> =
        value.split(':').map(|part| digits(part).filter(|_| !part.is_empty())).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts.as_slice() {
        [seconds] => (0, 0, *seconds),
        [minutes, seconds] => (0, *minutes, *seconds),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let all = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
    // As many hours as the four digits of a limit can show.
    u32::try_from(all).ok().filter(|all| *all < 10_000 * 3600)
}

/// Reads a size and returns megabytes, rounded up; zero for all there is. Without a unit it is in megabytes.
fn megabytes(value: &str) -> Option<u64> {
    let bytes = size(value, 1 << 20)?;
    match bytes {
        None => Some(0),
        Some(bytes) => Some(bytes.div_ceil(1 << 20)).filter(|megabytes| *megabytes > 0),
    }
}

/// Reads a size in bytes: `4Gi`, `4GiB`, `4G`, `unlimited`; without a unit it is multiplied by `unit`.
fn size(value: &str, unit: u64) -> Option<Option<u64>> {
    if value == "unlimited" {
        return Some(None);
    }
    let at = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
    let (number, suffix) = value.split_at(at);
    let number = digits(number).filter(|_| !number.is_empty())?;
    let factor = match suffix.trim_end_matches('B') {
        "" => unit,
        "K" | "k" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Result<Resources, BadScript> {
        let mut resources = Resources::default();
        resources.add(list)?;
        Ok(resources)
    }

    #[test]
    fn resources_are_read() {
        let all =
            read("node=2x3x2:torus:strict,rscgrp=small,elapse=30:00-1:00:00,freq=2000,proc-core=unlimited")
                .unwrap();
        assert_eq!(all.nodes, Some(Nodes { count: 12, shown: "12:2x3x2".to_owned() }));
        assert_eq!(all.group.as_deref(), Some("small"));
        assert_eq!(all.elapse, Some(Elapse { least: Some(1800), most: Some(3600) }));
        assert_eq!(all.limits, [("CORE", None)]);
        assert_eq!(read("node=12:strict").unwrap().nodes.unwrap().shown, "12");
        assert_eq!(read("elapse=5").unwrap().elapse, Some(Elapse { least: None, most: Some(5) }));
        assert_eq!(read("elapse=60-").unwrap().elapse, Some(Elapse { least: Some(60), most: None }));
        let virtual_nodes = read("vnode=2(core=4;mem=4Gi),node-mem=unlimited").unwrap();
        assert_eq!((virtual_nodes.virtual_nodes, virtual_nodes.cores), (Some(2), Some(4)));
        assert_eq!((virtual_nodes.memory, virtual_nodes.node_memory), (Some(4096), Some(0)));
        let apart = read("vnode=(core=2),vnode-mem=1000M").unwrap();
        assert_eq!((apart.virtual_nodes, apart.cores, apart.memory), (Some(1), Some(2), Some(954)));
        assert_eq!(read("mem=512").unwrap().memory, Some(512));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for list in [
            "node=abc",
            "node=0",
            "node=",
            "node",
            "node=2x",
            "node=2x2x2x2",
            "node=4:round",
            "node=99999x99999",
            "node=+1",
            "node=-1",
            "elapse=0",
            "elapse=1:2:3:4",
            "elapse=:5",
            "elapse=2:00-1:00",
            "elapse=10000:00:00",
            "rscgrp=",
            "rscgrp=a b",
            "vnode=(core=4",
            "vnode=()",
            "vnode=1(gpu=1)",
            "vnode-core=0",
            "node-mem=0",
            "node-mem=4Xi",
            "mem=18446744073709551615Gi",
            "proc-core=x",
            "nodes=4",
            "",
            "node=1,",
        ] {
            assert!(read(list).is_err(), "{list}");
        }
    }
}
