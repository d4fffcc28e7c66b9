//! Lists of node names in short: `n[1-3,7],login`.

use crate::Text;
use std::fmt::Write;

/// Folds names into brackets where they differ in a trailing number of the same width. Keeps the order of first
/// appearance of each stem; numbers are sorted.
pub fn fold<'a>(names: impl IntoIterator<Item = &'a str>) -> Text {
    let mut stems: Vec<(&str, usize, Vec<u64>)> = Vec::new();
    for name in names {
        let (stem, digits) = name.split_at(name.trim_end_matches(|c: char| c.is_ascii_digit()).len());
        let number = digits.parse::<u64>().ok();
        // A width matters only where zeros lead.
        let width = if digits.starts_with('0') { digits.len() } else { 0 };
        let (stem, width, number) = match number {
            Some(number) => (stem, width, Some(number)),
            None => (name, usize::MAX, None),
        };
        match stems.iter_mut().find(|(other, wide, _)| *other == stem && *wide == width) {
            Some((_, _, numbers)) => numbers.extend(number),
            None => stems.push((stem, width, number.into_iter().collect())),
        }
    }
    let folded = stems.into_iter().map(|(stem, width, numbers)| fold_one(stem, width, numbers));
    Text::from(folded.collect::<Vec<_>>().join(","))
}

fn fold_one(stem: &str, width: usize, mut numbers: Vec<u64>) -> String {
    numbers.sort_unstable();
    numbers.dedup();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let mut text = String::from(stem);
    let brackets = ranges.len() > 1 || ranges.iter().any(|(first, last)| first != last);
    if brackets {
        text.push('[');
    }
    for (at, (first, last)) in ranges.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = match first == last {
            true => write!(text, "{comma}{first:0width$}"),
            false => write!(text, "{comma}{first:0width$}-{last:0width$}"),
        };
    }
    if brackets {
        text.push(']');
    }
    text
}

/// Returns the names of a list that [`fold`] made, in its order. What it cannot have made stands for itself.
pub fn unfold(folded: &str) -> Vec<Text> {
    let mut names = Vec::new();
    for part in parts(folded) {
        let Some((stem, rest)) = part.split_once('[') else {
            names.push(Text::from(part));
            continue;
        };
        for range in rest.trim_end_matches(']').split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let width = if first.starts_with('0') { first.len() } else { 0 };
            match (first.parse::<u64>(), last.parse::<u64>()) {
                (Ok(first), Ok(last)) if first <= last && last - first < MOST_UNFOLDED => {
                    names.extend((first..=last).map(|number| Text::from(format!("{stem}{number:0width$}"))));
                }
                _ => names.push(Text::from(part)),
            }
        }
    }
    names
}

/// More nodes than a range of any cluster has.
const MOST_UNFOLDED: u64 = 1 << 20;

/// Divides a list at the commas that are not within brackets.
fn parts(folded: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    let divided = folded.split(move |c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    divided.filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{fold, unfold};

    #[test]
    fn folded_names_unfold_again() {
        let check = |folded: &str, names: &[&str]| assert_eq!(unfold(folded), names, "{folded}");
        check("", &[]);
        check("login", &["login"]);
        check("n[1-3,7],m2", &["n1", "n2", "n3", "n7", "m2"]);
        check("n[01-02],n10", &["n01", "n02", "n10"]);
        check("n[9-x]", &["n[9-x]"]);
        check("n[0-99999999999999999999]", &["n[0-99999999999999999999]"]);
        for names in [&["a1", "a2", "b", "c007", "c008"][..], &["rack1-n1", "rack1-n2", "rack2-n1"]] {
            assert_eq!(unfold(&fold(names.iter().copied())), names);
        }
    }

    #[test]
    fn names_fold_by_stem_and_width() {
        let check = |names: &[&str], folded: &str| assert_eq!(fold(names.iter().copied()), folded);
        check(&["n1"], "n1");
        check(&["n1", "n2", "n3", "n7"], "n[1-3,7]");
        check(&["n01", "n02", "n10"], "n[01-02],n10");
        check(&["login", "n2", "n1"], "login,n[1-2]");
        check(&[], "");
    }
}
