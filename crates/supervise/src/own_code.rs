//! What of this program's own code stays mapped: a start runs through much that is not needed again for long.

use rustix::mm::{Advice, madvise};
use std::fs;

/// Lets go of the pages of this program's code. Whatever runs next is mapped again from the page cache, at the cost of a
/// fault for every 64 kB; what only the start needed no longer counts as this process's memory. Where the kernel does not
/// say enough of a mapping, nothing happens.
pub fn let_go_of_start() {
    let Ok(program) = fs::read_link("/proc/self/exe") else { return };
    let Ok(mappings) = fs::read_to_string("/proc/self/smaps") else { return };
    for (start, length) in code(&mappings, &program.to_string_lossy()) {
        let start = std::ptr::with_exposed_provenance_mut(start);
        // SAFETY: The range is a whole mapping of this program's file that may not be written to and of which this
        // process has changed nothing: what is dropped is read again from the file, and is the same.
        let advised = unsafe { madvise(start, length, Advice::LinuxDontNeed) };
        if let Err(error) = advised {
            tracing::debug!(%error, "the code of the start stays mapped");
        }
    }
}

/// Returns the executable mappings of a file that are as they are in it: where each begins and how long it is.
fn code(mappings: &str, program: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut candidate = None;
    for line in mappings.lines() {
        if let Some(range) = executable(line, program) {
            candidate = Some(range);
        } else if line.split(' ').next().is_some_and(|first| first.contains('-')) {
            candidate = None;
        } else if let Some(size) = line.strip_prefix("Anonymous:") {
            // A page that was written to is the process's own.
            found.extend(candidate.take().filter(|_| size.trim() == "0 kB"));
        }
    }
    found
}

/// Reads the head of a mapping: `START-END r-xp OFFSET DEVICE INODE PATH`.
fn executable(line: &str, program: &str) -> Option<(usize, usize)> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()? == "r-xp";
    let path = fields.nth(3)?.trim_start();
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    (is_code && path == program).then_some((start, end.checked_sub(start)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPINGS: &str = "\
55d0000-55d8000 r--p 00000000 fe:00 1181                                 /opt/a program
Anonymous:             0 kB
55d8000-55e8000 r-xp 00008000 fe:00 1181                                 /opt/a program
Rss:                  40 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
55f8000-5608000 r-xp 00018000 fe:00 1181                                 /opt/a program
Anonymous:             4 kB
7f00000-7f10000 r-xp 00000000 fe:00 1190                                 /lib/libc.so.6
Anonymous:             0 kB
7ffd000-7fff000 r-xp 00000000 00:00 0                                    [vdso]
Anonymous:             0 kB
";

    #[test]
    fn unchanged_code_of_the_program_is_found() {
        assert_eq!(code(MAPPINGS, "/opt/a program"), [(0x55d8000, 0x10000)]);
        assert_eq!(code(MAPPINGS, "/opt/another"), []);
    }

    #[test]
    fn the_program_goes_on_without_its_start() {
        let resident = || -> usize {
            let mappings = fs::read_to_string("/proc/self/smaps").unwrap();
            let program = fs::read_link("/proc/self/exe").unwrap();
            let mut is_code = false;
            let mut sum = 0;
            for line in mappings.lines() {
                match line.strip_prefix("Rss:") {
                    Some(size) if is_code => {
                        sum += size.trim().trim_end_matches(" kB").parse::<usize>().unwrap();
                        is_code = false;
                    }
                    Some(_) => {}
                    None => is_code |= executable(line, &program.to_string_lossy()).is_some(),
                }
            }
            sum
        };
        assert!(resident() > 0);
        let_go_of_start();
        // This very code is there.
        assert!(resident() > 0);
    }
}
