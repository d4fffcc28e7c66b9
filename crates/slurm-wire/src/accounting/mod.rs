//! What the database daemon keeps: finished jobs, accounts, users, associations, qualities of service.

pub mod account;
pub mod association;
pub mod cluster;
pub mod config;
pub mod instance;
pub mod job;
pub mod qos;
pub mod query;
pub mod stats;
pub mod step;
pub mod tres;
pub mod user;
pub mod wckey;
