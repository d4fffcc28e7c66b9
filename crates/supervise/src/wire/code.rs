//! The byte form of single values: little-endian numbers, counted lists, numbered variants.
//! Small on purpose: the launcher has nothing else to read or write and shall stay tiny.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use crate::run::{RunId, UnixMicros};

/// A value with a byte form.
pub(crate) trait Code: Sized {
    /// Appends the byte form.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads the byte form; `None` if the bytes are not one.
    fn take(from: &mut Reader<'_>) -> Option<Self>;
}

/// Bytes that are read from the front.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads one value that must fill all the bytes.
    pub(crate) fn whole<T: Code>(bytes: &'a [u8]) -> Option<T> {
        let mut reader = Reader(bytes);
        let value = T::take(&mut reader)?;
        reader.0.is_empty().then_some(value)
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let count = u32::take(self)?;
        self.bytes(count as usize)
    }
}

macro_rules! numbers {
    ($($number:ty)*) => { $(
        impl Code for $number {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(from: &mut Reader<'_>) -> Option<Self> {
                let bytes = from.bytes(size_of::<$number>())?;
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    )* };
}
numbers! { u8 u32 i32 u64 i64 f64 }

impl Code for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

fn put_counted(bytes: &[u8], out: &mut Vec<u8>) {
    // A longer list cannot be sent: the frame is refused by its size before anybody counts.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).put(out);
    out.extend_from_slice(bytes);
}

impl Code for OsString {
    fn put(&self, out: &mut Vec<u8>) {
        put_counted(self.as_bytes(), out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::from_vec(from.counted()?.to_vec()))
    }
}

impl Code for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_counted(self.as_bytes(), out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Self::from_utf8(from.counted()?.to_vec()).ok()
    }
}

impl Code for PathBuf {
    fn put(&self, out: &mut Vec<u8>) {
        put_counted(self.as_os_str().as_bytes(), out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        OsString::take(from).map(Self::from)
    }
}

/// Plain bytes; a list of numbers would be read one by one.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Code for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        put_counted(&self.0, out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self(from.counted()?.to_vec()))
    }
}

impl<T: Code> Code for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        u32::try_from(self.len()).unwrap_or(u32::MAX).put(out);
        self.iter().for_each(|item| item.put(out));
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let count = u32::take(from)? as usize;
        // Every item takes at least a byte, so a false count cannot make us reserve more than was sent.
        let mut items = Self::with_capacity(count.min(from.0.len()));
        for _ in 0..count {
            items.push(T::take(from)?);
        }
        Some(items)
    }
}

impl<K: Code + Ord, V: Code> Code for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        u32::try_from(self.len()).unwrap_or(u32::MAX).put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let count = u32::take(from)?;
        (0..count).map(|_| <(K, V)>::take(from)).collect()
    }
}

impl<T: Code> Code for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        if bool::take(from)? { T::take(from).map(Some) } else { Some(None) }
    }
}

impl<T: Code> Code for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        T::take(from).map(Box::new)
    }
}

impl<A: Code, B: Code> Code for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl Code for Duration {
    fn put(&self, out: &mut Vec<u8>) {
        u64::try_from(self.as_micros()).unwrap_or(u64::MAX).put(out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        u64::take(from).map(Self::from_micros)
    }
}

impl Code for UnixMicros {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        i64::take(from).map(Self)
    }
}

impl Code for RunId {
    fn put(&self, out: &mut Vec<u8>) {
        self.key.put(out);
        self.attempt.put(out);
    }
    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self { key: u64::take(from)?, attempt: u32::take(from)? })
    }
}
