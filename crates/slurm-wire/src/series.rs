//! Objects that are written one after another, as the entries of a long list: neighbours have most of their fields in
//! common, and what an entry shares with the one before it is copied, not written again.

use crate::chain::{Chain, Link};
use crate::out::Out;
use crate::wire::Wire;

/// An object of the tables that is marked `listed`.
pub trait Listed: Wire + Default {
    /// Makes it equal to another.
    fn become_like(&mut self, other: &Self);

    /// Writes the fields, those that equal the ones `before` from what was written then.
    fn weave(&self, before: Option<&Self>, weave: &mut Weave<'_>);
}

/// Objects of one list.
#[derive(Debug)]
pub struct Series<T> {
    /// The last entry, if there was one, and the next: both keep their places.
    last: Box<T>,
    next: Box<T>,
    has_last: bool,
    /// The last entry's fields as they were written, and where each of them ends.
    written: Vec<u8>,
    ends: Vec<usize>,
    /// Where the next one is written.
    spare: Out,
}

impl<T: Listed> Default for Series<T> {
    fn default() -> Self {
        Series {
            last: Box::default(),
            next: Box::default(),
            has_last: false,
            written: Vec::new(),
            ends: Vec::new(),
            spare: Out::new(crate::versions::CURRENT),
        }
    }
}

impl<T: Listed> Series<T> {
    /// Returns where the next object is to be put: one of those that were written before is still there.
    pub fn vacant(&mut self) -> &mut T {
        &mut self.next
    }

    /// Appends the next object, exactly as [`Wire::write`] would do it.
    pub fn write(&mut self, out: &mut Out) {
        if !out.version().is_current() {
            // Objects of other versions are changed as wholes.
            return self.next.write(out);
        }
        let start = out.len();
        out.extend_from_slice(self.fields(None));
        crate::write_json::close_object(start, out);
    }

    /// Adds the next object to a chain, whose last is the one before; returns how much [`Series::write`] would append in
    /// the current version, as readers of the chain do.
    pub fn keep(&mut self, chain: &mut Chain) -> usize {
        let length = if chain.is_empty() {
            let fields = self.fields(None);
            chain.begin(fields);
            fields.len()
        } else {
            self.fields(Some(chain)).len()
        };
        // The brace at the beginning takes the place of a comma.
        length.max(1) + 1
    }

    fn fields(&mut self, chain: Option<&mut Chain>) -> &[u8] {
        self.spare.clear();
        let mut weave = Weave {
            old: &self.written,
            ends: &mut self.ends,
            at: 0,
            copied: 0,
            seen: 0,
            shift: 0,
            out: &mut self.spare,
            link: chain.map(Link::of),
        };
        self.next.weave(Some(&*self.last).filter(|_| self.has_last), &mut weave);
        weave.end();
        std::mem::swap(&mut self.last, &mut self.next);
        self.has_last = true;
        std::mem::swap(&mut *self.spare, &mut self.written);
        &self.written
    }
}

/// An object on its way from what was written before it to what is written now.
#[derive(Debug)]
pub struct Weave<'a> {
    old: &'a [u8],
    /// Where each field ends: in the old text from `at` on, and in the new one before.
    ends: &'a mut Vec<usize>,
    at: usize,
    /// How far the old text has been taken over, and how far it has been looked at.
    copied: usize,
    seen: usize,
    /// How far the new text is ahead of the old one; a negative number wraps.
    shift: usize,
    out: &'a mut Out,
    /// Where it is kept, if it is.
    link: Option<Link<'a>>,
}

impl Weave<'_> {
    /// The next field is what it was.
    #[inline(always)]
    pub(crate) fn same(&mut self) {
        if let Some(end) = self.ends.get_mut(self.at) {
            self.seen = *end;
            *end = end.wrapping_add(self.shift);
        }
        self.at += 1;
    }

    /// The next field is another; its name comes with comma, quotes and colon.
    pub(crate) fn other<T: Wire>(&mut self, name: &[u8], value: &T) {
        self.copy();
        let start = self.out.len();
        if !value.is_left_out() {
            self.out.extend_from_slice(name);
            value.write(self.out);
        }
        let end = self.out.len();
        match self.ends.get_mut(self.at) {
            Some(known) => {
                self.seen = *known;
                *known = end;
            }
            None => self.ends.push(end),
        }
        if let Some(link) = &mut self.link {
            let old = self.old.get(self.copied..self.seen).unwrap_or_default();
            link.replace(self.copied, old, self.out.get(start..).unwrap_or_default());
        }
        self.copied = self.seen;
        self.shift = end.wrapping_sub(self.seen);
        self.at += 1;
    }

    fn copy(&mut self) {
        self.out.extend_from_slice(self.old.get(self.copied..self.seen).unwrap_or_default());
        self.copied = self.seen;
    }

    fn end(mut self) {
        self.copy();
        if let Some(link) = self.link {
            link.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoVal;
    use crate::chain::Reader;
    use crate::job_info::JobInfo;
    use crate::words::{JobFlag, JobState};
    use proptest::prelude::*;

    fn check(entries: impl IntoIterator<Item = JobInfo>) {
        let (mut series, mut kept) = (Series::<JobInfo>::default(), Series::<JobInfo>::default());
        let mut chain = Chain::default();
        let mut out = Out::new(crate::versions::CURRENT);
        let mut expected = Vec::new();
        for entry in entries {
            entry.write_json(&mut expected);
            let before = out.len();
            *series.vacant() = entry.clone();
            series.write(&mut out);
            kept.vacant().become_like(&entry);
            assert_eq!(kept.keep(&mut chain), out.len() - before);
        }
        let (mut reader, mut read) = (Reader::default(), Out::new(crate::versions::CURRENT));
        while reader.write(&chain, &mut read) {}
        assert_eq!(read.into_bytes(), expected);
        assert_eq!(String::from_utf8(out.into_bytes()).unwrap(), String::from_utf8(expected).unwrap());
    }

    fn entry() -> impl Strategy<Value = JobInfo> {
        let texts = prop::array::uniform4(prop_oneof![Just(String::new()), "[a-c\"]{0,3}"]);
        (texts, any::<[bool; 6]>(), prop::array::uniform3(0..200_u32)).prop_map(
            |(texts, switches, numbers)| {
                let mut info = JobInfo::default();
                let [account, name, last, state] = texts.map(Into::into);
                (info.account, info.name, info.current_working_directory) = (account, name, last);
                info.state_description = state;
                info.batch_flag = switches[0];
                if switches[1] {
                    info.flags.insert(JobFlag::JobWasRunning);
                }
                if switches[2] {
                    info.job_state.insert(JobState::Pending);
                }
                if switches[3] {
                    info.job_resources = Some(Default::default());
                }
                if switches[4] {
                    info.billable_tres = NoVal::Set(f64::from(numbers[0]));
                }
                info.step_id.job_id = NoVal::Set(numbers[1]);
                info.job_id = numbers[2];
                info.exit_code.return_code =
                    if switches[5] { NoVal::Infinite } else { NoVal::Set(numbers[0]) };
                info
            },
        )
    }

    proptest! {
        #[test]
        fn a_series_is_written_as_its_objects_are(entries in prop::collection::vec(entry(), 0..8)) {
            check(entries);
        }
    }

    #[test]
    fn other_versions_are_written_as_ever() {
        for version in crate::versions::ALL {
            let mut out = Out::new(version);
            let mut series = Series::default();
            let mut expected = Vec::new();
            for job_id in 1..4 {
                let info = JobInfo { job_id, ..JobInfo::default() };
                info.write_json_in(version, &mut expected);
                *series.vacant() = info;
                series.write(&mut out);
            }
            assert_eq!(out.into_bytes(), expected, "{}", version.name);
        }
    }
}
