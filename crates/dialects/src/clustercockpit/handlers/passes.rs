//! Tokens and the roles in them: administrators have tokens made for anybody, others for themselves (facts 2.1). Answers are
//! plain text, but for the list of roles.

use super::super::auth::COCKPIT_ROLES;
use super::super::error::CockpitError;
use super::users::is_allowed_here;
use super::{Call, json};
use crate::http::answer::{Answer, answer};
use domain::Timestamp;
use hyper::StatusCode;

/// `jwt`: makes a token for the user that `username` names, with the roles it is known with. One that somebody has made for
/// itself ends when that does which was asked with; others do not end.
pub(crate) async fn token(call: Call<'_>) -> Result<Answer, CockpitError> {
    is_allowed_here(&call)?;
    let named =
        call.query.iter().find(|(name, _)| name == "username").and_then(|(_, value)| value.as_deref());
    let name = named.unwrap_or_default().to_owned();
    if name.is_empty() || name != call.by.name && !call.by.has("admin") {
        let text = "only administrators have tokens made for others";
        return Err(CockpitError::new(StatusCode::FORBIDDEN, text).plain());
    }
    let users = call.apart(|monitoring| Ok(monitoring.registry().users()?)).await;
    let users = users.map_err(CockpitError::plain)?;
    let user = users.into_iter().find(|user| user.name == name);
    let user = user.ok_or_else(|| CockpitError::unprocessable(format!("there is no user {name}")).plain())?;
    let roles: Vec<String> = user.roles.iter().map(ToString::to_string).collect();
    let now = call.site.jobs.clock().now();
    let until = call.by.until.filter(|_| !call.by.has("admin"));
    let lifespan = until.map(|until| Timestamp::from_seconds(until).since(now));
    let token = call.cockpit.keys.mint(&name, &roles, now, lifespan);
    let unsigned =
        || CockpitError::new(StatusCode::INTERNAL_SERVER_ERROR, "the token cannot be signed").plain();
    Ok(answer(StatusCode::OK, "text/plain; charset=utf-8", token.ok_or_else(unsigned)?.into_bytes()))
}

/// `roles`: lists the roles that users can be given.
pub(crate) fn roles(call: &Call<'_>) -> Result<Answer, CockpitError> {
    call.by.needs("admin").map_err(CockpitError::plain)?;
    is_allowed_here(call)?;
    let given: Vec<&str> = COCKPIT_ROLES.into_iter().filter(|role| *role != "anonymous").collect();
    Ok(json(StatusCode::OK, &given))
}
