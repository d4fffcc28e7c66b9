//! What is written down and not yet safe: programs begin on the strength of it, and nobody is told that it is safe.

use super::*;

#[tokio::test]
async fn a_start_needs_the_record_and_an_answer_the_disk() {
    let world = World::new(1);
    world.store.broken.store(true, Ordering::SeqCst);
    let answer = world.submit(|_| {}).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    let launches = |world: &World| {
        let orders = world.engine.orders.lock().unwrap();
        orders.iter().filter(|order| matches!(order, Order::Launch { .. })).count()
    };
    assert_eq!(launches(&world), 1);
    world.store.broken.store(false, Ordering::SeqCst);
    let second = world.submit(|_| {}).await.unwrap();
    assert_eq!(second, JobId(2), "the first is on record, whatever its owner was told");
    assert_eq!(world.word(JobId(1)), StateWord::Running);
    assert_eq!(launches(&world), 1, "nothing is started twice");
}
