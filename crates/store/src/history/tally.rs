//! What a transaction adds to the sums of usage. Attempts are gathered first: many of them fall into the same hours, and
//! each sum is written once.

use super::shared::Seen;
use crate::row::{BadRow, also};
use domain::history::{Almanac, Amendment, Amounts, Charge, Span, Sums, pieces};
use domain::job::Job;
use domain::ports::Calendar;
use domain::{Text, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// By whom sums are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// By all that a charge says.
    Charge,
    /// By account alone.
    Account,
    /// Of everybody.
    Everybody,
}

/// Returns the number of a kind of sums.
pub(super) fn kind(whose: Whose, span: Span) -> u8 {
    let span = match span {
        Span::Hour => 0,
        Span::Day => 1,
        Span::Month => 2,
    };
    span + match whose {
        Whose::Charge => 0,
        Whose::Account => 3,
        Whose::Everybody => 6,
    }
}

/// Writes seconds as minutes: shorter, and every hour of every place begins with one.
pub(super) fn minutes(seconds: i64) -> i64 {
    seconds.div_euclid(60)
}

/// How an attempt is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With the time it waited.
    First,
    /// Taken back, but for the time it waited.
    Back,
    /// After it was taken back, so that the time it waited is counted already.
    Again,
}

/// What is to be added.
pub(super) struct Tally {
    calendar: Arc<dyn Calendar>,
    almanac: Almanac,
    /// By hour, seconds since 1970, charge and account.
    sums: BTreeMap<(i64, i64, i64), Sums>,
    /// CPU seconds by hour.
    waited: BTreeMap<i64, i64>,
}

impl Tally {
    /// Begins with nothing.
    pub(super) fn of(calendar: Arc<dyn Calendar>) -> Self {
        let almanac = Almanac::of(Arc::clone(&calendar));
        Tally { calendar, almanac, sums: BTreeMap::new(), waited: BTreeMap::new() }
    }

    /// Begins anew, as after a transaction that failed.
    pub(super) fn forget(&mut self) {
        *self = Tally::of(Arc::clone(&self.calendar));
    }

    /// Counts what an attempt has used, with what somebody corrected of it.
    pub(super) fn count(
        &mut self,
        history: &Transaction<'_>,
        seen: &mut Seen,
        (job, also): (&Job, &[(Text, u64)]),
        amendment: Option<&Amendment>,
        way: Way,
    ) -> rusqlite::Result<()> {
        let mut held = Amounts::of_job(job, also);
        if let Some(allocated) = amendment.and_then(|amendment| amendment.allocated.as_ref()) {
            held = held.corrected(allocated);
        }
        let pieces = pieces(job, &held, Timestamp::EPOCH, &mut self.almanac);
        let charge = Charge::of(job);
        let account = Charge { account: charge.account.clone(), ..Charge::default() };
        let mut ids = None;
        for mut piece in pieces {
            match way {
                Way::First => {}
                Way::Back => (piece.sums, piece.waited) = (piece.sums.negated(), 0),
                Way::Again => piece.waited = 0,
            }
            if piece.waited != 0 {
                *self.waited.entry(piece.hour).or_default() += piece.waited;
            }
            if piece.sums.is_nothing() {
                continue;
            }
            let (charge, account) = match ids {
                Some(ids) => ids,
                None => *ids.insert((seen.charge(history, &charge)?, seen.charge(history, &account)?)),
            };
            self.sums.entry((piece.hour, charge, account)).or_default().add(&piece.sums);
        }
        Ok(())
    }

    /// Writes down what was gathered, and begins anew.
    pub(super) fn write(&mut self, history: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut all: BTreeMap<(u8, i64, i64), Sums> = BTreeMap::new();
        for ((hour, charge, account), sums) in std::mem::take(&mut self.sums) {
            let day = self.almanac.day(hour);
            for (span, start) in [(Span::Hour, hour), (Span::Day, day.start), (Span::Month, day.month)] {
                let start = minutes(start);
                for (whose, id) in [(Whose::Charge, charge), (Whose::Account, account), (Whose::Everybody, 0)]
                {
                    all.entry((kind(whose, span), start, id)).or_default().add(&sums);
                }
            }
        }
        for ((kind, start, id), sums) in all {
            put(history, (kind, start, id), &sums)?;
        }
        let sql = "INSERT INTO waited (start, cpu) VALUES (?1, ?2)
                   ON CONFLICT (start) DO UPDATE SET cpu = cpu + excluded.cpu";
        for (hour, seconds) in std::mem::take(&mut self.waited) {
            history.prepare_cached(sql)?.execute([minutes(hour), seconds])?;
        }
        Ok(())
    }
}

fn put(history: &Transaction<'_>, (kind, start, id): (u8, i64, i64), sums: &Sums) -> rusqlite::Result<()> {
    let mut others = sums.others.clone();
    if !others.is_empty() {
        let sql = "SELECT others FROM usage WHERE kind = ?1 AND start = ?2 AND charge = ?3";
        let mut statement = history.prepare_cached(sql)?;
        let before: Option<Option<Vec<u8>>> =
            statement.query_row(params![kind, start, id], |row| row.get(0)).optional()?;
        let mut sum = Sums { others: read_others(before.flatten().as_deref())?, ..Sums::default() };
        sum.add(&Sums { others, ..Sums::default() });
        others = sum.others;
        others.retain(|(_, amount)| *amount != 0);
    }
    let others = also::to_blob(&others);
    let sql = "INSERT INTO usage (kind, start, charge, cpu, memory, node, extra, others)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (kind, start, charge) DO UPDATE SET cpu = cpu + excluded.cpu,
                   memory = memory + excluded.memory, node = node + excluded.node, extra = extra + excluded.extra,
                   others = CASE WHEN ?9 THEN excluded.others ELSE others END";
    history.prepare_cached(sql)?.execute(params![
        kind,
        start,
        id,
        sums.cpu,
        sums.memory,
        sums.node,
        sums.billing.saturating_sub(sums.cpu),
        others,
        !sums.others.is_empty(),
    ])?;
    Ok(())
}

/// Reads the rest of a sum.
pub(super) fn read_others(blob: Option<&[u8]>) -> rusqlite::Result<Vec<(Text, i64)>> {
    let broken = |error: BadRow| {
        rusqlite::Error::FromSqlConversionFailure(7, rusqlite::types::Type::Blob, Box::new(error))
    };
    also::from_blob(blob).map_err(broken)
}
