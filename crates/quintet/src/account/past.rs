//! `quintet account show` of what is over: events, reservations, transactions; and runaway jobs, which there are none of.

use super::desk::{Desk, unknown_condition};
use super::words::Word;
use crate::columns::Field;
use crate::sheet::local_time;
use anyhow::bail;
use jiff::{ToSpan, Zoned};
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use slurm_wire::time_text::{point_in_time, show_seconds};
use std::collections::BTreeMap;
use std::process::ExitCode;

const EVENT: &str = "cluster,nodename,timestart,timeend,state,reason,user";
const RESERVATION: &str = "cluster,name,tres,timestart,timeend,unusedwall";
const TRANSACTION: &str = "time,action,actor,where,info";
/// Entries that are asked for.
const MOST: &str = "100000";

/// Which of them are meant. Names of lists differ by what is shown; what has no place there is refused.
#[derive(Default)]
struct Conditions {
    format: Option<String>,
    start: Option<String>,
    end: Option<String>,
    all_time: bool,
    lists: BTreeMap<&'static str, Vec<String>>,
}

impl Conditions {
    /// Reads words; `known` are the lists that may be given, with the letters that must be.
    fn read(words: &[Word], known: &[(&'static str, usize)]) -> anyhow::Result<Self> {
        let mut read = Conditions::default();
        for word in words {
            let list = known.iter().find(|(name, least)| word.is(name, *least));
            if word.switches("All_Time", 5) {
                read.all_time = true;
            } else if word.switches("All_Clusters", 5) {
                // There is one.
            } else if word.is("Format", 1) {
                read.format = Some(word.value.clone());
            } else if word.is("Start", 4) {
                read.start = Some(word.value.clone());
            } else if word.is("End", 1) {
                read.end = Some(word.value.clone());
            } else if let Some((name, _)) = list {
                read.lists.entry(name).or_default().extend(word.list());
            } else {
                return Err(unknown_condition(word));
            }
        }
        Ok(read)
    }

    fn has(&self, list: &str, name: &str) -> bool {
        self.lists.get(list).is_none_or(|names| names.iter().any(|one| one.eq_ignore_ascii_case(name)))
    }

    /// Returns the time that is meant; from yesterday's midnight on where nothing is said and not all is wanted.
    fn time(&self, now: &Zoned, always: bool) -> anyhow::Result<Vec<(&'static str, String)>> {
        let point = |text: &String| match point_in_time(text, now) {
            Ok(point) => Ok(point.as_second().to_string()),
            Err(_) => bail!("Invalid time specification: {text}"),
        };
        let mut query = vec![("limit", MOST.to_owned())];
        match &self.start {
            Some(start) => query.push(("since", point(start)?)),
            None if self.all_time || always => {}
            None => {
                let midnight = now.start_of_day()?.checked_sub(1.days())?;
                query.push(("since", midnight.timestamp().as_second().to_string()));
            }
        }
        if let Some(end) = &self.end {
            query.push(("until", point(end)?));
        }
        Ok(query)
    }
}

async fn asked<T: DeserializeOwned>(
    desk: &Desk<'_>,
    path: &str,
    query: &[(&'static str, String)],
) -> anyhow::Result<(T, String)> {
    let answer = desk.client.native::<T>(Method::GET, path, query, None).await?;
    Ok((answer.value, answer.text))
}

async fn cluster(desk: &Desk<'_>) -> anyhow::Result<String> {
    let clusters = super::rows::clusters(&desk.client).await?.0;
    Ok(clusters.first().map(|one| one.name.to_string()).unwrap_or_default())
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(skip)]
    cluster: String,
    node: Option<String>,
    nodes: String,
    start: i64,
    end: Option<i64>,
    state: Vec<String>,
    reason: String,
    user: String,
    uid: Option<u32>,
    tres: BTreeMap<String, u64>,
}

impl Event {
    /// The state that counts, as sinfo would write it.
    fn state(&self) -> &'static str {
        let has = |word: &str| self.state.iter().any(|state| state == word);
        match (has("FAIL"), has("DRAIN"), has("DOWN")) {
            (true, ..) => "FAIL",
            (_, true, _) => "DRAIN",
            (.., true) => "DOWN",
            _ => "",
        }
    }

    fn lasted(&self) -> u64 {
        let end = self.end.unwrap_or_else(|| Zoned::now().timestamp().as_second());
        u64::try_from(end.saturating_sub(self.start)).unwrap_or(0)
    }
}

const fn field<R>(
    names: &'static [&'static str],
    header: &'static str,
    width: i32,
    value: fn(&R) -> String,
) -> Field<R> {
    Field { names, header, width, value }
}

const EVENTS: &[Field<Event>] = &[
    field(&["Cluster"], "Cluster", 10, |row| row.cluster.clone()),
    field(&["ClusterNodes"], "Cluster Nodes", 20, |row| row.nodes.clone()),
    field(&["Duration"], "Duration", 13, |row| show_seconds(row.lasted())),
    field(&["TimeEnd", "End"], "TimeEnd", 19, |row| row.end.map_or_else(|| "Unknown".to_owned(), local_time)),
    field(&["Event"], "Event", 7, |row| if row.node.is_some() { "Node" } else { "Cluster" }.to_owned()),
    field(&["EventRaw"], "EventRaw", 8, |row| if row.node.is_some() { "2" } else { "1" }.to_owned()),
    field(&["NodeName"], "NodeName", -15, |row| row.node.clone().unwrap_or_default()),
    field(&["Reason"], "Reason", 30, |row| row.reason.clone()),
    field(&["TimeStart", "Start"], "TimeStart", 19, |row| local_time(row.start)),
    field(&["State"], "State", 6, |row| row.state().to_owned()),
    field(&["TRES"], "TRES", 20, |row| tres(&row.tres)),
    field(&["User"], "User", 10, |row| match row.uid {
        Some(uid) => format!("{}({uid})", row.user),
        None => row.user.clone(),
    }),
];

/// Writes amounts as sacctmgr does: by name, memory in megabytes or a larger unit that tells it in two digits.
fn tres(amounts: &BTreeMap<String, u64>) -> String {
    let one = |(name, amount): (&String, &u64)| match name.as_str() {
        "mem" if amount * 100 % 1024 == 0 && *amount >= 1024 => {
            format!("mem={}.{:02}G", amount / 1024, amount * 100 / 1024 % 100)
        }
        "mem" => format!("mem={amount}M"),
        name => format!("{name}={amount}"),
    };
    amounts.iter().map(one).collect::<Vec<_>>().join(",")
}

/// Shows when nodes were out of service, and what the cluster had.
pub(super) async fn events(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    #[derive(Deserialize)]
    struct Answer {
        events: Vec<Event>,
    }
    let known = [
        ("Clusters", 1),
        ("Event", 2),
        ("Nodes", 1),
        ("Reason", 1),
        ("State", 4),
        ("User", 1),
        ("CondFlags", 2),
    ];
    let wanted = Conditions::read(words, &known)?;
    let query = wanted.time(&Zoned::now(), false)?;
    let (answer, text) = asked::<Answer>(desk, "/accounting/events", &query).await?;
    let name = cluster(desk).await?;
    let keep = |one: &Event| {
        let of_node = one.node.is_some();
        let reasons = wanted.lists.get("Reason");
        let asks_for_nodes =
            ["Nodes", "State", "Reason", "User"].iter().any(|list| wanted.lists.contains_key(list));
        let uid = one.uid.map(|uid| uid.to_string()).unwrap_or_default();
        (of_node || !asks_for_nodes)
            && wanted.has("Clusters", &name)
            && wanted.has("Event", if of_node { "Node" } else { "Cluster" })
            && wanted.has("Nodes", one.node.as_deref().unwrap_or_default())
            && wanted.has("State", one.state())
            && (wanted.has("User", &one.user) || wanted.has("User", &uid))
            && reasons.is_none_or(|reasons| reasons.iter().any(|reason| one.reason.contains(reason.as_str())))
            && (!wanted.lists.contains_key("CondFlags")
                || !wanted.has("CondFlags", "Open")
                || one.end.is_none())
    };
    if desk.args.client.json {
        return desk.print_json(&text, "events", &answer.events.iter().map(keep).collect::<Vec<_>>());
    }
    let named = |event: Event| Event { cluster: name.clone(), ..event };
    let rows: Vec<Event> = answer.events.into_iter().filter(keep).map(named).collect();
    desk.print_rows(&rows, wanted.format.as_deref(), EVENT, EVENTS)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Reservation {
    #[serde(skip)]
    cluster: String,
    id: u32,
    name: String,
    start: i64,
    end: Option<i64>,
    flags: Vec<String>,
    nodes: String,
    users: String,
    accounts: String,
    tres: BTreeMap<String, u64>,
    seconds: BTreeMap<String, Seconds>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Seconds {
    idle: i64,
}

impl Reservation {
    /// For how long all of it would have been idle, if it was idle as a whole.
    fn unused_wall(&self) -> f64 {
        let cpus = self.tres.get("cpu").copied().unwrap_or(0);
        let idle = self.seconds.get("cpu").map_or(0, |seconds| seconds.idle);
        if cpus == 0 { 0.0 } else { idle as f64 / cpus as f64 }
    }

    /// What sacctmgr tells of it: what was asked for, and that is CPUs and licences.
    fn reserved(&self) -> String {
        let told = |name: &str| name == "cpu" || name.starts_with("license/");
        let told = self.tres.iter().filter(|(name, _)| told(name));
        tres(&told.map(|(name, amount)| (name.clone(), *amount)).collect())
    }
}

const RESERVATIONS: &[Field<Reservation>] = &[
    field(&["Accounts"], "Accounts", 20, |row| row.accounts.clone()),
    field(&["Cluster"], "Cluster", 10, |row| row.cluster.clone()),
    field(&["TimeEnd", "End"], "TimeEnd", 19, |row| row.end.map_or_else(|| "Unknown".to_owned(), local_time)),
    field(&["Flags"], "Flags", 20, |row| row.flags.join(",")),
    field(&["ID"], "ID", 6, |row| row.id.to_string()),
    field(&["Name"], "Name", 15, |row| row.name.clone()),
    field(&["NodeNames"], "NodeName", -15, |row| row.nodes.clone()),
    field(&["TimeStart", "Start"], "TimeStart", 19, |row| local_time(row.start)),
    field(&["TRES"], "TRES", 30, |row| row.reserved()),
    field(&["UnusedWall"], "UnusedWall", 10, |row| format!("{:.6}", row.unused_wall())),
    field(&["Users"], "Users", 20, |row| row.users.clone()),
];

/// Shows reservations as they were.
pub(super) async fn reservations(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    #[derive(Deserialize)]
    struct Answer {
        reservations: Vec<Reservation>,
    }
    let wanted = Conditions::read(words, &[("Clusters", 1), ("Names", 2), ("IDs", 1), ("Nodes", 2)])?;
    let query = wanted.time(&Zoned::now(), false)?;
    let (answer, text) = asked::<Answer>(desk, "/accounting/reservations", &query).await?;
    let name = cluster(desk).await?;
    let keep = |one: &Reservation| {
        wanted.has("Clusters", &name)
            && wanted.has("Names", &one.name)
            && wanted.has("IDs", &one.id.to_string())
            && wanted.has("Nodes", &one.nodes)
    };
    if desk.args.client.json {
        let kept: Vec<bool> = answer.reservations.iter().map(keep).collect();
        return desk.print_json(&text, "reservations", &kept);
    }
    let named = |one: Reservation| Reservation { cluster: name.clone(), ..one };
    let rows: Vec<Reservation> = answer.reservations.into_iter().filter(keep).map(named).collect();
    desk.print_rows(&rows, wanted.format.as_deref(), RESERVATION, RESERVATIONS)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Transaction {
    time: i64,
    actor: String,
    action: String,
    #[serde(rename = "where")]
    place: String,
}

const TRANSACTIONS: &[Field<Transaction>] = &[
    field(&["Action"], "Action", 20, |row| row.action.clone()),
    field(&["Actor"], "Actor", 10, |row| row.actor.clone()),
    // The new values are in the books; only names are written down.
    field(&["Info"], "Info", 20, |_| String::new()),
    field(&["TimeStamp", "Time"], "Time", 19, |row| local_time(row.time)),
    field(&["Where"], "Where", 20, |row| row.place.clone()),
];

/// Shows who changed what in the books.
pub(super) async fn transactions(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    #[derive(Deserialize)]
    struct Answer {
        transactions: Vec<Transaction>,
    }
    let known = [("Accounts", 3), ("Action", 3), ("Actors", 4), ("Users", 1), ("Clusters", 1)];
    let wanted = Conditions::read(words, &known)?;
    let query = wanted.time(&Zoned::now(), true)?;
    let (answer, text) = asked::<Answer>(desk, "/accounting/transactions", &query).await?;
    let names = |one: &Transaction, list: &str| {
        let mut names = one.place.split([',', '/']);
        !wanted.lists.contains_key(list) || names.any(|name| wanted.has(list, name))
    };
    let keep = |one: &Transaction| {
        wanted.has("Actors", &one.actor)
            && (wanted.has("Action", &one.action) || wanted.has("Action", &one.action.replace(' ', "")))
            && names(one, "Accounts")
            && names(one, "Users")
            && names(one, "Clusters")
    };
    if desk.args.client.json {
        let kept: Vec<bool> = answer.transactions.iter().map(keep).collect();
        return desk.print_json(&text, "transactions", &kept);
    }
    let rows: Vec<Transaction> = answer.transactions.into_iter().filter(keep).collect();
    desk.print_rows(&rows, wanted.format.as_deref(), TRANSACTION, TRANSACTIONS)
}

/// Says that there are no runaway jobs: the record of a job and its end are written in one transaction, and a job that is
/// recorded as running is one that the service itself has running.
pub(super) async fn runaway(desk: &Desk<'_>, words: &[Word]) -> anyhow::Result<ExitCode> {
    Conditions::read(words, &[("Clusters", 1)])?;
    let name = cluster(desk).await?;
    desk.terminal.print(&format!("Runaway Jobs: No runaway jobs found on cluster {name}"))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_sacctmgr_does() {
        let amounts = |memory| tres(&[("mem".to_owned(), memory), ("cpu".to_owned(), 8)].into());
        assert_eq!(amounts(16_000), "cpu=8,mem=16000M");
        assert_eq!(amounts(64_000), "cpu=8,mem=62.50G");
        assert_eq!(amounts(512), "cpu=8,mem=512M");
    }

    #[test]
    fn words_say_what_is_meant() {
        let words = |all: &[&str]| all.iter().map(|word| Word::read(word)).collect::<Vec<_>>();
        let known = [("Nodes", 1)];
        let read =
            Conditions::read(&words(&["nodes=n1,n2", "start=now-1day", "all_clusters"]), &known).unwrap();
        assert!(read.has("Nodes", "N2") && !read.has("Nodes", "n3") && read.has("Users", "anybody"));
        assert!(Conditions::read(&words(&["frob=1"]), &known).is_err());
        let now: Zoned = "2027-03-31T12:30:00[UTC]".parse().unwrap();
        assert_eq!(
            read.time(&now, false).unwrap()[1],
            ("since", (now.timestamp().as_second() - 86_400).to_string())
        );
        let nothing = Conditions::default();
        assert_eq!(nothing.time(&now, false).unwrap()[1].1, "1806364800");
        assert_eq!(nothing.time(&now, true).unwrap().len(), 1);
    }
}
