//! Server-sent events: every change of a job's state, from where the reader left off.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::from_wire::Wish;
use super::super::job_name::{JobName, Part};
use super::super::{from_wire, reply, to_wire, wire};
use crate::http::answer::Answer;
use crate::site::Site;
use bytes::Bytes;
use domain::ChangeId;
use domain::service::{StateChange, Watching};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long nothing may be sent; proxies and browsers give up on silent connections.
const SILENCE: Duration = Duration::from_secs(15);
/// Changes looked at in one go.
const BATCH: usize = 256;

/// Sends events until the reader goes away or the service stops.
pub(in super::super) fn events(call: Call<'_>) -> Result<Answer, NativeError> {
    let wish = from_wire::wish(&call.parameters(from_wire::EVENTS)?, call.headers)?;
    let mut reader = EventReader::new(Arc::clone(call.site), wish);
    let greeting = reader.greeting();
    let pieces = futures_util::stream::unfold((greeting, reader), |(greeting, mut reader)| async {
        let text = match greeting {
            Some(text) => text,
            None => reader.next().await?,
        };
        Some((Bytes::from(text), (None, reader)))
    });
    Ok(reply::stream("text/event-stream", pieces, None))
}

struct EventReader {
    site: Arc<Site>,
    wish: Wish,
    /// The last change looked at.
    last: ChangeId,
    bell: watch::Receiver<ChangeId>,
    stop: watch::Receiver<bool>,
    #[expect(dead_code, reason = "as long as it is there a cluster is looked at often")]
    watching: Option<Watching>,
}

impl EventReader {
    fn new(site: Arc<Site>, wish: Wish) -> Self {
        let (bell, stop) = (site.jobs.feed().bell(), site.stop.clone());
        let latest = *bell.borrow();
        let last = wish.after.map_or(latest, ChangeId);
        let watching = site.jobs.watching();
        EventReader { site, wish, last, bell, stop, watching }
    }

    /// Returns what is sent at once, so that the reader knows it is connected.
    fn greeting(&mut self) -> Option<String> {
        let latest = *self.bell.borrow();
        let mut text = String::from(": connected\nretry: 1000\n\n");
        // Numbers from the future are from another life of the state directory: nothing follows on them.
        if self.last > latest {
            text.push_str(&self.gap(ChangeId(latest.0.saturating_add(1))));
        }
        Some(text)
    }

    /// Returns the next text to be sent, `None` if the service stops.
    async fn next(&mut self) -> Option<String> {
        let silent_until = Instant::now() + SILENCE;
        loop {
            self.bell.mark_unchanged();
            let text = match self.site.jobs.feed().after(self.last, BATCH) {
                Err(oldest) => self.gap(oldest),
                Ok(changes) if changes.is_empty() => {
                    tokio::select! {
                        changed = self.bell.changed() => changed.ok()?,
                        () = sleep_until(silent_until) => return Some(":\n\n".to_owned()),
                        _ = self.stop.wait_for(|stop| *stop) => return None,
                    }
                    continue;
                }
                Ok(changes) => self.told(&changes),
            };
            if !text.is_empty() {
                return Some(text);
            }
        }
    }

    fn told(&mut self, changes: &[StateChange]) -> String {
        self.last = changes.last().map_or(self.last, |change| change.id);
        let mut text = String::new();
        for change in changes.iter().filter(|change| self.wants(change)) {
            push(&mut text, change.id, "job", &to_wire::change(change));
        }
        text
    }

    /// Says that changes are missing, and goes on with the oldest that is left.
    fn gap(&mut self, oldest: ChangeId) -> String {
        self.last = ChangeId(oldest.0.saturating_sub(1));
        let mut text = String::new();
        push(&mut text, self.last, "gap", &wire::Gap { oldest: oldest.0 });
        text
    }

    fn wants(&self, change: &StateChange) -> bool {
        let leads = |name: JobName| change.het.filter(|part| part.leader == name.number);
        let job = self.wish.job.is_none_or(|name| match (name.part, change.task) {
            (None, task) => {
                let of_array = task.is_some_and(|(array, _)| array == name.number);
                change.job == name.number || of_array || leads(name).is_some()
            }
            (Some(Part::Task(wanted)), Some((array, index))) => array == name.number && index == wanted,
            (Some(Part::Task(_)), None) => false,
            (Some(Part::Component(offset)), _) => leads(name).is_some_and(|part| part.offset == offset),
        });
        job && self.wish.user.as_ref().is_none_or(|user| *user == change.user)
    }
}

fn push(text: &mut String, id: ChangeId, event: &str, content: &impl serde::Serialize) {
    use std::fmt::Write;
    match serde_json::to_string(content) {
        // Writing to a string cannot fail. JSON has no line breaks of its own, so it is one line of data.
        Ok(content) => _ = write!(text, "id: {id}\nevent: {event}\ndata: {content}\n\n"),
        Err(error) => tracing::error!(%error, "an event could not be written"),
    }
}
