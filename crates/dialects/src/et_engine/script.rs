//! What a job of a batch runs first: a script that makes the job's folder, reads the job's own arguments out of the file of
//! the batch, and becomes the tool. What users have sent is in it as words that no shell looks into.

use super::arguments::{Arguments, LINE, quoted};

/// Where the arguments of all jobs are, in the folder of the batch.
pub(super) const ARGUMENTS: &str = "arguments";
/// Where the tool is.
pub(super) const TOOL: &str = "tool";
/// Where links to the filesystems are.
pub(super) const FILESYSTEMS: &str = "filesystems";
/// Where each job has its folder.
pub(super) const JOBS: &str = "jobs";
/// Where each job writes.
pub(super) const LOGS: &str = "logs";

/// Writes the script. Of `entry` the first word names a file of the tool if `is_of_tool`.
pub(super) fn script(entry: &[String], is_of_tool: bool, common: &Arguments) -> Vec<u8> {
    let mut words: Vec<String> = entry.to_vec();
    if let Some(first) = words.first_mut().filter(|_| is_of_tool) {
        *first = format!("./{TOOL}/{first}");
    }
    let common: String =
        common.iter().map(|(name, value)| format!(" {}", quoted(&format!("{name}={value}")))).collect();
    let words: String = words.iter().map(|word| format!(" {}", quoted(word))).collect();
    format!(
        r#"#!/bin/sh
# Reads this job's own arguments and becomes the tool.
n=$SLURM_ARRAY_TASK_ID
[ -f {ARGUMENTS} ] || {{ echo "the folder of this batch is gone" >&2; exit 125; }}
set -- $(tail -c +$((n * {LINE} + 1)) {ARGUMENTS} | head -c {LINE})
own=$(tail -c +$(($1 + 1)) {ARGUMENTS} | head -c "$2")
mkdir -p "{JOBS}/$n" && cd "{JOBS}/$n" || exit 125
ln -sfn ../../{TOOL} {TOOL} && ln -sfn ../../{FILESYSTEMS} {FILESYSTEMS} || exit 125
# Every word of it stands in single quotes.
eval "set -- $own"
exec env{common} "$@"{words}
"#
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::arguments::file;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_tool_gets_its_arguments_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [TOOL, FILESYSTEMS, JOBS] {
            std::fs::create_dir(at(name)).unwrap();
        }
        let nasty = "it's; $(touch gone) `touch gone`\n\"$HOME\" \\";
        let tool = "#!/bin/sh\nprintf '%s|' \"$@\" \"$own\" \"$common\" \"$IFS_\" >seen\n";
        std::fs::write(at("tool/run it"), tool).unwrap();
        std::fs::set_permissions(at("tool/run it"), PermissionsExt::from_mode(0o755)).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let common = vec![pair("common", nasty), pair("own", "covered")];
        let own: Vec<Arguments> = (0..12).map(|at| vec![pair("own", &format!("{at}{nasty}"))]).collect();
        std::fs::write(at(ARGUMENTS), file(&own, &common)).unwrap();
        std::fs::write(at("script"), script(&["run it".into(), nasty.into()], true, &common)).unwrap();
        for job in [0, 1, 9, 11] {
            let ran = run(&at("script"), folder.path(), job);
            assert!(ran, "job {job}");
            let seen = std::fs::read_to_string(at(&format!("jobs/{job}/seen"))).unwrap();
            assert_eq!(seen, format!("{nasty}|{job}{nasty}|{nasty}||"));
        }
        assert!(!at("gone").exists() && !at("jobs/0/gone").exists());
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a shell reads the script, and none is run outside of this test"
    )]
    fn run(script: &std::path::Path, folder: &std::path::Path, job: u32) -> bool {
        let mut shell = std::process::Command::new("/bin/sh");
        let shell = shell.arg(script).current_dir(folder).env("SLURM_ARRAY_TASK_ID", job.to_string());
        shell.status().unwrap().success()
    }
}
