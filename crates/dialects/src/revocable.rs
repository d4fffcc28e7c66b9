//! A credential that can be taken back by itself, though it is kept nowhere.

use domain::Timestamp;

/// What must be remembered of a credential that is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocable {
    /// Its dialect's name.
    pub api: &'static str,
    /// What it is called among those of its dialect: letters and digits, and nobody can use it.
    pub name: String,
    /// Whose it is.
    pub user: String,
    /// From then on it is good for nothing anyway.
    pub until: Timestamp,
}
