//! How texts and numbers are written: letters that mean something in pages as escapes, and measured values with two
//! decimals. There may be millions of these in an answer.

use serde_json::ser::{CharEscape, Formatter};
use std::io::{self, Write};

/// Beyond this a number has no hundredths, and not all of its whole ones.
const EXACT: f64 = 9_007_199_254_740_992.0 / 100.0;

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
}

/// Writes a finite number with two decimals, as `{:.2}` does.
fn two_decimals(writer: &mut (impl Write + ?Sized), value: f64) -> io::Result<()> {
    let hundredths = value.abs() * 100.0;
    let whole = hundredths.round();
    // Halfway between two hundredths the product does not tell which is nearer.
    let is_between = (hundredths - hundredths.trunc() - 0.5).abs() < 1e-3;
    if value.abs() >= EXACT || is_between || whole == 0.0 {
        return write!(writer, "{value:.2}");
    }
    let mut number = whole as u64;
    let mut digits = [0_u8; 24];
    let mut at = digits.len();
    let mut put = |digit: u8| {
        at -= 1;
        if let Some(place) = digits.get_mut(at) {
            *place = digit;
        }
    };
    put(b'0' + (number % 10) as u8);
    put(b'0' + (number / 10 % 10) as u8);
    put(b'.');
    number /= 100;
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
    use super::two_decimals;

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
            assert_eq!(written(value), format!("{value:.2}"), "{value:e}");
        }
    }
}
