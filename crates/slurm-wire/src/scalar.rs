//! Truth values, numbers and texts: what they look like, and how the original converts what is none.

use compact_str::{CompactString, format_compact};
use serde::{Serialize, Serializer};

use crate::error_number as number;
use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::schema::{Components, Schema};
use crate::value::Value;
use crate::wire::Wire;
use crate::write_json;

/// A text of the wire; short ones (24 bytes) need no allocation.
pub type Text = CompactString;

/// What diagnostics call each type.
pub(crate) mod documented {
    pub(crate) const BOOL: &str = "boolean (Slurm type=boolean)";
    pub(crate) const INT32: &str = "integer format=int32 (Slurm type=64 bit integer)";
    pub(crate) const INT64: &str = "integer format=int64 (Slurm type=64 bit integer)";
    pub(crate) const DOUBLE: &str = "number format=double (Slurm type=floating point number)";
    pub(crate) const STRING: &str = "string (Slurm type=string)";
    pub(crate) const LIST: &str = "array (Slurm type=list)";
}

impl Wire for bool {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        match value {
            Value::Bool(truth) => Ok(Some(*truth)),
            Value::Null => Ok(None),
            other => {
                report.expected(at, documented::BOOL, other);
                match other.to_bool() {
                    Some(truth) => Ok(Some(truth)),
                    None => report.stop(),
                }
            }
        }
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::Boolean
    }

    fn write(&self, out: &mut Out) {
        write_json::boolean(*self, out);
    }
}

macro_rules! whole_number {
    ($($type:ty, $documented:expr, $format:literal, $write:ident, $fit:expr;)*) => {$(
        impl Wire for $type {
            type Input = Self;

            fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
                match value {
                    Value::Int(number) => Ok(Some($fit(*number))),
                    Value::Null => Ok(None),
                    other => {
                        report.expected(at, $documented, other);
                        match other.to_int() {
                            Some(number) => Ok(Some($fit(number))),
                            None => report.stop(),
                        }
                    }
                }
            }

            fn schema(_: &mut Components) -> Schema {
                Schema::Integer($format)
            }

            fn write(&self, out: &mut Out) {
                write_json::$write((*self).into(), out);
            }
        }
    )*};
}

whole_number! {
    u16, documented::INT32, "int32", unsigned, |number| number as u16;
    u32, documented::INT32, "int32", unsigned, thirty_two_bits;
    i32, documented::INT32, "int32", signed, |number| number as i32;
    u64, documented::INT64, "int64", unsigned, |number| number as u64;
    i64, documented::INT64, "int64", signed, |number| number;
}

/// What the original puts into 32 bits for "no value"; as a limit or count it means that none was given.
pub const NO_VAL: u32 = 0xffff_fffe;
/// What the original puts into 32 bits for "without limit".
pub const INFINITE: u32 = 0xffff_ffff;

/// Of 16 bits the original keeps the lower ones; what does not fit into 32 it takes for no limit.
fn thirty_two_bits(number: i64) -> u32 {
    match number {
        -2 => NO_VAL,
        number => u32::try_from(number).unwrap_or(INFINITE),
    }
}

impl Wire for f64 {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        match value {
            Value::Float(number) => Ok(Some(*number)),
            Value::Null => Ok(None),
            other => {
                if !matches!(other, Value::Int(_)) {
                    report.expected(at, documented::DOUBLE, other);
                }
                match other.to_float() {
                    Some(number) => Ok(Some(number)),
                    None => report.stop(),
                }
            }
        }
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::Number(Some("double"))
    }

    fn write(&self, out: &mut Out) {
        write_json::float(*self, out);
    }
}

/// A number of more than double precision in the original, which documents it without a format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LongDouble(pub f64);

impl Wire for LongDouble {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        Ok(f64::parse(value, at, report)?.map(LongDouble))
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::Number(None)
    }

    fn write(&self, out: &mut Out) {
        write_json::float(self.0, out);
    }
}

impl Wire for Text {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        match value {
            Value::String(text) => Ok(Some(Text::new(text))),
            Value::Null => Ok(None),
            other => {
                report.expected(at, documented::STRING, other);
                match other.to_text() {
                    Some(text) => Ok(Some(Text::new(text))),
                    None => report.stop(),
                }
            }
        }
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::String
    }

    #[inline]
    fn is_like(&self, other: &Self) -> bool {
        // Most are empty: for them nothing has to be called.
        let length = self.len();
        length == other.len() && (length == 0 || self.as_bytes() == other.as_bytes())
    }

    fn write(&self, out: &mut Out) {
        write_json::text(self, out);
    }
}

/// A number whose original says so when it cannot be converted (the plain ones stop in silence).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Checked<T>(pub T);

impl<T> From<T> for Checked<T> {
    fn from(number: T) -> Self {
        Checked(number)
    }
}

macro_rules! checked_number {
    ($($type:ty),*) => {$(
        impl Wire for Checked<$type> {
            type Input = Self;

            fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
                match <$type>::parse(value, at, report) {
                    Ok(number) => Ok(number.map(Checked)),
                    Err(Stop) => report.refuse(at, number::NOT_CONVERTIBLE, || {
                        format_compact!("Expected integer but got {value}")
                    }),
                }
            }

            fn schema(components: &mut Components) -> Schema {
                <$type>::schema(components)
            }

            fn write(&self, out: &mut Out) {
                self.0.write(out);
            }
        }
    )*};
}

checked_number!(u32, i32, i64);

/// A field that once was, and is now an empty object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nothing;

impl Serialize for Nothing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(std::iter::empty::<((), ())>())
    }
}

impl Wire for Nothing {
    type Input = Self;

    fn parse(_: &Value<'_>, _: &Place<'_>, _: &mut Report) -> Result<Option<Self>, Stop> {
        Ok(None)
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::Object(crate::schema::ObjectSchema::default())
    }

    fn write(&self, out: &mut Out) {
        out.extend_from_slice(b"{}");
    }
}

/// What may be missing in a reply: an object is left out then, since its description knows no `null`.
impl<T: Wire> Wire for Option<T> {
    type Input = Option<T::Input>;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        if matches!(value, Value::Null) { Ok(None) } else { Ok(T::parse(value, at, report)?.map(Some)) }
    }

    fn schema(components: &mut Components) -> Schema {
        T::schema(components)
    }

    fn write(&self, out: &mut Out) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn is_left_out(&self) -> bool {
        T::IS_OBJECT && self.is_none()
    }
}

/// A triple that once was; documented as one, and written as an empty object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Obsolete;

impl Serialize for Obsolete {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Nothing.serialize(serializer)
    }
}

impl Wire for Obsolete {
    type Input = Self;

    fn parse(_: &Value<'_>, _: &Place<'_>, _: &mut Report) -> Result<Option<Self>, Stop> {
        Ok(None)
    }

    fn schema(components: &mut Components) -> Schema {
        crate::no_val::NoVal::<u32>::schema(components)
    }

    fn write(&self, out: &mut Out) {
        Nothing.write(out);
    }
}

/// A switch of a query: there, and then anything but a denial turns it on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Switch(pub bool);

impl Wire for Switch {
    type Input = Self;

    fn parse(value: &Value<'_>, _: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        match value.to_bool() {
            Some(truth) => Ok(Some(Switch(truth))),
            None => report.stop(),
        }
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::Boolean
    }

    fn write(&self, out: &mut Out) {
        write_json::boolean(self.0, out);
    }
}
