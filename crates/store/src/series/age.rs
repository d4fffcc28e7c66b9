//! What becomes of old values: they are kept in longer and longer steps, and then forgotten.

use super::table::{coarsen, forget};
use crate::database::Unread;
use rusqlite::Connection;
use std::time::Duration;

/// Series of one transaction: nobody else can write meanwhile.
const AT_ONCE: usize = 256;

/// From some age on values are kept in this step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// From this age on.
    pub age: Duration,
    /// Seconds; one value of each step is kept, its mean.
    pub step: u32,
}

/// How measured values become fewer with age, and when they are forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thinning {
    /// Steps, shortest age first.
    pub steps: Vec<Step>,
    /// They are forgotten at this age; `None` for never.
    pub forget: Option<Duration>,
}

impl Default for Thinning {
    /// As they came for two weeks, by the minute for a quarter of a year, then by ten minutes for two years.
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Thinning {
            steps: vec![Step { age: days(14), step: 60 }, Step { age: days(92), step: 600 }],
            forget: Some(days(730)),
        }
    }
}

/// Does what is due with old values; tells whether there may be more to do.
pub(super) fn tidy(
    connection: &mut Connection,
    keep: &Thinning,
    now: i64,
    written: i64,
) -> Result<bool, Unread> {
    let cut = |age: Duration| now.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    let mut has_more = false;
    let transaction = connection.transaction()?;
    if let Some(age) = keep.forget {
        has_more |= forget(&transaction, cut(age), AT_ONCE)? == AT_ONCE;
    }
    for Step { age, step } in &keep.steps {
        has_more |= coarsen(&transaction, cut(*age), i64::from(*step), AT_ONCE, written)? == AT_ONCE;
    }
    transaction.commit()?;
    Ok(has_more)
}
