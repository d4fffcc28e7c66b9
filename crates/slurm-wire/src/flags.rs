//! Lists of words from an enumeration: held as bits, written as an array of names.
//! Words that are not in the enumeration are an error in a request, and kept in a reply.

use std::fmt;
use std::marker::PhantomData;

use compact_str::format_compact;
use serde::{Serialize, Serializer};

use crate::error_number as number;
use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::scalar::Text;
use crate::schema::{Components, Schema};
use crate::value::Value;
use crate::wire::Wire;
use crate::write_json;

/// An enumeration whose members are named by words.
pub trait Flag: Copy + 'static {
    /// The name of the enumeration.
    const ENUMERATION: &'static str;
    /// The words in the order of the members, at most 64.
    const NAMES: &'static [&'static str];
    /// The members that only versions after the current one have, as bits in their order.
    const LATER: u64;
    /// The members in their order.
    const MEMBERS: &'static [Self];

    /// Returns the position of the member.
    fn index(self) -> usize;

    /// Returns the word of the member.
    fn name(self) -> &'static str {
        Self::NAMES.get(self.index()).copied().unwrap_or_default()
    }

    /// Returns the member of that name, whatever the case of its letters.
    fn from_name(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Self::MEMBERS.get(index).copied()
    }
}

/// A set of members of an enumeration.
pub struct Flags<F> {
    bits: u64,
    #[allow(clippy::box_collection, reason = "keeps the common case, nothing unknown, at one word")]
    unknown: Option<Box<Vec<Text>>>,
    of: PhantomData<F>,
}

impl<F: Flag> Flags<F> {
    /// The empty set.
    pub const NONE: Self = Flags { bits: 0, unknown: None, of: PhantomData };

    /// Returns whether `flag` is in the set.
    pub fn contains(&self, flag: F) -> bool {
        self.bits & (1 << flag.index()) != 0
    }

    /// Adds `flag`.
    pub fn insert(&mut self, flag: F) {
        self.bits |= 1 << flag.index();
    }

    /// Takes `flag` out.
    pub fn remove(&mut self, flag: F) {
        self.bits &= !(1 << flag.index());
    }

    /// Returns whether there is nothing, known or unknown.
    pub fn is_empty(&self) -> bool {
        self.bits == 0 && self.unknown.is_none()
    }

    /// Returns the known members in the order of the enumeration.
    pub fn iter(&self) -> impl Iterator<Item = F> + '_ {
        let mut bits = self.bits;
        std::iter::from_fn(move || {
            let index = bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
            F::MEMBERS.get(index as usize).copied()
        })
    }

    /// Returns the words that a newer cluster sent and this enumeration lacks.
    pub fn unknown(&self) -> &[Text] {
        self.unknown.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Adds a word, known or not.
    pub fn insert_name(&mut self, name: &str) {
        match F::from_name(name) {
            Some(flag) => self.insert(flag),
            None => self.unknown.get_or_insert_default().push(name.into()),
        }
    }

    /// Returns all words, the unknown ones last.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let known = self.iter().map(|flag| -> &str { flag.name() });
        known.chain(self.unknown().iter().map(Text::as_str))
    }
}

impl<F> Clone for Flags<F> {
    fn clone(&self) -> Self {
        Flags { bits: self.bits, unknown: self.unknown.clone(), of: PhantomData }
    }
}

impl<F> Default for Flags<F> {
    fn default() -> Self {
        Flags { bits: 0, unknown: None, of: PhantomData }
    }
}

impl<F> PartialEq for Flags<F> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits && self.unknown == other.unknown
    }
}

impl<F> Eq for Flags<F> {}

impl<F: Flag> fmt::Debug for Flags<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl<F: Flag> From<F> for Flags<F> {
    fn from(flag: F) -> Self {
        [flag].into_iter().collect()
    }
}

impl<F: Flag> FromIterator<F> for Flags<F> {
    fn from_iter<I: IntoIterator<Item = F>>(flags: I) -> Self {
        let mut set = Self::NONE;
        for flag in flags {
            set.insert(flag);
        }
        set
    }
}

impl<F: Flag, const N: usize> From<[F; N]> for Flags<F> {
    fn from(flags: [F; N]) -> Self {
        flags.into_iter().collect()
    }
}

impl<F: Flag> Serialize for Flags<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<F: Flag> Wire for Flags<F> {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        let mut flags = Self::NONE;
        match value {
            Value::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    flags.take_in(value, &at.index(index), report);
                }
            }
            Value::String(_) => flags.take_in(value, &at.index(0), report),
            other => {
                return report.refuse(at, number::FLAGS_NOT_A_LIST, || {
                    format_compact!("Expected a List but found a {}", other.kind())
                });
            }
        }
        Ok(Some(flags))
    }

    fn schema(components: &mut Components) -> Schema {
        let words = components.version().words::<F>();
        Schema::Array(Box::new(Schema::Enumeration(words)))
    }

    fn write(&self, out: &mut Out) {
        let version = out.version();
        if version.is_current() {
            // It lacks what is later, and nothing else.
            let known = Self { bits: self.bits & !F::LATER, ..Self::NONE };
            let known = known.iter().map(|flag| -> &str { flag.name() });
            let names = known.chain(self.unknown().iter().map(Text::as_str));
            write_json::list(names, out, |word, out| write_json::text(word, out));
        } else {
            let names = self.names().filter(|word| !version.lacks_word::<F>(word));
            write_json::list(names, out, |word, out| write_json::text(word, out));
        }
    }
}

impl<F: Flag> Flags<F> {
    /// An unknown word is an error, but reading goes on.
    fn take_in(&mut self, value: &Value<'_>, at: &Place<'_>, report: &mut Report) {
        let Some(word) = value.to_text() else {
            if !report.is_lenient() {
                report.warn(
                    format_compact!("Ignoring unexpected field of type {}", value.kind()),
                    format_compact!("{at}"),
                );
            }
            return;
        };
        if report.is_lenient() {
            self.insert_name(&word);
            return;
        }
        let version = report.version();
        match F::from_name(&word) {
            Some(flag) if !version.lacks_word::<F>(flag.name()) => self.insert(flag),
            _ if version.ignores_word::<F>(&word) => {
                report.warn(format_compact!("Ignoring deprecated flag: {word}"), format_compact!("{at}"));
            }
            _ => report.error(
                number::UNKNOWN_FLAG,
                format_compact!("Unknown flag \"{word}\""),
                format_compact!("{at}"),
            ),
        }
    }
}

/// Declares an enumeration: one member a line with its word on the wire, and `= later` behind it where only versions
/// after the current one have it.
macro_rules! flags {
    ($($(#[$meta:meta])* $name:ident { $($member:ident $word:literal $(= $mark:ident)?,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the members are the wire's own words")]
        #[repr(u8)]
        pub enum $name {
            $($member,)*
        }

        impl $crate::flags::Flag for $name {
            const ENUMERATION: &'static str = stringify!($name);
            const NAMES: &'static [&'static str] = &[$($word,)*];
            const LATER: u64 =
                0 $(| ($crate::object::is_later!($($mark)?) as u64) << (Self::$member as u8))*;
            const MEMBERS: &'static [Self] = &[$(Self::$member,)*];

            fn index(self) -> usize {
                self as usize
            }
        }
    )*};
}

pub(crate) use flags;

/// An array of words that nobody enumerated, and nobody uses any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OpenFlags(pub Vec<Text>);

impl Wire for OpenFlags {
    type Input = Self;

    fn parse(_: &Value<'_>, _: &Place<'_>, _: &mut Report) -> Result<Option<Self>, Stop> {
        Ok(None)
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::Array(Box::new(Schema::Any))
    }

    fn write(&self, out: &mut Out) {
        write_json::list(&self.0, out, |word, out| write_json::text(word, out));
    }
}
