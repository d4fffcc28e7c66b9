//! The few pieces from which compact JSON is put together without formatting machinery.

use crate::out::Out;

/// Appends a quoted text.
pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[clean..index]);
        clean = index + 1;
        escape(byte, out);
    }
    out.extend_from_slice(&bytes[clean..]);
    out.push(b'"');
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
pub(crate) fn unsigned(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
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
