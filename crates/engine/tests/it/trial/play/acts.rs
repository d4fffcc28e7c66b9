//! What the player does for each operation.

use super::{Player, whole};
use crate::trial::changes::CHANGES;
use crate::trial::dice::Dice;
use crate::trial::executor::Tag;
use crate::trial::kinds::Wish;
use crate::trial::operation::{Act, Operation, Wishes, wish};
use crate::trial::reservations::{self, name_of};
use crate::trial::scene::USERS;
use domain::job::{Change, Payload, WarningScope};
use domain::reservation::ReservationWish;
use domain::service::{Action, Availability, HoldWish, Submission, Update};
use domain::{Error, JobId, Text, TimeLimit, Timestamp};
use std::sync::Arc;

impl Player<'_> {
    /// Does what an operation says.
    pub(super) async fn act(&mut self, operation: &Operation, now: Timestamp) {
        let hold = |wish| Update { hold: Some(wish), ..Update::default() };
        match &operation.act {
            Act::Submit(wishes, seed) => self.submit(operation, wishes, *seed).await,
            Act::SubmitTogether(jobs) => self.submit_together(operation, jobs).await,
            Act::Crontab(user, entries) => self.set_crontab(operation, *user, entries).await,
            Act::Cancel(job) => self.interfere(*job, Action::Cancel { kill: false }).await,
            Act::Kill(job) => self.interfere(*job, Action::Cancel { kill: true }).await,
            Act::Requeue(job) => self.interfere(*job, Action::Requeue { hold: false, special: false }).await,
            Act::Suspend(job) => self.interfere(*job, Action::Suspend).await,
            Act::Resume(job) => self.interfere(*job, Action::Resume).await,
            Act::Stop(job, stop) => {
                let signal = if *stop { 19 } else { 18 };
                self.interfere(*job, Action::Signal { signal, scope: WarningScope::Full }).await;
            }
            Act::Hold(job) => self.update(*job, hold(HoldWish::Hold)).await,
            Act::Release(job) => self.update(*job, hold(HoldWish::Release)).await,
            Act::Nice(job, nice) => self.change(*job, Change::Nice(*nice)).await,
            Act::Limit(job, minutes) => {
                self.change(*job, Change::TimeLimit(TimeLimit::Minutes(*minutes))).await;
            }
            Act::Throttle(job, most) => self.change(*job, Change::Throttle(*most)).await,
            Act::Change(job, place, seed) => {
                let change = (CHANGES[*place].make)(&mut Dice::new(*seed), self.scene, now);
                self.change(*job, change).await;
            }
            Act::Drain(node) => self.drain(*node, "maintenance").await,
            Act::Fail(node) => self.fail(*node, now).await,
            Act::Mend(node) => self.mend(*node).await,
            Act::Reserve(number, seed) => {
                let wish = reservations::wish(self.scene, name_of(*number), *seed, now);
                self.reserve(wish).await;
            }
            Act::Rebook(number, seed) => {
                let wish = reservations::change(self.scene, name_of(*number), *seed, now);
                self.rebook(wish).await;
            }
            Act::Unreserve(number) => {
                self.unreserve(name_of(*number)).await;
            }
        }
    }

    async fn interfere(&mut self, number: usize, action: Action) {
        let Some(job) = self.jobs.get(&number).copied() else { return self.tick().await };
        self.tally.count(format!("{action:?}"));
        self.disturbed(job);
        if action == Action::Resume {
            self.world.look(|inner| inner.referee.resume_asked(job));
        }
        self.deal(&self.principal(0), whole(job), action).await;
    }

    async fn change(&mut self, number: usize, change: Change) {
        self.update(number, Update { changes: vec![change], ..Update::default() }).await;
    }

    async fn update(&mut self, number: usize, update: Update) {
        let Some(job) = self.jobs.get(&number) else { return self.tick().await };
        self.disturbed(*job);
        // What is over already cannot be changed; that is no matter here.
        match self.service.update(&self.principal(0), *job, update).await {
            Ok(handled) if handled.iter().any(|handled| handled.result.is_ok()) => self.tally.count("update"),
            _ => {
                self.tally.count("update refused");
                self.tick().await;
            }
        }
    }

    async fn drain(&mut self, place: usize, why: &'static str) {
        let (_, name) = self.node(place);
        self.unwell.insert(place);
        self.tally.count("nodes drained");
        self.world.look(|inner| inner.referee.nodes_changed());
        let wanted = Availability::Drain(Text::const_new(why));
        self.service.mark_node(&self.service.principal("root"), name, wanted).await.unwrap();
    }

    async fn fail(&mut self, place: usize, now: Timestamp) {
        let (node, _) = self.node(place);
        self.drain(place, "it failed").await;
        let lost = self.world.look(|inner| {
            let lost = inner.executor.lose(node, now);
            inner.referee.lost(lost.iter().map(|report| (report.job, report.attempt)));
            lost
        });
        self.tally.count("nodes failed");
        *self.tally.0.entry("attempts lost with a node".into()).or_default() += lost.len() as u64;
        if !lost.is_empty() {
            (self.reports)(lost);
        }
        self.tick().await;
    }

    /// Puts a node back.
    pub(super) async fn mend(&mut self, place: usize) {
        let (_, name) = self.node(place);
        self.unwell.remove(&place);
        self.world.look(|inner| inner.referee.nodes_changed());
        self.service.mark_node(&self.service.principal("root"), name, Availability::Resume).await.unwrap();
    }

    async fn reserve(&mut self, wish: ReservationWish) {
        self.ask_for(&wish.name);
        let outcome = self.service.reserve(&self.principal(0), wish).await.map(|_| ());
        self.answered("reservations made", outcome).await;
    }

    async fn rebook(&mut self, wish: ReservationWish) {
        self.ask_for(&wish.name);
        let outcome = self.service.change_reservation(&self.principal(0), wish).await;
        self.answered("reservations changed", outcome).await;
    }

    /// Deletes a reservation; tells whether it is gone.
    pub(super) async fn unreserve(&mut self, name: Text) -> bool {
        self.ask_for(&name);
        let outcome = self.service.delete_reservation(&self.principal(0), name).await;
        let is_gone = outcome.is_ok();
        self.answered("reservations deleted", outcome).await;
        is_gone
    }

    fn ask_for(&self, name: &Text) {
        self.world.look(|inner| inner.referee.reservation_asked(name.clone()));
    }

    async fn answered(&mut self, what: &'static str, outcome: Result<(), Error>) {
        self.world.look(|inner| inner.referee.reservation_answered());
        match outcome {
            Ok(()) => self.tally.count(what),
            Err(error) => {
                self.tally.count(format!("not {what}: {}", first_words(&error.to_string())));
                self.tick().await;
            }
        }
    }

    async fn submit(&mut self, operation: &Operation, wishes: &Wishes, seed: u64) {
        let wish = wish(self.scene, operation, wishes, seed);
        let by = self.service.principal(&wish.spec.owner.name);
        let submission = self.submission(wish);
        match self.service.submit(&by, submission).await {
            Ok(submitted) => self.submitted(operation, submitted.id, "submitted"),
            Err(error) => self.refused(&error).await,
        }
    }

    async fn submit_together(&mut self, operation: &Operation, jobs: &[(Wishes, u64)]) {
        let mut wishes: Vec<Wish> =
            jobs.iter().map(|(wishes, seed)| wish(self.scene, operation, wishes, *seed)).collect();
        let owner = wishes[0].spec.owner.clone();
        let kind = wishes[0].spec.kind;
        for wish in &mut wishes {
            (wish.spec.owner, wish.spec.kind, wish.array) = (owner.clone(), kind, String::new());
        }
        let submissions = wishes.into_iter().map(|wish| self.submission(wish)).collect();
        match self.service.submit_components(&self.service.principal(&owner.name), submissions).await {
            Ok(submitted) => self.submitted(operation, submitted.id, "submitted together"),
            Err(error) => self.refused(&error).await,
        }
    }

    async fn set_crontab(&mut self, operation: &Operation, user: usize, entries: &[(&str, Wishes, u64)]) {
        let by = self.principal(user);
        let mut owner = None;
        let mut submissions = Vec::new();
        for (_, wishes, seed) in entries {
            let mut wish = wish(self.scene, operation, wishes, *seed);
            wish.spec.owner.name = USERS[user].into();
            wish.spec.owner.group = USERS[user].into();
            (wish.spec.owner.uid, wish.spec.owner.gid) = (by.uid.unwrap(), by.gid.unwrap());
            (wish.array, wish.spec.begin, wish.spec.deadline) = (String::new(), None, None);
            wish.spec.kind = domain::job::JobKind::Batch;
            owner = Some(wish.spec.owner.clone());
            submissions.push(self.submission(wish));
        }
        let Some(owner) = owner else {
            self.service.remove_crontab(&by, by.uid.unwrap()).await.unwrap();
            return;
        };
        let text: String = entries.iter().map(|(due, ..)| format!("{due} true\n")).collect();
        self.crontabs.insert(user);
        match self.service.set_crontab(&by, owner, text.into(), submissions).await {
            Ok(installed) => {
                self.tally.count("crontabs");
                installed.first().map(|first| self.jobs.insert(operation.number, first.job));
            }
            Err(error) => {
                self.tally.count(format!("refused crontab: {}", first_words(&error.to_string())));
                self.tick().await;
            }
        }
    }

    fn submitted(&mut self, operation: &Operation, job: JobId, what: &'static str) {
        self.tally.count(what);
        self.jobs.insert(operation.number, job);
    }

    async fn refused(&mut self, error: &Error) {
        self.tally.count(format!("refused: {}", first_words(&error.to_string())));
        self.tick().await;
    }

    fn submission(&self, mut wish: Wish) -> Submission {
        let known = wish.after.iter().filter_map(|(word, number)| match *word {
            "singleton" => Some((word.to_string(), JobId(0))),
            word => Some((word.to_string(), *self.jobs.get(number)?)),
        });
        let after: Vec<(String, JobId)> = known.collect();
        let terms = after.iter().map(|(word, job)| match word.as_str() {
            "singleton" => word.clone(),
            word => format!("{word}:{job}"),
        });
        let dependency = Text::from(terms.collect::<Vec<_>>().join(","));
        wish.spec.comment = Tag { seconds: wish.seconds, nature: wish.nature, after }.written();
        Submission {
            time_limit: Some(wish.spec.time_limit),
            spec: wish.spec,
            array: wish.array.into(),
            dependency,
            hold: wish.hold,
            immediate: false,
            requeue: Some(wish.requeue),
            payload: Payload { environment: Arc::from([Text::const_new("PATH=/bin")]), ..Payload::default() },
            client_key: None,
        }
    }
}

fn first_words(text: &str) -> String {
    text.split(|letter: char| !letter.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .take(4)
        .collect::<Vec<_>>()
        .join(" ")
}
