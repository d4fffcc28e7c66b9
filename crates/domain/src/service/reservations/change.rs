//! Changing a reservation.

use super::make::{check_flags, check_texts, own_flags, span_end};
use super::{NewReservation, Sign, signed};
use crate::reservation::{
    Names, Reservation, ReservationFlags, ReservationWish, ReservedNode, Span, following,
};
use crate::service::ledger::Ledger;
use crate::{Error, Problem, Text, Timestamp};
use std::sync::Arc;
use std::time::Duration;

impl Ledger<'_> {
    /// Changes what a wish names of a reservation; nothing, if one thing cannot be.
    pub(in crate::service) fn change_reservation(&mut self, wanted: NewReservation) -> Result<(), Error> {
        let NewReservation { by, wish, .. } = &wanted;
        if !by.is_operator() {
            return Err(Problem::ReservationsForbidden.into());
        }
        let found = self.state().reservation(&wish.name).cloned();
        let before: Arc<Reservation> = found.ok_or_else(|| Problem::UnknownReservation(wish.name.clone()))?;
        check_texts(wish)?;
        let mut changed = (*before).clone();
        if wish.flags.skip {
            self.skip(&mut changed)?;
        }
        self.change_flags(&mut changed, wish)?;
        if !wish.partition.is_empty() {
            changed.partition = self.named_partition(&wish.partition)?;
        }
        self.change_access(&mut changed, &wanted)?;
        if !wish.licenses.is_empty() {
            changed.licenses = self.known_licenses(&wish.licenses)?;
        }
        self.change_window(&mut changed, wish)?;
        if !wish.features.is_empty() && wish.features != changed.features {
            // Its nodes were chosen by them.
            return Err(Problem::Unsupported(Text::const_new("other features of a reservation")).into());
        }
        changed.max_start_delay = wish.max_start_delay.unwrap_or(changed.max_start_delay);
        changed.purge_after = wish.purge_after.unwrap_or(changed.purge_after);
        changed.comment = wish.comment.clone().unwrap_or(changed.comment);
        changed.burst_buffer = wish.burst_buffer.clone().unwrap_or(changed.burst_buffer);
        self.check_licenses(&changed)?;
        self.change_nodes(&mut changed, wish)?;
        if changed.window(self.now) != before.window(self.now) || changed.nodes != before.nodes {
            self.check_overlap(&changed)?;
            self.check_running(&changed)?;
        }
        self.keep_reservation(changed);
        Ok(())
    }

    /// Leaves out the present or next turn.
    fn skip(&self, changed: &mut Reservation) -> Result<(), Problem> {
        let next = following(changed.flags, changed.start, self.calendar());
        let Some(next) = next else { return Err(Problem::NotSkippable(changed.name.clone())) };
        if changed.is_open(self.now) && self.has_jobs(&changed.name) {
            return Err(Problem::ReservationInUse(changed.name.clone()));
        }
        move_to(changed, next);
        Ok(())
    }

    fn change_flags(&self, changed: &mut Reservation, wish: &ReservationWish) -> Result<(), Problem> {
        let wished = wish.flags;
        let before = changed.flags;
        let (on, off) = (own_flags(wished.on), wished.off);
        if on.has(ReservationFlags::TIME_FLOAT) && !before.has(ReservationFlags::TIME_FLOAT) {
            return Err(Problem::BadReservationTime);
        }
        let is_all_of_partition = changed.nodes.len() == self.nodes_of_partition(&changed.partition);
        if on.has(ReservationFlags::PART_NODES)
            && (changed.partition.is_empty() || !is_all_of_partition && !wish.names_all_nodes())
        {
            return Err(Problem::UnknownNode(Text::const_new("ALL")));
        }
        let replacing = ReservationFlags::REPLACE.with(ReservationFlags::REPLACE_DOWN);
        if on.0 & replacing.0 != 0 && before.has(ReservationFlags::SPEC_NODES) {
            return Err(Problem::Unsupported(Text::const_new("the replacement of named nodes")));
        }
        check_flags(wished, before)?;
        changed.flags = before.without(off).with(on);
        Ok(())
    }

    fn nodes_of_partition(&self, name: &str) -> usize {
        self.cluster().partition(name).map_or(0, |partition| partition.nodes.len())
    }

    fn change_access(&self, changed: &mut Reservation, wanted: &NewReservation) -> Result<(), Problem> {
        let wish = &wanted.wish;
        if let Some(stranger) = wanted.strangers.first() {
            return Err(Problem::UnknownUser(stranger.clone()));
        }
        change_names(&mut changed.access.users, &wish.users).map_err(Problem::UnknownUser)?;
        change_names(&mut changed.access.accounts, &wish.accounts).map_err(Problem::BadAccount)?;
        self.check_accounts(&changed.access.accounts.names)?;
        if !wish.groups.is_empty() {
            let mut groups = Names { names: changed.access.groups.clone(), excluded: false };
            change_names(&mut groups, &wish.groups).map_err(Problem::UnknownGroup)?;
            changed.access.members = self.members(changed, &groups.names, wanted)?;
            changed.access.groups = groups.names;
        }
        match (&changed.access.users, &changed.access.groups) {
            (users, groups) if !users.is_empty() && !groups.is_empty() => Err(Problem::ReservationForBoth),
            _ if changed.access.is_empty() => Err(Problem::ReservationForNobody),
            _ => Ok(()),
        }
    }

    /// Returns who belongs to the groups: as looked up now, and as known for those that are not named again.
    fn members(
        &self,
        changed: &Reservation,
        groups: &[Text],
        wanted: &NewReservation,
    ) -> Result<Vec<Text>, Problem> {
        let mut members = Vec::new();
        for group in groups {
            match wanted.groups.iter().find(|(name, _)| name == group) {
                Some((_, Some(found))) => members.extend(found.iter().cloned()),
                Some((name, None)) => return Err(Problem::UnknownGroup(name.clone())),
                None => members.extend(changed.access.members.iter().cloned()),
            }
        }
        members.sort_unstable();
        members.dedup();
        Ok(members)
    }

    fn change_window(&self, changed: &mut Reservation, wish: &ReservationWish) -> Result<(), Problem> {
        if let Some(start) = wish.start {
            if changed.float.is_some() || changed.start <= self.now && start != changed.start {
                return Err(Problem::ReservationBegun(changed.name.clone()));
            }
            if start < self.now.before(Duration::from_secs(600)) {
                return Err(Problem::BadReservationTime);
            }
            if wish.end.is_none() && wish.duration.is_none() && start >= changed.end {
                return Err(Problem::BadReservationTime);
            }
            changed.start = start;
        }
        if let Some(end) = wish.end {
            if end < self.now {
                return Err(Problem::BadReservationTime);
            }
            changed.end = end;
        }
        if let Some(span) = wish.duration {
            changed.end = new_end(changed, wish, span);
        }
        if changed.start >= changed.end || changed.end <= self.now {
            return Err(Problem::BadReservationTime);
        }
        Ok(())
    }

    fn change_nodes(&self, changed: &mut Reservation, wish: &ReservationWish) -> Result<(), Problem> {
        let given = |count: Option<u32>| count.filter(|count| *count > 0);
        if given(wish.core_count).is_some() || !wish.tres.is_empty() {
            return Err(Problem::ReservationOfCores);
        }
        let wants_nodes = !wish.node_list.is_empty() || given(wish.node_count).is_some();
        if wants_nodes && !changed.is_of_whole_nodes() {
            return Err(Problem::ReservationOfCores);
        }
        if !wish.node_list.is_empty() {
            self.list_nodes(changed, wish)?;
        }
        let have = u32::try_from(changed.nodes.len()).unwrap_or(u32::MAX);
        match given(wish.node_count) {
            Some(count) if count < have => changed.nodes.truncate(count as usize),
            Some(count) if count > have => self.add_nodes(changed, count - have)?,
            _ => {}
        }
        changed.wanted_nodes = u32::try_from(changed.nodes.len()).unwrap_or(u32::MAX);
        Ok(())
    }

    fn list_nodes(&self, changed: &mut Reservation, wish: &ReservationWish) -> Result<(), Problem> {
        let replacing = ReservationFlags::REPLACE.with(ReservationFlags::REPLACE_DOWN);
        if changed.flags.0 & replacing.0 != 0 {
            return Err(Problem::Unsupported(Text::const_new("named nodes that are replaced")));
        }
        let unknown = || Problem::UnknownReservation(changed.name.clone());
        let mut nodes = Vec::new();
        if wish.names_all_nodes() {
            nodes = match self.cluster().partition(&changed.partition) {
                Some(partition) if changed.flags.has(ReservationFlags::PART_NODES) => partition.nodes.clone(),
                _ => self.cluster().present_places().collect(),
            };
        } else {
            if wish.node_list.iter().any(|written| signed(written).0 != Sign::Plain) {
                nodes = changed.nodes.iter().map(|reserved| reserved.node).collect();
            }
            for written in &wish.node_list {
                let (sign, name) = signed(written);
                let index = self.known_node(&Text::from(name)).map_err(|_| unknown())?;
                nodes.retain(|other| *other != index);
                if sign != Sign::Minus {
                    nodes.push(index);
                }
            }
        }
        nodes.sort_unstable();
        if nodes.is_empty() {
            return Err(unknown());
        }
        changed.nodes = nodes.into_iter().map(ReservedNode::whole).collect();
        changed.flags = changed.flags.with(ReservationFlags::SPEC_NODES);
        Ok(())
    }

    fn add_nodes(&self, changed: &mut Reservation, more: u32) -> Result<(), Problem> {
        if changed.partition.is_empty() {
            let default = self.cluster().default_partition();
            changed.partition = default.map(|partition| partition.name.clone()).unwrap_or_default();
        }
        // Those it has stay; what it lacks is taken of the others.
        let is_other = |node| changed.of_node(node).is_none();
        let others: Vec<_> = self.free_nodes(changed, is_other).take(more as usize).collect();
        if others.len() < more as usize {
            return Err(Problem::NodesBusy);
        }
        changed.nodes.extend(others.into_iter().map(ReservedNode::whole));
        changed.nodes.sort_by_key(|reserved| reserved.node);
        Ok(())
    }
}

/// Moves a reservation to a turn that begins then.
pub(super) fn move_to(reservation: &mut Reservation, start: Timestamp) {
    if reservation.end != Timestamp::NEVER {
        reservation.end = start.after(reservation.length());
    }
    reservation.start = start;
    reservation.idle_since = None;
}

fn new_end(changed: &Reservation, wish: &ReservationWish, span: Span) -> Timestamp {
    match span {
        Span::Minutes(minutes) if wish.flags.longer && changed.end != Timestamp::NEVER => {
            changed.end.after(Duration::from_secs(u64::from(minutes) * 60))
        }
        Span::Minutes(minutes) if wish.flags.shorter && changed.end != Timestamp::NEVER => {
            changed.end.before(Duration::from_secs(u64::from(minutes) * 60))
        }
        span => span_end(changed.start, span),
    }
}

/// Takes names in: in the place of those before, or with signs, one by one.
fn change_names(names: &mut Names, written: &[Text]) -> Result<(), Text> {
    if written.is_empty() {
        return Ok(());
    }
    let written: Vec<&Text> = written.iter().filter(|name| !name.is_empty()).collect();
    let plain = written.iter().filter(|name| signed(name).0 == Sign::Plain).count();
    if plain == written.len() {
        // Nothing but an empty name takes all away.
        *names = Names { names: written.into_iter().cloned().collect(), excluded: false };
        return Ok(());
    }
    if plain > 0 {
        return Err(written.first().map(|name| (*name).clone()).unwrap_or_default());
    }
    for written in written {
        let (sign, name) = signed(written);
        // Of a list of those who are left out, a minus adds.
        let adds = (sign == Sign::Plus) != names.excluded;
        let has = names.names.iter().any(|known| known == name);
        match (adds, has) {
            (true, false) => names.names.push(Text::from(name)),
            (false, true) => names.names.retain(|known| known != name),
            (true, true) => {}
            (false, false) => return Err(written.clone()),
        }
    }
    names.excluded &= !names.names.is_empty();
    Ok(())
}
