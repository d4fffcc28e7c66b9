//! How jobs are named in dialects that want 16 bytes instead of a number: computed, never stored. One block of AES holds
//! what names a job for ever (its number, its task, the second it was submitted in) under a key of this service, so that a
//! name is always the same, leads back to its job, and cannot be guessed.

use aes::Aes128;
use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use domain::{JobId, TaskIndex, Timestamp};

/// Whose names these are and of what: names of one kind mean nothing as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A job in Waldur's dialect.
    WaldurJob,
    /// A job's script in Waldur's dialect.
    WaldurScript,
    /// What never became a job, in Waldur's dialect; counted instead of numbered.
    Refused,
    /// A user in Waldur's dialect, by number.
    User,
    /// The project of a user alone in Waldur's dialect, by the user's number.
    OwnProject,
    /// The customer of a user alone in Waldur's dialect, by the user's number.
    OwnCustomer,
    /// A batch in ET Engine's dialect.
    EtBatch,
    /// A job of a batch in ET Engine's dialect.
    EtJob,
    /// What a job has written, in ET Engine's dialect.
    EtLog,
}

impl Kind {
    /// What a name of this kind begins with, before it is enciphered. Once given they stay.
    const fn tag(self) -> [u8; 4] {
        match self {
            Kind::WaldurJob => *b"WaJ1",
            Kind::WaldurScript => *b"WaS1",
            Kind::Refused => *b"WaR1",
            Kind::User => *b"WaU1",
            Kind::OwnProject => *b"WaP1",
            Kind::OwnCustomer => *b"WaC1",
            Kind::EtBatch => *b"EtB1",
            Kind::EtJob => *b"EtJ1",
            Kind::EtLog => *b"EtL1",
        }
    }
}

/// Stands for no task: an index is never so high.
const NO_TASK: u32 = u32::MAX;

/// Makes and reads names.
#[derive(Clone)]
pub(crate) struct Ids(Aes128);

impl Ids {
    /// Makes them under a key.
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Ids(Aes128::new(&key.into()))
    }

    /// Returns the name of a job, or of a task of the array that has the number. Only the second of the time counts; it lies
    /// between 1970 and 2106.
    pub(crate) fn of(&self, kind: Kind, job: JobId, task: Option<TaskIndex>, submitted: Timestamp) -> u128 {
        let second = u32::try_from(submitted.seconds().max(0)).unwrap_or(u32::MAX);
        let task = task.map_or(NO_TASK, |task| task.0);
        let mut block = Block::<Aes128>::default();
        let parts = kind.tag().into_iter().chain(job.0.to_be_bytes());
        let parts = parts.chain(task.to_be_bytes()).chain(second.to_be_bytes());
        block.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
        self.0.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    }

    /// Returns the name of something else that has a number, at all times the same.
    pub(crate) fn of_number(&self, kind: Kind, number: u32) -> u128 {
        self.of(kind, JobId(number), None, Timestamp::EPOCH)
    }

    /// Returns the number that a name stands for which [`Ids::of_number`] has made.
    pub(crate) fn read_number(&self, kind: Kind, id: u128) -> Option<u32> {
        match self.read(kind, id)? {
            (JobId(number), None, 0) => Some(number),
            _ => None,
        }
    }

    /// Returns job, task and the second of the submission that a name stands for; `None` for what is no name of this kind.
    pub(crate) fn read(&self, kind: Kind, id: u128) -> Option<(JobId, Option<TaskIndex>, i64)> {
        let mut block = Block::<Aes128>::from(id.to_be_bytes());
        self.0.decrypt_block(&mut block);
        let plain = u128::from_be_bytes(block.into());
        let part = |shift: u32| (plain >> shift & u128::from(u32::MAX)) as u32;
        if part(96) != u32::from_be_bytes(kind.tag()) {
            return None;
        }
        let task = Some(part(32)).filter(|task| *task != NO_TASK).map(TaskIndex);
        Some((JobId(part(64)), task, i64::from(part(0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_micros(1_800_000_000_999_999);

    #[test]
    fn a_name_leads_back_to_its_job() {
        let ids = Ids::new([7; 16]);
        for (job, task) in
            [(JobId(1), None), (JobId::MAX, Some(TaskIndex(0))), (JobId(7), Some(TaskIndex(4_000_000)))]
        {
            let id = ids.of(Kind::WaldurJob, job, task, AT);
            assert_eq!(id, Ids::new([7; 16]).of(Kind::WaldurJob, job, task, AT));
            assert_eq!(ids.read(Kind::WaldurJob, id), Some((job, task, 1_800_000_000)));
        }
    }

    #[test]
    fn what_is_no_name_of_this_kind_is_none() {
        let ids = Ids::new([7; 16]);
        let id = ids.of(Kind::WaldurJob, JobId(1), None, AT);
        assert_eq!(ids.read(Kind::WaldurScript, id), None);
        assert_eq!(Ids::new([8; 16]).read(Kind::WaldurJob, id), None);
        for foreign in [0, 1, u128::MAX, id ^ 1, id.swap_bytes()] {
            assert_eq!(ids.read(Kind::WaldurJob, foreign), None);
        }
        assert_ne!(id, ids.of(Kind::WaldurJob, JobId(2), None, AT));
    }

    #[test]
    fn what_stands_in_links_once_never_changes() {
        // Clients keep these names: they must be the same in every release.
        let id = Ids::new([7; 16]).of(Kind::WaldurJob, JobId(1), None, AT);
        assert_eq!(format!("{id:032x}"), "b44db6e17f6fd9536f27a02b8137c1da");
    }
}
