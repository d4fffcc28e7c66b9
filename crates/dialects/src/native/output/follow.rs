//! Shows a job's output: what is there, or all of it until the job has ended. Memory stays at one piece for each
//! reader, who sets the pace.

use super::super::error::NativeError;
use super::super::from_wire::{Extent, From};
use super::super::job_name::JobName;
use super::find::{Stream, Subject};
use super::read::{part, piece, start};
use crate::output::{Closed, Reader, open_output};
use crate::site::Site;
use bytes::Bytes;
use domain::job::Phase;
use domain::service::Watching;
use domain::who::Principal;
use domain::{ChangeId, Error, Problem, Text};
use std::fs::File;
use std::future::pending;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

/// How soon a file is looked at again after something was written to it.
const SOON: Duration = Duration::from_millis(100);
/// How late it is looked at again if nothing is.
const LATE: Duration = Duration::from_millis(250);

/// What is shown.
pub(in super::super) struct Shown {
    /// Where in the file it begins; zero where there is no file yet.
    pub(in super::super) begins_at: u64,
    /// How much it is, if that is known.
    pub(in super::super) length: Option<u64>,
    /// Where it ends and how long the file is, if a part was asked for.
    pub(in super::super) part: Option<(u64, u64)>,
    pub(in super::super) pieces: std::pin::Pin<Box<dyn futures_util::Stream<Item = Bytes> + Send>>,
}

/// Finds a job's output and begins to show it.
pub(in super::super) async fn show(
    site: &Arc<Site>,
    by: &Principal,
    name: JobName,
    stream: Stream,
    extent: Extent,
) -> Result<Shown, NativeError> {
    let subject = {
        let site = Arc::clone(site);
        let waiting_will_not_do = !extent.follows();
        blocking(move || subject(&site, name, waiting_will_not_do)).await??
    };
    if !by.may_change(&subject.job) {
        return Err(Error::from(Problem::NotOwner).into());
    }
    let may_come = extent.follows() && !subject.job.is_final();
    if subject.waits() && !extent.follows() {
        return Err(NativeError::NotStarted(subject.job.id));
    }
    if subject.path(stream).is_none() && !(may_come && subject.waits()) {
        return Err(NativeError::NoOutput(subject.job.id));
    }
    let mut follower = Follower::new(Arc::clone(site), subject, stream, extent);
    match follower.open().await {
        Ok(()) => {}
        Err(NativeError::NoFile(_)) if may_come => {}
        Err(error) => return Err(error),
    }
    let (begins_at, part) = match &follower.file {
        Some(Opened { at, until: Some(until), length, .. }) => (*at, Some((*until, *length))),
        Some(opened) => (opened.at, None),
        None => {
            // A file that is yet to come is shown from its beginning.
            follower.extent = Extent::Follow(From::Offset(0));
            (0, None)
        }
    };
    let length = part.map(|(until, _)| until.saturating_sub(begins_at));
    let part = part.filter(|_| matches!(extent, Extent::Part(_)));
    let pieces = futures_util::stream::unfold(follower, |mut follower| async {
        let piece = follower.next().await?;
        Some((piece, follower))
    });
    Ok(Shown { begins_at, length, part, pieces: Box::pin(pieces) })
}

/// Finds the job. Who would not wait for a job that was put back gets the output of its last attempt.
fn subject(site: &Site, name: JobName, waiting_will_not_do: bool) -> Result<Subject, NativeError> {
    let subject = Subject::find(site, name)?;
    if subject.waits() && waiting_will_not_do {
        return Ok(Subject::finished(site, name)?.unwrap_or(subject));
    }
    Ok(subject)
}

impl Extent {
    /// Tells whether the end of the job is the end of it.
    fn follows(self) -> bool {
        matches!(self, Extent::Follow(_))
    }
}

/// Reads a file that grows.
struct Follower {
    site: Arc<Site>,
    subject: Subject,
    stream: Stream,
    extent: Extent,
    file: Option<Opened>,
    /// File and place that were read last, for a job that is put back and goes on writing there.
    left: Option<(FileId, u64)>,
    bell: watch::Receiver<ChangeId>,
    stop: watch::Receiver<bool>,
    pause: Duration,
    #[expect(dead_code, reason = "as long as it is there a cluster is looked at often")]
    watching: Option<Watching>,
}

/// A file that is read.
struct Opened {
    file: Arc<File>,
    id: FileId,
    /// The next byte to be read.
    at: u64,
    /// Nothing is read from here on.
    until: Option<u64>,
    /// How long it was when it was opened.
    length: u64,
    /// The attempt whose output it is.
    attempt: u32,
}

/// What makes a file the same one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

/// What is known about a job's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Something may still be written.
    Goes,
    /// Nothing is written any more.
    Over,
}

impl Follower {
    fn new(site: Arc<Site>, subject: Subject, stream: Stream, extent: Extent) -> Self {
        let (bell, stop) = (site.jobs.feed().bell(), site.stop.clone());
        let watching = site.jobs.watching();
        Follower { site, subject, stream, extent, file: None, left: None, bell, stop, pause: SOON, watching }
    }

    /// Returns the next piece, `None` after the last.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // In this order: whatever was written before the end is still read after the end is seen.
            let course = self.look().await;
            if self.file.is_none() && !self.try_open().await {
                return None;
            }
            let piece = self.read().await?;
            if !piece.is_empty() {
                self.pause = SOON;
                return Some(Bytes::from(piece));
            }
            if course == Course::Over || !self.extent.follows() || *self.stop.borrow() {
                return None;
            }
            if !self.turn_to_next_attempt() {
                self.wait().await;
            }
        }
    }

    /// Looks how the job stands.
    async fn look(&mut self) -> Course {
        if !self.extent.follows() {
            return Course::Over;
        }
        self.bell.mark_unchanged();
        let is_live = self.subject.refresh(&self.site.jobs.snapshot());
        if is_live {
            return if self.subject.job.is_final() { Course::Over } else { Course::Goes };
        }
        // It has left the live ones. Whoever has not seen it start learns from history where its output is.
        if self.file.is_none() && self.subject.waits() {
            let (site, name) = (Arc::clone(&self.site), self.subject.name);
            if let Ok(Ok(Some(finished))) = blocking(move || Subject::finished(&site, name)).await {
                self.subject = finished;
            }
        }
        Course::Over
    }

    /// Opens the file if it is there by now; `false` if it never can be.
    async fn try_open(&mut self) -> bool {
        if self.subject.path(self.stream).is_none() {
            return true;
        }
        match self.open().await {
            Ok(()) | Err(NativeError::NoFile(_)) => true,
            Err(error) => {
                // The answer has begun; all that is left is to end it.
                tracing::debug!(job.id = self.subject.job.id.0, %error, "output cannot be followed");
                false
            }
        }
    }

    /// Opens the file; without one as yet, does nothing.
    async fn open(&mut self) -> Result<(), NativeError> {
        let Some(path) = self.subject.path(self.stream) else { return Ok(()) };
        let (site, job) = (Arc::clone(&self.site), Arc::clone(&self.subject.job));
        let (extent, left) = (self.extent, self.left);
        let opened = blocking(move || {
            let reader = Reader::of(&job.spec.owner, &**site.jobs.directory());
            let file = open_output(&path, &reader).map_err(|closed| not_opened(path.clone(), closed))?;
            begun(file, path, extent, left)
        });
        let opened = opened.await??;
        self.file = Some(Opened { attempt: self.subject.job.restarts, ..opened });
        Ok(())
    }

    /// Reads the next piece; empty if there is nothing for now, `None` if the file cannot be read.
    async fn read(&mut self) -> Option<Vec<u8>> {
        let Some(opened) = &mut self.file else { return Some(Vec::new()) };
        let (file, at, until) = (Arc::clone(&opened.file), opened.at, opened.until);
        match blocking(move || piece(&file, at, until)).await {
            Ok(Ok(piece)) => {
                opened.at = piece.at + piece.bytes.len() as u64;
                Some(piece.bytes)
            }
            Ok(Err(error)) => {
                tracing::debug!(job.id = self.subject.job.id.0, %error, "output cannot be read any further");
                None
            }
            Err(_) => None,
        }
    }

    /// Leaves the file of an attempt that is over once another one has begun; tells whether it did.
    fn turn_to_next_attempt(&mut self) -> bool {
        let job = &self.subject.job;
        let other = |opened: &mut Opened| opened.attempt != job.restarts && job.run().is_some();
        let Some(opened) = self.file.take_if(other) else { return false };
        self.left = Some((opened.id, opened.at));
        true
    }

    /// Waits until there may be something new: the job has changed, the service stops, or it is time to look at the
    /// file again.
    async fn wait(&mut self) {
        let runs = matches!(self.subject.job.phase, Phase::Running(_) | Phase::Completing(_));
        let pause = self.pause;
        self.pause = LATE.min(pause * 2);
        let tick = async {
            match runs {
                true => tokio::time::sleep(pause).await,
                false => pending().await,
            }
        };
        let mut tick = std::pin::pin!(tick);
        loop {
            tokio::select! {
                () = &mut tick => return,
                _ = self.stop.wait_for(|stop| *stop) => return,
                changed = self.bell.changed() => {
                    if changed.is_err() || self.subject.has_changed(&self.site.jobs.snapshot()) {
                        return;
                    }
                }
            }
        }
    }
}

/// Decides where reading begins and ends.
fn begun(file: File, path: Text, extent: Extent, left: Option<(FileId, u64)>) -> Result<Opened, NativeError> {
    let failed = |source| NativeError::FileFailed { path: path.clone(), source };
    let metadata = file.metadata().map_err(failed)?;
    let (id, length) = (FileId(metadata.dev(), metadata.ino()), metadata.len());
    let (at, until) = match (extent, left) {
        (Extent::Part(range), _) => {
            let (start, end) = part(length, range).ok_or(NativeError::NoSuchPart(length))?;
            (start, Some(end))
        }
        (Extent::Now(from), _) => (start(&file, length, from).map_err(failed)?, Some(length)),
        (Extent::Follow(_), Some((before, at))) if before == id && at <= length => (at, None),
        (Extent::Follow(_), Some(_)) => (0, None),
        (Extent::Follow(from), None) => (start(&file, length, from).map_err(failed)?, None),
    };
    Ok(Opened { file: Arc::new(file), id, at, until, length, attempt: 0 })
}

fn not_opened(path: Text, closed: Closed) -> NativeError {
    match closed {
        Closed::Missing => NativeError::NoFile(path),
        Closed::Refused(why) => NativeError::FileRefused { path, why },
        Closed::Failed(source) => NativeError::FileFailed { path, source },
    }
}

/// Does something that blocks where that hurts nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, NativeError> {
    spawn_blocking(work).await.map_err(|error| Error::Bug(Text::from(error.to_string())).into())
}
