//! The routes of accounting, below `/slurmdb/VERSION/`.

use super::Operation;
use hyper::Method;

/// An operation of accounting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::slurm) enum Accounting {
    Ping,
    Diag,
    Tres,
    TresAdd,
    Clusters,
    Cluster,
    Instances,
    Jobs,
    Job,
    JobAmend,
    JobsAmend,
    Instance,
}

use Accounting::*;

/// Method, path and operation. A `*` stands for a parameter.
pub(super) const ROUTES: &[(Method, &str, Operation)] = &[
    // the service
    (Method::GET, "ping", Operation::Accounting(Ping)),
    (Method::GET, "diag", Operation::Accounting(Diag)),
    // jobs
    (Method::GET, "jobs", Operation::Accounting(Jobs)),
    (Method::GET, "job/*", Operation::Accounting(Job)),
    (Method::POST, "jobs", Operation::Accounting(JobsAmend)),
    (Method::POST, "job/*", Operation::Accounting(JobAmend)),
    // what there is
    (Method::GET, "tres", Operation::Accounting(Tres)),
    (Method::POST, "tres", Operation::Accounting(TresAdd)),
    (Method::GET, "clusters", Operation::Accounting(Clusters)),
    (Method::GET, "cluster/*", Operation::Accounting(Cluster)),
    (Method::GET, "instances", Operation::Accounting(Instances)),
    (Method::GET, "instance", Operation::Accounting(Instance)),
];
