//! The fields of accounts, users and associations, of qualities of service, workload keys, resources and clusters.

use super::limits::{Set, SetLimits, listed};
use super::rows::{Association, QosRow, Row, resource};
use super::settings::PARENT_SHARES;
use crate::columns::Field;
use domain::accounting::Limit;
use slurm_wire::accounting::cluster::ClusterRec;
use slurm_wire::accounting::tres::Tres;
use slurm_wire::accounting::wckey::Wckey;
use slurm_wire::time_text::show_seconds;
use slurm_wire::words::{AdminLevel, AssocFlag, PreemptMode, QosFlag, UserFlag, WckeyFlag};
use slurm_wire::{Flag, NoVal};
use std::collections::BTreeMap;

const fn field<R>(
    names: &'static [&'static str],
    header: &'static str,
    width: i32,
    value: fn(&R) -> String,
) -> Field<R> {
    Field { names, header, width, value }
}

/// Writes a limit; times as such.
fn limit(limits: &SetLimits, limit: Limit) -> String {
    match limits.get(&limit) {
        None => String::new(),
        Some(Set::Amounts(amounts)) => listed(amounts),
        Some(Set::Count(minutes)) if matches!(limit, Limit::GrpWall | Limit::MaxWallPerJob) => {
            show_seconds(minutes.saturating_mul(60))
        }
        Some(Set::Count(count)) => count.to_string(),
    }
}

fn of(row: &Row, kind: Limit) -> String {
    row.association.as_ref().map(|one| limit(&one.limits, kind)).unwrap_or_default()
}

/// Writes how much of one resource a limit allows.
fn one_of(row: &Row, kind: Limit, resource: &str) -> String {
    let set = row.association.as_ref().and_then(|one| one.limits.get(&kind));
    match set {
        Some(Set::Amounts(amounts)) => amounts.get(resource).map(u64::to_string).unwrap_or_default(),
        _ => String::new(),
    }
}

fn association<T: ToString>(row: &Row, value: fn(&Association) -> T) -> String {
    row.association.as_ref().map(|one| value(one).to_string()).unwrap_or_default()
}

fn joined<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(",")
}

fn number<T: ToString + Copy>(value: NoVal<T>) -> String {
    value.number().map(|number| number.to_string()).unwrap_or_default()
}

/// Writes shares.
fn shares(raw: u32) -> String {
    if raw == PARENT_SHARES { "parent".to_owned() } else { raw.to_string() }
}

/// Writes what a user may do as sacctmgr does.
pub(super) fn level(row: &slurm_wire::accounting::user::User) -> &'static str {
    let says = |level| row.administrator_level.contains(level);
    if says(AdminLevel::Administrator) {
        "Administrator"
    } else if says(AdminLevel::Operator) {
        "Operator"
    } else {
        "None"
    }
}

/// Accounts, users and associations.
pub(super) const PEOPLE: &[Field<Row>] = &[
    field(&["Account"], "Account", 10, |row| {
        let indent = " ".repeat(row.depth);
        let own = row.account.as_ref().map(|account| account.name.to_string()).unwrap_or_default();
        let name = row.association.as_ref().map_or(own, |one| one.wire.account.to_string());
        format!("{indent}{name}")
    }),
    field(&["AdminLevel"], "Admin", 9, |row| {
        row.user.as_ref().map(|user| level(user).to_owned()).unwrap_or_default()
    }),
    field(&["Cluster"], "Cluster", 10, |row| association(row, |one| one.wire.cluster.clone())),
    field(&["Comment"], "Comment", 20, |row| association(row, |one| one.wire.comment.clone())),
    field(&["Coordinators"], "Coord Accounts", 20, |row| {
        let of_user = row.user.iter().flat_map(|user| user.coordinators.iter());
        let of_account = row.account.iter().flat_map(|account| account.coordinators.iter());
        joined(of_user.chain(of_account).map(|one| one.name.as_str()))
    }),
    field(&["DefaultAccount"], "Def Acct", 10, |row| {
        row.user.as_ref().map(|user| user.default.account.to_string()).unwrap_or_default()
    }),
    field(&["DefaultQOS"], "Def QOS", 9, |row| association(row, |one| one.wire.default.qos.clone())),
    field(&["DefaultWCKey"], "Def WCKey", 10, |row| {
        row.user.as_ref().map(|user| user.default.wckey.to_string()).unwrap_or_default()
    }),
    field(&["Description"], "Descr", 20, |row| {
        row.account.as_ref().map(|account| account.description.to_string()).unwrap_or_default()
    }),
    field(&["Fairshare", "Share"], "Share", 9, |row| association(row, |one| shares(one.wire.shares_raw))),
    field(&["Flags"], "Flags", 20, |row| {
        let of_account = row.account.iter().flat_map(|account| account.flags.names());
        let is_deleted =
            row.association.as_ref().is_some_and(|one| one.wire.flags.contains(AssocFlag::Deleted));
        let user_gone = row.user.as_ref().is_some_and(|user| user.flags.contains(UserFlag::Deleted));
        let names: Vec<String> = of_account.map(camel).collect();
        match (names.is_empty(), is_deleted || user_gone) {
            (false, _) => names.join(","),
            (true, true) => "Deleted".to_owned(),
            (true, false) => "None".to_owned(),
        }
    }),
    field(&["GrpJobs"], "GrpJobs", 7, |row| of(row, Limit::GrpJobs)),
    field(&["GrpJobsAccrue"], "GrpJobsAccrue", 13, |row| of(row, Limit::GrpJobsAccrue)),
    field(&["GrpSubmitJobs"], "GrpSubmit", 9, |row| of(row, Limit::GrpSubmitJobs)),
    field(&["GrpTRES"], "GrpTRES", 13, |row| of(row, Limit::GrpTres)),
    field(&["GrpTRESMins"], "GrpTRESMins", 13, |row| of(row, Limit::GrpTresMins)),
    field(&["GrpTRESRunMins"], "GrpTRESRunMins", 13, |row| of(row, Limit::GrpTresRunMins)),
    field(&["GrpWall"], "GrpWall", 11, |row| of(row, Limit::GrpWall)),
    field(&["GrpCPUs"], "GrpCPUs", 8, |row| one_of(row, Limit::GrpTres, "cpu")),
    field(&["GrpCPUMins"], "GrpCPUMins", 11, |row| one_of(row, Limit::GrpTresMins, "cpu")),
    field(&["GrpMemory"], "GrpMem", 7, |row| one_of(row, Limit::GrpTres, "mem")),
    field(&["GrpNodes"], "GrpNodes", 8, |row| one_of(row, Limit::GrpTres, "node")),
    field(&["ID"], "ID", 6, |row| association(row, |one| one.wire.id.0)),
    field(&["Lineage"], "Lineage", -20, |row| association(row, |one| one.wire.lineage.clone())),
    field(&["MaxJobs"], "MaxJobs", 7, |row| of(row, Limit::MaxJobs)),
    field(&["MaxJobsAccrue"], "MaxJobsAccrue", 13, |row| of(row, Limit::MaxJobsAccrue)),
    field(&["MaxSubmitJobs"], "MaxSubmit", 9, |row| of(row, Limit::MaxSubmitJobs)),
    field(&["MaxTRES", "MaxTRESPerJob"], "MaxTRES", 13, |row| of(row, Limit::MaxTresPerJob)),
    field(&["MaxTRESPerNode"], "MaxTRESPerNode", 14, |row| of(row, Limit::MaxTresPerNode)),
    field(&["MaxTRESMinsPerJob"], "MaxTRESMins", 13, |row| of(row, Limit::MaxTresMinsPerJob)),
    field(&["MaxTRESRunMins"], "MaxTRESRunMins", 15, |row| of(row, Limit::MaxTresRunMins)),
    field(&["MaxWallDurationPerJob"], "MaxWall", 11, |row| of(row, Limit::MaxWallPerJob)),
    field(&["MaxCPUsPerJob"], "MaxCPUs", 8, |row| one_of(row, Limit::MaxTresPerJob, "cpu")),
    field(&["MaxCPUMinsPerJob"], "MaxCPUMins", 11, |row| one_of(row, Limit::MaxTresMinsPerJob, "cpu")),
    field(&["MaxNodesPerJob"], "MaxNodes", 8, |row| one_of(row, Limit::MaxTresPerJob, "node")),
    field(&["MinPrioThreshold"], "MinPrioThres", 12, |row| of(row, Limit::MinPriorityThreshold)),
    field(&["Organization"], "Org", 20, |row| {
        row.account.as_ref().map(|account| account.organization.to_string()).unwrap_or_default()
    }),
    field(&["ParentName"], "ParentName", 10, |row| association(row, |one| one.wire.parent_account.clone())),
    field(&["Partition"], "Partition", 10, |row| association(row, |one| one.wire.partition.clone())),
    field(&["Priority"], "Priority", 10, |row| association(row, |one| number(one.wire.priority))),
    field(&["QOS", "QOSLevel"], "QOS", 20, |row| {
        association(row, |one| joined(one.wire.qos.iter().map(|name| name.as_str())))
    }),
    field(&["User", "Name"], "User", 10, |row| {
        let own = row.user.as_ref().map(|user| user.name.to_string()).unwrap_or_default();
        row.association.as_ref().map_or(own, |one| one.wire.user.to_string())
    }),
    field(&["WCKeys"], "WCKeys", 20, |row| {
        let keys = row.user.iter().flat_map(|user| user.wckeys.iter());
        joined(keys.map(|key| key.name.as_str()).filter(|name| !name.is_empty()))
    }),
];

/// `NO_RESERVE` as `NoReserve`.
fn camel(word: &str) -> String {
    let part = |part: &str| {
        let (first, rest) = part.split_at(part.len().min(1));
        first.to_uppercase() + &rest.to_lowercase()
    };
    word.split('_').map(part).collect()
}

/// Switches of qualities of service, as sacctmgr calls them.
pub(super) const QOS_FLAGS: [(QosFlag, &str); 11] = [
    (QosFlag::DenyLimit, "DenyOnLimit"),
    (QosFlag::EnforceUsageThreshold, "EnforceUsageThreshold"),
    (QosFlag::PartitionMinimumNode, "PartitionMinNodes"),
    (QosFlag::PartitionMaximumNode, "PartitionMaxNodes"),
    (QosFlag::PartitionTimeLimit, "PartitionTimeLimit"),
    (QosFlag::RequiredReservation, "RequiresReservation"),
    (QosFlag::OverridePartitionQos, "OverPartQOS"),
    (QosFlag::NoReserve, "NoReserve"),
    (QosFlag::NoDecay, "NoDecay"),
    (QosFlag::Relative, "Relative"),
    (QosFlag::UsageFactorSafe, "UsageFactorSafe"),
];

/// Returns the switches of a quality of service.
pub(super) fn qos_flags(row: &QosRow) -> Vec<&'static str> {
    QOS_FLAGS.iter().filter(|(flag, _)| row.wire.flags.contains(*flag)).map(|(_, name)| *name).collect()
}

/// Returns how jobs of a quality of service make way; `None` for the cluster's way.
pub(super) fn preempt_mode(row: &QosRow) -> Option<&'static str> {
    let modes = [
        (PreemptMode::Cancel, "cancel"),
        (PreemptMode::Requeue, "requeue"),
        (PreemptMode::Suspend, "suspend"),
    ];
    modes.iter().find(|(mode, _)| row.wire.preempt.mode.contains(*mode)).map(|(_, name)| *name)
}

fn seconds(value: NoVal<u32>) -> String {
    value.number().map(|seconds| show_seconds(u64::from(seconds))).unwrap_or_default()
}

fn factor(value: NoVal<f64>) -> String {
    value.number().map(|number| format!("{number:.6}")).unwrap_or_default()
}

/// Qualities of service.
pub(super) const QOS: &[Field<QosRow>] = &[
    field(&["Name"], "Name", 10, |row| row.wire.name.to_string()),
    field(&["Description"], "Descr", 20, |row| row.wire.description.to_string()),
    field(&["Flags"], "Flags", 40, |row| qos_flags(row).join(",")),
    field(&["GraceTime"], "GraceTime", 10, |row| show_seconds(u64::from(row.wire.limits.grace_time))),
    field(&["GrpJobs"], "GrpJobs", 7, |row| limit(&row.limits, Limit::GrpJobs)),
    field(&["GrpJobsAccrue"], "GrpJobsAccrue", 13, |row| limit(&row.limits, Limit::GrpJobsAccrue)),
    field(&["GrpSubmitJobs"], "GrpSubmit", 9, |row| limit(&row.limits, Limit::GrpSubmitJobs)),
    field(&["GrpTRES"], "GrpTRES", 13, |row| limit(&row.limits, Limit::GrpTres)),
    field(&["GrpTRESMins"], "GrpTRESMins", 13, |row| limit(&row.limits, Limit::GrpTresMins)),
    field(&["GrpTRESRunMins"], "GrpTRESRunMins", 13, |row| limit(&row.limits, Limit::GrpTresRunMins)),
    field(&["GrpWall"], "GrpWall", 11, |row| limit(&row.limits, Limit::GrpWall)),
    field(&["ID"], "ID", 6, |row| row.wire.id.to_string()),
    field(&["LimitFactor"], "LimitFactor", 11, |row| factor(row.wire.limits.factor)),
    field(&["MaxJobsPA", "MaxJobsPerAccount"], "MaxJobsPA", 9, |row| {
        limit(&row.limits, Limit::MaxJobsPerAccount)
    }),
    field(&["MaxJobsPU", "MaxJobsPerUser"], "MaxJobsPU", 9, |row| limit(&row.limits, Limit::MaxJobsPerUser)),
    field(&["MaxJobsAccruePA", "MaxJobsAccruePerAccount"], "MaxJobsAccruePA", 15, |row| {
        limit(&row.limits, Limit::MaxJobsAccruePerAccount)
    }),
    field(&["MaxJobsAccruePU", "MaxJobsAccruePerUser"], "MaxJobsAccruePU", 15, |row| {
        limit(&row.limits, Limit::MaxJobsAccruePerUser)
    }),
    field(&["MaxSubmitPA", "MaxSubmitJobsPA", "MaxSubmitJobsPerAccount"], "MaxSubmitPA", 11, |row| {
        limit(&row.limits, Limit::MaxSubmitJobsPerAccount)
    }),
    field(&["MaxSubmitPU", "MaxSubmitJobsPU", "MaxSubmitJobsPerUser"], "MaxSubmitPU", 11, |row| {
        limit(&row.limits, Limit::MaxSubmitJobsPerUser)
    }),
    field(&["MaxTRES", "MaxTRESPerJob"], "MaxTRES", 13, |row| limit(&row.limits, Limit::MaxTresPerJob)),
    field(&["MaxTRESMins", "MaxTRESMinsPerJob"], "MaxTRESMins", 13, |row| {
        limit(&row.limits, Limit::MaxTresMinsPerJob)
    }),
    field(&["MaxTRESPA", "MaxTRESPerAccount"], "MaxTRESPA", 13, |row| {
        limit(&row.limits, Limit::MaxTresPerAccount)
    }),
    field(&["MaxTRESPU", "MaxTRESPerUser"], "MaxTRESPU", 13, |row| limit(&row.limits, Limit::MaxTresPerUser)),
    field(&["MaxTRESPerNode"], "MaxTRESPerNode", 14, |row| limit(&row.limits, Limit::MaxTresPerNode)),
    field(&["MaxTRESRunMinsPA", "MaxTRESRunMinsPerAccount"], "MaxTRESRunMinsPA", 22, |row| {
        limit(&row.limits, Limit::MaxTresRunMinsPerAccount)
    }),
    field(&["MaxTRESRunMinsPU", "MaxTRESRunMinsPerUser"], "MaxTRESRunMinsPU", 22, |row| {
        limit(&row.limits, Limit::MaxTresRunMinsPerUser)
    }),
    field(&["MaxWallDurationPerJob"], "MaxWall", 11, |row| limit(&row.limits, Limit::MaxWallPerJob)),
    field(&["MinPrioThreshold"], "MinPrioThres", 12, |row| limit(&row.limits, Limit::MinPriorityThreshold)),
    field(&["MinTRESPerJob"], "MinTRES", 13, |row| limit(&row.limits, Limit::MinTresPerJob)),
    field(&["Preempt"], "Preempt", 10, |row| joined(row.wire.preempt.list.iter().map(|name| name.as_str()))),
    field(&["PreemptExemptTime"], "PreemptExemptTime", 19, |row| seconds(row.wire.preempt.exempt_time)),
    field(&["PreemptMode"], "PreemptMode", 11, |row| preempt_mode(row).unwrap_or("cluster").to_owned()),
    field(&["Priority"], "Priority", 10, |row| number(row.wire.priority)),
    field(&["UsageFactor"], "UsageFactor", 11, |row| factor(row.wire.usage_factor)),
    field(&["UsageThreshold"], "UsageThres", 10, |row| factor(row.wire.usage_threshold)),
];

/// Workload keys.
pub(super) const WCKEYS: &[Field<Wckey>] = &[
    field(&["WCKey", "Name"], "WCKey", 10, |row| row.name.to_string()),
    field(&["Cluster"], "Cluster", 10, |row| row.cluster.to_string()),
    field(&["User"], "User", 10, |row| row.user.to_string()),
    field(&["ID"], "ID", 6, |row| row.id.to_string()),
    field(&["Flags"], "Flags", 20, |row| {
        row.flags.iter().map(|flag: WckeyFlag| camel(flag.name())).collect::<Vec<_>>().join(",")
    }),
];

/// What is counted.
pub(super) const TRES: &[Field<Tres>] = &[
    field(&["Type"], "Type", 8, |row| row.kind.to_string()),
    field(&["Name"], "Name", 15, |row| row.name.to_string()),
    field(&["ID"], "ID", 6, |row| row.id.to_string()),
    field(
        &["Count"],
        "Count",
        12,
        |row| if row.count.0 > 0 { row.count.0.to_string() } else { String::new() },
    ),
];

/// A cluster, and the association above all of it.
pub(super) struct ClusterRow {
    pub(super) wire: ClusterRec,
    pub(super) root: Row,
}

/// Clusters.
pub(super) const CLUSTERS: &[Field<ClusterRow>] = &[
    field(&["Cluster", "Name"], "Cluster", 10, |row| row.wire.name.to_string()),
    field(&["ControlHost"], "ControlHost", 15, |row| row.wire.controller.host.to_string()),
    field(&["ControlPort"], "ControlPort", 12, |row| row.wire.controller.port.to_string()),
    field(&["RPC"], "RPC", 5, |row| row.wire.rpc_version.to_string()),
    field(&["ClusterNodes"], "Cluster Nodes", 20, |row| row.wire.nodes.to_string()),
    field(&["TRES"], "TRES", 20, |row| {
        let amount = |one: &Tres| (resource(one), u64::try_from(one.count.0).unwrap_or(0));
        listed(&row.wire.tres.iter().map(amount).collect::<BTreeMap<_, _>>())
    }),
    field(&["Fairshare", "Share"], "Share", 9, |row| {
        association(&row.root, |one| shares(one.wire.shares_raw))
    }),
    field(&["GrpJobs"], "GrpJobs", 7, |row| of(&row.root, Limit::GrpJobs)),
    field(&["GrpTRES"], "GrpTRES", 13, |row| of(&row.root, Limit::GrpTres)),
    field(&["GrpTRESMins"], "GrpTRESMins", 13, |row| of(&row.root, Limit::GrpTresMins)),
    field(&["GrpSubmitJobs"], "GrpSubmit", 9, |row| of(&row.root, Limit::GrpSubmitJobs)),
    field(&["MaxJobs"], "MaxJobs", 7, |row| of(&row.root, Limit::MaxJobs)),
    field(&["MaxTRES"], "MaxTRES", 13, |row| of(&row.root, Limit::MaxTresPerJob)),
    field(&["MaxSubmitJobs"], "MaxSubmit", 9, |row| of(&row.root, Limit::MaxSubmitJobs)),
    field(&["MaxWallDurationPerJob"], "MaxWall", 11, |row| of(&row.root, Limit::MaxWallPerJob)),
    field(&["QOS"], "QOS", 20, |row| {
        association(&row.root, |one| joined(one.wire.qos.iter().map(|name| name.as_str())))
    }),
    field(&["DefaultQOS"], "Def QOS", 9, |row| association(&row.root, |one| one.wire.default.qos.clone())),
];

/// Something that is not as it should be.
pub(super) struct Problem {
    pub(super) association: Association,
    pub(super) what: &'static str,
}

/// What is not as it should be.
pub(super) const PROBLEMS: &[Field<Problem>] = &[
    field(&["Cluster"], "Cluster", 10, |row| row.association.wire.cluster.to_string()),
    field(&["Account"], "Account", 10, |row| row.association.wire.account.to_string()),
    field(&["User"], "User", 10, |row| row.association.wire.user.to_string()),
    field(&["Problem"], "Problem", 40, |row| row.what.to_owned()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_flags_are_written_as_people_do() {
        assert_eq!(camel("USERS_ARE_COORDS"), "UsersAreCoords");
        assert_eq!(camel("DELETED"), "Deleted");
    }

    #[test]
    fn fields_that_are_shown_by_default_exist() {
        for format in super::super::show::DEFAULTS {
            assert!(crate::columns::chosen(format, PEOPLE).is_ok(), "{format}");
        }
        assert!(crate::columns::chosen(super::super::show::QOS_DEFAULT, QOS).is_ok());
        assert!(crate::columns::chosen(super::super::show::CLUSTER_DEFAULT, CLUSTERS).is_ok());
    }
}
