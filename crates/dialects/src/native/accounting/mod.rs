//! Changes of accounting, several at once and all or none: what Slurm's REST interface has no word for, or no single
//! request. What there is, Slurm's dialect tells.

pub(super) mod chronicle;
mod from_wire;
mod limits;
mod to_wire;
pub(super) mod usage;
mod wire;

pub(super) use from_wire::changes;
pub(super) use to_wire::done;
