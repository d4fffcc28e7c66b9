//! One running job that is measured: when it is due, and what it took since the last time.

use super::SELDOM;
use super::hosts::Place;
use domain::Timestamp;
use domain::job::Usage;
use domain::monitoring::{JobReading, Measured, Storage, TOO_SHORT};
use domain::ports::JobGauge;
use std::time::Duration;

/// So long a job is measured every second.
const YOUNG: Duration = Duration::from_secs(60);
/// A job is not measured earlier than so long after its start: many are over by then.
const FIRST: Duration = Duration::from_millis(500);
/// Rates over less than this are chance.
const SHORTEST: Duration = Duration::from_millis(500);

/// A job that is measured.
pub(super) struct Watched {
    /// Which attempt.
    pub(super) attempt: u32,
    /// When it began.
    pub(super) started: Timestamp,
    /// Where it runs.
    pub(super) place: Place,
    /// When it is measured next.
    pub(super) due: Timestamp,
    gauge: Box<dyn JobGauge>,
    last: Option<JobReading>,
    before: Option<JobReading>,
}

/// What a job took at last.
pub(super) struct Last {
    /// When it ended.
    pub(super) at: Timestamp,
    /// What it took.
    pub(super) values: Vec<Measured>,
}

/// Returns the next of the moments that jobs and machine have in common.
pub(super) fn next_seldom(after: Timestamp) -> Timestamp {
    Timestamp::from_seconds((after.seconds().div_euclid(SELDOM) + 1).saturating_mul(SELDOM))
}

/// Returns the first whole second that is no earlier.
fn whole(moment: Timestamp) -> Timestamp {
    let floor = Timestamp::from_seconds(moment.seconds());
    if floor < moment { Timestamp::from_seconds(floor.seconds().saturating_add(1)) } else { floor }
}

impl Watched {
    /// Begins to measure an attempt. Of one that is not new it is not known what it took when.
    pub(super) fn begin(
        attempt: u32,
        started: Timestamp,
        is_new: bool,
        place: Place,
        gauge: Box<dyn JobGauge>,
    ) -> Self {
        let last = is_new.then(|| JobReading::beginning(started));
        Watched { attempt, started, place, due: whole(started.after(FIRST)), gauge, last, before: None }
    }

    /// Tells whether it is measured every second.
    pub(super) fn is_young(&self, now: Timestamp) -> bool {
        now.since(self.started) <= YOUNG
    }

    /// Settles when it is measured next.
    pub(super) fn wait(&mut self, now: Timestamp) {
        let soon = whole(now.after(SHORTEST));
        self.due = if self.is_young(soon) { soon } else { next_seldom(now.after(SHORTEST)) };
    }

    /// Measures it; nothing is found of one that has no processes now.
    pub(super) fn read(&mut self) -> Vec<Measured> {
        let Some(reading) = self.gauge.read() else { return Vec::new() };
        let values = reading.since(self.last.as_ref(), self.place.threads);
        self.before = self.last.replace(reading);
        values
    }

    /// Works out what it took between the last time and its end; `None` if that is too short, or not known.
    pub(super) fn end(&mut self, ended: Timestamp, usage: &Usage) -> Option<Last> {
        let ran = ended.seconds().saturating_sub(self.started.seconds());
        let last = self.last.filter(|_| ran >= TOO_SHORT)?;
        // There is one value a second, and the last takes the place of the one before.
        let is_close = last.at.seconds() == ended.seconds() || ended.since(last.at) < SHORTEST;
        let from = if is_close { self.before.unwrap_or(last) } else { last };
        let reading = JobReading {
            at: ended,
            user: Some(usage.user),
            system: Some(usage.system),
            storage: Storage {
                read: Some(usage.read_bytes),
                written: Some(usage.written_bytes),
                operations: None,
            },
            peak: Some(usage.peak_kb.saturating_mul(1024)).filter(|peak| *peak > 0),
            ..JobReading::default()
        };
        Some(Last { at: ended, values: reading.since(Some(&from), self.place.threads) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Text;
    use domain::monitoring::Measure;

    struct Shown(Vec<JobReading>);

    impl JobGauge for Shown {
        fn read(&mut self) -> Option<JobReading> {
            (!self.0.is_empty()).then(|| self.0.remove(0))
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1000)
    }

    fn used(millis: i64, cpu: u64) -> JobReading {
        let (user, system) = (Some(Duration::from_millis(cpu)), Some(Duration::ZERO));
        JobReading { at: at(millis), user, system, ..JobReading::default() }
    }

    fn watched(is_new: bool, shown: Vec<JobReading>) -> Watched {
        let place = Place { host: Text::const_new("n1"), threads: 2 };
        Watched::begin(0, at(100_300), is_new, place, Box::new(Shown(shown)))
    }

    fn load(values: &[Measured]) -> Option<f64> {
        values.iter().find(|one| one.measure == Measure::CpuLoad).map(|one| one.value)
    }

    #[test]
    fn the_young_are_due_every_second_and_others_all_at_once() {
        let mut one = watched(true, Vec::new());
        assert_eq!(one.due, at(101_000));
        one.wait(at(101_004));
        assert_eq!(one.due, at(102_000));
        // A round that came late is not followed by another one at once.
        one.wait(at(102_700));
        assert_eq!(one.due, at(104_000));
        one.wait(at(159_001));
        assert_eq!(one.due, at(160_000));
        one.wait(at(160_001));
        assert_eq!(one.due, at(170_000));
        one.wait(at(169_800));
        assert_eq!(one.due, at(180_000));
    }

    #[test]
    fn what_was_taken_since_the_start_is_known_of_new_jobs_alone() {
        let mut one = watched(true, vec![used(101_300, 1500), used(102_300, 3500)]);
        assert_eq!((load(&one.read()), load(&one.read()), load(&one.read())), (Some(1.5), Some(2.0), None));
        let mut old = watched(false, vec![used(101_300, 1500), used(102_300, 3500)]);
        assert_eq!((load(&old.read()), load(&old.read())), (None, Some(2.0)));
    }

    #[test]
    fn the_end_is_measured_by_what_the_dead_have_left() {
        let usage = |millis| Usage { user: Duration::from_millis(millis), ..Usage::default() };
        let mut one = watched(true, vec![used(101_000, 700), used(102_000, 1700)]);
        one.read();
        one.read();
        let last = one.end(at(103_500), &usage(3200)).unwrap();
        assert_eq!((last.at, load(&last.values)), (at(103_500), Some(1.0)));
        // In the second of the last value, its place is taken: by the mean over both.
        let last = one.end(at(102_250), &usage(3200)).unwrap();
        assert_eq!(load(&last.values), Some(2.0));
        // Nobody saw what was left.
        assert_eq!(load(&one.end(at(103_500), &Usage::default()).unwrap().values), None);
        // It was over before it was measured.
        assert!(watched(true, Vec::new()).end(at(101_900), &usage(9)).is_none());
        assert!(watched(true, Vec::new()).end(at(102_900), &usage(9)).is_some());
    }
}
