//! Which series a job is shown with, at which scopes, under which names.

use super::super::{HostNames, Onlooker, RecordsWanted, SubCluster, Unit};
use super::*;
use crate::ports::SeriesRefused;

/// Series that begin with the job, a minute apart.
#[derive(Default)]
struct Fixed(Vec<(SeriesKey, Vec<f64>)>);

impl SeriesStore for Fixed {
    fn write(&self, _: &[super::super::Sample]) -> Result<(), SeriesRefused> {
        Ok(())
    }

    fn read(&self, wanted: &[SeriesWanted]) -> Result<Vec<Option<Series>>, StoreError> {
        let one = |wanted: &SeriesWanted| {
            let (key, values) = self.0.iter().find(|(key, _)| *key == wanted.key)?;
            let start = wanted.from.seconds();
            Some(Series { key: key.clone(), start, timestep: wanted.timestep, values: values.clone() })
        };
        Ok(wanted.iter().map(one).collect())
    }

    fn components(
        &self,
        about: &SeriesKey,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Vec<Component>, StoreError> {
        let is_meant =
            |key: &SeriesKey| SeriesKey { component: about.component.clone(), ..key.clone() } == *about;
        Ok(self.0.iter().filter(|(key, _)| is_meant(key)).map(|(key, _)| key.component.clone()).collect())
    }
}

impl Fixed {
    fn with(mut self, host: &str, scope: Scope, id: &str, metric: &str, values: &[f64]) -> Self {
        self.0.push((key(host, None, scope, id, metric), values.to_vec()));
        self
    }
}

fn key(host: &str, job: Option<(u32, u32)>, scope: Scope, id: &str, metric: &str) -> SeriesKey {
    let component = Component { scope, id: id.into(), sub: None };
    SeriesKey { cluster: "c".into(), host: host.into(), job, component, metric: metric.into() }
}

fn metric(name: &'static str, scope: Scope, aggregation: Aggregation) -> Metric {
    let unit = Unit { base: "B".into(), prefix: Text::default() };
    Metric { unit, aggregation, ..Metric::plain(name.into(), scope, 60) }
}

/// Two sockets of two cores with a thread each.
fn cluster() -> MonitoredCluster {
    let topology = Topology {
        node: vec![0, 1, 2, 3],
        sockets: vec![vec![0, 1], vec![2, 3]],
        memory_domains: vec![vec![0, 1, 2, 3]],
        cores: vec![vec![0], vec![1], vec![2], vec![3]],
        ..Topology::default()
    };
    let sub = SubCluster { name: "s".into(), nodes: HostNames::Any, topology, ..SubCluster::default() };
    MonitoredCluster {
        name: "c".into(),
        metrics: vec![
            metric("load", Scope::Node, Aggregation::Sum),
            metric("flops", Scope::HwThread, Aggregation::Sum),
            metric("mem_bw", Scope::Socket, Aggregation::Sum),
            metric("acc_power", Scope::Accelerator, Aggregation::Sum),
            Metric { restrict: true, ..metric("secret", Scope::Node, Aggregation::Sum) },
        ],
        sub_clusters: vec![sub],
    }
}

fn job(hosts: &[&str], threads: &[u32]) -> Record {
    let host = |name: &&str| HostResources {
        hostname: (*name).into(),
        hwthreads: threads.to_vec(),
        ..HostResources::default()
    };
    Record {
        cluster: "c".into(),
        sub_cluster: "s".into(),
        num_nodes: u32::try_from(hosts.len()).unwrap(),
        resources: hosts.iter().map(host).collect(),
        start_time: 6000,
        ..Record::default()
    }
}

fn shown(record: &Record, wanted: &DataWanted, store: &Fixed) -> Vec<JobMetric> {
    let mut all = Vec::new();
    job_data(record, &cluster(), wanted, store, 6120, &mut |metric| all.push(metric)).unwrap();
    all
}

/// A series' host, part and values.
type Row = (String, String, Vec<f64>);

/// Metric, scope, and their series.
fn table(found: &[JobMetric]) -> Vec<(String, Scope, Vec<Row>)> {
    let series = |one: &ShownSeries| (one.host.to_string(), one.id.to_string(), one.values.clone());
    found
        .iter()
        .map(|one| (one.metric.name.to_string(), one.scope, one.series.iter().map(series).collect()))
        .collect()
}

fn on_one_host() -> Fixed {
    Fixed::default()
        .with("h", Scope::Node, "", "load", &[1.0, 2.0])
        .with("h", Scope::HwThread, "0", "flops", &[1.0, 1.0])
        .with("h", Scope::HwThread, "1", "flops", &[2.0, 0.0])
        .with("h", Scope::HwThread, "3", "flops", &[8.0, 8.0])
        .with("h", Scope::Socket, "0", "mem_bw", &[10.0, 10.0])
        .with("h", Scope::Socket, "1", "mem_bw", &[20.0, 20.0])
        .with("h", Scope::Node, "", "secret", &[7.0, 7.0])
}

#[test]
fn a_single_node_is_shown_by_cores_or_what_is_coarser() {
    let found = shown(&job(&["h"], &[0, 1]), &DataWanted::default(), &on_one_host());
    let own = |id: &str, values: &[f64]| ("h".to_owned(), id.to_owned(), values.to_vec());
    // Of threads and sockets only those of the job; each has its own number.
    assert_eq!(
        table(&found),
        [
            ("load".to_owned(), Scope::Node, vec![own("", &[1.0, 2.0])]),
            ("flops".to_owned(), Scope::Core, vec![own("0", &[1.0, 1.0]), own("1", &[2.0, 0.0])]),
            ("mem_bw".to_owned(), Scope::Socket, vec![own("0", &[10.0, 10.0])]),
            ("secret".to_owned(), Scope::Node, vec![own("", &[7.0, 7.0])]),
        ]
    );
    assert_eq!(found[1].series[1].statistics, Some(Statistics { min: 0.0, avg: 1.0, max: 2.0 }));
}

#[test]
fn coarser_scopes_are_sums_of_finer_ones() {
    let wanted = |scopes: &[Scope]| DataWanted {
        scopes: scopes.to_vec(),
        metrics: Some(vec!["flops".into(), "nope".into()]),
        ..DataWanted::default()
    };
    let found =
        shown(&job(&["h"], &[]), &wanted(&[Scope::Socket, Scope::Node, Scope::HwThread]), &on_one_host());
    let own = |id: &str, values: &[f64]| ("h".to_owned(), id.to_owned(), values.to_vec());
    assert_eq!(
        table(&found),
        [
            ("flops".to_owned(), Scope::Node, vec![own("", &[11.0, 9.0])]),
            ("flops".to_owned(), Scope::Socket, vec![own("0", &[3.0, 1.0]), own("1", &[8.0, 8.0])]),
            (
                "flops".to_owned(),
                Scope::HwThread,
                vec![own("0", &[1.0, 1.0]), own("1", &[2.0, 0.0]), own("3", &[8.0, 8.0])]
            ),
        ]
    );
    assert_eq!(shown(&job(&["h"], &[]), &wanted(&[Scope::Accelerator]), &on_one_host()), []);
}

#[test]
fn several_nodes_are_shown_as_nodes_and_many_with_what_they_show_together() {
    let names: Vec<String> = (0..16).map(|number| format!("h{number}")).collect();
    let hosts: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut store = Fixed::default();
    for (number, host) in hosts.iter().enumerate() {
        store = store.with(host, Scope::HwThread, "0", "flops", &[number as f64, 1.0]);
    }
    let found = shown(&job(&hosts, &[]), &DataWanted::default(), &store);
    let [flops] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((flops.scope, flops.series.len()), (Scope::Node, 16));
    assert_eq!(flops.series[3].id, "");
    let all = flops.statistics.as_ref().unwrap();
    assert_eq!((all.min[0], all.max[0], all.mean[0]), (0.0, 15.0, 7.5));
    let fifteen = shown(&job(&hosts[..15], &[]), &DataWanted::default(), &store);
    assert_eq!(fifteen[0].statistics, None);
}

#[test]
fn accelerators_are_those_of_the_job() {
    let store = Fixed::default().with("h", Scope::Accelerator, "0000:01:00.0", "acc_power", &[100.0]).with(
        "h",
        Scope::Accelerator,
        "0000:02:00.0",
        "acc_power",
        &[200.0],
    );
    let mut record = job(&["h"], &[0]);
    assert_eq!(shown(&record, &DataWanted::default(), &store), []);
    record.num_acc = 1;
    record.resources[0].accelerators = vec!["0000:02:00.0".into()];
    let found = shown(&record, &DataWanted::default(), &store);
    assert_eq!((found[0].scope, found[0].series[0].id.as_str()), (Scope::Accelerator, "0000:02:00.0"));
    let nodes = DataWanted { scopes: vec![Scope::Node], ..DataWanted::default() };
    assert_eq!(shown(&record, &nodes, &store)[0].series[0].values, [200.0]);
}

#[test]
fn what_the_job_took_goes_before_what_the_host_showed() {
    let mut store = on_one_host();
    store.0.push((key("h", Some((9, 1)), Scope::Node, "", "load"), vec![0.5]));
    let own = Record { job: 9, origin: Origin::Engine { attempt: 1 }, ..job(&["h"], &[0]) };
    let load = |record: &Record| shown(record, &DataWanted::default(), &store)[0].series[0].values.clone();
    assert_eq!((load(&own), load(&job(&["h"], &[0]))), (vec![0.5], vec![1.0, 2.0]));
    // Another attempt has its own; where there is nothing the host is shown.
    let other = Record { origin: Origin::Engine { attempt: 2 }, ..own };
    assert_eq!(load(&other), [1.0, 2.0]);
}

#[test]
fn plain_users_do_not_see_what_is_restricted() {
    let public = DataWanted { is_public: true, ..DataWanted::default() };
    let found = shown(&job(&["h"], &[0]), &public, &on_one_host());
    assert!(found.iter().all(|one| one.metric.name != "secret") && found.len() == 3);
}

#[test]
fn fewer_values_have_the_statistics_of_all() {
    let values: Vec<f64> = (0..100).map(|at| if at == 37 { 50.0 } else { 1.0 }).collect();
    let store = Fixed::default().with("h", Scope::Node, "", "load", &values);
    let few = DataWanted { most_values: Some(10), ..DataWanted::default() };
    let found = shown(&job(&["h"], &[]), &few, &store);
    assert_eq!((found[0].timestep, found[0].series[0].values.len()), (600, 10));
    assert!(found[0].series[0].values.contains(&50.0));
    assert_eq!(found[0].series[0].statistics.unwrap().avg, 1.49);
}

#[test]
fn an_onlooker_sees_its_own_and_what_it_manages() {
    let person = Onlooker { user: "u".into(), projects: vec!["p".into()] };
    let wanted = RecordsWanted { seen_by: Some(person), ..RecordsWanted::default() };
    let of = |user: &str, project: &str| Record {
        user: user.into(),
        project: project.into(),
        ..Record::default()
    };
    assert!(wanted.mean(&of("u", "x")) && wanted.mean(&of("v", "p")) && !wanted.mean(&of("v", "x")));
    let nobody = RecordsWanted { seen_by: Some(Onlooker::default()), ..RecordsWanted::default() };
    assert!(!nobody.mean(&of("", "")));
}
