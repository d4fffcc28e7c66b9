//! What a large site has beside jobs: a thousand nodes, and a thousand users in their accounts.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::reads::successful;
use super::{Setting, ms};
use crate::drive::Plan;
use crate::table::{Goal, Row};
use crate::target::Target;

const NODES: usize = 1_000;
const USERS: usize = 1_000;
const ACCOUNTS: usize = 20;

/// Writes the configuration of such a site, and returns where it is.
pub(crate) fn configuration(setting: Setting<'_>) -> Result<PathBuf> {
    let nodes = setting.size(NODES);
    let mut text = format!(
        "[cluster]\nname = \"bench\"\n\n[[nodes]]\nname = \"v[1-{nodes}]\"\ncpus = 8\nmemory = 16000\n\n\
         [[partitions]]\nname = \"main\"\nnodes = \"ALL\"\ndefault = true\n"
    );
    // Writing to a string cannot fail.
    for account in 0..ACCOUNTS {
        let _ = write!(text, "\n[[accounts]]\nname = \"a{account}\"\n");
    }
    for user in 0..setting.size(USERS) {
        let (number, account) = (50_000 + user, user % ACCOUNTS);
        let _ = write!(
            text,
            "\n[[users]]\nname = \"u{user}\"\nuid = {number}\ngid = {number}\ndefault_account = \"a{account}\"\n\
             accounts = [\"a{account}\"]\n"
        );
    }
    let path = setting.folder.join("tables.toml");
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// `nodes/` and `shares` on such a site. The goal of the nodes is a twentieth of what the original takes; it has no
/// other for the shares.
pub(crate) fn lists(target: &Target, setting: Setting<'_>) -> Result<Vec<Row>> {
    let list = |path: &str, what: String, goal: f64| -> Result<Row> {
        let count = setting.size(200);
        let sample = successful(target.get(path, Plan::closed(1, count))?)?;
        let note = format!(
            "{:.2} MB, p99 {:.2} ms",
            sample.bytes as f64 / count as f64 / 1e6,
            ms(sample.within(0.99))
        );
        Ok(Row::new(what, "ms", Goal::AtMost(goal)).of(target.is_peer, ms(sample.within(0.5))).note(note))
    };
    Ok(vec![
        list("/nodes/", format!("GET nodes/, {} nodes", setting.size(NODES)), 5.0)?,
        list("/shares", format!("GET shares, {} users", setting.size(USERS)), 5.0)?,
    ])
}
