//! How many records there are of which cluster, user, project and state: in memory as of the last commit, so that lists
//! know the shortest way and totals need not be counted.

use super::body::{numbered, state_number};
use domain::Text;
use domain::monitoring::{JobState, Record, RecordsWanted};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// Records that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) cluster: Text,
    pub(super) user: Text,
    pub(super) project: Text,
    pub(super) state: JobState,
    pub(super) count: u64,
}

/// All groups by their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups(BTreeMap<i64, Group>);

/// Groups whose records may be wanted: their numbers, and how many records each has.
#[derive(Clone, Debug, Default)]
pub(super) struct Meant(Vec<(i64, u64)>);

impl Meant {
    /// Returns their numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = i64> {
        self.0.iter().map(|(id, _)| *id)
    }

    #[cfg(test)]
    pub(super) fn of(numbers: &[i64]) -> Self {
        Meant(numbers.iter().map(|number| (*number, 1)).collect())
    }

    /// Returns how many records they have.
    pub(super) fn records(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

impl Group {
    /// Tells whether records of it may be wanted.
    fn is_wanted(&self, wanted: &RecordsWanted) -> bool {
        (wanted.states.is_empty() || wanted.states.contains(&self.state))
            && wanted.cluster.as_ref().is_none_or(|cluster| *cluster == self.cluster)
            && wanted.user.as_ref().is_none_or(|user| *user == self.user)
            && (wanted.projects.is_empty() || wanted.projects.contains(&self.project))
            && wanted.seen_by.as_ref().is_none_or(|person| person.sees(&self.user, &self.project))
    }
}

impl Groups {
    /// Reads them all.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut groups = Groups::default();
        groups.read_where(connection, "count > 0", [])?;
        Ok(groups)
    }

    fn read_where(
        &mut self,
        connection: &Connection,
        which: &str,
        values: impl rusqlite::Params,
    ) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(&format!(
            "SELECT id, cluster, user, project, state, count FROM grp WHERE {which}"
        ))?;
        let mut rows = select.query(values)?;
        while let Some(row) = rows.next()? {
            let Some(state) = numbered(row.get(4)?) else { continue };
            let group = Group {
                cluster: row.get::<_, String>(1)?.into(),
                user: row.get::<_, String>(2)?.into(),
                project: row.get::<_, String>(3)?.into(),
                state,
                count: u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
            };
            let id = row.get(0)?;
            match group.count {
                0 => self.0.remove(&id),
                _ => self.0.insert(id, group),
            };
        }
        Ok(())
    }

    /// Reads some of them anew.
    pub(super) fn refresh(&mut self, connection: &Connection, touched: &[i64]) -> rusqlite::Result<()> {
        touched.iter().try_for_each(|id| self.read_where(connection, "id = ?1", [id]))
    }

    /// Returns those whose records may be wanted.
    pub(super) fn wanted(&self, wanted: &RecordsWanted) -> Meant {
        let meant = self.0.iter().filter(|(_, group)| group.is_wanted(wanted));
        Meant(meant.map(|(id, group)| (*id, group.count)).collect())
    }
}

/// Returns the number of a record's group, which is made if it is not there.
pub(super) fn group_of(connection: &Connection, record: &Record) -> rusqlite::Result<i64> {
    let key = params![
        record.cluster.as_str(),
        record.user.as_str(),
        record.project.as_str(),
        state_number(record.state)
    ];
    let mut select = connection.prepare_cached(
        "SELECT id FROM grp WHERE cluster = ?1 AND user = ?2 AND project = ?3 AND state = ?4",
    )?;
    if let Some(id) = select.query_row(key, |row| row.get(0)).optional()? {
        return Ok(id);
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO grp (cluster, user, project, state, count) VALUES (?1, ?2, ?3, ?4, 0)",
    )?;
    insert.insert(key)
}

/// Counts a record more or less in a group.
pub(super) fn count(connection: &Connection, group: i64, more: i64) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE grp SET count = count + ?2 WHERE id = ?1")?;
    update.execute([group, more]).map(|_| ())
}
