//! Answers of a real cluster, read; and requests as they are sent.

use super::*;
use crate::slurm::document::Document;
use crate::slurm::jobs::next_revision;
use crate::slurm::picture::{Entry, Frame, Picture, Taken};
use crate::slurm::split::{Splitter, field, set_number};
use crate::slurm::{Answer, Trouble};
use domain::job::{ArrayPart, Exit, JobKind, Outcome, Phase, Reason};
use domain::service::HoldWish;
use domain::state::State;
use domain::who::Person;
use domain::{Gid, TimeLimit, Uid};
use hyper::StatusCode;
use std::collections::VecDeque;

/// What was done, where, as whom, with which body.
type Noted = (Verb, String, Option<String>, String);

/// Answers in order, and notes what it was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<(u16, String), Silence>>>,
    asked: Mutex<Vec<Noted>>,
    last: Mutex<Option<Arc<Picture>>>,
}

impl Ask for Script {
    fn ask(&self, asked: &Asked<'_>) -> Result<Answered<Vec<u8>>, Silence> {
        let body = String::from_utf8(asked.body.clone()).unwrap();
        let whom = asked.whom.map(str::to_owned);
        self.asked.lock().unwrap().push((asked.verb, asked.target.to_owned(), whom, body));
        let answer = self.answers.lock().unwrap().pop_front().expect("an answer is left");
        answer.map(|(status, body)| Answered { status, reply: body.into_bytes() })
    }

    fn jobs(&self, _: Wanted) -> Result<Arc<Picture>, Failed> {
        let (entries, told) = entries(&self.shared("jobs")?.body);
        let mut last = self.last.lock().unwrap();
        let known = |entry: Arc<Entry>| {
            let before = last.iter().flat_map(|last| last.family(entry.id));
            before.into_iter().find(|known| known.bytes == entry.bytes).cloned().unwrap_or(entry)
        };
        let entries: Vec<Arc<Entry>> = entries.into_iter().map(known).collect();
        let at = Taken { checked: Instant::now(), told, changed: told, revision: next_revision() };
        let picture = Arc::new(Picture::new(&entries, last.as_deref(), Frame::default(), at));
        *last = Some(Arc::clone(&picture));
        Ok(picture)
    }

    fn job(&self, id: u32) -> Result<Vec<Arc<Entry>>, Failed> {
        match self.shared(&format!("job/{id}")) {
            Ok(answer) => Ok(entries(&answer.body).0),
            Err(Failed::Refused(answer)) if answer.status == StatusCode::NOT_FOUND => Ok(Vec::new()),
            Err(failed) => Err(failed),
        }
    }

    fn document(&self, name: &'static str) -> Result<Arc<Document>, Failed> {
        Ok(Arc::new(Document::new(self.shared(name)?, Instant::now(), next_revision())))
    }
}

impl Script {
    fn shared(&self, target: &str) -> Result<Answer, Failed> {
        let asked = Asked { whom: None, verb: Verb::Get, part: Part::Controller, target, body: Vec::new() };
        let answered = self
            .ask(&asked)
            .map_err(|silence| Failed::Lost(Trouble::Unreachable(silence.why().to_string())))?;
        let status = StatusCode::from_u16(answered.status).unwrap();
        let answer = Answer { status, content_type: None, body: answered.reply.into() };
        if status == StatusCode::OK { Ok(answer) } else { Err(Failed::Refused(answer)) }
    }
}

/// The jobs of an answer, and its time.
fn entries(body: &[u8]) -> (Vec<Arc<Entry>>, i64) {
    let (mut splitter, mut entries) = (Splitter::new("jobs"), Vec::new());
    let entry = |bytes: &[u8]| entries.extend(Entry::of(bytes, Instant::now()).map(Arc::new));
    splitter.feed(body, entry).unwrap();
    let around = splitter.end().unwrap();
    let told = field(&[around.head, around.tail].concat(), "last_update").and_then(set_number);
    (entries, told.unwrap_or(0))
}

struct Nobody;

impl Directory for Nobody {
    fn person(&self, name: &str) -> Option<Person> {
        let text = Text::const_new;
        (name == "alice").then(|| Person {
            name: text("alice"),
            uid: Uid(2001),
            gid: Gid(2001),
            group: text("alice"),
            home: text("/home/alice"),
            shell: text("/bin/sh"),
        })
    }

    fn person_by_uid(&self, _uid: Uid) -> Option<Person> {
        None
    }

    fn group(&self, _name: &str) -> Option<Gid> {
        None
    }

    fn group_name(&self, _gid: Gid) -> Option<Text> {
        None
    }

    fn groups_of(&self, _name: &str) -> Vec<Text> {
        Vec::new()
    }
}

fn model(
    answers: impl IntoIterator<Item = Result<(u16, &'static str), Silence>>,
) -> (ClusterModel, Arc<Script>) {
    let answers = answers.into_iter().map(|answer| answer.map(|(status, body)| (status, body.to_owned())));
    let script = Arc::new(Script { answers: Mutex::new(answers.collect()), ..Script::default() });
    (ClusterModel::over(Arc::clone(&script) as Arc<dyn Ask>, Arc::new(Nobody)), script)
}

/// The cluster that the recordings are of.
fn cluster() -> Cluster {
    let ground = ground();
    let mut cluster = Cluster { nodes: ground.nodes, ..Cluster::default() };
    cluster.licenses = ground.licenses;
    cluster.partitions = ground.partitions.into_iter().map(|(partition, _)| partition).collect();
    cluster
}

fn ground() -> Ground {
    let (model, _) = model([
        Ok((200, include_str!("fixtures/nodes.json"))),
        Ok((200, include_str!("fixtures/partitions.json"))),
        Ok((200, include_str!("fixtures/licenses.json"))),
        Ok((200, include_str!("fixtures/accounts.json"))),
        Ok((200, include_str!("fixtures/users.json"))),
        Ok((200, include_str!("fixtures/qos.json"))),
    ]);
    model.ground().unwrap().expect("it is told for the first time")
}

#[test]
fn a_cluster_is_told_with_its_nodes_partitions_and_accounts() {
    let ground = ground();
    let names: Vec<&str> = ground.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["n1", "n2", "n3", "n4"]);
    let first = &ground.nodes[0];
    assert_eq!((first.topology.cpus, first.memory, first.gres[0].count), (8, 16_000, 2));
    assert!(first.flags.takes_jobs());
    let (debug, nodes) = &ground.partitions[0];
    assert_eq!(
        (debug.name.as_str(), nodes.len(), debug.default_time),
        ("debug", 4, Some(TimeLimit::Minutes(60)))
    );
    assert_eq!(debug.default_memory_per_cpu, Some(100));
    assert_eq!(ground.licenses.get("matlab"), Some(&10));
    let accounting = ground.accounting.unwrap();
    let alice = accounting.users.iter().find(|user| user.name == "alice").unwrap();
    assert_eq!((alice.default_account.as_str(), &alice.accounts[..]), ("physics", &["chemistry".into()][..]));
}

#[test]
fn jobs_are_told_with_what_they_hold() {
    let (model, script) = model([Ok((200, include_str!("fixtures/jobs.json")))]);
    let cluster = cluster();
    let Sighting { jobs, there, .. } = model.jobs(None, &cluster).unwrap();
    assert_eq!(script.asked.lock().unwrap()[0].1, "jobs");
    assert_eq!(there.len(), jobs.len());
    let tasks: Vec<_> = jobs.iter().filter(|told| told.job.array.is_some()).collect();
    assert!(
        tasks.iter().all(|told| told.mark == "000000000000006f0000000000000001"
            && told.job.spec.uncommon().extra == "mine")
    );
    let sizes = tasks.iter().map(|told| match &told.job.array {
        Some(ArrayPart::Pool { size, .. } | ArrayPart::Task { size, .. }) => *size,
        None => 0,
    });
    assert!(sizes.into_iter().all(|size| size == 4));
    let pool = tasks.iter().find(|told| matches!(told.job.array, Some(ArrayPart::Pool { .. }))).unwrap();
    let Phase::Pending(pending) = &pool.job.phase else { panic!("it waits") };
    assert_eq!(pending.reason, Reason::JobArrayTaskLimit);
    let runs = tasks.iter().filter_map(|told| told.job.held_resources()).collect::<Vec<_>>();
    assert_eq!(runs.len(), 2);
    assert!(
        runs.iter()
            .all(|held| held.cpus() == 2 && held.memory() == 200 && held.nodes[0].gres[0].units.len() == 1)
    );
    // They are put in their places without contradiction.
    let mut state = State::new(Arc::new(cluster));
    for told in &jobs {
        state.put(Arc::new(told.job.clone()));
    }
    assert_eq!(state.holding().count(), 2);
}

#[test]
fn a_look_shows_what_was_not_so_before() {
    let list = |jobs: &[(u32, u32, &str)]| {
        let job = |(id, array, state): &(u32, u32, &str)| {
            let tasks = if *state == "PENDING" && *array > 0 { "3-4" } else { "" };
            let task = |set| format!("{{\"set\":{set},\"infinite\":false,\"number\":{id}}}");
            format!(
                "{{\"array_job_id\":{{\"set\":true,\"infinite\":false,\"number\":{array}}},\"array_task_id\":{},\
                 \"array_task_string\":\"{tasks}\",\"job_id\":{id},\"job_state\":[\"{state}\"]}}",
                task(tasks.is_empty() && *array > 0)
            )
        };
        let jobs: Vec<String> = jobs.iter().map(job).collect();
        Ok((200, &*format!("{{\"jobs\":[{}]}}", jobs.join(",")).leak()))
    };
    let (first, second) = ([(1, 0, "PENDING"), (2, 0, "PENDING")], [(1, 0, "PENDING"), (2, 0, "RUNNING")]);
    let third = [(1, 0, "PENDING"), (8, 9, "RUNNING"), (9, 9, "PENDING")];
    let (model, _) = model([list(&first), list(&second), list(&third), list(&third), list(&third)]);
    let cluster = Cluster::default();
    let ids = |sighting: &Sighting| sighting.jobs.iter().map(|told| told.job.id.0).collect::<Vec<_>>();
    let first = model.jobs(None, &cluster).unwrap();
    assert_eq!(ids(&first), [1, 2]);
    let second = model.jobs(Some(first.look), &cluster).unwrap();
    assert_eq!((ids(&second), second.there.len()), (vec![2], 2));
    assert!(second.jobs[0].as_of >= second.as_of && second.as_of >= first.as_of);
    // Who has not taken in all of that goes on from the look before.
    let third = model.jobs(Some(first.look), &cluster).unwrap();
    assert_eq!((ids(&third), third.there.contains(&JobId(2))), (vec![8, 9], false));
    let sizes = third.jobs.iter().map(|told| match told.job.array {
        Some(ArrayPart::Pool { size, .. } | ArrayPart::Task { size, .. }) => size,
        None => 0,
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [3, 3]);
    assert_eq!(ids(&model.jobs(Some(third.look), &cluster).unwrap()), [0_u32; 0]);
    assert_eq!(ids(&model.jobs(Some(first.look), &cluster).unwrap()), [1, 8, 9], "that is too long ago");
}

#[test]
fn accounting_knows_what_was_used() {
    let (model, _) = model([Ok((200, include_str!("fixtures/accounted.json")))]);
    let told = model.ended(&[JobId(1)], &cluster()).unwrap();
    let [told] = &told[..] else { panic!("there is one attempt") };
    let Phase::Ended(ended) = &told.job.phase else { panic!("it is over") };
    assert_eq!((ended.outcome, ended.exit), (Outcome::Completed, Exit::Code(0)));
    assert!(told.accounted && told.mark == "0000000000000abc0000000000000001");
    assert_eq!(
        (ended.usage.user, ended.usage.system),
        (Duration::from_micros(2880), Duration::from_micros(2010))
    );
    let run = ended.run.as_ref().unwrap();
    assert_eq!((run.allocation.cpus(), told.job.spec.owner.uid), (2, Uid(2001)));
}

fn submission() -> Submission {
    let owner =
        domain::job::Owner { name: "alice".into(), uid: Uid(2001), gid: Gid(2001), group: "alice".into() };
    let spec = domain::job::JobSpec {
        owner,
        kind: JobKind::Batch,
        name: "sim".into(),
        account: Text::default(),
        partitions: Vec::new(),
        qos: Text::default(),
        wckey: Text::default(),
        work_dir: "/home/alice".into(),
        streams: Default::default(),
        time_limit: TimeLimit::Unlimited,
        time_minimum: 0,
        resources: domain::job::Resources { min_nodes: 1, tasks: Some(2), ..Default::default() },
        begin: None,
        deadline: None,
        nice: 0,
        fixed_priority: None,
        requeue: false,
        kill_on_node_fail: true,
        warning: None,
        flags: Default::default(),
        comment: Text::default(),
        command: Text::default(),
        uncommon: None,
    };
    Submission {
        spec,
        time_limit: Some(TimeLimit::Minutes(5)),
        array: Text::default(),
        dependency: Text::default(),
        hold: false,
        immediate: false,
        requeue: None,
        payload: Payload {
            script: Arc::from(&b"#!/bin/sh\ntrue\n"[..]),
            environment: Arc::from([Text::const_new("A=B")]),
            arguments: Arc::default(),
        },
        client_key: None,
    }
}

#[test]
fn a_submission_says_what_was_said_and_no_more() {
    let (model, script) = model([Ok((200, r#"{"job_id":7,"errors":[]}"#))]);
    assert_eq!(model.submit(&submission(), "5f-0"), Ok(JobId(7)));
    let asked = script.asked.lock().unwrap();
    let (verb, target, whom, body) = &asked[0];
    assert_eq!((*verb, target.as_str(), whom.as_deref()), (Verb::Post, "job/submit", Some("alice")));
    let text = slurm_wire::json::text(body.as_bytes());
    let document = slurm_wire::json::parse(&text).unwrap();
    let job = document.get("job").unwrap();
    for (key, wanted) in [
        ("name", Some("sim")),
        ("extra", Some("quintet:5f-0")),
        ("partition", None),
        ("qos", None),
        ("account", None),
    ] {
        let said = job.get(key).and_then(|value| value.as_str()).filter(|said| !said.is_empty());
        assert_eq!(said, wanted, "{key}: {body}");
    }
    assert_eq!(document.get("script").and_then(|script| script.as_str()), Some("#!/bin/sh\ntrue\n"));
}

#[test]
fn what_becomes_of_a_request_is_told_apart() {
    let refused = r#"{"job_id":0,"errors":[{"error_number":2045,"error":"Invalid account or account/partition combination specified"}]}"#;
    let unreached = r#"{"errors":[{"error_number":1800,"error":"Unable to contact slurm controller (connect failure)"}]}"#;
    let lost = r#"{"errors":[{"error_number":5005,"error":"Zero Bytes were transmitted or received"}]}"#;
    let odd = r#"{"job_id":9,"errors":[{"error_number":9207,"error":"unknown flag"}]}"#;
    let unreachable = || Err(Silence::Unreachable("no".into()));
    let (model, _) = model([
        Ok((422, refused)),
        Ok((500, unreached)),
        Ok((500, lost)),
        Ok((500, odd)),
        Ok((502, "<html>")),
        unreachable(),
        Err(Silence::Lost("gone".into())),
    ]);
    let submit = || model.submit(&submission(), "5f-0");
    let Err(RemoteError::Refused(Problem::ClusterRefused(refusal))) = submit() else {
        panic!("it is refused")
    };
    assert_eq!(refusal.number, 2045);
    assert!(matches!(submit(), Err(RemoteError::Unreachable(_))));
    assert!(matches!(submit(), Err(RemoteError::Unknown(_))));
    assert_eq!(submit(), Ok(JobId(9)), "what was made was made");
    assert!(matches!(submit(), Err(RemoteError::Unknown(_))), "a proxy in between");
    assert!(matches!(submit(), Err(RemoteError::Unreachable(_))));
    assert!(matches!(submit(), Err(RemoteError::Unknown(_))));
}

#[test]
fn an_unknown_job_is_none_and_another_refusal_is_one() {
    let unknown = r#"{"jobs":[],"errors":[{"error_number":2017,"error":"Invalid job id specified"}]}"#;
    let denied = r#"{"jobs":[],"errors":[{"error_number":2002,"error":"Access/permission denied"}]}"#;
    let (model, _) = model([Ok((404, unknown)), Ok((422, denied))]);
    assert_eq!(model.job(JobId(5), &Cluster::default()), Ok(Vec::new()));
    assert!(matches!(model.job(JobId(5), &Cluster::default()), Err(RemoteError::Refused(_))));
}

#[test]
fn deeds_are_sent_as_the_user_and_their_failures_are_told() {
    let failed = r#"{"status":[{"job_id":3,"error":{"string":"Job/step already completing or completed","code":2021}}]}"#;
    let done = r#"{"status":[]}"#;
    let (model, script) = model([
        Ok((200, done)),
        Ok((200, done)),
        Ok((200, done)),
        Ok((200, done)),
        Ok((200, failed)),
        Ok((200, "{}")),
    ]);
    let act = |deed, tasks: Option<&str>| {
        let tasks = tasks.map(|tasks| TaskSet::parse(tasks, 1001).unwrap().0);
        model.act("bob", deed, JobId(3), tasks.as_ref())
    };
    assert_eq!(act(Deed::Cancel { kill: false }, None), Ok(()));
    assert_eq!(act(Deed::Signal { signal: 10, scope: WarningScope::Batch }, None), Ok(()));
    assert_eq!(act(Deed::Signal { signal: 10, scope: WarningScope::Steps }, None), Ok(()));
    assert_eq!(act(Deed::Cancel { kill: true }, Some("1,3-5")), Ok(()));
    assert_eq!(
        act(Deed::Cancel { kill: false }, None),
        Err(RemoteError::Refused(Problem::AlreadyEnding(JobId(3))))
    );
    assert!(matches!(act(Deed::Suspend, None), Err(RemoteError::Refused(Problem::Unsupported(_)))));
    let held = Update { hold: Some(HoldWish::Hold), ..Update::default() };
    assert_eq!(model.update("bob", JobId(3), &held), Ok(()));
    let asked = script.asked.lock().unwrap();
    let sent: Vec<_> =
        asked.iter().map(|(verb, target, _, body)| (*verb, target.as_str(), body.as_str())).collect();
    assert!(asked.iter().all(|(.., whom, _)| whom.as_deref() == Some("bob")));
    assert_eq!(sent[0], (Verb::Delete, "job/3", ""));
    assert_eq!(sent[1], (Verb::Delete, "job/3?signal=USR1&flags=BATCH_JOB", ""));
    assert_eq!(sent[2].1, "job/3?signal=USR1&flags=FULL_STEPS_ONLY");
    assert_eq!((sent[3].0, sent[3].1), (Verb::Delete, "jobs/"));
    assert!(sent[3].2.contains("3_[1,3-5]") && sent[3].2.contains("KILL"), "{}", sent[3].2);
    assert!(sent[5].2.contains(r#""hold":true"#), "{}", sent[5].2);
}
