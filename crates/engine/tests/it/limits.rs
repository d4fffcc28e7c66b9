//! Every kind of limit of accounting: who is over it waits and says so by the limit's name, whoever is not goes ahead, and
//! when there is room, or more is allowed, the job starts. The names are those a real Slurm showed for the same limits.

use crate::cluster::{array, ask, cluster, job, node, partition};
use domain::accounting::tres::{BILLING, CPU, DYNAMIC_OFFSET, MEMORY, NODE};
use domain::accounting::{
    Account, Association, Books, Enforcement, LastNumbers, Limit, Limits, Place, Qos, QosFlags, ROOT, Record,
};
use domain::cluster::{Cluster, Partition};
use domain::job::{
    End, Event, Exit, GresRequest, HetPart, Job, Per, Phase, Reason, Resources, Sharing, Usage, WayIn,
};
use domain::priority::{PriorityType, Rules};
use domain::state::State;
use domain::{JobId, Text, Timestamp};
use engine::local::schedule::Scheduler;
use std::sync::Arc;
use std::time::Duration;

const GPU: u32 = DYNAMIC_OFFSET + 1;

/// Where a limit is set.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Qos,
    Account,
    User,
    Root,
}

/// A limit as it is set.
type Set = (At, Limit, u32, u64);

fn limits_at(at: At, set: &[Set]) -> Limits {
    set.iter()
        .filter(|(place, ..)| *place == at)
        .map(|(_, limit, resource, most)| (*limit, *resource, *most))
        .collect()
}

/// Root, an account, another one, and alice in both.
fn books(set: &[Set], qos: impl FnOnce(&mut Qos)) -> Books {
    let mut normal = Qos { id: 1, limits: limits_at(At::Qos, set), ..Qos::named(Text::const_new("normal")) };
    qos(&mut normal);
    let place = |account: &str, user: &str| Place {
        cluster: "test".into(),
        account: account.into(),
        user: user.into(),
        partition: Text::default(),
    };
    let association = |id, account: &str, user: &str, limits| {
        let is_below = user.is_empty() && account != "root";
        let parent = if is_below { ROOT } else { Text::default() };
        let place = place(account, user);
        Record::Association(Arc::new(Association {
            id,
            place,
            parent,
            shares: 1,
            limits,
            ..Association::default()
        }))
    };
    let account = |name: &str| Record::Account(Arc::new(Account { name: name.into(), ..Account::default() }));
    let records = [
        Record::Qos(Arc::new(normal)),
        account("root"),
        account("physics"),
        account("chemistry"),
        association(1, "root", "", limits_at(At::Root, set)),
        association(2, "physics", "", limits_at(At::Account, set)),
        association(3, "chemistry", "", Limits::default()),
        association(4, "physics", "alice", limits_at(At::User, set)),
        association(5, "chemistry", "alice", Limits::default()),
    ];
    Books::restored(&"test".into(), records, LastNumbers::default())
}

struct World {
    state: State,
    scheduler: Scheduler,
    now: Timestamp,
}

impl World {
    /// Four nodes of eight CPUs and two GPUs.
    fn new(books: Books, change: impl FnOnce(&mut Cluster)) -> Self {
        let nodes = (1..=4).map(|at| node(&format!("n{at}"), 8, 1, 16_000, 2)).collect();
        let mut cluster = cluster(nodes, vec![partition("a", 0..4)]);
        cluster.books = books;
        cluster.enforcement = Enforcement::parse(["limits", "safe", "qos"]).unwrap();
        change(&mut cluster);
        let state = State::new(Arc::new(cluster));
        World { state, scheduler: Scheduler::new(), now: Timestamp::from_seconds(1000) }
    }

    /// Submits a job of two CPUs and a GPU for an hour.
    fn submit(&mut self, account: &str) -> JobId {
        let gpu = GresRequest { name: "gpu".into(), kind: Text::default(), count: 1, per: Per::Node };
        let asked = Resources { gres: [gpu].into_iter().collect(), ..ask(1, 2) };
        let id = self.state.take_id();
        let mut job = Job { eligible: self.now, submitted: self.now, ..job(id.0, "a", 60, asked) };
        Arc::make_mut(&mut job.spec).account = account.into();
        self.state.put(Arc::new(job));
        id
    }

    /// Makes a pass; returns who starts, and whether that was planned ahead.
    fn plan(&mut self) -> Vec<(JobId, bool)> {
        self.now = self.now.after(Duration::from_secs(10));
        self.state.set_time(self.now);
        let plan = self.scheduler.plan(&self.state, self.now);
        for start in &plan.starts {
            let (allocation, limit) = (Arc::clone(&start.allocation), start.limit);
            let (at, overtime) = (self.now, Duration::ZERO);
            self.happen(
                start.job,
                Event::Started {
                    at,
                    allocation,
                    limit,
                    boot: "boot".into(),
                    overtime,
                    way_in: WayIn::InOrder,
                },
            );
        }
        for (id, reason, expected_start) in &plan.waits {
            self.happen(*id, Event::Considered { reason: *reason, expected_start: *expected_start });
        }
        plan.starts.iter().map(|start| (start.job, start.backfilled)).collect()
    }

    fn happen(&mut self, id: JobId, event: Event) {
        let job = self.state.job(id).unwrap().apply(event).unwrap().job;
        self.state.put(Arc::new(job));
    }

    fn end(&mut self, id: JobId) {
        let end = End::Process(Exit::Code(0));
        self.happen(id, Event::Ended { at: self.now, end, usage: Usage::default(), requeue: None });
    }

    /// Returns why a job waits; `None` if it runs.
    fn waits(&self, id: JobId) -> Option<Reason> {
        match &self.state.job(id).unwrap().phase {
            Phase::Pending(pending) => Some(pending.reason),
            Phase::Running(_) => None,
            phase => panic!("job {id:?} is {}", phase.name()),
        }
    }
}

/// One job runs, the next one waits for it to end; a job of another account is not kept waiting unless the limit is its own.
#[test]
fn jobs_wait_for_others_of_the_same_limit() {
    use At::{Account, Qos, Root, User};
    use Limit::*;
    use Reason as R;
    // Where, what, of which resource, how much; the reason; whether the other account is held as well.
    let table: &[(Set, Reason, bool)] = &[
        ((Account, GrpJobs, 0, 1), R::AssocGrpJobsLimit, false),
        ((Root, GrpJobs, 0, 1), R::AssocGrpJobsLimit, true),
        ((User, GrpJobs, 0, 1), R::AssocGrpJobsLimit, false),
        ((Account, MaxJobs, 0, 1), R::AssocMaxJobsLimit, false),
        ((User, MaxJobs, 0, 1), R::AssocMaxJobsLimit, false),
        ((Account, GrpTres, CPU, 3), R::AssocGrpCpuLimit, false),
        ((Account, GrpTres, MEMORY, 250), R::AssocGrpMemLimit, false),
        ((Account, GrpTres, GPU, 1), R::AssocGrpGres, false),
        ((Account, GrpTres, BILLING, 3), R::AssocGrpBilling, false),
        ((Account, GrpTres, NODE, 1), R::AssocGrpNodeLimit, false),
        ((Account, GrpTresRunMins, CPU, 200), R::AssocGrpCpuRunMinutesLimit, false),
        ((Account, GrpTresRunMins, GPU, 100), R::AssocGrpGresRunMinutes, false),
        ((Account, GrpTresMins, CPU, 150), R::AssocGrpCpuMinutesLimit, false),
        ((Account, GrpTresRunMins, MEMORY, 20_000), R::AssocGrpMemRunMinutes, false),
        ((Account, GrpTresRunMins, NODE, 100), R::AssocGrpNodeRunMinutes, false),
        ((Account, GrpTresRunMins, BILLING, 200), R::AssocGrpBillingRunMinutes, false),
        ((Account, MaxTresRunMins, CPU, 200), R::MaxCpuRunMinsPerUser, false),
        ((User, MaxTresRunMins, GPU, 100), R::MaxGresRunMinsPerUser, false),
        ((Root, GrpTres, CPU, 3), R::AssocGrpCpuLimit, true),
        ((Qos, GrpJobs, 0, 1), R::QosGrpJobsLimit, true),
        ((Qos, GrpTres, NODE, 1), R::QosGrpNodeLimit, true),
        ((Qos, GrpTres, GPU, 1), R::QosGrpGres, true),
        ((Qos, GrpTresMins, CPU, 150), R::QosGrpCpuMinutesLimit, true),
        ((Qos, GrpTres, CPU, 3), R::QosGrpCpuLimit, true),
        ((Qos, GrpTres, MEMORY, 250), R::QosGrpMemLimit, true),
        ((Qos, GrpTres, BILLING, 3), R::QosGrpBilling, true),
        ((Qos, GrpTresRunMins, CPU, 200), R::QosGrpCpuRunMinutesLimit, true),
        ((Qos, MaxJobsPerUser, 0, 1), R::QosMaxJobsPerUserLimit, true),
        ((Qos, MaxJobsPerAccount, 0, 1), R::MaxJobsPerAccount, false),
        ((Qos, MaxTresPerUser, CPU, 3), R::QosMaxCpuPerUserLimit, true),
        ((Qos, MaxTresPerUser, GPU, 1), R::QosMaxGresPerUser, true),
        ((Qos, MaxTresPerUser, MEMORY, 250), R::QosMaxMemoryPerUser, true),
        ((Qos, MaxTresPerUser, NODE, 1), R::QosMaxNodePerUserLimit, true),
        ((Qos, MaxTresPerUser, BILLING, 3), R::QosMaxBillingPerUser, true),
        ((Qos, MaxTresPerAccount, CPU, 3), R::MaxCpuPerAccount, false),
        ((Qos, MaxTresPerAccount, MEMORY, 250), R::MaxMemoryPerAccount, false),
        ((Qos, MaxTresPerAccount, NODE, 1), R::MaxNodePerAccount, false),
        ((Qos, MaxTresPerAccount, GPU, 1), R::MaxGresPerAccount, false),
        ((Qos, MaxTresRunMinsPerUser, CPU, 200), R::MaxCpuRunMinsPerUser, true),
        ((Qos, MaxTresRunMinsPerAccount, CPU, 200), R::MaxCpuRunMinsPerAccount, false),
    ];
    for (set, reason, holds_all) in table {
        let mut world = World::new(books(&[*set], |_| {}), |_| {});
        let (first, second) = (world.submit("physics"), world.submit("physics"));
        let other = world.submit("chemistry");
        world.plan();
        assert_eq!(world.waits(first), None, "{set:?}");
        assert_eq!(world.waits(second), Some(*reason), "{set:?}");
        assert_eq!(world.waits(other).is_some(), *holds_all, "{set:?}");
        world.end(first);
        world.plan();
        assert_eq!(world.waits(second), None, "{set:?}");
    }
}

/// A job that asks for too much waits until more is allowed.
#[test]
fn jobs_wait_that_ask_for_too_much() {
    use At::{Account, Qos, User};
    use Limit::*;
    use Reason as R;
    let table: &[(Set, u64, Reason)] = &[
        ((User, MaxWallPerJob, 0, 30), 60, R::AssocMaxWallDurationPerJobLimit),
        ((Account, MaxTresPerJob, CPU, 1), 2, R::AssocMaxCpuPerJobLimit),
        ((Account, MaxTresPerJob, MEMORY, 100), 200, R::AssocMaxMemPerJob),
        ((Account, MaxTresPerNode, CPU, 1), 2, R::AssocMaxCpuPerNode),
        ((Account, MaxTresMinsPerJob, CPU, 100), 120, R::AssocMaxCpuMinutesPerJobLimit),
        ((Account, GrpWall, 0, 30), 60, R::AssocGrpWallLimit),
        ((Account, GrpTresMins, CPU, 100), 120, R::AssocGrpCpuMinutesLimit),
        ((Account, GrpTresRunMins, CPU, 100), 120, R::AssocGrpCpuRunMinutesLimit),
        ((Qos, MaxWallPerJob, 0, 30), 60, R::QosMaxWallDurationPerJobLimit),
        ((Qos, MaxTresPerJob, GPU, 0), 1, R::QosMaxGresPerJob),
        ((Qos, MaxTresPerJob, NODE, 0), 1, R::QosMaxNodePerJobLimit),
        ((Qos, MaxTresPerNode, CPU, 1), 2, R::QosMaxCpuPerNode),
        ((Qos, MaxTresMinsPerJob, CPU, 100), 120, R::QosMaxCpuMinutesPerJobLimit),
        ((Qos, GrpWall, 0, 30), 60, R::QosGrpWallLimit),
        ((Qos, GrpTresMins, CPU, 100), 120, R::QosGrpCpuMinutesLimit),
        ((Qos, MinTresPerJob, CPU, 4), 2, R::QosMinCpuNotSatisfied),
        ((Qos, MinTresPerJob, GPU, 2), 1, R::QosMinGres),
    ];
    for (set, enough, reason) in table {
        let mut world = World::new(books(&[*set], |_| {}), |_| {});
        let job = world.submit("physics");
        world.plan();
        assert_eq!(world.waits(job), Some(*reason), "{set:?}");
        let (at, limit, resource, _) = *set;
        world.state.put_books(books(&[(at, limit, resource, *enough)], |_| {}));
        world.plan();
        assert_eq!(world.waits(job), None, "{set:?}");
    }
}

/// Quality of service before association, the nearest association before those above, except for limits of groups.
#[test]
fn one_limit_takes_the_place_of_another() {
    use At::{Account, Qos, User};
    use Limit::*;
    let runs_both = |set: &[Set], change: fn(&mut domain::cluster::Qos)| {
        let mut world = World::new(books(set, change), |_| {});
        let jobs = [world.submit("physics"), world.submit("physics")];
        world.plan();
        jobs.map(|job| world.waits(job))
    };
    let plain = |_: &mut domain::cluster::Qos| {};
    for (over, under) in [
        ((Qos, GrpJobs, 0, 5), (Account, GrpJobs, 0, 1)),
        ((Qos, MaxJobsPerUser, 0, 5), (Account, MaxJobs, 0, 1)),
        ((Qos, MaxTresPerJob, CPU, 4), (Account, MaxTresPerJob, CPU, 1)),
        ((Qos, MaxWallPerJob, 0, 100), (Account, MaxWallPerJob, 0, 30)),
        ((User, MaxJobs, 0, 2), (Account, MaxJobs, 0, 1)),
    ] {
        assert_eq!(runs_both(&[over, under], plain), [None, None], "{over:?}");
    }
    let group = runs_both(&[(User, GrpJobs, 0, 5), (Account, GrpJobs, 0, 1)], plain);
    assert_eq!(group, [None, Some(Reason::AssocGrpJobsLimit)]);
    // A factor widens what associations give of resources.
    let widened = |qos: &mut domain::cluster::Qos| qos.limit_factor = Some(2.0);
    assert_eq!(runs_both(&[(Account, GrpTres, CPU, 2)], widened), [None, None]);
    assert_eq!(runs_both(&[(Account, GrpTres, CPU, 2)], plain), [None, Some(Reason::AssocGrpCpuLimit)]);
}

#[test]
fn the_quality_of_service_of_the_partition_comes_first_unless_told_otherwise() {
    let of_job = [(At::Qos, Limit::MaxTresPerJob, CPU, 1)];
    for (overrides, reason) in [(false, None), (true, Some(Reason::QosMaxCpuPerJobLimit))] {
        let own = books(&of_job, |qos| {
            qos.flags = QosFlags { override_partition_qos: overrides, ..QosFlags::default() };
        });
        let limits = [(Limit::MaxTresPerJob, CPU, 8)].into_iter().collect();
        let of_partition = Qos { id: 2, limits, ..Qos::named(Text::const_new("wide")) };
        let mut records: Vec<Record> = own.all_qos().cloned().map(Record::Qos).collect();
        records.push(Record::Qos(Arc::new(of_partition)));
        records.extend((1..=5).filter_map(|id| own.association(id).cloned()).map(Record::Association));
        let both = Books::restored(&"test".into(), records, LastNumbers::default());
        let mut world = World::new(both, |cluster| cluster.partitions[0].qos = "wide".into());
        let job = world.submit("physics");
        world.plan();
        assert_eq!(world.waits(job), reason);
    }
}

#[test]
fn what_was_used_counts_and_fades() {
    let set = [(At::Account, Limit::GrpTresMins, CPU, 150)];
    let mut world = World::new(books(&set, |_| {}), |cluster| {
        cluster.priority.half_life = Some(Duration::from_secs(3600));
    });
    let first = world.submit("physics");
    world.plan();
    world.now = world.now.after(Duration::from_secs(3600));
    world.state.set_time(world.now);
    world.end(first);
    // Two CPUs for an hour are behind it, as many minutes are asked for again.
    let second = world.submit("physics");
    world.plan();
    assert_eq!(world.waits(second), Some(Reason::AssocGrpCpuMinutesLimit));
    world.now = world.now.after(Duration::from_secs(3600));
    world.plan();
    assert_eq!(world.waits(second), Some(Reason::AssocGrpCpuMinutesLimit), "sixty of them are left");
    world.now = world.now.after(Duration::from_secs(3600));
    world.plan();
    assert_eq!(world.waits(second), None, "thirty of them are left");
}

#[test]
fn tasks_of_an_array_start_as_far_as_the_limit_goes() {
    let mut world = World::new(books(&[(At::User, Limit::MaxJobs, 0, 3)], |_| {}), |_| {});
    let id = world.state.take_id();
    let pool = array(job(id.0, "a", 60, ask(1, 1)), 10, 0);
    let mut job = Job { eligible: world.now, ..pool };
    Arc::make_mut(&mut job.spec).account = "physics".into();
    world.state.put(Arc::new(job));
    let plan = world.scheduler.plan(&world.state, world.now);
    assert_eq!(plan.starts.len(), 3);
    assert!(plan.waits.iter().any(|(_, reason, _)| *reason == Reason::AssocMaxJobsLimit));
}

/// Nobody has given them a priority by hand, and what counts is how long they wait.
fn ages(cluster: &mut Cluster) {
    let max_age = Duration::from_secs(1000);
    cluster.priority = Rules { by: PriorityType::MultiFactor, age: 1000, max_age, ..Rules::default() };
}

#[test]
fn as_many_jobs_gain_priority_by_waiting_as_may() {
    use At::{Account, Qos, User};
    use Limit::*;
    for (at, limit, other_waits) in [
        (Account, GrpJobsAccrue, false),
        (User, MaxJobsAccrue, false),
        (Qos, GrpJobsAccrue, true),
        (Qos, MaxJobsAccruePerUser, true),
        (Qos, MaxJobsAccruePerAccount, false),
    ] {
        let mut world = World::new(books(&[(at, limit, 0, 1)], |_| {}), ages);
        let jobs = [world.submit("physics"), world.submit("physics"), world.submit("chemistry")];
        let mut after = |seconds: u64| {
            world.now = world.now.after(Duration::from_secs(seconds));
            world.state.begin_ranking(world.now);
            while world.state.rank_more(10) {}
            jobs.map(|id| world.state.job(id).map_or(0, |job| job.priority))
        };
        let other = |aged: u32| if other_waits { 1 } else { aged };
        assert_eq!(after(500), [500, 1, other(500)], "{limit:?}");
        world.state.take(jobs[0]);
        let mut after = |seconds: u64| {
            world.now = world.now.after(Duration::from_secs(seconds));
            world.state.begin_ranking(world.now);
            while world.state.rank_more(10) {}
            jobs.map(|id| world.state.job(id).map_or(0, |job| job.priority))
        };
        // The next one begins when its turn has come.
        assert_eq!(after(100), [0, 1, other(600)], "{limit:?}");
        assert_eq!(after(100), [0, 100, other(700)], "{limit:?}");
    }
}

/// The least priority for which something is kept free: who has less is overtaken by whoever finds room.
#[test]
fn nothing_is_kept_free_below_the_least_priority() {
    for (at, least, overtakes) in
        [(At::Qos, 10, false), (At::Qos, 1000, true), (At::Account, 1000, true), (At::User, 500, false)]
    {
        let set = [(at, Limit::MinPriorityThreshold, 0, least)];
        let mut world = World::new(books(&set, |_| {}), |_| {});
        let mut submit = |minutes: u32, asked: Resources, priority: u32| {
            let id = world.state.take_id();
            let job = job(id.0, "a", minutes, asked);
            let mut job = Job { eligible: world.now, submitted: world.now, priority, ..job };
            Arc::make_mut(&mut job.spec).account = "physics".into();
            world.state.put(Arc::new(job));
            id
        };
        let (first, wide, long) =
            (submit(60, ask(1, 8), 900), submit(60, ask(4, 32), 500), submit(600, ask(1, 8), 100));
        world.plan();
        assert_eq!(world.waits(first), None);
        assert!(world.waits(wide).is_some());
        assert_eq!(world.waits(long).is_none(), overtakes, "{at:?} {least}");
    }
}

/// Where limits stop the queue, who would take the room of a job that waits for a limit waits as well.
#[test]
fn a_limit_stops_the_queue_where_that_is_wanted() {
    for stops in [false, true] {
        let set = [(At::Account, Limit::GrpJobs, 0, 1)];
        let mut world = World::new(books(&set, |_| {}), |cluster| cluster.scheduling.stops_at_limits = stops);
        let mut submit = |account: &str, minutes: u32, asked: Resources| {
            let id = world.state.take_id();
            let mut job = Job { eligible: world.now, ..job(id.0, "a", minutes, asked) };
            Arc::make_mut(&mut job.spec).account = account.into();
            world.state.put(Arc::new(job));
            id
        };
        let runs = submit("physics", 60, ask(1, 8));
        let limited = submit("physics", 60, ask(4, 32));
        // One that would still be there when the first has ended, and one that would not.
        let (long, short) = (submit("chemistry", 120, ask(1, 8)), submit("chemistry", 30, ask(1, 8)));
        world.plan();
        let waits = [runs, limited, long, short].map(|id| world.waits(id));
        assert_eq!(waits[..2], [None, Some(Reason::AssocGrpJobsLimit)]);
        assert_eq!(waits[2].is_some(), stops, "{waits:?}");
        assert_eq!(waits[3], None);
        world.end(runs);
        world.end(short);
        world.plan();
        assert_eq!(world.waits(limited).is_none(), stops);
        assert_eq!(world.waits(long).is_none(), !stops);
    }
}

#[test]
fn parts_of_the_cluster_are_limited() {
    // Six per cent of 32 CPUs are less than two, ten per cent are three.
    let of_cluster = |percent: u64| {
        let relative = |qos: &mut domain::accounting::Qos| qos.flags.relative = true;
        let mut world = World::new(books(&[(At::Qos, Limit::GrpTres, CPU, percent)], relative), |_| {});
        let jobs = [world.submit("physics"), world.submit("physics")];
        world.plan();
        jobs.map(|job| world.waits(job))
    };
    let over = Some(Reason::QosGrpCpuLimit);
    assert_eq!(of_cluster(6), [over, over]);
    assert_eq!(of_cluster(10), [None, over]);
    assert_eq!(of_cluster(13), [None, None]);
}

#[test]
fn whoever_may_not_be_charged_any_more_waits() {
    let mut world = World::new(books(&[], |_| {}), |_| {});
    let (gone, closed) = (world.submit("biology"), world.submit("physics"));
    let only = |qos: Vec<u32>| {
        let own = books(&[], |_| {});
        let mut records: Vec<Record> = own.all_qos().cloned().map(Record::Qos).collect();
        records.extend((1..=5).filter_map(|id| own.association(id)).map(|association| {
            Record::Association(Arc::new(Association { qos: Some(qos.clone()), ..(**association).clone() }))
        }));
        Books::restored(&"test".into(), records, LastNumbers::default())
    };
    world.state.put_books(only(vec![7]));
    world.plan();
    let reasons = [gone, closed].map(|id| world.waits(id));
    assert_eq!(reasons, [Some(Reason::InvalidAccount), Some(Reason::InvalidQos)]);
    world.state.put_books(only(vec![1]));
    world.plan();
    assert_eq!([gone, closed].map(|id| world.waits(id)), [Some(Reason::InvalidAccount), None]);
}

/// Without `safe` a job may start as long as anything is left of the minutes; with it only if all of it fits.
#[test]
fn minutes_are_guarded_only_where_that_is_asked_for() {
    for (words, waits) in
        [(["limits", "qos"], None), (["limits", "safe"], Some(Reason::AssocGrpCpuMinutesLimit))]
    {
        let set = [(At::Account, Limit::GrpTresMins, CPU, 100)];
        let mut world = World::new(books(&set, |_| {}), |cluster| {
            cluster.enforcement = Enforcement::parse(words).unwrap();
        });
        let job = world.submit("physics");
        world.plan();
        assert_eq!(world.waits(job), waits, "{words:?}");
    }
}

/// Who gets whole cores gets more CPUs than it asked for, and all of them count.
#[test]
fn what_a_job_really_gets_counts() {
    let set = [(At::Account, Limit::GrpTres, CPU, 3)];
    let mut world = World::new(books(&set, |_| {}), |cluster| {
        for node in &mut cluster.nodes {
            (node.topology.cores, node.topology.threads) = (4, 2);
        }
    });
    let mut odd = || {
        let id = world.state.take_id();
        let mut job = Job { eligible: world.now, ..job(id.0, "a", 60, ask(1, 1)) };
        Arc::make_mut(&mut job.spec).account = "physics".into();
        world.state.put(Arc::new(job));
        id
    };
    let (first, second) = (odd(), odd());
    world.plan();
    assert_eq!((world.waits(first), world.waits(second)), (None, Some(Reason::AssocGrpCpuLimit)));
    assert_eq!(world.state.usage().association(2).map(|tally| tally.in_use(CPU)), Some(2));
}

/// Four nodes of four cores with two threads each in two partitions; physics has so many CPUs.
fn whole_cores(most: u64) -> World {
    planned_ahead(most, 500)
}

/// The same, where so many jobs are planned ahead.
fn planned_ahead(most: u64, max_jobs: usize) -> World {
    let set = [(At::Account, Limit::GrpTres, CPU, most)];
    World::new(books(&set, |_| {}), |cluster| {
        for node in &mut cluster.nodes {
            (node.topology.cores, node.topology.threads) = (4, 2);
        }
        cluster.partitions.push(partition("b", 0..4));
        cluster.scheduling.backfill.max_jobs = max_jobs;
    })
}

impl World {
    /// Submits a job for these partitions, of so many nodes and CPUs.
    fn ask(
        &mut self,
        account: &str,
        partitions: &[&'static str],
        minutes: u32,
        nodes: u32,
        cpus: u32,
    ) -> JobId {
        let id = self.state.take_id();
        let mut job = Job { eligible: self.now, ..job(id.0, "a", minutes, ask(nodes, cpus)) };
        let spec = Arc::make_mut(&mut job.spec);
        (spec.account, spec.partitions) =
            (account.into(), partitions.iter().map(|name| Text::from(*name)).collect());
        self.state.put(Arc::new(job));
        id
    }

    /// Submits two components of one CPU each.
    fn ask_pair(&mut self, account: &str) -> [JobId; 2] {
        let pair = [0, 1].map(|_| self.ask(account, &["a"], 60, 1, 1));
        for (offset, id) in (0..).zip(pair) {
            let het = Some(HetPart { leader: pair[0], offset, size: 2 });
            self.state.put(Arc::new(Job { het, ..Job::clone(self.state.job(id).unwrap()) }));
        }
        pair
    }
}

/// Somebody ahead keeps every node, but not for now: whoever would start beside it and get more there than its limit allows is
/// told of the limit and not of its place in the queue, as a real Slurm does.
#[test]
fn a_limit_is_told_whoever_is_ahead() {
    let mut world = whole_cores(1);
    let runs = world.ask("chemistry", &["a"], 60, 3, 24);
    let next = world.ask("chemistry", &["a"], 60, 4, 32);
    let limited =
        [&["a"][..], &["b"], &["a", "b"]].map(|partitions| world.ask("physics", partitions, 5, 1, 1));
    for _ in 0..3 {
        world.plan();
        assert_eq!((world.waits(runs), world.waits(next)), (None, Some(Reason::Resources)));
        assert_eq!(limited.map(|id| world.waits(id)), [Some(Reason::AssocGrpCpuLimit); 3]);
    }
    // Who is behind the same queue within its limit starts there.
    let other = world.ask("chemistry", &["b"], 5, 1, 1);
    world.plan();
    assert_eq!(world.waits(other), None);
}

/// Each would be within the limit; what one of them takes at first is given back when the other one may not start.
#[test]
fn components_that_together_get_more_than_a_limit_allows_keep_nobody_waiting() {
    let mut world = whole_cores(3);
    let pair = world.ask_pair("physics");
    let behind = world.ask("chemistry", &["a"], 60, 4, 32);
    let starts = world.plan();
    assert_eq!((starts, world.waits(behind)), (vec![(behind, true)], None));
    assert_eq!(world.waits(pair[1]), Some(Reason::AssocGrpCpuLimit));
    world.end(behind);
    let behind = world.ask("chemistry", &["a"], 60, 4, 32);
    assert_eq!(world.plan(), [(behind, false)], "the main pass keeps nothing for them either");
    world.end(behind);
    world.state.put_books(books(&[(At::Account, Limit::GrpTres, CPU, 4)], |_| {}));
    let starts: Vec<JobId> = world.plan().into_iter().map(|(id, _)| id).collect();
    assert_eq!(starts, pair);
}

/// What they ask for is more than a limit gives, so that no pass plans them.
#[test]
fn components_that_wait_for_a_limit_close_no_node() {
    let mut world = whole_cores(1);
    let pair = world.ask_pair("physics");
    world.plan();
    assert_eq!(world.waits(pair[1]), Some(Reason::AssocGrpCpuLimit));
    let behind = world.ask("chemistry", &["a"], 60, 4, 32);
    assert_eq!(world.plan(), [(behind, false)]);
}

/// Whoever has a node to itself has all of its CPUs, however many those are; a real Slurm starts the second and tells the
/// others the same.
#[test]
fn whole_nodes_count_as_large_as_they_are() {
    let set = [(At::Account, Limit::GrpTres, CPU, 4)];
    let mut world = World::new(books(&set, |_| {}), |cluster| {
        (cluster.nodes[3].topology.cpus, cluster.nodes[3].topology.cores) = (4, 4);
        cluster.partitions.push(partition("one", 0..1));
    });
    let alone = |world: &mut World, partition: &'static str, nodes, on: &[&'static str]| {
        let id = world.ask("physics", &[partition], 60, nodes, nodes);
        let mut job = Job::clone(world.state.job(id).unwrap());
        let asked = &mut Arc::make_mut(&mut job.spec).resources;
        asked.sharing = Sharing::Exclusive;
        asked.required_nodes = on.iter().map(|name| Text::from(*name)).collect();
        world.state.put(Arc::new(job));
        id
    };
    let anywhere = alone(&mut world, "a", 1, &[]);
    let small = alone(&mut world, "a", 1, &["n4"]);
    let large = alone(&mut world, "one", 1, &[]);
    let beyond = alone(&mut world, "one", 2, &[]);
    world.plan();
    let limit = Some(Reason::AssocGrpCpuLimit);
    let waits = [anywhere, small, large, beyond].map(|id| world.waits(id));
    assert_eq!(waits, [limit, None, limit, Some(Reason::PartitionNodeLimit)]);
}

/// Those whom a limit holds are not planned, and take no other's place among those that are.
#[test]
fn jobs_held_by_a_limit_use_up_no_depth() {
    let mut world = planned_ahead(2, 2);
    let held = [1, 2, 3].map(|_| world.ask("physics", &["a"], 60, 1, 1));
    let first = world.ask("chemistry", &["a"], 60, 4, 32);
    let short = world.ask("chemistry", &["a"], 5, 1, 1);
    world.plan();
    let waits = held.map(|id| world.waits(id));
    assert_eq!(waits, [None, Some(Reason::AssocGrpCpuLimit), Some(Reason::AssocGrpCpuLimit)]);
    assert_eq!([first, short].map(|id| world.waits(id)), [Some(Reason::Resources), None]);
}

/// The pass that plans ahead says no less of a job that is too deep to be planned than the main pass has found.
#[test]
fn a_limit_is_told_of_jobs_too_deep_to_be_planned() {
    let mut world = planned_ahead(1, 0);
    let limited = world.ask("physics", &["a"], 60, 1, 1);
    let others = [3, 4].map(|nodes| world.ask("chemistry", &["a"], 60, nodes, 8 * nodes));
    world.plan();
    assert_eq!(others.map(|id| world.waits(id)), [None, Some(Reason::Resources)]);
    assert_eq!(world.waits(limited), Some(Reason::AssocGrpCpuLimit));
}

/// Who is booked in one partition and starts in another one counts once, and so does a task of an array. What is booked for it
/// there does not keep it from starting here.
#[test]
fn who_starts_elsewhere_than_planned_counts_once() {
    let alone = |job: Job| job;
    let last_task = |job| array(job, 1, 0);
    let last_tasks = |job| array(job, 2, 0);
    let one_at_a_time = |job| array(job, 3, 1);
    type Changed = fn(Job) -> Job;
    let table: [(Changed, u64, Option<Reason>); 6] = [
        (alone, 1, Some(Reason::AssocGrpJobsLimit)),
        (alone, 2, None),
        (last_task, 1, Some(Reason::AssocGrpJobsLimit)),
        (last_task, 2, None),
        (last_tasks, 3, None),
        (one_at_a_time, 2, None),
    ];
    for (line, (kind, most, next_waits)) in table.into_iter().enumerate() {
        let mut world = World::new(books(&[(At::Account, Limit::GrpJobs, 0, most)], |_| {}), |cluster| {
            let first = partition("first", 0..1);
            cluster.partitions.push(Partition { tier: 2, ..first });
        });
        let runs = world.ask("chemistry", &["a"], 60, 1, 8);
        assert_eq!(world.plan(), [(runs, false)], "it has the only node of the other partition");
        let wide = world.ask("chemistry", &["a"], 60, 4, 32);
        let elsewhere = world.ask("physics", &["first", "a"], 5, 1, 1);
        world.state.put(Arc::new(kind(Job::clone(world.state.job(elsewhere).unwrap()))));
        let next = world.ask("physics", &["a"], 5, 1, 1);
        world.now = world.now.after(Duration::from_secs(10));
        let plan = world.scheduler.plan(&world.state, world.now);
        let starts: Vec<(JobId, bool)> =
            plan.starts.iter().map(|start| (start.job, start.backfilled)).collect();
        let waits = |id| plan.waits.iter().find(|wait| wait.0 == id).map(|(_, reason, _)| *reason);
        assert_eq!(starts.first(), Some(&(elsewhere, true)), "line {line}");
        assert_eq!(waits(wide), Some(Reason::Resources), "line {line}");
        assert_eq!(
            (waits(next), starts.contains(&(next, true))),
            (next_waits, next_waits.is_none()),
            "line {line}"
        );
    }
}

/// What is booked in a high partition for a job that then starts in a low one keeps nobody waiting who is in between.
#[test]
fn a_limit_that_only_a_booking_has_used_up_is_looked_at_again() {
    let mut world = World::new(books(&[(At::Account, Limit::GrpTres, CPU, 8)], |_| {}), |cluster| {
        let first = partition("first", 0..1);
        cluster.partitions.push(Partition { tier: 2, exclusive: true, ..first });
    });
    let runs = world.ask("chemistry", &["a"], 3, 1, 8);
    assert_eq!(world.plan(), [(runs, false)], "it has the only node of the other partition");
    world.ask("chemistry", &["a"], 60, 4, 32);
    let between = world.ask("physics", &["a"], 5, 1, 1);
    let elsewhere = world.ask("physics", &["first", "a"], 5, 1, 1);
    assert_eq!(world.plan(), [(elsewhere, true), (between, true)], "the whole node is not taken after all");
}
