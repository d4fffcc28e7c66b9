//! The fields of an object that has just been written, to be left out, moved and replaced before it goes on.

use std::borrow::Cow;

type Bytes<'a> = Cow<'a, [u8]>;

/// Names and values, as they are written.
#[derive(Debug)]
pub struct Fields<'a> {
    fields: Vec<(Bytes<'a>, Bytes<'a>)>,
}

impl<'a> Fields<'a> {
    /// Takes a compact object apart; it was written by this crate, so that its names have nothing escaped in them.
    pub(crate) fn of(object: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        let mut rest = object.get(1..).unwrap_or_default();
        while let Some(quoted) = rest.strip_prefix(b"\"") {
            let Some(end) = quoted.iter().position(|byte| *byte == b'"') else { break };
            let (name, behind) = quoted.split_at(end);
            let value = behind.get(2..).unwrap_or_default();
            let (value, behind) = value.split_at(length_of_value(value));
            fields.push((Cow::Borrowed(name), Cow::Borrowed(value)));
            rest = behind.get(1..).unwrap_or_default();
        }
        Fields { fields }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|(known, _)| **known == *name.as_bytes())
    }

    /// Returns a field as it is written; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &[u8] {
        let field = self.place(name).and_then(|place| self.fields.get(place));
        field.map_or(&[], |(_, value)| value)
    }

    /// Puts a value, as it is written, into a field that is there.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let place = self.place(name).unwrap_or(self.fields.len());
        match self.fields.get_mut(place) {
            Some((_, known)) => *known = Cow::Owned(value.into()),
            None => self.fields.push((Cow::Owned(name.into()), Cow::Owned(value.into()))),
        }
    }

    /// Takes fields out.
    pub(crate) fn remove(&mut self, names: &[&str]) {
        self.fields.retain(|(known, _)| !names.iter().any(|name| name.as_bytes() == &**known));
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (name, value)) in self.fields.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(name);
            out.extend_from_slice(b"\":");
            out.extend_from_slice(value);
        }
        out.push(b'}');
    }
}

/// Appends an object that was written by this crate with only those of its fields whose names are wanted.
pub fn write_only(object: &[u8], is_wanted: impl Fn(&[u8]) -> bool, out: &mut Vec<u8>) {
    let mut fields = Fields::of(object);
    fields.fields.retain(|(known, _)| is_wanted(known));
    fields.write(out);
}

/// Appends one object that was written by this crate, and of another the fields that the first has not.
pub fn write_joined(first: &[u8], second: &[u8], out: &mut Vec<u8>) {
    let mut fields = Fields::of(first);
    let more = Fields::of(second)
        .fields
        .into_iter()
        .filter(|(name, _)| !fields.fields.iter().any(|(known, _)| known == name));
    let more: Vec<_> = more.collect();
    fields.fields.extend(more);
    fields.write(out);
}

/// Returns how long the value at the start is.
fn length_of_value(bytes: &[u8]) -> usize {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        if is_text {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => is_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => is_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(object: &str, change: impl FnOnce(&mut Fields<'_>)) -> String {
        let mut fields = Fields::of(object.as_bytes());
        change(&mut fields);
        let mut out = Vec::new();
        fields.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn objects_are_taken_apart_and_put_together() {
        for object in [
            "{}",
            r#"{"a":1}"#,
            r#"{"a":{"b":[1,{"c":"},]"}]},"d":"\"\\","e":[],"f":{},"g":null,"h":-1.5e3}"#,
        ] {
            assert_eq!(again(object, |_| {}), object);
        }
    }

    #[test]
    fn fields_are_left_out_replaced_and_added() {
        let changed = again(r#"{"a":1,"b":"x","c":[2,3]}"#, |fields| {
            assert_eq!(fields.get("c"), b"[2,3]");
            assert_eq!(fields.get("z"), b"");
            fields.remove(&["a"]);
            fields.set("b", "7");
            fields.set("d", "{}");
        });
        assert_eq!(changed, r#"{"b":7,"c":[2,3],"d":{}}"#);
        let mut out = Vec::new();
        write_only(br#"{"a":1,"b":{"a":2},"c":3}"#, |name| matches!(name, b"b" | b"z"), &mut out);
        assert_eq!(out, br#"{"b":{"a":2}}"#);
        out.clear();
        write_joined(br#"{"a":1,"b":2}"#, br#"{"b":3,"c":4}"#, &mut out);
        assert_eq!(out, br#"{"a":1,"b":2,"c":4}"#);
    }
}
