//! Keys: made, listed, taken back.

use super::super::error::EtError;
use super::super::record::Key;
use super::super::shelves::by_id;
use super::super::{reply, to_wire, uuid};
use super::{World, checked};
use crate::http::answer::Answer;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// How long a key is good, as in the original.
const LIFESPAN: Duration = Duration::from_secs(30 * 24 * 3600);
/// Keys of a user that are good at a time, at most.
const MOST: usize = 1000;

#[derive(Deserialize)]
struct NewKey {
    name: String,
    #[serde(default)]
    description: String,
}

/// Lists the caller's keys that are good.
pub(in super::super) async fn list(world: World, body: Incoming) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let listed = world.apart(|world| {
        let good = good(world)?;
        Ok(good.iter().map(|(id, key)| to_wire::key(id, key)).collect::<Value>())
    });
    Ok(reply::json(&listed.await?))
}

/// Returns the keys that are good, the oldest first, and forgets those that are too old anyway.
fn good(world: &World) -> Result<Vec<(String, Key)>, EtError> {
    let now = world.site.jobs.clock().now().seconds();
    let (old, young): (Vec<_>, Vec<_>) =
        world.et.shelves.all_of::<Key>(world.by.name())?.into_iter().partition(|(_, key)| key.expires <= now);
    for (id, _) in old {
        world.et.shelves.remove::<Key>(world.by.name(), &id)?;
    }
    let mut good = Vec::new();
    for (id, key) in young {
        if !key.revoked && !world.et.is_taken_back(&id)? {
            good.push((id, key));
        }
    }
    good.sort_by_key(|(_, key)| key.made);
    Ok(good)
}

/// Makes a key; the answer is the only place where it can be seen.
pub(in super::super) async fn make(world: World, body: Incoming) -> Result<Answer, EtError> {
    let NewKey { name, description } = world.document(body).await?;
    let written = world.apart(move |world| {
        let name = checked("name", name, 256)?;
        let description = checked("description", description, 4096)?;
        let _naming = world.et.naming();
        let good = good(world)?;
        if name.is_empty() || good.iter().any(|(_, key)| key.name == name) {
            return Err(EtError::Conflict(format!(
                "There is a key named {name:?} already, or it has no name"
            )));
        }
        if good.len() >= MOST {
            return Err(EtError::Conflict(format!("You have {MOST} keys already")));
        }
        let (written, key) = world.et.keys.issue(world.by.name(), world.site.jobs.clock().now(), LIFESPAN);
        let (made, expires) = (key.made.seconds(), key.expires.seconds());
        let kept = Key { name, description, made, expires, revoked: false };
        world.et.shelves.put(world.by.name(), &by_id(key.id), &kept)?;
        Ok(written)
    });
    Ok(reply::plain(StatusCode::OK, written.await?))
}

/// Takes a key back.
pub(in super::super) async fn revoke(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let revoked = world.apart(move |world| {
        let none = || EtError::NotFound("Key");
        let name = by_id(uuid::read(&id).ok_or_else(none)?);
        let revoke = |key: &mut Key| match key.revoked {
            true => Err(none()),
            false => {
                key.revoked = true;
                Ok(())
            }
        };
        world.et.shelves.change::<Key>(world.by.name(), &name, revoke)?.ok_or_else(none)
    });
    revoked.await?;
    Ok(reply::done())
}
