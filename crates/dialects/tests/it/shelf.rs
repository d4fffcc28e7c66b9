//! A shelf in memory, for tests of dialects on the wire and of single rooms of them.

use domain::ports::{Shelf, StoreError};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A shelf in memory.
#[derive(Default)]
pub(crate) struct MemoryShelf(Mutex<BTreeMap<(String, String), Vec<u8>>>);

impl Shelf for MemoryShelf {
    fn put(&self, shelf: &str, name: &str, document: &[u8]) -> Result<(), StoreError> {
        self.0.lock().unwrap().insert((shelf.to_owned(), name.to_owned()), document.to_owned());
        Ok(())
    }

    fn put_if(
        &self,
        shelf: &str,
        name: &str,
        was: Option<&[u8]>,
        document: &[u8],
    ) -> Result<bool, StoreError> {
        let mut kept = self.0.lock().unwrap();
        let place = (shelf.to_owned(), name.to_owned());
        let is_so = kept.get(&place).map(Vec::as_slice) == was;
        if is_so {
            kept.insert(place, document.to_owned());
        }
        Ok(is_so)
    }

    fn get(&self, shelf: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().unwrap().get(&(shelf.to_owned(), name.to_owned())).cloned())
    }

    fn remove(&self, shelf: &str, name: &str) -> Result<bool, StoreError> {
        Ok(self.0.lock().unwrap().remove(&(shelf.to_owned(), name.to_owned())).is_some())
    }

    fn list(
        &self,
        shelf: &str,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let kept = self.0.lock().unwrap();
        let here = kept.iter().filter(|((own, name), _)| own == shelf && name.starts_with(prefix));
        let here = here.filter(|((_, name), _)| after.is_none_or(|after| name.as_str() > after));
        Ok(here.take(most).map(|((_, name), document)| (name.clone(), document.clone())).collect())
    }
}
