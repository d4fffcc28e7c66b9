//! Lets go of scripts, environments and what else is stored once for many attempts, when the last of these has gone. No
//! index says who refers to what, since ten million attempts would each pay for it: contents that may be loose are looked
//! for along all attempts, some rows at a time.

use crate::database::Unread;
use rusqlite::{Connection, Transaction, params};
use std::collections::HashSet;

/// Rows of attempts looked through at once: some milliseconds.
const ROWS_AT_ONCE: i64 = 8_192;
/// Contents that are looked for on one walk along the attempts.
const SOUGHT_AT_ONCE: i64 = 200_000;
/// Contents that go at once.
const GONE_AT_ONCE: usize = 256;

/// A walk along the attempts. What it knows is worth nothing after a transaction that failed.
#[derive(Default)]
pub(super) struct Sweep {
    /// Contents that nothing was seen to refer to.
    unseen: HashSet<i64>,
    /// The last row looked at.
    upto: i64,
    /// How often attempts had gone when it began: when more go, rows that were looked at may be given to others.
    of: i64,
}

/// What a step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swept {
    /// Nothing is loose.
    Nothing,
    /// Some rows were looked at, and so many contents have gone.
    Some(u64),
}

impl Sweep {
    /// Looks at the next rows, or lets contents go.
    pub(super) fn next(&mut self, history: &Transaction<'_>) -> Result<Swept, Unread> {
        let gone: i64 =
            history.prepare_cached("SELECT attempts FROM left_behind")?.query_row([], |row| row.get(0))?;
        if self.unseen.is_empty() || self.of != gone {
            *self = Sweep { unseen: sought(history)?, upto: 0, of: gone };
            if self.unseen.is_empty() {
                return Ok(Swept::Nothing);
            }
        }
        if self.look(history)? < ROWS_AT_ONCE {
            self.let_go(history).map(Swept::Some)
        } else {
            Ok(Swept::Some(0))
        }
    }

    /// Looks at rows behind those that were looked at; returns how many. What they refer to is loose no more.
    fn look(&mut self, history: &Transaction<'_>) -> Result<i64, Unread> {
        let sql = "SELECT id, spec, boot, script, environment, arguments FROM past WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut statement = history.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.upto, ROWS_AT_ONCE])?;
        let mut held = history.prepare_cached("DELETE FROM loose WHERE id = ?1")?;
        let mut looked = 0;
        while let Some(row) = rows.next()? {
            self.upto = row.get(0)?;
            for column in 1..=5 {
                if let Some(content) = row.get::<_, Option<i64>>(column)?
                    && self.unseen.remove(&content)
                {
                    held.execute([content])?;
                }
            }
            looked += 1;
        }
        Ok(looked)
    }

    /// Lets some of those go to which no attempt refers.
    fn let_go(&mut self, history: &Transaction<'_>) -> Result<u64, Unread> {
        let some: Vec<i64> = self.unseen.iter().take(GONE_AT_ONCE).copied().collect();
        let mut content = history.prepare_cached("DELETE FROM content WHERE id = ?1")?;
        let mut loose = history.prepare_cached("DELETE FROM loose WHERE id = ?1")?;
        let mut gone = 0;
        for id in &some {
            gone += content.execute([id])? as u64;
            loose.execute([id])?;
            self.unseen.remove(id);
        }
        history.execute("UPDATE left_behind SET contents = contents + 1", [])?;
        Ok(gone)
    }
}

/// Notes that rows of attempts go: nothing may refer any more to what they do.
pub(super) fn loosen(history: &Transaction<'_>, first: i64, last: i64) -> rusqlite::Result<()> {
    for column in ["spec", "boot", "script", "environment", "arguments"] {
        let sql = format!(
            "INSERT OR IGNORE INTO loose SELECT {column} FROM past WHERE id BETWEEN ?1 AND ?2 AND {column} > 0"
        );
        history.prepare_cached(&sql)?.execute([first, last])?;
    }
    history.execute("UPDATE left_behind SET attempts = attempts + 1", [])?;
    Ok(())
}

/// Returns how often contents have gone: rows of contents that were known before are not to be relied on.
pub(in crate::history) fn times(history: &Connection) -> rusqlite::Result<i64> {
    history.prepare_cached("SELECT contents FROM left_behind")?.query_row([], |row| row.get(0))
}

/// Returns contents that may be loose. The last one stays: the next would be given its number, which others remember.
fn sought(history: &Transaction<'_>) -> rusqlite::Result<HashSet<i64>> {
    let sql = "SELECT id FROM loose WHERE id < (SELECT max(id) FROM content) ORDER BY id LIMIT ?1";
    let mut statement = history.prepare_cached(sql)?;
    let rows = statement.query_map([SOUGHT_AT_ONCE], |row| row.get(0))?;
    rows.collect()
}
