//! Tests of the engine from outside: the scheduler by simulation, the executor with real processes.

#![expect(clippy::unwrap_used, reason = "tests stop where something is not as it must be")]

mod around;
mod cluster;
mod company;
mod components;
mod dependencies;
mod fair_share;
mod kept_room;
mod limits;
mod order;
mod preempt;
mod reservations;
mod running;
mod simulation;
mod test_only;
mod trial;
mod trials;
mod workload;
