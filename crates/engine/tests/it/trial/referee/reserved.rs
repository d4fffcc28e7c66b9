//! Reservations: whoever starts runs into none that is not theirs and, in one that is, has nothing else; licences are kept;
//! what begins, ends, comes back or is replaced by itself does so when and as it should. Written down anew from what is
//! recorded, without the fences and the choice of nodes of the service.

use super::brief;
use crate::trial::play::Tally;
use crate::trial::reservations::{GROUP, MEMBERS};
use domain::job::{Allocation, Hold, Job, NodeShare, Phase};
use domain::ports::Batch;
use domain::reservation::{Names, Reservation, ReservationFlags, ReservedNode};
use domain::{JobId, Text, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What is known of the reservations.
#[derive(Default)]
pub(super) struct Reserved {
    /// By their numbers.
    known: BTreeMap<u32, Arc<Reservation>>,
    /// When a job had last to do with each, or it opened.
    used: BTreeMap<u32, Timestamp>,
    /// The one that an operator has asked to make, change or delete.
    asked: Option<Text>,
}

const DAY: u64 = 24 * 3600;

impl Reserved {
    /// Takes in that an operator asks to make, change or delete one; or that this is done.
    pub(super) fn asked(&mut self, name: Option<Text>) {
        self.asked = name;
    }

    /// Tells whether it can be told what is free beside them: they stand, what is theirs is nobody else's, and nobody is
    /// drawn in.
    pub(super) fn are_plain(&self) -> bool {
        let moves = [ReservationFlags::FLEX, ReservationFlags::ANY_NODES, ReservationFlags::MAGNETIC];
        let is_plain = |one: &Arc<Reservation>| {
            one.float.is_none() && one.max_start_delay == 0 && !moves.iter().any(|flag| has(one, *flag))
        };
        self.known.values().all(is_plain)
    }

    /// Returns when one begins, ends, or goes because nobody uses it.
    pub(super) fn next_edge(&self, now: Timestamp) -> Option<Timestamp> {
        let edges = self.known.values().flat_map(|one| {
            let stands = one.float.is_none();
            let goes = one.idle_since.filter(|_| has(one, ReservationFlags::PURGE_COMP));
            let goes = goes.map(|since| since.after(Duration::from_secs(one.purge_after.into())));
            [stands.then_some(one.start), stands.then_some(one.end), goes]
        });
        edges.flatten().filter(|at| *at > now && *at != Timestamp::NEVER).min()
    }

    /// Takes in what becomes of reservations. The jobs are those of before.
    pub(super) fn moved(
        &mut self,
        batch: &Batch,
        jobs: &BTreeMap<JobId, Arc<Job>>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut elsewhere = Vec::new();
        for one in &batch.reservations {
            let is_asked = self.asked.as_ref() == Some(&one.name);
            let verdict = match self.known.get(&one.number) {
                None if !is_asked => Err("nobody has asked for it".to_owned()),
                None => check_made(one, None, jobs, now),
                Some(before) if is_asked => check_made(one, Some(before), jobs, now),
                Some(before) => check_turn(before, one, self.has_expired(before, jobs, now), now),
            };
            tally.count(if is_asked { "reservations changed or made" } else { "reservations moved on" });
            verdict.map_err(|objection| format!("{objection}: {one:?}"))?;
            let before = self.known.insert(one.number, Arc::clone(one));
            let is_elsewhere = |before: &Arc<Reservation>| {
                (before.start, before.end, &before.nodes) != (one.start, one.end, &one.nodes)
            };
            if before.as_ref().is_none_or(is_elsewhere) {
                elsewhere.push(one);
            }
            self.used.entry(one.number).or_insert(now);
        }
        for number in &batch.removed_reservations {
            let Some(one) = self.known.remove(number) else {
                return Err("one that is not there goes".into());
            };
            let is_over = one.float.is_none() && one.end <= now;
            if !is_over && self.asked.as_ref() != Some(&one.name) && !self.has_expired(&one, jobs, now) {
                return Err(format!("it goes before its time: {one:?}"));
            }
            self.used.remove(number);
            tally.count("reservations gone");
        }
        // What one leaves another may take at once.
        elsewhere.into_iter().try_for_each(|one| self.check_apart(one, now))
    }

    /// Tells whether one that goes when nobody uses it has been without jobs for long enough.
    fn has_expired(&self, one: &Reservation, jobs: &BTreeMap<JobId, Arc<Job>>, now: Timestamp) -> bool {
        let since = self.used.get(&one.number).copied().unwrap_or(now).max(one.start);
        has(one, ReservationFlags::PURGE_COMP)
            && since.after(Duration::from_secs(one.purge_after.into())) <= now
            && !jobs.values().any(|job| has_to_do(job, &one.name) && !job.is_final())
    }

    /// Checks that a reservation has no whole nodes that another has at the same time, unless one of them may. One that
    /// floats meets others in time, whatever was so when it was made.
    fn check_apart(&self, one: &Reservation, now: Timestamp) -> Result<(), String> {
        let whole = |one: &Reservation| -> BTreeSet<_> {
            one.nodes.iter().filter(|node| node.cpus.is_none()).map(|node| node.node).collect()
        };
        let stands = |one: &Reservation| one.float.is_none() && !overlaps(one);
        for other in self.known.values().filter(|other| other.number != one.number && stands(other)) {
            let (mine, yours) = (window(one, now), window(other, now));
            let meet = mine.0.max(now) < yours.1 && yours.0.max(now) < mine.1;
            if meet && stands(one) && !whole(one).is_disjoint(&whole(other)) {
                return Err(format!("two have the same nodes: {one:?} {other:?}"));
            }
        }
        Ok(())
    }

    /// Checks what the end of reservations means for jobs, which are those of afterwards.
    pub(super) fn check_jobs(
        &mut self,
        batch: &Batch,
        before: &BTreeMap<u32, Arc<Reservation>>,
        jobs: &BTreeMap<JobId, Arc<Job>>,
        (now, overrun): (Timestamp, Duration),
    ) -> Result<(), String> {
        for one in self.known.values() {
            if jobs.values().any(|job| !job.is_final() && has_to_do(job, &one.name)) {
                self.used.insert(one.number, now);
            }
        }
        for (number, old) in before {
            let is_over = match self.known.get(number) {
                None => true,
                Some(new) => new.start > old.start && old.start <= now && old.float.is_none(),
            };
            // Whoever may run on a little has been told until when.
            let runs_on = |job: &&Arc<Job>| match &job.phase {
                Phase::Running(run) if run.allocation.reservation == old.name && run.started < now => {
                    let by = run.until.after(run.overtime);
                    run.preemption.is_none() && (overrun.is_zero() || by > old.end.after(overrun))
                }
                _ => false,
            };
            if is_over
                && overrun != Duration::MAX
                && !has(old, ReservationFlags::FLEX)
                && let Some(job) = jobs.values().find(runs_on)
            {
                return Err(format!("it runs on though {} is over: {}", old.name, brief(job)));
            }
        }
        for number in &batch.removed_reservations {
            let Some(old) = before.get(number) else { continue };
            let is_there = self.known.values().any(|one| one.name == old.name);
            let names = |job: &&Arc<Job>| !job.is_final() && list(job).any(|name| name == old.name);
            if let Some(job) = jobs.values().find(names).filter(|_| !is_there) {
                return Err(format!("it names {}, which is gone: {}", old.name, brief(job)));
            }
        }
        Ok(())
    }

    /// Checks that a job whose only reservation has gone is held, unless that says otherwise.
    pub(super) fn check_left(
        &self,
        gone: &[u32],
        known: &BTreeMap<u32, Arc<Reservation>>,
        before: &Job,
        job: &Job,
    ) -> Result<(), String> {
        let old =
            gone.iter().filter_map(|number| known.get(number)).find(|old| list(before).eq([&*old.name]));
        let (Some(old), Phase::Pending(pending)) = (old, &job.phase) else { return Ok(()) };
        let stays = has(old, ReservationFlags::NO_HOLD_JOBS_AFTER_END);
        match stays || pending.hold != Hold::None {
            true => Ok(()),
            false => Err(format!("{} is gone and it is not held: {}", old.name, brief(job))),
        }
    }

    /// Returns those there are.
    pub(super) fn known(&self) -> BTreeMap<u32, Arc<Reservation>> {
        self.known.clone()
    }

    /// Checks a job that starts; the jobs are those of afterwards.
    pub(super) fn check_start(
        &self,
        job: &Job,
        given: &Allocation,
        now: Timestamp,
        (jobs, licenses): (&BTreeMap<JobId, Arc<Job>>, &BTreeMap<Text, u32>),
        tally: &mut Tally,
    ) -> Result<(), String> {
        if self.known.is_empty() && given.reservation.is_empty() && list(job).next().is_none() {
            return Ok(());
        }
        let own = self.known.values().find(|one| one.name == given.reservation);
        if !given.reservation.is_empty() {
            let own = own.ok_or("its reservation is not there")?;
            check_inside(own, job, given, now)?;
            tally.count("started in a reservation");
        } else if list(job).next().is_some() {
            return Err("it starts outside of the reservations that it names".into());
        }
        let until = job.run().map_or(Timestamp::NEVER, |run| run.until);
        let others = self.known.values().filter(|other| own.is_none_or(|own| own.number != other.number));
        let in_the_way = others.filter(|other| {
            let (start, end) = window(other, now);
            // Who may overlap others does not mind them.
            start < until && now < end && !own.is_some_and(|own| overlaps(own))
        });
        for other in in_the_way {
            tally.count("started beside a reservation");
            let meets = given.nodes.iter().find(|share| meets(other, share));
            if meets.is_some() && is_guest(job, other) {
                tally.count("started as a guest");
            } else if let Some(share) = meets {
                return Err(format!("it runs into {} on n{}: {other:?}", other.name, share.node.0));
            }
            for (name, _) in &given.licenses {
                self.check_licenses(other, name, now, (jobs, licenses))?;
            }
        }
        Ok(())
    }

    /// Checks that what a job gets and one that it is not in keeps are no more than there are when that begins. Whoever
    /// starts with it in one that may overlap others minds none of them, and may have come after it.
    fn check_licenses(
        &self,
        other: &Reservation,
        name: &Text,
        now: Timestamp,
        (jobs, all): (&BTreeMap<JobId, Arc<Job>>, &BTreeMap<Text, u32>),
    ) -> Result<(), String> {
        let Some((_, reserved)) = other.licenses.iter().find(|(known, _)| known == name) else {
            return Ok(());
        };
        let begins = window(other, now).0;
        let minds = |held: &Allocation| {
            let own = self.known.values().find(|own| own.name == held.reservation);
            own.is_none_or(|own| own.number == other.number || !overlaps(own))
        };
        let stays = |job: &&Arc<Job>| match &job.phase {
            Phase::Running(run) => {
                (run.is_suspended() || run.until > begins) && (run.started < now || minds(&run.allocation))
            }
            _ => false,
        };
        let count = |held: &Allocation| -> u32 {
            held.licenses.iter().filter(|(known, _)| known == name).map(|(_, count)| count).sum()
        };
        let holders = jobs.values().filter(stays).filter_map(|job| Some((job.id, job.held_resources()?)));
        let holders: Vec<_> = holders.filter(|(_, held)| count(held) > 0).collect();
        let used: u32 = holders.iter().map(|(_, held)| count(held)).sum();
        let inside = holders.iter().filter(|(_, held)| held.reservation == other.name);
        let kept = reserved.saturating_sub(inside.map(|(_, held)| count(held)).sum());
        let all = all.get(name).copied().unwrap_or(0);
        if used + kept <= all {
            return Ok(());
        }
        let who: Vec<_> = holders.iter().map(|(id, held)| (id.0, &held.reservation)).collect();
        Err(format!("{used} of {all} {name} are in use, and {kept} are kept for {}: {who:?}", other.name))
    }
}

/// Checks that a job may run in a reservation, and has nothing else.
fn check_inside(own: &Reservation, job: &Job, given: &Allocation, now: Timestamp) -> Result<(), String> {
    let owner = &job.spec.owner.name;
    let is_named = list(job).any(|name| name == own.name);
    let is_drawn = has(own, ReservationFlags::MAGNETIC) && list(job).next().is_none();
    let access = &own.access;
    let is_for_somebody =
        !access.users.names.is_empty() || !access.accounts.names.is_empty() || !access.groups.is_empty();
    let is_member = access.groups.is_empty() || access.groups == [GROUP] && MEMBERS.contains(&owner.as_str());
    let (start, end) = window(own, now);
    if !is_named && !is_drawn {
        return Err(format!("it does not name {}", own.name));
    }
    if !is_for_somebody
        || !is_member
        || !is_meant(&access.users, owner)
        || !is_meant(&access.accounts, &job.spec.account)
    {
        return Err(format!("{} is not for it: {access:?}", own.name));
    }
    let is_open = start <= now && now < end;
    if !is_open && (is_drawn || !has(own, ReservationFlags::FLEX)) {
        return Err(format!("{} is not open: {own:?}", own.name));
    }
    let may_go_elsewhere =
        has(own, ReservationFlags::FLEX) || has(own, ReservationFlags::ANY_NODES) && own.nodes.is_empty();
    match given.nodes.iter().find(|share| !may_go_elsewhere && !holds(own, share)) {
        None => Ok(()),
        Some(share) => Err(format!("what it has of n{} is not all of {}: {own:?}", share.node.0, own.name)),
    }
}

/// Checks what an operator has made or changed: nobody is on its new nodes beyond its start, unless that is ignored.
fn check_made(
    one: &Reservation,
    before: Option<&Arc<Reservation>>,
    jobs: &BTreeMap<JobId, Arc<Job>>,
    now: Timestamp,
) -> Result<(), String> {
    let (start, end) = window(one, now);
    if end <= now || end <= start {
        return Err("it is over before it begins".into());
    }
    if has(one, ReservationFlags::IGNORE_JOBS) {
        return Ok(());
    }
    let is_new = |node: &&ReservedNode| before.is_none_or(|before| before.of_node(node.node).is_none());
    let stays = |job: &&Arc<Job>| {
        let Some(held) = job.held_resources().filter(|held| held.reservation != one.name) else {
            return false;
        };
        let until =
            job.run().map_or(now, |run| if job.is_suspended() { Timestamp::NEVER } else { run.until });
        let is_there = |node: &ReservedNode| held.nodes.iter().any(|share| share.node == node.node);
        until > start && one.nodes.iter().filter(is_new).any(is_there)
    };
    match jobs.values().find(stays) {
        None => Ok(()),
        Some(job) => Err(format!("one runs there beyond its start: {}", brief(job))),
    }
}

/// Checks what has become of one without anybody asking.
fn check_turn(
    before: &Reservation,
    one: &Reservation,
    has_expired: bool,
    now: Timestamp,
) -> Result<(), String> {
    if before.start != one.start {
        let shift = one.start.since(before.start).as_secs();
        let is_turn = match one.flags {
            flags if flags.has(ReservationFlags::HOURLY) => shift.is_multiple_of(3600),
            flags if flags.has(ReservationFlags::WEEKLY) => shift.is_multiple_of(7 * DAY),
            flags if flags.has(ReservationFlags::DAILY) => shift.is_multiple_of(DAY),
            // The first of January 1970 was a Thursday.
            flags if flags.has(ReservationFlags::WEEKDAY) => {
                shift.is_multiple_of(DAY) && !matches!(one.start.seconds() / DAY as i64 % 7, 2 | 3)
            }
            _ => false,
        };
        if !is_turn || one.length() != before.length() || !has_expired && before.end > now {
            return Err(format!("it moves from {:?} to {:?}", before.start, one.start));
        }
        if one.end <= now {
            return Err("it moves on and is over already".into());
        }
    }
    if before.nodes.len() != one.nodes.len() {
        return Err(format!("it had {} nodes", before.nodes.len()));
    }
    let stays = [ReservationFlags::STATIC, ReservationFlags::SPEC_NODES, ReservationFlags::PART_NODES];
    match before.nodes != one.nodes && stays.iter().any(|flag| has(one, *flag)) {
        true => Err(format!("it had the nodes {:?}", before.nodes)),
        false => Ok(()),
    }
}

/// Tells whether a job may use what is not used of a reservation: it leaves as soon as that wants.
pub(super) fn is_guest(job: &Job, host: &Reservation) -> bool {
    let leaves = job.spec.warning.filter(|warning| warning.flags & 1 << 8 != 0);
    leaves.is_some_and(|warning| host.max_start_delay > 0 && u32::from(warning.lead) <= host.max_start_delay)
}

fn has(one: &Reservation, flag: ReservationFlags) -> bool {
    one.flags.0 & flag.0 != 0
}

fn overlaps(one: &Reservation) -> bool {
    has(one, ReservationFlags::MAINT) || has(one, ReservationFlags::OVERLAP)
}

fn is_meant(names: &Names, name: &str) -> bool {
    names.names.is_empty() || names.names.iter().any(|known| known == name) != names.excluded
}

/// Returns when one begins and ends: one that floats always as long after now.
fn window(one: &Reservation, now: Timestamp) -> (Timestamp, Timestamp) {
    match one.float {
        None => (one.start, one.end),
        Some(_) if one.end == Timestamp::NEVER => (now.after(one.float.unwrap()), Timestamp::NEVER),
        Some(ahead) => (now.after(ahead), now.after(ahead).after(one.end.since(one.start))),
    }
}

/// Returns the reservations that a job names.
fn list(job: &Job) -> impl Iterator<Item = &str> {
    let names = job.spec.uncommon.as_deref().map_or("", |uncommon| uncommon.reservation.as_str());
    names.split(',').filter(|name| !name.is_empty())
}

/// Tells whether a job names a reservation or holds something in it.
fn has_to_do(job: &Job, name: &str) -> bool {
    list(job).any(|named| named == name) || job.held_resources().is_some_and(|held| held.reservation == name)
}

/// Tells whether a share has something that is reserved.
fn meets(one: &Reservation, share: &NodeShare) -> bool {
    let Some(reserved) = one.nodes.iter().find(|reserved| reserved.node == share.node) else { return false };
    let Some(cpus) = &reserved.cpus else { return true };
    share.cpus.iter().any(|cpu| cpus.contains(cpu))
        || reserved.gres.iter().any(|kept| {
            let given = share.gres.iter().filter(|given| given.at == kept.at);
            given.flat_map(|given| given.units.iter()).any(|unit| kept.units.contains(unit))
        })
}

/// Tells whether all of a share is reserved.
fn holds(one: &Reservation, share: &NodeShare) -> bool {
    let Some(reserved) = one.nodes.iter().find(|reserved| reserved.node == share.node) else { return false };
    let Some(cpus) = &reserved.cpus else { return true };
    share.cpus.iter().all(|cpu| cpus.contains(cpu))
        && reserved.gres.iter().all(|kept| {
            let given = share.gres.iter().filter(|given| given.at == kept.at);
            given.flat_map(|given| given.units.iter()).all(|unit| kept.units.contains(unit))
        })
}
