//! The tables of tags.

use super::body::state_number;
use super::record::row_number;
use domain::Text;
use domain::monitoring::{JobState, RecordId, Tag, TagId, TagScope};
use rusqlite::{Connection, OptionalExtension, params};

fn columns(scope: &TagScope) -> (i64, &str) {
    match scope {
        TagScope::Global => (0, ""),
        TagScope::Admin => (1, ""),
        TagScope::Private(owner) => (2, owner.as_str()),
    }
}

fn known(connection: &Connection, tag: &Tag) -> rusqlite::Result<Option<i64>> {
    let (scope, owner) = columns(&tag.scope);
    let mut select = connection
        .prepare_cached("SELECT id FROM tag WHERE kind = ?1 AND name = ?2 AND scope = ?3 AND owner = ?4")?;
    let wanted = params![tag.kind.as_str(), tag.name.as_str(), scope, owner];
    select.query_row(wanted, |row| row.get(0)).optional()
}

fn made(connection: &Connection, tag: &Tag) -> rusqlite::Result<i64> {
    if let Some(id) = known(connection, tag)? {
        return Ok(id);
    }
    let (scope, owner) = columns(&tag.scope);
    let mut insert =
        connection.prepare_cached("INSERT INTO tag (kind, name, scope, owner) VALUES (?1, ?2, ?3, ?4)")?;
    insert.insert(params![tag.kind.as_str(), tag.name.as_str(), scope, owner])
}

/// Gives a record tags.
pub(super) fn add(connection: &Connection, id: RecordId, tags: &[Tag]) -> rusqlite::Result<()> {
    let mut link =
        connection.prepare_cached("INSERT OR IGNORE INTO record_tag (record, tag) VALUES (?1, ?2)")?;
    for tag in tags {
        let tag = made(connection, tag)?;
        link.execute([row_number(id), tag])?;
    }
    mark(connection, row_number(id))
}

/// Takes tags from a record.
pub(super) fn take(connection: &Connection, id: RecordId, tags: &[Tag]) -> rusqlite::Result<()> {
    let mut unlink = connection.prepare_cached("DELETE FROM record_tag WHERE record = ?1 AND tag = ?2")?;
    for tag in tags {
        if let Some(tag) = known(connection, tag)? {
            unlink.execute([row_number(id), tag])?;
        }
    }
    mark(connection, row_number(id))
}

/// Notes at the record whether it has tags, and that its file in the archive is old.
pub(super) fn mark(connection: &Connection, record: i64) -> rusqlite::Result<()> {
    let living: Vec<String> = JobState::ALL
        .into_iter()
        .filter(|state| !state.is_over())
        .map(|state| state_number(state).to_string())
        .collect();
    let mut update = connection.prepare_cached(&format!(
        "UPDATE record SET tagged = EXISTS (SELECT 1 FROM record_tag WHERE record = ?1), version = version + 1,
             due = state NOT IN ({}) WHERE id = ?1",
        living.join(", ")
    ))?;
    update.execute([record]).map(|_| ())
}

/// Takes tags away from everywhere; tells how many there were, and which records had them.
pub(super) fn forget(connection: &Connection, tags: &[Tag]) -> rusqlite::Result<(u64, Vec<i64>)> {
    let (mut gone, mut touched) = (0, Vec::new());
    let mut whose = connection.prepare_cached("SELECT record FROM record_tag WHERE tag = ?1")?;
    for tag in tags {
        let Some(id) = known(connection, tag)? else { continue };
        let records: rusqlite::Result<Vec<i64>> = whose.query_map([id], |row| row.get(0))?.collect();
        connection.prepare_cached("DELETE FROM record_tag WHERE tag = ?1")?.execute([id])?;
        connection.prepare_cached("DELETE FROM tag WHERE id = ?1")?.execute([id])?;
        for record in records? {
            mark(connection, record)?;
            touched.push(record);
        }
        gone += 1;
    }
    Ok((gone, touched))
}

/// Returns the tags of a record, in the order of their numbers.
pub(super) fn of(connection: &Connection, record: i64) -> rusqlite::Result<Vec<(TagId, Tag)>> {
    let mut select = connection.prepare_cached(
        "SELECT t.id, t.kind, t.name, t.scope, t.owner FROM record_tag l JOIN tag t ON t.id = l.tag
         WHERE l.record = ?1 ORDER BY t.id",
    )?;
    let found = select.query_map([record], |row| {
        let owner: String = row.get(4)?;
        let scope = match row.get::<_, i64>(3)? {
            0 => TagScope::Global,
            1 => TagScope::Admin,
            _ => TagScope::Private(owner.into()),
        };
        let text = |at| row.get::<_, String>(at).map(Text::from);
        Ok((
            TagId(u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0)),
            Tag { kind: text(1)?, name: text(2)?, scope },
        ))
    })?;
    found.collect()
}
