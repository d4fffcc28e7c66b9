//! What a client needs beside jobs: projects, customers, where jobs can run, users, and what the service is.

use super::super::routes::Route;
use super::super::{apart, to_wire};
use super::{Call, WaldurError, id, json};
use crate::http::answer::Answer;
use crate::ids::Kind;
use domain::Uid;
use domain::who::{Person, Principal};
use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderValue};
use serde_json::{Value, json as document};
use std::sync::Arc;

/// Lists what can be asked for.
pub(in super::super) fn root(call: Call<'_>) -> Result<Answer, WaldurError> {
    Ok(json(StatusCode::OK, &Value::Object(to_wire::root(&call.address))))
}

/// Tells what a path is for.
pub(in super::super) fn options(route: Route<'_>) -> Answer {
    let mut answer = json(StatusCode::OK, &Value::Object(to_wire::metadata(route)));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(route.allowed()));
    answer
}

impl Call<'_> {
    /// Tells whether something passes the filters by name.
    fn is_wanted(&self, name: &str) -> bool {
        self.query.iter().all(|(key, value)| match (key.as_ref(), value.as_deref()) {
            ("name", Some(part)) => name.to_lowercase().contains(&part.to_lowercase()),
            ("name_exact", Some(whole)) => whole.is_empty() || name == whole,
            _ => true,
        })
    }
}

/// Lists the projects that the caller sees.
pub(in super::super) async fn projects(call: Call<'_>) -> Result<Answer, WaldurError> {
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let mut all = apart(move || {
        let snapshot = site.jobs.snapshot();
        Ok(waldur.realm(&snapshot, &**site.jobs.directory()).projects(&by))
    })
    .await?;
    all.retain(|project| call.is_wanted(&project.name));
    call.list(&all, |project| to_wire::project(project, &call.address))
}

/// Shows a project.
pub(in super::super) async fn project(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    let id = id(name)?;
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let found = apart(move || {
        let snapshot = site.jobs.snapshot();
        let realm = waldur.realm(&snapshot, &**site.jobs.directory());
        realm.find_project(&by, id).ok_or(WaldurError::NotFound)
    })
    .await?;
    Ok(call.one(to_wire::project(&found, &call.address)))
}

/// Lists the customers that the caller sees.
pub(in super::super) async fn customers(call: Call<'_>) -> Result<Answer, WaldurError> {
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let mut all = apart(move || {
        let snapshot = site.jobs.snapshot();
        Ok(waldur.realm(&snapshot, &**site.jobs.directory()).customers(&by))
    })
    .await?;
    all.retain(|customer| call.is_wanted(&customer.name));
    call.list(&all, |customer| to_wire::customer(customer, &call.address))
}

/// Shows a customer.
pub(in super::super) async fn customer(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    let id = id(name)?;
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let found = apart(move || {
        let snapshot = site.jobs.snapshot();
        let realm = waldur.realm(&snapshot, &**site.jobs.directory());
        realm.find_customer(&by, id).ok_or(WaldurError::NotFound)
    })
    .await?;
    Ok(call.one(to_wire::customer(&found, &call.address)))
}

/// Lists where jobs can run: here.
pub(in super::super) fn all_settings(call: Call<'_>) -> Result<Answer, WaldurError> {
    let snapshot = call.site.jobs.snapshot();
    let (id, cluster) = (call.waldur.settings_id(&snapshot), &snapshot.cluster.name);
    let of_type = call.query.iter().all(|(key, value)| key != "type" || value.as_deref() == Some("SLURM"));
    let all = if of_type && call.is_wanted(cluster) { vec![id] } else { Vec::new() };
    call.list(&all, |id| to_wire::settings(*id, cluster, &call.address))
}

/// Shows where jobs run.
pub(in super::super) fn settings(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    let snapshot = call.site.jobs.snapshot();
    let id = id(name)?;
    if id != call.waldur.settings_id(&snapshot) {
        return Err(WaldurError::NotFound);
    }
    Ok(call.one(to_wire::settings(id, &snapshot.cluster.name, &call.address)))
}

fn described(call: &Call<'_>, person: &Person, principal: &Principal) -> Answer {
    let id = call.waldur.names.user(person.uid);
    call.one(to_wire::user(id, person, principal, &call.address))
}

/// Shows who asks.
pub(in super::super) async fn me(call: Call<'_>) -> Result<Answer, WaldurError> {
    let (site, by) = (Arc::clone(call.site), call.by()?.clone());
    let person = apart(move || site.jobs.directory().person(&by.name).ok_or(WaldurError::NotFound)).await?;
    Ok(described(&call, &person, call.by()?))
}

/// Shows a user: oneself, somebody with whom one shares a project, or to staff anybody.
pub(in super::super) async fn user(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    let uid = call.waldur.names.ids.read_number(Kind::User, id(name)?).ok_or(WaldurError::NotFound)?;
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let person = apart(move || {
        let person = site.jobs.directory().person_by_uid(Uid(uid)).ok_or(WaldurError::NotFound)?;
        let snapshot = site.jobs.snapshot();
        let realm = waldur.realm(&snapshot, &**site.jobs.directory());
        let shares = || {
            let own = realm.accounts_of(&by.name);
            realm.accounts_of(&person.name).iter().any(|account| own.contains(account))
        };
        if by.is_operator() || by.uid == Some(person.uid) || shares() {
            Ok(person)
        } else {
            Err(WaldurError::NotFound)
        }
    })
    .await?;
    let principal = call.site.jobs.principal(&person.name);
    Ok(described(&call, &person, &principal))
}

/// Tells the version of the service.
pub(in super::super) fn version(call: Call<'_>) -> Result<Answer, WaldurError> {
    Ok(json(StatusCode::OK, &document!({ "version": call.site.version })))
}

/// Tells what everybody may know of the service.
pub(in super::super) fn configuration(call: Call<'_>) -> Result<Answer, WaldurError> {
    let core = document!({
        "SITE_NAME": "Quintet",
        "TOKEN_LIFETIME": call.waldur.options.token_lifetime.as_secs(),
    });
    Ok(json(StatusCode::OK, &document!({ "WALDUR_CORE": core })))
}
