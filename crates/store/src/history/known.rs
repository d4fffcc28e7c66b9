//! What readers have seen of what many attempts have in common. None of it ever changes, and no number is given twice, so
//! what was seen once is true for ever; only how much is remembered has a limit.

use super::record::Request;
use super::shared::Class;
use domain::Text;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Texts remembered of each kind: some hundred bytes each.
const TEXTS: usize = 32_768;
/// Classes and requests remembered: some kilobytes each.
const RECORDS: usize = 4_096;
/// Memories kept; more are begun when more read at once.
const KEPT: usize = 4;

/// Shared rows by their numbers.
#[derive(Default)]
pub(super) struct Known {
    pub(super) words: HashMap<i64, Text>,
    pub(super) lists: HashMap<i64, Text>,
    pub(super) boots: HashMap<i64, Text>,
    pub(super) classes: HashMap<i64, Arc<Class>>,
    pub(super) requests: HashMap<i64, Request>,
}

impl Known {
    /// Forgets what has become too much.
    fn trim(&mut self) {
        for texts in [&mut self.words, &mut self.lists, &mut self.boots] {
            if texts.len() > TEXTS {
                texts.clear();
            }
        }
        if self.classes.len() > RECORDS {
            self.classes.clear();
        }
        if self.requests.len() > RECORDS {
            self.requests.clear();
        }
    }
}

/// Memories that readers hand on.
#[derive(Clone, Default)]
pub(super) struct Memories(Arc<Mutex<Vec<Known>>>);

impl Memories {
    /// Reads with one of them.
    pub(super) fn with<T>(&self, reading: impl FnOnce(&mut Known) -> T) -> T {
        let idle = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = idle().pop().unwrap_or_default();
        let answer = reading(&mut known);
        known.trim();
        let mut idle = idle();
        if idle.len() < KEPT {
            idle.push(known);
        }
        answer
    }
}
