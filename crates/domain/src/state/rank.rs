//! Keeps priorities true: worked out when a job changes, and of all waiting jobs anew from time to time, some at once,
//! so that nobody waits long for it.

use super::live::State;
use crate::accounting::{Accruing, Line, Shares};
use crate::job::Job;
use crate::priority::{Ranking, Standing};
use crate::{JobId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What priorities are worked out from, besides the jobs.
#[derive(Clone, Debug)]
pub(super) struct Ranks {
    pub(super) ranking: Arc<Ranking>,
    /// The moment for which ages are counted: the same for all, so that nobody overtakes another by being looked at
    /// later.
    at: Timestamp,
    standings: HashMap<u32, Standing>,
    shares: Arc<Shares>,
    /// Since when jobs gain priority whose number is limited that may; `None` before anybody has looked.
    accrual: Option<BTreeMap<JobId, Timestamp>>,
    left: Left,
}

/// Which jobs have still to be worked out anew.
#[derive(Clone, Debug, Default)]
enum Left {
    #[default]
    None,
    /// Those that could start, the last in line first; then the others.
    Eligible(Vec<JobId>),
    /// The others, from this number on.
    Others(JobId),
}

impl Ranks {
    pub(super) fn new(ranking: Arc<Ranking>, at: Timestamp) -> Self {
        Ranks {
            ranking,
            at,
            standings: HashMap::new(),
            shares: Arc::default(),
            accrual: None,
            left: Left::None,
        }
    }

    fn standing(&self, job: &Job) -> Standing {
        if self.standings.is_empty() {
            return Standing::default();
        }
        let number = self.ranking.association(job);
        self.standings.get(&number).copied().unwrap_or_default()
    }

    /// Returns since when a job of a line with limits on that gains priority by waiting.
    fn accrues(&self, job: &Job) -> Timestamp {
        let begun = self.accrual.as_ref().and_then(|accrual| accrual.get(&job.id));
        begun.copied().unwrap_or(Timestamp::NEVER)
    }
}

impl State {
    /// Returns how priorities are worked out.
    pub fn ranking(&self) -> &Arc<Ranking> {
        &self.ranks.ranking
    }

    /// Returns the priority of a waiting job nobody holds.
    pub fn priority_of(&self, job: &Job) -> u32 {
        let is_limited = self.cluster().enforcement.limits
            && self.usage().own_line(job.id).is_some_and(|line| line.limits_accrual());
        let since = is_limited.then(|| self.ranks.accrues(job));
        let standing = Standing { since, ..self.ranks.standing(job) };
        self.ranks.ranking.priority(job, standing, self.ranks.at)
    }

    /// Returns a job with the priority it has after a change, if priorities move. One that is held keeps zero.
    #[must_use]
    pub fn ranked(&self, job: Job) -> Job {
        if !self.ranks.ranking.moves() || !job.is_pending() || job.priority == 0 {
            return job;
        }
        Job { priority: self.priority_of(&job), ..job }
    }

    /// Tells whether an association has used more of its share than the quality of service of its jobs lets start.
    pub fn is_over_share(&self, line: &Line) -> bool {
        let Some(least) = line.usage_threshold() else { return false };
        self.ranks.shares.get(line.association()).is_some_and(|share| share.factor < least)
    }

    /// Returns how fair shares stood when they were worked out last.
    pub fn shares(&self) -> &Arc<Shares> {
        &self.ranks.shares
    }

    /// Takes in what was used until now, and works out how associations stand. Priorities follow with the next ranking.
    ///
    /// What was used before `anew` counts no more, where somebody has that forgotten from time to time.
    pub fn account(&mut self, now: Timestamp, anew: Option<Timestamp>) {
        self.usage.set_time(now);
        let forgets = anew.is_some_and(|since| self.usage.has_settled_before(since));
        let running: Vec<Arc<Job>> = self.holding().cloned().collect();
        self.usage.advance(running.iter());
        if forgets {
            self.usage.forget();
        }
        if anew.is_some() {
            self.usage.note_time();
        }
        let shares = Arc::new(Shares::of(self.cluster(), self.usage()));
        self.take_standings(shares.standings(self.cluster()));
        self.ranks.shares = shares;
    }

    /// Takes in how associations stand, by their numbers; priorities follow with the next ranking.
    pub fn take_standings(&mut self, standings: HashMap<u32, Standing>) {
        self.ranks.standings = standings;
    }

    /// Begins to work out all priorities for a moment. Nothing changes before [`State::rank_more`].
    pub fn begin_ranking(&mut self, at: Timestamp) {
        self.ranks.at = at;
        self.choose_accruing(at);
        let mut jobs: Vec<JobId> = self.queues().jobs().collect();
        jobs.reverse();
        self.ranks.left = Left::Eligible(jobs);
    }

    /// Chooses who gains priority by waiting, where it is limited how many do: who does goes on, the oldest come next. A
    /// record counts once, also one of many tasks.
    fn choose_accruing(&mut self, at: Timestamp) {
        if !self.usage().limits_accrual() {
            self.ranks.accrual = None;
            return;
        }
        let before = self.ranks.accrual.take();
        let mut waiting: Vec<(JobId, Timestamp, &Arc<Line>)> = self
            .queues()
            .jobs()
            .collect::<BTreeSet<JobId>>()
            .into_iter()
            .filter_map(|id| Some((id, self.job(id)?.eligible, self.usage().own_line(id)?)))
            .filter(|(.., line)| line.limits_accrual())
            .collect();
        let mut accruing = Accruing::default();
        let mut chosen = BTreeMap::new();
        if let Some(before) = &before {
            waiting.retain(|(id, _, line)| {
                let Some(since) = before.get(id) else { return true };
                accruing.add(line);
                chosen.insert(*id, *since);
                false
            });
        }
        for (id, eligible, line) in waiting {
            if self.usage().may_accrue(line, &accruing) {
                accruing.add(line);
                chosen.insert(id, if before.is_some() { at } else { eligible });
            }
        }
        self.ranks.accrual = Some(chosen);
    }

    /// Works out the priorities of at most so many more jobs; tells whether some are left.
    ///
    /// Those at the head of the queues come first: as priorities mostly rise, they stay ahead of those that have not
    /// been looked at, and the order is at no moment worse than before.
    pub fn rank_more(&mut self, most: usize) -> bool {
        match std::mem::take(&mut self.ranks.left) {
            Left::None => return false,
            Left::Eligible(mut jobs) => {
                for id in jobs.split_off(jobs.len().saturating_sub(most)).into_iter().rev() {
                    self.rank_again(id);
                }
                self.ranks.left = if jobs.is_empty() { Left::Others(JobId(0)) } else { Left::Eligible(jobs) };
            }
            Left::Others(from) => {
                let batch: Vec<JobId> = self.jobs().iter_from(from).take(most).map(|job| job.id).collect();
                for id in &batch {
                    if self.job(*id).is_some_and(|job| job.eligible == Timestamp::NEVER) {
                        self.rank_again(*id);
                    }
                }
                if let (true, Some(last)) = (batch.len() == most, batch.last()) {
                    self.ranks.left = Left::Others(JobId(last.0.saturating_add(1)));
                }
            }
        }
        !matches!(self.ranks.left, Left::None)
    }

    fn rank_again(&mut self, id: JobId) {
        let Some(job) = self.job(id).filter(|job| job.is_pending() && job.priority != 0) else { return };
        let priority = self.priority_of(job);
        if priority != job.priority {
            let job = Job { priority, ..(**job).clone() };
            self.reorder(Arc::new(job));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Hold, Pending, Phase};
    use crate::priority::tests::{cluster, job};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// Ten jobs, one a minute; the even ones are large.
    fn state() -> State {
        let mut state = State::new(cluster(|_| {}));
        state.begin_ranking(at(0));
        for id in 1..=10 {
            let mut job = job(&["pb"], if id % 2 == 0 { 16 } else { 1 }, |_| {});
            (job.id, job.eligible) = (JobId(id), at(i64::from(id) * 60));
            job.priority = state.priority_of(&job);
            state.put(Arc::new(job));
        }
        state
    }

    fn order(state: &State) -> Vec<u32> {
        state.queues().of("pb").map(|key| key.job.0).collect()
    }

    #[test]
    fn age_overtakes_size_in_time() {
        let mut state = state();
        assert_eq!(order(&state), [2, 4, 6, 8, 10, 1, 3, 5, 7, 9]);
        state.begin_ranking(at(10 * 60));
        while state.rank_more(3) {}
        // A minute is worth 1666 and size 3375: the large ones lead those two minutes older.
        assert_eq!(order(&state), [2, 1, 4, 3, 6, 5, 8, 7, 10, 9]);
        let held = |job: &Job| Job {
            priority: 0,
            phase: Phase::Pending(Pending { hold: Hold::User, ..Pending::default() }),
            ..job.clone()
        };
        let job = held(state.job(JobId(4)).expect("it is there")).settled(at(0));
        state.put(Arc::new(state.ranked(job)));
        state.begin_ranking(at(700));
        while state.rank_more(100) {}
        assert_eq!(state.job(JobId(4)).expect("it is there").priority, 0);
        assert!(!order(&state).contains(&4));
    }

    #[test]
    fn while_some_are_worked_out_anew_nobody_is_worse_off_than_before() {
        let mut state = state();
        let before = order(&state);
        state.begin_ranking(at(300));
        assert!(state.rank_more(2));
        assert_eq!(order(&state), before, "the two at the head are still ahead");
        while state.rank_more(2) {}
        assert_eq!(order(&state), [2, 1, 4, 6, 8, 10, 3, 5, 7, 9]);
    }

    #[test]
    fn those_that_cannot_start_are_worked_out_too() {
        let mut state = State::new(cluster(|rules| rules.flags.accrue_always = true));
        let mut waiting = job(&["pb"], 1, |_| {});
        waiting.eligible = Timestamp::NEVER;
        waiting.priority = state.priority_of(&waiting);
        state.put(Arc::new(waiting.clone()));
        state.begin_ranking(at(1900));
        while state.rank_more(1) {}
        // Submitted half an hour ago.
        assert_eq!(state.job(JobId(1)).map(|job| job.priority), Some(waiting.priority + 50_000));
    }

    #[test]
    fn standings_count_with_the_next_ranking() {
        let mut state = State::new(cluster(|rules| rules.fair_share = 100));
        let job = job(&["pb"], 1, |_| {});
        let before = state.priority_of(&job);
        state.put(Arc::new(Job { priority: before, ..job }));
        state.take_standings([(0, Standing { fair_share: 0.5, ..Standing::default() })].into());
        state.begin_ranking(at(0));
        while state.rank_more(1) {}
        assert_eq!(state.job(JobId(1)).map(|job| job.priority), Some(before + 50));
    }
}
