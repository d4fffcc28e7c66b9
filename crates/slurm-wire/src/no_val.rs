//! The triple `{set, infinite, number}`: a number, no number, or infinity.

use compact_str::format_compact;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::error_number as number;
use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::scalar::documented;
use crate::schema::{Components, ObjectSchema, Property, Schema};
use crate::value::{Entries, Value};
use crate::wire::Wire;
use crate::write_json;

/// A number that may be unset or infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoVal<T> {
    /// No value: the default applies.
    #[default]
    Unset,
    /// This value.
    Set(T),
    /// Without limit.
    Infinite,
}

impl<T: Copy> NoVal<T> {
    /// Returns the number if it is one.
    pub fn number(self) -> Option<T> {
        match self {
            NoVal::Set(number) => Some(number),
            NoVal::Unset | NoVal::Infinite => None,
        }
    }

    /// Returns the number, or `otherwise` if it is unset or infinite.
    pub fn unwrap_or(self, otherwise: T) -> T {
        self.number().unwrap_or(otherwise)
    }

    /// Returns whether there is a number or infinity.
    pub fn is_given(self) -> bool {
        !matches!(self, NoVal::Unset)
    }

    /// Returns whether it is infinite.
    pub fn is_infinite(self) -> bool {
        matches!(self, NoVal::Infinite)
    }

    /// Converts the number, if there is one.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> NoVal<U> {
        match self {
            NoVal::Unset => NoVal::Unset,
            NoVal::Set(number) => NoVal::Set(convert(number)),
            NoVal::Infinite => NoVal::Infinite,
        }
    }
}

impl<T> From<T> for NoVal<T> {
    fn from(number: T) -> Self {
        NoVal::Set(number)
    }
}

impl<T> From<Option<T>> for NoVal<T> {
    fn from(number: Option<T>) -> Self {
        number.map_or(NoVal::Unset, NoVal::Set)
    }
}

/// What the number inside may be.
pub trait Number: Wire + Copy + Default {
    /// The component's name.
    const COMPONENT: &'static str;
    /// How messages call the parser of the object form; all whole numbers share the widest.
    const PARSER: &'static str;
    /// How messages call the documented type of the number in the object form.
    const DOCUMENTED: &'static str;
    /// The word in "Expected … but got".
    const WORD: &'static str;

    /// Converts a scalar; −1 and the largest numbers of each width stand for infinity, −2 for no value.
    fn from_scalar(value: &Value<'_>) -> Option<NoVal<Self>>;
}

macro_rules! whole {
    ($($type:ty, $component:literal, $convert:path;)*) => {$(
        impl Number for $type {
            const COMPONENT: &'static str = $component;
            const PARSER: &'static str = "UINT64_NO_VAL_STRUCT";
            const DOCUMENTED: &'static str = documented::INT64;
            const WORD: &'static str = "integer";

            fn from_scalar(value: &Value<'_>) -> Option<NoVal<Self>> {
                value.to_int().map(|number| match number {
                    -1 => NoVal::Infinite,
                    -2 => NoVal::Unset,
                    number => $convert(number),
                })
            }
        }
    )*};
}

whole! {
    u16, "uint16_no_val_struct", sixteen_bits;
    u32, "uint32_no_val_struct", thirty_two_bits;
    u64, "uint64_no_val_struct", sixty_four_bits;
}

/// Loses the upper bits.
fn sixteen_bits(number: i64) -> NoVal<u16> {
    match number as u16 {
        0xffff => NoVal::Infinite,
        0xfffe => NoVal::Unset,
        number => NoVal::Set(number),
    }
}

/// Takes what is too large for infinite.
fn thirty_two_bits(number: i64) -> NoVal<u32> {
    u32::try_from(number).ok().filter(|&number| number < 0xffff_fffe).map_or(NoVal::Infinite, NoVal::Set)
}

/// Takes what is negative for infinite.
fn sixty_four_bits(number: i64) -> NoVal<u64> {
    u64::try_from(number).map_or(NoVal::Infinite, NoVal::Set)
}

impl Number for f64 {
    const COMPONENT: &'static str = "float64_no_val_struct";
    const PARSER: &'static str = "FLOAT64_NO_VAL_STRUCT";
    const DOCUMENTED: &'static str = documented::DOUBLE;
    const WORD: &'static str = "floating point number";

    fn from_scalar(value: &Value<'_>) -> Option<NoVal<Self>> {
        let number = value.to_float()?;
        Some(if number == -1.0 { NoVal::Infinite } else { NoVal::Set(number) })
    }
}

impl<T: Number> NoVal<T> {
    fn write_triple(self, mut write: impl FnMut(bool, bool, T)) {
        match self {
            NoVal::Unset => write(false, false, T::default()),
            NoVal::Set(number) => write(true, false, number),
            NoVal::Infinite => write(false, true, T::default()),
        }
    }

    /// Reads the object form; `set` is what makes the number count.
    pub(crate) fn from_entries(
        entries: &Entries<'_>,
        at: &Place<'_>,
        report: &mut Report,
    ) -> Result<Self, Stop> {
        let (mut set, mut infinite, mut number) = (None, None, None);
        let mut unknown = false;
        for (key, value) in entries {
            match key.as_ref() {
                "set" => set = Some(value),
                "infinite" => infinite = Some(value),
                "number" => number = Some(value),
                _ => unknown = true,
            }
        }
        let read = (|| {
            let set = truth(set, &at.key("set"), report)?;
            let infinite = truth(infinite, &at.key("infinite"), report)?;
            let number = inner::<T>(number, &at.key("number"), report)?;
            Ok(match (infinite, set) {
                (true, _) => NoVal::Infinite,
                (false, true) => number,
                (false, false) => NoVal::Unset,
            })
        })();
        if unknown {
            for (key, value) in entries {
                if !matches!(key.as_ref(), "set" | "infinite" | "number") {
                    report.ignored(value, &at.key(key), key, T::PARSER);
                }
            }
        }
        read
    }
}

fn truth(value: Option<&Value<'_>>, at: &Place<'_>, report: &mut Report) -> Result<bool, Stop> {
    Ok(value.map(|value| bool::parse(value, at, report)).transpose()?.flatten().unwrap_or(false))
}

fn inner<T: Number>(
    value: Option<&Value<'_>>,
    at: &Place<'_>,
    report: &mut Report,
) -> Result<NoVal<T>, Stop> {
    let Some(value) = value.filter(|value| !matches!(value, Value::Null)) else {
        return Ok(NoVal::Set(T::default()));
    };
    let fits = matches!((value, T::WORD), (Value::Int(_), _) | (Value::Float(_), "floating point number"));
    if !fits {
        report.expected(at, T::DOCUMENTED, value);
    }
    match T::from_scalar(value) {
        Some(number) => Ok(number),
        None => report.stop().map(Option::unwrap_or_default),
    }
}

impl<T: Number> Wire for NoVal<T> {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        match value {
            Value::Null => Ok(None),
            Value::Dict(entries) => Self::from_entries(entries, at, report).map(Some),
            scalar => match T::from_scalar(scalar) {
                Some(number) => Ok(Some(number)),
                None => report.refuse(at, number::NOT_CONVERTIBLE, || {
                    format_compact!("Expected {} but got {scalar}", T::WORD)
                }),
            },
        }
    }

    fn schema(components: &mut Components) -> Schema {
        components.define(T::COMPONENT, |components| {
            let property = |name, schema| Property { name, schema, required: false, deprecated: false };
            Schema::Object(ObjectSchema {
                name: T::COMPONENT,
                properties: vec![
                    property("set", Schema::Boolean),
                    property("infinite", Schema::Boolean),
                    property("number", T::schema(components)),
                ],
            })
        })
    }

    fn write(&self, out: &mut Out) {
        self.write_triple(|set, infinite, number| {
            let head: &[u8] = match (set, infinite) {
                (true, _) => b"{\"set\":true,\"infinite\":false,\"number\":",
                (false, true) => b"{\"set\":false,\"infinite\":true,\"number\":",
                (false, false) => b"{\"set\":false,\"infinite\":false,\"number\":",
            };
            out.extend_from_slice(head);
            number.write(out);
            out.push(b'}');
        });
    }
}

impl<T: Number> Serialize for NoVal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        let mut written = Ok(());
        self.write_triple(|set, infinite, number| {
            written = map
                .serialize_entry("set", &set)
                .and_then(|()| map.serialize_entry("infinite", &infinite))
                .and_then(|()| map.serialize_entry("number", &number));
        });
        written?;
        map.end()
    }
}

/// Gives a triple with a reading of its own the manners of the triple.
macro_rules! behaves_like_triple {
    ($name:ident) => {
        impl std::ops::Deref for $name {
            type Target = NoVal<u64>;

            fn deref(&self) -> &NoVal<u64> {
                &self.0
            }
        }

        impl From<NoVal<u64>> for $name {
            fn from(value: NoVal<u64>) -> Self {
                $name(value)
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                $name(NoVal::Set(number))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    };
}

/// An amount of memory in MB; may be given as `4G` or `500M`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryMb(pub NoVal<u64>);

behaves_like_triple!(MemoryMb);

impl Wire for MemoryMb {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        let Value::String(text) = value else {
            return Ok(NoVal::parse(value, at, report)?.map(MemoryMb));
        };
        match crate::size::megabytes(text) {
            Some(megabytes) => Ok(Some(MemoryMb(NoVal::Set(megabytes)))),
            None => report.refuse(at, number::NOT_CONVERTIBLE, || {
                format_compact!("Invalid formatted memory size: {text}")
            }),
        }
    }

    fn schema(components: &mut Components) -> Schema {
        NoVal::<u64>::schema(components)
    }

    fn write(&self, out: &mut Out) {
        self.0.write(out);
    }
}

/// A point in time in seconds of the epoch; may be given as `now+1hour`, `tomorrow` or a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeNoVal(pub NoVal<u64>);

behaves_like_triple!(TimeNoVal);

impl Wire for TimeNoVal {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        let Value::String(text) = value else {
            return Ok(NoVal::parse(value, at, report)?.map(TimeNoVal));
        };
        if text.is_empty() {
            return Ok(Some(TimeNoVal(NoVal::Unset)));
        }
        Ok(read_time(text, at, report)?.map(|time| TimeNoVal(NoVal::Set(time))))
    }

    fn schema(components: &mut Components) -> Schema {
        NoVal::<u64>::schema(components)
    }

    fn write(&self, out: &mut Out) {
        self.0.write(out);
    }
}

/// A point in time that is written as a plain number; readable like [`TimeNoVal`], but it must be a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl From<i64> for UnixTime {
    fn from(seconds: i64) -> Self {
        UnixTime(seconds)
    }
}

impl Wire for UnixTime {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        let seconds = match value {
            Value::Int(seconds) if *seconds != -2 => return Ok(Some(UnixTime(*seconds))),
            Value::Null => None,
            other => TimeNoVal::parse(other, at, report)?.and_then(|time| time.number()),
        };
        match seconds.and_then(|seconds| i64::try_from(seconds).ok()) {
            Some(seconds) => Ok(Some(UnixTime(seconds))),
            None => report.refuse(at, number::NOT_CONVERTIBLE, || "Invalid or unset timestamp value".into()),
        }
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::Integer("int64")
    }

    fn write(&self, out: &mut Out) {
        write_json::signed(self.0, out);
    }
}

fn read_time(text: &str, at: &Place<'_>, report: &mut Report) -> Result<Option<u64>, Stop> {
    let time = report.now().and_then(|now| crate::time_text::point_in_time(text, now).ok());
    match time.and_then(|time| u64::try_from(time.as_second()).ok()) {
        Some(seconds) => Ok(Some(seconds)),
        None => report.refuse(at, number::NOT_CONVERTIBLE, || {
            format_compact!("Parsing of {text} for timestamp failed")
        }),
    }
}
