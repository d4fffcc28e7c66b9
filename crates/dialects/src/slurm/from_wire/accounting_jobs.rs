//! Which jobs of accounting a query asks for. Blocks: names of users and groups are looked up.

use super::recorded_job;
use crate::site::Site;
use domain::history::{Between, Kind, Moments, Wanted};
use domain::job::{Exit, Outcome, WayIn};
use domain::state::Snapshot;
use domain::{Gid, JobId, TaskIndex, Text, Timestamp, Uid};
use slurm_wire::accounting::job::NAMELESS;
use slurm_wire::accounting::query::JobCondition;
use slurm_wire::error_number as number;
use slurm_wire::hostlist;
use slurm_wire::scalar::Switch;
use slurm_wire::words::JobState;

/// What a query asks for.
#[derive(Debug, Default)]
pub(in crate::slurm) struct Asked {
    /// Which attempts.
    pub(in crate::slurm) wanted: Wanted,
    /// Of a heterogeneous job only the components that are named.
    pub(in crate::slurm) no_whole: bool,
    /// Without their steps.
    pub(in crate::slurm) no_steps: bool,
    /// With their scripts.
    pub(in crate::slurm) scripts: bool,
    /// Of which clusters.
    pub(in crate::slurm) clusters: Clusters,
}

/// Of which clusters jobs are wanted: our own, whose jobs history has, and others, whose jobs monitoring knows.
#[derive(Debug, Default)]
pub(in crate::slurm) enum Clusters {
    /// Ours alone.
    #[default]
    Own,
    /// All.
    All,
    /// These, and ours if that is true.
    Named(Vec<Text>, bool),
}

/// Why there is nothing to look for.
#[derive(Debug)]
pub(in crate::slurm) enum NotAsked {
    /// Nothing can fit.
    Nothing,
    /// It cannot be read; a number, a sentence and the place, if there is more to say than that.
    Unreadable(Option<(i32, String, &'static str)>),
    /// The database of the original would not take it, with this number.
    Failed(i32),
}

type Read<T> = Result<T, NotAsked>;

/// Reads a query.
pub(in crate::slurm) fn asked(
    query: &JobCondition,
    site: &Site,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Read<Asked> {
    let cluster = &snapshot.cluster;
    let mut named = list(query.cluster.as_ref());
    let is_known = |name: &Text| {
        *name == cluster.name
            || site.monitoring().is_some_and(|own| own.clusters().iter().any(|one| one.name == *name))
    };
    if !named.is_empty() && !named.iter().any(is_known) {
        return Err(NotAsked::Nothing);
    }
    let clusters = match named.is_empty() {
        true => Clusters::All,
        false => {
            let is_own = named.contains(&cluster.name);
            named.retain(|name| *name != cluster.name);
            Clusters::Named(named, is_own)
        }
    };
    let names = |wanted: Option<&slurm_wire::list::ConditionList>| list(wanted);
    let lower = |name: &Text| Text::from(name.to_lowercase());
    let wanted = Wanted {
        jobs: jobs(query)?,
        users: users(query, site)?,
        groups: groups(query, site)?,
        accounts: names(query.account.as_ref()).iter().map(lower).collect(),
        associations: associations(query, snapshot)?,
        names: job_names(query),
        partitions: names(query.partition.as_ref()),
        qos: qos(query, snapshot)?,
        wckeys: wckeys(&names(query.wckey.as_ref())),
        reservations: reservations(query, snapshot)?,
        constraints: names(query.constraints.as_ref()),
        nodes: nodes(query)?,
        reasons: names(query.reason.as_ref()),
        exit: query.exit_code.as_ref().map(|code| exit(code.0)).transpose()?,
        ways_in: ways_in(query),
        altered: is_on(query.job_altered),
        ..Wanted::default()
    };
    let window = Window::of(query, site, now);
    let moments = moments(query, &window, is_on(query.usage_time_as_submit_time), !wanted.jobs.is_empty())?;
    // Scripts and environments are long: as in the original they are shown of jobs that are named.
    let is_long = is_on(query.show_batch_script) || is_on(query.show_job_environment);
    if is_long && wanted.jobs.is_empty() {
        return Err(NotAsked::Nothing);
    }
    Ok(Asked {
        wanted: Wanted { moments, ..wanted },
        no_whole: is_on(query.disable_whole_hetjob) && !is_on(query.whole_hetjob),
        no_steps: is_on(query.skip_steps),
        scripts: is_on(query.show_batch_script),
        clusters,
    })
}

fn is_on(switch: Option<Switch>) -> bool {
    switch.is_some_and(|switch| switch.0)
}

fn ways_in(query: &JobCondition) -> Vec<WayIn> {
    let ways = [
        (query.scheduled_on_submit, WayIn::Submission),
        (query.scheduled_by_main, WayIn::InOrder),
        (query.scheduled_by_backfill, WayIn::Overtaking),
    ];
    ways.into_iter().filter(|(switch, _)| is_on(*switch)).map(|(_, way)| way).collect()
}

fn list(wanted: Option<&slurm_wire::list::ConditionList>) -> Vec<Text> {
    wanted.map(|list| list.0.clone()).unwrap_or_default()
}

fn jobs(query: &JobCondition) -> Read<Vec<(JobId, Option<TaskIndex>)>> {
    let Some(steps) = &query.step else { return Ok(Vec::new()) };
    let named = |text: &Text| {
        let job = recorded_job(text).ok_or(NotAsked::Unreadable(None))?;
        let id = job.job_id.saturating_add(job.component.unwrap_or(0));
        Ok((JobId(id), job.task().map(TaskIndex)))
    };
    steps.iter().map(named).collect()
}

/// Jobs without a name are known by one that the original gives them.
fn job_names(query: &JobCondition) -> Vec<Text> {
    let mut names = list(query.job_name.as_ref());
    if names.iter().any(|name| name == NAMELESS) {
        names.push(Text::default());
    }
    names
}

fn users(query: &JobCondition, site: &Site) -> Read<Vec<Uid>> {
    let Some(names) = &query.users else { return Ok(Vec::new()) };
    if names.is_empty() {
        return Err(NotAsked::Nothing);
    }
    let directory = site.jobs.directory();
    let named = |name: &Text| match name.parse::<u32>() {
        Ok(uid) => Ok(Uid(uid)),
        Err(_) => directory.person(name).map(|person| person.uid).ok_or_else(|| {
            let why = format!("Unable to resolve user: {name}");
            NotAsked::Unreadable(Some((number::USER_UNKNOWN, why, "#/users[0]/")))
        }),
    };
    names.iter().map(named).collect()
}

fn groups(query: &JobCondition, site: &Site) -> Read<Vec<Gid>> {
    let directory = site.jobs.directory();
    let named = |name: &Text| match name.parse::<u32>() {
        Ok(gid) => Ok(Gid(gid)),
        Err(_) => directory.group(name).ok_or_else(|| {
            let why = format!("Unable to resolve group: {name}");
            NotAsked::Unreadable(Some((number::GROUP_UNKNOWN, why, "#/groups[0]/")))
        }),
    };
    list(query.groups.as_ref()).iter().map(named).collect()
}

/// Numbers are all the original takes here, and says no more than that it failed if there is something else.
fn numbers(names: &[Text]) -> Read<Vec<u32>> {
    names.iter().map(|name| name.parse().map_err(|_| NotAsked::Failed(number::UNSPECIFIED))).collect()
}

/// Takes what was found, if anything was looked for: an empty list would leave nothing out.
fn found<T>(names: &[Text], found: Vec<T>) -> Read<Vec<T>> {
    if found.is_empty() && !names.is_empty() { Err(NotAsked::Nothing) } else { Ok(found) }
}

fn associations(query: &JobCondition, snapshot: &Snapshot) -> Read<Vec<(Text, Text, Text)>> {
    let names = list(query.association.as_ref());
    let ids = numbers(&names)?;
    let meant = ids.iter().filter_map(|id| snapshot.cluster.books.association(*id)).map(|one| &one.place);
    let charged = meant.map(|place| (place.account.clone(), place.user.clone(), place.partition.clone()));
    found(&names, charged.collect())
}

fn qos(query: &JobCondition, snapshot: &Snapshot) -> Read<Vec<Text>> {
    let names = list(query.qos.as_ref());
    let ids = numbers(&names)?;
    let meant = snapshot.cluster.books.all_qos().filter(|qos| ids.contains(&qos.id));
    found(&names, meant.map(|qos| qos.name.clone()).collect())
}

/// A key that was assumed, and not asked for, is kept with a star in front.
fn wckeys(names: &[Text]) -> Vec<Text> {
    names.iter().flat_map(|name| [name.clone(), Text::from(format!("*{name}"))]).collect()
}

fn reservations(query: &JobCondition, snapshot: &Snapshot) -> Read<Vec<Text>> {
    let mut names = list(query.reservation.as_ref());
    let ids = list(query.reservation_id.as_ref());
    let known = numbers(&ids)?;
    let meant = snapshot.reservations.iter().filter(|reservation| known.contains(&reservation.number));
    names.extend(found(&ids, meant.map(|reservation| reservation.name.clone()).collect())?);
    Ok(names)
}

fn nodes(query: &JobCondition) -> Read<Vec<Text>> {
    let written = query.node.as_deref().unwrap_or_default();
    if written.is_empty() {
        return Ok(Vec::new());
    }
    hostlist::expand(written).map_err(|_| NotAsked::Failed(number::INVALID_ARGUMENT))
}

fn exit(code: u32) -> Read<Exit> {
    u8::try_from(code).map(Exit::Code).map_err(|_| NotAsked::Nothing)
}

/// The time a query is about, seconds; zero where nothing was said.
struct Window {
    start: i64,
    end: i64,
    now: Timestamp,
    midnight: i64,
}

impl Window {
    fn of(query: &JobCondition, site: &Site, now: Timestamp) -> Self {
        let given = |time: Option<slurm_wire::no_val::UnixTime>| time.map_or(0, |time| time.0.max(0));
        let at = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default();
        let day = at.to_zoned(site.zone.clone()).start_of_day();
        let midnight = day.map_or(0, |day| day.timestamp().as_second());
        Window { start: given(query.start_time), end: given(query.end_time), now, midnight }
    }

    fn start(&self) -> Timestamp {
        Timestamp::from_seconds(self.start)
    }

    /// The last moment of the second.
    fn end(&self) -> Timestamp {
        Timestamp::from_seconds(self.end.saturating_add(1)).before(std::time::Duration::from_micros(1))
    }
}

/// Finds out at which times jobs must have stood how, by rules that were measured: without states the window goes from
/// midnight until now, with states it is this moment, and named jobs are looked for at any time; a beginning without an
/// end is no window for states.
fn moments(query: &JobCondition, window: &Window, submitted: bool, is_named: bool) -> Read<Vec<Moments>> {
    let states: Vec<JobState> = query.state.iter().flat_map(|states| states.0.iter()).collect();
    let now = window.now.seconds();
    let mut window = Window { ..*window };
    let is_given = window.start > 0 || window.end > 0;
    if !is_named || is_given {
        match (states.is_empty(), window.start, window.end) {
            (true, 0, _) if !is_named => window.start = window.midnight,
            (false, 0, 0) => (window.start, window.end) = (now, now),
            (false, 0, _) => window.start = now,
            _ => {}
        }
        if states.is_empty() && window.end == 0 {
            window.end = now;
        }
    }
    let timeless = window.start == 0 && window.end == 0;
    if submitted {
        let all = Moments {
            submitted: Between { from: Some(window.start()), to: Some(window.end()) },
            ..Moments::default()
        };
        return Ok(vec![if timeless { Moments::default() } else { all }]);
    }
    if states.is_empty() {
        let lived = Moments {
            eligible: Between::to(window.end()),
            ended: Between::from(window.start()),
            ..Moments::default()
        };
        return Ok(if timeless { Vec::new() } else { vec![lived] });
    }
    let all: Vec<Moments> = states.iter().filter_map(|state| stood(*state, &window, timeless)).collect();
    if all.is_empty() { Err(NotAsked::Nothing) } else { Ok(all) }
}

/// What must hold of a job that stood so within the window; `None` for what accounting knows nothing of.
fn stood(state: JobState, window: &Window, timeless: bool) -> Option<Moments> {
    let (until, since) = (Between::to(window.end()), Between::from(window.start()));
    let outcome = match state {
        JobState::Pending if timeless => {
            return Some(Moments { kind: Kind::Pending, ..Moments::default() });
        }
        JobState::Pending => {
            let waited = Moments { eligible: until, ended: since, ..Moments::default() };
            return Some(Moments { started: since, or_never_started: true, ..waited });
        }
        JobState::Running if timeless => {
            return Some(Moments { kind: Kind::Running, ..Moments::default() });
        }
        JobState::Running => return Some(Moments { started: until, ended: since, ..Moments::default() }),
        JobState::Suspended => return Some(Moments { kind: Kind::Suspended, ..Moments::default() }),
        JobState::Completed => Outcome::Completed,
        JobState::Cancelled => Outcome::Cancelled,
        JobState::Failed => Outcome::Failed,
        JobState::Timeout => Outcome::Timeout,
        JobState::NodeFail => Outcome::NodeFail,
        JobState::Preempted => Outcome::Preempted,
        JobState::Deadline => Outcome::Deadline,
        JobState::OutOfMemory => Outcome::OutOfMemory,
        JobState::Requeued => Outcome::Requeued,
        JobState::Resizing => Outcome::Resized,
        _ => return None,
    };
    let ended = match timeless {
        true => Between::default(),
        false => Between { from: Some(window.start()), to: Some(window.end()) },
    };
    Some(Moments { kind: Kind::Ended(vec![outcome]), ended, ..Moments::default() })
}
