//! Tasks inside jobs: `srun` as batch scripts call it, outside of jobs, and at a terminal.

use crate::program::{Program, at_a_terminal};

const NODES: &str = "[[nodes]]\nname = \"n[1-2]\"\ncpus = 4\nmemory = 2000\n";

/// Runs a batch script with these options, and returns what it wrote, line by line.
fn batch(quintet: &Program, options: &[&str], script: &str) -> Vec<String> {
    quintet.write("job.sh", &format!("#!/bin/bash\n{script}\n"));
    let words = [&["submit", "-W", "-Q", "-o", "out"], options, &["job.sh"]].concat();
    let ended = quintet.run(&words);
    let out = quintet.read("out");
    assert_eq!(ended.code, 0, "{}{out}{}", ended.stderr, quintet.log());
    out.lines().map(str::to_owned).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[test]
fn a_script_starts_tasks_with_labels_and_learns_how_they_ended() {
    let quintet = Program::serving(NODES);
    let out = batch(
        &quintet,
        &["-n", "3"],
        "srun -l sh -c 'echo out $SLURM_PROCID $SLURM_STEP_ID $SLURM_NTASKS; echo err >&2; printf unfinished'\n\
         srun -n2 sh -c 'exit $((SLURM_PROCID * 3))'; echo code $?\n\
         srun -n1 sh -c 'kill -9 $$'; echo code $?\n\
         srun -n1 /no/such/program; echo code $?",
    );
    let labelled: Vec<String> = (0..3)
        .flat_map(|task| {
            [format!("{task}: err"), format!("{task}: out {task} 0 3"), format!("{task}: unfinished")]
        })
        .collect();
    assert_eq!(sorted(out[..9].to_vec()), labelled);
    assert_eq!(
        out[9..13],
        [
            "srun: error: n1: task 1: Exited with exit code 3",
            "code 3",
            "srun: error: n1: task 0: Killed",
            "srun: Force Terminated StepId=1.2",
        ]
    );
    assert_eq!(out.last().unwrap(), "code 2");
    assert!(out.contains(&"srun: error: n1: task 0: Exited with exit code 2".to_owned()), "{out:?}");
}

#[test]
fn each_task_may_have_files_of_its_own() {
    let quintet = Program::serving(NODES);
    // The second call is submitit's.
    batch(
        &quintet,
        &["-n", "2"],
        "srun -o 'o.%j.%s.%t' -e 'e.%t' sh -c 'echo $SLURM_PROCID; echo oops >&2'\n\
         srun -n1 --unbuffered --output \"$PWD/%j_%t_log.out\" --error \"$PWD/%j_%t_log.err\" sh -c 'echo o; echo e >&2'\n\
         srun -o 1 sh -c 'echo only $SLURM_PROCID' > one\n\
         srun -o none echo nothing > none\n\
         srun -l -o shared --open-mode=append echo once; srun -l -o shared --open-mode=append echo twice",
    );
    let files = ["o.1.0.0", "o.1.0.1", "e.0", "1_0_log.out", "1_0_log.err", "one", "none"];
    let told: Vec<String> = files.iter().map(|name| quintet.read(name)).collect();
    assert_eq!(told, ["0\n", "1\n", "oops\n", "o\n", "e\n", "only 1\n", ""]);
    let shared = quintet.read("shared").lines().map(str::to_owned).collect();
    assert_eq!(sorted(shared), ["0: once", "0: twice", "1: once", "1: twice"]);
}

#[test]
fn input_goes_to_all_tasks_or_to_one() {
    let quintet = Program::serving(NODES);
    quintet.write("input", "from a file\n");
    let out = batch(
        &quintet,
        &["-n", "3"],
        "echo all | srun -l cat\n\
         echo one | srun -l -i 1 cat\n\
         echo none | srun -l -i none cat\n\
         srun -n1 -i input cat\n\
         echo alone | srun -n1 cat",
    );
    assert_eq!(sorted(out[..3].to_vec()), ["0: all", "1: all", "2: all"]);
    assert_eq!(out[3..], ["1: one", "from a file", "alone"]);
}

#[test]
fn a_step_ends_with_its_first_bad_task_or_some_time_after_its_first() {
    let quintet = Program::serving(NODES);
    let out = batch(
        &quintet,
        &["-n", "3"],
        "srun -K1 sh -c '[ $SLURM_PROCID = 1 ] && exit 5; exec sleep 1000'; echo code $?\n\
         srun -W1 sh -c '[ $SLURM_PROCID = 1 ] && exit 0; exec sleep 1000'; echo code $?",
    );
    let told = [
        "srun: error: n1: task 1: Exited with exit code 5",
        "srun: Terminating StepId=1.0",
        "slurmstepd: error: *** STEP 1.0 ON n1 CANCELLED AT NOW DUE TO TASK FAILURE ***",
        "srun: error: n1: tasks 0,2: Terminated",
        "srun: Force Terminated StepId=1.0",
        "code 143",
        "srun: First task exited 1s ago",
        "srun: StepId=1.1 tasks 0,2: running",
        "srun: StepId=1.1 task 1: exited",
        "srun: Terminating StepId=1.1",
        "srun: Job step aborted: Waiting up to 32 seconds for job step to finish.",
        "slurmstepd: error: *** STEP 1.1 ON n1 CANCELLED AT NOW DUE to SIGNAL Killed ***",
        "srun: error: n1: tasks 0,2: Killed",
        "code 137",
    ];
    assert_eq!(together(out.iter().map(|line| without_time(line)).collect()), told);
}

#[test]
fn when_and_where_a_job_would_start_is_told_without_one() {
    let quintet = Program::serving(NODES);
    let asks = |words: &[&str]| {
        let asked = quintet.run(words);
        let told: Vec<String> = asked.stderr.lines().map(without_start).collect();
        assert_eq!(asked.stdout, "", "{words:?}");
        (asked.code, told.join("\n"))
    };
    let starts = |told: &str| (0, told.to_owned());
    let one = "Job 1 to start at NOW a using 1 processors on nodes n1 in partition main";
    let two = "Job 1 to start at NOW a using 2 processors on nodes n[1-2] in partition main";
    let both = "Job 1 to start at NOW using 3 processors on n[1-2]";
    let narrow = &["-N2", "-n2"][..];
    let wrapped =
        |options: &[&str]| asks(&[&["submit", "--test-only"], options, &["--wrap", "true"]].concat());
    let srun = |options: &[&str]| asks(&[&["srun", "--test-only"], options, &["true"]].concat());
    assert_eq!(srun(narrow), starts(&format!("srun: {two}")));
    assert_eq!(wrapped(narrow), starts(&format!("quintet: {two}")));
    assert_eq!(wrapped(&["-H", "-n1"]), starts(&format!("quintet: {one}")), "that it is held does not count");
    assert_eq!(wrapped(&["-n1", "-a", "0-3"]), starts(&format!("quintet: {one}")));
    assert_eq!(wrapped(&["-Q", "-n1"]), starts(""));
    assert_eq!(wrapped(&["-n1", ":", "-N2", "-n2"]), starts(&format!("quintet: {both}")));
    quintet.write("asks.sh", "#!/bin/sh\n#SBATCH --test-only -n1\ntouch ran\n");
    assert_eq!(asks(&["submit", "asks.sh"]), starts(&format!("quintet: {one}")));
    let refused = (1, "allocation failure: Requested node configuration is not available".to_owned());
    assert_eq!((srun(&["-n99"]), wrapped(&["-n99"])), (refused.clone(), refused));
    let nowhere = |who: &str| {
        let why = "allocation failure: Invalid partition name specified";
        (1, format!("{who}: error: invalid partition specified: nope,no\n{why}"))
    };
    assert_eq!(srun(&["-p", "nope,main,no"]), nowhere("srun"));
    // Components are looked at one after the other.
    assert_eq!(wrapped(&["-p", "main", ":", "-p", "nope,no", ":", "-p", "none"]), nowhere("quintet"));
    // There was never a job, and the number is still free.
    assert_eq!(quintet.ok(&["ps", "--no-header"]), "");
    let inside = "srun --test-only -n1 true; echo code $?";
    let out = batch(&quintet, &["-n1"], inside);
    assert_eq!(out, ["allocation failure: Requested operation is presently disabled", "code 1"]);
    // Behind a job that runs, and behind one that waits for it.
    for job in ["a", "b"] {
        quintet.ok(&["submit", "-Q", "-N2", "-n8", "-t", "10", "-o", job, "--wrap", "sleep 1000"]);
    }
    assert_eq!(wrapped(&["-d", "afterok:2"]), (1, "allocation failure: Job dependency problem".to_owned()));
    let start = |words: &[&str]| -> i64 {
        let told = quintet.run_with(words, |command| {
            command.env("TZ", "UTC");
        });
        let at = told.stderr.split("start at ").nth(1).and_then(|rest| rest.split(' ').next());
        let at: jiff::civil::DateTime = at.unwrap_or_else(|| panic!("{}", told.stderr)).parse().unwrap();
        at.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second()
    };
    let now = jiff::Timestamp::now().as_second();
    let behind = start(&["submit", "--test-only", "-n1", "-t", "10", "--wrap", "true"]);
    assert!((now + 1100..now + 1290).contains(&behind), "{behind} at {now}");
    let later = start(&["srun", "--test-only", "-n1", "--begin=now+1hour", "true"]);
    assert!((now + 3600..now + 3700).contains(&later), "{later} at {now}");
}

#[test]
fn partitions_that_there_are_not_are_named() {
    let quintet = Program::serving("[[partitions]]\nname = \"main\"\ndefault = true\n");
    let why = "Invalid partition name specified";
    for (words, who, what) in [
        (&["submit", "-p", "nope", "--wrap", "true"][..], "quintet", "submit the job"),
        (&["srun", "-p", "nope", "true"], "srun", "Unable to allocate resources"),
        (&["alloc", "-p", "nope", "true"], "salloc", "Job submit/allocate failed"),
        (&["run", "-p", "main,nope", "true"], "quintet", "submit the job"),
    ] {
        let asked = quintet.run(words);
        let told: Vec<&str> = asked.stderr.lines().collect();
        assert_eq!((asked.code, told.len()), (1, 2), "{words:?}: {told:?}");
        assert_eq!(told[0], format!("{who}: error: invalid partition specified: nope"));
        assert!(told[1].starts_with(&format!("{who}: error: {what}: {why}")), "{words:?}: {told:?}");
    }
    // Where something else is in the way no more than that is said.
    let asked = quintet.run(&["submit", "-p", "main", "-w", "nowhere", "--wrap", "true"]);
    assert!(asked.code == 1 && !asked.stderr.contains("invalid partition"), "{}", asked.stderr);
}

/// Leaves out when a job would start.
fn without_start(line: &str) -> String {
    let Some((before, rest)) = line.split_once("start at ") else { return line.to_owned() };
    format!("{before}start at NOW{}", rest.get(19..).unwrap_or_default())
}

/// Leaves out when a step was cancelled.
pub(crate) fn without_time(line: &str) -> String {
    match line.split_once("CANCELLED AT ") {
        Some((before, after)) => {
            let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
            format!("{before}CANCELLED AT NOW {rest}")
        }
        None => line.to_owned(),
    }
}

/// Tells of tasks that ended alike as one line, whether srun heard of them at once or one by one.
pub(crate) fn together(lines: Vec<String>) -> Vec<String> {
    let tasks = |line: &str| -> Option<(Vec<u32>, String)> {
        let (numbers, how) =
            line.strip_prefix("srun: error: n1: task")?.trim_start_matches('s').split_once(": ")?;
        let range = |text: &str| -> Option<std::ops::RangeInclusive<u32>> {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Some(first.parse().ok()?..=last.parse().ok()?)
        };
        let ranges: Vec<_> = numbers.trim().split(',').map(range).collect::<Option<_>>()?;
        Some((ranges.into_iter().flatten().collect(), how.to_owned()))
    };
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        let Some((mut all, how)) = tasks(&line) else {
            told.push(line);
            continue;
        };
        let before = told.last().and_then(|line| tasks(line)).filter(|(_, same)| *same == how);
        if let Some((others, _)) = before {
            all.extend(others);
            told.pop();
        }
        all.sort_unstable();
        let plural = if all.len() > 1 { "s" } else { "" };
        let all: Vec<String> = all.iter().map(u32::to_string).collect();
        told.push(format!("srun: error: n1: task{plural} {}: {how}", all.join(",")));
    }
    told
}

#[test]
fn steps_wait_for_one_another_run_side_by_side_or_share() {
    let quintet = Program::serving(NODES);
    // Each of the pair waits for the other, so they end only if they run at the same time.
    let meet = "sh -c 'touch $0.here; while [ ! -e $1.here ]; do sleep 0.02; done'";
    let out = batch(
        &quintet,
        &["-n", "4"],
        &format!(
            "srun -n1 --exact --mem=10 {meet} a b & srun -n1 --exact --mem=10 {meet} b a & wait; echo side by side\n\
             srun --overlap {meet} c d & srun --overlap {meet} d c & wait; echo shared\n\
             srun sh -c 'touch busy; while [ ! -e go ]; do sleep 0.02; done' & while [ ! -e busy ]; do sleep 0.02; done\n\
             srun -I true; echo code $?\n\
             srun echo after & touch go; wait"
        ),
    );
    assert_eq!(out[..2], ["side by side", "shared"]);
    assert_eq!(
        out[2..4],
        ["srun: error: Unable to create step for job 1: Requested nodes are busy", "code 1"]
    );
    assert_eq!(out.iter().filter(|line| *line == "after").count(), 4, "{out:?}");
}

#[test]
fn tasks_may_run_different_programs() {
    let quintet = Program::serving(NODES);
    quintet.write("programs", "# ranks and programs\n0-1 echo %t of %o\n* sh -c 'echo rest; exit 4'\n");
    let out = batch(
        &quintet,
        &["-n", "3"],
        "srun -l --multi-prog programs; echo code $?\nsrun --multi-prog gone; echo code $?",
    );
    assert_eq!(sorted(out[..3].to_vec()), ["0: 0 of 0", "1: 1 of 1", "2: rest"]);
    assert_eq!(out[3..5], ["srun: error: n1: task 2: Exited with exit code 4", "code 4"]);
    assert!(out[5].starts_with("srun: error: Could not open multi_prog config file gone"), "{out:?}");
}

#[test]
fn tasks_know_their_surroundings() {
    let quintet = Program::serving(NODES);
    let out = batch(
        &quintet,
        &["-n", "1", "-c", "2"],
        "mkdir there; A=1 B=2 srun -D there --export=ALL,B=3 sh -c 'echo $A $B $SLURM_CPUS_PER_TASK; pwd; umask; ulimit -c'\n\
         umask 027; ulimit -S -c 0; srun sh -c 'umask; ulimit -c'\n\
         printf '#!/bin/sh\\necho export NEW=value\\necho print said before\\n' > before; chmod +x before\n\
         printf '#!/bin/sh\\necho after $NEW\\n' > after; chmod +x after\n\
         srun --task-prolog=$PWD/before --task-epilog=$PWD/after sh -c 'echo $NEW; exit 6'; echo code $?\n\
         srun --export=NONE /usr/bin/env | grep -c -v SLURM_\n\
         env -i $(type -p srun) -n1 /bin/echo bare 2>&1 | head -c 5",
    );
    assert_eq!(out[0], "1 3 2");
    assert!(out[1].ends_with("/there"), "{out:?}");
    assert_eq!(out[4..6], ["0027", "0"]);
    assert_eq!(out[6..9], ["said before", "value", "after value"]);
    assert!(out.contains(&"code 6".to_owned()), "{out:?}");
}

#[test]
fn a_job_that_was_sent_with_a_bare_path_finds_srun() {
    let quintet = Program::serving(NODES);
    for export in ["--export=PATH=/bin:/usr/bin/", "--export=NONE"] {
        quintet.write("bare.sh", "#!/bin/bash\nsrun -n1 echo found\n");
        let ended = quintet.run(&["submit", "-W", "-Q", "-o", "bare", export, "bare.sh"]);
        assert_eq!((ended.code, quintet.read("bare").as_str()), (0, "found\n"), "{export}: {}", ended.stderr);
    }
}

#[test]
fn outside_of_a_job_one_is_made_and_given_back() {
    let quintet = Program::serving(NODES);
    let ran = quintet.run(&["srun", "-n2", "-l", "sh", "-c", "echo $SLURM_JOB_ID $SLURM_NTASKS; exit 3"]);
    let out = sorted(ran.stdout.lines().map(str::to_owned).collect());
    assert_eq!((ran.code, out), (3, vec!["0: 1 2".to_owned(), "1: 1 2".to_owned()]), "{}", ran.stderr);
    let told = together(ran.stderr.lines().map(str::to_owned).collect());
    assert_eq!(told, ["srun: error: n1: tasks 0,1: Exited with exit code 3"]);
    assert_eq!(quintet.run(&["wait", "1", "--timeout", "20"]).code, 3);
    let check = |words: &[&str], told: &str| {
        let refused = quintet.run(&[&["srun"], words].concat());
        assert_eq!(refused.code, 1, "{words:?}");
        assert!(refused.stderr.starts_with(told), "{words:?}: {}", refused.stderr);
    };
    check(
        &["-p", "nope", "true"],
        "srun: error: invalid partition specified: nope\nsrun: error: Unable to allocate",
    );
    check(&["--bcast=x", "true"], "srun: error: --bcast is not supported: every node sees the same files");
    check(&["--foo", "true"], "srun: unrecognized option '--foo'");
    check(&[], "srun: fatal: No command given to execute.");
    check(&["--mpi=pmix", "true"], "srun: error: --mpi=pmix is not supported");
    check(
        &["--jobid=99", "true"],
        "srun: error: Unable to confirm allocation for job 99: Invalid job id specified",
    );
}

#[test]
fn another_job_can_be_joined() {
    let quintet = Program::serving(NODES);
    quintet.ok(&["submit", "-n2", "-o", "out", "--wrap", "touch up; while [ ! -e go ]; do sleep 0.05; done"]);
    quintet.until("the job runs", || quintet.files().contains(&"up".to_owned()));
    let joined = quintet.run(&[
        "srun",
        "--jobid=1",
        "--overlap",
        "-n1",
        "sh",
        "-c",
        "echo $SLURM_JOB_ID.$SLURM_STEP_ID",
    ]);
    assert_eq!((joined.code, joined.stdout.as_str()), (0, "1.0\n"), "{}", joined.stderr);
    quintet.write("go", "");
    assert_eq!(quintet.run(&["wait", "1"]).code, 0);
}

#[test]
fn a_task_can_have_a_terminal() {
    let quintet = Program::serving(NODES);
    let script = "stty size; test -t 0 -a -t 1 -a -t 2 && echo terminal; ps -o tty= -p $$ | grep -q pts/ && echo its own; exit 4";
    let command = format!(
        "stty rows 33 cols 99; {} srun --state {} --pty sh -c '{script}'",
        env!("CARGO_BIN_EXE_quintet"),
        quintet.state().display()
    );
    let (code, shown) = at_a_terminal(&command);
    assert_eq!(code, Some(4), "{shown}");
    assert!(shown.contains("33 99\nterminal\nits own\n"), "{shown}");
    assert!(shown.contains("srun: error: n1: task 0: Exited with exit code 4"), "{shown}");
    // Without a terminal here, what is given is typed.
    let typed = quintet.run_given(&["srun", "--pty", "sh"], "stty size\nexit 6\n");
    assert_eq!(typed.code, 6, "{}", typed.stderr);
    assert!(typed.stdout.contains("24 80"), "{}", typed.stdout);
}

#[test]
fn what_is_asked_of_srun_is_done_or_refused() {
    let quintet = Program::serving(NODES);
    let ran =
        quintet.run(&["srun", "-Q", "--prolog=/bin/echo", "--epilog=/bin/echo", "-T4", "echo", "in", "it"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "echo in it\nin it\necho in it\n"), "{}", ran.stderr);
    let mut deaf =
        quintet.start(&["srun", "--ignore-signals=INT,USR1", "sh", "-c", "echo up; exec sleep 1000"]);
    assert_eq!(deaf.line(), "up");
    deaf.signal("USR1");
    deaf.signal("INT");
    deaf.signal("INT");
    deaf.signal("TERM");
    assert_eq!(deaf.end(), 128 + 9, "only what is not ignored ends it");
    let told = |words: &[&str]| {
        let output = crate::program::quintet().args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(told(&["srun", "-V"]).starts_with("quintet "));
    assert!(told(&["srun", "--usage"]).contains("Usage: "));
    assert_eq!(told(&["srun", "--mpi=list"]), "MPI plugin types are...\n\tnone\n\tpmi2\n");
    for option in ["async", "acctg-freq=task=1", "wait-for-children", "slurmd-debug=3", "power=x"] {
        let refused = quintet.run(&["srun", &format!("--{option}"), "true"]);
        let told = format!("srun: error: --{} is not supported: ", option.split('=').next().unwrap());
        assert!(refused.code == 1 && refused.stderr.starts_with(&told), "{}", refused.stderr);
    }
    let wrong = quintet.run(&["srun", "--ignore-signals=NONE", "true"]);
    assert_eq!(wrong.stderr, "srun: error: --ignore-signals: there is no signal NONE\n");
}
