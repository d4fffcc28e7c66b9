//! `#PJM` lines and the words in them: blanks divide, quotes and backslashes protect.

use super::BadScript;

/// What the lines begin with.
const MARK: &str = "#PJM";

/// Returns what stands behind `#PJM` in lines up to the first command: the first line that is neither empty nor a comment.
pub(super) fn directives(script: &str) -> Vec<&str> {
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    // A word that only begins like the mark is a comment.
    let marked = script.lines().take_while(is_comment).filter_map(|line| line.strip_prefix(MARK));
    marked.filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])).collect()
}

/// Cuts a line into words.
pub(super) fn cut(line: &str) -> Result<Vec<String>, BadScript> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.get_or_insert_default().push(letters.next().ok_or(BadScript::Quote)?),
            quote @ ('"' | '\'') => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next().ok_or(BadScript::Quote)? {
                        end if end == quote => break,
                        '\\' if quote == '"' => word.push(letters.next().ok_or(BadScript::Quote)?),
                        other => word.push(other),
                    }
                }
            }
            blank if blank.is_whitespace() => words.extend(word.take()),
            // A comment, where a word could begin.
            '#' if word.is_none() => break,
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_up_to_the_first_command_count() {
        let script =
            "#!/bin/sh\n\n#PJM -L node=1\n# remark\n#PJMX -j\n #PJM -X\n#PJM\t-j\nset -e\n#PJM -N late\n";
        assert_eq!(directives(script), [" -L node=1", "\t-j"]);
        assert_eq!(directives("echo\n#PJM -j"), [] as [&str; 0]);
        assert_eq!(directives("#PJM -N a\r\n"), [" -N a"]);
    }

    #[test]
    fn quotes_protect() {
        let words = |line: &str| cut(line).map(|words| words.join("|"));
        assert_eq!(words(" -L \"node=4\" -x A=1,B=\"x y\" -j").unwrap(), "-L|node=4|-x|A=1,B=x y|-j");
        assert_eq!(words("-N 'a \"b\"'\\ c \"\" # rest").unwrap(), "-N|a \"b\" c|");
        assert_eq!(words("-N a#b").unwrap(), "-N|a#b");
        for open in ["\"a", "'a", "a\\"] {
            assert_eq!(cut(open), Err(BadScript::Quote), "{open}");
        }
    }
}
