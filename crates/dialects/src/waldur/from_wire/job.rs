//! What is said of a job when it is made or changed, and of whoever logs in: all that is wrong is told at once (facts A2, A6).

use super::super::body::{Fields, Upload, Value};
use super::super::error::{Faults, WaldurError};
use super::super::projects::{Charge, Project};
use super::super::records::Fault;
use super::link::{NO_OBJECT, To, link};
use super::text::{NULL, REQUIRED, text};
use serde_json::Value as Json;

const LONGEST_NAME: usize = 150;
const LONGEST_DESCRIPTION: usize = 4096;
const LONGEST_STATE: usize = 100;
/// What staff says of a fault is bounded here only.
const LONGEST_FAULT: usize = 65_536;

/// A job that shall be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Asked {
    pub(in super::super) name: String,
    pub(in super::super) description: String,
    pub(in super::super) runtime_state: String,
    pub(in super::super) charge: Charge,
    pub(in super::super) file: Upload,
}

/// What shall be different about a job. What is said of its state in the scheduler is checked, and then the scheduler knows
/// better.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Changed {
    pub(in super::super) name: Option<String>,
    pub(in super::super) description: Option<String>,
}

/// What is wrong so far.
#[derive(Default)]
struct Problems(Faults);

impl Problems {
    /// Takes what was read, or notes what is wrong with it.
    fn take<T>(&mut self, field: &'static str, read: Result<T, String>) -> Option<T> {
        read.map_err(|why| self.0.entry(field).or_default().push(why)).ok()
    }

    /// Returns all that is wrong, if anything is.
    fn all(self) -> Result<(), WaldurError> {
        if self.0.is_empty() { Ok(()) } else { Err(WaldurError::Fields(self.0)) }
    }
}

/// Reads a job that shall be made. `project` finds a project of a name, as far as the caller sees it; `is_settings` tells
/// whether a name is that of this service's settings.
pub(in super::super) fn asked(
    mut fields: Fields,
    project: impl FnOnce(u128) -> Option<Project>,
    is_settings: impl FnOnce(u128) -> bool,
) -> Result<Asked, WaldurError> {
    let mut problems = Problems::default();
    let name = problems.take("name", required(&mut fields, "name", LONGEST_NAME));
    let description = problems.take("description", optional(&mut fields, "description", LONGEST_DESCRIPTION));
    let state = problems.take("runtime_state", optional(&mut fields, "runtime_state", LONGEST_STATE));
    let missing = || REQUIRED.to_owned();
    let settings = fields.take("service_settings").ok_or_else(missing);
    let settings = settings.and_then(|value| link(&value, To::Settings));
    let settings = settings.and_then(|id| is_settings(id).then_some(()).ok_or_else(|| NO_OBJECT.to_owned()));
    problems.take("service_settings", settings);
    let charge = fields.take("project").ok_or_else(missing).and_then(|value| link(&value, To::Project));
    let charge = charge.and_then(|id| project(id).ok_or_else(|| NO_OBJECT.to_owned()));
    let charge = problems.take("project", charge.map(|project| project.charge));
    let file = problems.take("file", file(fields.take("file")));
    problems.all()?;
    match (name, charge, file) {
        (Some(name), Some(charge), Some(file)) => Ok(Asked {
            name,
            description: description.flatten().unwrap_or_default(),
            runtime_state: state.flatten().unwrap_or_default(),
            charge,
            file,
        }),
        _ => Err(WaldurError::Bug),
    }
}

/// Reads a change; without `is_partial` everything that must be there is. Project, settings and file cannot be changed, and
/// are passed over (facts A4).
pub(in super::super) fn changed(mut fields: Fields, is_partial: bool) -> Result<Changed, WaldurError> {
    let mut problems = Problems::default();
    let name = match is_partial {
        true => fields.take("name").map(|value| text(value, LONGEST_NAME, false)).transpose(),
        false => required(&mut fields, "name", LONGEST_NAME).map(Some),
    };
    let name = problems.take("name", name).flatten();
    let description = optional(&mut fields, "description", LONGEST_DESCRIPTION);
    let description = problems.take("description", description).flatten();
    problems.take("runtime_state", optional(&mut fields, "runtime_state", LONGEST_STATE));
    problems.all()?;
    Ok(Changed { name, description })
}

/// Reads what staff says is wrong with a job.
pub(in super::super) fn fault(mut fields: Fields) -> Result<Fault, WaldurError> {
    let mut problems = Problems::default();
    let message = optional(&mut fields, "error_message", LONGEST_FAULT);
    let message = problems.take("error_message", message).flatten().unwrap_or_default();
    let traceback = optional(&mut fields, "error_traceback", LONGEST_FAULT);
    let traceback = problems.take("error_traceback", traceback).flatten().unwrap_or_default();
    problems.all()?;
    Ok(Fault { message, traceback })
}

/// Reads name and password of somebody who logs in.
pub(in super::super) fn credentials(mut fields: Fields) -> Result<(String, String), WaldurError> {
    const LONGEST: usize = 1024;
    let mut problems = Problems::default();
    let name = problems.take("username", required(&mut fields, "username", LONGEST));
    let password = match fields.take("password") {
        // Spaces belong to a password.
        Some(Value::Text(password) | Value::Json(Json::String(password)))
            if !password.is_empty() && password.len() <= LONGEST =>
        {
            Ok(password)
        }
        Some(value) => text(value, LONGEST, false),
        None => Err(REQUIRED.to_owned()),
    };
    let password = problems.take("password", password);
    problems.all()?;
    name.zip(password).ok_or(WaldurError::Bug)
}

fn required(fields: &mut Fields, name: &str, most: usize) -> Result<String, String> {
    fields.take(name).ok_or_else(|| REQUIRED.to_owned()).and_then(|value| text(value, most, false))
}

fn optional(fields: &mut Fields, name: &str, most: usize) -> Result<Option<String>, String> {
    fields.take(name).map(|value| text(value, most, true)).transpose()
}

fn file(value: Option<Value>) -> Result<Upload, String> {
    match value {
        None => Err("No file was submitted.".to_owned()),
        Some(Value::Json(Json::Null)) => Err(NULL.to_owned()),
        Some(Value::Text(_) | Value::Json(_)) => {
            Err("The submitted data was not a file. Check the encoding type on the form.".to_owned())
        }
        Some(Value::File(file)) if file.bytes.is_empty() => Err("The submitted file is empty.".to_owned()),
        Some(Value::File(file)) => Ok(file),
    }
}
