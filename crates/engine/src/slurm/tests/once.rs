//! Submissions under clients' keys: made once, whatever happens on the way.

use super::fake::{Fake, Mood};
use super::{config, fresh, get, jobs, jobs_of, request, sure, text, unsure};
use crate::slurm::*;
use bytes::Bytes;
use domain::ports::{Shelf, StoreError};
use hyper::{Method, StatusCode};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A shelf in memory.
#[derive(Default)]
struct Board(Mutex<BTreeMap<(String, String), Vec<u8>>>, AtomicBool);

impl Shelf for Board {
    fn put(&self, shelf: &str, name: &str, document: &[u8]) -> Result<(), StoreError> {
        // Full once a job is known.
        if self.1.load(Ordering::SeqCst) && String::from_utf8_lossy(document).contains(r#""job":3"#) {
            return Err(StoreError::Full);
        }
        self.0.lock().unwrap().insert((shelf.to_owned(), name.to_owned()), document.to_vec());
        Ok(())
    }

    fn put_if(
        &self,
        shelf: &str,
        name: &str,
        was: Option<&[u8]>,
        document: &[u8],
    ) -> Result<bool, StoreError> {
        let is_so = self.get(shelf, name)?.as_deref() == was;
        if is_so {
            self.put(shelf, name, document)?;
        }
        Ok(is_so)
    }

    fn get(&self, shelf: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().unwrap().get(&(shelf.to_owned(), name.to_owned())).cloned())
    }

    fn remove(&self, shelf: &str, name: &str) -> Result<bool, StoreError> {
        Ok(self.0.lock().unwrap().remove(&(shelf.to_owned(), name.to_owned())).is_some())
    }

    fn list(
        &self,
        shelf: &str,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let kept = self.0.lock().unwrap();
        let wanted = kept.iter().filter(|((of, name), _)| {
            of == shelf && name.starts_with(prefix) && after.is_none_or(|after| name.as_str() > after)
        });
        Ok(wanted.map(|((_, name), document)| (name.clone(), document.clone())).take(most).collect())
    }
}

fn open(fake: &Arc<Fake>, board: &Arc<Board>) -> Arc<Upstream> {
    let memory = Memory { most: 100, window: Duration::from_secs(3600) };
    Upstream::open(config(&[fake]), Some((Arc::clone(board) as Arc<dyn Shelf>, memory))).unwrap()
}

fn submission(key: &str, content: &str) -> Request {
    Request {
        body: Bytes::from_static(br#"{"script": "x", "job": {"name": "submitted"}}"#),
        key: Some(ClientKey { key: key.to_owned(), content: content.to_owned() }),
        ..request(Method::POST, "slurm/job/submit", sure("alice"))
    }
}

fn job(reply: &Reply) -> i64 {
    let text = text(reply);
    slurm_wire::json::parse(&text).unwrap().get("job_id").unwrap().to_int().unwrap()
}

fn posts(fake: &Fake) -> usize {
    fake.asked().iter().filter(|asked| asked.method == Method::POST).count()
}

#[tokio::test]
async fn the_same_key_names_the_same_job() {
    let (fake, board) = (Fake::start().await, Arc::default());
    let upstream = open(&fake, &board);
    let first = upstream.relay(submission("k", "one")).await.unwrap();
    assert_eq!(job(&first), 3);
    let again = upstream.relay(submission("k", "one")).await.unwrap();
    assert_eq!(text(&again), text(&first));
    // After a restart as well.
    drop(upstream);
    let upstream = open(&fake, &board);
    assert_eq!(text(&upstream.relay(submission("k", "one")).await.unwrap()), text(&first));
    let other = upstream.relay(submission("k", "two")).await;
    assert_eq!(other.unwrap_err(), Trouble::KeyReused);
    assert_eq!(posts(&fake), 1);
    // Another user's key is another one.
    let bob = Request { caller: sure("bob"), ..submission("k", "two") };
    assert_eq!(job(&upstream.relay(bob).await.unwrap()), 4);
    // Nobody is shown the mark, and comments are let alone.
    assert_eq!(fake.marked(), 2);
    for path in ["slurm/jobs", "slurm/job/3"] {
        let shown = text(&upstream.relay(get(path)).await.unwrap());
        assert!(shown.contains("submitted") && !shown.contains("quintet:"), "{shown}");
    }
    let unfit = Request { body: Bytes::from_static(b"{'job': {}}"), ..submission("u", "x") };
    assert_eq!(upstream.relay(unfit).await.unwrap_err(), Trouble::NotMarked);
}

#[tokio::test]
async fn a_job_that_cannot_be_written_down_is_not_denied() {
    let (fake, board) = (Fake::start().await, Arc::<Board>::default());
    let upstream = open(&fake, &board);
    jobs_of(&upstream, "slurm/jobs").await;
    board.1.store(true, Ordering::SeqCst);
    let told = upstream.relay(submission("k", "one")).await;
    assert!(matches!(told, Err(Trouble::Unanswered(_))), "{told:?}");
    board.1.store(false, Ordering::SeqCst);
    assert_eq!(job(&upstream.relay(submission("k", "one")).await.unwrap()), 3);
    assert_eq!((posts(&fake), fake.marked()), (1, 1));
}

#[tokio::test]
async fn many_at_once_make_one_job() {
    let (fake, board) = (Fake::start().await, Arc::default());
    let upstream = open(&fake, &board);
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let upstream = Arc::clone(&upstream);
            tokio::spawn(async move { job(&upstream.relay(submission("k", "one")).await.unwrap()) })
        })
        .collect();
    for asking in asking {
        assert_eq!(asking.await.unwrap(), 3);
    }
    assert_eq!(posts(&fake), 1);
}

#[tokio::test]
async fn what_was_done_without_an_answer_is_found() {
    let (fake, board) = (Fake::start().await, Arc::default());
    let upstream = open(&fake, &board);
    jobs_of(&upstream, "slurm/jobs").await;
    fake.mood(Mood::Mute);
    let told = upstream.relay(submission("k", "one")).await.unwrap();
    assert_eq!((told.status, job(&told)), (StatusCode::OK, 3));
    assert_eq!((posts(&fake), fake.marked()), (1, 1));
    fake.mood(Mood::Well);
    assert_eq!(job(&upstream.relay(submission("k", "one")).await.unwrap()), 3);
    assert_eq!(posts(&fake), 0);
}

#[tokio::test]
async fn what_nobody_knows_is_looked_for_before_it_is_sent_again() {
    let (fake, board) = (Fake::start().await, Arc::default());
    let upstream = open(&fake, &board);
    jobs_of(&upstream, "slurm/jobs").await;
    fake.mood(Mood::Gone);
    let lost = upstream.relay(submission("k", "one")).await;
    assert!(matches!(lost, Err(Trouble::Unanswered(_))), "{lost:?}");
    assert_eq!(posts(&fake), 1);
    fake.mood(Mood::Well);
    // The service was restarted meanwhile.
    drop(upstream);
    let upstream = open(&fake, &board);
    assert_eq!(job(&upstream.relay(submission("k", "one")).await.unwrap()), 3);
    let asked = fake.asked();
    let first = asked.iter().position(|asked| asked.target.contains("/jobs/")).unwrap();
    assert!(first < asked.iter().position(|asked| asked.method == Method::POST).unwrap());
    assert_eq!(fake.marked(), 1);
}

#[tokio::test]
async fn what_is_refused_leaves_its_key_free() {
    let (fake, board) = (Fake::start().await, Arc::default());
    let upstream = open(&fake, &board);
    jobs_of(&upstream, "slurm/jobs").await;
    fake.mood(Mood::NoController);
    assert_eq!(upstream.relay(submission("k", "one")).await.unwrap().status, StatusCode::BAD_GATEWAY);
    assert!(board.0.lock().unwrap().is_empty());
    fake.mood(Mood::Well);
    let stranger = Request { caller: unsure("bad"), ..submission("k", "one") };
    let status = upstream.relay(stranger).await.unwrap().status;
    assert_eq!(status, StatusCode::NETWORK_AUTHENTICATION_REQUIRED);
    assert_eq!(job(&upstream.relay(submission("k", "two")).await.unwrap()), 3);
}

#[tokio::test]
async fn what_was_acknowledged_and_lost_is_sent_again() {
    let (fake, board) = (Fake::start().await, Arc::default());
    let upstream = open(&fake, &board);
    for (key, number) in [("lost", 3), ("kept", 4), ("begun", 5)] {
        assert_eq!(job(&upstream.relay(submission(key, "x")).await.unwrap()), number);
    }
    fake.began(5);
    // The controller was killed before it had saved two of them, and others took their places.
    fake.job(3, "", "");
    fake.job(5, "", "");
    fake.job(9, "PENDING", "other");
    assert_eq!(posts(&fake), 3);
    // Our own restart does not matter.
    drop(upstream);
    let upstream = open(&fake, &board);
    upstream.settle(Duration::ZERO).await;
    assert_eq!(posts(&fake), 1, "what had begun is not begun again");
    assert_eq!(jobs(&upstream.relay(fresh("slurm/job/3")).await.unwrap()), ["10 PENDING submitted"]);
    assert_eq!(job(&upstream.relay(submission("lost", "x")).await.unwrap()), 10);
    assert_eq!(job(&upstream.relay(submission("kept", "x")).await.unwrap()), 4);
    upstream.settle(Duration::ZERO).await;
    // By now all of them are safe: what goes has ended.
    fake.job(4, "", "");
    fake.job(10, "", "");
    upstream.settle(Duration::ZERO).await;
    assert_eq!(posts(&fake), 0);
    let kept = board.0.lock().unwrap();
    assert!(
        kept.values().all(|document| !String::from_utf8_lossy(document).contains("script")),
        "scripts are not kept"
    );
}

#[tokio::test]
async fn what_was_lost_is_not_taken_for_the_job_that_has_its_number_now() {
    let (fake, board) = (Fake::start().await, Arc::default());
    let upstream = open(&fake, &board);
    assert_eq!(job(&upstream.relay(submission("k", "one")).await.unwrap()), 3);
    fake.gives_again(3);
    upstream.settle(Duration::ZERO).await;
    assert_eq!((posts(&fake), fake.marked()), (2, 1));
    assert_eq!(job(&upstream.relay(submission("k", "one")).await.unwrap()), 4);
}

/// Waits for the answer to something that is away while it is asked, and comes back once that was tried.
async fn comes_back(fake: &Arc<Fake>, upstream: &Arc<Upstream>, request: Request, mood: Mood) -> Reply {
    fake.mood(mood);
    fake.asked();
    let wait = Some(Duration::from_secs(3600));
    let asking = {
        let upstream = Arc::clone(upstream);
        tokio::spawn(async move { upstream.relay(Request { wait, ..request }).await })
    };
    fake.is_asked(2).await;
    assert!(!asking.is_finished());
    fake.mood(Mood::Well);
    asking.await.unwrap().unwrap()
}

#[tokio::test]
async fn writes_wait_until_the_cluster_is_back() {
    let (fake, board) = (Fake::start().await, Arc::default());
    let upstream = open(&fake, &board);
    jobs_of(&upstream, "slurm/jobs").await;
    let plain = request(Method::POST, "slurm/job/submit", sure("alice"));
    let made = comes_back(&fake, &upstream, plain.clone(), Mood::NoController).await;
    assert_eq!(job(&made), 3);
    let made = comes_back(&fake, &upstream, submission("k", "one"), Mood::NoController).await;
    assert_eq!((job(&made), fake.marked()), (4, 1));
    // An answer that was lost is looked for as well; what was carried out is not sent again.
    let made = comes_back(&fake, &upstream, submission("l", "two"), Mood::Gone).await;
    assert_eq!((job(&made), fake.marked()), (5, 2));
    // Without a key nobody knows what became of it.
    fake.mood(Mood::Gone);
    let wait = Some(Duration::from_secs(3600));
    let lost = upstream.relay(Request { wait, ..plain.clone() }).await;
    assert!(matches!(lost, Err(Trouble::Unanswered(_))), "{lost:?}");
    // Whose time is over is told what the cluster said last, and what is refused is told at once.
    fake.mood(Mood::NoController);
    let late = upstream.relay(Request { wait: Some(Duration::from_millis(1)), ..plain.clone() }).await;
    assert_eq!(late.unwrap().status, StatusCode::BAD_GATEWAY);
    fake.mood(Mood::Well);
    let bad = Request { caller: unsure("bad"), wait, ..plain };
    let status = upstream.relay(bad).await.unwrap().status;
    assert_eq!(status, StatusCode::NETWORK_AUTHENTICATION_REQUIRED);
}
