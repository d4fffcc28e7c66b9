"""Cancelling and signalling: one, many, parts, and who may."""

from place import check, number, same, until, until_there
from stage import trial

LISTENS = """trap 'echo USR1 >>heard' USR1
trap 'echo USR2 >>heard' USR2
trap 'echo TERM >>heard; exit 0' TERM
: >armed
while :; do sleep 0.2; done
"""


def failures(status):
    return {number(each["job_id"]): each["error"]["code"] for each in status if each["error"]["code"]}


@trial()
def pending(t):
    """A job that waits is CANCELLED without ever having run."""
    job = t.submit("echo ran >ran", hold=True)
    job.cancel()
    record, accounted = job.ended("CANCELLED")
    same(record["nodes"], "", "nodes")
    same(accounted["kill_request_user"], "alice", "who cancelled it")
    same((accounted["time"]["elapsed"], accounted["steps"]), (0, []), "time and steps")
    check(not t.exists("ran"), "it never ran")


@trial()
def running(t):
    """A job that runs is told to end, and is CANCELLED whatever it leaves; what it leaves is told."""
    for code, state in ((0, "COMPLETED"), (3, "FAILED")):
        job = t.submit(f"trap 'echo told >told.{code}; exit {code}' TERM; : >armed.{code}; sleep 600 & wait")
        t.until_file(f"armed.{code}")
        job.cancel()
        record, accounted = job.ended("CANCELLED")
        check(t.exists(f"told.{code}"), "it was told by SIGTERM")
        same(number(record["exit_code"]["return_code"]), code, "exit code of the script")
        same(accounted["kill_request_user"], "alice", "who cancelled it")
        # A busy Slurm may write down the cancellation before the step has ended by itself.
        check(accounted["steps"][0]["state"] in ([state], ["CANCELLED"]), "state of the step")
    plain = t.submit(": >armed.plain; exec sleep 600")
    # Before its script has begun there is nothing that a signal could end.
    t.until_file("armed.plain")
    plain.cancel()
    record, accounted = plain.ended("CANCELLED")
    same(number(record["exit_code"]["signal"]["id"]), 15, "signal")
    [step] = accounted["steps"]
    same((step["state"], number(step["exit_code"]["signal"]["id"])), (["CANCELLED"], 15), "the step")


@trial()
def stubborn(t):
    """One that does not listen is killed."""
    job = t.submit("trap '' TERM INT HUP; : >armed; while :; do sleep 1; done")
    t.until_file("armed")
    job.cancel()
    job.ended("CANCELLED")


@trial()
def signals(t):
    """A signal reaches the script, by any of its names; with FULL_STEPS_ONLY, and of `jobs/`, it goes to steps alone."""
    job = t.submit(LISTENS)
    t.until_file("armed")
    job.signal("USR2", flags="FULL_STEPS_ONLY")
    t.alice.done("DELETE", "/jobs/", {"jobs": [str(job.id)], "signal": "USR2"})
    for count, (name, flags) in enumerate((("USR1", "BATCH_JOB"), ("SIGUSR1", "FULL_JOB"), ("10", None)), start=1):
        same(failures(job.signal(name, flags=flags)), {}, f"failures of {name}")
        until(lambda: t.exists("heard") and t.lines("heard").count("USR1") == count, bool, f"{name} to arrive")
    same(t.lines("heard"), ["USR1"] * 3, "what was heard")
    same(job.now()["job_state"], ["RUNNING"], "state")
    job.signal("TERM")
    job.ended("COMPLETED", code=0)
    same(t.lines("heard")[-1], "TERM", "what was heard last")


@trial()
def children(t):
    """A signal for the whole job reaches what the script has started, one for the script does not."""
    child = "trap 'echo child >>heard' USR1; : >armed; while :; do sleep 0.2; done"
    job = t.submit(f"trap 'echo script >>heard' USR1; sh -c \"{child}\" & wait; wait; wait; while :; do sleep 0.2; done")
    t.until_file("armed")
    job.signal("USR1", flags="BATCH_JOB")
    until(lambda: t.exists("heard") and t.lines("heard"), lambda lines: lines == ["script"], "the script to hear of it")
    job.signal("USR1", flags="FULL_JOB")
    until(lambda: sorted(t.lines("heard")), lambda lines: lines == ["child", "script", "script"], "both to hear of it")
    job.signal("USR1")
    until(lambda: sorted(t.lines("heard")), lambda lines: lines == ["child"] * 2 + ["script"] * 3, "both to hear of it again")


@trial()
def kill_signal(t):
    """SIGKILL ends the job as cancelled."""
    job = t.submit("sleep 600")
    job.until("RUNNING")
    job.signal("KILL")
    job.ended("CANCELLED")


@trial()
def stop_and_go(t):
    """SIGSTOP stops a job where it is, SIGCONT lets it go on."""
    job = t.submit("while [ ! -e go ]; do date +%s.%N >beat; sleep 0.1; done")
    job.until("RUNNING")
    t.until_file("beat")
    job.signal("STOP")
    until(job.now, lambda record: "STOPPED" in record["job_state"], "the job to be stopped")
    seen = []

    def is_still():
        seen.append(t.read("beat"))
        return seen[-12:] == [seen[-1]] * 12

    until(is_still, bool, "its beat to stop")
    t.write("go")
    check("RUNNING" in job.now()["job_state"], "it still runs:", job.now()["job_state"])
    job.signal("CONT")
    job.ended("COMPLETED", code=0)


@trial()
def refused(t):
    """What cannot be signalled says why."""
    waits = t.submit(hold=True)
    same(failures(waits.signal("USR1", flags="BATCH_JOB")), {waits.id: 2020}, "a signal for one that waits")
    over = t.submit("true")
    over.until_over()
    same(failures(over.signal()), {over.id: 2021}, "the end of one that is over")
    nobody = t.alice.done("DELETE", "/job/59999999")["status"]
    same([each["error"]["code"] for each in nobody], [2017], "what nobody has")
    t.alice.refused(2173, "DELETE", "/jobs/", {})
    waits.cancel()


@trial()
def of_others(t):
    """Nobody cancels, signals or changes jobs of others, but administrators."""
    job = t.submit("sleep 600")
    job.until("RUNNING")
    same(failures(job.signal(by=t.bob)), {job.id: 2002}, "what bob is told")
    same(failures(job.signal("USR1", by=t.bob)), {job.id: 2002}, "what bob is told of a signal")
    t.bob.refused(2010, "POST", f"/job/{job.id}", {"comment": "bob was here"})
    same(job.now()["job_state"], ["RUNNING"], "state")
    job.cancel(by=t.operator)
    _, accounted = job.ended("CANCELLED")
    same(accounted["kill_request_user"], "slurm", "who cancelled it")


@trial()
def one_task(t):
    """One element of an array is cancelled, running or waiting, and the others are not."""
    job = t.submit(until_there("go"), array="0-2%2")
    for index in (0, 1):
        job.until_task(index, lambda task: "RUNNING" in task["job_state"], "to run")
    job.cancel(task=0)
    job.accounted("CANCELLED", name=f"{job.id}_0")
    job.until_task(2, lambda task: "RUNNING" in task["job_state"], "to run in its place")
    t.write("go")
    for index in (1, 2):
        job.accounted("COMPLETED", name=f"{job.id}_{index}")
    waits = t.submit("true", array="0-3", hold=True)
    status = t.alice.done("DELETE", "/jobs/", {"jobs": [f"{waits.id}_[1-2]"]})["status"]
    same(failures(status), {}, "failures")
    left = until(waits.records, lambda records: any(record["array_task_string"] == "0,3" for record in records), "two to be left")
    check(all("PENDING" in record["job_state"] for record in left if record["array_task_string"]), "the others wait:", left)
    waits.cancel()
    same(failures(waits.signal(task=99)) != {}, True, "an element that is not there")


@trial()
def filters(t):
    """`DELETE jobs/` cancels what all of its filters choose, and nothing else."""
    mine = {name: t.submit(hold=hold, name=f"{t.name}.{name}", account=account) for name, hold, account in (
        ("a", True, "physics"), ("b", True, "chemistry"), ("c", True, "physics"))}
    his = t.submit(by=t.bob, hold=True, name=f"{t.name}.a")

    def state(job):
        return job.now()["job_state"]

    t.alice.done("DELETE", "/jobs/", {"job_name": f"{t.name}.a", "user_name": "alice", "account": "chemistry"})
    same([state(job) for job in mine.values()], [["PENDING"]] * 3, "states after what chooses nobody")
    t.alice.done("DELETE", "/jobs/", {"job_name": f"{t.name}.a", "user_name": "alice", "job_state": ["PENDING"]})
    mine["a"].ended("CANCELLED")
    same((state(mine["b"]), state(his)), (["PENDING"], ["PENDING"]), "states of the others")
    status = t.alice.done("DELETE", "/jobs/", {"job_name": f"{t.name}.a"})["status"]
    same(failures(status).get(his.id), 2002, "what is told of bob's")
    t.alice.done("DELETE", "/jobs/", {"jobs": [str(mine["b"].id), str(mine["c"].id)], "account": "chemistry"})
    mine["b"].ended("CANCELLED")
    same((state(mine["c"]), state(his)), (["PENDING"], ["PENDING"]), "states of the others")
    t.bob.done("DELETE", "/jobs/", {"jobs": [str(his.id)]})
    his.ended("CANCELLED")
    mine["c"].cancel()


@trial()
def by_node_and_partition(t):
    """Filters by partition and reservation choose among one's own."""
    here = t.submit("sleep 600", partition="long")
    there = t.submit("sleep 600", partition="common")
    for job in (here, there):
        job.until("RUNNING")
    t.alice.done("DELETE", "/jobs/", {"jobs": [str(here.id), str(there.id)], "partition": "long"})
    here.ended("CANCELLED")
    same(there.now()["job_state"], ["RUNNING"], "the other one")
    t.alice.done("DELETE", "/jobs/", {"jobs": [str(there.id)], "signal": "KILL", "job_state": ["RUNNING"]})
    there.ended("CANCELLED")
