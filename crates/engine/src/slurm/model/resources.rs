//! Generic resources and licences as Slurm writes them: of what was asked for, and of what was given.

use domain::Text;
use domain::job::{CpuSet, GresRequest, Per};
use smallvec::SmallVec;

/// Reads the generic resources in a list such as `gres/gpu:2,cpu=4`.
pub(super) fn gres(list: &str, per: Per) -> Vec<GresRequest> {
    let items = list.split(',').filter_map(|item| {
        let item = item.trim();
        let rest = item.strip_prefix("gres/").or_else(|| item.strip_prefix("gres:"))?;
        let (rest, count) = match rest.split_once('=') {
            Some((rest, count)) => (rest, Some(count.parse().ok()?)),
            None => (rest, None),
        };
        let parts: Vec<&str> = rest.split(':').collect();
        let (name, kind, last) = match parts[..] {
            [name] => (name, "", None),
            [name, last] => match last.parse() {
                Ok(last) => (name, "", Some(last)),
                Err(_) => (name, last, None),
            },
            [name, kind, last] => (name, kind, Some(last.parse().ok()?)),
            _ => return None,
        };
        let count = count.or(last).unwrap_or(1);
        Some(GresRequest { name: Text::from(name), kind: Text::from(kind), count, per })
    });
    items.collect()
}

/// Reads licences: `matlab:2,ansys` or with other marks between them.
pub(super) fn licenses(list: &str) -> SmallVec<[(Text, u32); 1]> {
    let items = list.split([',', ';', '|']).map(str::trim).filter(|item| !item.is_empty());
    items
        .filter_map(|item| match item.split_once([':', '=']) {
            Some((name, count)) => Some((Text::from(name), count.parse().ok()?)),
            None => Some((Text::from(item), 1)),
        })
        .collect()
}

/// What a node's share has of one kind of generic resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) name: Text,
    pub(super) kind: Text,
    pub(super) count: u32,
    /// Which ones, where that is told.
    pub(super) units: Option<CpuSet>,
}

/// Reads what is held of a node: `gpu:2(IDX:0-1),tmp:a:1`. Commas in brackets belong to the list of units.
pub(super) fn held(written: &str) -> Vec<Held> {
    let mut all = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    let ends = written.char_indices().chain(std::iter::once((written.len(), ',')));
    for (at, letter) in ends {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                all.extend(written.get(start..at).and_then(held_of));
                start = at + 1;
            }
            _ => {}
        }
    }
    all
}

fn held_of(item: &str) -> Option<Held> {
    let (named, bracket) = match item.trim().split_once('(') {
        Some((named, bracket)) => (named, bracket.trim_end_matches(')')),
        None => (item.trim(), ""),
    };
    let (name, kind, count) = domain::cluster::read_gres(named)?;
    let units = bracket.strip_prefix("IDX:").and_then(units);
    Some(Held { name: name.into(), kind: kind.into(), count, units })
}

/// Reads `0-1,3`; `None` for `N/A` and the like.
fn units(written: &str) -> Option<CpuSet> {
    let mut set = CpuSet::default();
    for part in written.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last > 4096 {
            return None;
        }
        (first..=last).for_each(|unit| set.insert(unit));
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_read() {
        let read = held("gpu:2(IDX:0-1),gpu:a100:1(IDX:3),tmp:5(IDX:N/A)");
        let read: Vec<_> = read
            .iter()
            .map(|held| {
                (held.name.as_str(), held.kind.as_str(), held.count, held.units.as_ref().map(CpuSet::len))
            })
            .collect();
        assert_eq!(read, [("gpu", "", 2, Some(2)), ("gpu", "a100", 1, Some(1)), ("tmp", "", 5, None)]);
        assert!(held("").is_empty() && held("(null)").is_empty());
    }

    #[test]
    fn what_was_asked_for_is_read() {
        let read = gres("gres/gpu:1,cpu=4,gres:gpu:a100:2,gres/fpga=3", Per::Node);
        let read: Vec<_> = read.iter().map(|one| (one.name.as_str(), one.kind.as_str(), one.count)).collect();
        assert_eq!(read, [("gpu", "", 1), ("gpu", "a100", 2), ("fpga", "", 3)]);
        assert_eq!(licenses("matlab:2;ansys").to_vec(), [("matlab".into(), 2), ("ansys".into(), 1)]);
    }
}
