//! How often each operation was asked for, by kind and by user, in the words of the original's message types.

use super::routes::{Accounting, Operation};
use domain::Uid;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Users whose requests are counted by name; more are counted together with the last.
const MOST_USERS: usize = 10_000;

/// Counts: what the original's controller would be asked, and what its database would be asked.
pub(crate) struct Counters {
    /// Of the controller.
    pub(super) controller: Tallies,
    /// Of accounting.
    pub(super) accounting: Tallies,
}

impl Default for Counters {
    fn default() -> Self {
        Counters { controller: Tallies::of(&MESSAGES), accounting: Tallies::of(&ACCOUNTING_MESSAGES) }
    }
}

/// Counts of one of them.
pub(super) struct Tallies {
    messages: &'static [(u32, &'static str)],
    kinds: Vec<Tally>,
    users: Mutex<BTreeMap<u32, UserTally>>,
}

#[derive(Default)]
struct Tally {
    count: AtomicU64,
    micros: AtomicU64,
}

/// What one user's requests came to.
#[derive(Clone, Default)]
pub(super) struct UserTally {
    pub(super) name: domain::Text,
    pub(super) count: u64,
    pub(super) micros: u64,
}

/// What the requests of one kind came to.
pub(super) struct KindTally {
    pub(super) type_id: u32,
    pub(super) message_type: &'static str,
    pub(super) count: u64,
    pub(super) micros: u64,
}

/// The controller's messages that stand for the operations: number and name.
const MESSAGES: [(u32, &str); 23] = [
    (4003, "REQUEST_SUBMIT_BATCH_JOB"),
    (4001, "REQUEST_RESOURCE_ALLOCATION"),
    (3001, "REQUEST_UPDATE_JOB"),
    (2021, "REQUEST_JOB_INFO_SINGLE"),
    (5041, "REQUEST_KILL_JOBS"),
    (2003, "REQUEST_JOB_INFO"),
    (2057, "REQUEST_JOB_STATE"),
    (2007, "REQUEST_NODE_INFO"),
    (2009, "REQUEST_PARTITION_INFO"),
    (1008, "REQUEST_PING"),
    (2035, "REQUEST_STATS_INFO"),
    (2040, "REQUEST_NODE_INFO_SINGLE"),
    (5023, "REQUEST_JOB_REQUEUE"),
    (2024, "REQUEST_RESERVATION_INFO"),
    (3006, "REQUEST_CREATE_RESERVATION"),
    (3008, "REQUEST_DELETE_RESERVATION"),
    (3002, "REQUEST_UPDATE_NODE"),
    (1024, "REQUEST_LICENSE_INFO"),
    (1003, "REQUEST_RECONFIGURE"),
    (2022, "REQUEST_SHARE_INFO"),
    (4007, "REQUEST_RESOURCE_LAYOUT"),
    (3015, "REQUEST_CREATE_NODE"),
    (3014, "REQUEST_DELETE_NODE"),
];

fn message(operation: Operation) -> Option<usize> {
    Some(match operation {
        Operation::Submit => 0,
        Operation::Allocate => 1,
        Operation::JobUpdate => 2,
        Operation::JobGet => 3,
        Operation::JobKill | Operation::JobsKill => 4,
        Operation::JobsGet => 5,
        Operation::JobStates => 6,
        Operation::Nodes => 7,
        Operation::Partitions | Operation::Partition => 8,
        Operation::Ping => 9,
        Operation::Diag => 10,
        Operation::Node => 11,
        Operation::JobRequeue | Operation::JobsRequeue => 12,
        Operation::Reservations | Operation::Reservation => 13,
        // What becomes of it is known only later; most make new ones.
        Operation::ReservationPut | Operation::ReservationsPut => 14,
        Operation::ReservationDelete => 15,
        Operation::NodeUpdate | Operation::NodesUpdate => 16,
        Operation::Licenses => 17,
        Operation::Reconfigure => 18,
        Operation::Shares => 19,
        Operation::Resources => 20,
        Operation::NodeCreate => 21,
        Operation::NodeDelete => 22,
        // Answered without asking the controller.
        Operation::OpenApi | Operation::Hostlist | Operation::Hostnames => return None,
        Operation::Accounting(_) => return None,
    })
}

/// The database's messages that stand for the operations: number and name.
const ACCOUNTING_MESSAGES: [(u32, &str); 27] = [
    (1469, "DBD_GET_STATS"),
    (1486, "DBD_GET_TRES"),
    (1412, "DBD_GET_CLUSTERS"),
    (1505, "DBD_GET_INSTANCES"),
    (1409, "DBD_GET_ACCOUNTS"),
    (1401, "DBD_ADD_ACCOUNTS"),
    (1501, "DBD_ADD_ACCOUNTS_COND"),
    (1419, "DBD_REMOVE_ACCOUNTS"),
    (1415, "DBD_GET_USERS"),
    (1405, "DBD_ADD_USERS"),
    (1502, "DBD_ADD_USERS_COND"),
    (1424, "DBD_REMOVE_USERS"),
    (1410, "DBD_GET_ASSOCS"),
    (1403, "DBD_ADD_ASSOCS"),
    (1422, "DBD_REMOVE_ASSOCS"),
    (1448, "DBD_GET_QOS"),
    (1449, "DBD_ADD_QOS"),
    (1450, "DBD_REMOVE_QOS"),
    (1456, "DBD_GET_WCKEYS"),
    (1455, "DBD_ADD_WCKEYS"),
    (1457, "DBD_REMOVE_WCKEYS"),
    (1404, "DBD_ADD_CLUSTERS"),
    (1421, "DBD_REMOVE_CLUSTERS"),
    (1466, "DBD_GET_CONFIG"),
    (1407, "DBD_SEND_MULT_MSG"),
    (1444, "DBD_GET_JOBS_COND"),
    (1421, "DBD_MODIFY_JOB"),
];

fn accounting_message(operation: Accounting) -> Option<usize> {
    Some(match operation {
        Accounting::Diag => 0,
        Accounting::Tres => 1,
        Accounting::Clusters | Accounting::Cluster => 2,
        Accounting::Instances | Accounting::Instance => 3,
        Accounting::Accounts | Accounting::Account => 4,
        Accounting::AccountsPut => 5,
        Accounting::AccountsAdd => 6,
        Accounting::AccountDelete => 7,
        Accounting::Users | Accounting::User => 8,
        Accounting::UsersPut => 9,
        Accounting::UsersAdd => 10,
        Accounting::UserDelete => 11,
        Accounting::Associations | Accounting::Association => 12,
        Accounting::AssociationsPut => 13,
        Accounting::AssociationsDelete | Accounting::AssociationDelete => 14,
        Accounting::QosAll | Accounting::Qos => 15,
        Accounting::QosPut => 16,
        Accounting::QosDelete => 17,
        Accounting::Wckeys | Accounting::Wckey => 18,
        Accounting::WckeysPut => 19,
        Accounting::WckeyDelete => 20,
        Accounting::ClustersPut => 21,
        Accounting::ClusterDelete => 22,
        Accounting::Config => 23,
        Accounting::ConfigLoad => 24,
        Accounting::Jobs | Accounting::Job => 25,
        Accounting::JobAmend | Accounting::JobsAmend => 26,
        // Answered without asking it.
        Accounting::Ping | Accounting::TresAdd => return None,
    })
}

impl Counters {
    /// Counts one request; `user` is nobody's where the token did not hold.
    pub(super) fn count(&self, operation: Operation, user: Option<(Uid, &domain::Text)>, took: Duration) {
        let (tallies, at) = match operation {
            Operation::Accounting(operation) => (&self.accounting, accounting_message(operation)),
            operation => (&self.controller, message(operation)),
        };
        let Some(at) = at else { return };
        tallies.count(at, user, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

impl Tallies {
    fn of(messages: &'static [(u32, &'static str)]) -> Self {
        let kinds = messages.iter().map(|_| Tally::default()).collect();
        Tallies { messages, kinds, users: Mutex::default() }
    }

    fn count(&self, at: usize, user: Option<(Uid, &domain::Text)>, micros: u64) {
        let Some(tally) = self.kinds.get(at) else { return };
        tally.count.fetch_add(1, Relaxed);
        tally.micros.fetch_add(micros, Relaxed);
        let Some((uid, name)) = user else { return };
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= MOST_USERS && !users.contains_key(&uid.0) {
            return;
        }
        let tally = users.entry(uid.0).or_default();
        if tally.count == 0 {
            tally.name = name.clone();
        }
        tally.count += 1;
        tally.micros += micros;
    }

    /// Returns what was asked for at all, kind by kind.
    pub(super) fn kinds(&self) -> Vec<KindTally> {
        let tallies =
            self.messages.iter().zip(&self.kinds).map(|(&(type_id, message_type), tally)| KindTally {
                type_id,
                message_type,
                count: tally.count.load(Relaxed),
                micros: tally.micros.load(Relaxed),
            });
        tallies.filter(|tally| tally.count > 0).collect()
    }

    /// Returns who asked, user by user.
    pub(super) fn users(&self) -> BTreeMap<u32, UserTally> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
