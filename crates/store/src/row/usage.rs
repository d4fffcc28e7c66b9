//! Rows of what was used by associations and under qualities of service.

use super::{BadRow, Stored};
use domain::Timestamp;
use domain::accounting::{Past, UsedBy};

/// Name of the second until which the use of live jobs is in these rows.
pub(crate) const ACCOUNTED: &str = "accounted";

/// Returns kind and number by which a row is found.
pub(crate) fn place(by: UsedBy) -> (u8, u32) {
    match by {
        UsedBy::Association(id) => (1, id),
        UsedBy::Qos(id) => (2, id),
    }
}

/// Returns whose use a row is.
pub(crate) fn used_by(kind: u8, id: u32) -> Result<UsedBy, BadRow> {
    match kind {
        1 => Ok(UsedBy::Association(id)),
        2 => Ok(UsedBy::Qos(id)),
        code => Err(BadRow::UnknownCode { what: "kind of use", code }),
    }
}

impl Stored for Past {
    /// The microsecond for which it is worked out, seconds of resources, seconds that jobs ran.
    type Row = (i64, Vec<(u32, f64)>, f64);

    fn to_row(&self) -> Self::Row {
        (self.at.micros(), self.seconds.to_vec(), self.wall)
    }

    fn from_row((at, seconds, wall): Self::Row) -> Result<Self, BadRow> {
        Ok(Past { at: Timestamp::from_micros(at), seconds: seconds.into_iter().collect(), wall })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{decode, encoded};

    #[test]
    fn use_comes_back_as_it_was() {
        let seconds = [(1, 3600.5), (5, 7.25)].into_iter().collect();
        let past = Past { at: Timestamp::from_seconds(1_800_000_000), seconds, wall: 42.5 };
        assert_eq!(decode::<Past>(&encoded(&past)).expect("it reads"), past);
        for by in [UsedBy::Association(7), UsedBy::Qos(3)] {
            let (kind, id) = place(by);
            assert_eq!(used_by(kind, id).expect("it is known"), by);
        }
        assert!(used_by(3, 1).is_err());
    }
}
