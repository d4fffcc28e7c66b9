//! `job SizesByAccount`: how much of the time was used by jobs of which size.

use super::tables::{Row, Table};
use super::{Made, Report};
use crate::columns::Field;
use anyhow::bail;
use serde_json::json;
use slurm_wire::accounting::association::AssocsResp;
use std::collections::{BTreeMap, HashMap};

/// Most groups of sizes.
const MOST_GROUPS: usize = 12;

/// What makes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SizesBy {
    /// The account.
    Account,
    /// The workload key.
    Wckey,
    /// Both.
    Both,
}

/// What jobs of an account used, by size: CPU seconds and how many they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sizes {
    groups: Vec<(i64, u64)>,
}

impl Sizes {
    fn of(count: usize) -> Self {
        Sizes { groups: vec![(0, 0); count] }
    }

    fn add(&mut self, at: usize, seconds: i64) {
        if let Some((sum, count)) = self.groups.get_mut(at) {
            *sum = sum.saturating_add(seconds);
            *count += 1;
        }
    }

    fn seconds(&self) -> i64 {
        self.groups.iter().map(|(seconds, _)| *seconds).fold(0, i64::saturating_add)
    }
}

/// Returns the group of so many CPUs.
fn group(cpus: u64, bounds: &[u64]) -> usize {
    bounds.iter().take_while(|bound| cpus >= **bound).count()
}

/// The names of groups, for jobs between bounds.
fn titles(bounds: &[u64]) -> Vec<String> {
    let mut from = 0;
    let mut titles = Vec::new();
    for bound in bounds {
        titles.push(format!("{from}-{} CPUs", bound.saturating_sub(1)));
        from = *bound;
    }
    titles.push(format!(">= {from} CPUs"));
    titles
}

/// A column's name and its text.
type Group = (&'static [&'static str], fn(&Row) -> String);

const GROUPS: [Group; MOST_GROUPS] = [
    (&["Group1"], |row| size(row, 0)),
    (&["Group2"], |row| size(row, 1)),
    (&["Group3"], |row| size(row, 2)),
    (&["Group4"], |row| size(row, 3)),
    (&["Group5"], |row| size(row, 4)),
    (&["Group6"], |row| size(row, 5)),
    (&["Group7"], |row| size(row, 6)),
    (&["Group8"], |row| size(row, 7)),
    (&["Group9"], |row| size(row, 8)),
    (&["Group10"], |row| size(row, 9)),
    (&["Group11"], |row| size(row, 10)),
    (&["Group12"], |row| size(row, 11)),
];

fn size(row: &Row, at: usize) -> String {
    row.sizes.get(at).cloned().unwrap_or_default()
}

impl Report<'_> {
    /// Makes the report from the jobs that ran within the time.
    pub(super) async fn sizes(&self, by: SizesBy) -> anyhow::Result<Made> {
        let bounds = &self.wanted.bounds;
        if bounds.len() >= MOST_GROUPS || bounds.is_empty() {
            bail!("grouping has from 1 to {} numbers", MOST_GROUPS - 1);
        }
        let jobs = self.jobs().await?;
        let (cluster, _) = self.cluster().await?;
        let mut parents = HashMap::new();
        if !self.wanted.flat {
            let all = self.client.accounting::<AssocsResp>("/associations/", &[]).await?.value;
            let accounts = all.associations.into_vec().into_iter().filter(|one| one.user.is_empty());
            parents.extend(accounts.map(|one| (one.account.to_string(), one.parent_account.to_string())));
        }
        let mut sums: BTreeMap<String, Sizes> = BTreeMap::new();
        for job in &jobs {
            let seconds = self.window.ran(job);
            if seconds <= 0 {
                continue;
            }
            let cpus = job.tres.allocated.iter().find(|one| one.kind == "cpu").map_or(0, |one| one.count.0);
            let account = || self.line_of(&job.account, &parents);
            // A job without a key has this one.
            let key = if job.wckey.wckey.is_empty() { "*" } else { job.wckey.wckey.as_str() };
            let line = match by {
                SizesBy::Account => account(),
                SizesBy::Wckey => key.to_string(),
                SizesBy::Both => format!("{}:{key}", account()),
            };
            let own = sums.entry(line).or_insert_with(|| Sizes::of(bounds.len() + 1));
            own.add(group(u64::try_from(cpus).unwrap_or(0), bounds), seconds.saturating_mul(cpus));
        }
        if !self.wanted.accounts.is_empty() {
            let own = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
            sums.retain(|line, _| by == SizesBy::Wckey || self.wanted.accounts.contains(&own(line)));
        }
        if self.json {
            let groups = |sizes: &Sizes| {
                sizes.groups.iter().map(|(seconds, count)| json!([seconds, count])).collect::<Vec<_>>()
            };
            let lines: BTreeMap<&String, _> =
                sums.iter().map(|(account, sizes)| (account, groups(sizes))).collect();
            return Ok(Made::Json(json!({ "bounds": bounds, "accounts": lines }).to_string()));
        }
        Ok(Made::Table(self.sizes_table(&cluster, by, &sums)))
    }

    /// Returns the account whose line a job belongs to: the root, or the one that was asked for, or its own.
    fn line_of(&self, account: &str, parents: &HashMap<String, String>) -> String {
        if self.wanted.flat {
            return account.to_owned();
        }
        let mut at = account;
        // Trees have ends; contradictions may not.
        for _ in 0..1000 {
            if self.wanted.accounts.iter().any(|wanted| wanted == at) {
                return at.to_owned();
            }
            match parents.get(at) {
                Some(parent) if !parent.is_empty() => at = parent,
                _ => break,
            }
        }
        if self.wanted.accounts.is_empty() && parents.contains_key(at) {
            at.to_owned()
        } else {
            account.to_owned()
        }
    }

    fn sizes_table(&self, cluster: &str, by: SizesBy, sums: &BTreeMap<String, Sizes>) -> Table {
        let all = sums.values().map(Sizes::seconds).fold(0, i64::saturating_add);
        let rows = sums.iter().map(|(account, sizes)| {
            let count: u64 = sizes.groups.iter().map(|(_, count)| *count).sum();
            let told = |(seconds, count): &(i64, u64)| match self.wanted.count_jobs {
                true => count.to_string(),
                false => self.units.written(*seconds, all),
            };
            let share = if all > 0 { sizes.seconds() as f64 * 100.0 / all as f64 } else { 0.0 };
            Row {
                cluster: cluster.to_owned(),
                account: account.clone(),
                sizes: sizes.groups.iter().map(told).collect(),
                count: count.to_string(),
                share: format!("{share:.2}%"),
                ..Row::default()
            }
        });
        let plain = |names, header, width, value| Field { names, header, width, value };
        let mut fields = vec![
            plain(&["Cluster"], "Cluster", 9, |row: &Row| row.cluster.clone()),
            match by {
                SizesBy::Account => plain(&["Account"], "Account", 9, |row: &Row| row.account.clone()),
                SizesBy::Wckey => plain(&["Wckey"], "Wckey", 9, |row: &Row| row.account.clone()),
                SizesBy::Both => plain(&["Account"], "Account", -20, |row: &Row| row.account.clone()),
            },
        ];
        let titles = titles(&self.wanted.bounds);
        let mut format = if by == SizesBy::Wckey { "cluster,wckey" } else { "cluster,account" }.to_owned();
        for (title, (names, value)) in titles.into_iter().zip(GROUPS) {
            format.push_str(&format!(",{}", names[0]));
            // As many as a call can have, made once.
            fields.push(plain(names, title.leak(), 13, value));
        }
        format.push_str(",totalcount,percent");
        fields.push(plain(&["TotalCount"], "Total Count", 11, |row: &Row| row.count.clone()));
        fields.push(plain(&["PercentOfCluster"], "% of cluster", 12, |row: &Row| row.share.clone()));
        Table {
            title: if by == SizesBy::Wckey { "Job Sizes by Wckey" } else { "Job Sizes" }.to_owned(),
            with_seconds: true,
            units: match self.wanted.count_jobs {
                true => "Units are in number of jobs ran".to_owned(),
                false => self.units.title("").replacen("Usage", "Time", 1).replace("  ", " "),
            },
            format,
            fields,
            rows: rows.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_grouped_by_size() {
        let bounds = [50, 250];
        let groups: Vec<usize> =
            [0, 49, 50, 249, 250, 9999].into_iter().map(|cpus| group(cpus, &bounds)).collect();
        assert_eq!(groups, [0, 0, 1, 1, 2, 2]);
        assert_eq!(titles(&bounds), ["0-49 CPUs", "50-249 CPUs", ">= 250 CPUs"]);
    }

    #[test]
    fn sums_are_kept_by_group() {
        let mut sizes = Sizes::of(2);
        sizes.add(0, 10);
        sizes.add(1, 20);
        sizes.add(0, 5);
        sizes.add(7, 5);
        assert_eq!((sizes.groups.clone(), sizes.seconds()), (vec![(15, 2), (20, 1)], 35));
    }
}
