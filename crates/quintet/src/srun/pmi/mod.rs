//! How MPI programs of one step find one another: the Process Management Interface, versions 1 and 2, as MPICH and its
//! kin speak it over an open descriptor (`PMI_FD`). No library that is kept well speaks the server's side of it; the
//! protocol is small and described at <https://github.com/pmodels/mpich/tree/main/doc/wiki>.
//!
//! - `wire.rs` reads and writes both forms of messages
//! - `server.rs` answers them: pure, a message in, answers out
//! - `serve.rs` connects it with the tasks

mod serve;
mod server;
mod wire;

pub(super) use serve::{Pmi, open};
