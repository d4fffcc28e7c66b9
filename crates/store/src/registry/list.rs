//! Lists of records. Each way leads along an index that has them in their order already: along all, along one state, or
//! along the groups that are wanted, several at once.

use super::groups::Meant;
use super::record::{COLUMNS, FROM, of_row};
use super::spans::Window;
use super::tags;
use crate::database::Unread;
use domain::monitoring::{Record, RecordsWanted};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Groups that are walked side by side at most (SQLite joins up to 500 selections).
const SIDE_BY_SIDE: usize = 400;

/// A condition and its values.
struct Condition {
    text: String,
    values: Vec<Value>,
}

impl Condition {
    fn new() -> Self {
        Condition { text: "1".to_owned(), values: Vec::new() }
    }

    fn and(&mut self, text: &str, value: i64) {
        self.text.push_str(" AND ");
        self.text.push_str(text);
        self.values.push(Value::Integer(value));
    }

    /// What is asked of the row itself.
    fn of_rows(wanted: &RecordsWanted) -> Self {
        let mut condition = Condition::new();
        let RecordsWanted { job, started_from, started_until, ended_from, .. } = wanted;
        for (text, value) in [
            ("job = ?", *job),
            ("start >= ?", *started_from),
            ("start <= ?", *started_until),
            ("ended >= ?", *ended_from),
        ] {
            if let Some(value) = value {
                condition.and(text, value);
            }
        }
        condition
    }
}

/// Which way to go.
enum Way {
    /// Nothing can be wanted.
    Nowhere,
    /// Along an index, looking at the group of each row.
    Along { index: &'static str, states: Vec<i64> },
    /// Along these groups.
    Groups(Vec<i64>),
}

fn way(wanted: &RecordsWanted, groups: &Meant) -> Way {
    if wanted.job.is_some() {
        return Way::Along { index: "record_job", states: Vec::new() };
    }
    let numbers: Vec<i64> = groups.numbers().collect();
    let is_anybodys = wanted.cluster.is_none()
        && wanted.user.is_none()
        && wanted.projects.is_empty()
        && wanted.seen_by.is_none();
    let along_states = || {
        let states = wanted.states.iter().map(|state| super::body::state_number(*state)).collect();
        Way::Along { index: "record_state", states }
    };
    match numbers.len() {
        0 => Way::Nowhere,
        // Few have ended lately, of however many there are.
        _ if wanted.ended_from.is_some() && wanted.started_from.is_none() => {
            Way::Along { index: "record_ended", states: Vec::new() }
        }
        _ if is_anybodys && wanted.states.is_empty() => {
            Way::Along { index: "record_start", states: Vec::new() }
        }
        _ if is_anybodys => along_states(),
        few if few <= SIDE_BY_SIDE => Way::Groups(numbers),
        _ if !wanted.states.is_empty() => along_states(),
        _ => Way::Along { index: "record_start", states: Vec::new() },
    }
}

/// Lists records with their tags.
pub(super) fn list(
    connection: &Connection,
    groups: &Meant,
    wanted: &RecordsWanted,
) -> Result<Vec<Record>, Unread> {
    let numbers = numbers(connection, groups, wanted)?;
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM {FROM} WHERE r.id = ?1"))?;
    let mut records = Vec::with_capacity(numbers.len());
    for (id, is_tagged) in numbers {
        let mut rows = select.query([id])?;
        let Some(row) = rows.next()? else { continue };
        let mut record = of_row(row, wanted.with_meta)?.record;
        if is_tagged {
            record.tags = tags::of(connection, id)?;
        }
        records.push(record);
    }
    Ok(records)
}

/// Shows records one by one, without their tags.
pub(super) fn each(
    connection: &Connection,
    groups: &Meant,
    wanted: &RecordsWanted,
    look: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> Result<(), Unread> {
    let numbers = numbers(connection, groups, wanted)?;
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM {FROM} WHERE r.id = ?1"))?;
    for (id, _) in numbers {
        let mut rows = select.query([id])?;
        let Some(row) = rows.next()? else { continue };
        if look(of_row(row, wanted.with_meta)?.record).is_break() {
            break;
        }
    }
    Ok(())
}

/// Returns the numbers of the rows that are wanted, in order, and whether each has tags.
fn numbers(
    connection: &Connection,
    groups: &Meant,
    wanted: &RecordsWanted,
) -> Result<Vec<(i64, bool)>, Unread> {
    let most = wanted.most.and_then(|most| i64::try_from(most).ok()).unwrap_or(i64::MAX);
    let skip = i64::try_from(wanted.skip).unwrap_or(i64::MAX);
    let condition = Condition::of_rows(wanted);
    let select = |index: &str, more: &str| {
        let Condition { text, .. } = &condition;
        format!("SELECT id, start, tagged, grp FROM record INDEXED BY {index} WHERE {text}{more}")
    };
    let (text, mut values, is_sorted_out) = match way(wanted, groups) {
        Way::Nowhere => return Ok(Vec::new()),
        Way::Along { index, states } if states.is_empty() => {
            (select(index, ""), condition.values.clone(), false)
        }
        Way::Along { index, states } => {
            let each = states.iter().map(|state| select(index, &format!(" AND state = {state}")));
            let values = states.iter().flat_map(|_| condition.values.clone()).collect();
            (each.collect::<Vec<_>>().join(" UNION ALL "), values, false)
        }
        Way::Groups(numbers) => {
            let each = numbers.iter().map(|group| select("record_grp", &format!(" AND grp = {group}")));
            let values = numbers.iter().flat_map(|_| condition.values.clone()).collect();
            (each.collect::<Vec<_>>().join(" UNION ALL "), values, true)
        }
    };
    let order = "ORDER BY start DESC, id DESC";
    let mut found = Vec::new();
    if is_sorted_out {
        values.extend([Value::Integer(most), Value::Integer(skip)]);
        let mut select = connection.prepare(&format!("{text} {order} LIMIT ? OFFSET ?"))?;
        let mut rows = select.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            found.push((row.get(0)?, row.get(2)?));
        }
        return Ok(found);
    }
    let meant: HashSet<i64> = groups.numbers().collect();
    let mut select = connection.prepare(&format!("{text} {order}"))?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut passed = 0;
    while let Some(row) = rows.next()? {
        if !meant.contains(&row.get::<_, i64>(3)?) {
            continue;
        }
        passed += 1;
        if passed <= skip {
            continue;
        }
        if found.len() as i64 >= most {
            break;
        }
        found.push((row.get(0)?, row.get(2)?));
    }
    Ok(found)
}

/// Tells whether what is wanted is a window of starts and nothing else but groups.
pub(super) fn window(wanted: &RecordsWanted) -> Option<Window> {
    let RecordsWanted { job, started_from, started_until, ended_from, .. } = wanted;
    let is_window = started_from.is_some() || started_until.is_some();
    (is_window && job.is_none() && ended_from.is_none()).then(|| Window::of(*started_from, *started_until))
}

/// Returns how many records are wanted, looking at the rows where groups alone do not tell.
pub(super) fn count(connection: &Connection, groups: &Meant, wanted: &RecordsWanted) -> Result<u64, Unread> {
    let condition = Condition::of_rows(wanted);
    if condition.values.is_empty() {
        return Ok(groups.records());
    }
    if wanted.job.is_some() {
        let all = RecordsWanted { skip: 0, most: None, ..wanted.clone() };
        return Ok(numbers(connection, groups, &all)?.len() as u64);
    }
    let text =
        format!("SELECT count(*) FROM record INDEXED BY record_grp WHERE grp = ? AND {}", condition.text);
    let mut select = connection.prepare_cached(&text)?;
    let mut all = 0;
    for group in groups.numbers() {
        let values = std::iter::once(Value::Integer(group)).chain(condition.values.clone());
        all += u64::try_from(select.query_row(params_from_iter(values), |row| row.get::<_, i64>(0))?)
            .unwrap_or(0);
    }
    Ok(all)
}
