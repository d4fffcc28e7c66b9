//! What an operator has changed about a node since it was configured. It outlives restarts, and counts more than the
//! configuration.

use super::made::Made;
use super::node::Node;
use crate::{Text, Timestamp};
use std::sync::Arc;

/// What has been changed about a node; what is `None` is as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// When it goes back into service by itself.
    pub resume_at: Option<Timestamp>,
    /// When it is no more down, since its machine answers.
    pub back_at: Option<Timestamp>,
    /// A remark.
    pub comment: Option<Text>,
    /// Whatever is kept with it.
    pub extra: Option<Text>,
    /// Lower ones are filled first.
    pub weight: Option<u32>,
    /// Features it has.
    pub features: Option<Vec<Text>>,
    /// Features active now.
    pub active_features: Option<Vec<Text>>,
    /// The generic resources that are left, as they were given: `gpu:2`. What is not among them is taken away.
    pub gres: Option<Text>,
    /// Address.
    pub address: Option<Text>,
    /// Host name.
    pub host: Option<Text>,
    /// How tasks are bound to CPUs unless a job says so; the original's number.
    pub cpu_binding: Option<u32>,
    /// Its place among the switches, in words.
    pub topology: Option<Text>,
    /// What it is like, if it is none of the configuration's.
    pub made: Option<Arc<Made>>,
}

/// Reads a generic resource such as `gpu`, `gpu:2` or `gpu:a100:2`; `None` where that is none.
pub fn read_gres(written: &str) -> Option<(&str, &str, u32)> {
    let mut parts = written.split(':');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let rest: Vec<&str> = parts.collect();
    match rest[..] {
        [] => Some((name, "", 1)),
        [count] => Some((name, "", count.parse().ok()?)),
        [kind, count] => Some((name, kind, count.parse().ok()?)),
        _ => None,
    }
}

impl Node {
    /// Takes over what an operator has changed.
    pub(super) fn take_upkeep(&mut self, upkeep: &Upkeep) {
        self.upkeep = upkeep.clone();
        let texts = [
            (&mut self.comment, &upkeep.comment),
            (&mut self.extra, &upkeep.extra),
            (&mut self.address, &upkeep.address),
            (&mut self.host, &upkeep.host),
        ];
        for (own, given) in texts {
            if let Some(given) = given {
                *own = given.clone();
            }
        }
        if let Some(weight) = upkeep.weight {
            self.weight = weight;
        }
        for (own, given) in
            [(&mut self.features, &upkeep.features), (&mut self.active_features, &upkeep.active_features)]
        {
            if let Some(given) = given {
                own.clone_from(given);
            }
        }
        self.leave_gres(upkeep.gres.as_deref());
    }

    /// Takes away the generic resources that are not in the list, and gives back those that are.
    fn leave_gres(&mut self, left: Option<&str>) {
        let left: Option<Vec<_>> = left.map(|left| left.split(',').filter_map(read_gres).collect());
        for gres in &mut self.gres {
            let all = gres.count.saturating_add(gres.taken_away);
            let is_left = left.as_ref().is_none_or(|left| {
                let is_own =
                    |name: &str, kind: &str| gres.name == name && (kind.is_empty() || gres.kind == kind);
                left.iter().any(|(name, kind, count)| *count > 0 && is_own(name, kind))
            });
            (gres.count, gres.taken_away) = if is_left { (all, 0) } else { (0, all) };
        }
    }

    /// Returns how many there are of a generic resource by its configuration, whatever its type if that is empty; `None` if
    /// it has none of that name.
    pub fn configured_gres(&self, name: &str, kind: &str) -> Option<u32> {
        let meant =
            self.gres.iter().filter(|gres| gres.name == name && (kind.is_empty() || gres.kind == kind));
        let counts: Vec<u32> = meant.map(|gres| gres.count.saturating_add(gres.taken_away)).collect();
        (!counts.is_empty()).then(|| counts.iter().fold(0, |all: u32, count| all.saturating_add(*count)))
    }
}
