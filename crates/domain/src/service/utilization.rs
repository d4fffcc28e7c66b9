//! How well the cluster was used: what of it was allocated, out of service, kept for those who waited, and idle.

use super::handle::JobService;
use crate::history::{
    Almanac, Amounts, Booking, During, Episode, Grouping, Span, Stretch, Sums, UsageLine, UsageWanted, pieces,
};
use crate::ports::StoreError;
use crate::reservation::ReservationFlags;
use crate::{Text, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What became of something that is counted, resource seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utilization {
    /// Its name: `cpu`, `gres/gpu`.
    pub name: Text,
    /// Jobs had it; of CPUs with what reservations kept for none, as the original counts it.
    pub allocated: i64,
    /// It was out of service.
    pub down: i64,
    /// It was reserved for maintenance.
    pub planned_down: i64,
    /// It was there and not used.
    pub idle: i64,
    /// It was there and not used while jobs waited for CPUs.
    pub planned: i64,
    /// There was so much of it.
    pub reported: i64,
}

/// What became of a reservation within a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationUse {
    /// The reservation, as it was.
    pub booking: Booking,
    /// What of it lies within the time.
    pub within: (Timestamp, Timestamp),
    /// What jobs in it had.
    pub used: Sums,
}

impl ReservationUse {
    /// Returns how many seconds of it lie within the time.
    pub fn seconds(&self) -> i64 {
        self.within.1.seconds().saturating_sub(self.within.0.seconds()).max(0)
    }

    /// Returns how many resource seconds of something were reserved, and how many of these jobs had.
    pub fn of(&self, name: &str) -> (i64, i64) {
        let reserved = times(self.booking.amount(name), self.seconds());
        (reserved, used(&self.used, name).clamp(0, reserved))
    }
}

fn times(amount: u64, seconds: i64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX).saturating_mul(seconds)
}

fn used(sums: &Sums, name: &str) -> i64 {
    match name {
        "cpu" => sums.cpu,
        "mem" => sums.memory,
        "node" => sums.node,
        "billing" => sums.billing,
        name => sums.others.iter().find(|(known, _)| known == name).map_or(0, |(_, sum)| *sum),
    }
}

/// CPU seconds of an hour.
#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    there: i64,
    taken: i64,
    waited: i64,
}

impl JobService {
    /// Says how well the cluster was used within a time, whole hours of it, until now at the latest; a line for each thing
    /// that is counted. Blocks.
    ///
    /// # Errors
    /// If history cannot be read.
    pub fn utilization(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Utilization>, StoreError> {
        let mut almanac = Almanac::of(Arc::clone(self.calendar()));
        let stretches = almanac.cover(from.seconds(), to.seconds(), Span::Hour);
        let Some(Stretch { from, to, .. }) = stretches.first().copied() else { return Ok(Vec::new()) };
        let now = self.clock().now();
        let within = (from, to.min(now.seconds()));
        let (since, until) = (Timestamp::from_seconds(from), Timestamp::from_seconds(to));
        let during = During::all(since, until);
        let episodes = self.history().episodes(&during)?;
        let (maintenance, reserved): (Vec<Booking>, Vec<Booking>) = self
            .history()
            .bookings(&during)?
            .into_iter()
            .partition(|one| one.flags.has(ReservationFlags::MAINT));
        let kept = self.kept(reserved, within)?;
        let wanted = UsageWanted { from: since, to: until, ..UsageWanted::default() };
        let all = self.report(&wanted)?.into_iter().next().map(|line| line.sums).unwrap_or_default();
        let hourly = self.report(&UsageWanted { every: Some(Span::Hour), ..wanted.clone() })?;
        let planned = self.planned(&mut almanac, within, (&episodes, &maintenance), &hourly)?;
        let mut names: Vec<Text> = Vec::new();
        for (name, _) in episodes.iter().filter(|one| one.node.is_empty()).flat_map(|one| &one.amounts) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let line = |name: Text| {
            let sum = |of: &mut dyn Iterator<Item = (u64, i64)>| {
                of.map(|(amount, seconds)| times(amount, seconds)).fold(0, i64::saturating_add)
            };
            let (clusters, nodes): (Vec<&Episode>, Vec<&Episode>) =
                episodes.iter().partition(|one| one.node.is_empty());
            let seconds = |one: &Episode| overlap(within, one.start, one.end.unwrap_or(Timestamp::NEVER));
            let reported = sum(&mut clusters.iter().map(|one| (one.amount(&name), seconds(one))));
            let kept = if name == "cpu" { kept } else { 0 };
            let allocated = used(&all, &name).saturating_add(kept);
            let rest = reported.saturating_sub(allocated).max(0);
            let down = sum(&mut nodes.iter().map(|one| (one.amount(&name), seconds(one)))).min(rest);
            let rest = rest - down;
            let mut shut =
                maintenance.iter().map(|one| (one.amount(&name), overlap(within, one.start, one.end)));
            let planned_down = sum(&mut shut).min(rest);
            let rest = rest - planned_down;
            let planned = if name == "cpu" { planned.min(rest) } else { 0 };
            Utilization { allocated, down, planned_down, idle: rest - planned, planned, reported, name }
        };
        Ok(names.into_iter().map(line).collect())
    }

    /// Returns the CPU seconds for which CPUs were idle while jobs could have run and waited, hour by hour.
    fn planned(
        &self,
        almanac: &mut Almanac,
        within: (i64, i64),
        (episodes, maintenance): (&[Episode], &[Booking]),
        hourly: &[UsageLine],
    ) -> Result<i64, StoreError> {
        let mut hours: BTreeMap<i64, Hour> = BTreeMap::new();
        let during = During::all(Timestamp::from_seconds(within.0), Timestamp::from_seconds(within.1));
        for (hour, waited) in self.history().waited(&during)? {
            hours.entry(hour).or_default().waited += waited;
        }
        self.waiting_now(almanac, within, &mut hours);
        if hours.is_empty() {
            return Ok(0);
        }
        for line in hourly {
            if let Some(hour) = hours.get_mut(&line.start.seconds()) {
                hour.taken = hour.taken.saturating_add(line.sums.cpu);
            }
        }
        let mut spread = |start: Timestamp, end: Timestamp, cpus: u64, is_taken: bool| {
            let (from, to) = (start.seconds().max(within.0), end.seconds().min(within.1));
            let first = almanac.bounds(Span::Hour, from).0;
            for (at, hour) in hours.range_mut(first..to.max(first)) {
                let end = almanac.bounds(Span::Hour, *at).1;
                let part = times(cpus, end.min(to).saturating_sub(from.max(*at)).max(0));
                let sum = if is_taken { &mut hour.taken } else { &mut hour.there };
                *sum = sum.saturating_add(part);
            }
        };
        for one in episodes {
            let end = one.end.unwrap_or(Timestamp::NEVER);
            spread(one.start, end, one.amount("cpu"), !one.node.is_empty());
        }
        maintenance.iter().for_each(|one| spread(one.start, one.end, one.amount("cpu"), true));
        let free = |hour: &Hour| hour.there.saturating_sub(hour.taken).max(0);
        Ok(hours.values().map(|hour| hour.waited.min(free(hour))).fold(0, i64::saturating_add))
    }

    /// Adds how long living jobs have waited.
    fn waiting_now(&self, almanac: &mut Almanac, within: (i64, i64), hours: &mut BTreeMap<i64, Hour>) {
        let now = self.clock().now();
        let nothing = Amounts::default();
        for job in self.snapshot().jobs.iter().filter(|job| !job.is_final() && job.eligible < now) {
            for piece in pieces(job, &nothing, now, almanac) {
                if (within.0..within.1).contains(&piece.hour) && piece.waited > 0 {
                    let hour = hours.entry(piece.hour).or_default();
                    hour.waited = hour.waited.saturating_add(piece.waited);
                }
            }
        }
    }

    /// Says what became of reservations within a time, in the order of their beginnings. Blocks.
    ///
    /// # Errors
    /// If history cannot be read.
    pub fn reservation_use(&self, during: &During) -> Result<Vec<ReservationUse>, StoreError> {
        self.used_of(self.history().bookings(during)?, during)
    }

    /// Returns the CPU seconds for which reservations kept CPUs that no job had.
    fn kept(&self, reserved: Vec<Booking>, within: (i64, i64)) -> Result<i64, StoreError> {
        let during = During::all(Timestamp::from_seconds(within.0), Timestamp::from_seconds(within.1));
        let each = self.used_of(reserved, &during)?;
        let idle = each.iter().map(|one| one.of("cpu")).map(|(reserved, used)| reserved - used);
        Ok(idle.fold(0, i64::saturating_add))
    }

    fn used_of(&self, bookings: Vec<Booking>, during: &During) -> Result<Vec<ReservationUse>, StoreError> {
        let until = during.to.min(self.clock().now());
        let mut found = Vec::with_capacity(bookings.len());
        for booking in bookings {
            let within = (booking.start.max(during.from), booking.end.min(until).max(booking.start));
            let wanted = UsageWanted {
                from: within.0,
                to: within.1,
                by: Grouping { reservation: true, ..Grouping::default() },
                reservations: vec![booking.name.clone()],
                ..UsageWanted::default()
            };
            let lines = if within.0 < within.1 { self.report(&wanted)? } else { Vec::new() };
            let used = lines.into_iter().next().map(|line| line.sums).unwrap_or_default();
            found.push(ReservationUse { booking, within, used });
        }
        Ok(found)
    }
}

/// Returns how many seconds two stretches of time have in common.
fn overlap(within: (i64, i64), start: Timestamp, end: Timestamp) -> i64 {
    end.seconds().min(within.1).saturating_sub(start.seconds().max(within.0)).max(0)
}
