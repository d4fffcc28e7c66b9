//! What can go wrong between the command line and the service, told with what to do about it.

use reqwest::StatusCode;

/// Why a request brought no answer, or not the one hoped for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody answers.
    #[error("no answer from {base}")]
    Unreachable {
        /// The address.
        base: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Who asks could not be proved.
    #[error("{base} does not accept {}", if *had_token { "this token" } else { "requests without a token" })]
    Unauthenticated {
        /// The address.
        base: String,
        /// Whether there was a token at all.
        had_token: bool,
    },
    /// The service said no.
    #[error("{why}")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// The reason in words.
        why: String,
        /// Each reason.
        entries: Vec<Entry>,
    },
    /// The answer makes no sense.
    #[error("the answer to {path} cannot be read; is this the address of Quintet?")]
    Garbled {
        /// What was asked.
        path: String,
    },
}

/// One reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Slurm's number for it.
    pub(crate) number: i64,
    /// Its fixed text.
    pub(crate) text: String,
    /// What is special this time.
    pub(crate) description: String,
}

impl ClientError {
    /// Returns what the user can do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            ClientError::Unreachable { .. } => Some(
                "start the service with `quintet serve`, or name another one with QUINTET_URL or --url"
                    .to_owned(),
            ),
            ClientError::Unauthenticated { .. } => Some(
                "set QUINTET_TOKEN to what `quintet token NAME --for slurm` prints on the service's machine"
                    .to_owned(),
            ),
            ClientError::Refused { .. } | ClientError::Garbled { .. } => None,
        }
    }

    /// Tells whether what was asked for does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        match self {
            ClientError::Refused { status, entries, .. } => {
                *status == 404 || entries.iter().any(|entry| entry.number == 2017)
            }
            _ => false,
        }
    }
}

/// Returns the reasons an answer of Slurm's part gives.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { return Vec::new() };
    let text_of = |entry: &serde_json::Value, key: &str| {
        entry.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let entries = value.get("errors").and_then(serde_json::Value::as_array);
    let entry = |entry: &serde_json::Value| Entry {
        number: entry.get("error_number").and_then(serde_json::Value::as_i64).unwrap_or_default(),
        text: text_of(entry, "error"),
        description: text_of(entry, "description"),
    };
    entries.into_iter().flatten().map(entry).collect()
}

/// Says in one line why something was refused.
pub(super) fn told(status: StatusCode, text: &str, entries: &[Entry]) -> String {
    let one = |entry: &Entry| match (entry.text.as_str(), entry.description.as_str()) {
        // Number 0 is "no error" even where it reports one.
        (_, description) if entry.number == 0 && !description.is_empty() => description.to_owned(),
        ("", description) => description.to_owned(),
        (text, "") => text.to_owned(),
        (text, description) if text == description => text.to_owned(),
        (text, description) => format!("{text}: {description}"),
    };
    if !entries.is_empty() {
        return entries.iter().map(one).collect::<Vec<_>>().join("; ");
    }
    let native = serde_json::from_str::<serde_json::Value>(text).ok().and_then(|value| {
        let found = ["error", "message", "detail"].iter().find_map(|key| value.get(key));
        found.map(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned))
    });
    match native {
        Some(native) => native,
        None if text.trim().is_empty() => format!("the service answered with status {status}"),
        None => text.trim().lines().next().unwrap_or_default().to_owned(),
    }
}
