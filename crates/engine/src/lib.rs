//! Where jobs run. [`local`] runs them on this machine; [`directory`] knows the machine's users, [`machine`] what
//! the machine is. Knows nothing of the web, of SQL and of how clients speak.

pub mod directory;
pub mod local;
pub mod machine;
