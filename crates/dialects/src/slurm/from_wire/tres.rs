//! Trackable resources as clients write them: `gres/gpu:1`, `gres:gpu:a100:2`, `gres/gpu=1`, `cpu=2`; and licences.

use domain::Problem;
use domain::Text;
use domain::job::{GresRequest, Per};

/// Kinds that a list may name besides generic resources. They are counted elsewhere, so that here they are only kept.
const KINDS: [&str; 8] = ["cpu", "mem", "node", "energy", "billing", "vmem", "pages", "fs"];

/// Reads a list; returns the generic resources in it.
pub(super) fn gres(list: &str, per: Per) -> Result<Vec<GresRequest>, Problem> {
    let mut requests: Vec<GresRequest> = Vec::new();
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let Some(request) = item_of(item, per).ok_or_else(|| Problem::BadTres(Text::from(item)))? else {
            continue;
        };
        match requests.iter_mut().find(|known| known.name == request.name && known.kind == request.kind) {
            Some(known) => known.count = known.count.saturating_add(request.count),
            None => requests.push(request),
        }
    }
    Ok(requests)
}

/// Reads one item: `None` where it is nothing, `Some(None)` where it is no generic resource.
fn item_of(item: &str, per: Per) -> Option<Option<GresRequest>> {
    let Some(rest) = item.strip_prefix("gres/").or_else(|| item.strip_prefix("gres:")) else {
        let word = item.split([':', '=', '/']).next().unwrap_or_default();
        let is_known = KINDS.iter().any(|kind| word.eq_ignore_ascii_case(kind));
        // A single word asks for nothing that could be missing; the original keeps it without a look.
        return (is_known || word == item).then_some(None);
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
    Some(Some(GresRequest { name: Text::from(name), kind: Text::from(kind), count, per }))
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

/// Reads amounts per generic resource (`cpus_per_tres`, `memory_per_tres`): name and amount.
pub(super) fn amounts(list: &str) -> Result<Vec<(Text, u64)>, Problem> {
    Ok(gres(list, Per::Job)?.into_iter().map(|request| (request.name, request.count)).collect())
}

/// Reads licences: `a:2,b`, with `;` or `,` between those wanted together. Of alternatives (`|`) the first is taken,
/// since any of them will do; all must be readable.
pub(super) fn licenses(list: &str) -> Result<Vec<(Text, u32)>, Problem> {
    let mut wanted: Vec<(Text, u32)> = Vec::new();
    for (place, alternative) in list.split('|').enumerate() {
        for item in alternative.split([',', ';']).map(str::trim).filter(|item| !item.is_empty()) {
            let (name, count) = license(item).ok_or_else(|| Problem::BadLicense(Text::from(list)))?;
            match wanted.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) if place == 0 => *known = known.saturating_add(count),
                None if place == 0 => wanted.push((name, count)),
                _ => {}
            }
        }
    }
    Ok(wanted)
}

fn license(item: &str) -> Option<(Text, u32)> {
    let (name, count) = match item.split_once([':', '=']) {
        Some((name, count)) => (name, count.parse().ok()?),
        None => (item, 1),
    };
    (!name.is_empty()).then(|| (Text::from(name), count))
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
            assert_eq!(
                read.iter().map(|(name, count)| (name.as_str(), *count)).collect::<Vec<_>>(),
                wanted,
                "{list}"
            );
        };
        check("matlab:2,ansys", &[("matlab", 2), ("ansys", 1)]);
        check("matlab:5;matlab:6", &[("matlab", 11)]);
        check("matlab:1|ansys:1", &[("matlab", 1)]);
        check("", &[]);
        for list in ["matlab:x", ":1", "matlab:1|ansys:x"] {
            assert!(licenses(list).is_err(), "{list}");
        }
    }
}
