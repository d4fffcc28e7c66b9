//! What happened beside jobs and is over: found by its end, and taken out.

use super::archive::{Line, RecordLine};
use crate::database::Unread;
use crate::failure::unreadable;
use crate::row::{Stored, decode, encoded};
use domain::history::{Booking, Deed, Episode};
use domain::ports::StoreError;
use domain::{Text, Timestamp};
use rusqlite::{Connection, Row, Transaction, params};

/// What of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bygone {
    /// Times in which nodes were out of service or the cluster had other resources.
    Events,
    /// Reservations.
    Reservations,
    /// Changes of the books.
    Transactions,
}

/// Something that is over.
pub(super) struct Old {
    /// Its row.
    pub(super) id: i64,
    /// Since when.
    pub(super) at: Timestamp,
    /// As an archive has it.
    pub(super) line: Line,
}

impl Bygone {
    /// All there is.
    pub(super) const ALL: [Bygone; 3] = [Bygone::Events, Bygone::Reservations, Bygone::Transactions];

    /// Returns the word that its archive begins with.
    pub(super) fn word(self) -> &'static str {
        match self {
            Bygone::Events => "events",
            Bygone::Reservations => "reservations",
            Bygone::Transactions => "transactions",
        }
    }

    /// Finds what has been over the longest, of what was before some time.
    pub(super) fn oldest(
        self,
        history: &Connection,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<Old>, Unread> {
        let sql = match self {
            Bygone::Events => {
                r#"SELECT id, start, "end", body FROM episode WHERE "end" < ?1 ORDER BY "end", id LIMIT ?2"#
            }
            Bygone::Reservations => {
                r#"SELECT id, start, "end", body, told FROM booking WHERE "end" < ?1 ORDER BY "end", id LIMIT ?2"#
            }
            Bygone::Transactions => {
                "SELECT id, at, actor, action, place FROM deed WHERE at < ?1 ORDER BY at, id LIMIT ?2"
            }
        };
        let mut statement = history.prepare_cached(sql)?;
        let mut rows = statement.query(params![before.micros(), limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(match self {
                Bygone::Events => episode(row)?,
                Bygone::Reservations => booking(row)?,
                Bygone::Transactions => deed(row)?,
            });
        }
        Ok(found)
    }

    /// Takes some of it out.
    pub(super) fn take(self, history: &Transaction<'_>, old: &[Old]) -> rusqlite::Result<()> {
        let mut delete = history.prepare_cached(match self {
            Bygone::Events => "DELETE FROM episode WHERE id = ?1",
            Bygone::Reservations => "DELETE FROM booking WHERE id = ?1",
            Bygone::Transactions => "DELETE FROM deed WHERE id = ?1",
        })?;
        old.iter().try_for_each(|old| delete.execute([old.id]).map(|_| ()))
    }
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_micros(row.get(column)?))
}

fn body<T: Stored>(row: &Row<'_>, what: &str) -> Result<T, Unread> {
    let body = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
    decode(body).map_err(|error| Unread::Store(unreadable(what, error)))
}

fn episode(row: &Row<'_>) -> Result<Old, Unread> {
    let (start, end) = (time(row, 1)?, time(row, 2)?);
    let one = Episode { start, end: Some(end), ..body(row, "an event")? };
    let line = record(&one.node, (start, end), end, &one)?;
    Ok(Old { id: row.get(0)?, at: end, line: Line::Event(line) })
}

fn booking(row: &Row<'_>) -> Result<Old, Unread> {
    let (start, end) = (time(row, 1)?, time(row, 2)?);
    let one = Booking { start, end, ..body(row, "a reservation")? };
    let line = record(&one.name, (start, end), time(row, 4)?, &one)?;
    Ok(Old { id: row.get(0)?, at: end, line: Line::Reservation(line) })
}

fn deed(row: &Row<'_>) -> Result<Old, Unread> {
    let text = |column| -> rusqlite::Result<Text> { Ok(Text::from(row.get_ref(column)?.as_str()?)) };
    let at = time(row, 1)?;
    let one = Deed { at, actor: text(2)?, action: text(3)?, place: text(4)? };
    let line = record(&one.actor, (at, at), at, &one)?;
    Ok(Old { id: row.get(0)?, at, line: Line::Transaction(line) })
}

fn record<T: Stored>(
    name: &Text,
    (start, end): (Timestamp, Timestamp),
    told: Timestamp,
    one: &T,
) -> Result<RecordLine, Unread> {
    let record = serde_json::to_value(one.to_row()).map_err(|error| {
        Unread::Store(StoreError::Unreadable { what: "what is over".into(), source: Box::new(error) })
    })?;
    let (start, end, told) = (start.micros(), end.micros(), told.micros());
    Ok(RecordLine { name: name.to_string(), start, end, told, record })
}

/// Puts an event back; tells whether it was not there.
pub(super) fn put_episode(history: &Transaction<'_>, one: &Episode) -> rusqlite::Result<bool> {
    let sql = r#"INSERT OR IGNORE INTO episode (node, start, "end", body) VALUES (?1, ?2, ?3, ?4)"#;
    let end = one.end.map(Timestamp::micros);
    let row = params![one.node.as_str(), one.start.micros(), end, encoded(one)];
    Ok(history.prepare_cached(sql)?.execute(row)? > 0)
}

/// Puts a reservation back that was last told of at a time, microseconds; tells whether it was not there.
pub(super) fn put_booking(history: &Transaction<'_>, one: &Booking, told: i64) -> rusqlite::Result<bool> {
    let sql =
        r#"INSERT OR IGNORE INTO booking (number, start, "end", told, body) VALUES (?1, ?2, ?3, ?4, ?5)"#;
    let row = params![one.number, one.start.micros(), one.end.micros(), told, encoded(one)];
    Ok(history.prepare_cached(sql)?.execute(row)? > 0)
}

/// Puts a change of the books back; tells whether it was not there.
pub(super) fn put_deed(history: &Transaction<'_>, one: &Deed) -> rusqlite::Result<bool> {
    let sql = "INSERT OR IGNORE INTO deed (at, actor, action, place) VALUES (?1, ?2, ?3, ?4)";
    let row = params![one.at.micros(), one.actor.as_str(), one.action.as_str(), one.place.as_str()];
    Ok(history.prepare_cached(sql)?.execute(row)? > 0)
}
