//! This dialect over the wire: a real site, a real connection, and fakes only where the machine begins.

mod accounting;
mod crontab;
mod events;
mod history;
mod logs;
mod usage;
mod users;
mod world;
