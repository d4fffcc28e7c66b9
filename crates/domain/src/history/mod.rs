//! What is over: which finished attempts are wanted ([`Wanted`]), whether one fits, and what may be noted about one
//! afterwards ([`Amendment`]). Where they are kept is the store's matter.

mod amendment;
mod fits;
mod wanted;

pub use amendment::Amendment;
pub use wanted::{Between, Kind, Moments, Order, Wanted};
