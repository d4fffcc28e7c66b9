"""How jobs end: codes, signals, and what is left of them."""

import fcntl

from place import check, number, same, until
from stage import trial


@trial()
def success(t):
    """A script that leaves 0 is COMPLETED, and so is its batch step."""
    job, record = t.submit("echo done").ended("COMPLETED", code=0)
    [step] = record["steps"]
    same(step["step"]["name"], "batch", "name of the step")
    same(step["state"], ["COMPLETED"], "state of the step")
    same(number(step["exit_code"]["return_code"]), 0, "exit code of the step")
    check(record["time"]["start"] <= number(step["time"]["start"]) <= number(step["time"]["end"]) <= record["time"]["end"] + 1,
          "the step is within the job:", record["time"], step["time"])
    same(number(job["derived_exit_code"]["return_code"]), 0, "derived exit code")
    same((record["user"], record["account"], record["partition"], record["nodes"]),
         ("alice", "physics", t.plot.partition, job["nodes"]), "who and where in accounting")


@trial()
def exit_codes(t):
    """Every other code is FAILED, with that code."""
    made = {code: t.submit(f"exit {code}") for code in (1, 3, 127, 255)}
    for code, job in made.items():
        _, record = job.ended("FAILED", code=code, reason="NonZeroExitCode")
        same(record["steps"][0]["state"], ["FAILED"], "state of the step")


@trial()
def own_signals(t):
    """A script that a signal ends is FAILED, with that signal and no code."""
    made = {number: t.submit(f"kill -{number} $$; sleep 60") for number in (9, 10, 15)}
    for signal, job in made.items():
        record, accounted = job.until_over(), job.accounted("FAILED")
        same(record["job_state"], ["FAILED"], "state")
        same(number(record["exit_code"]["signal"]["id"]), signal, "signal")
        same(record["exit_code"]["status"], ["SIGNALED"], "kind of exit")
        same(number(accounted["exit_code"]["signal"]["id"]), signal, "signal in accounting")
        check(record["state_reason"].startswith("RaisedSignal"), "reason:", record["state_reason"])


@trial()
def no_interpreter(t):
    """A script whose interpreter is missing, or that names none, fails and does not hold its node."""
    missing = t.submit("#!/no/such/interpreter\ntrue\n")
    nameless = t.submit("\ntrue\n")
    job, _ = missing.ended("FAILED")
    check(number(job["exit_code"]["return_code"]), "a code tells of it:", job["exit_code"])
    job, _ = nameless.ended("FAILED")
    check(number(job["exit_code"]["return_code"]), "a code tells of it:", job["exit_code"])


@trial()
def arguments(t):
    """`argv` are the words of the script."""
    job = t.submit('printf "%s|" "$@"', argv=["script", "one", "two words", ""], standard_output="words")
    job.ended("COMPLETED", code=0)
    same(t.read("words"), "one|two words||", "words")


@trial()
def left_behind(t):
    """What a script has started and left behind is gone soon after it."""
    t.write("lock")
    t.needs("processes that cannot get away")
    job = t.submit("exec 9<>lock; flock -x 9; sleep 600 & echo begun")
    job.ended("COMPLETED", code=0)

    def is_free():
        with open(t.path("lock"), "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                return False

    until(is_free, bool, "what was left behind to end")


@trial()
def bash_script(t):
    """The interpreter is the one that the script names, with its options."""
    t.submit("#!/bin/bash -e\nfalse\nexit 9\n").ended("FAILED", code=1)
    t.submit("#!/usr/bin/env bash\n[[ x == x ]] && exit 9\n").ended("FAILED", code=9)
