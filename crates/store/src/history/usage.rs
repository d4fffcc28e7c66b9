//! Reads sums of usage: months where a range has whole ones, then days, and hours at its ends.

use super::tally::{Whose, kind, minutes, read_others};
use crate::database::Unread;
use domain::Text;
use domain::history::{Almanac, Charge, Gathered, Span, Stretch, Sums, UsageWanted};
use rusqlite::Connection;
use std::collections::HashMap;

/// Sums up.
pub(super) fn usage(
    connection: &Connection,
    wanted: &UsageWanted,
    almanac: &mut Almanac,
) -> Result<Gathered, Unread> {
    let longest = wanted.every.unwrap_or(Span::Month);
    let hours = wanted.hours(almanac);
    let whose = whose(wanted);
    let mut adding =
        Adding { connection, wanted, charges: HashMap::new(), found: HashMap::new(), hours, whose };
    for stretch in almanac.cover(wanted.from.seconds(), wanted.to.seconds(), longest) {
        adding.stretch(stretch, almanac)?;
    }
    adding.gathered()
}

/// Whose sums tell what is wanted in the fewest rows.
fn whose(wanted: &UsageWanted) -> Whose {
    match (wanted.is_by_account(), wanted.by.account || !wanted.accounts.is_empty()) {
        (true, false) => Whose::Everybody,
        (true, true) => Whose::Account,
        (false, _) => Whose::Charge,
    }
}

struct Adding<'a> {
    connection: &'a Connection,
    wanted: &'a UsageWanted,
    /// Who is meant by a number; `None` for those who are not wanted.
    charges: HashMap<i64, Option<Charge>>,
    found: HashMap<((i64, i64), i64), Sums>,
    hours: (i64, i64),
    whose: Whose,
}

impl Adding<'_> {
    fn stretch(&mut self, stretch: Stretch, almanac: &mut Almanac) -> Result<(), Unread> {
        let sql = "SELECT start, charge, cpu, memory, node, extra, others FROM usage
                   WHERE kind = ?1 AND start >= ?2 AND start < ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let kind = i64::from(kind(self.whose, stretch.span));
        let mut rows = statement.query([kind, minutes(stretch.from), minutes(stretch.to)])?;
        let mut line = ((i64::MIN, i64::MIN), i64::MIN);
        while let Some(row) = rows.next()? {
            let (start, charge): (i64, i64) = (row.get(0)?, row.get(1)?);
            if !self.is_wanted(charge)? {
                continue;
            }
            if line.1 != start {
                line = (self.wanted.line_of(start * 60, self.hours, almanac), start);
            }
            let sums = self.found.entry((line.0, charge)).or_default();
            let cpu: i64 = row.get(2)?;
            sums.cpu = sums.cpu.saturating_add(cpu);
            sums.memory = sums.memory.saturating_add(row.get(3)?);
            sums.node = sums.node.saturating_add(row.get(4)?);
            sums.billing = sums.billing.saturating_add(cpu.saturating_add(row.get(5)?));
            let others = row.get_ref(6)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            if others.is_some() {
                sums.add(&Sums { others: read_others(others)?, ..Sums::default() });
            }
        }
        Ok(())
    }

    fn is_wanted(&mut self, id: i64) -> Result<bool, Unread> {
        if let Some(known) = self.charges.get(&id) {
            return Ok(known.is_some());
        }
        let charge = match id {
            0 => Charge::default(),
            id => read_charge(self.connection, id)?,
        };
        let charge = Some(charge).filter(|charge| self.wanted.has(charge));
        let is_wanted = charge.is_some();
        self.charges.insert(id, charge);
        Ok(is_wanted)
    }

    fn gathered(self) -> Result<Gathered, Unread> {
        let mut gathered = Gathered::default();
        for ((line, id), sums) in &self.found {
            if let Some(Some(charge)) = self.charges.get(id) {
                gathered.add(*line, self.wanted.by.of(charge), sums);
            }
        }
        Ok(gathered)
    }
}

pub(super) fn read_charge(connection: &Connection, id: i64) -> Result<Charge, Unread> {
    let sql = "SELECT account, user, partition, qos, wckey, reservation FROM charge WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let charge = statement.query_row([id], |row| {
        let text =
            |column: usize| -> rusqlite::Result<Text> { Ok(Text::from(row.get_ref(column)?.as_str()?)) };
        Ok(Charge {
            account: text(0)?,
            user: text(1)?,
            partition: text(2)?,
            qos: text(3)?,
            wckey: text(4)?,
            reservation: text(5)?,
        })
    });
    Ok(charge?)
}
