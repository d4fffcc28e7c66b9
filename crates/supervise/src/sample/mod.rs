//! What a run takes at this moment, and what its machine does: read from control groups, `/proc` and `/sys` in the
//! caller's thread. What cannot be read here is absent, never zero. What is counted, is counted up; rates are the
//! caller's matter.
//!
//! - `kernel`: what the kernel's files say, line by line
//! - `page`: reads small files often
//! - `run`: a run, by its control group where it has one, else by its processes
//! - `machine`: the machine; `power` its energy counters, `gpu` its GPUs

mod gpu;
pub(crate) mod kernel;
mod machine;
mod page;
mod power;
mod run;

pub use gpu::GpuSample;
pub use machine::{MachineGauge, MachineSample, ThreadTimes};
pub(crate) use page::Page;
pub use run::{Memory, Pressure, RunGauge, Sample, Storage};

use std::time::Duration;

/// Says how much CPU time the calling thread has taken so far.
pub fn own_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}
