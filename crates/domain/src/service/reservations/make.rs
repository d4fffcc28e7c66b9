//! Making a reservation.

use super::{MOST_NAME, MOST_TEXT, NewReservation, Sign, signed};
use crate::reservation::{Access, Names, Reservation, ReservationFlags, ReservationWish, Span, WishedFlags};
use crate::service::ledger::Ledger;
use crate::{Error, Problem, Text, Timestamp};
use std::time::Duration;

/// A start that lies further back than this is a mistake.
const MOST_BEHIND: Duration = Duration::from_secs(600);
/// So is one that lies further ahead than this.
const MOST_AHEAD: Duration = Duration::from_secs(100 * 366 * 24 * 3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long a reservation may be without jobs if nothing is said, seconds.
const PURGE_AFTER: u32 = 300;

impl Ledger<'_> {
    /// Makes a reservation; returns its name.
    pub(in crate::service) fn reserve(&mut self, wanted: NewReservation) -> Result<Text, Error> {
        let NewReservation { by, wish, .. } = &wanted;
        if !by.is_operator() {
            return Err(Problem::ReservationsForbidden.into());
        }
        check_texts(wish)?;
        let (start, end) = self.new_window(wish)?;
        check_flags(wish.flags, ReservationFlags::default())?;
        if !wish.partition.is_empty() && self.cluster().partition(&wish.partition).is_none() {
            return Err(Problem::UnknownPartition(wish.partition.clone()).into());
        }
        let mut made = Reservation {
            start,
            end,
            float: wish.flags.on.has(ReservationFlags::TIME_FLOAT).then(|| start.since(self.now)),
            flags: own_flags(wish.flags.on),
            access: self.new_access(&wanted)?,
            features: wish.features.clone(),
            max_start_delay: wish.max_start_delay.unwrap_or(0),
            purge_after: wish.purge_after.unwrap_or(PURGE_AFTER),
            comment: wish.comment.clone().unwrap_or_default(),
            burst_buffer: wish.burst_buffer.clone().unwrap_or_default(),
            ..Reservation::default()
        };
        made.licenses = self.known_licenses(&wish.licenses)?;
        self.check_licenses(&made)?;
        self.place_new(&mut made, wish)?;
        made.number = self.take_reservation_number();
        made.name = self.new_name(wish, made.number)?;
        let name = made.name.clone();
        tracing::info!(reservation.name = %name, principal.name = %by.name, "reservation made");
        self.keep_reservation(made);
        Ok(name)
    }

    fn new_window(&self, wish: &ReservationWish) -> Result<(Timestamp, Timestamp), Problem> {
        let start = wish.start.ok_or(Problem::BadReservationTime)?;
        let end = match (wish.end, wish.duration) {
            (Some(end), _) => end,
            (None, span) => span_end(start, span.unwrap_or(Span::Minutes(0))),
        };
        let mut window = (start, end);
        if wish.flags.force_start {
            // What comes back may have begun at any time; what counts is its next turn.
            let mut turns = Reservation { start, end, flags: wish.flags.on, ..Reservation::default() };
            super::turns::catch_up(&mut turns, self.now, self.calendar());
            window = (turns.start, turns.end);
        }
        let is_behind = window.0 < self.now.before(MOST_BEHIND);
        if is_behind || window.0 > self.now.after(MOST_AHEAD) || window.1 <= window.0 || window.1 <= self.now
        {
            return Err(Problem::BadReservationTime);
        }
        Ok(window)
    }

    fn new_access(&self, wanted: &NewReservation) -> Result<Access, Problem> {
        let mut access = Access {
            users: new_names(&wanted.wish.users).map_err(Problem::UnknownUser)?,
            accounts: new_names(&wanted.wish.accounts).map_err(Problem::BadAccount)?,
            ..Access::default()
        };
        if let Some(stranger) = wanted.strangers.first() {
            return Err(Problem::UnknownUser(stranger.clone()));
        }
        self.check_accounts(&access.accounts.names)?;
        if let Some(written) = wanted.wish.groups.iter().find(|written| signed(written).0 != Sign::Plain) {
            return Err(Problem::UnknownGroup(written.clone()));
        }
        for (name, members) in &wanted.groups {
            let members = members.as_ref().ok_or_else(|| Problem::UnknownGroup(name.clone()))?;
            access.groups.push(name.clone());
            access.members.extend(members.iter().cloned());
        }
        Ok(access)
    }

    /// Checks that there are these accounts, if any are known at all.
    pub(super) fn check_accounts(&self, names: &[Text]) -> Result<(), Problem> {
        let books = &self.cluster().books;
        let is_known = |name: &&Text| !books.has_accounts() || books.account(name).is_some();
        match names.iter().find(|name| !is_known(name)) {
            Some(unknown) => Err(Problem::BadAccount(unknown.clone())),
            None => Ok(()),
        }
    }

    /// Makes up a name of the first who may use it, if none was given.
    fn new_name(&self, wish: &ReservationWish, number: u32) -> Result<Text, Problem> {
        if !wish.name.is_empty() {
            if self.state().reservation(&wish.name).is_some() {
                return Err(Problem::UnknownReservation(wish.name.clone()));
            }
            return Ok(wish.name.clone());
        }
        let all = [&wish.accounts, &wish.users, &wish.groups];
        let first = all.into_iter().find_map(|names| names.iter().find(|name| !name.is_empty()));
        let first = first.map_or("resv", |written| signed(written).1);
        let mut name = Text::from(format!("{first}_{number}"));
        while self.state().reservation(&name).is_some() {
            name.push('_');
        }
        Ok(name)
    }
}

/// Returns when something of a length ends that begins at `start`; no minutes are no end, and no end is a year, as Slurm
/// has it.
pub(super) fn span_end(start: Timestamp, span: Span) -> Timestamp {
    match span {
        Span::Minutes(0) => Timestamp::NEVER,
        Span::Minutes(minutes) => start.after(Duration::from_secs(u64::from(minutes) * 60)),
        Span::Unlimited => start.after(YEAR),
    }
}

/// Reads names that are all meant or all left out; the first that is of the other kind otherwise.
fn new_names(written: &[Text]) -> Result<Names, Text> {
    let mut names = Names::default();
    for (at, written) in written.iter().filter(|written| !written.is_empty()).enumerate() {
        let (sign, name) = signed(written);
        let excluded = sign == Sign::Minus;
        if sign == Sign::Plus || at > 0 && excluded != names.excluded || name.is_empty() {
            return Err(written.clone());
        }
        names.excluded = excluded;
        if !names.names.iter().any(|known| known == name) {
            names.names.push(Text::from(name));
        }
    }
    Ok(names)
}

/// Leaves out the switches that say how nodes were found: those the service sets itself.
pub(super) fn own_flags(wished: ReservationFlags) -> ReservationFlags {
    wished.without(ReservationFlags::SPEC_NODES.with(ReservationFlags::ALL_NODES))
}

/// Checks that switches go together, those there are and those that are put on.
pub(super) fn check_flags(wished: WishedFlags, before: ReservationFlags) -> Result<(), Problem> {
    let flags = before.without(wished.off).with(wished.on);
    let recurring = flags.0 & ReservationFlags::RECURRING.0;
    let replaces = flags.has(ReservationFlags::REPLACE) || flags.has(ReservationFlags::REPLACE_DOWN);
    let is_nonsense = wished.reserved
        || recurring.count_ones() > 1
        || recurring != 0 && flags.has(ReservationFlags::TIME_FLOAT)
        || replaces && flags.has(ReservationFlags::STATIC);
    if is_nonsense { Err(Problem::Unsupported(Text::const_new("this set of flags"))) } else { Ok(()) }
}

pub(super) fn check_texts(wish: &ReservationWish) -> Result<(), Problem> {
    let longest = |text: &Option<Text>| text.as_ref().map_or(0, |text| text.len());
    let lists = [&wish.users, &wish.groups, &wish.accounts, &wish.licenses, &wish.node_list];
    let listed = lists.iter().map(|list| list.iter().map(|name| name.len() + 1).sum::<usize>()).max();
    if wish.name.len() > MOST_NAME {
        return Err(Problem::TooLong(Text::const_new("name")));
    }
    let texts =
        [longest(&wish.comment), longest(&wish.burst_buffer), wish.features.len(), wish.partition.len()];
    match texts.into_iter().chain(listed).any(|length| length > MOST_TEXT) {
        true => Err(Problem::TooLong(Text::const_new("a text of the reservation"))),
        false => Ok(()),
    }
}
