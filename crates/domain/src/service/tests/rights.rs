//! Who may do what with whose jobs.

use super::*;

#[tokio::test]
async fn only_owners_and_operators_may_cancel() {
    let world = World::new(1);
    let id = world.submit(|_| {}).await.unwrap();
    let cancel = Action::Cancel { kill: false };
    let refused = world.act("bob", id, cancel).await;
    assert_eq!(refused[0].result, Err(Error::Forbidden(Problem::NotOwner)));
    assert_eq!(world.act("alice", id, cancel).await[0].result, Ok(()));
    assert_eq!(world.word(id), StateWord::Completing);
    let again = world.act("root", id, cancel).await;
    assert_eq!(again[0].result, Err(Error::Conflict(Problem::AlreadyEnding(id))));
    world.end(id, Exit::Signal(15)).await;
    assert_eq!(world.word(id), StateWord::Ended(Outcome::Cancelled));
}

#[tokio::test]
async fn members_change_what_users_may_do() {
    let world = World::new(1);
    let bob =
        Membership { name: Text::const_new("bob"), level: AdminLevel::Operator, ..Membership::default() };
    let refused = world.service.remember_member(&world.service.principal("alice"), bob.clone()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let root: Principal = world.service.principal("root");
    world.service.remember_member(&root, bob).await.unwrap();
    assert!(world.service.principal("bob").is_operator());
    world.service.forget_member(&root, Text::const_new("bob")).await.unwrap();
    assert!(!world.service.principal("bob").is_operator());
}

#[tokio::test]
async fn a_hold_that_comes_with_a_requeue_belongs_to_who_asked() {
    let world = World::new(2);
    let hold = |world: &World, job| match &world.job(job).phase {
        Phase::Pending(pending) => pending.hold,
        other => panic!("expected a waiting job, not {}", other.name()),
    };
    for (by, special, expected) in
        [("alice", false, Hold::User), ("root", false, Hold::Admin), ("root", true, Hold::Admin)]
    {
        let job = world.submit(|submission| submission.requeue = Some(true)).await.unwrap();
        let handled = world.act(by, job, Action::Requeue { hold: true, special }).await;
        assert_eq!(handled[0].result, Ok(()));
        world.end(job, Exit::Signal(15)).await;
        assert_eq!(hold(&world, job), expected);
    }
    let job = world.submit(|submission| submission.requeue = Some(true)).await.unwrap();
    let handled = world.act("bob", job, Action::Requeue { hold: false, special: false }).await;
    assert_eq!(handled[0].result, Err(Problem::NotOwner.into()));
}
