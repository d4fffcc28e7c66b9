//! How busy machines are.

/// How busy a machine is just now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineLoad {
    /// Mean number of processes that run or wait, over a minute, in hundredths.
    pub load: u32,
    /// Memory that nothing uses, megabytes.
    pub free_memory: u64,
}

/// Looks at the machine that all nodes of the embedded engine are on. May be asked from any thread.
pub trait Meter: Send + Sync {
    /// Returns how busy it is; zeros where that cannot be told.
    fn machine(&self) -> MachineLoad;
}
