//! Who may change what of a job, and when. The rules are Slurm's, asked field by field of jobs that wait, run, are
//! suspended and have ended (facts 2.6); where several would do, the one that Slurm tells first is told.

use super::dependencies;
use super::ledger::Ledger;
use crate::cluster::PartitionState;
use crate::fit::{Feasibility, check_licenses, check_names, check_sense, could_ever_run};
use crate::job::{Change, Hold, Job, LicenseWish, Phase, Resources, Running, SuspendedBy};
use crate::who::Principal;
use crate::{Error, Problem, Text, TimeLimit};

/// A change as it is to be made; `None` if nothing comes of it.
type Decided = Result<Option<Change>, Error>;

impl Ledger<'_> {
    /// Returns the change of a live job as it is to be made, `None` where the original passes over it in silence.
    pub(super) fn changeable(&self, by: &Principal, job: &Job, change: &Change) -> Decided {
        match change {
            Change::Priority(_) if is_held(job) => return Err(Problem::Held(job.id).into()),
            Change::Federation => return Err(Problem::NoFederation.into()),
            _ => {}
        }
        if change.is_for_operators() && !by.is_operator() {
            return Err(match change {
                // Whoever wants to come later has the nice value for that.
                Change::Priority(priority) if *priority <= job.priority => Problem::PriorityOfUser.into(),
                _ => for_operators(),
            });
        }
        match &job.phase {
            Phase::Running(run) => match self.while_running(by, job, run, change) {
                Some(decided) => decided,
                None if change.fits_running() => self.checked(by, job, change),
                None => Err(Problem::NotPending(Text::const_new("this field")).into()),
            },
            _ if change.waits_for_operators() && !by.is_operator() => Err(for_operators()),
            _ => self.while_waiting(by, job, change),
        }
    }

    /// Decides on what is special about a job that runs; `None` if nothing is.
    fn while_running(&self, by: &Principal, job: &Job, run: &Running, change: &Change) -> Option<Decided> {
        let suspended = job.is_suspended();
        Some(match change {
            // What is said of the start does not matter any more.
            Change::TimeMinimum(_) => Ok(None),
            Change::Deadline(_) if !suspended => Ok(None),
            Change::Deadline(_) if by.is_operator() => Ok(Some(change.clone())),
            Change::EndTime(_) if suspended => Err(Problem::NotRunning(job.id).into()),
            Change::EndTime(at) if *at < self.now => Err(Problem::BadTime.into()),
            Change::EndTime(at) if *at > run.until && !by.is_operator() => Err(for_operators()),
            Change::Memory(_) if !suspended => Err(Problem::NoExternStep.into()),
            Change::Licenses(_, wish) => self.relicensed(by, job, run, (change, wish)),
            Change::Reservation(list) if *list == job.spec.uncommon().reservation && !suspended => Ok(None),
            Change::Reservation(_) if suspended => Err(Problem::NotWhileSuspended(job.id).into()),
            Change::Reservation(list) => match self.check_named_reservations(job, list) {
                Ok(()) => Err(Problem::NotPending(Text::const_new("reservation")).into()),
                Err(error) => Err(error),
            },
            Change::Wckey(wckey) if *wckey == job.spec.wckey => Ok(None),
            _ => return None,
        })
    }

    fn relicensed(
        &self,
        by: &Principal,
        job: &Job,
        run: &Running,
        (change, wish): (&Change, &LicenseWish),
    ) -> Decided {
        let only = Resources { licenses: wish.wanted.clone(), any_license: wish.any, ..Resources::default() };
        check_licenses(self.cluster(), &only)?;
        if job.is_suspended() {
            return Err(Problem::NotWhileSuspended(job.id).into());
        }
        if wish.wanted == job.spec.resources.licenses && wish.any == job.spec.resources.any_license {
            return Ok(None);
        }
        if !by.is_operator() {
            return Err(for_operators());
        }
        let most = if wish.any { 1 } else { usize::MAX };
        for (name, count) in wish.wanted.iter().take(most) {
            let own = run.allocation.licenses.iter().filter(|(held, _)| held == name).map(|(_, held)| *held);
            let all = self.cluster().licenses.get(name).copied().unwrap_or(0);
            let others = self.state().licenses_used(name).saturating_sub(own.sum());
            if others.saturating_add(*count) > all {
                return Err(Problem::BadLicense(name.clone()).into());
            }
        }
        Ok(Some(change.clone()))
    }

    fn while_waiting(&self, by: &Principal, job: &Job, change: &Change) -> Decided {
        match change {
            Change::EndTime(_) => Err(Problem::NotRunning(job.id).into()),
            Change::TimeMinimum(minutes) if job.spec.time_limit < TimeLimit::Minutes(*minutes) => {
                Err(Problem::BadTimeMinimum.into())
            }
            Change::CoreSpec(_) | Change::ThreadSpec(_) if !self.cluster().limits.allow_core_spec => {
                Err(Problem::OperatorOnly(Text::const_new("cores for the system")).into())
            }
            Change::CpusPerGres(_, units) => self.of_known_units(job, units, change),
            Change::MemoryPerGres(_, units) => self.of_known_units(job, units, change),
            Change::Reservation(list) => {
                self.check_named_reservations(job, list)?;
                Ok(Some(change.clone()))
            }
            Change::Partitions(names) => self.known_partitions(names).map(Some),
            Change::RequiredNodes(names) | Change::ExcludedNodes(names) => {
                match names.iter().find(|name| self.cluster().node_index(name).is_none()) {
                    Some(unknown) => Err(Problem::UnknownNode(unknown.clone()).into()),
                    None => Ok(Some(change.clone())),
                }
            }
            Change::Dependency(Some(dependency)) => {
                let (dependency, _) = dependencies::first_look(self.state(), job, dependency)?;
                Ok(Some(Change::Dependency(Some(Box::new(dependency)))))
            }
            // One that is not known is looked at with all that the job would become.
            Change::Account(account) if !self.cluster().enforcement.associations => {
                let charged = super::prepare::charged(self.cluster(), &job.spec.owner.name, account);
                Ok(Some(Change::Account(charged)))
            }
            change => self.checked(by, job, change),
        }
    }

    /// Checks what holds for jobs that wait and for jobs that run.
    fn checked(&self, by: &Principal, job: &Job, change: &Change) -> Decided {
        match change {
            Change::TimeLimit(limit) => self.check_time_limit(by, job, *limit)?,
            Change::Nice(nice) if *nice < job.spec.nice && !by.is_operator() => return Err(for_operators()),
            Change::Throttle(_) if job.array.is_none() => {
                return Err(Problem::BadArray(Text::const_new("no array")).into());
            }
            Change::Qos(qos) if self.cluster().enforcement.qos && self.cluster().qos(qos).is_none() => {
                return Err(Problem::BadQos(qos.clone()).into());
            }
            // One that is not known is passed over, as long as accounting is not enforced.
            Change::Qos(qos) => return Ok(self.cluster().qos(qos).map(|qos| Change::Qos(qos.name.clone()))),
            _ => {}
        }
        Ok(Some(change.clone()))
    }

    /// Lets a change pass that speaks of generic resources the job asks for.
    fn of_known_units<T>(&self, job: &Job, units: &[(Text, T)], change: &Change) -> Decided {
        self.check_units(job, units.iter().map(|(name, _)| name))?;
        Ok(Some(change.clone()))
    }

    /// Of what a job does not ask for no units can be counted.
    fn check_units<'u>(&self, job: &Job, mut names: impl Iterator<Item = &'u Text>) -> Result<(), Error> {
        let wanted = &job.spec.resources;
        let is_asked = |name: &Text| {
            wanted.gres.iter().any(|request| request.name == *name)
                || *name == "gpu" && wanted.tasks_per_gpu > 0
        };
        match names.find(|name| !is_asked(name)) {
            Some(name) => Err(Problem::BadGres(name.clone()).into()),
            None => Ok(()),
        }
    }

    fn check_named_reservations(&self, job: &Job, list: &Text) -> Result<(), Error> {
        let mut spec = (*job.spec).clone();
        spec.uncommon_mut().reservation = list.clone();
        Ok(self.check_reservations(&spec)?)
    }

    /// No name at all means the partition where jobs go that name none.
    fn known_partitions(&self, names: &[Text]) -> Result<Change, Error> {
        if names.is_empty() {
            let default = self.cluster().default_partition();
            let default = default.ok_or(Problem::UnknownPartition(Text::default()))?;
            return Ok(Change::Partitions(vec![default.name.clone()]));
        }
        let known = names.iter().map(|name| match self.cluster().partition(name) {
            Some(partition) => Ok(partition),
            None => Err(Problem::UnknownPartition(name.clone())),
        });
        // They are kept in the order in which they are looked at, unlike those of a submission.
        let mut known: Vec<_> = known.collect::<Result<_, _>>()?;
        known.sort_by_key(|partition| std::cmp::Reverse(partition.tier));
        Ok(Change::Partitions(known.into_iter().map(|partition| partition.name.clone()).collect()))
    }

    fn check_time_limit(&self, by: &Principal, job: &Job, limit: TimeLimit) -> Result<(), Error> {
        let most = self
            .cluster()
            .partition(job.spec.partition())
            .map_or(TimeLimit::Unlimited, |partition| partition.max_time);
        // While it waits, a job may be given more time as long as the partition has it.
        if by.is_operator() || limit <= job.spec.time_limit || (job.is_pending() && limit <= most) {
            return Ok(());
        }
        Err(for_operators())
    }

    /// Checks the whole of what a waiting job would become: every name must exist, and a partition that is up must be
    /// large enough, where the change is about that. The original lets the job become what it refuses; here it stays.
    pub(super) fn check_outcome(&self, job: &Job, changes: &[Change]) -> Result<(), Error> {
        if !job.is_pending() {
            return Ok(());
        }
        let names = changes.iter().any(Change::names_something);
        // More nodes than there are may be asked for.
        let has_nodes = changes.iter().any(|change| matches!(change, Change::Nodes { .. }));
        let is_size = |change: &Change| {
            matches!(change, Change::Tasks(_) | Change::MinCpusPerNode(_) | Change::TasksPerGres(_))
        };
        let grows = !has_nodes && changes.iter().any(is_size);
        if !names && !grows {
            return Ok(());
        }
        let outcome = changes.iter().cloned().fold(job.clone(), Job::changed);
        check_sense(&outcome.spec)?;
        check_names(self.cluster(), &outcome.spec)?;
        let mut partitions = outcome.spec.partitions.iter().filter_map(|name| self.cluster().partition(name));
        if !grows || partitions.all(|partition| partition.state == PartitionState::Down) {
            return Ok(());
        }
        match could_ever_run(self.cluster(), &outcome.spec) {
            Ok(Feasibility::Possible | Feasibility::NodesUnavailable) => Ok(()),
            Ok(Feasibility::BeyondPartition | Feasibility::TooLong) | Err(_) => {
                Err(Problem::BeyondPartition.into())
            }
        }
    }
}

/// A job that is held, or halted by an operator, has no priority to be changed.
fn is_held(job: &Job) -> bool {
    match &job.phase {
        Phase::Pending(pending) => pending.hold != Hold::None,
        Phase::Running(run) => run.hold != Hold::None || run.suspended_by() == Some(SuspendedBy::Operator),
        Phase::Completing(_) | Phase::Ended(_) => false,
    }
}

fn for_operators() -> Error {
    Problem::OperatorOnly(Text::const_new("this field")).into()
}
