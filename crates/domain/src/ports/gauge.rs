//! What the engine lets see of its jobs and of the machine they run on.

use crate::JobId;
use crate::monitoring::{JobReading, MachineReading, Measure};

/// Looks at the machine that all nodes of the engine are on, and at the jobs there. May be asked from any thread, also
/// while the engine is busy with something else; calls take as long as it takes to read some files of the kernel.
pub trait Gauge: Send + Sync {
    /// Returns what can be measured here, of jobs or of the machine. What a single job was not given, such as a limit of
    /// memory, can make something absent for it.
    fn measures(&self) -> Vec<Measure>;

    /// Returns a gauge of an attempt, whether it runs or not.
    fn job(&self, job: JobId, attempt: u32) -> Box<dyn JobGauge>;

    /// Reads what the machine has done so far.
    fn machine(&self) -> MachineReading;

    /// Returns the operating system's numbers of the CPUs that jobs are bound to, in the order in which nodes count them;
    /// `None` if jobs run on any.
    fn bound_to(&self) -> Option<Vec<u32>>;

    /// Returns the CPU time that the calling thread has taken so far: what looking costs.
    fn cost(&self) -> std::time::Duration;
}

/// Looks at one attempt again and again.
pub trait JobGauge: Send {
    /// Reads what it has taken so far; `None` if nothing of it runs.
    fn read(&mut self) -> Option<JobReading>;
}
