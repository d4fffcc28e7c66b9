//! The row of a finished attempt: what is asked for by columns, and what is left of the record beside them.

use super::record;
use crate::row::Stored;
use crate::writer::Parts;
use domain::job::{ArrayPart, Ended, Exit, Job, Phase};
use domain::{JobId, Timestamp};
use rusqlite::{Transaction, params};
use std::time::Duration;

/// An ended attempt as queue.db has it.
pub(super) struct Incoming {
    pub(super) id: i64,
    pub(super) job: JobId,
    pub(super) spec: i64,
    pub(super) parts: Option<Parts>,
    pub(super) nodes: String,
    pub(super) body: Vec<u8>,
}

/// What columns say about an ended job.
pub(super) struct Columns<'a> {
    job: &'a Job,
    ended: &'a Ended,
}

impl<'a> Columns<'a> {
    /// Looks at a job that has ended.
    pub(super) fn of(job: &'a Job) -> Option<Self> {
        match &job.phase {
            Phase::Ended(ended) => Some(Columns { job, ended }),
            _ => None,
        }
    }

    /// Writes the row; one that is there already is replaced.
    pub(super) fn insert(
        &self,
        transaction: &Transaction<'_>,
        nodes: &str,
        spec_row: i64,
        boot: i64,
        [script, environment, arguments]: [Option<i64>; 3],
    ) -> rusqlite::Result<()> {
        let sql = r#"
            INSERT OR REPLACE INTO attempt (
                job, attempt, array, task, user, user_name, group_id, group_name, account, partition, qos, wckey, name,
                nodes, node_count, cpus, memory, submit, eligible, start, "end", outcome, exit_code, exit_signal, reason,
                time_limit, priority, cpu_micros, max_rss, work_dir, spec, boot, script, environment, arguments, body
            ) VALUES (
                ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
                ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36
            )"#;
        let Columns { job, ended } = self;
        let spec = &job.spec;
        let (array, task) = self.task();
        let (exit_code, exit_signal) = self.exit();
        let (partition, node_count, cpus, memory) = self.share();
        let eligible = Some(job.eligible).filter(|at| *at != Timestamp::NEVER);
        transaction.prepare_cached(sql)?.execute(params![
            job.id.0,
            job.restarts,
            array,
            task,
            spec.owner.uid.0,
            spec.owner.name.as_str(),
            spec.owner.gid.0,
            spec.owner.group.as_str(),
            spec.account.as_str(),
            partition,
            spec.qos.as_str(),
            spec.wckey.as_str(),
            spec.name.as_str(),
            nodes,
            node_count,
            cpus,
            memory,
            job.submitted.micros(),
            eligible.map(Timestamp::micros),
            ended.run.as_ref().map(|run| run.started.micros()),
            ended.ended.micros(),
            ended.outcome.to_row(),
            exit_code,
            exit_signal,
            ended.reason.name(),
            spec.time_limit.minutes(),
            job.priority,
            micros(ended.usage.user.saturating_add(ended.usage.system)),
            small(ended.usage.max_rss_kb),
            spec.work_dir.as_str(),
            spec_row,
            boot,
            script,
            environment,
            arguments,
            record::rest(job),
        ])?;
        Ok(())
    }

    fn task(&self) -> (Option<u32>, Option<u32>) {
        match &self.job.array {
            Some(ArrayPart::Task { of, index, .. }) => (Some(of.0), Some(index.0)),
            // Tasks that never left their array end together, under its number.
            Some(ArrayPart::Pool { .. }) => (Some(self.job.id.0), None),
            None => (None, None),
        }
    }

    fn exit(&self) -> (Option<u8>, Option<u8>) {
        match self.ended.exit {
            Exit::None => (None, None),
            Exit::Code(code) => (Some(code), None),
            Exit::Signal(signal) => (None, Some(signal)),
        }
    }

    /// Returns partition, nodes, CPUs and memory it had; the partition it wanted if it never had any.
    fn share(&self) -> (&str, i64, u32, i64) {
        match &self.ended.run {
            Some(run) => {
                let allocation = &run.allocation;
                let nodes = i64::try_from(allocation.nodes.len()).unwrap_or(i64::MAX);
                (allocation.partition.as_str(), nodes, allocation.cpus(), small(allocation.memory()))
            }
            None => (self.job.spec.partition().as_str(), 0, 0, 0),
        }
    }
}

fn small(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
