//! Slurm's tokens: JWTs signed with HS256 whose claim `sun` names the user. Made, checked, and remembered once
//! checked; and how a request carries them. Shared by the dialects that take Slurm's credentials.

mod claims;
mod credentials;
mod keyring;

pub(crate) use credentials::{Caller, caller, shown};
pub use keyring::{Keyring, KeyringError, mint};
