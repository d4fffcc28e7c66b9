//! From what is wanted to conditions in SQL, and to the indexes that leave few rows to pass over. Named here and not by
//! SQLite, which has no statistics to go by. Numbers stand in the text, since most are our own.

use super::attempt::{exit, reason_word};
use super::shared::{CLASS, Class, word_id};
use crate::database::Unread;
use crate::row::Stored;
use domain::Timestamp;
use domain::history::{Between, Kind, Moments, Wanted};
use domain::job::Outcome;
use rusqlite::{Connection, params_from_iter};
use std::fmt::Write;

/// What must hold of a row, and how to come to the rows of which it may.
#[derive(Debug, PartialEq)]
pub(super) struct Query {
    /// Conditions on columns of `past`, and the indexes whose rows all meet them.
    conditions: Vec<(Option<&'static str>, String)>,
    /// The same about times.
    times: Option<String>,
    /// A condition on rows of `block`; empty if every block may have such rows.
    pub(super) blocks: String,
    /// What holds of blocks whose rows all lie within the times, if they ran; empty if there is no telling.
    pub(super) within: String,
    /// The indexes to walk along one of.
    pub(super) indexes: Vec<Index>,
}

/// An index that is asked for as many values is slow to begin with.
pub(super) const MANY_VALUES: usize = 64;

/// An index of `past`, and what is looked for in it; or `amendment`, which is one of what was noted about.
#[derive(Debug, PartialEq)]
pub(super) struct Index {
    name: &'static str,
    /// The condition on its column.
    pub(super) condition: String,
    /// For how many values it is asked; the rows of one it has in order.
    pub(super) values: usize,
    /// All attempts in it ran.
    pub(super) has_run: bool,
}

impl Index {
    /// Returns what to select from.
    pub(super) fn table(&self) -> String {
        match self.name {
            "amendment" => "amendment CROSS JOIN past USING (id)".to_owned(),
            name => format!("past INDEXED BY {name}"),
        }
    }
}

impl Query {
    /// Makes the query; `None` if nothing can fit.
    pub(super) fn of(wanted: &Wanted, connection: &Connection) -> Result<Option<Self>, Unread> {
        let mut conditions = Vec::new();
        let mut indexes = Vec::new();
        let mut propose = |name, condition: &str, values: usize| {
            // Whose turn had come and who had nodes: see how rows are written.
            let has_run = matches!(name, "past_nodes" | "past_way");
            let condition = condition.to_owned();
            indexes.push(Index { name, condition, values, has_run });
        };
        if !wanted.jobs.is_empty() {
            conditions.push((None, jobs(wanted)));
        }
        if wanted.whole {
            conditions.push((None, "(array IS NULL OR array = job)".to_owned()));
        }
        let Some(names) = words(connection, &wanted.names)? else { return Ok(None) };
        if !names.is_empty() {
            let condition = one_of("name", &names);
            propose("past_name", &condition, names.len());
            conditions.push((Some("past_name"), condition));
        }
        if wanted.altered {
            propose("amendment", "true", 1);
            let condition = "EXISTS (SELECT 1 FROM amendment noted WHERE noted.id = past.id)";
            conditions.push((Some("amendment"), condition.to_owned()));
        }
        if let Some(code) = wanted.exit.map(exit) {
            let condition = code.map_or_else(|| "exit IS NULL".to_owned(), |code| format!("exit = {code}"));
            if code.is_some_and(|code| code != 0) {
                propose("past_exit", &format!("exit <> 0 AND {condition}"), 1);
            }
            conditions.push((Some("past_exit"), condition));
        }
        let Some(nodes) = words(connection, &wanted.nodes)? else { return Ok(None) };
        if !nodes.is_empty() {
            let lists = format!("SELECT list FROM listed WHERE {}", one_of("node", &nodes));
            let condition = format!("nodes IN ({lists})");
            let sql = format!("SELECT count(*) FROM ({lists} LIMIT {MANY_VALUES})");
            let lists: u32 = connection.query_row(&sql, [], |row| row.get(0))?;
            // SQLite cannot know that there is but one, and takes its rows to be in no order.
            propose("past_nodes", &condition, (lists as usize).max(2));
            conditions.push((Some("past_nodes"), condition));
        }
        let Some(classes) = classes(connection, wanted)? else { return Ok(None) };
        if !classes.is_empty() {
            let condition = one_of("class", &classes);
            propose("past_class", &condition, classes.len());
            conditions.push((Some("past_class"), condition));
        }
        let Some(reasons) = reasons(connection, &wanted.reasons)? else { return Ok(None) };
        if !reasons.is_empty() {
            let condition = one_of("reason", &reasons);
            if !reasons.contains(&0) {
                propose("past_reason", &format!("reason <> 0 AND {condition}"), reasons.len());
            }
            conditions.push((Some("past_reason"), condition));
        }
        if !wanted.ways_in.is_empty() {
            let ways: Vec<i64> = wanted.ways_in.iter().map(|way| way.to_row().into()).collect();
            let condition = one_of("way", &ways);
            if !ways.contains(&0) {
                propose("past_way", &format!("way <> 0 AND {condition}"), ways.len());
            }
            conditions.push((Some("past_way"), condition));
        }
        let possible: Vec<&Moments> =
            wanted.moments.iter().filter(|moments| may_have_ended(moments)).collect();
        if possible.is_empty() && !wanted.moments.is_empty() {
            return Ok(None);
        }
        if let Some(outcomes) = rare(&possible) {
            propose(
                "past_outcome",
                &format!("outcome <> 0 AND {}", one_of("outcome", &outcomes)),
                outcomes.len(),
            );
        }
        let times = any_of(possible.iter().map(|moments| condition(moments)));
        let blocks = any_of(possible.iter().map(|moments| block(moments))).unwrap_or_default();
        let anyhow = possible.iter().filter(|moments| moments.kind == Kind::Any);
        let within = any_of(anyhow.map(|moments| within_block(moments))).unwrap_or_default();
        Ok(Some(Query { conditions, times, blocks, within, indexes }))
    }

    /// Returns what must hold of a row.
    pub(super) fn condition(&self) -> String {
        all_of(self.conditions.iter().map(|(_, condition)| condition).chain(&self.times))
    }

    /// Returns what must hold of a row that an index has, and whose block lies within the times or may not.
    pub(super) fn rest(&self, index: &Index, is_within: bool) -> String {
        let open = self.conditions.iter().filter(|(met_by, _)| *met_by != Some(index.name));
        let times = self.times.iter().filter(|_| !(is_within && index.has_run));
        all_of(open.map(|(_, condition)| condition).chain(times))
    }
}

fn jobs(wanted: &Wanted) -> String {
    let mut whole = Vec::new();
    let mut parts = Vec::new();
    for (id, task) in &wanted.jobs {
        match task {
            None => whole.push(i64::from(id.0)),
            Some(task) => parts.push(format!(
                "SELECT id FROM past INDEXED BY past_array WHERE array = {} AND task = {}",
                id.0, task.0
            )),
        }
    }
    if !whole.is_empty() {
        let (jobs, arrays) = (one_of("job", &whole), one_of("array", &whole));
        parts.push(format!("SELECT id FROM past INDEXED BY past_job WHERE {jobs}"));
        parts.push(format!("SELECT id FROM past INDEXED BY past_array WHERE {arrays} AND array IS NOT NULL"));
    }
    format!("id IN ({})", parts.join(" UNION "))
}

fn one_of(column: &str, numbers: &[i64]) -> String {
    match numbers {
        [number] => format!("{column} = {number}"),
        _ => {
            let mut text = format!("{column} IN (");
            for (at, number) in numbers.iter().enumerate() {
                // Writing to a string cannot fail.
                let _ = write!(text, "{}{number}", if at > 0 { "," } else { "" });
            }
            text.push(')');
            text
        }
    }
}

/// Returns the numbers of words; `None` if some are wanted and none is known.
fn words(connection: &Connection, wanted: &[domain::Text]) -> Result<Option<Vec<i64>>, Unread> {
    let mut known = Vec::new();
    for word in wanted {
        known.extend(word_id(connection, word)?);
    }
    Ok(Some(known).filter(|known| wanted.is_empty() || !known.is_empty()))
}

/// Returns the numbers of the words under which reasons are kept; `None` if some are wanted and none is known.
fn reasons(connection: &Connection, wanted: &[domain::Text]) -> Result<Option<Vec<i64>>, Unread> {
    let kept =
        wanted.iter().filter(|name| !name.is_empty()).map(|name| domain::Text::from(reason_word(name)));
    let kept: Vec<domain::Text> = kept.collect();
    if kept.is_empty() && !wanted.is_empty() {
        return Ok(None);
    }
    words(connection, &kept)
}

/// Returns the classes that fit, or none if all do; `None` if no class fits.
fn classes(connection: &Connection, wanted: &Wanted) -> Result<Option<Vec<i64>>, Unread> {
    let mut conditions = Vec::new();
    let mut texts: Vec<&str> = Vec::new();
    let numbers = |column, numbers: Vec<i64>| one_of(column, &numbers);
    if !wanted.users.is_empty() {
        conditions.push(numbers("user", wanted.users.iter().map(|user| user.0.into()).collect()));
    }
    if !wanted.groups.is_empty() {
        conditions.push(numbers("group_id", wanted.groups.iter().map(|group| group.0.into()).collect()));
    }
    for (column, wanted) in [
        ("account", &wanted.accounts),
        ("partition", &wanted.partitions),
        ("qos", &wanted.qos),
        ("wckey", &wanted.wckeys),
        ("reservation", &wanted.reservations),
    ] {
        if !wanted.is_empty() {
            conditions.push(format!("{column} COLLATE NOCASE IN ({})", vec!["?"; wanted.len()].join(",")));
            texts.extend(wanted.iter().map(domain::Text::as_str));
        }
    }
    if conditions.is_empty() && wanted.associations.is_empty() && wanted.constraints.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let condition = all_of(conditions.iter());
    let mut statement = connection.prepare(&format!("SELECT id, {CLASS} FROM class WHERE {condition}"))?;
    let mut rows = statement.query(params_from_iter(texts))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let class = Class::from_row(row, 1)?;
        if wanted.is_charged(&class.account, &class.user_name, &class.partition)
            && wanted.is_constrained(&class.constraint)
        {
            found.push(row.get(0)?);
        }
    }
    Ok(Some(found).filter(|found| !found.is_empty()))
}

/// Tells whether something that has ended can fit.
fn may_have_ended(moments: &Moments) -> bool {
    match &moments.kind {
        Kind::Any => true,
        Kind::Ended(outcomes) => !outcomes.is_empty(),
        Kind::Pending | Kind::Running | Kind::Suspended => false,
    }
}

/// Returns the outcomes that fit, if each of them is rare.
fn rare(possible: &[&Moments]) -> Option<Vec<i64>> {
    let mut all = Vec::new();
    for moments in possible {
        match &moments.kind {
            Kind::Ended(outcomes) if !outcomes.contains(&Outcome::Completed) => {
                all.extend(outcomes.iter().map(|outcome| i64::from(outcome.to_row())));
            }
            _ => return None,
        }
    }
    all.sort_unstable();
    all.dedup();
    Some(all).filter(|all| !all.is_empty())
}

/// Joins conditions; without any, everything will do.
fn all_of<'a>(conditions: impl Iterator<Item = &'a String>) -> String {
    let conditions: Vec<&str> = conditions.map(String::as_str).collect();
    if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") }
}

/// Joins alternatives; `None` if one of them always holds, or if there are none.
fn any_of(alternatives: impl Iterator<Item = String>) -> Option<String> {
    let alternatives: Vec<String> = alternatives.collect();
    let is_open = alternatives.is_empty() || alternatives.iter().any(String::is_empty);
    (!is_open).then(|| format!("({})", alternatives.join(" OR ")))
}

/// What must hold of a row.
fn condition(moments: &Moments) -> String {
    let mut parts = Vec::new();
    if let Kind::Ended(outcomes) = &moments.kind {
        let outcomes: Vec<i64> = outcomes.iter().map(|outcome| outcome.to_row().into()).collect();
        parts.push(one_of("outcome", &outcomes));
    }
    within(&mut parts, "\"end\"", moments.ended);
    within(&mut parts, "\"end\" - age", moments.submitted);
    // Who ran could run.
    within(&mut parts, "coalesce(\"end\" - age + held, \"end\" - ran)", moments.eligible);
    let mut started = Vec::new();
    within(&mut started, "\"end\" - ran", moments.started);
    if !started.is_empty() {
        let started = started.join(" AND ");
        parts.push(if moments.or_never_started { format!("(ran IS NULL OR {started})") } else { started });
    }
    parts.join(" AND ")
}

fn within(parts: &mut Vec<String>, value: &str, between: Between) {
    parts.extend(between.from.map(|from| format!("{value} >= {}", from.micros())));
    parts.extend(between.to.map(|to| format!("{value} <= {}", to.micros())));
}

/// What must hold of a block that may have such rows: everything that happens to a job happens between its submission
/// and its end.
fn block(moments: &Moments) -> String {
    let Moments { submitted, eligible, ended, or_never_started, .. } = moments;
    let started = if *or_never_started { Between::default() } else { moments.started };
    let happened = [*submitted, *eligible, started];
    let mut parts = Vec::new();
    let latest = |times: &mut dyn Iterator<Item = Timestamp>| times.max();
    let from = latest(&mut happened.iter().chain([ended]).filter_map(|between| between.from));
    parts.extend(from.map(|from| format!("last >= {}", from.micros())));
    let to = happened.iter().filter_map(|between| between.to).min();
    parts.extend(to.map(|to| format!("submit <= {}", to.micros())));
    parts.extend(ended.to.map(|to| format!("\"end\" <= {}", to.micros())));
    parts.join(" AND ")
}

/// What holds of a block whose rows all lie within these times, if they ran; the block's first end is the least that is
/// said of ends.
fn within_block(moments: &Moments) -> String {
    let Moments { submitted, eligible, started, ended, .. } = moments;
    let happened = [*submitted, *eligible, *started];
    let from = happened.iter().filter_map(|between| between.from).max();
    let to = happened.iter().chain([ended]).filter_map(|between| between.to).min();
    let mut parts: Vec<String> =
        from.map(|from| format!("submit >= {}", from.micros())).into_iter().collect();
    parts.extend(to.map(|to| format!("last <= {}", to.micros())));
    parts.extend(ended.from.map(|from| format!("\"end\" >= {}", from.micros())));
    parts.join(" AND ")
}
