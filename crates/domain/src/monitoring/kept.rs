//! The series of a job that is over as its archive has them: at some scopes, which need not be those that are wanted.

use super::{Component, DataWanted, JobMetric, MonitoredCluster, Record, Scope, Series, SeriesKey, fewer};
use std::collections::BTreeMap;

/// Chooses what is wanted of what an archive has: each metric at the scope asked for, else at the next coarser one.
pub fn chosen(
    kept: Vec<JobMetric>,
    record: &Record,
    cluster: Option<&MonitoredCluster>,
    wanted: &DataWanted,
) -> Vec<JobMetric> {
    let mut by_name: BTreeMap<_, Vec<JobMetric>> = BTreeMap::new();
    for mut one in kept {
        // The archive knows no thresholds.
        let known = cluster.and_then(|cluster| cluster.metric(&one.metric.name));
        if let Some(known) = known.and_then(|metric| metric.within(&record.sub_cluster)) {
            one.metric = super::Metric { unit: one.metric.unit, timestep: one.timestep, ..known };
        }
        if wanted.names(&one.metric) {
            by_name.entry(one.metric.name.clone()).or_default().push(one);
        }
    }
    let mut all = Vec::new();
    for (_, mut scopes) in by_name {
        scopes.sort_by_key(|one| one.scope);
        let mut meant: Vec<Scope> = wanted
            .scopes_of(record)
            .into_iter()
            .filter_map(|asked| nearest(asked, scopes.iter().map(|one| one.scope)))
            .collect();
        meant.sort_unstable();
        meant.dedup();
        all.extend(scopes.into_iter().filter(|one| meant.contains(&one.scope)));
    }
    if let Some(most) = wanted.most_values {
        all.iter_mut().for_each(|one| thin(one, most));
    }
    all
}

/// Returns the scope asked for if it is there, else the finest that is coarser; accelerators instead of parts of the
/// processor where there is nothing else.
fn nearest(asked: Scope, there: impl Iterator<Item = Scope> + Clone) -> Option<Scope> {
    let coarser = there.clone().filter(|scope| *scope != Scope::Accelerator && *scope <= asked).max();
    match asked {
        Scope::Accelerator => there.clone().find(|scope| *scope == asked),
        Scope::Node => there.clone().find(|scope| *scope == asked),
        _ => there.clone().find(|scope| *scope == Scope::Accelerator).or(coarser),
    }
}

fn thin(metric: &mut JobMetric, most: usize) {
    let mut timestep = metric.timestep;
    for one in &mut metric.series {
        let key = SeriesKey {
            cluster: crate::Text::default(),
            host: one.host.clone(),
            job: None,
            component: Component::NODE,
            metric: metric.metric.name.clone(),
        };
        let values = std::mem::take(&mut one.values);
        let less = fewer(&Series { key, start: 0, timestep: metric.timestep, values }, most);
        timestep = timestep.max(less.timestep);
        one.values = less.values;
    }
    metric.timestep = timestep;
    metric.statistics = None;
}

#[cfg(test)]
mod tests {
    use super::super::{Metric, ShownSeries};
    use super::*;
    use crate::Text;

    fn kept(name: &'static str, scope: Scope) -> JobMetric {
        let series = ShownSeries {
            host: "h".into(),
            id: Text::default(),
            statistics: None,
            values: (0..100).map(f64::from).collect(),
        };
        let metric = Metric::plain(name.into(), scope, 60);
        JobMetric { metric, scope, timestep: 60, series: vec![series], statistics: None }
    }

    #[test]
    fn what_is_asked_for_is_found_or_something_coarser() {
        let record = Record { num_nodes: 1, ..Record::default() };
        let all = || {
            vec![
                kept("load", Scope::Node),
                kept("flops", Scope::Node),
                kept("flops", Scope::Core),
                kept("acc_power", Scope::Node),
                kept("acc_power", Scope::Accelerator),
            ]
        };
        let check = |scopes: &[Scope], found: &[(&str, Scope)]| {
            let wanted = DataWanted { scopes: scopes.to_vec(), ..DataWanted::default() };
            let chosen = chosen(all(), &record, None, &wanted);
            let names: Vec<(&str, Scope)> =
                chosen.iter().map(|one| (one.metric.name.as_str(), one.scope)).collect();
            assert_eq!(names, found, "{scopes:?}");
        };
        let fine = [("acc_power", Scope::Accelerator), ("flops", Scope::Core), ("load", Scope::Node)];
        check(&[], &fine);
        check(&[Scope::HwThread], &fine);
        let coarse = [("acc_power", Scope::Node), ("flops", Scope::Node), ("load", Scope::Node)];
        check(&[Scope::Node], &coarse);
        check(&[Scope::Accelerator], &[("acc_power", Scope::Accelerator)]);
        let few = DataWanted { most_values: Some(10), ..DataWanted::default() };
        let less = chosen(all(), &record, None, &few);
        assert!(less.iter().all(|one| one.timestep == 600 && one.series[0].values.len() == 10));
        let one = DataWanted { metrics: Some(vec!["load".into(), "nope".into()]), ..DataWanted::default() };
        assert_eq!(chosen(all(), &record, None, &one).len(), 1);
    }
}
