"""Limits of time and memory: what happens to who reaches them, and what partitions allow."""

from place import check, number, same
from stage import trial


@trial(is_long=True)
def time_limit(t):
    """A job whose time is up gets SIGTERM and is TIMEOUT."""
    job = t.submit("trap 'echo told >told; exit 3' TERM; sleep 600 & wait", time_limit=1)
    record, accounted = job.ended("TIMEOUT", reason="TimeLimit")
    same(number(record["exit_code"]["return_code"]), 3, "exit code of the script")
    same(accounted["steps"][0]["state"], ["FAILED"], "state of the step, which has ended by itself")
    check(t.exists("told"), "SIGTERM comes first")
    check(accounted["time"]["elapsed"] >= 60, "it had its minute:", accounted["time"])
    same(number(accounted["time"]["limit"]), 1, "limit in accounting")
    same(number(record["end_time"]) - number(record["start_time"]), accounted["time"]["elapsed"], "time used")


@trial(is_long=True)
def time_limit_ignored(t):
    """One that ignores SIGTERM is killed soon after."""
    job = t.submit("trap '' TERM; while :; do sleep 1; done", time_limit=1)
    job.ended("TIMEOUT", reason="TimeLimit")


@trial(is_long=True)
def warning_signal(t):
    """`--signal` comes before the end: to the script with B:, so that it can end by itself."""
    job = t.submit("trap 'echo warned >warned; exit 4' USR1; sleep 600 & wait; wait", time_limit=1,
                   kill_warning_signal="USR1", kill_warning_delay=5, kill_warning_flags=["BATCH_JOB"])
    record, accounted = job.ended("FAILED", code=4)
    check(t.exists("warned"), "the signal came")
    check(accounted["time"]["elapsed"] < 60, "it came before the end:", accounted["time"])


@trial()
def memory_limit(t):
    """A job that takes more memory than it has is OUT_OF_MEMORY, where memory is watched."""
    t.needs("memory limits")
    job = t.submit("head -c 400M /dev/zero | tail | sleep 60", memory_per_node=60)
    record = job.until_over()
    same(record["job_state"], ["OUT_OF_MEMORY"], "state")
    job.accounted("OUT_OF_MEMORY")
    t.submit("head -c 20M /dev/zero | tail >/dev/null", memory_per_node=500).ended("COMPLETED", code=0)


@trial()
def default_times(t):
    """A job that names no limit has its partition's."""
    for partition, minutes in (("common", 60), ("brief", 2)):
        job, _ = t.submit("true", time_limit=None, partition=partition).ended("COMPLETED", code=0)
        same(number(job["time_limit"]), minutes, f"limit in {partition}")
    job, accounted = t.submit("true", time_limit={"infinite": True, "set": True}, partition="long").ended("COMPLETED", code=0)
    check(job["time_limit"]["infinite"] and accounted["time"]["limit"]["infinite"], "no limit in `long`:", job["time_limit"])


@trial()
def time_of_partition(t):
    """A job that asks for more time than its partition gives waits, and runs when it asks for less."""
    job = t.submit("true", partition="brief", time_limit=6)
    job.until("PENDING", "PartitionTimeLimit")
    job.update(time_limit=5)
    job.ended("COMPLETED", code=0)


@trial()
def nodes_of_partition(t):
    """A job that asks for more nodes than its partition gives waits, and runs elsewhere."""
    job = t.submit("true", partition="brief", nodes="2", time_limit=1)
    job.until("PENDING", "PartitionNodeLimit")
    job.update(partition="common")
    job.ended("COMPLETED", code=0)
