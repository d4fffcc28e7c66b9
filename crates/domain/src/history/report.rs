//! Which sums of usage are asked for, and how lines of them are put together.

use super::almanac::{Almanac, Span};
use super::usage::{Charge, Sums};
use crate::{Text, Timestamp};
use std::collections::BTreeMap;

/// Which sums are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageWanted {
    /// From when on; the hour in which this lies counts.
    pub from: Timestamp,
    /// Until when; the hour in which the moment before lies counts.
    pub to: Timestamp,
    /// A line for each of these; `None` for one over the whole time.
    pub every: Option<Span>,
    /// A line for each of what these fields say.
    pub by: Grouping,
    /// Of these accounts alone.
    pub accounts: Vec<Text>,
    /// Of these users alone.
    pub users: Vec<Text>,
    /// Of these partitions alone.
    pub partitions: Vec<Text>,
    /// Of these qualities of service alone.
    pub qos: Vec<Text>,
    /// Of these workload keys alone.
    pub wckeys: Vec<Text>,
    /// Of these reservations alone.
    pub reservations: Vec<Text>,
}

/// Which fields of a [`Charge`] make a line of their own; the others are empty in lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// The account.
    pub account: bool,
    /// The user.
    pub user: bool,
    /// The partition.
    pub partition: bool,
    /// The quality of service.
    pub qos: bool,
    /// The workload key.
    pub wckey: bool,
    /// The reservation.
    pub reservation: bool,
}

/// What was used by somebody within a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLine {
    /// Where the time begins.
    pub start: Timestamp,
    /// Where it ends.
    pub end: Timestamp,
    /// Who used it; fields that make no line are empty.
    pub charge: Charge,
    /// How much.
    pub sums: Sums,
}

impl UsageWanted {
    /// Tells whether somebody is among those who are asked for.
    pub fn has(&self, charge: &Charge) -> bool {
        let one_of = |wanted: &[Text], name: &Text| wanted.is_empty() || wanted.contains(name);
        one_of(&self.accounts, &charge.account)
            && one_of(&self.users, &charge.user)
            && one_of(&self.partitions, &charge.partition)
            && one_of(&self.qos, &charge.qos)
            && one_of(&self.wckeys, &charge.wckey)
            && one_of(&self.reservations, &charge.reservation)
    }

    /// Tells whether nothing is asked for that sums by account alone do not know.
    pub fn is_by_account(&self) -> bool {
        let accounts = Grouping { account: self.by.account, ..Grouping::default() };
        let others = [&self.users, &self.partitions, &self.qos, &self.wckeys, &self.reservations];
        self.by == accounts && others.iter().all(|wanted| wanted.is_empty())
    }
}

impl Grouping {
    /// Returns the fields of a charge that make a line.
    pub fn of(&self, charge: &Charge) -> Charge {
        let field = |is_wanted: bool, text: &Text| if is_wanted { text.clone() } else { Text::default() };
        Charge {
            account: field(self.account, &charge.account),
            user: field(self.user, &charge.user),
            partition: field(self.partition, &charge.partition),
            qos: field(self.qos, &charge.qos),
            wckey: field(self.wckey, &charge.wckey),
            reservation: field(self.reservation, &charge.reservation),
        }
    }
}

/// Lines as they are put together.
#[derive(Debug, Default)]
pub struct Gathered {
    lines: BTreeMap<(i64, Charge), (i64, Sums)>,
}

impl Gathered {
    /// Adds what was used by somebody within a time; seconds since 1970.
    pub fn add(&mut self, (start, end): (i64, i64), charge: Charge, sums: &Sums) {
        let (_, sum) = self.lines.entry((start, charge)).or_insert_with(|| (end, Sums::default()));
        sum.add(sums);
    }

    /// Returns the lines by their beginning, then by who it was; those with nothing on them are left out.
    pub fn lines(self) -> Vec<UsageLine> {
        let line = |((start, charge), (end, sums))| UsageLine {
            start: Timestamp::from_seconds(start),
            end: Timestamp::from_seconds(end),
            charge,
            sums,
        };
        self.lines.into_iter().map(line).filter(|line| !line.sums.is_nothing()).collect()
    }
}

impl UsageWanted {
    /// Returns the time that is asked for in whole hours, seconds since 1970; the second is not part of it.
    pub fn hours(&self, almanac: &mut Almanac) -> (i64, i64) {
        let stretches = almanac.cover(self.from.seconds(), self.to.seconds(), Span::Hour);
        stretches.first().map_or((0, 0), |stretch| (stretch.from, stretch.to))
    }

    /// Returns the time of the line that an hour belongs to; `hours` are those of [`UsageWanted::hours`].
    pub fn line_of(&self, hour: i64, hours: (i64, i64), almanac: &mut Almanac) -> (i64, i64) {
        match self.every {
            None => hours,
            Some(span) => almanac.bounds(span, hour),
        }
    }
}
