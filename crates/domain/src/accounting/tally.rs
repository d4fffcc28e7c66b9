//! What is counted of an association or a quality of service: jobs, what they hold, and what was used.

use super::Quantities;
use crate::{NodeIndex, Timestamp};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::time::Duration;

/// The counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Jobs that wait or run; tasks of arrays count one by one.
    pub submitted: u32,
    /// Jobs that hold resources.
    pub running: u32,
    /// What they hold.
    pub used: Quantities,
    /// Nodes they are on, each with how many of them.
    pub(super) nodes: HashMap<NodeIndex, u32>,
    /// What they will use.
    pub(super) ahead: Ahead,
    /// What was used.
    pub past: Past,
}

impl Tally {
    /// Returns how much of a resource is in use; of nodes each counts once, however many jobs are on it.
    pub fn in_use(&self, resource: u32) -> u64 {
        if resource == super::tres::NODE { self.nodes.len() as u64 } else { self.used.of(resource) }
    }

    /// Returns how many seconds of a resource what runs will use until its time is up.
    pub fn seconds_ahead(&self, resource: u32, now: Timestamp) -> u64 {
        self.ahead.seconds(resource, now)
    }
}

/// Resource seconds that running jobs will use until their time is up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ahead(SmallVec<[Course; 4]>);

/// Of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Course {
    resource: u32,
    /// Amount whose time passes.
    moving: u64,
    /// The sum of its amounts, each times the second in which its time is up.
    until: i128,
    /// Seconds of what stands still.
    still: u64,
}

/// The time that is left of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It is up at this moment.
    Until(Timestamp),
    /// The job is suspended; so many seconds.
    Still(u64),
}

impl Ahead {
    pub(super) fn add(&mut self, held: &Quantities, left: Left) {
        for (resource, amount) in held.iter() {
            let course = self.course(resource);
            match left {
                Left::Until(until) => {
                    course.moving = course.moving.saturating_add(amount);
                    course.until += i128::from(until.seconds()) * i128::from(amount);
                }
                Left::Still(seconds) => {
                    course.still = course.still.saturating_add(amount.saturating_mul(seconds));
                }
            }
        }
    }

    pub(super) fn take(&mut self, held: &Quantities, left: Left) {
        for (resource, amount) in held.iter() {
            let course = self.course(resource);
            match left {
                Left::Until(until) => {
                    course.moving = course.moving.saturating_sub(amount);
                    course.until -= i128::from(until.seconds()) * i128::from(amount);
                }
                Left::Still(seconds) => {
                    course.still = course.still.saturating_sub(amount.saturating_mul(seconds));
                }
            }
        }
        self.0.retain(|course| course.moving > 0 || course.still > 0);
    }

    fn course(&mut self, resource: u32) -> &mut Course {
        let at = match self.0.iter().position(|course| course.resource == resource) {
            Some(at) => at,
            None => {
                self.0.push(Course { resource, ..Course::default() });
                self.0.len() - 1
            }
        };
        &mut self.0[at]
    }

    fn seconds(&self, resource: u32, now: Timestamp) -> u64 {
        let Some(course) = self.0.iter().find(|course| course.resource == resource) else { return 0 };
        let moving = course.until - i128::from(now.seconds()) * i128::from(course.moving);
        u64::try_from(moving.max(0)).unwrap_or(u64::MAX).saturating_add(course.still)
    }
}

/// What was used, older use counting less and less: by the half-life, the same use counts half as much.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// The moment for which it is worked out.
    pub at: Timestamp,
    /// Seconds of resources, by their numbers.
    pub seconds: SmallVec<[(u32, f64); 5]>,
    /// Seconds that jobs ran.
    pub wall: f64,
}

impl Past {
    /// Returns by how much less counts, at a later moment, what counts now.
    fn fading(&self, now: Timestamp, half_life: Option<Duration>) -> f64 {
        match half_life {
            Some(half_life) if !half_life.is_zero() => {
                (-now.since(self.at).as_secs_f64() / half_life.as_secs_f64()).exp2()
            }
            _ => 1.0,
        }
    }

    /// Returns the seconds of a resource as they count at a moment.
    pub fn of(&self, resource: u32, now: Timestamp, half_life: Option<Duration>) -> f64 {
        let found = self.seconds.iter().find(|(known, _)| *known == resource);
        found.map_or(0.0, |(_, seconds)| seconds * self.fading(now, half_life))
    }

    /// Returns the seconds that jobs ran as they count at a moment.
    pub fn wall_at(&self, now: Timestamp, half_life: Option<Duration>) -> f64 {
        self.wall * self.fading(now, half_life)
    }

    /// Works it out for a later moment.
    pub fn fade(&mut self, now: Timestamp, half_life: Option<Duration>) {
        let fading = self.fading(now, half_life);
        self.seconds.iter_mut().for_each(|(_, seconds)| *seconds *= fading);
        self.wall *= fading;
        self.at = self.at.max(now);
    }

    /// Adds that so much was held for a time.
    pub(super) fn add(&mut self, held: &Quantities, seconds: f64) {
        self.wall += seconds;
        for (resource, amount) in held.iter() {
            let used = amount as f64 * seconds;
            match self.seconds.iter_mut().find(|(known, _)| *known == resource) {
                Some((_, sum)) => *sum += used,
                None => self.seconds.push((resource, used)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn cpus(count: u64) -> Quantities {
        let mut cpus = Quantities::default();
        cpus.put(1, count);
        cpus
    }

    #[test]
    fn what_is_ahead_shrinks_as_time_passes() {
        let mut ahead = Ahead::default();
        ahead.add(&cpus(2), Left::Until(at(100)));
        ahead.add(&cpus(3), Left::Until(at(60)));
        ahead.add(&cpus(1), Left::Still(40));
        assert_eq!(ahead.seconds(1, at(0)), 200 + 180 + 40);
        assert_eq!(ahead.seconds(1, at(50)), 100 + 30 + 40);
        ahead.take(&cpus(3), Left::Until(at(60)));
        ahead.take(&cpus(1), Left::Still(40));
        assert_eq!((ahead.seconds(1, at(50)), ahead.seconds(1, at(200))), (100, 0));
        ahead.take(&cpus(2), Left::Until(at(100)));
        assert_eq!(ahead, Ahead::default());
    }

    #[test]
    fn use_fades_by_the_half_life() {
        let half_life = Some(Duration::from_secs(100));
        let mut past = Past { at: at(0), ..Past::default() };
        past.add(&cpus(4), 10.0);
        assert_eq!((past.of(1, at(100), half_life), past.of(1, at(100), None)), (20.0, 40.0));
        past.fade(at(200), half_life);
        assert_eq!((past.of(1, at(200), half_life), past.wall), (10.0, 2.5));
    }
}
