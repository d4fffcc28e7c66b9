//! Rows of where a job stands.

use super::{BadRow, Stored};
use domain::job::{
    Allocation, Attendant, Completing, Ended, Exit, Hold, IfGone, Outcome, Pause, Pending, Phase, Preemption,
    PutBack, Reason, Resize, Running, Steps, SuspendedBy, Usage, WayIn,
};
use domain::{JobId, Text, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

rows! {
    Running => RunningRow {
        started = "s": Timestamp,
        allocation = "a": Arc<Allocation>,
        until = "u": Timestamp,
        warned = "w": bool,
        stopped = "t": bool,
        boot = "b": Text,
        pause = "p": Option<Pause>,
        preemption = "m": Option<Preemption>,
        overtime = "o": Duration,
        steps = "S": Steps,
        shortened = "h": Option<u32>,
        attendant = "n": Option<Attendant>,
        told = "x": Exit,
        derived = "d": Exit,
        way_in = "i": WayIn,
        resizes = "z": Vec<Resize>,
        hold = "k": Hold,
    }
    Resize => ResizeRow {
        at = "a": Timestamp,
        ran = "r": Duration,
    }
    Attendant => AttendantRow {
        visit = "v": u32,
        if_gone = "g": IfGone,
        back_until = "b": Option<Timestamp>,
    }
    Pause => PauseRow {
        changed = "c": Timestamp,
        ran = "r": Duration,
        by = "b": Option<SuspendedBy>,
    }
    Preemption => PreemptionRow {
        at = "a": Timestamp,
        by = "b": JobId,
        requeue = "r": bool,
    }
    Completing => CompletingRow {
        run = "r": Running,
        since = "s": Timestamp,
        outcome = "o": Outcome,
        reason = "y": Reason,
        killed = "k": bool,
        cancelled_by = "c": Option<Uid>,
        requeue = "q": Option<Hold>,
        put_back = "p": PutBack,
    }
    Ended => EndedRow {
        outcome = "o": Outcome,
        reason = "y": Reason,
        ended = "e": Timestamp,
        exit = "x": Exit,
        usage = "u": Usage,
        cancelled_by = "c": Option<Uid>,
        run = "r": Option<Running>,
        remark = "m": Text,
    }
    Usage => UsageRow {
        user = "u": Duration,
        system = "s": Duration,
        max_rss_kb = "m": u64,
        peak_kb = "p": u64,
        read_bytes = "r": u64,
        written_bytes = "w": u64,
        energy_mj = "e": Option<u64>,
    }
}

codes! {
    Hold, "kind of hold" {
        None = 0,
        User = 1,
        Admin = 2,
    }
    PutBack, "way of being put back" {
        Plain = 0,
        Held = 1,
        SpecialExit = 2,
        LaunchFailed = 3,
        TooOften = 4,
        ReservationGone = 5,
    }
    WayIn, "way in" {
        InOrder = 0,
        Overtaking = 1,
        Submission = 2,
    }
    IfGone, "way to do without a program" {
        Cancel = 0,
        Expire = 1,
    }
    SuspendedBy, "kind of suspension" {
        Operator = 0,
        Scheduler = 1,
    }
}

/// A waiting job. When it is expected to start is not remembered: the scheduler finds out again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PendingRow {
    #[serde(rename = "y", skip_serializing_if = "super::is_zero")]
    reason: Text,
    #[serde(rename = "h", skip_serializing_if = "super::is_zero")]
    hold: u8,
    #[serde(rename = "t", skip_serializing_if = "super::is_zero")]
    retry_after: Option<i64>,
    #[serde(rename = "p", skip_serializing_if = "super::is_zero")]
    put_back: u8,
    #[serde(rename = "m", skip_serializing_if = "super::is_zero")]
    remark: Text,
}

impl Stored for Pending {
    type Row = PendingRow;

    fn to_row(&self) -> PendingRow {
        let Pending { reason, hold, retry_after, expected_start: _, put_back, remark } = self;
        PendingRow {
            reason: reason.to_row(),
            hold: hold.to_row(),
            retry_after: retry_after.to_row(),
            put_back: put_back.to_row(),
            remark: remark.to_row(),
        }
    }

    fn from_row(row: PendingRow) -> Result<Self, BadRow> {
        Ok(Pending {
            reason: Reason::from_row(row.reason)?,
            hold: Hold::from_row(row.hold)?,
            retry_after: Option::from_row(row.retry_after)?,
            expected_start: None,
            put_back: PutBack::from_row(row.put_back)?,
            remark: Text::from_row(row.remark)?,
        })
    }
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum PhaseRow {
    #[serde(rename = "p")]
    Pending(PendingRow),
    #[serde(rename = "r")]
    Running(Box<RunningRow>),
    #[serde(rename = "c")]
    Completing(Box<CompletingRow>),
    #[serde(rename = "e")]
    Ended(Box<EndedRow>),
}

impl Default for PhaseRow {
    fn default() -> Self {
        PhaseRow::Pending(PendingRow::default())
    }
}

impl Stored for Phase {
    type Row = PhaseRow;

    fn to_row(&self) -> PhaseRow {
        match self {
            Phase::Pending(pending) => PhaseRow::Pending(pending.to_row()),
            Phase::Running(running) => PhaseRow::Running(Box::new(running.to_row())),
            Phase::Completing(completing) => PhaseRow::Completing(Box::new(completing.to_row())),
            Phase::Ended(ended) => PhaseRow::Ended(Box::new(ended.to_row())),
        }
    }

    fn from_row(row: PhaseRow) -> Result<Self, BadRow> {
        Ok(match row {
            PhaseRow::Pending(pending) => Phase::Pending(Pending::from_row(pending)?),
            PhaseRow::Running(running) => Phase::Running(Box::from_row(*running)?),
            PhaseRow::Completing(completing) => Phase::Completing(Box::from_row(*completing)?),
            PhaseRow::Ended(ended) => Phase::Ended(Box::from_row(*ended)?),
        })
    }
}
