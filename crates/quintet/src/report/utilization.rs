//! How well the cluster was used, and reservations: `cluster Utilization` and `reservation Utilization`.

use super::tables::{Row, Table, named_fields, utilization_fields};
use super::{Made, Report};
use crate::client::ClientError;
use crate::columns::Field;
use crate::sheet::local_time;
use reqwest::Method;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What became of something that is counted, resource seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Utilized {
    pub(super) name: String,
    pub(super) allocated: i64,
    pub(super) down: i64,
    pub(super) planned_down: i64,
    pub(super) idle: i64,
    pub(super) planned: i64,
    pub(super) reported: i64,
}

#[derive(Deserialize)]
struct Utilizations {
    utilization: Vec<Utilized>,
}

/// A reservation within the time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Reserved {
    name: String,
    start: i64,
    end: Option<i64>,
    seconds: BTreeMap<String, Seconds>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Seconds {
    reserved: i64,
    allocated: i64,
    idle: i64,
}

#[derive(Deserialize)]
struct Reservations {
    reservations: Vec<Reserved>,
}

impl Report<'_> {
    fn time(&self) -> Vec<(&'static str, String)> {
        vec![("since", self.window.start.to_string()), ("until", self.window.end.to_string())]
    }

    /// Returns how much of each resource there was, resource seconds.
    pub(super) async fn reported(&self) -> Result<BTreeMap<String, i64>, ClientError> {
        let answer =
            self.client.native::<Utilizations>(Method::GET, "/utilization", &self.time(), None).await?;
        let all = answer.value.utilization.into_iter().filter(|one| one.reported > 0);
        Ok(all.map(|one| (one.name, one.reported)).collect())
    }

    /// Makes the report of the cluster.
    pub(super) async fn utilization(&self) -> anyhow::Result<Made> {
        let answer =
            self.client.native::<Utilizations>(Method::GET, "/utilization", &self.time(), None).await?;
        if self.json {
            return Ok(Made::Json(answer.text));
        }
        let (cluster, there) = self.cluster().await?;
        let all = answer.value.utilization;
        let names: Vec<String> = match self.tres {
            [] => vec!["cpu".to_owned()],
            [one] if one.eq_ignore_ascii_case("all") => all.iter().map(|one| one.name.clone()).collect(),
            some => some.to_vec(),
        };
        let meant = names.iter().filter_map(|name| all.iter().find(|one| one.name == *name));
        let rows =
            meant.filter(|one| one.reported > 0).map(|one| self.utilized(&cluster, &there, one)).collect();
        let tres = if self.tres.is_empty() { "" } else { ",tresname" };
        Ok(Made::Table(Table {
            title: "Cluster Utilization".to_owned(),
            with_seconds: false,
            units: self.units.title(if self.tres.is_empty() { "CPU" } else { "TRES" }),
            format: format!("cluster{tres},allocated,down,planneddown,idle,planned,reported"),
            fields: utilization_fields(),
            rows,
        }))
    }

    fn utilized(&self, cluster: &str, there: &BTreeMap<String, i64>, one: &Utilized) -> Row {
        // What there was is told as a part of what there would be had it been there all the time.
        let most = there.get(&one.name).map_or(0, |count| count.saturating_mul(self.window.seconds()));
        let told = |seconds: i64| self.units.written(seconds, one.reported);
        Row {
            cluster: cluster.to_owned(),
            tres: one.name.clone(),
            used: told(one.allocated),
            down: told(one.down),
            planned_down: told(one.planned_down),
            idle: told(one.idle),
            planned: told(one.planned),
            reported: self.units.written(one.reported, most),
            ..Row::default()
        }
    }

    /// Makes the report of reservations.
    pub(super) async fn reservations(&self) -> anyhow::Result<Made> {
        let path = "/accounting/reservations";
        let answer = self.client.native::<Reservations>(Method::GET, path, &self.time(), None).await?;
        if self.json {
            return Ok(Made::Json(answer.text));
        }
        let (cluster, _) = self.cluster().await?;
        let names = &self.wanted.names;
        let is_meant = |one: &&Reserved| names.is_empty() || names.contains(&one.name);
        let all = answer.value.reservations;
        let rows = all.iter().filter(is_meant).flat_map(|one| self.reserved(&cluster, one)).collect();
        Ok(Made::Table(Table {
            title: "Reservation Utilization".to_owned(),
            with_seconds: false,
            units: self.units.title("TRES"),
            format: "cluster,name,start,end,tresname,allocated,idle".to_owned(),
            fields: reservation_fields(),
            rows,
        }))
    }

    fn reserved(&self, cluster: &str, one: &Reserved) -> Vec<Row> {
        let wanted = |name: &str| match self.tres {
            [] => name == "cpu",
            [all] if all.eq_ignore_ascii_case("all") => true,
            some => some.iter().any(|wanted| wanted == name),
        };
        let meant = one.seconds.iter().filter(|(name, _)| wanted(name));
        let row = |(name, seconds): (&String, &Seconds)| Row {
            cluster: cluster.to_owned(),
            name: one.name.clone(),
            start: local_time(one.start),
            end: one.end.map(local_time).unwrap_or_default(),
            tres: name.clone(),
            used: self.units.written(seconds.allocated, seconds.reserved),
            idle: self.units.written(seconds.idle, seconds.reserved),
            ..Row::default()
        };
        meant.map(row).collect()
    }

    /// Returns the cluster's name and how much it has of each resource.
    pub(super) async fn cluster(&self) -> Result<(String, BTreeMap<String, i64>), ClientError> {
        use slurm_wire::accounting::cluster::ClustersResp;
        use slurm_wire::accounting::tres::Tres;
        let answer = self.client.accounting::<ClustersResp>("/clusters/", &[]).await?;
        let cluster = answer.value.clusters.into_vec().into_iter().next().unwrap_or_default();
        let amount = |one: &Tres| {
            let name =
                if one.name.is_empty() { one.kind.to_string() } else { format!("{}/{}", one.kind, one.name) };
            (name, one.count.0)
        };
        Ok((cluster.name.to_string(), cluster.tres.iter().map(amount).collect()))
    }
}

fn reservation_fields() -> Vec<Field<Row>> {
    let wide = |mut field: Field<Row>| {
        if ["Allocated", "Idle"].contains(&field.header) {
            field.width = 20;
        }
        field
    };
    utilization_fields().into_iter().chain(named_fields()).map(wide).collect()
}
