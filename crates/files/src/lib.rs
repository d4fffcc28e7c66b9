//! Users' folders that the service keeps: what users send and their jobs find. Whatever happens in such a folder stays in it
//! ([`Folder`] is confined by the kernel, [`cap_std`]), what is made in it belongs to its user, and what is not the user's
//! is not touched there. Nothing here knows what the folders are for.

mod archive;
mod folder;
mod keep;
mod path;
#[cfg(test)]
mod tests;

pub use folder::Folder;
pub use keep::Keep;
