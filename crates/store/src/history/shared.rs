//! What many attempts have in common, stored once: words, classes, lists of nodes. Rows are found again from memory or
//! made.

use crate::database::Unread;
use domain::Text;
use domain::history::Charge;
use domain::job::Job;
use domain::{Gid, Uid};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Transaction, params};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// Rows remembered of each kind.
const REMEMBERED: usize = 16_384;

/// Who ran an attempt, and on what terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Class {
    pub(super) user: u32,
    pub(super) user_name: Text,
    pub(super) group: u32,
    pub(super) group_name: Text,
    pub(super) account: Text,
    pub(super) partition: Text,
    pub(super) qos: Text,
    pub(super) wckey: Text,
    pub(super) reservation: Text,
    pub(super) constraint: Text,
}

/// What [`Class::from_row`] reads.
pub(super) const CLASS: &str = r#"user, user_name, group_id, group_name, account, partition, qos, wckey, reservation,
    "constraint""#;

impl Class {
    /// Returns the class of an attempt.
    pub(super) fn of(job: &Job) -> Self {
        let spec = &job.spec;
        let named = &spec.uncommon().reservation;
        let (partition, reservation) = match job.run() {
            Some(run) if !run.allocation.reservation.is_empty() => {
                (&run.allocation.partition, &run.allocation.reservation)
            }
            Some(run) => (&run.allocation.partition, named),
            None => (spec.partition(), named),
        };
        let constraint = spec.resources.constraint.as_ref().map(|constraint| constraint.written.clone());
        Class {
            user: spec.owner.uid.0,
            user_name: spec.owner.name.clone(),
            group: spec.owner.gid.0,
            group_name: spec.owner.group.clone(),
            account: spec.account.clone(),
            partition: partition.clone(),
            qos: spec.qos.clone(),
            wckey: spec.wckey.clone(),
            reservation: reservation.clone(),
            constraint: constraint.unwrap_or_default(),
        }
    }

    /// Reads [`CLASS`], its first column at `at`.
    pub(super) fn from_row(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        let text =
            |column: usize| -> rusqlite::Result<Text> { Ok(Text::from(row.get_ref(at + column)?.as_str()?)) };
        Ok(Class {
            user: row.get(at)?,
            user_name: text(1)?,
            group: row.get(at + 2)?,
            group_name: text(3)?,
            account: text(4)?,
            partition: text(5)?,
            qos: text(6)?,
            wckey: text(7)?,
            reservation: text(8)?,
            constraint: text(9)?,
        })
    }

    /// Reads a class by its number.
    pub(super) fn read(connection: &Connection, id: i64) -> Result<Self, Unread> {
        let sql = format!("SELECT {CLASS} FROM class WHERE id = ?1");
        let class = connection.prepare_cached(&sql)?.query_row([id], |row| Class::from_row(row, 0));
        Ok(class?)
    }

    pub(super) fn uid(&self) -> Uid {
        Uid(self.user)
    }

    pub(super) fn gid(&self) -> Gid {
        Gid(self.group)
    }
}

/// Texts that are looked up by their numbers again and again; zero is the empty one.
pub(super) struct Texts<'a> {
    statement: CachedStatement<'a>,
    known: &'a mut HashMap<i64, Text>,
}

impl<'a> Texts<'a> {
    /// Words, of which some are known.
    pub(super) fn words(
        connection: &'a Connection,
        known: &'a mut HashMap<i64, Text>,
    ) -> rusqlite::Result<Self> {
        Ok(Texts { statement: connection.prepare_cached("SELECT text FROM word WHERE id = ?1")?, known })
    }

    /// Lists of nodes, of which some are known.
    pub(super) fn nodelists(
        connection: &'a Connection,
        known: &'a mut HashMap<i64, Text>,
    ) -> rusqlite::Result<Self> {
        Ok(Texts { statement: connection.prepare_cached("SELECT text FROM nodelist WHERE id = ?1")?, known })
    }

    /// Returns the text of this number.
    pub(super) fn text(&mut self, id: i64) -> Result<Text, Unread> {
        if id == 0 {
            return Ok(Text::default());
        }
        Ok(match self.known.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(unknown) => {
                let text = self.statement.query_row([id], |row| Ok(Text::from(row.get_ref(0)?.as_str()?)))?;
                unknown.insert(text).clone()
            }
        })
    }
}

/// Finds the number of a word, if there is one.
pub(super) fn word_id(connection: &Connection, word: &str) -> rusqlite::Result<Option<i64>> {
    if word.is_empty() {
        return Ok(Some(0));
    }
    let mut statement = connection.prepare_cached("SELECT id FROM word WHERE text = ?1")?;
    statement.query_row([word], |row| row.get(0)).optional()
}

/// Numbers that were seen lately. Wrong, and to be forgotten, when a transaction fails.
#[derive(Default)]
pub(super) struct Seen {
    words: HashMap<Text, i64>,
    classes: HashMap<Class, i64>,
    lists: HashMap<Text, i64>,
    charges: HashMap<Charge, i64>,
}

impl Seen {
    /// Returns the number of a word, making one if there is none.
    pub(super) fn word(&mut self, history: &Transaction<'_>, word: &str) -> rusqlite::Result<i64> {
        if word.is_empty() {
            return Ok(0);
        }
        if let Some(id) = self.words.get(word) {
            return Ok(*id);
        }
        let id = match word_id(history, word)? {
            Some(id) => id,
            None => history.prepare_cached("INSERT INTO word (text) VALUES (?1)")?.insert([word])?,
        };
        remember(&mut self.words, Text::from(word), id);
        Ok(id)
    }

    /// Returns the number of a class, making one if there is none.
    pub(super) fn class(&mut self, history: &Transaction<'_>, class: Class) -> rusqlite::Result<i64> {
        if let Some(id) = self.classes.get(&class) {
            return Ok(*id);
        }
        let parameters = params![
            class.user,
            class.user_name.as_str(),
            class.group,
            class.group_name.as_str(),
            class.account.as_str(),
            class.partition.as_str(),
            class.qos.as_str(),
            class.wckey.as_str(),
            class.reservation.as_str(),
            class.constraint.as_str(),
        ];
        let find = r#"SELECT id FROM class WHERE user = ?1 AND user_name = ?2 AND group_id = ?3 AND group_name = ?4
            AND account = ?5 AND partition = ?6 AND qos = ?7 AND wckey = ?8 AND reservation = ?9
            AND "constraint" = ?10"#;
        let found = history.prepare_cached(find)?.query_row(parameters, |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                let make =
                    format!("INSERT INTO class ({CLASS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
                history.prepare_cached(&make)?.insert(parameters)?
            }
        };
        remember(&mut self.classes, class, id);
        Ok(id)
    }

    /// Returns the number of who is charged, making one if there is none.
    pub(super) fn charge(&mut self, history: &Transaction<'_>, charge: &Charge) -> rusqlite::Result<i64> {
        if let Some(id) = self.charges.get(charge) {
            return Ok(*id);
        }
        let Charge { account, user, partition, qos, wckey, reservation } = charge;
        let names = [account, user, partition, qos, wckey, reservation].map(Text::as_str);
        let find = "SELECT id FROM charge WHERE account = ?1 AND user = ?2 AND partition = ?3 AND qos = ?4
                    AND wckey = ?5 AND reservation = ?6";
        let found = history.prepare_cached(find)?.query_row(names, |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO charge (account, user, partition, qos, wckey, reservation)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                history.prepare_cached(sql)?.insert(names)?
            }
        };
        remember(&mut self.charges, charge.clone(), id);
        Ok(id)
    }

    /// Returns the number of a list of nodes, making one if there is none.
    pub(super) fn nodelist(&mut self, history: &Transaction<'_>, folded: &str) -> rusqlite::Result<i64> {
        if folded.is_empty() {
            return Ok(0);
        }
        if let Some(id) = self.lists.get(folded) {
            return Ok(*id);
        }
        let mut find = history.prepare_cached("SELECT id FROM nodelist WHERE text = ?1")?;
        let id = match find.query_row([folded], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO nodelist (text) VALUES (?1)";
                let id = history.prepare_cached(sql)?.insert([folded])?;
                self.unfold(history, id, folded)?;
                id
            }
        };
        remember(&mut self.lists, Text::from(folded), id);
        Ok(id)
    }

    /// Writes down which nodes are on lists that came from an older schema.
    pub(super) fn unfold_all(&mut self, history: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut statement = history.prepare("SELECT id, text FROM nodelist WHERE unfolded = 0")?;
        let lists: Vec<(i64, String)> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        lists.iter().try_for_each(|(id, folded)| self.unfold(history, *id, folded))
    }

    fn unfold(&mut self, history: &Transaction<'_>, list: i64, folded: &str) -> rusqlite::Result<()> {
        let mut put = history.prepare_cached("INSERT OR IGNORE INTO listed (node, list) VALUES (?1, ?2)")?;
        for node in domain::cluster::unfold(folded) {
            let node = self.word(history, &node)?;
            put.execute([node, list])?;
        }
        history.prepare_cached("UPDATE nodelist SET unfolded = 1 WHERE id = ?1")?.execute([list])?;
        Ok(())
    }
}

/// Puts something into a memory that must not grow for ever.
fn remember<K: Eq + Hash>(memory: &mut HashMap<K, i64>, key: K, id: i64) {
    if memory.len() >= REMEMBERED {
        memory.clear();
    }
    memory.insert(key, id);
}
