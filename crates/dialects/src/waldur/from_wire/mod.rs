//! Wire → domain. May refuse, naming every field that is wrong.

mod job;
mod link;
mod query;
mod text;

pub(super) use job::{Asked, Changed, asked, changed, credentials, fault};
pub(super) use query::{Order, Wishes, fields};
