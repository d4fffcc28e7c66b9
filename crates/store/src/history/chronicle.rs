//! What happened beside jobs. It comes from queue.db like ended attempts, and may come twice: what is older than what is
//! known of the same thing is passed over.

use crate::database::Unread;
use crate::failure::unreadable;
use crate::row::{decode, encoded};
use domain::history::{Booking, Deed, During, Episode, Occurrence};
use domain::{Text, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// Writes down what happened.
pub(super) fn write(history: &Transaction<'_>, occurrence: &Occurrence) -> Result<(), Unread> {
    let Occurrence { at, cluster, out, back, bookings, gone, deeds } = occurrence;
    if let Some(cluster) = cluster {
        episode(history, cluster)?;
        let sql = r#"SELECT DISTINCT node FROM episode WHERE node <> '' AND "end" IS NULL"#;
        let open: Vec<String> =
            history.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for node in open.iter().filter(|node| out.iter().all(|one| one.node != node.as_str())) {
            ends(history, node, *at)?;
        }
    }
    for one in out {
        episode(history, one)?;
    }
    for node in back {
        ends(history, node, *at)?;
    }
    for one in bookings {
        booked(history, one, *at)?;
    }
    for number in gone {
        let at = at.micros();
        let forget = "DELETE FROM booking WHERE number = ?1 AND start >= ?2 AND told <= ?2";
        history.prepare_cached(forget)?.execute(params![number, at])?;
        let end =
            r#"UPDATE booking SET "end" = ?2, told = ?2 WHERE number = ?1 AND "end" > ?2 AND told <= ?2"#;
        history.prepare_cached(end)?.execute(params![number, at])?;
    }
    for Deed { at, actor, action, place } in deeds {
        let sql = "INSERT OR IGNORE INTO deed (at, actor, action, place) VALUES (?1, ?2, ?3, ?4)";
        let row = params![at.micros(), actor.as_str(), action.as_str(), place.as_str()];
        history.prepare_cached(sql)?.execute(row)?;
    }
    Ok(())
}

/// Begins an episode, unless the one before goes on with the same.
fn episode(history: &Transaction<'_>, new: &Episode) -> Result<(), Unread> {
    let sql = r#"SELECT start, "end", body FROM episode WHERE node = ?1 ORDER BY start DESC LIMIT 1"#;
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(i64, Option<i64>, Vec<u8>)> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    };
    let last = history.prepare_cached(sql)?.query_row([new.node.as_str()], read).optional()?;
    let start = new.start.micros();
    if let Some((began, ended, body)) = last {
        let is_older = ended.unwrap_or(began) > start || began == start;
        let goes_on = ended.is_none() && parsed::<Episode>("an event", &body)?.is_same(new);
        if is_older || goes_on {
            return Ok(());
        }
        ends(history, &new.node, new.start)?;
    }
    let sql = "INSERT OR REPLACE INTO episode (node, start, body) VALUES (?1, ?2, ?3)";
    history.prepare_cached(sql)?.execute(params![new.node.as_str(), start, encoded(new)])?;
    Ok(())
}

fn ends(history: &Transaction<'_>, node: &str, at: Timestamp) -> rusqlite::Result<()> {
    let sql = r#"UPDATE episode SET "end" = ?2 WHERE node = ?1 AND "end" IS NULL AND start <= ?2"#;
    history.prepare_cached(sql)?.execute(params![node, at.micros()])?;
    Ok(())
}

/// Takes in what a reservation is like. While it is open its past stays as it was.
fn booked(history: &Transaction<'_>, new: &Booking, at: Timestamp) -> Result<(), Unread> {
    let at = at.micros();
    let sql =
        r#"SELECT id, start, "end", told, body FROM booking WHERE number = ?1 ORDER BY start DESC LIMIT 1"#;
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(i64, i64, i64, i64, Vec<u8>)> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    };
    let last = history.prepare_cached(sql)?.query_row([new.number], read).optional()?;
    let mut start = new.start.micros();
    if let Some((id, began, ended, told, body)) = last {
        if told >= at {
            return Ok(());
        }
        let is_same = parsed::<Booking>("a reservation", &body)?.is_same(new);
        let is_open = began < at && at < ended;
        if began >= at || (is_open && is_same && start <= at) {
            // It has not begun, or changes nothing but its end.
            let sql =
                r#"UPDATE OR REPLACE booking SET start = ?2, "end" = ?3, told = ?4, body = ?5 WHERE id = ?1"#;
            let start = if is_open { began } else { start };
            let row = params![id, start, new.end.micros(), at, encoded(new)];
            history.prepare_cached(sql)?.execute(row)?;
            return Ok(());
        }
        if is_open {
            let sql = r#"UPDATE booking SET "end" = ?2, told = ?2 WHERE id = ?1"#;
            history.prepare_cached(sql)?.execute(params![id, at])?;
            start = start.max(at);
        }
    }
    let sql =
        r#"INSERT OR REPLACE INTO booking (number, start, "end", told, body) VALUES (?1, ?2, ?3, ?4, ?5)"#;
    let row = params![new.number, start, new.end.micros().max(start), at, encoded(new)];
    history.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn parsed<T: crate::row::Stored>(what: &str, body: &[u8]) -> Result<T, Unread> {
    decode(body).map_err(|error| Unread::Store(unreadable(what, error)))
}

fn limit(during: &During) -> i64 {
    i64::try_from(during.limit).unwrap_or(i64::MAX)
}

/// Reads episodes that have something of a time, by their beginning.
pub(super) fn episodes(connection: &Connection, during: &During) -> Result<Vec<Episode>, Unread> {
    let sql = r#"SELECT start, "end", body FROM episode WHERE start < ?2 AND ("end" IS NULL OR "end" > ?1)
                 ORDER BY start DESC, id DESC LIMIT ?3"#;
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([during.from.micros(), during.to.micros(), limit(during)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        found.push(Episode {
            start: Timestamp::from_micros(row.get(0)?),
            end: row.get::<_, Option<i64>>(1)?.map(Timestamp::from_micros),
            ..parsed("an event", body)?
        });
    }
    found.reverse();
    Ok(found)
}

/// Reads reservations that have something of a time, by their beginning.
pub(super) fn bookings(connection: &Connection, during: &During) -> Result<Vec<Booking>, Unread> {
    let sql = r#"SELECT start, "end", body FROM booking WHERE start < ?2 AND "end" > ?1
                 ORDER BY start DESC, id DESC LIMIT ?3"#;
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([during.from.micros(), during.to.micros(), limit(during)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        found.push(Booking {
            start: Timestamp::from_micros(row.get(0)?),
            end: Timestamp::from_micros(row.get(1)?),
            ..parsed("a reservation", body)?
        });
    }
    found.reverse();
    Ok(found)
}

/// Reads what was changed in the books within a time.
pub(super) fn deeds(connection: &Connection, during: &During) -> Result<Vec<Deed>, Unread> {
    let sql = "SELECT at, actor, action, place FROM deed WHERE at >= ?1 AND at < ?2
               ORDER BY at DESC, id DESC LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([during.from.micros(), during.to.micros(), limit(during)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |column| -> rusqlite::Result<Text> { Ok(Text::from(row.get_ref(column)?.as_str()?)) };
        let at = Timestamp::from_micros(row.get(0)?);
        found.push(Deed { at, actor: text(1)?, action: text(2)?, place: text(3)? });
    }
    found.reverse();
    Ok(found)
}

/// Reads how long CPUs were waited for, CPU seconds by the seconds at which hours began.
pub(super) fn waited(connection: &Connection, during: &During) -> Result<Vec<(i64, i64)>, Unread> {
    let sql = "SELECT start * 60, cpu FROM waited WHERE start >= ?1 AND start < ?2 ORDER BY start";
    let mut statement = connection.prepare_cached(sql)?;
    let minutes = |at: Timestamp| super::tally::minutes(at.seconds());
    let range = [minutes(during.from), minutes(during.to)];
    let rows = statement.query_map(range, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
