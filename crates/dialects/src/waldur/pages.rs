//! Lists in pages: which one is asked for, and the `Link` header that leads to the others (facts A5).

use super::error::WaldurError;
use crate::http::query::Pairs;
use std::fmt::Write;

/// Items of a page where nobody says.
const USUAL: usize = 10;
/// Items of a page at most.
const MOST: usize = 300;

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Counted from one; `None` for what is no number, or zero.
    number: Option<usize>,
    size: usize,
}

impl Page {
    /// Reads `page` and `page_size`. A size that makes no sense is the usual one.
    pub(super) fn of(query: &Pairs<'_>) -> Self {
        let last = |name: &str| query.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_deref());
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<usize>().ok());
        let size = last("page_size").and_then(number).filter(|size| *size > 0).unwrap_or(USUAL).min(MOST);
        let number = match last("page") {
            None => Some(1),
            Some(text) => number(text).filter(|number| *number > 0),
        };
        Page { number, size }
    }

    /// Returns how many pages a list has; an empty one has one.
    fn count(self, total: usize) -> usize {
        total.div_ceil(self.size).max(1)
    }

    /// Returns which items of a list are on it.
    ///
    /// # Errors
    /// [`WaldurError::NoPage`] if the list has no such page.
    pub(super) fn of_list(self, total: usize) -> Result<std::ops::Range<usize>, WaldurError> {
        let number = self.number.filter(|number| *number <= self.count(total)).ok_or(WaldurError::NoPage)?;
        let first = (number - 1) * self.size;
        Ok(first..(first + self.size).min(total))
    }

    /// Returns the header with the links to other pages of a list at an address.
    pub(super) fn links(self, address: &str, query: &Pairs<'_>, total: usize) -> String {
        let (number, count) = (self.number.unwrap_or(1), self.count(total));
        let to = |number: usize| (number > 1).then_some(number);
        let mut links = vec![("first", None)];
        links.extend((number > 1).then(|| ("prev", to(number - 1))));
        links.extend((number < count).then(|| ("next", to(number + 1))));
        links.push(("last", Some(count)));
        let link = |(relation, page): &(&str, Option<usize>)| {
            format!("<{address}{}>; rel=\"{relation}\"", written(query, *page))
        };
        links.iter().map(link).collect::<Vec<_>>().join(", ")
    }
}

/// Writes a query with another page, its parameters in the order of their names as the original does.
fn written(query: &Pairs<'_>, page: Option<usize>) -> String {
    let mut pairs: Vec<(&str, String)> = query
        .iter()
        .filter(|(name, _)| name != "page")
        .map(|(name, value)| (name.as_ref(), value.as_deref().unwrap_or_default().to_owned()))
        .collect();
    pairs.extend(page.map(|page| ("page", page.to_string())));
    pairs.sort_by_key(|(name, _)| *name);
    let mut text = String::new();
    for (name, value) in &pairs {
        text.push(if text.is_empty() { '?' } else { '&' });
        encode(&mut text, name);
        text.push('=');
        encode(&mut text, value);
    }
    text
}

/// Writes a text so that nothing in it means anything in a URL: clients take the header apart at every comma.
fn encode(into: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                into.push(char::from(byte))
            }
            // Writing to a string cannot fail.
            _ => {
                let _ = write!(into, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query::plain_pairs;

    fn page(query: &str) -> Page {
        Page::of(&plain_pairs(query).unwrap())
    }

    #[test]
    fn pages_are_counted_from_one() {
        for (query, total, wanted) in [
            ("", 0, Some(0..0)),
            ("", 23, Some(0..10)),
            ("page=3", 23, Some(20..23)),
            ("page=4", 23, None),
            ("page=0", 23, None),
            ("page=x", 23, None),
            ("page", 23, None),
            ("page=2", 0, None),
            ("page_size=0", 23, Some(0..10)),
            ("page_size=x", 23, Some(0..10)),
            ("page_size=100000", 400, Some(0..300)),
            ("page=18446744073709551615", 23, None),
            ("page=2&page=3", 23, Some(20..23)),
        ] {
            assert_eq!(page(query).of_list(total).ok(), wanted, "{query}");
        }
    }

    #[test]
    fn links_lead_to_the_other_pages() {
        let query = plain_pairs("page_size=10&field=uuid&field=a%2Cb&page=2").unwrap();
        let links = Page::of(&query).links("http://x/l/", &query, 23);
        let rest = "field=uuid&field=a%2Cb";
        assert_eq!(
            links,
            format!(
                "<http://x/l/?{rest}&page_size=10>; rel=\"first\", <http://x/l/?{rest}&page_size=10>; rel=\"prev\", \
                 <http://x/l/?{rest}&page=3&page_size=10>; rel=\"next\", \
                 <http://x/l/?{rest}&page=3&page_size=10>; rel=\"last\""
            )
        );
        assert_eq!(page("").links("/", &Vec::new(), 0), "</>; rel=\"first\", </?page=1>; rel=\"last\"");
    }
}
