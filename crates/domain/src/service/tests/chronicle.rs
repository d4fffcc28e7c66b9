//! What is remembered of nodes, reservations and the books.

use super::*;
use crate::accounting::{AccountsAddition, Wish};
use crate::history::Occurrence;
use crate::reservation::{ReservationWish, Span};
use crate::service::{Availability, NodeChoice, NodeUpdate, NodeWish};

impl World {
    fn occurrences(&self) -> Vec<Occurrence> {
        self.store.memory.lock().unwrap().occurrences.clone()
    }

    async fn mark(&self, wanted: Availability) {
        let root = self.service.principal("root");
        self.service.mark_node(&root, Text::const_new("n1"), wanted).await.unwrap();
    }
}

#[tokio::test]
async fn a_drained_node_is_out_when_its_last_job_has_left() {
    let world = World::new(1);
    let first = world.occurrences().remove(0);
    let cluster = first.cluster.unwrap();
    assert_eq!((cluster.nodes.as_str(), cluster.amount("cpu"), cluster.amount("mem")), ("n1", 8, 16_000));
    assert_eq!(first.out, []);
    let job = world.submit(|_| {}).await.unwrap();
    world.launched_all(&[job]).await;
    world.mark(Availability::Drain("fan".into())).await;
    assert!(world.occurrences().iter().all(|one| one.out.is_empty()), "a job has it");
    world.clock.0.fetch_add(60_000_000, Ordering::SeqCst);
    world.end(job, Exit::Code(0)).await;
    let last = world.occurrences().pop().unwrap();
    let [out] = &last.out[..] else { panic!("{last:?}") };
    assert_eq!((out.node.as_str(), out.reason.as_str(), out.start), ("n1", "fan", world.clock.now()));
    assert!(out.flags.drain && out.by.as_ref().is_some_and(|(name, _)| name == "root"));
    assert_eq!((out.amount("cpu"), out.amount("node")), (8, 1));
    world.mark(Availability::Resume).await;
    assert_eq!(world.occurrences().pop().unwrap().back, ["n1"]);
}

#[tokio::test]
async fn a_service_that_begins_says_who_is_out() {
    let world = World::new(1);
    let down =
        NodeUpdate { state: Some(NodeWish::Down), reason: Some("disk".into()), ..NodeUpdate::default() };
    let choice = NodeChoice::Named(vec!["n1".into()]);
    world.service.update_nodes(&world.service.principal("root"), choice, down).await.unwrap();
    assert_eq!(world.occurrences().pop().unwrap().out.len(), 1);
    let before = world.occurrences().len();
    let world = world.restarted().await;
    let [again] = &world.occurrences()[before..] else { panic!("one more is written down") };
    assert!(again.cluster.is_some());
    assert_eq!(again.out.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>(), ["disk"]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_noted_again() {
    let world = World::new(1);
    world.store.full.store(true, Ordering::SeqCst);
    let root = world.service.principal("root");
    let wanted = Availability::Drain("fan".into());
    assert!(world.service.mark_node(&root, "n1".into(), wanted.clone()).await.is_err());
    world.store.full.store(false, Ordering::SeqCst);
    world.mark(wanted).await;
    assert_eq!(world.occurrences().pop().unwrap().out.len(), 1);
}

#[tokio::test]
async fn reservations_and_changes_of_the_books_are_remembered() {
    let world = World::new(1);
    let root = world.service.principal("root");
    let wish = ReservationWish {
        name: "talk".into(),
        start: Some(Timestamp::from_seconds(2_000)),
        duration: Some(Span::Minutes(10)),
        node_list: vec!["n1".into()],
        users: vec!["alice".into()],
        ..ReservationWish::default()
    };
    world.service.reserve(&root, wish).await.unwrap();
    let booking = world.occurrences().pop().unwrap().bookings.remove(0);
    assert_eq!(
        (booking.name.as_str(), booking.users.as_str(), booking.nodes.as_str()),
        ("talk", "alice", "n1")
    );
    assert_eq!((booking.start.seconds(), booking.end.seconds(), booking.amount("cpu")), (2_000, 2_600, 8));
    world.service.delete_reservation(&root, "talk".into()).await.unwrap();
    assert_eq!(world.occurrences().pop().unwrap().gone, [booking.number]);
    let addition = AccountsAddition { accounts: vec!["a".into(), "b".into()], ..AccountsAddition::default() };
    let wish = Wish::AddAccounts(Box::new(addition));
    world.service.account(&root, vec![wish]).await.unwrap().unwrap();
    let deeds = world.occurrences().pop().unwrap().deeds;
    let told: Vec<_> = deeds.iter().map(|deed| (deed.action.as_str(), deed.place.as_str())).collect();
    assert!(told.contains(&("Add Accounts", "a,b")), "{told:?}");
    assert!(deeds.iter().all(|deed| deed.actor == "root" && deed.at == world.clock.now()));
}
