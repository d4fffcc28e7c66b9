//! Users of monitoring: administrators manage them, from where that is allowed. All answers but lists are plain text
//! (facts 3.7).

use super::super::auth::COCKPIT_ROLES;
use super::super::error::CockpitError;
use super::form::Form;
use super::{Call, json, text};
use crate::http::answer::Answer;
use argon2::password_hash::PasswordHasher;
use domain::Text;
use domain::ports::Viewer;
use domain::service::Monitoring;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;

/// A user as lists have it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    username: &'a str,
    name: &'a str,
    roles: &'a [Text],
    auth_type: u8,
    auth_source: u8,
    email: &'a str,
    projects: &'a [Text],
}

/// Checks that an administrator asks, from where that is allowed.
fn may_manage(call: &Call<'_>) -> Result<(), CockpitError> {
    call.by.needs("admin").map_err(CockpitError::plain)?;
    is_allowed_here(call)
}

/// Checks that somebody asks from where users are managed.
pub(super) fn is_allowed_here(call: &Call<'_>) -> Result<(), CockpitError> {
    if call.cockpit.origins.allow(call.headers, call.peer) {
        return Ok(());
    }
    Err(CockpitError::new(StatusCode::FORBIDDEN, "users are not managed from this address").plain())
}

/// Lists users; with `not-just-user=true` those who are more than that.
pub(crate) async fn list(call: Call<'_>) -> Result<Answer, CockpitError> {
    may_manage(&call)?;
    let is_special = |user: &Viewer| user.roles.iter().any(|role| role != "user");
    let hides =
        call.query.iter().any(|(name, value)| name == "not-just-user" && value.as_deref() == Some("true"));
    let users =
        call.apart(|monitoring| Ok(monitoring.registry().users()?)).await.map_err(CockpitError::plain)?;
    let listed: Vec<Listed<'_>> = users
        .iter()
        .filter(|user| !hides || is_special(user))
        .map(|user| Listed {
            username: &user.name,
            name: &user.full_name,
            roles: &user.roles,
            auth_type: 0,
            auth_source: 0,
            email: &user.email,
            projects: &user.projects,
        })
        .collect();
    let mut answer = json(StatusCode::OK, &listed);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(answer)
}

fn known_role(word: &str) -> Option<Text> {
    let word = word.to_lowercase();
    COCKPIT_ROLES.contains(&word.as_str()).then(|| word.into())
}

/// Adds a user.
pub(crate) async fn add(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    may_manage(&call)?;
    let form = Form::read(&call, body).await?;
    let bad = |text: &str| CockpitError::bad(text).plain();
    let (name, role) = (form.field("username"), form.field("role"));
    if name.is_empty() {
        return Err(bad("a user must have a username"));
    }
    let role = known_role(role)
        .ok_or_else(|| bad("the role must be anonymous, api, user, manager, support or admin"))?;
    if form.field("password").is_empty() && role != "api" {
        return Err(bad("only users with the role api may be without a password"));
    }
    let project = form.field("project");
    match (role == "manager", project.is_empty()) {
        (false, false) => return Err(bad("only managers have a project")),
        (true, true) => return Err(bad("a manager must have a project")),
        _ => {}
    }
    let user = Viewer {
        name: name.into(),
        full_name: form.field("name").into(),
        email: form.field("email").into(),
        roles: vec![role],
        projects: if project.is_empty() { Vec::new() } else { vec![project.into()] },
        password: Text::default(),
    };
    let password = form.field("password").to_owned();
    let added = call
        .apart(move |monitoring| {
            // Some twenty milliseconds of work: not where others wait.
            let password = if password.is_empty() { Text::default() } else { hashed(&password)? };
            Ok(monitoring.registry().add_user(&Viewer { password, ..user })?)
        })
        .await
        .map_err(CockpitError::plain)?;
    match added {
        true => Ok(text("User created successfully\n")),
        false => {
            Err(CockpitError::unprocessable(format!("there is a user {} already", form.field("username")))
                .plain())
        }
    }
}

fn hashed(password: &str) -> Result<Text, CockpitError> {
    let hash = argon2::Argon2::default().hash_password(password.as_bytes());
    let failed = |error| {
        tracing::error!(%error, "a password could not be hashed");
        CockpitError::new(StatusCode::INTERNAL_SERVER_ERROR, "the password could not be hashed")
    };
    Ok(hash.map_err(failed)?.to_string().into())
}

/// Takes a user away. One who is not there is gone already.
pub(crate) async fn remove(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    may_manage(&call)?;
    let form = Form::read(&call, body).await?;
    let name = form.field("username").to_owned();
    if name.is_empty() {
        return Err(CockpitError::bad("a username is wanted").plain());
    }
    let gone = call.apart(move |monitoring| Ok(monitoring.registry().remove_user(&name)?)).await;
    gone.map_err(CockpitError::plain)?;
    Ok(answer_ok())
}

fn answer_ok() -> Answer {
    crate::http::answer::empty(StatusCode::OK)
}

/// What becomes of a user.
enum Change {
    AddRole(String),
    RemoveRole(String),
    AddProject(String),
    RemoveProject(String),
}

/// Changes a user's roles or projects: the first change that is asked for is made.
pub(crate) async fn change(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    may_manage(&call)?;
    let form = Form::read(&call, body).await?;
    let field = |name: &str| Some(form.field(name)).filter(|value| !value.is_empty()).map(str::to_owned);
    let change = None
        .or_else(|| field("add-role").map(Change::AddRole))
        .or_else(|| field("remove-role").map(Change::RemoveRole))
        .or_else(|| field("add-project").map(Change::AddProject))
        .or_else(|| field("remove-project").map(Change::RemoveProject));
    let missing = || {
        CockpitError::bad("one of add-role, remove-role, add-project and remove-project is wanted").plain()
    };
    let change = change.ok_or_else(missing)?;
    let done = match change {
        Change::AddRole(_) => "Add Role Success\n",
        Change::RemoveRole(_) => "Remove Role Success\n",
        Change::AddProject(_) => "Add Project Success\n",
        Change::RemoveProject(_) => "Remove Project Success\n",
    };
    let name = call.parameter.clone();
    call.apart(move |monitoring| changed(monitoring, &name, &change)).await.map_err(CockpitError::plain)?;
    Ok(text(done))
}

fn changed(monitoring: &Monitoring, name: &str, change: &Change) -> Result<(), CockpitError> {
    let registry = monitoring.registry();
    loop {
        let users = registry.users()?;
        let was = users.iter().find(|user| user.name == name);
        let was = was.ok_or_else(|| CockpitError::unprocessable(format!("there is no user {name}")))?;
        if registry.replace_user(was, &after(was, change)?)? {
            return Ok(());
        }
    }
}

/// Returns the user after a change.
fn after(user: &Viewer, change: &Change) -> Result<Viewer, CockpitError> {
    let refuse = |why: String| Err(CockpitError::unprocessable(why));
    let mut user = user.clone();
    let is_manager = user.roles.iter().any(|role| role == "manager");
    match change {
        Change::AddRole(role) | Change::RemoveRole(role) => {
            let Some(role) = known_role(role) else { return refuse(format!("there is no role {role}")) };
            let has = user.roles.contains(&role);
            if matches!(change, Change::AddRole(_)) {
                if has {
                    return refuse(format!("{} has the role {role} already", user.name));
                }
                user.roles.push(role);
            } else {
                if !has {
                    return refuse(format!("{} has not the role {role}", user.name));
                }
                if role == "manager" && !user.projects.is_empty() {
                    return refuse(format!("{} still manages projects", user.name));
                }
                user.roles.retain(|own| *own != role);
            }
        }
        Change::AddProject(project) | Change::RemoveProject(project) => {
            if !is_manager {
                return refuse(format!("{} is no manager", user.name));
            }
            let has = user.projects.iter().any(|own| own == project);
            match (matches!(change, Change::AddProject(_)), has) {
                (true, true) => return refuse(format!("{} manages {project} already", user.name)),
                (false, false) => return refuse(format!("{} does not manage {project}", user.name)),
                (true, false) => user.projects.push(project.as_str().into()),
                (false, true) => user.projects.retain(|own| own != project),
            }
        }
    }
    Ok(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_projects_change_once() {
        let user = Viewer {
            name: "u".into(),
            roles: vec!["manager".into()],
            projects: vec!["p".into()],
            ..Viewer::default()
        };
        let with = |change: Change| after(&user, &change);
        assert_eq!(with(Change::AddRole("API".into())).unwrap().roles, ["manager", "api"]);
        assert_eq!(with(Change::AddProject("q".into())).unwrap().projects, ["p", "q"]);
        assert!(with(Change::RemoveProject("p".into())).unwrap().projects.is_empty());
        for change in [
            Change::AddRole("manager".into()),
            Change::AddRole("king".into()),
            Change::RemoveRole("api".into()),
            Change::RemoveRole("manager".into()),
            Change::AddProject("p".into()),
            Change::RemoveProject("q".into()),
        ] {
            assert!(with(change).is_err());
        }
        let plain = Viewer { roles: vec!["user".into()], projects: Vec::new(), ..user.clone() };
        assert!(after(&plain, &Change::AddProject("p".into())).is_err());
    }
}
