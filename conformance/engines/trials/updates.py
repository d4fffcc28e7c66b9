"""Changing jobs: what may be changed when, and by whom."""

import time

from place import check, number, same, until_there
from stage import trial


@trial()
def waiting(t):
    """Nearly everything of a job that waits can be changed, and it then runs as it was changed."""
    job = t.submit("env -0 >env; pwd", hold=True, comment="before", standard_output="out")
    job.update(name="renamed", comment="after", tasks=2, cpus_per_task=1, time_limit=3, memory_per_cpu=70, partition="long",
               account="chemistry", standard_output="changed", extra="more", licenses="matlab:1", requeue=False)
    record = job.now()
    same((record["name"], record["comment"], record["partition"], record["account"], record["extra"], record["licenses"]),
         ("renamed", "after", "long", "chemistry", "more", "matlab:1"), "what was changed")
    same((number(record["tasks"]), number(record["time_limit"]), number(record["memory_per_cpu"])), (2, 3, 70), "numbers")
    job.update(hold=False)
    record, accounted = job.ended("COMPLETED", code=0)
    same((accounted["name"], accounted["partition"], accounted["account"]), ("renamed", "long", "chemistry"), "in accounting")
    same(t.lines("changed"), [t.folder], "output")
    told = dict(line.split("=", 1) for line in t.read("env").split("\0") if "=" in line)
    same((told["SLURM_JOB_NAME"], told["SLURM_JOB_ACCOUNT"], told["SLURM_CPUS_ON_NODE"]),
         ("renamed", "chemistry", "2"), "what it is told")


@trial()
def running(t):
    """Of a job that runs its time can be made less, and what is only told of it changed."""
    job = t.submit(until_there("go"))
    started = job.until("RUNNING")
    job.update(comment="runs", time_limit=5, name="renamed")
    record = job.now()
    same((record["comment"], number(record["time_limit"]), record["name"]), ("runs", 5, "renamed"), "what was changed")
    same(number(record["end_time"]), number(started["start_time"]) + 300, "its end")
    t.alice.refused(2002, "POST", f"/job/{job.id}", {"time_limit": 9})
    t.alice.refused(2073, "POST", f"/job/{job.id}", {"tasks": 2})
    t.alice.refused(2073, "POST", f"/job/{job.id}", {"partition": "long"})
    job.update(by=t.operator, time_limit=30)
    same(number(job.now()["time_limit"]), 30, "limit as an administrator said")
    t.write("go")
    _, accounted = job.ended("COMPLETED", code=0)
    same((accounted["name"], accounted["comment"]["job"]), ("renamed", "runs"), "in accounting")


@trial()
def refused(t):
    """What may not be changed is refused and leaves the job as it was."""
    job = t.submit(hold=True, time_limit=5)
    for error, fields in (
        (2000, {"partition": "nowhere"}), (2002, {"time_limit": 20000}), (2002, {"nice": -1}), (2002, {"admin_comment": "mine"}),
        (2018, {"required_nodes": ["n99"]}), (2029, {"constraints": "green"}), (2048, {"licenses": "nobody:1"}),
        (2053, {"reservation": "nowhere"}),
    ):
        t.alice.refused(error, "POST", f"/job/{job.id}", fields)
    record = job.now()
    same((record["partition"], number(record["time_limit"]), record["licenses"], record["features"]),
         (t.plot.partition, 5, "", ""), "the job")
    t.alice.refused(2017, "POST", "/job/59999999", {"comment": "none"}, status=404)
    over = t.submit("true")
    over.ended("COMPLETED", code=0)
    t.alice.refused(2084, "POST", f"/job/{over.id}", {"comment": "late"})


@trial()
def time_of_begin(t):
    """When a job may begin can be put off and brought forward."""
    job = t.submit("true", begin_time=int(time.time()) + 7200)
    job.update(begin_time=int(time.time()) + 3600)
    record = job.until("PENDING", "BeginTime")
    check(number(record["eligible_time"]) <= time.time() + 3601, "when it may begin:", record["eligible_time"])
    job.update(begin_time=int(time.time()) - 1)
    job.ended("COMPLETED", code=0)
