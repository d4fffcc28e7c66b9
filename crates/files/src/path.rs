//! What may be a path within a folder.

use domain::Text;
use domain::ports::FolderError;

/// Longest path, in bytes, as the kernel has it.
const LONGEST: usize = 4095;
/// Longest part of a path, in bytes.
const LONGEST_PART: usize = 255;

/// Checks a path and leaves out what says nothing: empty parts and `.`. The folder itself is `.`.
pub(crate) fn clean(path: &str) -> Result<String, FolderError> {
    let bad = || FolderError::BadPath(Text::from(shown(path)));
    if path.starts_with('/') || path.len() > LONGEST || path.contains('\0') {
        return Err(bad());
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.iter().any(|part| *part == ".." || part.len() > LONGEST_PART) {
        return Err(bad());
    }
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// Checks the name of a folder: parts of letters, digits, `-` and `_`.
pub(crate) fn folder_name(name: &str) -> Result<&str, FolderError> {
    let is_part = |part: &str| {
        (1..=64).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    match name.split('/').all(is_part) {
        true => Ok(name),
        false => Err(FolderError::BadPath(Text::from(shown(name)))),
    }
}

/// Returns the folder a path is in, and its last part.
pub(crate) fn divided(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or((".", path))
}

/// Returns so much of a path as can be told.
fn shown(path: &str) -> String {
    path.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out() {
        for (path, wanted) in [
            ("", "."),
            (".", "."),
            ("a", "a"),
            ("a//b/./c/", "a/b/c"),
            ("..a/b..", "..a/b.."),
            ("ä b", "ä b"),
        ] {
            assert_eq!(clean(path).unwrap(), wanted, "{path}");
        }
        let long = "x".repeat(256);
        for path in ["..", "a/../b", "../a", "/a", "/", "a\0b", &long, &"a/".repeat(3000)] {
            assert!(matches!(clean(path), Err(FolderError::BadPath(_))), "{path}");
        }
        assert!(folder_name("filesystems/0aZ-_").is_ok());
        for name in ["", "/", "a/", "/a", "a//b", "a/../b", "a.b", "ä", "a b", &"x".repeat(65)] {
            assert!(folder_name(name).is_err(), "{name}");
        }
    }
}
