//! Jobs of a batch: listed, shown, cancelled.

use super::super::arguments::{self, Arguments, LINE};
use super::super::batches::{self, Found};
use super::super::error::EtError;
use super::super::script::ARGUMENTS;
use super::super::{reply, to_wire};
use super::World;
use super::batches::{end, single};
use crate::http::answer::Answer;
use crate::ids::Kind;
use domain::TaskIndex;
use domain::job::TaskSet;
use domain::ports::{FolderError, Place};
use domain::state::Standing;
use hyper::body::Incoming;
use std::collections::BTreeMap;

/// So many jobs' arguments are read at once.
const AT_ONCE: u32 = 1000;

/// Lists the jobs of a batch in the order in which they were submitted; with `status`, only those that stand so; with
/// `offset` and `limit`, a part.
pub(in super::super) async fn list(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let written = world.apart(move |world| {
        let found = batches::find(world, &id)?;
        let wanted = world.parameter("status").map(state).transpose()?;
        // Elsewhere tasks have any numbers, and nobody but their records knows them.
        let standings = match (wanted, &found.origin) {
            (None, Some(_)) => None,
            _ => Some(found.standings(world)?),
        };
        let indexes = indexes(&found, wanted, standings.as_ref());
        let offset = usize::try_from(world.number("offset")?.unwrap_or(0)).unwrap_or(usize::MAX);
        let limit =
            world.number("limit")?.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        written(world, &found, indexes.into_iter().skip(offset).take(limit))
    });
    Ok(reply::written(written.await?))
}

/// Reads the name of a state; its place.
fn state(name: &str) -> Result<usize, EtError> {
    let place = to_wire::STATES.iter().position(|state| state.eq_ignore_ascii_case(name));
    place.ok_or_else(|| EtError::Bad(format!("status is one of {}", to_wire::STATES.join(", "))))
}

fn indexes(found: &Found, wanted: Option<usize>, standings: Option<&BTreeMap<u32, Standing>>) -> Vec<u32> {
    match standings {
        None => (0..found.jobs()).collect(),
        Some(standings) => {
            let stands =
                |standing: &Standing| wanted.is_none_or(|wanted| batches::place_of(*standing) == wanted);
            standings.iter().filter(|(_, standing)| stands(standing)).map(|(index, _)| *index).collect()
        }
    }
}

/// Writes the list, with the arguments as they are read.
fn written(world: &World, found: &Found, indexes: impl Iterator<Item = u32>) -> Result<Vec<u8>, EtError> {
    let mut reader = Reader::new(world, found);
    let common = reader.common()?;
    let mut list = vec![b'['];
    for index in indexes {
        if list.len() > 1 {
            list.push(b',');
        }
        let own = reader.own(index)?;
        let task = found.is_array().then_some(TaskIndex(index));
        let shown = to_wire::job(world, found, task, &arguments::laid_over(&common, &own));
        serde_json::to_writer(&mut list, &shown).map_err(|_| EtError::Internal)?;
    }
    list.push(b']');
    Ok(list)
}

/// Shows a job of a batch.
pub(in super::super) async fn show(
    world: World,
    body: Incoming,
    id: String,
    job: String,
) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let shown = world.apart(move |world| {
        let (found, task) = member_of(world, &id, &job)?;
        let member = found.member(world, task)?.ok_or(EtError::NotFound("Job"))?;
        let mut reader = Reader::new(world, &found);
        let (common, own) = (reader.common()?, reader.own(task.map_or(0, |task| task.0))?);
        let arguments = arguments::laid_over(&common, &own);
        Ok(single(world, to_wire::job_status(world, &found, task, &arguments, &member)))
    });
    Ok(reply::json(&shown.await?))
}

/// Cancels a job of a batch.
pub(in super::super) async fn cancel(
    world: World,
    body: Incoming,
    id: String,
    job: String,
) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let meant = world.apart(move |world| {
        let (found, task) = member_of(world, &id, &job)?;
        found.member(world, task)?.ok_or(EtError::NotFound("Job"))?;
        Ok((found, task))
    });
    let (found, task) = meant.await?;
    end(&world, &[found], task.map(|task| TaskSet::from_indexes([task.0]))).await?;
    Ok(reply::done())
}

/// Finds the batch and the task that two names stand for.
fn member_of(world: &World, id: &str, job: &str) -> Result<(Found, Option<TaskIndex>), EtError> {
    let batch = batches::find(world, id)?;
    let (of_job, task) = batches::find_job(world, Kind::EtJob, job)?;
    match (of_job.job, of_job.second) == (batch.job, batch.second) {
        true => Ok((batch, task)),
        false => Err(EtError::NotFound("Job")),
    }
}

/// Reads arguments out of the file of a batch, those of many jobs at once.
struct Reader<'a> {
    world: &'a World,
    found: &'a Found,
    /// Lines of the index, and the first of them.
    index: (u32, Vec<u8>),
    /// Bytes of the file, and the first of them.
    content: (u64, Vec<u8>),
}

/// Bytes of arguments that are read at once.
const PIECE: usize = 1 << 20;

impl<'a> Reader<'a> {
    fn new(world: &'a World, found: &'a Found) -> Self {
        Reader { world, found, index: (0, Vec::new()), content: (0, Vec::new()) }
    }

    /// Returns what all jobs have in common.
    fn common(&mut self) -> Result<Arguments, EtError> {
        self.own(self.found.jobs())
    }

    /// Returns what a job has of its own. A batch that was made elsewhere, or whose folder its user has emptied, has none.
    fn own(&mut self, index: u32) -> Result<Arguments, EtError> {
        if self.found.origin.is_none() {
            return Ok(Arguments::new());
        }
        let Some((at, length)) = self.line(index)? else { return Ok(Arguments::new()) };
        let is_here = self.slice(at, length).is_some();
        if !is_here {
            self.content = (at, self.read(at, length.max(PIECE))?);
        }
        Ok(arguments::unquoted(self.slice(at, length).unwrap_or_default()))
    }

    fn slice(&self, at: u64, length: usize) -> Option<&[u8]> {
        let (first, content) = &self.content;
        let from = usize::try_from(at.checked_sub(*first)?).ok()?;
        content.get(from..from.checked_add(length)?)
    }

    fn line(&mut self, index: u32) -> Result<Option<(u64, usize)>, EtError> {
        let line = |(first, lines): &(u32, Vec<u8>)| {
            let from = usize::try_from(index.checked_sub(*first)?).ok()?.checked_mul(LINE)?;
            arguments::place(lines.get(from..from + LINE)?)
        };
        if let Some(found) = line(&self.index) {
            return Ok(Some(found));
        }
        let at = u64::from(index) * LINE as u64;
        self.index = (index, self.read(at, AT_ONCE as usize * LINE)?);
        Ok(line(&self.index))
    }

    fn read(&self, at: u64, most: usize) -> Result<Vec<u8>, EtError> {
        let Some(origin) = &self.found.origin else { return Ok(Vec::new()) };
        let folder = format!("batches/{}", origin.folder);
        let place = Place { folder: &folder, path: ARGUMENTS, owner: &self.world.by.owner };
        match self.world.et.folders.read(place, at, most) {
            Err(FolderError::Missing(_) | FolderError::NoFile(_) | FolderError::Refused(_)) => Ok(Vec::new()),
            read => Ok(read?),
        }
    }
}
