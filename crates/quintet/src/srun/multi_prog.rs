//! The file of `--multi-prog`: which task runs which program. Ranks, then the program, then its arguments, with `%t` for
//! the task's number and `%o` for its place among those of the line.

use super::request::Impossible;

/// Returns the command line of each of `tasks` tasks.
///
/// # Errors
/// If a line cannot be read, or a task has no line or more than one.
pub(super) fn programs(text: &str, tasks: u32) -> Result<Vec<Vec<String>>, Impossible> {
    let mut programs: Vec<Option<Vec<String>>> = vec![None; tasks as usize];
    for (at, line) in joined(text) {
        let invalid = |why: &str| Impossible(format!("Line {at} of configuration file invalid, {why}"));
        let words = words(&line).ok_or_else(|| invalid("unmatched quote"))?;
        let Some((ranks, command)) = words.split_first() else { continue };
        if command.is_empty() {
            return Err(invalid("no program named"));
        }
        let rest = ranks.text == "*";
        let of_line: Vec<u32> = match rest {
            true => {
                (0..tasks).filter(|task| programs.get(*task as usize).is_some_and(Option::is_none)).collect()
            }
            false => ranks_of(&ranks.text).ok_or_else(|| invalid("bad task ids"))?,
        };
        for (place, task) in (0_u32..).zip(of_line) {
            // A file may name more tasks than there are.
            let Some(slot) = programs.get_mut(task as usize) else { continue };
            if slot.is_some() {
                return Err(invalid(&format!("task id {task} has a program already")));
            }
            *slot = Some(command.iter().map(|word| word.filled(task, place)).collect());
        }
    }
    let missing = programs.iter().position(Option::is_none);
    match missing {
        Some(task) => Err(Impossible(format!("Configuration file invalid, no record for task id {task}"))),
        None => Ok(programs.into_iter().flatten().collect()),
    }
}

/// Returns lines with their numbers; a backslash at the end goes on with the next.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (at, line) in text.lines().enumerate() {
        let (line, more) = match line.strip_suffix('\\') {
            Some(line) => (line, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| goes_on) {
            Some((_, last)) => last.push_str(line),
            None if line.trim_start().starts_with('#') => continue,
            None => lines.push((at + 1, line.to_owned())),
        }
        goes_on = more;
    }
    lines
}

/// A word, and which of its bytes stood in single quotes and mean themselves.
#[derive(Debug, Default)]
struct Word {
    text: String,
    is_plain: Vec<bool>,
}

impl Word {
    fn push(&mut self, letter: char, is_plain: bool) {
        self.text.push(letter);
        self.is_plain.resize(self.text.len(), is_plain);
    }

    fn filled(&self, task: u32, place: u32) -> String {
        let mut text = String::new();
        let mut letters = self.text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let is_plain = self.is_plain.get(at).copied().unwrap_or(true);
            let next = letters.peek().map(|(_, next)| *next);
            match (letter, next) {
                ('%', Some('t')) if !is_plain => text.push_str(&task.to_string()),
                ('%', Some('o')) if !is_plain => text.push_str(&place.to_string()),
                _ => {
                    text.push(letter);
                    continue;
                }
            }
            letters.next();
        }
        text
    }
}

fn words(line: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            quote @ ('\'' | '"') => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        end if end == quote => break,
                        other => word.push(other, quote == '\''),
                    }
                }
            }
            '\\' => {
                let next = letters.next().unwrap_or('\\');
                word.get_or_insert_default().push(next, true);
            }
            blank if blank.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other, false),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads `0,4-6`.
fn ranks_of(text: &str) -> Option<Vec<u32>> {
    let mut ranks = Vec::new();
    for part in text.trim_matches(['[', ']']).split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last >= supervise::steps::MAX_TASKS {
            return None;
        }
        ranks.extend(first..=last);
    }
    Some(ranks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, tasks: u32, told: Result<&[&str], &str>) {
        let read = programs(text, tasks);
        let read = read.map(|all| all.iter().map(|words| words.join("|")).collect::<Vec<_>>());
        let told = told.map(|all| all.iter().map(|words| (*words).to_owned()).collect());
        assert_eq!(read.map_err(|error| error.0), told.map_err(str::to_owned), "{text:?}");
    }

    #[test]
    fn each_task_has_its_program() {
        check(
            "# remark\n0-1 echo %t %o x\n\n2 sh -c 'echo %t; exit 4'\n* echo rest %t %o\n",
            5,
            Ok(&["echo|0|0|x", "echo|1|1|x", "sh|-c|echo %t; exit 4", "echo|rest|3|0", "echo|rest|4|1"]),
        );
        check("0,2 a\n1 b \\\nc\n", 3, Ok(&["a", "b|c", "a"]));
        check("0-9 a \"%t b\"\n", 1, Ok(&["a|0 b"]));
        check("0 a \\%t %x%\n", 1, Ok(&["a|%t|%x%"]));
    }

    #[test]
    fn what_is_wrong_is_told() {
        check("0 a\n", 2, Err("Configuration file invalid, no record for task id 1"));
        check("0 a\n0 b\n", 1, Err("Line 2 of configuration file invalid, task id 0 has a program already"));
        check("0\n", 1, Err("Line 1 of configuration file invalid, no program named"));
        check("x a\n", 1, Err("Line 1 of configuration file invalid, bad task ids"));
        check("2-1 a\n", 1, Err("Line 1 of configuration file invalid, bad task ids"));
        check("0 'a\n", 1, Err("Line 1 of configuration file invalid, unmatched quote"));
        check("0-4294967295 a\n", 1, Err("Line 1 of configuration file invalid, bad task ids"));
        check("", 1, Err("Configuration file invalid, no record for task id 0"));
    }
}
