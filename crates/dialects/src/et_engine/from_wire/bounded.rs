//! Lists and objects of JSON that are read no further than they may be long: a long body of next to nothing, many times,
//! shall not take many times its size.

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Returns the parts of a list, unread; `None` if there are more than `most`.
pub(in super::super) fn parts(list: &RawValue, most: usize) -> serde_json::Result<Option<Vec<&RawValue>>> {
    serde_json::Deserializer::from_str(list.get()).deserialize_seq(List { most })
}

/// Returns the names of an object and their values, unread; of a name that is there twice the last one.
///
/// # Errors
/// Also if there are more than `most`.
pub(in super::super) fn members(
    object: &RawValue,
    most: usize,
) -> serde_json::Result<BTreeMap<String, &RawValue>> {
    serde_json::Deserializer::from_str(object.get()).deserialize_map(Object { most })
}

struct List {
    most: usize,
}

impl<'de> Visitor<'de> for List {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while parts.len() < self.most {
            match list.next_element()? {
                Some(part) => parts.push(part),
                None => return Ok(Some(parts)),
            }
        }
        let mut is_longer = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            is_longer = true;
        }
        Ok((!is_longer).then_some(parts))
    }
}

struct Object {
    most: usize,
}

impl<'de> Visitor<'de> for Object {
    type Value = BTreeMap<String, &'de RawValue>;

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("names and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = object.next_entry()? {
            members.insert(name, value);
            if members.len() > self.most {
                return Err(A::Error::custom(format!("more than {} of them", self.most)));
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn no_more_is_read_than_there_may_be() {
        for (json, wanted) in [("[]", Some(0)), ("[1, {}]", Some(2)), ("[1,2,3]", None)] {
            assert_eq!(parts(&raw(json), 2).unwrap().map(|parts| parts.len()), wanted, "{json}");
        }
        assert_eq!(parts(&raw("[]"), 0).unwrap().map(|parts| parts.len()), Some(0));
        assert!(parts(&raw("{}"), 2).is_err() && parts(&raw("7"), 2).is_err());
        let object = raw(r#"{"a": 1, "b": [2], "a": 3}"#);
        let found: Vec<_> =
            members(&object, 2).unwrap().into_iter().map(|(name, value)| (name, value.get())).collect();
        assert_eq!(found, [("a".to_owned(), "3"), ("b".to_owned(), "[2]")]);
        assert!(members(&object, 1).is_err() && members(&raw("[]"), 1).is_err());
    }
}
