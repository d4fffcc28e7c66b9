//! What happens beside jobs: it is kept, may come twice, and comes back as it was.

use crate::samples::*;
use domain::cluster::NodeFlags;
use domain::history::{Booking, Deed, During, Episode, Occurrence};
use domain::ports::{Batch, History, Store};
use domain::reservation::ReservationFlags;
use domain::{Timestamp, Uid};
use store::{Reader, Writer};

fn cluster(cpus: u64, start: i64) -> Episode {
    Episode {
        nodes: text("n[1-4]"),
        start: at(start),
        reason: text("Cluster Registered TRES"),
        amounts: vec![(text("cpu"), cpus)],
        ..Episode::default()
    }
}

fn out(node: &str, why: &str, start: i64) -> Episode {
    Episode {
        node: text(node),
        start: at(start),
        flags: NodeFlags { drain: true, ..NodeFlags::default() },
        reason: text(why),
        by: Some((text("root"), Uid(0))),
        amounts: vec![(text("cpu"), 8), (text("mem"), 16_000)],
        ..Episode::default()
    }
}

fn booking(start: i64, end: i64, cpus: u64) -> Booking {
    Booking {
        number: 3,
        name: text("talk"),
        start: at(start),
        end: at(end),
        flags: ReservationFlags::MAINT,
        nodes: text("n[1-2]"),
        users: text("alice"),
        accounts: text("-physics"),
        amounts: vec![(text("cpu"), cpus)],
    }
}

fn happens(writer: &mut Writer, at_second: i64, what: Occurrence) {
    let occurrence = Occurrence { at: at(at_second), ..what };
    writer.commit(&Batch { occurrence, ..Batch::default() }).unwrap();
}

fn always() -> During {
    During::all(Timestamp::EPOCH, Timestamp::NEVER)
}

/// Node, beginning and end of each episode, seconds.
fn episodes(reader: &Reader, during: During) -> Vec<(String, i64, Option<i64>)> {
    let all = reader.episodes(&during).unwrap();
    all.iter()
        .map(|one| (one.node.to_string(), one.start.seconds(), one.end.map(Timestamp::seconds)))
        .collect()
}

fn bookings(reader: &Reader) -> Vec<(i64, i64, u64)> {
    let all = reader.bookings(&always()).unwrap();
    all.iter().map(|one| (one.start.seconds(), one.end.seconds(), one.amount("cpu"))).collect()
}

#[test]
fn nodes_go_out_of_service_and_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let nothing = Occurrence::default;
    happens(&mut writer, 10, Occurrence { cluster: Some(cluster(32, 10)), ..nothing() });
    let both = vec![out("n1", "disk", 20), out("n2", "fan", 20)];
    happens(&mut writer, 20, Occurrence { out: both, ..nothing() });
    happens(&mut writer, 30, Occurrence { out: vec![out("n1", "memory", 30)], ..nothing() });
    happens(&mut writer, 40, Occurrence { back: vec![text("n1")], ..nothing() });
    // The service begins anew: the same cluster goes on, and n2 is still out.
    let again = Occurrence { cluster: Some(cluster(32, 50)), out: vec![out("n2", "fan", 50)], ..nothing() };
    happens(&mut writer, 50, again.clone());
    happens(&mut writer, 50, again);
    let node = |name: &str, start, end| (name.to_owned(), start, end);
    let wanted =
        [node("", 10, None), node("n1", 20, Some(30)), node("n2", 20, None), node("n1", 30, Some(40))];
    assert_eq!(episodes(&reader, always()), wanted);
    assert_eq!(
        episodes(&reader, During::all(at(35), at(45))),
        [node("", 10, None), node("n2", 20, None), node("n1", 30, Some(40))]
    );
    assert_eq!(episodes(&reader, During { limit: 1, ..always() }), [node("n1", 30, Some(40))]);
    assert_eq!(reader.episodes(&always()).unwrap()[2], out("n2", "fan", 20), "all of it is kept");
    // It begins with other resources, and nobody is out any more.
    happens(&mut writer, 60, Occurrence { cluster: Some(cluster(64, 60)), ..nothing() });
    let wanted = [node("", 10, Some(60)), node("n2", 20, Some(60)), node("", 60, None)];
    let seen = episodes(&reader, always());
    assert!(wanted.iter().all(|one| seen.contains(one)) && seen.len() == 5, "{seen:?}");
}

#[test]
fn what_comes_twice_counts_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let down = Occurrence { out: vec![out("n1", "disk", 20)], ..Occurrence::default() };
    let up = Occurrence { back: vec![text("n1")], ..Occurrence::default() };
    let made = Occurrence { bookings: vec![booking(100, 200, 8)], ..Occurrence::default() };
    let grown = Occurrence { bookings: vec![booking(100, 200, 16)], ..Occurrence::default() };
    for _ in 0..2 {
        happens(&mut writer, 20, down.clone());
        happens(&mut writer, 25, up.clone());
        happens(&mut writer, 30, made.clone());
        happens(&mut writer, 150, grown.clone());
    }
    assert_eq!(episodes(&reader, always()), [("n1".to_owned(), 20, Some(25))]);
    assert_eq!(bookings(&reader), [(100, 150, 8), (150, 200, 16)]);
}

#[test]
fn reservations_are_kept_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let mut booked = |second: i64, booking: Booking| {
        happens(&mut writer, second, Occurrence { bookings: vec![booking], ..Occurrence::default() });
    };
    booked(10, booking(100, 200, 8));
    // Before it begins nothing has been yet.
    booked(20, booking(120, 220, 8));
    assert_eq!(bookings(&reader), [(120, 220, 8)]);
    // While it is open, an end moves.
    booked(130, booking(120, 300, 8));
    assert_eq!(bookings(&reader), [(120, 300, 8)]);
    // The next turn of the same.
    booked(300, booking(1_120, 1_300, 8));
    assert_eq!(bookings(&reader), [(120, 300, 8), (1_120, 1_300, 8)]);
    assert_eq!(reader.bookings(&always()).unwrap()[1], booking(1_120, 1_300, 8));
    let gone = |second| Occurrence { at: at(second), gone: vec![3], ..Occurrence::default() };
    writer.commit(&Batch { occurrence: gone(1_200), ..Batch::default() }).unwrap();
    assert_eq!(bookings(&reader), [(120, 300, 8), (1_120, 1_200, 8)]);
    writer.commit(&Batch { occurrence: gone(1_400), ..Batch::default() }).unwrap();
    assert_eq!(bookings(&reader), [(120, 300, 8), (1_120, 1_200, 8)], "what is over stays");
}

#[test]
fn what_never_began_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    happens(&mut writer, 10, Occurrence { bookings: vec![booking(100, 200, 8)], ..Occurrence::default() });
    happens(&mut writer, 20, Occurrence { gone: vec![3], ..Occurrence::default() });
    assert_eq!(bookings(&reader), []);
}

#[test]
fn deeds_are_kept_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let deed = |second, place: &str| Deed {
        at: at(second),
        actor: text("root"),
        action: text("Add Accounts"),
        place: text(place),
    };
    happens(
        &mut writer,
        10,
        Occurrence { deeds: vec![deed(10, "a"), deed(10, "b")], ..Occurrence::default() },
    );
    happens(&mut writer, 20, Occurrence { deeds: vec![deed(20, "c")], ..Occurrence::default() });
    assert_eq!(reader.deeds(&always()).unwrap().len(), 3);
    drop((writer, reader));
    let (_writer, reader) = open(directory.path());
    assert_eq!(reader.deeds(&always()).unwrap(), [deed(10, "a"), deed(10, "b"), deed(20, "c")]);
    assert_eq!(reader.deeds(&During::all(at(15), at(20))).unwrap(), []);
    assert_eq!(reader.deeds(&During { limit: 1, ..always() }).unwrap(), [deed(20, "c")]);
}
