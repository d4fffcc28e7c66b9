//! The job model and Slurm's interface read the same copies: the cluster is asked once for both.

use super::fake::{Fake, Mood};
use super::{config, fresh, get, jobs, request, sure};
use crate::slurm::model::ClusterModel;
use crate::slurm::*;
use domain::cluster::Cluster;
use domain::job::Phase;
use domain::ports::{Deed, Directory, Look, Remote, RemoteError};
use domain::who::Person;
use domain::{Gid, JobId, Text, Uid};
use hyper::Method;
use std::sync::Arc;
use std::time::Duration;

struct Nobody;

impl Directory for Nobody {
    fn person(&self, _name: &str) -> Option<Person> {
        None
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

fn model(upstream: &Arc<Upstream>) -> Arc<ClusterModel> {
    let runtime = tokio::runtime::Handle::current();
    Arc::new(ClusterModel::new(Arc::clone(upstream), runtime, Arc::new(Nobody)))
}

/// Asks the model on a thread that may wait.
async fn ask<T: Send + 'static>(
    model: &Arc<ClusterModel>,
    ask: impl FnOnce(&ClusterModel) -> T + Send + 'static,
) -> T {
    let model = Arc::clone(model);
    tokio::task::spawn_blocking(move || ask(&model)).await.unwrap()
}

/// The numbers of the jobs that are told, and what names the look.
async fn look(model: &Arc<ClusterModel>, since: Option<Look>) -> (Vec<u32>, Look) {
    let sighting = ask(model, move |model| model.jobs(since, &Cluster::default())).await.unwrap();
    (sighting.jobs.iter().map(|told| told.job.id.0).collect(), sighting.look)
}

#[tokio::test]
async fn the_cluster_is_asked_once_for_all() {
    let fake = Fake::start().await;
    for id in 3..=500 {
        fake.job(id, "PENDING", "x");
    }
    let upstream = Upstream::open(config(&[&fake]), None).unwrap();
    let model = model(&upstream);
    assert!(ask(&model, Remote::ground).await.unwrap().is_some());
    let (told, mut last) = look(&model, None).await;
    assert_eq!(told.len(), 500);
    fake.asked();
    for _ in 0..20 {
        for path in ["slurm/jobs", "slurm/nodes", "slurm/partitions"] {
            upstream.relay(get(path)).await.unwrap();
        }
        assert_eq!(ask(&model, Remote::ground).await, Ok(None));
        let told;
        (told, last) = look(&model, Some(last)).await;
        assert_eq!(told, [0_u32; 0]);
    }
    assert_eq!(fake.calls(), Vec::<String>::new());
    // Whoever sees news first has read them for all.
    fake.job(7, "RUNNING", "x");
    upstream.relay(fresh("slurm/jobs")).await.unwrap();
    assert_eq!(fake.calls(), ["GET jobs/?update_time=10960"]);
    assert_eq!(look(&model, Some(last)).await.0, [7]);
    let now = ask(&model, move |model| model.jobs_now(Some(last), &Cluster::default())).await.unwrap();
    assert_eq!(now.jobs.len(), 1);
    assert_eq!(fake.calls(), ["GET jobs/?update_time=10980"]);
}

#[tokio::test]
async fn what_the_model_has_read_of_a_job_is_not_read_again() {
    let fake = Fake::start().await;
    let upstream = Upstream::open(config(&[&fake]), None).unwrap();
    let model = model(&upstream);
    let (_, last) = look(&model, None).await;
    fake.asked();
    ask(&model, |model| model.act("alice", Deed::Cancel { kill: false }, JobId(2), None)).await.unwrap();
    let told = ask(&model, |model| model.job(JobId(2), &Cluster::default())).await.unwrap();
    assert!(matches!(told[0].job.phase, Phase::Ended(_)), "{told:?}");
    assert_eq!(fake.calls(), ["DELETE job/2", "GET job/2"]);
    let list = jobs(&upstream.relay(get("slurm/jobs")).await.unwrap());
    assert_eq!(list, ["1 RUNNING one", "2 CANCELLED two"]);
    assert_eq!(look(&model, Some(last)).await.0, [2]);
    // What is written after it was read is read once more.
    upstream.relay(request(Method::POST, "slurm/job/submit", sure("alice"))).await.unwrap();
    assert_eq!(look(&model, Some(last)).await.0, [2, 3]);
    assert_eq!(fake.calls(), ["POST job/submit", "GET job/3"]);
    // One that is gone leaves the list.
    fake.job(3, "", "");
    assert_eq!(ask(&model, |model| model.job(JobId(3), &Cluster::default())).await, Ok(Vec::new()));
    let list = jobs(&upstream.relay(get("slurm/jobs")).await.unwrap());
    assert_eq!(list, ["1 RUNNING one", "2 CANCELLED two"]);
    assert_eq!(fake.calls(), ["GET job/3"]);
}

#[tokio::test]
async fn a_cluster_that_is_away_is_told_from_one_without_news() {
    let fake = Fake::start().await;
    let config = UpstreamConfig { max_age: Duration::ZERO, ..config(&[&fake]) };
    let upstream = Upstream::open(config, None).unwrap();
    let model = model(&upstream);
    let (told, last) = look(&model, None).await;
    assert_eq!(told, [1, 2]);
    fake.mood(Mood::Gone);
    let away = ask(&model, move |model| model.jobs_now(Some(last), &Cluster::default())).await;
    assert!(matches!(away, Err(RemoteError::Unreachable(_))), "{away:?}");
    let away = ask(&model, |model| model.job(JobId(1), &Cluster::default())).await;
    assert!(matches!(away, Err(RemoteError::Unreachable(_))), "{away:?}");
    fake.mood(Mood::Well);
    assert_eq!(look(&model, Some(last)).await.0, [0_u32; 0]);
}
