//! Host lists: `n[01-10,15]`, several brackets, lists of both; read, expanded within bounds, and folded again.

use compact_str::{CompactString, format_compact};
use thiserror::Error;

/// More names than this are not expanded; a list such as `n[0-99999999]` would fill the memory.
pub const MOST_HOSTS: usize = 65_536;

/// Why a host list cannot be expanded.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum HostlistError {
    /// Brackets or ranges are malformed.
    #[error("malformed host list: {0}")]
    Malformed(CompactString),
    /// It has too many names.
    #[error("host list of more than {MOST_HOSTS} names")]
    TooMany,
}

/// Returns whether brackets and ranges are in order, without expanding anything.
pub fn is_well_formed(text: &str) -> bool {
    split(text).is_some_and(|parts| parts.iter().all(|part| pieces(part).is_some()))
}

/// Returns how many names a host list stands for; `None` if it is malformed.
pub fn count(text: &str) -> Option<usize> {
    split(text)?.iter().try_fold(0_usize, |all, part| {
        let pieces = pieces(part)?;
        let names = pieces.iter().fold(1_usize, |count, piece| count.saturating_mul(piece.count()));
        Some(all.saturating_add(names))
    })
}

/// Returns the names that a host list stands for, in its order: what is in the last brackets changes fastest, then
/// what is in the first.
///
/// # Errors
/// If it is malformed or stands for more than [`MOST_HOSTS`] names.
pub fn expand(text: &str) -> Result<Vec<CompactString>, HostlistError> {
    expand_within(text, MOST_HOSTS)
}

/// Returns the names that several host lists stand for together.
///
/// # Errors
/// The first list that is malformed, or with which there are more than [`MOST_HOSTS`] names.
pub fn expand_all<T: AsRef<str>>(lists: &[T]) -> Result<Vec<CompactString>, (&T, HostlistError)> {
    let mut names = Vec::new();
    for list in lists {
        let room = MOST_HOSTS - names.len();
        names.extend(expand_within(list.as_ref(), room).map_err(|error| (list, error))?);
    }
    Ok(names)
}

/// Returns the names of a host list if they are no more than there is room for. Nothing is expanded otherwise.
fn expand_within(text: &str, room: usize) -> Result<Vec<CompactString>, HostlistError> {
    let malformed = || HostlistError::Malformed(text.chars().take(200).collect());
    let mut names = Vec::new();
    for part in split(text).ok_or_else(malformed)? {
        let pieces = pieces(part).ok_or_else(malformed)?;
        let count = pieces.iter().try_fold(1_usize, |count, piece| count.checked_mul(piece.count()));
        if count.is_none_or(|count| count > room - names.len()) {
            return Err(HostlistError::TooMany);
        }
        let last = pieces.iter().rposition(|piece| matches!(piece, Piece::Ranges(_)));
        let (before, behind) = pieces.split_at(last.unwrap_or(0));
        let mut heads = vec![CompactString::default()];
        for piece in before {
            let choices = piece.names("");
            heads = choices
                .iter()
                .flat_map(|end| heads.iter().map(move |head| format_compact!("{head}{end}")))
                .collect();
        }
        for piece in behind {
            heads = heads.iter().flat_map(|head| piece.names(head)).collect();
        }
        names.extend(heads);
    }
    Ok(names)
}

/// Returns a host list for the names as they come: neighbours that differ in the number at their end alone go into
/// brackets together, nothing is sorted, and nothing that comes twice is left out.
pub fn gather<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut gathered: Vec<Run> = Vec::new();
    for name in names {
        let name = name.as_ref();
        let prefix = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let digits = name.get(prefix.len()..).unwrap_or_default();
        // Eighteen digits fit into 64 bits with room for their successor.
        let number = digits.parse::<u64>().ok().filter(|_| digits.len() <= 18);
        match (gathered.last_mut(), number) {
            (Some(run), Some(number)) if run.prefix == prefix && !run.ranges.is_empty() => {
                run.add(number, digits.len());
            }
            (_, Some(number)) => {
                let range = Range { low: number, high: number, width: digits.len() };
                gathered.push(Run { prefix: prefix.into(), ranges: vec![range] });
            }
            (_, None) => gathered.push(Run { prefix: name.into(), ranges: Vec::new() }),
        }
    }
    let runs: Vec<String> = gathered.iter().map(Run::text).collect();
    runs.join(",")
}

/// Names that follow one another and differ in the number at their end; without numbers it is one name.
struct Run {
    prefix: CompactString,
    ranges: Vec<Range>,
}

impl Run {
    fn add(&mut self, number: u64, width: usize) {
        let is_padded = |number: u64, width: usize| number.max(1).ilog10() as usize + 1 < width;
        match self.ranges.last_mut() {
            Some(range)
                if range.high + 1 == number
                    && (range.width == width
                        || !is_padded(range.high, range.width) && !is_padded(number, width)) =>
            {
                range.high = number;
            }
            _ => self.ranges.push(Range { low: number, high: number, width }),
        }
    }

    fn text(&self) -> String {
        let ranges: Vec<String> = self
            .ranges
            .iter()
            .map(|range| {
                let Range { low, high, width } = *range;
                if low == high { format!("{low:0width$}") } else { format!("{low:0width$}-{high:0width$}") }
            })
            .collect();
        let prefix = &self.prefix;
        match ranges.as_slice() {
            [] => prefix.to_string(),
            [only] if !only.contains('-') => format!("{prefix}{only}"),
            several => format!("{prefix}[{}]", several.join(",")),
        }
    }
}

/// Returns a short host list for the names: numbers at their end go into brackets, neighbours become ranges.
///
/// Names of one prefix are gathered where the first of them stands; duplicates stay out.
pub fn fold<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut groups: Vec<Group> = Vec::new();
    let mut index: std::collections::HashMap<(CompactString, usize), usize> =
        std::collections::HashMap::new();
    for name in names {
        let name = name.as_ref();
        let (prefix, number, width) = number_at_end(name);
        let place = *index.entry((prefix.into(), width)).or_insert_with(|| {
            groups.push(Group { prefix: prefix.into(), width, numbers: Vec::new() });
            groups.len() - 1
        });
        if let (Some(group), Some(number)) = (groups.get_mut(place), number) {
            group.numbers.push(number);
        }
    }
    let folded: Vec<String> = groups.into_iter().map(Group::into_text).collect();
    folded.join(",")
}

/// Names that differ in the number at their end. Without padding the width is that of no number: 0.
struct Group {
    prefix: CompactString,
    width: usize,
    numbers: Vec<u64>,
}

impl Group {
    fn into_text(mut self) -> String {
        self.numbers.sort_unstable();
        self.numbers.dedup();
        let width = self.width;
        let (prefix, numbers) = (&self.prefix, &self.numbers);
        match numbers.as_slice() {
            [] => prefix.to_string(),
            [one] => format!("{prefix}{one:0width$}"),
            many => {
                let ranges: Vec<String> = many
                    .chunk_by(|low, high| low.checked_add(1) == Some(*high))
                    .map(|range| match (range.first(), range.last()) {
                        (Some(low), Some(high)) if low != high => format!("{low:0width$}-{high:0width$}"),
                        (low, _) => format!("{:0width$}", low.copied().unwrap_or_default()),
                    })
                    .collect();
                format!("{prefix}[{}]", ranges.join(","))
            }
        }
    }
}

/// Divides a name before the digits at its end. Numbers with leading zeroes have a width, others have none.
fn number_at_end(name: &str) -> (&str, Option<u64>, usize) {
    let prefix = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let digits = name.get(prefix.len()..).unwrap_or_default();
    // Eighteen digits fit into 64 bits with room for their successor.
    match digits.parse() {
        Ok(number) if digits.len() <= 18 => {
            let is_padded = digits.len() > 1 && digits.starts_with('0');
            (prefix, Some(number), if is_padded { digits.len() } else { 0 })
        }
        _ => (name, None, usize::MAX),
    }
}

/// A piece of one name: fixed text, or what stands in brackets.
enum Piece<'a> {
    Fixed(&'a str),
    Ranges(Vec<Range>),
}

struct Range {
    low: u64,
    high: u64,
    width: usize,
}

impl Piece<'_> {
    fn count(&self) -> usize {
        match self {
            Piece::Fixed(_) => 1,
            Piece::Ranges(ranges) => ranges.iter().fold(0_usize, |count, range| {
                let size = usize::try_from(range.high - range.low).unwrap_or(usize::MAX);
                count.saturating_add(size).saturating_add(1)
            }),
        }
    }

    fn names(&self, head: &str) -> Vec<CompactString> {
        match self {
            Piece::Fixed(text) => vec![format_compact!("{head}{text}")],
            Piece::Ranges(ranges) => ranges
                .iter()
                .flat_map(|range| {
                    let width = range.width;
                    (range.low..=range.high).map(move |number| format_compact!("{head}{number:0width$}"))
                })
                .collect(),
        }
    }
}

/// Splits at commas outside of brackets; empty parts do not count.
fn split(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut is_open = false;
    for (index, letter) in text.char_indices() {
        match letter {
            '[' if is_open => return None,
            '[' => is_open = true,
            ']' if !is_open => return None,
            ']' => is_open = false,
            ',' if !is_open => {
                parts.push(text.get(start..index)?);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    parts.retain(|part| !part.trim().is_empty());
    if is_open { None } else { Some(parts) }
}

fn pieces(part: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = part.trim();
    while let Some((fixed, behind)) = rest.split_once('[') {
        if !fixed.is_empty() {
            pieces.push(Piece::Fixed(fixed));
        }
        let (ranges, behind) = behind.split_once(']')?;
        pieces.push(Piece::Ranges(ranges.split(',').map(range).collect::<Option<_>>()?));
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Fixed(rest));
    }
    Some(pieces)
}

fn range(text: &str) -> Option<Range> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let is_number =
        |text: &str| !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(low) || !is_number(high) {
        return None;
    }
    let range = Range { low: low.parse().ok()?, high: high.parse().ok()?, width: low.len() };
    (range.low <= range.high).then_some(range)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> String {
        expand(text).map_or_else(|error| error.to_string(), |names| names.join(" "))
    }

    #[test]
    fn brackets_expand() {
        assert_eq!(names("n1"), "n1");
        assert_eq!(names("n1,n2"), "n1 n2");
        assert_eq!(names("n[01-03,15]"), "n01 n02 n03 n15");
        assert_eq!(names("a[1-2]b[3,4]-c,x"), "a1b3-c a1b4-c a2b3-c a2b4-c x");
        assert_eq!(names("n[8-11]"), "n8 n9 n10 n11");
        assert_eq!(names(""), "");
    }

    #[test]
    fn malformed_lists_are_refused() {
        for text in ["n[", "n]", "n[1-", "n[]", "n[3-1]", "n[a]", "n[[1]]", "n[1-2-3]", "n[1,]"] {
            assert!(matches!(expand(text), Err(HostlistError::Malformed(_))), "{text}");
            assert!(!is_well_formed(text), "{text}");
        }
    }

    #[test]
    fn expansion_is_bounded() {
        assert_eq!(expand("n[0-65535]").map(|names| names.len()), Ok(MOST_HOSTS));
        assert_eq!(expand("n[0-65536]"), Err(HostlistError::TooMany));
        assert_eq!(expand("n[0-999]m[0-999]"), Err(HostlistError::TooMany));
        assert_eq!(expand("n[0-999999999999999999],n[0-999999999999999999]"), Err(HostlistError::TooMany));
        assert_eq!(expand_all(&["n[0-65534]", "m"]).map(|names| names.len()), Ok(MOST_HOSTS));
        assert_eq!(expand_all(&["n[0-65534]", "m[0-1]"]), Err((&"m[0-1]", HostlistError::TooMany)));
        let many = vec!["n[0-65535]"; 100_000];
        assert_eq!(expand_all(&many), Err((&many[1], HostlistError::TooMany)));
    }

    #[test]
    fn the_last_brackets_change_fastest_and_then_the_first() {
        assert_eq!(names("a[1-2]b[1-2]c[1-2]"), "a1b1c1 a1b1c2 a2b1c1 a2b1c2 a1b2c1 a1b2c2 a2b2c1 a2b2c2");
        assert_eq!(names("n[1-2]x"), "n1x n2x");
    }

    #[test]
    fn names_are_gathered_as_they_come() {
        for (names, wanted) in [
            (&["n1", "n1"][..], "n[1,1]"),
            (&["n3", "n1", "n2"], "n[3,1-2]"),
            (&["n01", "n2", "n3"], "n[01,2-3]"),
            (&["n09", "n10"], "n[09-10]"),
            (&["n9", "n10"], "n[9-10]"),
            (&["n8", "n09", "n10", "n11"], "n[8,09-11]"),
            (&["n1m1", "n1m2", "n2m1", "n2m2"], "n1m[1-2],n2m[1-2]"),
            (&["n1", "m1", "n2"], "n1,m1,n2"),
            (&["n1-ib", "n2-ib"], "n1-ib,n2-ib"),
            (&["n", "n1", "n"], "n,n1,n"),
            (&["5", "6"], "[5-6]"),
            (&[], ""),
        ] {
            assert_eq!(gather(names), wanted);
        }
    }

    #[test]
    fn names_are_counted_without_being_made() {
        assert_eq!(count("n[1-3],m"), Some(4));
        assert_eq!(count("n[1-"), None);
        assert!(count("n[0-999999999999999999]m[0-999999999999999999]") > Some(MOST_HOSTS));
    }

    #[test]
    fn names_fold() {
        assert_eq!(fold(["n1", "n2", "n3", "n5", "m", "x7"]), "n[1-3,5],m,x7");
        assert_eq!(fold(["n09", "n10", "n08"]), "n[08-09],n10");
        assert_eq!(fold(["n1", "n1"]), "n1");
        assert_eq!(fold([""; 0]), "");
    }

    proptest! {
        #[test]
        fn folding_keeps_the_set(mut hosts in proptest::collection::vec("[a-c]{1,2}[0-9]{0,3}", 0..40)) {
            let mut again: Vec<String> = expand(&fold(&hosts)).unwrap().into_iter().map(Into::into).collect();
            again.sort();
            hosts.sort();
            hosts.dedup();
            prop_assert_eq!(again, hosts);
        }

        #[test]
        fn nothing_panics(text in "[n0-9\\[\\],\\- ]{0,30}") {
            if let Ok(names) = expand(&text) {
                prop_assert!(names.len() <= MOST_HOSTS && is_well_formed(&text));
            }
        }
    }
}
