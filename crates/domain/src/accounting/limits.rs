//! Limits of associations and qualities of service, by Slurm's names. Only those that are set take room.

/// A kind of limit; its number is how it is stored, and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Limit {
    /// Jobs that run at a time (`GrpJobs`).
    GrpJobs = 1,
    /// Jobs that gain priority by waiting (`GrpJobsAccrue`).
    GrpJobsAccrue = 2,
    /// Jobs that wait or run (`GrpSubmitJobs`).
    GrpSubmitJobs = 3,
    /// Minutes of all jobs together (`GrpWall`).
    GrpWall = 4,
    /// Resources in use (`GrpTRES`).
    GrpTres = 5,
    /// Resource minutes (`GrpTRESMins`).
    GrpTresMins = 6,
    /// Resource minutes of what runs (`GrpTRESRunMins`).
    GrpTresRunMins = 7,
    /// Jobs that run at a time, of each (`MaxJobs`).
    MaxJobs = 8,
    /// Jobs that gain priority by waiting, of each (`MaxJobsAccrue`).
    MaxJobsAccrue = 9,
    /// Jobs that wait or run, of each (`MaxSubmitJobs`).
    MaxSubmitJobs = 10,
    /// Minutes a job may run (`MaxWallDurationPerJob`).
    MaxWallPerJob = 11,
    /// Resource minutes of what runs, of each (`MaxTRESRunMins`).
    MaxTresRunMins = 12,
    /// Resource minutes of a job (`MaxTRESMinsPerJob`).
    MaxTresMinsPerJob = 13,
    /// Resources of a job (`MaxTRESPerJob`).
    MaxTresPerJob = 14,
    /// Resources of a job on each of its nodes (`MaxTRESPerNode`).
    MaxTresPerNode = 15,
    /// The priority below which nothing is kept free for a job (`MinPrioThreshold`).
    MinPriorityThreshold = 16,
    /// Jobs of a user that run at a time (`MaxJobsPerUser`).
    MaxJobsPerUser = 17,
    /// Jobs of an account that run at a time (`MaxJobsPerAccount`).
    MaxJobsPerAccount = 18,
    /// Jobs of a user that gain priority by waiting (`MaxJobsAccruePerUser`).
    MaxJobsAccruePerUser = 19,
    /// Jobs of an account that gain priority by waiting (`MaxJobsAccruePerAccount`).
    MaxJobsAccruePerAccount = 20,
    /// Jobs of a user that wait or run (`MaxSubmitJobsPerUser`).
    MaxSubmitJobsPerUser = 21,
    /// Jobs of an account that wait or run (`MaxSubmitJobsPerAccount`).
    MaxSubmitJobsPerAccount = 22,
    /// Resources a user uses (`MaxTRESPerUser`).
    MaxTresPerUser = 23,
    /// Resources an account uses (`MaxTRESPerAccount`).
    MaxTresPerAccount = 24,
    /// Resource minutes of what a user runs (`MaxTRESRunMinsPerUser`).
    MaxTresRunMinsPerUser = 25,
    /// Resource minutes of what an account runs (`MaxTRESRunMinsPerAccount`).
    MaxTresRunMinsPerAccount = 26,
    /// The least a job must ask for (`MinTRESPerJob`).
    MinTresPerJob = 27,
}

impl Limit {
    /// All kinds in the order of their numbers.
    pub const ALL: [Limit; 27] = [
        Limit::GrpJobs,
        Limit::GrpJobsAccrue,
        Limit::GrpSubmitJobs,
        Limit::GrpWall,
        Limit::GrpTres,
        Limit::GrpTresMins,
        Limit::GrpTresRunMins,
        Limit::MaxJobs,
        Limit::MaxJobsAccrue,
        Limit::MaxSubmitJobs,
        Limit::MaxWallPerJob,
        Limit::MaxTresRunMins,
        Limit::MaxTresMinsPerJob,
        Limit::MaxTresPerJob,
        Limit::MaxTresPerNode,
        Limit::MinPriorityThreshold,
        Limit::MaxJobsPerUser,
        Limit::MaxJobsPerAccount,
        Limit::MaxJobsAccruePerUser,
        Limit::MaxJobsAccruePerAccount,
        Limit::MaxSubmitJobsPerUser,
        Limit::MaxSubmitJobsPerAccount,
        Limit::MaxTresPerUser,
        Limit::MaxTresPerAccount,
        Limit::MaxTresRunMinsPerUser,
        Limit::MaxTresRunMinsPerAccount,
        Limit::MinTresPerJob,
    ];

    /// Returns its number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the kind of a number.
    pub fn of_number(number: u8) -> Option<Limit> {
        Limit::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Returns its name in Slurm's words, as the native dialect and flat files have it.
    pub fn name(self) -> &'static str {
        match self {
            Limit::GrpJobs => "GrpJobs",
            Limit::GrpJobsAccrue => "GrpJobsAccrue",
            Limit::GrpSubmitJobs => "GrpSubmitJobs",
            Limit::GrpWall => "GrpWall",
            Limit::GrpTres => "GrpTRES",
            Limit::GrpTresMins => "GrpTRESMins",
            Limit::GrpTresRunMins => "GrpTRESRunMins",
            Limit::MaxJobs => "MaxJobs",
            Limit::MaxJobsAccrue => "MaxJobsAccrue",
            Limit::MaxSubmitJobs => "MaxSubmitJobs",
            Limit::MaxWallPerJob => "MaxWallDurationPerJob",
            Limit::MaxTresRunMins => "MaxTRESRunMins",
            Limit::MaxTresMinsPerJob => "MaxTRESMinsPerJob",
            Limit::MaxTresPerJob => "MaxTRESPerJob",
            Limit::MaxTresPerNode => "MaxTRESPerNode",
            Limit::MinPriorityThreshold => "MinPrioThreshold",
            Limit::MaxJobsPerUser => "MaxJobsPerUser",
            Limit::MaxJobsPerAccount => "MaxJobsPerAccount",
            Limit::MaxJobsAccruePerUser => "MaxJobsAccruePerUser",
            Limit::MaxJobsAccruePerAccount => "MaxJobsAccruePerAccount",
            Limit::MaxSubmitJobsPerUser => "MaxSubmitJobsPerUser",
            Limit::MaxSubmitJobsPerAccount => "MaxSubmitJobsPerAccount",
            Limit::MaxTresPerUser => "MaxTRESPerUser",
            Limit::MaxTresPerAccount => "MaxTRESPerAccount",
            Limit::MaxTresRunMinsPerUser => "MaxTRESRunMinsPerUser",
            Limit::MaxTresRunMinsPerAccount => "MaxTRESRunMinsPerAccount",
            Limit::MinTresPerJob => "MinTRESPerJob",
        }
    }

    /// Tells whether it is of each resource by itself, and not of jobs, minutes or a priority.
    pub fn is_of_resources(self) -> bool {
        use Limit::*;
        matches!(
            self,
            GrpTres
                | GrpTresMins
                | GrpTresRunMins
                | MaxTresRunMins
                | MaxTresMinsPerJob
                | MaxTresPerJob
                | MaxTresPerNode
                | MaxTresPerUser
                | MaxTresPerAccount
                | MaxTresRunMinsPerUser
                | MaxTresRunMinsPerAccount
                | MinTresPerJob
        )
    }

    /// Tells whether an association without one of its own has that of the account above it; the group's limits count
    /// at each level by themselves.
    pub fn is_inherited(self) -> bool {
        use Limit::*;
        !matches!(
            self,
            GrpJobs | GrpJobsAccrue | GrpSubmitJobs | GrpWall | GrpTres | GrpTresMins | GrpTresRunMins
        )
    }
}

/// Limits that are set: each by its kind and, where it is of a resource, the resource's number (else zero).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(Vec<(Limit, u32, u64)>);

impl Limits {
    /// Returns a limit that counts no resource; `None` for none.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.of(limit, 0)
    }

    /// Returns the limit of a resource; `None` for none.
    pub fn of(&self, limit: Limit, resource: u32) -> Option<u64> {
        let at = self.at(limit, resource).ok()?;
        self.0.get(at).map(|(.., most)| *most)
    }

    /// Goes through the limits of one kind: resource and amount.
    pub fn each(&self, limit: Limit) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.0.iter().filter(move |(kind, ..)| *kind == limit).map(|(_, resource, most)| (*resource, *most))
    }

    /// Sets a limit, or takes it away.
    pub fn set(&mut self, limit: Limit, resource: u32, most: Option<u64>) {
        match (self.at(limit, resource), most) {
            (Ok(at), Some(most)) => self.0[at].2 = most,
            (Err(at), Some(most)) => self.0.insert(at, (limit, resource, most)),
            (Ok(at), None) => {
                self.0.remove(at);
            }
            (Err(_), None) => {}
        }
    }

    /// Goes through all: kind, resource and amount.
    pub fn iter(&self) -> impl Iterator<Item = (Limit, u32, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Takes over what `change` says.
    pub fn change(&mut self, change: &LimitChanges) {
        for (limit, resource, most) in &change.0 {
            self.set(*limit, *resource, *most);
        }
    }

    fn at(&self, limit: Limit, resource: u32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&(limit, resource), |(limit, resource, _)| (*limit, *resource))
    }
}

impl FromIterator<(Limit, u32, u64)> for Limits {
    fn from_iter<I: IntoIterator<Item = (Limit, u32, u64)>>(all: I) -> Self {
        let mut limits = Limits::default();
        all.into_iter().for_each(|(limit, resource, most)| limits.set(limit, resource, Some(most)));
        limits
    }
}

/// What shall be changed of limits: kind, resource, and the new amount, or `None` to take the limit away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitChanges(pub Vec<(Limit, u32, Option<u64>)>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_kinds_agree() {
        for (number, limit) in (1..).zip(Limit::ALL) {
            assert_eq!((limit.number(), Limit::of_number(number)), (number, Some(limit)));
        }
        assert_eq!((Limit::of_number(0), Limit::of_number(28)), (None, None));
    }

    #[test]
    fn limits_are_set_changed_and_taken_away() {
        let mut limits = Limits::default();
        limits.set(Limit::GrpTres, 4, Some(2));
        limits.set(Limit::GrpTres, 1, Some(8));
        limits.set(Limit::MaxJobs, 0, Some(3));
        limits.change(&LimitChanges(vec![(Limit::GrpTres, 4, None), (Limit::MaxJobs, 0, Some(5))]));
        assert_eq!(limits.each(Limit::GrpTres).collect::<Vec<_>>(), [(1, 8)]);
        assert_eq!((limits.get(Limit::MaxJobs), limits.of(Limit::GrpTres, 4)), (Some(5), None));
    }
}
