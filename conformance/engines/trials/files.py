"""Where output goes and input comes from."""

from place import check, number, same
from stage import trial


@trial()
def patterns(t):
    """Patterns in names stand for number, name, user and node of the job."""
    job = t.submit("echo out; echo err >&2", name="named", standard_output="o-%j-%x-%u-%N-%t-%%", standard_error="%x.%6j.%A")
    record, _ = job.ended("COMPLETED", code=0)
    same(t.lines(f"o-{job.id}-named-alice-{record['nodes']}-0-%"), ["out"], "output")
    same(t.lines(f"named.{job.id:06}.{job.id}"), ["err"], "errors")
    same(record["stdout_expanded"], t.path(f"o-{job.id}-named-alice-{record['nodes']}-0-%"), "name of the output as told")


@trial()
def patterns_of_arrays(t):
    """Elements of arrays have their own files: by %A and %a, or as `slurm-%A_%a.out`."""
    named = t.submit("echo $SLURM_ARRAY_TASK_ID", array="3,12", standard_output="%A.%a.%3a")
    plain = t.submit("echo $SLURM_ARRAY_TASK_ID", array="7")
    for job in (named, plain):
        for index in (3, 12) if job is named else (7,):
            job.accounted("COMPLETED", name=f"{job.id}_{index}")
    for index in (3, 12):
        same(t.lines(f"{named.id}.{index}.{index:03}"), [str(index)], "output of an element")
    same(t.lines(f"slurm-{plain.id}_7.out"), ["7"], "output without a name")


@trial()
def default_name(t):
    """Without a name output and errors go together into slurm-%j.out."""
    job = t.submit("echo one; echo two >&2; echo three")
    job.ended("COMPLETED", code=0)
    same(t.lines(f"slurm-{job.id}.out"), ["one", "two", "three"], "output")


@trial()
def append_and_truncate(t):
    """A file that is there is emptied, unless the job appends."""
    for mode, wanted in (("APPEND", ["before", "after"]), ("TRUNCATE", ["after"]), (None, ["after"])):
        t.write("out", "before\n")
        job = t.submit("echo after", standard_output="out", open_mode=mode and [mode])
        job.ended("COMPLETED", code=0)
        same(t.lines("out"), wanted, f"the file with {mode}")


@trial()
def standard_input(t):
    """Input comes from the file that is named, with patterns, and from nowhere else."""
    t.write("in-alice", "from the file\n")
    named = t.submit("cat", standard_input="in-%u", standard_output="named")
    without = t.submit("cat; echo end", standard_output="without")
    for job in (named, without):
        job.ended("COMPLETED", code=0)
    same(t.read("named"), "from the file\n", "what was read")
    same(t.read("without"), "end\n", "what was read of nothing")


@trial()
def input_missing(t):
    """A job whose input is missing fails before it begins."""
    job, _ = t.submit("echo ran >ran", standard_input="no-such-file").ended("FAILED")
    check(number(job["exit_code"]["signal"]["id"]) == 53, "signal 53 tells of it:", job["exit_code"])
    check(not t.exists("ran"), "the script ran all the same")


@trial()
def output_impossible(t):
    """A job whose output cannot be opened fails before it begins."""
    job, _ = t.submit("echo ran >ran", standard_output="/proc/no-such-folder/out").ended("FAILED")
    check(number(job["exit_code"]["signal"]["id"]) == 53, "signal 53 tells of it:", job["exit_code"])
    check(not t.exists("ran"), "the script ran all the same")


@trial()
def directory_missing(t):
    """Where the working directory is missing a job runs in /tmp; one whose output cannot be there fails."""
    elsewhere = t.submit("pwd", current_working_directory="/no/such/place", standard_output=t.path("where"))
    elsewhere.ended("COMPLETED", code=0)
    same(t.lines("where")[-1], "/tmp", "where it ran")
    job, _ = t.submit("true", current_working_directory="/no/such/place").ended("FAILED")
    check(number(job["exit_code"]["signal"]["id"]) == 53, "signal 53 tells of it:", job["exit_code"])


@trial()
def folders_missing(t):
    """Folders above an output file are made."""
    t.submit("echo there", standard_output="one/two/out").ended("COMPLETED", code=0)
    same(t.lines("one/two/out"), ["there"], "output")


@trial()
def long_output(t):
    """Output is whole when the job is over, however much it is."""
    t.submit("seq 200000; seq 1000 >&2", standard_output="long", standard_error="errors").ended("COMPLETED", code=0)
    same(len(t.lines("long")), 200000, "lines of output")
    same(t.lines("long")[-1], "200000", "the last line")
    same(len(t.lines("errors")), 1000, "lines of errors")
