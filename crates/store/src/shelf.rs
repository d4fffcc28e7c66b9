//! What dialects keep for themselves: shelf.db.

use crate::Writer;
use crate::database::{Database, Readers};
use crate::failure::failed;
use domain::ports::{Shelf, StoreError};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::sync::{Arc, Mutex, PoisonError};

/// The store of documents. Copies are handles to the same one.
#[derive(Clone)]
pub struct Papers {
    readers: Readers,
    writer: Arc<Mutex<Connection>>,
}

impl Papers {
    /// Opens shelf.db in the directory that a writer has taken.
    ///
    /// # Errors
    /// As [`crate::open`].
    pub fn open(beside: &Writer) -> Result<Self, StoreError> {
        let path = beside.database(Database::Shelf)?;
        let writer = Arc::new(Mutex::new(Database::Shelf.migrated(&path)?));
        Ok(Papers { readers: Readers::of(path), writer })
    }

    fn write<T>(
        &self,
        writing: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        // A transaction that was left by a panic has been rolled back.
        let mut connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writing(&mut connection).map_err(|error| failed("keep a document", &self.readers.path(), error))
    }
}

const PUT: &str = "INSERT OR REPLACE INTO paper (shelf, name, document) VALUES (?1, ?2, ?3)";
const GET: &str = "SELECT document FROM paper WHERE shelf = ?1 AND name = ?2";

impl Shelf for Papers {
    fn put(&self, shelf: &str, name: &str, document: &[u8]) -> Result<(), StoreError> {
        self.write(|connection| {
            connection.prepare_cached(PUT)?.execute(params![shelf, name, document]).map(drop)
        })
    }

    fn put_if(
        &self,
        shelf: &str,
        name: &str,
        was: Option<&[u8]>,
        document: &[u8],
    ) -> Result<bool, StoreError> {
        self.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let found: Option<Vec<u8>> =
                transaction.prepare_cached(GET)?.query_row([shelf, name], |row| row.get(0)).optional()?;
            if found.as_deref() != was {
                return Ok(false);
            }
            transaction.prepare_cached(PUT)?.execute(params![shelf, name, document])?;
            transaction.commit()?;
            Ok(true)
        })
    }

    fn get(&self, shelf: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.read("read a document", |connection| {
            let mut select = connection.prepare_cached(GET)?;
            Ok(select.query_row([shelf, name], |row| row.get(0)).optional()?)
        })
    }

    fn remove(&self, shelf: &str, name: &str) -> Result<bool, StoreError> {
        self.write(|connection| {
            let mut delete = connection.prepare_cached("DELETE FROM paper WHERE shelf = ?1 AND name = ?2")?;
            Ok(delete.execute([shelf, name])? > 0)
        })
    }

    fn list(
        &self,
        shelf: &str,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.readers.read("list documents", |connection| {
            // Names that begin with the prefix follow one another from it on.
            let mut select = connection.prepare_cached(
                "SELECT name, document FROM paper WHERE shelf = ?1 AND name >= ?2 AND (?3 IS NULL OR name > ?3)
                 ORDER BY name",
            )?;
            let from = after.filter(|after| *after > prefix).unwrap_or(prefix);
            let mut rows = select.query(params![shelf, from, after])?;
            let mut found = Vec::new();
            while found.len() < most
                && let Some(row) = rows.next()?
            {
                let name: String = row.get(0)?;
                if !name.starts_with(prefix) {
                    break;
                }
                found.push((name, row.get(1)?));
            }
            Ok(found)
        })
    }
}
