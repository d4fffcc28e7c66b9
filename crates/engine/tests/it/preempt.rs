//! Making way: who is asked, in which order, how many; and that the room they leave goes to whom they left it for.

use crate::cluster::{ask, cluster, job, node, partition};
use domain::cluster::{Cluster, Partition, PreemptMode, PreemptRules, PreemptType, Qos};
use domain::job::{
    End, Event, Exit, HetPart, Job, JobSpec, Memory, Outcome, Phase, PreemptionWarning, Reason, SuspendedBy,
    Usage,
};
use domain::ports::{Plan, PreemptHow};
use domain::reservation::Reservation;
use domain::state::State;
use domain::{JobId, TimeLimit, Timestamp};
use engine::local::schedule::Scheduler;
use std::sync::Arc;
use std::time::Duration;

/// The writer in miniature: what is planned happens.
pub(crate) struct World {
    state: State,
    scheduler: Scheduler,
    pub(crate) now: Timestamp,
}

/// One node of eight CPUs, or more, with partitions `low`, `mid` and `high` over all.
pub(crate) fn world(nodes: u32, by: PreemptType, mode: PreemptMode) -> World {
    with(nodes, |cluster| cluster.preempt = PreemptRules { by, mode, ..PreemptRules::default() })
}

pub(crate) fn with(nodes: u32, change: impl FnOnce(&mut Cluster)) -> World {
    let all = (0..nodes).map(|at| node(&format!("n{at}"), 8, 1, 10_000, 0)).collect();
    let tier = |name: &str, tier| Partition { tier, ..partition(name, 0..nodes) };
    let mut cluster = cluster(all, vec![tier("low", 1), tier("mid", 5), tier("high", 10)]);
    cluster.limits.kill_wait = Duration::from_secs(30);
    change(&mut cluster);
    World {
        state: State::new(Arc::new(cluster)),
        scheduler: Scheduler::new(),
        now: Timestamp::from_seconds(1000),
    }
}

/// A job on one node that may be put back.
pub(crate) fn wants(id: u32, partition: &str, cpus: u32) -> Job {
    let mut job = job(id, partition, 60, ask(1, cpus));
    Arc::make_mut(&mut job.spec).requeue = true;
    job.eligible = Timestamp::from_seconds(1);
    job
}

pub(crate) fn with_spec(mut job: Job, change: impl FnOnce(&mut JobSpec)) -> Job {
    change(Arc::make_mut(&mut job.spec));
    job
}

impl World {
    pub(crate) fn submit(&mut self, job: Job) -> JobId {
        let id = job.id;
        self.state.put(Arc::new(job));
        id
    }

    pub(crate) fn reserve(&mut self, reservation: Reservation) {
        self.state.put_reservations(Arc::new(vec![Arc::new(reservation)]));
    }

    pub(crate) fn happen(&mut self, id: JobId, event: Event) {
        let step = self.state.job(id).unwrap().apply(event).unwrap();
        self.state.put(Arc::new(step.job));
    }

    pub(crate) fn plan(&mut self) -> Plan {
        let plan = self.scheduler.plan(&self.state, self.now);
        let at = self.now;
        for preempt in &plan.preempts {
            let (by, grace, warning) = (preempt.by, preempt.grace, PreemptionWarning::Terminate);
            self.happen(
                preempt.job,
                match preempt.how {
                    PreemptHow::Suspend => Event::Suspended { at, by: SuspendedBy::Scheduler },
                    how => Event::Preempted { at, by, requeue: how == PreemptHow::Requeue, grace, warning },
                },
            );
        }
        for id in &plan.resumes {
            assert!(self.state.has_room_to_resume(self.state.job(*id).unwrap()), "its CPUs are free");
            self.happen(*id, Event::Resumed { at });
        }
        for start in &plan.starts {
            let (allocation, limit) = (Arc::clone(&start.allocation), start.limit);
            let overtime = Duration::ZERO;
            let (boot, way_in) = ("boot".into(), domain::job::WayIn::InOrder);
            self.happen(start.job, Event::Started { at, allocation, limit, boot, overtime, way_in });
        }
        for (id, reason, expected_start) in &plan.waits {
            self.happen(*id, Event::Considered { reason: *reason, expected_start: *expected_start });
        }
        plan
    }

    /// Returns whom the next pass would start.
    pub(crate) fn scheduler_starts(&mut self) -> Vec<JobId> {
        self.scheduler.plan(&self.state, self.now).starts.iter().map(|start| start.job).collect()
    }

    pub(crate) fn starts(&mut self, jobs: impl IntoIterator<Item = Job>) {
        for job in jobs {
            let id = self.submit(job);
            self.plan();
            assert!(self.is_running(id), "job {id} starts");
            self.pass(1);
        }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    pub(crate) fn end(&mut self, id: JobId) {
        let end = End::Process(Exit::Code(0));
        self.happen(id, Event::Ended { at: self.now, end, usage: Usage::default(), requeue: None });
    }

    fn job(&self, id: JobId) -> &Job {
        self.state.job(id).unwrap()
    }

    pub(crate) fn is_running(&self, id: JobId) -> bool {
        matches!(&self.job(id).phase, Phase::Running(run) if !run.is_suspended())
    }
}

pub(crate) fn asked(plan: &Plan) -> Vec<(u32, PreemptHow)> {
    plan.preempts.iter().map(|preempt| (preempt.job.0, preempt.how)).collect()
}

#[test]
fn nobody_makes_way_unless_that_is_configured() {
    let mut world = world(1, PreemptType::None, PreemptMode::Off);
    world.starts([wants(1, "low", 8)]);
    world.submit(wants(2, "high", 8));
    assert_eq!(asked(&world.plan()), []);
}

#[test]
fn the_lowest_goes_first_and_among_equals_the_youngest() {
    let mut world = world(1, PreemptType::PartitionPriority, PreemptMode::Cancel);
    world.starts([wants(1, "mid", 2), wants(2, "low", 2), wants(3, "low", 2), wants(4, "mid", 2)]);
    let high = world.submit(wants(5, "high", 2));
    assert_eq!(asked(&world.plan()), [(3, PreemptHow::Cancel)]);
    assert!(matches!(&world.job(high).phase, Phase::Pending(pending) if pending.reason == Reason::Resources));
    assert_eq!(asked(&world.plan()), [], "one has been told; nobody else need go");
    world.end(JobId(3));
    assert!(matches!(&world.job(JobId(3)).phase, Phase::Ended(ended) if ended.outcome == Outcome::Preempted));
    world.plan();
    assert!(world.is_running(high));

    let mid = world.submit(wants(6, "mid", 2));
    assert_eq!(asked(&world.plan()), [(2, PreemptHow::Cancel)], "its equals stay");
    world.end(JobId(2));
    world.plan();
    assert!(world.is_running(mid));
}

#[test]
fn no_more_are_asked_than_needed() {
    let mut world = world(2, PreemptType::PartitionPriority, PreemptMode::Cancel);
    // The youngest ones are spread over both nodes, and none of the small ones would be enough.
    world.starts([wants(1, "low", 6), wants(2, "low", 6), wants(3, "low", 2), wants(4, "low", 2)]);
    world.submit(wants(5, "high", 6));
    let victims = asked(&world.plan());
    assert_eq!(victims.len(), 1, "{victims:?}");
    assert!(victims[0].0 <= 2);
}

#[test]
fn what_cannot_go_back_into_the_queue_is_cancelled() {
    let mut world = world(1, PreemptType::PartitionPriority, PreemptMode::Requeue);
    let mut once = wants(2, "low", 4);
    Arc::make_mut(&mut once.spec).requeue = false;
    world.starts([wants(1, "low", 4), once]);
    let high = world.submit(wants(3, "high", 8));
    assert_eq!(asked(&world.plan()), [(2, PreemptHow::Cancel), (1, PreemptHow::Requeue)]);
    world.end(JobId(1));
    assert!(world.job(JobId(1)).is_pending());
    world.pass(1);
    world.plan();
    assert!(!world.is_running(JobId(1)), "its old place is kept for another");
    world.end(JobId(2));
    world.plan();
    assert!(world.is_running(high));
}

#[test]
fn nobody_slips_in_while_others_have_their_grace_time() {
    let mut world = with(1, |cluster| {
        let (by, mode) = (PreemptType::PartitionPriority, PreemptMode::Cancel);
        cluster.preempt = PreemptRules { by, mode, ..PreemptRules::default() };
        cluster.partitions[0].grace_time = 300;
    });
    world.starts([wants(1, "low", 4)]);
    let high = world.submit(wants(2, "high", 8));
    let plan = world.plan();
    assert_eq!(plan.preempts[0].grace, Duration::from_secs(300));
    assert!(world.is_running(JobId(1)), "it has been told");
    // Four CPUs are free, and this one would be gone before the grace time is over.
    let mut short = wants(3, "low", 1);
    Arc::make_mut(&mut short.spec).time_limit = domain::TimeLimit::Minutes(1);
    world.submit(short);
    for _ in 0..4 {
        world.pass(2);
        assert_eq!(asked(&world.plan()), []);
        assert!(!world.is_running(JobId(3)));
    }
    world.end(JobId(1));
    world.plan();
    assert!(world.is_running(high), "earlier than the grace time would have it");
}

#[test]
fn suspended_jobs_leave_at_once_and_come_back_by_themselves() {
    let mut world = world(1, PreemptType::PartitionPriority, PreemptMode::Suspend);
    world.starts([wants(1, "low", 4), wants(2, "low", 4)]);
    let high = world.submit(wants(3, "high", 4));
    assert_eq!(asked(&world.plan()), [(2, PreemptHow::Suspend)]);
    assert!(world.is_running(high), "in the same pass");
    assert!(world.job(JobId(2)).is_suspended());
    let behind = world.submit(wants(4, "low", 4));
    world.pass(10);
    world.plan();
    assert!(!world.is_running(behind));
    world.end(high);
    world.plan();
    assert!(world.is_running(JobId(2)), "who had it before goes on before who has never had it");
    assert!(!world.is_running(behind));
}

#[test]
fn memory_is_not_given_up_by_being_suspended() {
    let mut world = world(1, PreemptType::PartitionPriority, PreemptMode::Suspend);
    let large = |id, partition: &str| {
        let mut job = wants(id, partition, 4);
        Arc::make_mut(&mut job.spec).resources.memory = Memory::PerNode(6_000);
        job
    };
    world.starts([large(1, "low")]);
    world.submit(large(2, "high"));
    assert_eq!(asked(&world.plan()), []);
}

#[test]
fn a_suspended_job_comes_back_after_those_who_could_push_it_aside_again() {
    let mut world = world(1, PreemptType::PartitionPriority, PreemptMode::Suspend);
    world.starts([wants(1, "low", 8)]);
    let first = world.submit(wants(2, "high", 8));
    world.plan();
    let second = world.submit(wants(3, "high", 8));
    world.plan();
    world.end(first);
    let plan = world.plan();
    assert!(world.is_running(second));
    assert_eq!(plan.resumes, []);
    world.end(second);
    let plan = world.plan();
    assert_eq!(plan.resumes, [JobId(1)], "also when nobody waits any more");
}

#[test]
fn a_suspended_job_that_is_ended_frees_no_cpus_that_others_have() {
    let mut world = world(1, PreemptType::PartitionPriority, PreemptMode::Suspend);
    world.starts([wants(1, "low", 8), wants(2, "high", 8)]);
    world.happen(JobId(1), Event::Cancelled { at: world.now, by: domain::Uid(0), kill: false });
    assert!(matches!(world.job(JobId(1)).phase, Phase::Completing(_)), "its end takes some time");
    let third = world.submit(wants(3, "high", 8));
    world.plan();
    world.end(JobId(1));
    world.plan();
    assert!(world.is_running(JobId(2)) && !world.is_running(third), "the second has all there is");
    world.end(JobId(2));
    world.plan();
    assert!(world.is_running(third));
}

#[test]
fn who_could_start_behind_does_not_slip_into_room_that_is_just_being_made() {
    let mut world = world(1, PreemptType::PartitionPriority, PreemptMode::Cancel);
    world.starts([wants(1, "low", 6)]);
    let high = world.submit(wants(2, "high", 8));
    let mut short = wants(3, "low", 2);
    Arc::make_mut(&mut short.spec).time_limit = domain::TimeLimit::Minutes(1);
    let short = world.submit(short);
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    assert!(
        !world.is_running(short),
        "it would be gone before the first by its limit, but that is asked to go"
    );
    world.plan();
    assert!(!world.is_running(short));
    world.end(JobId(1));
    world.plan();
    assert!(world.is_running(high));
}

#[test]
fn what_an_operator_suspended_stays_so() {
    let mut world = world(1, PreemptType::None, PreemptMode::Off);
    world.starts([wants(1, "low", 8)]);
    world.happen(JobId(1), Event::Suspended { at: world.now, by: SuspendedBy::Operator });
    let other = world.submit(wants(2, "low", 8));
    assert_eq!(world.plan().resumes, []);
    assert!(world.is_running(other), "its CPUs are free for others");
    world.happen(JobId(1), Event::ResumeAsked);
    assert_eq!(world.plan().resumes, [], "they are in use");
    world.end(other);
    assert_eq!(world.plan().resumes, [JobId(1)]);
}

#[test]
fn qualities_of_service_name_whom_they_push_aside() {
    let qos = |name: &'static str, preempt: &[&'static str], mode| {
        let preempt = preempt.iter().map(|name| (*name).into()).collect();
        Qos { preempt, preempt_mode: mode, ..Qos::named(name.into()) }
    };
    let mut world = with(1, |cluster| {
        let (by, mode) = (PreemptType::Qos, PreemptMode::Cancel);
        cluster.preempt = PreemptRules { by, mode, ..PreemptRules::default() };
        cluster.configure_books(|books| books.qos.push(qos("urgent", &["normal", "spare"], None)));
        cluster.configure_books(|books| books.qos.push(qos("spare", &[], Some(PreemptMode::Requeue))));
        cluster.configure_books(|books| books.qos.push(qos("safe", &[], None)));
    });
    let of = |id, qos: &'static str, cpus| {
        let mut job = wants(id, "low", cpus);
        Arc::make_mut(&mut job.spec).qos = qos.into();
        job
    };
    world.starts([of(1, "safe", 4), of(2, "normal", 2), of(3, "spare", 2)]);
    world.submit(of(4, "urgent", 4));
    assert_eq!(asked(&world.plan()), [(3, PreemptHow::Requeue), (2, PreemptHow::Cancel)]);
    world.submit(of(5, "spare", 4));
    world.submit(of(6, "urgent", 8));
    world.end(JobId(3));
    world.end(JobId(2));
    world.plan();
    assert!(world.is_running(JobId(4)), "who had to go is older, but the room is not for him");
    world.pass(2);
    assert_eq!(asked(&world.plan()), [], "nobody is enough for eight CPUs: one is safe");
}

#[test]
fn a_job_is_spared_until_it_has_run_for_its_exempt_time() {
    let mut world = with(1, |cluster| {
        let (by, mode) = (PreemptType::PartitionPriority, PreemptMode::Cancel);
        cluster.preempt =
            PreemptRules { by, mode, exempt_time: Duration::from_secs(60), ..PreemptRules::default() };
    });
    world.starts([wants(1, "low", 8)]);
    world.submit(wants(2, "high", 8));
    let plan = world.plan();
    assert_eq!(asked(&plan), []);
    assert_eq!(plan.again, Some(Timestamp::from_seconds(1060)), "also if nothing else happens until then");
    world.pass(60);
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
}

#[test]
fn components_go_together_and_spare_each_other() {
    let mut world = world(1, PreemptType::PartitionPriority, PreemptMode::Cancel);
    let component = |id, partition: &str, leader: u32, offset| {
        let het = Some(HetPart { leader: JobId(leader), offset, size: 2 });
        Job { het, ..wants(id, partition, 4) }
    };
    // Components start together, so that both must be there.
    let both = [component(1, "low", 1, 0), component(2, "low", 1, 1)].map(|job| world.submit(job));
    world.plan();
    assert!(both.iter().all(|id| world.is_running(*id)));
    world.pass(1);
    world.submit(wants(3, "high", 6));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)], "the leader takes the others along");
    assert_eq!(world.job(JobId(2)).het.map(|part| part.leader), Some(JobId(1)));
}

#[test]
fn partitions_say_how_their_jobs_make_way() {
    let mut world = with(1, |cluster| {
        let (by, mode) = (PreemptType::PartitionPriority, PreemptMode::Cancel);
        cluster.preempt = PreemptRules { by, mode, ..PreemptRules::default() };
        cluster.partitions[0].preempt_mode = Some(PreemptMode::Off);
        cluster.partitions[1].preempt_mode = Some(PreemptMode::Requeue);
    });
    world.starts([wants(1, "low", 4), wants(2, "mid", 4)]);
    world.submit(wants(3, "high", 4));
    assert_eq!(asked(&world.plan()), [(2, PreemptHow::Requeue)]);
}

/// What a real Slurm does (26.05): the small job behind a blocked one pushes somebody aside only if it is over before the
/// blocked one could start.
#[test]
fn who_is_behind_a_blocked_job_pushes_others_aside_only_if_that_delays_nobody() {
    for (minutes, moves) in [(5, true), (29, true), (60, false)] {
        let mut world = world(3, PreemptType::PartitionPriority, PreemptMode::Cancel);
        let limited =
            |job: Job, minutes| with_spec(job, |spec| spec.time_limit = TimeLimit::Minutes(minutes));
        world.starts([limited(wants(1, "high", 8), 30)]);
        world.starts([limited(wants(2, "low", 8), 30), limited(wants(3, "low", 8), 30)]);
        let wide = with_spec(limited(wants(4, "high", 24), 30), |spec| spec.resources.min_nodes = 3);
        let wide = world.submit(wide);
        assert_eq!(asked(&world.plan()), []);
        let small = world.submit(limited(wants(5, "high", 2), minutes));
        world.pass(1);
        let plan = world.plan();
        let told = if moves { vec![(3, PreemptHow::Cancel)] } else { Vec::new() };
        assert_eq!(asked(&plan), told, "{minutes} minutes");
        if !moves {
            continue;
        }
        assert_eq!(plan.again, Some(world.now), "they may be gone at once");
        // Nobody slips into the room, and the job goes nowhere else.
        let other = world.submit(limited(wants(6, "low", 2), 1));
        world.pass(1);
        assert_eq!(asked(&world.plan()), []);
        world.end(JobId(3));
        world.pass(1);
        world.plan();
        assert!(world.is_running(small) && !world.is_running(wide));
        world.pass(1);
        world.plan();
        assert!(world.is_running(other), "what is left of the node is for those who are quick");
        let Phase::Pending(pending) = &world.job(wide).phase else { panic!("it waits") };
        assert!(pending.expected_start.unwrap() <= Timestamp::from_seconds(1000 + 31 * 60 + 60));
    }
}

#[test]
fn behind_a_blocked_job_others_are_halted_only_if_they_can_go_on_before_it_starts() {
    for (minutes, moves) in [(5, true), (20, false)] {
        let mut world = world(2, PreemptType::PartitionPriority, PreemptMode::Suspend);
        let limited =
            |job: Job, minutes| with_spec(job, |spec| spec.time_limit = TimeLimit::Minutes(minutes));
        // The wide one, of the lower tier, cannot push anybody aside; it will have both nodes in half an hour.
        world.starts([limited(wants(1, "mid", 8), 30), limited(wants(2, "low", 8), 15)]);
        let wide = with_spec(limited(wants(3, "mid", 16), 30), |spec| spec.resources.min_nodes = 2);
        world.submit(Job { priority: 5000, ..wide });
        world.plan();
        let small = world.submit(limited(wants(4, "mid", 8), minutes));
        world.pass(1);
        let told = asked(&world.plan());
        assert_eq!(
            told,
            if moves { vec![(2, PreemptHow::Suspend)] } else { Vec::new() },
            "{minutes} minutes"
        );
        assert_eq!(world.is_running(small), moves, "in the same pass");
        if moves {
            world.end(small);
            world.pass(1);
            assert_eq!(world.plan().resumes, [JobId(2)]);
        }
    }
}

/// As the original does with `PreemptParameters=reclaim_licenses`, and does not without.
#[test]
fn licences_are_given_back_for_others_where_that_is_configured() {
    for reclaims in [false, true] {
        let mut world = with(1, |cluster| {
            let (by, mode) = (PreemptType::PartitionPriority, PreemptMode::Cancel);
            cluster.preempt = PreemptRules { by, mode, for_licenses: reclaims, ..PreemptRules::default() };
        });
        let licensed = |id, partition: &str, name: &'static str, count| {
            with_spec(wants(id, partition, 1), |spec| {
                spec.resources.licenses = [(name.into(), count)].into_iter().collect()
            })
        };
        world.starts([licensed(1, "low", "ansys", 10), licensed(2, "low", "matlab", 1)]);
        let high = world.submit(licensed(3, "high", "ansys", 2));
        let expected = if reclaims { vec![(1, PreemptHow::Cancel)] } else { Vec::new() };
        assert_eq!(asked(&world.plan()), expected);
        let behind = world.submit(licensed(4, "low", "ansys", 2));
        world.pass(1);
        assert_eq!(asked(&world.plan()), []);
        world.end(JobId(1));
        world.plan();
        assert!(world.is_running(high), "it has its licences");
        world.pass(1);
        world.plan();
        assert!(world.is_running(behind), "there are enough for both");
    }
}

#[test]
fn halted_jobs_keep_their_licences() {
    let mut world = with(1, |cluster| {
        let (by, mode) = (PreemptType::PartitionPriority, PreemptMode::Suspend);
        cluster.preempt = PreemptRules { by, mode, for_licenses: true, ..PreemptRules::default() };
    });
    let licensed = |id, partition: &str| {
        with_spec(wants(id, partition, 1), |spec| {
            spec.resources.licenses = [("matlab".into(), 3)].into_iter().collect()
        })
    };
    world.starts([licensed(1, "low")]);
    world.submit(licensed(2, "high"));
    assert_eq!(asked(&world.plan()), []);
}

pub(crate) fn component(id: u32, partition: &str, cpus: u32, leader: u32) -> Job {
    let het = Some(HetPart { leader: JobId(leader), offset: id - leader, size: 2 });
    Job { het, ..wants(id, partition, cpus) }
}

#[test]
fn components_find_room_together_and_start_in_it() {
    for mode in [PreemptMode::Cancel, PreemptMode::Suspend] {
        let mut world = world(3, PreemptType::PartitionPriority, mode);
        world.starts([wants(1, "low", 8), wants(2, "low", 8), wants(3, "low", 8)]);
        let both = [component(4, "high", 8, 4), component(5, "high", 8, 4)].map(|job| world.submit(job));
        let plan = world.plan();
        assert_eq!(plan.preempts.len(), 2, "room for both, and no more: {:?}", plan.preempts);
        assert!(plan.preempts.iter().all(|preempt| preempt.by == JobId(4)));
        if mode == PreemptMode::Cancel {
            let slips_in = world.submit(with_spec(wants(6, "low", 4), |spec| {
                spec.time_limit = TimeLimit::Minutes(1);
            }));
            world.end(plan.preempts[0].job);
            world.pass(1);
            assert_eq!(asked(&world.plan()), []);
            assert!(!world.is_running(slips_in) && !both.iter().any(|id| world.is_running(*id)));
            world.end(plan.preempts[1].job);
            world.pass(1);
            world.plan();
        }
        assert!(both.iter().all(|id| world.is_running(*id)), "{mode:?}");
    }
}

/// As the original: one component that must stay keeps all of them.
#[test]
fn a_heterogeneous_job_makes_way_only_if_every_component_may_be_pushed_aside() {
    for (first, second) in [("low", "high"), ("high", "low")] {
        let mut world = world(2, PreemptType::PartitionPriority, PreemptMode::Cancel);
        let both = [component(1, first, 8, 1), component(2, second, 8, 1)].map(|job| world.submit(job));
        world.plan();
        assert!(both.iter().all(|id| world.is_running(*id)));
        world.submit(wants(3, "high", 4));
        world.pass(1);
        assert_eq!(asked(&world.plan()), []);
    }
}

/// Whatever comes: no CPU is given twice, nobody makes way for an equal, and in the end every job has run.
#[test]
fn under_any_load_nothing_is_given_twice_and_everybody_runs() {
    for seed in 0..30 {
        let mode = [PreemptMode::Cancel, PreemptMode::Requeue, PreemptMode::Suspend][seed as usize % 3];
        let mut world = world(3, PreemptType::PartitionPriority, mode);
        let mut dice = crate::workload::Dice::new(seed);
        let mut ends: Vec<(Timestamp, JobId)> = Vec::new();
        for id in 1..=40 {
            let partition = ["low", "mid", "high"][dice.below(3) as usize];
            world.submit(wants(id, partition, 1 + dice.below(8)));
            round(&mut world, &mut dice, &mut ends);
        }
        let over = |job: &Arc<Job>| job.is_final();
        for _ in 0..4_000 {
            if world.state.jobs().iter().all(over) {
                break;
            }
            round(&mut world, &mut dice, &mut ends);
        }
        assert!(
            world.state.jobs().iter().all(over),
            "seed {seed}: {:?}",
            world.state.jobs().iter().find(|job| !over(job))
        );
    }
}

/// Plans, checks, and lets some time pass in which jobs that have run long enough end.
fn round(world: &mut World, dice: &mut crate::workload::Dice, ends: &mut Vec<(Timestamp, JobId)>) {
    let tiers = |world: &World, id: JobId| {
        let name = world.job(id).spec.partitions[0].clone();
        world.state.cluster().partition(&name).unwrap().tier
    };
    let plan = world.plan();
    for preempt in &plan.preempts {
        assert!(tiers(world, preempt.by) > tiers(world, preempt.job));
    }
    for at in 0..world.state.node_use().len() {
        let holders = world.state.holding().filter(|job| !job.is_suspended());
        let shares = holders.flat_map(|job| job.held_resources().unwrap().nodes.clone());
        let given: u32 =
            shares.filter(|share| share.node.0 as usize == at).map(|share| share.cpus.len()).sum();
        assert_eq!(given, world.state.node_use()[at].cpus.len(), "each CPU once");
        assert!(given <= 8);
    }
    world.pass(1 + u64::from(dice.below(20)));
    let holding: Vec<JobId> = world.state.holding().map(|job| job.id).collect();
    for id in holding {
        let is_due = match &world.job(id).phase {
            Phase::Running(run) => !run.is_suspended() && run.elapsed(world.now) > Duration::from_secs(40),
            Phase::Completing(completing) => world.now.since(completing.since) > Duration::from_secs(5),
            _ => false,
        };
        if is_due {
            world.end(id);
            ends.push((world.now, id));
        }
    }
}
