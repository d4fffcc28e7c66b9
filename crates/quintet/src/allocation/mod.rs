//! An allocation that a command of this program was given, as salloc and srun have them: asking for it, being there for
//! it, and saying that it is complete.

mod ask;
mod attendance;
mod complete;

pub(crate) use ask::{Asked, ask};
pub(crate) use attendance::{Attendance, IfGone};
pub(crate) use complete::{Left, complete};
