//! The `#SBATCH` lines of a batch script, cut into words the way sbatch does it. What the words mean is decided
//! in `options.rs`.

use super::layers::{OptionError, combine};
use super::options::JobOptions;

/// Options that a script gives, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directive {
    /// The line they stand in, counted from one.
    pub(crate) line: usize,
    /// The words after `#SBATCH`.
    pub(crate) words: Vec<String>,
}

impl Directive {
    /// Tells whether the options of the next component of a heterogeneous job follow.
    pub(crate) fn divides_components(&self) -> bool {
        // The second is what Slurm called them before, and reads still.
        matches!(self.words.as_slice(), [word] if word == "hetjob" || word == "packjob")
    }
}

/// Why a script cannot be submitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScriptError {
    /// It has no interpreter.
    #[error("the first line does not begin with \"#!\" and the path of an interpreter, such as #!/bin/sh")]
    NoInterpreter,
    /// It was written on another system.
    #[error("line {line} ends with a DOS line break; convert the script, for instance with dos2unix")]
    DosLineBreak {
        /// Which line.
        line: usize,
    },
    /// A quote is not closed.
    #[error("line {line}: unmatched {quote} in an #SBATCH line")]
    Unmatched {
        /// Which line.
        line: usize,
        /// Which quote.
        quote: char,
    },
    /// The line ends in a backslash.
    #[error("line {line}: nothing follows the backslash at the end of an #SBATCH line")]
    Backslash {
        /// Which line.
        line: usize,
    },
    /// It is empty.
    #[error("the script is empty")]
    Empty,
}

/// Returns the directives of a script.
///
/// As sbatch has it: lines that begin with `#SBATCH` count up to the first line that is neither empty nor a comment. The
/// `#` must be in the first column.
///
/// # Errors
/// If the script is none, or a directive's quotes do not match.
pub(crate) fn directives(script: &str) -> Result<Vec<Directive>, ScriptError> {
    if script.trim().is_empty() {
        return Err(ScriptError::Empty);
    }
    if !script.starts_with("#!") {
        return Err(ScriptError::NoInterpreter);
    }
    // The shell would choke on them anywhere in the script, not only in directives.
    if let Some(at) = script.find("\r\n") {
        let line = script.get(..at).unwrap_or_default().matches('\n').count() + 1;
        return Err(ScriptError::DosLineBreak { line });
    }
    let mut found = Vec::new();
    for (at, text) in script.lines().enumerate() {
        let line = at + 1;
        if let Some(rest) = text.strip_prefix("#SBATCH") {
            let words = words(rest, line)?;
            if !words.is_empty() {
                found.push(Directive { line, words });
            }
        } else if !text.trim().is_empty() && !text.trim_start().starts_with('#') {
            break;
        }
    }
    Ok(found)
}

/// Returns the options that lines of a crontab give, each with its number.
///
/// # Errors
/// If a line holds what is no option, or its quotes do not match.
pub(crate) fn options_of_lines(lines: &[(u32, domain::Text)]) -> Result<JobOptions, OptionError> {
    let directives = lines.iter().map(|(line, text)| {
        let line = usize::try_from(*line).unwrap_or(usize::MAX);
        let words = words(text, line).map_err(|error| OptionError::Together(error.to_string()))?;
        Ok(Directive { line, words })
    });
    let directives = directives.collect::<Result<Vec<_>, OptionError>>()?;
    combine("crontab", &directives, |_| None, &clap::ArgMatches::default())
}

/// Cuts a line into words: blanks divide, quotes and backslashes protect, `#` begins a comment wherever it stands
/// unprotected.
fn words(text: &str, line: usize) -> Result<Vec<String>, ScriptError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '#' => break,
            '\\' => {
                let next = letters.next().ok_or(ScriptError::Backslash { line })?;
                word.get_or_insert_default().push(next);
            }
            quote @ ('"' | '\'') => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        None => return Err(ScriptError::Unmatched { line, quote }),
                        Some(end) if end == quote => break,
                        Some('\\') if quote == '"' => {
                            word.push(letters.next().ok_or(ScriptError::Unmatched { line, quote })?);
                        }
                        Some(other) => word.push(other),
                    }
                }
            }
            blank if blank.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of all lines after `#!/bin/sh`, divided by `|`.
    fn check(lines: &str, told: Result<&str, ScriptError>) {
        let found = directives(&format!("#!/bin/sh\n{lines}"));
        let flat =
            found.map(|found| found.into_iter().flat_map(|line| line.words).collect::<Vec<_>>().join("|"));
        assert_eq!(flat, told.map(str::to_owned), "{lines:?}");
    }

    #[test]
    fn lines_up_to_the_first_command_count() {
        check("#SBATCH -n1\n#SBATCH -t 5\n", Ok("-n1|-t|5"));
        check("#SBATCH -n1\necho\n#SBATCH -t 5\n", Ok("-n1"));
        check("\n\n#SBATCH -n1\n", Ok("-n1"));
        check("# remark\n  # another\n#SBATCH -n1\n", Ok("-n1"));
        check(": no operation\n#SBATCH -n1\n", Ok(""));
        check("   \t\n#SBATCH -n1", Ok("-n1"));
        check("", Ok(""));
    }

    #[test]
    fn only_the_first_column_counts() {
        check(" #SBATCH -n1\n", Ok(""));
        check("##SBATCH -n1\n", Ok(""));
        check("# SBATCH -n1\n", Ok(""));
        check("#sbatch -n1\n", Ok(""));
        check("#SBATCH\n", Ok(""));
        check("#SBATCH\t-n1\n", Ok("-n1"));
        check("#SBATCH -n1 -t5\n", Ok("-n1|-t5"));
        // Seen with sbatch: what follows without a blank is a word of its own, and refused as such.
        check("#SBATCHX -n1\n", Ok("X|-n1"));
    }

    #[test]
    fn quotes_and_backslashes_protect() {
        check("#SBATCH --comment=\"x y\"z\n", Ok("--comment=x yz"));
        check("#SBATCH --comment='a \"b\" # c' -n1\n", Ok("--comment=a \"b\" # c|-n1"));
        check("#SBATCH --comment=a\\ b\n", Ok("--comment=a b"));
        check("#SBATCH --comment=\"a\\\"b\"\n", Ok("--comment=a\"b"));
        check("#SBATCH --comment='a\\b'\n", Ok("--comment=a\\b"));
        check("#SBATCH --comment=\"\"\n", Ok("--comment="));
        check("#SBATCH -J \"\"\n", Ok("-J|"));
        check("#SBATCH --comment=Grüße\n", Ok("--comment=Grüße"));
    }

    #[test]
    fn a_hash_begins_a_comment() {
        check("#SBATCH -n1 # two tasks\n", Ok("-n1"));
        check("#SBATCH --comment=x#y\n", Ok("--comment=x"));
        check("#SBATCH --comment=x\\#y\n", Ok("--comment=x#y"));
        check("#SBATCH -n1 #SBATCH -t5\n", Ok("-n1"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        check("#SBATCH --comment=\"open\n", Err(ScriptError::Unmatched { line: 2, quote: '"' }));
        check("\n#SBATCH --comment='open\n", Err(ScriptError::Unmatched { line: 3, quote: '\'' }));
        check("#SBATCH -n1 \\\n", Err(ScriptError::Backslash { line: 2 }));
        check("#SBATCH -n1\r\n", Err(ScriptError::DosLineBreak { line: 2 }));
        assert_eq!(directives("echo hi\n"), Err(ScriptError::NoInterpreter));
        assert_eq!(directives(" \n"), Err(ScriptError::Empty));
        assert_eq!(directives("#!/bin/sh\r\n"), Err(ScriptError::DosLineBreak { line: 1 }));
    }

    #[test]
    fn lines_are_counted_from_one() {
        let found = directives("#!/bin/sh\n\n#SBATCH -n1\n").unwrap();
        assert_eq!(found, [Directive { line: 3, words: vec!["-n1".to_owned()] }]);
    }
}
