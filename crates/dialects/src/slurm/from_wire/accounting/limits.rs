//! Limits: a number sets one, infinity takes it away, and what is not given stays.

use super::Known;
use domain::accounting::{Limit, LimitChanges};
use slurm_wire::accounting::association::{AssocMaxInput, AssocMinInput, AssocRecSet};
use slurm_wire::accounting::qos::QosLimitsInput;
use slurm_wire::accounting::tres::{TresInput, TresListKind};
use slurm_wire::list::List;
use slurm_wire::{NoVal, Report, error_number as number};

type Amounts = List<TresInput, TresListKind>;

/// Changes while they are read.
pub(super) struct Reading<'a> {
    known: &'a Known<'a>,
    report: &'a mut Report,
    place: String,
    changes: LimitChanges,
}

impl<'a> Reading<'a> {
    pub(super) fn new(known: &'a Known<'a>, report: &'a mut Report, place: String) -> Self {
        Reading { known, report, place, changes: LimitChanges::default() }
    }

    pub(super) fn done(self) -> LimitChanges {
        self.changes
    }

    fn count(&mut self, limit: Limit, value: Option<NoVal<u32>>) {
        if let Some(most) = super::change(value) {
            self.changes.0.push((limit, 0, most.map(u64::from)));
        }
    }

    /// Of resources a count of −1 takes the limit away.
    fn amounts(&mut self, limit: Limit, amounts: Option<&Amounts>) {
        for amount in amounts.into_iter().flatten() {
            let named = |kind: &str, name: &str| {
                let is_it = |one: &&domain::accounting::Trackable| {
                    one.kind.eq_ignore_ascii_case(kind) && one.name.eq_ignore_ascii_case(name)
                };
                self.known.resources.iter().find(is_it).map(|one| one.id)
            };
            let numbered = amount.id.filter(|id| *id != 0);
            let known = numbered.filter(|id| self.known.resources.iter().any(|one| one.id == *id));
            let (kind, name) = (super::text(amount.kind.as_ref()), super::text(amount.name.as_ref()));
            let Some(resource) = named(&kind, &name).or(known) else {
                let divider = if name.is_empty() { "" } else { "/" };
                let why = format!("Unable to resolve TRES: {kind}{divider}{name}");
                self.report.error(number::TRES, why, self.place.as_str());
                continue;
            };
            let Some(count) = &amount.count else { continue };
            self.changes.0.push((limit, resource, u64::try_from(count.0).ok()));
        }
    }

    /// Reads those of an association.
    pub(super) fn of_association(&mut self, max: Option<&AssocMaxInput>, min: Option<&AssocMinInput>) {
        self.count(Limit::MinPriorityThreshold, min.and_then(|min| min.priority_threshold));
        let Some(max) = max else { return };
        let wall = max.per.as_ref().and_then(|per| per.account.as_ref()?.wall_clock);
        self.count(Limit::GrpWall, wall);
        if let Some(jobs) = &max.jobs {
            self.count(Limit::MaxJobs, jobs.active);
            self.count(Limit::MaxJobsAccrue, jobs.accruing);
            self.count(Limit::MaxSubmitJobs, jobs.total);
            if let Some(per) = &jobs.per {
                self.count(Limit::GrpJobs, per.count);
                self.count(Limit::GrpJobsAccrue, per.accruing);
                self.count(Limit::GrpSubmitJobs, per.submitted);
                self.count(Limit::MaxWallPerJob, per.wall_clock);
            }
        }
        let Some(tres) = &max.tres else { return };
        self.amounts(Limit::GrpTres, tres.total.as_ref());
        if let Some(group) = &tres.group {
            self.amounts(Limit::GrpTresMins, group.minutes.as_ref());
            self.amounts(Limit::GrpTresRunMins, group.active.as_ref());
        }
        if let Some(minutes) = &tres.minutes {
            self.amounts(Limit::MaxTresRunMins, minutes.total.as_ref());
            self.amounts(Limit::MaxTresMinsPerJob, minutes.per.as_ref().and_then(|per| per.job.as_ref()));
        }
        if let Some(per) = &tres.per {
            self.amounts(Limit::MaxTresPerJob, per.job.as_ref());
            self.amounts(Limit::MaxTresPerNode, per.node.as_ref());
        }
    }

    /// Reads those that new associations get, under sacctmgr's names.
    pub(super) fn of_addition(&mut self, set: &AssocRecSet) {
        for (limit, count) in [
            (Limit::GrpJobs, set.grpjobs),
            (Limit::GrpJobsAccrue, set.grpjobsaccrue),
            (Limit::GrpSubmitJobs, set.grpsubmitjobs),
            (Limit::GrpWall, set.grpwall),
            (Limit::MaxJobs, set.maxjobs),
            (Limit::MaxJobsAccrue, set.maxjobsaccrue),
            (Limit::MaxSubmitJobs, set.maxsubmitjobs),
            (Limit::MaxWallPerJob, set.maxwalldurationperjob),
            (Limit::MinPriorityThreshold, set.minpriothresh),
        ] {
            self.count(limit, count);
        }
        for (limit, amounts) in [
            (Limit::GrpTres, &set.grptres),
            (Limit::GrpTresMins, &set.grptresmins),
            (Limit::GrpTresRunMins, &set.grptresrunmins),
            (Limit::MaxTresMinsPerJob, &set.maxtresminsperjob),
            (Limit::MaxTresRunMins, &set.maxtresrunmins),
            (Limit::MaxTresPerJob, &set.maxtresperjob),
            (Limit::MaxTresPerNode, &set.maxtrespernode),
        ] {
            self.amounts(limit, amounts.as_ref());
        }
    }

    /// Reads those of a quality of service.
    pub(super) fn of_qos(&mut self, limits: &QosLimitsInput) {
        if let Some(min) = &limits.min {
            self.count(Limit::MinPriorityThreshold, min.priority_threshold);
            let least = min.tres.as_ref().and_then(|tres| tres.per.as_ref()?.job.as_ref());
            self.amounts(Limit::MinTresPerJob, least);
        }
        let Some(max) = &limits.max else { return };
        if let Some(active) = &max.active_jobs {
            self.count(Limit::GrpJobsAccrue, active.accruing);
            self.count(Limit::GrpJobs, active.count);
        }
        if let Some(jobs) = &max.jobs {
            self.count(Limit::GrpSubmitJobs, jobs.count);
            if let Some(per) = jobs.active_jobs.as_ref().and_then(|active| active.per.as_ref()) {
                self.count(Limit::MaxJobsPerAccount, per.account);
                self.count(Limit::MaxJobsPerUser, per.user);
            }
            if let Some(per) = &jobs.per {
                self.count(Limit::MaxSubmitJobsPerAccount, per.account);
                self.count(Limit::MaxSubmitJobsPerUser, per.user);
            }
        }
        if let Some(per) = max.wall_clock.as_ref().and_then(|wall| wall.per.as_ref()) {
            self.count(Limit::GrpWall, per.qos);
            self.count(Limit::MaxWallPerJob, per.job);
        }
        if let Some(per) = max.accruing.as_ref().and_then(|accruing| accruing.per.as_ref()) {
            self.count(Limit::MaxJobsAccruePerAccount, per.account);
            self.count(Limit::MaxJobsAccruePerUser, per.user);
        }
        let Some(tres) = &max.tres else { return };
        self.amounts(Limit::GrpTres, tres.total.as_ref());
        if let Some(minutes) = &tres.minutes {
            self.amounts(Limit::GrpTresMins, minutes.total.as_ref());
            if let Some(per) = &minutes.per {
                self.amounts(Limit::GrpTresRunMins, per.qos.as_ref());
                self.amounts(Limit::MaxTresMinsPerJob, per.job.as_ref());
                self.amounts(Limit::MaxTresRunMinsPerAccount, per.account.as_ref());
                self.amounts(Limit::MaxTresRunMinsPerUser, per.user.as_ref());
            }
        }
        if let Some(per) = &tres.per {
            self.amounts(Limit::MaxTresPerAccount, per.account.as_ref());
            self.amounts(Limit::MaxTresPerJob, per.job.as_ref());
            self.amounts(Limit::MaxTresPerNode, per.node.as_ref());
            self.amounts(Limit::MaxTresPerUser, per.user.as_ref());
        }
    }
}
