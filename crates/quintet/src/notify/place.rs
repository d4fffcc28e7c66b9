//! How far in the feed of changes others have been told, remembered over a restart in a small file.

use domain::ChangeId;
use std::path::{Path, PathBuf};

/// The file that remembers it.
#[derive(Debug)]
pub(super) struct Place {
    file: PathBuf,
}

impl Place {
    /// Names the file in a state directory.
    pub(super) fn within(state: &Path) -> Self {
        Place { file: state.join("notified") }
    }

    /// Returns the last change that was told, or `newest` if nothing sensible is remembered.
    pub(super) fn read(&self, newest: ChangeId) -> ChangeId {
        let remembered = std::fs::read_to_string(&self.file).ok();
        let number = remembered.and_then(|text| text.trim().parse().ok());
        number.map(ChangeId).filter(|last| *last <= newest).unwrap_or(newest)
    }

    /// Remembers the last change that was told.
    pub(super) fn write(&self, last: ChangeId) {
        // Never half written; after a crash of the machine an older one will do.
        let made = self.file.with_extension("new");
        let written = std::fs::write(&made, last.0.to_string());
        if let Err(error) = written.and_then(|()| std::fs::rename(&made, &self.file)) {
            tracing::warn!("notices may be repeated after a restart: {}: {error}", self.file.display());
        }
    }

    /// Forgets it.
    pub(super) fn forget(&self) {
        // Mostly there is no such file.
        let _ = std::fs::remove_file(&self.file);
    }
}
