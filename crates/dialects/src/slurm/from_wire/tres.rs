//! Trackable resources as clients write them: `gres/gpu:1`, `gres:gpu:a100:2`, `gres/gpu=1`, `cpu=2`; and licences.

use domain::Problem;
use domain::Text;
use domain::job::{GresRequest, LicenseWish, Per};

/// Kinds that a list may name besides generic resources and that ask for nothing a job could be given.
const KINDS: [&str; 5] = ["energy", "billing", "vmem", "pages", "fs"];

/// What a list asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tres {
    /// Generic resources.
    pub(super) gres: Vec<GresRequest>,
    /// CPUs.
    pub(super) cpus: Option<u64>,
    /// Memory, megabytes.
    pub(super) memory: Option<u64>,
    /// Nodes.
    pub(super) nodes: Option<u64>,
}

/// One item of a list.
enum Item {
    Gres(GresRequest),
    Cpus(u64),
    Memory(u64),
    Nodes(u64),
    Nothing,
}

/// Reads a list.
pub(super) fn tres(list: &str, per: Per) -> Result<Tres, Problem> {
    let mut read = Tres::default();
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        match item_of(item, per).ok_or_else(|| Problem::BadTres(Text::from(item)))? {
            Item::Gres(request) => {
                let alike =
                    |known: &&mut GresRequest| known.name == request.name && known.kind == request.kind;
                match read.gres.iter_mut().find(alike) {
                    Some(known) => known.count = known.count.saturating_add(request.count),
                    None => read.gres.push(request),
                }
            }
            Item::Cpus(count) => read.cpus = Some(count),
            Item::Memory(megabytes) => read.memory = Some(megabytes),
            Item::Nodes(count) => read.nodes = Some(count),
            Item::Nothing => {}
        }
    }
    Ok(read)
}

/// Reads a list; returns the generic resources in it.
pub(super) fn gres(list: &str, per: Per) -> Result<Vec<GresRequest>, Problem> {
    Ok(tres(list, per)?.gres)
}

/// Checks how tasks are to be bound to generic resources: `gres/gpu:closest`, several with `+` between them.
pub(super) fn check_binding(written: &str) -> Result<(), Problem> {
    let is_known = |part: &str| {
        let how = part.strip_prefix("gres/").and_then(|part| part.split_once(':')).map(|(_, how)| how);
        how.is_some_and(|how| match how.strip_prefix("verbose,").unwrap_or(how) {
            "closest" | "none" => true,
            how => how.split_once(':').is_some_and(|(kind, _)| BINDINGS.contains(&kind)),
        })
    };
    match written.is_empty() || written.split('+').all(is_known) {
        true => Ok(()),
        false => Err(Problem::BadTres(Text::from(written))),
    }
}

/// Ways of binding that name units.
const BINDINGS: [&str; 6] = ["single", "map", "map_gpu", "mask", "mask_gpu", "per_task"];

/// Checks how fast GPUs are to be: `gpu:high,memory=low`.
pub(super) fn check_frequency(written: &str) -> Result<(), Problem> {
    let is_known = |speed: &str| match speed.strip_prefix("memory=").unwrap_or(speed) {
        "low" | "medium" | "high" | "highm1" | "verbose" => true,
        speed => !speed.is_empty() && speed.bytes().all(|byte| byte.is_ascii_digit()),
    };
    match written.is_empty() || written.strip_prefix("gpu:").is_some_and(|of| of.split(',').all(is_known)) {
        true => Ok(()),
        false => Err(Problem::BadTres(Text::from(written))),
    }
}

/// Reads one item; `None` where it is nothing, and for licences, which are asked for by a field of their own.
fn item_of(item: &str, per: Per) -> Option<Item> {
    let Some(rest) = item.strip_prefix("gres/").or_else(|| item.strip_prefix("gres:")) else {
        return plain_item(item);
    };
    let (rest, count) = match rest.split_once('=') {
        Some((rest, count)) => (rest, Some(counted(count)?)),
        None => (rest, None),
    };
    let mut parts = rest.split(':');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let (second, third) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let (kind, last) = match (second, third) {
        (None, _) => ("", None),
        (Some(""), _) => return None,
        // What cannot be counted is a type.
        (Some(second), None) => match counted(second) {
            Some(count) => ("", Some(count)),
            None => (second, None),
        },
        (Some(kind), Some(count)) => (kind, Some(counted(count)?)),
    };
    let count = match (count, last) {
        (Some(_), Some(_)) => return None,
        (count, last) => count.or(last).unwrap_or(1),
    };
    Some(Item::Gres(GresRequest { name: Text::from(name), kind: Text::from(kind), count, per }))
}

fn plain_item(item: &str) -> Option<Item> {
    let (word, amount) = match item.split_once([':', '=']) {
        Some((word, amount)) => (word, Some(amount)),
        None => (item, None),
    };
    let Some(amount) = amount else {
        // A single word asks for nothing that could be missing; the original keeps it without a look.
        return (!item.contains('/')).then_some(Item::Nothing);
    };
    match word.to_ascii_lowercase().as_str() {
        "cpu" => Some(Item::Cpus(counted(amount)?)),
        "mem" => Some(Item::Memory(slurm_wire::size::megabytes(amount)?)),
        "node" => Some(Item::Nodes(counted(amount)?)),
        _ => {
            let kind = word.split('/').next().unwrap_or_default();
            KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known)).then_some(Item::Nothing)
        }
    }
}

fn counted(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (text.get(..text.len() - 1)?, 1u64 << 10),
        b'm' | b'M' => (text.get(..text.len() - 1)?, 1 << 20),
        b'g' | b'G' => (text.get(..text.len() - 1)?, 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// Writes a list as the original shows it: `gres/` in front, whatever was there.
pub(super) fn shown(list: &str) -> Text {
    if !list.contains("gres:") {
        return Text::from(list);
    }
    let items = list.split(',').map(|item| match item.strip_prefix("gres:") {
        Some(rest) => format!("gres/{rest}"),
        None => item.to_owned(),
    });
    Text::from(items.collect::<Vec<_>>().join(","))
}

/// Reads CPUs per unit of a generic resource (`cpus_per_tres`): name and count.
pub(super) fn cpus_per_unit(list: &str) -> Result<Vec<(Text, u64)>, Problem> {
    per_unit(list, counted)
}

/// Reads memory per unit of a generic resource (`memory_per_tres`): name and megabytes.
pub(super) fn memory_per_unit(list: &str) -> Result<Vec<(Text, u64)>, Problem> {
    per_unit(list, slurm_wire::size::megabytes)
}

fn per_unit(list: &str, measured: fn(&str) -> Option<u64>) -> Result<Vec<(Text, u64)>, Problem> {
    let read = |item: &str| {
        let rest = item.strip_prefix("gres/").or_else(|| item.strip_prefix("gres:"))?;
        let (name, amount) = rest.split_once([':', '='])?;
        (!name.is_empty()).then_some((Text::from(name), measured(amount)?))
    };
    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| read(item).ok_or_else(|| Problem::BadTres(Text::from(item)))).collect()
}

/// Reads licences: `a:2,b` where all are wanted together (`;` does as well), `a:2|b` where one will do. The two cannot
/// be mixed.
pub(super) fn licenses(list: &str) -> Result<LicenseWish, Problem> {
    let bad = || Problem::BadLicense(Text::from(list));
    let any = list.contains('|');
    let mut wanted: Vec<(Text, u32)> = Vec::new();
    let separators: &[char] = if any { &['|'] } else { &[',', ';'] };
    for item in list.split(separators).map(str::trim).filter(|item| !item.is_empty()) {
        let (name, count) = license(item).ok_or_else(bad)?;
        match wanted.iter_mut().find(|(known, _)| !any && *known == name) {
            Some((_, known)) => *known = known.saturating_add(count),
            None => wanted.push((name, count)),
        }
    }
    Ok(LicenseWish { wanted: wanted.into(), any: any && !list.is_empty() })
}

fn license(item: &str) -> Option<(Text, u32)> {
    let (name, count) = match item.split_once([':', '=']) {
        Some((name, count)) => (name, count.parse().ok()?),
        None => (item, 1),
    };
    (!name.is_empty() && !name.contains([',', ';'])).then(|| (Text::from(name), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_resources_are_read_in_every_spelling() {
        let check = |list: &str, wanted: &[(&str, &str, u64)]| {
            let read = gres(list, Per::Node).unwrap();
            let read: Vec<_> =
                read.iter().map(|one| (one.name.as_str(), one.kind.as_str(), one.count)).collect();
            assert_eq!(read, wanted, "{list}");
        };
        check("gres/gpu:1", &[("gpu", "", 1)]);
        check("gres:gpu:2", &[("gpu", "", 2)]);
        check("gres/gpu=3", &[("gpu", "", 3)]);
        check("gres/gpu", &[("gpu", "", 1)]);
        check("gres/gpu:a100:2", &[("gpu", "a100", 2)]);
        check("gres/gpu:a100=2", &[("gpu", "a100", 2)]);
        check("gres/gpu:1K", &[("gpu", "", 1024)]);
        check("gres/gpu:x", &[("gpu", "x", 1)]);
        check("gres/gpu:2,gres/gpu:1,cpu=4,node:1", &[("gpu", "", 3)]);
        check("x", &[]);
        check("", &[]);
        for list in
            ["gpu:1", "bogus=1", "license/matlab:1", "gres/gpu:", "gres/", "gres/gpu:a:1:2", "gres/gpu=x"]
        {
            assert!(gres(list, Per::Node).is_err(), "{list}");
        }
        assert_eq!(shown("gres:gpu:1,cpu=2"), "gres/gpu:1,cpu=2");
    }

    #[test]
    fn licences_are_added_up() {
        let check = |list: &str, wanted: &[(&str, u32)]| {
            let read = licenses(list).unwrap();
            assert_eq!(read.any, list.contains('|'), "{list}");
            assert_eq!(
                read.wanted.iter().map(|(name, count)| (name.as_str(), *count)).collect::<Vec<_>>(),
                wanted,
                "{list}"
            );
        };
        check("matlab:2,ansys", &[("matlab", 2), ("ansys", 1)]);
        check("matlab:5;matlab:6", &[("matlab", 11)]);
        check("matlab:1|ansys:1", &[("matlab", 1), ("ansys", 1)]);
        check("matlab@db:2", &[("matlab@db", 2)]);
        check("", &[]);
        for list in [
            "matlab:x",
            ":1",
            "matlab:1|ansys:x",
            "matlab:1,ansys:1|matlab:2",
            "matlab:-1",
            "matlab:5000000000",
        ] {
            assert!(licenses(list).is_err(), "{list}");
        }
    }

    #[test]
    fn bindings_and_speeds_are_known() {
        for good in [
            "",
            "gres/gpu:closest",
            "gres/foo:none",
            "gres/gpu:single:2",
            "gres/gpu:verbose,closest",
            "gres/gpu:map_gpu:0,1",
            "gres/gpu:closest+gres/foo:none",
        ] {
            assert_eq!(check_binding(good), Ok(()), "{good}");
        }
        for bad in
            ["gpu:closest", "gres/gpu", "gres/gpu:", "gres/gpu:bogus", "gres:gpu:closest", "cpu:closest"]
        {
            assert!(check_binding(bad).is_err(), "{bad}");
        }
        for good in ["", "gpu:high", "gpu:1000", "gpu:high,memory=low"] {
            assert_eq!(check_frequency(good), Ok(()), "{good}");
        }
        for bad in ["gres/gpu:high", "gpu", "gpu:", "gpu:bogus", "high", "cpu:high"] {
            assert!(check_frequency(bad).is_err(), "{bad}");
        }
    }
}
