//! Names as this dialect writes them: 16 bytes in hexadecimal digits, in five groups.

/// Writes a name.
pub(super) fn written(id: u128) -> String {
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        id >> 96,
        id >> 80 & 0xffff,
        id >> 64 & 0xffff,
        id >> 48 & 0xffff,
        id & 0xffff_ffff_ffff
    )
}

/// Reads a name, with its groups or without.
pub(super) fn read(text: &str) -> Option<u128> {
    let digits: String = match text.len() {
        32 => text.to_owned(),
        36 => {
            let groups: Vec<&str> = text.split('-').collect();
            groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]).then(|| groups.concat())?
        }
        _ => return None,
    };
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u128::from_str_radix(&digits, 16).ok())?
}

/// Makes a name that nobody has (RFC 9562, version 4).
pub(super) fn made() -> u128 {
    let random: u128 = rand::random();
    random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62
}

/// Writes bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads bytes from hexadecimal digits.
pub(super) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        digits.bytes().map(|digit| Some(char::from(digit).to_digit(16)? as u8)).collect();
    let pairs = digits?;
    let (pairs, []) = pairs.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_and_read() {
        let id = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
        assert_eq!(written(id), "01234567-89ab-cdef-0123-456789abcdef");
        for text in ["01234567-89ab-cdef-0123-456789abcdef", "0123456789abcdef0123456789ABCDEF"] {
            assert_eq!(read(text), Some(id), "{text}");
        }
        for text in
            ["", "x", "0123456-789ab-cdef-0123-456789abcdef", "+123456789abcdef0123456789abcdef0", "é"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        let made = written(made());
        assert_eq!((made.as_bytes()[14], &made[19..20] >= "8", &made[19..20] <= "b"), (b'4', true, true));
        assert_eq!(unhex(&hex(&[0, 15, 255])), Some(vec![0, 15, 255]));
        assert_eq!((unhex("0"), unhex("0g")), (None, None));
    }
}
