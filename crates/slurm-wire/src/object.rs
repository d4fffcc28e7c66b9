//! `object!`: one table per object, one line per property; struct, reader, writer and description come from it.
//! A line is `field: Type`, with the wire's name in quotes where it is no Rust name, and a mark behind it: `= required`,
//! `= deprecated`, `= undocumented`, or `= later` for what only versions after the current one have.
//! Three forms: `reply` (every field written), `request` (fields may be absent), `both` (one table, a struct for each direction).
//! A `reply listed` is written by the thousand, and can be written as one of a `Series`. What is `written by` a function has
//! values that it knows by heart: it writes the fields of those, and says whether it did.

/// The wire name of a field.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

/// The same with a comma in front and quotes around it, ready to be written.
macro_rules! json_key {
    ($field:ident) => {
        concat!(",\"", stringify!($field), "\":").as_bytes()
    };
    ($field:ident $key:literal) => {
        concat!(",\"", $key, "\":").as_bytes()
    };
}

macro_rules! is_required {
    (required) => {
        true
    };
    ($($other:ident)?) => {
        false
    };
}

macro_rules! is_deprecated {
    (deprecated) => {
        true
    };
    ($($other:ident)?) => {
        false
    };
}

macro_rules! is_documented {
    (undocumented) => {
        false
    };
    ($($other:ident)?) => {
        true
    };
}

macro_rules! is_later {
    (later) => {
        true
    };
    ($($other:ident)?) => {
        false
    };
}

macro_rules! object {
    ($(#[$meta:meta])* reply $name:ident = $wire:literal $(written by $by_heart:path)? { $($body:tt)* }) => {
        object! { @reply [$(#[$meta])*] $name, $name, $wire, false, [$($by_heart)?] { $($body)* } }
    };
    ($(#[$meta:meta])* reply listed $name:ident = $wire:literal { $($body:tt)* }) => {
        object! { @reply [$(#[$meta])*] $name, $name, $wire, false, [] { $($body)* } }
        object! { @listed $name { $($body)* } }
    };
    ($(#[$meta:meta])* reply inline $name:ident = $wire:literal { $($body:tt)* }) => {
        object! { @reply [$(#[$meta])*] $name, $name, $wire, true, [] { $($body)* } }
    };
    ($(#[$meta:meta])* request $name:ident = $wire:literal { $($body:tt)* }) => {
        object! { @request [$(#[$meta])*] $name, $wire, false { $($body)* } }
    };
    ($(#[$meta:meta])* request inline $name:ident = $wire:literal { $($body:tt)* }) => {
        object! { @request [$(#[$meta])*] $name, $wire, true { $($body)* } }
    };
    ($(#[$meta:meta])* both $name:ident, $input:ident = $wire:literal $(written by $by_heart:path)? { $($body:tt)* }) => {
        object! { @reply [$(#[$meta])*] $name, $input, $wire, false, [$($by_heart)?] { $($body)* } }
        object! { @request [$(#[$meta])* #[doc = "\n\nThe form that is sent: fields may be absent."]]
            $input, $wire, false { $($body)* } }
    };
    ($(#[$meta:meta])* both inline $name:ident, $input:ident = $wire:literal { $($body:tt)* }) => {
        object! { @reply [$(#[$meta])*] $name, $input, $wire, true, [] { $($body)* } }
        object! { @request [$(#[$meta])* #[doc = "\n\nThe form that is sent: fields may be absent."]]
            $input, $wire, true { $($body)* } }
    };

    (@reply [$($meta:tt)*] $name:ident, $input:ident, $wire:literal, $inline:literal, [$($by_heart:path)?] {
        $($(#[$doc:meta])* $field:ident $($key:literal)? : $type:ty $(= $mark:ident)? ,)*
    }) => {
        $($meta)*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[allow(missing_docs, reason = "the fields are the wire's own names")]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $(
                    if !$crate::object::is_later!($($mark)?) && !$crate::wire::Wire::is_left_out(&self.$field) {
                        map.serialize_entry(key!($field $($key)?), &self.$field)?;
                    }
                )*
                map.end()
            }
        }

        impl $name {
            fn write_fields(&self, out: &mut $crate::out::Out) {
                $(
                    if $by_heart(self, out) {
                        return;
                    }
                )?
                $(
                    if (!$crate::object::is_later!($($mark)?) || out.version().is_later)
                        && !$crate::wire::Wire::is_left_out(&self.$field)
                    {
                        out.extend_from_slice(json_key!($field $($key)?));
                        $crate::wire::Wire::write(&self.$field, out);
                    }
                )*
            }
        }

        object! { @wire $name, $input, $wire, $inline {
            $($field $($key)? : $type = [$($mark)?],)*
        } }
    };

    (@listed $name:ident {
        $($(#[$doc:meta])* $field:ident $($key:literal)? : $type:ty $(= $mark:ident)? ,)*
    }) => {
        impl $crate::series::Listed for $name {
            fn become_like(&mut self, other: &Self) {
                $(self.$field.clone_from(&other.$field);)*
            }

            fn weave(&self, before: Option<&Self>, weave: &mut $crate::series::Weave<'_>) {
                $(
                    // Only the current version is written so.
                    if !$crate::object::is_later!($($mark)?) {
                        match before {
                            Some(before) if $crate::wire::Wire::is_like(&self.$field, &before.$field) => {
                                weave.same();
                            }
                            _ => weave.other(json_key!($field $($key)?), &self.$field),
                        }
                    }
                )*
            }
        }
    };

    (@request [$($meta:tt)*] $name:ident, $wire:literal, $inline:literal {
        $($(#[$doc:meta])* $field:ident $($key:literal)? : $type:ty $(= $mark:ident)? ,)*
    }) => {
        $($meta)*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[allow(missing_docs, reason = "the fields are the wire's own names")]
        pub struct $name {
            $($(#[$doc])* pub $field: Option<<$type as $crate::wire::Wire>::Input>,)*
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $(
                    if let Some(value) = &self.$field {
                        map.serialize_entry(key!($field $($key)?), value)?;
                    }
                )*
                map.end()
            }
        }

        impl $name {
            #[allow(unused_variables, reason = "tables may be empty")]
            fn write_fields(&self, out: &mut $crate::out::Out) {
                $(
                    if let Some(value) = &self.$field {
                        out.extend_from_slice(json_key!($field $($key)?));
                        $crate::wire::Wire::write(value, out);
                    }
                )*
            }
        }

        object! { @wire $name, $name, $wire, $inline {
            $($field $($key)? : <$type as $crate::wire::Wire>::Input = [$($mark)?],)*
        } }
    };

    (@wire $name:ident, $input:ident, $wire:literal, $inline:literal {
        $($field:ident $($key:literal)? : $type:ty = [$($mark:ident)?],)*
    }) => {
        impl $name {
            /// Takes in the entries of a dictionary in the order of the table.
            #[allow(unused_variables, unused_mut, clippy::too_many_lines, reason = "as long as its table")]
            fn fill(
                &mut self,
                entries: &$crate::value::Entries<'_>,
                at: &$crate::place::Place<'_>,
                report: &mut $crate::report::Report,
            ) -> Result<(), $crate::report::Stop> {
                $(let mut $field: Option<&$crate::value::Value<'_>> = None;)*
                for (key, value) in entries {
                    match key.as_ref() {
                        $(
                            key!($field $($key)?)
                                if report.knows($wire, key, $crate::object::is_later!($($mark)?)) =>
                            {
                                $field = Some(value);
                            }
                        )*
                        _ => report.saw_unknown = true,
                    }
                }
                // An empty dictionary is let through whatever is required, except as the whole document.
                if entries.is_empty() && !at.is_root() {
                    return Ok(());
                }
                $(
                    if let Some(value) = $field {
                        let here = at.key(key!($field $($key)?));
                        if let Some(value) = <$type as $crate::wire::Wire>::parse(value, &here, report)? {
                            self.$field = value.into();
                        }
                    } else if report.requires($wire, key!($field $($key)?), is_required!($($mark)?)) {
                        report.missing(at, key!($field $($key)?))?;
                    }
                )*
                Ok(())
            }

            fn unknown_fields(
                entries: &$crate::value::Entries<'_>,
                at: &$crate::place::Place<'_>,
                owner: &str,
                report: &mut $crate::report::Report,
            ) {
                for (key, value) in entries {
                    match key.as_ref() {
                        $(key!($field $($key)?)
                            if report.knows($wire, key, $crate::object::is_later!($($mark)?)) =>
                        {
                            <$type as $crate::wire::Wire>::report_unknown(value, &at.key(key), key, owner, report);
                        })*
                        _ => report.ignored(value, &at.key(key), key, owner),
                    }
                }
            }

            #[allow(clippy::vec_init_then_push, unused_mut, unused_variables, reason = "tables may be empty")]
            fn describe(components: &mut $crate::schema::Components) -> $crate::schema::Schema {
                let mut properties = Vec::new();
                $(
                    if is_documented!($($mark)?) {
                        let property = $crate::schema::Property {
                            name: key!($field $($key)?),
                            schema: <$type as $crate::wire::Wire>::schema(components),
                            required: is_required!($($mark)?),
                            deprecated: is_deprecated!($($mark)?),
                        };
                        let is_later = $crate::object::is_later!($($mark)?);
                        properties.extend(components.in_version($wire, property, is_later));
                    }
                )*
                $crate::schema::Schema::Object($crate::schema::ObjectSchema { name: $wire, properties })
            }
        }

        impl $crate::wire::Wire for $name {
            type Input = $input;
            const INLINE: bool = $inline;
            const IS_OBJECT: bool = true;

            fn parse(
                value: &$crate::value::Value<'_>,
                at: &$crate::place::Place<'_>,
                report: &mut $crate::report::Report,
            ) -> Result<Option<Self>, $crate::report::Stop> {
                let mut this = Self::default();
                let entries = match value {
                    $crate::value::Value::Dict(entries) => entries,
                    _ if $inline => {
                        report.saw_unknown = true;
                        return Ok(None);
                    }
                    other => return $crate::object::not_a_dictionary(other, at, report),
                };
                if $inline {
                    return this.fill(entries, at, report).map(|()| Some(this));
                }
                let outer = std::mem::replace(&mut report.saw_unknown, false);
                let filled = this.fill(entries, at, report);
                if std::mem::replace(&mut report.saw_unknown, outer) {
                    Self::unknown_fields(entries, at, $wire, report);
                }
                filled.map(|()| Some(this))
            }

            fn schema(components: &mut $crate::schema::Components) -> $crate::schema::Schema {
                if $inline { Self::describe(components) } else { components.define($wire, Self::describe) }
            }

            fn write(&self, out: &mut $crate::out::Out) {
                let start = out.len();
                self.write_fields(out);
                $crate::write_json::close_object(start, out);
                if !out.version().is_current() {
                    let version = out.version();
                    version.amend($wire, start, out);
                }
            }

            fn report_unknown(
                value: &$crate::value::Value<'_>,
                at: &$crate::place::Place<'_>,
                field: &str,
                owner: &str,
                report: &mut $crate::report::Report,
            ) {
                match value {
                    _ if !$inline => {}
                    $crate::value::Value::Dict(entries) => Self::unknown_fields(entries, at, owner, report),
                    other => report.ignored(other, at, field, owner),
                }
            }
        }
    };
}

pub(crate) use {is_deprecated, is_documented, is_later, is_required, json_key, key, object};

use compact_str::format_compact;

use crate::error_number as number;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::value::Value;

/// Refuses what should have been an object.
pub(crate) fn not_a_dictionary<T>(
    value: &Value<'_>,
    at: &Place<'_>,
    report: &mut Report,
) -> Result<Option<T>, Stop> {
    report.refuse(at, number::DICTIONARY_EXPECTED, || {
        format_compact!("Rejecting {} when dictionary expected", value.kind())
    })
}
