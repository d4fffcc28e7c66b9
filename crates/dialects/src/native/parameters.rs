//! Parameters of a query. Unknown ones are refused: a misspelt filter must not look like an answer to it.

use super::error::NativeError;
use crate::http::query::{BadQuery, plain_pairs};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A query's parameters, each given once.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, Option<String>)>);

impl Parameters {
    /// Reads a query in which only these names may stand.
    pub(super) fn read(query: &str, known: &[&str]) -> Result<Self, NativeError> {
        // Forms write blanks as plus signs, and most libraries write queries as forms do.
        let query = query.replace('+', "%20");
        let unreadable =
            |BadQuery| NativeError::parameter("query", "it is not percent-encoded as it should be");
        let mut read: Vec<(String, Option<String>)> = Vec::new();
        for (name, value) in plain_pairs(&query).map_err(unreadable)? {
            if !known.contains(&&*name) {
                let why = match known {
                    [] => "no parameters are known here".to_owned(),
                    known => format!("no such parameter; known are {}", known.join(", ")),
                };
                return Err(NativeError::parameter(name, why));
            }
            if read.iter().any(|(before, _)| *before == name) {
                return Err(NativeError::parameter(name, "given twice"));
            }
            read.push((name.into_owned(), value.map(std::borrow::Cow::into_owned)));
        }
        Ok(Parameters(read))
    }

    /// Returns a parameter's text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, NativeError> {
        match self.0.iter().find(|(given, _)| given == name) {
            None => Ok(None),
            Some((_, Some(text))) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(NativeError::parameter(name, "has no value")),
        }
    }

    /// Returns a number.
    pub(super) fn number<N: FromStr + PartialOrd + Display>(
        &self,
        name: &str,
        range: RangeInclusive<N>,
    ) -> Result<Option<N>, NativeError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let number = text.parse::<N>().ok().filter(|number| range.contains(number));
        match number {
            Some(number) => Ok(Some(number)),
            None => {
                let why = format!("expected a number from {} to {}", range.start(), range.end());
                Err(NativeError::parameter(name, why))
            }
        }
    }

    /// Returns a switch: on if it is there without a value, or with `1` or `true`.
    pub(super) fn switch(&self, name: &str) -> Result<bool, NativeError> {
        match self.0.iter().find(|(given, _)| given == name) {
            None => Ok(false),
            Some((_, value)) => match value.as_deref() {
                None | Some("" | "1" | "true") => Ok(true),
                Some("0" | "false") => Ok(false),
                Some(_) => Err(NativeError::parameter(name, "expected 0 or 1")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["a", "b"];

    #[test]
    fn values_are_read() {
        let parameters = Parameters::read("a=x+y%2Bz&b=7", KNOWN).unwrap();
        assert_eq!(parameters.text("a").unwrap(), Some("x y+z"));
        assert_eq!(parameters.number("b", 0..=7).unwrap(), Some(7u32));
        for (query, on) in
            [("", false), ("a", true), ("a=", true), ("a=1", true), ("a=0", false), ("a=true", true)]
        {
            assert_eq!(Parameters::read(query, KNOWN).unwrap().switch("a").unwrap(), on, "{query}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let check = |refused: Result<(), NativeError>, text: &str| {
            assert_eq!(refused.unwrap_err().to_string(), text);
        };
        check(Parameters::read("c=1", KNOWN).map(drop), "c: no such parameter; known are a, b");
        check(Parameters::read("c=1", &[]).map(drop), "c: no parameters are known here");
        check(Parameters::read("a=1&a=2", KNOWN).map(drop), "a: given twice");
        check(Parameters::read("a=%zz", KNOWN).map(drop), "query: it is not percent-encoded as it should be");
        let parameters = Parameters::read("a=&b=-1", KNOWN).unwrap();
        check(parameters.text("a").map(drop), "a: has no value");
        check(parameters.number("b", 0..=9u64).map(drop), "b: expected a number from 0 to 9");
        check(parameters.switch("b").map(drop), "b: expected 0 or 1");
    }
}
