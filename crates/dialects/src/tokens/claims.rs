//! What is inside a token.

use serde::{Deserialize, Serialize};

/// The claims Slurm looks at. `sun` is Slurm's own; other issuers name the user in `username` or `sub`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sun: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sub: Option<String>,
}

impl Claims {
    /// Returns the user's name, if there is one.
    pub(super) fn user(self) -> Option<String> {
        [self.sun, self.username, self.sub].into_iter().flatten().find(|name| !name.is_empty())
    }
}
