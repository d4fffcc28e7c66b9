//! What the writer can be asked for, and what of the ledger each wish is.

use super::accounting::Unfulfilled;
use super::crontab::NewCrontab;
use super::ledger::Ledger;
use super::made_nodes::NewNode;
use super::nodes::{Availability, NodeChoice, NodeUpdate};
use super::prepare::Draft;
use super::reservations::NewReservation;
use super::selection::{Action, Handled, Selection};
use super::submission::{Submission, Submitted};
use super::update::Update;
use crate::accounting::{Done, Wish};
use crate::cluster::Cluster;
use crate::cron::Installed;
use crate::job::{IfGone, JobKind, JobSpec};
use crate::ports::{Engine, Foreseen, PreemptHow, Report};
use crate::who::{Membership, Principal};
use crate::{Error, JobId, Problem, Text, Uid};
use tokio::sync::oneshot;

/// What the writer can be asked for.
pub(super) enum Command {
    Submit(Box<Draft>, oneshot::Sender<Result<Submitted, Error>>),
    /// As it was said, for a cluster that fills in itself what is left open.
    Forward(Principal, Box<Submission>, oneshot::Sender<Result<Submitted, Error>>),
    SubmitComponents(Vec<Draft>, oneshot::Sender<Result<Submitted, Error>>),
    /// Of a job, or of its components, as it would be submitted.
    Foresee(Vec<Draft>, oneshot::Sender<Result<Vec<Foreseen>, Error>>),
    Act {
        by: Principal,
        selection: Box<Selection>,
        action: Action,
        reply: oneshot::Sender<Result<Vec<Handled>, Error>>,
    },
    Update {
        by: Principal,
        job: JobId,
        update: Box<Update>,
        reply: oneshot::Sender<Result<Vec<Handled>, Error>>,
    },
    Attend {
        by: Principal,
        job: JobId,
        if_gone: IfGone,
        reply: oneshot::Sender<Result<u32, Error>>,
    },
    LeaveAlone {
        job: JobId,
        visit: u32,
    },
    RememberMember {
        by: Principal,
        member: Membership,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    ForgetMember {
        by: Principal,
        name: Text,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Account {
        by: Principal,
        wishes: Vec<Wish>,
        reply: oneshot::Sender<Result<Result<Vec<Done>, Unfulfilled>, Error>>,
    },
    MarkNode {
        by: Principal,
        node: Text,
        wanted: Availability,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Reserve(Box<NewReservation>, oneshot::Sender<Result<Text, Error>>),
    ChangeReservation(Box<NewReservation>, oneshot::Sender<Result<(), Error>>),
    RemoveReservation {
        by: Principal,
        name: Text,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    UpdateNodes {
        by: Principal,
        choice: NodeChoice,
        update: Box<NodeUpdate>,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    MakeNodes {
        by: Principal,
        wanted: Vec<NewNode>,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    RemoveNodes {
        by: Principal,
        choice: NodeChoice,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Reconfigure(Box<Cluster>, oneshot::Sender<Result<(), Error>>),
    SetCrontab(Box<NewCrontab>, oneshot::Sender<Result<Vec<Installed>, Error>>),
    RemoveCrontab {
        by: Principal,
        owner: Uid,
        reply: oneshot::Sender<Result<(), Error>>,
    },
    Reports(Vec<Report>),
    Stop(oneshot::Sender<()>),
}

impl Command {
    /// Tells whether it is none of a batch: a configuration is in its file, and what is foreseen nowhere.
    pub(super) fn leaves_no_record(&self) -> bool {
        matches!(self, Command::Reconfigure(..) | Command::Foresee(..))
    }
}

/// Answers a caller once it is known whether the batch is durable.
pub(super) type Answer = Box<dyn FnOnce(Result<(), Error>)>;

/// Decides on one command; the answer waits until the batch is durable.
pub(super) fn serve(
    ledger: &mut Ledger<'_>,
    engine: &mut dyn Engine,
    boot: &Text,
    command: Command,
) -> Option<Answer> {
    Some(match command {
        Command::Submit(mut draft, reply) => {
            let key = draft.client_key.take();
            let result = ledger.answer_once(key, |ledger| match draft.immediate {
                true => accept_now(ledger, engine, boot, *draft),
                false => ledger.accept(*draft),
            });
            later(reply, result)
        }
        Command::Forward(_, _, reply) => {
            later(reply, Err(Problem::Unsupported(Text::const_new("a cluster elsewhere")).into()))
        }
        Command::SubmitComponents(mut drafts, reply) => {
            let key = drafts.first_mut().and_then(|leader| leader.client_key.take());
            later(reply, ledger.answer_once(key, |ledger| ledger.accept_components(drafts)))
        }
        Command::Act { by, selection, action, reply } => {
            later(reply, Ok(ledger.act(&by, &selection, action)))
        }
        Command::Update { by, job, update, reply } => later(reply, ledger.update(&by, job, &update)),
        Command::Attend { by, job, if_gone, reply } => later(reply, ledger.attend(&by, job, if_gone)),
        Command::LeaveAlone { job, visit } => {
            ledger.leave_alone(job, visit);
            return None;
        }
        Command::RememberMember { by, member, reply } => later(reply, ledger.remember_member(&by, member)),
        Command::ForgetMember { by, name, reply } => later(reply, ledger.forget_member(&by, name)),
        Command::Account { by, wishes, reply } => {
            let outcome = ledger.account(&by, &wishes);
            later(reply, Ok(outcome))
        }
        Command::MarkNode { by, node, wanted, reply } => later(reply, ledger.mark_node(&by, &node, wanted)),
        Command::Reserve(wish, reply) => later(reply, ledger.reserve(*wish)),
        Command::ChangeReservation(wish, reply) => later(reply, ledger.change_reservation(*wish)),
        Command::RemoveReservation { by, name, reply } => later(reply, ledger.delete_reservation(&by, &name)),
        Command::UpdateNodes { by, choice, update, reply } => {
            later(reply, ledger.update_nodes(&by, &choice, &update))
        }
        Command::MakeNodes { by, wanted, reply } => later(reply, ledger.make_nodes(&by, &wanted)),
        Command::RemoveNodes { by, choice, reply } => later(reply, ledger.remove_nodes(&by, &choice)),
        Command::SetCrontab(crontab, reply) => later(reply, ledger.set_crontab(*crontab)),
        Command::RemoveCrontab { by, owner, reply } => later(reply, ledger.remove_crontab(&by, owner)),
        Command::Reports(_) | Command::Stop(_) | Command::Reconfigure(..) | Command::Foresee(..) => {
            return None;
        }
    })
}

/// Accepts a job only if it starts at once.
fn accept_now(
    ledger: &mut Ledger<'_>,
    engine: &mut dyn Engine,
    boot: &Text,
    draft: Draft,
) -> Result<Submitted, Error> {
    let why_not = why_not_now(ledger, &draft.spec);
    let submitted = ledger.accept(draft)?;
    let mut plan = engine.plan(ledger.state(), ledger.now);
    // It would not wait until they have made way.
    plan.preempts.retain(|preempt| preempt.by != submitted.id || preempt.how == PreemptHow::Suspend);
    ledger.take_plan(&plan, boot);
    let waits = ledger.job(submitted.id).is_none_or(|job| job.is_pending());
    if waits {
        ledger.retract(submitted.id);
        return Err(why_not.into());
    }
    Ok(submitted)
}

/// Says why a job that may not wait cannot start. Of allocations the original tells more than of batch jobs.
fn why_not_now(ledger: &Ledger<'_>, spec: &JobSpec) -> Problem {
    let partition = ledger.state().cluster().partition(spec.partition());
    match partition.filter(|_| spec.kind == JobKind::Allocation) {
        Some(partition) if !partition.state.starts_jobs() => Problem::PartitionDown(partition.name.clone()),
        Some(partition) if partition.nodes.len() < spec.resources.min_nodes as usize => Problem::TooManyNodes,
        _ => Problem::CannotStartNow,
    }
}

fn later<T: 'static>(reply: oneshot::Sender<Result<T, Error>>, result: Result<T, Error>) -> Answer {
    Box::new(move |recorded| {
        // A caller who has gone away does not mind.
        let _ = reply.send(recorded.and(result));
    })
}
