//! Crontabs: a user's own, and for operators to look at and administrators to change those of others.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::{from_wire, reply, to_wire, wire};
use crate::description::described_job;
use crate::http::answer::{Answer, empty};
use crate::http::body::NoBody;
use domain::job::Owner;
use domain::who::Person;
use domain::{Error, Problem, Text};
use hyper::StatusCode;
use hyper::body::Incoming;

/// Largest body: a thousand entries with their environments.
const LARGEST_BODY: u64 = 32 << 20;

/// Shows a crontab; without one there is an empty text.
pub(in super::super) fn show(call: Call<'_>) -> Result<Answer, NativeError> {
    let person = person(&call)?;
    if call.by.uid != Some(person.uid) && !call.by.is_operator() {
        return Err(Error::from(Problem::NotThatUser(person.name)).into());
    }
    let snapshot = call.site.jobs.snapshot();
    let crontab = snapshot.crontabs.get(&person.uid);
    Ok(reply::json(StatusCode::OK, &to_wire::crontab(&person.name, crontab.map(|crontab| &**crontab))))
}

/// Puts a crontab in the place of the one before.
pub(in super::super) async fn set(call: Call<'_>, body: Incoming) -> Result<Answer, NativeError> {
    let person = person(&call)?;
    let body = call.site.bodies.read(body, None, LARGEST_BODY).await.map_err(|error| match error {
        NoBody::TooLarge => NativeError::BodyTooLarge(LARGEST_BODY),
        NoBody::Broken => NativeError::BodyBroken,
    })?;
    let wire::NewCrontab { text, entries } = from_wire::crontab(&body)?;
    let jobs = &call.site.jobs;
    let now = jobs.clock().now();
    let read = |(at, entry): (usize, &serde_json::Value)| {
        let directory = jobs.directory();
        described_job(&entry.to_string(), &call.by, &**directory, now, &call.site.zone)
            .map_err(|why| NativeError::parameter(format!("entries[{at}]"), why))
    };
    let submissions = entries.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    jobs.set_crontab(&call.by, owner(person.clone()), Text::from(text), submissions).await?;
    let snapshot = jobs.snapshot();
    let crontab = snapshot.crontabs.get(&person.uid);
    Ok(reply::json(StatusCode::OK, &to_wire::crontab(&person.name, crontab.map(|crontab| &**crontab))))
}

/// Takes a crontab away.
pub(in super::super) async fn remove(call: Call<'_>) -> Result<Answer, NativeError> {
    let person = person(&call)?;
    call.site.jobs.remove_crontab(&call.by, person.uid).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Whose crontab is meant: the caller's, or that of the user named.
fn person(call: &Call<'_>) -> Result<Person, NativeError> {
    let parameters = call.parameters(&["user"])?;
    let name = parameters.text("user")?.unwrap_or(&call.by.name);
    call.site.jobs.directory().person(name).ok_or_else(|| NativeError::NoSuchUser(Text::from(name)))
}

fn owner(person: Person) -> Owner {
    let Person { name, uid, gid, group, .. } = person;
    Owner { name, uid, gid, group }
}
