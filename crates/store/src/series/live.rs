//! Values that are not in the database yet: in memory, each series under a number, where readers find them at once.

use super::log::Piece;
use super::points::Points;
use domain::Text;
use domain::monitoring::{Sample, SeriesKey};
use std::collections::HashMap;
use std::sync::Arc;

/// A series that had values lately.
#[derive(Debug)]
struct Lively {
    key: Arc<SeriesKey>,
    points: Points,
    /// What is on its way into the database.
    leaving: Option<Arc<Points>>,
    /// The number of the log that names it.
    named_in: u64,
    /// Checkpoints since its last value.
    idle: u32,
}

/// All series that had values lately.
#[derive(Debug)]
pub(super) struct Live {
    numbers: HashMap<Arc<SeriesKey>, u32>,
    /// The numbers of the series of each host.
    hosts: HashMap<Text, Vec<u32>>,
    series: Vec<Option<Lively>>,
    unused: Vec<u32>,
    most: usize,
    /// Values that are not on their way into the database.
    points: usize,
}

/// A series on its way into the database.
#[derive(Clone, Debug)]
pub(super) struct Leaving {
    pub(super) number: u32,
    pub(super) key: Arc<SeriesKey>,
    pub(super) points: Arc<Points>,
}

/// A series that had no value for so many checkpoints is no longer kept in memory.
const LONG_IDLE: u32 = 3;

impl Live {
    /// Makes room for at most `most` series.
    pub(super) fn new(most: usize) -> Self {
        Live {
            numbers: HashMap::new(),
            hosts: HashMap::new(),
            series: Vec::new(),
            unused: Vec::new(),
            most,
            points: 0,
        }
    }

    /// Values that are not on their way into the database.
    pub(super) fn points(&self) -> usize {
        self.points
    }

    /// Takes in a value, and notes it for the log of this number. `false` if there are too many series.
    pub(super) fn take(&mut self, sample: &Sample, log: u64, piece: &mut Piece) -> bool {
        let Some(number) = self.number(&sample.key) else { return false };
        let Some(Some(one)) = self.series.get_mut(number as usize) else { return false };
        let time = sample.at.seconds();
        if one.named_in != log {
            one.named_in = log;
            piece.name(number, &one.key);
        }
        piece.add(number, time, sample.value);
        one.idle = 0;
        self.points += usize::from(one.points.put(time, sample.value));
        true
    }

    fn number(&mut self, key: &SeriesKey) -> Option<u32> {
        if let Some(number) = self.numbers.get(key) {
            return Some(*number);
        }
        if self.numbers.len() >= self.most {
            return None;
        }
        let key = Arc::new(key.clone());
        let one =
            Lively { key: Arc::clone(&key), points: Points::default(), leaving: None, named_in: 0, idle: 0 };
        let number = match self.unused.pop() {
            Some(number) => number,
            None => u32::try_from(self.series.len()).ok()?,
        };
        match self.series.get_mut(number as usize) {
            Some(place) => *place = Some(one),
            None => self.series.push(Some(one)),
        }
        self.hosts.entry(key.host.clone()).or_default().push(number);
        self.numbers.insert(key, number);
        Some(number)
    }

    /// Returns what is known of a series in a stretch of time.
    pub(super) fn read(&self, key: &SeriesKey, from: i64, until: i64) -> Points {
        let number = self.numbers.get(key).and_then(|number| self.series.get(*number as usize));
        let Some(Some(one)) = number else { return Points::default() };
        let leaving = one.leaving.as_ref().map(|points| points.within(from, until)).unwrap_or_default();
        leaving.with(one.points.within(from, until))
    }

    /// Finds series of the same cluster, host, job and metric that have values in a stretch of time.
    pub(super) fn alike(&self, about: &SeriesKey, from: i64, until: i64) -> Vec<Arc<SeriesKey>> {
        let is_alike = |key: &SeriesKey| {
            (&key.metric, &key.host, key.job, &key.cluster)
                == (&about.metric, &about.host, about.job, &about.cluster)
        };
        let has_values = |one: &Lively| {
            one.points.has_within(from, until)
                || one.leaving.as_ref().is_some_and(|leaving| leaving.has_within(from, until))
        };
        let of_host = self.hosts.get(&about.host).map(Vec::as_slice).unwrap_or_default();
        let all = of_host.iter().filter_map(|number| self.series.get(*number as usize)?.as_ref());
        all.filter(|one| is_alike(&one.key) && has_values(one)).map(|one| Arc::clone(&one.key)).collect()
    }

    /// Sends all values on their way into the database; readers go on seeing them until [`Live::arrived`].
    pub(super) fn leave(&mut self) -> Vec<Leaving> {
        let mut leaving = Vec::new();
        for (number, place) in (0..).zip(&mut self.series) {
            let Some(one) = place else { continue };
            one.idle += 1;
            if !one.points.is_empty() {
                let points = Arc::new(std::mem::take(&mut one.points));
                one.leaving = Some(Arc::clone(&points));
                leaving.push(Leaving { number, key: Arc::clone(&one.key), points });
            }
        }
        self.points = 0;
        leaving
    }

    /// Forgets values that are in the database, and series that have been idle for long.
    pub(super) fn arrived(&mut self, arrived: &[Leaving]) {
        for Leaving { number, .. } in arrived {
            if let Some(Some(one)) = self.series.get_mut(*number as usize) {
                one.leaving = None;
            }
        }
        for (number, place) in (0..).zip(&mut self.series) {
            let is_idle =
                |one: &Lively| one.idle > LONG_IDLE && one.points.is_empty() && one.leaving.is_none();
            if place.as_ref().is_some_and(is_idle)
                && let Some(one) = place.take()
            {
                self.numbers.remove(&one.key);
                if let Some(numbers) = self.hosts.get_mut(&one.key.host) {
                    numbers.retain(|own| *own != number);
                    if numbers.is_empty() {
                        self.hosts.remove(&one.key.host);
                    }
                }
                self.unused.push(number);
            }
        }
    }

    /// Takes values back that could not be written.
    pub(super) fn stay(&mut self, stayed: Vec<Leaving>) {
        for Leaving { number, points, .. } in stayed {
            if let Some(Some(one)) = self.series.get_mut(number as usize) {
                one.leaving = None;
                let before = one.points.len();
                let newer = std::mem::take(&mut one.points);
                one.points = Points::clone(&points).with(newer);
                self.points += one.points.len() - before;
            }
        }
    }
}
