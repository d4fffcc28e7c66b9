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
    ClustersPut,
    ClusterDelete,
    Instances,
    Jobs,
    Job,
    JobAmend,
    JobsAmend,
    Instance,
    Accounts,
    Account,
    AccountsPut,
    AccountsAdd,
    AccountDelete,
    Users,
    User,
    UsersPut,
    UsersAdd,
    UserDelete,
    Associations,
    Association,
    AssociationsPut,
    AssociationsDelete,
    AssociationDelete,
    QosAll,
    Qos,
    QosPut,
    QosDelete,
    Wckeys,
    Wckey,
    WckeysPut,
    WckeyDelete,
    Config,
    ConfigLoad,
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
    (Method::POST, "clusters", Operation::Accounting(ClustersPut)),
    (Method::GET, "cluster/*", Operation::Accounting(Cluster)),
    (Method::DELETE, "cluster/*", Operation::Accounting(ClusterDelete)),
    (Method::GET, "instances", Operation::Accounting(Instances)),
    (Method::GET, "instance", Operation::Accounting(Instance)),
    // accounts
    (Method::GET, "accounts", Operation::Accounting(Accounts)),
    (Method::POST, "accounts", Operation::Accounting(AccountsPut)),
    (Method::GET, "account/*", Operation::Accounting(Account)),
    (Method::DELETE, "account/*", Operation::Accounting(AccountDelete)),
    (Method::POST, "accounts_association", Operation::Accounting(AccountsAdd)),
    // users
    (Method::GET, "users", Operation::Accounting(Users)),
    (Method::POST, "users", Operation::Accounting(UsersPut)),
    (Method::GET, "user/*", Operation::Accounting(User)),
    (Method::DELETE, "user/*", Operation::Accounting(UserDelete)),
    (Method::POST, "users_association", Operation::Accounting(UsersAdd)),
    // associations
    (Method::GET, "associations", Operation::Accounting(Associations)),
    (Method::POST, "associations", Operation::Accounting(AssociationsPut)),
    (Method::DELETE, "associations", Operation::Accounting(AssociationsDelete)),
    (Method::GET, "association", Operation::Accounting(Association)),
    (Method::DELETE, "association", Operation::Accounting(AssociationDelete)),
    // qualities of service
    (Method::GET, "qos", Operation::Accounting(QosAll)),
    (Method::POST, "qos", Operation::Accounting(QosPut)),
    (Method::GET, "qos/*", Operation::Accounting(Qos)),
    (Method::DELETE, "qos/*", Operation::Accounting(QosDelete)),
    // workload keys
    (Method::GET, "wckeys", Operation::Accounting(Wckeys)),
    (Method::POST, "wckeys", Operation::Accounting(WckeysPut)),
    (Method::GET, "wckey/*", Operation::Accounting(Wckey)),
    (Method::DELETE, "wckey/*", Operation::Accounting(WckeyDelete)),
    // all of it
    (Method::GET, "config", Operation::Accounting(Config)),
    (Method::POST, "config", Operation::Accounting(ConfigLoad)),
];
