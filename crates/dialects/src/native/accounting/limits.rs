//! Limits by Slurm's names.

use super::super::error::NativeError;
use super::wire::{Amount, Limits};
use domain::accounting::{Limit, LimitChanges, Trackable};

/// Reads limits; `at` says where they stand.
pub(super) fn limits(limits: Limits, at: &str, resources: &[Trackable]) -> Result<LimitChanges, NativeError> {
    let mut changes = Vec::new();
    for (name, amount) in limits {
        let refuse = |why: &str| Err(NativeError::parameter(format!("{at}.limits.{name}"), why));
        let Some(limit) = Limit::ALL.into_iter().find(|known| name == known.name()) else {
            return refuse("there is no such limit");
        };
        match (limit.is_of_resources(), amount) {
            (false, Amount::Count(most)) => changes.push((limit, 0, most)),
            (true, Amount::Of(amounts)) => {
                for (resource, most) in amounts {
                    let Some(id) = number_of(&resource, resources) else {
                        return refuse(&format!("no TRES known by type {resource}"));
                    };
                    changes.push((limit, id, most));
                }
            }
            // Of no resource at all any more.
            (true, Amount::Count(None)) => {
                changes.extend(resources.iter().map(|resource| (limit, resource.id, None)));
            }
            (false, Amount::Of(_)) => return refuse("expected a number"),
            (true, Amount::Count(Some(_))) => {
                return refuse("expected numbers under the names of resources");
            }
        }
    }
    Ok(LimitChanges(changes))
}

/// Returns the number of a resource: `cpu`, `gres/gpu`, or the number itself.
fn number_of(name: &str, resources: &[Trackable]) -> Option<u32> {
    let (kind, of) = name.split_once('/').unwrap_or((name, ""));
    let known = resources.iter().find(|one| {
        one.kind.eq_ignore_ascii_case(kind) && one.name.eq_ignore_ascii_case(of)
            || name.parse().is_ok_and(|number: u32| one.id == number)
    });
    known.map(|one| one.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for limit in Limit::ALL {
            assert_eq!(
                Limit::ALL.iter().filter(|other| other.name() == limit.name()).count(),
                1,
                "{limit:?}"
            );
        }
    }

    #[test]
    fn limits_are_read_by_name() {
        let cpu = Trackable { id: 1, kind: "cpu".into(), name: "".into(), count: 8 };
        let gpu = Trackable { id: 1001, kind: "gres".into(), name: "gpu".into(), count: 2 };
        type Wanted = Vec<(Limit, u32, Option<u64>)>;
        let check = |text: &str, wanted: Result<Wanted, &str>| {
            let given: Limits = serde_json::from_str(text).unwrap();
            let read = limits(given, "x", &[cpu.clone(), gpu.clone()]);
            match wanted {
                Ok(wanted) => assert_eq!(read.unwrap().0, wanted, "{text}"),
                Err(why) => assert_eq!(read.unwrap_err().to_string(), why, "{text}"),
            }
        };
        check(r#"{"MaxJobs":3}"#, Ok(vec![(Limit::MaxJobs, 0, Some(3))]));
        check(r#"{"MaxJobs":null}"#, Ok(vec![(Limit::MaxJobs, 0, None)]));
        check(
            r#"{"GrpTRES":{"cpu":5,"gres/gpu":null}}"#,
            Ok(vec![(Limit::GrpTres, 1, Some(5)), (Limit::GrpTres, 1001, None)]),
        );
        check(r#"{"GrpTRES":null}"#, Ok(vec![(Limit::GrpTres, 1, None), (Limit::GrpTres, 1001, None)]));
        check(r#"{"Frob":1}"#, Err("x.limits.Frob: there is no such limit"));
        check(r#"{"GrpTRES":{"frob":1}}"#, Err("x.limits.GrpTRES: no TRES known by type frob"));
        check(r#"{"MaxJobs":{"cpu":1}}"#, Err("x.limits.MaxJobs: expected a number"));
    }
}
