//! What the crate promises as a whole, against the documents and recordings of the original.
#![expect(clippy::unwrap_used, reason = "tests stop where something is missing")]

mod coverage;
mod diagnostics;
mod documents;
mod fixtures;
mod hostile;
mod replies;
mod values;
mod versions;
