//! Rows of accounting: accounts, users, associations, qualities of service, workload keys, clusters.

use super::{BadRow, Stored, decode, encoded};
use domain::accounting::{
    Account, Association, ClusterRecord, LastNumbers, Life, Limit, Limits, Place, Qos, QosFlags, Record,
    RecordKey, User, Wckey,
};
use domain::cluster::PreemptMode;
use domain::who::AdminLevel;
use domain::{Text, Timestamp};
use std::sync::Arc;
use std::time::Duration;

rows! {
    Life => LifeRow {
        created = "c": Timestamp,
        modified = "m": Timestamp,
        deleted = "d": bool,
    }
    Account => AccountRow {
        name = "n": Text,
        description = "d": Text,
        organization = "o": Text,
        coordinators = "c": Vec<Text>,
        users_are_coordinators = "u": Option<bool>,
        life = "l": Life,
    }
    User => UserRow {
        name = "n": Text,
        level = "a": AdminLevel,
        default_account = "d": Text,
        default_wckey = "w": Text,
        life = "l": Life,
    }
    Place => PlaceRow {
        cluster = "c": Text,
        account = "a": Text,
        user = "u": Text,
        partition = "p": Text,
    }
    Association => AssociationRow {
        id = "i": u32,
        place = "p": Place,
        parent = "a": Text,
        shares = "s": u32,
        comment = "c": Text,
        priority = "y": Option<u32>,
        qos = "q": Option<Vec<u32>>,
        qos_changes = "h": Vec<(bool, u32)>,
        default_qos = "d": Option<u32>,
        limits = "m": Limits,
        life = "l": Life,
    }
    Qos => QosRow {
        id = "i": u32,
        name = "n": Text,
        description = "d": Text,
        priority = "y": u32,
        preempt = "p": Vec<Text>,
        preempt_mode = "o": Option<PreemptMode>,
        grace_time = "g": Duration,
        preempt_exempt_time = "e": Option<Duration>,
        usage_factor = "u": f64,
        usage_threshold = "t": Option<f64>,
        limit_factor = "f": Option<f64>,
        limits = "m": Limits,
        flags = "s": QosFlags,
        life = "l": Life,
    }
    QosFlags => QosFlagsRow {
        no_reserve = "r": bool,
        partition_time_limit = "t": bool,
        partition_max_nodes = "x": bool,
        partition_min_nodes = "n": bool,
        enforce_usage_threshold = "u": bool,
        required_reservation = "q": bool,
        deny_limit = "d": bool,
        override_partition_qos = "o": bool,
        no_decay = "y": bool,
        usage_factor_safe = "s": bool,
        relative = "l": bool,
    }
    Wckey => WckeyRow {
        id = "i": u32,
        cluster = "c": Text,
        user = "u": Text,
        name = "n": Text,
        life = "l": Life,
    }
    ClusterRecord => ClusterRecordRow {
        name = "n": Text,
        external = "x": bool,
        life = "l": Life,
    }
}

codes! {
    PreemptMode, "way of making way" {
        Off = 0,
        Cancel = 1,
        Requeue = 2,
        Suspend = 3,
    }
}

impl Stored for Limits {
    type Row = Vec<(u8, u32, u64)>;

    fn to_row(&self) -> Self::Row {
        self.iter().map(|(limit, resource, most)| (limit.number(), resource, most)).collect()
    }

    fn from_row(row: Self::Row) -> Result<Self, BadRow> {
        row.into_iter()
            .map(|(number, resource, most)| {
                let limit = Limit::of_number(number);
                let limit = limit.ok_or(BadRow::UnknownCode { what: "limit", code: number })?;
                Ok((limit, resource, most))
            })
            .collect()
    }
}

/// Names of the numbers given last.
pub(crate) const LAST_ASSOCIATION: &str = "last association";
pub(crate) const LAST_QOS: &str = "last qos";
pub(crate) const LAST_WCKEY: &str = "last wckey";

/// Returns the numbers given last by their names.
pub(crate) fn numbers(last: LastNumbers) -> [(&'static str, u32); 3] {
    [(LAST_ASSOCIATION, last.association), (LAST_QOS, last.qos), (LAST_WCKEY, last.wckey)]
}

/// Returns where a record is kept: kind and name.
pub(crate) fn place(key: &RecordKey) -> (u8, Text) {
    match key {
        RecordKey::Account(name) => (1, name.clone()),
        RecordKey::User(name) => (2, name.clone()),
        RecordKey::Association(id) => (3, Text::from(id.to_string())),
        RecordKey::Qos(id) => (4, Text::from(id.to_string())),
        // Nobody's name has this letter: it divides units.
        RecordKey::Wckey(cluster, user, name) => {
            (5, Text::from(format!("{cluster}\u{1f}{user}\u{1f}{name}")))
        }
        RecordKey::Cluster(name) => (6, name.clone()),
        RecordKey::Imported(name) => (7, name.clone()),
    }
}

/// Returns the bytes of a record.
pub(crate) fn body(record: &Record) -> Vec<u8> {
    match record {
        Record::Account(account) => encoded(account),
        Record::User(user) => encoded(user),
        Record::Association(association) => encoded(association),
        Record::Qos(qos) => encoded(qos),
        Record::Wckey(wckey) => encoded(wckey),
        Record::Cluster(cluster) => encoded(cluster),
        Record::Imported(_) => Vec::new(),
    }
}

/// Reads a record.
pub(crate) fn record(kind: u8, name: &str, body: &[u8]) -> Result<Record, BadRow> {
    Ok(match kind {
        1 => Record::Account(decode::<Arc<Account>>(body)?),
        2 => Record::User(decode::<Arc<User>>(body)?),
        3 => Record::Association(decode::<Arc<Association>>(body)?),
        4 => Record::Qos(decode::<Arc<Qos>>(body)?),
        5 => Record::Wckey(decode::<Arc<Wckey>>(body)?),
        6 => Record::Cluster(decode::<Arc<ClusterRecord>>(body)?),
        7 => Record::Imported(Text::from(name)),
        code => return Err(BadRow::UnknownCode { what: "kind of record", code }),
    })
}
