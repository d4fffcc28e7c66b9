//! What a scheduling pass costs: with nothing free, after one job has ended, and while nodes are filled. Prints
//! medians in microseconds; run with `cargo bench -p engine --bench schedule`.

#![expect(clippy::unwrap_used, reason = "a measurement stops where something is not as it must be")]

#[path = "../tests/it/cluster.rs"]
mod cluster;

use cluster::{array, ask, cluster as make_cluster, job, node, partition};
use domain::accounting::{
    Association, Books, Enforcement, LastNumbers, Limit, Place, Qos, ROOT, Record, tres,
};
use domain::job::{End, Event, Exit, GresRequest, Job, Memory, Per, Resources, Usage};
use domain::ports::Plan;
use domain::priority::{PriorityType, Rules};
use domain::state::State;
use domain::{JobId, Text, Timestamp};
use engine::local::schedule::Scheduler;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Bench {
    state: State,
    scheduler: Scheduler,
    now: Timestamp,
}

impl Bench {
    fn new(nodes: u32, cpus: u32) -> Self {
        let nodes = (1..=nodes).map(|at| node(&format!("n{at}"), cpus, 1, 1_000_000, 0)).collect::<Vec<_>>();
        let all = 0..u32::try_from(nodes.len()).unwrap_or(0);
        let cluster = make_cluster(nodes, vec![partition("main", all)]);
        Bench {
            state: State::new(Arc::new(cluster)),
            scheduler: Scheduler::new(),
            now: Timestamp::from_seconds(1000),
        }
    }

    fn submit(&mut self, minutes: u32, resources: Resources) {
        let id = self.state.take_id();
        self.state.put(Arc::new(job(id.0, "main", minutes, resources)));
    }

    fn pass(&mut self) -> (Plan, f64) {
        self.now = self.now.after(Duration::from_millis(1));
        let begun = Instant::now();
        let plan = self.scheduler.plan(&self.state, self.now);
        (plan, begun.elapsed().as_secs_f64() * 1e6)
    }

    /// Takes in a plan; tasks of arrays are not split off, since only the cost of planning is measured.
    fn take_in(&mut self, plan: &Plan) {
        for start in &plan.starts {
            let Some(job) = self.state.job(start.job) else { continue };
            let event = Event::Started {
                at: self.now,
                allocation: Arc::clone(&start.allocation),
                limit: start.limit,
                boot: "boot".into(),
                overtime: std::time::Duration::ZERO,
                way_in: domain::job::WayIn::InOrder,
            };
            if let Ok(step) = job.apply(event) {
                self.state.put(Arc::new(step.job));
            }
        }
        for (id, reason, expected_start) in &plan.waits {
            let Some(job) = self.state.job(*id) else { continue };
            let event = Event::Considered { reason: *reason, expected_start: *expected_start };
            if let Ok(step) = job.apply(event) {
                self.state.put(Arc::new(step.job));
            }
        }
    }

    fn fill(&mut self) {
        loop {
            let (plan, _) = self.pass();
            self.take_in(&plan);
            if plan.starts.is_empty() {
                return;
            }
        }
    }

    fn end_one(&mut self) {
        let Some(job) = self.state.holding().next().cloned() else { return };
        let end = End::Process(Exit::Code(0));
        if let Ok(step) =
            job.apply(Event::Ended { at: self.now, end, usage: Usage::default(), requeue: None })
        {
            self.state.put(Arc::new(step.job));
            self.state.take(job.id);
        }
    }
}

fn report(what: &str, mut micros: Vec<f64>) {
    micros.sort_by(f64::total_cmp);
    let at = |part: f64| micros.get((micros.len() as f64 * part) as usize).copied().unwrap_or(0.0);
    println!("{what:<60} p50 {:8.1}  p99 {:8.1}  max {:8.1}", at(0.5), at(0.99), at(0.9999));
}

fn vain(what: &str, bench: &mut Bench) {
    bench.fill();
    report(what, (0..2000).map(|_| bench.pass().1).collect());
}

fn turnover(what: &str, bench: &mut Bench) {
    bench.fill();
    let mut micros = Vec::new();
    for _ in 0..2000 {
        bench.end_one();
        let (plan, cost) = bench.pass();
        micros.push(cost);
        bench.take_in(&plan);
    }
    report(what, micros);
}

/// Nodes of eight CPUs and a GPU, full; jobs of one node and of many, of minutes and of days, wait.
fn busy(depth: usize) -> Bench {
    let nodes = (1..=1000).map(|at| node(&format!("n{at}"), 8, 1, 64_000, 1)).collect::<Vec<_>>();
    let mut cluster = make_cluster(nodes, vec![partition("main", 0..1000)]);
    cluster.scheduling.backfill.max_jobs = depth;
    let mut bench = Bench {
        state: State::new(Arc::new(cluster)),
        scheduler: Scheduler::new(),
        now: Timestamp::from_seconds(1000),
    };
    for at in 0..100_000u32 {
        let wide = if at % 4 == 0 { 1 + at % 61 } else { 1 };
        let cpus = 1 + (at / 7) % 8;
        let memory = Memory::PerNode(u64::from(1000 + at % 5 * 4000));
        let mut resources = Resources { memory, ..ask(wide, wide * cpus) };
        if at % 9 == 0 {
            let (name, kind) = ("gpu".into(), "".into());
            resources.gres.push(GresRequest { name, kind, count: 1, per: Per::Node });
        }
        bench.submit(10 + at % 17 * 90, resources);
    }
    bench.fill();
    bench
}

/// Passes that look as deep as they may.
fn deep(what: &str, bench: &mut Bench) {
    let micros = (0..100).map(|_| {
        bench.now = bench.now.after(Duration::from_secs(60));
        let (plan, cost) = bench.pass();
        bench.take_in(&plan);
        cost
    });
    report(what, micros.collect());
}

/// A submission behind all others.
fn behind(what: &str, bench: &mut Bench) {
    let micros = (0..2000).map(|_| {
        bench.submit(10, ask(1, 1));
        bench.pass().1
    });
    report(what, micros.collect());
}

/// Somebody asks when a job would start that is not submitted, behind all others.
fn asked(what: &str, bench: &mut Bench) {
    let micros = (0..100).map(|_| {
        let id = bench.state.take_id();
        bench.state.put(Arc::new(job(id.0, "main", 10, ask(1, 1))));
        let begun = Instant::now();
        let told = bench.scheduler.foresee(&bench.state, &[id], bench.now);
        let cost = begun.elapsed().as_secs_f64() * 1e6;
        assert_eq!(told.len(), 1, "it is told");
        bench.state.take(id);
        cost
    });
    report(what, micros.collect());
}

/// All priorities worked out anew, some thousand in a turn.
fn ranked() {
    let mut cluster = make_cluster(vec![node("n1", 8, 1, 64_000, 0)], vec![partition("main", 0..1)]);
    cluster.priority =
        Rules { by: PriorityType::MultiFactor, age: 1_000_000, job_size: 1000, ..Rules::default() };
    let mut state = State::new(Arc::new(cluster));
    for _ in 0..100_000 {
        let id = state.take_id();
        let job = job(id.0, "main", 10, ask(1, 1 + id.0 % 8));
        let job = Job { eligible: Timestamp::from_seconds(i64::from(id.0)), ..job };
        state.put(Arc::new(Job { priority: state.priority_of(&job), ..job }));
    }
    let begun = Instant::now();
    let mut micros = Vec::new();
    state.begin_ranking(Timestamp::from_seconds(200_000));
    loop {
        let turn = Instant::now();
        let more = state.rank_more(4000);
        micros.push(turn.elapsed().as_secs_f64() * 1e6);
        if !more {
            break;
        }
    }
    println!(
        "100,000 priorities anew: {:.1} ms in {} turns",
        begun.elapsed().as_secs_f64() * 1e3,
        micros.len()
    );
    report("one turn of them", micros);
}

/// A thousand accounts of a hundred users, each with limits of its own, and jobs of all of them.
fn accounted(enforce: &[&str]) -> Bench {
    let nodes = (1..=1000).map(|at| node(&format!("n{at}"), 8, 1, 64_000, 0)).collect::<Vec<_>>();
    let mut cluster = make_cluster(nodes, vec![partition("main", 0..1000)]);
    let place = |account: Text, user: Text| Place {
        cluster: "test".into(),
        account,
        user,
        partition: Text::default(),
    };
    let one = |id, place, parent, limits: &[(Limit, u32, u64)]| {
        let limits = limits.iter().copied().collect();
        Record::Association(Arc::new(Association {
            id,
            place,
            parent,
            shares: 1,
            limits,
            ..Association::default()
        }))
    };
    let mut records = vec![
        Record::Qos(Arc::new(Qos { id: 1, ..Qos::named(Text::const_new("normal")) })),
        one(1, place(ROOT, Text::default()), Text::default(), &[(Limit::GrpTres, tres::CPU, 7000)]),
    ];
    for account in 0..1000_u32 {
        let name = Text::from(format!("account{account}"));
        let of_account = [(Limit::GrpTres, tres::CPU, 64), (Limit::GrpTresRunMins, tres::CPU, 10_000)];
        records.push(one(2 + account, place(name.clone(), Text::default()), ROOT, &of_account));
        for user in 0..100 {
            let of_user =
                [(Limit::MaxJobs, 0, 6), (Limit::GrpTres, tres::CPU, 4), (Limit::MaxSubmitJobs, 0, 1000)];
            let id = 2000 + account * 100 + user;
            let user = Text::from(format!("user{account}-{user}"));
            records.push(one(id, place(name.clone(), user), Text::default(), &of_user));
        }
    }
    cluster.books = Books::restored(&Text::const_new("test"), records, LastNumbers::default());
    cluster.enforcement = Enforcement::parse(enforce.iter().copied()).unwrap();
    let mut bench = Bench {
        state: State::new(Arc::new(cluster)),
        scheduler: Scheduler::new(),
        now: Timestamp::from_seconds(1000),
    };
    for at in 0..100_000_u32 {
        let id = bench.state.take_id();
        let mut job = job(id.0, "main", 10 + at % 17 * 90, ask(1, 1 + at % 4));
        let spec = Arc::make_mut(&mut job.spec);
        spec.account = Text::from(format!("account{}", at % 1000));
        spec.owner.name = Text::from(format!("user{}-{}", at % 1000, at / 1000));
        spec.owner.uid = domain::Uid(10_000 + at);
        bench.state.put(Arc::new(job));
    }
    bench
}

fn main() {
    ranked();

    for (what, enforce) in [("counted", &[][..]), ("enforced", &["limits", "safe", "qos"][..])] {
        let mut bench = accounted(enforce);
        let name = format!("1000 x 8 CPUs, 100,000 associations {what}, 100,000 jobs");
        bench.fill();
        deep(&format!("{name}: backfill"), &mut bench);
        turnover(&format!("{name}: one has ended"), &mut bench);
    }

    for depth in [500, 100_000] {
        let name = format!("1000 x 8 CPUs, 100,000 jobs of all kinds, {depth} deep");
        let mut bench = busy(depth);
        deep(&format!("{name}: backfill"), &mut bench);
        behind(&format!("{name}: one more is submitted"), &mut bench);
        asked(&format!("{name}: a dry run of one more"), &mut bench);
        turnover(&format!("{name}: one has ended"), &mut bench);
    }

    for (nodes, cpus) in [(1, 2), (1, 64), (10, 8), (1000, 8)] {
        let mut bench = Bench::new(nodes, cpus);
        let name = format!("{nodes} x {cpus} CPUs, 100,000 jobs of one CPU");
        (0..100_000).for_each(|_| bench.submit(10, ask(1, 1)));
        vain(&format!("{name}: nothing free"), &mut bench);
        turnover(&format!("{name}: one has ended"), &mut bench);
    }
    let mut bench = Bench::new(10, 8);
    for at in 0..100_000u32 {
        let resources = Resources { cpus_per_task: 1 + (at % 5) as u16, ..ask(1 + at % 3, 1 + at % 7) };
        bench.submit(1 + at % 600, resources);
    }
    vain("10 x 8 CPUs, 100,000 jobs of all kinds: nothing fits", &mut bench);
    turnover("10 x 8 CPUs, 100,000 jobs of all kinds: one has ended", &mut bench);
    let mut bench = Bench::new(10, 8);
    let pool: Job = array(job(1, "main", 10, ask(1, 1)), 100_000, 0);
    bench.state.put(Arc::new(Job { id: JobId(1), ..pool }));
    report("10 x 8 CPUs, an array of 100,000 tasks: filled", (0..500).map(|_| bench.pass().1).collect());
}
