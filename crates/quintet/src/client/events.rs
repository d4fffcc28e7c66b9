//! The service's stream of events: who changed state, as it happens.

use super::{Client, ClientError, NATIVE};
use reqwest::{Method, Response};
use serde::Deserialize;
use std::collections::VecDeque;

/// A job has changed its state.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    /// When, seconds since 1970.
    pub(crate) at: f64,
    /// The job's own number.
    pub(crate) job_id: u32,
    /// The array it is a task of.
    pub(crate) array_job_id: Option<u32>,
    /// Its index there.
    pub(crate) array_task_id: Option<u32>,
    /// The leader of the heterogeneous job it is a component of.
    pub(crate) het_job_id: Option<u32>,
    /// Its place there.
    pub(crate) het_job_offset: Option<u32>,
    /// Its name.
    pub(crate) name: String,
    /// Where it stood; nothing for a new job.
    pub(crate) from: Option<String>,
    /// Where it stands.
    pub(crate) to: String,
    /// Why.
    pub(crate) reason: String,
    /// What it left at its end.
    pub(crate) exit_code: Option<i64>,
    /// The signal that ended it.
    pub(crate) signal: Option<i64>,
}

impl Event {
    /// Returns the job's id as people write it.
    pub(crate) fn id(&self) -> String {
        let task = (self.array_job_id, self.array_task_id);
        crate::jobs::written(self.job_id, task, (self.het_job_id, self.het_job_offset))
    }
}

/// Events from now on.
pub(crate) struct EventStream {
    answer: Response,
    base: String,
    buffer: Buffer,
}

impl EventStream {
    /// Begins to follow. When this returns, whatever happens afterwards will be in the stream.
    pub(crate) async fn open(client: &Client) -> Result<Self, ClientError> {
        Self::with(client, &[]).await
    }

    /// Begins to follow a job, an array, or a task of one.
    pub(crate) async fn of_job(client: &Client, id: &str) -> Result<Self, ClientError> {
        Self::with(client, &[("job_id", id.to_owned())]).await
    }

    /// Begins to follow the jobs of a user.
    pub(crate) async fn of_user(client: &Client, user: &str) -> Result<Self, ClientError> {
        Self::with(client, &[("user", user.to_owned())]).await
    }

    async fn with(client: &Client, query: &[(&str, String)]) -> Result<Self, ClientError> {
        let answer = client.send(Method::GET, &format!("{NATIVE}/events"), query, None).await?;
        Ok(EventStream { answer, base: client.base().to_owned(), buffer: Buffer::default() })
    }

    /// Tells whether the next event is here already.
    pub(crate) fn has_next(&self) -> bool {
        !self.buffer.ready.is_empty()
    }

    /// Waits for the next event; `None` if the service has ended the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(event) = self.buffer.next() {
                return Ok(Some(event));
            }
            let piece = self.answer.chunk().await;
            match piece.map_err(|source| ClientError::Unreachable { base: self.base.clone(), source })? {
                Some(piece) => self.buffer.add(&piece),
                None => return Ok(None),
            }
        }
    }
}

/// Puts lines together to events.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    data: String,
    ready: VecDeque<Event>,
}

impl Buffer {
    fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn add(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            self.line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(data) = line.strip_prefix("data:") {
            self.data.push_str(data);
        } else if line.is_empty() {
            // What is no change of state (a gap, something later versions say) has no state to tell.
            let event = serde_json::from_str::<Event>(&std::mem::take(&mut self.data)).ok();
            self.ready.extend(event.filter(|event| !event.to.is_empty()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_arrive_in_any_pieces() {
        let text = concat!(
            ": connected\n\n",
            "id: 1\nevent: state\ndata: {\"job_id\":7,\"to\":\"PENDING\",\"name\":\"a\"}\n\n",
            "event: gap\ndata: {\"first\":4}\n\n",
            "id: 5\r\nevent: state\r\ndata: {\"job_id\":9,\"array_job_id\":7,\"array_task_id\":2,\"to\":\"RUNNING\",\"more\":1}\r\n\r\n",
            "id: 6\ndata: {\"job_id\":8",
        );
        for size in [1, 3, 1000] {
            let mut buffer = Buffer::default();
            text.as_bytes().chunks(size).for_each(|piece| buffer.add(piece));
            let events: Vec<(String, String)> =
                std::iter::from_fn(|| buffer.next()).map(|event| (event.id(), event.to)).collect();
            assert_eq!(events, [("7".into(), "PENDING".into()), ("7_2".into(), "RUNNING".into())], "{size}");
        }
    }
}
