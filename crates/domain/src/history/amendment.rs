//! What is noted about an attempt after the fact. It stands beside the record and is shown in its place.

use crate::Text;
use crate::job::{Exit, Job, Phase};
use std::sync::Arc;

/// What shall stand in the place of what was recorded; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    /// The owner's comment.
    pub comment: Option<Text>,
    /// An administrator's comment.
    pub admin_comment: Option<Text>,
    /// The system's comment.
    pub system_comment: Option<Text>,
    /// The gravest end of a step.
    pub derived_exit: Option<Exit>,
    /// Whatever a site keeps there.
    pub extra: Option<Text>,
    /// The workload key.
    pub wckey: Option<Text>,
    /// What it was given: number of the resource in the cluster's list, and how much.
    pub allocated: Option<Vec<(u32, u64)>>,
}

impl Amendment {
    /// Tells whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Amendment::default()
    }

    /// Tells whether it changes something that only an operator may: what others say of a job, and what is charged for
    /// it. (The original lets the owner correct that, too.)
    pub fn needs_operator(&self) -> bool {
        self.admin_comment.is_some() || self.system_comment.is_some() || self.allocated.is_some()
    }

    /// Adds what a later amendment says, which wins.
    pub fn merge(&mut self, later: &Amendment) {
        fn take<T: Clone>(mine: &mut Option<T>, later: &Option<T>) {
            if later.is_some() {
                mine.clone_from(later);
            }
        }
        take(&mut self.comment, &later.comment);
        take(&mut self.admin_comment, &later.admin_comment);
        take(&mut self.system_comment, &later.system_comment);
        take(&mut self.derived_exit, &later.derived_exit);
        take(&mut self.extra, &later.extra);
        take(&mut self.wckey, &later.wckey);
        take(&mut self.allocated, &later.allocated);
    }

    /// Writes into a job that has ended what the job has a place for.
    pub fn write_into(&self, job: &mut Job) {
        let spec = Arc::make_mut(&mut job.spec);
        if let Some(comment) = &self.comment {
            spec.comment = comment.clone();
        }
        if let Some(wckey) = &self.wckey {
            spec.wckey = wckey.clone();
        }
        if self.admin_comment.is_some() || self.extra.is_some() {
            let uncommon = spec.uncommon.get_or_insert_default();
            if let Some(comment) = &self.admin_comment {
                uncommon.admin_comment = comment.clone();
            }
            if let Some(extra) = &self.extra {
                uncommon.extra = extra.clone();
            }
        }
        if let (Some(exit), Phase::Ended(ended)) = (self.derived_exit, &mut job.phase)
            && let Some(run) = &mut ended.run
        {
            run.derived = exit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_amendment_wins_where_it_says_something() {
        let text = |text: &str| Some(Text::from(text));
        let mut first = Amendment { comment: text("a"), extra: text("b"), ..Amendment::default() };
        assert!(!first.needs_operator() && !first.is_empty());
        let charged = Amendment { allocated: Some(vec![(1, 1)]), ..first.clone() };
        assert!(charged.needs_operator());
        first.merge(&Amendment { comment: text("c"), wckey: text("d"), ..Amendment::default() });
        let wanted =
            Amendment { comment: text("c"), extra: text("b"), wckey: text("d"), ..Amendment::default() };
        assert_eq!(first, wanted);
        assert!(!Amendment { comment: text("x"), ..Amendment::default() }.needs_operator());
        let mut job = crate::job::tests::job(7);
        wanted.write_into(&mut job);
        assert_eq!((&*job.spec.comment, &*job.spec.wckey, &*job.spec.uncommon().extra), ("c", "d", "b"));
    }
}
