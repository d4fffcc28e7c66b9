//! Rows of steps: those that live, within their job, and those that have ended.

use domain::job::{EndedStep, Exit, JobStep, NodeShare, Outcome, StepEnd, StepUsage, Steps};
use domain::ports::ClosedStep;
use domain::{JobId, Text, Timestamp};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

rows! {
    Steps => StepsRow {
        next = "n": u32,
        live = "l": Vec<Arc<JobStep>>,
    }
    JobStep => JobStepRow {
        number = "n": u32,
        ticket = "t": u64,
        name = "m": Text,
        command = "c": Text,
        started = "s": Timestamp,
        tasks = "k": u32,
        shares = "h": SmallVec<[NodeShare; 1]>,
        overlaps = "o": bool,
        time_limit = "l": Option<u64>,
        parts = "p": Vec<u32>,
    }
    StepEnd => StepEndRow {
        at = "a": Timestamp,
        outcome = "o": Outcome,
        exit = "x": Exit,
        usage = "u": StepUsage,
    }
    EndedStep => EndedStepRow {
        step = "s": Arc<JobStep>,
        end = "e": StepEnd,
    }
    StepUsage => StepUsageRow {
        user = "u": Duration,
        system = "s": Duration,
        max_rss_kb = "m": u64,
        max_rss_task = "t": u32,
        mean_rss_kb = "a": u64,
        read_bytes = "r": u64,
        written_bytes = "w": u64,
    }
    ClosedStep => ClosedStepRow {
        job = "j": JobId,
        submitted = "b": Timestamp,
        attempt = "a": u32,
        nodes = "n": Text,
        step = "s": EndedStep,
    }
}
