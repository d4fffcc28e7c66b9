//! Looking at a running step from elsewhere on this machine: its srun shows what it passes on to those who ask at a socket
//! of its own, and takes what they type.
//!
//! - `frame.rs` is what the two say to each other
//! - `show.rs` is srun's end, `tail.rs` reads what tasks write to files themselves
//! - the other end is `quintet attach`, in `jobs/attach_step.rs`

mod frame;
mod show;
mod tail;

pub(crate) use frame::{Frame, Layout, Place, read, written};
pub(crate) use show::{Show, Typed};
pub(crate) use tail::Source;

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// Returns where the srun of a step listens. The address has no file: nothing is left behind, and no folder has to be
/// found that every user may write to. Whoever connects must ask the kernel who listens, as anybody may take a name.
pub(crate) fn address(launchers: &Path, run: supervise::RunId, step: u32) -> io::Result<SocketAddr> {
    // Of two services on a machine each has its own launchers; FNV-1a is the same in every build.
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let service = launchers.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fold);
    SocketAddr::from_abstract_name(format!("quintet-step/{service:016x}/{run}.{step}"))
}
