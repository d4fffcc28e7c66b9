//! `quintet srun`: programs of many tasks inside a job, as srun starts them; outside of one, a job is made for them first.
//!
//! - `options.rs` lists the options, `variables.rs` what stands for them, `read.rs` puts both together
//! - `request.rs` and `values.rs` make a request for a step of them, `multi_prog.rs` reads which task runs what
//! - `parts.rs` divides the command line at its colons, and gives each component of a heterogeneous job its part
//! - `place.rs` finds the launcher to ask, `allocation.rs` makes a job; `conversation.rs` is how one speaks with a launcher
//! - `streams.rs` opens what tasks read and write (`pattern.rs` names files), `relay.rs` passes on what needs this
//!   process (`labels.rs` line by line), `terminal.rs` is the terminal of `--pty`
//! - `pmi/` lets MPI programs find one another
//! - `step.rs` stays with the step to its end: `course.rs` counts its tasks, `signals.rs` and `interrupt.rs` Ctrl-C and
//!   its like, `message.rs` has srun's words

mod allocation;
mod command;
mod conversation;
mod course;
mod interrupt;
mod labels;
mod message;
mod multi_prog;
mod options;
mod parts;
mod pattern;
mod place;
mod pmi;
mod program;
mod read;
mod relay;
mod request;
mod signals;
mod step;
mod streams;
mod terminal;
#[cfg(test)]
mod tests;
mod values;
mod variables;

pub(crate) use command::{SrunArgs, run};
pub(crate) use labels::{label, labelled};
pub(crate) use place::{Steps, commands_of, steps_of};
pub(crate) use read::{refuse, spread};
pub(crate) use relay::own_input;
pub(crate) use terminal::Raw;
