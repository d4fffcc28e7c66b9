//! Users' folders, and what is copied between them and elsewhere. No path leads out of the folder it begins in.
//!
//! - [`Keep`]: folders that the service keeps for users, for what they send and their jobs find (port `Folders`); a
//!   [`Folder`] is confined by the kernel ([`cap_std`]), what is made in it belongs to its user, and what is not the user's
//!   is not touched there; `archive` unpacks what users send
//! - [`Places`]: where users' own folders are; reads and writes single files (port `Homes`) with the user's rights (`hands`)
//! - [`Syncs`]: keeps directories of them the same as parts of a bucket (port `Transfers`); `online` speaks with the store

mod archive;
mod folder;
mod hands;
mod keep;
mod online;
mod path;
mod places;
mod sync;
#[cfg(test)]
mod tests;

pub use folder::Folder;
pub use keep::Keep;
pub use online::{Online, OnlineConfig, OnlineError};
pub use places::Places;
pub use sync::Syncs;
