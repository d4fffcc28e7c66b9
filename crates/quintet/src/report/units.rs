//! In what usage is told: time, or a part of what there was, or both.

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Seconds,
    Minutes,
    Hours,
}

/// In what usage is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Units {
    /// `None` for a percentage alone.
    pub(super) time: Option<Time>,
    /// Whether the percentage is told.
    pub(super) percent: bool,
}

impl Units {
    /// Reads sreport's words for it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let of = |time, percent| Some(Units { time, percent });
        match text.to_lowercase().as_str() {
            "s" | "sec" | "second" | "seconds" => of(Some(Time::Seconds), false),
            "m" | "min" | "minute" | "minutes" => of(Some(Time::Minutes), false),
            "h" | "hour" | "hours" => of(Some(Time::Hours), false),
            "p" | "per" | "percent" => of(None, true),
            "secper" | "secondper" => of(Some(Time::Seconds), true),
            "minper" | "minuteper" => of(Some(Time::Minutes), true),
            "hourper" => of(Some(Time::Hours), true),
            _ => None,
        }
    }

    /// Writes resource seconds of `all` there were.
    pub(super) fn written(self, seconds: i64, all: i64) -> String {
        let percent = || {
            let part = if all > 0 { seconds as f64 * 100.0 / all as f64 } else { 0.0 };
            format!("{part:.2}%")
        };
        let time = self.time.map(|time| {
            let unit = match time {
                Time::Seconds => 1,
                Time::Minutes => 60,
                Time::Hours => 3600,
            };
            // To the nearest whole.
            seconds.saturating_add(unit / 2).div_euclid(unit).to_string()
        });
        match (time, self.percent) {
            (Some(time), false) => time,
            (Some(time), true) => format!("{time}({})", percent()),
            (None, _) => percent(),
        }
    }

    /// Says in what usage is told.
    pub(super) fn title(self, what: &str) -> String {
        let time = self.time.map(|time| match time {
            Time::Seconds => "Seconds",
            Time::Minutes => "Minutes",
            Time::Hours => "Hours",
        });
        match (time, self.percent) {
            (Some(time), false) => format!("Usage reported in {what} {time}"),
            (Some(time), true) => format!("Usage reported in {what} {time}/Percentage of Total"),
            (None, _) => "Usage reported in Percentage of Total".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_told_in_units() {
        let check = |units: &str, wanted: &str| {
            assert_eq!(Units::read(units).unwrap().written(5400, 54_000), wanted, "{units}");
        };
        check("seconds", "5400");
        check("Minutes", "90");
        check("hours", "2");
        check("percent", "10.00%");
        check("hourper", "2(10.00%)");
        assert_eq!(Units::read("years"), None);
        assert_eq!(Units::read("hours").unwrap().title("CPU"), "Usage reported in CPU Hours");
        assert_eq!(Units::read("percent").unwrap().written(1, 0), "0.00%");
    }
}
