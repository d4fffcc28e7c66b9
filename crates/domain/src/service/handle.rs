//! The handle that dialects hold: questions are answered from the last snapshot, wishes go to the writer.

use super::accounting::Unfulfilled;
use super::command::Command;
use super::crontab::{BadCrontab, NewCrontab, due};
use super::feed::Feed;
use super::made_nodes::NewNode;
use super::mirror::{Following, Gaze, Mirror, Watching};
use super::nodes::{Availability, NodeChoice, NodeUpdate};
use super::prepare::{prepare, prepare_component};
use super::receipts::{ClientKey, Receipts};
use super::reservations::NewReservation;
use super::selection::{Action, Handled, Selection};
use super::submission::{Submission, Submitted};
use super::update::Update;
use super::writer::Writer;
use crate::accounting::{Done, Wish};
use crate::cluster::{Cluster, SchedulerType};
use crate::cron::Installed;
use crate::job::{Job, Owner, Phase};
use crate::ports::{
    Calendar, Clock, Configuration, Directory, Enforced, Engine, Foreseen, Gauge, History, Meter,
    Misconfigured, Reports, Store,
};
use crate::reservation::ReservationWish;
use crate::state::Snapshot;
use crate::who::{Membership, Principal};
use crate::{ChangeId, Error, JobId, Problem, Text, Uid};
use arc_swap::ArcSwap;
use crossbeam_channel::Sender;
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

/// Makes the engine, once it is known where its reports go.
pub type OpenEngine = Box<dyn FnOnce(Reports) -> Result<Box<dyn Engine>, Error> + Send>;

/// What the service needs of the world.
pub struct Ports {
    /// Remembers live jobs.
    pub store: Box<dyn Store>,
    /// Remembers finished ones.
    pub history: Arc<dyn History>,
    /// Runs jobs. Made with the [`Reports`] that [`JobService::start`] hands out.
    pub engine: OpenEngine,
    /// Knows users.
    pub directory: Arc<dyn Directory>,
    /// Knows how busy the machine is.
    pub meter: Arc<dyn Meter>,
    /// Knows the time.
    pub clock: Arc<dyn Clock>,
    /// Knows what the walls of the place show.
    pub calendar: Arc<dyn Calendar>,
}

/// The job service. Copies are handles to the same one.
#[derive(Clone)]
pub struct JobService {
    commands: Sender<Command>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    feed: Arc<Feed>,
    receipts: Arc<Receipts>,
    history: Arc<dyn History>,
    directory: Arc<dyn Directory>,
    meter: Arc<dyn Meter>,
    clock: Arc<dyn Clock>,
    enforcement: Arc<[Enforced]>,
    steps_folder: Option<Text>,
    gauge: Option<Arc<dyn Gauge>>,
    calendar: Arc<dyn Calendar>,
    configuration: Option<Arc<dyn Configuration>>,
    /// When the cluster is looked at that decides for itself, if jobs are one's.
    gaze: Option<Arc<Gaze>>,
}

impl JobService {
    /// Loads what was remembered, and goes on by following a cluster that decides for itself. That cluster need not be
    /// reachable: until it has been seen, what was remembered is shown and wishes are refused.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store cannot be opened; the text says why.
    pub fn follow(cluster: Cluster, following: Following) -> Result<Self, Error> {
        let (commands, inbox) = crossbeam_channel::unbounded();
        let (directory, meter) = (Arc::clone(&following.directory), Arc::clone(&following.meter));
        let (clock, calendar) = (Arc::clone(&following.clock), Arc::clone(&following.calendar));
        let mirror = Mirror::open(cluster, following)?;
        let service = JobService {
            commands,
            snapshot: mirror.published(),
            feed: mirror.feed(),
            receipts: mirror.receipts(),
            history: mirror.history(),
            directory,
            meter,
            clock,
            enforcement: Arc::from([]),
            steps_folder: None,
            gauge: None,
            calendar,
            configuration: None,
            gaze: Some(mirror.gaze()),
        };
        mirror.run(&inbox)?;
        Ok(service)
    }

    /// Loads what was remembered, asks the engine what became of it, and starts the writer on a thread of its own.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if store or engine cannot be opened; the text says why.
    pub fn start(cluster: Cluster, ports: Ports) -> Result<Self, Error> {
        let Ports { store, history, engine, directory, meter, clock, calendar } = ports;
        let (commands, inbox) = crossbeam_channel::unbounded();
        let to_writer = commands.clone();
        let reports: Reports = Arc::new(move |reports| {
            // The writer is gone only when the process is ending; the engine will report again to the next one.
            let _ = to_writer.send(Command::Reports(reports));
        });
        let writer = Writer::open(
            cluster,
            store,
            || engine(reports),
            (Arc::clone(&clock), Arc::clone(&calendar)),
            &*history,
            inbox,
        )?;
        let (snapshot, feed, receipts) = (writer.published(), writer.feed(), writer.receipts());
        let enforcement = writer.enforcement().into();
        let (steps_folder, gauge) = (writer.steps_folder(), writer.gauge());
        let service = JobService {
            commands,
            snapshot,
            feed,
            receipts,
            history,
            directory,
            meter,
            clock,
            enforcement,
            steps_folder,
            gauge,
            calendar,
            configuration: None,
            gaze: None,
        };
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || writer.run())
            .map_err(|error| Error::Unavailable(Text::from(format!("cannot start the writer: {error}"))))?;
        Ok(service)
    }

    /// Returns the same service with a configuration that can be read anew; without one it stays as it is.
    #[must_use]
    pub fn with_configuration(self, configuration: Arc<dyn Configuration>) -> Self {
        JobService { configuration: Some(configuration), ..self }
    }

    /// Reads the configuration anew and goes on with it. Administrators only.
    ///
    /// # Errors
    /// [`Problem::AdministratorOnly`]; [`Problem::BadConfiguration`] and [`Problem::NeedsRestart`] leave everything as
    /// it was.
    pub async fn reconfigure(&self, by: &Principal) -> Result<(), Error> {
        if !by.is_administrator() {
            return Err(Problem::AdministratorOnly(Text::const_new("reading the configuration")).into());
        }
        let Some(configuration) = &self.configuration else { return Ok(()) };
        let cluster = configuration.read().map_err(|why| match why {
            Misconfigured::Wrong(why) => Problem::BadConfiguration(why),
            Misconfigured::NeedsRestart(what) => Problem::NeedsRestart(what),
        });
        let outcome = match cluster {
            Ok(cluster) => self.ask(|reply| Command::Reconfigure(Box::new(cluster), reply)).await?,
            Err(problem) => Err(problem.into()),
        };
        if let Err(error) = &outcome {
            tracing::warn!(%error, "the configuration could not be read anew");
        }
        outcome
    }

    /// Tells whether jobs are a cluster's that decides for itself.
    pub fn follows_cluster(&self) -> bool {
        self.gaze.is_some()
    }

    /// Tells whether jobs can be submitted: a cluster that decides for itself must have been seen once.
    pub fn is_ready(&self) -> bool {
        self.gaze.as_ref().is_none_or(|gaze| gaze.has_seen())
    }

    /// Returns the state as of the last commit.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Returns the feed of changes.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Returns what answers questions about finished jobs. Its calls may block.
    pub fn history(&self) -> &Arc<dyn History> {
        &self.history
    }

    /// Returns who there is.
    pub fn directory(&self) -> &Arc<dyn Directory> {
        &self.directory
    }

    /// Returns what knows how busy the machine is.
    pub fn meter(&self) -> &Arc<dyn Meter> {
        &self.meter
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns what knows what the walls of the place show.
    pub fn calendar(&self) -> &Arc<dyn Calendar> {
        &self.calendar
    }

    /// Returns the folder where clients of steps find the launchers, if there are steps.
    pub fn steps_folder(&self) -> Option<&Text> {
        self.steps_folder.as_ref()
    }

    /// Returns what lets look at jobs from elsewhere, if they can be looked at.
    pub fn gauge(&self) -> Option<&Arc<dyn Gauge>> {
        self.gauge.as_ref()
    }

    /// Returns how far jobs are held to what they were given.
    pub fn enforcement(&self) -> &[Enforced] {
        &self.enforcement
    }

    /// Makes the principal for an authenticated name.
    pub fn principal(&self, name: &str) -> Principal {
        let person = self.directory.person(name);
        let level = self.snapshot.load().cluster.level_of(name);
        Principal {
            name: Text::from(name),
            uid: person.as_ref().map(|person| person.uid),
            gid: person.as_ref().map(|person| person.gid),
            level,
        }
    }

    /// Returns what a submission under this key was answered, so that one sent again need not be looked at again.
    ///
    /// # Errors
    /// [`Problem::KeyReused`] if it was another submission.
    pub fn answered(&self, key: &ClientKey) -> Result<Option<Submitted>, Error> {
        self.receipts.answer(key, self.clock.now()).transpose()
    }

    /// Accepts a job: when this returns, it is durable. Under a key that has been answered before, the same is answered
    /// again, and nothing else happens.
    ///
    /// # Errors
    /// Whatever makes it impossible, see [`Problem`]; nothing has been kept then, and the key is free.
    pub async fn submit(&self, by: &Principal, submission: Submission) -> Result<Submitted, Error> {
        if self.gaze.is_some() {
            let by = by.clone();
            return self.ask(|reply| Command::Forward(by, Box::new(submission), reply)).await?;
        }
        let snapshot = self.snapshot.load_full();
        let now = self.clock.now();
        let groups = self.groups_if_needed(&snapshot.cluster, &submission);
        let draft = prepare(by, submission, &snapshot.cluster, &groups, now)?;
        drop(snapshot);
        self.ask(|reply| Command::Submit(Box::new(draft), reply)).await?
    }

    /// Says when and where a job would start if it were submitted now, or the components of one, the leader first.
    /// Nothing is kept.
    ///
    /// # Errors
    /// As [`JobService::submit`] and [`JobService::submit_components`]; [`Problem::BadDependency`] if it would wait for
    /// another job, [`Problem::NodeConfiguration`] if no start can be told.
    pub async fn foresee(
        &self,
        by: &Principal,
        submissions: Vec<Submission>,
    ) -> Result<Vec<Foreseen>, Error> {
        let snapshot = self.snapshot.load_full();
        let now = self.clock.now();
        let is_joint = submissions.len() > 1;
        let mut drafts = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let groups = self.groups_if_needed(&snapshot.cluster, &submission);
            drafts.push(match is_joint {
                true => prepare_component(by, submission, &snapshot.cluster, &groups, now)?,
                false => prepare(by, submission, &snapshot.cluster, &groups, now)?,
            });
        }
        drop(snapshot);
        self.ask(|reply| Command::Foresee(drafts, reply)).await?
    }

    /// Accepts a heterogeneous job, one submission a component, the leader's first; only his script is run, and his key
    /// is that of the whole. All
    /// components are accepted or none.
    ///
    /// # Errors
    /// As [`JobService::submit`], of the first component that cannot be taken; [`Problem::BadArray`] where one is an
    /// array; [`Problem::CannotStartNow`] where one would not wait, since they never start at once.
    pub async fn submit_components(
        &self,
        by: &Principal,
        submissions: Vec<Submission>,
    ) -> Result<Submitted, Error> {
        let snapshot = self.snapshot.load_full();
        if snapshot.cluster.scheduling.by == SchedulerType::Builtin {
            // Only the backfill pass starts components together; so it is in the original.
            return Err(Problem::Unsupported(Text::const_new("a heterogeneous job without backfill")).into());
        }
        let now = self.clock.now();
        let mut drafts = Vec::with_capacity(submissions.len());
        let mut owner = None;
        for submission in submissions {
            let groups = self.groups_if_needed(&snapshot.cluster, &submission);
            let uid = submission.spec.owner.uid;
            if *owner.get_or_insert(uid) != uid {
                return Err(Problem::NotThatUser(submission.spec.owner.name).into());
            }
            drafts.push(prepare_component(by, submission, &snapshot.cluster, &groups, now)?);
        }
        drop(snapshot);
        self.ask(|reply| Command::SubmitComponents(drafts, reply)).await?
    }

    /// Accepts an allocation of several components and waits until they have their resources. If the caller goes away,
    /// it is cancelled.
    ///
    /// # Errors
    /// As [`JobService::submit_components`] and [`JobService::allocate`].
    pub async fn allocate_components(
        &self,
        by: &Principal,
        submissions: Vec<Submission>,
    ) -> Result<Submitted, Error> {
        let bell = self.feed.bell();
        let will_ask_again = submissions.first().is_some_and(|leader| leader.client_key.is_some());
        let submitted = self.submit_components(by, submissions).await?;
        self.started(by, submitted, will_ask_again, bell).await
    }

    /// Accepts an allocation and waits until it has its resources. If the caller goes away, the allocation is
    /// cancelled, but for one with a key: its caller can ask again.
    ///
    /// # Errors
    /// As [`JobService::submit`]; [`Problem::AlreadyEnding`] if it was cancelled while it waited.
    pub async fn allocate(&self, by: &Principal, submission: Submission) -> Result<Submitted, Error> {
        let (bell, will_ask_again) = (self.feed.bell(), submission.client_key.is_some());
        let submitted = self.submit(by, submission).await?;
        self.started(by, submitted, will_ask_again, bell).await
    }

    /// Waits for an allocation that was accepted under a key before.
    ///
    /// # Errors
    /// [`Problem::AlreadyEnding`] if it was cancelled while it waited.
    pub async fn allocated(&self, by: &Principal, submitted: Submitted) -> Result<Submitted, Error> {
        let bell = self.feed.bell();
        self.started(by, submitted, true, bell).await
    }

    async fn started(
        &self,
        by: &Principal,
        submitted: Submitted,
        will_ask_again: bool,
        mut bell: watch::Receiver<ChangeId>,
    ) -> Result<Submitted, Error> {
        let to_cancel = (!will_ask_again).then_some(submitted.id);
        let mut guard = CancelOnDrop { service: self.clone(), by: by.clone(), job: to_cancel };
        loop {
            let job = self.snapshot.load().jobs.job(submitted.id).cloned();
            match job.as_deref().map(|job| &job.phase) {
                Some(Phase::Pending(_)) => {}
                Some(Phase::Running(_)) => {
                    guard.job = None;
                    return Ok(submitted);
                }
                // It has been told before, or would have been.
                None if will_ask_again => return Ok(submitted),
                Some(Phase::Completing(_) | Phase::Ended(_))
                    if will_ask_again && job.as_deref().is_some_and(|job| job.run().is_some()) =>
                {
                    return Ok(submitted);
                }
                _ => {
                    guard.job = None;
                    return Err(Problem::AlreadyEnding(submitted.id).into());
                }
            }
            bell.changed().await.map_err(|_| stopping())?;
        }
    }

    /// Does something with jobs: cancels, signals, puts back. Says of each named job what became of it; of jobs found
    /// by the filter alone, only where it could not be done... and of all in the order of their numbers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if nothing could be recorded.
    pub async fn act(
        &self,
        by: &Principal,
        selection: Selection,
        action: Action,
    ) -> Result<Vec<Handled>, Error> {
        let by = by.clone();
        self.ask(|reply| Command::Act { by, selection: Box::new(selection), action, reply }).await?
    }

    /// Changes a waiting or running job, or all records of an array; says of each record what became of it.
    ///
    /// # Errors
    /// [`Problem::UnknownJob`], or what is wrong if the job is a single record.
    pub async fn update(&self, by: &Principal, job: JobId, update: Update) -> Result<Vec<Handled>, Error> {
        let by = by.clone();
        self.ask(|reply| Command::Update { by, job, update: Box::new(update), reply }).await?
    }

    /// Changes the books of accounting: carries out all wishes or none, and says what became of each.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if nothing could be recorded; inside, which wish could not be carried out and why.
    pub async fn account(
        &self,
        by: &Principal,
        wishes: Vec<Wish>,
    ) -> Result<Result<Vec<Done>, Unfulfilled>, Error> {
        let by = by.clone();
        self.ask(|reply| Command::Account { by, wishes, reply }).await?
    }

    /// Adds a user or changes what is remembered of one. Administrators only.
    ///
    /// # Errors
    /// [`Problem::OperatorOnly`].
    pub async fn remember_member(&self, by: &Principal, member: Membership) -> Result<(), Error> {
        let by = by.clone();
        self.ask(|reply| Command::RememberMember { by, member, reply }).await?
    }

    /// Forgets a user who was added at run time. Administrators only.
    ///
    /// # Errors
    /// [`Problem::OperatorOnly`], [`Problem::UnknownUser`].
    pub async fn forget_member(&self, by: &Principal, name: Text) -> Result<(), Error> {
        let by = by.clone();
        self.ask(|reply| Command::ForgetMember { by, name, reply }).await?
    }

    /// Takes a node out of service or puts it back. Administrators only.
    ///
    /// # Errors
    /// [`Problem::OperatorOnly`], [`Problem::UnknownNode`], [`Problem::TooLong`].
    pub async fn mark_node(&self, by: &Principal, node: Text, wanted: Availability) -> Result<(), Error> {
        let by = by.clone();
        self.ask(|reply| Command::MarkNode { by, node, wanted, reply }).await?
    }

    /// Makes a reservation, and returns its name. Operators only.
    ///
    /// # Errors
    /// Whatever makes it impossible, see [`Problem`]; [`Problem::BadReservation`] where something is missing.
    pub async fn reserve(&self, by: &Principal, wish: ReservationWish) -> Result<Text, Error> {
        wish.check_complete().map_err(Problem::BadReservation)?;
        let wish = NewReservation::look_up(by, wish, &*self.directory);
        self.ask(|reply| Command::Reserve(Box::new(wish), reply)).await?
    }

    /// Changes a reservation, the one whose name the wish has. Operators only.
    ///
    /// # Errors
    /// Whatever makes it impossible, see [`Problem`]; nothing has changed then.
    pub async fn change_reservation(&self, by: &Principal, wish: ReservationWish) -> Result<(), Error> {
        let wish = NewReservation::look_up(by, wish, &*self.directory);
        self.ask(|reply| Command::ChangeReservation(Box::new(wish), reply)).await?
    }

    /// Deletes a reservation. Operators only, and those who may use it if it says so.
    ///
    /// # Errors
    /// [`Problem::UnknownReservation`], [`Problem::ReservationInUse`] while a job names it or runs in it.
    pub async fn delete_reservation(&self, by: &Principal, name: Text) -> Result<(), Error> {
        let by = by.clone();
        self.ask(|reply| Command::RemoveReservation { by, name, reply }).await?
    }

    /// Changes nodes. Administrators only. What one of them refuses, or that one is unknown, does not stop the others.
    ///
    /// # Errors
    /// [`Problem::AdministratorOnly`], or what the first of them refuses: [`Problem::UnknownNode`],
    /// [`Problem::NodeTransition`], [`Problem::NoPowerControl`], [`Problem::ActiveFeatures`], [`Problem::BadGres`],
    /// [`Problem::BadTopology`], [`Problem::TooLong`].
    pub async fn update_nodes(
        &self,
        by: &Principal,
        choice: NodeChoice,
        update: NodeUpdate,
    ) -> Result<(), Error> {
        let by = by.clone();
        self.ask(|reply| Command::UpdateNodes { by, choice, update: Box::new(update), reply }).await?
    }

    /// Makes nodes, all of them or none. Administrators only.
    ///
    /// # Errors
    /// [`Problem::AdministratorOnly`], [`Problem::NodeExists`], [`Problem::NodeTableFull`].
    pub async fn make_nodes(&self, by: &Principal, wanted: Vec<NewNode>) -> Result<(), Error> {
        let by = by.clone();
        self.ask(|reply| Command::MakeNodes { by, wanted, reply }).await?
    }

    /// Takes nodes away that were made at run time. Administrators only. What one of them refuses does not stop the
    /// others.
    ///
    /// # Errors
    /// [`Problem::AdministratorOnly`], or what the first of them refuses: [`Problem::UnknownNode`],
    /// [`Problem::NotMade`], [`Problem::NodeBusy`].
    pub async fn remove_nodes(&self, by: &Principal, choice: NodeChoice) -> Result<(), Error> {
        let by = by.clone();
        self.ask(|reply| Command::RemoveNodes { by, choice, reply }).await?
    }

    /// Puts a user's crontab in the place of the one before. Each entry becomes a job, described by the submission in
    /// the same place of the list, that comes back into the queue for its next turn whenever it has ended. Jobs of the
    /// old crontab that wait are cancelled, those that run do so for the last time.
    ///
    /// # Errors
    /// [`BadCrontab`] says which lines are to blame; nothing has changed then.
    pub async fn set_crontab(
        &self,
        by: &Principal,
        owner: Owner,
        text: Text,
        jobs: Vec<Submission>,
    ) -> Result<Vec<Installed>, BadCrontab> {
        let snapshot = self.snapshot.load_full();
        let groups = match jobs.first() {
            Some(job) => self.groups_if_needed(&snapshot.cluster, job),
            None => Vec::new(),
        };
        let wish = NewCrontab::prepare(by, owner, text, jobs, |submission, schedule| {
            let now = self.clock.now();
            let begin = schedule.next_after(now, &*self.calendar).ok_or(Problem::BadDeadline)?;
            let submission = due(submission, schedule, begin)?;
            prepare(by, submission, &snapshot.cluster, &groups, now)
        })?;
        drop(snapshot);
        Ok(self.ask(|reply| Command::SetCrontab(Box::new(wish), reply)).await??)
    }

    /// Takes a user's crontab away. Its jobs that wait are cancelled, those that run do so for the last time.
    ///
    /// # Errors
    /// [`Problem::NotThatUser`].
    pub async fn remove_crontab(&self, by: &Principal, owner: Uid) -> Result<(), Error> {
        let by = by.clone();
        self.ask(|reply| Command::RemoveCrontab { by, owner, reply }).await?
    }

    /// Hears that jobs of the cluster that is followed were changed past this service: who asks next is shown it.
    pub fn hear_of_change(&self) {
        if let Some(gaze) = &self.gaze {
            gaze.hear(self.clock.now());
        }
    }

    /// Says that somebody asks from outside, and waits until the snapshot is as new as he may expect. Where jobs are a
    /// cluster's that may take as long as the cluster does; elsewhere no time. Tells whether it has waited.
    pub async fn be_current(&self) -> bool {
        match &self.gaze {
            Some(gaze) => gaze.ask(self.clock.now()).await,
            None => false,
        }
    }

    /// Says that somebody follows from outside what happens, for as long as he keeps what is returned. `None` where that
    /// makes no difference.
    pub fn watching(&self) -> Option<Watching> {
        self.gaze.as_ref().map(Gaze::watching)
    }

    /// Stops the writer after what it has in hand. Jobs go on.
    pub async fn stop(&self) {
        let _ = self.ask(Command::Stop).await;
    }

    /// Waits for the change after `last`, or for any later one.
    pub async fn changed_after(&self, last: ChangeId) {
        let mut bell = self.feed.bell();
        let _ = bell.wait_for(|latest| *latest > last).await;
    }

    /// Returns every live record a job number stands for.
    pub fn records(&self, id: JobId) -> Vec<Arc<Job>> {
        self.snapshot.load().records(id)
    }

    fn groups_if_needed(&self, cluster: &Cluster, submission: &Submission) -> Vec<Text> {
        if cluster.partitions.iter().all(|partition| partition.allow_groups.is_empty()) {
            return Vec::new();
        }
        self.directory.groups_of(&submission.spec.owner.name)
    }

    /// Tells the writer something that nobody waits for.
    pub(super) fn tell(&self, command: Command) {
        // Without a writer the service is stopping, and the next one finds out by itself.
        let _ = self.commands.send(command);
    }

    pub(super) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }
}

fn stopping() -> Error {
    Error::Unavailable(Text::const_new("the service is stopping"))
}

struct CancelOnDrop {
    service: JobService,
    by: Principal,
    job: Option<JobId>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(job) = self.job else { return };
        let target = super::selection::Target { job, tasks: None, component: None, step: None };
        let selection = Box::new(Selection { targets: vec![target], ..Selection::default() });
        let (reply, _) = oneshot::channel();
        let by = self.by.clone();
        let action = Action::Cancel { kill: false };
        let _ = self.service.commands.send(Command::Act { by, selection, action, reply });
    }
}
