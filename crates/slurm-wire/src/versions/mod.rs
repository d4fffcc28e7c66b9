//! The versions of the interface: one set of types, v0.0.44, and for every other version what it says otherwise.
//! Which tables there are is in [`Version`]; a version's file holds nothing but its differences from its neighbour.

mod amend;
mod v0_0_42;
mod v0_0_43;
mod v0_0_44;
mod v0_0_45;

pub use amend::{Fields, write_joined, write_only};
pub use v0_0_42::V0_0_42;
pub use v0_0_43::V0_0_43;
pub use v0_0_44::V0_0_44;
pub use v0_0_45::V0_0_45;

use crate::flags::Flag;
use crate::schema::Schema;

/// All versions, the oldest first.
pub const ALL: &[&Version] = &[&V0_0_42, &V0_0_43, &V0_0_44, &V0_0_45];

/// The version that the types are made for.
pub const CURRENT: &Version = &V0_0_44;

/// Returns the version of that name.
pub fn named(name: &str) -> Option<&'static Version> {
    ALL.iter().find(|version| version.name == name).copied()
}

/// An object of the tables, by its name without version.
type Object = &'static str;
/// A property of an object.
type Name = &'static str;
/// An object and what it lacks.
type Lacking = (Object, &'static [Name]);
/// Makes the type of a property.
type Make = fn() -> Schema;
/// Changes what was written.
type Change = fn(&mut Fields<'_>);

/// A version: its differences from its neighbour on the way to [`CURRENT`].
#[derive(Debug)]
pub struct Version {
    /// Its name, which is part of all paths: `v0.0.44`.
    pub name: &'static str,
    neighbour: Option<&'static Version>,
    /// Whether it has what is marked `later` in the tables of the types.
    pub(crate) is_later: bool,
    /// Whether its description calls everything deprecated.
    pub(crate) is_deprecated: bool,
    /// Operations that the neighbour has and this version has not, by their names without version.
    lacks_operations: &'static [&'static str],
    /// Properties that the neighbour has and this version has not, by object.
    lacks: &'static [Lacking],
    /// Words by enumeration.
    words: &'static [Words],
    /// Properties of another type.
    retyped: &'static [(Object, Name, Make)],
    /// Properties whose mark, deprecated or not, is another.
    deprecation: &'static [(Object, Name, bool)],
    /// Properties that must be present here and need not be in the neighbour, or the reverse.
    required: &'static [(Object, Name, bool)],
    /// Objects with values that are told otherwise: they are changed when they have been written.
    amended: &'static [(Object, Change)],
}

/// How the words of an enumeration differ.
#[derive(Debug)]
struct Words {
    enumeration: &'static str,
    /// Neither known nor said.
    lacks: &'static [&'static str],
    /// Known beside the others, read with a warning, and of no effect.
    ignores: &'static [&'static str],
}

impl Words {
    const NONE: Words = Words { enumeration: "", lacks: &[], ignores: &[] };
}

impl Version {
    const fn same_as(name: &'static str, neighbour: Option<&'static Version>) -> Version {
        Version {
            name,
            neighbour,
            is_later: false,
            is_deprecated: false,
            lacks_operations: &[],
            lacks: &[],
            words: &[],
            retyped: &[],
            deprecation: &[],
            required: &[],
            amended: &[],
        }
    }

    /// Tells whether this is the version of the types themselves.
    pub fn is_current(&self) -> bool {
        self.neighbour.is_none()
    }

    /// Tells whether it is newer than the version of the types.
    pub fn is_later(&self) -> bool {
        self.is_later
    }

    /// The version and its neighbours up to the current one, which adds nothing.
    fn chain(&'static self) -> impl Iterator<Item = &'static Version> {
        std::iter::successors(Some(self), |version| version.neighbour)
            .take_while(|version| !version.is_current())
    }

    /// Tells whether the object has no such property here.
    pub(crate) fn lacks(&'static self, object: &str, property: &str) -> bool {
        self.chain().any(|version| {
            let mut objects = version.lacks.iter().filter(|(known, _)| *known == object);
            objects.any(|(_, properties)| properties.contains(&property))
        })
    }

    /// Tells whether the operation, named without version, is missing here.
    pub(crate) fn lacks_operation(&'static self, name: &str) -> bool {
        self.chain().any(|version| version.lacks_operations.contains(&name))
    }

    fn words_of(&'static self, enumeration: &str) -> impl Iterator<Item = &'static Words> {
        self.chain().flat_map(|version| version.words).filter(move |words| words.enumeration == enumeration)
    }

    /// Tells whether an enumeration has no such word here.
    pub(crate) fn lacks_word<F: Flag>(&'static self, word: &str) -> bool {
        let is_later = || F::from_name(word).is_some_and(|flag| F::LATER & (1 << flag.index()) != 0);
        (!self.is_later && is_later())
            || self.words_of(F::ENUMERATION).any(|words| words.lacks.contains(&word))
    }

    /// Tells whether a word is read with a warning and without effect.
    pub(crate) fn ignores_word<F: Flag>(&'static self, word: &str) -> bool {
        let mut ignored = self.words_of(F::ENUMERATION).flat_map(|words| words.ignores);
        ignored.any(|ignored| ignored.eq_ignore_ascii_case(word))
    }

    /// Returns the words of an enumeration here, those without effect included.
    pub(crate) fn words<F: Flag>(&'static self) -> Vec<&'static str> {
        let kept = F::NAMES.iter().filter(|word| !self.lacks_word::<F>(word));
        kept.chain(self.words_of(F::ENUMERATION).flat_map(|words| words.ignores)).copied().collect()
    }

    /// Returns the type of a property if it is another here.
    pub(crate) fn retyped(&'static self, object: &str, property: &str) -> Option<Schema> {
        let mut retyped = self.chain().flat_map(|version| version.retyped);
        retyped.find(|(of, name, _)| *of == object && *name == property).map(|(_, _, schema)| schema())
    }

    /// Returns whether a property is deprecated here, if that differs.
    pub(crate) fn deprecation(&'static self, object: &str, property: &str) -> Option<bool> {
        let mut marked = self.chain().flat_map(|version| version.deprecation);
        marked.find(|(of, name, _)| *of == object && *name == property).map(|(_, _, mark)| *mark)
    }

    /// Returns whether a property is required here, if that differs.
    pub(crate) fn requirement(&'static self, object: &str, property: &str) -> Option<bool> {
        let mut marked = self.chain().flat_map(|version| version.required);
        marked.find(|(of, name, _)| *of == object && *name == property).map(|(_, _, mark)| *mark)
    }

    /// Changes an object that was written for the types, from `start` on, into what it is here.
    #[cold]
    pub(crate) fn amend(&'static self, object: &str, start: usize, out: &mut Vec<u8>) {
        let is_touched = |version: &&Version| {
            version.lacks.iter().any(|(known, _)| *known == object)
                || version.amended.iter().any(|(known, _)| *known == object)
        };
        if !self.chain().any(|version| is_touched(&version)) {
            return;
        }
        let written = out.split_off(start);
        let mut fields = Fields::of(&written);
        // From the current version outwards: each sees what its neighbour would have said.
        let versions: Vec<&'static Version> = self.chain().collect();
        for version in versions.iter().rev() {
            for (_, change) in version.amended.iter().filter(|(known, _)| *known == object) {
                change(&mut fields);
            }
            for (_, properties) in version.lacks.iter().filter(|(known, _)| *known == object) {
                fields.remove(properties);
            }
        }
        fields.write(out);
    }
}
