//! What of accounting binds jobs (`AccountingStorageEnforce`), and who may be charged by it.

use super::{Association, Books, NORMAL};
use crate::Uid;
use crate::cluster::Cluster;
use crate::job::{JobSpec, Reason};

/// The user for whom no association is needed.
const SUPERUSER: Uid = Uid(0);

/// What is enforced. Without any, accounting only counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// Jobs need an association of their account and user (`associations`).
    pub associations: bool,
    /// Limits hold (`limits`).
    pub limits: bool,
    /// Jobs may have only qualities of service that are open to their association (`qos`).
    pub qos: bool,
    /// Jobs start only if they can run to their end within limits on minutes (`safe`).
    pub safe: bool,
    /// Jobs need a workload key that is known (`wckeys`).
    pub wckeys: bool,
    /// Jobs are not kept for history (`nojobs`).
    pub no_jobs: bool,
    /// Steps are not kept for history (`nosteps`).
    pub no_steps: bool,
}

impl Enforcement {
    /// Reads Slurm's words; case does not matter. What a word needs comes with it, as the original documents it.
    ///
    /// # Errors
    /// The word that there is not.
    pub fn parse<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Self, &'w str> {
        let mut found = Enforcement::default();
        for word in words {
            match word.trim().to_ascii_lowercase().as_str() {
                "associations" => found.associations = true,
                "limits" => (found.associations, found.limits) = (true, true),
                "qos" => (found.associations, found.qos) = (true, true),
                "safe" => (found.associations, found.limits, found.safe) = (true, true, true),
                "wckeys" => (found.associations, found.wckeys) = (true, true),
                "nojobs" => (found.no_jobs, found.no_steps) = (true, true),
                "nosteps" => found.no_steps = true,
                "all" => {
                    (found.associations, found.limits, found.qos) = (true, true, true);
                    (found.safe, found.wckeys) = (true, true);
                }
                "none" => {}
                _ => return Err(word),
            }
        }
        Ok(found)
    }
}

/// Tells why a job may not be charged as it says in a partition, as far as that is enforced: [`Reason::InvalidAccount`]
/// without an association, which `root` does not need, and [`Reason::InvalidQos`] for a quality of service that is not
/// open to it.
pub fn barred(spec: &JobSpec, partition: &str, cluster: &Cluster) -> Option<Reason> {
    let (books, enforced) = (&cluster.books, cluster.enforcement);
    if !enforced.associations {
        return None;
    }
    match books.governing(&spec.account, &spec.owner.name, partition) {
        Some(own) if enforced.qos && !is_open(own, spec, books) => Some(Reason::InvalidQos),
        Some(_) => None,
        None if spec.owner.uid == SUPERUSER => None,
        None => Some(Reason::InvalidAccount),
    }
}

fn is_open(own: &Association, spec: &JobSpec, books: &Books) -> bool {
    books.qos_named(&spec.qos).is_some_and(|qos| match &*books.allowed_qos(own) {
        // Where nobody has said anything there is the one that everybody has.
        [] => qos.id == NORMAL,
        allowed => allowed.contains(&qos.id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_bring_what_they_need() {
        let safe = Enforcement::parse(["Safe", "qos"]).expect("it reads");
        let all =
            Enforcement { associations: true, limits: true, qos: true, safe: true, ..Enforcement::default() };
        assert_eq!(safe, all);
        let nojobs = Enforcement::parse(["nojobs"]).expect("it reads");
        assert_eq!(nojobs, Enforcement { no_jobs: true, no_steps: true, ..Enforcement::default() });
        assert_eq!(Enforcement::parse(["limits", "limit"]), Err("limit"));
    }
}
