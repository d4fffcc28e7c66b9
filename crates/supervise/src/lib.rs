//! How a process is started, watched, limited and stopped. Runs are named by an opaque `RunId`; what a job is, nobody
//! here knows. `Supervisor` is the server's handle; the work is done by launchers, small processes of their own that
//! outlive the server. This crate alone uses `unsafe` and control groups.

mod cgroup;
mod command;
mod energy;
mod foreground;
mod handle;
mod launch;
pub mod launcher;
pub mod layout;
mod leftovers;
pub mod machine;
mod own_code;
mod private;
mod proc;
mod report;
mod run;
mod sample;
pub mod signals;
mod slot;
pub mod steps;
pub mod users;
mod wire;

pub use cgroup::{Capabilities, CgroupVersion, Limit};
pub use command::{Program, ProgramError};
pub use foreground::{Foreground, foreground};
pub use handle::{Error, Gauges, LauncherState, NoSuchRun, Supervisor, SupervisorConfig};
pub use launch::{
    Credentials, Hook, Hooks, Launch, Limits, Private, Resource, Rlimit, Script, Stream, Told, current_rlimit,
};
pub use own_code::let_go_of_start;
pub use report::{Ended, Found, FoundState, Report, StartFailure, Status, Step, Usage};
pub use run::{RunId, UnixMicros};
pub use sample::{
    GpuSample, MachineGauge, MachineSample, Memory, Pressure, RunGauge, Sample, Storage, ThreadTimes,
    own_cpu_time,
};
pub use wire::Whom;
