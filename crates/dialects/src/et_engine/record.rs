//! What this dialect keeps beside jobs, as it is written down. Names are kept short: there may be many.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// A tool: what a batch runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tool {
    /// Its number.
    #[serde(with = "by_uuid")]
    pub(super) id: u128,
    /// Its name, which no other tool of the user has.
    pub(super) name: String,
    /// What it does.
    pub(super) description: String,
    /// What is run, in place of what its content says.
    #[serde(default)]
    pub(super) entry: Vec<String>,
    /// Arguments that hold where a submission names no others.
    #[serde(default)]
    pub(super) arguments: Vec<(String, String)>,
    /// What was uploaded last.
    #[serde(default)]
    pub(super) content: Option<Content>,
}

/// What was uploaded of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    /// In which folder of the tool's it is.
    pub(super) folder: String,
    /// What is run of it.
    pub(super) entry: Vec<String>,
    /// Bytes that were sent.
    pub(super) size: u64,
}

/// A filesystem: a folder that jobs find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Filesystem {
    /// Its number.
    #[serde(with = "by_uuid")]
    pub(super) id: u128,
    /// Its name, which no other filesystem of the user has.
    pub(super) name: String,
}

/// What is asked for each job of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hardware {
    /// The filesystems that its jobs find.
    pub(super) filesystems: Vec<Filesystem>,
    /// CPUs.
    pub(super) cpu: u16,
    /// Memory, megabytes.
    pub(super) memory: u64,
}

/// A batch, as far as its array of jobs does not say it by itself; recorded with that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The tool as it was called.
    #[serde(with = "by_uuid")]
    pub(super) tool_id: u128,
    pub(super) tool_name: String,
    pub(super) tool_description: String,
    /// What was asked for.
    pub(super) hardware: Hardware,
    /// How many jobs it has.
    pub(super) jobs: u32,
    /// Name of its folder.
    pub(super) folder: String,
}

/// A batch and what has become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Batch {
    /// Number of its array of jobs.
    pub(super) job: u32,
    /// The second in which it was submitted.
    pub(super) second: i64,
    /// What it is.
    pub(super) origin: Origin,
    /// How many jobs ended well, once all are over and have left.
    #[serde(default)]
    pub(super) succeeded: Option<u32>,
}

/// A batch that was deleted, and whose jobs may not be over yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Deleted {
    /// Its folder, if it was made here.
    pub(super) folder: Option<String>,
}

/// A key that was made, or used, and may have been taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    /// What its owner calls it.
    pub(super) name: String,
    /// What it is for.
    pub(super) description: String,
    /// When it was made, seconds.
    pub(super) made: i64,
    /// From when on it is good for nothing, seconds.
    pub(super) expires: i64,
    /// It was taken back.
    #[serde(default)]
    pub(super) revoked: bool,
}

/// A file that is being sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Upload {
    /// Where to.
    #[serde(with = "by_uuid")]
    pub(super) filesystem: u128,
    /// As what.
    pub(super) path: String,
    /// How many bytes it will have.
    pub(super) size: u64,
    /// When it was begun, seconds.
    pub(super) begun: i64,
    /// What has arrived: ascending stretches that do not touch, each with its first byte and the one behind its last.
    #[serde(default)]
    pub(super) arrived: Vec<(u64, u64)>,
}

impl Upload {
    /// Takes in that a stretch has arrived.
    pub(super) fn take_in(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let (mut from, mut to) = (from, to);
        self.arrived.retain(|(first, end)| {
            let touches = *first <= to && from <= *end;
            if touches {
                (from, to) = (from.min(*first), to.max(*end));
            }
            !touches
        });
        let place = self.arrived.partition_point(|(first, _)| *first < from);
        self.arrived.insert(place, (from, to));
    }

    /// Tells whether all has arrived.
    pub(super) fn is_complete(&self) -> bool {
        self.size == 0 || self.arrived == [(0, self.size)]
    }

    /// Tells whether it was given up, as far as anybody can tell.
    pub(super) fn is_forgotten(&self, now: Timestamp, after: std::time::Duration) -> bool {
        now.since(Timestamp::from_seconds(self.begun)) > after
    }
}

/// Numbers as texts: JSON's numbers are too short for them.
mod by_uuid {
    use super::super::uuid;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(id: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&uuid::written(*id))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        uuid::read(&text).ok_or_else(|| D::Error::custom("no UUID"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_arrive_in_any_order() {
        let mut upload = Upload { filesystem: 1, path: "x".into(), size: 30, begun: 0, arrived: Vec::new() };
        for (from, to, so_far) in [
            (20, 30, vec![(20, 30)]),
            (0, 5, vec![(0, 5), (20, 30)]),
            (8, 12, vec![(0, 5), (8, 12), (20, 30)]),
            (8, 12, vec![(0, 5), (8, 12), (20, 30)]),
            (9, 9, vec![(0, 5), (8, 12), (20, 30)]),
            (4, 9, vec![(0, 12), (20, 30)]),
        ] {
            upload.take_in(from, to);
            assert_eq!((upload.arrived.clone(), upload.is_complete()), (so_far, false));
        }
        upload.take_in(12, 20);
        assert!(upload.is_complete());
    }
}
