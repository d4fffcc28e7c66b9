//! What the domain asks of the world: an engine that runs jobs, a store that remembers, a clock, a directory of
//! users. Each is small; its contract is in its comments.

mod archive;
mod calendar;
mod clock;
mod clusters;
mod configuration;
mod directory;
mod engine;
mod folders;
mod gauge;
mod homes;
mod logins;
mod meter;
mod registry;
mod remote;
mod revocations;
mod series;
mod shelf;
mod store;
mod transfers;

pub use archive::Archive;
pub use calendar::{Calendar, Greenwich, WallMinute};
pub use clock::Clock;
pub use clusters::Clusters;
pub use configuration::{Configuration, Misconfigured};
pub use directory::Directory;
pub use engine::{
    Enforced, Engine, Foreseen, Order, PassExit, Plan, Preempt, PreemptHow, Recovered, Report, Reports,
    Start, StepReport, StepStart,
};
pub use folders::{Bounds, Entry, FileKind, FolderError, Folders, Place};
pub use gauge::{Gauge, JobGauge};
pub use homes::{HomeFile, Homes, NoFile};
pub use logins::Logins;
pub use meter::{MachineLoad, Meter};
pub use registry::{Begun, Kept, Registry, Replaced, Viewer};
pub use remote::{Deed, Ground, Look, Moment, Remote, RemoteError, Sighting, Told};
pub use revocations::Revocations;
pub use series::{SeriesRefused, SeriesStore};
pub use shelf::Shelf;
pub use store::{Batch, Closed, ClosedStep, History, Key, Recorded, Saved, Store, StoreError};
pub use transfers::{Direction, NoTransfer, Progress, Transfer, Transfers};
