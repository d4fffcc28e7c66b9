//! Where jobs run. [`local`] runs them on this machine, [`slurm`] asks a real Slurm cluster; [`directory`] knows the
//! machine's users, [`machine`] what the machine is. Knows nothing of SQL and of how clients speak.

pub mod directory;
pub mod local;
pub mod machine;
pub mod slurm;
