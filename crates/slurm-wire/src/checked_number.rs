//! Numbers that are checked while they are read: niceness, specialised cores and threads, association ids.

use compact_str::format_compact;
use serde::Serialize;

use crate::error_number as number;
use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::scalar::documented;
use crate::schema::{Components, Schema};
use crate::value::Value;
use crate::wire::Wire;

macro_rules! transparent_number {
    ($($name:ident of $inner:ty;)*) => {$(
        impl From<$inner> for $name {
            fn from(number: $inner) -> Self {
                $name(number)
            }
        }

        impl Wire for $name {
            type Input = Self;

            fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
                Self::read(value, at, report)
            }

            fn schema(components: &mut Components) -> Schema {
                <$inner>::schema(components)
            }

            fn write(&self, out: &mut Out) {
                self.0.write(out);
            }
        }
    )*};
}

/// The niceness of a job, −2147483645 to 2147483645.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Nice(pub i32);

/// How many cores of each node are kept free for the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct CoreSpecification(pub u16);

/// How many threads of each node are kept free for the system, below 32768.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ThreadSpecification(pub u16);

/// The number of an association.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct AssocId(pub u32);

transparent_number! {
    Nice of i32;
    CoreSpecification of u16;
    ThreadSpecification of u16;
    AssocId of u32;
}

/// Reads a whole number, noting each time that it is none.
fn whole(value: &Value<'_>, notes: usize, at: &Place<'_>, report: &mut Report) -> Option<i64> {
    if !matches!(value, Value::Int(_)) {
        for _ in 0..notes {
            report.expected(at, documented::INT32, value);
        }
    }
    value.to_int()
}

impl Nice {
    /// The largest niceness.
    pub const LIMIT: i64 = 2_147_483_645;

    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        if matches!(value, Value::Null) {
            return Ok(None);
        }
        // The original looks twice, and so warns twice.
        let Some(nice) = whole(value, 2, at, report) else {
            return report
                .refuse(at, number::NOT_CONVERTIBLE, || format_compact!("Expected integer but got {value}"));
        };
        match i32::try_from(nice) {
            Ok(small) if nice.abs() <= Self::LIMIT => Ok(Some(Nice(small))),
            _ => report
                .refuse(at, number::NICE, || format_compact!("Nice value not within +/- {}", Self::LIMIT)),
        }
    }
}

impl CoreSpecification {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        let specification = Specification { what: "core", before_zero: " ", refused: number::CORE_COUNT };
        Ok(specification.read(value, at, report)?.map(Self))
    }
}

impl ThreadSpecification {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        let specification = Specification { what: "thread", before_zero: "", refused: number::THREADS };
        Ok(specification.read(value, at, report)?.map(Self))
    }
}

/// The limit that the original sets to both: its highest bit tells cores from threads.
const SPECIFICATION_LIMIT: i64 = 0x8000;

/// What differs between the two: they share a field of the original.
struct Specification {
    what: &'static str,
    before_zero: &'static str,
    refused: i32,
}

impl Specification {
    fn read(&self, value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<u16>, Stop> {
        let what = self.what;
        // Here null is no absence but zero, which is refused.
        let count = if matches!(value, Value::Null) { Some(0) } else { whole(value, 1, at, report) };
        let Some(count) = count else {
            return report.refuse(at, number::NOT_CONVERTIBLE, || {
                format_compact!("Expected integer for {what} specification but got {value}")
            });
        };
        if count >= SPECIFICATION_LIMIT {
            return report.refuse(at, self.refused, || {
                format_compact!("Invalid {what} specification {count} >= {SPECIFICATION_LIMIT}")
            });
        }
        match u16::try_from(count) {
            Ok(count) if count > 0 => Ok(Some(count)),
            _ => report.refuse(at, self.refused, || {
                format_compact!("Invalid {what} specification {count}{}<= 0", self.before_zero)
            }),
        }
    }
}

impl AssocId {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        match value {
            Value::Null => Ok(None),
            other => match other.to_int() {
                Some(id) => Ok(Some(AssocId(id as u32))),
                None => report.refuse(at, number::NOT_CONVERTIBLE, || {
                    format_compact!("Unable to convert {other} to integer for association id")
                }),
            },
        }
    }
}
