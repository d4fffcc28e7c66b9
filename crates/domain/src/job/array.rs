//! Job arrays: one record holds all tasks that wait together; a task gets a record of its own when it leaves.

use crate::{JobId, TaskIndex, Text};
use std::collections::VecDeque;
use std::sync::Arc;

/// A job's part in an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArrayPart {
    /// The tasks that still wait, as one record under the array's number.
    Pool {
        /// Indexes of the tasks that wait; never empty.
        waiting: TaskSet,
        /// How many tasks may run at once; zero for no limit.
        throttle: u32,
        /// How many tasks the array had at first.
        size: u32,
    },
    /// A task that has left the pool.
    Task {
        /// The array's number.
        of: JobId,
        /// Its index.
        index: TaskIndex,
        /// How many tasks of the array may run at once; zero for no limit.
        throttle: u32,
        /// How many tasks the array had at first.
        size: u32,
    },
}

/// A set of task indexes, kept as progressions, so that `0-99999` is one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskSet {
    /// Ascending, never overlapping progressions, the ends included. Shared until changed.
    runs: Arc<VecDeque<Progression>>,
}

/// `first, first + step, … , last`; `last` is a member and `step` is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progression {
    /// Smallest member.
    pub first: u32,
    /// Largest member.
    pub last: u32,
    /// Distance of members.
    pub step: u32,
}

impl Progression {
    fn len(self) -> u32 {
        (self.last - self.first) / self.step + 1
    }

    fn contains(self, index: u32) -> bool {
        (self.first..=self.last).contains(&index) && (index - self.first).is_multiple_of(self.step)
    }
}

impl TaskSet {
    /// Makes a set from indexes in any order; repetitions count once.
    pub fn from_indexes(indexes: impl IntoIterator<Item = u32>) -> Self {
        let mut sorted: Vec<u32> = indexes.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut runs: VecDeque<Progression> = VecDeque::new();
        for index in sorted {
            match runs.back_mut() {
                Some(run) if run.last + 1 == index => run.last = index,
                _ => runs.push_back(Progression { first: index, last: index, step: 1 }),
            }
        }
        TaskSet { runs: Arc::new(runs) }
    }

    /// Makes a set of `first, first + step, …` up to `last`; empty if `last` lies before `first`.
    pub fn progression(first: u32, last: u32, step: u32) -> Self {
        if last < first {
            return TaskSet::default();
        }
        let step = step.max(1);
        let last = first + (last - first) / step * step;
        let step = if first == last { 1 } else { step };
        TaskSet { runs: Arc::new(VecDeque::from([Progression { first, last, step }])) }
    }

    /// Reads an array expression such as `0-9`, `0-6:2`, `1,3,5-7%2`: the tasks, and how many may run at once (zero for
    /// no limit). `None` if it cannot be read, is empty, or names an index that is not below `max_array_size`.
    pub fn parse(written: &str, max_array_size: u32) -> Option<(TaskSet, u32)> {
        let (list, throttle) = match written.split_once('%') {
            Some((list, throttle)) => (list, throttle.parse::<u32>().ok()?),
            None => (written, 0),
        };
        let list = list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(list);
        let parts = list.split(',').map(|part| parse_progression(part, max_array_size));
        let parts = parts.collect::<Option<Vec<Progression>>>()?;
        let set = match parts.as_slice() {
            [one] => TaskSet::progression(one.first, one.last, one.step),
            // Bounded: every index lies below the largest size, and repetitions of a whole range are cut off.
            many if many.iter().map(|run| u64::from(run.len())).sum::<u64>()
                <= 4 * u64::from(max_array_size) =>
            {
                TaskSet::from_indexes(
                    many.iter().flat_map(|run| (run.first..=run.last).step_by(run.step as usize)),
                )
            }
            _ => return None,
        };
        (!set.is_empty()).then_some((set, throttle))
    }

    /// Writes the set as Slurm shows it: ranges where neighbours follow each other, single indexes otherwise. Cut with
    /// `...` after about `most` bytes.
    pub fn written(&self, most: usize) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        for Progression { first, last, step } in self.progressions() {
            let starts: Box<dyn Iterator<Item = u32>> = match step {
                1 => Box::new(std::iter::once(first)),
                step => Box::new((first..=last).step_by(step as usize)),
            };
            for start in starts {
                if text.len() >= most {
                    text.push_str("...");
                    return text;
                }
                let comma = if text.is_empty() { "" } else { "," };
                // Writing to a string cannot fail.
                let _ = match step {
                    1 if last > first => write!(text, "{comma}{first}-{last}"),
                    _ => write!(text, "{comma}{start}"),
                };
            }
        }
        text
    }

    /// Returns the lines of environment that tell each task the bounds of its array, given the whole set.
    pub fn environment(&self) -> Vec<Text> {
        let (Some(first), Some(last)) = (self.first(), self.last()) else { return Vec::new() };
        let step = match (self.runs.front(), self.runs.len()) {
            (Some(run), 1) => run.step,
            _ => 1,
        };
        let line = |name: &str, value: u32| Text::from(format!("SLURM_ARRAY_TASK_{name}={value}"));
        vec![line("MIN", first.0), line("MAX", last.0), line("STEP", step)]
    }

    /// Returns how many tasks are in the set.
    pub fn len(&self) -> u32 {
        self.runs.iter().map(|run| run.len()).sum()
    }

    /// Tells whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Returns the smallest index.
    pub fn first(&self) -> Option<TaskIndex> {
        self.runs.front().map(|run| TaskIndex(run.first))
    }

    /// Returns the largest index.
    pub fn last(&self) -> Option<TaskIndex> {
        self.runs.back().map(|run| TaskIndex(run.last))
    }

    /// Tells whether the index is in the set.
    pub fn contains(&self, index: TaskIndex) -> bool {
        self.runs.iter().any(|run| run.contains(index.0))
    }

    /// Returns the indexes in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = TaskIndex> + '_ {
        self.runs.iter().flat_map(|run| (run.first..=run.last).step_by(run.step as usize)).map(TaskIndex)
    }

    /// Returns the progressions the set is made of, ascending.
    pub fn progressions(&self) -> impl Iterator<Item = Progression> + '_ {
        self.runs.iter().copied()
    }

    /// Makes a set from what [`TaskSet::progressions`] gave; `None` if they are not ascending, or overlap, or one of
    /// them is not a progression.
    pub fn from_progressions(runs: impl IntoIterator<Item = Progression>) -> Option<Self> {
        let runs: VecDeque<Progression> = runs.into_iter().collect();
        let sound = |run: &Progression| {
            run.step >= 1 && run.first <= run.last && (run.last - run.first).is_multiple_of(run.step)
        };
        let apart = runs.iter().zip(runs.iter().skip(1)).all(|(run, next)| run.last < next.first);
        (runs.iter().all(sound) && apart).then(|| TaskSet { runs: Arc::new(runs) })
    }

    /// Takes an index out; tells whether it was there.
    pub fn remove(&mut self, index: TaskIndex) -> bool {
        let Some(at) = self.runs.iter().position(|run| run.contains(index.0)) else {
            return false;
        };
        let runs = Arc::make_mut(&mut self.runs);
        let Progression { first, last, step } = runs[at];
        if first == last {
            runs.remove(at);
        } else if index.0 == first {
            runs[at].first = first + step;
        } else if index.0 == last {
            runs[at].last = last - step;
        } else {
            runs[at].last = index.0 - step;
            runs.insert(at + 1, Progression { first: index.0 + step, last, step });
        }
        for run in runs.iter_mut().filter(|run| run.first == run.last) {
            run.step = 1;
        }
        true
    }
}

fn parse_progression(part: &str, max_array_size: u32) -> Option<Progression> {
    let (range, step) = match part.split_once(':') {
        Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0)?),
        None => (part, 1),
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?),
        None if step == 1 => (range.parse::<u32>().ok()?, range.parse::<u32>().ok()?),
        None => return None,
    };
    let last_member = last.checked_sub(first)? / step * step + first;
    (last < max_array_size).then_some(Progression { first, last: last_member, step })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_told_the_bounds_of_their_array() {
        let told = |written: &str| TaskSet::parse(written, 1001).unwrap().0.environment().join(" ");
        let lines = |min, max, step| {
            format!("SLURM_ARRAY_TASK_MIN={min} SLURM_ARRAY_TASK_MAX={max} SLURM_ARRAY_TASK_STEP={step}")
        };
        assert_eq!(told("0-6:2%2"), lines(0, 6, 2));
        assert_eq!(told("5"), lines(5, 5, 1));
        assert_eq!(told("1,9,4"), lines(1, 9, 1));
    }
}
