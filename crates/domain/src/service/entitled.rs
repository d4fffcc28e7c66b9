//! Whether a job may be charged as it says: association, quality of service and workload key, as far as that is enforced.

use crate::accounting::{Association, NORMAL};
use crate::cluster::Cluster;
use crate::job::JobSpec;
use crate::{Error, Problem, Uid};

/// The user for whom no association is needed.
const ROOT: Uid = Uid(0);

/// Checks that a job may be charged as it says.
///
/// # Errors
/// [`Problem::BadAccount`], [`Problem::BadQos`], [`Problem::BadWckey`].
pub(super) fn check_entitled(spec: &JobSpec, cluster: &Cluster) -> Result<(), Error> {
    let (books, enforced) = (&cluster.books, cluster.enforcement);
    if enforced.associations {
        for partition in &spec.partitions {
            match books.governing(&spec.account, &spec.owner.name, partition) {
                Some(own) if enforced.qos => check_qos(own, spec, cluster)?,
                Some(_) => {}
                None if spec.owner.uid == ROOT => {}
                None => return Err(Problem::BadAccount(spec.account.clone()).into()),
            }
        }
    }
    // A star marks a key that nobody named.
    let key = spec.wckey.strip_prefix('*').unwrap_or(&spec.wckey);
    if enforced.wckeys && books.wckey(&spec.owner.name, key).is_none() {
        return Err(Problem::BadWckey(spec.wckey.clone()).into());
    }
    Ok(())
}

fn check_qos(own: &Association, spec: &JobSpec, cluster: &Cluster) -> Result<(), Error> {
    let books = &cluster.books;
    let is_open = books.qos_named(&spec.qos).is_some_and(|qos| match books.allowed_qos(own) {
        // Where nobody has said anything there is the one that everybody has.
        [] => qos.id == NORMAL,
        allowed => allowed.contains(&qos.id),
    });
    if is_open { Ok(()) } else { Err(Problem::BadQos(spec.qos.clone()).into()) }
}
