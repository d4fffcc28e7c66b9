//! What things are called here: 32 hexadecimal digits. Names of jobs, users and what users have alone lead back to them;
//! those of accounts are found by comparing.

use crate::ids::{Ids, Kind};
use domain::accounting::folded;
use domain::job::Job;
use domain::{JobId, Uid};
use sha2::{Digest, Sha256};

/// Makes and reads names.
pub(super) struct Names {
    pub(super) ids: Ids,
    key: [u8; 16],
}

impl Names {
    /// Makes them under a key.
    pub(super) fn new(key: [u8; 16]) -> Self {
        Names { ids: Ids::new(key), key }
    }

    /// Returns the name of a job; a task of an array goes by its array's.
    pub(super) fn job(&self, job: &Job) -> u128 {
        self.ids.of(Kind::WaldurJob, job.array_id(), None, job.submitted)
    }

    /// Returns the name of a job's script.
    pub(super) fn script(&self, job: &Job) -> u128 {
        self.ids.of(Kind::WaldurScript, job.array_id(), None, job.submitted)
    }

    /// Returns number and second of the submission of the job whose name this is.
    pub(super) fn read_job(&self, kind: Kind, id: u128) -> Option<(JobId, i64)> {
        let (job, task, second) = self.ids.read(kind, id)?;
        task.is_none().then_some((job, second))
    }

    /// Returns the name of a user.
    pub(super) fn user(&self, uid: Uid) -> u128 {
        self.ids.of_number(Kind::User, uid.0)
    }

    /// Returns the name of something that is known by a name of its own; case does not matter.
    pub(super) fn named(&self, what: &str, name: &str) -> u128 {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(what);
        hash.update([0]);
        hash.update(folded(name).as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        digest.first_chunk().map_or(0, |first| u128::from_be_bytes(*first))
    }
}

/// Writes a name.
pub(super) fn hex(id: u128) -> String {
    format!("{id:032x}")
}

/// Reads a name, with dashes in their places or without any.
pub(super) fn parse(text: &str) -> Option<u128> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let digits = match text.len() {
        32 => text.to_owned(),
        36 if DASHES.iter().all(|at| text.as_bytes().get(*at) == Some(&b'-')) => text.replace('-', ""),
        _ => return None,
    };
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_dashes_and_without() {
        let id = 0x00b4_4db6_e17f_6fd9_536f_27a0_2b81_37c1;
        assert_eq!(parse(&hex(id)), Some(id));
        assert_eq!(parse("00b44db6-e17f-6fd9-536f-27a02b8137c1"), Some(id));
        assert_eq!(parse("00B44DB6E17F6FD9536F27A02B8137C1"), Some(id));
        for text in ["", "x", "00b44db6-e17f-6fd9-536f-27a02b8137c", "+0b44db6e17f6fd9536f27a02b8137c1"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("00b44db6-e17f-6fd9-536f27a02b8137c1-"), None);
    }

    #[test]
    fn things_of_one_name_have_names_of_their_own() {
        let names = Names::new([1; 16]);
        assert_eq!(names.named("project", "Physics"), names.named("project", "physics"));
        assert_ne!(names.named("project", "physics"), names.named("customer", "physics"));
        assert_ne!(names.named("project", "physics"), Names::new([2; 16]).named("project", "physics"));
    }
}
