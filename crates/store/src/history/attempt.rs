//! The row of a finished attempt: what is searched for by columns, and what is left of the record beside them.

use super::record;
use super::shared::{Class, Seen};
use crate::row::Stored;
use crate::writer::Parts;
use domain::job::{ArrayPart, Ended, Exit, Job, Phase, Reason};
use domain::{JobId, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};

/// Rows of a block: the table of blocks says between which times each lies.
pub(super) const BLOCK: i64 = 1024;

/// An ended attempt as queue.db has it.
pub(super) struct Incoming {
    pub(super) id: i64,
    pub(super) job: JobId,
    pub(super) spec: i64,
    pub(super) parts: Option<Parts>,
    pub(super) nodes: String,
    pub(super) body: Vec<u8>,
    pub(super) also: Option<Vec<u8>>,
}

/// What columns say about an ended job.
pub(super) struct Columns<'a> {
    job: &'a Job,
    ended: &'a Ended,
}

/// Rows of contents that an attempt refers to.
pub(super) struct Contents {
    pub(super) spec: i64,
    pub(super) boot: i64,
    pub(super) parts: [Option<i64>; 3],
    /// What it held that its record does not name.
    pub(super) also: Option<Vec<u8>>,
}

impl<'a> Columns<'a> {
    /// Looks at a job that has ended.
    pub(super) fn of(job: &'a Job) -> Option<Self> {
        match &job.phase {
            Phase::Ended(ended) => Some(Columns { job, ended }),
            _ => None,
        }
    }

    /// Writes the row, unless it is there already; returns the class of an attempt that is new.
    pub(super) fn insert(
        &self,
        history: &Transaction<'_>,
        seen: &mut Seen,
        nodes: &str,
        contents: &Contents,
    ) -> rusqlite::Result<Option<i64>> {
        let Columns { job, ended } = self;
        let age = ended.ended.micros().saturating_sub(job.submitted.micros());
        if self.is_there(history, age)? {
            return Ok(None);
        }
        let sql = r#"
            INSERT INTO past (
                job, attempt, class, outcome, exit, "end", age, held, ran, name, nodes, reason, array, task,
                time_limit, work_dir, spec, boot, script, environment, arguments, body, also, way
            ) VALUES (
                ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
                ?23, ?24
            )"#;
        let class = seen.class(history, Class::of(job))?;
        let [script, environment, arguments] = contents.parts;
        let (array, task) = self.task();
        let held = Some(job.eligible).filter(|at| *at != Timestamp::NEVER);
        let ran = ended.run.as_ref();
        let row = history.prepare_cached(sql)?.insert(params![
            job.id.0,
            job.restarts,
            class,
            ended.outcome.to_row(),
            exit(ended.exit),
            ended.ended.micros(),
            age,
            held.map(|at| at.micros().saturating_sub(job.submitted.micros())),
            ran.map(|run| ended.ended.micros().saturating_sub(run.started.micros())),
            seen.word(history, &job.spec.name)?,
            seen.nodelist(history, nodes)?,
            seen.word(history, reason_word(ended.reason.name()))?,
            array,
            task,
            job.spec.time_limit.minutes(),
            seen.word(history, &job.spec.work_dir)?,
            contents.spec,
            contents.boot,
            script,
            environment,
            arguments,
            record::rest(job),
            contents.also,
            ran.map(|run| run.way_in.to_row()),
        ])?;
        let sql = r#"INSERT INTO block (id, submit, "end", last) VALUES (?1, ?2, ?3, ?3) ON CONFLICT (id) DO UPDATE
            SET submit = min(submit, ?2), "end" = min("end", ?3), last = max(last, ?3)"#;
        history.prepare_cached(sql)?.execute([row / BLOCK, job.submitted.micros(), ended.ended.micros()])?;
        Ok(Some(class))
    }

    /// Tells whether this attempt has been recorded. Its number may have been given to another job, years ago.
    fn is_there(&self, history: &Transaction<'_>, age: i64) -> rusqlite::Result<bool> {
        let sql = r#"SELECT 1 FROM past WHERE job = ?1 AND attempt = ?2 AND "end" = ?3 AND age = ?4"#;
        let key = params![self.job.id.0, self.job.restarts, self.ended.ended.micros(), age];
        Ok(history.prepare_cached(sql)?.query_row(key, |_| Ok(())).optional()?.is_some())
    }

    fn task(&self) -> (Option<u32>, Option<u32>) {
        match &self.job.array {
            Some(ArrayPart::Task { of, index, .. }) => (Some(of.0), Some(index.0)),
            // Tasks that never left their array end together, under its number.
            Some(ArrayPart::Pool { .. }) => (Some(self.job.id.0), None),
            None => (None, None),
        }
    }
}

/// Returns the word under which a reason is kept: the empty one for none.
pub(super) fn reason_word(name: &str) -> &str {
    if name == Reason::None.name() { "" } else { name }
}

/// Writes what a script left as one number.
pub(super) fn exit(exit: Exit) -> Option<i64> {
    match exit {
        Exit::None => None,
        Exit::Code(code) => Some(code.into()),
        Exit::Signal(signal) => Some(-i64::from(signal)),
    }
}
