//! Accounting for a large site: a hundred thousand associations in one document, their lists, what they hold in memory
//! and what they mean for a start; half a million in one document.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::reads::successful;
use super::{Setting, ms};
use crate::drive::Plan;
use crate::process;
use crate::table::{Goal, Row};
use crate::target::{Recipe, SLURMDB, Service, Target};

/// Users of each account.
const USERS: usize = 100;
/// Goal of a load of a hundred thousand.
const LOAD_MS: f64 = 5_000.0;

/// A site: so many accounts of a hundred users each, everyone with limits of their own.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    cluster: String,
    accounts: usize,
}

impl Site {
    /// With so many associations, rounded to whole accounts.
    pub(crate) fn of(cluster: String, associations: usize) -> Self {
        Self { cluster, accounts: (associations / USERS).max(1) }
    }

    fn associations(&self) -> usize {
        self.accounts * (USERS + 1)
    }

    /// The document that `config` takes. `limits` are written to every association of a user.
    fn document(&self, limits: &str) -> String {
        let cluster = &self.cluster;
        let (mut accounts, mut users, mut all) = (String::new(), String::new(), String::new());
        // Writing to a string cannot fail.
        for account in 0..self.accounts {
            let comma = if account > 0 { "," } else { "" };
            let _ = write!(
                accounts,
                r#"{comma}{{"name":"bench{account}","description":"a","organization":"b"}}"#
            );
            let _ = write!(
                all,
                r#"{comma}{{"account":"bench{account}","cluster":"{cluster}","user":"","shares_raw":{}}}"#,
                1 + account % 7
            );
        }
        for (account, user) in
            (0..self.accounts).flat_map(|account| (0..USERS).map(move |user| (account, user)))
        {
            let comma = if account + user > 0 { "," } else { "" };
            let _ = write!(
                users,
                r#"{comma}{{"name":"bench{account}u{user}","default":{{"account":"bench{account}"}}}}"#
            );
            let _ = write!(
                all,
                r#",{{"account":"bench{account}","cluster":"{cluster}","user":"bench{account}u{user}"{limits}}}"#
            );
        }
        format!(
            r#"{{"clusters":[{{"name":"{cluster}"}}],"accounts":[{accounts}],"users":[{users}],"associations":[{all}]}}"#
        )
    }

    /// The document of a site that limits everybody.
    fn limited(&self) -> String {
        self.document(
            r#","shares_raw":3,"max":{"jobs":{"active":{"set":true,"number":6},"total":{"set":true,"number":1000}},"tres":{"total":[{"type":"cpu","count":4}]}}"#,
        )
    }

    fn name(&self) -> String {
        format!("{} associations", self.accounts * USERS)
    }
}

/// The cluster that a service accounts for.
pub(crate) fn cluster(target: &Target) -> Result<String> {
    let (status, answer) = target.ask_at("GET", &format!("{SLURMDB}/clusters/"), None)?;
    ensure!(status == 200, "clusters: status {status}");
    let name = answer.pointer("/clusters/0/name").and_then(Value::as_str);
    Ok(name.context("clusters: there is none")?.to_owned())
}

/// One document with all of them.
pub(crate) fn load(target: &Target, site: &Site) -> Result<Row> {
    let body = site.limited();
    let began = Instant::now();
    let (status, answer) = target.ask_at("POST", &format!("{SLURMDB}/config"), Some(&body))?;
    let taken = began.elapsed();
    ensure!(status == 200, "config: status {status}: {:.400}", answer["errors"].to_string());
    Ok(Row::new(format!("config load, {}", site.name()), "ms", Goal::AtMost(LOAD_MS))
        .of(target.is_peer, ms(taken))
        .note(format!("{:.1} MB", body.len() as f64 / 1e6)))
}

/// The list of all, those of an account, one alone.
pub(crate) fn lists(target: &Target, setting: Setting<'_>, site: &Site) -> Result<Vec<Row>> {
    let list = |path: &str, what: &str, count: usize, goal| -> Result<Row> {
        let sample = successful(target.get_at(&format!("{SLURMDB}/{path}"), Plan::closed(1, count))?)?;
        let note = format!("{:.3} MB", sample.bytes as f64 / count as f64 / 1e6);
        Ok(Row::new(format!("GET {what}, {}", site.name()), "ms", goal)
            .of(target.is_peer, ms(sample.within(0.5)))
            .note(note))
    };
    let few = if target.is_peer { 3 } else { setting.size(20).max(3) };
    Ok(vec![
        list("associations/", "associations/", 3, Goal::None)?,
        list("associations/?account=bench0", "associations/ of an account", few, Goal::None)?,
        list("association/?account=bench0&user=bench0u7", "one association", few, Goal::None)?,
    ])
}

/// What the service holds with them.
pub(crate) fn memory(target: &Target, site: &Site) -> Option<Row> {
    let resident = target.processes.usage()?.resident_kb as f64 / 1024.0;
    Some(Row::new(format!("resident, {}", site.name()), "MB", Goal::None).of(target.is_peer, resident))
}

/// Stops the service and starts it on the same state.
pub(crate) fn restart(
    service: Service,
    recipe: &Recipe,
    state: &Path,
    site: &Site,
) -> Result<(Service, Vec<Row>)> {
    drop(service);
    let service = recipe.start(state)?;
    let known = count(&service.target, "associations/")?;
    ensure!(known >= site.associations(), "only {known} of {} were there", site.associations());
    let what = format!("start with {}", site.name());
    let started = Row::new(what, "ms", Goal::None).of(false, ms(service.started_in));
    let held = memory(&service.target, site)
        .map(|row| Row { what: format!("{}, started with them", row.what), ..row });
    Ok((service, std::iter::once(started).chain(held).collect()))
}

/// Half a million in one document, with as few words as can be, and then with limits: taken whole or refused whole.
pub(crate) fn too_many(service: &Service, setting: Setting<'_>) -> Result<Vec<Row>> {
    let target = &service.target;
    let site = Site::of(cluster(target)?, setting.size(500_000));
    let mut rows = Vec::new();
    for (body, what) in [(site.limited(), "with limits"), (site.document(""), "in few words")] {
        process::forget_peak(service.pid());
        let began = Instant::now();
        let asked = target.ask_at("POST", &format!("{SLURMDB}/config"), Some(&body));
        let taken = began.elapsed();
        // Whoever is refused for the size of what they send may be cut off while they still send it.
        let outcome = asked.map_or("cut off".to_owned(), |(status, _)| format!("status {status}"));
        let first = count(target, "associations/?account=bench0")?;
        let last = count(target, &format!("associations/?account=bench{}", site.accounts - 1))?;
        ensure!(first == last && [0, USERS + 1].contains(&first), "a part of them is there");
        let peak = process::peak_kb(service.pid()).unwrap_or_default() as f64 / 1024.0;
        let kept = if first > 0 { "all there" } else { "none there" };
        rows.push(
            Row::new(format!("config load, {} {what}", site.name()), "ms", Goal::None)
                .of(false, ms(taken))
                .note(format!(
                    "{:.0} MB, {outcome}, {kept}, at most {peak:.0} MB resident",
                    body.len() as f64 / 1e6
                )),
        );
    }
    Ok(rows)
}

fn count(target: &Target, path: &str) -> Result<usize> {
    let (status, answer) = target.ask_at("GET", &format!("{SLURMDB}/{path}"), None)?;
    ensure!(status == 200, "{path}: status {status}");
    Ok(answer.get("associations").and_then(Value::as_array).map_or(0, Vec::len))
}

/// Takes everything away again, from a peer that is used for other things too.
pub(crate) fn clear(target: &Target, site: &Site) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(300);
    for account in 0..site.accounts {
        for user in 0..USERS {
            target.ask_at("DELETE", &format!("{SLURMDB}/user/bench{account}u{user}"), None)?;
            ensure!(Instant::now() < patience, "the peer takes too long to forget users");
        }
        target.ask_at("DELETE", &format!("{SLURMDB}/account/bench{account}"), None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_everyone_once() {
        let site = Site::of("here".to_owned(), 300);
        let document: Value = serde_json::from_str(&site.limited()).unwrap();
        let len = |name: &str| document[name].as_array().unwrap().len();
        assert_eq!((len("accounts"), len("users"), len("associations")), (3, 300, site.associations()));
    }
}
