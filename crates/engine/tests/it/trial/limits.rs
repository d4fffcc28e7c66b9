//! Limits of accounting in a trial: some clusters give each quality of service only so much.

use super::dice::Dice;
use super::reservations::ACCOUNTS;
use super::scene::USERS;
use domain::accounting::tres::CPU;
use domain::accounting::{Enforcement, Limit};
use domain::cluster::{Cluster, PreemptType};
use domain::who::Membership;

/// Limits that are set, one line each: nobody waits for ever for those on jobs, and whoever asks for more CPUs than one of
/// those gives does.
const LIMITS: &[(Limit, u32, &[u64])] = &[
    (Limit::GrpJobs, 0, &[4, 6, 12]),
    (Limit::GrpTres, CPU, &[8, 16, 40]),
    (Limit::MaxJobsPerUser, 0, &[3, 5, 8]),
    (Limit::MaxJobsPerAccount, 0, &[3, 5, 8]),
    (Limit::MaxTresPerUser, CPU, &[8, 16, 24]),
    (Limit::MaxTresPerAccount, CPU, &[8, 16, 24]),
    (Limit::MaxWallPerJob, 0, &[60, 600]),
];

/// Has limits hold in a cluster. Who may be pushed aside for whom is tried elsewhere.
pub(crate) fn limit(dice: &mut Dice, cluster: &mut Cluster) {
    cluster.preempt.by = PreemptType::None;
    cluster.enforcement = Enforcement { associations: true, limits: true, ..Enforcement::default() };
    cluster.configure_books(|books| {
        for name in USERS {
            let known = books.users.iter().position(|user| user.name == name);
            let before = known.map(|at| books.users.swap_remove(at)).unwrap_or_default();
            books.users.push(Membership {
                name: name.into(),
                default_account: dice.one_of(&ACCOUNTS).into(),
                accounts: ACCOUNTS.iter().map(|account| (*account).into()).collect(),
                ..before
            });
        }
        for qos in &mut books.qos {
            for (limit, resource, choices) in LIMITS {
                if dice.once_in(3) {
                    qos.limits.set(*limit, *resource, Some(dice.one_of(choices)));
                }
            }
        }
    });
}
