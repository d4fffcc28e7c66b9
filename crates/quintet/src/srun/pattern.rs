//! Where a task's streams go: the words of `--output` and the names of files with their `%` letters.

use std::path::PathBuf;

/// Where a stream of the tasks goes to, or comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// srun's own stream.
    Own,
    /// Nowhere.
    Nowhere,
    /// srun's own stream for one task, nowhere for the others.
    OwnOf(u32),
    /// A file, or one for each task or node.
    File(String),
}

impl Place {
    /// Reads what stands at an option.
    pub(super) fn of(text: Option<&str>) -> Self {
        match text {
            None | Some("all") => Place::Own,
            Some("none") => Place::Nowhere,
            Some(text) => match text.parse() {
                Ok(task) if text.bytes().all(|byte| byte.is_ascii_digit()) => Place::OwnOf(task),
                _ => Place::File(text.to_owned()),
            },
        }
    }
}

/// What the letters of a file's name stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// The job's number.
    pub(super) job: u32,
    /// The number of the array it is a task of, and its index there.
    pub(super) array: Option<(u32, u32)>,
    /// The step's number.
    pub(super) step: u32,
    /// The user's name.
    pub(super) user: String,
    /// The job's name.
    pub(super) job_name: String,
}

/// What the letters stand for that differ by task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskNames<'a> {
    /// Its number.
    pub(super) task: u32,
    /// The number of its node among the step's.
    pub(super) node: u32,
    /// Its node's name.
    pub(super) node_name: &'a str,
}

/// Returns the name of the file of a task. A backslash anywhere means that nothing is filled in.
pub(super) fn file_name(pattern: &str, names: &Names, task: TaskNames<'_>) -> PathBuf {
    if pattern.contains('\\') {
        return PathBuf::from(pattern.replace('\\', ""));
    }
    let mut name = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        name.push_str(rest.get(..at).unwrap_or_default());
        let after = rest.get(at + 1..).unwrap_or_default();
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let width = after.get(..digits).and_then(|width| width.parse::<usize>().ok()).unwrap_or(0).min(10);
        let mut letters = after.get(digits..).unwrap_or_default().chars();
        let letter = letters.next();
        match letter.and_then(|letter| filled(letter, width, names, task)) {
            Some(text) => {
                name.push_str(&text);
                rest = letters.as_str();
            }
            None => {
                name.push('%');
                rest = after;
            }
        }
    }
    name.push_str(rest);
    PathBuf::from(name)
}

fn filled(letter: char, width: usize, names: &Names, task: TaskNames<'_>) -> Option<String> {
    let number = |number: u32| Some(format!("{number:0width$}"));
    match letter {
        '%' if width == 0 => Some("%".to_owned()),
        'A' => number(names.array.map_or(names.job, |(array, _)| array)),
        'a' => number(names.array.map_or(u32::MAX - 1, |(_, index)| index)),
        'j' => number(names.job),
        'J' => Some(format!("{:0width$}.{}", names.job, names.step)),
        's' => number(names.step),
        't' => number(task.task),
        'n' => number(task.node),
        'N' => Some(task.node_name.to_owned()),
        'u' => Some(names.user.clone()),
        'x' => Some(names.job_name.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(Place::of(None), Place::Own);
        assert_eq!(Place::of(Some("all")), Place::Own);
        assert_eq!(Place::of(Some("none")), Place::Nowhere);
        assert_eq!(Place::of(Some("3")), Place::OwnOf(3));
        assert_eq!(Place::of(Some("+3")), Place::File("+3".to_owned()));
        assert_eq!(Place::of(Some("3.txt")), Place::File("3.txt".to_owned()));
    }

    #[test]
    fn letters_are_filled_in() {
        let names =
            Names { job: 7, array: Some((5, 2)), step: 3, user: "alice".into(), job_name: "name".into() };
        let task = TaskNames { task: 12, node: 1, node_name: "n2" };
        let check = |pattern: &str, told: &str| {
            assert_eq!(file_name(pattern, &names, task), PathBuf::from(told), "{pattern}");
        };
        check("%j_%t_log.out", "7_12_log.out");
        check("%A_%a.%4t", "5_2.0012");
        check("%J-%n-%N-%u-%x-%s", "7.3-1-n2-alice-name-3");
        check("%5j", "00007");
        check("100%", "100%");
        check("%%t", "%t");
        check("%q%", "%q%");
        check("%", "%");
        check("\\%t", "%t");
        check("%99999999999999999999j", "7");
    }
}
