//! The HTTP shell all dialects share: connections, their limits and time-outs, paths, queries, bodies, answers.
//! It knows no dialect; which one a request belongs to is decided in `site.rs`.

pub(crate) mod answer;
pub(crate) mod body;
mod connection;
mod first_line;
pub(crate) mod listen;
pub(crate) mod path;
pub(crate) mod query;
