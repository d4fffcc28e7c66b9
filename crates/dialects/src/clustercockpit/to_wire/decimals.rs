//! How texts and numbers are written: letters that mean something in pages as escapes, and measured values with two
//! decimals. There may be millions of these in an answer.

use serde_json::ser::{CharEscape, Formatter};
use std::io::{self, Write};

/// Below this a number of hundredths tells on which side of the middle between two it lies.
const EXACT: f64 = 9_007_199_254_740_992.0 / 4.0;

/// Texts harmless in pages.
pub(super) struct Plain;

/// The same, and numbers with two decimals.
pub(super) struct Decimals;

fn fragment(writer: &mut (impl Write + ?Sized), text: &str) -> io::Result<()> {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>', '&']) {
        let (before, from) = rest.split_at(at);
        writer.write_all(before.as_bytes())?;
        let (escape, behind) = match from.as_bytes().first() {
            Some(b'<') => (br"\u003c", from.get(1..)),
            Some(b'>') => (br"\u003e", from.get(1..)),
            _ => (br"\u0026", from.get(1..)),
        };
        writer.write_all(escape)?;
        rest = behind.unwrap_or_default();
    }
    writer.write_all(rest.as_bytes())
}

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        fragment(writer, text)
    }
}

impl Formatter for Decimals {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        fragment(writer, text)
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        Plain.write_char_escape(writer, escape)
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        two_decimals(writer, value)
    }

    /// There are no bytes in documents of measured values but those of [`as_bytes`].
    fn write_byte_array<W: ?Sized + Write>(&mut self, writer: &mut W, bytes: &[u8]) -> io::Result<()> {
        list(writer, bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)))
    }
}

/// Returns values as bytes, which go through a serializer as a whole: one by one they would cost more on their way than
/// they cost to write.
pub(super) fn as_bytes(values: &[f64]) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(values)];
    for (place, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
        *place = value.to_le_bytes();
    }
    bytes
}

/// Bytes that are written at once.
const PIECE: usize = 1024;

/// Some bytes on their way.
struct Piece {
    bytes: [u8; PIECE],
    filled: usize,
}

impl Piece {
    /// Adds the first few of some bytes; there must be room for all of them.
    #[inline]
    fn add<const N: usize>(&mut self, more: [u8; N], length: usize) {
        if let Some(place) = self.bytes.get_mut(self.filled..).and_then(|rest| rest.first_chunk_mut()) {
            *place = more;
            self.filled += length;
        }
    }

    fn flush(&mut self, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
        let filled = std::mem::take(&mut self.filled);
        writer.write_all(self.bytes.get(..filled).unwrap_or_default())
    }
}

/// All numbers of two digits, as they are written.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Writes a list of numbers; one that is not finite is a null.
fn list(writer: &mut (impl Write + ?Sized), values: impl Iterator<Item = f64>) -> io::Result<()> {
    let mut piece = Piece { bytes: [0; PIECE], filled: 0 };
    // What stands before a value.
    let mut before = b'[';
    for value in values {
        if piece.filled + 8 > PIECE {
            piece.flush(writer)?;
        }
        match in_hundredths(value) {
            // Percentages are like these, and most others.
            Some(number @ 100..10_000) if value > 0.0 => {
                let ([tens, ones], [tenths, hundredths]) = (pair(number / 100), pair(number % 100));
                match number {
                    ..1000 => piece.add([before, ones, b'.', tenths, hundredths], 5),
                    _ => piece.add([before, tens, ones, b'.', tenths, hundredths], 6),
                }
            }
            _ if !value.is_finite() => piece.add([before, b'n', b'u', b'l', b'l'], 5),
            _ => {
                piece.add([before], 1);
                piece.flush(writer)?;
                two_decimals(writer, value)?;
            }
        }
        before = b',';
    }
    piece.flush(writer)?;
    writer.write_all(if before == b'[' { b"[]" } else { b"]" })
}

/// Returns a number below a hundred in two digits.
#[inline]
fn pair(number: u64) -> [u8; 2] {
    PAIRS.get(number as usize).copied().unwrap_or_default()
}

/// Returns how many hundredths a number is nearest to, whatever its sign; `None` if that is not told so easily, or if it is
/// none, as nothing may have a sign.
#[inline]
fn in_hundredths(value: f64) -> Option<u64> {
    let hundredths = value.abs() * 100.0;
    if hundredths.is_nan() || hundredths >= EXACT {
        return None;
    }
    let below = hundredths as i64;
    let rest = hundredths - below as f64;
    let number = below.unsigned_abs() + u64::from(rest > 0.5);
    // Halfway between two hundredths the product does not tell which is nearer.
    ((rest - 0.5).abs() >= 1e-3 && number > 0).then_some(number)
}

/// Writes a finite number with two decimals, as `{:.2}` does.
fn two_decimals(writer: &mut (impl Write + ?Sized), value: f64) -> io::Result<()> {
    let Some(number) = in_hundredths(value) else { return write!(writer, "{value:.2}") };
    let mut digits = [0_u8; 24];
    let mut at = digits.len();
    let mut put = |digit: u8| {
        at -= 1;
        if let Some(place) = digits.get_mut(at) {
            *place = digit;
        }
    };
    let [tenths, hundredths] = pair(number % 100);
    [hundredths, tenths, b'.'].into_iter().for_each(&mut put);
    let mut number = number / 100;
    loop {
        put(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if value < 0.0 {
        put(b'-');
    }
    writer.write_all(digits.get(at..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{list, two_decimals};

    fn written(value: f64) -> String {
        let mut bytes = Vec::new();
        two_decimals(&mut bytes, value).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn numbers_are_written_as_by_the_library() {
        let mut state = 1_u64;
        let mut values =
            vec![0.0, -0.0, 0.004, 0.005, 0.015, -0.125, 1.0, 99.995, 1e15, -1e22, 1e300, 0.001, 72.0];
        for exponent in -6..18 {
            for _ in 0..2000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let part = (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
                values.push(part * 10_f64.powi(exponent));
                // Near the middle between two hundredths.
                values.push(((state >> 40) as f64 + 0.5) / 100.0);
            }
        }
        for value in values {
            let wanted = format!("{value:.2}");
            assert_eq!(written(value), wanted, "{value:e}");
            let mut both = Vec::new();
            list(&mut both, [value, value].into_iter()).unwrap();
            assert_eq!(String::from_utf8(both).unwrap(), format!("[{wanted},{wanted}]"), "{value:e}");
        }
    }
}
