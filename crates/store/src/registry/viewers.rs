//! The table of users of monitoring.

use crate::database::Unread;
use domain::Text;
use domain::ports::{StoreError, Viewer};
use rusqlite::{Connection, OptionalExtension, Row, params};

fn names(text: &str) -> Result<Vec<Text>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable {
        what: "a user of monitoring".to_owned(),
        source: Box::new(error),
    })
}

fn json(names: &[Text]) -> Result<String, StoreError> {
    serde_json::to_string(names)
        .map_err(|error| StoreError::Failed { what: "write a user of monitoring", source: Box::new(error) })
}

fn of_row(row: &Row<'_>) -> Result<Viewer, Unread> {
    let text = |at| row.get::<_, String>(at);
    Ok(Viewer {
        name: text(0)?.into(),
        full_name: text(1)?.into(),
        email: text(2)?.into(),
        roles: names(&text(3)?)?,
        projects: names(&text(4)?)?,
        password: text(5)?.into(),
    })
}

/// Lists them in the order of their names.
pub(super) fn all(connection: &Connection) -> Result<Vec<Viewer>, Unread> {
    let mut select = connection.prepare_cached(
        "SELECT name, full_name, email, roles, projects, password FROM viewer ORDER BY name",
    )?;
    let mut rows = select.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(of_row(row)?);
    }
    Ok(found)
}

fn write(connection: &Connection, verb: &str, viewer: &Viewer) -> Result<bool, Unread> {
    let mut insert = connection.prepare_cached(&format!(
        "INSERT {verb} INTO viewer (name, full_name, email, roles, projects, password) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    ))?;
    let written = insert.execute(params![
        viewer.name.as_str(),
        viewer.full_name.as_str(),
        viewer.email.as_str(),
        json(&viewer.roles)?,
        json(&viewer.projects)?,
        viewer.password.as_str(),
    ])?;
    Ok(written > 0)
}

/// Adds one, unless the name is taken.
pub(super) fn add(connection: &Connection, viewer: &Viewer) -> Result<bool, Unread> {
    write(connection, "OR IGNORE", viewer)
}

/// Puts one in the place of another of the same name, if that is still as it was.
pub(super) fn replace(connection: &Connection, was: &Viewer, becomes: &Viewer) -> Result<bool, Unread> {
    let mut select = connection.prepare_cached(
        "SELECT name, full_name, email, roles, projects, password FROM viewer WHERE name = ?1",
    )?;
    let found = select.query_row([was.name.as_str()], |row| Ok(of_row(row))).optional()?.transpose()?;
    if found.as_ref() != Some(was) || was.name != becomes.name {
        return Ok(false);
    }
    write(connection, "OR REPLACE", becomes)
}

/// Takes one away.
pub(super) fn remove(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    Ok(connection.prepare_cached("DELETE FROM viewer WHERE name = ?1")?.execute([name])? > 0)
}
