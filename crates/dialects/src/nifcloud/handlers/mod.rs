//! Take in, call the service, give out.

pub(super) mod files;
pub(super) mod jobs;
pub(super) mod submit;

use super::Nifcloud;
use crate::http::answer::{Answer, answer};
use crate::site::Site;
use domain::Timestamp;
use domain::who::{Person, Principal};
use hyper::StatusCode;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::sync::Arc;

/// A request of somebody known.
pub(super) struct Call {
    pub(super) site: Arc<Site>,
    pub(super) nifcloud: Nifcloud,
    pub(super) by: Principal,
    pub(super) person: Person,
    pub(super) now: Timestamp,
}

impl Call {
    /// The zone in which times are told.
    fn zone(&self) -> &TimeZone {
        self.nifcloud.habits.zone.as_ref().unwrap_or(&self.site.zone)
    }
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    answer(status, "application/json", value.to_string().into_bytes())
}

/// What is said of fields that are wrong.
fn unprocessable(detail: Vec<Value>) -> Answer {
    json_answer(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "detail": detail }))
}
