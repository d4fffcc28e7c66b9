//! One batch into queue.db, all of it or nothing.

use super::ledger::{Known, Ledger, NO_JOB, NO_SPEC, Parts, Place};
use super::recent::Recent;
use crate::content::{Content, Packer};
use crate::row::{also, book, encode, encode_job, encoded, usage};
use domain::job::{ArrayPart, Job, JobSpec, Payload};
use domain::ports::{Batch, Closed, ClosedStep};
use domain::service::StateChange;
use domain::{ChangeId, JobId};
use rusqlite::{CachedStatement, Connection, params};
use std::sync::Arc;

/// What a batch is written with.
pub(super) struct Recording<'a> {
    pub(super) statements: Statements<'a>,
    pub(super) ledger: &'a mut Ledger,
    pub(super) recent: &'a mut Recent,
    pub(super) packer: &'a mut Packer,
    /// Closed attempts up to this one are safe in history.
    pub(super) synced: i64,
    /// A row while it is made; its memory is used again.
    pub(super) row: Vec<u8>,
    /// Bytes of the rows written.
    pub(super) written: usize,
}

/// Why a batch was not recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRecorded {
    /// SQLite could not.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// There is no live job with this number that could have a payload.
    #[error("there is no job {0} that this script could belong to")]
    Orphan(JobId),
}

type Recorded<T = ()> = Result<T, NotRecorded>;

macro_rules! statements {
    ($($name:ident: $sql:literal;)*) => {
        /// Every statement a commit may need.
        pub(super) struct Statements<'a> {
            $($name: CachedStatement<'a>,)*
        }

        impl<'a> Statements<'a> {
            /// Looks them up in the connection's cache.
            pub(super) fn of(connection: &'a Connection) -> rusqlite::Result<Self> {
                Ok(Statements { $($name: connection.prepare_cached($sql)?,)* })
            }
        }
    };
}

statements! {
    add_job: "INSERT INTO job (id, array, spec, script, environment, arguments, body)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    change_job: "UPDATE job SET body = ?2 WHERE id = ?1";
    move_job: "UPDATE job SET array = ?2, spec = ?3, body = ?4 WHERE id = ?1";
    set_parts: "UPDATE job SET script = ?2, environment = ?3, arguments = ?4 WHERE id = ?1 OR array = ?1";
    remove_job: "DELETE FROM job WHERE id = ?1";
    add_spec: "INSERT INTO spec (id, body) VALUES (?1, ?2)";
    remove_spec: "DELETE FROM spec WHERE id = ?1";
    add_content: "INSERT INTO content (id, codec, size, body) VALUES (?1, ?2, ?3, ?4)";
    remove_content: "DELETE FROM content WHERE id = ?1";
    add_closed: "INSERT INTO closed (id, job, array, spec, script, environment, arguments, nodes, body, also)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    remove_closed: "DELETE FROM closed WHERE id <= ?1";
    add_change: "INSERT OR REPLACE INTO change (last, body) VALUES (?1, ?2)";
    remove_changes: "DELETE FROM change WHERE last <= ?1";
    remove_member: "DELETE FROM member WHERE name = ?1";
    remove_node: "DELETE FROM node WHERE name = ?1";
    put_node: "INSERT OR REPLACE INTO node (name, body) VALUES (?1, ?2)";
    put_crontab: "INSERT OR REPLACE INTO crontab (user, body) VALUES (?1, ?2)";
    remove_crontab: "DELETE FROM crontab WHERE user = ?1";
    put_reservation: "INSERT OR REPLACE INTO reservation (id, body) VALUES (?1, ?2)";
    remove_reservation: "DELETE FROM reservation WHERE id = ?1";
    add_receipt: "INSERT INTO receipt (id, body) VALUES (?1, ?2)";
    remove_receipts: "DELETE FROM receipt WHERE id <= ?1";
    put_book: "INSERT OR REPLACE INTO book (kind, name, body) VALUES (?1, ?2, ?3)";
    put_usage: "INSERT OR REPLACE INTO usage (kind, id, body) VALUES (?1, ?2, ?3)";
    remove_book: "DELETE FROM book WHERE kind = ?1 AND name = ?2";
    put_number: "INSERT OR REPLACE INTO number (name, value) VALUES (?1, ?2)";
}

impl Recording<'_> {
    /// Writes a batch within the transaction that is open.
    ///
    /// Uses are added before they are taken away, so that a row which only changes its user is not written again.
    pub(super) fn record(&mut self, batch: &Batch) -> Recorded {
        for (id, payload) in &batch.payloads {
            self.payload(*id, payload)?;
        }
        for step in &batch.steps {
            self.closed_step(step)?;
        }
        for closed in &batch.closed {
            self.closed(closed)?;
        }
        for job in &batch.jobs {
            self.job(job)?;
        }
        for (id, _) in &batch.payloads {
            if self.ledger.is_orphan(*id) {
                return Err(NotRecorded::Orphan(*id));
            }
        }
        for id in &batch.gone {
            self.gone(*id)?;
        }
        if !batch.occurrence.is_nothing() {
            self.row.clear();
            encode(&batch.occurrence, &mut self.row);
            self.without_request(NO_JOB, "")?;
        }
        self.forget_closed()?;
        self.changes(&batch.changes, batch.forget_changes)?;
        for name in &batch.removed_members {
            self.statements.remove_member.execute([name.as_str()])?;
        }
        for record in &batch.books {
            let (kind, name) = book::place(&record.key());
            let body = book::body(record);
            self.written += body.len();
            self.statements.put_book.execute(params![kind, name.as_str(), body])?;
        }
        for (by, past) in &batch.usage {
            let (kind, id) = usage::place(*by);
            let body = encoded(past);
            self.written += body.len();
            self.statements.put_usage.execute(params![kind, id, body])?;
        }
        if let Some(until) = batch.accounted {
            self.statements.put_number.execute(params![usage::ACCOUNTED, until.seconds()])?;
        }
        for key in &batch.removed_books {
            let (kind, name) = book::place(key);
            self.statements.remove_book.execute(params![kind, name.as_str()])?;
        }
        if let Some(last) = batch.last_numbers {
            for (name, number) in book::numbers(last) {
                self.statements.put_number.execute(params![name, number])?;
            }
        }
        for name in &batch.removed_nodes {
            self.statements.remove_node.execute([name.as_str()])?;
        }
        for mark in &batch.nodes {
            self.statements.put_node.execute(params![mark.node.as_str(), encoded(mark)])?;
        }
        for crontab in &batch.crontabs {
            self.statements.put_crontab.execute(params![crontab.owner.uid.0, encoded(&**crontab)])?;
        }
        for owner in &batch.removed_crontabs {
            self.statements.remove_crontab.execute([owner.0])?;
        }
        for reservation in &batch.reservations {
            self.statements.put_reservation.execute(params![reservation.number, encoded(&**reservation)])?;
        }
        for number in &batch.removed_reservations {
            self.statements.remove_reservation.execute([number])?;
        }
        for receipt in &batch.receipts {
            self.statements.add_receipt.execute(params![receipt.number as i64, encoded(receipt)])?;
        }
        if let Some(last) = batch.forget_receipts {
            self.statements.remove_receipts.execute([last as i64])?;
        }
        if let Some(last) = batch.last_reservation {
            self.statements.put_number.execute(params!["last reservation", last])?;
        }
        if let Some(next) = batch.next_id {
            self.statements.put_number.execute(params!["next job", next.0])?;
        }
        Ok(())
    }

    fn payload(&mut self, id: JobId, payload: &Payload) -> Recorded {
        let parts = Parts {
            script: self.content(Content::Script(Arc::clone(&payload.script)))?,
            environment: self.content(Content::Lines(Arc::clone(&payload.environment)))?,
            arguments: self.content(Content::Lines(Arc::clone(&payload.arguments)))?,
        };
        if let Some(before) = self.ledger.put_parts(id, parts) {
            self.leave_parts(before)?;
        }
        // A new job gets these with its own row.
        if !self.ledger.is_orphan(id) {
            let Parts { script, environment, arguments } = parts;
            self.statements.set_parts.execute(params![id.0, script, environment, arguments])?;
        }
        Ok(())
    }

    /// Returns the row of a content, used once more.
    fn content(&mut self, content: Content) -> Recorded<i64> {
        if content.is_empty() {
            return Ok(0);
        }
        if let Some(id) = self.recent.id_of(&content).filter(|id| self.ledger.has_content(*id)) {
            self.ledger.use_content(id);
            return Ok(id);
        }
        let packed = content.packed(self.packer);
        let id = self.ledger.new_content();
        self.statements.add_content.execute(params![id, packed.codec, packed.size, packed.body])?;
        self.written += packed.body.len();
        self.recent.keep(id, content);
        Ok(id)
    }

    fn leave_parts(&mut self, parts: Parts) -> Recorded {
        for id in parts.rows() {
            if self.ledger.leave_content(id) {
                self.statements.remove_content.execute([id])?;
            }
        }
        Ok(())
    }

    /// Returns the row of a request, used once more.
    fn spec(&mut self, spec: &Arc<JobSpec>) -> Recorded<i64> {
        let place = self.ledger.use_spec(spec);
        if let Place::New(id) = place {
            self.row.clear();
            encode(&**spec, &mut self.row);
            self.statements.add_spec.execute(params![id, self.row])?;
            self.written += self.row.len();
        }
        Ok(place.id())
    }

    fn leave_spec(&mut self, id: i64) -> Recorded {
        if self.ledger.leave_spec(id) {
            self.statements.remove_spec.execute([id])?;
        }
        Ok(())
    }

    fn job(&mut self, job: &Job) -> Recorded {
        let array = job.array_id();
        let is_task = matches!(job.array, Some(ArrayPart::Task { .. }));
        let array_column = is_task.then_some(array.0);
        match self.ledger.job(job.id) {
            Some(known) if known == (Known { spec: self.spec_id(job), array, is_task }) => {
                self.encode(job);
                self.statements.change_job.execute(params![job.id.0, self.row])?;
            }
            Some(known) => {
                let spec = self.spec(&job.spec)?;
                self.encode(job);
                self.statements.move_job.execute(params![job.id.0, array_column, spec, self.row])?;
                self.ledger.use_payload(array);
                self.ledger.put_job(job.id, Known { spec, array, is_task });
                self.leave(known)?;
            }
            None => {
                let spec = self.spec(&job.spec)?;
                self.ledger.use_payload(array);
                self.ledger.put_job(job.id, Known { spec, array, is_task });
                let parts = self.ledger.parts(array);
                self.encode(job);
                self.statements.add_job.execute(params![
                    job.id.0,
                    array_column,
                    spec,
                    parts.map(|parts| parts.script),
                    parts.map(|parts| parts.environment),
                    parts.map(|parts| parts.arguments),
                    self.row,
                ])?;
            }
        }
        self.written += self.row.len();
        Ok(())
    }

    /// Returns the row of a job's request; zero, which no row has, if there is none yet.
    fn spec_id(&self, job: &Job) -> i64 {
        self.ledger.spec_id(&job.spec).unwrap_or(0)
    }

    fn encode(&mut self, job: &Job) {
        self.row.clear();
        encode_job(job, &mut self.row);
    }

    fn gone(&mut self, id: JobId) -> Recorded {
        if let Some(known) = self.ledger.take_job(id) {
            self.statements.remove_job.execute([id.0])?;
            self.leave(known)?;
        }
        Ok(())
    }

    fn leave(&mut self, known: Known) -> Recorded {
        self.leave_spec(known.spec)?;
        match self.ledger.leave_payload(known.array) {
            Some(parts) => self.leave_parts(parts),
            None => Ok(()),
        }
    }

    fn closed(&mut self, closed: &Closed) -> Recorded {
        let job = &closed.job;
        let spec = self.spec(&job.spec)?;
        let array = job.array_id();
        let parts = self.ledger.parts(array);
        for id in parts.into_iter().flat_map(Parts::rows) {
            self.ledger.use_content(id);
        }
        let id = self.ledger.add_closed(spec, parts);
        self.encode(job);
        self.statements.add_closed.execute(params![
            id,
            job.id.0,
            matches!(job.array, Some(ArrayPart::Task { .. })).then_some(array.0),
            spec,
            parts.map(|parts| parts.script),
            parts.map(|parts| parts.environment),
            parts.map(|parts| parts.arguments),
            closed.nodes.as_str(),
            self.row,
            also::to_blob(&closed.also),
        ])?;
        self.written += self.row.len();
        Ok(())
    }

    /// A step goes the way of closed attempts, as one without a request.
    fn closed_step(&mut self, step: &ClosedStep) -> Recorded {
        self.row.clear();
        encode(step, &mut self.row);
        self.without_request(step.job, &step.nodes)
    }

    /// Puts the row among the closed attempts; what happens beside jobs goes that way as well.
    fn without_request(&mut self, job: JobId, nodes: &str) -> Recorded {
        let id = self.ledger.add_closed(NO_SPEC, None);
        let nothing = None::<i64>;
        self.statements.add_closed.execute(params![
            id,
            job.0,
            nothing,
            NO_SPEC,
            nothing,
            nothing,
            nothing,
            nodes,
            self.row,
            None::<Vec<u8>>,
        ])?;
        self.written += self.row.len();
        Ok(())
    }

    fn forget_closed(&mut self) -> Recorded {
        let mut any = false;
        while let Some((spec, parts)) = self.ledger.take_closed(self.synced) {
            any = true;
            self.leave_spec(spec)?;
            if let Some(parts) = parts {
                self.leave_parts(parts)?;
            }
        }
        if any {
            self.statements.remove_closed.execute([self.synced])?;
        }
        Ok(())
    }

    fn changes(&mut self, changes: &[StateChange], forget: Option<ChangeId>) -> Recorded {
        if let Some(last) = changes.last() {
            self.row.clear();
            for change in changes {
                encode(change, &mut self.row);
            }
            self.statements.add_change.execute(params![last.id.0 as i64, self.row])?;
            self.written += self.row.len();
        }
        if let Some(last) = forget {
            self.statements.remove_changes.execute([last.0 as i64])?;
        }
        Ok(())
    }
}
