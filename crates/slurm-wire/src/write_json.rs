//! The few pieces from which compact JSON is put together without formatting machinery.

use crate::out::Out;

/// Appends a quoted text.
pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    // Most texts of most objects.
    if text.is_empty() {
        return out.extend_from_slice(b"\"\"");
    }
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.get(clean_length(rest)..).and_then(<[u8]>::split_first) {
        out.extend_from_slice(&rest[..rest.len() - behind.len() - 1]);
        escape(*byte, out);
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Returns how many bytes stand for themselves before the first that does not; eight are looked at together.
fn clean_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let has_less = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word & (ONES << 7) != 0;
    let has = |word: u64, byte: u8| has_less(word ^ (ONES * u64::from(byte)), 1);
    let (words, _) = bytes.as_chunks::<8>();
    let is_clean = |word: &&[u8; 8]| {
        let word = u64::from_le_bytes(**word);
        !has_less(word, 0x20) && !has(word, b'"') && !has(word, b'\\')
    };
    let clean = words.iter().take_while(is_clean).count() * 8;
    let rest = bytes.get(clean..).unwrap_or_default();
    clean + rest.iter().take_while(|byte| **byte >= 0x20 && **byte != b'"' && **byte != b'\\').count()
}

#[cold]
fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends a whole number.
pub(crate) fn unsigned(number: u64, out: &mut Vec<u8>) {
    match u8::try_from(number) {
        // Most are.
        Ok(digit @ 0..10) => out.push(b'0' + digit),
        _ => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
}

/// Appends a whole number with sign.
pub(crate) fn signed(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    unsigned(number.unsigned_abs(), out);
}

/// Appends a floating point number; JSON has no word for infinity, so it becomes null.
pub(crate) fn float(number: f64, out: &mut Vec<u8>) {
    if !number.is_finite() {
        out.extend_from_slice(b"null");
    } else if number == 0.0 {
        out.extend_from_slice(if number.is_sign_negative() { b"-0.0" } else { b"0.0" });
    } else {
        // Serialising a finite number into memory cannot fail.
        _ = serde_json::to_writer(&mut *out, &number);
    }
}

/// Appends a truth value.
pub(crate) fn boolean(truth: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if truth { b"true" } else { b"false" });
}

/// Turns the fields written since `start`, each with a comma in front, into an object.
pub(crate) fn close_object(start: usize, out: &mut Vec<u8>) {
    match out.get_mut(start) {
        Some(comma) => *comma = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
}

/// Appends a list.
pub(crate) fn list<T>(items: impl IntoIterator<Item = T>, out: &mut Out, mut item: impl FnMut(T, &mut Out)) {
    out.push(b'[');
    for (index, value) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        item(value, out);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_written_as_serde_json_does(input in any::<String>()) {
            let mut out = Vec::new();
            super::text(&input, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&input).unwrap());
        }

        #[test]
        fn numbers_are_written_as_serde_json_does(int in any::<i64>(), unsigned in any::<u64>(), float in any::<f64>()) {
            let mut out = Vec::new();
            super::signed(int, &mut out);
            out.push(b' ');
            super::unsigned(unsigned, &mut out);
            out.push(b' ');
            super::float(float, &mut out);
            let expected = format!("{int} {unsigned} {}", serde_json::to_string(&float).unwrap());
            prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
