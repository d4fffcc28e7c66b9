//! What can go wrong between us and a cluster.

use std::time::Duration;

/// Why one endpoint gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It was not reached: nothing was sent.
    Unreached(String),
    /// The request was sent, and no whole answer came.
    Unanswered(String),
    /// What came is no answer.
    Garbage(String),
}

/// Why there is no answer of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No endpoint was reached: nothing was sent.
    #[error("no slurmrestd can be reached: {0}")]
    Unreachable(String),
    /// The request was sent and no answer came: whether it was carried out is not known.
    #[error("slurmrestd did not answer: {0}")]
    Unanswered(String),
    /// What came is no answer of slurmrestd; whether the request was carried out is not known.
    #[error("slurmrestd sent something that is no answer: {0}")]
    Garbage(String),
    /// Whoever asks has asked too often; after that time he may again.
    #[error("too many requests")]
    TooMany(Duration),
    /// Nobody can act for that user as this service is configured, or its credentials cannot be read.
    #[error("there are no credentials for this user: {0}")]
    NoIdentity(String),
    /// The client's key has named another submission before.
    #[error("the key has named another submission before")]
    KeyReused,
    /// Nothing can be submitted under a key, as nothing is written down.
    #[error("there is nowhere to write submissions down")]
    NoKeys,
    /// The submission is not written so that it could be marked.
    #[error("a submission under a key must be strict JSON, with a text or nothing in comment and extra")]
    NotMarked,
    /// The cluster has no such operation in any version that it offers.
    #[error("the cluster does not offer this operation")]
    NotOffered,
}

impl From<Lost> for Trouble {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Unreached(why) => Trouble::Unreachable(why),
            Lost::Unanswered(why) => Trouble::Unanswered(why),
            Lost::Garbage(why) => Trouble::Garbage(why),
        }
    }
}
