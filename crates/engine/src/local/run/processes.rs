//! How many processes a job may have where the configuration is silent: so few that one that multiplies without end
//! leaves numbers for the service and for others.

use supervise::{Capabilities, CgroupVersion, Limit, Resource, Rlimit, current_rlimit};

/// How many processes and threads the kernel can number if it does not tell.
const NUMBERS: u64 = 32_768;

/// Even of a machine with millions of numbers a job has no more than this, as memory ends before them.
const MOST: u64 = 65_536;

/// What limits how far programs multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Processes {
    /// How many a job may have together, as a control group counts them.
    pub(super) of_job: Option<u64>,
    /// How many a user may have who runs jobs; root may have more.
    pub(super) of_user: u64,
}

impl Processes {
    /// Works it out for a machine. A job may have an eighth of the numbers where that costs nothing: with version 1
    /// controllers every start would wait for one more folder, so that only the user's own limit holds there.
    pub(super) fn new(configured: Option<u64>, capabilities: &Capabilities) -> Self {
        let numbers = std::fs::read_to_string("/proc/sys/kernel/pid_max").ok();
        Self::of(
            configured,
            capabilities,
            numbers.and_then(|text| text.trim().parse().ok()).unwrap_or(NUMBERS),
        )
    }

    fn of(configured: Option<u64>, capabilities: &Capabilities, numbers: u64) -> Self {
        let is_free = capabilities.version == CgroupVersion::V2 && capabilities.pids == Limit::Enforced;
        let eighth = (numbers / 8).clamp(1, MOST);
        Self { of_job: configured.or(is_free.then_some(eighth)), of_user: (numbers / 2).max(1) }
    }

    /// Keeps the limits a job is sent with below what a user may have.
    pub(super) fn lower(&self, limits: &mut Vec<Rlimit>) {
        let within = |known: Option<u64>| Some(known.map_or(self.of_user, |known| known.min(self.of_user)));
        match limits.iter_mut().find(|limit| limit.resource == Resource::Nproc) {
            Some(limit) => (limit.soft, limit.hard) = (within(limit.soft), within(limit.hard)),
            None => {
                let (soft, hard) = current_rlimit(Resource::Nproc);
                limits.push(Rlimit { resource: Resource::Nproc, soft: within(soft), hard: within(hard) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(version: CgroupVersion) -> Capabilities {
        let limit = Limit::Enforced;
        Capabilities {
            memory: limit,
            cpus: limit,
            cpu_quota: limit,
            pids: limit,
            devices: limit,
            kill: limit,
            freeze: limit,
            accounting: limit,
            users: true,
            version,
        }
    }

    #[test]
    fn a_job_has_an_eighth_where_that_is_free() {
        let unified = machine(CgroupVersion::V2);
        let of =
            |configured, capabilities: &_, numbers| Processes::of(configured, capabilities, numbers).of_job;
        assert_eq!(of(None, &unified, 32_768), Some(4_096));
        assert_eq!(of(None, &unified, 4_194_304), Some(MOST));
        assert_eq!(of(Some(7), &unified, 32_768), Some(7));
        assert_eq!(of(None, &machine(CgroupVersion::Hybrid), 32_768), None);
        assert_eq!(of(Some(7), &machine(CgroupVersion::Hybrid), 32_768), Some(7));
        let uncounted = Capabilities { pids: Limit::Absent, ..unified };
        assert_eq!(of(None, &uncounted, 32_768), None);
    }

    #[test]
    fn a_user_has_half_at_most() {
        let processes = Processes { of_job: None, of_user: 1_000 };
        let lowered = |soft, hard| {
            let mut limits = vec![Rlimit { resource: Resource::Nproc, soft, hard }];
            processes.lower(&mut limits);
            (limits.len(), limits[0].soft, limits[0].hard)
        };
        assert_eq!(lowered(Some(50), Some(5_000)), (1, Some(50), Some(1_000)));
        assert_eq!(lowered(None, None), (1, Some(1_000), Some(1_000)));
        let mut unsaid = Vec::new();
        processes.lower(&mut unsaid);
        assert!(unsaid[0].soft <= Some(1_000) && unsaid[0].soft.is_some());
    }
}
