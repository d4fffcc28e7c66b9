//! Wire and script → domain; may refuse.

mod body;
mod step;
mod submission;

pub(super) use body::{NewJob, fields, new_job, new_sync};
pub(super) use step::place as step_place;
pub(super) use submission::{Around, USUAL_PRIORITY, environment, submission};
