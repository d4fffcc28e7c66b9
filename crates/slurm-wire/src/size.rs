//! Amounts of memory with units: `4G` is 4096 MB, a plain number is MB, `K` rounds up.

/// Returns the megabytes that a text such as `500`, `4G` or `2T` means.
pub fn megabytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    let number: u64 = digits.parse().ok()?;
    let unit = unit.strip_suffix(['b', 'B']).filter(|unit| !unit.is_empty()).unwrap_or(unit);
    match unit {
        "" | "m" | "M" => Some(number),
        "k" | "K" => Some(number.div_ceil(1024)),
        "g" | "G" => number.checked_mul(1 << 10),
        "t" | "T" => number.checked_mul(1 << 20),
        "p" | "P" => number.checked_mul(1 << 30),
        _ => None,
    }
}

/// Writes megabytes in the largest unit that keeps them whole, as `500M` or `4G`.
pub fn from_megabytes(megabytes: u64) -> String {
    let units = ["M", "G", "T", "P"];
    let mut number = megabytes;
    let mut unit = 0;
    while number >= 1024 && number.is_multiple_of(1024) && unit + 1 < units.len() {
        number /= 1024;
        unit += 1;
    }
    format!("{number}{}", units.get(unit).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        for (text, megabytes_meant) in [
            ("500", Some(500)),
            ("500M", Some(500)),
            ("1G", Some(1024)),
            ("4GB", Some(4096)),
            ("1K", Some(1)),
            ("1025k", Some(2)),
            ("2T", Some(2 << 20)),
            ("0", Some(0)),
            ("", None),
            ("G", None),
            ("1x", None),
            ("-5", None),
            ("99999999999999P", None),
        ] {
            assert_eq!(megabytes(text), megabytes_meant, "{text}");
        }
    }

    #[test]
    fn whole_units_are_shown() {
        assert_eq!(from_megabytes(500), "500M");
        assert_eq!(from_megabytes(4096), "4G");
        assert_eq!(from_megabytes(1 << 20), "1T");
        assert_eq!(from_megabytes(0), "0M");
    }
}
