//! The program as a whole, started as a process: what no crate can show alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "what is tested is the program as a process")]

mod account;
mod alloc;
mod archive;
mod attach_step;
mod beyond;
mod clustercockpit;
mod cockpit_around;
mod commands;
mod crash;
mod et_engine;
mod kinds;
mod making_way;
mod measured;
mod misfortunes;
mod nifcloud;
mod nifcloud_sync;
mod notices;
mod program;
mod relay;
mod resized;
mod run;
mod screen;
mod server;
mod serving;
mod srun;
mod srun_signals;
mod steps;
mod top;
mod waldur;
mod walls;
mod workloads;
