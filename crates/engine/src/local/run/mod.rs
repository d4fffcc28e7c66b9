//! Runs jobs on this machine: orders become launches and signals of `supervise`, its reports become the domain's.
//! Decides nothing: who starts is the scheduler's matter, what follows from an end is the domain's.

mod around;
mod commands;
mod desk;
mod environment;
mod gauge;
mod launch;
mod local;
mod processes;
mod report;
mod steps;

pub use around::{Around, PrivateTmp};
pub use local::{Local, LocalConfig};
