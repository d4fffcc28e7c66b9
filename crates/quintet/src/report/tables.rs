//! A table for each report.

use super::units::Units;
use super::usage::{Used, Window, add};
use super::{Kind, Made, Report};
use crate::columns::Field;
use slurm_wire::accounting::association::AssocsResp;
use std::collections::{BTreeMap, HashMap};

/// A line of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) cluster: String,
    pub(super) account: String,
    pub(super) user: String,
    pub(super) qos: String,
    pub(super) wckey: String,
    pub(super) tres: String,
    pub(super) used: String,
    pub(super) down: String,
    pub(super) planned_down: String,
    pub(super) idle: String,
    pub(super) planned: String,
    pub(super) reported: String,
    /// Of reservations: their name and time.
    pub(super) name: String,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) energy: String,
    /// How deep below the root.
    pub(super) depth: usize,
    /// Of sizes of jobs.
    pub(super) sizes: Vec<String>,
    pub(super) count: String,
    pub(super) share: String,
}

/// Lines with their fields.
pub(super) struct Table {
    pub(super) title: String,
    /// Whether the title tells how long the time is.
    pub(super) with_seconds: bool,
    pub(super) units: String,
    pub(super) format: String,
    pub(super) fields: Vec<Field<Row>>,
    pub(super) rows: Vec<Row>,
}

const fn field(
    names: &'static [&'static str],
    header: &'static str,
    width: i32,
    value: fn(&Row) -> String,
) -> Field<Row> {
    Field { names, header, width, value }
}

/// Returns the fields of what is told of usage.
fn fields(is_tree: bool) -> Vec<Field<Row>> {
    let account = |row: &Row| format!("{}{}", " ".repeat(row.depth), row.account);
    vec![
        field(&["Cluster"], "Cluster", 9, |row| row.cluster.clone()),
        Field {
            names: &["Account"],
            header: "Account",
            width: if is_tree { -20 } else { 15 },
            value: account,
        },
        field(&["Login", "User"], "Login", 9, |row| row.user.clone()),
        field(&["ProperName"], "Proper Name", 15, |row| proper_name(&row.user)),
        field(&["QOS"], "QOS", 12, |row| row.qos.clone()),
        // A job without a key has this one.
        field(
            &["WCKey"],
            "WCKey",
            15,
            |row| if row.wckey.is_empty() { "*".into() } else { row.wckey.clone() },
        ),
        field(&["TresName"], "TRES Name", 14, |row| row.tres.clone()),
        field(&["Used"], "Used", AMOUNT, |row| row.used.clone()),
        field(&["Energy"], "Energy", AMOUNT, |row| row.energy.clone()),
    ]
}

/// Letters of an amount; more where the amounts have more.
pub(super) const AMOUNT: i32 = 8;

/// Returns the fields of what is told of the whole cluster.
pub(super) fn utilization_fields() -> Vec<Field<Row>> {
    vec![
        field(&["Cluster"], "Cluster", 9, |row| row.cluster.clone()),
        field(&["TresName"], "TRES Name", 14, |row| row.tres.clone()),
        field(&["Allocated"], "Allocated", AMOUNT, |row| row.used.clone()),
        field(&["Down"], "Down", AMOUNT, |row| row.down.clone()),
        field(&["PlannedDown"], "PLND Down", AMOUNT, |row| row.planned_down.clone()),
        field(&["Idle"], "Idle", AMOUNT, |row| row.idle.clone()),
        field(&["Planned", "Reserved"], "Planned", AMOUNT, |row| row.planned.clone()),
        field(&["Reported"], "Reported", AMOUNT, |row| row.reported.clone()),
    ]
}

/// Returns the fields of what has a name and a time.
pub(super) fn named_fields() -> Vec<Field<Row>> {
    vec![
        field(&["Name"], "Name", 9, |row| row.name.clone()),
        field(&["Start"], "Start", 19, |row| row.start.clone()),
        field(&["End"], "End", 19, |row| row.end.clone()),
    ]
}

/// Returns a user's name in full, as the machine knows it: the first part of its comment.
fn proper_name(user: &str) -> String {
    let file = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut lines = file.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let own = lines.find(|fields| fields.first() == Some(&user));
    let comment =
        own.and_then(|fields| fields.get(4).map(|comment| (*comment).to_owned())).unwrap_or_default();
    comment.split(',').next().unwrap_or_default().to_owned()
}

impl Report<'_> {
    /// Makes a report.
    pub(super) async fn make(&self, kind: Kind) -> anyhow::Result<Made> {
        let (by, title, columns) = match kind {
            Kind::Sizes(by) => return self.sizes(by).await,
            Kind::Utilization => return self.utilization().await,
            Kind::Reservations => return self.reservations().await,
            Kind::AccountsByUser => (
                vec!["account", "user"],
                "Cluster/Account/User Utilization",
                "cluster,account,login,propername",
            ),
            Kind::AccountsByQos => {
                (vec!["account", "qos"], "Cluster/Account/QOS Utilization", "cluster,account,qos")
            }
            Kind::UsersByAccount => (
                vec!["account", "user"],
                "Cluster/User/Account Utilization",
                "cluster,login,propername,account",
            ),
            Kind::UsersByWckey => {
                (vec!["user", "wckey"], "Cluster/User/WCKey Utilization", "cluster,login,propername,wckey")
            }
            Kind::WckeysByUser => {
                (vec!["user", "wckey"], "Cluster/WCKey/User Utilization", "cluster,wckey,login,propername")
            }
            Kind::Top if self.wanted.group => (vec!["user"], "Top Users", "cluster,login,propername"),
            Kind::Top => (vec!["account", "user"], "Top Users", "cluster,login,propername,account"),
        };
        let (used, text) = self.used(&by).await?;
        if self.json {
            return Ok(Made::Json(text));
        }
        let (cluster, there) = self.cluster().await?;
        let reported = if self.units.percent { self.reported().await? } else { BTreeMap::new() };
        let tells =
            Tells { cluster, there, reported, window: self.window, units: self.units, tres: self.tres };
        let mut rows = match kind {
            Kind::AccountsByUser => self.by_tree(&used, &tells).await?,
            _ => tells.sorted(used, kind),
        };
        let mut title = title.to_owned();
        if kind == Kind::Top {
            let most = self.wanted.top;
            title = format!("Top {most} Users");
            rows.truncate(most.saturating_mul(tells.resources().len()));
        }
        let named = if self.tres.is_empty() { "" } else { ",tresname" };
        let behind = match (kind, self.tres.is_empty()) {
            (Kind::UsersByWckey | Kind::WckeysByUser, _) => ",used",
            (_, true) => ",used,energy",
            (_, false) => ",used",
        };
        let what = if self.tres.is_empty() { "CPU" } else { "TRES" };
        Ok(Made::Table(Table {
            title,
            with_seconds: true,
            units: self.units.title(what),
            format: format!("{columns}{named}{behind}"),
            fields: fields(self.wanted.tree),
            rows,
        }))
    }

    /// Makes lines of accounts with what is below them, in the order of the tree, each with its users.
    async fn by_tree(&self, used: &[Used], tells: &Tells<'_>) -> anyhow::Result<Vec<Row>> {
        let own = [("cluster", tells.cluster.clone())];
        let answer = self.client.accounting::<AssocsResp>("/associations/", &own).await?;
        let all = answer.value.associations.into_vec();
        let accounts: Vec<(String, String)> = all
            .iter()
            .filter(|one| one.user.is_empty())
            .map(|one| (one.account.to_string(), one.parent_account.to_string()))
            .collect();
        Ok(tells.tree(&accounts, used, self.wanted.tree))
    }
}

/// What usage is told with.
pub(super) struct Tells<'a> {
    pub(super) cluster: String,
    /// How much of each resource there is.
    pub(super) there: BTreeMap<String, i64>,
    /// How much of it there was, resource seconds, where that is known.
    pub(super) reported: BTreeMap<String, i64>,
    pub(super) window: Window,
    pub(super) units: Units,
    pub(super) tres: &'a [String],
}

impl Tells<'_> {
    /// Returns the resources that are told of.
    fn resources(&self) -> Vec<&str> {
        if self.tres.is_empty() { vec!["cpu"] } else { self.tres.iter().map(String::as_str).collect() }
    }

    /// Returns how many seconds of a resource there were.
    fn all(&self, resource: &str) -> i64 {
        let usual = || self.there.get(resource).copied().unwrap_or(0).saturating_mul(self.window.seconds());
        self.reported.get(resource).copied().unwrap_or_else(usual)
    }

    /// Makes the lines of what somebody used, one a resource.
    fn rows<'a>(&'a self, used: &'a Used, depth: usize) -> impl Iterator<Item = Row> + 'a {
        self.resources().into_iter().map(move |resource| Row {
            cluster: self.cluster.clone(),
            account: used.account.clone(),
            user: used.user.clone(),
            qos: used.qos.clone(),
            wckey: used.wckey.clone(),
            tres: resource.to_owned(),
            used: self.units.written(used.of(resource), self.all(resource)),
            energy: used.of("energy").to_string(),
            depth,
            ..Row::default()
        })
    }

    /// Makes lines, the largest use of the first resource first; by workload key, or account, where these stand first.
    fn sorted(&self, mut used: Vec<Used>, kind: Kind) -> Vec<Row> {
        let first = self.resources().first().map_or("cpu", |first| *first).to_owned();
        used.sort_by(|one, other| {
            let rank = |used: &Used| match kind {
                Kind::WckeysByUser => used.wckey.clone(),
                Kind::AccountsByQos => used.account.clone(),
                _ => String::new(),
            };
            let names = |used: &Used| (used.user.clone(), used.account.clone(), used.qos.clone());
            let most = other.of(&first).cmp(&one.of(&first));
            rank(one).cmp(&rank(other)).then(most).then_with(|| names(one).cmp(&names(other)))
        });
        used.iter().flat_map(|one| self.rows(one, 0)).collect()
    }

    /// Makes lines of accounts, given with their parents in the order of the tree.
    pub(super) fn tree(&self, accounts: &[(String, String)], used: &[Used], is_indented: bool) -> Vec<Row> {
        let mut own: HashMap<&str, Vec<&Used>> = HashMap::new();
        for one in used {
            own.entry(&one.account).or_default().push(one);
        }
        // From the leaves up: who comes later is below who came before.
        let mut sums: HashMap<&str, BTreeMap<String, i64>> = HashMap::new();
        for (account, parent) in accounts.iter().rev() {
            let mut sum = sums.remove(account.as_str()).unwrap_or_default();
            own.get(account.as_str()).into_iter().flatten().for_each(|one| add(&mut sum, &one.seconds));
            if !parent.is_empty() {
                add(sums.entry(parent).or_default(), &sum);
            }
            sums.insert(account, sum);
        }
        let mut depths: HashMap<&str, usize> = HashMap::new();
        let mut rows = Vec::new();
        for (account, parent) in accounts {
            let depth = depths.get(parent.as_str()).map_or(0, |depth| depth + 1);
            depths.insert(account, depth);
            let Some(seconds) = sums.get(account.as_str()).filter(|sum| sum.values().any(|sum| *sum > 0))
            else {
                continue;
            };
            let whole = Used { account: account.clone(), seconds: seconds.clone(), ..Used::default() };
            let indent = |depth| if is_indented { depth } else { 0 };
            rows.extend(self.rows(&whole, indent(depth)));
            let mut users = own.get(account.as_str()).cloned().unwrap_or_default();
            users.sort_by(|one, other| one.user.cmp(&other.user));
            users.into_iter().for_each(|one| rows.extend(self.rows(one, indent(depth + 1))));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::chosen;

    fn used(account: &str, user: &str, cpu: i64) -> Used {
        let seconds = [("cpu".to_owned(), cpu)].into();
        Used { account: account.into(), user: user.into(), seconds, ..Used::default() }
    }

    fn tells() -> Tells<'static> {
        Tells {
            cluster: "c".into(),
            there: [("cpu".to_owned(), 10)].into(),
            reported: BTreeMap::new(),
            window: Window { start: 0, end: 3600 },
            units: Units::read("seconds").unwrap(),
            tres: &[],
        }
    }

    #[test]
    fn accounts_have_what_is_below_them() {
        let tree = [("root", ""), ("a", "root"), ("b", "a"), ("idle", "root")];
        let tree: Vec<_> =
            tree.iter().map(|(one, parent)| ((*one).to_owned(), (*parent).to_owned())).collect();
        let all = [used("a", "u", 60), used("b", "v", 30), used("b", "u", 10)];
        let rows = tells().tree(&tree, &all, true);
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (row.depth, row.account.as_str(), row.user.as_str(), row.used.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (0, "root", "", "100"),
                (1, "a", "", "100"),
                (2, "a", "u", "60"),
                (2, "b", "", "40"),
                (3, "b", "u", "10"),
                (3, "b", "v", "30")
            ]
        );
    }

    #[test]
    fn who_used_most_stands_first() {
        let rows = tells().sorted(vec![used("a", "u", 1), used("b", "v", 5), used("a", "t", 1)], Kind::Top);
        let users: Vec<&str> = rows.iter().map(|row| row.user.as_str()).collect();
        assert_eq!(users, ["v", "t", "u"]);
    }

    #[test]
    fn fields_that_are_shown_exist() {
        for format in
            ["cluster,account,login,propername,used,energy", "cluster,login,tresname,used", "wckey,qos"]
        {
            assert!(chosen(format, &fields(false)).is_ok());
        }
        let all = "cluster,tresname,allocated,down,planneddown,idle,planned,reported";
        assert!(chosen(all, &utilization_fields()).is_ok());
    }
}
