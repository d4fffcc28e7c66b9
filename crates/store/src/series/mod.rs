//! Measured values: metrics.db has stretches of series, compressed; what came in the last minutes is in memory and in a
//! log of its own.
//!
//! - `live`: values in memory; `points` is how a few of them are kept
//! - `log`: what a crash shall not take
//! - `chunk`, `table`: stretches as bytes, and where they lie; `whole`: whole numbers in few bytes
//! - `keeper`: the thread that writes logs and moves values into the database; `age` is what it does to old ones

mod age;
mod chunk;
mod keeper;
mod live;
mod log;
mod points;
mod table;
mod whole;

pub use age::{Step, Thinning};
pub use keeper::{Measured, MeasuredOptions};
