//! Jobs on this machine: who starts when and where ([`schedule`]), and how they are run.

mod run;
pub mod schedule;
mod steps;

pub use run::{Around, Local, LocalConfig, PrivateTmp};
