"""What accounting has of jobs, and how they are found in it."""

import time

from place import ACCOUNTING, check, number, same, until
from stage import trial


def found(t, by=None, **query):
    query = {"start_time": "now-1hour", **query}
    return {job["job_id"] for job in (by or t.alice).done("GET", "/jobs/", query=query, base=ACCOUNTING)["jobs"]}


@trial()
def chosen(t):
    """Jobs are found by user, name, account, partition, state and node."""
    name = t.name
    good, bad = t.submit("true", name=name), t.submit("exit 1", name=name, account="chemistry", partition="long")
    his = t.submit("true", by=t.bob, name=name)
    for job, state in ((good, "COMPLETED"), (bad, "FAILED"), (his, "COMPLETED")):
        job.ended(state)
    for query, wanted in (
        ({}, {good, bad, his}), ({"users": "alice"}, {good, bad}), ({"users": "bob"}, {his}),
        ({"account": "chemistry"}, {bad, his}),
        ({"partition": "long"}, {bad}), ({"state": "FAILED", "end_time": "now"}, {bad}),
        ({"users": "alice", "state": "COMPLETED", "end_time": "now"}, {good}), ({"step": str(bad.id)}, {bad}),
        ({"node": "n1", "partition": "long"}, {bad}),
        ({"users": "alice", "account": "nobodys"}, set()),
    ):
        same(found(t, job_name=name, **query), {job.id for job in wanted}, f"found by {query}")
    soon = int(time.time()) + 1000
    same(found(t, job_name=name, start_time=str(soon), end_time=str(soon + 1000)), set(), "found in the future")


@trial()
def waits_and_runs(t):
    """Jobs that wait and run are there too, as what they are."""
    job = t.submit("until [ -e go ]; do sleep 0.2; done", hold=True)
    waits = until(job.recorded, bool, "a job that waits to be there")[0]
    same((waits["state"]["current"], waits["time"]["start"], waits["time"]["end"]), (["PENDING"], 0, 0), "as it waits")
    job.update(hold=False)
    runs = until(job.recorded, lambda records: records[0]["state"]["current"] == ["RUNNING"], "it to run")[0]
    check(runs["time"]["start"] > 0 and runs["time"]["end"] == 0, "as it runs:", runs["time"])
    t.write("go")
    job.ended("COMPLETED", code=0)


@trial()
def submission(t):
    """Accounting keeps what was asked for: name, comment, key, limit, directory, where output went."""
    job = t.submit("true", name="kept", comment="my comment", extra="my extra", wckey="key", time_limit=7,
                   standard_output="kept-%j")
    _, record = job.ended("COMPLETED", code=0)
    same((record["name"], record["comment"]["job"], record["extra"], record["wckey"]["wckey"], record["working_directory"]),
         ("kept", "my comment", "my extra", "key", t.folder), "what is kept")
    same(number(record["time"]["limit"]), 7, "limit")
    check(record["stdout_expanded"].endswith(f"kept-{job.id}"), "where output went:", record["stdout_expanded"])


@trial()
def used_time(t):
    """CPU time that a script used is counted for its step."""
    job = t.submit("#!/bin/bash\nend=$((SECONDS + 4)); while [ $SECONDS -lt $end ]; do :; done\n")
    _, record = job.ended("COMPLETED", code=0)
    check(record["time"]["elapsed"] >= 3, "time:", record["time"])
    [step] = record["steps"]
    total = step["time"]["total"]
    check(0 < total["seconds"] + total["microseconds"] / 1e6 <= record["time"]["elapsed"] + 2, "CPU time:", total)


@trial()
def corrected(t):
    """The owner can comment on what is over, others cannot."""
    job = t.submit("true", comment="first")
    job.ended("COMPLETED", code=0)
    t.alice.done("POST", f"/job/{job.id}", {"comment": {"job": "second"}}, base=ACCOUNTING)
    until(lambda: job.recorded()[0]["comment"]["job"], lambda comment: comment == "second", "the comment to be there")
    t.bob.refused(2002, "POST", f"/job/{job.id}", {"comment": {"job": "bob's"}}, base=ACCOUNTING)
