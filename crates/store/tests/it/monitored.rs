//! Records of monitored jobs: whatever is done in whatever order, lists and totals are those of a simple list in memory.

use domain::Text;
use domain::monitoring::{
    HostResources, JobState, MonitoringStatus, Origin, Record, RecordId, RecordsWanted, Sharing, Statistics,
    Tag, TagId, TagScope, Unit,
};
use domain::ports::{Begun, Kept, Registry, Replaced, Viewer};
use std::path::Path;
use store::{Monitored, Writer};

fn open(directory: &Path) -> (Writer, Monitored) {
    let (writer, _) = store::open(directory, store::Options::default()).unwrap();
    let monitored = Monitored::open(&writer).unwrap();
    (writer, monitored)
}

fn record(job: i64, start: i64) -> Record {
    Record { job, start_time: start, cluster: "here".into(), user: "u".into(), ..Record::default() }
}

fn never(_: &Record, _: &Record) -> bool {
    false
}

fn added(monitored: &Monitored, record: &Record) -> RecordId {
    match monitored.begin(record.clone(), never).unwrap() {
        Begun::New(id) => id,
        Begun::Duplicate(id) => panic!("there is one already: {id:?}"),
    }
}

#[test]
fn everything_about_a_record_comes_back() {
    let place = tempfile::tempdir().unwrap();
    let (writer, monitored) = open(place.path());
    let tag = Tag { kind: "app".into(), name: "vasp".into(), scope: TagScope::Private("u".into()) };
    let mut full = Record {
        id: RecordId(0),
        origin: Origin::Engine { attempt: 3 },
        job: 17,
        user: "alice".into(),
        project: "physics".into(),
        cluster: "here".into(),
        sub_cluster: "main".into(),
        partition: "debug".into(),
        array_job: 16,
        num_nodes: 2,
        num_hwthreads: 8,
        num_acc: 1,
        sharing: Sharing::SingleUser,
        monitoring: MonitoringStatus::Archived,
        smt: 2,
        state: JobState::OutOfMemory,
        submit_time: 5,
        start_time: 7,
        duration: 11,
        walltime: 13,
        requested_memory: 4096,
        resources: vec![HostResources {
            hostname: "n1".into(),
            hwthreads: vec![0, 3],
            accelerators: vec!["0000:01:00.0".into()],
            configuration: "x".into(),
        }],
        meta: [(Text::from("jobScript"), "#!/bin/sh\ntrue\n".repeat(100))].into(),
        tags: vec![(TagId(0), tag.clone())],
        statistics: [(
            Text::from("mem_used"),
            (Unit { base: "B".into(), prefix: "G".into() }, Statistics { min: 0.5, avg: 1.5, max: 2.5 }),
        )]
        .into(),
        footprint: [(Text::from("mem_used_max"), 2.5)].into(),
        energy: 0.25,
        energy_footprint: [(Text::from("cpu_power"), 0.25)].into(),
    };
    let id = added(&monitored, &full);
    full.id = id;
    full.tags = vec![(TagId(1), tag)];
    let kept = monitored.record(id).unwrap().unwrap();
    assert_eq!(kept, Kept { record: full.clone(), version: kept.version });
    // Lists have no words unless they are asked for.
    let wanted = RecordsWanted { with_meta: true, ..RecordsWanted::default() };
    assert_eq!(monitored.list(&wanted).unwrap(), [full.clone()]);
    let words = monitored.list(&RecordsWanted::default()).unwrap().remove(0).meta;
    assert!(words.is_empty());
    drop((monitored, writer));
    let (_writer, monitored) = open(place.path());
    assert_eq!(monitored.record(id).unwrap().unwrap().record, full);
    assert_eq!(monitored.record(RecordId(u64::MAX)).unwrap(), None);
}

#[test]
fn the_same_job_begins_once_and_of_two_changes_one_wins() {
    let place = tempfile::tempdir().unwrap();
    let (_writer, monitored) = open(place.path());
    let is_near = |old: &Record, new: &Record| new.start_time - old.start_time < 100;
    let all: Vec<Begun> = std::thread::scope(|scope| {
        let begin = || monitored.begin(record(1, 1000), is_near).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(all.iter().filter(|begun| matches!(begun, Begun::New(_))).count(), 1);
    assert!(matches!(monitored.begin(record(1, 1100), is_near).unwrap(), Begun::New(RecordId(2))));
    let mut kept = monitored.record(RecordId(2)).unwrap().unwrap();
    kept.record.state = JobState::Failed;
    assert_eq!(monitored.replace(&kept).unwrap(), Replaced::Done);
    assert_eq!(monitored.replace(&kept).unwrap(), Replaced::Changed);
    assert!(monitored.remove(RecordId(2)).unwrap() && !monitored.remove(RecordId(2)).unwrap());
    assert_eq!(monitored.replace(&kept).unwrap(), Replaced::Gone);
    // A number is never given again.
    assert_eq!(added(&monitored, &record(9, 1)), RecordId(3));
}

#[test]
fn attempts_of_our_own_are_brought_up_to_date_until_they_are_over() {
    let place = tempfile::tempdir().unwrap();
    let (_writer, monitored) = open(place.path());
    let attempt = |attempt, state, duration| Record {
        origin: Origin::Engine { attempt },
        submit_time: 4,
        state,
        duration,
        meta: [("jobName".into(), "x".into())].into(),
        ..record(5, 50)
    };
    monitored.absorb(vec![attempt(0, JobState::Running, 0), attempt(0, JobState::Running, 0)]).unwrap();
    let all = || monitored.list(&RecordsWanted { with_meta: true, ..RecordsWanted::default() }).unwrap();
    let [first] = all().try_into().unwrap();
    let mut noted = monitored.record(first.id).unwrap().unwrap();
    noted.record.meta.insert("message".into(), "look".into());
    assert_eq!(monitored.replace(&noted).unwrap(), Replaced::Done);
    monitored.absorb(vec![attempt(0, JobState::Preempted, 7), attempt(1, JobState::Running, 0)]).unwrap();
    monitored.absorb(vec![attempt(0, JobState::Running, 0)]).unwrap();
    let [second, first] = all().try_into().unwrap();
    assert_eq!((first.state, first.duration, first.meta.len()), (JobState::Preempted, 7, 2));
    assert_eq!((second.state, second.origin), (JobState::Running, Origin::Engine { attempt: 1 }));
}

#[test]
fn tags_are_given_and_taken() {
    let place = tempfile::tempdir().unwrap();
    let (_writer, monitored) = open(place.path());
    let id = added(&monitored, &record(1, 100));
    let tag = |name: &'static str| Tag { kind: "k".into(), name: name.into(), scope: TagScope::Global };
    let names = |tags: Option<Vec<(TagId, Tag)>>| {
        tags.map(|tags| tags.into_iter().map(|(_, tag)| tag.name.to_string()).collect::<Vec<_>>())
    };
    let of = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(names(monitored.tag(id, &[tag("a"), tag("b"), tag("a")]).unwrap()), of(&["a", "b"]));
    assert_eq!(names(monitored.tag(id, &[tag("a")]).unwrap()), of(&["a", "b"]));
    assert_eq!(names(monitored.tag(RecordId(99), &[tag("a")]).unwrap()), None);
    assert_eq!(names(monitored.untag(id, &[tag("a"), tag("z")]).unwrap()), of(&["b"]));
    let plain = added(&monitored, &record(2, 50));
    assert_eq!(monitored.remove_before(101, true).unwrap(), 1);
    assert!(monitored.record(plain).unwrap().is_none() && monitored.record(id).unwrap().is_some());
    assert_eq!(monitored.forget_tags(&[tag("b"), tag("z")]).unwrap(), 1);
    assert_eq!(monitored.remove_before(101, true).unwrap(), 1);
}

#[test]
fn what_is_over_waits_for_the_archive() {
    let place = tempfile::tempdir().unwrap();
    let (_writer, monitored) = open(place.path());
    let ids = [1, 2, 3].map(|job| added(&monitored, &record(job, 100)));
    assert_eq!(monitored.due(10).unwrap(), []);
    let change = |id, change: &dyn Fn(&mut Record)| {
        let mut kept = monitored.record(id).unwrap().unwrap();
        change(&mut kept.record);
        assert_eq!(monitored.replace(&kept).unwrap(), Replaced::Done);
    };
    change(ids[2], &|record| record.state = JobState::Failed);
    change(ids[1], &|record| record.state = JobState::Completed);
    change(ids[0], &|record| {
        (record.state, record.monitoring) = (JobState::Completed, MonitoringStatus::Disabled);
    });
    assert_eq!(monitored.due(10).unwrap(), ids[1..]);
    let before = monitored.record(ids[1]).unwrap().unwrap();
    change(ids[1], &|record| record.monitoring = MonitoringStatus::Archived);
    assert_eq!(monitored.due(10).unwrap(), ids[2..]);
    // A tag that comes later is written, too, and whoever has not seen it does not say that all is written.
    monitored.tag(ids[1], &[Tag { kind: "k".into(), ..Tag::default() }]).unwrap();
    assert_eq!(monitored.due(1).unwrap(), ids[1..2]);
    assert_eq!(monitored.replace(&before).unwrap(), Replaced::Changed);
}

#[test]
fn users_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let (_writer, monitored) = open(place.path());
    let alice = Viewer { name: "alice".into(), roles: vec!["user".into()], ..Viewer::default() };
    assert!(monitored.add_user(&alice).unwrap() && !monitored.add_user(&alice).unwrap());
    let more =
        Viewer { roles: vec!["user".into(), "api".into()], projects: vec!["p".into()], ..alice.clone() };
    assert!(monitored.replace_user(&alice, &more).unwrap());
    assert!(!monitored.replace_user(&alice, &more).unwrap());
    assert_eq!(monitored.users().unwrap(), [more]);
    assert!(monitored.remove_user("alice").unwrap() && !monitored.remove_user("alice").unwrap());
}

/// Numbers that look random, the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn name(&mut self, kind: &str, most: u64) -> Text {
        format!("{kind}{}", self.below(most)).into()
    }
}

/// One of a hundred moments within some days.
fn moment(dice: &mut Dice) -> i64 {
    dice.below(100) as i64 * 1800
}

fn wish(dice: &mut Dice) -> RecordsWanted {
    let mut wanted = RecordsWanted::default();
    let states = [JobState::Running, JobState::Completed, JobState::Failed];
    if dice.below(2) == 0 {
        wanted.states = states.into_iter().filter(|_| dice.below(2) == 0).collect();
    }
    wanted.cluster = (dice.below(3) == 0).then(|| dice.name("c", 3));
    wanted.user = (dice.below(3) == 0).then(|| dice.name("u", 30));
    if dice.below(3) == 0 {
        wanted.projects = vec![dice.name("p", 4), dice.name("p", 4)];
    }
    wanted.job = (dice.below(8) == 0).then(|| dice.below(40) as i64);
    wanted.started_from = (dice.below(4) == 0).then(|| moment(dice) - dice.below(2) as i64);
    wanted.started_until = (dice.below(4) == 0).then(|| moment(dice) - dice.below(2) as i64);
    wanted.skip = if dice.below(3) == 0 { dice.below(50) } else { 0 };
    wanted.most = (dice.below(3) > 0).then(|| dice.below(20));
    wanted
}

#[test]
fn lists_are_those_of_a_simple_list() {
    let place = tempfile::tempdir().unwrap();
    let (_writer, monitored) = open(place.path());
    let mut dice = Dice(7);
    let mut model: Vec<Record> = Vec::new();
    for turn in 0..1500 {
        match dice.below(10) {
            0..6 => {
                let mut one = record(dice.below(40) as i64, moment(&mut dice));
                // Many users, so that lists are made in each of the ways.
                (one.cluster, one.user, one.project) =
                    (dice.name("c", 3), dice.name("u", 30), dice.name("p", 4));
                one.id = added(&monitored, &one);
                model.push(one);
            }
            6..9 if !model.is_empty() => {
                let at = dice.below(model.len() as u64) as usize;
                let mut kept = monitored.record(model[at].id).unwrap().unwrap();
                kept.record.state = [JobState::Completed, JobState::Failed][dice.below(2) as usize];
                kept.record.duration = dice.below(1000) as i64;
                if dice.below(4) == 0 {
                    kept.record.start_time = moment(&mut dice);
                }
                assert_eq!(monitored.replace(&kept).unwrap(), Replaced::Done);
                model[at] = kept.record;
            }
            9 if !model.is_empty() => {
                let gone = model.swap_remove(dice.below(model.len() as u64) as usize);
                assert!(monitored.remove(gone.id).unwrap());
            }
            _ => {}
        }
        if turn % 5 > 0 {
            continue;
        }
        let wanted = wish(&mut dice);
        let mut meant: Vec<Record> = model.iter().filter(|record| wanted.mean(record)).cloned().collect();
        meant.sort_by_key(|record| std::cmp::Reverse((record.start_time, record.id)));
        assert_eq!(monitored.count(&wanted).unwrap(), meant.len() as u64, "{wanted:?}");
        let page =
            meant.into_iter().skip(wanted.skip as usize).take(wanted.most.unwrap_or(u64::MAX) as usize);
        assert_eq!(monitored.list(&wanted).unwrap(), page.collect::<Vec<_>>(), "{wanted:?}");
    }
}
