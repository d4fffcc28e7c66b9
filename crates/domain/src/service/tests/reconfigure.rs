//! Going on with another configuration.

use super::*;
use crate::service::{NodeChoice, NodeUpdate, NodeWish};

/// A configuration that is written while the service runs.
#[derive(Clone)]
struct Paper(Arc<Mutex<Result<Cluster, Misconfigured>>>);

impl Configuration for Paper {
    fn read(&self) -> Result<Cluster, Misconfigured> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn jobs_and_what_was_changed_survive_another_configuration() {
    let world = World::new(1);
    let paper = Paper(Arc::new(Mutex::new(Ok(cluster()))));
    let service = world.service.clone().with_configuration(Arc::new(paper.clone()));
    let (root, alice) = (service.principal("root"), service.principal("alice"));
    let write = |change: fn(&mut Cluster)| {
        let mut next = cluster();
        change(&mut next);
        *paper.0.lock().unwrap() = Ok(next);
    };
    let running = world.submit(|_| {}).await.unwrap();
    let waiting = world.submit(|_| {}).await.unwrap();
    let bob =
        Membership { name: Text::const_new("bob"), level: AdminLevel::Operator, ..Membership::default() };
    service.remember_member(&root, bob).await.unwrap();
    let drain = NodeUpdate { state: Some(NodeWish::Drain), ..NodeUpdate::default() };
    service.update_nodes(&root, NodeChoice::All, drain).await.unwrap();

    write(|next| {
        next.licenses.insert(Text::const_new("matlab"), 5);
        next.partitions[0].max_time = TimeLimit::Minutes(30);
        next.started = Timestamp::from_seconds(9);
    });
    assert!(matches!(service.reconfigure(&alice).await, Err(Error::Forbidden(_))));
    let before = service.snapshot();
    service.reconfigure(&root).await.unwrap();
    let now = service.snapshot();
    assert_eq!(now.cluster.licenses.get("matlab"), Some(&5));
    assert_eq!(now.cluster.partitions[0].max_time, TimeLimit::Minutes(30));
    assert_eq!(now.cluster.started, before.cluster.started);
    assert!(now.cluster.nodes[0].flags.drain, "what an administrator said holds");
    assert!(service.principal("bob").is_operator(), "so do users added at run time");
    assert_eq!((world.word(running), world.word(waiting)), (StateWord::Running, StateWord::Pending));
}

#[tokio::test]
async fn what_cannot_change_is_refused_and_changes_nothing() {
    let world = World::new(1);
    world.submit(|_| {}).await.unwrap();
    let paper = Paper(Arc::new(Mutex::new(Ok(cluster()))));
    let service = world.service.clone().with_configuration(Arc::new(paper.clone()));
    let root = service.principal("root");
    let before = service.snapshot();
    let changes: [fn(&mut Cluster); 8] = [
        |next| next.nodes[0].topology.cpus += 1,
        |next| next.nodes[0].name = Text::const_new("n2"),
        |next| next.nodes.push(next.nodes[0].clone()),
        |next| next.partitions[0].name = Text::const_new("other"),
        |next| next.name = Text::const_new("other"),
        |next| next.limits.kept_changes += 1,
        |next| next.limits.kept_receipts += 1,
        |next| next.limits.receipt_lifetime *= 2,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut next = cluster();
        change(&mut next);
        *paper.0.lock().unwrap() = Ok(next);
        let came = service.reconfigure(&root).await;
        assert!(matches!(came, Err(Error::Conflict(Problem::NeedsRestart(_)))), "{at} {came:?}");
    }
    *paper.0.lock().unwrap() = Err(Misconfigured::Wrong(Text::const_new("no such key")));
    let wrong = service.reconfigure(&root).await;
    assert_eq!(wrong, Err(Problem::BadConfiguration(Text::const_new("no such key")).into()));
    assert_eq!(service.snapshot().cluster, before.cluster);
}

#[tokio::test]
async fn those_that_have_ended_stay_as_long_as_is_said_now() {
    let world = World::new(1);
    let paper = Paper(Arc::new(Mutex::new(Ok(cluster()))));
    let service = world.service.clone().with_configuration(Arc::new(paper.clone()));
    let root = service.principal("root");
    let id = world.submit(|_| {}).await.unwrap();
    world.end(id, Exit::Code(0)).await;
    let mut next = cluster();
    next.limits.min_job_age = Duration::from_secs(10);
    *paper.0.lock().unwrap() = Ok(next);
    service.reconfigure(&root).await.unwrap();
    world.clock.0.fetch_add(11_000_000, Ordering::SeqCst);
    let gone = async {
        // Whoever asks for anything makes the writer look at its clock.
        while service.snapshot().jobs.job(id).is_some() {
            world.act("alice", JobId(9_999), Action::Cancel { kill: false }).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), gone).await;
    assert!(waited.is_ok(), "it would have stayed for five minutes");
}
