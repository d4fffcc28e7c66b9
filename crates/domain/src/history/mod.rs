//! What is over: which finished attempts are wanted ([`Wanted`]), whether one fits, and what may be noted about one
//! afterwards ([`Amendment`]). `usage` and `almanac` say what an attempt adds to which hours, `report` which sums are
//! asked for. Where all this is kept is the store's matter.

mod almanac;
mod amendment;
mod amounts;
mod chronicle;
mod fits;
mod purged;
mod report;
mod usage;
mod wanted;

pub use almanac::{Almanac, Day, Span, Stretch};
pub use amendment::Amendment;
pub use amounts::Amounts;
pub use chronicle::{Booking, Deed, During, Episode, Occurrence};
pub use purged::Purged;
pub use report::{Gathered, Grouping, UsageLine, UsageWanted};
pub use usage::{Charge, Piece, Sums, pieces};
pub use wanted::{Between, Kind, Moments, Order, Wanted};
