//! Values of single options of srun that only a step has: bindings, distributions, lists of resources.

use super::request::Impossible;
use supervise::steps::{BindRule, CpuBind, Distribution, StepGres, StepPer};

/// Reads `--distribution`. Tasks fill the sockets of a node one after another, so only that may be asked for.
pub(super) fn distribution(text: &str) -> Result<Distribution, Impossible> {
    let invalid = || Impossible::because("Invalid --distribution specification");
    let (methods, pack) = text.split_once(',').unwrap_or((text, ""));
    if !matches!(pack.to_ascii_lowercase().as_str(), "" | "nopack" | "pack") {
        return Err(invalid());
    }
    let mut methods = methods.split(':');
    let first = methods.next().unwrap_or_default().to_ascii_lowercase();
    for further in methods {
        match further.to_ascii_lowercase().as_str() {
            "*" | "block" => {}
            "cyclic" | "fcyclic" => {
                return Err(Impossible::because(
                    "tasks cannot be dealt out to sockets in turn: --distribution takes block or * after the colon",
                ));
            }
            _ => return Err(invalid()),
        }
    }
    match first.as_str() {
        "*" => Ok(Distribution::Default),
        "block" => Ok(Distribution::Block),
        "cyclic" => Ok(Distribution::Cyclic),
        "arbitrary" => Err(Impossible::because(
            "--distribution=arbitrary is not supported; name the nodes with --nodelist",
        )),
        plane => {
            let size =
                plane.strip_prefix("plane=").and_then(|size| size.parse().ok()).filter(|size| *size > 0);
            size.map(Distribution::Plane).ok_or_else(invalid)
        }
    }
}

/// Reads `--cpu-bind`.
pub(super) fn cpu_bind(text: &str) -> Result<CpuBind, Impossible> {
    let mut bind = CpuBind { written: text.to_owned(), ..CpuBind::default() };
    let mut rest = text;
    loop {
        // A list of CPUs has commas of its own, so words are taken from the front only.
        let (word, after) = rest.split_once(',').map_or((rest, None), |(word, after)| (word, Some(after)));
        match word.to_ascii_lowercase().as_str() {
            "q" | "quiet" => bind.verbose = false,
            "v" | "verbose" => bind.verbose = true,
            _ => break,
        }
        match after {
            Some(after) => rest = after,
            None => return Ok(bind),
        }
    }
    bind.rule = bind_rule(rest).ok_or_else(|| match rest {
        "ldoms" | "sockets_ldoms" | "rank_ldom" | "boards" => {
            Impossible(format!("--cpu-bind={rest} is not supported; use cores, threads or sockets"))
        }
        _ if rest.starts_with("map_ldom") || rest.starts_with("mask_ldom") => {
            Impossible::because("tasks cannot be bound to NUMA nodes; use map_cpu or mask_cpu")
        }
        _ => Impossible(format!("unrecognized --cpu-bind argument \"{rest}\"")),
    })?;
    Ok(bind)
}

fn bind_rule(text: &str) -> Option<BindRule> {
    let (word, list) = text.split_once(':').map_or((text, None), |(word, list)| (word, Some(list)));
    match (word.to_ascii_lowercase().as_str(), list) {
        ("none" | "no", None) => Some(BindRule::None),
        ("core" | "cores", None) => Some(BindRule::Cores),
        ("thread" | "threads", None) => Some(BindRule::Threads),
        ("socket" | "sockets", None) => Some(BindRule::Sockets),
        ("rank", None) => Some(BindRule::Rank),
        ("map_cpu", Some(list)) => repeated(list, number).map(BindRule::MapCpu),
        ("mask_cpu", Some(list)) => repeated(list, mask).map(BindRule::MaskCpu),
        _ => None,
    }
}

/// Reads `1,2*3`: the second one three times.
fn repeated<T: Clone>(list: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    const MOST: usize = 4096;
    let mut all = Vec::new();
    for item in list.split(',') {
        let (item, times) = match item.split_once('*') {
            Some((item, times)) => {
                (item, times.parse::<usize>().ok().filter(|times| (1..=MOST).contains(times))?)
            }
            None => (item, 1),
        };
        let item = read(item)?;
        all.extend(std::iter::repeat_n(item, times));
        if all.len() > MOST {
            return None;
        }
    }
    Some(all)
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Reads a mask in hexadecimal, lowest word first.
fn mask(text: &str) -> Option<Vec<u64>> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if digits.is_empty() || digits.len() > 1024 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let words = digits.as_bytes().rchunks(16);
    let word = |digits: &[u8]| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let words = words.map(word).collect::<Option<Vec<u64>>>()?;
    words.iter().any(|word| *word != 0).then_some(words)
}

/// Reads `--gres`: resources of each node.
pub(super) fn gres(list: &str) -> Result<Vec<StepGres>, Impossible> {
    if list.is_empty() || list.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    list.split(',').map(|item| one_gres(item, StepPer::Node)).collect()
}

fn one_gres(item: &str, per: StepPer) -> Result<StepGres, Impossible> {
    let invalid = || Impossible(format!("Invalid --gres specification: {item}"));
    let bare = item.strip_prefix("gres/").or_else(|| item.strip_prefix("gres:")).unwrap_or(item);
    let parts: Vec<&str> = bare.split([':', '=']).collect();
    let (name, kind, count) = match parts.as_slice() {
        [name] => (*name, "", Some(1)),
        [name, last] => match count_of(last) {
            Some(count) => (*name, "", Some(count)),
            None => (*name, *last, Some(1)),
        },
        [name, kind, count] => (*name, *kind, count_of(count)),
        _ => return Err(invalid()),
    };
    let count = count.filter(|_| !name.is_empty() && parts.iter().all(|part| !part.is_empty()));
    let count = count.ok_or_else(invalid)?;
    Ok(StepGres { name: name.to_owned(), kind: kind.to_owned(), count, per })
}

/// Reads `4`, `4k`, `2g`.
fn count_of(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// Reads `--gpus` and its kin: `2`, or `a100:2,v100:1`.
pub(super) fn gpus(option: &str, list: &str, per: StepPer) -> Result<Vec<StepGres>, Impossible> {
    let one = |item: &str| {
        let (kind, count) = match item.split_once([':', '=']) {
            Some((kind, count)) => (kind, count_of(count)),
            None => match count_of(item) {
                Some(count) => ("", Some(count)),
                None => (item, Some(1)),
            },
        };
        let count = count.filter(|_| !item.is_empty() && !item.starts_with([':', '=']));
        let count = count.ok_or_else(|| Impossible(format!("Invalid --{option} specification: {list}")))?;
        Ok(StepGres { name: "gpu".to_owned(), kind: kind.to_owned(), count, per })
    };
    list.split(',').map(one).collect()
}

/// What `--tres-per-task` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TaskTres {
    /// CPUs of each task.
    pub(super) cpus: Option<u32>,
    /// Generic resources of each task.
    pub(super) gres: Vec<StepGres>,
}

/// Reads `--tres-per-task`: `cpu=2,gres/gpu:a100=1`.
pub(super) fn task_tres(list: &str) -> Result<TaskTres, Impossible> {
    let mut tres = TaskTres::default();
    for item in list.split(',').filter(|item| !item.is_empty()) {
        let cpus = item.strip_prefix("cpu=").or_else(|| item.strip_prefix("cpu:"));
        match cpus {
            Some(count) => {
                let count = count.parse().ok().filter(|count| *count > 0);
                let invalid = || Impossible(format!("Invalid --tres-per-task specification: {list}"));
                tres.cpus = Some(count.ok_or_else(invalid)?);
            }
            None if item.starts_with("gres") => tres.gres.push(one_gres(item, StepPer::Task)?),
            None => {
                return Err(Impossible(format!(
                    "--tres-per-task={item} cannot be counted by task; only cpu and gres can"
                )));
            }
        }
    }
    Ok(tres)
}

/// Writes out a list of nodes.
pub(super) fn node_names(list: &str) -> Option<Vec<String>> {
    let names = slurm_wire::hostlist::expand(list).ok()?;
    Some(names.into_iter().map(|name| name.as_str().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions() {
        let check =
            |text: &str, told: Option<Distribution>| assert_eq!(distribution(text).ok(), told, "{text}");
        check("block", Some(Distribution::Block));
        check("cyclic", Some(Distribution::Cyclic));
        check("*", Some(Distribution::Default));
        check("block:block,NoPack", Some(Distribution::Block));
        check("*:*", Some(Distribution::Default));
        check("plane=3", Some(Distribution::Plane(3)));
        for refused in ["", "plane", "plane=0", "foo", "block:foo", "block:cyclic", "arbitrary", "block,foo"]
        {
            check(refused, None);
        }
    }

    #[test]
    fn bindings() {
        let check = |text: &str, told: Option<(BindRule, bool)>| {
            let read = cpu_bind(text).ok().map(|bind| (bind.rule, bind.verbose));
            assert_eq!(read, told, "{text}");
        };
        check("q", Some((BindRule::Default, false)));
        check("verbose", Some((BindRule::Default, true)));
        check("none", Some((BindRule::None, false)));
        check("v,cores", Some((BindRule::Cores, true)));
        check("quiet,map_cpu:0,2*2,0x3", Some((BindRule::MapCpu(vec![0, 2, 2, 3]), false)));
        check("mask_cpu:0x3,C", Some((BindRule::MaskCpu(vec![vec![3], vec![12]]), false)));
        check("mask_cpu:0x10000000000000001", Some((BindRule::MaskCpu(vec![vec![1, 1]]), false)));
        for refused in [
            "foo",
            "map_cpu",
            "map_cpu:",
            "map_cpu:x",
            "mask_cpu:0",
            "cores:1",
            "ldoms",
            "1",
            "map_cpu:1*999999999",
        ] {
            check(refused, None);
        }
    }

    #[test]
    fn lists_of_resources() {
        let check = |list: &str, told: Option<&[(&str, &str, u64)]>| {
            let read = gres(list).ok();
            let read: Option<Vec<_>> = read.as_ref().map(|list| {
                list.iter().map(|gres| (gres.name.as_str(), gres.kind.as_str(), gres.count)).collect()
            });
            assert_eq!(read.as_deref(), told, "{list}");
        };
        check("gpu:2", Some(&[("gpu", "", 2)]));
        check("gpu", Some(&[("gpu", "", 1)]));
        check("gpu:a100,disk:2k", Some(&[("gpu", "a100", 1), ("disk", "", 2048)]));
        check("gres/gpu:a100:4", Some(&[("gpu", "a100", 4)]));
        check("none", Some(&[]));
        check("gpu:", None);
        check(":1", None);
        check("gpu:a:b", None);
        let gpu = gpus("gpus", "a100:2,1", StepPer::Step).unwrap();
        assert_eq!((gpu[0].kind.as_str(), gpu[0].count, gpu[1].count), ("a100", 2, 1));
        assert!(gpus("gpus", "", StepPer::Step).is_err());
        assert!(gpus("gpus", ":1", StepPer::Step).is_err());
        let tres = task_tres("cpu=2,gres/gpu:1").unwrap();
        assert_eq!((tres.cpus, tres.gres.len(), tres.gres[0].per), (Some(2), 1, StepPer::Task));
        assert!(task_tres("mem=5").is_err());
        assert!(task_tres("cpu=0").is_err());
    }
}
