//! The commands that look at jobs and act on them: `ps`, `show`, `cancel`, `hold`, `release`, `logs`, `attach`,
//! `wait`, `history`.

pub(crate) mod act;
pub(crate) mod attach;
mod attach_step;
pub(crate) mod follow;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod logs;
mod name;
pub(crate) mod recorded;
pub(crate) mod row;
pub(crate) mod show;
pub(crate) mod wait;

pub(crate) use name::{JobName, Part, written};
pub(crate) use show::path_part;
