//! One file a verb, or a few that belong together: take in, call the service, give out.

pub(super) mod accounting;
pub(super) mod acts;
pub(super) mod attend;
pub(super) mod chronicle;
pub(super) mod crontab;
pub(super) mod events;
pub(super) mod history;
pub(super) mod logs;
pub(super) mod nodes;
pub(super) mod steps;
pub(super) mod usage;
pub(super) mod users;
pub(super) mod whoami;
