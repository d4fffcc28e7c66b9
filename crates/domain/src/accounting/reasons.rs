//! The reasons by which limits are named: whose limit of which kind, and of what.

use super::Limit;
use super::line::Scope;
use super::tres::{BILLING, CPU, MEMORY, NODE};
use crate::job::Reason;

/// Returns the reason that names a limit.
pub(super) fn reason(scope: Scope, limit: Limit, resource: u32) -> Reason {
    use Limit::*;
    use Reason as R;
    let of = |words: [R; 5]| words[class(resource)];
    match (scope, limit) {
        (Scope::Association, GrpJobs) => R::AssocGrpJobsLimit,
        (Scope::Association, GrpWall) => R::AssocGrpWallLimit,
        (Scope::Association, GrpSubmitJobs) => R::AssocGrpSubmitJobsLimit,
        (Scope::Association, MaxJobs) => R::AssocMaxJobsLimit,
        (Scope::Association, MaxSubmitJobs) => R::AssocMaxSubmitJobLimit,
        (Scope::Association, MaxWallPerJob) => R::AssocMaxWallDurationPerJobLimit,
        (Scope::Qos, GrpJobs) => R::QosGrpJobsLimit,
        (Scope::Qos, GrpWall) => R::QosGrpWallLimit,
        (Scope::Qos, GrpSubmitJobs) => R::QosGrpSubmitJobsLimit,
        (Scope::Qos, MaxWallPerJob) => R::QosMaxWallDurationPerJobLimit,
        (_, MaxJobsPerUser) => R::QosMaxJobsPerUserLimit,
        (_, MaxJobsPerAccount) => R::MaxJobsPerAccount,
        (_, MaxSubmitJobsPerUser) => R::QosMaxSubmitJobPerUserLimit,
        (_, MaxSubmitJobsPerAccount) => R::MaxSubmitJobsPerAccount,
        (Scope::Association, GrpTres) => of([
            R::AssocGrpCpuLimit,
            R::AssocGrpMemLimit,
            R::AssocGrpNodeLimit,
            R::AssocGrpGres,
            R::AssocGrpBilling,
        ]),
        (Scope::Association, GrpTresMins) => of([
            R::AssocGrpCpuMinutesLimit,
            R::AssocGrpMemMinutes,
            R::AssocGrpNodeMinutes,
            R::AssocGrpGresMinutes,
            R::AssocGrpBillingMinutes,
        ]),
        (Scope::Association, GrpTresRunMins) => of([
            R::AssocGrpCpuRunMinutesLimit,
            R::AssocGrpMemRunMinutes,
            R::AssocGrpNodeRunMinutes,
            R::AssocGrpGresRunMinutes,
            R::AssocGrpBillingRunMinutes,
        ]),
        (Scope::Association, MaxTresMinsPerJob) => of([
            R::AssocMaxCpuMinutesPerJobLimit,
            R::AssocMaxMemMinutesPerJob,
            R::AssocMaxNodeMinutesPerJob,
            R::AssocMaxGresMinutesPerJob,
            R::AssocMaxBillingMinutesPerJob,
        ]),
        (Scope::Association, MaxTresPerNode) => of([
            R::AssocMaxCpuPerNode,
            R::AssocMaxMemPerNode,
            R::AssocMaxGresPerNode,
            R::AssocMaxGresPerNode,
            R::AssocMaxBillingPerNode,
        ]),
        (Scope::Qos, GrpTres) => {
            of([R::QosGrpCpuLimit, R::QosGrpMemLimit, R::QosGrpNodeLimit, R::QosGrpGres, R::QosGrpBilling])
        }
        (Scope::Qos, GrpTresMins) => of([
            R::QosGrpCpuMinutesLimit,
            R::QosGrpMemoryMinutes,
            R::QosGrpNodeMinutes,
            R::QosGrpGresMinutes,
            R::QosGrpBillingMinutes,
        ]),
        (Scope::Qos, GrpTresRunMins) => of([
            R::QosGrpCpuRunMinutesLimit,
            R::QosGrpMemoryRunMinutes,
            R::QosGrpNodeRunMinutes,
            R::QosGrpGresRunMinutes,
            R::QosGrpBillingRunMinutes,
        ]),
        (Scope::Qos, MaxTresPerJob) => of([
            R::QosMaxCpuPerJobLimit,
            R::QosMaxMemoryPerJob,
            R::QosMaxNodePerJobLimit,
            R::QosMaxGresPerJob,
            R::QosMaxBillingPerJob,
        ]),
        (Scope::Qos, MaxTresMinsPerJob) => of([
            R::QosMaxCpuMinutesPerJobLimit,
            R::QosMaxMemoryMinutesPerJob,
            R::QosMaxNodeMinutesPerJob,
            R::QosMaxGresMinutesPerJob,
            R::QosMaxBillingMinutesPerJob,
        ]),
        (Scope::Qos, MaxTresPerNode) => of([
            R::QosMaxCpuPerNode,
            R::QosMaxMemoryPerNode,
            R::QosMaxGresPerNode,
            R::QosMaxGresPerNode,
            R::QosMaxBillingPerNode,
        ]),
        (_, MaxTresPerUser) => of([
            R::QosMaxCpuPerUserLimit,
            R::QosMaxMemoryPerUser,
            R::QosMaxNodePerUserLimit,
            R::QosMaxGresPerUser,
            R::QosMaxBillingPerUser,
        ]),
        (_, MaxTresPerAccount) => of([
            R::MaxCpuPerAccount,
            R::MaxMemoryPerAccount,
            R::MaxNodePerAccount,
            R::MaxGresPerAccount,
            R::MaxBillingPerAccount,
        ]),
        // The original keeps this limit of an association, and heeds it nowhere: it has no name for it.
        (_, MaxTresRunMinsPerUser) | (Scope::Association, MaxTresRunMins) => of([
            R::MaxCpuRunMinsPerUser,
            R::MaxMemoryRunMinsPerUser,
            R::MaxNodeRunMinsPerUser,
            R::MaxGresRunMinsPerUser,
            R::MaxBillingRunMinsPerUser,
        ]),
        (_, MaxTresRunMinsPerAccount) => of([
            R::MaxCpuRunMinsPerAccount,
            R::MaxMemoryRunMinsPerAccount,
            R::MaxNodeRunMinsPerAccount,
            R::MaxGresRunMinsPerAccount,
            R::MaxBillingRunMinsPerAccount,
        ]),
        (_, MinTresPerJob) => {
            of([R::QosMinCpuNotSatisfied, R::QosMinMemory, R::QosMinNode, R::QosMinGres, R::QosMinBilling])
        }
        // What is left are limits of jobs of an association, and kinds by which no job is held.
        (_, _) => of([
            R::AssocMaxCpuPerJobLimit,
            R::AssocMaxMemPerJob,
            R::AssocMaxNodePerJobLimit,
            R::AssocMaxGresPerJob,
            R::AssocMaxBillingPerJob,
        ]),
    }
}

/// Returns the place of a resource among the words of a kind of limit.
fn class(resource: u32) -> usize {
    match resource {
        CPU => 0,
        MEMORY => 1,
        NODE => 2,
        BILLING => 4,
        _ => 3,
    }
}
