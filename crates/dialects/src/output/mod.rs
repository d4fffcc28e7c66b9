//! Files that jobs have written, for every dialect that shows them: opened on behalf of the job's user, so that nothing
//! else can be had by naming it as output.

mod open;
mod reader;

pub(crate) use open::{Closed, open_output};
pub(crate) use reader::Reader;
